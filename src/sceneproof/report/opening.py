"""How the demonstration's page begins: a sentence for strangers, a pair of clips, and what to do with one's own."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.data.dataset import Videos
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError
from sceneproof.report.cells import percent
from sceneproof.report.measures import TOP_1, Measure, Measures
from sceneproof.report.pictures import Picture, picture
from sceneproof.report.study import Recipe, Study
from sceneproof.report.tables import between

IN, OUT = "in context", "out of context"
PLAIN, DEBIASED = "Plain model", "Debiased model (SDN)"
HEIGHT = 216  # pixels: of a clip on the page
RATE = 12.5  # frames a second, where the manifest gives none
COMMANDS = (
    ("sceneproof index folder my_videos index", "the table of your videos: one sub-folder an action"),
    (
        "sceneproof label humans index/manifest.parquet masks.parquet --detector MaskRCNN --detector.download",
        "where their people are",
    ),
    ("sceneproof audit MODEL index/manifest.parquet --humans masks.parquet", "how much of its accuracy is the place"),
)
"""`MODEL` is whatever the audit takes: the page says so."""


@dataclass(frozen=True)
class ShownAnswer:
    """What a model says of a clip."""

    model: str
    answer: str
    right: bool


@dataclass(frozen=True)
class AnsweredClip:
    """One clip of the pair, with both models' answers."""

    title: str
    picture: Picture
    answers: list[ShownAnswer]


@dataclass(frozen=True)
class Opening:
    """The opening of a page.

    Attributes:
        sentences: the first is for a stranger; no difference is claimed whose interval includes zero.
        pair: the same action in a usual place and elsewhere; empty where no clips can be shown.
        pair_text: how the pair was chosen.
        commands: what to type next, each with what it does.
    """

    sentences: list[str]
    pair: list[AnsweredClip]
    pair_text: str
    commands: tuple[tuple[str, str], ...] = COMMANDS


def opening(study: Study, measures: Measures, manifest: Manifest) -> Opening:
    """The opening of a study of a plain and a debiased model that were tested in and out of context."""
    pair, text = clip_pair(study, manifest)
    return Opening(sentences(study, measures), pair, text)


def sentences(study: Study, measures: Measures) -> list[str]:
    """What was found, in words that need no page around them."""
    plain, debiased = _models(study)
    usual, elsewhere = _top_1(measures, plain, IN), _top_1(measures, plain, OUT)
    ours, cost = _top_1(measures, debiased, OUT), _top_1(measures, debiased, IN)
    lead = (
        f"A video model trained in the plain way recognises {percent(usual.mean)} of actions in their usual places, "
        f"and {percent(elsewhere.mean)} in places where it never saw them"
    )
    gain = ours.gain
    if gain is not None and gain.excludes_zero:
        more = f"{100 * abs(gain.value):.1f} points {'more' if gain.value > 0 else 'less'}"
        lead += f"; trained to forget the place, it recognises {percent(ours.mean)} there, {more}"
        lead += f" (95 % interval {between(gain) if gain.value > 0 else _less(gain.low, gain.high)})"
    follow = [f"{lead}."]
    if gain is None or not gain.excludes_zero:
        follow.append("So few videos or steps show no difference between the plain and the debiased model.")
    if cost.gain is not None and cost.gain.excludes_zero and cost.gain.value < 0:
        follow.append(
            f"In the usual places that costs {-100 * cost.gain.value:.1f} points "
            f"({_less(cost.gain.low, cost.gain.high)}): {percent(cost.mean)} instead of {percent(usual.mean)}, "
            f"part of which was the place’s and not the action’s."
        )
    chance = percent(1 / len(study.actions))
    seeds = len(ours.values)
    follow.append(
        f"Guessing is right on {chance}. Measured on {usual.videos:,} test videos in usual places and "
        f"{elsewhere.videos:,} elsewhere, {seeds} training {'seed' if seeds == 1 else 'seeds'}, in a made-up world "
        f"of {len(study.actions)} actions."
    )
    return follow


