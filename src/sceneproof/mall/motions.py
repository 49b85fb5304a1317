"""What people do: each action is a cycle of joint angles, varied in tempo, size and style."""

from collections.abc import Callable

import numpy as np

from sceneproof.mall.skeleton import Floats, Pose, Style


def _there_and_back(cycle: Floats) -> Floats:
    return (1 - np.cos(2 * np.pi * cycle)) / 2


def _bump(cycle: Floats, middle: float, width: float) -> Floats:
    """A smooth rise and fall around `middle`, zero further than `width` away, on the circle of length 1."""
    far = np.abs((cycle - middle + 0.5) % 1 - 0.5) / width
    return np.where(far < 1, (1 + np.cos(np.pi * far)) / 2, 0.0)


def _stride(pose: Pose, cycle: Floats, reach: float, fold: float, rest: float) -> None:
    for side in (0, 1):
        phase = 2 * np.pi * (cycle + 0.5 * side)
        pose.hip[:, side] += reach * np.sin(phase)
        pose.knee[:, side] += rest + fold * np.maximum(0, np.cos(phase + 0.25)) ** 1.5


def walk(pose: Pose, cycle: Floats, style: Style) -> None:
    """Steps in turn, arms against legs."""
    _stride(pose, cycle, 25 * style.size, 46, 6)
    pose.advance = 0.75 * style.size
    pose.lean += 3
    swing = np.sin(2 * np.pi * (cycle[:, None] + np.array([0.5, 0.0]))) * (24, 24, 8)[style.manner] * style.size
    pose.swing += swing
    pose.elbow += (10, 30, 5)[style.manner]


def run(pose: Pose, cycle: Floats, style: Style) -> None:
    """Long steps with both feet off the ground between them, arms bent."""
    _stride(pose, cycle, 44 * style.size, 88, 16)
    pose.hip += 10
    pose.advance = 1.7 * style.size
    pose.lean += 12
    pose.lift += 0.07 * style.size * np.abs(np.cos(2 * np.pi * cycle))
    pose.swing += np.sin(2 * np.pi * (cycle[:, None] + np.array([0.5, 0.0]))) * 42 * style.size
    pose.elbow += 78


def jump(pose: Pose, cycle: Floats, style: Style) -> None:
    """Crouches, leaps on the spot with swinging arms, lands."""
    crouch = _bump(cycle, 0.22, 0.24) + 0.5 * _bump(cycle, 0.88, 0.14)
    air = np.clip((cycle - 0.38) / 0.42, 0, 1)
    flight = 4 * air * (1 - air)
    pose.lift += 0.27 * style.size * flight
    pose.hip += (58 * crouch + (10, 45, 5)[style.manner] * flight)[:, None]
    pose.knee += (98 * crouch + (10, 75, 5)[style.manner] * flight)[:, None]
    pose.lean += 30 * crouch
    pose.swing += (-45 * crouch + (150, 90, 165)[style.manner] * np.sqrt(flight))[:, None]


def wave(pose: Pose, cycle: Floats, style: Style) -> None:
    """One arm is up, its forearm goes to and fro."""
    side, beat = style.side, np.sin(2 * np.pi * cycle)
    pose.spread[:, side] = (100, 125, 82)[style.manner] + 6 * beat
    pose.roll[:, side] = 88
    pose.elbow[:, side] = (62, 35, 88)[style.manner] + 36 * style.size * beat
    pose.tilt += 3 * beat


def jumping_jack(pose: Pose, cycle: Floats, style: Style) -> None:
    """Hops legs apart and together while the arms go up and down at the sides."""
    open_ = _there_and_back(cycle)
    pose.spread += ((150, 160, 95)[style.manner] * open_ * min(style.size, 1.0))[:, None]
    pose.straddle += (25 * style.size * open_)[:, None]
    pose.knee += (14 * (1 - np.abs(2 * open_ - 1)))[:, None]
    pose.hip += (7 * (1 - np.abs(2 * open_ - 1)))[:, None]
    pose.lift += 0.05 * np.abs(np.sin(2 * np.pi * cycle))


def squat(pose: Pose, cycle: Floats, style: Style) -> None:
    """Sinks into the knees and rises; the arms go forwards, stay on the chest, or behind the head."""
    down = _there_and_back(cycle) * min(1.1, style.size)
    pose.hip += (82 * down)[:, None]
    pose.knee += (108 * down)[:, None]
    pose.lean += 34 * down
    pose.straddle += 9
    if style.manner == 0:
        pose.swing += (100 * down)[:, None]
    elif style.manner == 1:
        pose.swing += 40
        pose.elbow += 105
        pose.roll -= 35
    else:
        pose.spread += 115
        pose.elbow += 110
        pose.roll += 100


def punch(pose: Pose, cycle: Floats, style: Style) -> None:
    """Fists before the chest; the arms shoot forwards in turn."""
    lead = 1 if style.side else -1
    for side in (0, 1):
        out = _bump(cycle, 0.25 + 0.5 * side, 0.24) * min(1.0, style.size + 0.05)
        pose.swing[:, side] += 42 + 46 * out
        pose.elbow[:, side] += 108 * (1 - out)
        pose.twist += (34 if side == 0 else -34) * out
    pose.spread += 6
    pose.hip += np.array([16.0, -14.0])[::lead]
    pose.knee += 14
    pose.lean += 6


