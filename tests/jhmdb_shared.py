"""Turns a repack of J-HMDB (160x120 MP4, packed masks, boxes and split 1 as JSON) into a manifest and label tables.

python tests/jhmdb_shared.py SHARED OUT [--validation .15] [--actions 21]: SHARED holds jhmdb/, jhmdb_masks/ and
jhmdb_gt.json. With fewer actions, the first in the alphabet. The split is the official one, and validation films are
held out as `sceneproof index jhmdb` does it.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.data.humans import HumanBoxes, from_masks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.audit import examine
from sceneproof.data.sources.hmdb51 import source_film
from sceneproof.data.sources.listing import hold_out
from sceneproof.data.sources.survey import link, survey
from sceneproof.files import read_json

WIDTH, HEIGHT = 160, 120


def make(shared: Path, out: Path, *, validation: float = 0.15, actions: int = 21, quiet: bool = False) -> Manifest:
    """Writes OUT/manifest.parquet, masks.parquet and boxes.parquet; OUT/videos becomes a link to SHARED/jhmdb."""
    truth = read_json(shared / "jhmdb_gt.json")
    names = sorted({video.split("/")[0] for video in truth})[:actions]
    truth = {video: facts for video, facts in sorted(truth.items()) if video.split("/")[0] in names}
    rows = _rows(truth)
    training = rows[rows["split"] == "train"]
    held = hold_out(training["action"].tolist(), training["group"].tolist(), validation, seed=0)
    rows.loc[training.index[held], "split"] = "validation"
    facts, problems = survey(shared / "jhmdb", rows["path"].tolist(), quiet=quiet)
    rows = pd.concat([rows, facts], axis=1)
    rows["path"] = link(shared / "jhmdb", out) + rows["path"]
    manifest = Manifest(rows, out, str(out / "manifest.parquet"))
    manifest.write(out / "manifest.parquet")
    masks, _ = from_masks(_masks(shared / "jhmdb_masks", names), "J-HMDB puppet masks")
    masks.write(out / "masks.parquet")
    HumanBoxes(_boxes(truth), detector="J-HMDB boxes of gkioxari/ActionTubes").write(out / "boxes.parquet")
    if not quiet:
        print(examine(manifest, "J-HMDB-21, split 1", unreadable=problems).text())
    return manifest


def _rows(truth: dict[str, Any]) -> pd.DataFrame:
    rows = []
    for video, facts in truth.items():
        action, name = video.split("/")
        rows.append((video, f"{video}.mp4", facts["split1"], action, source_film(name, action)))
    return pd.DataFrame(rows, columns=["video", "path", "split", "action", "group"])


def _masks(folder: Path, actions: list[str]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for action in actions:
        with np.load(folder / f"{action}.npz") as clips:
            for name in clips.files:
                yield f"{action}/{name}", np.unpackbits(clips[name], axis=-1).astype(np.bool_)


def _boxes(truth: dict[str, Any]) -> pd.DataFrame:
    rows = [
        (video, frame, (x - 1) / 2, (y - 1) / 2, (x - 1 + width) / 2, (y - 1 + height) / 2, 1.0)
        for video, facts in truth.items()
        for frame, (x, y, width, height) in enumerate(facts["xywh"])
    ]
    return pd.DataFrame(rows, columns=["video", "frame", "x1", "y1", "x2", "y2", "score"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--validation", type=float, default=0.15)
    parser.add_argument("--actions", type=int, default=21)
    make(**vars(parser.parse_args()))
