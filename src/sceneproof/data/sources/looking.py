"""One video looked into, in a process of its own; apart from `survey`, so that such processes start quickly."""

from sceneproof.data.video import VideoInfo, probe
from sceneproof.jobs.processes import Ask


def look(path: str, ask: Ask) -> VideoInfo:
    """What a file holds.

    Raises:
        VideoError: no frame can be read.
    """
    return probe(path)
