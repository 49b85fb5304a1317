"""Whether a table of people can be of these videos, told by its numbers before anything is made of it.

A box that is wrong by itself is told where it is read or mended (`human_tables`, `box_checks`); here the whole table is
asked what it looks like: in another unit, of another copy of the videos, with frames that are counted otherwise.
"""

import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.box_places import FEW, MANY, UNREACHED, Doubt, area_doubts, place_doubts, share_of
from sceneproof.data.box_readings import SHARES
from sceneproof.data.human_tables import CORNERS, HumanBoxes, HumanMasks
from sceneproof.data.manifest import Manifest
from sceneproof.data.mask_sizes import check_masks, sampled_masks
from sceneproof.data.video import VideoError, probe
from sceneproof.errors import AddressError, InputError
from sceneproof.terminal import visible

Numbers = NDArray[np.float64]

PROBED = 16
"""Videos that are looked into where the manifest does not know how large they are."""
SCORE_ROOM = 1e-3
UNKNOWN = (
    "the people could not be held against the pictures: the manifest does not know how large its videos are, and none "
    "that was tried can be opened"
)


def check_plausible(people: HumanBoxes | HumanMasks, sizes: pd.DataFrame) -> list[str]:
    """Refuses a table of people that cannot be of some videos.

    Args:
        people: boxes or masks.
        sizes: of the videos that they are used with, from `sizes_of`; rows of other videos play no part.

    Returns:
        What may be wrong with it, a sentence each; empty where all is as it should be.

    Raises:
        InputError: what is surely wrong: what it looks like, with the evidence, and what to do.
    """
    if isinstance(people, HumanMasks):
        doubts = [*_frame_doubts(people.rows, sizes), *_mask_doubts(people, sizes)]
    else:
        doubts = box_doubts(people.rows, sizes, score_threshold=people.score_threshold)
    return refused(doubts, people.source)


def box_doubts(rows: pd.DataFrame, sizes: pd.DataFrame, *, score_threshold: float = 0.0) -> list[Doubt]:
    """What is doubtful about a table of boxes as a whole; rows that are wrong by themselves play no part.

    Args:
        rows: the table's columns video, frame, x1, y1, x2, y2, score.
        sizes: from `sizes_of`.
        score_threshold: boxes below it are left out where boxes are used.
    """
    score = _floats(rows["score"])
    doubts = [*_score_doubts(score), *_frame_doubts(rows, sizes)]
    numbers = np.stack([_floats(rows[name]) for name in CORNERS], axis=1)
    place = _places(rows["video"], sizes)
    usable = np.isfinite(numbers).all(axis=1) & (score >= score_threshold) & (place >= 0)
    known = np.append(sizes[["width", "height"]].to_numpy(np.float64), [[np.nan, np.nan]], axis=0)[place]
    sized = usable & (known > 0).all(axis=1)
    if sized.any():
        return doubts + place_doubts(numbers[sized], known[sized], place[sized])
    return doubts + _unsized(numbers[usable]) if usable.any() else doubts


def refused(doubts: Sequence[Doubt], source: str) -> list[str]:
    """The texts of what may be wrong.

    Raises:
        InputError: something is surely wrong.
    """
    sure = [doubt.text for doubt in doubts if doubt.sure]
    if sure:
        raise InputError(f"{source}: {'; and '.join(sure)}")
    return [f"{source}: {doubt.text}" for doubt in doubts]


def tell(warnings: Sequence[str]) -> None:
    """Prints what may be wrong, for people to look at."""
    for text in warnings:
        print(f"warning: {visible(text)}", file=sys.stderr)


def sizes_of(manifest: Manifest, people: Sequence[str]) -> pd.DataFrame:
    """What is known of the videos: width, height and frames, float64, NaN where not known, by video.

    From the manifest; where it knows none of them, `PROBED` of the videos that the table has are looked into.
    """
    names = ["width", "height", "frames"]
    sizes: pd.DataFrame = manifest.rows.reindex(columns=["video", *names]).set_index("video")
    numbers = np.stack([_floats(sizes[name]) for name in names], axis=1)
    sizes = pd.DataFrame(np.where(numbers > 0, numbers, np.nan), sizes.index, names)
    if sizes[["width", "height"]].notna().all(axis=1).any():
        return sizes
    rows = np.flatnonzero(manifest.rows["video"].isin(people).to_numpy())
    for row in rows[np.unique(np.linspace(0, len(rows) - 1, PROBED).astype(int))] if len(rows) else []:
        try:
            info = probe(manifest.path(int(row)))
        except (VideoError, OSError, AddressError):
            continue  # told where it is decoded; another of the sample speaks for the table
        sizes.iloc[int(row)] = [info.width, info.height, info.frames]
    return sizes


