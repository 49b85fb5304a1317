"""A folder of one's own videos: one sub-folder an action."""

import os
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.audit import examine
from sceneproof.data.sources.splits import hold_out
from sceneproof.data.sources.survey import SUFFIXES, link, survey, walk, without_stamps
from sceneproof.errors import InputError

PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@locks.alone(locks.beside_out)
def index_folder(
    root: Path,
    out: Path,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    group: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    quiet: bool = False,
) -> Manifest:
    """Lists a folder of videos, one sub-folder an action, in OUT/manifest.parquet, and prints what it found.

    Folders named train, validation (or val) and test, each with a sub-folder an action, are taken as the splits.
    Otherwise validation and test clips are drawn, action by action. Nothing is copied: OUT/videos becomes a link to
    the folder (unless OUT contains it). Every file is looked into; those that cannot be read are named.

    Args:
        root: The folder of videos: ROOT/ACTION/... or ROOT/SPLIT/ACTION/...
        out: The folder to write.
        validation: Share of each action's clips for validation, where there is no validation folder.
        test: Share of each action's clips for testing, where there are no split folders.
        group: A regular expression that is searched in each path. Clips for which it finds the same text (of its
            first bracket, if it has one) were cut from one video and stay on one side of every split. UCF-101's
            names need "[^/]+_g[0-9]+".
        seed: Another seed draws another split.
        workers: Processes that look into files; by default one a core.
        quiet: No progress and no summary.

    Raises:
        InputError: no such folder, no videos in sub-folders, shares that leave nothing to train on, two files with
            one name, or a path that `group` does not fit.
    """
    root, out = Path(root), Path(out)
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise InputError(f"validation {validation:g} and test {test:g} are shares that leave a part to train on")
    files, skipped = _videos(root)
    rows = pd.DataFrame([_row(file, _has_splits(root)) for file in files], columns=["path", "split", "action"])
    notes = _one_form(rows)
    rows.insert(0, "video", [Path(path).with_suffix("").as_posix() for path in rows["path"]])
    twice = rows[rows["video"].duplicated(keep=False)]
    if len(twice):
        raise InputError(
            f"{root}: {twice['path'].iloc[0]} and {twice['path'].iloc[1]} have one name: rename or remove one"
        )
    if group is not None:
        rows["group"] = [_group(group, path) for path in rows["path"]]
    draw(rows, validation, test, seed)
    facts, problems = survey(root, list(rows["path"]), workers=workers, quiet=quiet)
    prefix = link(root, out)
    rows = pd.concat([rows, facts], axis=1)
    rows["path"] = prefix + rows["path"]
    order = list(dict.fromkeys(SPLITS.values()))
    rows = rows.sort_values("split", key=lambda split: split.map(order.index), kind="stable").reset_index(drop=True)
    manifest = Manifest(rows, out, str(out / "manifest.parquet"))
    manifest.write(out / "manifest.parquet")
    kinds = ", ".join(f"{count} {kind}" for kind, count in skipped.most_common())
    notes += [f"left out, no videos by their names: {kinds}"] if skipped else []
    notes += _pictures(skipped)
    notes += manifest.check()
    notes += without_stamps(rows)
    found = examine(manifest, str(root), unreadable=problems, notes=notes, workers=workers, quiet=quiet)
    found.write(out / "audit.json")
    if not quiet:
        print(found.text())
        print(f"wrote {manifest.name}, audit.json")
    return manifest


def _has_splits(root: Path) -> bool:
    names = [folder.name.lower() for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    return "train" in [SPLITS.get(name) for name in names] and all(name in SPLITS for name in names)


def _videos(root: Path) -> tuple[list[str], Counter[str]]:
    """Paths of videos below sub-folders, sorted; and the other files' suffixes."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder (expected {root}/ACTION/*.mp4)")
    depth = 3 if _has_splits(root) else 2
    paths = [path.relative_to(root) for path in sorted(walk(root, {os.path.realpath(root)}))]
    videos = [path.as_posix() for path in paths if path.suffix.lower() in SUFFIXES and len(path.parts) >= depth]
    skipped = Counter(path.suffix or path.name for path in paths if path.suffix.lower() not in SUFFIXES)
    if not videos:
        where = "SPLIT/ACTION" if depth == 3 else "ACTION"
        raise InputError(
            f"{root}: no videos in sub-folders (expected {root}/{where}/*.mp4, or another of "
            f"{', '.join(sorted(SUFFIXES))}){''.join(f'; {text}' for text in _pictures(skipped))}"
        )
    return videos, skipped


def _pictures(skipped: Counter[str]) -> list[str]:
    """What to do about folders of pictures, where there are any."""
    kinds = {kind: count for kind, count in skipped.items() if kind.lower() in PICTURES}
    if not kinds:
        return []
    told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    return [
        f"pictures were found ({told}): where they are the frames of videos, make videos of them first, such as by "
        f"`ffmpeg -framerate 25 -i FOLDER/%05d.jpg VIDEO.mp4`"
    ]


def _one_form(rows: pd.DataFrame) -> list[str]:
    """Brings the actions' names to the Unicode form NFC, so that a name is one action; tells of those that were two."""
    forms = {name: unicodedata.normalize("NFC", name) for name in rows["action"].unique()}
    rows["action"] = rows["action"].map(forms)
    merged = sorted({form for name, form in forms.items() if name != form and form in forms})
    return (
        [f"folders whose names differ in their Unicode form alone, taken for one action: {', '.join(merged)}"]
        if merged
        else []
    )


def _row(path: str, has_splits: bool) -> tuple[str, str, str]:
    parts = path.split("/")
    return (path, SPLITS[parts[0].lower()], parts[1]) if has_splits else (path, "", parts[0])


def _group(pattern: str, path: str) -> str:
    try:
        found = re.search(pattern, path)
    except re.error as error:
        raise InputError(f"group: {pattern!r} is no regular expression: {error}") from None
    if found is None:
        raise InputError(f"group: {pattern!r} finds nothing in {path!r}")
    return found.group(1 if found.re.groups else 0)


def draw(rows: pd.DataFrame, validation: float, test: float, seed: int) -> None:
    """Fills in the splits that the folders do not tell."""
    groups = "group" if "group" in rows else "video"

    def hold(split: str, share: float) -> None:
        left = rows[rows["split"] == "train"]
        held = hold_out(left["action"].tolist(), left[groups].tolist(), share, seed=seed)
        rows.loc[left.index[held], "split"] = split

    if (rows["split"] == "").all():
        rows["split"] = "train"
        hold("test", test)
        hold("validation", validation / (1 - test))
    elif "validation" not in set(rows["split"]):
        hold("validation", validation)
