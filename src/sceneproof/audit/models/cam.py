"""Class activation maps: where in a clip the evidence for an action lies, and how much of it is on the person."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import interpolate

from sceneproof.errors import InputError
from sceneproof.methods.base import Method


def class_activation_map(features: Tensor, weight: Tensor, size: tuple[int, int, int]) -> Tensor:
    """The evidence for one class at each place (Zhou et al. 2016, equation 2, with time as a third axis).

    The head is linear and the features are averaged before it, so its score is the mean over places of
    weight · feature: that product is the map. It is scaled up to the clip, negative evidence is cut to 0, and each
    map is divided by its maximum (a map without positive evidence stays 0).

    Args:
        features: (B, D, T', H', W'), before pooling.
        weight: (B, D), each clip's row of the action head.
        size: (T, H, W) of the clip.

    Returns:
        float (B, T, H, W), 0 to 1.
    """
    evidence = torch.einsum("bdthw,bd->bthw", features.float(), weight.float())
    maps = interpolate(evidence[:, None], size=size, mode="trilinear", align_corners=False)[:, 0].relu()
    highest = maps.amax(dim=(1, 2, 3), keepdim=True)
    return maps / highest.clamp(min=torch.finfo(maps.dtype).tiny)


@torch.no_grad()
def explain(method: Method, video: Tensor, classes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """A method's answer for each clip and the map of the evidence for it, from one pass.

    Args:
        method: in evaluation mode, with a linear action head on mean-pooled features.
        video: (B, C, T, H, W), normalised for the method's backbone.
        classes: int64 (B,), the classes to explain; by default those the method names.

    Returns:
        Probabilities (B, A), and maps (B, T, H, W) from 0 to 1.

    Raises:
        InputError: the action head is not linear, so that its scores do not come from single places.
    """
    output = method.answer(video)
    if output.places is None or output.weight is None:
        raise InputError(
            f"{type(method).__name__}: class activation maps need scores that are a mean over places, as those of a "
            f"linear action head on mean-pooled features are; this method's are not"
        )
    rows = output.scores.argmax(dim=1) if classes is None else classes
    length, height, width = video.shape[2:]
    maps = class_activation_map(output.places, output.weight[rows], (length, height, width))
    return output.scores.softmax(dim=1), maps


def share_on_person(activation: ArrayLike, person: ArrayLike) -> float:
    """The share of a map's activation that falls on the person, 0 to 1; NaN for a map that is 0 everywhere.

    Read it beside the person's share of the area, `area_of_person`: an even map scores just that.

    Args:
        activation: (T, H, W), at least 0.
        person: (T, H, W): bool, True on the person; or how much of each place is on the person, 0 to 1.
    """
    activation = np.asarray(activation, dtype=np.float64)
    total = activation.sum()
    return float((activation * np.asarray(person, dtype=np.float64)).sum() / total) if total > 0 else float("nan")


def area_of_person(person: ArrayLike) -> float:
    """The share of the clip that is on the person, of (T, H, W) as `share_on_person` takes it."""
    return float(np.asarray(person, dtype=np.float64).mean())
