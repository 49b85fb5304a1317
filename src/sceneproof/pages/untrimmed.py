"""A few untrimmed test videos: what there was, and below it what each model found."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from markupsafe import Markup

from sceneproof.addresses import Address, Place
from sceneproof.data.manifest import Manifest
from sceneproof.data.sample import in_turn
from sceneproof.data.segments import untrimmed
from sceneproof.data.video import VideoError, decode, probe
from sceneproof.errors import InputError
from sceneproof.pages.kit import Card, Chart, Picture
from sceneproof.pages.pictures import still
from sceneproof.pages.timeline import TimeLine, timeline_svg
from sceneproof.studies.localization import LocalizationStudy, Recipe, segments_of
from sceneproof.studies.localization_measures import suppressed
from sceneproof.tasks.localization.scoring import detections

STILLS, SHORT_SIDE = 8, 96
SUREST = 20
"""Detections in a drawing: localizers give hundreds, most of them with scores near 0."""
ROWS = 6  # actions in a drawing: the true ones, then the surest


def shown_videos(
    study: LocalizationStudy, manifest: Address | None, *, root: Address | None = None, videos: int = 4
) -> list[Card]:
    """Videos drawn at random from the slice that matters most, the scenes in turn; without a manifest without frames.

    Raises:
        InputError: the manifest does not hold the tested videos.
    """
    part = study.slices[study.last]
    part = segments_of(part[(part["problem"] == "") & np.isfinite(part["duration"])])
    table = part.drop_duplicates("video")
    scenes = table["scene"].fillna("").to_numpy(dtype=object)
    chosen = in_turn(np.arange(len(table)), scenes, videos)
    paths: Mapping[str, Place] = {}
    if manifest is not None:
        paths = {video.name: video.path for video in untrimmed(Manifest.read(manifest, root))}
        if chosen and not any(table["video"].iat[row] in paths for row in chosen):
            raise InputError(f"{manifest}: none of the tested videos is in this manifest: is it of another data set?")
    shown = []
    for place, row in enumerate(chosen):
        name, length = str(table["video"].iat[row]), float(table["duration"].to_numpy(np.float64)[row])
        lines = [
            Chart(_line(study, recipe, part[part["video"] == name], length, f"line-{place}-{number}"), "", recipe.name)
            for number, recipe in enumerate(study.models())
        ]
        stills = _stills(paths[name]) if name in paths else []
        shown.append(Card(name, [f"in {scenes[row]}"] if scenes[row] else [], stills, charts=lines))
    return shown


def _line(study: LocalizationStudy, recipe: Recipe, true: pd.DataFrame, length: float, name: str) -> Markup:
    """The time line of what the recipe's first run found."""
    run, video = recipe.tested[0], str(true["video"].iat[0])
    found = run.found[run.found["video"] == video].reset_index(drop=True)
    if run.nms_by_threshold and len(found):
        left = suppressed(detections(found, [video], study.actions), len(study.actions))
        times = pd.DataFrame(left.times, columns=["start", "end"])
        found = times.assign(action=[study.actions[number] for number in left.action], score=left.score)
    found = found.sort_values("score", ascending=False, kind="stable").head(SUREST)
    text = f"Time line of {video}: what there was, and what {recipe.name} found"
    return timeline_svg(TimeLine(length, found, true, ROWS), name, text)


def _stills(path: Place) -> list[Picture]:
    """What is shown at evenly spaced times; none where the video cannot be read any more: no figure needs them."""
    try:
        info = probe(path)
        shown = np.asarray((np.arange(STILLS) + 0.5) * (info.clock.end / STILLS), np.float64)
        frames = decode(path, info.clock.shown_at(shown), short_side=SHORT_SIDE)
    except VideoError:
        return []
    return [still(f"at {seconds:.0f} s", frame) for frame, seconds in zip(frames, shown, strict=True)]
