"""The page of a study of classifiers: all it found, in one file that can be mailed, read on a phone and printed."""

import math
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from sceneproof.metrics.accuracy import group_accuracy, predicted
from sceneproof.pages import charts
from sceneproof.pages.figures import Leading, figure, gain, gain_chart, heading, headline_of
from sceneproof.pages.kit import ABSENT, Cell, Chart, Charts, Section, SideBySide, Table, percent
from sceneproof.pages.maps import mapped_clips
from sceneproof.pages.published import ablations
from sceneproof.pages.study import Shown, StudyPage
from sceneproof.studies.classification import (
    LEAKAGE,
    NOBODY,
    NOBODY_ENTROPY,
    TOP_1,
    WORST,
    ClassificationStudy,
    Recipe,
    measure,
    right,
)
from sceneproof.studies.measures import Measures

MOST = 24  # rows or columns: beyond this nobody reads a table
LEADING = Leading(TOP_1, "is right on {} of clips", "on {}", lost=" hang on the scene")


@dataclass(frozen=True)
class ClassificationOptions:
    """What the page of classifiers shows.

    Args:
        clips: how many clips to show.
        mapped: how many clips to measure the share of activation on the person over.
        minimum_count: videos that an action has to have in a scene to count as a group.
    """

    clips: int = 8
    mapped: int = 64
    minimum_count: int = 5


def sections(
    study: ClassificationStudy, measures: Measures[None], shown: Shown, *, opened: bool = False
) -> list[Section]:
    """The page's sections; where it is `opened` by others, these have shown the chart of accuracies."""
    first = [] if opened else [accuracy_chart(study, measures)]
    above = study.baseline.name if study.baseline else ""
    gains = gain_chart(
        study, measures, TOP_1, label=f"points of top-1 above {above}",
        caption=f"Differences, paired on the same seeds and videos. Right of zero is better than {above}.",
    )  # fmt: skip
    scenes = [by_scene(study, study.last), *(heat_map(study, recipe, study.last) for recipe in study.models())]
    return [
        Section(
            "comparison", "In and out of context", Charts([*first, *gains]) if first or gains else None,
            comparison(study, measures), scene_bias(study),
        ),
        *([Section("ablation", "The paper’s ablation", SideBySide(tables))] if (tables := ablations(study, measures))
          else []),
        Section("pictures", "Where the models look", *shown.blocks),
        *([Section("scenes", "What each scene does", *scenes)] if scenes[0] is not None else []),
    ]  # fmt: skip


def headline(study: ClassificationStudy, measures: Measures[None]) -> list[str]:
    """What was found, in plain words, the most important first."""
    top1, chance = measures.find(study.lead, TOP_1, study.last), 1 / len(study.actions)
    warning = ""
    if top1 is not None and top1.interval is not None and not top1.interval.low > chance:
        warning = f"{study.lead.name} is not clearly better there than guessing, which is right on {percent(chance)}."
    return headline_of(study, measures, LEADING, warning=warning)


def accuracy_chart(study: ClassificationStudy, measures: Measures[None]) -> Chart:
    """Top-1 of each recipe in and out of context with 95 % intervals: a row a recipe, a marker a slice."""
    by_slice = {on: [measures.find(recipe, TOP_1, on) for recipe in study.recipes] for on in study.slices}
    drawing = charts.points(
        [recipe.name for recipe in study.recipes],
        {on: [None if measure is None else measure.interval for measure in row] for on, row in by_slice.items()},
        line=100 / len(study.actions), line_name="chance", limits=(0, 102), label="top-1 accuracy, %", name="accuracy",
        text="Top-1 accuracy of each method with 95 % intervals; the table has the figures",
    )  # fmt: skip
    return Chart(drawing, "Top-1 accuracy with 95 % intervals over seeds and videos.")


def comparison(study: ClassificationStudy, measures: Measures[None]) -> Table:
    """One row a recipe: in and out of context, without people, scene leakage, worst group."""
    slices = list(study.slices)
    first, last = slices[0], slices[-1]
    gains = slices if study.baseline is not None and len(study.recipes) > 1 else []
    header = ["Method", *(f"Top-1, {on}" for on in slices)]
    header += [f"Against {study.baseline.name}, {on}" for on in gains if study.baseline is not None]
    header += [f"People removed: top-1, {first}", "People removed: entropy (nats)", f"Scene leakage, {first}"]
    rest = [(NOBODY, first), (NOBODY_ENTROPY, first), (LEAKAGE, first), (WORST, last)]
    rows = [
        [
            heading(recipe),
            *(figure(measures.find(recipe, TOP_1, on)) for on in slices),
            *(gain(measures.find(recipe, TOP_1, on)) for on in gains),
            *(figure(measures.find(recipe, metric, on), detail=True) for metric, on in rest),
        ]
        for recipe in study.recipes
    ]
    note = (
        "Accuracies in percent, mean ± standard deviation over seeds. Differences are in percentage points with "
        "their 95 % interval, paired over seeds and videos; bold where it excludes zero. Without people a model that "
        "does not lean on the scene can only guess: accuracy near chance, entropy near "
        f"ln {len(study.actions)} = {math.log(len(study.actions)):.2f}. Scene leakage: how often a linear probe names "
        "the scene from the features, and below it from the true action alone. "
        "Worst group: of the groups of one action in one scene, the least accurate."
    )
    return Table("What each model leans on", [*header, f"Worst group, {last}"], rows, note)


