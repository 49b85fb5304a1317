"""Words of a command line, and YAML files, to the arguments of a typed function."""

import dataclasses
import inspect
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
from sceneproof.recipes import brought_up_to_date, check_files, check_values, classes_named, modern_words
from sceneproof.slips import told_plainly
from sceneproof.spec import Spec
from sceneproof.terminal import visible
from sceneproof.trust import OWN, check_prefixes, class_paths
from sceneproof.words import (
    FLAG,
    class_first,
    fields_of,
    hyphened,
    is_list,
    named_paths,
    normalised,
    refuse_former,
    spelled_out,
    values_of,
)

if TYPE_CHECKING:
    from sceneproof.task import Task

Settings = TypeVar("Settings")
NOT_OURS = re.compile(r" \x08(?=\[)|,\s+--[\w.-]+\+ \S+(?: …)?")
"""What jsonargparse shows of itself in help: backspaces, and beside a list `--list`, a `--list+`."""


class Parser(ArgumentParser):
    """A parser that raises InputError, so that bad values are told like any other bad input."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raises InputError with what is wrong."""
        raise InputError(message)

    def parse_args(  # type: ignore[override]  # as jsonargparse's, which has no overloads
        self, args: Sequence[str] | None = None, *others: Any, **more: Any
    ) -> Namespace:
        """As jsonargparse, but that it hands `null` for an option inside of a class on to itself as Python's None."""
        if args is not None and len(args) == 1 and re.fullmatch(r"--[\w.]+=None", args[0]):
            args = [args[0].replace("=None", "=null")]
        parsed: Namespace = super().parse_args(args, *others, **more)
        return parsed

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """The help, with hyphens in the flags."""
        flags = {flag for action in self._actions for flag in action.option_strings}
        said = NOT_OURS.sub("", super().format_help(formatter))
        return FLAG.sub(lambda match: hyphened(match[0]) if match[0] in flags else match[0], said)


def parse(
    function: Callable[..., Any],
    words: Sequence[str],
    name: str,
    *,
    task: "Task | None" = None,
    more: type | None = None,
) -> dict[str, Any]:
    """The keyword arguments of `function` that the words stand for; parameters are flags, required ones positional.

    Words may name any class. A file given with --config may name sceneproof's own and those that --trust or another
    word names, as may a run that the command opens: where `function` has a parameter `trust`, it is never None.

    Args:
        function: what the command does; its docstring is the help.
        words: the command line behind the command's name.
        name: of the command.
        task: the task at hand: `train` takes its defaults, and a function with `**options: Any` the options of its
            testing. One with `**options: Annotated[Any, Kind]` takes the fields of this dataclass, whatever the task.
        more: a dataclass whose fields a function with `**options: Any` takes instead.

    Raises:
        InputError: an unknown flag or key, a value of another type, or a class that is not trusted.
        SystemExit: after --help or --print_config.
    """
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise InputError(f"{visible(word)}: holds bytes that are not UTF-8, which no table can: rename the file")
        check_values([word, word.partition("=")[2]], name)
    words = normalised(words)
    refuse_former(words, getattr(inspect.getmodule(function), "FORMER_WORDS", {}))
    options = _Options.of(function, task, more)
    hints, parameters = options.hints, options.parameters
    words = modern_words(words) if "task" in parameters else words
    parser = _parser(function, name, options)
    required = [key for key, item in parameters.items() if item.default is item.empty]
    spelled_words = spelled_out(words, options.inside, required)
    trusted = trusted_by(spelled_words)
    check_prefixes(trusted)
    files = values_of(words, "--config")
    by_default = class_paths(options.defaults)  # the task names them, whose own code is trusted
    trust = [*trusted, *named_paths(words), *by_default]
    check_files(files, words, hints, options.inside, trust)
    for key in classes_named(words, files, hints):
        parser.set_defaults({key: None})  # else it would take over what the default class calls by the same name
        spelled_words = class_first(spelled_words, f"--{key}")
    modern_ones = [brought_up_to_date(word, spelled_words[place - 1]) for place, word in enumerate(spelled_words)]
    try:
        named = [*named_paths(words), *by_default]
        with _importing([*trusted, *(path.replace(":", ".").partition(".")[0] for path in named)]):
            values = parser.parse_args(modern_ones)
    except InputError as error:
        where = f"{', '.join(files)}: " if files else ""
        flags = [flag for action in parser._actions for flag in action.option_strings]
        told = told_plainly(str(error), flags, hints=hints, inside=options.inside, words=modern_ones)
        raise InputError(f"{where}{told}\n({name} --help lists what there is)") from None
    for key in parameters:
        for value in values[key] if isinstance(values[key], list) else [values[key]]:
            _refuse_address(key, value)
    arguments = {key: _value(values[key], hints[key]) for key in parameters}
    for key, value in arguments.items():
        if isinstance(value, Spec):
            value.check(trust, f"{', '.join(files)}: {key}" if files else key)
    return {**arguments, "trust": trusted} if "trust" in arguments else arguments


