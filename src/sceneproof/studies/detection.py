"""Tested detectors on common ground: grouped over seeds, and held against the same boxes of the same videos."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeAlias

import pandas as pd

from sceneproof.data.human_tables import CORNERS
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.metrics.frame_map import Reading
from sceneproof.studies import grouping
from sceneproof.studies.grouping import open_tested
from sceneproof.studies.transfer import (
    TransferredRun,
    TransferStudy,
    Words,
    gathered,
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

    def within(self, truth: pd.DataFrame) -> Self:
        """The run with what it found in the videos of a truth, split by split."""
        return replace(super().within(truth), tubes=within(self.tubes, truth))


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
    """Reads the run folders of detectors that have been tested; `reading` is whose official way of counting to follow.

    The other arguments, and what is refused, are those of `transfer.gathered`.

    Raises:
        InputError: an unknown reading.
    """
    if reading not in READINGS:
        raise InputError(f"reading: must be {' or '.join(READINGS)}, not {reading!r}")
    columns = ("split", "video", "action", "track", "frame", *CORNERS)
    study = gathered(runs, _read, WORDS, columns, splits=splits, baseline=baseline, debiased=debiased)
    return DetectionStudy(**vars(study), reading=reading)


def _read(path: Path) -> Detected:
    run, _ = open_run(path, WORDS, ("found boxes", BOXES), ("true boxes", TRUTH))
    file, *_ = open_tested(path, "tubes.parquet")
    tubes, _ = read_table(file, "found tubes", TUBES)
    refuse_unknown(tubes, run.run, file)
    return Detected(**vars(run), tubes=tubes)
