"""Ways to train: one paper, one file. A new method is its file and a line here, so that --method finds it by name."""

from sceneproof.methods.base import Facts, Method, Output
from sceneproof.methods.devias import DEVIAS
from sceneproof.methods.group_dro import GroupDRO
from sceneproof.methods.jtt import JTT
from sceneproof.methods.lff import LfF
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN
from sceneproof.methods.videomix import VideoMix

__all__ = ["DEVIAS", "JTT", "SDN", "Facts", "GroupDRO", "LfF", "Method", "Output", "Plain", "VideoMix"]
