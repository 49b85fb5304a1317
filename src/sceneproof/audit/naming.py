"""Which class of a model is which action: by spelling, or as a mapping file says."""

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from sceneproof.errors import InputError

FORM = "a CSV file with the columns action,class (several rows an action are fine; an empty class leaves it out)"


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

    Names match where they differ in case, spaces, underscores, hyphens, CamelCase or accents alone. A mapping file
    comes first: CSV with the columns action and class, or YAML {action: class, or a list of classes, or null}.

    Args:
        classes: the model's, in the order of its scores.
        actions: the manifest's.
        mapping: the file.

    Raises:
        InputError: an action without a class, an unknown name in the mapping, a class of two actions, or two classes
            that are spelled alike; names them, and what is near.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(classes):
        if plain(name) in places:
            raise InputError(
                f"the model has two classes that are spelled alike: {classes[places[plain(name)]]!r}, {name!r}"
            )
        places[plain(name)] = place
    said = {} if mapping is None else _said(mapping, classes, actions, places)
    taken: dict[int, str] = {}
    left_out, unknown = [], []
    for action in sorted(actions):
        found = said.get(action, [places[plain(action)]] if plain(action) in places else None)
        if found is None:
            unknown.append(action)
        elif not found:
            left_out.append(action)
        for place in found or ():
            if place in taken:
                raise InputError(
                    f"the class {classes[place]!r} is of two actions, {taken[place]!r} and {action!r}: map one of them "
                    f"to another class, or leave it out"
                )
            taken[place] = action
    if unknown:
        raise InputError(_unmatched(unknown, classes))
    kept = sorted(set(actions) - set(left_out))
    if not kept:
        raise InputError(f"{mapping}: all actions are left out: nothing is audited")
    action_of = np.full(len(classes), -1, np.int64)
    for place, action in taken.items():
        action_of[place] = kept.index(action)
    return Naming(kept, action_of, left_out)


def plain(name: str) -> str:
    """A name without what spelling may differ in: 'ApplyEyeMakeup', 'apply_eye-makeup' -> 'apply eye makeup'."""
    letters = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name))
    words = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.split(r"[\s_\-]+", words.casefold())).strip()


def _unmatched(unknown: Sequence[str], classes: Sequence[str]) -> str:
    near = []
    for action in unknown[:10]:
        found = difflib.get_close_matches(plain(action), [plain(name) for name in classes], 3, 0.5)
        names = [name for name in classes if plain(name) in found]
        near.append(f"  {action!r}" + (f": near are {', '.join(map(repr, names))}" if names else ""))
    more = [f"  and {len(unknown) - 10} more"] if len(unknown) > 10 else []
    return "\n".join([
        f"{len(unknown)} actions of the manifest are no class of the model ({len(classes)} classes, such as "
        f"{', '.join(map(repr, classes[:3]))}):", *near, *more, f"say which they are: --mapping FILE, {FORM}",
    ])  # fmt: skip


def _said(
    mapping: Path, classes: Sequence[str], actions: Sequence[str], places: dict[str, int]
) -> dict[str, list[int]]:
    """The mapping: places of classes by action."""
    of = {plain(action): action for action in actions}
    said: dict[str, list[int]] = {}
    for where, action, name in _pairs(mapping):
        if plain(action) not in of:
            near = difflib.get_close_matches(action, list(actions), 3, 0.4)
            hint = f"; near are {', '.join(near)}" if near else ""
            raise InputError(f"{mapping}: {where}: the manifest has no action {action!r}{hint}")
        found = said.setdefault(of[plain(action)], [])
        if not name:
            continue
        if plain(name) not in places:
            near = difflib.get_close_matches(name, list(classes), 3, 0.4)
            hint = f"; near are {', '.join(near)}" if near else ""
            raise InputError(f"{mapping}: {where}: the model has no class {name!r}{hint}")
        if places[plain(name)] not in found:
            found.append(places[plain(name)])
    return said


def _pairs(mapping: Path) -> Iterator[tuple[str, str, str]]:
    """Where in the file, an action, and a class of it or nothing.

    Raises:
        InputError: no such file, or another form.
    """
    try:
        text = mapping.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{mapping}: cannot be read: {error}") from None
    if mapping.suffix.lower() in (".yaml", ".yml"):
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"{mapping}: not YAML: {error}") from None
        if not isinstance(found, dict):
            raise InputError(f"{mapping}: expected action: class, a line each")
        for action, names in found.items():
            for name in names if isinstance(names, list) and names else [names]:
                yield f"{action}", str(action), "" if name is None or name == [] else str(name)
        return
    lines = csv.DictReader(text.splitlines())
    if not {"action", "class"} <= set(lines.fieldnames or ()):
        raise InputError(f"{mapping}: expected {FORM}; the columns are: {', '.join(lines.fieldnames or ()) or 'none'}")
    for row in lines:
        yield f"line {lines.line_num}", (row["action"] or "").strip(), (row["class"] or "").strip()
