"""What a detector finds in splits of videos, and the figures drawn from it, also while it trains."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from sceneproof.data.dataset import Videos
from sceneproof.data.people import PeopleTable
from sceneproof.data.plausibility import tell
from sceneproof.errors import InputError, TrainingError
from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.frame_map import frame_average_precision
from sceneproof.task import Tables, Tested, Tester, Testing
from sceneproof.tasks.detection.clips import BoxClipSettings
from sceneproof.tasks.detection.detecting import detect_all, truth_table
from sceneproof.tasks.detection.detector import Detector
from sceneproof.tasks.detection.linking import TubeSettings
from sceneproof.tasks.detection.scoring import NOTHING, figures, found_boxes, true_boxes, video_numbers
from sceneproof.wording import counted


@dataclass(frozen=True)
class DetectionTesting(Testing):
    """How detectors are tested.

    Frame-mAP at an IoU of .5, and video-mAP at .2, .5, .75 and over .5 to .95, both in the readings of two official
    evaluators, ACT's and Singh et al.'s (voc): they differ, so compare figures of one reading only.

    Args:
        kept: boxes of a frame, the best of all actions.
        at_once: clips that go through the network together.
    """

    kept: int = 100
    at_once: int = 8

    without_effect: ClassVar[frozenset[str]] = frozenset({"at_once"})


def test_detector(
    tester: Tester,
    clip: BoxClipSettings,
    tubes: TubeSettings,
    tables: Tables,
    splits: Sequence[str],
    options: DetectionTesting,
) -> Tested:
    """Detects in every video of the splits. In a video that cannot be read nothing is found: its boxes are missed.

    Raises:
        InputError: names the file, row or key.
    """
    if tables.humans is None:
        raise InputError("--humans: a detector is tested on the boxes of the people who act: give their table")
    run, table = tester.run, tables.manifest
    run.refuse_other_videos(table)
    people = PeopleTable.read(tables.humans, table)
    tell(people.doubts)
    measured, parts = {}, []
    for split in splits:
        videos = Videos(table.split(split))
        truth, outside = truth_table(videos, people, run.actions)
        if outside and not tester.quiet:
            left = f"left out: {counted(outside, 'box', 'boxes')} outside the clips"
            print(f"{table.name}: {split}: {left}", file=sys.stderr)
        detected = detect_all(
            tester.network, videos, clip, tester.device, run.actions, tubes=tubes, kept=options.kept,
            at_once=options.at_once, autocast=tester.numerics.dtype, quiet=tester.quiet,
            what=f"testing {run.name} on {split}",
        )  # fmt: skip
        truth["problem"] = [detected.problems.get(name, "") for name in truth["video"]]
        measured[split] = split_figures(truth, detected.boxes, detected.tubes, run.actions)
        parts.append((detected.boxes, detected.tubes, truth))
    boxes, linked, truths = (pd.concat(of_splits, ignore_index=True) for of_splits in zip(*parts, strict=True))
    kinds = {"predictions": ("found boxes", boxes), "tubes": ("found tubes", linked), "truth": ("true boxes", truths)}
    return Tested(measured, kinds, sources={"humans": tables.humans})


def split_figures(
    truth: pd.DataFrame, boxes: pd.DataFrame, tubes: pd.DataFrame, actions: Sequence[str]
) -> dict[str, Any]:
    """The figures of a split, as they stand in metrics.json; its truth has the column problem."""
    return {
        "videos": truth["video"].nunique(),
        "boxes": int((truth["action"] != NOTHING).sum()),
        "missed": truth.loc[truth["problem"] != "", "video"].nunique(),
        **figures(truth, boxes, tubes, actions),
    }


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
