"""Numbers by a formula of their place, as the authors' code was given them elsewhere."""

from math import prod

import torch
from torch import Tensor


def formula(shape: tuple[int, ...], a: float = 0.37, b: float = 0.0) -> Tensor:
    """sin(a i + b) over the flat index i, float64."""
    return torch.sin(a * torch.arange(prod(shape), dtype=torch.float64) + b).reshape(shape)
