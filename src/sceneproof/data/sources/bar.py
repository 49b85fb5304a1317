"""BAR, Biased Action Recognition (Nam, Cha, Ahn, Lee and Shin, Learning from Failure, NeurIPS 2020).

2,595 photographs of six actions: at the place that is usual for the action in train (climbing on rock, diving under
water, fishing above it, racing on a track, throwing on a playing field, vaulting into the sky), elsewhere in test.
There are no lists: files are named ACTION_NUMBER, and the test pictures of an action are numbered on from the training
ones. The folders train and test hold them as published, without sub-folders; in a sub-folder an action, they are read,
too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.folder import draw
from sceneproof.data.sources.listing import How, Listing, collect, write
from sceneproof.data.sources.survey import PICTURES, walk
from sceneproof.errors import InputError

SITE = "https://github.com/alinlab/BAR"
PUBLISHED = {  # training and test pictures, as the README of the data set counts them
    "climbing": (326, 105),
    "diving": (520, 159),
    "fishing": (163, 42),
    "pole_vaulting": (279, 131),
    "racing": (336, 132),
    "throwing": (317, 85),
}
OUTSIDE = "test_out"


@locks.alone(locks.beside_out)
def index_bar(
    root: Path,
    out: Path,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    **options: Annotated[Any, How],
) -> Manifest:
    """Lists the photographs of BAR in OUT/manifest.parquet, each a clip of one frame, with an audit in OUT/audit.json.

    The published test pictures, whose actions are at unusual places, become the split test_out, of the context "out".
    The published training pictures are of the context "in": validation and test are drawn from them, action by action,
    so that a model can be tested in context and out of it. Nothing is downloaded and nothing is copied: OUT/videos
    becomes a link to the pictures.

    Args:
        root: The folder with train and test, from https://github.com/alinlab/BAR.
        out: The folder to write.
        validation: Share of each action's published training pictures that is held out for validation.
        test: Share of each action's published training pictures that is held out for testing in context; 0 for none, as
            published figures have it.
        seed: Another seed holds out other pictures.
        options: How files are looked into: see `How`.

    Raises:
        InputError: no such folders, a picture in them that is none of BAR's (names it), or shares that leave nothing to
            train on.
    """
    root, how = Path(root), How(**options)
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise InputError(f"validation {validation:g} and test {test:g} are shares that leave a part to train on")
    rows = pd.DataFrame(_published(), columns=["video", "names", "split", "action", "context"])
    _refuse_others(root, rows)
    training = rows[rows["context"] == "in"].copy()
    draw(training, validation, test, seed)
    rows.loc[training.index, "split"] = training["split"]
    collection = collect(Listing("BAR", rows, SITE, pictures=True), root, Path(out), how)
    return write(collection, how)[0]


def _published() -> Iterator[tuple[str, tuple[str, ...], str, str, str]]:
    for outside, (folder, context) in enumerate((("train", "in"), ("test", "out"))):
        for action, counts in PUBLISHED.items():
            first = counts[0] * outside
            for number in range(first, first + counts[outside]):
                name = f"{action}_{number}"
                names = f"{folder}/{name}", f"{folder}/{action}/{name}"
                yield name, names, OUTSIDE if outside else "", action, context


def _refuse_others(root: Path, rows: pd.DataFrame) -> None:
    """Raises InputError where the folders are not BAR's, or hold pictures that BAR has not, or has elsewhere."""
    known = {name for names in rows["names"] for name in names}
    for folder in ("train", "test"):
        if not (root / folder).is_dir():
            raise InputError(f"{root / folder}: no such folder: BAR's folders train and test come from {SITE}")
        for path in walk(root / folder, set()):
            name = path.relative_to(root).with_suffix("").as_posix()
            if path.suffix.lower() in PICTURES and name not in known:
                raise InputError(
                    f"{path}: BAR has no such picture in {folder}, where it has {_numbers(folder)}; for pictures of "
                    f"your own: sceneproof index folder"
                )


def _numbers(folder: str) -> str:
    outside = folder == "test"
    ranges = (
        f"{action}_{train * outside} to {train + test * outside - 1}" for action, (train, test) in PUBLISHED.items()
    )
    return ", ".join(ranges)
