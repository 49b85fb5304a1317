"""People: how one is built and dressed. Lengths are in units of the standing height."""

from dataclasses import dataclass

import numpy as np

from sceneproof.mall.brush import Colour

_SKINS: tuple[Colour, ...] = (
    (250, 215, 185), (238, 195, 160), (222, 172, 132), (198, 142, 104), (160, 108, 76), (118, 76, 54),
    (88, 56, 42),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (30, 24, 24), (60, 42, 32), (105, 70, 44), (190, 150, 90), (160, 75, 45), (175, 172, 170),
    (80, 60, 110),
)  # fmt: skip
_CLOTHES: tuple[Colour, ...] = (
    (205, 60, 55), (50, 105, 170), (240, 190, 60), (70, 150, 95), (235, 235, 230), (60, 62, 70),
    (150, 85, 160), (235, 130, 60), (110, 185, 200), (235, 150, 170), (125, 95, 70), (35, 60, 95),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = (
    (45, 65, 105), (55, 55, 62), (125, 105, 80), (90, 95, 100), (165, 150, 120), (95, 50, 60),
    (60, 90, 75),
)  # fmt: skip
_SHOES: tuple[Colour, ...] = ((240, 240, 240), (40, 40, 44), (190, 60, 50), (110, 75, 50), (60, 110, 170))

HAIR_STYLES = ("short", "long", "bun", "tail", "curly", "cap", "bald")
TOPS = ("plain", "stripes", "band", "halves")
SLEEVES = ("none", "short", "long")
BOTTOMS = ("trousers", "shorts", "skirt")


@dataclass(frozen=True, slots=True)
class Body:
    """One person.

    Attributes:
        thigh, shank, torso, neck, upper_arm, forearm: lengths.
        shoulders, hips: half widths.
        head: radius of the head.
        bulk: factor on the thickness of torso and limbs.
        skin, hair, top, accent, bottom, shoes: colours, RGB.
        hair_style, top_style, sleeves, bottom_style: one of the names above.
    """

    thigh: float
    shank: float
    torso: float
    neck: float
    upper_arm: float
    forearm: float
    shoulders: float
    hips: float
    head: float
    bulk: float
    skin: Colour
    hair: Colour
    top: Colour
    accent: Colour
    bottom: Colour
    shoes: Colour
    hair_style: str
    top_style: str
    sleeves: str
    bottom_style: str


def draw_body(random: np.random.Generator) -> Body:
    """Draws a person: child or adult, slim or stout, and all that they wear."""

    def colour(palette: tuple[Colour, ...]) -> Colour:
        base = palette[int(random.integers(len(palette)))]
        red, green, blue = np.clip(np.asarray(base) + random.normal(0, 10, 3), 0, 255).tolist()
        return red, green, blue

    def name(names: tuple[str, ...]) -> str:
        return names[int(random.integers(len(names)))]

    young = random.random() < 0.2
    bulk = float(np.exp(random.normal(0.05, 0.14)))
    legs = random.normal(0.47 if not young else 0.44, 0.015)
    arms = random.normal(0.325, 0.012)
    return Body(
        thigh=legs * 0.5,
        shank=legs * 0.5,
        torso=random.normal(0.29, 0.01),
        neck=0.035,
        upper_arm=arms * 0.52,
        forearm=arms * 0.48,
        shoulders=random.normal(0.112, 0.01) * bulk**0.4,
        hips=random.normal(0.062, 0.006) * bulk**0.4,
        head=random.normal(0.082 if not young else 0.098, 0.004),
        bulk=bulk,
        skin=colour(_SKINS),
        hair=colour(_HAIRS),
        top=colour(_CLOTHES),
        accent=colour(_CLOTHES),
        bottom=colour(_TROUSERS),
        shoes=colour(_SHOES),
        hair_style=name(HAIR_STYLES),
        top_style=name(TOPS),
        sleeves=name(SLEEVES),
        bottom_style=name(BOTTOMS),
    )
