"""From the table of an audit to its figures: no model, no video."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.audit.figures import CATALOG, SWAPPED
from sceneproof.audit.table import AuditTable, Part
from sceneproof.contexts.variants import STILLS, VARIANTS
from sceneproof.figures import Figure
from sceneproof.metrics.accuracy import group_accuracy, worst_group
from sceneproof.metrics.bootstrap import Interval, class_interval, mean_interval, median_interval, paired_interval
from sceneproof.metrics.scene_reliance import Pull, contrasted, reliance, scene_pull, survival

NOT_ASKED = " was not asked for"
"""How the reason ends why a figure is missing, where nobody wanted it."""


@dataclass(frozen=True)
class Measures:
    """What an audit found.

    Attributes:
        figures: by name, all of `figures.CATALOG`, measured or with the reason why not.
        by_action: a row an action: `action`, `videos`, and the share that is right by variant (NaN: no such clips).
        by_scene: likewise by scene; None where no scenes are known.
        groups: action, scene, count, accuracy; None where no scenes are known.
        pull: which backgrounds pull towards which actions, by swaps; None without swaps.
        missing: variant, reason, videos: which clips have no such variant, and why.
    """

    figures: dict[str, Figure]
    by_action: pd.DataFrame
    by_scene: pd.DataFrame | None
    groups: pd.DataFrame | None
    pull: Pull | None
    missing: pd.DataFrame

    def value(self, name: str) -> float | None:
        """A figure's value; None where it was not measured."""
        return self.figures[name].value


def measure(table: AuditTable, *, probes: Sequence[Figure] = (), minimum_count: int = 5) -> Measures:
    """All figures of an audit.

    Args:
        table: what the model said.
        probes: figures that a linear probe was trained for, and those of channels: `probes.probe_figures`.
        minimum_count: videos that a group, or a background of the matrix, needs to be counted.
    """
    measured = {figure.metric: figure for figure in probes}
    for figure in (
        *_accuracies(table), *_survivals(table), *_swaps(table), *_costs(table), *_contrasts(table),
        *_attention(table), *_people(table), _worst(table, minimum_count),
    ):  # fmt: skip
        measured[figure.metric] = figure
    figures = {name: measured.get(name, Figure(name, None, detail="not measured")) for name in CATALOG}
    known = table.original["scene"].notna().any()
    return Measures(
        figures,
        _by(table, "action"),
        _by(table, "scene") if known else None,
        _groups(table) if known else None,
        _pull(table, minimum_count),
        _missing(table),
    )


def _why_not(table: AuditTable, *variants: str) -> str:
    """Why no video has these variants: the most frequent reason."""
    for name in variants:
        rows = table.rows[table.rows["variant"] == name]
        if rows.empty:
            return str(table.facts.get("unable", {}).get(name) or f"{name}{NOT_ASKED}")
        if not (rows["problem"] == "").any():
            return str(rows["problem"].value_counts().idxmax())
    return f"no video has {' and '.join(variants)}"


def _of(
    table: AuditTable,
    name: str,
    variants: tuple[str, ...],
    interval: Callable[[Part], Interval | None],
    why: str = "",
) -> Figure:
    """A figure that is taken from the videos which have these variants."""
    part = table.part(*variants)
    if not len(part):
        return Figure(name, None, detail=_why_not(table, *variants))
    estimate = interval(part)
    return Figure(name, estimate, len(part), "" if estimate else why)


def _accuracies(table: AuditTable) -> list[Figure]:
    whole = table.part("original", readable=False)
    right = whole.right("original")
    figures = [
        Figure("top1", mean_interval(right), len(right)),
        Figure("mean_class", class_interval(right, whole.truth), len(right)),
    ]
    return figures + [_of(table, f"top1_{name}", (name,), partial(_top1, name=name)) for name in VARIANTS[1:]]


def _top1(part: Part, name: str) -> Interval:
    return mean_interval(part.right(name))


def _survivals(table: AuditTable) -> list[Figure]:
    def ratio(part: Part, name: str) -> Interval | None:
        return survival(part.right("original"), part.right(name)).ratio

    why = "the model is never right on these clips as they are"
    return [_of(table, f"survives_{name}", ("original", name), partial(ratio, name=name), why) for name in VARIANTS[1:]]


def _swaps(table: AuditTable) -> list[Figure]:
    figures = []
    for end, name in SWAPPED.items():
        part = table.part(name)
        names = [f"{figure}{end}" for figure in ("human_accuracy", "scene_error", "names_neither", "scene_reliance")]
        if not len(part):
            figures += [Figure(metric, None, detail=_why_not(table, name)) for metric in names]
        else:
            swaps = reliance(part.predicted[name], part.truth, backgrounds(table, part))
            values = (swaps.shacc, swaps.sberr, swaps.neither, swaps.reliance)
            why = "the model never names either action"
            figures += [
                Figure(metric, value, len(part), "" if value else why)
                for metric, value in zip(names, values, strict=True)
            ]
        figures.append(_of(
            table, f"scene_error_control{end}", ("self_paste", name),
            lambda part: mean_interval(part.predicted["self_paste"] == backgrounds(table, part)),
        ))  # fmt: skip
    return figures