@dataclasses.dataclass(frozen=True)
class _Options:
    """What a command takes, with what the task at hand adds.

    Attributes:
        hints: type by parameter.
        parameters: by name, further options in front.
        inside: `hints`, with the types of what is inside dataclasses and the task, by `parameter.field`.
        more: the dataclass of `**options`, or None.
        taken: the function's own parameters.
        defaults: the task's, as plain values, in place of the function's.
    """

    hints: Mapping[str, Any]
    parameters: Mapping[str, inspect.Parameter]
    inside: Mapping[str, Any]
    more: type | None
    taken: frozenset[str]
    defaults: Mapping[str, Any]

    @classmethod
    def of(cls, function: Callable[..., Any], task: "Task | None", more: type | None = None) -> "_Options":
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = dict(inspect.signature(function).parameters)
        taken = frozenset(parameters)
        if "options" in parameters:
            kinds = getattr(hints.pop("options"), "__metadata__", ())
            del parameters["options"]
            more = kinds[0] if kinds else more or (task.testing if task is not None else None)
        else:
            more = None
        if more is not None:
            hints = typing.get_type_hints(more) | hints
            parameters = {**inspect.signature(more).parameters, **parameters}
        within = hints | fields_of(hints)
        if "task" not in parameters:
            return cls(hints, parameters, within, more, taken, {})
        task = task or parameters["task"].default
        of_task = {f"task.{key}": hint for key, hint in typing.get_type_hints(type(task).__init__).items()}
        return cls(hints, parameters, within | of_task | fields_of(of_task), more, taken, task.defaults())


def _parser(function: Callable[..., Any], name: str, options: _Options) -> Parser:
    """A parser of a function's arguments; its docstring is the help."""
    about = (inspect.getdoc(function) or "").partition("\nArgs:")[0]
    parser = Parser(prog=name, description=about)
    parser.add_argument("--config", action="config", help="a YAML file with any of the options below")
    parser.add_function_arguments(function, as_positional=True)
    if options.more is not None:
        known = {action.dest for action in parser._actions}  # where jsonargparse has read on to what makes the options
        parser.add_class_arguments(options.more, None, skip=options.taken | known)
    parser.set_defaults(dict(options.defaults))
    for group in parser._action_groups:
        if group.title not in ("positional arguments", "options"):
            group.title = group.title if len(group._group_actions) < len(options.parameters) else "arguments"
    for action in parser._actions:
        if is_list(options.hints.get(action.dest)):
            action.metavar = f"{action.dest.rstrip('s').upper()} …"
    return parser


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
    settings: Settings = parser.instantiate(parser.parse_object({"settings": dict(values)}))["settings"]
    return settings


def trusted_by(spelled: Sequence[str]) -> list[str]:
    """What --trust names, in words as `spelled_out` gives them; a word of the command line alone can."""
    values = [word.partition("=")[2] for word in spelled if word.startswith("--trust=")]
    return list(dict.fromkeys(item for value in values if value != "null" for item in yaml.safe_load(value)))


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
