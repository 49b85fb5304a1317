"""Words of a command line, and YAML files, to the arguments of a typed function."""

import dataclasses
import inspect
import itertools
import json
import os
import re
import typing
from argparse import HelpFormatter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import yaml
from jsonargparse import ArgumentParser, Namespace, set_parsing_settings
from jsonargparse._common import parsing_settings

from sceneproof.addresses import at_home
from sceneproof.errors import InputError
from sceneproof.legacy import modern, modern_words
from sceneproof.recipes import check_files, check_values, read_yaml
from sceneproof.spec import Spec
from sceneproof.terminal import visible
from sceneproof.trust import OWN, check_prefixes
from sceneproof.words import (
    FLAG,
    fields_of,
    hyphened,
    is_class,
    is_list,
    named_paths,
    normalised,
    spelled_out,
    values_of,
)

if TYPE_CHECKING:
    from sceneproof.task import Task

OF_RUNS = ("backbone", "method")
"""Of these a class that is named takes over what the default one calls by the same name: recipes rely on it."""
Settings = TypeVar("Settings")


class Parser(ArgumentParser):
    """A parser that raises InputError, so that bad values are told like any other bad input."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raises InputError with what is wrong."""
        raise InputError(message)

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """The help, with hyphens in the flags."""
        flags = {flag for action in self._actions for flag in action.option_strings}
        said = super().format_help(formatter)
        return FLAG.sub(lambda match: hyphened(match[0]) if match[0] in flags else match[0], said)


def parse(
    function: Callable[..., Any],
    words: Sequence[str],
    name: str,
    *,
    task: "Task | None" = None,
) -> dict[str, Any]:
    """The keyword arguments of `function` that the words stand for; parameters are flags, required ones positional.

    Words may name any class. A file given with --config may name sceneproof's own and those that --trust or another
    word names, as may a run that the command opens: where `function` has a parameter `trust`, it is never None.

    Args:
        function: what the command does; its docstring is the help.
        words: the command line behind the command's name.
        name: of the command.
        task: the task at hand: `train` takes its defaults, and a function with `**options` the options of its testing.

    Raises:
        InputError: an unknown flag or key, a value of another type, or a class that is not trusted.
        SystemExit: after --help or --print_config.
    """
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise InputError(f"{visible(word)}: holds bytes that are not UTF-8, which no table can: rename the file")
        check_values([word, word.partition("=")[2]], name)
    _refuse_former(words, getattr(inspect.getmodule(function), "FORMER_WORDS", {}))
    hints, parameters, more = _signature(function, task)
    inside, defaults = fields_of(hints), dict[str, Any]()
    words = normalised(words)
    if "task" in parameters:
        words = modern_words(words)
        task = task or parameters["task"].default
        of_task = {f"task.{key}": hint for key, hint in typing.get_type_hints(type(task).__init__).items()}
        defaults, inside = task.defaults(), inside | of_task | fields_of(of_task)
    parser = _parser(function, name, hints, more)
    parser.set_defaults(defaults)
    required = [key for key, item in parameters.items() if item.default is item.empty]
    spelled_words = spelled_out(words, {**hints, **inside}, required)
    trusted = _trust(spelled_words)
    check_prefixes(trusted)
    files = values_of(words, "--config")
    trust = [*trusted, *named_paths(words)]
    check_files(files, words, hints, inside, trust)
    for key in _classes_named(words, files, hints):
        parser.set_defaults({key: None})  # else it would take over what the default class calls by the same name
        spelled_words = _class_first(spelled_words, f"--{key}")
    try:
        with _importing([*trusted, *(path.replace(":", ".").partition(".")[0] for path in named_paths(words))]):
            values = parser.parse_args([_modern(word, spelled_words[at - 1]) for at, word in enumerate(spelled_words)])
    except InputError as error:
        where = f"{', '.join(files)}: " if files else ""
        raise InputError(f"{where}{error}\n({name} --help lists what there is)") from None
    for key in parameters:
        for value in values[key] if isinstance(values[key], list) else [values[key]]:
            _refuse_address(key, value)
    made = {key: _value(values[key], hints[key]) for key in parameters}
    for key, value in made.items():
        if isinstance(value, Spec):
            value.check(trust, f"{', '.join(files)}: {key}" if files else key)
    return {**made, "trust": trusted} if "trust" in made else made


