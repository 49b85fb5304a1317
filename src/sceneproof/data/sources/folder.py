"""A folder of one's own videos, or of pictures: one sub-folder an action."""

import os
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pandas as pd

from sceneproof import locks
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.audit import examine, some
from sceneproof.data.sources.listing import hold_out
from sceneproof.data.sources.survey import AMONG, PICTURES, SUFFIXES, link, survey, walk, without_stamps
from sceneproof.errors import InputError
from sceneproof.files import no_folder

OTHER_PICTURES = {".avif", ".heic", ".ppm", ".tif", ".tiff"}
NAMED = 5  # files of a kind, in notes
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
    """Lists a folder of videos, or of pictures, one sub-folder an action, in OUT/manifest.parquet, and its findings.

    Folders named train, validation (or val) and test, each with a sub-folder an action, are taken as the splits.
    Otherwise validation and test clips are drawn, action by action. Nothing is copied: OUT/videos becomes a link to
    the folder (unless OUT contains it). Every file is looked into; those that cannot be read are named.

    Where there are no videos, pictures are listed, each a clip of one frame. Pictures among videos are left out, and
    named; the content decides what a file is.

    Args:
        root: The folder of videos: ROOT/ACTION/... or ROOT/SPLIT/ACTION/...; pictures lie in the folder of their action
            itself, as those in folders below it are taken for frames of a video.
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
        InputError: no such folder, no videos or pictures in sub-folders, shares that leave nothing to train on, two
            files with one name, or a path that `group` does not fit.
    """
    root, out = Path(root), Path(out)
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise InputError(f"validation {validation:g} and test {test:g} are shares that leave a part to train on")
    files, skipped, pictures = _videos(root)
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
    facts, problems = survey(root, list(rows["path"]), pictures=pictures, workers=workers, quiet=quiet)
    rows = pd.concat([rows, facts], axis=1)
    rows, others = _without_others(rows, problems, AMONG[not pictures])
    if rows.empty:
        raise InputError(
            f"{root}: every file is {AMONG[not pictures]} by its content, such as {others[0]}: rename them"
        )
    draw(rows, validation, test, seed)
    prefix = link(root, out)
    rows["path"] = prefix + rows["path"]
    order = list(dict.fromkeys(SPLITS.values()))
    rows = rows.sort_values("split", key=lambda split: split.map(order.index), kind="stable").reset_index(drop=True)
    manifest = Manifest(rows, out, str(out / "manifest.parquet"))
    manifest.write(out / "manifest.parquet")
    notes += _left_out(skipped, others, pictures=pictures)
    notes += manifest.check()
    notes += without_stamps(rows)
    audit = examine(manifest, str(root), unreadable=problems, notes=notes, workers=workers, quiet=quiet)
    audit.write(out / "audit.json")
    if not quiet:
        print(audit.text())
        print(f"wrote {manifest.name}, audit.json")
    return manifest


def _has_splits(root: Path) -> bool:
    names = [folder.name.lower() for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    return "train" in [SPLITS.get(name) for name in names] and all(name in SPLITS for name in names)


def _videos(root: Path) -> tuple[list[str], list[str], bool]:
    """Paths of videos below sub-folders, sorted, or of pictures where there are none; the others; whether pictures."""
    if not root.is_dir():
        raise InputError(f"{no_folder(root)} (expected FOLDER/ACTION/*.mp4)")
    if (root / "videos").is_symlink() and (root / "manifest.parquet").is_file():
        raise InputError(f"{root}: is an index that was written: give the folder of videos first, then OUT")
    depth = 3 if _has_splits(root) else 2
    paths = [path.relative_to(root) for path in sorted(walk(root, {os.path.realpath(root)}))]
    videos = [path for path in paths if path.suffix.lower() in SUFFIXES and len(path.parts) >= depth]
    taken = videos or [path for path in paths if path.suffix.lower() in PICTURES and len(path.parts) == depth]
    loose = [
        path for path in paths if len(path.parts) < depth and path.suffix.lower() in (SUFFIXES if videos else PICTURES)
    ]
    skipped = [path.as_posix() for path in sorted({*paths} - {*taken} - {*loose})]
    if not taken:
        where = "SPLIT/ACTION" if depth == 3 else "ACTION"
        raise InputError(
            f"{root}: no videos in sub-folders (expected {root}/{where}/*.mp4, or another of "
            f"{', '.join(sorted(SUFFIXES))}; or pictures: {', '.join(sorted(PICTURES))})"
            f"{''.join(f'; {text}' for text in _pictures(skipped))}"
        )
    return [path.as_posix() for path in taken], skipped, not videos


def _left_out(skipped: list[str], others: list[str], *, pictures: bool) -> list[str]:
    """Notes on what was left out.

    Args:
        skipped: files that are not taken for their names.
        others: those that are pictures among videos, or videos among pictures, by their content.
        pictures: whether pictures are taken.
    """
    kinds = Counter(Path(path).suffix or Path(path).name for path in skipped)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    notes = [f"left out, no {'pictures' if pictures else 'videos'} by their names: {told}"] if skipped else []
    notes += _pictures(skipped)
    notes += some(f"left out, {'videos among pictures' if pictures else 'pictures among videos'}", others)
    if pictures:
        notes.append(
            "pictures, each a clip of one frame (train with --task.clip.length 1); where they are the frames of "
            "videos, make videos of them first"
        )
    return notes


def _pictures(skipped: list[str]) -> list[str]:
    """What to do about pictures that are left out, where there are any."""
    paths = [path for path in skipped if Path(path).suffix.lower() in PICTURES | OTHER_PICTURES]
    if not paths:
        return []
    told = ", ".join(f"{count:,} {kind}" for kind, count in Counter(Path(path).suffix for path in paths).items())
    names = ", ".join(paths[:NAMED]) + (", …" if len(paths) > NAMED else "")
    return [
        f"pictures were found ({told}) and are left out: {names}; where they are the frames of videos, make videos of "
        f"them first, such as by `ffmpeg -framerate 25 -i FOLDER/%05d.jpg VIDEO.mp4`; a manifest of pictures is made "
        f"of folders without videos, ROOT/ACTION/*.jpg"
    ]


def _without_others(rows: pd.DataFrame, problems: dict[str, str], reason: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows without the files that are not taken for this reason, and their paths, which leave `problems`."""
    others = [path for path, why in problems.items() if why == reason]
    for path in others:
        del problems[path]
    return rows[~rows["path"].isin(others)].reset_index(drop=True), others


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
        match = re.search(pattern, path)
    except re.error as error:
        raise InputError(f"group: {pattern!r} is no regular expression: {error}") from None
    if match is None:
        raise InputError(f"group: {pattern!r} finds nothing in {path!r}")
    return match.group(1 if match.re.groups else 0)


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
