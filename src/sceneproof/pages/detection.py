"""The page of a study of detectors: who was found doing what where, in one file to be mailed and read on a phone."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from markupsafe import Markup

from sceneproof.metrics.frame_diagnosis import BoxKind
from sceneproof.metrics.frame_map import Reading
from sceneproof.pages import charts, finding
from sceneproof.pages.examples import shown_clips
from sceneproof.pages.figures import Leading, figure, heading, headline_of, where
from sceneproof.pages.kit import Charts, Section, Table, percent
from sceneproof.pages.published import on_jhmdb
from sceneproof.pages.study import Shown, StudyPage
from sceneproof.studies import measures as m
from sceneproof.studies.detection import (
    FRAME,
    LOOKED_AT,
    LOT,
    METRICS,
    DetectionDetail,
    DetectionStudy,
    Recipe,
    in_reading,
    measure,
)
from sceneproof.tasks.detection.scoring import READINGS, VIDEO_THRESHOLDS

DetectionMeasures: TypeAlias = m.StudyMeasures[DetectionDetail]
NAMES: dict[Reading, str] = {"act": "ACT’s", "voc": "Singh et al.’s (PASCAL VOC’s)"}
KINDS = {
    BoxKind.RIGHT: "right",
    BoxKind.LOCALIZATION: "localization",
    BoxKind.CLASSIFICATION: "classification",
    BoxKind.TIME: "time",
    BoxKind.OTHER: "other",
    BoxKind.MISSED: "missed",
}
GUESSING = "clearly better than its own boxes with the actions of each video exchanged by lot, which reach"


@dataclass(frozen=True)
class DetectionOptions:
    """What the page of detectors shows.

    Args:
        reading: whose official way of counting to follow: act, or voc (Singh et al.).
        videos: how many clips to show.
    """

    reading: Reading = "act"
    videos: int = 4


def sections(study: DetectionStudy, measures: DetectionMeasures, shown: Shown) -> list[Section]:
    """The page's sections."""
    own, *others = (study.reading, *(reading for reading in READINGS if reading != study.reading))
    gain_chart, gain_tables = finding.gains(
        study, measures, FRAME, FRAME, {_titled(metric): metric for metric in METRICS}, model="detector",
        caption=f"Gains, {NAMES[own]} reading",
        note="In points, with 95 % intervals, paired over seeds and videos; bold where they exclude zero.",
    )  # fmt: skip
    return finding.sections(
        precision=[
            Charts([*finding.slice_charts(study, lambda on, end: precision_chart(measures, on, end)), *gain_chart]),
            *(precision_table(study, measures, on, own) for on in study.slices),
            *gain_tables,
            *(precision_table(study, measures, on, other) for other in others for on in study.slices),
        ],
        paper=on_jhmdb(study, measures),
        actions=finding.action_tables(
            study, measures,
            note=f"Of boxes, in percent, at an intersection over union of {LOOKED_AT:g}, in {NAMES[own]} reading, mean "
            f"over seeds; the stronger the shade, the better.",
        ),
        mistakes=finding.mistakes(
            study,
            {on: {name: detail.areas for name, detail in details.items()} for on, details in measures.details.items()},
            KINDS, model="detector", title="Where average precision goes", label="share of average precision, %",
            note=f"Areas under the curves of each kind’s share over recall, in percent, mean over actions and seeds; "
            f"they sum to 100, and the first is {FRAME} in ACT’s reading (Kalogeiton et al., ICCV 2017). Localization: "
            f"the frame shows that action, but not there, or the person was found before; classification: a person who "
            f"does something else; time: nobody acts in this frame, though that action is in the video; missed: not "
            f"found.",
        ),
        shown=Section("tubes", "Tubes", *shown.blocks),
    )  # fmt: skip


