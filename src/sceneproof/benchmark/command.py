"""`sceneproof benchmark`: trains and tests every method in every world, and writes one page about all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from sceneproof import locks
from sceneproof.arguments import parse
from sceneproof.benchmark.config import HEADLINE, PLAIN, SEED, Config, Contender, Reference, World
from sceneproof.benchmark.recording import Tested, recipe_of
from sceneproof.commands import task_of_recipe
from sceneproof.errors import InputError
from sceneproof.execution import Row, execute, refuse_torchrun, tried
from sceneproof.files import whole, write_json
from sceneproof.pages.benchmark import Arena, write_page
from sceneproof.per_video import read_per_video
from sceneproof.report import page_of, report
from sceneproof.results import SETTING, read_settings
from sceneproof.run import task_of
from sceneproof.studies.statics import FOLDER, StaticMeasure, measure, testing
from sceneproof.terminal import visible
from sceneproof.train import prepare_training, train
from sceneproof.wording import counted


@locks.alone(locks.out)
def benchmark(
    setup: Path,
    out: Path,
    *,
    data: Path | None = None,
    worlds: Sequence[str] = (),
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
    jobs: int = 1,
    workers: int = 0,
    memory: bool = False,
    results: Path | None = None,
    per_video: Path | None = None,
    settings: Path | None = None,
    untuned: bool = False,
    trust: Sequence[str] | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> Path:
    """Trains every method in every world with every seed, after the same number of trials each, and writes one page.

    Run it again to go on after a stop, or with more methods or seeds: what is done is not done again. What a world's
    data cannot give a method (scene labels, people, pixels) is said before anything is trained, and stands on the page.

    Args:
        setup: YAML with worlds, methods, seeds and the learning rates to try; recipes/benchmark.yaml is one.
        out: folder for the runs and the page, OUT/benchmark.html.
        data: folder with the worlds' tables and weights; by default the setup's own.
        worlds: some of the setup's; by default all.
        methods: some of the setup's, besides plain training; by default all. One of your own by its import
            path, with --trust: it gets its row.
        seeds: in place of the setup's.
        jobs: runs at a time, each in its own process.
        workers: loader processes of each run; 0 loads in the run's own process.
        memory: keep decoded videos in memory.
        results: a results.csv to add the figures to, under benchmark-WORLD/METHOD.
        per_video: a table that keeps what each run made of each test video: seeds that other machines added to it
            count in the gains of --results.
        settings: a results.csv that this benchmark added to before: the learning rates and strengths that its trials
            chose, in place of trials; so further seeds can be trained elsewhere.
        untuned: try nothing: each method runs as the setup says, at the recipe's learning rate. Give it another OUT
            than a tuned benchmark.
        trust: modules or classes (mypackage, mypackage.models.Net) that the setup and --methods may name
            besides sceneproof's own. To import them executes their code.
        dry_run: check all, say what would be run, and train nothing.
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file and the key.
        TrainingError: a run cannot go on; says why.
    """
    refuse_torchrun("benchmark")
    asked = Config.read(setup, data=data, trust=trust).part(worlds, methods, trust)
    asked = replace(asked, seeds=list(seeds)) if seeds else asked
    if untuned and settings is not None:
        raise InputError("--untuned tries nothing and --settings takes what trials chose: give one of them")
    asked = replace(asked, learning_rates=[], further_rates=[]) if untuned or settings is not None else asked
    asked.check(str(setup))
    outside = {"workers": workers, "memory": memory, "quiet": quiet, "trust": trust}
    places = [Place(world, Path(out) / world.name, outside) for world in asked.worlds]
    plans = [place.plan(asked) for place in places]
    for plan in plans:
        plan.settled(asked, settings)
        print(plan.told(asked))
    if per_video is not None:
        read_per_video(per_video)  # a damaged table is told now, not after the last run
    if dry_run:
        return Path(out)
    arenas = [plan.run(asked, jobs=jobs, results=results, per_video=per_video, settings=settings) for plan in plans]
    source = None if settings is None else Path(settings).name
    page = write_page(Path(out) / "benchmark.html", arenas, trust=trust, trials=asked.trials, settings=source)
    if not quiet:
        print(visible(f"written: {page}, .json"))
    return page


@dataclass(frozen=True)
class Place:
    """A world, and where its runs go.

    Attributes:
        world: the data.
        folder: for its runs.
        outside: arguments of `train` that change no result.
    """

    world: World
    folder: Path
    outside: Mapping[str, Any]

    def row(self, contender: Contender, folder: Path, seed: int, **changed: Any) -> Row:
        """A run to be trained and tested.

        Args:
            contender: the method.
            folder: of the run.
            seed: of the run.
            changed: "lr", and arguments of the method that are not as the configuration says.
        """
        world, rate = self.world, changed.pop("lr", None)
        arguments = {
            **(contender.method.get("init_args") or {}), **world.changed.get(contender.name, {}), **changed
        }  # fmt: skip
        options = {**world.recipe, "method": {"class_path": contender.method["class_path"], "init_args": arguments}}
        if rate is not None:
            options["optimisation"] = {**(options.get("optimisation") or {}), "lr": rate}
        recipe = self.folder / "recipes" / f"{folder.name}.yaml"
        recipe.parent.mkdir(parents=True, exist_ok=True)
        with whole(recipe) as temporary:
            temporary.write_text(yaml.safe_dump(json.loads(json.dumps(options)), sort_keys=False), encoding="utf-8")
        tables = {name: value for name, value in world.tables.items() if name != "manifest"}
        given = [f"--{name}={value}" for name, value in tables.items()]
        if world.weights:
            given.append(f"--weights={world.weights.replace(SEED, str(seed))}")
        trust = self.outside["trust"]
        given += ["--trust", *trust] if trust else []
        given += [f"--{name}={json.dumps(self.outside[name])}" for name in ("memory", "quiet", "workers")]
        words = [world.tables["manifest"], str(folder), f"--config={recipe}", f"--seed={seed}", *given]
        training = parse(train, words, str(recipe), task=task_of_recipe(recipe, trust))
        tables["manifest"] = world.tables["manifest"]
        testing = {**tables, **world.testing, "workers": self.outside["workers"]}
        return Row(folder, training, {**testing, "quiet": self.outside["quiet"], "trust": trust})

    def static_options(self) -> dict[str, Any]:
        """Options of `evaluate` for the test on people without their places, and in stills."""
        world = self.world
        options = testing(world.static, world.testing["splits"][0], int(world.testing.get("clips", 0)))
        return {**options, **{name: self.outside[name] for name in ("workers", "quiet", "trust")}}

    def beside(self, reference: Reference) -> "Place":
        """The same place with a reference's videos and weights."""
        return replace(self, world=replace(self.world, tables=reference.tables, weights=reference.weights))

    def plan(self, config: Config) -> "Plan":
        """Which methods can be run here, and why the others cannot: each is made once, with its weights.

        Writes nothing that stays.
        """
        if self.world.static:
            self.static_options()
        with TemporaryDirectory() as passing:
            return self._plan(config, replace(self, folder=Path(passing)))

    def _plan(self, config: Config, passing: "Place") -> "Plan":
        needs, refused = dict[str, list[str]](), dict[str, str]()
        for contender in config.contenders:
            if contender.name in self.world.without:
                refused[contender.name] = self.world.without[contender.name]
                continue
            row = passing.row(contender, passing.folder / contender.name, config.seeds[0])
            try:
                prepared = prepare_training(row.training)
            except InputError as error:
                if contender.name == PLAIN:
                    raise  # then nothing can be trained here
                refused[contender.name] = str(error)
                continue
            needs[contender.name] = sorted(getattr(prepared.network, "needs", ()))
            if contender.name == PLAIN:
                for name, reference in self.world.references.items():
                    row = passing.beside(reference).row(contender, passing.folder / name, config.seeds[0])
                    prepare_training(row.training)
        return Plan(self, needs, refused)


