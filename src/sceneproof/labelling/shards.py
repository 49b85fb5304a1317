"""Labels in the making: a folder of finished shards beside the table; nothing is lost and nothing done twice."""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sceneproof.addresses import Place, at_hand, names, remove, remove_folder, size
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import (
    KEY,
    checked_parquet,
    hashes,
    read_schema,
    read_table,
    said_of,
    sealed_writer,
    write_table,
)
from sceneproof.errors import DamagedError, InputError
from sceneproof.files import read_json, write_json
from sceneproof.labelling.decoding import Task
from sceneproof.labelling.looked import Labelling
from sceneproof.seals import check_parquet
from sceneproof.wording import counted

logger = logging.getLogger(__name__)
GROUP_BYTES = 2**25
"""About how large a row group of the table is: large enough to be read quickly, small enough to be held in memory."""


@dataclass(frozen=True)
class Failure:
    """A video without labels, and why."""

    video: str
    path: str
    reason: str


@dataclass(frozen=True)
class Shards:
    """Consecutive rows of a manifest, `size` a shard, and what has been labelled of them.

    A shard is written whole or not at all. What is there belongs to one plan: the same clips in the same order,
    the same labelling. A shard that was damaged since is made again.
    """

    manifest: Manifest
    labelling: Labelling
    out: Place
    size: int

    @property
    def folder(self) -> Place:
        """Where finished shards are kept until all are there."""
        return self.out.with_name(f"{self.out.name}.parts")

    @property
    def failures(self) -> Place:
        """The table of videos without labels."""
        return self.out.with_name(f"{self.out.stem}.failures.parquet")

    @cached_property
    def plan(self) -> dict[str, Any]:
        """What the shards were made from and how, as JSON values."""
        rows = self.manifest.rows
        digest = hashlib.sha256()
        for name in ("video", "path", "start", "end"):
            values = rows[name] if name in rows else pd.Series(np.full(len(rows), np.nan))
            digest.update(hashes(values).tobytes())
        return {
            "clips": f"{len(rows)}, {digest.hexdigest()[:16]}",
            "videos a shard": self.size,
            "kind": self.labelling.kind,
            "labelling": json.loads(json.dumps(dict(self.labelling.metadata))),
        }

    def __len__(self) -> int:
        return -(-len(self.manifest) // self.size)

    def begin(self) -> None:
        """Makes the folder, or checks that the one that is there is of this plan.

        Raises:
            InputError: it is of another one; says what differs.
        """
        if not any(name.endswith(".parquet") for name in names(self.folder)):
            write_json(self.folder / "plan.json", self.plan)
        self.check_plan()

    def check_plan(self) -> None:
        """Raises InputError where the folder is of another plan; says what differs."""
        plan, there = self.plan, read_json(self.folder / "plan.json", dict)
        for key in plan:
            if there.get(key) != plan[key]:
                raise InputError(
                    f"{self.folder} holds labels that were begun otherwise ({key}: {_short(there.get(key))} there, "
                    f"{_short(plan[key])} now): finish those with the command they were begun with, write to another "
                    f"file, or delete the folder"
                )

    def finished(self) -> list[Failure] | None:
        """The videos without labels, if the table itself is there, of this plan; else None.

        Raises:
            DamagedError: it is there, and not as it was written.
        """
        if size(self.out) is None:
            return None
        try:
            said = said_of(read_schema(self.out), self.out)
        except (pa.ArrowInvalid, OSError):
            return None
        if said.get("plan") != self._digest():
            return None
        if isinstance(self.out, Path):  # elsewhere it would be fetched whole; whoever reads it checks it
            with open(self.out, "rb") as file:
                check_parquet(file, self.out, cure="delete it, and the same command makes it again")
        self._end_folder()  # a crash may have come between the table and this
        if size(self.failures) is None:
            return []
        told, _ = read_table(self.failures, "failures", ("video", "path", "reason"))
        return [Failure(*map(str, one)) for one in told[["video", "path", "reason"]].itertuples(index=False)]

    def missing(self) -> list[int]:
        """Numbers of the shards that are not there, or damaged."""
        there = names(self.folder)
        absent = [number for number in range(len(self)) if _name(number) not in there]
        damaged = [number for number in range(len(self)) if _name(number) in there and not self._is_whole(number)]
        for number in damaged:
            logger.warning("%s: damaged since it was written: it is made again", self.folder / _name(number))
            remove(self.folder / _name(number))
        return sorted(absent + damaged)

    def _is_whole(self, number: int) -> bool:
        try:
            _shard(self.folder / _name(number))
        except DamagedError:
            return False
        return True

    def has(self, number: int) -> bool:
        """Whether a shard is there."""
        return size(self.folder / _name(number)) is not None

    def rows(self, number: int) -> range:
        """Rows of the manifest in a shard."""
        return range(number * self.size, min((number + 1) * self.size, len(self.manifest)))

    def tasks(self, number: int) -> Iterator[Task]:
        """The clips of a shard."""
        here = self.rows(number)
        rows = self.manifest.rows.iloc[here.start : here.stop]
        starts, ends = (
            rows[name].to_numpy(np.float64) if name in rows else np.full(len(rows), np.nan) for name in ("start", "end")
        )
        for row, video, start, end in zip(here, rows["video"], starts, ends, strict=True):
            yield Task(row, str(video), str(self.manifest.path(row)), float(start), float(end))

    def write(self, number: int, tables: Sequence[pa.Table], failures: Sequence[Failure]) -> None:
        """Writes a shard, whole or not at all.

        Raises:
            InputError: another command has put its own plan here since this one began.
        """
        self.check_plan()
        table = pa.concat_tables([self.labelling.schema.empty_table(), *tables])
        said = json.dumps([[one.video, one.path, one.reason] for one in failures])
        table = table.replace_schema_metadata({KEY: said.encode()})
        with sealed_writer(self.folder / _name(number), table.schema) as writer:
            writer.write_table(table)

    def merge(self) -> list[Failure]:
        """Makes the table of all shards, in the manifest's order, and the table of failures; ends the folder.

        Raises:
            InputError: not one video could be read, a shard was damaged after it was written, or another command has
                put its own plan here.
        """
        self.check_plan()
        parts = [_name(number) for number in range(len(self))]
        with at_hand(self.folder, parts) as folder:
            failures = self._merge([folder / name for name in parts])
        self._end_folder()
        return failures

    def _merge(self, parts: Sequence[Path]) -> list[Failure]:
        """The two tables, of shards on this machine."""
        failures: list[Failure] = []
        for part in parts:
            failures += _shard(part)[1]
        if len(failures) == len(self.manifest):
            self._end_folder()
            raise InputError(
                f"{self.manifest.name}: no video can be read ({counted(len(failures), 'video')}); the first: "
                f"{failures[0].path}: {failures[0].reason}"
            )
        if failures:  # before the table, which says that all is done
            write_table(self.failures, pd.DataFrame(failures), "failures", table=self.out.name)
        else:
            remove(self.failures)
        said = {"kind": self.labelling.kind, **self.labelling.metadata, "plan": self._digest()}
        schema = self.labelling.schema.with_metadata({KEY: json.dumps(said, sort_keys=True).encode()})
        with sealed_writer(self.out, schema) as writer:
            for group in _groups(parts):
                writer.write_table(group.cast(schema))
        return failures

    def _end_folder(self) -> None:
        """Deletes the folder, if it is of this plan; under another name, so that half of it is never taken for all."""
        file = self.folder / "plan.json"
        ours = size(file) is not None and read_json(file) == self.plan
        if not isinstance(self.folder, Path):
            if ours:  # what is left of it, plan and shards, is whole at any moment
                remove_folder(self.folder, last=file.name)
            return
        ended = self.folder.with_name(f".{self.folder.name}.ended")
        if ours:
            if ended.exists():
                shutil.rmtree(ended)
            self.folder.rename(ended)
        if ended.exists():
            shutil.rmtree(ended)

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.plan, sort_keys=True).encode()).hexdigest()


