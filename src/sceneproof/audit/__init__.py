"""How much does a video model lean on the scene: any model, the user's own videos, no training."""

from sceneproof.audit.command import Audit, audit

__all__ = ["Audit", "audit"]
