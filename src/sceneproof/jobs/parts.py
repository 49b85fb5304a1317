"""Parts of something large in the making: each whole or not at all, sealed, and all of one plan.

A plan is what the parts follow from, as JSON, in a file beside them. Work that was begun otherwise is not gone on with.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from sceneproof.addresses import Place, names, remove, remove_folder, size
from sceneproof.data.tables import KEY, checked_parquet, sealed_writer
from sceneproof.errors import DamagedError, InputError
from sceneproof.files import read_json, write_json

logger = logging.getLogger(__name__)
TABLES = "tables"
"""The key of a plan under which the digests of tables stand, by name; plans of older versions have none."""
Recorded = TypeVar("Recorded", list[Any], dict[str, Any])
CURE = "start the same command again, which makes it anew"


def claim(file: Place, plan: Mapping[str, Any], what: str, *, more: Mapping[str, Any] | None = None) -> None:
    """Writes a plan down, or checks that the one that is there is the same.

    Args:
        file: where it stands (.json).
        plan: all that the parts follow from, as JSON values; digests of tables under `TABLES`.
        what: is made there: "an export", "a world".
        more: what else to tell in the file, which may differ.

    Raises:
        InputError: it is of another plan; says what differs, and what to do.
    """
    if size(file) is None:
        write_json(file, {**plan, **(more or {})})
    else:
        refuse_other(file, plan, what)


def refuse_other(file: Place, plan: Mapping[str, Any], what: str) -> None:
    """Raises InputError where the plan in a file is another one than this; says what differs, and what to do."""
    ours, theirs = _plain(plan), read_json(file, dict)
    if TABLES in ours and TABLES not in theirs:
        logger.warning("%s: does not say what its tables held: whether they have changed since is not known", file)
        del ours[TABLES]
    if said := _difference("", theirs, ours):
        raise InputError(
            f"{file}: this folder holds {what} with {said}; it was begun otherwise: give what it was begun with to go "
            f"on, or write to another place"
        )


def recorded(record: Path, kind: type[Recorded]) -> Recorded | None:
    """What the JSON record of a part says, a list or an object; None where there is none, or it is damaged."""
    if not record.is_file():
        return None
    try:
        said: Recorded = read_json(record, kind)
    except InputError:
        return None
    return said


def clear(folder: Path) -> None:
    """Takes out of a folder, and those in it, what a process that was killed was writing."""
    for left in folder.rglob(".*.tmp.*"):
        left.unlink(missing_ok=True)


@dataclass(frozen=True)
class Parts:
    """Tables that will be one, in a folder of their own until all are there; here or at an address.

    Attributes:
        folder: that holds them.
        count: how many there will be.
        plan: all that they follow from, as JSON values.
        what: they are parts of: "labels", "answers".
        note: the name of the file with the plan.
    """

    folder: Place
    count: int
    plan: Mapping[str, Any]
    what: str
    note: str = "plan.json"

    @cached_property
    def names(self) -> Sequence[str]:
        """Of the parts' files, in order."""
        return [f"{number:06d}.parquet" for number in range(self.count)]

    def begin(self, *, anew: bool = False) -> None:
        """Makes the folder, or checks that the one that is there is of this plan.

        Args:
            anew: empty a folder of another plan instead.

        Raises:
            InputError: it is of another one; says what differs.
        """
        if anew and not self.ours():
            remove_folder(self.folder, last=self.note)
        if not any(name.endswith(".parquet") for name in names(self.folder)):
            write_json(self.folder / self.note, self.plan)
        self.check()

    def check(self) -> None:
        """Raises InputError where another command has put its own plan there; says what differs."""
        refuse_other(self.folder / self.note, self.plan, self.what)

    def ours(self) -> bool:
        """Whether the folder is of this plan."""
        try:
            return bool(read_json(self.folder / self.note) == _plain(self.plan))
        except InputError:  # there is none, or it is damaged
            return False

    def has(self, number: int) -> bool:
        """Whether a part is there."""
        return size(self.folder / self.names[number]) is not None

    def missing(self) -> list[int]:
        """Numbers of the parts that are not there, or were damaged since they were written."""
        present, missing = names(self.folder), []
        for number, name in enumerate(self.names):
            try:
                if name in present:
                    read_part(self.folder / name)
                    continue
            except DamagedError:
                logger.warning("%s: damaged since it was written: it is made again", self.folder / name)
                remove(self.folder / name)
            missing.append(number)
        return missing

    def write(self, number: int, table: pa.Table, said: Any = None) -> None:
        """Writes a part, whole or not at all.

        Args:
            number: of the part.
            table: its rows.
            said: what else to keep with them, as JSON values.

        Raises:
            InputError: another command has put its own plan here since this one began.
        """
        self.check()
        table = table.replace_schema_metadata({KEY: json.dumps(said).encode()})
        with sealed_writer(self.folder / self.names[number], table.schema) as writer:
            writer.write_table(table)

    def read(self) -> Iterator[tuple[pa.Table, Any]]:
        """All parts, in order, one at a time: see `read_part`."""
        for name in self.names:
            yield read_part(self.folder / name)

    def end(self) -> None:
        """Deletes the folder, if it is of this plan; what is left of it at any moment is a plan with whole parts."""
        if self.ours():
            remove_folder(self.folder, last=self.note)


def read_part(path: Place) -> tuple[pa.Table, Any]:
    """A part's rows, and what was kept with them.

    Raises:
        DamagedError: it is not as it was written.
    """
    try:
        table = checked_parquet(path)
        return table, json.loads(table.schema.metadata[KEY])
    except InputError as error:
        raise DamagedError(path, CURE) if isinstance(error, DamagedError) else error from None
    except OSError as error:
        if error.errno is not None:  # not what pyarrow says of a page, but of the machine
            raise
        raise DamagedError(path, CURE) from None
    except (pa.ArrowException, LookupError, TypeError, ValueError):
        raise DamagedError(path, CURE) from None


def _plain(plan: Mapping[str, Any]) -> dict[str, Any]:
    """As it is read again: keys are text, tuples lists."""
    plain: dict[str, Any] = json.loads(json.dumps(plan))
    return plain


def _difference(name: str, theirs: Any, ours: Any) -> str:
    """The first thing that differs, in words; empty where nothing does. What only they have does not count."""
    if not isinstance(theirs, Mapping) or not isinstance(ours, Mapping):
        return "" if theirs == ours else f"{name} {_short(theirs)}, not {_short(ours)}"
    of = "SHA-256 of " if name == TABLES else ""
    keys = {**ours, **theirs} if name == TABLES else ours
    return next(filter(None, (_difference(f"{of}{key}", theirs.get(key), ours.get(key)) for key in keys)), "")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) < 160 else f"{text[:157]}…"
