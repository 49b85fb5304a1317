"""Where the evidence for a class lies, by the gradient at a network's last features: a convolution's, or tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def grad_cam(features: Tensor, scores: Tensor, classes: Tensor, *, channels: int = -1) -> Tensor:
    """What each place adds to the score of a class: the gradient times the features, summed over channels, at least 0.

    Where a linear head follows a mean over places this is the class activation map (Zhou et al., CVPR 2016), up to a
    factor: the gradient is then the class's weight at every place. Selvaraju et al. (ICCV 2017, equations 1 and 2)
    take the gradient's mean over places first; it is kept place by place here, since attention may read each place in
    its own way. For a linear head both are the same.

    Args:
        features: (B, ...), that `scores` were computed from, with their graph.
        scores: (B, A), before softmax.
        classes: int64 (B,).
        channels: the axis of `features` that is summed over.

    Returns:
        float (B, ...), without the axis of channels.
    """
    chosen = scores.gather(1, classes[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, features)
    return (gradient * features.detach()).sum(channels).relu().float()


@dataclass
class Seen:
    """What came by in a pass: the features with places, and what the head was given."""

    places: Tensor | None = None
    given: Tensor | None = None


@contextmanager
def watching(block: nn.Module | None, head: nn.Module) -> Iterator[Seen]:
    """Keeps, while it is open, what a block gives and what the head is given.

    A graph begins at the block's features where gradients are on and the network's own weights need none: going back
    costs the layers after it alone.

    Which block tells something: what a transformer's last block gives at other places than the class token never
    reaches a head that reads this token; and behind what is only read through a normalisation, the gradient is at
    right angles to the features, so that their product is 0 at every place. So it is the normalisation that the last
    attention reads.

    Args:
        block: the module whose features have places; None: none has.
        head: the module that turns features into scores.
    """
    seen = Seen()

    def keep_output(module: nn.Module, words: tuple[Any, ...], output: Any) -> None:
        first: Tensor = output[0] if isinstance(output, tuple) else output
        seen.places = first.requires_grad_() if torch.is_grad_enabled() else first

    def keep_given(module: nn.Module, words: tuple[Any, ...]) -> None:
        seen.given = words[0]

    hooks = [head.register_forward_pre_hook(keep_given)]
    if block is not None:
        hooks.append(block.register_forward_hook(keep_output))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def over_time(maps: Tensor, length: int) -> Tensor:
    """Maps (B, T', h, w) to (B, T, h, w): each frame has the map of the features that it falls into."""
    return functional.interpolate(maps[:, None], size=(length, *maps.shape[2:]), mode="nearest")[:, 0]