def _name(number: int) -> str:
    """Of a shard's file."""
    return f"{number:06d}.parquet"


def _shard(path: Place) -> tuple[pa.Table, list[Failure]]:
    """A shard's rows, and its videos without labels.

    Raises:
        DamagedError: it is not as it was written.
    """
    cure = "start the same command again, which makes it anew"
    try:
        table = checked_parquet(path)
        return table, [Failure(*one) for one in json.loads(table.schema.metadata[KEY])]
    except InputError as error:
        raise DamagedError(path, cure) if isinstance(error, DamagedError) else error from None
    except OSError as error:
        if error.errno is not None:  # not what pyarrow says of a page, but of the machine
            raise
        raise DamagedError(path, cure) from None
    except (pa.ArrowException, LookupError, TypeError, ValueError):
        raise DamagedError(path, cure) from None


def _groups(parts: Iterable[Path]) -> Iterator[pa.Table]:
    """Rows of all shards, a row group at a time."""
    waiting: list[pa.Table] = []
    for part in parts:
        waiting.append(_shard(part)[0])
        if sum(table.nbytes for table in waiting) >= GROUP_BYTES:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _short(value: object) -> str:
    text = json.dumps(value) if isinstance(value, Mapping) else str(value)
    return text if len(text) < 160 else f"{text[:157]}…"
