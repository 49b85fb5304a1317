"""Ways to train: one paper, one file. A new method is its file and a line here, so that --method finds it by name."""

from sceneproof.methods.actorcutmix import ActorCutMix
from sceneproof.methods.base import Facts, Method, Output
from sceneproof.methods.be import BE
from sceneproof.methods.fame import FAME
from sceneproof.methods.group_dro import GroupDRO
from sceneproof.methods.lff import LfF
from sceneproof.methods.mixup import Mixup
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN
from sceneproof.methods.stillmix import StillMix
from sceneproof.methods.videomix import VideoMix

__all__ = [
    "BE",
    "FAME",
    "SDN",
    "ActorCutMix",
    "Facts",
    "GroupDRO",
    "LfF",
    "Method",
    "Mixup",
    "Output",
    "Plain",
    "StillMix",
    "VideoMix",
]
