"""The clips of a manifest: where each lies in its file, and which row a table of labels speaks of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sceneproof.data.manifest import Manifest
from sceneproof.data.timing import Timing
from sceneproof.data.video import VideoError, VideoInfo, frame_range


@dataclass(frozen=True)
class Clips:
    """N clips, as far as the manifest knows them.

    Attributes:
        manifest: of N rows.
        videos: the ids, (N,).
        actions: the actions, (N,).
        first: int64 (N,), each clip's first frame in its file.
        length: int64 (N,), its frames; 0 where the manifest does not say, or the file cannot be read.
        file_frames: int64 (N,), the frames of its file; 0 likewise.
        pixels: float64 (N, 2), width and height of its picture; NaN where unknown.
    """

    manifest: Manifest
    videos: pd.Index
    actions: NDArray[Any]
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    file_frames: NDArray[np.int64]
    pixels: NDArray[np.float64]

    @classmethod
    def of(cls, manifest: Manifest) -> "Clips":
        """The clips of a manifest; no video is opened."""
        file_frames = np.nan_to_num(_numbers(manifest, "frames"), nan=0).clip(min=0).astype(np.int64)
        first, length = np.zeros_like(file_frames), file_frames.copy()
        start, end, rate = (_numbers(manifest, name) for name in ("start", "end", "rate"))
        timing = Timing(manifest)
        for row in np.flatnonzero((file_frames > 0) & ~(np.isnan(start) & np.isnan(end))).tolist():
            known = timing.known(row) or VideoInfo(int(file_frames[row]), 0, 0, rate[row])
            try:
                shown = frame_range(known, start[row], end[row])
            except VideoError:
                shown = range(0)  # whoever opens the clip says why
            first[row], length[row] = shown.start, len(shown)
        sides = np.stack([_numbers(manifest, name) for name in ("width", "height")], axis=1)
        sides[(sides <= 0).any(1)] = np.nan
        actions = manifest.rows["action"].to_numpy(object)
        return cls(manifest, pd.Index(manifest.rows["video"]), actions, first, length, file_frames, sides)

    def __len__(self) -> int:
        return len(self.videos)

    def rows(self, column: pa.Array) -> NDArray[np.int64]:
        """Which clips a column of ids speaks of: their rows, -1 where the manifest has none."""
        coded = column.dictionary_encode()
        if not len(coded.dictionary):
            return np.zeros(len(column), np.int64)
        rows = self.videos.get_indexer(pd.Index(coded.dictionary.to_pandas()))
        places = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return np.where(places >= 0, rows[places], -1).astype(np.int64)

    def known(self, reasons: Mapping[str, str]) -> dict[int, str]:
        """Those reasons, given by id, that are of one of these clips; by row."""
        rows = self.videos.get_indexer(pd.Index(list(reasons), dtype=object))
        return {int(row): reason for row, reason in zip(rows, reasons.values(), strict=True) if row >= 0}

    def names(self, rows: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """Ids of some rows."""
        return [str(self.videos[int(row)]) for row in rows]


def _numbers(manifest: Manifest, column: str) -> NDArray[np.float64]:
    """A column of numbers, NaN where there is none."""
    if column not in manifest.rows:
        return np.full(len(manifest), np.nan)
    return pd.to_numeric(manifest.rows[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
