"""A pose over time, as joint angles and the style it is held in; from there to joints in space, and to the picture.

Angles are in degrees. Index 0 of the limbs' axis of length 2 is the left side, 1 the right.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sceneproof.mall.bodies import Body

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


_UP, _FORWARD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
SIDES = np.array([-1.0, 1.0])
FOOT = 0.115  # lengths that hardly differ between people, in standing heights
ANKLE = 0.035


@dataclass(frozen=True, slots=True)
class Joints:
    """Joints of one person over T frames; x to their right, y up, z forwards, in standing heights.

    Attributes:
        pelvis, chest, head: (T, 3); the chest is the middle between the shoulders.
        facing: (T, 3), where the face points to.
        shoulder, elbow, hand, hip, knee, ankle, toe: (T, 2, 3).
    """

    pelvis: Floats
    chest: Floats
    head: Floats
    facing: Floats
    shoulder: Floats
    elbow: Floats
    hand: Floats
    hip: Floats
    knee: Floats
    ankle: Floats
    toe: Floats


def _turned(about: int, degrees: Floats) -> Floats:
    """Rotation matrices (..., 3, 3) about axis 0, 1 or 2."""
    angle = np.radians(degrees)
    matrix = np.zeros((*angle.shape, 3, 3))
    first, second = (about + 1) % 3, (about + 2) % 3
    matrix[..., about, about] = 1
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., first, second] = -np.sin(angle)
    matrix[..., second, first] = np.sin(angle)
    return matrix


def _limb(base: Floats, swing: Floats, spread: Floats) -> Floats:
    """The frame (T, 2, 3, 3) of a limb: minus its second column points along the limb."""
    return base[:, None] @ _turned(0, -swing) @ _turned(2, spread * SIDES)


def joints(body: Body, pose: Pose) -> Joints:
    """Places every joint; the lowest foot is `pose.lift` above the ground (y = 0)."""
    whole = _turned(1, pose.turn)
    torso = whole @ _turned(1, pose.twist) @ _turned(2, pose.tilt) @ _turned(0, pose.lean)
    pelvis = np.zeros((pose.count, 3))
    chest = pelvis + torso @ (_UP * body.torso)
    upright = whole @ _turned(0, pose.lean * 0.55)
    head = chest + torso @ (_UP * body.neck) + upright @ (_UP * body.head * 1.05 + _FORWARD * 0.012)
    across = SIDES[:, None] * np.array([1.0, 0.0, 0.0])
    shoulder = chest[:, None] + (torso[:, None] @ (across * body.shoulders - _UP * 0.02)[..., None])[..., 0]
    arm = _limb(torso, pose.swing, pose.spread)
    elbow = shoulder - arm[..., 1] * body.upper_arm
    bend, plane = np.radians(pose.elbow)[..., None], np.radians(pose.roll)[..., None]
    towards = np.cos(plane) * arm[..., 2] + np.sin(plane) * arm[..., 0] * SIDES[:, None]
    hand = elbow + (-np.cos(bend) * arm[..., 1] + np.sin(bend) * towards) * body.forearm

    hip = pelvis[:, None] + (whole[:, None] @ (across * body.hips)[..., None])[..., 0]
    leg = _limb(whole, pose.hip, pose.straddle)
    knee = hip - leg[..., 1] * body.thigh
    shank = leg @ _turned(0, pose.knee)
    ankle = knee - shank[..., 1] * body.shank
    ahead = shank[..., 2] * 0.45 + whole[:, None, :, 2] * 0.75
    toe = ankle + ahead / np.linalg.norm(ahead, axis=-1, keepdims=True) * FOOT - _UP * ANKLE * 0.4
    ground = np.minimum(ankle[..., 1], toe[..., 1] + ANKLE * 0.4).min(1) - ANKLE - pose.lift
    shift = -ground[:, None] * _UP
    return Joints(
        pelvis + shift, chest + shift, head + shift, upright[..., 2],
        *(joint + shift[:, None] for joint in (shoulder, elbow, hand, hip, knee, ankle, toe)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StageView:
    """How a standing place is seen.

    Attributes:
        facing: degrees: 0 towards the camera, 90 to the picture's right.
        pitch: degrees that the camera looks down.
    """

    facing: float
    pitch: float

    def project(self, points: Floats) -> Floats:
        """Points (..., 3) to (..., 3): right and down in the picture, and nearness; in standing heights."""
        yaw, pitch = np.radians(self.facing), np.radians(self.pitch)
        # someone who faces the camera has their right hand at the picture's left
        right = -points[..., 0] * np.cos(yaw) + points[..., 2] * np.sin(yaw)
        near = points[..., 0] * np.sin(yaw) + points[..., 2] * np.cos(yaw)
        down = -points[..., 1] * np.cos(pitch) + near * np.sin(pitch)
        return np.stack([right, down, near * np.cos(pitch) + points[..., 1] * np.sin(pitch)], -1)
