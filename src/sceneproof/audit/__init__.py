"""How much does a video model lean on the scene: any model, the user's own videos, no training."""

from sceneproof.audit.command import audit
from sceneproof.audit.conducting import Audit

__all__ = ["Audit", "audit"]