def scene_bias(study: ClassificationStudy) -> str:
    """A sentence on how far the scene labels alone name the action (B_scene), or "" where that was not measured.

    Out of context is left out: there the scene misleads by design, and the data's bias is that of what is trained on.
    """
    inside = next(iter(study.slices.values()))
    figures = study.recipes[0].tested[0].figures
    parts = [
        f"{percent(accuracy)} of the {split!r} videos (B_scene = {figures[f'{split}/representation_bias/bias']:.2f})"
        for split in dict.fromkeys(inside["split"])
        if (accuracy := figures.get(f"{split}/representation_bias/accuracy")) is not None
    ]
    if not parts:
        return ""
    return (
        f"What the place alone gives away: a linear classifier on the scene labels names the action on "
        f"{' and '.join(parts)}, where guessing gives {percent(figures['representation_bias/chance'])}. B_scene is the "
        f"natural logarithm of their ratio; UCF-101 has 4.09."
    )


def by_scene(study: ClassificationStudy, on: str) -> Table | None:
    """Accuracy in each scene, and the action that the scene pulls other actions to; None without known scenes."""
    part, shown = study.slices[on], study.models()
    if not part["scene"].notna().any():
        return None
    tables = [group_accuracy(right(study, recipe)[:, part.index].mean(axis=0), part["scene"]) for recipe in shown]
    pulls = [pull(study, recipe, on) for recipe in shown]
    rows = []
    for place in np.argsort(tables[0]["accuracy"].to_numpy(), kind="stable")[:MOST]:
        scene = str(tables[0]["scene"].iloc[place])
        accuracies = [Cell(f"{100 * table['accuracy'].iloc[place]:.1f}") for table in tables]
        wrong = [
            Cell(answer[0], percent(answer[1], 0)) if (answer := answers.get(scene)) else Cell(ABSENT)
            for answers in pulls
        ]
        rows.append([Cell(scene), Cell(str(tables[0]["count"].iloc[place])), *accuracies, *wrong])
    names = [recipe.name for recipe in shown]
    header = ["Scene", "Videos", *(f"Top-1, {name}" for name in names), *(f"Pulls {name} to" for name in names)]
    note = (
        "Accuracy in percent, hardest scene first. A scene pulls to its most frequent wrong answer; the share is of "
        "its clips that show another action."
    )
    return Table(f"Scene by scene, {on}", header, rows, note)


def pull(study: ClassificationStudy, recipe: Recipe, on: str) -> dict[str, tuple[str, float]]:
    """For each scene, the wrong answer given most and its share of the scene's clips that show another action."""
    part = study.slices[on]
    answers = np.stack([predicted(scores[part.index]) for scores in study.stacked(recipe)])
    truth, scenes = study.numbers[part.index], part["scene"].to_numpy()
    pulls = {}
    for scene in dict.fromkeys(scenes[pd.notna(scenes)]):
        here = scenes == scene
        shares = []
        for number in range(len(study.actions)):
            others = here & (truth != number)
            shares.append(float((answers[:, others] == number).mean()) if others.any() else 0.0)
        best = int(np.argmax(shares))
        if shares[best] > 0:
            pulls[str(scene)] = (study.actions[best], shares[best])
    return pulls


def heat_map(study: ClassificationStudy, recipe: Recipe, on: str) -> Table | None:
    """Accuracy of each action in each scene; None without known scenes."""
    rows = study.slices[on]
    if not rows["scene"].notna().any():
        return None
    groups = group_accuracy(right(study, recipe)[:, rows.index].mean(axis=0), rows["action"], rows["scene"])
    actions, scenes = (
        [str(label) for label in sorted(rows[name].value_counts().index[:MOST])] for name in ("action", "scene")
    )
    accuracy = dict(zip(zip(groups["action"], groups["scene"], strict=True), groups["accuracy"].tolist(), strict=True))
    body = []
    for action in actions:
        cells = [accuracy.get((action, scene)) for scene in scenes]
        body.append(
            [Cell(action), *(Cell("") if share is None else Cell(f"{100 * share:.0f}", shade=share) for share in cells)]
        )
    note = "In percent; the stronger the shade, the more accurate. Empty: no such video."
    return Table(f"{recipe.name}: action by scene, {on}", ["Action", *scenes], body, note, narrow=True)


PAGE = StudyPage(
    "What the models lean on",
    ClassificationStudy,
    ClassificationOptions,
    measure=lambda study, options: measure(study, minimum_count=options.minimum_count),
    show=lambda study, options, sources: mapped_clips(study, sources, clips=options.clips, mapped=options.mapped),
    headline=headline,
    sections=sections,
    figures=lambda study, measures, shown: {
        "share_on_person": {name: asdict(share) for name, share in shown.shares.items()}
    },
    missed="They count as missed: wrong in every accuracy on this page.",
    intervals="percentile bootstrap, 95 %, 10,000 resamples of training seeds and test videos, crossed; differences "
    "see the same seeds and videos on both sides.",
    humans=True,
)
