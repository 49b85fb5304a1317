"""Slips on a command line, told in a line: the parser's messages without its types, and the nearest right word.

Imports nothing that is slow.
"""

import difflib
import inspect
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sceneproof.words import hyphened, is_class, of_classes, spelled, subclasses

UNION = re.compile(
    r"Does not validate against any of the Union subtypes\n\s*Subtypes:.*\n\s*Errors:\n(?P<errors>(?:.*\n)+?)"
    r"\s*Given value type:.*\n\s*Given value: (?P<value>.*)"
)
NOTHING = "Expected a <class 'NoneType'>"
KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
"""Python's types, as the command line's reader knows them."""
CLASS = re.compile(r"Expected a dot import path string: (?P<name>.*)")
NO_CLASS = re.compile(
    r"Type \S*Callable\[.*?\] expects a function or a callable class: (?P<why>.*)\. Got value: (?P<name>.*)"
)
TYPE = re.compile(r"Expected a (?:<class '(?P<kind>\w+)'>|typing\.Literal\[(?P<words>[^]]*)\])")
REQUIRED = re.compile(
    r"(?P<within>\A(?:Parser key \")?[\w.]+\"?:\s+)?the following arguments are required: (?P<names>.*)"
)
UNKNOWN = re.compile(r"unrecognized arguments: .*")
NOT_ACCEPTED = re.compile(r"Option '(?P<name>\w+)' is not accepted")
AMBIGUOUS = re.compile(r"ambiguous option: (?P<flag>\S+) could match .*")
OUTER = re.compile(r"\A(?:Parser key \"|--)?(?P<key>[\w.-]+?)\"?:\s")


def told_plainly(
    message: str,
    flags: Iterable[str],
    *,
    hints: Mapping[str, Any] | None = None,
    inside: Iterable[str] = (),
    words: Sequence[str] = (),
) -> str:
    """A message of the parser in a line, without the types that it tried, and with the nearest word that it knows.

    Args:
        message: the parser's.
        flags: all that it takes.
        hints: type by parameter.
        inside: parameters, and `parameter.field` for what is inside of them.
        words: the command line, which may name classes whose options are flags, too.
    """
    kinds = _kinds_of_class(hints or {})
    classes = {name: _names_of_classes(kind) for name, kind in kinds.items()}
    flags = [*flags, *(f"--{name}" for name in (*inside, *of_classes(kinds, words)) if "." in name)]
    known = sorted({spelled(flag) for flag in flags if flag.startswith("--") and not flag.endswith(("+", ".help"))})
    outer = OUTER.match(message)
    key = spelled(outer["key"])[2:] if outer else ""
    told = UNION.sub(_of_either, message)
    told = CLASS.sub(lambda match: _no_class(match["name"], key, classes), told)
    told = NO_CLASS.sub(lambda match: f"{match['name']} cannot be imported: {match['why']}", told)
    told = TYPE.sub(_expected, told).replace(". Got value: ", ", not ")
    told = REQUIRED.sub(lambda match: _required(match, known), told)
    told = AMBIGUOUS.sub(lambda match: f"unrecognized arguments: {match['flag']}", told)
    told = UNKNOWN.sub(lambda match: match[0] + _nearest(_first_flag(match[0]), known), told)
    told = NOT_ACCEPTED.sub(lambda match: match[0] + _nearest(f"--{key}.{match['name']}", known), told)
    lines = [line.strip() for line in told.splitlines()]
    last = max((place for place, line in enumerate(lines) if line.startswith(("--", "Parser key "))), default=0)
    return " ".join(lines[last:])  # what stands before the innermost flag names what that lies in


def _of_either(match: re.Match[str]) -> str:
    """What is wrong by each type of several, but for that it is not nothing."""
    errors = [item.strip() for item in re.split(r"^\s*- ", match["errors"], flags=re.MULTILINE) if item.strip()]
    told = [error for error in errors if not error.startswith(NOTHING)]
    bare = all(TYPE.fullmatch(error) for error in told)
    told = [f"{error}. Got value: {match['value']}" if "callable class" in error else error for error in told]
    return "; or ".join(told) + (f", not {match['value']}" if bare and told else "")


def _expected(match: re.Match[str]) -> str:
    if match["kind"]:
        return f"expected {KINDS.get(match['kind'], match['kind'])}"
    return f"expected {' or '.join(word.strip(' ' + chr(39)) for word in match['words'].split(','))}"


def _required(match: re.Match[str], known: Sequence[str]) -> str:
    """The arguments that are missing, as they are typed: flags as flags."""
    within = (match["within"] or "").removeprefix("Parser key").strip(' ":\n')
    names = [f"{within}.{name}" if within else name for name in match["names"].split(", ")]
    shown = [hyphened(f"--{name}") if within or spelled(name) in known else name for name in names]
    return f"the following arguments are required: {', '.join(shown)}"


def _no_class(name: str, key: str, classes: Mapping[str, Sequence[str]]) -> str:
    """That no class has this name; those whose names are nearest."""
    key = key.removesuffix(".help")
    by_lower = {known.lower(): known for known in classes.get(key, ())}
    near = [by_lower[word] for word in difflib.get_close_matches(name.lower(), by_lower, 3, 0.5)]
    return f"no class {name!r}" + (f"; nearest: {', '.join(near)}" if near else "")


def _first_flag(message: str) -> str:
    return next((word for word in message.split() if word.startswith("--")), "")


def _nearest(flag: str, known: Sequence[str]) -> str:
    """The known flag that is most like one, or all that end with its last part."""
    name = spelled(flag.partition("=")[0]) if flag else ""
    ending = [item for item in known if item.endswith(f".{name[2:]}")] if name else []
    if name in known:  # of another class than the one that is used
        return f"; it is an option of another class than this one: name that with {name.partition('.')[0]}"
    near = ending or difflib.get_close_matches(name, known, 1, 0.7)
    return f"; nearest: {', '.join(map(hyphened, near))}" if near else ""


def _kinds_of_class(hints: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters, by name, that take a class or nothing, with the type of their classes alone."""
    options = {key: [hint, *typing.get_args(hint)] for key, hint in hints.items()}
    return {key: next(filter(is_class, kinds)) for key, kinds in options.items() if any(map(is_class, kinds))}


def _names_of_classes(hint: Any) -> list[str]:
    """The names of the classes, as far as they are imported, that a parameter of this type takes."""
    base = typing.get_args(hint)[-1:]
    known = [kind for own in (typing.get_args(base[0]) or base if base else ()) for kind in subclasses(own)]
    return sorted({kind.__name__ for kind in known if inspect.isclass(kind)})
