"""One clip under audit: what a model says of it as it is, without its person, without its scene, and where it looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.audit.figures import note_in_words
from sceneproof.audit.models.cam import area_of_person, share_on_person
from sceneproof.audit.scoring import seen
from sceneproof.audit.subject import Pixels, Subject
from sceneproof.contexts.backgrounds import Backgrounds
from sceneproof.contexts.choosing import Partners
from sceneproof.contexts.footage import Footage
from sceneproof.contexts.variants import Impossible, Variants
from sceneproof.correction import Remedy
from sceneproof.data.clips import Frames
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.pages.kit import percent
from sceneproof.pages.pictures import lit

TOP = 3
SHOWN = {
    "original": ("The clip as it is", ""),
    "human_inpainted": ("Without the person", "Without the person"),
    "scene_grey": ("Without the scene", "Without the scene"),
    "scuba_photograph": ("In another place", "In another place"),
    "scuba_texture": ("On a texture", "On a texture"),
}
"""The variants that are shown: the title of each, and how a sentence about it begins."""
MAP = "Where the model looks"


@dataclass(frozen=True)
class View:
    """One way of showing a clip, with what the model says of it.

    Attributes:
        name: the variant's, or "map".
        title: for readers.
        frames: uint8 (T, H, W, 3).
        top: the likeliest classes with their probabilities, best first.
        sentence: what the model says, in plain words.
        note: how the picture was made.
    """

    name: str
    title: str
    frames: Pixels
    top: tuple[tuple[str, float], ...]
    sentence: str
    note: str = ""


@dataclass(frozen=True)
class ClipAudit:
    """What a model says of one clip.

    Attributes:
        views: the pictures, the clip as it is first.
        missing: views that could not be made: their titles, and why.
        clips: how many clips the probabilities are means over.
        shown: int64 (T,), the frames that the pictures show.
    """

    views: list[View]
    missing: list[tuple[str, str]]
    clips: int
    shown: Frames

    @property
    def sentence(self) -> str:
        """What it comes down to: the clip as it is, and without its person where there is one."""
        return " ".join(view.sentence for view in self.views if view.name in ("original", "human_inpainted"))


def audit_clip(
    subject: Subject,
    frames: Pixels,
    people: NDArray[np.bool_] | None,
    *,
    clips: int = 3,
    seed: int = 0,
    backgrounds: Backgrounds | None = None,
    remedy: Remedy | None = None,
) -> ClipAudit:
    """Shows one video to a model in several ways; the same input gives the same answer.

    Args:
        subject: the model.
        frames: uint8 (N, H, W, 3), RGB, the whole video.
        people: bool (N, H, W), where its people are; None where nothing is known.
        clips: evenly spaced clips whose probabilities are averaged; the pictures show the middle one.
        seed: another one, another drawn place and texture.
        backgrounds: pictures and videos for "in another place"; None: a drawn scene.
        remedy: what takes the scene's part out of the model's answers; None: they are shown as they are alone.

    Raises:
        InputError: the model does not take such clips, or a background cannot be read.
    """
    own = subject.sampling.shown
    try:
        wanted = _different(subject.sampling.clips(len(frames), clips))
    except VideoError as error:
        raise InputError(f"{subject.title} reads {subject.reads}: {error}") from None
    middle = len(wanted) // 2
    variants = _variants(seed, backgrounds).of(Footage("clip", frames, people), wanted)
    views: list[View] = []
    missing: list[tuple[str, str]] = []
    first: NDArray[np.float64] | None = None
    for name, variant in variants.each(list(SHOWN)):
        title, begin = SHOWN[name]
        if isinstance(variant, Impossible):
            missing.append((title, variant.reason))
            continue
        scores = subject.answer(np.stack(variant.clips)).scores.mean(0, dtype=np.float64)
        first = scores if first is None else first
        said = sentence(begin, subject.actions, scores, first)
        if remedy is not None and name == remedy.scene:
            after = remedy.corrected(first[None], scores[None])[0]
            said += f" {sentence('With the scene’s part taken out', subject.actions, after, first)}"
        note = note_in_words(variant.note)
        views.append(View(name, title, own(variant.clips[middle]), top_of(subject.actions, scores), said, note))
        if name == "original":
            if subject.maps_missing:
                missing.append((MAP, subject.maps_missing))
            else:
                views.append(_map(subject, variant.clips[middle], people, own(wanted[middle]), scores, views[0].top))
    return ClipAudit(views, missing, len(wanted), own(wanted[middle]))


def sentence(begin: str, actions: Sequence[str], scores: NDArray[np.float64], first: NDArray[np.float64]) -> str:
    """What a model says of a variant, held against what it says of the clip as it is.

    Args:
        begin: "Without the person"; empty for the clip as it is.
        actions: the model's A classes.
        scores: (A,), of the variant.
        first: (A,), of the clip as it is.
    """
    now, before = int(scores.argmax()), int(first.argmax())
    surely = f"{actions[now]}, at {percent(float(scores[now]), 0)}"
    if not begin:
        return f"The model says {surely}."
    if now == before:
        return f"{begin} it still says {surely}."
    return f"{begin} it says {surely}; {actions[before]} is at {percent(float(scores[before]), 0)}."


def top_of(actions: Sequence[str], scores: NDArray[np.float64], count: int = TOP) -> tuple[tuple[str, float], ...]:
    """The likeliest classes with their probabilities, best first; of equal ones, the first in the model's order."""
    order = np.argsort(-scores, kind="stable")[:count]
    return tuple((str(actions[place]), float(scores[place])) for place in order)


def _map(
    subject: Subject,
    clip: Pixels,
    people: NDArray[np.bool_] | None,
    numbers: Frames,
    scores: NDArray[np.float64],
    top: tuple[tuple[str, float], ...],
) -> View:
    """The clip, lit where the evidence for the class that is named lies; darkest where the model sees nothing of it."""
    maps = subject.maps(clip[None], np.array([int(scores.argmax())], np.int64))
    activation = maps.activation[0]
    has_people = people is not None and bool(people[numbers].any())
    clip = subject.sampling.shown(clip)
    drawn = lit(clip, maps, people[numbers] if people is not None and activation.any() and has_people else None)
    said = f"Bright is what speaks for {top[0][0]}."
    if not activation.any():
        said = f"No place speaks for {top[0][0]}."
    elif people is not None and has_people:
        person = seen(people[numbers], maps, activation.shape[1:])
        share, area = percent(share_on_person(activation, person), 0), percent(area_of_person(person), 0)
        said += f" {share} of it is on the person, who covers {area} of what the model sees."
    return View("map", MAP, drawn, (), said, f"Made as: {maps.way}.")


def _different(clips: Sequence[Frames]) -> list[Frames]:
    """The clips without those that a short video gives twice."""
    return list({tuple(clip.tolist()): clip for clip in clips}.values())


def _variants(seed: int, backgrounds: Backgrounds | None) -> Variants:
    alone = pd.DataFrame({"video": ["clip"], "path": ["clip"], "split": ["test"], "action": ["unknown"]})
    return Variants(Partners(Manifest(alone, Path()), ()), _nobody, backgrounds=backgrounds, seed=seed)


def _nobody(video: str) -> Footage:
    raise VideoError(f"{video}: there is one clip only")
