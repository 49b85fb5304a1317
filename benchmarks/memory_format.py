"""Channels innermost against channels outermost in memory: a look and a training step of each kind of backbone.

All take turns in one process, in the precision that is the machine's default; a ratio is the median over the rounds.

    python -m benchmarks.memory_format [--results results/results.csv]
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.keeping import keep
from benchmarks.step import ratios, seconds
from sceneproof.backbones import VGG16, Backbone, BNInception, ImageNetwork, InceptionV3, ResNet3D
from sceneproof.numerics import Numerics, processor_flags, processor_name

CASES: dict[str, tuple[Callable[[], Backbone], tuple[int, ...]]] = {
    "VGG16, 32 frames of 96": (VGG16, (16, 3, 2, 96, 96)),
    "BNInception, 48 frames of 64": (BNInception, (16, 3, 3, 64, 64)),
    "InceptionV3, 8 frames of 128": (InceptionV3, (4, 3, 2, 128, 128)),
    "EfficientNet-Lite0, 16 frames of 96": (ImageNetwork, (8, 3, 2, 96, 96)),
    "3D-ResNet-18, 4 clips of 8 x 64": (ResNet3D, (4, 3, 8, 64, 64)),
}


class Look:
    """A network and a batch, to be looked at or to take a training step's gradient of."""

    def __init__(self, case: str, *, innermost: bool, training: bool) -> None:
        torch.manual_seed(0)
        make, shape = CASES[case]
        self.numerics = Numerics.quickest(torch.device("cpu"), channels_last=innermost)
        self.network = self.numerics.arrange(make()).train(training)
        self.video, self.training = torch.randn(shape), training

    def __call__(self) -> None:
        with torch.set_grad_enabled(self.training):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.numerics.dtype is not None):
                features = self.network(self.video)
            if self.training:
                features.float().mean().backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--results", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for case in CASES:
        figures: dict[str, float] = {}
        for name, training in (("a look", False), ("a training step", True)):
            kinds = [Look(case, innermost=innermost, training=training) for innermost in (True, False)]
            for kind in kinds:
                seconds(kind, "cpu")
            times = [[seconds(kind, "cpu") for kind in kinds] for _ in range(args.rounds)]
            inner, outer = ([both[place] for both in times] for place in (0, 1))
            ratio, spread = ratios(outer, inner)
            figures[f"{name}: times as quick with channels innermost"] = ratio
            print(f"{case}, {name}: {statistics.median(inner):.3f} s, {spread} times as quick", flush=True)
        if args.results is not None:
            machine = f"{processor_name()} ({' '.join(sorted(processor_flags())) or 'without bf16'})"
            keep(args.results, {f"memory-format/{machine}/{case}".replace(",", ""): figures})


if __name__ == "__main__":
    main()
