"""J-HMDB-21 in its official layout (Jhuang et al., Towards understanding action recognition, ICCV 2013)."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from sceneproof import locks
from sceneproof.data.humans import from_masks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.audit import some
from sceneproof.data.sources.hmdb51 import read_splits
from sceneproof.data.sources.listing import How, Listing, collect, write
from sceneproof.errors import InputError
from sceneproof.progress import track

ADDRESS = "http://files.is.tue.mpg.de/jhmdb"


@locks.alone(locks.beside_out)
def index_jhmdb(
    root: Path,
    out: Path,
    *,
    split: Literal[1, 2, 3] = 1,
    validation: float = 0.15,
    seed: int = 0,
    workers: int | None = None,
    quiet: bool = False,
) -> Manifest:
    """Lists J-HMDB in OUT/manifest.parquet, its puppet masks in masks.parquet and boxes.parquet; prints what it found.

    Validation clips are held out from the official training clips, film by film: a clip's name begins with the film
    it was cut from (`source_film`), and clips of one film look alike. Test clips are the official ones. Nothing is
    downloaded and nothing is copied: OUT/videos becomes a link to the videos.

    Args:
        root: The folder with ReCompress_Videos (of JHMDB_video.zip), puppet_mask (of puppet_mask.zip) and splits (of
            splits.zip), from http://jhmdb.is.tue.mpg.de.
        out: The folder to write.
        split: Which of the three official splits; the published figures are means over all three.
        validation: Share of each action's training clips that is held out for validation.
        seed: Another seed holds out other films.
        workers: Processes that look into files; by default one a core.
        quiet: No progress and no summary.

    Raises:
        InputError: a folder or a split list is missing (says where it comes from), a split list is malformed (names
            the line), or not one video of the lists is there.
    """
    root, out = Path(root), Path(out)
    videos = _part(root, ("ReCompress_Videos", "JHMDB_video/ReCompress_Videos"), "JHMDB_video.zip")
    puppets = _part(root, ("puppet_mask",), "puppet_mask.zip")
    how = How(workers=workers, quiet=quiet)
    rows = read_splits(_part(root, ("splits",), "splits.zip"), split, f"{ADDRESS}/splits.zip")
    listing = Listing(f"J-HMDB-21, split {split}", rows, f"{ADDRESS}/JHMDB_video.zip")
    collection = collect(listing, videos, out, how, validation=validation, seed=seed)
    useless: list[str] = []
    masks, boxes = from_masks(
        _puppets(puppets, collection.manifest.rows, useless, workers, quiet), "J-HMDB puppet masks"
    )
    masks.write(out / "masks.parquet")
    boxes.write(out / "boxes.parquet")
    notes = some("masks of no use", useless)
    return write(collection, how, notes, besides=", masks.parquet and boxes.parquet")[0]


def _part(root: Path, places: tuple[str, ...], archive: str) -> Path:
    for place in places:
        if (root / place).is_dir():
            return root / place
    raise InputError(f"{root / places[0]}: no such folder; unpack {ADDRESS}/{archive} there")


def _puppets(
    folder: Path, rows: pd.DataFrame, notes: list[str], workers: int | None, quiet: bool
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Masks of the readable videos; what is wrong with a mask goes to `notes`."""
    readable = rows[rows["frames"] > 0]
    files = [folder / video / "puppet_mask.mat" for video in readable["video"]]
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        masks = track(pool.map(_puppet, files), "reading the masks", len(files), quiet=quiet)
        columns = readable[["video", "frames", "height", "width"]].itertuples(index=False, name=None)
        for (video, *size), mask in zip(columns, masks, strict=True):
            if isinstance(mask, str):
                notes.append(f"{video}: {mask}")
            elif mask.shape != tuple(size):
                shape, video_shape = ("x".join(map(str, sizes)) for sizes in (mask.shape, size))
                notes.append(f"{video}: frames x height x width are {shape}, but the video's are {video_shape}")
            else:
                yield video, mask


def _puppet(file: Path) -> NDArray[np.bool_] | str:
    """A clip's mask, bool (T, H, W), or why there is none."""
    try:
        mask = np.asarray(loadmat(file, variable_names=["part_mask"])["part_mask"])
    except FileNotFoundError:
        return "no puppet_mask.mat"
    except KeyError:
        return "puppet_mask.mat has no part_mask"
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        return f"puppet_mask.mat cannot be read ({error})"
    # one frame: MATLAB drops the third dimension
    return np.ascontiguousarray(np.moveaxis(np.atleast_3d(mask), 2, 0)) > 0
