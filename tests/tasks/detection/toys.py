"""Clips small enough to follow by hand."""

import torch
from torch import Tensor

from sceneproof.tasks.detection.detector import Detector
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


def train_on(network: Detector, clips: BoxBatch, steps: int) -> None:
    """So many steps on one batch, from a rate of .01 down to 0."""
    optimizer = torch.optim.AdamW(network.parameters())
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - step / steps)
        optimizer.zero_grad()
        torch.autograd.backward(total(network.train()(clips)))
        optimizer.step()
