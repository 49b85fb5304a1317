"""How well a person segmenter in a LiteRT file finds the people of J-HMDB: mean IoU with the true masks, and the time.

python -m benchmarks.people SHARED WEIGHTS [--score 0.1] [--frames 168] [--results results/results.csv]

SHARED/data holds jhmdb and jhmdb_masks; frames are spread evenly over the clips of all actions, in the order of names.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.keeping import keep
from sceneproof.data.video import decode
from sceneproof.labelling.litert import LiteRTSegmenter


def frames_of(data: Path, count: int) -> list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Frames (H, W, 3) with their people (H, W): the middle ones of clips that are spread evenly over all."""
    clips = sorted((data / "jhmdb").glob("*/*.mp4"))
    taken = [clips[place] for place in np.linspace(0, len(clips) - 1, count).astype(int)]
    pairs = []
    for clip in taken:
        with np.load(data / "jhmdb_masks" / f"{clip.parent.name}.npz") as masks:
            people = np.unpackbits(masks[clip.stem], axis=-1).astype(np.bool_)
        middle = len(people) // 2
        pairs.append((decode(clip, [middle])[0], people[middle]))
    return pairs


def overlaps(segmenter: LiteRTSegmenter, pairs: list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]) -> list[float]:
    """IoU of the pixels of all people with the true ones, a frame."""
    values = []
    for frame, people in pairs:
        found = segmenter(frame[None])[0]
        values.append(float((found & people).sum() / max((found | people).sum(), 1)))
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--score", type=float, default=0.1)
    parser.add_argument("--frames", type=int, default=168)
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    segmenter = LiteRTSegmenter(given.weights, score=given.score, threads=1)
    pairs = frames_of(given.shared / "data", given.frames)
    started = time.process_time()
    values = overlaps(segmenter, pairs)
    milliseconds = 1000 * (time.process_time() - started) / len(pairs)
    print(segmenter.title)
    print(f"mIoU {np.mean(values):.3f} on {len(values)} frames; nothing on {np.mean(np.array(values) == 0):.1%}")
    print(f"{milliseconds:.0f} ms of one core a frame")
    if given.results:
        figures = {"mask_iou": float(np.mean(values)), "frames": len(values), "milliseconds": milliseconds}
        keep(given.results, {given.weights.stem: figures})


if __name__ == "__main__":
    main()
