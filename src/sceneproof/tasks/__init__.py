"""What a model is asked to do. A new task is its folder and a line here, so that --task finds it by name."""

from sceneproof.task import Task
from sceneproof.tasks.classification import Classification
from sceneproof.tasks.detection import Detection
from sceneproof.tasks.localization import Localization

__all__ = ["Classification", "Detection", "Localization", "Task"]