def headline(study: DetectionStudy, measures: DetectionMeasures) -> list[str]:
    """Sentences, the most important first: that nothing follows, where nothing does."""
    how = f"at an IoU of {LOOKED_AT:g} in {NAMES[study.reading]} reading"
    leading = Leading(FRAME, "reaches a frame-mAP of {}", how=how)
    said = headline_of(study, measures, leading)
    lost = [recipe for recipe in study.recipes if at_floor(study, measures, recipe)]
    place, floors = where(study.last), [_floor(study, measures, recipe) for recipe in study.recipes]
    if len(lost) == len(study.recipes):
        ends = " to ".join(dict.fromkeys((percent(min(floors)), percent(max(floors)))))
        who = "no detector here is" if len(floors) > 1 else f"{study.lead.name} is not"
        return [f"Nothing follows from these figures. {place}, {who} {GUESSING} a frame-mAP of {ends}.", *said]
    about = {
        recipe.name: f"{place}, {recipe.name} is not {GUESSING} {percent(_floor(study, measures, recipe))}."
        for recipe in study.models()
        if recipe in lost
    }
    own = [about.pop(study.lead.name)] if study.lead.name in about else []
    return [said[0], *own, *said[1:], *about.values()]  # what follows the first calls the debiased one "it"


def at_floor(study: DetectionStudy, measures: DetectionMeasures, recipe: Recipe) -> bool:
    """Whether a recipe's boxes, in the slice that matters most, do no better than with their actions by lot."""
    above = measures.details[study.last][recipe.name].above_lot
    return above is not None and not above.low > 0


def _floor(study: DetectionStudy, measures: DetectionMeasures, recipe: Recipe) -> float:
    by_lot = measures.find(recipe, LOT, study.last)
    assert by_lot is not None  # it is taken of every recipe and slice
    return by_lot.mean


def precision_chart(measures: DetectionMeasures, on: str, end: str) -> Markup:
    """Video-mAP against the intersection over union that is asked for, a line a recipe."""
    lines = {name: (VIDEO_THRESHOLDS, 100 * detail.by_threshold) for name, detail in measures.details[on].items()}
    text = f"Video-mAP by spatio-temporal IoU, {on}; the table has the figures"
    return charts.lines(
        lines, label="spatio-temporal IoU", side="video-mAP, %", name=f"precision{end}", text=text, from_zero=True
    )


def precision_table(study: DetectionStudy, measures: DetectionMeasures, on: str, reading: Reading) -> Table:
    """Frame-mAP and video-mAP of each recipe in a reading; in the page's own beside the floor."""
    own = reading == study.reading
    names = [*(in_reading(metric, reading, study) for metric in METRICS), *([LOT] if own else [])]
    rows = [
        [heading(recipe), *(figure(measures.find(recipe, metric, on)) for metric in names)] for recipe in study.recipes
    ]
    videos = study.slices[on]["video"].nunique()
    note = (
        f"Mean average precision in percent, of boxes (frame-mAP) and of tubes (video-mAP), at the intersections over "
        f"union behind the @, in {NAMES[reading]} official reading, mean ± standard deviation over seeds; {videos} "
        f"videos. The two readings differ: compare within one."
    )
    if own:
        note += (
            " By lot: frame-mAP of the same boxes with the names of the actions exchanged in each video at random: "
            "what a detector reaches that knows where people are and not what they do."
        )
    header = ["Detector", *(_titled(metric) for metric in METRICS), *(["Frame-mAP, actions by lot"] if own else [])]
    return Table(f"Frame-mAP and video-mAP, {on}, {NAMES[reading]} reading", header, rows, note)


def _titled(metric: str) -> str:
    return metric[0].upper() + metric[1:]


def figures(study: DetectionStudy, measures: DetectionMeasures, _: Shown) -> dict[str, Any]:
    """What the JSON holds besides the measures: shares from 0 to 1."""
    return {
        "reading": study.reading,
        "average_precision": finding.by_action(study, measures),
        "lost_to": finding.by_words(measures, KINDS, lambda detail, kind: float(detail.areas[kind])),
    }


PAGE = StudyPage(
    "Who does what where",
    DetectionStudy,
    DetectionOptions,
    measure=lambda study, options: measure(study),
    show=lambda study, options, sources: shown_clips(study, sources, videos=options.videos),
    headline=headline,
    sections=sections,
    figures=figures,
    missed=finding.missed("boxes"),
    intervals=finding.INTERVALS,
    of_study=("reading",),
)
