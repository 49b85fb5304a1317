"""Temporal localization: when something is done in an untrimmed video."""

from sceneproof.tasks.localization.actionformer import ActionFormer as ActionFormer
from sceneproof.tasks.localization.cdc import CDC as CDC
from sceneproof.tasks.localization.localizer import Localizer as Localizer
from sceneproof.tasks.localization.per_frame import PerFrame as PerFrame
from sceneproof.tasks.localization.rc3d import RC3D as RC3D
from sceneproof.tasks.localization.ssn import SSN as SSN
from sceneproof.tasks.localization.talnet import TALNet as TALNet
from sceneproof.tasks.localization.task import Localization as Localization
