"""Temporal localization: when something is done in an untrimmed video."""

from sceneproof.tasks.localization.localizer import Localizer as Localizer
from sceneproof.tasks.localization.rc3d import RC3D as RC3D
