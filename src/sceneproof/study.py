"""A study: several recipes, several seeds, one evaluation for all, one page."""

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from sceneproof.arguments import parse
from sceneproof.errors import InputError, TrainingError
from sceneproof.evaluate import evaluate, settings_of
from sceneproof.files import read_json, write_json
from sceneproof.report import report
from sceneproof.results import add_report, add_results
from sceneproof.run import Run
from sceneproof.train import train


@dataclass(frozen=True)
class Row:
    """One run of a study.

    Attributes:
        folder: where the run goes.
        training: keyword arguments of `train`.
        testing: keyword arguments of `evaluate`, without the run; None: the run is not tested.
    """

    folder: Path
    training: Mapping[str, Any]
    testing: Mapping[str, Any] | None


def study(
    recipes: Sequence[Path],
    manifest: Path,
    out: Path,
    *,
    seeds: Sequence[int] = (0,),
    starts: Sequence[Path] = (),
    learning_rates: Sequence[float] = (),
    tuning_seed: int = 1000,
    scenes: Path | None = None,
    humans: Path | None = None,
    splits: Sequence[str] = ("test",),
    clips: int = 0,
    probe_split: str | None = None,
    root: Path | None = None,
    results: Path | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
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
        learning_rates: try each of these for every recipe and take the one that is best on the validation split: the
            same budget for every row. Without it, the recipes' own.
        tuning_seed: seed of these trials, which is none of the seeds that are reported.
        scenes: table of soft scene labels.
        humans: table of person boxes or masks.
        splits: splits to test on.
        clips: evenly spaced test clips a video; 0: every non-overlapping clip.
        probe_split: split that trains the linear probes for scene leakage.
        root: folder that the manifest's paths start from, where it is not the manifest's own.
        results: a results.csv to add the figures to.
        baseline: the recipe that the page compares with, by its name; by default the plain one.
        debiased: the recipe that the page's headline is about, by its name; by default the full SDN.
        jobs: runs at a time, each in its own process; for a GPU that one small run leaves idle.
        memory: keep decoded videos in memory.
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    refuse_torchrun("study")
    if starts and learning_rates:
        raise InputError("--starts and --learning_rates: a transfer takes its recipes' own learning rates")
    out = Path(out)
    given = [f"--{name}={value}" for name, value in (("scenes", scenes), ("humans", humans), ("root", root)) if value]
    given += [f"--memory={str(memory).lower()}", f"--quiet={str(quiet).lower()}"]
    testing = {
        "manifest": manifest, "splits": splits, "clips": clips, "scenes": scenes, "humans": humans,
        "probe_split": probe_split, "root": root, "quiet": quiet,
    }  # fmt: skip

    def row(recipe: Path, folder: Path, seed: int, *more: str) -> Row:
        words = [str(manifest), str(folder), f"--config={recipe}", f"--seed={seed}", *given, *more]
        return Row(folder, parse(train, words, str(recipe)), testing)

    rates: dict[Path, list[str]] = {recipe: [] for recipe in recipes}
    if learning_rates:
        rates = _tune(
            recipes,
            learning_rates,
            out / "tuning",
            lambda recipe, folder, rate: row(recipe, folder, tuning_seed, rate),
            jobs,
        )
    if starts:
        rows = [
            row(
                recipe,
                out / f"{recipe.stem}-from-{start.name}",
                int(Run.open(start).config["seed"]),
                f"--weights={start}",
            )
            for start in starts
            for recipe in recipes
        ]
    else:
        rows = [
            row(recipe, out / f"{recipe.stem}-seed{seed}", seed, *rates[recipe]) for seed in seeds for recipe in recipes
        ]
    execute(rows, jobs=jobs)
    page = report(
        [done.folder for done in rows], out / "report.html", manifest=manifest, humans=humans, root=root,
        baseline=baseline, debiased=debiased, quiet=quiet,
    )  # fmt: skip
    if results is not None:
        prefix = f"{recipes[0].resolve().parent.name}/"
        names = {one["run"]: prefix + one["recipe"] for one in read_json(page.with_suffix(".json"))["runs"]}
        for done in rows:
            name = names[done.folder.name]
            add_results(results, name, Run.open(done.folder), read_json(done.folder / "evaluation" / "metrics.json"))
        add_report(results, page.with_suffix(".json"), prefix=prefix)
    return page


def _tune(
    recipes: Sequence[Path],
    learning_rates: Sequence[float],
    out: Path,
    row: Callable[[Path, Path, str], Row],
    jobs: int,
) -> dict[Path, list[str]]:
    """Each recipe's flag for the learning rate that was best on the validation split, which is in context."""
    trials = {
        (recipe, rate): row(recipe, out / f"{recipe.stem}-lr{rate:g}", f"--optimisation.lr={rate}")
        for recipe in recipes
        for rate in learning_rates
    }
    execute([replace(trial, testing=None) for trial in trials.values()], jobs=jobs)
    best = {recipe: _best({rate: trials[recipe, rate].folder for rate in learning_rates}) for recipe in recipes}
    write_json(out / "chosen.json", {recipe.stem: rate for recipe, rate in best.items()})
    return {recipe: [f"--optimisation.lr={rate}"] for recipe, rate in best.items()}


def _best(trials: Mapping[float, Path]) -> float:
    """The learning rate with the best validation result: the highest top-1, then the lowest loss; in context only."""

    def result(rate: float) -> tuple[float, float]:
        figures = [record for record in Run.open(trials[rate]).history() if "validation/top1" in record]
        return max((record["validation/top1"], -record["validation/loss"]) for record in figures)

    return max(trials, key=result)


def refuse_torchrun(command: str) -> None:
    """Raises InputError in a process that torchrun started: each would do every run."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(f"sceneproof {command}: start it without torchrun; `sceneproof study --jobs N` runs several")


def execute(rows: Sequence[Row], *, jobs: int = 1) -> None:
    """Trains and tests every row that is not done yet, `jobs` at a time.

    Where one fails, or on Ctrl-C, those that are running are ended; each goes on from its checkpoint next time.

    Raises:
        TrainingError: a process was killed from outside.
    """
    if jobs == 1:
        for row in rows:
            _one(row)
        return
    threads = max((os.cpu_count() or 1) // jobs, 1)
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        try:
            _run_all(pool, rows, jobs)
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            # Ctrl-C in a terminal reached them too: let them write their checkpoints
            _end(
                set(multiprocessing.active_children()) - others, grace=5 if isinstance(error, KeyboardInterrupt) else 0
            )
            if isinstance(error, BrokenProcessPool):
                raise TrainingError(
                    "a run's process was killed, perhaps for want of memory: start again with fewer --jobs to go on"
                ) from None
            raise


def _run_all(pool: ProcessPoolExecutor, rows: Sequence[Row], jobs: int) -> None:
    """Hands out a row when a process is free, so that none waits in a queue where it can no longer be called back."""
    waiting, running = list(rows), set[Future[None]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            running.add(pool.submit(_one, waiting.pop(0)))
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()


def _end(processes: set[BaseProcess], *, grace: float) -> None:
    """Asks processes to end, those that are still there after `grace` seconds."""
    until = time.monotonic() + grace
    for process in processes:
        process.join(max(until - time.monotonic(), 0))
    for process in processes:
        process.terminate()


def _one(row: Row) -> None:
    train(**row.training)
    if row.testing is None:
        return
    figures = row.folder / "evaluation" / "metrics.json"
    if not figures.exists() or read_json(figures).get("settings") != settings_of(row.testing):
        evaluate(row.folder, **row.testing)
