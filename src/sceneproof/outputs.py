"""Where results of one video go: files named after it, which another video of the same name does not overwrite."""

from collections.abc import Sequence
from pathlib import Path

from sceneproof.addresses import Place
from sceneproof.errors import InputError
from sceneproof.files import read_json, write_json

SOURCES = "sources.json"
"""In a folder of results: which video each name stands for."""


def output_files(folder: Path, video: Place, endings: Sequence[str]) -> list[Path]:
    """The files FOLDER/NAME.ENDING for a video; the folder is made, and remembers which video the name stands for.

    Raises:
        InputError: there is no such video, or the folder holds what was found in another one of this name.
    """
    if isinstance(video, Path) and not video.is_file():
        raise InputError(f"{video}: no such file")  # before the folder remembers it
    source = str(video.resolve()) if isinstance(video, Path) else str(video)
    known = read_json(folder / SOURCES) if (folder / SOURCES).is_file() else {}
    if not isinstance(known, dict):
        raise InputError(f"{folder / SOURCES}: expected names and videos; remove it, or give another --out")
    files = [folder / f"{video.stem}.{ending}" for ending in endings]
    if known.get(video.stem, source) != source:
        raise InputError(
            f"--out {folder}: {files[0].name} there is of another video of this name, {known[video.stem]}: give "
            f"another folder"
        )
    if video.stem not in known:
        write_json(folder / SOURCES, {**known, video.stem: source})
    return files
