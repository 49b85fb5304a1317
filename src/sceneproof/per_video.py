"""What each run of a benchmark made of each test video, in one small table: seeds of several machines count together.

A paired interval needs the answers of all runs at once, and run folders are large and stay where they were trained.
This table holds a number a video, a row a run and figure; gains are over all seeds in it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.addresses import size
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError
from sceneproof.figures import ALL, Figure
from sceneproof.locks import beside, locked
from sceneproof.metrics.bootstrap import paired_interval

KIND = "per video"


@dataclass(frozen=True)
class PerVideo:
    """A figure of one run, video by video.

    Attributes:
        world: in which it was tested.
        recipe: the method's name there.
        seed: of its training.
        on: the slice of the test videos.
        metric: the figure's name.
        videos: a digest of which videos these are, in which order.
        values: float32 (N,), one a video; the figure is their mean.
    """

    world: str
    recipe: str
    seed: int
    on: str
    metric: str
    videos: str
    values: NDArray[np.float32]

    @property
    def key(self) -> tuple[str, str, int, str, str]:
        """What there is one of."""
        return self.world, self.recipe, self.seed, self.on, self.metric


COLUMNS = [field.name for field in fields(PerVideo)]


def read_per_video(path: Path) -> list[PerVideo]:
    """Reads the table; one that does not exist yet holds nothing.

    Raises:
        InputError: it is damaged, another table, or its rows are not of the same videos.
    """
    if size(path) is None:
        return []
    rows, _ = read_table(path, KIND, COLUMNS)
    kept = [PerVideo(**{str(name): value for name, value in row.items()}) for row in rows[COLUMNS].to_dict("records")]
    _check(kept, path)
    return kept


def add_per_video(path: Path, new: Sequence[PerVideo]) -> list[PerVideo]:
    """Adds rows in place of those of the same run and figure, and returns all; where another command adds, it waits.

    Raises:
        InputError: the table cannot be read, or the rows would not be of the same videos.
    """
    with locked(beside(path), wait=True):
        rows = {row.key: row for row in [*read_per_video(path), *new]}
        _check(list(rows.values()), path)
        frame = pd.DataFrame([asdict(row) for row in sorted(rows.values(), key=lambda row: row.key)], columns=COLUMNS)
        write_table(path, frame, KIND)
    return list(rows.values())


def _check(rows: Sequence[PerVideo], path: Path) -> None:
    first: dict[tuple[str, str, str], PerVideo] = {}
    for row in rows:
        other = first.setdefault((row.world, row.on, row.metric), row)
        if (row.videos, len(row.values)) != (other.videos, len(other.values)):
            raise InputError(
                f"{path}: {row.world}, {row.metric} {row.on}: {row.recipe} with seed {row.seed} was tested on other "
                f"videos than {other.recipe} with seed {other.seed}; begin another table, or test all on the same"
            )


def gains(rows: Sequence[PerVideo], world: str, baseline: str) -> dict[str, list[Figure]]:
    """What each method of a world gains over another, by its name: paired over videos and the seeds that both have."""
    taken: dict[tuple[str, str], dict[str, dict[int, NDArray[np.float32]]]] = {}
    for row in rows:
        if row.world == world:
            taken.setdefault((row.on, row.metric), {}).setdefault(row.recipe, {})[row.seed] = row.values
    figures: dict[str, list[Figure]] = {}
    for (on, metric), recipes in taken.items():
        plain = recipes.get(baseline, {})
        for recipe, seeds in recipes.items():
            shared = sorted(seeds.keys() & plain.keys())
            if recipe == baseline or not shared:
                continue
            ours, theirs = (np.stack([side[seed] for seed in shared]) for side in (seeds, plain))
            gain = Figure(f"{metric}/gain", paired_interval(ours, theirs), ours.shape[1], slice=on, seed=ALL)
            figures.setdefault(recipe, []).append(gain)
    return figures
