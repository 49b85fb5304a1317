"""All videos of an audit, in order, over some processes; what is answered is kept, and a new start goes on there."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import torch

from sceneproof.audit.scoring import Row, Scorer, unread
from sceneproof.audit.settings import DataSettings, ModelSettings, opened
from sceneproof.jobs.parts import Parts
from sceneproof.jobs.processes import Problem
from sceneproof.jobs.working import work_through

AT_ONCE = 16
"""Videos whose answers are written together: a kill costs these at most."""
DRAWING = 4  # raised whenever the same settings give other variants or keep more of them


@dataclass(frozen=True)
class AuditTask:
    """A video to score in a process of its own."""

    model: ModelSettings
    data: DataSettings
    video: str


def score(task: AuditTask) -> list[Row]:
    """Scores a video; on one thread, as several processes share the cores."""
    torch.set_num_threads(1)
    return opened(task.model, task.data).rows(task.video)


@dataclass(frozen=True)
class Answers:
    """Answered videos on the disk, `AT_ONCE` a part, below a folder that belongs to one audit.

    Attributes:
        folder: where the parts lie.
        videos: all ids, in order.
        settings: all that the answers follow from, as JSON values.
    """

    folder: Path
    videos: Sequence[str]
    settings: dict[str, Any]

    @cached_property
    def parts(self) -> Parts:
        """The answers so far. Those of other settings are of no use: `begin(anew=True)` drops them."""
        digest = hashlib.sha256(json.dumps(list(self.videos)).encode()).hexdigest()
        plan = {"drawing": DRAWING, "videos": digest, **self.settings}
        return Parts(self.folder, len(self.lots()), plan, "answers", "settings.json")

    def lots(self) -> list[list[str]]:
        """The videos, `AT_ONCE` at a time."""
        return [list(self.videos[first : first + AT_ONCE]) for first in range(0, len(self.videos), AT_ONCE)]

    def write(self, lot: int, rows: list[Row]) -> None:
        """Writes the answers of a lot, whole or not at all."""
        self.parts.write(lot, pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))

    def read(self) -> pd.DataFrame:
        """All of them.

        Raises:
            DamagedError: some are not as they were written.
        """
        tables = [table.to_pandas(ignore_metadata=True) for table, _ in self.parts.read()]
        rows: pd.DataFrame = pd.concat([table for table in tables if len(table)], ignore_index=True)
        return rows


def collect(
    answers: Answers,
    scorer: Scorer,
    tasks: tuple[ModelSettings, DataSettings] | None,
    *,
    workers: int,
    time_limit: float,
    quiet: bool,
) -> None:
    """Scores all videos that have no answer yet.

    Args:
        answers: where they go.
        scorer: what scores them in this process.
        tasks: what a process of its own opens; None: all is done in this one.
        workers: processes; 0: this one.
        time_limit: seconds a video may take in a process of its own.
        quiet: no progress.

    Raises:
        InputError: the model cannot be audited; says why.
    """
    lots, missing = answers.lots(), answers.parts.missing()
    videos = [video for lot in missing for video in lots[lot]]
    how: dict[str, Any] = {"done": len(answers.videos) - len(videos), "time_limit": time_limit, "quiet": quiet}
    told: Iterator[tuple[Any, list[Row] | Problem]]
    if tasks is None or workers == 0:
        told = work_through(scorer.rows, videos, "auditing", workers=0, **how)
    else:
        told = work_through(score, [AuditTask(*tasks, video) for video in videos], "auditing", workers=workers, **how)
    for lot in missing:
        rows: list[Row] = []
        for video in lots[lot]:
            _, answer = next(told)
            scored = unread(scorer.names, answer.reason) if isinstance(answer, Problem) else answer
            rows += [{"video": video, **row} for row in scored]
        answers.write(lot, rows)
    next(told, None)  # its processes end


def for_processes(model: ModelSettings, data: DataSettings) -> tuple[ModelSettings, DataSettings]:
    """The settings with paths that hold in any process."""
    here = {name: getattr(data, name) for name in ("manifest", "root", "humans", "scenes", "backgrounds", "inpainter")}
    absolute: dict[str, Any] = {
        name: str(Path(value).resolve()) for name, value in here.items() if value is not None and "://" not in value
    }
    return model, replace(data, **absolute)
