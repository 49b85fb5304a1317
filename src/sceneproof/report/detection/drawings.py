"""Some frames of a few test clips, with who was there and the best tube that each model found."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from sceneproof.addresses import Address
from sceneproof.data.dataset import Videos
from sceneproof.data.human_tables import CORNERS
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.metrics.tubes import tube_iou
from sceneproof.report.cells import percent
from sceneproof.report.detection.study import Detected, DetectionStudy
from sceneproof.report.pictures import webp
from sceneproof.report.sample import in_turn
from sceneproof.tasks.detection.scoring import found_tubes, true_tubes

STILLS, SIDE, GAP = 4, 160, 4
OVERLAP = 0.5
"""The spatio-temporal intersection over union from which on a tube of the right action is right."""
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
RIGHT, WRONG = (0, 158, 115), (213, 94, 0)  # Okabe and Ito's: told apart by the colour-blind; words say it too


@dataclass(frozen=True)
class Strip:
    """A clip's frames with a model's best tube drawn in, as a data URI.

    Attributes:
        name: the model's.
        source: the picture.
        alt: what it shows, in words.
        answer: the tube's action and score, or that nothing was found.
        right: whether it is of the right action and overlaps enough.
        width: of the picture.
        height: likewise.
    """

    name: str
    source: str
    alt: str
    answer: str
    right: bool
    width: int
    height: int


@dataclass(frozen=True)
class ShownClip:
    """A clip with a strip a model."""

    name: str
    action: str
    scene: str
    strips: list[Strip]


def shown_clips(
    study: DetectionStudy, manifest: Address | None, *, root: Address | None = None, videos: int = 4
) -> list[ShownClip]:
    """Clips drawn at random from the slice that matters most, the actions in turn; none without a manifest.

    Raises:
        InputError: the manifest does not hold the tested videos.
    """
    if manifest is None:
        return []
    part = study.slices[study.last]
    part = part[(part["problem"] == "") & part["action"].isin(study.actions)]
    table = part.drop_duplicates("video").reset_index(drop=True)
    listed = Manifest.read(manifest, root)
    places = {str(video): row for row, video in enumerate(listed.rows["video"])}
    chosen = in_turn(np.arange(len(table)), table["action"].to_numpy(dtype=object), videos)
    if chosen and not any(str(table["video"].iat[row]) in places for row in chosen):
        raise InputError(f"{manifest}: none of the tested videos is in this manifest: is it of another data set?")
    reader, shown = Videos(listed), []
    for row in chosen:
        name = str(table["video"].iat[row])
        true = part[part["video"] == name]
        try:
            frames, numbers = _frames(reader, places[name], true)
        except (KeyError, VideoError):
            continue  # the figures do not need them
        strips = [
            _strip(recipe.name, recipe.tested[0], true, frames, numbers, study.actions) for recipe in study.models()
        ]
        shown.append(ShownClip(name, str(table["action"].iat[row]), str(table["scene"].iat[row] or ""), strips))
    return shown


def _frames(reader: Videos, row: int, true: pd.DataFrame) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Frames, evenly spaced over those that show somebody, and their numbers in the file."""
    first, last = int(true["frame"].min()), int(true["frame"].max())
    numbers = np.linspace(first, last, STILLS).round().astype(np.int64)
    return reader.frames(row, numbers - reader.offset(row)), numbers


def _strip(
    name: str,
    run: Detected,
    true: pd.DataFrame,
    frames: NDArray[np.uint8],
    numbers: NDArray[np.int64],
    actions: Sequence[str],
) -> Strip:
    video = str(true["video"].iat[0])
    tubes = run.tubes[run.tubes["video"] == video]
    best = tubes[tubes["tube"] == tubes.sort_values("score", ascending=False, kind="stable")["tube"].iat[0]] if len(
        tubes
    ) else tubes  # fmt: skip
    right = bool(len(best)) and _right(best, true, actions)
    answer = f"{best['action'].iat[0]}, {percent(float(best['score'].to_numpy()[0]))}" if len(best) else "no tube"
    pictures = [
        _drawn(frame, true[true["frame"] == number], best[best["frame"] == number], RIGHT if right else WRONG)
        for frame, number in zip(frames, numbers.tolist(), strict=True)
    ]
    gap = np.full((pictures[0].shape[0], GAP, 3), WHITE, np.uint8)
    whole = np.concatenate([part for one in pictures for part in (gap, one)][1:], axis=1)
    alt = f"{len(frames)} frames of {video}: the true box in white, the best tube of {name}: {answer}"
    return Strip(name, webp([Image.fromarray(whole)]), alt, answer, right, whole.shape[1], whole.shape[0])


def _right(best: pd.DataFrame, true: pd.DataFrame, actions: Sequence[str]) -> bool:
    """Whether a tube is of the action of a true one that it overlaps enough."""
    videos = {str(true["video"].iat[0]): 0}
    found, there = found_tubes(best, videos, actions), true_tubes(true, videos, actions)
    same = np.flatnonzero(there.action == found.action[0])
    overlap = tube_iou(found.tubes, np.zeros(len(same), np.int64), there.tubes, same)
    return bool((overlap >= OVERLAP).any())


def _drawn(
    frame: NDArray[np.uint8], true: pd.DataFrame, found: pd.DataFrame, colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """A frame, its longer side brought to `SIDE`, with true boxes in white and the found one in its colour."""
    factor = SIDE / max(frame.shape[:2])
    size = round(frame.shape[1] * factor), round(frame.shape[0] * factor)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(frame, size, interpolation=way), np.uint8)
    for boxes, inks in ((true, (BLACK, WHITE)), (found, (BLACK, colour))):
        for box in boxes[list(CORNERS)].to_numpy(np.float64):
            left, top, right, bottom = np.rint(box * factor).astype(int).tolist()
            for ink, thickness in zip(inks, (4, 2), strict=True):
                cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), ink, thickness)
    return picture
