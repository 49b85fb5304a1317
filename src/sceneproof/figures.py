"""figures.parquet: all figures of a tested run, a study or an audit, a row each.

`evaluate`, `report` and `audit` write it; pages, conditions, comparisons and results.csv read it.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from sceneproof.addresses import Address, Place
from sceneproof.data.tables import read_table, write_table
from sceneproof.files import read_json
from sceneproof.metrics.bootstrap import Interval

FILE = "figures.parquet"
COLUMNS = ("run", "recipe", "seed", "slice", "metric", "value", "low", "high", "n", "detail")
ALL = "all"
"""The seed of figures that are over all seeds, such as a paired difference."""
COUNTS = frozenset({"videos", "count"})
"""In nested figures: how many videos the others are taken from."""
NO_FIGURES = frozenset({"run", "settings", "precision", "tables", "splits"})
"""What metrics.json says besides figures."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        metric: its name; a path where it has parts, such as "mAP/thumos/0.5".
        interval: the figure with the ends of its 95 % interval, NaN where none was taken; None: it was not measured.
        n: how many videos it is taken from; 0: that is not told.
        detail: what else there is to say, such as which group is the worst, or why it was not measured.
        slice: split, or part of the test videos ("in context"); "" where the figure is of no part.
        run: the folder's name, or the audited model's; "" for a figure over several runs.
        recipe: what the run is called without its seed.
        seed: of training; "all" over seeds, "" where none is known.
    """

    metric: str
    interval: Interval | None
    n: int = 0
    detail: str = ""
    slice: str = ""
    run: str = ""
    recipe: str = ""
    seed: str = ""

    @property
    def value(self) -> float | None:
        """The figure itself; None where it was not measured."""
        return None if self.interval is None else self.interval.value

    @property
    def path(self) -> str:
        """Slice and metric, as results.csv names them."""
        return f"{self.slice}/{self.metric}" if self.slice else self.metric


def figure_of(metric: str, value: float | None, **more: Any) -> Figure:
    """A figure without an interval."""
    return Figure(metric, None if value is None else Interval(value, math.nan, math.nan), **more)


LEADING = ("top1", "mAP/thumos/average", "frame_mAP/act")
"""Figures that a split is told by, whatever the task."""


def leading(figures: Sequence[Figure], splits: Sequence[str]) -> list[Figure]:
    """The figure that tells most of each split, where it was measured: the first of those that `LEADING` names."""
    known = [figure for figure in figures if figure.value is not None and figure.metric.startswith(LEADING)]
    of_split = [next((figure for figure in known if figure.slice == split), None) for split in splits]
    return [figure for figure in of_split if figure is not None]


def write_figures(path: Address | Place, figures: Sequence[Figure]) -> None:
    """Writes them, in their order, whole or not at all."""
    empty = Interval(math.nan, math.nan, math.nan)
    rows = [
        (figure.run, figure.recipe, figure.seed, figure.slice, figure.metric, ends.value, ends.low, ends.high,
         figure.n, figure.detail)
        for figure in figures
        for ends in [figure.interval or empty]
    ]  # fmt: skip
    write_table(path, pd.DataFrame(rows, columns=list(COLUMNS)), "figures")


def read_figures(path: Address | Place) -> list[Figure]:
    """Reads what `write_figures` wrote.

    Raises:
        InputError: no such table, or a damaged one.
    """
    rows, _ = read_table(path, "figures", COLUMNS)
    figures = []
    for row in rows.to_dict("records"):
        ends = Interval(*(float(row[name]) for name in ("value", "low", "high")))
        texts = {name: str(row[name]) for name in ("detail", "slice", "run", "recipe", "seed")}
        figures.append(Figure(str(row["metric"]), None if math.isnan(ends.value) else ends, int(row["n"]), **texts))
    return figures


def named(figures: Iterable[Figure], **columns: Any) -> list[Figure]:
    """The same figures with what they are of: run, recipe, seed or slice."""
    return [replace(figure, **columns) for figure in figures]


def figures_in(tree: Mapping[str, Any], *, before: str = "", n: int = 0) -> Iterator[Figure]:
    """The figures in nested names, such as a split's in metrics.json; the names that lead to one are its metric.

    "videos" and "count" say how many videos the figures beside and below them are taken from, and texts are their
    detail. `X_interval` has the ends of the interval of X. What is None was not measured.

    Args:
        tree: name -> number, text, None or another such mapping.
        before: what its names begin with.
        n: how many videos its figures are taken from, where it does not say.
    """
    n = int(tree.get("count", tree.get("videos", n)))
    own = {name: value for name, value in tree.items() if name not in COUNTS and not name.endswith("_interval")}
    detail = ", ".join(f"{name} {value}" for name, value in tree.items() if isinstance(value, str))
    for name, value in own.items():
        if isinstance(value, Mapping):
            yield from figures_in(value, before=f"{before}{name}/", n=n)
        elif value is None:
            yield Figure(f"{before}{name}", None, n, "not measured")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            ends = tree.get(f"{name}_interval") or {}
            interval = Interval(float(value), ends.get("low", math.nan), ends.get("high", math.nan))
            yield Figure(f"{before}{name}", interval, n, detail)


def figures_of_run(metrics: Mapping[str, Any], run: str, seed: int | None) -> list[Figure]:
    """The figures of a tested run.

    Args:
        metrics: what `evaluate` wrote to metrics.json, which runs of older versions have alone.
        run: name of its folder.
        seed: of its training.
    """
    splits = metrics.get("splits") or {}
    figures = [replace(figure, slice=split) for split, tree in splits.items() for figure in figures_in(tree)]
    for name, tree in metrics.items():
        if name in NO_FIGURES or not isinstance(tree, Mapping):
            continue
        for split, part in tree.items():
            if isinstance(part, Mapping):
                figures += [replace(figure, slice=split) for figure in figures_in(part, before=f"{name}/")]
        alone = {key: value for key, value in tree.items() if not isinstance(value, Mapping)}
        figures += figures_in(alone, before=f"{name}/")
    return named(figures, run=run, recipe=recipe_named(run), seed="" if seed is None else str(seed))


def read_tested(run: Path, seed: int | None) -> list[Figure]:
    """The figures of a run folder that `evaluate` has tested; none where it has not.

    Args:
        run: the folder.
        seed: of its training, for runs that were tested before there were tables of figures.

    Raises:
        InputError: a damaged table.
    """
    folder = tested_folder(run)
    if (folder / FILE).is_file():
        return read_figures(folder / FILE)
    metrics = folder / "metrics.json"
    return figures_of_run(read_json(metrics, dict), run.name, seed) if metrics.is_file() else []


def tested_folder(run: Path) -> Path:
    """Where what a run said in its test lies; of runs that `fuse` joined in the folder itself."""
    own = run / "evaluation"
    return own if own.is_dir() or not (run / FILE).is_file() else run


def tested_settings(run: Path) -> dict[str, Any]:
    """What the figures of a run folder depend on besides it; empty where that was not kept."""
    file = tested_folder(run) / "metrics.json"
    told = read_json(file, dict).get("settings") if file.is_file() else None
    return told if isinstance(told, dict) else {}


def recipe_named(run: str) -> str:
    """A run's name without its seed. A number at the end is the seed's only where it says so: 'set1' may be a name."""
    return re.sub(r"[-_ .]+(seed|s)[-_ .]*\d+$|(?<=.)seed[-_ .]*\d+$", "", run) or run
