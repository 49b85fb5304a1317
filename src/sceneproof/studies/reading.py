"""What `evaluate` wrote of runs: their tables, and the truth of the videos that all of them were tested on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sceneproof.data.segments import BACKGROUND
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.figures import read_tested, tested_folder
from sceneproof.run import Run
from sceneproof.studies.recipes import EvaluatedRun
from sceneproof.wording import counted


@dataclass(frozen=True)
class Things:
    """What there is to find in a video.

    Attributes:
        thing: one, such as "segment".
        things: several.
        columns: in which the truth of two runs must agree, besides split, video and action.
        missed: whether what is in a video that cannot be read is told to be missed.
    """

    thing: str
    things: str
    columns: tuple[str, ...] = ()
    missed: bool = True


def tested_table(run: Run, name: str, kind: str, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table that `evaluate` wrote for a run, by its file's name without .parquet, and its metadata.

    Raises:
        InputError: the run has not been tested, or the table is of another kind or lacks a column.
    """
    file = tested_folder(run.path) / f"{name}.parquet"
    if not file.is_file():
        raise InputError(
            f"{run.path}: this run has not been tested ({file} is missing): run `sceneproof evaluate` on it"
        )
    return read_table(file, kind, columns)


def found_table(run: Run, name: str, kind: str, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The same of a table of what was found, whose actions the run must know.

    Raises:
        InputError: as above, or an action that the run does not know.
    """
    rows, metadata = tested_table(run, name, kind, columns)
    unknown = sorted(set(rows["action"].unique()) - set(run.actions))
    if unknown:
        raise InputError(
            f"{run.path / 'evaluation' / name}.parquet: holds the action {unknown[0]!r}, which the run {run.path} does "
            f"not know: evaluate it again"
        )
    return rows, metadata


def truth_table(run: Run, kind: str, columns: Sequence[str]) -> pd.DataFrame:
    """What a run was tested on; where problems were not noted yet, there are none.

    Raises:
        InputError: as above.
    """
    rows, _ = tested_table(run, "truth", kind, columns)
    return rows if "problem" in rows else rows.assign(problem="")


def tested_figures(run: Run) -> dict[str, float]:
    """The figures of a run that were measured, by slice and metric, such as "test/scene_leakage/from_features"."""
    figures = read_tested(run.path, run.seed)
    return {figure.path: figure.value for figure in figures if figure.value is not None}


def rows_within(table: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that are of the videos of a truth, split by split."""
    known = pd.MultiIndex.from_frame(truth[["split", "video"]].astype(str).drop_duplicates())
    kept = pd.MultiIndex.from_frame(table[["split", "video"]].astype(str)).isin(known)
    return table[kept].reset_index(drop=True)


def keys_of(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Split and video of each row."""
    return list(zip(rows["split"].astype(str), rows["video"].astype(str), strict=True))


def common_truth(
    tested: Sequence[EvaluatedRun], splits: Sequence[str] | None, things: Things
) -> tuple[pd.DataFrame, list[str]]:
    """The truth of the videos that all runs were tested on, in the first run's order, and what to say of the others.

    Args:
        tested: the runs.
        splits: to report on; None: those with "test" in their name, or all where none has.
        things: what there is to find.

    Raises:
        InputError: an unknown split, no video in common, nothing to find in them, or another truth.
    """
    first = tested[0]
    known = list(dict.fromkeys(first.truth["split"].astype(str)))
    for name in splits or ():
        if name not in known:
            raise InputError(f"{first.run.path}: no test of split {name!r}; tested were: {', '.join(known)}")
    wanted = list(splits or [name for name in known if "test" in name] or known)
    mine = first.truth[first.truth["split"].isin(wanted)]
    keys = keys_of(mine)
    shared = set(keys).intersection(*(keys_of(run.truth) for run in tested))
    if not shared:
        raise InputError(f"the runs share no tested video of the splits {', '.join(wanted)}: evaluate them on the same")
    truth = mine[[key in shared for key in keys]].reset_index(drop=True)
    if not truth["action"].isin(first.run.actions).any():
        raise InputError(
            f"{first.run.path}: the tested videos hold no {things.thing} of the run's actions: nothing to measure"
        )
    annotated = _annotated(truth, things)
    for other in tested[1:]:
        if _annotated(other.truth[[key in shared for key in keys_of(other.truth)]], things) != annotated:
            raise InputError(
                f"{other.run.path} and {first.run.path} were tested on different annotations of the same videos: "
                f"evaluate them on one manifest"
            )
    left_out = len(set(keys) - shared)
    missed = int(truth.drop_duplicates(["split", "video"])["problem"].astype(bool).sum())
    notes = []
    if left_out:
        notes.append(f"Left out of all figures: {counted(left_out, 'video')} that not every run was tested on.")
    if missed and things.missed:
        unread = f"{first.run.name} could not read {counted(missed, 'video')}"
        notes.append(f"{unread}: the {things.things} there count as missed.")
    return truth, notes


def _annotated(truth: pd.DataFrame, things: Things) -> list[tuple[Any, ...]]:
    known = truth[truth["action"] != BACKGROUND]
    return sorted(known[["split", "video", "action", *things.columns]].itertuples(index=False, name=None))
