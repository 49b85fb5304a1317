"""Where MOC wants centres to be seen: Gaussians around them, of a size that goes with the box's."""

import torch
from torch import Tensor

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
    made = torch.zeros(shape, device=centres.device, dtype=bells.dtype)
    return made.scatter_reduce_(0, actions[:, None, None].expand_as(bells), bells, "amax")
