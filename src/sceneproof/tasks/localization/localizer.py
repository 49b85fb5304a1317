"""What a localizer is: a network that finds segments in a buffer, and its losses; features of a buffer's moments."""

import torch
from torch import Tensor
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Learner
from sceneproof.types import SegmentBatch, Segments


class Localizer(Learner):
    """One paper's way to localize. `Localizer(backbone, facts)`; further arguments are its hyper-parameters.

    Attributes:
        nms_by_threshold: whether what it finds is put through non-maximum suppression at the evaluated tIoU less 0.1,
            as R-C3D and S-CNN do it; False where `suppress` does the paper's own.
        sees_moments: whether `moment_features` are all that it sees of a video: of a backbone that is frozen as a whole
            nothing else is then kept.
    """

    task = "localization"
    nms_by_threshold = True
    sees_moments = False

    def __init__(self, backbone: Backbone, facts: Facts) -> None:
        super().__init__()
        self.backbone = backbone
        self.actions = facts.actions

    def losses(self, batch: SegmentBatch) -> dict[str, Tensor]:
        """Scalars named as in the paper; the engine minimises their sum."""
        raise NotImplementedError  # the paper's equations go here

    def detect(self, video: Tensor, frames: Tensor) -> list[Segments]:
        """What is done when, in each of B buffers.

        Args:
            video: float (B, C, T, H, W), normalised.
            frames: int64 (B,), how many of the T frames are of the video, not padding.

        Returns:
            B times segments in frames of the buffer, within it, best first.
        """
        raise NotImplementedError  # the paper's way from scores to segments

    def suppress(self, segments: Segments) -> Segments:
        """The paper's own suppression of what overlapping buffers find twice in one video; by default none."""
        return segments


def moment_features(backbone: Backbone, video: Tensor, lower: Tensor | None = None) -> Tensor:
    """Features (B, F, T') of a normalised video (B, C, T, H, W), one every `backbone.lower_stride[0]` frames.

    The lower stages' features and the last stage's, each averaged over space; the last stage's, which come at a coarser
    step, are resampled linearly to the lower grid. A family without a last stage gives one of them. F is
    `moment_dim(backbone)`. Moment i stands for the frames from i strides on to i + 1 strides. Where nothing in the
    backbone learns, torch keeps no graph of it.

    Args:
        backbone: the network.
        video: normalised.
        lower: `backbone.lower(video)`, where it is known already, or what this function said of it, (B, F, T').

    Raises:
        InputError: the backbone's features do not cover the buffer, so its stride in time is not what it says.
    """
    if lower is not None and lower.ndim == 3:
        return lower
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
    return torch.cat([features, _stretched(backbone, backbone.upper(lower).mean(dim=(3, 4)), moments)], dim=1)


def _stretched(backbone: Backbone, upper: Tensor, moments: int) -> Tensor:
    """The last stage's features (B, D, T") at so many moments of the lower grid, each at its own time.

    The last of T" may reach behind the last moment: 13 moments have 7 of twice their length.
    """
    each, rest = divmod(backbone.stride[0], backbone.lower_stride[0])
    fine = functional.interpolate(upper, size=moments if rest else upper.shape[2] * each, mode="linear")[..., :moments]
    return torch.cat([fine, fine[..., -1:].expand(-1, -1, moments - fine.shape[2])], dim=2)


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
