"""One page for one or more runs."""

from sceneproof.report.page import report

__all__ = ["report"]
