"""People's pixels by segmenters in LiteRT files (.tflite), which are small and run on any processor."""

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.data.tracks import suppressed
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import PersonSegmenter
from sceneproof.labelling.litert_files import LiteRTModel
from sceneproof.labelling.yolox import letterbox

MOST = 100  # people of a frame
NORMALISED = 2.0
"""Centres of boxes lie all over the picture: where none is further right or down, they are shares of its sides."""


class LiteRTSegmenter(PersonSegmenter):
    """A segmenter in a LiteRT file, read for its persons only.

    What it answers is told by the shapes of its outputs:

    - instances, as YOLOv8-seg and YOLO11-seg are exported: boxes (1, 4 + C + K, N), each with its centre, width and
      height, C class scores and K coefficients, and K prototypes (1, h, w, K), which these mix to a mask (Bolya et al.,
      "YOLACT", ICCV 2019);
    - one probability of a person a pixel (1, h, w, 1), as selfie segmenters give it;
    - scores of C classes a pixel (1, h, w, C), probabilities or logits;
    - the class of each pixel (1, h, w), whole numbers.

    Pixels go in as the file's quantisation tells, from 0 to 1 or from -1 to 1; inputs that are not quantised say
    nothing of it.

    Attributes:
        title: the model's file with the start of its SHA-256, and the settings.
        short_side: of the model's picture.
    """

    def __init__(
        self,
        weights: str | Path,
        *,
        score: float = 0.1,
        overlap: float = 0.45,
        pixel: float = 0.5,
        person: int | None = None,
        signed: bool = False,
        threads: int = 0,
    ) -> None:
        """Loads the model.

        Args:
            weights: The .tflite file.
            score: Of instances: people below it are left out.
            overlap: Of instances: the IoU that two boxes of one frame may have.
            pixel: Pixels less likely to be a person's than this are left out.
            person: The class that is a person: by default 0 of instances (COCO), 1 of two classes a pixel, and 15 of
                more (Pascal VOC).
            signed: An input that is not quantised takes pixels from -1 to 1, and not from 0 to 1.
            threads: Threads that the model runs on; 0 for one a core.

        Raises:
            InputError: LiteRT is not installed; no such file, or no segmenter of these kinds.
        """
        if not (0 < pixel < 1 and 0 <= score <= 1 and 0 <= overlap <= 1):
            raise InputError(f"score {score:g}, overlap {overlap:g} and pixel {pixel:g} are shares from 0 to 1")
        self._model = LiteRTModel(weights, signed=signed, threads=threads)
        self._score, self._overlap, self._level = score, overlap, math.log(pixel / (1 - pixel))
        self._person, self._classes = self._kind(person)
        self.short_side = min(self._model.height, self._model.width)
        kept = f", score at least {score:g}, NMS {overlap:g}" if self._model.instances else ""
        self.title = (
            f"{self._model.path.name} (sha256 {self._model.digest[:12]}), {self._model.width}x{self._model.height}, "
            f"class {self._person}{kept}, pixels at least {pixel:g}"
        )

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Pixels of all people together, bool (N, H, W), in frames uint8 (N, H, W, 3), RGB."""
        segment = self._of_instances if self._model.instances else self._of_pixels
        return np.stack([segment(frame) for frame in frames])

    def _kind(self, person: int | None) -> tuple[int, int]:
        """The class that is a person, and how many there are; 0 where the model does not tell."""
        shapes = self._model.shapes
        if self._model.instances:
            boxes, prototypes = shapes
            chosen, classes = person or 0, boxes[1] - 4 - prototypes[3]
        else:
            classes = shapes[0][3] if len(shapes[0]) == 4 else 0
            chosen = person if person is not None else {1: 0, 2: 1}.get(classes, 15)
        if chosen < 0 or (classes and chosen >= classes):
            raise InputError(f"{self._model.path}: has {classes} classes, from 0, so none is number {chosen}")
        return chosen, classes

    def _of_instances(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        model = self._model
        picture, scale = letterbox(frame, model.height, model.width)
        answer, prototypes = model(picture)
        rows = answer[0].T
        if rows[:, :2].max() <= NORMALISED:  # else they are in pixels already: exports differ
            rows[:, :4] *= (model.width, model.height, model.width, model.height)
        people = people_of(rows, self._classes, self._person, score=self._score, overlap=self._overlap)
        cells = prototypes.shape[2] / model.width, prototypes.shape[1] / model.height
        return drawn(people, prototypes[0], frame.shape[:2], scale, cells, self._level)

    def _of_pixels(self, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
        size = self._model.width, self._model.height
        picture = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        answer = self._model(picture)[0][0]
        soft = cv2.resize(likelihood(answer, self._person), frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(soft >= 1 / (1 + math.exp(-self._level)))


def people_of(
    rows: NDArray[np.float32], classes: int, person: int, *, score: float, overlap: float
) -> NDArray[np.float32]:
    """The people among a model's instances, without those that overlap better ones.

    Args:
        rows: (N, 4 + C + K): centre, width and height of the box in pixels, class scores, coefficients.
        classes: C.
        person: the class that counts.
        score: people below it are left out.
        overlap: the IoU that two boxes may have.

    Returns:
        float32 (at most `MOST`, 5 + K): x1, y1, x2, y2, score, coefficients; the best score first.
    """
    likely = rows[rows[:, 4 + person] >= score]
    likely = likely[np.argsort(-likely[:, 4 + person], kind="stable")[: 10 * MOST]]
    centre, half, scores = likely[:, 0:2], likely[:, 2:4] / 2, likely[:, 4 + person]
    boxes = np.column_stack([centre - half, centre + half, scores, likely[:, 4 + classes :]])
    return suppressed(boxes.astype(np.float32), overlap)[:MOST]


def drawn(
    people: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    size: tuple[int, ...],
    scale: tuple[float, float],
    cells: tuple[float, float],
    level: float,
) -> NDArray[np.bool_]:
    """The pixels of people in a frame, bool (H, W): each one's mix of the prototypes, inside the box.

    Args:
        people: (P, 5 + K), as `people_of` gives them, in pixels of the model's picture.
        prototypes: (h, w, K), of the whole picture.
        size: H and W of the frame.
        scale: factors of x and y from the frame to the picture.
        cells: factors of x and y from the picture to the prototypes.
        level: logit from which on a pixel counts.
    """
    height, width = size
    # where the middle of a frame's pixel lies among the middles of the prototypes' cells
    across, down = scale[0] * cells[0], scale[1] * cells[1]
    places = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]])
    mask = np.zeros((height, width), np.bool_)
    for person in people:
        logits = cv2.warpAffine(
            prototypes @ person[5:], places, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        left, top, right, bottom = np.rint(person[:4] / (*scale, *scale)).astype(int)
        box = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
        mask[box] |= logits[box] >= level
    return mask


def likelihood(answer: NDArray[np.float32], person: int) -> NDArray[np.float32]:
    """How likely each pixel is a person's, 0 to 1, (h, w).

    Args:
        answer: (h, w, C), probabilities or logits of C classes; (h, w), each pixel's class.
        person: the class that counts.
    """
    if answer.ndim == 2:
        return np.asarray(answer == person, np.float32)
    if answer.shape[2] == 1:
        within = answer.min() >= 0 and answer.max() <= 1
        return np.asarray(answer[..., 0] if within else 1 / (1 + np.exp(-answer[..., 0])), np.float32)
    if answer.min() >= 0 and np.allclose(answer.sum(2), 1, atol=0.05):
        return np.ascontiguousarray(answer[..., person])
    logits = np.exp(answer - answer.max(2, keepdims=True))
    return np.asarray(logits[..., person] / logits.sum(2), np.float32)
