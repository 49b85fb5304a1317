"""What a run says of its method: the losses that it logged, and the arguments that it was given."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sceneproof.errors import InputError
from sceneproof.legacy import modern
from sceneproof.methods.base import Learner
from sceneproof.run import Run
from sceneproof.trust import class_named

PLAIN = "Plain"
"""The class of plain training, which all others are compared with."""
LOGGED = "train/"


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


def described_run(run: Run) -> Described:
    """A run's method.

    Raises:
        InputError: its log cannot be read.
    """
    names = [name for line in run.history() for name in line if name.startswith(LOGGED)]
    return describe(run.config, [name.removeprefix(LOGGED) for name in dict.fromkeys(names)])


def describe(config: Mapping[str, Any], losses: Sequence[str] = ()) -> Described:
    """Reads the method out of a run's configuration; `losses` are those that its training logged."""
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


def _defaults(path: str) -> dict[str, Any]:
    """The default arguments of one of our classes, which a configuration need not repeat; none of another's."""
    try:
        target = class_named(path, Learner, (), path)
    except InputError:
        return {}
    parameters = inspect.signature(target).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}
