"""Runs that differ in their seed alone are one recipe, whatever their task; what a run says of its method."""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd

from sceneproof.earlier import in_full
from sceneproof.errors import InputError
from sceneproof.methods.base import Learner
from sceneproof.recipes import modern
from sceneproof.run import Run
from sceneproof.trust import class_named

PLAIN = "Plain"
"""The class of plain training, which all others are compared with."""
LOGGED = "train/"
TRAINED_BY = ("task", "backbone", "method", "optimisation")
"""Of a run's configuration: what tells two recipes apart, but for the data."""


@dataclass(frozen=True)
class Described:
    """A method as configured.

    Attributes:
        text: a line to read.
        name: of its class.
        losses: as training logged them, in that order; none where it logged nothing.
        arguments: all that are known of it: those given, and its class's defaults.
        departures: the arguments that were given another value than the default.
        plain: whether it is plain training alone.
        control: whether the scene labels were shuffled, which no method is meant for.
    """

    text: str
    name: str = ""
    losses: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    departures: tuple[str, ...] = ()
    plain: bool = False
    control: bool = False

    @property
    def fullness(self) -> tuple[int, int]:
        """The more losses, and the more of its arguments are as its class has them, the higher."""
        return len(self.losses), -len(self.departures)


@dataclass(frozen=True)
class EvaluatedRun:
    """A run that was tested.

    Attributes:
        run: the run folder.
        figures: what `evaluate` measured, by slice and metric: `reading.tested_figures`.
        truth: what it was tested on: columns video, split, context, action and problem, why a video could not be read.
    """

    run: Run
    figures: dict[str, float]
    truth: pd.DataFrame

    @property
    def seed(self) -> int:
        """The training seed."""
        return self.run.seed


AnyRun = TypeVar("AnyRun", bound=EvaluatedRun)


@dataclass(frozen=True)
class Recipe(Generic[AnyRun]):
    """Runs whose configurations differ in the seed alone, by seed.

    Attributes:
        name: what the runs' folder names have in common.
        tested: its runs.
        method: what they train with.
    """

    name: str
    tested: tuple[AnyRun, ...]
    method: Described

    @property
    def seeds(self) -> list[int]:
        """The training seeds."""
        return [tested.seed for tested in self.tested]

    @property
    def key(self) -> str:
        """The configuration without the seed and what training started from: equal where only these differ."""
        return _text({**in_full(self.tested[0].run.config), "seed": None, "weights": None})


def grouped(tested: Sequence[AnyRun], describe: Callable[[Run], Described]) -> list[Recipe[AnyRun]]:
    """The runs by configuration, in the order in which the first of each was given.

    Raises:
        InputError: two runs of one configuration and seed.
    """
    groups: dict[str, list[AnyRun]] = {}
    for evaluated in tested:
        kept = {key: value for key, value in in_full(evaluated.run.config).items() if key != "seed"}
        if kept.get("weights"):  # a transfer starts each seed from the run of that seed
            kept["weights"] = _start(str(kept["weights"]))
        groups.setdefault(_text(kept), []).append(evaluated)
    every = [sorted(group, key=lambda evaluated: evaluated.seed) for group in groups.values()]
    for by_seed in every:
        for first, second in pairwise(by_seed):
            if first.seed == second.seed:
                raise InputError(
                    f"{first.run.path} and {second.run.path} are one configuration and seed: give one of them"
                )
    return [
        Recipe(name, tuple(by_seed), describe(by_seed[0].run))
        for name, by_seed in zip(_names(every), every, strict=True)
    ]


def _start(weights: str) -> str:
    """What a run started from, without the seed: the name, and how it was trained where it is a run that is there.

    Names alone do not tell whether 'first1' and 'first2' differ in the seed or in what they are.
    """
    config = Run.open(weights).config if (Path(weights) / "config.yaml").is_file() else {}
    return without_seed(weights) + _text({name: config[name] for name in TRAINED_BY if name in config})


def _names(every: Sequence[Sequence[EvaluatedRun]]) -> list[str]:
    """A name for each recipe, of the folders of its runs; no two alike, since figures are kept by it.

    What is called alike is told apart by the first run's folder, and where that is alike, too, by as many of the
    folders above it as it takes.
    """
    names = [stem([evaluated.run.name for evaluated in by_seed]) for by_seed in every]
    paths = [by_seed[0].run.path.resolve() for by_seed in every]
    for above in range(1, max(len(path.parts) for path in paths)):
        names = [
            name if names.count(name) == 1 else "/".join(path.parts[-above:])
            for name, path in zip(names, paths, strict=True)
        ]
    return names


