"""ACT: Kalogeiton et al., "Action Tubelet Detector for Spatio-Temporal Action Localization", ICCV 2017."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.metrics.boxes import box_iou
from sceneproof.metrics.matching import kept_in_groups
from sceneproof.tasks.detection.multibox import heads
from sceneproof.tasks.detection.ssd import SSD
from sceneproof.types import BoxBatch, Tubelets


class ACT(SSD):
    """SSD of K frames together: default boxes that stand still are cuboids, moved in each frame on its own.

    Each frame goes through the network alone; the K maps of a level lie behind one another before the heads. A cuboid
    answers for a tube by their mean IoU over the frames. With one frame it is SSD, loss and boxes.

    Losses: "L_conf" and "L_loc", as SSD's; the second one is a mean over the frames.

    The authors train on clips that lie within tubes or outside of them. Here any clip is trained on: a cuboid over
    somebody who is there in some of the frames has no part in the losses.

    Source: Kalogeiton et al. 2017, section 3; branch act-detector of github.com/vkalogeiton/caffe.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        frames: int = 6,
        scales: Sequence[float] = (0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05),
        aspect_ratios: Sequence[Sequence[float]] = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
        match_overlap: float = 0.5,
        negatives: float = 3.0,
        location_weight: float = 1.0,
        least_score: float = 0.01,
        candidates: int = 400,
        nms: float = 0.45,
        nms_of_all: float = 0.7,
        kept: int = 300,
    ) -> None:
        """Makes the network.

        Args:
            backbone: As SSD's: one that keeps frames apart, such as `VGG16`.
            facts: What the data knows.
            frames: Length of the clips and tubelets, the paper's K.
            scales: As SSD's.
            aspect_ratios: As SSD's.
            match_overlap: Mean IoU from which on a cuboid answers for someone.
            negatives: As SSD's.
            location_weight: Weight of "L_loc".
            least_score: Detections must score above this.
            candidates: Of each action, taken into non-maximum suppression.
            nms: Mean IoU above which the worse of two tubelets of one action goes.
            nms_of_all: Mean IoU above which the worse of two tubelets of any actions goes; 1 leaves them.
            kept: Tubelets of all actions, a clip.

        Raises:
            InputError: no frames, a backbone that joins frames, or numbers that do not go together.
        """
        super().__init__(
            backbone, facts, scales=scales, aspect_ratios=aspect_ratios, match_overlap=match_overlap,
            negatives=negatives, location_weight=location_weight, least_score=least_score, candidates=candidates,
            nms=nms, kept=kept,
        )  # fmt: skip
        if frames < 1:
            raise InputError(f"ACT: frames must be at least 1, not {frames}")
        self.frames, self.nms_of_all = frames, nms_of_all
        boxes = [2 + 2 * len(ratios) for ratios in aspect_ratios]
        self.heads = heads(self.levels.widths, boxes, facts.actions, frames=frames)

    def losses(self, batch: BoxBatch) -> dict[str, Tensor]:
        """Both terms, as they are minimised.

        Raises:
            InputError: clips of another length than `frames`, or what SSD refuses.
        """
        self._refuse_other_lengths(batch.video)
        return super().losses(batch)

    def detect(self, video: Tensor) -> list[Tubelets]:
        """Who does what where, in each of B clips.

        Args:
            video: float (B, C, T, H, W), normalised, of `frames` frames.

        Returns:
            B times tubelets of all frames, best first, cut to the frame.

        Raises:
            InputError: clips of another length than `frames`, or what SSD refuses.
        """
        self._refuse_other_lengths(video)
        return super().detect(video)

    def _refuse_other_lengths(self, video: Tensor) -> None:
        if video.shape[2] != self.frames:
            raise InputError(
                f"ACT: takes clips of {self.frames} frames, not {video.shape[2]}: give such clips, or set frames"
            )

    def _best(self, probability: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tubelets (N, T, 4), actions (N,) and scores (N,) of one clip, best first."""
        of_action = probability[:, 1:].t()
        score, place = of_action.topk(min(self.candidates, of_action.shape[1]), dim=1)
        action = torch.arange(len(of_action), device=score.device)[:, None].expand_as(score)
        enough = score > self.least_score
        score, action, tubelets = score[enough], action[enough], boxes[place[enough]]
        for all_actions, overlap in ((False, self.nms), (True, self.nms_of_all)):
            stays = suppressed(tubelets, score, torch.zeros_like(action) if all_actions else action, overlap)
            score, action, tubelets = score[stays], action[stays], tubelets[stays]
        best = score.argsort(descending=True, stable=True)[: self.kept]
        return tubelets[best], action[best], score[best]


def suppressed(tubelets: Tensor, score: Tensor, groups: Tensor, overlap: float) -> Tensor:
    """Which tubelets (N, T, 4) stay, bool (N,): in each group those that no better one overlaps by more, on average."""
    places = tubelets.double().cpu().numpy()
    kept = kept_in_groups(
        lambda a, b: box_iou(places[a], places[b]).mean(axis=-1),
        score.double().cpu().numpy(),
        groups.cpu().numpy(),
        overlap,
    )
    return torch.from_numpy(kept).to(score.device)
