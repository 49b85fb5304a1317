"""The gradient reversal layer (Ganin and Lempitsky, ICML 2015)."""

from typing import Any

import torch
from torch import Tensor


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * -ctx.strength, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    """`x` unchanged, of any shape; its gradient comes back times -`strength`.

    What stands after this call minimises the loss; what stands before it maximises the loss, `strength` times.

    Source: Ganin and Lempitsky 2015, equations 11 and 12, with lambda = `strength`.
    """
    reversed_: Tensor = _Reverse.apply(x, strength)
    return reversed_
