"""Tested detectors on common ground: grouped over seeds, and held against the same boxes of the same videos."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from sceneproof.data.human_tables import CORNERS
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.metrics.frame_map import Reading
from sceneproof.report import grouping
from sceneproof.report.grouping import grouped, open_tested, refuse_other_actions
from sceneproof.report.transferred.study import (
    TransferredRun,
    TransferStudy,
    Words,
    chosen,
    common,
    described,
    open_run,
    refuse_unknown,
    within,
)
from sceneproof.tasks.detection.scoring import BOXES, READINGS, TRUTH, TUBES

WORDS = Words("detection", "box", "boxes")


@dataclass(frozen=True)
class Detected(TransferredRun):
    """One run with the boxes that it found, in pixels of the videos.

    Attributes:
        tubes: one row a box of a tube, with the columns `scoring.TUBES`.
    """

    tubes: pd.DataFrame


Recipe: TypeAlias = grouping.Recipe[Detected]


@dataclass(frozen=True)
class DetectionStudy(TransferStudy[Detected]):
    """Recipes of detectors on common ground.

    Attributes:
        reading: whose official way of counting the headline, the actions and the drawings follow.
    """

    reading: Reading


def read_study(
    runs: Sequence[str | Path],
    *,
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    reading: Reading = "act",
) -> DetectionStudy:
    """Reads the run folders of detectors that have been tested.

    Args:
        runs: the folders.
        splits: the splits to report on; by default those with "test" in their name, or all where none has.
        baseline: name of the recipe that all others are compared with; by default each is compared with the same
            detector on a plainly trained backbone.
        debiased: name of the recipe the headline is about; by default the first that started from a full SDN, else the
            first that can be compared, else the first.
        reading: whose official way of counting to follow.

    Raises:
        InputError: no runs, a folder that is no tested detector, runs of different actions or annotations or without a
            common video, one run twice, an unknown split, recipe or reading.
    """
    if not runs:
        raise InputError("no runs given: name at least one run folder that `sceneproof evaluate` has tested")
    if reading not in READINGS:
        raise InputError(f"reading: must be {' or '.join(READINGS)}, not {reading!r}")
    tested = [_read(Path(path)) for path in runs]
    refuse_other_actions(tested)
    truth, notes = common(tested, splits, ("split", "video", "action", "track", "frame", *CORNERS), WORDS)
    there = [replace(one, found=within(one.found, truth), tubes=within(one.tubes, truth)) for one in tested]
    recipes = grouped(there, described)
    plain, debiasing = chosen(recipes, baseline, debiased)
    return DetectionStudy(tuple(recipes), tested[0].run.actions, truth, plain, debiasing, notes, reading)


def _read(path: Path) -> Detected:
    run, _ = open_run(path, WORDS, ("found boxes", BOXES), ("true boxes", TRUTH))
    file, *_ = open_tested(path, "tubes.parquet")
    tubes, _ = read_table(file, "found tubes", TUBES)
    refuse_unknown(tubes, run.run, file)
    return Detected(**vars(run), tubes=tubes)
