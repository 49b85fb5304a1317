"""Scenes between four walls: kitchen, bedroom, office, library-like shelves; and what all rooms are built from."""

import numpy as np

from sceneproof.mall.brush import Canvas, Colour, mix, shade

_WALLS: tuple[Colour, ...] = (
    (225, 215, 195),
    (190, 205, 210),
    (205, 190, 180),
    (180, 195, 170),
    (230, 225, 220),
    (200, 175, 160),
)
_WOODS: tuple[Colour, ...] = ((165, 115, 70), (120, 80, 50), (200, 160, 110), (95, 65, 48))


def room(canvas: Canvas, walls: tuple[Colour, ...] = _WALLS, low: float = 0.52, high: float = 0.62) -> float:
    """Paints a wall with soft light on it; returns the height at which the floor begins."""
    edge = canvas.between(low, high)
    wall, warmth = canvas.pick(walls, 24), canvas.between(0.82, 1.05)
    canvas.tint = (0.98 * warmth, 0.94 * warmth, 0.88 * warmth)
    canvas.gradient(0, edge, shade(wall, 0.85), wall)
    canvas.glow(canvas.between(0, canvas.width), canvas.between(-0.1, 0.2), 0.9, (60, 52, 40), 0.9)
    return edge


def planks(canvas: Canvas, edge: float, colour: Colour, count: int = 18) -> None:
    """A boarded floor whose joints run to a vanishing point, with a skirting board behind it."""
    canvas.gradient(edge, 1, shade(colour, 0.78), shade(colour, 1.08))
    middle = canvas.width / 2 + canvas.between(-0.4, 0.4)
    for place in np.linspace(-1.6, 1.6, count):
        canvas.line([(middle + place * canvas.width * 0.55, edge), (middle + place * canvas.width * 1.3, 1)],
                    shade(colour, 0.68), 0.003)  # fmt: skip
    canvas.grain(edge, 1, 6, 0.01, 6)
    canvas.rect(0, edge - 0.018, canvas.width, 0.022, shade(colour, 0.6))


def tiles(canvas: Canvas, edge: float, first: Colour, second: Colour, columns: int = 16, rows: int = 7) -> None:
    """A chequered floor in perspective."""
    canvas.gradient(edge, 1, shade(first, 0.85), first)
    middle = canvas.width / 2 + canvas.between(-0.3, 0.3)
    heights = edge + (1 - edge) * (np.arange(rows + 1) / rows) ** 1.6
    for row in range(rows):
        for column in range(row % 2, columns, 2):
            corners = []
            for y, steps in ((heights[row], (0, 1)), (heights[row + 1], (1, 0))):
                reach = canvas.width * (0.6 + 0.75 * (y - edge) / (1 - edge))
                corners += [(middle + ((column + step) / columns * 2 - 1) * reach, y) for step in steps]
            canvas.poly(corners, shade(second, 0.85 + 0.15 * row / rows))
    canvas.grain(edge, 1, 4, 0.05)


def window(canvas: Canvas, x: float, y: float, wide: float, high: float) -> None:
    """A window with daylight or night behind it, and curtains now and then."""
    frame = canvas.pick([(240, 238, 232), (120, 90, 65)], 8)
    sky = canvas.pick([(170, 210, 240), (215, 225, 230), (250, 215, 170), (40, 50, 90)])
    canvas.rect(x - 0.015, y - 0.015, wide + 0.03, high + 0.03, frame)
    canvas.rect(x, y, wide, high, sky)
    canvas.ellipse(
        x + wide * canvas.between(0.2, 0.8), y + high, wide * 0.18, high * 0.35, mix(sky, (70, 110, 60), 0.7)
    )
    canvas.rect(x, y + high, wide, 0.015, shade(frame, 0.85))
    canvas.poly([(x, y + high * 0.7), (x + wide * 0.5, y), (x + wide * 0.75, y), (x, y + high)], (255, 255, 255), 0.18)
    canvas.line([(x + wide / 2, y), (x + wide / 2, y + high)], frame, 0.01)
    canvas.line([(x, y + high * 0.45), (x + wide, y + high * 0.45)], frame, 0.01)
    if canvas.chance(0.5):
        cloth = canvas.pick([(190, 80, 70), (90, 120, 160), (215, 190, 140), (120, 150, 110)], 20)
        for side in (x - 0.06, x + wide - 0.02):
            canvas.rect(side, y - 0.04, 0.08, high + 0.12, cloth)
            for fold in range(3):
                canvas.rect(side + 0.015 + 0.026 * fold, y - 0.04, 0.008, high + 0.12, shade(cloth, 0.8))


