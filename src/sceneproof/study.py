"""A study: several recipes, several seeds, one evaluation for all, one page."""

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sceneproof.arguments import parse
from sceneproof.evaluate import evaluate
from sceneproof.files import read_json
from sceneproof.report import report
from sceneproof.run import Run
from sceneproof.train import train


@dataclass(frozen=True)
class Row:
    """One run of a study.

    Attributes:
        name: the recipe's name.
        folder: where the run goes.
        training: keyword arguments of `train`.
        testing: keyword arguments of `evaluate`, without the run.
    """

    name: str
    folder: Path
    training: Mapping[str, Any]
    testing: Mapping[str, Any]


def study(
    recipes: Sequence[Path],
    manifest: Path,
    out: Path,
    *,
    seeds: Sequence[int] = (0,),
    starts: Sequence[Path] = (),
    scenes: Path | None = None,
    humans: Path | None = None,
    splits: Sequence[str] = ("test",),
    clips: int = 0,
    probe_split: str | None = None,
    root: Path | None = None,
    results: Path | None = None,
    jobs: int = 1,
    memory: bool = False,
    quiet: bool = False,
) -> Path:
    """Trains and tests every recipe with every seed, then writes one page. Run it again to go on after a stop.

    Args:
        recipes: YAML files with options of `sceneproof train`; a run is named after its recipe and seed.
        manifest: the table of videos.
        out: folder for the runs and the page.
        seeds: one run each.
        starts: run folders to start from (transfer): every recipe is trained from each of them, with its seed.
        scenes: table of soft scene labels.
        humans: table of person boxes or masks.
        splits: splits to test on.
        clips: evenly spaced test clips a video; 0: every non-overlapping clip.
        probe_split: split that trains the linear probes for scene leakage.
        root: folder that the manifest's paths start from, where it is not the manifest's own.
        results: a results.csv to add the figures to.
        jobs: runs at a time, each in its own process; for a GPU that one small run leaves idle.
        memory: keep decoded videos in memory.
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    testing = {
        "manifest": manifest, "splits": splits, "clips": clips, "scenes": scenes, "humans": humans,
        "probe_split": probe_split, "root": root, "quiet": quiet,
    }  # fmt: skip
    given = [f"--{name}={value}" for name, value in (("scenes", scenes), ("humans", humans), ("root", root)) if value]
    given += [f"--memory={str(memory).lower()}", f"--quiet={str(quiet).lower()}"]
    rows: list[Row] = []
    for recipe in recipes:
        for seed, start in [(seed, None) for seed in seeds] if not starts else [(_seed(path), path) for path in starts]:
            name = recipe.stem if start is None else f"{recipe.stem}-from-{_family(start)}"
            folder = Path(out) / f"{name}-seed{seed}"
            words = [str(manifest), str(folder), f"--config={recipe}", f"--seed={seed}", *given]
            words += [f"--weights={start}"] if start is not None else []
            rows.append(Row(name, folder, parse(train, words, f"{recipe}"), testing))
    execute(rows, jobs=jobs)
    if results is not None:
        for row in rows:
            add_results(results, row.name, Run.open(row.folder), read_json(row.folder / "evaluation" / "metrics.json"))
    return report([row.folder for row in rows], Path(out) / "report.html", manifest=manifest, humans=humans, root=root)


def execute(rows: Sequence[Row], *, jobs: int = 1) -> None:
    """Trains and tests every row that is not done yet, `jobs` at a time."""
    if jobs == 1:
        for row in rows:
            _one(row)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in [pool.submit(_one, row) for row in rows]:
            future.result()


def _one(row: Row) -> None:
    train(**row.training)
    if not (row.folder / "evaluation" / "metrics.json").exists():
        evaluate(row.folder, **row.testing)


def _seed(run: Path) -> int:
    return int(Run.open(run).config["seed"])


def _family(run: Path) -> str:
    """A run's name without its seed."""
    return run.name.rpartition("-seed")[0] or run.name
