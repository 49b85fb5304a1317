"""What someone does from coming to going, as one pose over time: nothing begins or ends with a cut."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from sceneproof.mall.bodies import Body
from sceneproof.mall.motions import perform
from sceneproof.mall.skeleton import Floats, Pose, Style
from sceneproof.mall.untrimmed.plan import PASSING

BLENDING = 0.64
"""Seconds in which one pose becomes the next; half of them before the time at which an action is said to start."""
_TURNING = 1.0  # seconds to turn to where the next thing is done
_ANGLES = [field.name for field in fields(Pose) if field.name not in ("count", "advance")]


@dataclass(frozen=True, slots=True)
class Phase:
    """One thing someone does for a while.

    Attributes:
        start, end: in seconds.
        activity: an action, "stand" or "sidle".
        style: how.
        facing: degrees: 0 towards the camera, 90 to the picture's right.
        seed: of its tempo, phase and sway.
    """

    start: float
    end: float
    activity: str
    style: Style
    facing: float
    seed: int


@dataclass(frozen=True, slots=True)
class Stay:
    """One person, from coming to going.

    Attributes:
        come, gone: seconds at which they begin to come and are gone.
        body: who.
        stature: factor on their size.
        sides: the side of the picture they come from and go to: -1 left, 1 right.
        phases: what they do, without a gap.
    """

    come: float
    gone: float
    body: Body
    stature: float
    sides: tuple[int, int]
    phases: tuple[Phase, ...]

    def beyond(self, seconds: Floats) -> tuple[Floats, Floats]:
        """Shares, 0 to 1, of the way from their place to the edge they come from, and to the one they go to: (T,)."""
        return (
            np.clip((self.come + PASSING - seconds) / PASSING, 0, 1),
            np.clip((seconds - self.gone + PASSING) / PASSING, 0, 1),
        )

    def pose(self, seconds: Floats) -> Pose:
        """Their pose at these times, (T,) seconds, seen from the front: `turn` holds where they face."""
        poses, weights = [], []
        for place, phase in enumerate(self.phases):
            weight = np.ones_like(seconds) if not place else _risen(seconds, phase.start, BLENDING)
            if place < len(self.phases) - 1:
                weight = weight - _risen(seconds, phase.end, BLENDING)
            if weight.any():
                random = np.random.default_rng(phase.seed)
                poses.append(_ACTIVITIES.get(phase.activity, perform)(phase.activity, seconds, phase.style, random))
                weights.append(weight)
        pose = _blended(poses, weights)
        pose.turn -= self._facing(seconds)
        return pose

    def _facing(self, seconds: Floats) -> Floats:
        facing = np.full(len(seconds), self.phases[0].facing)
        for before, after in zip(self.phases, self.phases[1:], strict=False):
            facing += (after.facing - before.facing) * _risen(seconds, after.start, _TURNING)
        return facing


def stand(activity: str, seconds: Floats, style: Style, random: np.random.Generator) -> Pose:
    """Stands about: arms somewhere, weight on one leg, looks around, now and then lifts a hand. Poses at (T,) times."""
    pose = Pose(len(seconds))
    side, other = style.side, 1 - style.side
    slow = np.sin(2 * np.pi * (seconds[:, None] * random.uniform(0.1, 0.4, 9) + random.random(9)))
    _rest_arms(pose, int(random.integers(5)), side)
    pose.knee[:, other] += 9 + 3 * slow[:, 8]
    pose.hip[:, other] += 6 + 2 * slow[:, 8]
    pose.tilt += (-2 if side else 2) + 2 * slow[:, 0]
    pose.turn += 9 * slow[:, 1]
    pose.twist += 6 * slow[:, 2]
    pose.lean += 2.5 * slow[:, 3]
    pose.swing += 5 * slow[:, 4:6]
    pose.elbow += 6 * slow[:, 6:8]
    fidget = np.maximum(0, np.sin(2 * np.pi * (seconds / random.uniform(4, 8) + random.random()))) ** 6
    pose.elbow[:, side] += 40 * fidget
    pose.swing[:, side] += 14 * fidget
    return pose


def _rest_arms(pose: Pose, manner: int, side: int) -> None:
    """Hanging, hands on hips, folded, behind the back, or one hand up as if it held a phone."""
    if manner == 1:
        pose.spread += 30
        pose.elbow += 70
        pose.roll -= 82
    elif manner == 2:
        pose.swing += 24
        pose.elbow += 82
        pose.roll -= 62
    elif manner == 3:
        pose.swing -= 24
        pose.elbow += 32
        pose.roll -= 70
    elif manner == 4:
        pose.swing[:, side] += 26
        pose.elbow[:, side] += 84
        pose.roll[:, side] -= 26


def sidle(activity: str, seconds: Floats, style: Style, random: np.random.Generator) -> Pose:
    """Steps sideways, arms at rest: how people come and go, since walking is an action. Poses at (T,) times."""
    pose = Pose(len(seconds))
    cycle = seconds / random.uniform(0.65, 0.85) + random.random()
    apart = (1 - np.cos(2 * np.pi * cycle)) / 2
    pose.straddle += (15 * apart)[:, None]
    pose.knee += (10 * apart * (1 - apart) * 2)[:, None]
    pose.tilt += 2 * np.sin(2 * np.pi * cycle)
    pose.swing += 3 * np.sin(2 * np.pi * cycle)[:, None]
    return pose


_ACTIVITIES: dict[str, Callable[[str, Floats, Style, np.random.Generator], Pose]] = {"stand": stand, "sidle": sidle}


def _risen(seconds: Floats, at: float, width: float) -> Floats:
    """From 0 to 1 around a time, smoothly."""
    share = np.clip((seconds - at) / width + 0.5, 0, 1)
    return np.asarray(share**2 * (3 - 2 * share))


def _blended(poses: Sequence[Pose], weights: Sequence[Floats]) -> Pose:
    """The average of poses over T frames, with weights (T,) that sum to 1."""
    blend = Pose(len(weights[0]))
    for name in _ANGLES:
        angles = [getattr(pose, name) for pose in poses]
        shares = [weight if angle.ndim == 1 else weight[:, None] for angle, weight in zip(angles, weights, strict=True)]
        setattr(blend, name, sum(share * angle for share, angle in zip(shares, angles, strict=True)))
    return blend
