"""Action classification: what is done in a clip."""

from sceneproof.tasks.classification.task import Classification as Classification
from sceneproof.tasks.classification.task import clip_of as clip_of
