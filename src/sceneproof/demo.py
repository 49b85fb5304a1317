"""The demonstration: a small world, a plain model and two that learn otherwise, an audit of two of them, one page."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sceneproof import locks
from sceneproof.audit.command import audit
from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.dataset import ClipSettings
from sceneproof.data.manifest import Manifest
from sceneproof.execution import Row, execute, refuse_torchrun
from sceneproof.labelling.pipeline import label
from sceneproof.labelling.scene_network import SceneNetwork
from sceneproof.labelling.scene_training import train_scene_network
from sceneproof.labelling.scenes import SceneLabelling
from sceneproof.mall.world import World, make_world
from sceneproof.methods import SDN, Facts, Method, PlaceSwap, Plain
from sceneproof.optimisation import Optimisation
from sceneproof.pages.opening import demonstration
from sceneproof.tasks import Classification

PLAIN, BEST = "plain", "PlaceSwap"
"""The two that are audited; `BEST` is the benchmark's best row in this world (docs/benchmark.md)."""
METHODS: dict[str, Callable[[Backbone, Facts], Method]] = {
    BEST: PlaceSwap,
    "SDN": partial(SDN, scene_weight=0.5, masked_batch_statistics=True),
    PLAIN: Plain,
}
"""The longer trainings first, so that the shorter one ends beside them."""
PEOPLE = {BEST: "masks.parquet"}
"""Tables of people: boxes as a detector gives them, but masks for a method that cuts people out."""
AUDITED = 8
"""Test videos of each action, in their usual places, that are audited."""
VARIANTS = ("human_inpainted", "scene_grey", "swap_random", "swap_same", "self_paste", "frozen")
LABELLER_SIZE, LABELLER_EPOCHS = 12, 10
"""Tiny pictures, so that the scene classifier errs: about 9 in 10 right, as sure as it is right, and a linear probe on
its posteriors names the action about 60 % of the time, as Places365 does on UCF-101 (section 3.1 of the paper)."""
WORLD = World(
    train=1200, validation=160, validation_out=0, test=250, test_out=500,
    transfer_train=0, transfer_validation=0, transfer_test=0,
    height=72, width=96, frames=16, pictures=60, test_pictures=20,
)  # fmt: skip
CLIP = ClipSettings(length=8, stride=2, size=64, scales=(1.0, 0.9))
TASK = Classification(clip=CLIP, validation_clips=1)
BACKBONE = partial(ResNet3D, depth=10, width=16, stem_frames=3)
"""The study's network, but for a first convolution over 3 frames: seven would take more than half of a step."""
PRETRAINING = Optimisation(
    epochs=20, batch=16, optimizer="adamw", lr=3e-3, weight_decay=0.05, schedule="cosine", trackers=()
)
STAGE = replace(PRETRAINING, epochs=6, lr=3e-4, warm_up_epochs=1, warm_up_lr=3e-3, keep="last")
"""After the warm-up as many steps as the study's: 375. The last weights: the best on the in-context validation split
may be those of the first epoch, which are the first model's own backbone under every row."""


@locks.alone(locks.out)
def demo(out: Path = Path("demo"), *, seed: int = 0, videos: float = 1.0, epochs: int = PRETRAINING.epochs) -> None:
    """Makes a small world of videos, trains with and without scene debiasing, and writes one page to open.

    Takes up to ten minutes on two cores. Stop it with Ctrl-C and run it again: it goes on where it was.

    Args:
        out: folder for the world, the runs and the page.
        seed: of the training; the world is always the same.
        videos: factor on the number of videos; below 1 it is quicker and says less.
        epochs: passes over the training videos of the first model; the two that start from it get three tenths as many.

    Raises:
        InputError: started by torchrun.
    """
    refuse_torchrun("demo")
    out = Path(out)
    print(
        "Takes up to ten minutes on two cores, most of them in the third step. Ctrl-C stops it; it goes on from there."
    )
    print("1/5  The world: people who do things in places, drawn and written as videos (about two minutes)")
    manifest = make_world(out / "world", WORLD.scaled(videos))
    print("2/5  A scene classifier, trained on the world's empty scenes, labels every video (seconds)")
    scenes = scene_labels(manifest, out)
    print(
        "3/5  A plain model; from it, a plain one, one that is to forget the place (SDN) and one that sees people in "
        "other places (PlaceSwap); all tested (about six minutes)"
    )
    rows = demo_rows(out, scenes, seed=seed, epochs=epochs)
    execute(rows[:1])
    execute(rows[1:], jobs=min(len(METHODS), os.cpu_count() or 1))  # small models: a core each beats all cores for one
    print("4/5  An audit of the plain model and of the best one: what is left without people, and in other places")
    audits = {name: audited(out, out / "runs" / name) for name in (PLAIN, BEST)}
    print("5/5  The page (seconds)")
    page, world = out / "report.html", out / "world"
    tested = [row.folder for row in reversed(rows[1:])]
    begin = demonstration(
        tested, page, manifest=world / "manifest.parquet", humans=world / "boxes.parquet", audits=audits, debiased=BEST
    )
    print(f"\n{begin.sentences[0]}\n\nOpen {page.resolve()}")


def demo_rows(
    out: Path, scenes: Path, *, seed: int, epochs: int = PRETRAINING.epochs, suffix: str = ""
) -> Sequence[Row]:
    """The first model, and those that start from it, in the paper's stages.

    Args:
        out: holds the world; the runs go there.
        scenes: table of scene labels.
        seed: of the training.
        epochs: of the first model.
        suffix: put behind the runs' names.
    """
    tables = {
        "manifest": out / "world" / "manifest.parquet", "scenes": scenes, "humans": out / "world" / "boxes.parquet",
    }  # fmt: skip
    testing = {"manifest": tables["manifest"], "splits": ("test", "test_out"), "clips": 1}

    def row(
        name: str,
        method: Callable[[Backbone, Facts], Method],
        settings: Optimisation,
        start: Path | None,
        test: dict[str, object] | None,
    ) -> Row:
        folder = out / "runs" / f"{name}{suffix}"
        people = {"humans": out / "world" / PEOPLE[name]} if name in PEOPLE else {}
        training = {
            **tables, **people, "out": folder, "seed": seed, "method": method, "weights": start, "memory": True,
            "backbone": BACKBONE, "task": TASK, "optimisation": settings,
        }  # fmt: skip
        return Row(folder, training, test)

    first = row("pretrained", Plain, replace(PRETRAINING, epochs=epochs), None, None)
    share = epochs / PRETRAINING.epochs
    warm_up = int(STAGE.warm_up_epochs * min(share, 1))
    stage = replace(STAGE, epochs=max(round(STAGE.epochs * share), 1), warm_up_epochs=warm_up)
    return [first, *(row(name, method, stage, first.folder, testing) for name, method in METHODS.items())]


def audited(out: Path, run: Path) -> Path:
    """Audits a run on a few of the test videos in their usual places; returns the audit's folder."""
    world, folder = out / "world", out / f"audit-{run.name}"
    table = Manifest.read(world / "manifest.parquet").split("test")
    few = table.rows.groupby("action", sort=False).head(AUDITED)
    Manifest(few.reset_index(drop=True), world).write(world / "audited.parquet")
    audit(
        str(run), world / "audited.parquet", folder, humans=world / "masks.parquet", splits=("test",),
        variants=VARIANTS, title=run.name, shown=3,
    )  # fmt: skip
    return folder


def scene_labels(manifest: Manifest, out: Path) -> Path:
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
        )
    if not table.exists():
        label(manifest, SceneLabelling(SceneNetwork(weights)), table)
    return table
