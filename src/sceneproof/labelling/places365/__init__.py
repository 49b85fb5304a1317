"""Names of scenes: the 365 of Places365 (Zhou et al., Places, TPAMI 2018), and those of a list or a file.

`IO_places365.txt` is the authors' file, unchanged, under the MIT licence in `LICENSE` beside it
(github.com/CSAILVision/places365).
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from sceneproof.errors import InputError
from sceneproof.files import MOST_NAMES, decoded, read_bounded

# what Places365 writes behind the stroke is mostly said in front: "arena/hockey" is a hockey arena
SAID_BEHIND = ("door", "platform")
SAID_OTHERWISE = {"temple/asia": "Asian temple", "underwater/ocean_deep": "deep ocean underwater"}


def _lines() -> list[list[str]]:
    text = files(__name__).joinpath("IO_places365.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines() if line.strip()]


def scene_names() -> list[str]:
    """The 365 names, in the order that its classifiers give them, such as "airfield" and "arena/hockey".

    The leading letter's folder is left out.
    """
    return [name.split("/", 2)[2] for name, _ in _lines()]


def scene_is_indoor() -> list[bool]:
    """For each of the 365 scenes, in order: whether it is indoors."""
    return [flag == "1" for _, flag in _lines()]


def in_words(name: str) -> str:
    """A name of Places365 as people say it: "hockey arena" for "arena/hockey", "indoor library" for "library/indoor".

    What stands behind the stroke comes first, but for a "subway station platform" and an "elevator door".
    """
    if name in SAID_OTHERWISE:
        return SAID_OTHERWISE[name]
    thing, _, kind = name.replace("_", " ").partition("/")
    return " ".join([thing, kind] if kind in SAID_BEHIND else [kind, thing]).strip()


def read_names(names: Sequence[str] | str | Path) -> list[str]:
    """Scene names: those of a list, or of a text file with one a line, empty lines left out.

    Raises:
        InputError: not a text file, no name, or one name twice.
    """
    source = "the names given"
    if isinstance(names, (str, Path)):
        source = str(names)
        text = decoded(read_bounded(names, MOST_NAMES), f"{names} (one scene name a line)")
        names = [line.strip() for line in text.splitlines() if line.strip()]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice or not names:
        raise InputError(f"{source}: {f'{twice[0]!r} is there twice' if twice else 'no scene names in it'}")
    return list(names)
