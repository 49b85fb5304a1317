"""How well labels of people meet J-HMDB's own masks.

    python -m benchmarks.jhmdb_humans SHARED OUT [--videos 928] [--every 4] [--motion] [--results results/results.csv]

SHARED holds a repack of J-HMDB (tests/jhmdb_shared.py says which) and weights/yolox_nano.onnx. OUT gets the data set's
tables and the labels made here; what is there is taken as it is. Figures, at score limits .1, .3, .5 and .7:

    detected      share of frames with the actor whose best box has an IoU of at least .5 with the box around the mask
    best_iou      mean over these frames of the best box's IoU; 0 where there is none
    covered       share of the actor's pixels that the boxes cover
    person        share of the boxes' pixels that are the actor
    twins         share of videos with a person in at least 70 % of their frames

With --motion, FAME's motion mask instead of boxes: `mask_iou` (of all pixels of a video, mean over videos), `covered`
and `person`, at shares of .1, .2, .3 and .5.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tests.jhmdb_shared import make

from benchmarks.keeping import keep
from sceneproof.data.human_tables import CORNERS, HumanBoxes, HumanMasks
from sceneproof.data.humans import Humans, has_twin
from sceneproof.data.manifest import Manifest
from sceneproof.labelling.contracts import Labelling
from sceneproof.labelling.humans import BoxLabelling, MaskLabelling
from sceneproof.labelling.motion_mask import MotionMask
from sceneproof.labelling.pipeline import label
from sceneproof.labelling.yolox import YOLOX
from sceneproof.metrics.boxes import box_iou

SCORES = (0.1, 0.3, 0.5, 0.7)
SHARES = (0.1, 0.2, 0.3, 0.5)


def timed(manifest: Manifest, labelling: Labelling, out: Path, workers: int) -> None:
    started = time.perf_counter()
    label(manifest, labelling, out, workers=workers, quiet=True)
    print(f"{out.name}: {len(manifest)} videos labelled in {time.perf_counter() - started:.0f} s")


def sizes(manifest: Manifest) -> Iterator[tuple[str, int, int, int]]:
    columns = manifest.rows[["video", "frames", "height", "width"]]
    for video, frames, height, width in columns.itertuples(index=False):
        yield str(video), int(frames), int(height), int(width)


def pixels(manifest: Manifest, truth: HumanMasks, humans: Humans) -> dict[str, float]:
    """How the people's pixels meet the actor's."""
    shared = actor = found = 0
    overlaps = []
    for video, frames, height, width in sizes(manifest):
        want = truth.regions(video, range(frames), height, width)
        have = humans.regions(video, range(frames), height, width)
        both = int((want & have).sum())
        shared, actor, found = shared + both, actor + int(want.sum()), found + int(have.sum())
        overlaps.append(both / max(int((want | have).sum()), 1))
    return {"mask_iou": float(np.mean(overlaps)), "covered": shared / actor, "person": shared / max(found, 1)}


def best_overlaps(manifest: Manifest, truth: HumanMasks, rows: pd.DataFrame) -> NDArray[np.float64]:
    """IoU of the best box in each frame that shows the actor, with the box around the mask."""
    boxes = {key: part[list(CORNERS)].to_numpy(np.float32) for key, part in rows.groupby(["video", "frame"])}
    none = np.zeros((0, 4), np.float32)
    best = []
    for video, frames, height, width in sizes(manifest):
        for frame, mask in enumerate(truth.regions(video, range(frames), height, width)):
            y, x = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            if len(x):
                actor = np.array([[x[0], y[0], x[-1] + 1, y[-1] + 1]], np.float32)
                overlaps = box_iou(actor[:, None], boxes.get((video, frame), none)[None])
                best.append(overlaps.max(initial=0))
    return np.array(best)


def hold_boxes(manifest: Manifest, truth: HumanMasks, path: Path) -> dict[str, dict[str, float]]:
    figures = {}
    for score in SCORES:
        humans = HumanBoxes.read(path, score_threshold=score)
        best = best_overlaps(manifest, truth, humans.rows[humans.rows["score"] >= score])
        twins = [has_twin(humans, video, frames) for video, frames, _, _ in sizes(manifest)]
        met = pixels(manifest, truth, humans)
        figures[f"score {score}"] = {
            "detected": float((best >= 0.5).mean()),
            "best_iou": float(best.mean()),
            "covered": met["covered"],
            "person": met["person"],
            "twins": float(np.mean(twins)),
        }
    return figures


def tell(recipe: str, figures: Mapping[str, Mapping[str, float]], path: Path | None) -> None:
    columns = list(next(iter(figures.values())))
    print(f"{recipe:<28}" + "".join(f"{name:>10}" for name in columns))
    for name, row in figures.items():
        print(f"  {name:<26}" + "".join(f"{row[column]:>10.3f}" for column in columns))
    if path is not None:
        keep(path, {f"{recipe}/{name}": row for name, row in figures.items()})


def spread(manifest: Manifest, count: int) -> Manifest:
    """About as many videos of each action, `count` in all."""
    places = np.unique(np.linspace(0, len(manifest) - 1, min(count, len(manifest))).round().astype(int))
    return Manifest(manifest.rows.iloc[places].reset_index(drop=True), manifest.root, manifest.name)


def run(
    shared: Path, out: Path, *, videos: int, every: int, motion: bool, threads: int, workers: int, results: Path | None
) -> None:
    if not (out / "boxes.parquet").is_file():  # the last that `make` writes
        make(shared, out)
    manifest, truth = spread(Manifest.read(out / "manifest.parquet"), videos), HumanMasks.read(out / "masks.parquet")
    if motion:
        figures: dict[str, Any] = {}
        for share in SHARES:
            path = out / f"motion_{share}_{len(manifest)}.parquet"
            if not path.is_file():
                timed(manifest, MaskLabelling(MotionMask(share=share)), path, workers)
            figures[f"share {share}"] = pixels(manifest, truth, HumanMasks.read(path))
        tell("jhmdb-humans/motion-mask", figures, results)
        return
    path = out / f"yolox_every_{every}_{len(manifest)}.parquet"
    if not path.is_file():
        detector = YOLOX(shared / "weights" / "yolox_nano.onnx", score=min(SCORES), threads=threads)
        timed(manifest, BoxLabelling(detector, every=every), path, workers)
    tell(f"jhmdb-humans/yolox-nano/every {every}", hold_boxes(manifest, truth, path), results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--videos", type=int, default=928)
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--motion", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--results", type=Path)
    run(**vars(parser.parse_args()))
