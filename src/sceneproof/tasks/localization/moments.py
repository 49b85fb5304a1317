"""What a backbone says of each moment of a buffer: a sequence of features at `lower`'s step in time."""

import torch
from torch import Tensor
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError


def moment_features(backbone: Backbone, video: Tensor, lower: Tensor | None = None) -> Tensor:
    """Features (B, F, T') of a normalised video (B, C, T, H, W), one every `backbone.lower_stride[0]` frames.

    The lower stages' features and the last stage's, each averaged over space; the last stage's, which come at a coarser
    step, are resampled linearly to the lower grid. A family without a last stage gives one of them. F is
    `moment_dim(backbone)`. Moment i stands for the frames from i strides on to i + 1 strides. Where nothing in the
    backbone learns, torch keeps no graph of it.

    Args:
        backbone: the network.
        video: normalised.
        lower: `backbone.lower(video)`, where it is known already.

    Raises:
        InputError: the backbone's features do not cover the buffer, so its stride in time is not what it says.
    """
    lower = backbone.lower(video) if lower is None else lower
    features = lower.mean(dim=(3, 4))
    moments, stride = features.shape[2], backbone.lower_stride[0]
    if moments * stride < video.shape[2]:
        raise InputError(
            f"{type(backbone).__name__}: {moments} features in time with a stride of {stride} frames do not cover "
            f"{video.shape[2]} frames: give its true stride, or a backbone that keeps time"
        )
    if not _has_upper(backbone):
        return features
    upper = backbone.upper(lower).mean(dim=(3, 4))
    return torch.cat([features, functional.interpolate(upper, size=features.shape[2], mode="linear")], dim=1)


def moment_dim(backbone: Backbone) -> int:
    """F, how many features `moment_features` gives."""
    return backbone.lower_dim + (backbone.dim if _has_upper(backbone) else 0)


def moments_of_video(frames: Tensor, stride: int, moments: int) -> Tensor:
    """Which moments hold a frame of the video: bool (B, T'), of int64 (B,) frames that are not padding.

    The first one always does, so that there is a moment to look at in every buffer.
    """
    first_frame = torch.arange(moments, device=frames.device) * stride
    return first_frame < frames[:, None].clamp(min=1)


def _has_upper(backbone: Backbone) -> bool:
    return type(backbone).upper is not Backbone.upper
