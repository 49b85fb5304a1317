"""What makes a row of a table of people wrong by itself."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.wording import counted

CORNERS = ("x1", "y1", "x2", "y2")
PNG = b"\x89PNG\r\n\x1a\n"


def check_videos(rows: pd.DataFrame, source: str) -> None:
    """Raises InputError where a row names no video."""
    missing = np.flatnonzero(rows["video"].isna())
    if len(missing):
        raise InputError(f"{source}: row {missing[0]}: the video is missing: fill it in, or leave the row out")


def corners_and_scores(rows: pd.DataFrame, source: str) -> NDArray[np.float32]:
    """x1, y1, x2, y2 and score of each row, float32 (R, 5).

    Raises:
        InputError: a column without numbers, or a row that is no box; names the first, and what many look like.
    """
    names = [*CORNERS, "score"]
    for name in names:
        if len(rows) and not pd.api.types.is_numeric_dtype(rows[name]):
            raise InputError(
                f"{source}: the column {name!r} holds no numbers, but {rows[name].iat[0]!r}: boxes are x1, y1, x2, y2 "
                f"in pixels, with a score from 0 to 1"
            )
    values = np.stack([rows[name].to_numpy(np.float32, na_value=np.nan) for name in names], axis=1)
    turned = (values[:, 2] < values[:, 0]) | (values[:, 3] < values[:, 1])
    bad = ~np.isfinite(values).all(1) | turned
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        text = (
            f"{source}: row {row} ({rows['video'].iat[row]}, frame {rows['frame'].iat[row]}): no box: x1, y1, x2, y2, "
            f"score are {', '.join(f'{value:g}' for value in values[row])}; they must be finite, x2 at least x1 and y2 "
            f"at least y1"
        )
        if turned.mean() >= 0.05:
            text += (
                f"; so it is in {100 * turned.mean():.0f} % of the rows: do they hold x, y, width, height? "
                f"`sceneproof index check MANIFEST --boxes TABLE` says what they look like"
            )
        raise InputError(text)
    return values


def check_frames(rows: pd.DataFrame, source: str) -> None:
    """Raises InputError where a frame is no whole number from 0."""
    frames = rows["frame"].to_numpy()
    bad = np.flatnonzero(~(frames >= 0) | (frames % 1 != 0)) if frames.dtype.kind in "iuf" else np.arange(len(rows))
    if len(bad):
        raise InputError(
            f"{source}: row {bad[0]} ({rows['video'].iat[bad[0]]}): the frame is {rows['frame'].iat[bad[0]]!r}; frames "
            f"are whole numbers from 0"
        )


def check_overlap(known: Mapping[str, object], videos: Sequence[str], source: str) -> None:
    """Raises InputError where not one of the videos is known; says whether their names are nearly those."""
    if not videos or any(video in known for video in videos):
        return
    if not known:
        raise InputError(f"{source}: a table without a single person")
    raise InputError(
        f"{source}: no video that is asked for ({counted(len(videos), 'video')}) is in this table of people (it holds "
        f"{', '.join(list(known)[:2])}, …; asked for {', '.join(videos[:2])}, …): {_looks_like(known, videos)}"
    )


def _looks_like(known: Mapping[str, object], videos: Sequence[str]) -> str:
    """Whether the names would be the same without folders, suffixes and capitals."""
    bare = {_bare(video) for video in known}
    alike = [video for video in videos if _bare(video) in bare]
    if not alike:
        return "is this of another data set?"
    return f"{len(alike)} of them would be without folders, suffixes and capitals: name the videos in both tables alike"


def _bare(video: str) -> str:
    name = video.replace("\\", "/").rpartition("/")[2]
    stem, dot, _ = name.rpartition(".")
    return (stem if dot else name).casefold()


def check_last(rows: pd.DataFrame, sizes: pd.DataFrame, source: str) -> None:
    """Raises InputError where a frame is none of its video's; `sizes` has the frames by video, NaN where unknown."""
    frames = facts_of(rows, sizes, ["frames"])[:, 0]
    late = rows["frame"].to_numpy(np.float64) >= frames
    if late.any():
        row = int(np.flatnonzero(late)[0])
        raise InputError(
            f"{source}: a person in frame {rows['frame'].iat[row]} of {rows['video'].iat[row]!r}, which has "
            f"{frames[row]:.0f} frames ({late.sum()} of {len(late)} rows are of such frames): is this the table of "
            f"another copy of the video, or does it count frames from 1?"
        )


def facts_of(rows: pd.DataFrame, sizes: pd.DataFrame, names: list[str]) -> NDArray[np.float64]:
    """What is known of each row's video, float64 (R, names); infinity where it is not known."""
    place = sizes.index.get_indexer(pd.Index(rows["video"]))
    values = np.append(sizes[names].to_numpy(np.float64), np.full((1, len(names)), np.nan), axis=0)[place]
    return np.where(values > 0, values, np.inf)


def mask_size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG picture, by its head; 0 and 0 of what is none."""
    if len(png) < 24 or png[:8] != PNG:
        return 0, 0
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
