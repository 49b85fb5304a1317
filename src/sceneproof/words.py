"""Words of a command line, as people type them: hyphens, lists and switches; and messages, in the words they typed.

Imports nothing that is slow: the command line's messages go through here.
"""

import dataclasses
import inspect
import itertools
import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sceneproof.errors import InputError
from sceneproof.trust import PATH, class_named

FLAG = re.compile(r"--[^\W\d_]\w*(?:[-.]\w+)*")
"""A flag, without its value: `--fail-if`, `--optimisation.warm-up-epochs`."""
NAMED = re.compile(
    rf"(?<![\w/-])(?P<flag>{FLAG.pattern})"
    r"|Parser key \"(?P<key>[\w.]+)\"|Option '(?P<option>\w+)'|\A(?P<first>[\w.]+)(?=: )"
)
"""What a message calls a flag: as it is typed, as jsonargparse does, or, at its start, by the argument's name."""


def spelled(flag: str) -> str:
    """A flag in the parser's spelling, which is Python's: `--fail-if` as `--fail_if`."""
    return f"--{flag.removeprefix('--').replace('-', '_')}"


def hyphened(flag: str) -> str:
    """A flag as it is shown: `--fail_if` as `--fail-if`."""
    return flag.replace("_", "-")


def normalised(words: Sequence[str]) -> list[str]:
    """The words with every flag in the parser's spelling; what stands behind a flag's `=` is left as it is."""
    return [_normal(word) for word in words]


def _normal(word: str) -> str:
    name, equals, value = word.partition("=")
    return f"{spelled(name)}{equals}{value}" if FLAG.fullmatch(name) else word


def as_typed(message: str, words: Sequence[str]) -> str:
    """A message that calls each flag that was typed what the user called it.

    Args:
        message: what is to be shown; it may call flags by either spelling, or by the parser's keys.
        words: the command line.
    """
    flags = [word.partition("=")[0] for word in words]
    typed = {spelled(flag): flag for flag in flags if FLAG.fullmatch(flag)}

    def named(match: re.Match[str]) -> str:
        name = spelled(match[0])[2:] if match["flag"] else match[match.lastgroup or 0]
        whole = match["first"] or (match["flag"] and "." not in name)  # else what is inside of what was typed
        inner = [said for flag, said in typed.items() if flag.endswith(f".{name}") and not whole]
        known = typed.get(f"--{name}") or typed.get(f"--{name.removeprefix('task.')}")  # as before tasks were classes
        return known or (inner[-1] if inner else match[0] if match["first"] or match["flag"] else name)

    return NAMED.sub(named, message)


def values_of(words: Sequence[str], flag: str) -> list[str]:
    """What follows a flag, behind `=` or as the next word, wherever it is given."""
    behind = [word.removeprefix(f"{flag}=") for word in words if word.startswith(f"{flag}=")]
    return behind + [after for word, after in itertools.pairwise(words) if word == flag]


def named_paths(words: Sequence[str]) -> list[str]:
    """What words name that reads as an import path: `--method mine.Net`, `--backbone.module=mine.net`."""
    values = [word.partition("=")[2] if word.startswith("--") else word for word in words]
    return [value for value in values if PATH.fullmatch(value) and ("." in value or ":" in value)]


def spelled_out(words: Sequence[str], hints: Mapping[str, Any], required: Sequence[str]) -> list[str]:
    """Lists as people type them (`--splits test test_out`, `report RUN RUN`) and bare switches (`--quiet`), as JSON.

    Args:
        words: the command line, `normalised`.
        hints: type by parameter, and by `parameter.field` for what is inside a dataclass.
        required: the positional parameters in order; at most one of them may be a list.
    """
    hints = {**hints, **fields_of(hints), **of_classes(hints, words)}
    flags: list[str] = []
    positional: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":  # nothing behind it is a flag
            positional += waiting
            break
        name, equals, value = word.partition("=")
        hint = hints.get(name.removeprefix("--"))
        if not word.startswith("--"):
            positional.append(word)
        elif is_list(hint) and value == "null":
            flags.append(word)
        elif is_list(hint):
            items = [value] if equals else _taken(waiting)
            alone = len(items) == 1 and (items[0].startswith("[") or _takes_text(hint))
            flags.append(f"{name}={items[0] if alone else json.dumps(items)}")
        elif not equals and _stands_alone(name, hint, waiting):
            flags.append(f"{word}=true")
        elif equals or not waiting or waiting[0].startswith("--"):
            flags.append(word)
        else:
            flags += [word, waiting.pop(0)]
    place = next((place for place, key in enumerate(required) if is_list(hints[key])), None)
    surplus = max(len(positional) - len(required), 0)  # of too few the parser says which are missing
    if place is not None and positional[place:] and not positional[place].startswith("["):
        positional[place : place + surplus + 1] = [json.dumps(positional[place : place + surplus + 1])]
    return [*positional, *flags]


