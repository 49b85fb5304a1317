"""Late fusion: what several tested runs say of the same videos, joined by weights, as in two-stream networks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sceneproof import locks
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.evaluate import Evaluation
from sceneproof.figures import (
    FILE,
    Figure,
    figures_of_run,
    leading,
    read_tested,
    recipe_named,
    tested_settings,
    write_figures,
)
from sceneproof.files import whole, write_json
from sceneproof.results import add_figures
from sceneproof.run import Run
from sceneproof.task import Tested
from sceneproof.terminal import visible


@locks.alone(locks.out)
def fuse(
    runs: list[Path],
    out: Path,
    *,
    shares: Sequence[float] | None = None,
    results: Path | None = None,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> Evaluation:
    """Joins what tested runs of one task said, of frames and of optical flow, say, and takes the figures.

    Each run must have been tested (`sceneproof evaluate`) on the same splits of the same videos. Scores are averaged
    with the shares as weights: the late fusion of two-stream networks (Simonyan and Zisserman, NeurIPS 2014).
    Classifiers' are probabilities of the same actions. What localizers and detectors find is matched: segments of an
    action in a video, boxes of an action in a frame, that overlap by half or more (IoU), each with one at most, the
    best first. Matched ones stay where the first run has them, with the mean of the scores; what a run did not find
    counts 0 for it. Boxes are linked to tubes anew, with the first run's settings. A video that one of the runs could
    not read counts as missed.

    Args:
        runs: the run folders, two or more, of one task.
        out: the folder to write: predictions.parquet, figures.parquet and metrics.json, as `evaluate` writes them, and
            the task's other tables; `sceneproof report` takes it as a run.
        shares: how much each counts, in their order; by default all the same. Choose them on a validation split: shares
            that were chosen on what is then reported are chosen by its answers.
        results: a results.csv to add the figures to, as the recipe fused/ with the name of `out` less its seed.
        trust: modules or classes that the runs' configurations may name besides sceneproof's own.
        quiet: print nothing.

    Returns:
        The joint predictions and their figures.

    Raises:
        InputError: one run, runs that were not tested, of other tasks or actions, or on other videos; `out` is a run.
    """
    if len(runs) < 2:
        raise InputError(f"give two runs or more to join, not {len(runs)}")
    weights = np.ones(len(runs)) if shares is None else np.array(shares, np.float64)
    if len(weights) != len(runs) or not (np.isfinite(weights).all() and (weights > 0).all()):
        raise InputError(f"--shares: give a number above 0 for each of the {len(runs)} runs, not {list(shares or ())}")
    weights = weights / weights.sum()
    opened, out = [Run.open(path, trust=trust) for path in runs], Path(out)
    _refuse_mixed(opened, out)
    tested = opened[0].task.join(opened, weights.tolist())
    name, first = "+".join(run.name for run in opened), opened[0]
    metrics: dict[str, Any] = {
        "run": name,
        "runs": [str(run.path) for run in opened],
        "shares": weights.tolist(),
        "settings": tested_settings(first.path),
        "splits": tested.splits,
        **tested.figures,
    }
    for table, (kind, rows) in tested.tables.items():
        write_table(out / f"{table}.parquet", rows, kind, actions=first.actions, run=name, **tested.metadata)
    seeds = {run.seed for run in opened}
    measured = figures_of_run(metrics, name, seeds.pop() if len(seeds) == 1 else None)
    write_figures(out / FILE, measured)
    write_json(out / "metrics.json", metrics, sealed=True)
    _write_run(out, opened, weights.tolist())
    if results is not None:
        add_figures(results, measured, first.commit, recipe=f"fused/{recipe_named(out.name)}")
    if not quiet:
        _tell(opened, tested, measured)
        print(visible(f"written: {out}"))
    return Evaluation({table: rows for table, (_, rows) in tested.tables.items()}, metrics)


def _refuse_mixed(runs: Sequence[Run], out: Path) -> None:
    """Raises InputError for runs of several tasks, and for a folder that holds a run that was trained."""
    for run in runs[1:]:
        if run.task.name != runs[0].task.name:
            raise InputError(
                f"{run.path}: a run of {run.task.name}, and {runs[0].path} of {runs[0].task.name}: only runs of one "
                f"task are joined"
            )
    if (out / "config.yaml").is_file() and "fused" not in Run.open(out).config:
        raise InputError(f"{out}: holds a run: choose another folder")


def _write_run(out: Path, runs: Sequence[Run], shares: Sequence[float]) -> None:
    """What makes the folder one that pages read: the first run's configuration, and what was joined."""
    first = runs[0]
    joined = [
        {"run": recipe_named(run.name), "share": round(share, 6)} for run, share in zip(runs, shares, strict=True)
    ]
    write_json(out / "labels.json", {"actions": first.actions, "scenes": first.scenes} | first.known.plain())
    with whole(out / "config.yaml") as temporary:
        temporary.write_text(yaml.safe_dump({**first.config, "fused": joined}, sort_keys=False))


def _tell(runs: Sequence[Run], tested: Tested, measured: Sequence[Figure]) -> None:
    """The leading figure of each split: of each run, and of all together."""
    own = {run.name: {figure.path: figure.value for figure in read_tested(run.path, run.seed)} for run in runs}
    for figure in leading(measured, list(tested.splits)):
        values = [(name, figures.get(figure.path)) for name, figures in own.items()]
        each = ", ".join(f"{name} {'-' if value is None else f'{value:.1%}'}" for name, value in values)
        print(f"{figure.slice}: {each}; together {figure.value:.1%} of {figure.n} videos ({figure.metric})")