def picture(canvas: Canvas, x: float, y: float, size: float) -> None:
    """A framed picture on the wall."""
    wide, paper = size * canvas.between(0.7, 1.4), canvas.pick([(240, 235, 225), (205, 220, 225)])
    canvas.rect(x - 0.012, y - 0.012, wide + 0.024, size + 0.024, canvas.pick(_WOODS))
    canvas.rect(x, y, wide, size, paper)
    for _ in range(3):
        across, down = wide * canvas.between(0.25, 0.75), size * canvas.between(0.3, 0.7)
        paint = canvas.pick([(200, 80, 60), (60, 110, 160), (220, 180, 70), (70, 130, 90)], 40)
        canvas.ellipse(x + across, y + down, wide * 0.2, size * 0.2, paint, 0.8)


def plant(canvas: Canvas, x: float, y: float, size: float) -> None:
    """A plant in a pot."""
    pot, leaf = (
        canvas.pick([(190, 100, 70), (225, 222, 215), (70, 75, 85)]),
        canvas.pick([(60, 125, 60), (95, 140, 70)]),
    )
    for angle in np.linspace(0.35, np.pi - 0.35, 8):
        reach = size * canvas.between(0.6, 0.85)
        tip = np.array([x + np.cos(angle) * reach * 0.7, y - size * 0.3 - np.sin(angle) * reach])
        root, side = np.array([x, y - size * 0.3]), np.array([np.sin(angle), np.cos(angle)]) * size * 0.08
        canvas.poly(
            [root, (root + tip) / 2 + side, tip, (root + tip) / 2 - side], shade(leaf, canvas.between(0.75, 1.2))
        )
    canvas.poly([(x - size * 0.17, y - size * 0.32), (x + size * 0.17, y - size * 0.32), (x + size * 0.12, y),
                 (x - size * 0.12, y)], pot)  # fmt: skip


def kitchen(canvas: Canvas) -> None:
    """Cupboards above and below a worktop, tiles, a stove, a fridge."""
    edge = room(canvas, ((235, 230, 215), (215, 225, 220), (240, 220, 190)), 0.6, 0.68)
    front = canvas.pick([(235, 235, 230), (110, 140, 130), (160, 110, 70), (80, 100, 130), (190, 80, 65)], 18)
    top = edge - canvas.between(0.24, 0.28)
    grid = shade(canvas.pick([(230, 240, 240), (200, 215, 225), (240, 225, 200)]), 0.95)
    canvas.rect(0, top - 0.2, canvas.width, 0.2, grid)
    for step in np.arange(0, canvas.width, 0.06):
        canvas.line([(step, top - 0.2), (step, top)], shade(grid, 0.86), 0.003)
    for step in range(3):
        canvas.line([(0, top - 0.06 * step - 0.04), (canvas.width, top - 0.06 * step - 0.04)], shade(grid, 0.86), 0.003)
    unit, x = canvas.between(0.2, 0.28), canvas.between(-0.2, 0)
    shelf, hob = top - canvas.between(0.2, 0.24), canvas.whole(2, 5)
    for place in range(13):
        left = x + unit * place
        canvas.rect(left + 0.006, top, unit - 0.012, edge - top, front)
        canvas.rect(left + 0.02, top + 0.04, unit - 0.04, edge - top - 0.06, shade(front, 0.93))
        canvas.rect(left + unit * 0.4, top + 0.055, unit * 0.2, 0.012, (190, 190, 195))
        if place != hob:
            canvas.rect(left + 0.006, -0.1, unit - 0.012, shelf + 0.1, shade(front, 0.97))
            canvas.rect(left + 0.02, -0.1, unit - 0.04, shelf + 0.08, shade(front, 0.9))
    _stove(canvas, x + unit * hob, top, unit, edge)
    canvas.rect(0, top - 0.022, canvas.width, 0.03, canvas.pick([(90, 85, 85), (205, 190, 165), (140, 95, 60)]))
    for jar in canvas.spread(canvas.whole(3, 6)):
        size, tone = (
            canvas.between(0.05, 0.1),
            canvas.pick([(200, 70, 50), (70, 120, 90), (225, 190, 80), (90, 110, 150)], 40),
        )
        canvas.rect(jar, top - 0.022 - size, size * 0.6, size, tone)
        canvas.rect(jar + size * 0.1, top - 0.022 - size, size * 0.12, size, shade(tone, 1.3))
    if canvas.chance(0.6):
        left = canvas.between(0.1, canvas.width - 0.4)
        canvas.rect(left, 0.02, 0.3, edge, (215, 218, 222))
        canvas.rect(left, 0.02, 0.03, edge, (185, 188, 194))
        canvas.rect(left + 0.03, 0.25, 0.27, 0.008, (150, 152, 158))
        canvas.rect(left + 0.25, 0.28, 0.015, 0.16, (140, 142, 148))
    tiles(
        canvas,
        edge,
        canvas.pick([(225, 215, 200), (200, 205, 205)]),
        canvas.pick([(150, 130, 115), (90, 95, 105), (190, 120, 90)]),
    )


