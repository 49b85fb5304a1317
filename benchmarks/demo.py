"""What the demonstration shows, over training seeds: in and out of context, plain and debiased, and the gain of each.

Trains what `sceneproof demo --seed S` trains, on its world, for each seed, and goes on where it was stopped. Writes the
figures to results.csv: "demo/plain", "demo/SDN" and "demo/PlaceSwap", a line a seed, and paired differences over all.

    python -m benchmarks.demo OUT --seeds 0 1 2 3 4 --results results/results.csv
"""

import argparse
import time
from pathlib import Path

from sceneproof.demo import WORLD, demo_rows, scene_labels
from sceneproof.execution import execute
from sceneproof.mall.world import make_world
from sceneproof.report import report
from sceneproof.results import add_study

PREFIX = "demo/"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the world and the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--results", type=Path, help="results.csv to add the figures to")
    arguments = parser.parse_args()
    out: Path = arguments.out
    scenes = scene_labels(make_world(out / "world", WORLD), out)
    rows = [demo_rows(out, scenes, seed=seed, suffix=f"-seed{seed}") for seed in arguments.seeds]
    started = time.process_time()
    execute([several[0] for several in rows], jobs=arguments.jobs)
    tested = [row for several in rows for row in several[1:]]
    execute(tested, jobs=arguments.jobs)
    print(f"{time.process_time() - started:.0f} processor seconds in this process")
    if arguments.results is None:
        return
    page = report([row.folder for row in tested], out / "report.html", quiet=True)
    add_study(arguments.results, page, [row.folder for row in tested], prefix=PREFIX)


if __name__ == "__main__":
    main()
