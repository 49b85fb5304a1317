"""Words of a command line, and YAML files, to the arguments of a typed function."""

import dataclasses
import inspect
import itertools
import json
import os
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from jsonargparse import ArgumentParser, Namespace, set_parsing_settings
from jsonargparse._common import parsing_settings

from sceneproof.addresses import at_home
from sceneproof.errors import InputError
from sceneproof.files import TooMuchError, build_yaml, read_yaml
from sceneproof.spec import Spec
from sceneproof.terminal import visible
from sceneproof.trust import OWN, PATH, check_prefixes, class_paths, refuse_untrusted

NO_MODULES = ("hf", "torchvision")
"""What stands before the colon of a model that is no 'package.module:callable'."""
OF_RUNS = ("backbone", "method")
"""Of these a class that is named takes over what the default one calls by the same name: recipes rely on it."""
Settings = TypeVar("Settings")


class Checker(ArgumentParser):
    """A parser that raises InputError, so that bad values are told like any other bad input."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raises InputError with what is wrong."""
        raise InputError(message)


class Parser(Checker):
    """A parser of command lines."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raises InputError with what is wrong and where to look."""
        raise InputError(f"{message}\n({self.prog} --help lists what there is)")


def parse(function: Callable[..., Any], words: Sequence[str], name: str) -> dict[str, Any]:
    """The keyword arguments of `function` that the words stand for; parameters are flags, required ones positional.

    Words may name any class. A file given with --config may name sceneproof's own and those that --trust or another
    word names, as may a run that the command opens: where `function` has a parameter `trust`, it is never None.

    Raises:
        InputError: an unknown flag or key, a value of another type, or a class that is not trusted.
        SystemExit: after --help or --print_config.
    """
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise InputError(f"{visible(word)}: holds bytes that are not UTF-8, which no table can: rename the file")
        _check_values([word, word.partition("=")[2]], name)
    _refuse_former(words, getattr(inspect.getmodule(function), "FORMER_WORDS", {}))
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters
    about = (inspect.getdoc(function) or "").partition("\nArgs:")[0]
    parser = Parser(prog=name, description=about)
    parser.add_argument("--config", action="config", help="a YAML file with any of the options below")
    parser.add_function_arguments(function, as_positional=True)
    for group in parser._action_groups:
        if group.title not in ("positional arguments", "options"):
            group.title = group.title if len(group._group_actions) < len(parameters) else "arguments"
    for action in parser._actions:
        if _is_list(hints.get(action.dest)):
            action.metavar = f"{action.dest.rstrip('s').upper()} …"
    required = [key for key, item in parameters.items() if item.default is item.empty]
    spelled = spelled_out(words, {**hints, **_inside(hints)}, required)
    files = _given(words, "--config")
    given = _trust(spelled)
    check_prefixes(given)
    trust = [*given, *_named(words)]
    for file in files:
        _check_recipe(Path(file).expanduser(), hints)
        _refuse_code(Path(file).expanduser(), hints, trust)
    for key in _classes_named(words, files, hints):
        parser.set_defaults({key: None})  # else it would take over what the default class calls by the same name
        spelled = _class_first(spelled, f"--{key}")
    for key in (key for key, hint in hints.items() if dataclasses.is_dataclass(hint)):
        for file in _given(words, f"--{key}"):  # a file with what is inside, or that itself
            _check_recipe(Path(file), {})
    try:
        with _importing([*given, *(path.replace(":", ".").partition(".")[0] for path in _named(words))]):
            values = parser.parse_args(spelled)
    except InputError as error:
        raise InputError(f"{', '.join(files)}: {error}" if files else str(error)) from None
    for key in parameters:
        for value in values[key] if isinstance(values[key], list) else [values[key]]:
            _refuse_address(key, value)
    made = {key: _value(values[key], hints[key]) for key in parameters}
    for key, value in made.items():
        if isinstance(value, Spec):
            value.check(trust, f"{', '.join(files)}: {key}" if files else key)
    return {**made, "trust": given} if "trust" in made else made


