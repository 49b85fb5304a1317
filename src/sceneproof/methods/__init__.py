"""Ways to train: one paper, one file. A new method is its file and a line here, so that --method finds it by name."""

from sceneproof.methods.actorcutmix import ActorCutMix
from sceneproof.methods.albar import ALBAR
from sceneproof.methods.base import Facts, Method, Output
from sceneproof.methods.be import BE
from sceneproof.methods.cdn import CDN
from sceneproof.methods.devias import DEVIAS
from sceneproof.methods.factor import Factor
from sceneproof.methods.fame import FAME
from sceneproof.methods.group_dro import GroupDRO
from sceneproof.methods.jtt import JTT
from sceneproof.methods.learned_mixin import LearnedMixin
from sceneproof.methods.lff import LfF
from sceneproof.methods.mixup import Mixup
from sceneproof.methods.placeswap import PlaceSwap
from sceneproof.methods.plain import Plain
from sceneproof.methods.rebias import ReBias
from sceneproof.methods.rubi import RUBi
from sceneproof.methods.sdn import SDN
from sceneproof.methods.stillmix import StillMix
from sceneproof.methods.videomix import VideoMix

__all__ = [
    "ALBAR",
    "BE",
    "CDN",
    "DEVIAS",
    "FAME",
    "JTT",
    "SDN",
    "ActorCutMix",
    "Factor",
    "Facts",
    "GroupDRO",
    "LearnedMixin",
    "LfF",
    "Method",
    "Mixup",
    "Output",
    "PlaceSwap",
    "Plain",
    "RUBi",
    "ReBias",
    "StillMix",
    "VideoMix",
]
