"""Ways to train: one paper, one file. A new method is its file and a line here, so that --method finds it by name."""

from sceneproof.methods.base import Method
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN

__all__ = ["SDN", "Method", "Plain"]