@dataclass(frozen=True)
class Plan:
    """What is run in a world.

    Attributes:
        place: the world and its folder.
        needs: what each method that is run needs besides clips and actions, by its name.
        refused: why the others are not.
    """

    place: Place
    needs: Mapping[str, list[str]]
    refused: Mapping[str, str]

    def told(self, config: Config) -> str:
        """What will be run, in words."""
        references = self.place.world.references
        runs = len(self.needs) * (config.trials + len(config.seeds)) + len(references) * len(config.seeds)
        lines = [
            f"{self.place.world.name}: {counted(len(self.needs), 'method')}, {counted(config.trials, 'trial')} and "
            f"{counted(len(config.seeds), 'seed')} each: {counted(runs, 'run')}",
            *(f"  for scale {name}: {reference.about}" for name, reference in references.items()),
        ]
        return "\n".join([*lines, *(f"  without {name}: {reason}" for name, reason in self.refused.items())])

    def settled(self, config: Config, settings: Path | None) -> dict[str, dict[str, float]]:
        """Each method's learning rate and strength of a results.csv; empty without one.

        Raises:
            InputError: the file has none of a method that is run here.
        """
        if settings is None:
            return {contender.name: {} for contender in self._able(config)}
        chosen = {}
        for contender in self._able(config):
            recipe = recipe_of(self.place.world.name, contender.name)
            values = read_settings(settings, recipe)
            wanted = {"lr": "lr", "strength": contender.strength} if contender.strength else {"lr": "lr"}
            if missing := [name for name in wanted if name not in values]:
                raise InputError(
                    f"--settings {settings}: has no {SETTING}{missing[0]} of {recipe}: run the trials of this method "
                    f"with --results, or leave it out with --methods"
                )
            chosen[contender.name] = {argument: values[name] for name, argument in wanted.items()}
        return chosen

    def _able(self, config: Config) -> list[Contender]:
        return [contender for contender in config.contenders if contender.name in self.needs]

    def run(
        self, config: Config, *, jobs: int, results: Path | None, per_video: Path | None, settings: Path | None
    ) -> Arena:
        """Tries, trains and tests all, and writes the world's own page."""
        place = self.place
        contenders = self._able(config)
        chosen = self._tuned(config, contenders, jobs) if config.trials else self.settled(config, settings)
        compared = {
            (contender.name, seed): place.row(
                contender, place.folder / f"{contender.name}-seed{seed}", seed, **chosen[contender.name]
            )
            for seed in config.seeds
            for contender in contenders
        }
        plain = next(contender for contender in contenders if contender.name == PLAIN)
        scale = {
            (name, seed): place.beside(reference).row(plain, place.folder / f"{name}-seed{seed}", seed, **chosen[PLAIN])
            for name, reference in place.world.references.items()
            for seed in config.seeds
        }
        rows = [*compared.values(), *scale.values()]
        execute(rows, jobs=jobs)
        statics = self._statics(compared, jobs)
        folders = [row.folder for row in rows]
        told = next((contender.name for contender in contenders if contender.name == HEADLINE), None)
        page_kind = page_of(task_of(rows[0].training["task"], trust=place.outside["trust"]))
        page = report(
            folders, place.folder / "report.html", manifest=place.world.tables["manifest"],
            root=place.world.tables.get("root"), title=place.world.title, baseline=PLAIN, debiased=told,
            humans=place.world.tables.get("humans") if page_kind.humans else None, trust=place.outside["trust"],
            quiet=place.outside["quiet"],
        )  # fmt: skip
        runs = {key: row.folder for key, row in {**compared, **scale}.items()}
        tested = Tested(place.world.name, page, runs, statics, place.outside["trust"])
        if results is not None:
            tested.add_results(results, contenders, others_count=per_video is not None)
        if per_video is not None:
            tested.add_videos(per_video, results)
        world = place.world
        references = {name: reference.about for name, reference in world.references.items()}
        return Arena(
            world.name, world.title, world.about, folders, self.needs, self.refused, chosen, references, statics
        )

    def _statics(self, rows: Mapping[tuple[str, int], Row], jobs: int) -> dict[str, dict[str, StaticMeasure]]:
        """Tests the trained runs on people without their places, and in stills, where the world has these videos."""
        if not self.place.world.static:
            return {}
        options, runs = self.place.static_options(), dict[str, dict[int, Path]]()
        for (name, seed), row in rows.items():
            runs.setdefault(name, {})[seed] = row.folder
        execute([replace(row, testing={**options, "out": row.folder / FOLDER}) for row in rows.values()], jobs=jobs)
        return measure(runs, PLAIN)

    def _tuned(self, config: Config, contenders: Sequence[Contender], jobs: int) -> dict[str, dict[str, float]]:
        """Each method's learning rate and strength: the best on the validation split, which is in context.

        The rates come first, with the method's own strength; then the strengths, at the best rate. Writes
        tuning/chosen.json.
        """
        first = {contender.name: [{"lr": rate} for rate in config.learning_rates] for contender in contenders}
        reached = self._trials(config, contenders, first, jobs)
        second = {}
        for contender in contenders:
            rate = max(reached[contender.name], key=lambda trial: trial[1])[0]["lr"]
            further = (
                [{"lr": rate, contender.strength: value} for value in contender.strengths]
                if contender.strength
                else [{"lr": further_rate} for further_rate in config.further_rates]
            )
            second[contender.name] = further
        more = self._trials(config, contenders, second, jobs)
        every = {name: [*reached[name], *more[name]] for name in reached}
        chosen = {name: max(trials, key=lambda trial: trial[1])[0] for name, trials in every.items()}
        told = {
            name: {"chosen": chosen[name], "trials": [{**what, "top1": figure[0]} for what, figure in trials]}
            for name, trials in every.items()
        }
        write_json(self.place.folder / "tuning" / "chosen.json", told)
        return chosen

    def _trials(
        self, config: Config, contenders: Sequence[Contender], trials: Mapping[str, list[dict[str, float]]], jobs: int
    ) -> dict[str, list[tuple[dict[str, float], tuple[float, float]]]]:
        """What each trial reached on the validation split, by the method's name."""
        folder = self.place.folder / "tuning"
        rows = {
            (contender.name, number): self.place.row(
                contender,
                folder / "-".join([contender.name, *(f"{key}{value:g}" for key, value in trial.items())]),
                config.tuning_seed,
                **trial,
            )
            for contender in contenders
            for number, trial in enumerate(trials[contender.name])
        }
        figures = dict(zip(rows, tried(list(rows.values()), jobs=jobs), strict=True))
        return {
            contender.name: [
                (trial, figures[contender.name, number]) for number, trial in enumerate(trials[contender.name])
            ]
            for contender in contenders
        }
