"""Video-mAP beside the ACT detector's own evaluator, in one run: processor seconds, and whether the figures are equal.

    git clone https://github.com/MCG-NJU/MOC-Detector                         (it carries ACT's evaluator in Python 3)
    sed -i 's/\\(np.where([^)]*)\\[0\\]\\))/\\1[0])/g' MOC-Detector/src/ACT_utils/ACT_utils.py   (NumPy 2.4)
    python -m benchmarks.video_map --official MOC-Detector/src [--results results/results.csv]

Tubes are made up, of the size of JHMDB: 21 classes, one true tube of 36 frames a video, 6 detected ones of each class.
Both sides start from arrays in memory (the official one reads a file a video; here it is handed what the file would
hold), suppress at .3 and evaluate eleven thresholds, .2 and .5 to .95, on one core. The official side goes through
everything anew for each, and keeps its curves in float32.
"""

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.keeping import keep
from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.tubes import FoundTubes, TrueTubes, Tubes, tube_nms
from sceneproof.metrics.video_map import THRESHOLDS, video_average_precision

ACTIONS, LENGTH, EACH = 21, 36, 6
ELSEWHERE = ("opts", "datasets", "datasets.init_dataset", "progress", "progress.bar")
"""What the evaluator's module imports and does not use here."""
BOTH_INSIDE = np.array([0.0, 0, 0, -1, -1])
"""Their corners are both inside the box: x2 and y2 are one less. The first column is the frame."""

Evaluate = Callable[[float], float]


def made_up(videos: int) -> tuple[TrueTubes, FoundTubes]:
    """A true tube a video; detected ones are near it, more or less, and sometimes shorter."""
    generator = np.random.default_rng(0)
    corner, size = generator.random((videos, 2)) * 100, 60 + generator.random((videos, 2)) * 60
    path = np.cumsum(generator.normal(0, 1.5, (videos, LENGTH, 2)), axis=1) + corner[:, None]
    boxes = np.concatenate([path, path + size[:, None]], axis=2)
    first, length = np.zeros(videos, np.int64), np.full(videos, LENGTH)
    action = np.arange(videos) % ACTIONS
    truth = TrueTubes(np.arange(videos), action, Tubes(first, length, boxes.reshape(-1, 4)), videos, ACTIONS)
    count = videos * ACTIONS * EACH
    video, label = np.repeat(np.arange(videos), ACTIONS * EACH), np.tile(np.arange(ACTIONS), videos * EACH)
    begin, end = generator.integers(0, 8, count), LENGTH - generator.integers(0, 8, count)
    moved = generator.normal(0, 15, (count, 4))
    near = [boxes[of, one:last] + shift for of, one, last, shift in zip(video, begin, end, moved, strict=True)]
    score = generator.permutation(count) / count + 0.5 * (label == action[video])
    return truth, FoundTubes(video, label, Tubes.stacked(begin.tolist(), near), score)


def official_way(folder: Path, truth: TrueTubes, found: FoundTubes) -> Evaluate:
    """Their video-mAP at one threshold, of these tubes."""
    sys.path.insert(0, str(folder))
    for name in ELSEWHERE:
        sys.modules[name] = ModuleType(name)
    names = [f"video{number:04d}" for number in range(truth.videos)]
    true: dict[str, dict[int, list[NDArray[np.float64]]]] = {name: {} for name in names}
    for number, rows in enumerate(as_rows(truth.tubes)):
        true[names[truth.video[number]]].setdefault(int(truth.action[number]), []).append(rows)
    said: dict[str, dict[int, list[tuple[NDArray[np.float64], float]]]]
    said = {name: {action: [] for action in range(truth.actions)} for name in names}
    for number, rows in enumerate(as_rows(found.tubes)):
        said[names[found.video[number]]][int(found.action[number])].append((rows, float(found.score[number])))
    source = SimpleNamespace(_test_videos=[names], labels=[str(action) for action in range(truth.actions)])
    setattr(sys.modules["opts"], "opts", None)  # noqa: B010
    setattr(sys.modules["progress.bar"], "Bar", None)  # noqa: B010
    setattr(sys.modules["datasets.init_dataset"], "get_dataset", lambda _: lambda *_: source)  # noqa: B010
    theirs: Any = importlib.import_module("ACT")
    theirs.open = lambda name, _: nullcontext(name)
    theirs.os = SimpleNamespace(path=SimpleNamespace(join=lambda *parts: parts[-1], isfile=lambda _: True))
    theirs.pickle = SimpleNamespace(load=lambda name: said[name.removesuffix("_tubes.pkl")])

    def evaluate(threshold: float) -> float:
        # their evaluation takes away what is found
        source._gttubes = {name: {of: list(rows) for of, rows in own.items()} for name, own in true.items()}
        options = SimpleNamespace(th=threshold, model_name="", dataset="", inference_dir="", split=1)
        return float(theirs.videoAP(options, print_info=False)) / 100

    return evaluate


def as_rows(tubes: Tubes) -> list[NDArray[np.float64]]:
    """Each tube as they have it: (frames, 5), the frame and the corners."""
    parts = np.split(tubes.boxes, np.cumsum(tubes.length)[:-1])
    return [
        np.concatenate([np.arange(first, first + len(part))[:, None], part], axis=1) + BOTH_INSIDE
        for first, part in zip(tubes.first, parts, strict=True)
    ]


def ours(truth: TrueTubes, found: FoundTubes, thresholds: Sequence[float]) -> NDArray[np.float64]:
    kept = found.take(tube_nms(found, 0.3))
    return mean_average_precision(video_average_precision(truth, kept, thresholds, reading="act"))


def timed(work: Callable[[], NDArray[np.float64]]) -> tuple[NDArray[np.float64], float]:
    """What it gives, and the processor seconds that it took."""
    began = time.process_time()
    values = work()
    return values, time.process_time() - began


def ratio(a: Sequence[float], b: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(a, b, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, required=True, help="MOC-Detector's folder src")
    parser.add_argument("--videos", type=int, default=100, help="at least one a class: 21 (default: 100)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each side in turn (default: 3)")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    truth, found = made_up(arguments.videos)
    official = official_way(arguments.official, truth, found)
    seconds: dict[str, list[float]] = {"ours": [], "official": [], "ours at one": [], "official at one": []}
    difference = 0.0
    for _ in range(arguments.rounds):
        values, seconds_of_all = timed(lambda: ours(truth, found, THRESHOLDS))
        _, seconds_of_one = timed(lambda: ours(truth, found, THRESHOLDS[:1]))
        first, their_one = timed(lambda: np.array([official(THRESHOLDS[0])]))
        others, their_others = timed(lambda: np.array([official(threshold) for threshold in THRESHOLDS[1:]]))
        spent = (seconds_of_all, their_one + their_others, seconds_of_one, their_one)
        for kept, value in zip(seconds.values(), spent, strict=True):
            kept.append(value)
        difference = max(difference, float(np.abs(values - np.concatenate([first, others])).max()))
    figures = {
        "processor seconds": statistics.median(seconds["ours"]),
        "official: processor seconds": statistics.median(seconds["official"]),
        "times faster": ratio(seconds["official"], seconds["ours"]),
        "one threshold: times faster": ratio(seconds["official at one"], seconds["ours at one"]),
        "largest difference of a mean average precision": difference,
        "mAP at .5": float(values[THRESHOLDS.index(0.5)]),
    }
    for name, value in figures.items():
        print(f"{name:<55}{value:>12.6g}")
    if arguments.results:
        keep(arguments.results, {"benchmarks/video_map": figures})


if __name__ == "__main__":
    main()
