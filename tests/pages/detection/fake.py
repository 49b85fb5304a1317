"""Made-up detectors: boxes and tubes that are right, late, elsewhere or of another action, by known shares."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.data.tables import write_table
from sceneproof.files import write_json
from sceneproof.run import Run
from sceneproof.tasks.detection.detecting import DetectedBoxes
from sceneproof.tasks.detection.scoring import BOXES, NOTHING, TRUTH, TUBES
from tests.pages.fake import ACTIONS, SCENES
from tests.pages.fake import KINDS as CLASSIFIERS
from tests.pages.fake import make_run as make_classifier

FIRST, LENGTH, SIDE = 2, 6, 20
"""The frames in which somebody acts, and how wide a person is."""
CORNERS = ["x1", "y1", "x2", "y2"]
AFTER = dict(zip(ACTIONS, [*ACTIONS[1:], ACTIONS[0]], strict=True))
"""The action that another one is taken for."""
SSD = "sceneproof.tasks.detection.ssd.SSD"
MOC = "sceneproof.tasks.detection.moc.MOC"


@dataclass(frozen=True)
class Kind:
    """A detector: its class, the classifier that it starts from, and how many people it gets right.

    Attributes:
        class_path: of the network.
        start: a kind of classifier.
        inside: the share of people in context whose action it names rightly.
        outside: of those out of context.
        late: the share of people whom it finds half their time too late.
        astray: the share of people whom it finds elsewhere.
        shaky: by how many pixels its boxes are off at most.
    """

    class_path: str
    start: str
    inside: float
    outside: float
    late: float = 0.0
    astray: float = 0.0
    shaky: float = 0.0


PERFECT, BLIND = Kind(SSD, "sdn", 1, 1), Kind(SSD, "plain", 0, 0)
KINDS = {
    "ssd-from-plain": Kind(SSD, "plain", 0.9, 0.35, late=0.15, astray=0.15, shaky=7),
    "ssd-from-sdn": Kind(SSD, "sdn", 0.85, 0.75, late=0.15, astray=0.15, shaky=7),
    "moc-from-plain": Kind(MOC, "plain", 0.95, 0.5, late=0.1, shaky=4),
    "moc-from-sdn": Kind(MOC, "sdn", 0.9, 0.8, late=0.1, shaky=4),
}


def truth(each: int = 6, *, pairs: bool = True) -> pd.DataFrame:
    """Videos in which somebody walks to the right, in every third with `pairs` two people; one a split with nobody."""
    rows: list[tuple[Any, ...]] = []
    for split, context in (("test", "in"), ("test_out", "out")):
        for number in range(each):
            name, scene = f"{split}_{number:03d}", SCENES[number % len(SCENES)]
            for track in range(1 + (pairs and number % 3 == 0)):
                action = ACTIONS[(number + track) % len(ACTIONS)]
                for frame in range(FIRST, FIRST + LENGTH):
                    x, y = 2.0 * frame, 30.0 * track
                    rows.append((name, split, context, scene, action, track, frame, x, y, x + SIDE, y + SIDE))
        rows.append((f"{split}_none", split, context, SCENES[0], NOTHING, 0, -1, *[np.nan] * 4))
    return pd.DataFrame(rows, columns=list(TRUTH)).assign(problem="")


def people(there: pd.DataFrame) -> pd.DataFrame:
    """The rows of the truth that are boxes."""
    return there[there["action"] != NOTHING]


def detections(there: pd.DataFrame, kind: Kind, seed: int) -> DetectedBoxes:
    """A tube for each person, right or wrong by the kind's shares, and a weak one of nothing."""
    random = np.random.default_rng(seed)
    parts = []
    for _, one in people(there).groupby(["video", "track"], sort=False):
        named = random.random() < (kind.inside if one["context"].iat[0] == "in" else kind.outside)
        late, astray = random.random() < kind.late, random.random() < kind.astray
        made = one if named else one.assign(action=one["action"].map(AFTER))
        made = made.assign(frame=made["frame"] + (LENGTH // 2 if late else 0))
        made = elsewhere(made, 15.0 if astray else random.uniform(0, kind.shaky))
        parts.append(made.assign(score=random.uniform(0.4, 1)))
        nothing = elsewhere(one, 60.0).assign(action=ACTIONS[random.integers(len(ACTIONS))])
        parts.append(nothing.assign(score=random.uniform(0, 0.3), track=one["track"] + 10))
    return found(pd.concat(parts, ignore_index=True))


def elsewhere(rows: pd.DataFrame, far: float) -> pd.DataFrame:
    """The same boxes, so far to the right: with 15 of 20 pixels they overlap what they were by a seventh."""
    return rows.assign(x1=rows["x1"] + far, x2=rows["x2"] + far)


def found(rows: pd.DataFrame) -> DetectedBoxes:
    """Boxes, and a tube of those of a track, as a detector has found them: rows of the truth with a score."""
    rows = rows.reset_index(drop=True)
    tubes = rows.assign(tube=rows["track"], frame_score=rows["score"])
    return DetectedBoxes(rows[list(BOXES)], tubes[list(TUBES)], {})


def exact(there: pd.DataFrame, *, wrong: bool = False, score: float = 0.9) -> DetectedBoxes:
    """Everybody as they are, or named as the next action."""
    rows = people(there).assign(score=score)
    return found(rows.assign(action=rows["action"].map(AFTER)) if wrong else rows)


def make_detector(
    folder: Path, kind: Kind, seed: int, *, there: pd.DataFrame | None = None, made: DetectedBoxes | None = None,
    starts: Path | None = None,
) -> Path:  # fmt: skip
    """A detector's run folder as `train` and `evaluate` leave it."""
    there = truth() if there is None else there
    config = {
        "task": "detection",
        "manifest": "world/manifest.parquet",
        "method": {"class_path": kind.class_path, "init_args": {}},
        "weights": str(starts / f"{kind.start}-seed{seed}") if starts is not None else None,
        "seed": seed,
    }
    run = Run(folder, config, ACTIONS, [])
    run.begin()
    for epoch in range(1, 6):
        loss = float(np.exp(-epoch / 3))
        run.log({"epoch": epoch, "step": epoch, "train/class": loss, "validation/frame-mAP": 0.5 - 0.4 * loss})
    made = detections(there, kind, seed) if made is None else made
    tested = folder / "evaluation"
    write_table(tested / "predictions.parquet", made.boxes, "found boxes", actions=ACTIONS, run=run.name)
    write_table(tested / "tubes.parquet", made.tubes, "found tubes", actions=ACTIONS, run=run.name)
    write_table(tested / "truth.parquet", there, "true boxes", actions=ACTIONS)
    write_json(tested / "metrics.json", {"run": run.name, "splits": {}})
    return folder


def make_detectors(folder: Path, *, seeds: int = 3, kinds: dict[str, Kind] | None = None, **options: Any) -> list[Path]:
    """Run folders of every kind and seed, and beside them those of the classifiers that they start from."""
    kinds = KINDS if kinds is None else kinds
    starts = folder / "starts"
    for start in {kind.start for kind in kinds.values()}:
        for seed in range(seeds):
            make_classifier(starts / f"{start}-seed{seed}", CLASSIFIERS[start], seed)
    return [
        make_detector(folder / f"{name}-seed{seed}", kind, seed, starts=starts, **options)
        for name, kind in kinds.items()
        for seed in range(seeds)
    ]
