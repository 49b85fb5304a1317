"""A method of one's own, from its equation to its figures: unsure of clips that do not move.

    L = L_CE - weight * H(p(still)),    still: one frame of the clip, shown as long as the clip

Where an action is told from its place, a still picture is enough to be sure; this method unlearns to be. Trains it and
plain training on a small made-up world, tests both in and out of context, and prints what it found:

    python examples/own_method.py OUT

On the command line the same is: sceneproof train MANIFEST RUN --method examples.own_method.Unmoved --method.weight 0.5
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import Tensor

from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.dataset import ClipSettings
from sceneproof.evaluate import evaluate
from sceneproof.mall.world import World, make_world
from sceneproof.methods import Facts, Method, Plain
from sceneproof.methods.terms import entropy
from sceneproof.optimisation import Optimisation
from sceneproof.tasks import Classification
from sceneproof.train import train
from sceneproof.types import Batch


class Unmoved(Method):
    """Cross entropy on the action, less the entropy of the answer on still clips."""

    def __init__(self, backbone: Backbone, facts: Facts, *, weight: float = 1.0) -> None:
        """`weight`: of the entropy. Everything after the star is an option of the command line, too."""
        super().__init__(backbone, facts)
        self.weight = weight

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The terms, as they are minimised: the entropy's mean is over all processes' clips, and its sign is minus."""
        losses = super().losses(batch)  # L_CE
        assert batch.video is not None
        middle = batch.video.shape[2] // 2
        still = batch.video[:, :, middle : middle + 1].expand_as(batch.video)
        losses["L_Still"] = -self.weight * batch.mean(entropy(self.scores(still)))
        return losses


def main(out: Path, videos: float, epochs: int) -> None:
    """Makes the world, trains both and prints their accuracy, in per cent."""
    make_world(out / "world", World(height=72, width=96, frames=16, pictures=1, test_pictures=1).scaled(videos))
    manifest = out / "world" / "manifest.parquet"
    task = Classification(clip=ClipSettings(length=8, stride=2, size=48, scales=(1.0, 0.9)), validation_clips=1)
    settings = Optimisation(epochs=epochs, batch=16, optimizer="adamw", lr=3e-3, schedule="cosine", trackers=())
    methods: dict[str, Callable[[Backbone, Facts], Method]] = {"plain": Plain, "unmoved": partial(Unmoved, weight=0.5)}
    for name, method in methods.items():
        run = train(
            manifest,
            out / name,
            backbone=partial(ResNet3D, depth=10, width=8, stem_frames=3),
            method=method,
            task=task,
            optimisation=settings,
            memory=True,
        )
        figures = evaluate(run.path, manifest, splits=["test", "test_out"], clips=1).metrics["splits"]
        top1 = {split: 100 * figures[split]["top1"] for split in figures}
        print(f"{name}: {top1['test']:.1f} in context, {top1['test_out']:.1f} out of it (chance {100 / 8:.1f})")


if __name__ == "__main__":
    words = [*sys.argv[1:], *("OUT", "0.1", "6")[len(sys.argv) - 1 :]]
    main(Path(words[0]), float(words[1]), int(words[2]))
