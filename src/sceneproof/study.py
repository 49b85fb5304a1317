"""A study: several recipes, several seeds, one evaluation for all, one page."""

from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.arguments import parse
from sceneproof.commands import task_of_recipe
from sceneproof.errors import InputError
from sceneproof.execution import Row, execute, refuse_torchrun, tried
from sceneproof.files import write_json
from sceneproof.report import page_of, report
from sceneproof.results import add_study
from sceneproof.run import Run
from sceneproof.task import Task
from sceneproof.tasks import Classification
from sceneproof.train import train
from sceneproof.trust import check_prefixes


@locks.alone(locks.out)
def study(
    recipes: Sequence[Path],
    manifest: Address,
    out: Path,
    *,
    seeds: Sequence[int] = (0,),
    starts: Sequence[Path] = (),
    weights: Path | None = None,
    learning_rates: Sequence[float] = (),
    tuning_seed: int = 1000,
    tuning_start: Path | None = None,
    scenes: Address | None = None,
    humans: Address | None = None,
    features: Path | None = None,
    splits: Sequence[str] = ("test",),
    root: Address | None = None,
    results: Path | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    jobs: int = 1,
    workers: int = 0,
    memory: bool = False,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
    **options: Any,
) -> Path:
    """Trains and tests every recipe with every seed, then writes one page. Run it again to go on after a stop.

    Args:
        recipes: YAML files with options of `sceneproof train`; a run is named after its recipe and seed.
        manifest: the table of videos. It, the tables of labels and the root may be addresses (s3://, gs://, hf://).
        out: folder for the runs and the page.
        seeds: one run each.
        starts: run folders to start from (transfer): every recipe is trained from each of them, with its seed.
        weights: an official checkpoint that every run starts from.
        learning_rates: try each of these for every recipe and take the one that is best on the validation split: the
            same budget for every row. Without it, the recipes' own.
        tuning_seed: seed of these trials, which is none of the seeds that are reported.
        tuning_start: with `starts`: the run folder that these trials start from, none of those that are reported; its
            seed is theirs.
        scenes: table of soft scene labels.
        humans: table of person boxes or masks.
        features: classification: folder that `sceneproof features` made of all these splits, to train and to test on.
            Localization: a folder to keep features of buffers in, so that the runs do not look at videos one by one.
        splits: splits to test on.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        results: a results.csv to add the figures to.
        baseline: the recipe that the page compares with, by its name; by default the plain one.
        debiased: the recipe that the page's headline is about, by its name; by default the full SDN.
        jobs: runs at a time, each in its own process; for a GPU that one small run leaves idle.
        workers: loader processes of each run; 0 loads in the run's own process.
        memory: keep decoded videos in memory.
        trust: modules or classes (mypackage, mypackage.models.Net) that recipes may name besides sceneproof's own. To
            import them executes their code.
        quiet: show no progress.
        options: the task's own of `evaluate`.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    refuse_torchrun("study")
    if learning_rates and bool(starts) != (tuning_start is not None):
        raise InputError("--learning-rates with --starts: give --tuning-start too, a run that the trials start from")
    if tuning_start is not None and Path(tuning_start).resolve() in {Path(start).resolve() for start in starts}:
        raise InputError(f"--tuning-start: {tuning_start} is one of --starts; what is reported must not choose")
    if learning_rates and not starts and tuning_seed in seeds:
        raise InputError(f"--tuning-seed: {tuning_seed} is one of --seeds; what is reported must not choose")
    out = Path(out)
    check_prefixes(trust)
    task = _task(recipes, trust)
    task.refuse_other(
        f"; these are recipes of {task.name}: {recipes[0]}", scenes=scenes, humans=humans, features=features
    )
    task.options(options)
    if weights is not None and starts:
        raise InputError(
            "--weights, --starts: every run starts from the one or from one of the others: give one of them"
        )
    tables = {"scenes": scenes, "humans": humans, "features": features, "root": root}
    given = [f"--{name}={value}" for name, value in {**tables, "weights": weights}.items() if value]
    given += ["--trust", *trust] if trust else []
    given += [f"--memory={str(memory).lower()}", f"--quiet={str(quiet).lower()}", f"--workers={workers}"]
    if "workers" in signature(task.testing).parameters:
        options = {"workers": workers, **options}
    testing = {**tables, "manifest": manifest, "splits": splits, "quiet": quiet, "trust": trust, **options}

    def row(recipe: Path, folder: Path, seed: int, *more: str) -> Row:
        words = [str(manifest), str(folder), f"--config={recipe}", f"--seed={seed}", *given, *more]
        return Row(folder, parse(train, words, str(recipe), task=task), testing)

    def started(recipe: Path, folder: Path, start: Path, *more: str) -> Row:
        return row(recipe, folder, Run.open(start).seed, f"--weights={start}", *more)

    def trial(recipe: Path, folder: Path, rate: str) -> Row:
        if tuning_start is not None:
            return started(recipe, folder, tuning_start, rate)
        return row(recipe, folder, tuning_seed, rate)

    rates: dict[Path, list[str]] = {recipe: [] for recipe in recipes}
    if learning_rates:
        rates = _tune(recipes, learning_rates, out / "tuning", trial, jobs, f"validation/{task.criterion}")
    if starts:
        rows = [
            started(recipe, out / f"{recipe.stem}-from-{start.name}", start, *rates[recipe])
            for start in starts
            for recipe in recipes
        ]
    else:
        rows = [
            row(recipe, out / f"{recipe.stem}-seed{seed}", seed, *rates[recipe]) for seed in seeds for recipe in recipes
        ]
    execute(rows, jobs=jobs)
    page = report(
        [done.folder for done in rows], out / "report.html", manifest=manifest, root=root, baseline=baseline,
        humans=humans if page_of(task).humans else None, debiased=debiased, trust=trust, quiet=quiet,
    )  # fmt: skip
    if results is not None:
        prefix = f"{recipes[0].resolve().parent.name}/"
        add_study(results, page, [done.folder for done in rows], prefix=prefix)
    return page


def _task(recipes: Sequence[Path], trust: Sequence[str] | None) -> Task:
    """The task that all recipes train for.

    Raises:
        InputError: they train for several.
    """
    tasks = {recipe: task_of_recipe(Path(recipe), trust) for recipe in recipes}
    if len({type(task) for task in tasks.values()}) > 1:
        several = "; ".join(f"{recipe}: {task.name}" for recipe, task in tasks.items())
        raise InputError(f"a study has recipes of one task: {several}")
    return next(iter(tasks.values()), Classification())


def _tune(
    recipes: Sequence[Path],
    learning_rates: Sequence[float],
    out: Path,
    row: Callable[[Path, Path, str], Row],
    jobs: int,
    criterion: str,
) -> dict[Path, list[str]]:
    """Each recipe's flag for the learning rate that was best on the validation split, which is in context.

    Writes OUT/chosen.json: every recipe's rates with what they reached.

    Raises:
        InputError: the validation split holds videos out of context.
    """
    flags = {rate: f"--optimisation.lr={rate}" for rate in learning_rates}
    trials = {
        (recipe, rate): row(recipe, out / f"{recipe.stem}-lr{rate:g}", flags[rate])
        for recipe in recipes
        for rate in learning_rates
    }
    reached_by = dict(zip(trials, tried(list(trials.values()), jobs=jobs), strict=True))
    best, told = dict[Path, float](), dict[str, object]()
    for recipe in recipes:
        reached = {rate: reached_by[recipe, rate] for rate in learning_rates}
        best[recipe] = max(reached, key=lambda rate: reached[rate])
        told[recipe.stem] = {
            "chosen": best[recipe],
            criterion: {f"{rate:g}": figure for rate, (figure, _) in reached.items()},
        }
    write_json(out / "chosen.json", told)
    return {recipe: [flags[rate]] for recipe, rate in best.items()}
