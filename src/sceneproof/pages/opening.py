"""The demonstration's page: it begins with a sentence for strangers, a pair of clips, and what to do next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sceneproof.data.dataset import Videos
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError
from sceneproof.figures import FILE, read_figures
from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages import classification
from sceneproof.pages.kit import (
    ABSENT,
    Block,
    Card,
    Cell,
    Charts,
    Clips,
    Commands,
    Line,
    Note,
    Section,
    Table,
    between,
    percent,
)
from sceneproof.pages.maps import mapped_clips
from sceneproof.pages.pictures import moving, rate_of, sized
from sceneproof.pages.study import Sources
from sceneproof.studies.classification import TOP_1, ClassificationStudy, Recipe, measure
from sceneproof.studies.measures import Measure, StudyMeasures
from sceneproof.wording import counted

IN, OUT = "in context", "out of context"
PLAIN, DEBIASED = "Plain model", "Debiased model"
AUDIT = {
    "top1": ("Right on the clips as they are", ""),
    "survives_human_inpainted": (
        "Of that, still right with the person taken out",
        "less is better: the place is left",
    ),
    "human_accuracy": ("In another action’s place: names the person’s action", "more is better"),
    "scene_error": ("In another action’s place: names the place’s action", "less is better"),
}
"""Figures of audits that the page shows: in words, and how to read them."""
HEIGHT = 216  # pixels: of a clip on the page
COMMANDS = (
    ("sceneproof index folder my_videos index", "the table of your videos: one sub-folder an action"),
    (
        "sceneproof label humans index/manifest.parquet masks.parquet --detector MaskRCNN --detector.download",
        "where their people are",
    ),
    ("sceneproof audit MODEL index/manifest.parquet --humans masks.parquet", "how much of its accuracy is the place"),
)
"""`MODEL` is whatever the audit takes: the page says so."""
OWN_VIDEOS = Markup(
    "Three commands say how much of a model’s accuracy on them is the place. MODEL is the folder of a run that "
    "<code>sceneproof train</code> wrote, a video model of torchvision (<code>torchvision:r3d_18</code>) or of Hugging "
    "Face, a TorchScript or ONNX file, or a function of yours."
)


@dataclass(frozen=True)
class Opening:
    """The opening of a page.

    Attributes:
        sentences: the first is for a stranger; no difference is claimed whose interval includes zero.
        pair: the same action in a usual place and elsewhere; empty where no clips can be shown.
        pair_text: how the pair was chosen.
    """

    sentences: list[str]
    pair: list[Card]
    pair_text: str


def demonstration(
    runs: list[Path],
    out: Path,
    *,
    manifest: Path,
    humans: Path,
    audits: Mapping[str, Path] = MappingProxyType({}),
    debiased: str | None = None,
    title: str = "Does it see what people do, or where they are?",
) -> Opening:
    """Writes the demonstration's page, as `report` does, with an opening for strangers; returns that.

    Args:
        runs: tested runs, of a plain and a debiased model.
        out: the page to write.
        manifest: the table of videos.
        humans: table of person boxes or masks.
        audits: folders of audits beside the page, by the model's name.
        debiased: the recipe that the headline is about; by default the fullest.
        title: the page's title.
    """
    study = ClassificationStudy.of(runs, debiased=debiased)
    measures = measure(study)
    shown = mapped_clips(study, Sources(manifest, humans), clips=6, mapped=48)
    begin = Opening(sentences(study, measures), *clip_pair(study, Manifest.read(manifest)))
    pair: list[Block] = []
    if begin.pair:
        text = "One action, in a usual place and elsewhere, and what the two models say."
        pair = [text, Clips(begin.pair, across=1), Note(begin.pair_text)]
    glance = Section(
        "at-a-glance", "At a glance", Charts([classification.accuracy_chart(study, measures)]),
        *pair,
    )  # fmt: skip
    audit = [audit_section(audits, out.parent)] if audits else []
    own = Section("your-own-videos", "On your own videos", OWN_VIDEOS, Commands(COMMANDS))
    page = replace(classification.PAGE, sections=partial(classification.sections, opened=True))
    page.write(out, study, measures, shown, title=title, opening=[glance, *audit, own], said=begin.sentences)
    return begin


def audit_section(audits: Mapping[str, Path], beside: Path) -> Section:
    """What audits say of models, side by side, with links to their pages.

    Args:
        audits: their folders, by the model's name.
        beside: the folder of the page, which links are relative to.
    """
    figures = {
        name: {figure.metric: figure for figure in read_figures(folder / FILE) if not figure.slice}  # of all, as it is
        for name, folder in audits.items()
    }
    rows = []
    for metric, (title, meaning) in AUDIT.items():
        told = [said.get(metric) for said in figures.values()]
        cells = [Cell(ABSENT) if each is None or each.interval is None else share(each.interval) for each in told]
        rows.append([Cell(title, meaning), *cells])
    links = Markup(", ").join(
        Markup('<a href="{}">{}</a>').format((folder / "audit.html").relative_to(beside).as_posix(), name)
        for name, folder in audits.items()
    )
    return Section(
        "audit", "Under audit",
        "The same models shown test clips from usual places with something taken away, in percent with 95 % intervals:",
        Table("What is left", ["", *audits], rows), Markup("The whole audits, with clips to watch: {}.").format(links),
    )  # fmt: skip


def share(interval: Interval) -> Cell:
    """A share in percent, with its interval."""
    return Cell(f"{100 * interval.value:.1f}", between(interval))


def sentences(study: ClassificationStudy, measures: StudyMeasures[None]) -> list[str]:
    """What was found, in words that need no page around them."""
    plain, debiased = study.models()
    usual, elsewhere = _top_1(measures, plain, IN), _top_1(measures, plain, OUT)
    ours, cost = _top_1(measures, debiased, OUT), _top_1(measures, debiased, IN)
    lead = (
        f"A video model trained in the plain way recognises {percent(usual.mean)} of actions in their usual places, "
        f"and {percent(elsewhere.mean)} in places where it never saw them"
    )
    gain = ours.gain
    if gain is not None and gain.excludes_zero:
        more, size = ("more", gain) if gain.value > 0 else ("less", gain.negative)
        lead += f"; trained not to lean on the place, it recognises {percent(ours.mean)} there, "
        lead += f"{100 * size.value:.1f} points {more} (95 % interval {between(size)})"
    follow = [f"{lead}."]
    if gain is None or not gain.excludes_zero:
        follow.append("So few videos or steps show no difference between the plain and the debiased model.")
    if cost.gain is not None and cost.gain.excludes_zero and cost.gain.value < 0:
        follow.append(
            f"In the usual places that costs {-100 * cost.gain.value:.1f} points ({between(cost.gain.negative)}): "
            f"{percent(cost.mean)} instead of {percent(usual.mean)}, part of which was the place’s and not the "
            f"action’s."
        )
    follow.append(
        f"Guessing is right on {percent(1 / len(study.actions))}. Measured on {usual.videos:,} test videos in usual "
        f"places and {elsewhere.videos:,} elsewhere, {counted(len(ours.values), 'training seed')}, in a made-up world "
        f"of {len(study.actions)} actions."
    )
    return follow


def clip_pair(study: ClassificationStudy, manifest: Manifest, *, seed: int = 0) -> tuple[list[Card], str]:
    """One action in a usual place and elsewhere, and how it was chosen; nothing where no such pair can be read.

    Clips on which the two models differ as they do on average are what a reader is to see: both right in context, the
    debiased one alone right elsewhere. Among these, and among all pairs where there are none, it is drawn at random.
    """
    if not {IN, OUT} <= set(study.slices):
        return [], ""
    within, outside = (np.isin(np.arange(len(study.truth)), study.slices[on].index) for on in (IN, OUT))
    plain, debiased = study.models()
    said = {PLAIN: _answers(study, plain), f"{DEBIASED} ({debiased.name})": _answers(study, debiased)}
    before, after = (answers == study.numbers for answers in said.values())
    alone = after & ~before
    counts = (
        f"Of the {outside.sum():,} videos elsewhere the debiased model alone is right on {(outside & alone).sum():,}, "
        f"the plain one alone on {(outside & before & ~after).sum():,}, both on {(outside & before & after).sum():,}."
    )
    rng = np.random.default_rng(seed)
    told = ((within & before & after, outside & alone), (within, outside))
    for (inside, elsewhere), how in zip(told, ("that show the difference", "of one action"), strict=True):
        for pair in _pairs(study, inside, elsewhere, rng):
            try:
                clips = [_clip(study, manifest, row, said) for row in pair]
            except (VideoError, KeyError):  # moved since the test: another pair will do
                continue
            return clips, f"Drawn at random among the pairs {how}. {counts}"
    return [], ""


def _pairs(
    study: ClassificationStudy, inside: NDArray[np.bool_], outside: NDArray[np.bool_], rng: np.random.Generator
) -> Iterable[tuple[int, int]]:
    """Pairs of rows of one action, in an order drawn by `rng`."""
    actions = study.truth["action"].to_numpy()
    within = rng.permutation(np.flatnonzero(inside))
    for other in rng.permutation(np.flatnonzero(outside)):
        same = within[actions[within] == actions[other]]
        if len(same):
            yield int(same[0]), int(other)


def _clip(study: ClassificationStudy, manifest: Manifest, row: int, said: dict[str, NDArray[np.int64]]) -> Card:
    """A video with both models' answers.

    Raises:
        KeyError: the manifest does not hold it.
        VideoError: it cannot be read.
    """
    known = study.truth.iloc[row]
    place = {str(video): number for number, video in enumerate(manifest.rows["video"])}[str(known["video"])]
    videos = Videos(manifest)
    frames = videos.frames(place, np.arange(videos.length(place)))
    large = sized(frames, round(frames.shape[2] * HEIGHT / frames.shape[1]), HEIGHT, way=cv2.INTER_CUBIC)
    action = str(known["action"])
    where = f": {known['scene']}" if isinstance(known["scene"], str) else ""
    title = f"{action}, {'in a usual place' if known['context'] == 'in' else 'elsewhere'}{where}".replace("_", " ")
    names = {model: study.actions[answers[row]] for model, answers in said.items()}
    lines = [Line(name.replace("_", " "), model, name == action) for model, name in names.items()]
    return Card(title, pictures=[moving(title, large, rate_of(manifest.rows, place), lines)])


def _answers(study: ClassificationStudy, recipe: Recipe) -> NDArray[np.int64]:
    """The class (N,) that a recipe's first run names; −1 where a video could not be read."""
    scores = study.stacked(recipe)[0]
    unread = np.isnan(scores).any(axis=1)
    return np.where(unread, -1, np.where(unread[:, None], 0, scores).argmax(axis=1)).astype(np.int64)


def _top_1(measures: StudyMeasures[None], recipe: Recipe, on: str) -> Measure:
    measure = measures.find(recipe, TOP_1, on)
    assert measure is not None  # top-1 is taken of every recipe and slice
    return measure