def _stove(canvas: Canvas, left: float, top: float, wide: float, edge: float) -> None:
    canvas.rect(left, top, wide, edge - top, (60, 62, 68))
    canvas.rect(left + 0.03, top + 0.08, wide - 0.06, edge - top - 0.11, (30, 32, 38))
    low, high = edge - 0.05, top + 0.09
    canvas.trapezoid((left + 0.1, left + 0.13, high), (left + 0.05, left + 0.08, low), (90, 95, 105), 0.6)
    canvas.poly([(left + wide * 0.2, 0.1), (left + wide * 0.8, 0.1), (left + wide, 0.2), (left, 0.2)], (175, 178, 185))
    canvas.rect(left + wide * 0.32, -0.1, wide * 0.36, 0.2, (190, 192, 198))
    canvas.rect(
        left + wide * 0.3, top - 0.09, wide * 0.4, 0.07, canvas.pick([(170, 60, 50), (150, 155, 165), (60, 80, 110)])
    )


def bedroom(canvas: Canvas) -> None:
    """A bed, a lamp, a window and pictures."""
    edge = room(canvas)
    planks(canvas, edge, canvas.pick(_WOODS))
    window(
        canvas, canvas.between(0.1, canvas.width - 0.6), canvas.between(0.08, 0.14), canvas.between(0.25, 0.38), 0.26
    )
    for x in canvas.spread(canvas.whole(1, 3)):
        picture(canvas, x, canvas.between(0.08, 0.2), canvas.between(0.08, 0.13))
    x, wide, base = (
        canvas.between(0.1, canvas.width - 0.9),
        canvas.between(0.65, 0.85),
        edge + canvas.between(0.08, 0.12),
    )
    wood = canvas.pick(_WOODS)
    cloth = canvas.pick([(70, 100, 150), (190, 90, 80), (225, 215, 200), (110, 140, 115), (150, 110, 150)], 30)
    canvas.rect(x, base - 0.32, 0.05, 0.34, wood)
    canvas.rect(x + 0.03, base - 0.1, wide, 0.09, shade(wood, 0.85))
    canvas.poly(
        [(x + 0.04, base - 0.19), (x + wide, base - 0.19), (x + wide + 0.03, base - 0.07), (x + 0.04, base - 0.07)],
        cloth,
    )
    for stripe in np.linspace(0.35, 0.95, canvas.whole(2, 6)):
        left = x + wide * stripe
        canvas.trapezoid((left, left + 0.03, base - 0.19), (left + 0.01, left + 0.045, base - 0.07), shade(cloth, 0.8))
    canvas.ellipse(x + 0.16, base - 0.21, 0.11, 0.04, (245, 243, 238))
    canvas.ellipse(x + 0.18, base - 0.2, 0.09, 0.025, (225, 222, 220))
    canvas.rect(x + wide - 0.01, base - 0.13, 0.04, 0.15, wood)
    side = x + wide + 0.12 if canvas.chance(0.5) else x - 0.2
    canvas.rect(side, base - 0.16, 0.14, 0.17, shade(wood, 0.9))
    canvas.rect(side + 0.05, base - 0.085, 0.04, 0.012, shade(wood, 1.5))
    canvas.line([(side + 0.07, base - 0.16), (side + 0.07, base - 0.24)], (90, 85, 80), 0.01)
    canvas.trapezoid(
        (side + 0.035, side + 0.105, base - 0.33), (side + 0.01, side + 0.13, base - 0.23), (245, 225, 170)
    )
    canvas.glow(side + 0.07, base - 0.26, 0.3, (90, 70, 30), canvas.between(0.2, 1))
    rug = canvas.pick([(170, 70, 60), (80, 100, 130), (215, 195, 160), (100, 125, 100)], 25)
    middle, y = canvas.between(0.5, canvas.width - 0.5), canvas.between(0.84, 0.92)
    canvas.ellipse(middle, y, 0.5, 0.1, rug)
    canvas.ellipse(middle, y, 0.42, 0.08, shade(rug, 1.2))
    canvas.ellipse(middle, y, 0.34, 0.06, rug)


