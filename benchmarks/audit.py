"""What the variants of an audit cost: processor time for each, over that of plain evaluation of the same clips.

    python -m benchmarks.audit RUN MANIFEST --humans MASKS [--videos 40] [--results results/results.csv]

Plain evaluation decodes a clip and asks the model once; an audit decodes once for all variants, makes each and asks the
model. Both go by the same code, on one thread, the sides in turn; read the ratios.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.keeping import keep
from sceneproof.audit.scoring import Scorer
from sceneproof.audit.settings import DataSettings, ModelSettings
from sceneproof.data.subsets import in_turn


def seconds(scorer: Scorer, videos: list[str], names: list[str]) -> float:
    """Processor seconds of some variants of some videos."""
    one = replace(scorer, names=names, maps=False)
    begun = time.process_time()
    for video in videos:
        one.rows(video)
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="what `sceneproof audit` takes")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--humans", required=True)
    parser.add_argument("--videos", type=int, default=40, help="drawn at random (default: 40)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = DataSettings(manifest=str(arguments.manifest), humans=arguments.humans)
    subject = ModelSettings(arguments.run, device="cpu").open()
    table = data.table()
    scorer = data.scorer(subject)
    rows = in_turn(np.arange(len(table)), table.rows["action"].to_numpy(object), arguments.videos)
    videos = [str(table.rows["video"].iat[row]) for row in rows]
    names = list(scorer.names)
    seconds(scorer, videos[:2], names)
    ratios: dict[str, list[float]] = {name: [] for name in [*names[1:], "all"]}
    for _ in range(arguments.rounds):
        plain = seconds(scorer, videos, ["original"])
        for name in names[1:]:
            ratios[name].append((seconds(scorer, videos, ["original", name]) - plain) / plain)
        ratios["all"].append(seconds(scorer, videos, names) / plain / len(names))
    costs = {name: statistics.median(found) for name, found in ratios.items()}
    print(f"plain evaluation: {1000 * plain / len(videos):.1f} ms a video\n{'variant':<20}times plain evaluation")
    for name, value in costs.items():
        print(f"{name:<20}{value:.2f}")
    if arguments.results:
        keep(arguments.results, {f"audit-cost/{name}": {"times plain": value} for name, value in costs.items()})


if __name__ == "__main__":
    main()
