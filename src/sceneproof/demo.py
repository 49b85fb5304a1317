"""The demonstration: a small world, four models, one page."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from sceneproof import locks
from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.dataset import ClipSettings
from sceneproof.data.manifest import Manifest
from sceneproof.execution import Row, execute, refuse_torchrun
from sceneproof.labelling.scene_network import SceneNetwork
from sceneproof.labelling.scene_training import train_scene_network
from sceneproof.labelling.scenes import label_scenes
from sceneproof.mall.world import World, make_world
from sceneproof.methods import SDN, Method, Plain
from sceneproof.optimisation import Optimisation
from sceneproof.report.page import report

METHODS: dict[str, Callable[[Backbone, int, int], Method]] = {
    "plain": Plain,
    "L_Ent": partial(SDN, scene_weight=0.0),
    "L_Adv": partial(SDN, scene_weight=1.0, confusion_weight=0.0),
    "both": partial(SDN, scene_weight=0.5),
}
LABELLER_SIZE, LABELLER_EPOCHS = 12, 10
"""Tiny pictures, so that the scene classifier errs: about 9 in 10 right, as sure as it is right, and a linear probe on
its posteriors names the action about 60 % of the time, as Places365 does on UCF-101 (section 3.1 of the paper)."""
WORLD = World(
    train=1200, validation=160, validation_out=0, test=250, test_out=500,
    transfer_train=0, transfer_validation=0, transfer_test=0,
    height=72, width=96, frames=16, pictures=60, test_pictures=20,
)  # fmt: skip
CLIP = ClipSettings(length=8, stride=2, size=64, scales=(1.0, 0.9))
PRETRAINING = Optimisation(epochs=6, batch=16, optimizer="adamw", lr=3e-3, weight_decay=0.05, schedule="cosine")
STAGE = replace(PRETRAINING, epochs=3, lr=3e-4, warm_up_epochs=1, warm_up_lr=3e-3, keep="last")
"""The last weights: the best on the in-context validation split may be those of the first epoch, which are the first
model's own backbone under every row."""


@locks.alone(locks.out)
def demo(out: Path = Path("demo"), *, seed: int = 0, videos: float = 1.0, epochs: int = PRETRAINING.epochs) -> None:
    """Makes a small world of videos, trains with and without scene debiasing, and writes one page to open.

    Takes about thirteen minutes on two cores. Stop it with Ctrl-C and run it again: it goes on where it was.

    Args:
        out: folder for the world, the runs and the page.
        seed: of the world and of the training.
        videos: factor on the number of videos; below 1 it is quicker and says less.
        epochs: passes over the training videos of the first model; the four that start from it get half as many.

    Raises:
        InputError: started by torchrun.
    """
    refuse_torchrun("demo")
    out = Path(out)
    print("1/4  The world: people who do things in places, drawn and written as videos")
    manifest = make_world(out / "world", replace(WORLD.scaled(videos), seed=seed))
    print("2/4  A scene classifier, trained on the world's empty scenes, labels every video")
    scenes = _scene_labels(manifest, out, seed)
    print(
        "3/4  A plain model; from it, a plain one and three that are to forget the scene; tested in and out of context"
    )
    rows = _rows(out, scenes, seed, epochs)
    execute(rows[:1])
    execute(rows[1:], jobs=min(len(METHODS), os.cpu_count() or 1))  # small models: a core each beats all cores for one
    print("4/4  The page")
    world = out / "world"
    page = report(
        [row.folder for row in rows[1:]],
        out / "report.html",
        manifest=world / "manifest.parquet",
        humans=world / "boxes.parquet",
    )
    print(f"\nOpen {page.resolve()}")


def _rows(out: Path, scenes: Path, seed: int, epochs: int) -> list[Row]:
    """The first model, and those that start from it, in the paper's stages."""
    tables = {
        "manifest": out / "world" / "manifest.parquet", "scenes": scenes, "humans": out / "world" / "boxes.parquet",
    }  # fmt: skip
    testing = {**tables, "splits": ("test", "test_out"), "clips": 1, "probe_split": "train"}

    def row(
        name: str, method: Callable[[Backbone, int, int], Method], settings: Optimisation, start: Path | None
    ) -> Row:
        training = {
            **tables, "out": out / "runs" / name, "seed": seed, "method": method, "weights": start, "memory": True,
            "backbone": partial(ResNet3D, depth=10, width=16), "clip": CLIP, "optimisation": settings,
            "validation_clips": 1,
        }  # fmt: skip
        return Row(out / "runs" / name, training, testing)

    first = row("pretrained", Plain, replace(PRETRAINING, epochs=epochs), None)
    stage = replace(STAGE, epochs=max(epochs // 2, 1), warm_up_epochs=min(STAGE.warm_up_epochs, epochs // 4))
    return [first, *(row(name, method, stage, first.folder) for name, method in METHODS.items())]


def _scene_labels(manifest: Manifest, out: Path, seed: int) -> Path:
    """The world's Places365: predicted, soft and imperfect scene labels, as in the paper, not the truth."""
    table, weights = out / "scenes.parquet", out / "scene-network.safetensors"
    pictures = out / "world" / "scenes"
    if not weights.exists():
        train_scene_network(
            pictures / "train",
            weights,
            held_out=pictures / "test",
            size=LABELLER_SIZE,
            epochs=LABELLER_EPOCHS,
            seed=seed,
        )
    if not table.exists():
        label_scenes(manifest, SceneNetwork(weights), table)
    return table
