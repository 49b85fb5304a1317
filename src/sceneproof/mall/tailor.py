"""Dresses joints: a person as convex shapes, each part in a shaded and a lit tone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneproof.mall.bodies import Body
from sceneproof.mall.brush import Colour, shade
from sceneproof.mall.figure import DrawnFigure, Shape
from sceneproof.mall.skeleton import SIDES, Joints, StageView

Floats = NDArray[np.float64]
_CIRCLE = np.stack([np.cos(np.arange(16) * np.pi / 8), np.sin(np.arange(16) * np.pi / 8)], 1)
_HALF = np.linspace(0, np.pi, 8)
_DARK = 0.74  # the shaded tone


class _Tailor:
    """Collects the shapes of one person."""

    def __init__(self, body: Body, seen: dict[str, Floats], light: float) -> None:
        self.body, self.seen, self.light = body, seen, np.array([light, -0.6])
        self.shapes: list[Shape] = []

    def add(self, corners: Sequence[Floats], colour: Colour, near: Floats) -> None:
        """Adds one plain shape."""
        self.shapes.append(Shape(corners, colour, near))

    def capsule(
        self, ends: tuple[Floats, Floats], radii: tuple[float, float], colour: Colour, lift: float = 0.0
    ) -> None:
        """Adds a limb: a tapered rod with round ends, between two seen points (T, 3)."""
        first, last = ends
        near = (first[:, 2] + last[:, 2]) / 2 + lift
        far = 1 - np.clip(-near.mean() * 0.9, 0, 0.16)  # the far arm and leg are a little darker
        self.add(_rod(first, last, *radii), shade(colour, _DARK * far), near)
        offset = np.array([*self.light, 0.0]) * 0.3
        lit = _rod(first + offset * radii[0], last + offset * radii[1], radii[0] * 0.68, radii[1] * 0.68)
        self.add(lit, shade(colour, far), near + 1e-4)

    def cloth(self, hulls: Sequence[Floats], bands: Sequence["_Band"], near: Floats) -> None:
        """Adds a garment made of bands across its hulls, each in a shaded tone and, further in, a lit one."""
        lit = [_lit(hull, self.light * 0.016, 0.8) for hull in hulls]
        for shapes, tone, step in ((hulls, _DARK, 0.0), (lit, 1.0, 1e-3)):
            for place, band in enumerate(bands):
                corners = [band.cut(shape, frame) for frame, shape in enumerate(shapes)]
                self.add(corners, shade(band.colour, tone), near + step + 1e-4 * place)

    def legs(self) -> None:
        """Thighs, shanks, shoes, and a skirt over them."""
        body, seen = self.body, self.seen
        thick = body.bulk**0.5
        thigh = body.bottom if body.bottom_style != "skirt" else body.skin
        shank = body.bottom if body.bottom_style == "trousers" else body.skin
        for side in (0, 1):
            hip, knee, ankle, toe = (seen[name][:, side] for name in ("hip", "knee", "ankle", "toe"))
            self.capsule((knee, ankle), (0.04 * thick, 0.025 * thick), shank)
            self.capsule((hip, knee), (0.058 * thick, 0.042 * thick), thigh, 0.004)
            if body.bottom_style == "shorts":
                self.capsule((knee + (hip - knee) * 0.02, knee), (0.04 * thick, 0.04 * thick), body.skin)
            self.capsule((ankle + np.array([0, 0.008, 0]), toe), (0.03, 0.021), body.shoes, 0.01)
        if body.bottom_style == "skirt":
            hem = seen["hip"] + (seen["knee"] - seen["hip"]) * 0.78
            hulls = _hulls(
                [seen["hip"][:, side] for side in (0, 1)], [hem[:, side] for side in (0, 1)], (0.05 * thick, 0.068)
            )
            near = ((seen["hip"] + seen["knee"])[..., 2] / 2).max(1) + 0.008
            self.cloth(hulls, [_Band(seen["pelvis"], seen["chest"], -9, 9, body.bottom)], near)

    def torso(self) -> None:
        """The top with its pattern, and the waist of what is worn below."""
        body, seen = self.body, self.seen
        thick = body.bulk**0.7
        pelvis, chest = seen["pelvis"], seen["chest"]
        inward = seen["shoulder"] + (chest[:, None] - seen["shoulder"]) * 0.22
        hulls = _hulls(
            [inward[:, side] for side in (0, 1)],
            [seen["hip"][:, side] for side in (0, 1)],
            (0.046 * thick, 0.054 * thick),
        )
        spans = {
            "plain": (),
            "stripes": ((0.22, 0.33), (0.48, 0.59), (0.74, 0.85)),
            "band": ((0.42, 0.72),),
            "halves": ((0.56, 9),),
        }
        bands = [_Band(pelvis, chest, -9, 9, body.top)]
        bands += [_Band(pelvis, chest, low, high, body.accent) for low, high in spans[body.top_style]]
        bands.append(_Band(pelvis, chest, -9, 0.06, body.bottom))
        near = (pelvis[:, 2] + chest[:, 2]) / 2
        self.cloth(hulls, bands, near)
        self.capsule((chest, chest + (seen["head"] - chest) * 0.6), (0.036, 0.03), body.skin, 0.002)

    def arms(self) -> None:
        """Upper arms and forearms in sleeves or bare, and hands."""
        body, seen = self.body, self.seen
        thick = body.bulk**0.5
        for side in (0, 1):
            shoulder, elbow, hand = (seen[name][:, side] for name in ("shoulder", "elbow", "hand"))
            fore = body.top if body.sleeves == "long" else body.skin
            upper = body.skin if body.sleeves == "none" else body.top
            self.capsule((elbow, hand), (0.028 * thick, 0.02 * thick), fore, 0.004)
            self.capsule((shoulder, elbow), (0.038 * thick, 0.029 * thick), upper)
            self.capsule((hand, hand + (hand - elbow) * 0.12), (0.027, 0.023), body.skin, 0.006)

    def head(self, facing: Floats) -> None:
        """Face, hair and cap; `facing` (T, 3): where the face points, as seen."""
        body, middle, size = self.body, self.seen["head"], self.body.head
        upward = middle - self.seen["chest"]
        upward = upward / np.linalg.norm(upward, axis=1, keepdims=True)
        near = middle[:, 2] + 0.03
        hair = body.skin if body.hair_style == "bald" else body.accent if body.hair_style == "cap" else body.hair
        back = middle - facing * size * 0.32 + upward * size * 0.1
        wide = {"curly": 1.28, "bald": 0.9, "cap": 1.0}.get(body.hair_style, 1.04)
        self.add(
            _rod(back, back, size * wide, size * wide),
            shade(body.hair if body.hair_style == "cap" else hair, _DARK),
            near - 0.02,
        )
        if body.hair_style in ("long", "tail"):
            end = back - upward * size * 1.7 - facing * size * (0.1 if body.hair_style == "long" else 0.9)
            radii = (size * 0.98, size * 0.75) if body.hair_style == "long" else (size * 0.4, size * 0.2)
            self.capsule((back, end), radii, hair, 0.0)
        if body.hair_style == "bun":
            bun = middle + upward * size * 1.0 - facing * size * 0.55
            self.capsule((bun, bun), (size * 0.45, size * 0.45), hair, 0.02)
        self.add(_rod(middle, middle, size, size), shade(body.skin, 0.86), near)
        lit = middle + np.array([*self.light, 0.0]) * size * 0.16
        self.add(_rod(lit, lit, size * 0.84, size * 0.84), body.skin, near + 1e-4)
        self._face(facing, near + 2e-4)
        if body.hair_style != "bald":
            crown = self._crown(facing, upward, size * (1.14 if body.hair_style == "curly" else 1.06))
            self.add(crown, hair, near + 6e-4)
            self.add([_lit(shape, self.light * size * 0.1, 0.7) for shape in crown], shade(hair, 1.22), near + 7e-4)
        if body.hair_style == "cap":
            brim = middle + upward * size * 0.32 + facing * size * 0.75
            self.capsule((brim, brim + facing * size * 0.7), (size * 0.26, size * 0.2), body.accent, 0.06)

    def _face(self, facing: Floats, near: Floats) -> None:
        size, middle = self.body.head, self.seen["head"]
        upward = np.array([0.0, -1.0, 0.0])
        across = np.cross(facing, upward)
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
        seen = facing[:, 2] > 0.12
        for side in SIDES:
            eye = middle + size * (facing * 0.8 + across * side * 0.36 + upward * 0.02)
            shown = seen & (eye[:, 2] > middle[:, 2] + 0.3 * size)
            self.add(_shown(_rod(eye, eye - upward * size * 0.12, size * 0.1, size * 0.1), shown), (40, 30, 30), near)
        mouth = middle + size * (facing * 0.85 - upward * 0.45)
        corners = _rod(mouth - across * size * 0.2, mouth + across * size * 0.2, size * 0.06, size * 0.06)
        self.add(_shown(corners, seen), shade(self.body.skin, 0.6), near)

    def _crown(self, facing: Floats, upward: Floats, size: float) -> list[Floats]:
        """What the hair covers of the head: all of it from behind, the part above the brow from the front."""
        shapes = []
        for middle, face, up in zip(self.seen["head"], facing, upward, strict=True):
            normal = up[:2] * (1 - 0.35 * abs(face[0])) - face[:2] * 0.9
            normal = normal / max(float(np.hypot(*normal)), 1e-6)
            edge = size * (0.38 * face[2] if face[2] > 0 else 1.1 * face[2])
            shapes.append(_cut(middle[:2] + _CIRCLE * size, middle[:2] + normal * edge, normal))
        return shapes


def _rod(first: Floats, last: Floats, start: float, end: float) -> list[Floats]:
    along = last[:, :2] - first[:, :2]
    angle = np.arctan2(along[:, 1], along[:, 0])[:, None] + np.pi / 2 + _HALF
    round_ = np.stack([np.cos(angle), np.sin(angle)], -1)
    return list(np.concatenate([first[:, None, :2] + round_ * start, last[:, None, :2] - round_ * end], 1))


def _hulls(tops: Sequence[Floats], bottoms: Sequence[Floats], radii: tuple[float, float]) -> list[Floats]:
    rings = [top[:, None, :2] + _CIRCLE * radii[0] for top in tops]
    rings += [bottom[:, None, :2] + _CIRCLE * radii[1] for bottom in bottoms]
    return [cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64) for points in np.concatenate(rings, 1)]


def _lit(shape: Floats, offset: Floats, size: float) -> Floats:
    """The lit part of a shape: smaller, and moved towards the light."""
    middle = shape.mean(0) if len(shape) else np.zeros(2)
    return np.asarray(middle + (shape - middle) * size + offset)


def _cut(shape: Floats, point: Floats, normal: Floats) -> Floats:
    """What of a convex shape lies beyond a line through `point`, on the side that `normal` points to."""
    if len(shape) < 3:
        return shape
    depth = (shape - point) @ normal
    following, beyond = np.roll(depth, -1), np.roll(shape, -1, 0)
    share = depth / np.where(depth == following, 1, depth - following)
    crossing = shape + (beyond - shape) * share[:, None]
    both = np.stack([shape, crossing], 1).reshape(-1, 2)
    kept = np.stack([depth >= 0, (depth >= 0) != (following >= 0)], 1).reshape(-1)
    return np.asarray(both[kept])


@dataclass(frozen=True, slots=True)
class _Band:
    """A coloured strip across the line from `low` to `high`, (T, 3) as seen, between two shares of its length."""

    low: Floats
    high: Floats
    start: float
    end: float
    colour: Colour

    def cut(self, shape: Floats, frame: int) -> Floats:
        """What of a convex shape lies in the strip."""
        if self.start < 0 and self.end > 1:
            return shape
        foot, along = self.low[frame, :2], self.high[frame, :2] - self.low[frame, :2]
        along = along / max(float(np.hypot(*along)), 1e-6)
        length = 0.29  # a torso that is seen end on keeps the width of its stripes
        above = shape if self.start < 0 else _cut(shape, foot + along * self.start * length, along)
        return above if self.end > 1 else _cut(above, foot + along * self.end * length, -along)


def _shown(corners: Sequence[Floats], shown: NDArray[np.bool_]) -> list[Floats]:
    return [points if visible else np.zeros((0, 2)) for points, visible in zip(corners, shown, strict=True)]


def dress(body: Body, joints: Joints, view: StageView, light: float) -> DrawnFigure:
    """The figure of a person over T frames, lit from the left (`light` -1) to the right (1).

    Coordinates are measured from the point on the ground below the pelvis' place of rest.
    """
    names = ("pelvis", "chest", "head", "shoulder", "elbow", "hand", "hip", "knee", "ankle", "toe")
    seen = {name: view.project(getattr(joints, name)) for name in names}
    tailor = _Tailor(body, seen, light)
    parts: tuple[Callable[[], None], ...] = (tailor.legs, tailor.torso, tailor.arms)
    for part in parts:
        part()
    tailor.head(view.project(joints.facing))
    order = np.argsort(np.stack([shape.near for shape in tailor.shapes], 1), axis=1, kind="stable")
    return DrawnFigure(tailor.shapes, order)
