"""J-HMDB-21 in its official layout (Jhuang et al., Towards understanding action recognition, ICCV 2013)."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from sceneproof.data.humans import from_masks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.splits import hold_out
from sceneproof.data.sources.survey import SHOWN, audit, link, survey
from sceneproof.errors import InputError
from sceneproof.progress import track

ADDRESS = "http://files.is.tue.mpg.de/jhmdb"


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
        workers: Threads that read; by default one a core.
        quiet: No progress and no summary.

    Raises:
        InputError: a folder or a split list is missing (says where it comes from), a split list is malformed (names
            the line), or not one video of the lists is there.
    """
    root, out = Path(root), Path(out)
    if not 0 <= validation < 1:
        raise InputError(f"validation {validation:g} is a share that leaves nothing to train on")
    videos = _part(root, ("ReCompress_Videos", "JHMDB_video/ReCompress_Videos"), "JHMDB_video.zip")
    puppets = _part(root, ("puppet_mask",), "puppet_mask.zip")
    rows = _clips(_part(root, ("splits",), "splits.zip"), split)
    there = np.array([(videos / path).is_file() for path in rows["path"]])
    if not there.any():
        raise InputError(
            f"{videos}: not one of the {len(rows)} videos of the split lists is here, such as {rows['path'].iat[0]}: "
            f"they come from {ADDRESS}/JHMDB_video.zip"
        )
    missing = rows["path"][~there].tolist()
    rows = rows[there].reset_index(drop=True)
    training = rows[rows["split"] == "train"]
    held = hold_out(training["action"].tolist(), training["group"].tolist(), validation, seed=seed)
    rows.loc[training.index[held], "split"] = "validation"

    facts, problems = survey(videos, rows["path"].tolist(), workers=workers, quiet=quiet)
    rows = pd.concat([rows, facts], axis=1)
    rows["path"] = link(videos, out) + rows["path"]
    manifest = Manifest(rows, out, str(out / "manifest.parquet"))
    notes: list[str] = []
    masks, boxes = from_masks(_puppets(puppets, rows, notes, workers, quiet), "J-HMDB puppet masks")
    masks.write(out / "masks.parquet")
    boxes.write(out / "boxes.parquet")
    manifest.write(out / "manifest.parquet")
    if not quiet:
        notes = _some("videos of the lists that are not there", missing) + _some("masks of no use", notes)
        print(audit(manifest, problems, notes))
        print(f"wrote {manifest.name}, masks.parquet and boxes.parquet")
    return manifest


def source_film(name: str, action: str) -> str:
    """The film that a clip was cut from: its name without the action, the tags and the running numbers.

    HMDB-51's names are FILM_ACTION_body_camera_people_view_quality_NUMBER; FILM itself often ends in a number of its
    own, one for each scene taken from it.
    """
    film = re.sub(rf"_{re.escape(action)}_[a-z]_[a-z]{{2}}_np\d+_[a-z]{{2}}_[a-z]{{3}}_\d+$", "", name)
    return re.sub(r"_+\d+$", "", film) or film


def _part(root: Path, places: tuple[str, ...], archive: str) -> Path:
    for place in places:
        if (root / place).is_dir():
            return root / place
    raise InputError(f"{root / places[0]}: no such folder; unpack {ADDRESS}/{archive} there")


def _clips(folder: Path, split: int) -> pd.DataFrame:
    """Clips of the split lists: CLASS_test_splitN.txt, with lines "NAME.avi 1" (train), 2 (test) or 0 (neither)."""
    suffix = f"_test_split{split}.txt"
    rows = []
    for file in sorted(folder.glob(f"*{suffix}")):
        action = file.name.removesuffix(suffix)
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            words = line.split()
            if not words or words[-1] == "0":
                continue
            if len(words) != 2 or words[1] not in ("1", "2"):
                raise InputError(f"{file}: line {number}: {line!r} is not a file name and 1 (train) or 2 (test)")
            name = Path(words[0]).stem
            part = "train" if words[1] == "1" else "test"
            rows.append((f"{action}/{name}", f"{action}/{words[0]}", part, action, source_film(name, action)))
    if not rows:
        raise InputError(f"{folder}: no split lists like wave{suffix}; unpack {ADDRESS}/splits.zip there")
    return pd.DataFrame(rows, columns=["video", "path", "split", "action", "group"])


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


def _some(what: str, names: list[str]) -> list[str]:
    """A note with the first few names, or none."""
    if not names:
        return []
    more = [f"  … and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return [f"{what}: {len(names)}", *(f"  {name}" for name in names[:SHOWN]), *more]
