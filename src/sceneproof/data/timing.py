"""When the frames of a manifest's videos are shown, by the files and by what was found when they were indexed."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.data.manifest import LONG, Manifest
from sceneproof.data.times import FrameTimes
from sceneproof.data.video import VideoError, VideoInfo, probe
from sceneproof.errors import InputError
from sceneproof.wording import counted

KEPT = 256
"""Files whose times are remembered: those of an hour at a variable rate take a megabyte."""
RATE_SLACK = 0.01


class Timing:
    """Looks into a manifest's files, and holds what it finds against the manifest.

    Where a container has a table of frames, that is read. Of other files the manifest's column `times` is believed, and
    without it the file is decoded once.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._kept: dict[str, VideoInfo] = {}
        self._long: dict[str, str] | None = None

    def info(self, row: int) -> VideoInfo:
        """What the file of a row holds.

        Raises:
            VideoError: it cannot be read, or is not the one that the manifest tells of.
            InputError: the row's `times` are no times.
        """
        path = str(self._manifest.rows["path"].iat[row])
        info = self._kept.get(path)
        if info is None:
            info = self._kept[path] = probe(self._manifest.path(row), self.known(row))
            for oldest in list(self._kept)[:-KEPT]:  # other threads may be here, too
                self._kept.pop(oldest, None)
        self.check(row, info.frames, info.times)
        return info

    def known(self, row: int) -> VideoInfo | None:
        """What the manifest tells of a row's file; None where it does not tell the times of its frames."""
        times = self._times(row)
        if times is None:
            return None
        return VideoInfo(times.frames, self._whole(row, "width"), self._whole(row, "height"), times.rate, times)

    def _times(self, row: int) -> FrameTimes | None:
        rows = self._manifest.rows
        if "times" not in rows:
            return None
        text = rows["times"].iat[row]
        if not isinstance(text, str) or not text:
            if self._long is None:
                self._long = _long_texts(rows)
            text = self._long.get(str(rows["path"].iat[row]), "")
        if not text:
            return None
        try:
            return FrameTimes.parse(text)
        except ValueError:
            raise InputError(
                f"{self._manifest.name}: row {row} ({rows['video'].iat[row]}): its times {text[:40]!r} are none: "
                f"index the videos again, or leave the column out"
            ) from None

    def check(self, row: int, frames: int, times: FrameTimes | None = None) -> None:
        """Holds a file's frames, and its rate where that is constant, against the manifest.

        Raises:
            VideoError: the manifest says something else: it was made of another file.
        """
        said, rate = self._whole(row, "frames"), self._number(row, "rate")
        if said != frames and (said > 0 or (frames == 1 and self._number(row, "frames") == 0)):
            raise VideoError(f"the manifest says {counted(said, 'frame')}, the file has {frames}: index it again")
        if times is None or times.kind != "even" or times.frames == 1 or not rate > 0:
            return
        known = (times.rate, times.frames / (times.end - times.first))  # a long last frame lowers the average
        if not any(abs(rate - own) <= RATE_SLACK * own for own in known):
            raise VideoError(f"the manifest says {rate:g} frames a second, the file has {times.rate:g}: index it again")

    def _number(self, row: int, column: str) -> float:
        rows = self._manifest.rows
        value: Any = rows[column].iat[row] if column in rows else math.nan
        return math.nan if pd.isna(value) else float(value)

    def _whole(self, row: int, column: str) -> int:
        value = self._number(row, column)
        return int(value) if math.isfinite(value) else 0


def _long_texts(rows: pd.DataFrame) -> dict[str, str]:
    """Times that only the first row of a file has, by its path."""
    texts = rows["times"].fillna("")
    long = rows[(texts.str.len() > LONG).to_numpy(np.bool_)]
    return dict(zip(long["path"].astype(str), long["times"], strict=True))
