"""What names the scene of a picture: the contract. One file a family; `labellers` has them together."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class SceneLabeller(ABC):
    """Anything that says how likely each scene is in a picture. Yours is a subclass, and needs no registration.

    Attributes:
        names: S scene names, in the order of the posteriors.
        title: what makes the labels, and with which settings, as the table will tell: all that its answers depend on.
        short_side: frames may come shrunk to this short side, in pixels; None: it wants them as they are.
    """

    names: Sequence[str]
    title: str
    short_side: int | None = None

    @abstractmethod
    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Posteriors (N, S), each row at least 0 and summing to 1, of frames uint8 (N, H, W, 3), RGB."""
