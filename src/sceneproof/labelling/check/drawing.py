"""Frames with the people that the labels know drawn in, small enough for a page."""

from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from sceneproof.data.human_tables import CORNERS
from sceneproof.report.cells import percent
from sceneproof.report.pictures import webp

SIDE = 180
"""Pixels: the short side of a picture on the page."""
LONGEST = 480
TOLD = 4
"""Boxes, at most, that are told of beside a picture."""
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
EDGED = ((BLACK, 4), (WHITE, 2))  # a white line with a black edge is seen on any ground, without colour too
FONT, SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.4


@dataclass(frozen=True)
class Still:
    """One frame on the page: its number in the file, who is in it, and the picture as a data URI."""

    frame: int
    people: str
    source: str
    width: int
    height: int


def still(frame: NDArray[np.uint8], number: int, people: str) -> Still:
    """A frame (H, W, 3), RGB, brought to the page's size if it is not; `people` says who is in it."""
    picture = brought(frame)
    height, width = picture.shape[:2]
    return Still(number, people, webp([Image.fromarray(picture)]), width, height)


def draw_boxes(frame: NDArray[np.uint8], number: int, boxes: pd.DataFrame, size: tuple[int, int]) -> Still:
    """A frame with boxes, each with its score and, where there is one, its track.

    Args:
        frame: (H, W, 3), RGB.
        number: of the frame in its file.
        boxes: columns x1, y1, x2, y2 in pixels of the file, score; optional: track.
        size: height and width of a frame of the file.
    """
    picture = brought(frame)
    height, width = picture.shape[:2]
    scale = np.array([width / size[1], height / size[0]] * 2)
    corners = (boxes[list(CORNERS)].to_numpy(np.float64) * scale).clip(0, (width, height) * 2).round().astype(int)
    for colour, thickness in EDGED:
        for left, top, right, bottom in corners.tolist():
            cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, thickness)
    tracks = (
        [f"#{track:g}\N{NO-BREAK SPACE}" for track in boxes["track"].tolist()]
        if "track" in boxes
        else [""] * len(boxes)
    )
    said = [f"{track}{score:.2f}" for track, score in zip(tracks, boxes["score"].tolist(), strict=True)]
    for text, (left, top, _, _) in zip(said, corners.tolist(), strict=True):
        _write(picture, text.replace("\N{NO-BREAK SPACE}", " "), left, top)  # the font has ASCII alone
    more = f" and {len(said) - TOLD} more" if len(said) > TOLD else ""
    people = f"{', '.join(said[:TOLD])}{more}" if said else "nobody"
    return still(picture, number, people)


def draw_people(frame: NDArray[np.uint8], number: int, people: NDArray[np.bool_]) -> Still:
    """A frame (H, W, 3) with a line round the people, a mask of the file's size."""
    picture = brought(frame)
    height, width = picture.shape[:2]
    small = cv2.resize(people.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for colour, thickness in EDGED:
        cv2.drawContours(picture, lines, -1, colour, thickness)
    return still(picture, number, f"mask on {percent(people.mean(), 0)}" if people.any() else "nobody")


def brought(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of a frame (H, W, 3) with the page's short side, or its longest where it is long: lines are then alike."""
    height, width = frame.shape[:2]
    factor = min(SIDE / min(height, width), LONGEST / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if size == (width, height):
        return frame.copy()
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, size, interpolation=how), np.uint8)


def _write(picture: NDArray[np.uint8], text: str, left: int, top: int) -> None:
    """White words on black at the top left of a box, inside the picture."""
    (width, height), below = cv2.getTextSize(text, FONT, SIZE, 1)
    x = max(0, min(left, picture.shape[1] - width - 4))
    y = max(0, min(top, picture.shape[0] - height - below - 3))
    cv2.rectangle(picture, (x, y), (x + width + 3, y + height + below + 2), BLACK, cv2.FILLED)
    cv2.putText(picture, text, (x + 2, y + height + 2), FONT, SIZE, WHITE, 1, cv2.LINE_AA)
