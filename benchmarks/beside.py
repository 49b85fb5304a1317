"""This tree beside another commit: start-up, training, testing and an audit, as whole commands, in turn.

    python -m benchmarks.beside COMMIT [--rounds 5] [--results results/results.csv]

Both run the same words on the same small made-up data, each from its own tree, one after the other in every round; read
the ratios of the medians, and of the most memory. The machine's noise is in both.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.training import Small

from benchmarks.keeping import keep

ROOT = Path(__file__).resolve().parents[1]
SMALL = "--backbone.depth 10 --backbone.width 8 --clip.length 8 --clip.size 64 --validation_clips 1"
"""As older commits spell it, which know no hyphens."""
TRAIN = f"--method SDN {SMALL} --optimisation.epochs 4 --optimisation.batch 8 --optimisation.trackers [] --quiet"


def commands(data: Small, work: Path) -> Mapping[str, Sequence[str]]:
    """What is timed, by name; each finds what the one before it left."""
    manifest, run = str(data.manifest), str(work / "run")
    people = ["--humans", str(data.boxes)]
    return {
        "train --help": ["train", "--help"],
        "train": ["train", manifest, run, "--scenes", str(data.scenes), *people, *TRAIN.split()],
        "evaluate": ["evaluate", run, manifest, *people, "--quiet"],
        "audit": ["audit", run, manifest, str(work / "audit"), *people, "--shown", "0", "--workers", "0", "--quiet"],
    }


def timed(tree: Path, words: Sequence[str]) -> tuple[float, int]:
    """Seconds and most memory (KiB) of a command from a tree.

    Raises:
        SystemExit: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "CUDA_VISIBLE_DEVICES": ""}
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "sceneproof", *words], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{tree}: sceneproof {' '.join(words)}: failed")
    return time.perf_counter() - begun, usage.ru_maxrss


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """A work tree of a commit, gone afterwards."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", str(folder), commit], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = Small.make(place / "data")
        with checked_out(arguments.commit, place / "before") as before:
            sides: dict[str, dict[str, list[tuple[float, int]]]] = {}
            for number in range(arguments.rounds + 1):  # the first, which fills caches, does not count
                for side, tree in (("before", before), ("now", ROOT)):
                    work = place / side
                    for name, words in commands(data, work).items():
                        measured = timed(tree, words)
                        if number:
                            sides.setdefault(name, {}).setdefault(side, []).append(measured)
                    shutil.rmtree(work)
    figures: dict[str, dict[str, float]] = {}
    for name, measured in sides.items():
        seconds = {side: statistics.median(value for value, _ in values) for side, values in measured.items()}
        memory = {side: max(value for _, value in values) for side, values in measured.items()}
        times, size = seconds["now"] / seconds["before"], memory["now"] / memory["before"]
        figures[f"beside {arguments.commit}/{name}"] = {"times as long": times, "times the memory": size}
        said = f"{seconds['before']:6.2f} s before, {seconds['now']:6.2f} s now: {times:.2f} times"
        print(f"{name:<14}{said}; memory {size:.2f} times")
    if arguments.results:
        keep(arguments.results, figures)


if __name__ == "__main__":
    main()
