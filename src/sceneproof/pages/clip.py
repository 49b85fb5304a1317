"""What a model says of one clip, as a piece of the app's page: all that comes from outside is escaped."""

from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from sceneproof.audit.single import ClipAudit
from sceneproof.pages.kit import fill
from sceneproof.pages.pictures import moving, sized

WIDTH = 352
"""Pixels: a picture is not wider."""
MOST = 32
"""Frames of a picture at most."""
RATE = 25.0
"""Frames a second where the file does not say, and the bounds of what is played."""
SLOWEST, QUICKEST = 4.0, 30.0
# Gradio puts the piece into a template of its own: nothing in it may be read as one
MARKS = {"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;", "\\": "&#92;"}


def clip_html(clip: ClipAudit, *, name: str, rate: float, facts: Sequence[str], warnings: Sequence[str] = ()) -> str:
    """The pictures side by side, each with its top answers and a sentence.

    Args:
        clip: what the model says.
        name: of the file.
        rate: frames a second of the file; NaN where it is not known.
        facts: of the file and of how people were found, for the line below its name.
        warnings: what a reader must know before the figures.
    """
    step = max(1, -(-len(clip.shown) // MOST))
    apart = float(np.median(np.diff(clip.shown))) if len(clip.shown) > 1 else 1.0
    played = np.clip((rate if np.isfinite(rate) else RATE) / max(apart, 1.0) / step, SLOWEST, QUICKEST)
    pictures = [
        moving(
            f"{view.title}. {view.sentence}",
            sized(view.frames[::step], min(WIDTH, view.frames.shape[2])),
            float(played),
        )
        for view in clip.views
    ]
    shown = [*zip(clip.views, pictures, strict=True)]
    return _piece(clip=clip, shown=shown, name=name, facts=facts, warnings=warnings, message="")


def problem_html(message: str, name: str = "") -> str:
    """What is wrong with a file, as text; without a name, what to do."""
    return _piece(clip=None, message=message, name=name)


def style() -> str:
    """The style sheet of both; its colours follow the page's."""
    return files("sceneproof.pages").joinpath("clip.css").read_text(encoding="utf-8")


def _piece(**values: object) -> str:
    return "".join(MARKS.get(letter, letter) for letter in fill("clip.html.j2", **values))
