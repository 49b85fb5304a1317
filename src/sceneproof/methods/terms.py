"""The terms that losses are made of: one value a clip, in float32 also under bfloat16 autocast; gradient reversal."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy in nats, (B,), of logits (B, classes) with int64 classes (B,) or probabilities (B, classes)."""
    return functional.cross_entropy(logits.float(), target, reduction="none")


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats, (B,), of the softmax of logits (B, classes): from 0 to ln(classes)."""
    log = functional.log_softmax(logits.float(), dim=1)
    return -(log.exp() * log).sum(dim=1)


def entropy_of(probabilities: Tensor) -> Tensor:
    """Entropy in nats, (B,), of probabilities (B, classes); 0 of those that are all 0."""
    return -torch.xlogy(probabilities, probabilities).sum(dim=1)


def zero_of(module: nn.Module) -> Tensor:
    """Zero, whose gradient is zero too but *there* for every parameter of `module` that learns."""
    zeros = [parameter.sum() * 0.0 for parameter in module.parameters() if parameter.requires_grad]
    return torch.stack(zeros).sum() if zeros else torch.zeros(())


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
