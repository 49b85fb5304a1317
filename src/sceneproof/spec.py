"""A class and its arguments as plain values: how a backbone or a method is written in a run's config.yaml."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sceneproof.errors import InputError


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
        return cls(str(value["class_path"]), dict(value.get("init_args") or {}))

    def config(self, *, positional: int) -> dict[str, Any]:
        """As plain values, for YAML, with the defaults of what was not given.

        Args:
            positional: how many arguments in front are not part of it.

        Raises:
            InputError: no such class, or an argument it does not take.
        """
        target = self._target(positional)
        parameters = list(inspect.signature(target).parameters.values())[positional:]
        defaults = {item.name: item.default for item in parameters if item.default is not item.empty}
        return {
            "class_path": f"{target.__module__}.{target.__qualname__}",  # one path, however it was imported
            "init_args": {
                key: plain(value, f"init_args.{key}") for key, value in {**defaults, **self.init_args}.items()
            },
        }

    def __call__(self, *arguments: Any) -> Any:
        """Makes the object, with positional `arguments` before the stored ones.

        Raises:
            InputError: no such class, or an argument it does not take; names those it does.
        """
        return self._target(len(arguments))(*arguments, **self.init_args)

    def _target(self, positional: int) -> Callable[..., Any]:
        module, _, name = self.class_path.rpartition(".")
        try:
            target: Callable[..., Any] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(f"{self.class_path}: cannot be imported: {error}") from None
        known = list(inspect.signature(target).parameters)[positional:]
        for key in self.init_args:
            if key not in known:
                raise InputError(f"{self.class_path}: unknown key {key!r}; it takes: {', '.join(known) or 'no keys'}")
        return target


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
