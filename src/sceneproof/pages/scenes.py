"""Tables of what each scene does to the answers of classifiers."""

import numpy as np
import pandas as pd

from sceneproof.metrics.accuracy import predicted
from sceneproof.metrics.groups import group_accuracy
from sceneproof.pages.kit import ABSENT, Cell, Table, percent
from sceneproof.studies.classification import ClassificationStudy, Recipe, right

MOST = 24  # rows or columns: beyond this nobody reads a table


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
        wrong = [Cell(one[0], percent(one[1], 0)) if (one := found.get(scene)) else Cell(ABSENT) for found in pulls]
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
    found = {}
    for scene in dict.fromkeys(scenes[pd.notna(scenes)]):
        here = scenes == scene
        shares = []
        for number in range(len(study.actions)):
            others = here & (truth != number)
            shares.append(float((answers[:, others] == number).mean()) if others.any() else 0.0)
        best = int(np.argmax(shares))
        if shares[best] > 0:
            found[str(scene)] = (study.actions[best], shares[best])
    return found


def heat_map(study: ClassificationStudy, recipe: Recipe, on: str) -> Table | None:
    """Accuracy of each action in each scene; None without known scenes."""
    rows = study.slices[on]
    if not rows["scene"].notna().any():
        return None
    groups = group_accuracy(right(study, recipe)[:, rows.index].mean(axis=0), rows["action"], rows["scene"])
    actions, scenes = (
        [str(one) for one in sorted(rows[name].value_counts().index[:MOST])] for name in ("action", "scene")
    )
    accuracy = dict(zip(zip(groups["action"], groups["scene"], strict=True), groups["accuracy"].tolist(), strict=True))
    body = []
    for action in actions:
        cells = [accuracy.get((action, scene)) for scene in scenes]
        body.append(
            [Cell(action), *(Cell("") if one is None else Cell(f"{100 * one:.0f}", shade=one) for one in cells)]
        )
    note = "In percent; the stronger the shade, the more accurate. Empty: no such video."
    return Table(f"{recipe.name}: action by scene, {on}", ["Action", *scenes], body, note, narrow=True)
