"""Clips of an audit's page, with all of their variants side by side."""

from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.audit.figures import WORDS
from sceneproof.audit.scoring import Scorer
from sceneproof.audit.subject import Pixels
from sceneproof.audit.table import AuditTable
from sceneproof.contexts.footage import Footage
from sceneproof.contexts.variants import Impossible
from sceneproof.data.clips import Frames
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.report.audit.lit import lit_clip
from sceneproof.report.cells import percent
from sceneproof.report.pictures import Picture, picture
from sceneproof.report.sample import in_turn

WIDTH = 176
"""Pixels: how wide a picture is."""
RATE, MOST = 12.5, 16
"""Frames a second where the manifest gives none; and frames of a picture at most."""


@dataclass(frozen=True)
class ShownClip:
    """A clip with one picture a variant."""

    video: str
    action: str
    scene: str
    pictures: list[Picture]


def show(table: AuditTable, scorer: Scorer, manifest: Manifest, count: int, *, seed: int = 0) -> list[ShownClip]:
    """Clips drawn at random, the actions in turn, of those with the most variants.

    Args:
        table: what the model said of them.
        scorer: makes the variants anew, the same ones.
        manifest: for their rates.
        count: how many.
        seed: another one draws other clips.
    """
    made = table.rows[table.rows["problem"] == ""].groupby("video", sort=False).size()
    original = table.original
    variants = original["video"].map(made).fillna(0).to_numpy()
    fullest = np.flatnonzero((variants == variants.max()) & (original["problem"] == "").to_numpy())
    chosen = in_turn(fullest, original["action"].to_numpy(), count, seed=seed)
    rates = dict(zip(manifest.rows["video"], manifest.rows.get("rate", [np.nan] * len(manifest)), strict=True))
    clips = []
    for row in chosen:
        video = str(original["video"].iat[row])
        try:
            footage = scorer.variants.read(video)
        except (VideoError, InputError):
            continue  # gone since: the pictures are a sample, no figure needs them
        pictures = _pictures(table, scorer, footage, _rate(rates[video]))
        scene = original["scene"].iat[row]
        clips.append(
            ShownClip(video, str(original["action"].iat[row]), scene if isinstance(scene, str) else "", pictures)
        )
    return clips


def _pictures(table: AuditTable, scorer: Scorer, footage: Footage, rate: float) -> list[Picture]:
    rows = table.rows[table.rows["video"] == footage.video].set_index("variant")
    wanted = scorer.subject.sampling.clips(len(footage.frames), scorer.clips)
    middle = wanted[len(wanted) // 2]
    step = max(1, -(-len(middle) // MOST))
    pictures = []
    for name, made in scorer.variants.of(footage, [middle]).each(scorer.names):
        if isinstance(made, Impossible) or name not in rows.index:
            continue
        said, share, right = _said(table, rows.loc[[name]])
        words = WORDS[name].capitalize()
        share_text = f"behind: {made.background_action}" if name.startswith("swap_") else ""
        pictures.append(picture(
            words, _small(made.clips[0][::step]), rate / step, f"{footage.video}: {WORDS[name]}",
            answer=f"{said}, {percent(share, 0)}", right=right, share=share_text,
        ))  # fmt: skip
        if name == "original" and scorer.maps:
            pictures.append(_map(scorer, footage, made.clips[0], rows.loc[["original"]], middle, rate, step))
    return pictures


def _said(table: AuditTable, row: pd.DataFrame) -> tuple[str, float, bool]:
    """The class that is named, how surely, and whether it is the person's action."""
    scores = np.asarray(row["scores"].iat[0])
    named = int(scores.argmax())
    number = int(table.predicted(row)[0])
    right = number >= 0 and table.actions[number] == row["action"].iat[0]
    return table.actions[number] if number >= 0 else str(table.classes[named]), float(scores[named]), right


def _map(
    scorer: Scorer, footage: Footage, clip: Pixels, row: pd.DataFrame, numbers: Frames, rate: float, step: int
) -> Picture:
    named = int(np.asarray(row["scores"].iat[0]).argmax())
    maps = scorer.subject.maps(clip[None], np.array([named]))
    drawn = _small(lit_clip(clip, maps, None if footage.people is None else footage.people[numbers]))
    on_person = float(row["on_person"].to_numpy(np.float64)[0])
    share = "" if np.isnan(on_person) else f"{percent(on_person, 0)} on the person"
    text = f"{footage.video}: where the evidence for {scorer.subject.actions[named]} is"
    return picture("Where it looks", drawn[::step], rate / step, text, share=share)


def _small(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height = max(1, round(frames.shape[1] * WIDTH / frames.shape[2]))
    return np.stack([cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_AREA) for frame in frames]).astype(
        np.uint8
    )


def _rate(rate: object) -> float:
    return float(rate) if isinstance(rate, int | float) and rate > 0 else RATE