def clip_pair(study: Study, manifest: Manifest, *, seed: int = 0) -> tuple[list[AnsweredClip], str]:
    """One action in a usual place and elsewhere, and how it was chosen; nothing where no such pair can be read.

    Clips on which the two models differ as they do on average are what a reader is to see: both right in context, the
    debiased one alone right elsewhere. Among these, and among all pairs where there are none, it is drawn at random.
    """
    slices = study.slices()
    if not {IN, OUT} <= set(slices):
        return [], ""
    plain, debiased = _models(study)
    said = {name: _answers(study, recipe) for name, recipe in ((PLAIN, plain), (DEBIASED, debiased))}
    right = {name: answers == study.truth for name, answers in said.items()}
    outside, alone = slices[OUT], right[DEBIASED] & ~right[PLAIN]
    counts = (
        f"Of the {outside.sum():,} videos elsewhere the debiased model alone is right on "
        f"{(outside & alone).sum():,}, the plain one alone on {(outside & right[PLAIN] & ~right[DEBIASED]).sum():,}, "
        f"both on {(outside & right[PLAIN] & right[DEBIASED]).sum():,}."
    )
    rng = np.random.default_rng(seed)
    told = ((slices[IN] & right[PLAIN] & right[DEBIASED], outside & alone), (slices[IN], outside))
    for (inside, elsewhere), how in zip(told, ("that show the difference", "of one action"), strict=True):
        for one, other in _pairs(study, inside, elsewhere, rng):
            try:
                clips = [_clip(study, manifest, row, said) for row in (one, other)]
            except (VideoError, KeyError):  # moved since the test: another pair will do
                continue
            return clips, f"Drawn at random among the pairs {how}. {counts}"
    return [], ""


def _pairs(
    study: Study, inside: NDArray[np.bool_], outside: NDArray[np.bool_], rng: np.random.Generator
) -> Iterable[tuple[int, int]]:
    """Pairs of rows of one action, in an order drawn by `rng`."""
    actions = study.rows["action"].to_numpy()
    within = rng.permutation(np.flatnonzero(inside))
    for other in rng.permutation(np.flatnonzero(outside)):
        same = within[actions[within] == actions[other]]
        if len(same):
            yield int(same[0]), int(other)


def _clip(study: Study, manifest: Manifest, row: int, said: dict[str, NDArray[np.int64]]) -> AnsweredClip:
    """A video with both models' answers.

    Raises:
        KeyError: the manifest does not hold it.
        VideoError: it cannot be read.
    """
    known = study.rows.iloc[row]
    place = {str(video): number for number, video in enumerate(manifest.rows["video"])}[str(known["video"])]
    videos = Videos(manifest)
    frames = videos.frames(place, np.arange(videos.length(place)))
    width = round(frames.shape[2] * HEIGHT / frames.shape[1])
    large = np.stack([cv2.resize(frame, (width, HEIGHT), interpolation=cv2.INTER_CUBIC) for frame in frames])
    rates = manifest.rows["rate"].to_numpy(np.float64) if "rate" in manifest.rows else np.full(len(manifest), np.nan)
    action = str(known["action"])
    where = f": {known['scene']}" if isinstance(known["scene"], str) else ""
    title = f"{action}, {'in a usual place' if known['context'] == 'in' else 'elsewhere'}{where}".replace("_", " ")
    names = {name: study.actions[answers[row]] for name, answers in said.items()}
    rate = float(rates[place]) if rates[place] > 0 else RATE
    return AnsweredClip(
        title,
        picture(title, large.astype(np.uint8), rate, title),
        [ShownAnswer(model, name.replace("_", " "), name == action) for model, name in names.items()],
    )


def _answers(study: Study, recipe: Recipe) -> NDArray[np.int64]:
    """The class (N,) that a recipe's first run names; −1 where a video could not be read."""
    scores = study.stacked(recipe)[0]
    unread = np.isnan(scores).any(axis=1)
    return np.where(unread, -1, np.where(unread[:, None], 0, scores).argmax(axis=1)).astype(np.int64)


def _models(study: Study) -> tuple[Recipe, Recipe]:
    assert study.baseline is not None  # the demonstration trains both
    assert study.debiased is not None
    return study.baseline, study.debiased


def _top_1(measures: Measures, recipe: Recipe, on: str) -> Measure:
    found = measures.find(recipe, TOP_1, on)
    assert found is not None  # top-1 is taken of every recipe and slice
    return found


def _less(low: float, high: float) -> str:
    """An interval below zero as how many points less, '3.1 to 7.7'."""
    return f"{-100 * high:.1f} to {-100 * low:.1f}"
