"""The demonstration: a small world, four models, one page."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from sceneproof.backbones import ResNet3D
from sceneproof.data.dataset import ClipSettings
from sceneproof.data.manifest import Manifest
from sceneproof.labelling.scene_network import SceneNetwork
from sceneproof.labelling.scene_training import train_scene_network
from sceneproof.labelling.scenes import label_scenes
from sceneproof.mall.world import World, make_world
from sceneproof.methods import SDN, Plain
from sceneproof.optimisation import Optimisation
from sceneproof.report import report
from sceneproof.study import Row, execute

METHODS = {
    "plain": Plain,
    "L_Ent": partial(SDN, scene_weight=0.0),
    "L_Adv": partial(SDN, scene_weight=1.0, confusion_weight=0.0),
    "both": partial(SDN, scene_weight=0.5),
}
LABELLER_SIZE, LABELLER_EPOCHS = 12, 10
"""Tiny pictures, so that the scene classifier errs: about 9 in 10 right, as sure as it is right, and a linear probe on
its posteriors names the action about 60 % of the time, as Places365 does on UCF-101 (section 3.1 of the paper)."""
WORLD = World(
    train=800, validation=160, validation_out=0, test=200, test_out=400,
    transfer_train=0, transfer_validation=0, transfer_test=0,
    height=72, width=96, frames=16, pictures=40, test_pictures=10,
)  # fmt: skip
CLIP = ClipSettings(length=8, stride=2, size=64, scales=(1.0, 0.85, 0.7))
OPTIMISATION = Optimisation(epochs=12, batch=32, optimizer="adamw", lr=2e-3, weight_decay=0.05, schedule="cosine")


def demo(out: Path = Path("demo"), *, seed: int = 0, videos: float = 1.0, epochs: int = OPTIMISATION.epochs) -> None:
    """Makes a small world of videos, trains with and without scene debiasing, and writes one page to open.

    Takes about ten minutes on two cores. Stop it with Ctrl-C and run it again: it goes on where it was.

    Args:
        out: folder for the world, the runs and the page.
        seed: of the world and of the training.
        videos: factor on the number of videos; below 1 it is quicker and says less.
        epochs: passes over the training videos.
    """
    out = Path(out)
    print("1/4  The world: people who do things in places, drawn and written as videos")
    manifest = make_world(out / "world", replace(WORLD.scaled(videos), seed=seed))
    print("2/4  A scene classifier, trained on the world's empty scenes, labels every video")
    scenes = _scene_labels(manifest, out, seed)
    print("3/4  One model trained plainly, three that are to forget the scene; each tested in and out of context")
    humans = out / "world" / "boxes.parquet"
    testing = {
        "manifest": out / "world" / "manifest.parquet",
        "splits": ("test", "test_out"),
        "clips": 2,
        "humans": humans,
        "scenes": scenes,
        "probe_split": "train",
    }
    rows = []
    for name, method in METHODS.items():
        training = {
            "manifest": testing["manifest"], "out": out / "runs" / name, "seed": seed, "method": method,
            "backbone": partial(ResNet3D, depth=10, width=16), "scenes": scenes, "humans": humans,
            "clip": CLIP, "optimisation": replace(OPTIMISATION, epochs=epochs), "validation_clips": 1, "memory": True,
        }  # fmt: skip
        rows.append(Row(out / "runs" / name, training, testing))
    execute(rows)
    print("4/4  The page")
    page = report(
        [row.folder for row in rows], out / "report.html", manifest=out / "world" / "manifest.parquet", humans=humans
    )
    print(f"\nOpen {page.resolve()}")


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
        label_scenes(manifest, SceneNetwork.load(weights), table)
    return table
