"""Late fusion: what several tested runs say of the same videos, joined by weights, as in two-stream networks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError
from sceneproof.evaluate import Evaluation
from sceneproof.figures import FILE, figures_of_run, recipe_named, write_figures
from sceneproof.files import write_json
from sceneproof.results import add_figures
from sceneproof.run import Run
from sceneproof.tasks import Classification
from sceneproof.tasks.classification.scoring import by_video, figures

COLUMNS = ("video", "split", "action", "scene", "context", "group", "problem", "scores")
"""Of predictions.parquet, that are needed."""
KEPT = COLUMNS[:-1]


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
    """Joins the answers of tested classifiers, of frames and of optical flow, say, and takes the figures.

    Each run must have been tested (`sceneproof evaluate`) on the same splits of the same videos. Probabilities are
    averaged with the shares as weights: the late fusion of two-stream networks (Simonyan and Zisserman, NeurIPS 2014).
    A video that one of them could not read counts as missed.

    Args:
        runs: the run folders, two or more.
        out: the folder to write: predictions.parquet, figures.parquet and metrics.json, as `evaluate` writes them.
        shares: how much each counts, in their order; by default all the same. Choose them on a validation split: shares
            that were chosen on what is then reported are chosen by its answers.
        results: a results.csv to add the figures to, as the recipe fused/ with the name of `out` less its seed.
        trust: modules or classes that the runs' configurations may name besides sceneproof's own.
        quiet: print nothing.

    Returns:
        The joint predictions and their figures.

    Raises:
        InputError: one run, runs that were not tested, other actions, or other videos.
    """
    if len(runs) < 2:
        raise InputError(f"give two runs or more to join, not {len(runs)}")
    weights = np.ones(len(runs)) if shares is None else np.array(shares, np.float64)
    if len(weights) != len(runs) or not (np.isfinite(weights).all() and (weights > 0).all()):
        raise InputError(f"--shares: give a number above 0 for each of the {len(runs)} runs, not {list(shares or ())}")
    opened = [Run.open(path, trust=trust) for path in runs]
    tables = [_tested(run) for run in opened]
    for run, table in zip(opened[1:], tables[1:], strict=True):
        _refuse_others(opened[0], tables[0], run, table)
    scores = [_scores(table, len(opened[0].actions)) for table in tables]
    joint = np.einsum("r,rna->na", weights / weights.sum(), np.stack(scores))
    rows = tables[0][list(KEPT)].reset_index(drop=True)
    problems = [table["problem"].fillna("").astype(str).to_numpy() for table in tables]
    rows["problem"] = [next(filter(None, some), "") for some in zip(*problems, strict=True)]
    rows["scores"] = list(joint.astype(np.float32))
    name = "+".join(run.name for run in opened)
    metrics: dict[str, Any] = {
        "run": name,
        "runs": [str(run.path) for run in opened],
        "shares": (weights / weights.sum()).tolist(),
        "splits": {split: _figures(part, opened[0].actions) for split, part in rows.groupby("split", sort=False)},
    }
    out = Path(out)
    write_table(out / "predictions.parquet", rows, "predictions", actions=opened[0].actions, run=name)
    seeds = {run.seed for run in opened}
    measured = figures_of_run(metrics, name, seeds.pop() if len(seeds) == 1 else None)
    write_figures(out / FILE, measured)
    write_json(out / "metrics.json", metrics, sealed=True)
    if results is not None:
        add_figures(results, measured, opened[0].commit, recipe=f"fused/{recipe_named(out.name)}")
    if not quiet:
        for split, said in metrics["splits"].items():
            part = (rows["split"] == split).to_numpy()
            each = [
                f"{run.name} {by_video('top1', own[part], _truth(rows[part], run.actions)).mean():.1%}"
                for run, own in zip(opened, scores, strict=True)
            ]
            print(f"{split}: {', '.join(each)}; together {said['top1']:.1%} of {said['videos']} videos")
    return Evaluation({"predictions": rows}, metrics)


def _tested(run: Run) -> pd.DataFrame:
    """What a run said when it was tested, by split and video.

    Raises:
        InputError: it is no classifier, or was not tested.
    """
    if not isinstance(run.task, Classification):
        raise InputError(f"{run.path}: a run of {run.task.name}: classifiers alone are joined")
    file = run.path / "evaluation" / "predictions.parquet"
    if not file.is_file():
        raise InputError(f"{run.path}: was not tested: run `sceneproof evaluate {run.path} MANIFEST` first")
    rows, _ = read_table(file, "predictions", COLUMNS)
    return rows.sort_values(["split", "video"], kind="stable").reset_index(drop=True)


def _refuse_others(first: Run, rows: pd.DataFrame, run: Run, others: pd.DataFrame) -> None:
    """Raises InputError where two runs do not answer the same question of the same videos."""
    if first.actions != run.actions:
        raise InputError(f"{run.path}: knows other actions than {first.path}: their scores cannot be joined")
    for name in ("split", "video", "action"):
        if rows[name].tolist() != others[name].tolist():
            raise InputError(
                f"{run.path}: was tested on other videos than {first.path} ({len(others)} and {len(rows)}; column "
                f"{name!r}): test both on the same splits of the same videos"
            )


def _scores(rows: pd.DataFrame, actions: int) -> NDArray[np.float64]:
    """Probabilities (N, A); rows of NaN where a video could not be read."""
    return np.array([np.full(actions, np.nan) if values is None else values for values in rows["scores"]], np.float64)


def _figures(part: pd.DataFrame, actions: Sequence[str]) -> dict[str, Any]:
    scores = np.stack(part["scores"].to_list())
    return figures(part, scores, np.full_like(scores, np.nan), _truth(part, actions))


def _truth(part: pd.DataFrame, actions: Sequence[str]) -> NDArray[np.int64]:
    """Numbers of the true actions, (N,); -1 of one that the runs do not know."""
    number = {action: place for place, action in enumerate(actions)}
    return np.array([number.get(str(action), -1) for action in part["action"]], np.int64)
