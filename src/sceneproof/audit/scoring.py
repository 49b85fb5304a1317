"""One video under audit: decoded once, shown to the model in every variant; and what its people's outline shows.

If the outline alone tells the action, so does a pasted one, whatever is inside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.audit.models.cam import area_of_person, share_on_person
from sceneproof.audit.subject import Chooser, Maps, Pixels, Subject
from sceneproof.audit.table import DIGITS, rounded
from sceneproof.contexts.choosing import generator
from sceneproof.contexts.footage import Footage
from sceneproof.contexts.variants import Impossible, Made, Variants
from sceneproof.data.clips import Frames
from sceneproof.errors import InputError, VideoError

FEATURES = ("original", "shuffled", "scuba_texture", "scuba_sinusoid", "frozen")
"""The variants whose features are kept: for leakage, for channels of two pairs, and for static shortcuts."""

ANSWERS = 5
"""Of multiple choice, as published ones have them (arXiv 2512.17953)."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Scorer:
    """What every video is scored with.

    Attributes:
        subject: the model.
        variants: makes the variants, and reads the footage.
        names: of the variants.
        clips: clips a video.
        maps: whether to ask the model where it looks.
    """

    subject: Subject
    variants: Variants
    names: Sequence[str]
    clips: int
    maps: bool

    def rows(self, video: str) -> list[Row]:
        """What the model says of each variant: a row each, with the columns of `AuditTable` from `variant` on.

        Raises:
            VideoError: the video cannot be read.
            InputError: the model cannot be audited at all, which is no fault of the video.
        """
        try:
            footage = self.variants.read(video)
        except InputError as error:  # such as people of a video of another size: this video's failure
            raise VideoError(str(error)) from None
        try:
            return self._rows(footage)
        except InputError as error:
            raise InputError(f"{video}: {error}") from None

    def _rows(self, footage: Footage) -> list[Row]:
        wanted = self.subject.sampling.clips(len(footage.frames), self.clips)
        rows = []
        for name, variant in self.variants.of(footage, wanted).each(self.names):
            row: Row = {**EMPTY, "variant": name}
            if isinstance(variant, Impossible):
                rows.append(row | {"problem": variant.reason})
                continue
            clips = np.stack(variant.clips)
            row |= self._said(footage.video, variant, clips, keep=name in FEATURES) | _facts(variant)
            if variant.guessed is not None:
                row["outline"] = outline_features(variant.guessed).round(DIGITS)
            if name == "original":
                row |= how_known(footage.people, wanted)
            if name == "original" and footage.people is not None and row["people_share"] >= self.variants.least_share:
                row["outline"] = outline_features(footage.people).round(DIGITS)
                if self.maps:
                    own = [self.subject.sampling.shown(clip) for clip in wanted]
                    row |= looked_at(self.subject, clips, row["scores"], footage.people, own)
            rows.append(row)
        return rows

    def _said(self, video: str, variant: Made, clips: Pixels, *, keep: bool) -> Row:
        if isinstance(self.subject, Chooser):
            answer = self.subject.choose(clips, self._answers(self.subject, video, variant))
        else:
            answer = self.subject.answer(clips)
        said: Row = {"scores": rounded(answer.scores.mean(0, dtype=np.float64))}
        if keep and answer.features is not None:
            said["features"] = answer.features.mean(0, dtype=np.float64).round(DIGITS).astype(np.float32)
        return said

    def _answers(self, subject: Chooser, video: str, variant: Made) -> list[int]:
        """What may be named: the person's action, the place's where that is another one, and others, in any order.

        Which, and in what order, follows from the seed, the video and the place alone.

        Raises:
            InputError: an action that the model does not know.
        """
        known = {name: number for number, name in enumerate(subject.actions)}
        wanted = dict.fromkeys([self.variants.partners.action(video), variant.background_action or None])
        actions = [action for action in wanted if action is not None]
        if strange := [action for action in actions if action not in known]:
            raise InputError(f"{subject.title}: is not asked for the action {strange[0]!r}: name all actions (--names)")
        rng = generator(self.variants.seed, video, f"answers {variant.background_action}")
        others = [action for action in self.variants.partners.actions if action not in actions and action in known]
        drawn = rng.permutation(len(others))[: ANSWERS - len(actions)]
        numbers = [known[action] for action in (*actions, *(others[place] for place in drawn))]
        return [numbers[place] for place in rng.permutation(len(numbers))]


EMPTY: Mapping[str, Any] = {
    "problem": "", "scores": None, "features": None, "outline": None, "background": "", "background_action": "",
    "note": "", "on_person": np.nan, "person_area": np.nan, "people_share": np.nan, "people_cover": np.nan,
}  # fmt: skip


def unread(names: Sequence[str], reason: str) -> list[Row]:
    """The rows of a video that could not be read: a problem in each variant."""
    return [{**EMPTY, "variant": name, "problem": f"cannot be read: {reason}"} for name in names]


