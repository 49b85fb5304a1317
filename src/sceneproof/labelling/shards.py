"""Labels in the making: a folder of finished shards beside the table; nothing is lost and nothing done twice."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import KEY, read_table, write_table
from sceneproof.errors import InputError
from sceneproof.files import read_json, whole, write_json
from sceneproof.labelling.decoding import Task
from sceneproof.labelling.looked import Labelling

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
    the same labelling.
    """

    manifest: Manifest
    labelling: Labelling
    out: Path
    size: int

    @property
    def folder(self) -> Path:
        """Where finished shards are kept until all are there."""
        return self.out.with_name(f"{self.out.name}.parts")

    @property
    def failures(self) -> Path:
        """The table of videos without labels."""
        return self.out.with_name(f"{self.out.stem}.failures.parquet")

    @property
    def plan(self) -> dict[str, Any]:
        """What the shards were made from and how, as JSON values."""
        rows = self.manifest.rows
        digest = hashlib.sha256()
        for name in ("video", "path", "start", "end"):
            values = rows[name] if name in rows else pd.Series(np.full(len(rows), np.nan))
            digest.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
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
        plan, file = self.plan, self.folder / "plan.json"
        if not any(self.folder.glob("*.parquet")):
            write_json(file, plan)
        there = read_json(file)
        for key in plan:
            if there.get(key) != plan[key]:
                raise InputError(
                    f"{self.folder} holds labels that were begun otherwise ({key}: {_short(there.get(key))} there, "
                    f"{_short(plan[key])} now): finish those with the command they were begun with, write to another "
                    f"file, or delete the folder"
                )

    def finished(self) -> list[Failure] | None:
        """The videos without labels, if the table itself is there, of this plan; else None."""
        if not self.out.is_file():
            return None
        try:
            said = json.loads((pq.read_schema(self.out).metadata or {}).get(KEY, b"{}"))
        except (pa.ArrowInvalid, OSError):
            return None
        if said.get("plan") != self._digest():
            return None
        self._end_folder()  # a crash may have come between the table and this
        if not self.failures.exists():
            return []
        told, _ = read_table(self.failures, "failures", ("video", "path", "reason"))
        return [Failure(*map(str, one)) for one in told[["video", "path", "reason"]].itertuples(index=False)]

    def missing(self) -> list[int]:
        """Numbers of the shards that are not there."""
        return [number for number in range(len(self)) if not self.has(number)]

    def has(self, number: int) -> bool:
        """Whether a shard is there."""
        return self._part(number).exists()

    def rows(self, number: int) -> range:
        """Rows of the manifest in a shard."""
        return range(number * self.size, min((number + 1) * self.size, len(self.manifest)))

    def tasks(self, number: int) -> Iterator[Task]:
        """The clips of a shard."""
        rows = self.manifest.rows
        segments = [rows[name].to_numpy(np.float64) if name in rows else None for name in ("start", "end")]
        for row in self.rows(number):
            start, end = (np.nan if values is None else float(values[row]) for values in segments)
            yield Task(row, str(rows["video"].iat[row]), str(self.manifest.path(row)), start, end)

    def write(self, number: int, tables: Sequence[pa.Table], failures: Sequence[Failure]) -> None:
        """Writes a shard, whole or not at all."""
        table = pa.concat_tables([self.labelling.schema.empty_table(), *tables])
        said = json.dumps([[one.video, one.path, one.reason] for one in failures])
        with whole(self._part(number)) as temporary:
            pq.write_table(table.replace_schema_metadata({KEY: said.encode()}), temporary, compression="zstd")

    def merge(self) -> list[Failure]:
        """Makes the table of all shards, in the manifest's order, and the table of failures; ends the folder.

        Raises:
            InputError: not one video could be read.
        """
        failures: list[Failure] = []
        for number in range(len(self)):
            said = json.loads(pq.read_schema(self._part(number)).metadata[KEY])
            failures += [Failure(*one) for one in said]
        if len(failures) == len(self.manifest):
            self._end_folder()
            raise InputError(
                f"{self.manifest.name}: none of its {len(failures)} videos can be read; the first: "
                f"{failures[0].path}: {failures[0].reason}"
            )
        if failures:  # before the table, which says that all is done
            write_table(self.failures, pd.DataFrame(failures), "failures", table=self.out.name)
        else:
            self.failures.unlink(missing_ok=True)
        said = {"kind": self.labelling.kind, **self.labelling.metadata, "plan": self._digest()}
        schema = self.labelling.schema.with_metadata({KEY: json.dumps(said, sort_keys=True).encode()})
        with whole(self.out) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for group in self._groups():
                writer.write_table(group.cast(schema))
        self._end_folder()
        return failures

    def _end_folder(self) -> None:
        """Deletes the folder, if it is of this plan; under another name, so that half of it is never taken for all."""
        ended = self.folder.with_name(f".{self.folder.name}.ended")
        file = self.folder / "plan.json"
        if file.exists() and read_json(file) == self.plan:
            if ended.exists():
                shutil.rmtree(ended)
            self.folder.rename(ended)
        if ended.exists():
            shutil.rmtree(ended)

    def _groups(self) -> Iterator[pa.Table]:
        """Rows of all shards, a row group at a time."""
        waiting: list[pa.Table] = []
        for number in range(len(self)):
            waiting.append(pq.read_table(self._part(number)))
            if sum(table.nbytes for table in waiting) >= GROUP_BYTES:
                yield pa.concat_tables(waiting)
                waiting = []
        if waiting:
            yield pa.concat_tables(waiting)

    def _part(self, number: int) -> Path:
        return self.folder / f"{number:06d}.parquet"

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.plan, sort_keys=True).encode()).hexdigest()


def _short(value: object) -> str:
    text = json.dumps(value) if isinstance(value, Mapping) else str(value)
    return text if len(text) < 160 else f"{text[:157]}…"