def settings_of(kind: type[Settings], values: Any) -> Settings:
    """The settings that a file holds, of the types that their dataclass has; what it does not hold is the default.

    Raises:
        InputError: an unknown key, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"expected options by their names, not {values!r}")
    _check_values(values, "its options")
    parser = Checker()
    parser.add_class_arguments(kind, "settings")
    return kind(**parser.parse_object({"settings": dict(values)})["settings"].as_dict())


def _given(words: Sequence[str], flag: str) -> list[str]:
    """What follows a flag, behind `=` or as the next word, wherever it is given."""
    behind = [word.removeprefix(f"{flag}=") for word in words if word.startswith(f"{flag}=")]
    return behind + [after for word, after in itertools.pairwise(words) if word == flag]


def _refuse_former(words: Sequence[str], former: Mapping[str, str]) -> None:
    """Raises InputError for a flag, or a flag with its value, that has another spelling since; names that."""
    for word, after in itertools.pairwise([*words, ""]):
        flag, _, value = word.partition("=")
        for spelled in (flag, f"{flag} {value or after}"):
            if spelled in former:
                raise InputError(f"{spelled}: is spelled {former[spelled]} now")


def _check_recipe(file: Path, hints: Mapping[str, Any]) -> None:
    """Raises InputError for a file of options that holds none, or sends on to another file."""
    if not os.path.exists(file):  # unlike Path's, false for what is too long for a name
        return  # the parser says so
    options = read_yaml(file)
    if not isinstance(options, Mapping):
        raise InputError(f"{file}: holds no options by their names, but {type(options).__name__} {options!r:.40}")
    for key, value in options.items():
        if key == "config" or (dataclasses.is_dataclass(hints.get(key)) and isinstance(value, str)):
            raise InputError(
                f"{file}: {key}: write the options of {value!r} down in this file: it can include no other"
            )
    _check_values(options, str(file))


def _check_values(value: Any, where: str) -> None:
    """Raises InputError for a text, among values, that is too much for the YAML that it is taken for."""
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            _check_values(item, where)
    elif isinstance(value, str):
        try:
            built = build_yaml(value)
        except TooMuchError as error:
            raise InputError(f"{where}: {value!r:.40}…: {error}") from None
        except yaml.YAMLError:
            return  # a text
        if built != value:
            _check_values(built, where)  # a text in it is taken for YAML again


def spelled_out(words: Sequence[str], hints: Mapping[str, Any], required: Sequence[str]) -> list[str]:
    """Lists as people type them (`--splits test test_out`, `report RUN RUN`) and bare switches (`--quiet`), as JSON.

    Args:
        words: the command line.
        hints: type by parameter, and by `parameter.field` for what is inside a dataclass.
        required: the positional parameters in order; at most one of them may be a list.
    """
    flags: list[str] = []
    positional: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, _, value = word.partition("=")
        hint = hints.get(name.removeprefix("--"))
        if not word.startswith("--"):
            positional.append(word)
        elif _is_list(hint) and value == "null":
            flags.append(word)
        elif _is_list(hint):
            items = [value] if "=" in word else _take(waiting)
            flags.append(f"{name}={items[0] if len(items) == 1 and items[0].startswith('[') else json.dumps(items)}")
        elif "=" not in word and _is_switch(name, hint, waiting):
            flags.append(f"{word}=true")
        else:
            flags += [
                word,
                *([waiting.pop(0)] if "=" not in word and waiting and not waiting[0].startswith("--") else []),
            ]
    place = next((place for place, key in enumerate(required) if _is_list(hints[key])), None)
    surplus = len(positional) - len(required)
    if place is not None and surplus >= 0 and not positional[place].startswith("["):
        positional[place : place + surplus + 1] = [json.dumps(positional[place : place + surplus + 1])]
    return [*positional, *flags]


def _trust(spelled: Sequence[str]) -> list[str]:
    """What --trust names; a word of the command line alone can."""
    values = [word.partition("=")[2] for word in spelled if word.startswith("--trust=")]
    return list(dict.fromkeys(item for value in values if value != "null" for item in yaml.safe_load(value)))


def _named(words: Sequence[str]) -> list[str]:
    """What words name that reads as an import path: `--method mine.Net`, `--backbone.module=mine.net`."""
    values = [word.partition("=")[2] if word.startswith("--") else word for word in words]
    return [value for value in values if PATH.fullmatch(value) and ("." in value or ":" in value)]


def _refuse_code(file: Path, hints: Mapping[str, Any], trust: Sequence[str]) -> None:
    """Raises InputError where a file of options names code that is not trusted: before the parser could import it."""
    try:
        values = read_yaml(file)
    except InputError:
        return  # the parser says what is wrong with it
    if not isinstance(values, dict):
        return
    if "trust" in values:
        raise InputError(f"{file}: trust: only the command line can say whose code is trusted: --trust PREFIX")
    for path in class_paths(values):
        if "." in path:
            refuse_untrusted(path, trust, str(file))
    for key, value in values.items():
        names_class = isinstance(value, str) and "." in value and _is_class(hints.get(str(key).partition(".")[0]))
        if names_class or (key == "model" and _is_callable_model(value)):
            refuse_untrusted(value, trust, f"{file}: {key}")


def _classes_named(words: Sequence[str], files: Sequence[str], hints: Mapping[str, Any]) -> list[str]:
    """The parameters for which words, or files of options, name a class themselves."""
    options = [read_yaml(Path(file).expanduser()) for file in files if os.path.exists(os.path.expanduser(file))]
    return [
        key
        for key, hint in hints.items()
        if _is_class(hint)
        and key not in OF_RUNS
        and (_given(words, f"--{key}") or any(_names_class(option.get(key)) for option in options))
    ]


def _class_first(words: Sequence[str], flag: str) -> list[str]:
    """The words, with `flag` and its class before the first option of that class: the parser takes them one by one."""
    options = [place for place, word in enumerate(words) if word.startswith(f"{flag}.")]
    named = [place for place, word in enumerate(words) if word.partition("=")[0] == flag]
    if not options or not named or named[0] < options[0]:
        return list(words)
    length = 1 if "=" in words[named[0]] else 2
    chosen = words[named[0] : named[0] + length]
    rest = [*words[: named[0]], *words[named[0] + length :]]
    return [*rest[: options[0]], *chosen, *rest[options[0] :]]


def _names_class(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Mapping) and "class_path" in value)


def _is_class(hint: Any) -> bool:
    """Whether values of a type are classes, given by name."""
    return typing.get_origin(hint) is Callable or hint is Callable


def _is_callable_model(value: Any) -> bool:
    """Whether a model under audit is a 'package.module:callable', as `audit.models.opening` reads it."""
    return isinstance(value, str) and ":" in value and "/" not in value and value.partition(":")[0] not in NO_MODULES


@contextmanager
def _importing(trust: Sequence[str]) -> Iterator[None]:
    """Lets the parser import nothing else than this package's own and what is trusted, whatever a value names."""
    before = dict(parsing_settings)
    set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=[OWN, *trust])
    try:
        yield
    finally:
        parsing_settings.update(before)


