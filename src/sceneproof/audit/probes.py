"""Figures of an audit that a linear probe is trained for, and those of channels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.audit.table import AuditTable
from sceneproof.data.scenes import SceneTable
from sceneproof.figures import Figure
from sceneproof.metrics.bootstrap import Interval
from sceneproof.metrics.grouped_probe import Probe, grouped_probe
from sceneproof.metrics.representation_bias import representation_bias
from sceneproof.metrics.static_dynamic import static_dynamic

LEAST = 20
"""Videos that a probe is trained on, at least."""


def probe_figures(table: AuditTable, scenes: SceneTable | None) -> list[Figure]:
    """Scene leakage, B_scene, the outline's leak, static and dynamic channels.

    Args:
        table: what the model said.
        scenes: labels of the audited videos; None: the manifest's own scenes, where it has any.
    """
    return [_leakage(table, scenes), _bias(table, scenes), *_outline(table), *_channels(table)]


def _leakage(table: AuditTable, scenes: SceneTable | None) -> Figure:
    rows, features = table.vectors("original")
    if not len(rows):
        return Figure("scene_leakage", None, detail="the model's features cannot be reached")
    return _figure("scene_leakage", _probed(features, _scene_names(rows, scenes), rows))


def _bias(table: AuditTable, scenes: SceneTable | None) -> Figure:
    rows = table.original
    if scenes is not None:
        vectors, labelled = scenes.rows_for([str(video) for video in rows["video"]])
    else:
        names = sorted(set(rows["scene"].dropna()))
        labelled = rows["scene"].notna().to_numpy()
        vectors = (rows["scene"].to_numpy(object)[:, None] == np.array(names, object)[None]).astype(np.float32)
    if not labelled.any():
        return Figure("scene_bias", None, detail="no scene labels: give --scenes TABLE")
    figure = _figure("scene_bias", _probed(vectors[labelled], rows["action"].to_numpy(str)[labelled], rows[labelled]))
    if figure.interval is None:
        return figure
    least = 1 / (figure.n * len(table.actions))  # of no video rightly named, the logarithm would be infinite
    ends = (figure.interval.value, figure.interval.low, figure.interval.high)
    value, low, high = (representation_bias(max(end, least), 1 / len(table.actions)) for end in ends)
    return Figure("scene_bias", Interval(value, low, high), figure.n)


def _outline(table: AuditTable) -> list[Figure]:
    """What the people's outlines give away, and what is left of them where people are taken out."""
    probe = _shape_probe(table, "original")
    leaks = [_figure("outline_leak", probe), _figure("hole_leak", _shape_probe(table, "human_inpainted"))]
    if isinstance(probe, str):
        return [*leaks, Figure("outline_chance", None, detail=probe)]
    commonest = Interval(probe.commonest, probe.commonest, probe.commonest)
    return [*leaks, Figure("outline_chance", commonest, len(probe.labels))]


def _shape_probe(table: AuditTable, variant: str) -> Probe | str:
    rows, outlines = table.vectors(variant, "outline")
    return _probed(outlines, rows["action"].to_numpy(str), rows) if len(rows) else "no people are known"


def _channels(table: AuditTable) -> list[Figure]:
    names = ("static_share", "dynamic_share")
    static, dynamic = _pairs(table, "original", "shuffled"), _pairs(table, "scuba_texture", "scuba_sinusoid")
    if static is None or dynamic is None:
        known = len(table.vectors("original")[0])
        why = "needs the variants shuffled, scuba_texture and scuba_sinusoid" if known else "no features"
        return [Figure(name, None, detail=why) for name in names]
    shares = static_dynamic(static, dynamic)
    return [
        Figure(name, interval, len(static[0]) + len(dynamic[0]))
        for name, interval in zip(names, (shares.static, shares.dynamic), strict=True)
    ]


def _pairs(table: AuditTable, first: str, second: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Features of the videos that have both variants, in one order; None of fewer than two."""
    (rows, features), (others, their_features) = table.vectors(first), table.vectors(second)
    place = {video: row for row, video in enumerate(others["video"])}
    both = [(row, place[video]) for row, video in enumerate(rows["video"]) if video in place]
    if len(both) < 2:
        return None
    mine, theirs = (np.array(side) for side in zip(*both, strict=True))
    return features[mine], their_features[theirs]


def _figure(name: str, probe: Probe | str) -> Figure:
    """A probe's accuracy as a figure, or why there is none."""
    if isinstance(probe, str):
        return Figure(name, None, detail=probe)
    return Figure(name, probe.accuracy, len(probe.labels))


def _probed(features: NDArray[Any], labels: NDArray[np.str_], rows: pd.DataFrame) -> Probe | str:
    """A probe for labels, of which '' is none; or why none can be trained."""
    labelled = labels != ""
    features, labels, rows = features[labelled], labels[labelled], rows[labelled]
    if not len(labels):
        return "no scene labels: give --scenes TABLE, or a column 'scene' in the manifest"
    if len(labels) < LEAST:
        return f"a probe needs {LEAST} labelled videos at least, here are {len(labels)}"
    groups = rows["group"].where(rows["group"].notna(), rows["video"]).to_numpy(str)
    if len(set(groups)) < 2 or len(set(labels)) < 2:
        return "a probe needs two groups of videos and two labels at least"
    return grouped_probe(features, labels, groups)


def _scene_names(rows: pd.DataFrame, scenes: SceneTable | None) -> NDArray[np.str_]:
    """The true scenes, else the most probable labels; '' where unknown."""
    known: Sequence[Any] = rows["scene"].fillna("").tolist()
    if scenes is None or any(known):
        return np.array(known, dtype=np.str_)
    vectors, labelled = scenes.rows_for([str(video) for video in rows["video"]])
    return np.where(labelled, np.array(scenes.names)[vectors.argmax(1)], "")
