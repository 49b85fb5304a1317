"""What a detector finds in splits of videos, and the figures drawn from it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from sceneproof.data.dataset import Videos
from sceneproof.data.people import PeopleTable
from sceneproof.data.plausibility import tell
from sceneproof.errors import InputError
from sceneproof.task import Tables, Tested, Tester, Testing
from sceneproof.tasks.detection.clips import BoxClipSettings
from sceneproof.tasks.detection.detecting import detect_all, truth_table
from sceneproof.tasks.detection.linking import TubeSettings
from sceneproof.tasks.detection.scoring import NOTHING, figures
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
