"""What a detector is: a network that finds boxes and actions in a clip's frames, and its losses."""

from torch import Tensor

from sceneproof import distributed
from sceneproof.backbones.base import Backbone
from sceneproof.methods.base import Facts, Learner
from sceneproof.types import BoxBatch, Tubelets


class Detector(Learner):
    """One paper's way to detect. `Detector(backbone, facts)`; further arguments are its hyper-parameters.

    Attributes:
        frames: L, how many frames its tubelets are long; 1 where each frame is seen alone, in clips of any length.
    """

    task = "detection"
    frames = 1

    def __init__(self, backbone: Backbone, facts: Facts) -> None:
        super().__init__()
        self.backbone = backbone
        self.actions = facts.actions

    def losses(self, batch: BoxBatch) -> dict[str, Tensor]:
        """Scalars named as in the paper; the engine minimises their sum."""
        raise NotImplementedError  # the paper's equations go here

    def detect(self, video: Tensor) -> list[Tubelets]:
        """Who does what where, in each of B clips.

        Args:
            video: float (B, C, T, H, W), normalised; T is `frames`, or any number where that is 1.

        Returns:
            B times tubelets in pixels of the clip, frame by frame, in each the best first.
        """
        raise NotImplementedError  # the paper's way from scores to boxes

    def share(self, count: Tensor) -> Tensor:
        """What this process divides its sums by, when `count` things were matched on it: at least 1 over all processes.

        In training it is the mean of all processes' counts, so that the average of their gradients is the gradient of
        one process that has the whole batch.
        """
        if not self.training:
            return count.float().clamp(min=1)
        return distributed.total(count.float()).clamp(min=1) / distributed.processes()
