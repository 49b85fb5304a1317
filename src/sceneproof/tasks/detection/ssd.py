"""SSD: Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016, frame by frame."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import batched_nms, clip_boxes_to_image

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.terms import cross_entropy
from sceneproof.tasks.detection.detector import Detector
from sceneproof.tasks.detection.multibox import (
    BACKGROUND,
    UNKNOWN,
    Levels,
    default_boxes,
    heads,
    matched,
    mean_overlap,
    moved,
    offsets_to,
)
from sceneproof.types import BoxBatch, Tubelets


class SSD(Detector):
    """Default boxes of many sizes and shapes all over each frame, each of which is classified and moved.

    Losses: "L_conf" and "L_loc" of Liu et al. 2016, equation 1: sums over frames, over the number of default boxes that
    answer for someone in the whole batch.

    Defaults are SSD300's, which Singh et al. (ICCV 2017) use on videos: github.com/gurkirt/realtime-action-detection.

    Source: Liu et al. 2016, section 2.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        scales: Sequence[float] = (0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05),
        aspect_ratios: Sequence[Sequence[float]] = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
        match_overlap: float = 0.5,
        negatives: float = 3.0,
        location_weight: float = 1.0,
        variances: tuple[float, float] = (0.1, 0.2),
        norm_scale: float = 20.0,
        least_score: float = 0.01,
        candidates: int = 400,
        nms: float = 0.45,
        kept: int = 200,
    ) -> None:
        """Makes the network.

        Args:
            backbone: A network that keeps frames apart (stride 1 in time), such as `VGG16`. Its lower features are the
                finest map, its upper ones, of twice their stride, the next.
            facts: What the data knows.
            scales: Size of the default boxes of each map, in parts of the frame, and one more.
            aspect_ratios: Those of each map, each also taken upright, beside two squares. As many maps are made; frames
                below 300 pixels have room for fewer than six.
            match_overlap: IoU from which on a default box answers for someone.
            negatives: Default boxes of background, the worst classified of each frame, that "L_conf" takes for each one
                that answers for someone.
            location_weight: Weight of "L_loc", the paper's alpha.
            variances: What offsets are multiples of: of shifts, and of log sizes.
            norm_scale: First length of the finest map's features, which are normalised.
            least_score: Detections must score above this.
            candidates: Of each action, taken into non-maximum suppression.
            nms: IoU above which the worse of two boxes of one action goes.
            kept: Detections of all actions, a frame.

        Raises:
            InputError: a backbone that joins frames, or numbers that do not go together.
        """
        super().__init__(backbone, facts)
        if len(aspect_ratios) < 2 or len(scales) != len(aspect_ratios) + 1 or min(scales) <= 0:
            raise InputError(
                f"SSD: needs aspect_ratios of at least 2 maps, and a scale above 0 for each and one more, not "
                f"{len(aspect_ratios)} and {tuple(scales)}"
            )
        if backbone.lower_stride[0] != 1 or backbone.stride[0] != 1:
            raise InputError(
                f"SSD: sees each frame alone, but {type(backbone).__name__} joins {backbone.stride[0]} frames in one "
                f"feature: take a 2D backbone such as VGG16, or the detector MOC"
            )
        self.scales, self.aspect_ratios = tuple(scales), [tuple(ratios) for ratios in aspect_ratios]
        self.match_overlap, self.negatives, self.location_weight = match_overlap, negatives, location_weight
        self.variances, self.least_score = variances, least_score
        self.candidates, self.nms, self.kept = candidates, nms, kept
        self.levels = Levels(backbone, len(aspect_ratios), norm_scale)
        self.heads = heads(self.levels.widths, [2 + 2 * len(ratios) for ratios in aspect_ratios], facts.actions)

    def losses(self, batch: BoxBatch) -> dict[str, Tensor]:
        """Both terms, as they are minimised; default boxes whose label is `UNKNOWN` have no part in them.

        Raises:
            InputError: the frames are too small for so many maps, or the backbone's features are not halved once.
        """
        logits, offsets, defaults = self._look(batch.video)
        labels, wanted = self._targets(batch, defaults)
        return self.multibox(logits, offsets, labels, wanted)

    def multibox(self, logits: Tensor, offsets: Tensor, labels: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """Both terms, of what P default boxes say of N stretches of T frames, T of SSD being 1.

        Args:
            logits: float (N, P, A + 1), the first class is background.
            offsets: float (N, P, 4 T).
            labels: int64 (N, P), 0 is background, `UNKNOWN` neither background nor an action.
            wanted: float (N, P, 4 T), of no meaning where the label is no action.
        """
        answers = labels > 0
        wrong = cross_entropy(logits.flatten(0, 1), labels.flatten().clamp(min=0)).view_as(labels)
        # the hardest of background; those that answer come last, and are taken anyway
        hard = wrong.detach().masked_fill(labels != 0, -1.0)
        rank = hard.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        taken = answers | ((labels == 0) & (rank < self.negatives * answers.sum(dim=1, keepdim=True)))
        off = functional.smooth_l1_loss(offsets, wanted, reduction="none").sum(dim=2) / self.frames
        share = self.share(answers.sum())
        return {
            "L_conf": torch.where(taken, wrong, 0.0).sum() / share,
            "L_loc": self.location_weight * torch.where(answers, off, 0.0).sum() / share,
        }

    @torch.no_grad()
    def detect(self, video: Tensor) -> list[Tubelets]:
        """Who does what where, in each frame of B clips.

        Args:
            video: float (B, C, T, H, W), normalised.

        Returns:
            B times tubelets of one frame each, frame by frame, in each the best first; within the frame. A class of
            longer tubelets gives those of the whole clip.

        Raises:
            InputError: the frames are too small for so many maps.
        """
        logits, offsets, defaults = self._look(video)
        boxes = moved(defaults[:, None], offsets.reshape(*offsets.shape[:2], -1, 4), variances=self.variances)
        boxes = clip_boxes_to_image(boxes, (video.shape[-2], video.shape[-1]))
        detections = [self._best(*both) for both in zip(logits.softmax(dim=2), boxes, strict=True)]
        stretches = video.shape[2] // self.frames
        return [_joined(detections[first : first + stretches]) for first in range(0, len(detections), stretches)]

    def _look(self, video: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (N, P, A + 1) and offsets (N, P, 4 T) of stretches of frames, and the default boxes (P, 4)."""
        lower = self.backbone.lower(video)
        upper = self.backbone.upper(lower)
        maps = self.levels(*(part.transpose(1, 2).flatten(0, 1) for part in (lower, upper)))
        said = self.heads([grid.reshape(-1, self.frames * grid.shape[1], *grid.shape[2:]) for grid in maps])
        size = (video.shape[-2], video.shape[-1])
        defaults = default_boxes(
            [(grid.shape[-2], grid.shape[-1]) for grid in maps],
            size,
            strides=self.levels.strides(maps, size, self.backbone.lower_stride[1:]),
            scales=self.scales,
            aspect_ratios=self.aspect_ratios,
            device=video.device,
        )
        return said["cls_logits"].float(), said["bbox_regression"].float(), defaults

    def _targets(self, batch: BoxBatch, defaults: Tensor) -> tuple[Tensor, Tensor]:
        """Labels (N, P), 0 for background, and offsets (N, P, 4 T) to the truths, of stretches of frames.

        Who is there in some frames of a stretch alone answers for no default box, nor is what overlaps them background.
        """
        labels, offsets = [], []
        for boxes, present, actions in zip(batch.boxes, batch.present, batch.actions, strict=True):
            for first in range(0, batch.video.shape[2], self.frames):
                stretch = slice(first, first + self.frames)
                here = present[:, stretch].all(dim=1)
                truths = boxes[here, stretch]
                which = matched(defaults, truths, overlap=self.match_overlap)
                # one more for background, as which[BACKGROUND] is the last
                of_class = torch.cat([actions[here] + 1, actions.new_zeros(1)])[which]
                goals = torch.cat([truths, defaults.new_zeros(1, self.frames, 4)])[which]
                goals = torch.where((which == BACKGROUND)[:, None, None], defaults[:, None], goals)
                for person in torch.nonzero(present[:, stretch].any(dim=1) & ~here).flatten().tolist():
                    seen = boxes[person, stretch][present[person, stretch]]
                    near = mean_overlap(seen[None], defaults)[0] >= self.match_overlap
                    of_class = torch.where(near & (of_class == 0), UNKNOWN, of_class)
                labels.append(of_class)
                offsets.append(offsets_to(defaults[:, None], goals, variances=self.variances).flatten(1))
        return torch.stack(labels), torch.stack(offsets)

    def _best(self, probability: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes (N, T, 4), actions (N,) and scores (N,) of one stretch of frames, best first."""
        of_action = probability[:, 1:].t()
        score, place = of_action.topk(min(self.candidates, of_action.shape[1]), dim=1)
        action = torch.arange(len(of_action), device=score.device)[:, None].expand_as(score)
        enough = score > self.least_score
        score, action, candidates = score[enough], action[enough], boxes[place[enough]]
        best = batched_nms(candidates[:, 0], score, action, self.nms)[: self.kept]
        return candidates[best], action[best], score[best]


def _joined(frames: list[tuple[Tensor, Tensor, Tensor]]) -> Tubelets:
    boxes, action, score = (torch.cat(part) for part in zip(*frames, strict=True))
    sizes = torch.tensor([len(score) for _, _, score in frames])
    return Tubelets(
        start=torch.repeat_interleave(torch.arange(len(frames)), sizes).numpy(),
        boxes=boxes.double().cpu().numpy(),
        action=action.cpu().numpy(),
        score=score.double().cpu().numpy(),
    )
