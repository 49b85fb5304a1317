"""A detector over videos of any length: frames a second, and the most memory, each in a process of its own.

Makes takes of the untrimmed Mall of 1,000 and of 10,000 frames, and runs `sceneproof detect` on each, once for the
tubes alone and once with the annotated copy. Memory that does not grow with the length is what is asked for.

A run whose tubes are not trimmed (`tubes.switch_cost: null`, for clips that show their action from start to end) keeps
what a tube is made of until the tube ends. Long videos want trimming: --switch-cost, in place of the run's own.

    python -m benchmarks.detect RUN [--switch-cost 3] [--results results/results.csv]
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks.keeping import keep
from benchmarks.localize import take
from sceneproof.mall.untrimmed.plan import UntrimmedWorld
from sceneproof.run import Run

CODE = """
import resource, sys, time
from pathlib import Path
from sceneproof.detect import detect
begun = time.perf_counter()
run, video, out, annotated, least = sys.argv[1:]
written = annotated == "annotated"
tubes = detect(Path(run), video, out=Path(out), annotated=written, least_score=float(least), quiet=True)
spent, memory = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(spent, memory, len(tubes), (tubes["last"] - tubes["first"] + 1).sum())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--switch-cost", type=float, help="of trimming, in place of the run's own")
    parser.add_argument("--least-score", type=float, default=0.05, help="of tubes that are kept (default: 0.05)")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    figures = {}
    print(f"{'frames':>8} {'':>10} {'seconds':>8} {'a second':>9} {'memory (MB)':>12} {'tubes':>6} {'boxes':>7}")
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.run
        if arguments.switch_cost is not None:
            run = trimming(run, Path(folder) / "run", arguments.switch_cost)
        for frames in arguments.frames:
            video = take(Path(folder) / f"{frames}", frames / UntrimmedWorld().rate)
            for what in ("tubes", "annotated"):
                words = [
                    sys.executable,
                    "-c",
                    CODE,
                    str(run),
                    str(video),
                    str(Path(folder) / "found"),
                    what,
                    str(arguments.least_score),
                ]
                done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
                spent, memory, tubes, boxes = (float(word) for word in done.stdout.split())
                print(
                    f"{frames:>8} {what:>10} {spent:>8.1f} {frames / spent:>9.1f} {memory:>12.0f} {tubes:>6.0f} "
                    f"{boxes:>7.0f}"
                )
                figures[f"detect/{what}/{frames} frames"] = {
                    "frames": frames, "seconds": spent, "frames a second": frames / spent, "MB": memory,
                    "tubes": tubes, "boxes of tubes": boxes,
                }  # fmt: skip
    if arguments.results is not None:
        keep(arguments.results, figures)


def trimming(run: Path, copy: Path, switch_cost: float) -> Path:
    """A copy of a run that trims its tubes at this cost."""
    config = Run.open(run).config
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("checkpoints", "evaluation", "trackers"))
    tubes = {**config["tubes"], "switch_cost": switch_cost}
    (copy / "config.yaml").write_text(yaml.safe_dump({**config, "tubes": tubes}, sort_keys=False))
    return copy


if __name__ == "__main__":
    main()
