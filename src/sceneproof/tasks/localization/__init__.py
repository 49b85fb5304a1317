"""Temporal localization: when something is done in an untrimmed video."""

from sceneproof.tasks.localization.localizer import Localizer as Localizer
