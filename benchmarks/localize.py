"""A localizer over videos of any length: seconds a second of video, and the most memory, each in a process of its own.

Makes takes of the untrimmed Mall of a minute, ten minutes and an hour, and runs `sceneproof localize` on each; then
trains on each, for a few steps. Memory that does not grow with the length, and a ratio below 1 (faster than the video
runs), are what is asked for.

    python -m benchmarks.localize RUN [--results results/results.csv]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.keeping import keep
from sceneproof.mall.untrimmed.making import make_untrimmed_world
from sceneproof.mall.untrimmed.plan import UntrimmedWorld

CODE = """
import resource, sys, time
from pathlib import Path
from sceneproof.localize import localize
begun = time.perf_counter()
localize(Path(sys.argv[1]), sys.argv[2], out=Path(sys.argv[3]), quiet=True)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
TRAINING = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.spec import Spec
from sceneproof.tasks import Localization
from sceneproof.train import train
run = Run.open(sys.argv[1])
backbone, method = (Spec.from_config(run.config[name], name) for name in ("backbone", "method"))
settings = run.task.buffer
buffer = replace(settings, augment=True, step=settings.length)
train(
    Path(sys.argv[2]), Path(sys.argv[2]).parent / "run", backbone=backbone, method=method,
    task=Localization(buffer=buffer),
    train_split="test", validation_split=None, quiet=True,
    optimisation=Optimisation(epochs=1, batch=1, freeze_batch_norm=True, schedule="cosine", trackers=()),
)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, nargs="+", default=[60, 600, 3600])
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    figures = {}
    print(f"{'video':>10} {'seconds':>10} {'of its length':>14} {'memory (MB)':>12} {'in training (MB)':>19}")
    with tempfile.TemporaryDirectory() as folder:
        for seconds in arguments.seconds:
            video = take(Path(folder) / f"{seconds:g}", seconds)
            words = [sys.executable, "-c", CODE, str(arguments.run), str(video), folder]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            spent, memory = (float(word) for word in done.stdout.split())
            manifest = next((Path(folder) / f"{seconds:g}").glob("manifest.parquet"))
            words = [sys.executable, "-c", TRAINING, str(arguments.run), str(manifest)]
            trained = float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            print(f"{seconds:>8g} s {spent:>10.1f} {spent / seconds:>14.3f} {memory:>12.0f} {trained:>19.0f}")
            figures[f"localize/{seconds:g} s"] = {
                "of its length": spent / seconds, "MB": memory, "training MB": trained,
            }  # fmt: skip
    if arguments.results is not None:
        keep(arguments.results, figures)


def take(folder: Path, seconds: float) -> Path:
    """One video of the untrimmed Mall."""
    none = dict.fromkeys(("validation", "validation_out", "test_out", "train"), 0)
    make_untrimmed_world(folder, UntrimmedWorld(seconds=seconds, test=1, **none), quiet=True)
    return next(folder.rglob("*.mp4"))


if __name__ == "__main__":
    main()
