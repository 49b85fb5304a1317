"""Figures of labels, over all clips and by action. A figure that is not known is None."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.data.humans import COVERAGE
from sceneproof.labelling.check.people import PeopleFigures
from sceneproof.labelling.check.scenes import Scenes
from sceneproof.labelling.check.tables import LabelledClips

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Figures = dict[str, Any]


def by_clip(clips: LabelledClips, people: PeopleFigures | None, scenes: Scenes | None) -> pd.DataFrame:
    """One row a clip; the columns of a table that is not there are left out.

    Returns:
        video, action, length (frames; 0: unknown). Of people: failed, looked (its frames are known and it did not
        fail), with_person (frames), share (of its frames; NaN where not looked at), passes (the 70 % rule), found
        (boxes or masks), boxes (NaN for masks), tracks, area (summed over boxes). Of scenes: labelled, entropy (nats),
        top (a scene's name), indoor (probability).
    """
    rows = pd.DataFrame({"video": clips.videos.to_numpy(object), "action": clips.actions, "length": clips.length})
    if people is not None:
        rows["failed"] = rows.index.isin(list(people.failures))
        rows["looked"] = (rows["length"] > 0) & ~rows["failed"]
        rows["with_person"], rows["found"], rows["area"] = people.frames, people.detections, people.area
        rows["boxes"] = people.detections if people.table.kind == "boxes" else np.nan
        rows["share"] = (rows["with_person"] / rows["length"].clip(lower=1)).where(rows["looked"])
        rows["passes"] = rows["looked"] & (rows["share"] >= COVERAGE)
        if people.tracks is not None:
            rows["tracks"] = people.tracks
    if scenes is not None:
        rows["labelled"], rows["entropy"] = scenes.labelled, scenes.entropy
        rows["top"] = pd.Series(np.array(scenes.names, object)[scenes.top[:, 0]]).where(scenes.labelled)
        rows["indoor"] = np.nan if scenes.indoor is None else scenes.indoor
    return rows


def figures(rows: pd.DataFrame, scenes: int) -> Figures:
    """The figures of some clips, as rows of `by_clip`; `scenes` is how many scenes the labels name."""
    by_kind: Figures = {"videos": len(rows)}
    if "looked" in rows:
        by_kind["people"] = _of_people(rows)
    if "labelled" in rows:
        by_kind["scenes"] = _of_scenes(rows, scenes)
    return by_kind


def by_action(rows: pd.DataFrame, scenes: int) -> dict[str, Figures]:
    """The figures of each action, in the alphabet's order."""
    return {str(action): figures(own, scenes) for action, own in rows.groupby("action", sort=True)}


def _of_people(rows: pd.DataFrame) -> Figures:
    looked = rows[rows["looked"]]
    nobody = (rows["found"] == 0) & ~rows["failed"]
    return {
        "videos_counted": len(looked),
        "videos_that_failed": int(rows["failed"].sum()),
        "videos_without_a_person": int(nobody.sum()),
        "frames_with_a_person": _ratio(looked["with_person"].sum(), looked["length"].sum()),
        "videos_that_pass": _ratio(looked["passes"].sum(), len(looked)),
        "boxes_in_a_frame_with_a_person": _ratio(
            looked["boxes"].sum(), looked.loc[looked["boxes"].notna(), "with_person"].sum()
        ),
        "tracks_in_a_video": _mean(looked["tracks"]) if "tracks" in rows else None,
        "picture_covered_by_a_box": _ratio(
            rows.loc[rows["area"].notna(), "area"].sum(), rows.loc[rows["area"].notna(), "found"].sum()
        ),
    }


def _of_scenes(rows: pd.DataFrame, scenes: int) -> Figures:
    labelled = rows[rows["labelled"]]
    entropy = labelled["entropy"]
    most = math.log(scenes)
    counts = labelled["top"].value_counts()
    names = sorted(counts.index, key=lambda name: (-counts[name], name))[:1]
    indoors = labelled["indoor"].dropna()
    return {
        "videos_labelled": len(labelled),
        "videos_without_a_label": len(rows) - len(labelled),
        "entropy": _mean(entropy),
        "entropy_share": _ratio(_mean(entropy), most),
        "entropy_quantiles": {f"{q:g}": float(entropy.quantile(q)) for q in QUANTILES} if len(entropy) else None,
        "top_scene": str(names[0]) if names else None,
        "top_scene_share": _ratio(counts[names[0]], len(labelled)) if names else None,
        "indoors": _mean(indoors > 0.5),
    }


def top_scenes(rows: pd.DataFrame, scenes: Scenes) -> list[Figures]:
    """The scenes that are some clip's likeliest, the most frequent first, with the mean probability over all clips."""
    counts = rows.loc[rows["labelled"], "top"].value_counts()
    mean = dict(zip(scenes.names, scenes.mean.tolist(), strict=True))
    order = sorted(counts.index, key=lambda name: (-counts[name], name))
    return [
        {"scene": str(name), "videos": int(counts[name]), "share": float(counts[name] / counts.sum()),
         "mean": mean[name]}
        for name in order
    ]  # fmt: skip


def _mean(values: "pd.Series[Any]") -> float | None:
    return float(values.mean()) if len(values) else None


def _ratio(part: float | None, whole: float) -> float | None:
    return float(part) / float(whole) if part is not None and whole > 0 else None
