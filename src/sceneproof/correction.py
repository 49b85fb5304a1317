"""A correction of a model's answers, kept as a file: how much of what it says of the scene alone is taken out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

import sceneproof
from sceneproof.errors import InputError
from sceneproof.files import read_json, write_json
from sceneproof.metrics.correction import corrected

COST = 0.01


@dataclass(frozen=True)
class Remedy:
    """How much of the scene's answer is taken out of a model's.

    Attributes:
        alpha: the share, 0 to 1.
        classes: names of the model's classes.
        model: its identity, as an audit keeps it; "" where that is not known.
        scene: the variant that shows the scene alone.
        cost: what accuracy in context was allowed to lose when `alpha` was chosen.
    """

    alpha: float
    classes: tuple[str, ...]
    model: str
    scene: str
    cost: float

    def corrected(self, scores: ArrayLike, scene: ArrayLike) -> NDArray[np.float64]:
        """Probabilities (N, C) of clips, (N, C), with their scene's part, (N, C), taken out: `metrics.correction`."""
        return corrected(scores, scene, self.alpha)

    def write(self, path: Path) -> None:
        """Writes it, whole or not at all."""
        told = {"alpha": self.alpha, "classes": list(self.classes), "model": self.model, "scene": self.scene}
        write_json(path, {"sceneproof": sceneproof.__version__, **told, "cost": self.cost}, sealed=True)

    @classmethod
    def read(cls, path: Path) -> "Remedy":
        """Reads what `sceneproof remedy` wrote.

        Raises:
            InputError: no such file, a damaged one, or another kind of file.
        """
        told = read_json(path, dict)
        alpha, classes = told.get("alpha"), told.get("classes")
        if not isinstance(alpha, int | float) or not 0 <= alpha <= 1 or not isinstance(classes, list):
            raise InputError(f"{path}: no remedy: `sceneproof remedy AUDIT` writes one")
        model, scene = (str(told.get(name, "")) for name in ("model", "scene"))
        return cls(float(alpha), tuple(map(str, classes)), model, scene, float(told.get("cost", COST)))

    def refuse_other(self, classes: Sequence[str], model: str, path: Path) -> None:
        """Raises InputError where it was chosen for another model."""
        if tuple(classes) != self.classes:
            raise InputError(f"{path}: chosen for a model of {len(self.classes)} other classes: audit this one first")
        if self.model and self.model != model:
            raise InputError(f"{path}: chosen for other weights than these: audit this model, and choose anew")
