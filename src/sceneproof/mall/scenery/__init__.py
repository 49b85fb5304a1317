"""The Mall's scenes: sixteen kinds of place, each drawn anew from its own random numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sceneproof.mall.brush import Canvas, Colour, Image
from sceneproof.mall.scenery.halls import court, gym, pool, stage
from sceneproof.mall.scenery.nature import beach, desert, forest, meadow, snow
from sceneproof.mall.scenery.playground import playground
from sceneproof.mall.scenery.rooms import bedroom, kitchen, office
from sceneproof.mall.scenery.town import mall, street, subway

_PAINTERS: dict[str, Callable[[Canvas], None]] = {
    painter.__name__: painter
    for painter in (
        *(street, beach, playground, subway, meadow, gym, stage, kitchen),
        *(forest, court, pool, mall, bedroom, office, desert, snow),
    )
}
SCENES = tuple(_PAINTERS)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """An empty scene.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        tint: what its light does to the colours of someone who stands in it: a factor for each of R, G and B.
    """

    image: Image
    tint: Colour


def paint(scene: str, width: int, height: int, random: np.random.Generator) -> Backdrop:
    """Paints one scene of this kind: layout, palette, objects and time of day are drawn from `random`."""
    canvas = Canvas(width, height, random)
    _PAINTERS[scene](canvas)
    return Backdrop(canvas.finish(), canvas.tint)
