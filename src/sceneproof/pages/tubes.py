"""Some frames of a few test clips, with who was there and the best tube that each model found."""

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.addresses import Address
from sceneproof.data.dataset import Videos
from sceneproof.data.human_tables import CORNERS
from sceneproof.data.manifest import Manifest
from sceneproof.data.sample import in_turn
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.metrics.tubes import tube_iou
from sceneproof.pages.kit import Card, Line, Picture, percent
from sceneproof.pages.pictures import WHITE, Box, Pixels, draw_boxes, sized, still
from sceneproof.studies.detection import Detected, DetectionStudy
from sceneproof.tasks.detection.scoring import found_tubes, true_tubes

STILLS, SIDE, GAP = 4, 160, 4
OVERLAP = 0.5
"""The spatio-temporal intersection over union from which on a tube of the right action is right."""
RIGHT, WRONG = (0, 158, 115), (213, 94, 0)  # Okabe and Ito's: told apart by the colour-blind; words say it too


def shown_clips(
    study: DetectionStudy, manifest: Address | None, *, root: Address | None = None, videos: int = 4
) -> list[Card]:
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
        name, scene = str(table["video"].iat[row]), str(table["scene"].iat[row] or "")
        true = part[part["video"] == name]
        try:
            frames, numbers = _frames(reader, places[name], true)
        except (KeyError, VideoError):
            continue  # the figures do not need them
        strips = [_strip(one.name, one.tested[0], true, frames, numbers, study.actions) for one in study.models()]
        shown.append(Card(str(table["action"].iat[row]), [*([f"in {scene}"] if scene else []), name], strips))
    return shown


def _frames(reader: Videos, row: int, true: pd.DataFrame) -> tuple[Pixels, NDArray[np.int64]]:
    """Frames, evenly spaced over those that show somebody, and their numbers in the file."""
    first, last = int(true["frame"].min()), int(true["frame"].max())
    numbers = np.linspace(first, last, STILLS).round().astype(np.int64)
    return reader.frames(row, numbers - reader.offset(row)), numbers


def _strip(
    name: str, run: Detected, true: pd.DataFrame, frames: Pixels, numbers: NDArray[np.int64], actions: Sequence[str]
) -> Picture:
    """Frames side by side, the true boxes in white, the model's best tube in a colour that says whether it is right."""
    video = str(true["video"].iat[0])
    best = run.tubes[run.tubes["video"] == video]
    if len(best):
        best = best[best["tube"] == best.sort_values("score", ascending=False, kind="stable")["tube"].iat[0]]
    right = bool(len(best)) and _right(best, true, actions)
    answer = f"{best['action'].iat[0]}, {percent(float(best['score'].to_numpy()[0]))}" if len(best) else "no tube"
    factor = SIDE / max(frames.shape[1:3])
    size = round(frames.shape[2] * factor), round(frames.shape[1] * factor)
    small = sized(frames, *size, way=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR).copy()
    for picture, number in zip(small, numbers.tolist(), strict=True):
        found = ((best, RIGHT if right else WRONG), (true, WHITE))  # the first lies on top
        boxes = [
            Box(corners * factor, colour=colour)
            for rows, colour in found
            for corners in rows[rows["frame"] == number][list(CORNERS)].to_numpy(np.float64)
        ]
        draw_boxes(picture, boxes)
    gap = np.full((small.shape[1], GAP, 3), WHITE, np.uint8)
    strip = np.concatenate([part for picture in small for part in (gap, picture)][1:], axis=1)
    alt = f"{len(frames)} frames of {video}: the true box in white, the best tube of {name}: {answer}"
    return still(alt, strip, [Line(strong=name), Line(answer if right else f"{answer} (wrong)", right=right)])


def _right(best: pd.DataFrame, true: pd.DataFrame, actions: Sequence[str]) -> bool:
    """Whether a tube is of the action of a true one that it overlaps enough."""
    videos = {str(true["video"].iat[0]): 0}
    found, there = found_tubes(best, videos, actions), true_tubes(true, videos, actions)
    same = np.flatnonzero(there.action == found.action[0])
    overlap = tube_iou(found.tubes, np.zeros(len(same), np.int64), there.tubes, same)
    return bool((overlap >= OVERLAP).any())
