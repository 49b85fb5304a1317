"""What MOC's three maps should be for a batch of tubes, and the loss of its centres."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sceneproof.tasks.detection.gaussians import centre_map
from sceneproof.types import BoxBatch


@dataclass(frozen=True, slots=True)
class Truths:
    """The K tubes of a whole batch that are in their key frame, in cells of the maps.

    Attributes:
        map: float (B, A, H', W'), Gaussians around the centres in the key frames.
        clip: int64 (K,), the clip of each tube.
        centre: int64 (K, 2), column and row of the centre in the key frame.
        movement: float (K, T, 2), from there to the centre in each frame.
        cells: int64 (K, T, 2), column and row of each frame's centre.
        sides: float (K, T, 2), width and height of each frame's box.
        present: bool (K, T), in which frames the tube has a box; the others' values are of no meaning.
    """

    map: Tensor
    clip: Tensor
    centre: Tensor
    movement: Tensor
    cells: Tensor
    sides: Tensor
    present: Tensor


def truths(batch: BoxBatch, shape: tuple[int, int, int], size: tuple[int, int]) -> Truths:
    """The truths of a batch. A tube that has no box in the key frame, T // 2, is not learnt from.

    Args:
        batch: clips with their tubes.
        shape: A, H', W' of the maps.
        size: rows and columns of the clips, in pixels.

    Source: Li et al. 2020, sections 3.2 to 3.4; `src/datasets/sample/sampler.py` of github.com/MCG-NJU/MOC-Detector.
    """
    frames = batch.video.shape[2]
    cells = torch.tensor([shape[2] / size[1], shape[1] / size[0]], device=batch.video.device)
    limit = torch.tensor([shape[2] - 1, shape[1] - 1], device=batch.video.device)
    maps, parts = [], []
    for number, (boxes, present, actions) in enumerate(zip(batch.boxes, batch.present, batch.actions, strict=True)):
        seen = present[:, frames // 2]
        middle = (boxes[seen, :, :2] + boxes[seen, :, 2:]) / 2 * cells
        sides = (boxes[seen, :, 2:] - boxes[seen, :, :2]) * cells
        at = middle.long().clamp(min=0).minimum(limit)  # a middle on the lower or right edge is behind the last cell
        key = at[:, frames // 2]
        maps.append(centre_map(key, sides[:, frames // 2], actions[seen], shape))
        clip = torch.full_like(actions[seen], number)
        parts.append((clip, key, middle - key[:, None], at, sides, present[seen]))
    return Truths(torch.stack(maps), *(torch.cat(part) for part in zip(*parts, strict=True)))


def focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """Focal loss of each cell, as a map of the same shape, of logits and Gaussians (..., H', W').

    With p the probability: -(1 - p)^2 log p in a centre, -(1 - y)^4 p^2 log(1 - p) elsewhere. The released code cuts p
    to 1e-4 … 1 - 1e-4, beyond which no gradient flows; here nothing is cut.

    Source: Li et al. 2020, equation 1; Law and Deng 2018.
    """
    logits = logits.float()
    p = logits.sigmoid()
    centre = -(1 - p).square() * functional.logsigmoid(logits)
    elsewhere = -(1 - wanted).pow(4) * p.square() * functional.logsigmoid(-logits)
    return torch.where(wanted == 1, centre, elsewhere)
