"""Validation of a detector while it trains."""

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from sceneproof.data.dataset import Videos
from sceneproof.data.people import PeopleTable
from sceneproof.errors import InputError, TrainingError
from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.frame_map import frame_average_precision
from sceneproof.tasks.detection.clips import BoxClipSettings
from sceneproof.tasks.detection.detecting import detect_all, truth_table
from sceneproof.tasks.detection.detector import Detector
from sceneproof.tasks.detection.scoring import found_boxes, true_boxes, video_numbers


class DetectorValidation:
    """Frame-mAP at an IoU of 0.5 on a split, in ACT's reading, each process looking at its share of the videos."""

    criterion = "frame_mAP"

    def __init__(
        self,
        videos: Videos,
        people: PeopleTable,
        network: Detector,
        accelerator: Accelerator,
        *,
        actions: list[str],
        settings: BoxClipSettings,
    ) -> None:
        """Looks up who is where.

        Raises:
            InputError: nobody has a box, an action that is not trained, or boxes of frames that a video lacks.
        """
        self.videos, self.network, self.accelerator = videos, network, accelerator
        self.actions, self.settings = actions, settings
        self.truth, _ = truth_table(videos, people, actions)
        if not self.truth["action"].isin(actions).any():
            raise InputError(
                f"{videos.manifest.name}: no box in the validation split: give another (--validation-split), or null"
            )

    def __call__(self) -> dict[str, float]:
        """'frame_mAP' and 'missed', the videos that cannot be read.

        Raises:
            TrainingError: no video can be read.
        """
        accelerator, count = self.accelerator, len(self.videos.manifest)
        mine = detect_all(
            self.network,
            self.videos,
            self.settings,
            accelerator.device,
            self.actions,
            which=range(accelerator.process_index, count, accelerator.num_processes),
            autocast=torch.bfloat16 if accelerator.mixed_precision == "bf16" else None,
            quiet=True,
        )
        tables, problems = [mine.boxes], [mine.problems]
        if accelerator.num_processes > 1:
            tables, problems = gather_object(tables), gather_object(problems)
        missed = {name: problem for part in problems for name, problem in part.items()}
        name = self.videos.manifest.name
        if len(missed) == count:
            raise TrainingError(f"{name}: no validation video can be read: {next(iter(missed.values()))}")
        numbers = video_numbers(self.truth)
        truth = true_boxes(self.truth, numbers, self.actions)
        predicted = found_boxes(pd.concat(tables, ignore_index=True), numbers, self.actions)
        values = frame_average_precision(truth, predicted, (0.5,), reading="act")
        return {"frame_mAP": float(mean_average_precision(values)[0]), "missed": len(missed)}
