"""How well a linear probe names the action from scene labels alone: a data set's scene bias.

    sceneproof label scenes MANIFEST SCENES ...
    python -m benchmarks.scene_probe MANIFEST SCENES

The probe is the library's logistic regression on standardised features: the probabilities themselves, and their
logarithms (of p + 1/10000, which spreads out the small ones). B_scene is ln(accuracy / chance) (Choi et al. 2019,
section 3.1, who probe features of a Places365 network: 59.7 % on UCF-101).
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.keeping import keep
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.metrics.representation_bias import linear_probe, representation_bias

FLOOR = 1e-4


def features(manifest: Manifest, scenes: SceneTable, *splits: str) -> tuple[NDArray[np.float32], list[str]]:
    rows = manifest.split(*splits).rows
    vectors, there = scenes.rows_for(list(rows["video"]))
    return vectors[there], list(rows["action"][there])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--train", nargs="+", default=["train"], help="splits to fit on (default: train)")
    parser.add_argument("--test", nargs="+", default=["test"], help="splits to test on (default: test)")
    parser.add_argument("--actions", action="store_true", help="also the accuracy of each action")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    parser.add_argument("--recipe", default="scene-probe", help="what to call them there (default: scene-probe)")
    arguments = parser.parse_args()
    manifest, scenes = Manifest.read(arguments.manifest), SceneTable.read(arguments.scenes)
    train_x, train_y = features(manifest, scenes, *arguments.train)
    test_x, test_y = features(manifest, scenes, *arguments.test)
    chance = 1 / len(set(train_y))
    print(f"{scenes.labeller}: {len(scenes.names)} scenes; {len(train_y)} videos to fit on, {len(test_y)} to test on")
    print(f"{'features':<20}{'accuracy':>10}{'chance':>10}{'B_scene':>10}")
    figures: dict[str, dict[str, float]] = {}
    for name, change in (("probabilities", 0), ("log probabilities", 1)):
        fit, test = (np.log(x + FLOOR) if change else x for x in (train_x, test_x))
        accuracy = linear_probe(fit, train_y, test, test_y)
        bias = representation_bias(accuracy, chance)
        print(f"{name:<20}{accuracy:>10.1%}{chance:>10.1%}{bias:>10.2f}")
        figures[f"{arguments.recipe}/{name}"] = {"accuracy": accuracy, "chance": chance, "b_scene": bias}
    if arguments.results:
        keep(arguments.results, figures)
    if arguments.actions:
        names = np.array(test_y)
        print("\naction, from log probabilities:")
        for action in sorted(set(test_y)):
            of_it = names == action
            share = linear_probe(fit, train_y, test[of_it], names[of_it])
            print(f"  {action:<18}{share:>8.1%} of {of_it.sum()}")


if __name__ == "__main__":
    main()
