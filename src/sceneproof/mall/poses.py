"""A pose over time, as joint angles, and the style it is held in.

Angles are in degrees. Index 0 of the limbs' axis of length 2 is the left side, 1 the right.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Style:
    """How one person does it: all that differs between two videos of one action, beyond body and place.

    Attributes:
        size: factor on the amplitudes.
        side: the leading arm or leg, 0 left or 1 right.
        manner: 0, 1 or 2: where the arms are that the action leaves free, and the like.
        bow: shifts time within the cycle, -1 to 1: quick down and slow up, or the other way round.
    """

    size: float = 1.0
    side: int = 1
    manner: int = 0
    bow: float = 0.0


@dataclass(slots=True)
class Pose:
    """Joint angles over T frames; a person who stands upright with hanging arms has zeros everywhere.

    Attributes:
        count: T.
        lift: height of the lowest foot above the ground, in standing heights.
        advance: speed forwards, in standing heights a second.
        turn, lean, tilt, twist: (T,), the whole body about the vertical; the torso forwards, sideways, about its axis.
        swing, spread: (T, 2), upper arms forwards (180: up) and away from the body (180: up).
        elbow, roll: (T, 2), bend of the elbow, and its plane: 0 forwards, 90 outwards, -90 inwards.
        hip, straddle, knee: (T, 2), thighs forwards, outwards, and bend of the knee.
    """

    count: int
    lift: Floats = field(init=False)
    advance: float = field(init=False, default=0.0)
    turn: Floats = field(init=False)
    lean: Floats = field(init=False)
    tilt: Floats = field(init=False)
    twist: Floats = field(init=False)
    swing: Floats = field(init=False)
    spread: Floats = field(init=False)
    elbow: Floats = field(init=False)
    roll: Floats = field(init=False)
    hip: Floats = field(init=False)
    straddle: Floats = field(init=False)
    knee: Floats = field(init=False)

    def __post_init__(self) -> None:
        for name in ("lift", "turn", "lean", "tilt", "twist"):
            setattr(self, name, np.zeros(self.count))
        for name in ("swing", "spread", "elbow", "roll", "hip", "straddle", "knee"):
            setattr(self, name, np.zeros((self.count, 2)))
        self.spread += 9
        self.elbow += 12
        self.straddle += 3
