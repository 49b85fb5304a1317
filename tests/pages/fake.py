"""A made-up study: runs with synthetic predictions in which the plain model leans on the scene, by a known amount."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.data.tables import write_table
from sceneproof.files import write_json
from sceneproof.run import Run

ACTIONS = ["bend", "jump", "punch", "run", "squat", "wave"]
SCENES = ["beach", "forest", "gym", "kitchen", "office", "pool", "stage", "street"]
CLIP = {"length": 4, "stride": 1, "size": 16, "scales": [1.0]}


class TinyBackbone(Backbone):
    """Colour by place: features (B, 3, T, H / 4, W / 4)."""

    dim, stride = 3, (1, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool3d((1, 4, 4))

    def forward(self, video: Tensor) -> Tensor:
        pooled: Tensor = self.pool(video)
        return pooled


@dataclass(frozen=True)
class Kind:
    """A recipe: its method, and how often its answer is the action, else the scene's favourite."""

    class_path: str
    init_args: dict[str, Any]
    inside: float
    outside: float
    nobody: float = 0.3


PLAIN, SDN = "sceneproof.methods.plain.Plain", "sceneproof.methods.sdn.SDN"
KINDS = {
    "plain": Kind(PLAIN, {}, 0.95, 0.55, 0.7),
    "plain-masked": Kind(PLAIN, {"masked_weight": 1.0}, 0.95, 0.56, 0.8),
    "L_Ent": Kind(SDN, {"scene_weight": 0.0}, 0.95, 0.58),
    "L_Adv": Kind(SDN, {"scene_weight": 1.0, "confusion_weight": 0.0}, 0.95, 0.59, 0.6),
    "L_Adv-hard": Kind(SDN, {"scene_weight": 1.0, "confusion_weight": 0.0, "labels": "hard"}, 0.95, 0.57, 0.6),
    "sdn": Kind(SDN, {}, 0.94, 0.64),
}


def videos(each: int = 5) -> pd.DataFrame:
    """Test videos: an action's own two scenes in context, the others out of context."""
    rows = []
    for number, action in enumerate(ACTIONS):
        for place, scene in enumerate(SCENES):
            home = place in (number, (number + 1) % len(SCENES))
            for clip in range(3 * each if home else each):
                split, context = ("test", "in") if home else ("test_out", "out")
                rows.append((f"{action}-{scene}-{clip}", split, action, scene, context, None))
    return pd.DataFrame(rows, columns=["video", "split", "action", "scene", "context", "group"])


def predictions(rows: pd.DataFrame, kind: Kind, seed: int, missed: tuple[str, ...] = ()) -> pd.DataFrame:
    """The table that `evaluate` writes."""
    generator = np.random.default_rng(seed)
    shared = np.random.default_rng(99).random(len(rows))  # how hard a video is, for every model alike
    table = rows.reset_index(drop=True)
    truth = table["action"].map(ACTIONS.index).to_numpy()
    favourite = np.array([SCENES.index(name) if name in SCENES else 0 for name in table["scene"]]) % len(ACTIONS)
    level = np.where(table["context"] == "in", kind.inside, kind.outside)
    hit = 0.7 * shared + 0.3 * generator.random(len(rows)) < level
    wrong = np.where(favourite == truth, (truth + 1) % len(ACTIONS), favourite)
    table["problem"] = ["no video stream" if video in missed else "" for video in table["video"]]
    scores = sharp(np.where(hit, truth, wrong), 0.8)
    nobody = sharp(favourite, kind.nobody)
    for name, values in (("scores", scores), ("scores_without_humans", nobody), ("features", scores[:, :3])):
        there = zip(table["video"], values, strict=True)
        table[name] = pd.Series([None if video in missed else row for video, row in there], dtype=object)
    return table


def sharp(answers: np.ndarray[Any, Any], share: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Probabilities with `share` on the answer, the rest spread evenly."""
    rest = (1 - share) / (len(ACTIONS) - 1)
    return np.where(np.arange(len(ACTIONS)) == answers[:, None], share, rest).astype(np.float32)


def make_run(
    folder: Path,
    kind: Kind,
    seed: int,
    *,
    rows: pd.DataFrame | None = None,
    missed: tuple[str, ...] = (),
    weights: bool = False,
) -> Path:
    """A run folder as `train` and `evaluate` leave it."""
    rows = videos() if rows is None else rows
    backbone = {"class_path": f"{__name__}.TinyBackbone", "init_args": {}}
    method = {"class_path": kind.class_path, "init_args": kind.init_args}
    config = {"manifest": "world/manifest.parquet", "backbone": backbone, "method": method, "clip": CLIP, "seed": seed}
    run = Run(folder, config, ACTIONS, SCENES)
    run.begin()
    generator = np.random.default_rng(seed)
    for epoch in range(1, 13):
        loss = 1.8 * np.exp(-epoch / 4) + 0.05 * generator.random()
        record = {"epoch": epoch, "step": 10 * epoch, "train/L_CE": loss, "lr/backbone": 1e-3 * (1 - epoch / 13)}
        if kind.class_path == SDN and kind.init_args.get("scene_weight", 0.5):
            record["train/L_Adv"] = 2.1 - 0.3 * np.exp(-epoch / 6)
        if kind.class_path == SDN and kind.init_args.get("confusion_weight", 1.0):
            record["train/L_Ent"] = -1.5 + np.exp(-epoch / 6)
        if kind.init_args.get("masked_weight"):
            record["train/L_CE_masked"] = loss
        run.log({**record, "validation/top1": kind.inside - 0.6 * np.exp(-epoch / 3)})
    table = predictions(rows, kind, seed, missed)
    write_table(folder / "evaluation" / "predictions.parquet", table, "predictions", actions=ACTIONS, run=run.name)
    leakage = {"from_features": 0.6 - 0.2 * (kind.class_path == SDN), "from_action": 0.41, "chance": 1 / len(SCENES)}
    bias = {"accuracy": 0.61, "bias": float(np.log(0.61 * len(ACTIONS)))}
    figures = {
        "run": run.name,
        "splits": {},
        "scene_leakage": {"probe_split": "train", "test": leakage, "test_out": leakage},
        "representation_bias": {"features": "labeller", "chance": 1 / len(ACTIONS), "test": bias},
    }
    write_json(folder / "evaluation" / "metrics.json", figures)
    if weights:
        torch.manual_seed(seed)
        run.save_weights(Run.open(folder).build())  # opened, it knows its task
    return folder


def make_study(folder: Path, *, seeds: int = 3, kinds: dict[str, Kind] | None = None, **options: Any) -> list[Path]:
    """Run folders of every kind and seed, with common test videos."""
    rows = options.pop("rows", videos())
    return [
        make_run(folder / f"{name}-seed{seed}", kind, seed, rows=rows, **options)
        for name, kind in (KINDS if kinds is None else kinds).items()
        for seed in range(seeds)
    ]
