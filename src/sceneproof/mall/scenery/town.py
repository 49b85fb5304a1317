"""Scenes where people pass: street, mall, subway."""

import numpy as np

from sceneproof.mall.brush import Canvas, Colour, shade
from sceneproof.mall.scenery.nature import lit, open_sky, tree
from sceneproof.mall.scenery.rooms import plant, tiles

_HOUSES: tuple[Colour, ...] = (
    (190, 110, 85),
    (215, 195, 165),
    (150, 140, 135),
    (200, 165, 120),
    (120, 130, 145),
    (225, 210, 190),
)
_SIGNS: tuple[Colour, ...] = (
    (205, 60, 55),
    (45, 110, 170),
    (235, 180, 50),
    (60, 140, 90),
    (150, 70, 150),
    (40, 45, 55),
)


def street(canvas: Canvas) -> None:
    """A row of houses, parked cars, a road or a pavement; by day or by night."""
    base = canvas.between(0.54, 0.62)
    open_sky(canvas, base)
    night = canvas.chance(0.2)
    if night:
        canvas.tint = (0.55, 0.55, 0.72)
        canvas.gradient(0, base, (18, 22, 48), (60, 60, 95))
    x = canvas.between(-0.2, 0)
    while x < canvas.width:
        wide = canvas.between(0.28, 0.5)
        _house(canvas, x, wide, base, base - canvas.between(0.32, 0.6), night)
        x += wide
    road = lit(canvas, (120, 120, 125), 12)
    canvas.gradient(base, 1, shade(road, 0.9), shade(road, 1.05))
    kerb = base + canvas.between(0.1, 0.14)
    canvas.rect(0, base, canvas.width, kerb - base, lit(canvas, (175, 170, 165), 10))
    canvas.rect(0, kerb, canvas.width, 0.015, lit(canvas, (205, 200, 195), 6))
    canvas.grain(base, 1, 6, 0.008, 2)
    for start in np.arange(canvas.between(-0.3, 0), canvas.width, 0.45):
        canvas.poly(
            [(start, 0.87), (start + 0.22, 0.87), (start + 0.2, 0.895), (start - 0.03, 0.895)],
            lit(canvas, (235, 235, 225), 4),
        )
    for x in canvas.spread(canvas.whole(0, 3)):
        _car(canvas, x, kerb + 0.03, night)
    for x in canvas.spread(canvas.whole(1, 3)):
        if canvas.chance(0.5):
            tree(canvas, x, kerb, canvas.between(0.3, 0.45), lit(canvas, (75, 120, 60), 20))
        else:
            canvas.line([(x, kerb), (x, kerb - 0.42), (x + 0.08, kerb - 0.44)], lit(canvas, (60, 62, 68)), 0.012)
            canvas.glow(x + 0.08, kerb - 0.43, 0.22, (255, 220, 140), 0.9 if night else 0.2)


def _house(canvas: Canvas, left: float, wide: float, base: float, top: float, night: bool) -> None:
    wall = lit(canvas, canvas.pick(_HOUSES, 20))
    canvas.rect(left, top, wide, base - top, wall)
    canvas.rect(left, top, wide, 0.02, shade(wall, 0.75))
    canvas.rect(left + wide - 0.03, top, 0.03, base - top, shade(wall, 0.88))
    columns, glass = canvas.whole(2, 4), lit(canvas, (120, 150, 175), 20)
    step = wide / columns
    for row in np.arange(top + 0.06, base - 0.2, canvas.between(0.11, 0.15)):
        for column in range(columns):
            bright = canvas.chance(0.55 if night else 0.08)
            x, size = left + step * (column + 0.25), step * 0.5
            canvas.rect(x - 0.006, row - 0.006, size + 0.012, 0.082, shade(wall, 1.2))
            canvas.rect(x, row, size, 0.07, (250, 215, 130) if bright else glass)
            canvas.rect(x, row, size, 0.02, shade(glass, 0.7))
    if canvas.chance(0.7):
        sign = canvas.pick(_SIGNS, 20)
        canvas.rect(left + 0.02, base - 0.15, wide - 0.05, 0.15, (250, 225, 160) if night else shade(glass, 0.75))
        for part in range(7):
            x, size = left + 0.015 + (wide - 0.04) * part / 7, (wide - 0.04) / 7
            tone = lit(canvas, sign if part % 2 else (240, 235, 225), 4)
            canvas.poly(
                [
                    (x, base - 0.17),
                    (x + size, base - 0.17),
                    (x + size * 1.05, base - 0.115),
                    (x - size * 0.05, base - 0.115),
                ],
                tone,
            )
    canvas.rect(left + wide * 0.42, base - 0.12, wide * 0.16, 0.12, lit(canvas, (90, 60, 45), 20))


