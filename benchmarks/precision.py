"""Whether bf16 costs accuracy: the demonstration's first model in bf16 and in float32, seed by seed.

Trains on the world that `sceneproof demo` makes, with its settings but for the precision, and goes on where it was
stopped. Writes the figures to results.csv: "precision/bf16" and "precision/fp32", a line a seed, and the paired
difference, bf16 less float32, over all seeds and videos with its 95 % interval.

    python -m benchmarks.precision OUT --seeds 0 1 2 --results results/results.csv
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.keeping import keep
from sceneproof.demo import WORLD, demo_rows, scene_labels
from sceneproof.execution import Row, execute
from sceneproof.mall.world import make_world
from sceneproof.metrics.accuracy import correct
from sceneproof.metrics.bootstrap import paired_interval
from sceneproof.results import add_run
from sceneproof.run import Run

PRECISIONS = ("bf16", "fp32")
SPLITS = ("test", "test_out")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the world and the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--results", type=Path, help="results.csv to add the figures to")
    arguments = parser.parse_args()
    out: Path = arguments.out
    scenes = scene_labels(make_world(out / "world", WORLD), out)
    rows = {
        (precision, seed): row(out, scenes, precision, seed) for seed in arguments.seeds for precision in PRECISIONS
    }
    execute(list(rows.values()), jobs=arguments.jobs)
    difference: dict[str, float] = {}
    for split in SPLITS:
        bf16, fp32 = (np.stack([right(rows[name, seed], split) for seed in arguments.seeds]) for name in PRECISIONS)
        interval = paired_interval(bf16, fp32)
        difference |= {f"{split}/top1/difference": interval.value, f"{split}/top1/difference/low": interval.low}
        difference[f"{split}/top1/difference/high"] = interval.high
        print(f"{split}: bf16 {bf16.mean():.3f}, fp32 {fp32.mean():.3f}, {interval}")
    if arguments.results is not None:
        for (precision, _), done in rows.items():
            add_run(arguments.results, done.folder, recipe=f"precision/{precision}")
        keep(arguments.results, {"precision/bf16 less fp32": difference})


def row(out: Path, scenes: Path, precision: str, seed: int) -> Row:
    """The demonstration's first model in a precision, tested in it."""
    first, second, *_ = demo_rows(out, scenes, seed=seed, suffix=f"-{precision}-seed{seed}")
    optimisation = replace(first.training["optimisation"], precision=precision)
    return replace(first, training={**first.training, "optimisation": optimisation}, testing=second.testing)


def right(done: Row, split: str) -> NDArray[np.bool_]:
    """Which videos of a split a run names rightly, (N,)."""
    predictions = pd.read_parquet(done.folder / "evaluation" / "predictions.parquet")
    part = predictions[predictions["split"] == split]
    actions = Run.open(done.folder).actions
    truth = np.array([actions.index(action) for action in part["action"]])
    return correct(np.stack(part["scores"].tolist()), truth)


if __name__ == "__main__":
    main()
