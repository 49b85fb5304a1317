"""Grad-CAM on a network's last features, be they a convolution's maps or a transformer's tokens."""

import torch
from torch import Tensor


def grad_cam(features: Tensor, scores: Tensor, classes: Tensor) -> Tensor:
    """What each place adds to the score of a class: the gradient times the features, summed over channels, at least 0.

    Where a linear head follows a mean over places this is the class activation map (Zhou et al. 2016), up to a factor:
    the gradient is then the class's weight at every place. Selvaraju et al. 2017 take the gradient's mean over places
    first; token by token it is kept here, since attention may read each place in its own way.

    Args:
        features: (B, ..., D), that `scores` were computed from, with their graph.
        scores: (B, A), before softmax.
        classes: int64 (B,).

    Returns:
        float (B, ...).
    """
    chosen = scores.gather(1, classes[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, features)
    return (gradient * features.detach()).sum(-1).relu().float()