def _car(canvas: Canvas, x: float, y: float, night: bool) -> None:
    paint, size = (
        lit(canvas, canvas.pick(((180, 40, 40), (50, 80, 140), (225, 225, 228), (50, 52, 58), (200, 170, 60)))),
        0.42,
    )
    body = [
        (0, -0.05),
        (0.01, -0.12),
        (0.09, -0.14),
        (0.15, -0.21),
        (0.3, -0.21),
        (0.37, -0.135),
        (0.42, -0.12),
        (0.425, -0.05),
    ]
    at = np.array([x, y])
    canvas.ellipse(x + size / 2, y, size * 0.53, 0.022, (25, 25, 30), 0.5)
    canvas.poly(np.array(body) + at, paint)
    canvas.poly(np.array([(0, -0.05), (0.005, -0.085), (0.425, -0.085), (0.425, -0.05)]) + at, shade(paint, 0.75))
    canvas.poly(np.array([(0.11, -0.14), (0.16, -0.195), (0.22, -0.195), (0.22, -0.14)]) + at, (60, 75, 90))
    canvas.poly(np.array([(0.235, -0.14), (0.235, -0.195), (0.295, -0.195), (0.345, -0.14)]) + at, (60, 75, 90))
    for wheel in (0.09, 0.335):
        canvas.ellipse(x + wheel, y - 0.045, 0.04, 0.045, (30, 30, 33))
        canvas.ellipse(x + wheel, y - 0.045, 0.018, 0.02, (165, 168, 172))
    if night:
        canvas.glow(x + 0.42, y - 0.1, 0.16, (255, 240, 190), 0.9)


def mall(canvas: Canvas) -> None:
    """Shop fronts below a gallery with a glass rail, lamps, a shining floor."""
    base = canvas.between(0.56, 0.64)
    canvas.tint = (1.0, 0.98, 0.94)
    hall = canvas.pick([(238, 232, 222), (225, 228, 232), (235, 220, 200)], 10)
    canvas.gradient(0, base, hall, shade(hall, 0.92))
    deck = canvas.between(0.18, 0.24)
    _shops(canvas, -0.02, deck - 0.04, shade(hall, 0.9))
    canvas.rect(0, deck - 0.1, canvas.width, 0.1, (200, 225, 230), 0.45)
    canvas.rect(0, deck - 0.108, canvas.width, 0.012, (120, 125, 130))
    canvas.rect(0, deck, canvas.width, 0.05, shade(hall, 1.03))
    canvas.rect(0, deck + 0.045, canvas.width, 0.01, shade(hall, 0.7))
    _shops(canvas, deck + 0.055, base, hall)
    floor = canvas.pick([(232, 224, 210), (215, 218, 222), (225, 205, 185)], 10)
    tiles(canvas, base, floor, shade(floor, canvas.between(0.8, 0.93)), 12, 5)
    shine = canvas.pixels[round(base * canvas.pixels.shape[0]) :]
    mirror = canvas.pixels[: round(base * canvas.pixels.shape[0])][::-1][: len(shine)]
    shine[: len(mirror)] = np.clip(shine[: len(mirror)] * 0.78 + mirror * 0.22, 0, 255)
    for x in canvas.spread(5):
        canvas.glow(x, deck + 0.06, 0.14, (120, 110, 80), 0.7)
    for x in canvas.spread(canvas.whole(1, 3)):
        if canvas.chance(0.6):
            plant(canvas, x, base + canvas.between(0.05, 0.1), canvas.between(0.22, 0.3))
        else:
            canvas.rect(x, base + 0.03, 0.34, 0.03, canvas.pick([(150, 110, 75), (70, 75, 85)]))
            canvas.rect(x + 0.03, base + 0.06, 0.02, 0.05, (70, 72, 78))
            canvas.rect(x + 0.29, base + 0.06, 0.02, 0.05, (70, 72, 78))


