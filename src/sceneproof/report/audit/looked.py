"""What a model says of one clip, as a piece of a page: all that comes from outside is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from numpy.typing import NDArray

from sceneproof.audit.look import Looked, View
from sceneproof.report.cells import percent
from sceneproof.report.pictures import Picture, picture

WIDTH = 352
"""Pixels: a picture is not wider."""
MOST = 32
"""Frames of a picture at most."""
RATE = 25.0
"""Frames a second where the file does not say, and the bounds of what is played."""
SLOWEST, QUICKEST = 4.0, 30.0
# Gradio puts the piece into a template of its own: nothing in it may be read as one
MARKS = {"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;", "\\": "&#92;"}


@dataclass(frozen=True)
class Bar:
    """A class, its probability as text, and how long its bar is, 0 to 100."""

    name: str
    share: str
    length: float


@dataclass(frozen=True)
class Shown:
    """A view with its picture and its bars."""

    view: View
    picture: Picture
    bars: list[Bar]


def looked_html(looked: Looked, *, name: str, rate: float, facts: Sequence[str], warnings: Sequence[str] = ()) -> str:
    """The pictures side by side, each with its top answers and a sentence.

    Args:
        looked: what the model says.
        name: of the file.
        rate: frames a second of the file; NaN where it is not known.
        facts: of the file and of how people were found, for the line below its name.
        warnings: what a reader must know before the figures.
    """
    step = max(1, -(-len(looked.shown) // MOST))
    apart = float(np.median(np.diff(looked.shown))) if len(looked.shown) > 1 else 1.0
    played = (rate if np.isfinite(rate) else RATE) / max(apart, 1.0) / step
    shown = [_shown(view, step, float(np.clip(played, SLOWEST, QUICKEST))) for view in looked.views]
    return _render("looked.html.j2", looked=looked, shown=shown, name=name, facts=facts, warnings=warnings)


def problem_html(message: str, name: str = "") -> str:
    """What is wrong with a file, as text; without a name, what to do."""
    return _render("problem.html.j2", message=message, name=name)


def style() -> str:
    """The style sheet of both; its colours follow the page's."""
    return files("sceneproof.report.audit").joinpath("looked.css").read_text(encoding="utf-8")


def _shown(view: View, step: int, rate: float) -> Shown:
    moving = picture(view.title, _small(view.frames[::step]), rate, f"{view.title}. {view.sentence}")
    return Shown(view, moving, [Bar(name, percent(share, 0), round(100 * share, 1)) for name, share in view.top])


def _small(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if frames.shape[2] <= WIDTH:
        return frames
    size = WIDTH, max(1, round(frames.shape[1] * WIDTH / frames.shape[2]))
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.uint8)


def _render(template: str, **values: object) -> str:
    environment = Environment(
        loader=PackageLoader("sceneproof.report.audit", "."), autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made = environment.get_template(template).render(**values)
    return "".join(MARKS.get(letter, letter) for letter in made)
