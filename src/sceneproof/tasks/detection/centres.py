"""What MOC's three maps should be for a batch of tubes, Gaussians around centres, and the loss of its centres."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sceneproof.types import BoxBatch

OVERLAP = 0.7  # IoU that a box moved by the radius still has (CornerNet)


def radius(sides: Tensor) -> Tensor:
    """Radius (K,), in whole cells, of the Gaussians of boxes with these sides (K, 2), in cells.

    How far both corners may move so that the IoU is still 0.7: both outwards, both inwards, or alike. The roots are the
    released code's, (b + sqrt(b^2 - 4ac)) / 2 in each case: not those of the equations, so radii come out larger.

    Source: Law and Deng 2018 (CornerNet), section 3.2; `gaussian_radius` in `src/MOC_utils/gaussian_hm.py`.
    """
    width, height = sides.double().ceil().unbind(dim=1)
    around, area = width + height, width * height
    cases = (
        (1.0, around, area * (1 - OVERLAP) / (1 + OVERLAP)),
        (4.0, 2 * around, area * (1 - OVERLAP)),
        (4 * OVERLAP, -2 * OVERLAP * around, area * (OVERLAP - 1)),
    )
    roots = [(b + (b.square() - 4 * a * c).sqrt()) / 2 for a, b, c in cases]
    return torch.stack(roots).amin(dim=0).clamp(min=0).floor().long()


def centre_map(centres: Tensor, sides: Tensor, actions: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Map (A, H', W') that is 1 in the cell of each centre and falls off around it, in the map of its action.

    The deviation is a sixth of the Gaussian's diameter; it ends at the radius. Where several meet, the largest counts.

    Args:
        centres: int64 (K, 2), column and row; K may be 0.
        sides: float (K, 2), width and height of the boxes, in cells.
        actions: int64 (K,).
        shape: A, H', W'.

    Source: Li et al. 2020 (MOC), section 3.2; `draw_umich_gaussian` in `src/MOC_utils/gaussian_hm.py`.
    """
    reach = radius(sides)
    right = torch.arange(shape[2], device=centres.device) - centres[:, 0, None]
    down = torch.arange(shape[1], device=centres.device) - centres[:, 1, None]
    squares = right.square()[:, None, :] + down.square()[:, :, None]
    near = (right.abs()[:, None, :] <= reach[:, None, None]) & (down.abs()[:, :, None] <= reach[:, None, None])
    deviation = ((2 * reach + 1) / 6)[:, None, None]
    bells = torch.where(near, torch.exp(-squares / (2 * deviation.square())), 0.0)
    blank = torch.zeros(shape, device=centres.device, dtype=bells.dtype)
    return blank.scatter_reduce_(0, actions[:, None, None].expand_as(bells), bells, "amax")


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