def bend(pose: Pose, cycle: Floats, style: Style) -> None:
    """Bows down from the hips until the hands come near the ground, and straightens."""
    down = _there_and_back(cycle) * min(1.1, style.size)
    pose.lean += 88 * down
    pose.hip += (-8 * down)[:, None]
    pose.knee += ((6, 22, 40)[style.manner] * down)[:, None]
    pose.hip += ((0, 18, 34)[style.manner] * down)[:, None]
    pose.swing += (86 * down)[:, None]
    pose.spread -= 4


def kick(pose: Pose, cycle: Floats, style: Style) -> None:
    """One leg swings back and then forwards and up."""
    side, other = style.side, 1 - style.side
    back, out = _bump(cycle, 0.2, 0.2), _bump(cycle, 0.52, 0.26)
    pose.hip[:, side] += -28 * back + 88 * style.size * out
    pose.knee[:, side] += 66 * back + 10 * out
    pose.knee[:, other] += 12
    pose.hip[:, other] += 6
    pose.lean += 6 * back - 14 * out
    pose.swing[:, other] += -15 + 60 * out
    pose.swing[:, side] += 10 - 45 * out
    pose.spread += (12, 30, 45)[style.manner]
    pose.elbow += (20, 20, 70)[style.manner]


def clap(pose: Pose, cycle: Floats, style: Style) -> None:
    """The hands meet before the chest or above the head, again and again."""
    apart = _there_and_back(cycle) * style.size
    if style.manner == 2:
        pose.spread += (125 + 14 - 30 * apart)[:, None]
        pose.elbow += (52 - 20 * apart)[:, None]
        pose.roll += 88
    else:
        pose.swing += (42, 62)[style.manner]
        pose.spread += (6 + 26 * apart)[:, None]
        pose.elbow += (76, 46)[style.manner]
        pose.roll += (-44 + 44 * apart)[:, None]


def spin(pose: Pose, cycle: Floats, style: Style) -> None:
    """Turns about the vertical with small steps, arms out."""
    pose.turn += 360 * cycle * (1 if style.side else -1)
    _stride(pose, cycle * 3, 9, 30, 6)
    pose.spread += (28, 62, 120)[style.manner] * style.size
    pose.elbow += (10, 0, 35)[style.manner]
    pose.roll += 60
    pose.lift += 0.01


def throw(pose: Pose, cycle: Floats, style: Style) -> None:
    """Draws one arm back over the shoulder and flings it forwards."""
    side, other = style.side, 1 - style.side
    back, out = _bump(cycle, 0.3, 0.3), _bump(cycle, 0.66, 0.22)
    sign = 1 if side else -1
    pose.spread[:, side] += 92 * back + 10 * out
    pose.roll[:, side] += 90 * back
    pose.elbow[:, side] += 88 * back
    pose.swing[:, side] += -20 * back + 105 * style.size * out
    pose.swing[:, other] += 70 * back - 20 * out
    pose.twist += sign * (-38 * back + 40 * out)
    pose.lean += -10 * back + 22 * out
    pose.hip[:, other] += 8 + 24 * back
    pose.knee[:, other] += 8 + 20 * back
    pose.hip[:, side] -= 12
    pose.knee[:, side] += 16


_Motion = Callable[[Pose, Floats, Style], None]
_MOTIONS: dict[str, tuple[_Motion, float, float]] = {  # the shortest and the longest cycle, in seconds
    "walk": (walk, 0.95, 1.3),
    "run": (run, 0.62, 0.85),
    "jump": (jump, 0.9, 1.25),
    "wave": (wave, 0.5, 0.9),
    "jumping_jack": (jumping_jack, 0.8, 1.2),
    "squat": (squat, 1.1, 1.6),
    "punch": (punch, 0.6, 1.0),
    "bend": (bend, 1.2, 1.7),
    "kick": (kick, 0.9, 1.3),
    "clap": (clap, 0.45, 0.75),
    "spin": (spin, 1.1, 1.7),
    "throw": (throw, 0.95, 1.4),
}
ACTIONS = tuple(_MOTIONS)[:8]
TRANSFER_ACTIONS = tuple(_MOTIONS)[8:]


def draw_style(random: np.random.Generator) -> Style:
    """Draws how someone does an action."""
    return Style(
        size=float(random.uniform(0.82, 1.15)),
        side=int(random.integers(2)),
        manner=int(random.integers(3)),
        bow=float(random.uniform(-0.6, 0.6)),
    )


def perform(action: str, seconds: Floats, style: Style, random: np.random.Generator) -> Pose:
    """Poses of someone doing an action, at these times: (T,) seconds.

    Tempo and phase are drawn from `random`; a slow sway is added, so that nobody stands like a statue.
    """
    motion, shortest, longest = _MOTIONS[action]
    cycle = seconds / random.uniform(shortest, longest) + random.random()
    cycle = cycle + style.bow * np.sin(2 * np.pi * cycle) / (4 * np.pi)
    pose = Pose(len(seconds))
    # a full turn must go on where the last one ended; every other motion repeats
    motion(pose, cycle if action == "spin" else cycle % 1, style)
    sway = np.sin(2 * np.pi * (seconds[:, None] * random.uniform(0.2, 0.6, 6) + random.random(6)))
    pose.turn += 4 * sway[:, 0]
    pose.lean += 2 * sway[:, 1]
    pose.tilt += 2 * sway[:, 2]
    pose.swing += 4 * sway[:, 3:5]
    pose.twist += 3 * sway[:, 5]
    return pose
