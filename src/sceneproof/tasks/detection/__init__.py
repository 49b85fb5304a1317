"""Spatio-temporal detection: who does what, where and when, as boxes in frames and as tubes."""

from sceneproof.tasks.detection.act import ACT as ACT
from sceneproof.tasks.detection.detector import Detector as Detector
from sceneproof.tasks.detection.moc import MOC as MOC
from sceneproof.tasks.detection.ssd import SSD as SSD
from sceneproof.tasks.detection.task import Detection as Detection
