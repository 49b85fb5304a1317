"""The 365 scenes of Places365 (Zhou et al., Places, TPAMI 2018), in the order that its classifiers give them.

`IO_places365.txt` is the authors' file, unchanged, under the MIT licence in `LICENSE` beside it
(github.com/CSAILVision/places365).
"""

from importlib.resources import files


def _lines() -> list[list[str]]:
    text = files(__name__).joinpath("IO_places365.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines() if line.strip()]


def scene_names() -> list[str]:
    """The 365 names in order, such as "airfield" and "arena/hockey" (the leading letter's folder left out)."""
    return [name.split("/", 2)[2] for name, _ in _lines()]


def scene_is_indoor() -> list[bool]:
    """For each of the 365 scenes, in order: whether it is indoors."""
    return [flag == "1" for _, flag in _lines()]
