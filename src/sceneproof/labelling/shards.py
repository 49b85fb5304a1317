"""Labels in the making: consecutive rows of a manifest, a shard, until all are there and become one table."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sceneproof.addresses import Place, at_hand, size
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import KEY, hashes, read_schema, said_of, sealed_writer
from sceneproof.errors import InputError
from sceneproof.jobs.parts import Parts, read_part
from sceneproof.jobs.working import Failure, read_failures, write_failures
from sceneproof.labelling.contracts import Labelling
from sceneproof.labelling.decoding import ClipTask
from sceneproof.seals import check_parquet
from sceneproof.wording import counted

GROUP_BYTES = 2**25
"""About how large a row group of the table is: large enough to be read quickly, small enough to be held in memory."""


@dataclass(frozen=True)
class Shards:
    """Consecutive rows of a manifest, `size` a shard, and what has been labelled of them.

    What is there belongs to one plan: the same clips in the same order, the same labelling.
    """

    manifest: Manifest
    labelling: Labelling
    out: Place
    size: int

    @cached_property
    def parts(self) -> Parts:
        """Where finished shards are kept until all are there."""
        count = -(-len(self.manifest) // self.size)
        return Parts(self.out.with_name(f"{self.out.name}.parts"), count, self.plan, "labels")

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
        self.parts.end()  # a crash may have come between the table and this
        return read_failures(self.failures)

    def rows(self, number: int) -> range:
        """Rows of the manifest in a shard."""
        return range(number * self.size, min((number + 1) * self.size, len(self.manifest)))

    def tasks(self, number: int) -> Iterator[ClipTask]:
        """The clips of a shard."""
        here = self.rows(number)
        rows = self.manifest.rows.iloc[here.start : here.stop]
        for row, video, start, end in zip(here, rows["video"], *replace(self.manifest, rows=rows).edges, strict=True):
            yield ClipTask(row, str(video), str(self.manifest.path(row)), float(start), float(end))

    def write(self, number: int, tables: Sequence[pa.Table], failures: Sequence[Failure]) -> None:
        """Writes a shard, whole or not at all.

        Raises:
            InputError: another command has put its own plan here since this one began.
        """
        table = pa.concat_tables([self.labelling.schema.empty_table(), *tables])
        self.parts.write(number, table, [[failure.video, failure.path, failure.reason] for failure in failures])

    def merge(self) -> list[Failure]:
        """Makes the table of all shards, in the manifest's order, and the table of failures; ends the folder.

        Raises:
            InputError: not one video could be read, a shard was damaged after it was written, or another command has
                put its own plan here.
        """
        self.parts.check()
        with at_hand(self.parts.folder, self.parts.names) as folder:
            failures = self._merge([folder / name for name in self.parts.names])
        self.parts.end()
        return failures

    def _merge(self, parts: Sequence[Path]) -> list[Failure]:
        """The two tables, of shards on this machine."""
        failures = [Failure(*said) for part in parts for said in read_part(part)[1]]
        if len(failures) == len(self.manifest):
            self.parts.end()
            raise InputError(
                f"{self.manifest.name}: no video can be read ({counted(len(failures), 'video')}); the first: "
                f"{failures[0].path}: {failures[0].reason}"
            )
        write_failures(self.failures, failures, self.out.name)  # before the table, which says that all is done
        said = {"kind": self.labelling.kind, **self.labelling.metadata, "plan": self._digest()}
        schema = self.labelling.schema.with_metadata({KEY: json.dumps(said, sort_keys=True).encode()})
        with sealed_writer(self.out, schema) as writer:
            for group in _groups(parts):
                writer.write_table(group.cast(schema))
        return failures

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.plan, sort_keys=True).encode()).hexdigest()


def _groups(parts: Iterable[Path]) -> Iterator[pa.Table]:
    """Rows of all shards, a row group at a time."""
    waiting: list[pa.Table] = []
    for part in parts:
        waiting.append(read_part(part)[0])
        if sum(table.nbytes for table in waiting) >= GROUP_BYTES:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