def _is_switch(name: str, hint: Any, waiting: Sequence[str]) -> bool:
    """Whether a flag stands for itself: a truth value, or `--labeller.download` of a class whose types are unknown."""
    if hint is bool:
        return waiting[:1] not in (["true"], ["false"])
    alone = not waiting or waiting[0].startswith("--")
    return hint is None and "." in name and not name.endswith(".help") and alone


def _inside(hints: Mapping[str, Any]) -> dict[str, Any]:
    """Types of the fields of those parameters that are dataclasses, by `parameter.field`."""
    return {
        f"{key}.{name}": inner
        for key, hint in hints.items()
        if dataclasses.is_dataclass(hint)
        for name, inner in typing.get_type_hints(hint).items()
    }


def _take(waiting: list[str]) -> list[str]:
    """Removes and returns the words before the next flag."""
    items: list[str] = []
    while waiting and not waiting[0].startswith("--"):
        items.append(waiting.pop(0))
    return items


def _is_list(hint: Any) -> bool:
    """Whether a type is a list: a sequence of things, but not a text."""
    options = [hint, *typing.get_args(hint)]
    return any(typing.get_origin(option) in (list, tuple, Sequence) for option in options)


def _refuse_address(key: str, value: Any) -> None:
    """Raises InputError for an address where only a path can be: there it has lost a slash, and names nothing."""
    if isinstance(value, Path) and re.match(r"[a-z][a-z0-9]+:/", str(value)):
        kind, _, rest = str(value).partition(":/")
        raise InputError(
            f"{key}: {kind}://{rest} is an address, and this must be a path of this machine: manifests, labels and the "
            f"videos' root may be addresses, runs, weights and pages may not (docs/addresses.md)"
        )


def _value(value: Any, hint: Any) -> Any:
    """A parsed value as the function wants it: a Spec for a class, a dataclass for its fields."""
    if isinstance(value, Namespace) and "class_path" in value:
        return Spec.from_config(_at_home(value.as_dict()), "class")
    if isinstance(value, Namespace) and dataclasses.is_dataclass(hint):
        fields = {key: item for key, item in value.as_dict().items() if key != "__path__"}  # of the file it came from
        return hint(**_at_home(fields))  # type: ignore[operator]  # a dataclass, not an instance of one
    return _at_home(value)


def _at_home(value: Any) -> Any:
    """A value whose paths begin at home where they say `~`: in quotes, in YAML and behind `=` no shell sees to that."""
    if isinstance(value, list | tuple):
        return type(value)(map(_at_home, value))
    if isinstance(value, dict):
        return {key: _at_home(item) for key, item in value.items()}
    if isinstance(value, Path):
        return at_home(value)
    if isinstance(value, str) and (value == "~" or value.startswith("~/")):
        return at_home(value)
    return value
