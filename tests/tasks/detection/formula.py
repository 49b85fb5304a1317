"""Frames, truths and weights by formula, for the released detectors (reference_*.py) and for ours."""

from collections.abc import Mapping

from torch import Tensor

from tests.backbones import formula

ACTIONS, SIZE, WIDTH = 3, 300, 2
# x1 y1 x2 y2 in pixels, action: of two frames
TRUTHS = (
    ((30.0, 42.0, 121.5, 270.0, 2), (140.25, 60.0, 260.0, 150.0, 0)),
    ((200.0, 15.0, 231.0, 48.5, 1), (12.0, 20.0, 288.0, 290.5, 2), (60.0, 0.0, 250.0, 180.0, 0)),
)


def frames() -> Tensor:
    """Two frames (2, 3, 300, 300)."""
    return formula.video(len(TRUTHS), 3, SIZE, SIZE)


def weights(like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with these keys and shapes; convolutions keep the size of what passes them through ReLU."""
    made = formula.weights(like)
    return {key: value * (2**0.5 if value.ndim > 1 else 1) for key, value in made.items()}
