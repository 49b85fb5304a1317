"""From the names in a table to the video files below a folder."""

import difflib
import os
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sceneproof.data.sources.survey import SUFFIXES, walk
from sceneproof.errors import InputError
from sceneproof.files import no_folder

COMPARED = 5000
"""Names that a missing one is compared with; of more, those that begin alike."""


@dataclass
class MatchedFiles:
    """Where the named videos are.

    Attributes:
        paths: below the root, by the name in the table.
        missing: names without a file, each with the nearest name that has one, or "".
        elsewhere: how many were found by their names in other folders than the table says.
    """

    paths: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    elsewhere: int = 0


class VideoFiles:
    """The video files below a folder, by their names with and without suffix, in the Unicode form NFC."""

    def __init__(self, root: Path) -> None:
        """Walks through the folder once.

        Raises:
            InputError: no such folder, or no video in it.
        """
        if not root.is_dir():
            raise InputError(f"--root {no_folder(root, ' of videos')}")
        self.root = root
        self._places: dict[str, list[str]] = defaultdict(list)
        for file in walk(root, {os.path.realpath(root)}):
            if file.suffix.lower() in SUFFIXES:
                path = file.relative_to(root).as_posix()
                for name in {_form(file.name), _form(file.stem)}:
                    self._places[name].append(path)
        if not self._places:
            raise InputError(f"--root {root}: no videos in this folder (of {', '.join(sorted(SUFFIXES))})")

    def find(self, names: list[str], source: str) -> MatchedFiles:
        """Where the videos of these names are.

        Args:
            names: each once: a path below the root, an absolute one, or a file's name; with or without suffix.
            source: the table, for messages.

        Raises:
            InputError: a name that several files have.
        """
        matched = MatchedFiles()
        for name in names:
            wanted = self._below(name)
            places = self._places.get(PurePosixPath(wanted).name, [])
            inside = [place for place in places if _ends(place, wanted)]
            if len(inside) > 1 and wanted in {_form(place) for place in inside}:
                inside = [place for place in inside if _form(place) == wanted]
            chosen = inside or places
            if len(chosen) > 1:
                raise InputError(
                    f"{source}: {name!r} may be {chosen[0]!r} or {chosen[1]!r} below {self.root}: write the path, with "
                    f"its folder and suffix"
                )
            if chosen:
                matched.paths[name] = chosen[0]
                matched.elsewhere += not inside
            else:
                matched.missing[name] = self._nearest(wanted) if len(matched.missing) < 20 else ""
        return matched

    def _below(self, name: str) -> str:
        """A name as a path below the root, with forward slashes."""
        path = re.sub(r"^(\./)+", "", name.replace("\\", "/"))
        for root in (self.root.absolute().as_posix(), self.root.resolve().as_posix()):
            if path.startswith(f"{root}/"):
                path = path.removeprefix(f"{root}/")
        return _form(path)

    def _nearest(self, wanted: str) -> str:
        name = PurePosixPath(wanted).name
        known = list(self._places)
        if len(known) > COMPARED:
            known = [path for path in known if path[:3].casefold() == name[:3].casefold()][:COMPARED]
        by_case = {path.casefold(): path for path in known}
        near = difflib.get_close_matches(name.casefold(), list(by_case), 1, 0.6)
        return self._places[by_case[near[0]]][0] if near else ""


def _ends(place: str, wanted: str) -> bool:
    """Whether a path is, or ends with, the wanted one, with its suffix or without."""
    place = _form(place)
    return any(f"/{spelling}".endswith(f"/{wanted}") for spelling in (place, place.rpartition(".")[0]))


def _form(text: str) -> str:
    return unicodedata.normalize("NFC", text)
