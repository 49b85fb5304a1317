"""Which class of a model is which action: by spelling, or as a mapping file says."""

import csv
import difflib
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.files import decoded, read_bounded
from sceneproof.recipes import MOST_YAML, refuse_unbounded
from sceneproof.wording import counted

FORM = "a CSV file with the columns action,class (several rows an action are fine; an empty class leaves it out)"
NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Naming:
    """Which class is which action.

    Attributes:
        actions: the audited actions, sorted.
        action_of: int64 (C,), by class: its action's number; -1: none that is audited.
        left_out: actions that the mapping leaves out, sorted.
    """

    actions: list[str]
    action_of: NDArray[np.int64]
    left_out: list[str]


def class_table(classes: Sequence[str], actions: Sequence[str], mapping: Path | None = None) -> Naming:
    """Matches a model's classes with the manifest's actions.

    Names match where they differ in case, spaces, underscores, hyphens, CamelCase or accents alone; of several such
    classes the one that is spelled just so. A mapping file comes first: CSV with the columns action and class, or YAML
    {action: class, or a list of classes, or null}.

    Args:
        classes: the model's, in the order of its scores.
        actions: the manifest's.
        mapping: the file.

    Raises:
        InputError: an action without a class, an unknown name in the mapping, a class of two actions, or a name that
            two classes have; names them, and what is near.
    """
    known = _Names("the model", "class", classes)
    said = {} if mapping is None else _said(mapping, known, _Names("the manifest", "action", actions))
    taken: dict[int, str] = {}
    left_out: list[str] = []
    unknown: list[str] = []
    for action in sorted(set(actions)):
        place = None if action in said else known.place(action)
        places = said.get(action, [] if place is None else [place])
        if not places:
            (left_out if action in said else unknown).append(action)
        for number in places:
            if number in taken:
                raise InputError(
                    f"the class {classes[number]!r} is of two actions, {taken[number]!r} and {action!r}: "
                    f"map one of them to another class, or leave it out"
                )
            taken[number] = action
    if unknown:
        raise InputError(_unmatched(unknown, known))
    kept = sorted(set(actions) - set(left_out))
    if not kept:
        raise InputError(f"{mapping or 'the manifest'}: no action is left to audit")
    action_of = np.full(len(classes), -1, np.int64)
    for number, action in taken.items():
        action_of[number] = kept.index(action)
    return Naming(kept, action_of, left_out)


def plain(name: str) -> str:
    """A name without what spelling may differ in: 'ApplyEyeMakeup', 'apply_eye-makeup' -> 'applyeyemakeup'."""
    letters = unicodedata.normalize("NFKD", name)
    return re.sub(
        r"[\s_\-]+", "", "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
    )


class _Names:
    """Names that are looked up by spelling."""

    def __init__(self, whose: str, kind: str, names: Sequence[str]) -> None:
        self.whose, self.kind, self.names = whose, kind, list(names)
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, name in enumerate(self.names):
            self._places[plain(name)].append(place)

    def place(self, name: str) -> int | None:
        """The place of a name, or None.

        Raises:
            InputError: several are spelled alike.
        """
        places = self._places.get(plain(name), [])
        exact = [place for place in places if self.names[place] == name]
        if len(exact) > 1 or (len(places) > 1 and not exact):
            alike = ", ".join(f"{self.names[place]!r} (number {place})" for place in places)
            raise InputError(f"{name!r}: {self.whose} has several of this name: {alike}: rename all but one")
        return next(iter(exact or places), None)

    def known(self, name: str, where: str) -> int:
        """The place of a name.

        Raises:
            InputError: there is no such name; says what is near.
        """
        place = self.place(name)
        if place is None:
            near = self.near(name)
            hint = f"; near are {', '.join(map(repr, near))}" if near else ""
            raise InputError(f"{where}: {self.whose} has no {self.kind} {name!r}{hint}")
        return place

    def near(self, name: str) -> list[str]:
        """Up to three names that are spelled like it."""
        matches = difflib.get_close_matches(plain(name), list(self._places), 3, 0.5)
        return [self.names[self._places[match][0]] for match in matches]


def _unmatched(unknown: Sequence[str], known: _Names) -> str:
    near = {action: known.near(action) for action in unknown[:10]}
    lines = [
        f"  {action!r}" + (f": near are {', '.join(map(repr, names))}" if names else "")
        for action, names in near.items()
    ]
    more = [f"  and {len(unknown) - 10} more"] if len(unknown) > 10 else []
    action, names = next(((action, names) for action, names in near.items() if names), (unknown[0], known.names[:1]))
    return "\n".join([
        f"{counted(len(unknown), 'action of the manifest is', 'actions of the manifest are')} no class of the model "
        f"({counted(len(known.names), 'class', 'classes')}, such as "
        f"{', '.join(map(repr, known.names[:3]))}):", *lines, *more,
        f"say which they are: --mapping FILE, {FORM}:", "  action,class", f"  {action},{names[0]}",
    ])  # fmt: skip


def _said(mapping: Path, classes: _Names, actions: _Names) -> Mapping[str, list[int]]:
    """The mapping: places of classes by action; none: it is left out."""
    said: dict[str, list[int]] = {}
    empty: set[str] = set()
    for line, action, name in _pairs(mapping):
        where = f"{mapping}: line {line}"
        known = actions.names[actions.known(action, where)]
        places = said.setdefault(known, [])
        if not name:
            empty.add(known)
        elif (place := classes.known(name, where)) not in places:
            places.append(place)
        if known in empty and places:
            raise InputError(f"{where}: {action!r} is left out, and has a class: which?")
    return said


def _pairs(mapping: Path) -> Iterator[tuple[int, str, str]]:
    """The line, an action, and a class of it or nothing.

    Raises:
        InputError: no such file, or another form.
    """
    text = decoded(read_bounded(mapping, MOST_YAML), str(mapping))
    yield from (_yaml if mapping.suffix.lower() in (".yaml", ".yml") else _csv)(mapping, text)


def _yaml(mapping: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """Of the nodes, not the values: they know their lines, and `on` is a name there, not a truth."""
    try:
        refuse_unbounded(text)
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InputError(f"{mapping}: not YAML: {error}") from None
    if not isinstance(root, yaml.MappingNode):
        raise InputError(f"{mapping}: expected action: class, a line each")
    for action, value in root.value:
        several = isinstance(value, yaml.SequenceNode)
        for node in value.value if several and value.value else [value]:
            empty = node.tag == NULL or (several and node is value)
            if not isinstance(action, yaml.ScalarNode) or not (empty or isinstance(node, yaml.ScalarNode)):
                raise InputError(
                    f"{mapping}: line {node.start_mark.line + 1}: expected action: class, a list of classes, or null"
                )
            yield node.start_mark.line + 1, action.value, "" if empty else node.value


def _csv(mapping: Path, text: str) -> Iterator[tuple[int, str, str]]:
    lines = csv.DictReader(io.StringIO(text), strict=True)
    try:
        if not {"action", "class"} <= set(lines.fieldnames or ()):
            columns = ", ".join(lines.fieldnames or ()) or "none"
            raise InputError(f"{mapping}: expected {FORM}; the columns are: {columns}")
        for row in lines:
            if None in row:
                raise InputError(f"{mapping}: line {lines.line_num}: more values than columns: quote names with commas")
            yield lines.line_num, (row["action"] or "").strip(), (row["class"] or "").strip()
    except csv.Error as error:
        raise InputError(f"{mapping}: line {lines.line_num + 1}: not CSV: {error}") from None