def _shops(canvas: Canvas, top: float, base: float, hall: Colour) -> None:
    x = canvas.between(-0.3, 0)
    while x < canvas.width:
        wide, sign = canvas.between(0.38, 0.6), canvas.pick(_SIGNS, 24)
        inside = canvas.pick([(250, 240, 215), (225, 235, 240), (245, 215, 215), (215, 205, 190)])
        canvas.rect(x + 0.03, top + 0.02, wide - 0.06, base - top - 0.02, inside)
        canvas.rect(x + 0.03, top + 0.02, wide - 0.06, 0.06, sign)
        canvas.rect(x + wide * 0.3, top + 0.04, wide * 0.4, 0.02, (250, 250, 245))
        for place in np.linspace(x + 0.07, x + wide - 0.12, canvas.whole(3, 5)):
            if canvas.chance(0.4):  # clothes on a stand
                canvas.line([(place, base), (place, base - 0.2)], (110, 105, 100), 0.008)
                coat = canvas.pick(_SIGNS, 40)
                canvas.trapezoid(
                    (place - 0.03, place + 0.03, base - 0.2), (place - 0.035, place + 0.035, base - 0.08), coat
                )
            else:
                for row in range(3):
                    canvas.rect(place - 0.03, base - 0.07 - 0.07 * row, 0.06, 0.045, canvas.pick(_SIGNS, 50))
        canvas.poly(
            [(x + 0.05, base), (x + 0.13, top + 0.08), (x + 0.19, top + 0.08), (x + 0.11, base)], (255, 255, 255), 0.2
        )
        canvas.rect(x, top, 0.03, base - top, shade(hall, 0.82))
        x += wide


def subway(canvas: Canvas) -> None:
    """A platform, a tiled wall with signs, a train or the tunnel."""
    base = canvas.between(0.58, 0.64)
    canvas.tint = (0.9, 0.93, 0.92)
    wall = canvas.pick([(225, 228, 222), (190, 205, 200), (215, 205, 185), (160, 175, 185)])
    canvas.gradient(0, base, shade(wall, 0.75), wall)
    for row in np.arange(0.02, base, 0.035):
        canvas.line([(0, row), (canvas.width, row)], shade(wall, 0.84), 0.003)
    line = canvas.pick(_SIGNS)
    canvas.rect(0, 0.14, canvas.width, 0.05, line)
    canvas.rect(0, 0, canvas.width, 0.06, (70, 74, 78))
    for x in canvas.spread(4):
        canvas.rect(x, 0.035, 0.3, 0.018, (250, 255, 250))
        canvas.glow(x + 0.15, 0.05, 0.25, (90, 95, 90), 0.7)
    for x in canvas.spread(2):
        canvas.rect(x, 0.23, 0.42, 0.07, (30, 40, 80))
        canvas.rect(x + 0.04, 0.255, 0.25, 0.018, (240, 242, 245))
    if canvas.chance(0.6):
        _train(canvas, base, line)
    else:
        for x in canvas.spread(3):
            canvas.rect(x, 0.33, 0.2, 0.2, (70, 72, 75))
            canvas.rect(x + 0.01, 0.34, 0.18, 0.18, canvas.pick(_SIGNS, 50))
            canvas.ellipse(x + 0.1, 0.42, 0.05, 0.05, canvas.pick([(250, 240, 220), (240, 200, 80)]))
    floor = canvas.pick([(150, 150, 150), (130, 128, 122), (165, 160, 150)])
    canvas.gradient(base, 1, shade(floor, 0.85), shade(floor, 1.1))
    canvas.grain(base, 1, 8, 0.006)
    canvas.rect(0, base, canvas.width, 0.012, (60, 60, 62))
    canvas.rect(0, base + 0.035, canvas.width, 0.028, (235, 195, 50))
    for x in canvas.spread(canvas.whole(1, 3)):
        canvas.rect(x, 0, 0.09, base + 0.1, shade(wall, 0.9))
        canvas.rect(x + 0.06, 0, 0.03, base + 0.1, shade(wall, 0.7))
        canvas.rect(x, 0.14, 0.09, 0.05, shade(line, 0.9))


def _train(canvas: Canvas, base: float, line: Colour) -> None:
    steel = canvas.pick([(200, 204, 208), (225, 225, 220), (150, 165, 180)])
    canvas.rect(0, 0.22, canvas.width, base - 0.22, steel)
    canvas.rect(0, base - 0.12, canvas.width, 0.05, line)
    canvas.rect(0, 0.22, canvas.width, 0.02, shade(steel, 0.7))
    x = canvas.between(-0.4, 0)
    while x < canvas.width:
        canvas.rect(x, 0.27, 0.4, 0.14, (45, 55, 65))
        canvas.poly([(x + 0.05, 0.41), (x + 0.15, 0.27), (x + 0.22, 0.27), (x + 0.12, 0.41)], (110, 125, 140), 0.6)
        canvas.rect(x + 0.46, 0.26, 0.24, base - 0.27, shade(steel, 0.88))
        for door in (0.475, 0.59):
            canvas.rect(x + door, 0.28, 0.095, 0.16, (55, 65, 75))
        canvas.line([(x + 0.58, 0.26), (x + 0.58, base - 0.01)], shade(steel, 0.6), 0.006)
        x += 0.76
