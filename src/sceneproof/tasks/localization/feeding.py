"""Training buffers as batches on the device, and what a frozen backbone knows of them after one look."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from sceneproof.backbones.base import Backbone
from sceneproof.data.batches import RawBatch, collate, normalised, to_batch
from sceneproof.progress import progress
from sceneproof.tasks.localization.footage import TrainingBuffers
from sceneproof.tasks.localization.keeping import keeping
from sceneproof.tasks.localization.localizer import moment_features
from sceneproof.types import Clip, Sample, SegmentBatch


def to_segments(raw: RawBatch, clips: TrainingBuffers, backbone: Backbone, device: torch.device) -> SegmentBatch:
    """A batch of buffers on the device, with the segments in them."""
    video = normalised(to_batch(raw, clips.settings.size, device), backbone).video
    assert video is not None
    return _labelled(video, clips, raw.row.tolist())


@dataclass(frozen=True)
class Known(Dataset[Sample]):
    """Buffers of which a frozen backbone's lower stages have made their features, so that no pixel is wanted any more.

    Attributes:
        clips: the buffers; not cropped at random, or one look would not do.
        lower: N features (D', T', H', W'), or moments (F, T'), in main memory; None where the video cannot be read.
        problems: why, by row.
    """

    clips: TrainingBuffers
    lower: list[Tensor | None]
    problems: dict[int, str]
    scenes = 0

    @classmethod
    @torch.no_grad()
    def look(
        cls,
        clips: TrainingBuffers,
        backbone: Backbone,
        device: torch.device,
        *,
        moments: bool = False,
        kept: Path | None = None,
        quiet: bool,
    ) -> "Known":
        """Shows every buffer to the backbone, in evaluation mode, once.

        Args:
            clips: The buffers.
            backbone: Whose lower stages are frozen.
            device: Where to compute.
            moments: Keep moments alone, as all of the backbone is frozen and nothing else of it is seen.
            kept: Folder of what the lower stages make of buffers; see `keeping`.
            quiet: Show no progress.
        """
        lower: list[Tensor | None] = []
        problems: dict[int, str] = {}
        training = backbone.training
        backbone.eval()
        with (
            keeping(backbone, kept),
            progress("looking with the frozen backbone", len(clips), quiet=quiet) as advance,
        ):
            for row in range(len(clips)):
                raw = collate([clips[0, row]], 0)
                problems |= dict(raw.problems)
                features = None
                if len(raw):
                    video = to_segments(raw, clips, backbone, device).video
                    features = (moment_features(backbone, video) if moments else backbone.lower(video))[0].cpu()
                lower.append(features)
                advance()
        backbone.train(training)
        return cls(clips, lower, problems)

    @property
    def seed(self) -> int:
        """Of the order of the buffers."""
        return self.clips.seed

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: tuple[int, ...]) -> Sample:
        """The row alone: nothing is decoded."""
        return Sample(key[1], Clip(np.zeros((1, 1, 1, 3), np.uint8)), problem=self.problems.get(key[1], ""))

    def to_segments(self, rows: list[int], device: torch.device) -> SegmentBatch:
        """A batch of these rows; its video has no pixels, but the right number of frames."""
        known = [features for features in (self.lower[row] for row in rows) if features is not None]
        video = torch.empty(len(rows), 3, self.clips.settings.length, 0, 0, device=device)
        return _labelled(video, self.clips, rows, torch.stack(known).to(device))


def _labelled(video: Tensor, clips: TrainingBuffers, rows: list[int], lower: Tensor | None = None) -> SegmentBatch:
    device = video.device
    return SegmentBatch(
        video=video,
        frames=torch.tensor([clips.real(row) for row in rows], device=device),
        times=[torch.from_numpy(clips.times[row]).to(device, torch.float32) for row in rows],
        actions=[torch.from_numpy(clips.actions[row]).to(device) for row in rows],
        row=torch.tensor(rows, device=device),
        lower=lower,
    )