def office(canvas: Canvas) -> None:
    """Desks with screens, blinds, a whiteboard, plants."""
    edge = room(canvas, ((215, 220, 222), (200, 205, 205), (225, 220, 210), (175, 190, 200)))
    carpet = canvas.pick([(95, 105, 120), (120, 115, 110), (80, 95, 90), (130, 120, 135)])
    canvas.gradient(edge, 1, shade(carpet, 0.85), shade(carpet, 1.1))
    canvas.grain(edge, 1, 9, 0.006)
    if canvas.chance(0.75):
        x, wide = canvas.between(0, canvas.width - 0.9), canvas.between(0.5, 0.9)
        canvas.rect(x, 0.06, wide, 0.3, canvas.pick([(200, 225, 240), (235, 235, 225), (60, 75, 110)]))
        for step in np.arange(0.07, 0.36, canvas.between(0.02, 0.035)):
            canvas.rect(x, step, wide, 0.008, (235, 236, 236))
    else:
        x = canvas.between(0.1, canvas.width - 0.9)
        canvas.rect(x - 0.01, 0.09, 0.72, 0.3, (150, 155, 160))
        canvas.rect(x, 0.1, 0.7, 0.28, (246, 248, 248))
        for row in range(5):
            start = x + canvas.between(0.04, 0.2)
            ink = canvas.pick([(200, 60, 60), (50, 80, 170), (50, 130, 80)])
            canvas.line(
                [(start, 0.14 + 0.045 * row), (start + canvas.between(0.1, 0.45), 0.14 + 0.045 * row)], ink, 0.006
            )
    for light in canvas.spread(3):
        canvas.poly([(light, 0), (light + 0.2, 0), (light + 0.17, 0.025), (light + 0.03, 0.025)], (255, 255, 248))
    wood = canvas.pick([(205, 180, 145), (230, 230, 228), (130, 95, 70)])
    for x in canvas.spread(canvas.whole(3, 4), -0.1):
        y = edge + canvas.between(0.0, 0.06)
        canvas.rect(x + 0.02, y - 0.12, 0.02, 0.16, shade(wood, 0.6))
        canvas.rect(x + 0.4, y - 0.12, 0.02, 0.16, shade(wood, 0.6))
        canvas.rect(x, y - 0.14, 0.44, 0.025, wood)
        canvas.rect(x + 0.19, y - 0.18, 0.03, 0.04, (60, 60, 65))
        canvas.rect(x + 0.09, y - 0.31, 0.23, 0.14, (35, 37, 42))
        canvas.rect(
            x + 0.1,
            y - 0.3,
            0.21,
            0.12,
            canvas.pick([(70, 120, 180), (220, 230, 235), (50, 60, 75), (120, 170, 140)], 30),
        )
        seat = canvas.pick([(50, 55, 65), (150, 60, 55), (60, 90, 130)])
        canvas.rect(x + 0.14, y - 0.17, 0.14, 0.13, seat)
        canvas.rect(x + 0.12, y - 0.04, 0.18, 0.035, shade(seat, 0.8))
        canvas.line([(x + 0.21, y), (x + 0.21, y + 0.06)], (50, 50, 55), 0.014)
    for x in canvas.spread(canvas.whole(0, 2)):
        plant(canvas, x, edge + 0.06, canvas.between(0.2, 0.34))