def stem(names: Sequence[str]) -> str:
    """What folder names have in common without the seed: 'sdn-seed0', 'sdn-seed1' give 'sdn'.

    A number at the end of a single name is the seed's only where it says so: 'set1' may be a name.
    """
    if len(names) == 1:
        return re.sub(r"[-_ .]+(seed|s)[-_ .]*\d+$|(?<=.)seed[-_ .]*\d+$", "", names[0]) or names[0]
    stems = {without_seed(name) for name in names}
    return stems.pop() if len(stems) == 1 else names[0]


def without_seed(name: str) -> str:
    """A name without the number at its end."""
    return re.sub(r"[-_ .]*(seed|(?<![A-Za-z])s)?[-_ .]*\d+$", "", name) or name


def named(recipes: Sequence[Recipe[AnyRun]], name: str | None) -> Recipe[AnyRun] | None:
    """The recipe of this name; None for no name.

    Raises:
        InputError: no recipe is called so.
    """
    if name is None:
        return None
    for recipe in recipes:
        if recipe.name == name:
            return recipe
    raise InputError(f"no runs are called {name!r}; there are: {', '.join(recipe.name for recipe in recipes)}")


def described_run(run: Run) -> Described:
    """A run's method.

    Raises:
        InputError: its log cannot be read.
    """
    names = [name for line in run.history() for name in line if name.startswith(LOGGED)]
    return describe(run.config, [name.removeprefix(LOGGED) for name in dict.fromkeys(names)])


def describe(config: Mapping[str, Any], losses: Sequence[str] = ()) -> Described:
    """Reads the method out of a run's configuration; `losses` are those that its training logged."""
    if config.get("fused"):
        return _joined(config)
    spec = config.get("method") or {}
    path, given = str(spec.get("class_path", "")), spec.get("init_args") or {}
    name, defaults = path.rpartition(".")[2], _defaults(path)
    departures = tuple(key for key, value in given.items() if key not in defaults or defaults[key] != value)
    text = " ".join([name or "unknown method", ", ".join(f"{key} {given[key]}" for key in departures)]).strip()
    task = modern(config).get("task")
    settings = task.get("init_args") if isinstance(task, Mapping) else None
    control = bool((settings or {}).get("shuffle_scenes"))
    text += (f": {' + '.join(losses)}" if losses else "") + (" (shuffled scene labels)" if control else "")
    arguments = {**defaults, **given}
    return Described(text, name, tuple(losses), arguments, departures, name == PLAIN and not departures, control)


def described_transfer(run: Run) -> Described:
    """A model and what its backbone was trained with: the method of the run that it started from, where it is."""
    if run.config.get("fused"):
        return _joined(run.config)
    name = str((run.config.get("method") or {}).get("class_path", "")).rpartition(".")[2] or "unknown model"
    weights = run.config.get("weights")
    if not weights:
        return Described(f"{name}, from scratch")
    if (Path(str(weights)) / "config.yaml").is_file():
        origin = described_run(Run.open(str(weights)))
        return replace(origin, text=f"{name}, backbone: {origin.text}")
    start = stem([Path(weights).name])
    return Described(f"{name}, from {start}", plain=without_seed(start) == PLAIN.lower())


def _joined(config: Mapping[str, Any]) -> Described:
    """Runs whose answers `fuse` joined: no method of its own."""
    parts = [part for part in config["fused"] if isinstance(part, Mapping)]
    return Described("late fusion of " + " and ".join(f"{part.get('run')} ({part.get('share'):.0%})" for part in parts))


def _defaults(path: str) -> dict[str, Any]:
    """The default arguments of one of our classes, which a configuration need not repeat; none of another's."""
    try:
        target = class_named(path, Learner, (), path)
    except InputError:
        return {}
    parameters = inspect.signature(target).parameters.values()
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.default is not inspect.Parameter.empty
    }


def _text(config: dict[str, Any]) -> str:
    return json.dumps(config, sort_keys=True, default=str)
