"""All videos of an audit, in order, over some processes; what is answered is kept, and a new start goes on there."""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from sceneproof.audit.scoring import Refused, Row, Scorer, unread
from sceneproof.audit.settings import DataSettings, ModelSettings, opened
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError
from sceneproof.files import read_json, write_json
from sceneproof.processes import Ask, Problem, in_processes
from sceneproof.progress import progress
from sceneproof.seals import intact

logger = logging.getLogger(__name__)
AT_ONCE = 16
"""Videos whose answers are written together: a kill costs these at most."""
DRAWING = 2  # raised whenever the same settings give other variants


@dataclass(frozen=True)
class Task:
    """A video to score in a process of its own."""

    model: ModelSettings
    data: DataSettings
    video: str


def score(task: Task, ask: Ask) -> list[Row] | Refused:
    """Scores a video; on one thread, as several processes share the cores."""
    torch.set_num_threads(1)
    return opened(task.model, task.data).rows(task.video)


@dataclass(frozen=True)
class Answers:
    """Answered videos on the disk, `AT_ONCE` a file, below a folder that belongs to one audit.

    Attributes:
        folder: where the files lie.
        videos: all ids, in order.
    """

    folder: Path
    videos: Sequence[str]

    @classmethod
    def claimed(cls, folder: Path, videos: Sequence[str], settings: dict[str, Any]) -> "Answers":
        """The folder of these settings: as it was left, or new; one of other settings is emptied.

        Files of other settings are of no use any more: the same command with another model or seed starts anew.
        """
        note, said = folder / "settings.json", {"drawing": DRAWING, "videos": _digest(videos), **settings}
        if folder.is_dir() and _said(note) != said:
            shutil.rmtree(folder)
        if not note.is_file():
            write_json(note, said)
        return cls(folder, videos)

    def lots(self) -> list[list[str]]:
        """The videos, `AT_ONCE` at a time."""
        return [list(self.videos[first : first + AT_ONCE]) for first in range(0, len(self.videos), AT_ONCE)]

    def file(self, lot: int) -> Path:
        """Where the answers of a lot are."""
        return self.folder / f"{lot:06d}.parquet"

    def missing(self) -> list[int]:
        """Numbers of the lots without answers, or with answers that were damaged since."""
        lots = [lot for lot in range(len(self.lots())) if not intact(self.file(lot))]
        for lot in lots:
            if self.file(lot).is_file():
                logger.warning("%s: damaged since it was written: its videos are scored again", self.file(lot))
        return lots

    def write(self, lot: int, rows: list[Row]) -> None:
        """Writes the answers of a lot, whole or not at all."""
        write_table(self.file(lot), pd.DataFrame(rows), "audit answers")

    def read(self) -> pd.DataFrame:
        """All of them."""
        parts = [
            read_table(self.file(lot), "audit answers", ("video", "variant"))[0] for lot in range(len(self.lots()))
        ]
        return pd.concat([part for part in parts if len(part)], ignore_index=True)

    def drop(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder)


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
    lots = answers.lots()
    missing = answers.missing()
    videos = [video for lot in missing for video in lots[lot]]
    done = len(answers.videos) - len(videos)
    told: Iterator[tuple[str, list[Row] | Refused | Problem]]
    if tasks is None or workers == 0:
        told = ((video, scorer.rows(video)) for video in videos)
    else:
        model, data = tasks
        given = (Task(model, data, video) for video in videos)
        made = in_processes(score, given, workers=workers, time_limit=time_limit)
        told = ((task.video, answer) for task, answer in made)
    failed = 0
    with progress("auditing", len(answers.videos), done=done, quiet=quiet) as advance:
        for lot in missing:
            rows: list[Row] = []
            for _ in lots[lot]:
                video, answer = next(told)
                if isinstance(answer, Refused):
                    raise InputError(answer.reason)
                if isinstance(answer, Problem):
                    answer = unread(scorer.names, answer.reason)
                failed += answer[0]["problem"] != ""
                rows += [{"video": video, **row} for row in answer]
                advance(note=f"{failed} unreadable" if failed else "")
            answers.write(lot, rows)


def for_processes(model: ModelSettings, data: DataSettings) -> tuple[ModelSettings, DataSettings]:
    """The settings with paths that hold in any process."""
    here = {name: getattr(data, name) for name in ("manifest", "root", "humans", "scenes", "backgrounds")}
    absolute: dict[str, Any] = {
        name: str(Path(value).resolve()) for name, value in here.items() if value is not None and "://" not in value
    }
    return model, replace(data, **absolute)


def _said(note: Path) -> Any:
    """What a folder's note says; nothing where it is missing or damaged."""
    try:
        return read_json(note)
    except InputError:
        return None


def _digest(videos: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(videos)).encode()).hexdigest()
