"""Words of a command line, and YAML files, to the arguments of a typed function."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, Namespace

from sceneproof.errors import InputError
from sceneproof.spec import Spec


class Parser(ArgumentParser):
    """A parser that raises InputError, so that bad words are told like any other bad input."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raises InputError with what is wrong and where to look."""
        raise InputError(f"{message}\n({self.prog} --help lists what there is)")


def parse(function: Callable[..., Any], words: Sequence[str], name: str) -> dict[str, Any]:
    """The keyword arguments of `function` that the words stand for; parameters are flags, required ones positional.

    Raises:
        InputError: an unknown flag or key, or a value of another type.
        SystemExit: after --help or --print_config.
    """
    parser = Parser(prog=name, description=inspect.getdoc(function))
    parser.add_argument("--config", action="config", help="a YAML file with any of the options below")
    parser.add_function_arguments(function, as_positional=True)
    values = parser.parse_args(list(words))
    hints = typing.get_type_hints(function)
    return {key: _value(values[key], hints[key]) for key in inspect.signature(function).parameters}


def _value(value: Any, hint: Any) -> Any:
    """A parsed value as the function wants it: a Spec for a class, a dataclass for its fields."""
    if isinstance(value, Namespace) and "class_path" in value:
        return Spec.from_config(value.as_dict(), "class")
    if isinstance(value, Namespace) and dataclasses.is_dataclass(hint):
        return hint(**value.as_dict())  # type: ignore[operator]  # a dataclass, not an instance of one
    return value
