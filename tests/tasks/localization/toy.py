"""Buffers in which a bright square shows when something is done, and where says what."""

import torch

from sceneproof.types import SegmentBatch

FRAMES, SIZE = 64, 32
SEGMENTS = (((8, 32, 0),), ((20, 60, 1),), ((30, 50, 0),), ((0, 24, 1),))  # first frame, frame behind, action


def batch(*segments: tuple[tuple[int, int, int], ...]) -> SegmentBatch:
    """Buffers with these segments; one of no segments is dark."""
    video = torch.zeros(len(segments), 3, FRAMES, SIZE, SIZE)
    for number, some in enumerate(segments):
        for start, end, action in some:
            video[number, :, start:end, 4:16, slice(2, 14) if action == 0 else slice(18, 30)] = 2.0
    rows = [torch.tensor(some, dtype=torch.float32).reshape(-1, 3) for some in segments]
    return SegmentBatch(
        video=video,
        frames=torch.full((len(segments),), FRAMES),
        times=[some[:, :2] for some in rows],
        actions=[some[:, 2].long() for some in rows],
        row=torch.arange(len(segments)),
    )
