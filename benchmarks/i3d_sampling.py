"""What I3D of Kinetics-400 makes of J-HMDB's archers, by which frames it is shown and how they are scaled.

    python tests/jhmdb_shared.py SHARED JHMDB
    python -m benchmarks.i3d_sampling JHMDB/manifest.parquet WEIGHTS --results results/results.csv

Of all clips of one action: the share that is named right among the 400 classes, the share that is named another
class, and that with a probability above .9. Frames are side by side, from the clip's middle; "spread": from all of it.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.keeping import keep
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.opening import open_subject
from sceneproof.audit.subject import Pixels
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import decode

FIRST = "first 16 frames"
SETTINGS: Mapping[str, InputSettings] = {
    "16 frames spread": InputSettings(frames=16, stride="even", size=160),
    "16 frames every second": InputSettings(frames=16, stride=2, size=160),
    FIRST: InputSettings(frames=16, size=160),
    "16 frames": InputSettings(frames=16, size=160),
    "16 frames of 224 px spread": InputSettings(frames=16, stride="even", size=224),
    "32 frames": InputSettings(frames=32, size=160),
    "64 frames": InputSettings(frames=64, size=160),
}


def scores(videos: list[Pixels], weights: str, inputs: InputSettings) -> tuple[list[str], NDArray[np.float32]]:
    """Class names, and probabilities (N, 400) of one clip of each video."""
    model = open_subject("i3d:kinetics400", weights=weights, inputs=inputs)
    clips = [video[model.sampling.clips(len(video), 1)[0]] for video in videos]
    return list(model.actions), np.concatenate([model.answer(clip[None]).scores for clip in clips])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("weights", help="a file that --weights of the audit takes")
    parser.add_argument("--action", default="shoot_bow", help="of the manifest (default: shoot_bow)")
    parser.add_argument("--right", default="archery", help="its class (default: archery)")
    parser.add_argument("--other", default="hula hooping", help="the class to count (default: hula hooping)")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    table = Manifest.read(arguments.manifest)
    paths = [table.root / str(path) for path in table.rows.loc[table.rows["action"] == arguments.action, "path"]]
    videos = [decode(path) for path in paths]
    print(f"{len(videos)} clips of {arguments.action}")
    print(f"{'shown':<28}{arguments.right:>16}{arguments.other:>16}{'above .9':>10}")
    figures: dict[str, dict[str, float]] = {}
    for name, inputs in SETTINGS.items():
        shown = [video[:16] for video in videos] if name == FIRST else videos
        classes, given = scores(shown, arguments.weights, inputs)
        named, other = given.argmax(1), classes.index(arguments.other)
        found = {
            "top1": float((named == classes.index(arguments.right)).mean()),
            "other/top1": float((named == other).mean()),
            "other above .9/top1": float((given[:, other] > 0.9).mean()),
        }
        shares = f"{found['top1']:>16.1%}{found['other/top1']:>16.1%}{found['other above .9/top1']:>10.1%}"
        print(f"{name:<28}{shares}", flush=True)
        figures[f"i3d-archery/{name}"] = found
    if arguments.results:
        keep(arguments.results, figures)


if __name__ == "__main__":
    main()