def _costs(table: AuditTable) -> list[Figure]:
    def lost(part: Part, before: str, after: str) -> Interval:
        return paired_interval(part.right(before)[None], part.right(after)[None])

    pairs = {"scene_cost": ("swap_same", "swap_random"), "cutting_cost": ("original", "self_paste")}
    return [
        _of(table, name, (before, after), partial(lost, before=before, after=after))
        for name, (before, after) in pairs.items()
    ]


def _contrasts(table: AuditTable) -> list[Figure]:
    def share(part: Part, still: str) -> Interval:
        scuba, scufo = (part.predicted[f"{kind}_{still}"] for kind in ("scuba", "scufo"))
        return mean_interval(contrasted(scuba, scufo, part.truth))

    pairs = {still: (f"scuba_{still}", f"scufo_{still}") for still in STILLS}
    return [_of(table, f"contrasted_{still}", pair, partial(share, still=still)) for still, pair in pairs.items()]


def _attention(table: AuditTable) -> list[Figure]:
    why = str(table.facts.get("maps_missing") or "no video has people in the part that the model sees")
    rows = table.original
    known = rows["on_person"].notna() & rows["person_area"].notna()
    if not known.any():
        return [Figure(name, None, detail=why) for name in ("on_person", "person_area")]
    return [Figure(name, mean_interval(rows[name][known]), int(known.sum())) for name in ("on_person", "person_area")]


def _people(table: AuditTable) -> list[Figure]:
    """In how many frames people are known, how much of the picture they cover, and how many videos are left out."""
    names = ("people_known", "people_cover", "people_left_out")
    share, cover = (table.original[name].astype(np.float64) for name in ("people_share", "people_cover"))
    if share.isna().all():
        return [
            Figure(name, None, detail="this audit is from before it was noted how often people are known")
            for name in names
        ]
    some, enough = share > 0, (share > 0) & (share >= table.least_share)
    left_out = Figure(names[2], mean_interval(some & ~enough), int(share.notna().sum()))
    if not enough.any():
        why = "people are known in too few frames of every video" if some.any() else "no video has known people"
        return [*(Figure(name, None, detail=why) for name in names[:2]), left_out]
    return [
        Figure(names[0], mean_interval(share[enough]), int(enough.sum())),
        Figure(names[1], median_interval(cover[enough]), int(enough.sum())),
        left_out,
    ]


def _worst(table: AuditTable, minimum_count: int) -> Figure:
    groups = _groups(table)
    worst = worst_group(groups, minimum_count)
    if worst is None:
        known = "" if table.original["scene"].notna().any() else "the manifest has no column 'scene'; "
        return Figure("worst_group", None, detail=f"{known}no action has {minimum_count} videos in one scene")
    rows = table.part("original", readable=False)
    inside = ((rows.rows["action"] == worst["action"]) & (rows.rows["scene"] == worst["scene"])).to_numpy()
    return Figure("worst_group", mean_interval(rows.right("original")[inside]), int(inside.sum()))


def _groups(table: AuditTable) -> pd.DataFrame:
    part = table.part("original", readable=False)
    return group_accuracy(part.right("original"), part.rows["action"], part.rows["scene"])


def _by(table: AuditTable, column: str) -> pd.DataFrame:
    """A row a value of the column, with the share that is right by variant."""
    whole = table.part("original", readable=False)
    shares = whole.rows.groupby(column, sort=True).size().rename("videos").to_frame()
    for name in table.variants:
        part = table.part(name, readable=name != "original")
        shares[name] = pd.Series(part.right(name)).groupby(part.rows[column].to_numpy()).mean()
    return shares.rename_axis(column).reset_index()


def _pull(table: AuditTable, minimum_count: int) -> Pull | None:
    part = table.part("swap_random")
    if not len(part):
        return None
    known = part.rows["background_scene"].fillna("").to_numpy(str)
    names = known if (known != "").all() else part.rows["background_action"].to_numpy(str)
    return scene_pull(part.predicted["swap_random"], part.truth, names, len(table.actions), minimum_count=minimum_count)


def _missing(table: AuditTable) -> pd.DataFrame:
    rows = table.rows[table.rows["problem"] != ""]
    counted = rows.groupby(["variant", "problem"], sort=False).size().rename("videos").reset_index()
    order = {name: place for place, name in enumerate(VARIANTS)}
    counted = counted.sort_values("variant", key=lambda names: names.map(order), kind="stable")
    return counted.rename(columns={"problem": "reason"}).reset_index(drop=True)


def backgrounds(table: AuditTable, part: Part) -> NDArray[np.int64]:
    """The number of each background's action."""
    number = {action: place for place, action in enumerate(table.actions)}
    return np.array([number[str(action)] for action in part.rows["background_action"]], np.int64)
