"""What a localizer is: a network that finds segments in a buffer of video, and its losses."""

from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.methods.base import Facts, Learner
from sceneproof.types import SegmentBatch, Segments


class Localizer(Learner):
    """One paper's way to localize. `Localizer(backbone, facts)`; further arguments are its hyper-parameters.

    Attributes:
        nms_by_threshold: whether what it finds is put through non-maximum suppression at the evaluated tIoU less 0.1,
            as R-C3D and S-CNN do it; False where `suppress` does the paper's own.
    """

    task = "localization"
    nms_by_threshold = True

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

    def suppress(self, found: Segments) -> Segments:
        """The paper's own suppression of what overlapping buffers find twice in one video; by default none."""
        return found
