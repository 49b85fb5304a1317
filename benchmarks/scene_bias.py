"""How far the scene alone names the action in whole collections: RESOUND's measure, and REPAIR's with its weights.

The same as `sceneproof data bias`, kept in a results.csv: of each split B_scene and the accuracy behind it; of the
training split REPAIR's bias of all videos, and of videos that count by REPAIR's weights.

    python -m benchmarks.scene_bias "the Mall" mall/manifest.parquet scenes.parquet [--results results/results.csv]
"""

import argparse
from pathlib import Path

from benchmarks.keeping import keep
from sceneproof.data.bias import data_bias, sentences


def main() -> None:
    """Measures one collection."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="what to call the collection in results.csv")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bias"), help="folder for the weights")
    parser.add_argument("--results", type=Path, help="results.csv to add the figures to")
    arguments = parser.parse_args()
    bias = data_bias(arguments.manifest, arguments.scenes, arguments.out, quiet=True)
    print("\n".join(sentences(bias)))
    name = f"scene-bias/{arguments.name}"
    figures = {
        f"{name}/{split.split}": {
            "accuracy": split.accuracy.value, "accuracy/low": split.accuracy.low, "accuracy/high": split.accuracy.high,
            "chance": split.chance, "B_scene": split.resound, "videos": split.videos,
        }
        for split in bias.splits if split.accuracy is not None and split.resound is not None
    }  # fmt: skip
    figures[f"{name}/{bias.weighed}"] |= {"REPAIR": bias.repair[0], "REPAIR after weighing": bias.repair[1]}
    if arguments.results:
        keep(arguments.results, figures)


if __name__ == "__main__":
    main()
