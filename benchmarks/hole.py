"""What the shape of the hole tells: how well a probe names the action by it, with people painted over and taken out.

Of every clip with people: the outline of people painted over (`human_filled`) is theirs; where they are taken out
(`human_inpainted`) only what had to be guessed from around is left of it. The probe is the audit's: features of
outlines (`contexts.outline`), folds by group; chance is the commonest action.

    python -m benchmarks.hole manifest.parquet masks.parquet [--results results/results.csv]
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.keeping import keep
from sceneproof.audit.scoring import outline_features
from sceneproof.contexts.empty import emptied
from sceneproof.contexts.footage import Library
from sceneproof.data.humans import read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.metrics.grouped_probe import grouped_probe
from sceneproof.progress import progress

MOST = 32
"""Frames that are emptied, evenly over the clip."""


def main() -> None:
    """Probes both ways on the same clips."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("humans", type=Path)
    parser.add_argument("--name", default="J-HMDB", help="what to call the clips in results.csv")
    parser.add_argument("--results", type=Path, help="results.csv to add the figures to")
    arguments = parser.parse_args()
    manifest, humans = Manifest.read(arguments.manifest), read_humans(arguments.humans)
    library, rows = Library(manifest, humans), manifest.rows
    outlines: dict[str, list[np.ndarray]] = {"painted over": [], "taken out": []}
    actions, groups, ways = [], [], Counter[str]()
    with progress("emptying", len(rows)) as advance:
        for video, action, group in zip(rows["video"], rows["action"], rows["group"], strict=True):
            footage = library.read(str(video))
            advance()
            if footage.people is None or not footage.people.any():
                continue
            numbers = np.unique(np.linspace(0, len(footage.frames) - 1, MOST).round().astype(int))
            made = emptied(footage.frames, footage.people, numbers)
            outlines["painted over"].append(outline_features(footage.people[numbers]))
            outlines["taken out"].append(outline_features(made.guessed))
            ways[made.way] += 1
            actions.append(str(action))
            groups.append(str(group))
    figures: dict[str, dict[str, float]] = {}
    for way, features in outlines.items():
        probe = grouped_probe(np.stack(features), np.array(actions), np.array(groups))
        figures[f"hole/{arguments.name}/{way}"] = {
            "accuracy": probe.accuracy.value, "accuracy/low": probe.accuracy.low, "accuracy/high": probe.accuracy.high,
            "chance": probe.commonest, "clips": len(actions),
        }  # fmt: skip
        print(f"{way}: {probe.accuracy}, commonest action {probe.commonest:.3f}, {len(actions)} clips")
    figures[f"hole/{arguments.name}/ways"] = {way: float(count) for way, count in ways.items()}
    print(dict(ways))
    if arguments.results is not None:
        keep(arguments.results, figures)


if __name__ == "__main__":
    main()
