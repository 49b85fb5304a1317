"""Labels for every video of a collection: decoded ahead, in batches across videos, safe from a crash at any moment."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import pyarrow as pa

from sceneproof.addresses import Address, Place, located
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.jobs.processes import Problem
from sceneproof.jobs.working import Failure, told
from sceneproof.labelling.contracts import DecodedClip, Labelling
from sceneproof.labelling.decoding import ClipTask, decoded
from sceneproof.labelling.shards import Shards
from sceneproof.locks import beside, locked
from sceneproof.machine import processors, refuse_if_gone
from sceneproof.progress import Advance, progress

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """What labels the shards: `label_shards`, in this process, or several machines."""

    def __call__(
        self,
        shards: Shards,
        numbers: Sequence[int],
        *,
        batch: int,
        workers: int | None,
        time_limit: float,
        advance: Advance,
    ) -> None:
        """Writes these shards, in any order, and tells of every video."""


def label(
    manifest: Manifest,
    labelling: Labelling,
    out: Address | Place,
    *,
    batch: int = 64,
    workers: int | None = None,
    shard: int = 64,
    time_limit: float = 60.0,
    engine: Engine | None = None,
    quiet: bool = False,
) -> list[Failure]:
    """Labels every readable video of a manifest and writes one table. Stopped at any moment, the same call goes on.

    Videos that cannot be read, or take too long, are named in a warning and in a table beside the first
    (NAME.failures.parquet: video, path, reason). A table that is there is not made again: to try such videos once more,
    delete it.

    Args:
        manifest: the videos.
        labelling: which frames it needs, and what it makes of them.
        out: the table to write (.parquet), here or at an address. Finished shards wait in the folder OUT.parts until
            all are there.
        batch: about how many frames go through the model at once.
        workers: processes that decode, ahead of the model; by default one a processor.
        shard: videos that are written together; what a crash can cost.
        time_limit: seconds that decoding a video may take.
        engine: what labels the shards; by default this process does (`label_shards`).
        quiet: show no progress.

    Returns:
        The videos without labels.

    Raises:
        InputError: a setting out of its range, shards of other videos or of another labelling are there, an address
            cannot be reached, or not one video can be read.
    """
    for name, value in (("batch", batch), ("workers", workers), ("shard", shard), ("time_limit", time_limit)):
        if value is not None and not value > 0:
            raise InputError(f"{name}: {value} given; it must be above 0")
    shards = Shards(manifest, labelling, located(out), shard)
    with locked(beside(out)):
        if (failures := shards.finished()) is not None:
            if not quiet:
                print(f"{out}: these labels are there already; delete the file to make them again")
            _warn(shards, failures)
            return failures
        shards.parts.begin()
        missing = shards.parts.missing()
        done = len(manifest) - sum(len(shards.rows(number)) for number in missing)
        with progress(f"labelling {labelling.kind}", len(manifest), done=done, quiet=quiet) as advance:
            (engine or label_shards)(
                shards, missing, batch=batch, workers=workers, time_limit=time_limit, advance=advance
            )
        failures = shards.merge()
    _warn(shards, failures)
    return failures


def _warn(shards: Shards, failures: Sequence[Failure]) -> None:
    if failures:
        logger.warning(
            "%s: %d of %d videos cannot be read and get no labels; %s has them all:\n%s",
            shards.manifest.name, len(failures), len(shards.manifest), shards.failures,
            "\n".join(told(failures, shards.failures)),
        )  # fmt: skip


def label_shards(
    shards: Shards, numbers: Sequence[int], *, batch: int, workers: int | None, time_limit: float, advance: Advance
) -> None:
    """Labels these shards one after another; each is written while the next are decoded and go through the model."""
    tasks = (task for number in numbers for task in shards.tasks(number))
    clips = decoded(
        tasks,
        shards.labelling.numbers,
        short_side=shards.labelling.short_side,
        workers=workers or processors(),
        time_limit=time_limit,
    )
    failed = 0
    with ThreadPoolExecutor(1) as writer:
        writing: Future[None] | None = None
        for number, members in groupby(clips, lambda clip: clip[0].row // shards.size):
            shard = _Shard(shards.labelling, batch)
            for task, answer in members:
                if isinstance(answer, Problem):
                    refuse_if_gone(shards.manifest.root, task.path)
                shard.add(task, answer)
                failed += isinstance(answer, Problem)
                advance(note=f"{failed} unreadable" if failed else "")
            shard.flush()
            if writing is not None:
                writing.result()
            writing = writer.submit(shards.write, number, shard.tables, shard.failures)
        if writing is not None:
            writing.result()


@dataclass
class _Shard:
    """The rows of one shard as they come. Batches begin anew in each, so that a resumed run has the same ones."""

    labelling: Labelling
    batch: int
    tables: list[pa.Table] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    waiting: list[DecodedClip] = field(default_factory=list)

    def add(self, task: ClipTask, answer: DecodedClip | Problem) -> None:
        """A video's frames, or why there are none."""
        if isinstance(answer, Problem):
            self.failures.append(Failure(task.video, task.path, answer.reason))
            return
        if self.waiting and sum(len(looked.frames) for looked in self.waiting) + len(answer.frames) > self.batch:
            self.flush()
        self.waiting.append(answer)

    def flush(self) -> None:
        """Puts what waits through the model."""
        if self.waiting:
            self.tables.append(self.labelling(self.waiting))
            self.waiting = []