def _signature(
    function: Callable[..., Any], task: "Task | None"
) -> tuple[dict[str, Any], dict[str, inspect.Parameter], type | None]:
    """The types and the parameters of a function, and the class of options that its `**options` are, if any."""
    hints, parameters = typing.get_type_hints(function), dict(inspect.signature(function).parameters)
    if "options" not in parameters:
        return hints, parameters, None
    del parameters["options"], hints["options"]
    if task is None:
        return hints, parameters, None
    more = task.testing
    return typing.get_type_hints(more) | hints, {**inspect.signature(more).parameters, **parameters}, more


def _parser(function: Callable[..., Any], name: str, hints: Mapping[str, Any], more: type | None) -> Parser:
    """A parser of a function's arguments, and of those of a class of further options; its docstring is the help."""
    about = (inspect.getdoc(function) or "").partition("\nArgs:")[0]
    own = inspect.signature(function).parameters
    parser = Parser(prog=name, description=about)
    parser.add_argument("--config", action="config", help="a YAML file with any of the options below")
    parser.add_function_arguments(function, as_positional=True)
    if more is not None:
        parser.add_class_arguments(more, None, skip={*own})
    for group in parser._action_groups:
        if group.title not in ("positional arguments", "options"):
            group.title = group.title if len(group._group_actions) < len(own) else "arguments"
    for action in parser._actions:
        if is_list(hints.get(action.dest)):
            action.metavar = f"{action.dest.rstrip('s').upper()} …"
    return parser


def _modern(word: str, before: str) -> str:
    """A word that names a recipe of old as that recipe's content, brought up to date; other words as they are."""
    flag, equals, file = word.partition("=") if word.startswith("--config=") else (before, "", word)
    if flag != "--config" or not os.path.isfile(file):
        return word
    options = read_yaml(Path(file))
    changed = modern(options) if isinstance(options, Mapping) else options
    return word if changed == options else f"{flag if equals else ''}{equals}{json.dumps(changed)}"


def settings_of(kind: type[Settings], values: Any) -> Settings:
    """The settings that a file holds, of the types that their dataclass has; what it does not hold is the default.

    Raises:
        InputError: an unknown key, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"expected options by their names, not {values!r}")
    check_values(values, "its options")
    hints = typing.get_type_hints(kind.__init__)
    for name, value in values.items():
        if dataclasses.is_dataclass(hints.get(name)) and not isinstance(value, Mapping):
            raise InputError(f"{name}: expected options by their names, not {value!r}")
    parser = Parser()
    parser.add_class_arguments(kind, "settings")
    made: Settings = parser.instantiate(parser.parse_object({"settings": dict(values)}))["settings"]
    return made


def _refuse_former(words: Sequence[str], former: Mapping[str, str]) -> None:
    """Raises InputError for a flag, or a flag with its value, that has another spelling since; names that."""
    for word, after in itertools.pairwise([*words, ""]):
        flag, _, value = word.partition("=")
        for spelled in (flag, f"{flag} {value or after}"):
            if spelled in former:
                raise InputError(f"{spelled}: is spelled {former[spelled]} now")


def _trust(spelled: Sequence[str]) -> list[str]:
    """What --trust names; a word of the command line alone can."""
    values = [word.partition("=")[2] for word in spelled if word.startswith("--trust=")]
    return list(dict.fromkeys(item for value in values if value != "null" for item in yaml.safe_load(value)))


def _classes_named(words: Sequence[str], files: Sequence[str], hints: Mapping[str, Any]) -> list[str]:
    """The parameters for which words, or files of options, name a class themselves."""
    options = [read_yaml(Path(file).expanduser()) for file in files if os.path.exists(os.path.expanduser(file))]
    return [
        key
        for key, hint in hints.items()
        if is_class(hint)
        and key not in OF_RUNS
        and (values_of(words, f"--{key}") or any(_names_class(option.get(key)) for option in options))
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


@contextmanager
def _importing(trust: Sequence[str]) -> Iterator[None]:
    """Lets the parser import nothing else than this package's own and what is trusted, whatever a value names."""
    before = dict(parsing_settings)
    set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=[OWN, *trust])
    try:
        yield
    finally:
        parsing_settings.update(before)


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