def how_known(people: NDArray[np.bool_] | None, wanted: Sequence[Frames]) -> Row:
    """In how many of the frames that the model is shown people are known, and how much of these they cover.

    Args:
        people: bool (N, H, W), of the whole video; None where nobody is known.
        wanted: numbers (T,) of its frames, for each clip.

    Returns:
        'people_share', of the frames; 'people_cover', the median share of the picture, of frames with people.
    """
    if people is None:
        return {"people_share": 0.0, "people_cover": np.nan}
    areas = people[np.unique(np.concatenate([*wanted]))].mean((1, 2), dtype=np.float64)
    shown = areas[areas > 0]
    return {
        "people_share": round(len(shown) / len(areas), DIGITS),
        "people_cover": round(float(np.median(shown)), DIGITS) if len(shown) else np.nan,
    }


def looked_at(
    subject: Subject,
    clips: Pixels,
    scores: NDArray[np.float32],
    people: NDArray[np.bool_],
    wanted: Sequence[Frames],
) -> Row:
    """How much of what speaks for the action that is named lies on people, and how large these are.

    Args:
        subject: a model with maps.
        clips: uint8 (B, T, H, W, 3).
        scores: (A,), of the video.
        people: bool (N, H, W), of the whole video.
        wanted: B times numbers (T,) of its frames, without neighbours.

    Returns:
        'on_person' and 'person_area': means over the clips, of the part of the frame that the model sees; NaN where
        nobody is there to be seen, and the first also where nothing speaks for the action.
    """
    maps = subject.maps(clips, np.full(len(clips), int(np.argmax(scores)), np.int64))
    shares, areas = [], []
    for activation, numbers in zip(maps.activation, wanted, strict=True):
        person = seen(people[numbers], maps, activation.shape[1:])
        if person.any():
            shares.append(share_on_person(activation, person))
            areas.append(area_of_person(person))
    known = [share for share in shares if not np.isnan(share)]
    return {
        "on_person": float(np.mean(known)) if known else np.nan,
        "person_area": float(np.mean(areas)) if areas else np.nan,
    }


def seen(people: NDArray[np.bool_], maps: Maps, size: Sequence[int]) -> NDArray[np.float32]:
    """How much of each place of a model's maps is on people, 0 to 1: float32 (T, h, w), of people (T, H, W)."""
    rows, columns = slice(maps.top, maps.top + maps.height), slice(maps.left, maps.left + maps.width)
    height, width = size
    shrunk = [
        cv2.resize(np.ascontiguousarray(mask, np.float32), (width, height), interpolation=cv2.INTER_AREA)
        for mask in people[:, rows, columns]
    ]
    return np.stack(shrunk).astype(np.float32)


def _facts(variant: Made) -> Row:
    return {"background": variant.background, "background_action": variant.background_action, "note": variant.note}


GRID = (6, 6)
"""Rows and columns that an outline is told in: a finer grid only gives a linear probe more to stumble over."""
MOMENTS = 4


def outline_features(people: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Where the people's outline is at `MOMENTS` moments, its size and shape, and how these change.

    Args:
        people: bool (T, H, W), T from 1.

    Returns:
        float32 (D,), D = 4 x 6 x 6 + 19, each from 0 to 1: at each moment, evenly from the first frame to the last,
        the share of each cell of a `GRID` that is people, row by row, the grid lying in the box around all people of
        the whole clip, so that a shape is the same wherever it stands; then the share of frames that show people; then,
        of the frames that do, six figures' means, standard deviations over time, and mean changes from one to the next:
        area, middle (down, across), height and width of the box around all people, all in parts of the frame, and
        aspect, height / (height + width) in pixels. 0 where nobody is known.

    Raises:
        ValueError: no frames.
    """
    if not len(people):
        raise ValueError("an outline needs one frame at least")
    numbers = np.linspace(0, len(people) - 1, MOMENTS).round().astype(int)
    x, y, width, height = cv2.boundingRect(np.asarray(people.any(axis=0), dtype=np.uint8))
    inside = people[:, y : y + height, x : x + width] if width else people
    grids = [_grid(inside[number]) for number in numbers]
    known = people.any(axis=(1, 2))
    shapes = np.array([_shape(mask) for mask in people[known]] or [(0.0,) * 6])
    steps = np.abs(np.diff(shapes, axis=0)).mean(axis=0) if len(shapes) > 1 else np.zeros(6)
    return np.concatenate([*grids, [known.mean()], shapes.mean(axis=0), shapes.std(axis=0), steps]).astype(np.float32)


def _grid(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The share of each cell that is people, row by row."""
    rows, columns = GRID
    small = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32).ravel()


def _shape(mask: NDArray[np.bool_]) -> tuple[float, ...]:
    """Area, middle (down, across), height, width and aspect of a mask that shows people."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    tall, wide = mask.shape
    middle = (y + height / 2) / tall, (x + width / 2) / wide
    return float(mask.mean()), *middle, height / tall, width / wide, height / (height + width)
