"""Features, truths and weights by formula, for the released R-C3D (reference_rc3d.py) and for ours."""

from collections.abc import Mapping

from torch import Tensor

from tests.backbones import formula

ACTIONS, DIM, WIDTH, FRAMES, STRIDE = 3, 6, 10, 128, 8
TRUTHS = (((10.5, 40.25, 0.0), (60.0, 79.0, 2.0)), ((30.0, 101.0, 1.0),))  # start, end, action: of two buffers


def features() -> Tensor:
    """Of two buffers, from frames of 112 x 112: (2, 6, 16, 7, 7)."""
    return formula.values("features", (2, DIM, FRAMES // STRIDE, 7, 7)) * 2


def weights(like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with these keys and shapes; what says offsets says small ones."""
    made = formula.weights(like)
    return {key: value * (0.2 if "twin_pred" in key else 1.0) for key, value in made.items()}
