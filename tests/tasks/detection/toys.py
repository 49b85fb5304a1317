"""Clips small enough to follow by hand."""

import torch
from torch import Tensor

from sceneproof.types import BoxBatch

Box = tuple[float, float, float, float]
Tube = tuple[int, dict[int, Box]]  # action, and a box in some frames


def batch(video: Tensor, *clips: list[Tube]) -> BoxBatch:
    """Videos (B, C, T, H, W) with tubes each."""
    frames = video.shape[2]
    boxes, present, actions = [], [], []
    for tubes in clips:
        places, here = torch.zeros(len(tubes), frames, 4), torch.zeros(len(tubes), frames, dtype=torch.bool)
        for number, (_, seen) in enumerate(tubes):
            for frame, box in seen.items():
                places[number, frame], here[number, frame] = torch.tensor(box), True
        boxes.append(places)
        present.append(here)
        actions.append(torch.tensor([action for action, _ in tubes], dtype=torch.int64))
    return BoxBatch(video, boxes, present, actions, torch.arange(len(clips)))


def shown(size: int, frames: int, *clips: list[Tube]) -> BoxBatch:
    """Dark clips in which each box is lit, in the channel of its action."""
    video = torch.zeros(len(clips), 3, frames, size, size)
    for number, tubes in enumerate(clips):
        for action, seen in tubes:
            for frame, (left, top, right, bottom) in seen.items():
                video[number, action, frame, round(top) : round(bottom), round(left) : round(right)] = 2.0
    return batch(video, *clips)


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()
