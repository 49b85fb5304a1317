"""A class and its arguments as plain values: how a backbone or a method is written in a run's config.yaml."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sceneproof.errors import InputError
from sceneproof.trust import class_named, class_paths, import_paths, refuse_untrusted

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Spec:
    """What to call, by import path, and with which keyword arguments. Calling the spec makes the object.

    Attributes:
        class_path: 'package.module.Class'.
        init_args: keyword arguments: numbers, texts, truth values and lists of them.
    """

    class_path: str
    init_args: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, what: "Spec | Callable[..., Any]") -> "Spec":
        """The spec of a class, or of a `functools.partial` of a class with keyword arguments.

        Raises:
            InputError: anything that cannot be written down and imported again, such as a lambda.
        """
        if isinstance(what, Spec):
            return what
        target, keywords = (what.func, what.keywords) if isinstance(what, partial) else (what, {})
        name = getattr(target, "__qualname__", "<lambda>")
        if "<" in name or (isinstance(what, partial) and what.args):
            raise InputError(
                f"{what!r} cannot be written into a run's configuration: give a class, or functools.partial of a class "
                f"with keyword arguments, that can be imported"
            )
        return cls(f"{target.__module__}.{name}", dict(keywords))

    @classmethod
    def from_config(cls, value: Mapping[str, Any], key: str) -> "Spec":
        """The spec stored under `key` of a configuration."""
        if not isinstance(value, Mapping) or "class_path" not in value:
            raise InputError(f"{key}: expected 'class_path' and 'init_args', got {value!r}")
        if not isinstance(value["class_path"], str) or not isinstance(value.get("init_args") or {}, Mapping):
            raise InputError(f"{key}: expected a text as 'class_path' and names with values as 'init_args'")
        return cls(value["class_path"], dict(value.get("init_args") or {}))

    def config(self, *, positional: int, kind: type = object) -> dict[str, Any]:
        """As plain values, for YAML, with the defaults of what was not given. The spec is the caller's own: trusted.

        Args:
            positional: how many arguments in front are not part of it.
            kind: what the class must be a subclass of.

        Raises:
            InputError: no such class, or an argument it does not take.
        """
        target: type = self._target(kind, positional, self.paths(), self.class_path)
        parameters = list(inspect.signature(target).parameters.values())[positional:]
        defaults = {item.name: item.default for item in parameters if item.default is not item.empty}
        return {
            "class_path": f"{target.__module__}.{target.__qualname__}",  # one path, however it was imported
            "init_args": {
                key: plain(value, f"init_args.{key}") for key, value in {**defaults, **self.init_args}.items()
            },
        }

    def __call__(self, *arguments: Any) -> Any:
        """Makes the object, with positional `arguments` before the stored ones. The spec is the caller's own: trusted.

        Raises:
            InputError: no such class, or an argument it does not take; names those it does.
        """
        return self.make(object, *arguments, trust=self.paths(), where=self.class_path)

    def make(self, kind: type[Kind], *arguments: Any, trust: Sequence[str] | None, where: str) -> Kind:
        """Makes the object of a spec that came from a file; nothing is called before its class is known to be right.

        Args:
            kind: what the class must be a subclass of.
            arguments: positional ones, before the stored ones.
            trust: prefixes of import paths that are trusted besides sceneproof's own: see `trust.class_named`.
            where: the file and the key that hold the spec.

        Raises:
            InputError: a class that is not trusted, of another kind, or that does not take these arguments.
        """
        target = self._target(kind, len(arguments), trust, where)
        try:
            return target(*arguments, **self.init_args)
        except InputError:
            raise
        except (
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
            RuntimeError,
            ArithmeticError,
            MemoryError,
        ) as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise InputError(
                f"{where}: {self.class_path} cannot be made of {dict(self.init_args)}: {reason}"
            ) from error

    def check(self, trust: Sequence[str], where: str) -> None:
        """Raises InputError where the spec names code that is neither this package's own nor trusted."""
        self._target(object, 0, trust, where)

    def paths(self) -> list[str]:
        """All import paths that the spec names: its class's, and those among its arguments."""
        return [self.class_path, *import_paths(self.init_args)]

    def _target(self, kind: type[Kind], positional: int, trust: Sequence[str] | None, where: str) -> type[Kind]:
        target = class_named(self.class_path, kind, trust, where)
        imported = [self.init_args.get(name) for name in getattr(target, "imports", ())]
        for path in [*filter(lambda value: isinstance(value, str), imported), *class_paths(self.init_args)]:
            refuse_untrusted(str(path), trust, f"{where}: an argument of {self.class_path}")
        known = list(inspect.signature(target).parameters)[positional:]
        for key in self.init_args:
            if key not in known:
                raise InputError(f"{where}: unknown key {key!r}; it takes: {', '.join(known) or 'no keys'}")
        return target


def named(config: Mapping[str, Any]) -> list[str]:
    """All import paths that a configuration's task, backbone and method name: what whoever made it trusts."""
    return [path for key in ("task", "backbone", "method") for path in Spec.from_config(config[key], key).paths()]


def plain(value: Any, key: str = "") -> Any:
    """A value as YAML and JSON know it: lists for tuples, text for paths, Python's numbers for NumPy's.

    Args:
        value: what to write down.
        key: where it stands in the configuration, for the message.

    Raises:
        InputError: what cannot be written down, such as a network; names the key.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item, f"{key}.{name}" if key else str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{key}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Path):
        return str(value)
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise InputError(
        f"{key or 'configuration'}: a {type(value).__name__} cannot be written into a run's configuration: give a "
        f"number, a text, a truth value or a list of them; a network by its import path"
    )
