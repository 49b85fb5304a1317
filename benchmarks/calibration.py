"""Does the audit read what it should? Models whose reliance is known by making, audited on a made-up world.

    python -m benchmarks.calibration [--results results/results.csv]

In the world each action has a scene of its own colour and a person of its own colour. One model looks at the frame's
rim alone and names the scene's action, one looks for the person's colour alone, one names an action by lot, and some
look at the scene in a share of the clips and else at the person. Read: scene reliance of 1, 0, 1/2, and of that share.
"""

import argparse
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.keeping import keep
from sceneproof.audit import Audit, audit
from sceneproof.data.humans import from_masks
from sceneproof.data.manifest import Manifest
from sceneproof.mall.film import Format, write_film

ACTIONS = ("bend", "jump", "run", "wave")
SCENES = np.array([(70, 70, 30), (30, 70, 90), (90, 40, 80), (40, 90, 50)])
"""Dull: no person has such a colour."""
PEOPLE = np.array([(250, 30, 30), (30, 250, 250), (250, 250, 30), (250, 30, 250)])
HEIGHT, WIDTH, FRAMES = 64, 96, 12
RIM = 4

Clip = NDArray[np.uint8]


def make_world(folder: Path, *, each: int = 10) -> Path:
    """Writes videos, a manifest and masks; returns the manifest's path."""
    rows, masks = [], []
    for number in range(each * len(ACTIONS)):
        action = number % len(ACTIONS)
        frames, people = film(action, action, number)
        name = f"{ACTIONS[action]}{number:03d}"
        shape = Format(WIDTH, HEIGHT, FRAMES, 12.5, 4)
        (folder / "videos").mkdir(parents=True, exist_ok=True)
        write_film(folder / "videos" / f"{name}.mp4", iter(frames), shape)
        rows.append((name, f"videos/{name}.mp4", "test", ACTIONS[action], f"scene {action}"))
        masks.append((name, people))
    table = pd.DataFrame(rows, columns=["video", "path", "split", "action", "scene"])
    Manifest(table, folder).write(folder / "manifest.parquet")
    made, boxes = from_masks(iter(masks), "formula")
    made.write(folder / "masks.parquet")
    boxes.write(folder / "boxes.parquet")
    return folder / "manifest.parquet"


def film(action: int, scene: int, number: int) -> tuple[Clip, NDArray[np.bool_]]:
    """One person, a disc with a head, who crosses one scene: frames (T, H, W, 3) and masks (T, H, W)."""
    rng = np.random.default_rng(number)
    wall = SCENES[scene] + rng.integers(-8, 9, (HEIGHT // 8, WIDTH // 8, 1)).repeat(8, 0).repeat(8, 1)
    frames = np.repeat(wall.astype(np.uint8)[None], FRAMES, 0)
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    height, start = rng.integers(26, 38), rng.integers(18, 28)
    people = np.stack([
        ((down - height) ** 2 / 2 + (across - start - 4 * time) ** 2 < 64)
        | ((down - height + 15) ** 2 + (across - start - 4 * time) ** 2 < 20)
        for time in range(FRAMES)
    ])  # fmt: skip
    frames[people] = PEOPLE[action]
    return frames, people


def nearest(pixels: NDArray[np.float64], palette: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many of some pixels (N, 3) are nearest to each colour."""
    return np.bincount(distances(pixels, palette).argmin(0), minlength=len(palette)).astype(np.float64)


def distances(pixels: NDArray[np.float64], palette: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squared, of whole numbers (N, 3) and (K, 3): (K, N), exact."""
    own, theirs = np.einsum("nc,nc->n", pixels, pixels), (palette**2).sum(1)
    return np.asarray(own - 2 * palette.astype(np.float64) @ pixels.T + theirs[:, None])


def _scores(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((counts + 1e-3) / (counts + 1e-3).sum())


@dataclass(frozen=True)
class Known:
    """A model whose reliance is known.

    Attributes:
        name: what to call it.
        scores: of a clip.
        reliance: what the audit should read.
    """

    name: str
    scores: Callable[[Clip], NDArray[np.float64]]
    reliance: float
    actions: Sequence[str] = ACTIONS
    frames: int = 8

    def __call__(self, clip: Clip) -> NDArray[np.float64]:
        return self.scores(clip)


def scene_only(clip: Clip) -> NDArray[np.float64]:
    """Names the scene by the frame's rim, where nobody ever is."""
    rim = np.concatenate([clip[:, :RIM].reshape(-1, 3), clip[:, -RIM:].reshape(-1, 3)]).astype(np.float64)
    return _scores(nearest(rim, SCENES))


def person_only(clip: Clip) -> NDArray[np.float64]:
    """Names the person by those pixels that have a person's colour, nearly."""
    pixels = clip.reshape(-1, 3).astype(np.float64)
    near = distances(pixels, PEOPLE).min(0) < 40**2
    return _scores(nearest(pixels[near], PEOPLE)) if near.any() else np.full(len(ACTIONS), 1 / len(ACTIONS))


def lot(clip: Clip) -> float:
    """A number from 0 to 1 that follows from a clip's pixels, and tells nothing of them."""
    return int.from_bytes(hashlib.sha256(clip.tobytes()).digest()[:4]) / 2**32


def coin(clip: Clip) -> NDArray[np.float64]:
    """Names an action by lot."""
    return np.asarray(np.eye(len(ACTIONS))[int(lot(clip) * len(ACTIONS))])


def mixed(share: float) -> Callable[[Clip], NDArray[np.float64]]:
    """Looks at the scene in this share of the clips, else at the person."""
    return lambda clip: scene_only(clip) if lot(clip) < share else person_only(clip)


MODELS = (
    Known("scene only", scene_only, 1.0),
    Known("person only", person_only, 0.0),
    Known("coin", coin, 0.5),
    Known("scene in a quarter", mixed(0.25), 0.25),
    Known("scene in three quarters", mixed(0.75), 0.75),
)


def measured(model: Known, manifest: Path, out: Path, *, variants: Sequence[str] = ()) -> Audit:
    """The audit of one of them; of these variants only, or of all."""
    people = manifest.parent / "masks.parquet"
    return audit(model, manifest, out / model.name, humans=people, variants=variants, title=model.name, shown=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=100, help="videos an action (default: 100)")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    kept = {}
    with tempfile.TemporaryDirectory() as folder:
        manifest = make_world(Path(folder) / "world", each=arguments.each)
        print(f"{'model':<26}{'made':>8}{'read':>8}   interval")
        for model in MODELS:
            figures = measured(model, manifest, Path(folder)).measures.figures
            found = figures["scene_reliance"].interval
            assert found is not None
            print(f"{model.name:<26}{model.reliance:>8.2f}{found.value:>8.2f}   {found.low:.2f} to {found.high:.2f}")
            names = ("top1", "human_accuracy", "scene_error", "names_neither", "survives_human_filled")
            values = {name: interval.value for name in names if (interval := figures[name].interval)}
            ends = {"scene_reliance/low": found.low, "scene_reliance/high": found.high}
            row = {"made": model.reliance, "scene_reliance": found.value, **ends, **values}
            kept[f"audit-calibration/{model.name}"] = row
    if arguments.results:
        keep(arguments.results, kept)


if __name__ == "__main__":
    main()
