"""Where a model fails an engineer: the clips and the places that cost most, and stills that lead it astray."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.audit.table import DIGITS, AuditTable
from sceneproof.metrics.bootstrap import Interval, mean_interval
from sceneproof.metrics.shortcuts import Shortcut, clusters_of, shortcuts

SWAP = "swap_random"
FLOOR = 10.0**-DIGITS
"""The smallest probability that the table tells from none."""
CLIPS_A_CLUSTER = 15
LEAST_CLIPS = 60
"""Clips with features that shortcuts are looked for in."""


def losses(table: AuditTable, rows: pd.DataFrame) -> NDArray[np.float64]:
    """−ln of the probability of each row's own action, among the classes that may be named: float64 (N,), nats."""
    number = {action: place for place, action in enumerate(table.actions)}
    values = np.empty(len(rows))
    for place, (scores, action) in enumerate(zip(rows["scores"], rows["action"], strict=True)):
        of_action = np.asarray(scores)[table.action_of == number[str(action)]].sum()
        values[place] = -np.log(max(of_action / max(float(np.sum(scores)), FLOOR), FLOOR))
    return values


def ranked(table: AuditTable) -> pd.DataFrame:
    """Clips whose person stands in another action's place, the costliest first; empty where there are none.

    Columns: video, action, background (the lender's id), background_action, background_scene; loss, there, and before,
    as it is, in nats; named, the action's number there; right, whether it was before.
    """
    part = table.part("original", SWAP)
    rows = part.rows
    originals = table.original.set_index("video").loc[rows["video"]].reset_index()
    told = rows[["video", "action", "background", "background_action", "background_scene"]].assign(
        loss=losses(table, rows), before=losses(table, originals), named=part.predicted[SWAP],
        right=part.right("original") == 1,
    )  # fmt: skip
    return told.sort_values("loss", ascending=False, kind="stable").reset_index(drop=True)


def worst(table: AuditTable, count: int) -> list[str]:
    """Clips that are right as they are and name the place's action in another place: those whose loss grows most."""
    rows = ranked(table)
    place = np.array([list(table.actions).index(str(action)) for action in rows["background_action"]], np.int64)
    led = rows[rows["right"] & (rows["named"] == place)]
    grown = (led["loss"] - led["before"]).sort_values(ascending=False, kind="stable")
    return [str(video) for video in led.loc[grown.index[:count], "video"]]


def by_place(table: AuditTable, least: int = 5) -> pd.DataFrame:
    """The places that people were put in, the costliest first: place, videos, loss (an `Interval`, nats), top1.

    A place is the scene of the lender where all are known, else the lender's action; those of fewer than `least` clips
    are left out.
    """
    rows = ranked(table)
    known = rows["background_scene"].fillna("") != ""
    name = "background_scene" if len(rows) and known.all() else "background_action"
    number = {action: place for place, action in enumerate(table.actions)}
    right = rows["named"] == rows["action"].map(number)
    told = [
        (str(place), len(own), mean_interval(own["loss"] - own["before"]), float(right[own.index].mean()))
        for place, own in rows.groupby(name, sort=True)
        if len(own) >= least
    ]
    places = pd.DataFrame(told, columns=["place", "videos", "loss", "top1"])
    return places.sort_values("loss", key=lambda losses: losses.map(_value), ascending=False).reset_index(drop=True)


def _value(interval: Interval) -> float:
    return interval.value


def static_shortcuts(table: AuditTable, *, seed: int = 0) -> tuple[list[Shortcut], pd.DataFrame] | str:
    """Kinds of stills on which the model errs more than on others of the same actions, and is sure of it.

    Returns:
        The shortcuts, gravest first, and the rows of the stills, which their members count; or why none were sought.
    """
    rows, features = table.vectors("frozen")
    if rows.empty:
        return "it needs features of clips with one frame repeated"
    rows = rows.merge(table.original[["video", "scores", "problem"]], on="video", suffixes=("", "_whole"))
    if (rows["problem_whole"] != "").any() or len(rows) < LEAST_CLIPS:
        return f"it needs {LEAST_CLIPS} clips, and has {len(rows)}"
    number = {action: place for place, action in enumerate(table.actions)}
    truth = rows["action"].map(number).to_numpy(np.int64)
    whole = pd.DataFrame({"scores": rows["scores_whole"]})
    named = [int(np.argmax(scores)) for scores in rows["scores_whole"]]
    still = [
        scores[name] / max(float(np.sum(scores)), FLOOR) for scores, name in zip(rows["scores"], named, strict=True)
    ]
    groups = clusters_of(features, max(2, len(rows) // CLIPS_A_CLUSTER), seed=seed)
    return shortcuts(groups, truth, table.predicted(whole), still, table.chance), rows
