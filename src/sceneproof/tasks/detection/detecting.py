"""From a detector and labelled videos to tables of boxes and of tubes, and of the truth beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from sceneproof.data.dataset import Videos
from sceneproof.data.human_tables import CORNERS
from sceneproof.data.people import PeopleTable
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.machine import refuse_if_gone
from sceneproof.progress import progress
from sceneproof.tasks.detection.clips import BoxClipSettings, people_of
from sceneproof.tasks.detection.detector import Detector
from sceneproof.tasks.detection.linking import TubeSettings, link
from sceneproof.tasks.detection.scoring import BOXES, NOTHING, TRUTH, TUBES
from sceneproof.tasks.detection.streaming import FrameBoxes, detect_frames
from sceneproof.tasks.detection.tubes import Tube


@dataclass(frozen=True)
class DetectedBoxes:
    """What a detector finds in some videos.

    Attributes:
        boxes: one row a box, with the columns `BOXES`.
        tubes: one row a box of a tube, with the columns `TUBES`.
        problems: why a video could not be read, or not to its end, by its name; what was found before is left out.
    """

    boxes: pd.DataFrame
    tubes: pd.DataFrame
    problems: dict[str, str]


def detect_all(
    network: Detector,
    videos: Videos,
    settings: BoxClipSettings,
    device: torch.device,
    actions: Sequence[str],
    *,
    tubes: TubeSettings | None = None,
    which: Iterable[int] | None = None,
    kept: int = 100,
    at_once: int = 8,
    autocast: torch.dtype | None = None,
    quiet: bool = False,
    what: str = "detecting",
) -> DetectedBoxes:
    """Boxes and tubes of many videos.

    Args:
        network: on `device`, in evaluation mode.
        videos: of a manifest.
        settings: how clips are cut.
        device: where to compute.
        actions: the network's class names.
        tubes: how boxes are linked; None: not at all.
        which: rows of the videos to look at; all by default.
        kept: boxes of a frame.
        at_once: clips in a batch.
        autocast: compute in this precision.
        quiet: show no progress.
        what: the progress bar's title.
    """
    rows = videos.manifest.rows
    numbers = list(range(len(rows)) if which is None else which)
    boxes, linked = [empty(BOXES)], [empty(TUBES)]
    problems = {}
    with progress(what, len(numbers), quiet=quiet) as advance:
        for row in numbers:
            name, split = str(rows["video"].iat[row]), str(rows["split"].iat[row])
            try:
                first = videos.offset(row)
                frames = range(first, first + videos.length(row))
                detected = list(
                    detect_frames(
                        network, videos.manifest.path(row), frames, settings, device, kept=kept, at_once=at_once,
                        autocast=autocast,
                    )
                )  # fmt: skip
            except InputError as error:
                raise InputError(f"{name}: {error}") from None
            except VideoError as error:
                refuse_if_gone(videos.manifest.root, videos.manifest.path(row))
                problems[name] = str(error) or "unreadable"
            else:
                boxes.append(box_table(detected, name, split, actions))
                if tubes is not None:
                    linked.append(tube_table(link(detected, tubes), first, name, split, actions))
            advance()
    return DetectedBoxes(pd.concat(boxes, ignore_index=True), pd.concat(linked, ignore_index=True), problems)


def truth_table(videos: Videos, table: PeopleTable, actions: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """Who is where in some videos, one row a box, and how many boxes lie outside their clips and are left out.

    A video in which nobody has a box gets a row of the action `NOTHING`. The boxes of one that cannot be read count:
    they are missed.

    Raises:
        InputError: an unknown action, or boxes of frames that a video lacks.
    """
    rows = videos.manifest.rows
    seen = people_of(videos, table, actions)
    names = rows["video"].astype(str)
    known = rows.assign(video=names)[["video", "split"]]
    for column in ("context", "scene"):
        known[column] = rows[column].fillna("").astype(str) if column in rows else ""
    everything = range(np.iinfo(np.int64).max)
    clips = {name: frames or everything for name, frames in zip(names, seen.frames, strict=True)}
    boxes = table.rows[table.rows["video"].isin(names)]
    first, stop = (boxes["video"].map({name: getattr(clip, end) for name, clip in clips.items()})
                   for end in ("start", "stop"))  # fmt: skip
    boxes = boxes[(boxes["frame"] >= first) & (boxes["frame"] < stop)]
    joined = known.merge(boxes, on="video", how="left")
    joined["action"] = joined["action"].fillna(NOTHING)
    joined["track"] = joined["track"].fillna(0).astype(np.int64)
    joined["frame"] = joined["frame"].fillna(-1).astype(np.int64)
    return joined[list(TRUTH)].reset_index(drop=True), seen.outside


def box_table(frames: Sequence[FrameBoxes], video: str, split: str, actions: Sequence[str]) -> pd.DataFrame:
    """The boxes of one video's frames as a table with the columns `BOXES`."""
    if not frames:
        return empty(BOXES)
    counts = [len(frame.score) for frame in frames]
    columns: dict[str, object] = {
        "video": video,
        "split": split,
        "frame": np.repeat([frame.frame for frame in frames], counts),
        "action": np.array(actions, dtype=object)[np.concatenate([frame.action for frame in frames])],
    }
    corners = np.concatenate([frame.boxes for frame in frames]).astype(np.float32)
    columns |= dict(zip(CORNERS, corners.T, strict=True))
    columns["score"] = np.concatenate([frame.score for frame in frames])
    return pd.DataFrame(columns, index=range(sum(counts)))


def tube_table(tubes: Sequence[Tube], first: int, video: str, split: str, actions: Sequence[str]) -> pd.DataFrame:
    """The tubes of one video as a table with the columns `TUBES`; `first` is the file's frame they are counted from."""
    parts = [empty(TUBES)]
    for number, tube in enumerate(tubes):
        length = len(tube.boxes)
        columns: dict[str, object] = {
            "video": video,
            "split": split,
            "tube": number,
            "action": actions[tube.action],
            "score": tube.score,
            "frame": first + tube.first + np.arange(length),
            **dict(zip(CORNERS, tube.boxes.T, strict=True)),
            "frame_score": tube.scores,
        }
        parts.append(pd.DataFrame(columns, index=range(length)))
    return pd.concat(parts, ignore_index=True)


def empty(columns: Sequence[str]) -> pd.DataFrame:
    """A table without rows, whose columns have their types."""
    kinds = {
        "tube": np.int64,
        "frame": np.int64,
        "score": np.float64,
        **dict.fromkeys((*CORNERS, "frame_score"), np.float32),
    }
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, object)) for name in columns})
