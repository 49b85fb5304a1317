"""Made-up localizers: detections that are right, late, doubled or of the scene's favourite action, by known shares."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.data.tables import write_table
from sceneproof.files import write_json
from sceneproof.run import Run
from tests.pages.fake import ACTIONS, SCENES
from tests.pages.fake import KINDS as CLASSIFIERS
from tests.pages.fake import make_run as make_classifier

SECONDS = 60.0
RC3D = "sceneproof.tasks.localization.rc3d.RC3D"
ACTIONFORMER = "sceneproof.tasks.localization.actionformer.ActionFormer"


@dataclass(frozen=True)
class Kind:
    """A localizer: its class, the classifier that it starts from, and how often it names an action rightly."""

    class_path: str
    start: str
    inside: float
    outside: float
    nms_by_threshold: bool = False


KINDS = {
    "rc3d-from-plain": Kind(RC3D, "plain", 0.8, 0.35, nms_by_threshold=True),
    "rc3d-from-sdn": Kind(RC3D, "sdn", 0.75, 0.6, nms_by_threshold=True),
    "former-from-plain": Kind(ACTIONFORMER, "plain", 0.9, 0.45),
    "former-from-sdn": Kind(ACTIONFORMER, "sdn", 0.9, 0.7),
}


def truth(each: int = 6) -> pd.DataFrame:
    """Videos of 60 seconds with a segment at 5-15 s, 25-32 s and 40-52 s; one a split with none."""
    rows: list[tuple[Any, ...]] = []
    for split, context in (("test", "in"), ("test_out", "out")):
        for number in range(each):
            name, scene = f"{split}_{number:03d}", SCENES[number % len(SCENES)]
            for place, (start, end) in enumerate(((5.0, 15.0), (25.0, 32.0), (40.0, 52.0))):
                action = ACTIONS[(number + place) % len(ACTIONS)]
                rows.append((name, split, context, scene, action, start, end, SECONDS))
        rows.append((f"{split}_none", split, context, SCENES[0], "background", np.nan, np.nan, SECONDS))
    names = ["video", "split", "context", "scene", "action", "start", "end", "duration"]
    return pd.DataFrame(rows, columns=names).assign(problem="")


def detections(there: pd.DataFrame, kind: Kind, seed: int) -> pd.DataFrame:
    """For each segment one detection near it, rightly named or not, its double, and one of nothing."""
    random = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for row in there[there["action"] != "background"].itertuples():
        start, end, action = float(str(row.start)), float(str(row.end)), str(row.action)
        right = random.random() < (kind.inside if row.context == "in" else kind.outside)
        said = action if right else ACTIONS[(ACTIONS.index(action) + 1) % len(ACTIONS)]
        shift = random.uniform(-1.5, 1.5)
        score = random.uniform(0.4, 1)
        rows.append((row.video, row.split, said, start + shift, end + shift, score))
        rows.append((row.video, row.split, said, start + shift + 0.2, end + shift, 0.9 * score))
        rows.append((row.video, row.split, said, 17.0, 22.0, random.uniform(0, 0.5)))
    return pd.DataFrame(rows, columns=["video", "split", "action", "start", "end", "score"])


def make_localizer(
    folder: Path, kind: Kind, seed: int, *, there: pd.DataFrame | None = None, found: pd.DataFrame | None = None,
    starts: Path | None = None,
) -> Path:  # fmt: skip
    """A localizer's run folder as `train` and `evaluate` leave it."""
    there = truth() if there is None else there
    config = {
        "task": "localization",
        "manifest": "world/manifest.parquet",
        "method": {"class_path": kind.class_path, "init_args": {}},
        "weights": str(starts / f"{kind.start}-seed{seed}") if starts is not None else None,
        "seed": seed,
    }
    run = Run(folder, config, ACTIONS, [])
    run.begin()
    for epoch in range(1, 6):
        loss = float(np.exp(-epoch / 3))
        run.log({"epoch": epoch, "step": epoch, "train/classification": loss, "validation/mAP": 0.5 - 0.4 * loss})
    made = detections(there, kind, seed) if found is None else found
    facts: dict[str, Any] = {"actions": ACTIONS, "run": run.name, "nms_by_threshold": kind.nms_by_threshold}
    write_table(folder / "evaluation" / "predictions.parquet", made, "detections", **facts)
    write_table(folder / "evaluation" / "truth.parquet", there, "truth", actions=ACTIONS)
    write_json(folder / "evaluation" / "metrics.json", {"run": run.name, "splits": {}})
    return folder


def make_localizers(
    folder: Path, *, seeds: int = 3, kinds: dict[str, Kind] | None = None, **options: Any
) -> list[Path]:
    """Run folders of every kind and seed, and beside them those of the classifiers that they start from."""
    kinds = KINDS if kinds is None else kinds
    starts = folder / "starts"
    for start in {kind.start for kind in kinds.values()}:
        for seed in range(seeds):
            make_classifier(starts / f"{start}-seed{seed}", CLASSIFIERS[start], seed)
    return [
        make_localizer(folder / f"{name}-seed{seed}", kind, seed, starts=starts, **options)
        for name, kind in kinds.items()
        for seed in range(seeds)
    ]
