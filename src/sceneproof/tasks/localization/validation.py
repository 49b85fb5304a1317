"""Validation of a localizer while it trains."""

from pathlib import Path

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from sceneproof.data.segments import BACKGROUND
from sceneproof.errors import TrainingError
from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.temporal_matching import temporal_average_precision
from sceneproof.tasks.localization.buffers import BufferSettings
from sceneproof.tasks.localization.detecting import localize_all
from sceneproof.tasks.localization.footage import UntrimmedVideos
from sceneproof.tasks.localization.localizer import Localizer
from sceneproof.tasks.localization.scoring import detections, true_segments, truth_table


class LocalizerValidation:
    """mAP at tIoU 0.5 on a split, in ActivityNet's reading, each process looking at its share of the videos."""

    criterion = "mAP"

    def __init__(
        self,
        footage: UntrimmedVideos,
        network: Localizer,
        accelerator: Accelerator,
        *,
        actions: list[str],
        settings: BufferSettings,
        kept: Path | None = None,
    ) -> None:
        self.footage, self.network, self.accelerator = footage, network, accelerator
        self.actions, self.settings, self.kept = actions, settings, kept

    def __call__(self) -> dict[str, float]:
        """'mAP' and 'missed', the videos that cannot be read.

        Raises:
            TrainingError: no video can be read, or no segment is there to be found.
        """
        accelerator = self.accelerator
        which = range(accelerator.process_index, len(self.footage.videos), accelerator.num_processes)
        dtype = torch.bfloat16 if accelerator.mixed_precision == "bf16" else None
        mine = localize_all(
            self.network,
            self.footage,
            self.settings,
            accelerator.device,
            self.actions,
            which=which,
            autocast=dtype,
            kept=self.kept,
            quiet=True,
        )
        tables, problems = [mine.detections], [mine.problems]
        if accelerator.num_processes > 1:
            tables, problems = gather_object(tables), gather_object(problems)
        missed = {name: problem for part in problems for name, problem in part.items()}
        if len(missed) == len(self.footage.videos):
            raise TrainingError(f"{self.footage.name}: no validation video can be read: {next(iter(missed.values()))}")
        truth, videos = true_segments(truth_table(self.footage, nothing=BACKGROUND), self.actions)
        predicted = detections(pd.concat(tables, ignore_index=True), videos, self.actions)
        suppress = self.network.nms_by_threshold
        values = temporal_average_precision(truth, predicted, (0.5,), reading="activitynet", nms_by_threshold=suppress)
        mean = float(mean_average_precision(values)[0])
        if not mean >= 0:
            raise TrainingError(f"{self.footage.name}: the validation split holds no segment of a trained action")
        return {"mAP": mean, "missed": len(missed)}