def _unsized(numbers: Numbers) -> list[Doubt]:
    """What can be said of boxes in pictures of unknown sizes."""
    if numbers.max() <= SHARES:
        text = (
            f"all {len(numbers):,} boxes end before the third pixel (the largest number is {numbers.max():g}): they "
            f"look like shares of the picture: multiply x by the width and y by the height of each video"
        )
        return [Doubt(text, True)]
    return [Doubt(UNKNOWN)]


def _score_doubts(score: Numbers) -> list[Doubt]:
    known = score[np.isfinite(score)]
    out = (known < -SCORE_ROOM) | (known > 1 + SCORE_ROOM)
    if out.any():
        looks = "percent: divide them by 100" if 2 < known.max() <= 100 and known.min() >= 0 else "no probabilities"
        return [Doubt(f"{share_of(out)} of the scores lie outside 0 to 1 (from {known.min():g} to {known.max():g}): "
                      f"they look like {looks}; a box without a score has the score 1", True)]  # fmt: skip
    return []


def _frame_doubts(rows: pd.DataFrame, sizes: pd.DataFrame) -> list[Doubt]:
    """Frames that are counted from 1, or at another rate."""
    place, frame = _places(rows["video"], sizes), _floats(rows["frame"])
    length = np.append(sizes["frames"].to_numpy(np.float64), np.nan)[place]
    known = np.isfinite(frame) & (length > 0)
    by_video = pd.DataFrame({"video": place[known], "frame": frame[known], "length": length[known]}).groupby("video")
    if len(by_video) < FEW:
        return []
    first, last = by_video["frame"].min().to_numpy(), by_video["frame"].max().to_numpy()
    doubt = _counted_otherwise(first, last, by_video["length"].first().to_numpy())
    return [] if doubt is None else [doubt]


def _counted_otherwise(first: Numbers, last: Numbers, length: Numbers) -> Doubt | None:
    """What the first and last frames with people of V videos tell, float64 (V,), by their lengths."""
    reach, none_at_0 = (last + 1) / length, bool((first > 0).all())
    middle, spread = float(np.median(reach)), float(np.quantile(reach, 0.95) - np.quantile(reach, 0.05))
    if none_at_0 and (last == length).mean() >= 0.2 and (last <= length).all():
        text = (
            f"the frames are counted from 1: none of its {len(last)} videos has anybody in frame 0, and "
            f"{share_of(last == length)} of them have somebody one past their last frame: subtract 1 from them"
        )
        return Doubt(text, True)
    if (last > length).mean() >= 0.2:
        text = (
            f"the frames go up to {middle:.2g} times the lengths of the videos ({share_of(last >= length)} of its "
            f"{len(last)} videos have people in frames that they do not have): they look like frames of copies at "
            f"another rate, or of uncut videos"
        )
        return Doubt(text, True)
    if length.max() >= 1.2 * length.min() and reach.max() <= UNREACHED and spread <= 0.1 * middle:
        text = (
            f"in each of its {len(last)} videos people are told in the first {middle:.0%} of the frames only: the "
            f"frames look like those of a copy at {middle:.2g} times the rate"
        )
        return Doubt(text, len(last) >= MANY)
    if none_at_0 and (first == 1).mean() >= 0.8:
        text = (
            f"none of its {len(last)} videos has anybody in frame 0, and {share_of(first == 1)} of them have somebody "
            f"in frame 1: are the frames counted from 1?"
        )
        return Doubt(text)
    return None


def _mask_doubts(people: HumanMasks, sizes: pd.DataFrame) -> list[Doubt]:
    check_masks(people, sizes)
    masks = sampled_masks(people, sizes)
    if not masks:
        return [Doubt(UNKNOWN)] if (_places(people.rows["video"], sizes) >= 0).any() else []
    if not any(mask.any() for mask in masks):
        return [Doubt(f"all of {len(masks)} masks that were looked into are empty: a person's pixels are not 0", True)]
    shown = [mask for mask in masks if mask.any()]
    ends = np.array([mask[[0, 0, -1, -1], [0, -1, 0, -1]].sum() >= 3 for mask in shown])
    shares = np.array([mask.mean() for mask in shown])
    if len(shown) >= FEW and ends.mean() >= 0.5 and np.median(shares) > 0.5:
        text = (
            f"the masks look inverted: {share_of(ends)} of {len(shown)} that were looked into cover the corners of the "
            f"picture, and the median one covers {np.median(shares):.0%} of it: a person's pixels are not 0, "
            f"all others 0"
        )
        return [Doubt(text, True)]
    sides = [max(np.ptp(np.flatnonzero(mask.any(axis))) + 1 for axis in (0, 1)) for mask in shown]
    return area_doubts(shares, "the median mask", float(np.median(sides)))


def _places(videos: "pd.Series[str]", sizes: pd.DataFrame) -> NDArray[np.int64]:
    """Each row's video as its place in the table of sizes, or -1."""
    return np.asarray(sizes.index.get_indexer(pd.Index(videos)), np.int64)


def _floats(values: "pd.Series[float]") -> Numbers:
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