def refuse_former(words: Sequence[str], former: Mapping[str, str]) -> None:
    """Raises InputError for a flag, or a flag with its value, that has another spelling since; names that."""
    for word, after in itertools.pairwise([*words, ""]):
        flag, _, value = word.partition("=")
        for said in (flag, f"{flag} {value or after}"):
            if said in former:
                raise InputError(f"{said}: is spelled {former[said]} now")


def class_first(words: Sequence[str], flag: str) -> list[str]:
    """The words, with `flag` and its class before the first option of that class: the parser takes them one by one."""
    options = [place for place, word in enumerate(words) if word.startswith(f"{flag}.")]
    named = [place for place, word in enumerate(words) if word.partition("=")[0] == flag]
    if not options or not named or named[0] < options[0]:
        return list(words)
    length = 1 if "=" in words[named[0]] else 2
    chosen = words[named[0] : named[0] + length]
    rest = [*words[: named[0]], *words[named[0] + length :]]
    return [*rest[: options[0]], *chosen, *rest[options[0] :]]


def is_list(hint: Any) -> bool:
    """Whether a type is a list: a sequence of things, but not a text."""
    options = [hint, *typing.get_args(hint)]
    return any(typing.get_origin(option) in (list, tuple, Sequence) for option in options)


def _takes_text(hint: Any) -> bool:
    """Whether a type that may be a list may be one text instead, such as the file that the list is in."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return union and any(option in (str, Path) for option in typing.get_args(hint))


def is_class(hint: Any) -> bool:
    """Whether values of a type are classes, given by name."""
    return typing.get_origin(hint) is Callable or hint is Callable


def _taken(waiting: list[str]) -> list[str]:
    """Removes and returns the words before the next flag."""
    items = list(itertools.takewhile(lambda word: not word.startswith("--"), waiting))
    del waiting[: len(items)]
    return items


def _stands_alone(name: str, hint: Any, waiting: Sequence[str]) -> bool:
    """Whether a flag without `=` is a switch that is turned on, and the word behind it is none of its values."""
    behind = waiting[0] if waiting and not waiting[0].startswith("--") else None
    if hint is None:  # of a class that nothing tells the types of
        return "." in name and not name.endswith(".help") and behind is None
    values = _values_of_switch(hint)
    if behind is None or not values:
        return bool(values)
    meant = values - {"true", "false", "null"}  # a name that is cut short is a slip, no other word
    return behind.lower() not in values and not any(value.startswith(behind.lower()) for value in meant)


def _values_of_switch(hint: Any) -> set[str]:
    """The words that a type with truth values takes, in lower case; none where it has no truth values, or others."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    named = {option: typing.get_args(option) for option in options if typing.get_origin(option) is typing.Literal}
    words = {bool: ("true", "false"), type(None): ("null",), **named}
    if bool not in options or not words.keys() >= set(options):
        return set()
    return {word for option in options for word in words[option]}


def fields_of(hints: Mapping[str, Any]) -> dict[str, Any]:
    """Types of the fields of those parameters that are dataclasses, by `parameter.field`."""
    return {
        f"{key}.{name}": inner
        for key, hint in hints.items()
        if dataclasses.is_dataclass(hint)
        for name, inner in typing.get_type_hints(hint).items()
    }


def of_classes(hints: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Types of the arguments of those parameters that are classes, by `parameter.argument`.

    Where words name the class, they are its own; else those on which all classes of its kind agree.
    """
    types_by_name: dict[str, Any] = {}
    for key, hint in hints.items():
        if not is_class(hint) or not any(word.startswith(f"--{key}.") for word in words):
            continue
        kinds = _kinds(
            typing.get_args(hint)[-1:], [*values_of(words, f"--{key}"), *values_of(words, f"--{key}.class_path")]
        )
        for name in {name for arguments in kinds for name in arguments}:
            first, *others = [arguments[name] for arguments in kinds if name in arguments]
            if all(other == first for other in others):
                types_by_name[f"{key}.{name}"] = types_by_name[f"{key}.init_args.{name}"] = first
    return types_by_name


def _kinds(base: Sequence[Any], named: Sequence[str]) -> list[dict[str, Any]]:
    """The types of the arguments of the class that is named last, or of all that are known below a base."""
    if named and "." in named[-1]:
        with suppress(InputError):  # the parser says what is wrong with it
            return [_arguments(class_named(named[-1], object, named[-1:], named[-1]))]
    bases = (typing.get_args(base[0]) or base) if base else ()  # of either of two kinds, or of one
    known = [kind for own in bases for kind in subclasses(own) if inspect.isclass(kind)]
    return [_arguments(kind) for kind in known if not named or kind.__name__ == named[-1]]


def subclasses(kind: Any) -> set[Any]:
    """A class and all classes below it that are imported."""
    return {kind, *(below for inner in getattr(kind, "__subclasses__", list)() for below in subclasses(inner))}


def _arguments(kind: type) -> dict[str, Any]:
    """The types of a class's arguments, by name; none where they cannot be told."""
    try:
        return typing.get_type_hints(kind.__init__)  # type: ignore[misc]  # of a class, which has its own
    except (NameError, TypeError, AttributeError, SyntaxError):  # of somebody's annotations
        return {}
