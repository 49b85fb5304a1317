"""Scenes for sport and show: gym, court, pool, stage."""

import numpy as np

from sceneproof.mall.brush import Canvas, Colour, mix, shade
from sceneproof.mall.scenery.rooms import planks, room

_BRIGHT: tuple[Colour, ...] = (
    (205, 60, 55),
    (45, 110, 170),
    (235, 180, 50),
    (60, 140, 90),
    (150, 70, 150),
    (225, 120, 50),
)


def gym(canvas: Canvas) -> None:
    """Mirrors, racks of weights, a treadmill, mats."""
    edge = room(canvas, ((95, 100, 108), (205, 205, 200), (70, 90, 110), (190, 90, 60)), 0.56, 0.64)
    rubber = canvas.pick([(70, 72, 78), (95, 92, 90), (60, 75, 90)])
    canvas.gradient(edge, 1, shade(rubber, 0.9), shade(rubber, 1.25))
    canvas.grain(edge, 1, 12, 0.006)
    canvas.rect(0, 0.1, canvas.width, edge - 0.2, (150, 170, 182))
    for x in np.arange(canvas.between(-0.3, 0), canvas.width, 0.4):
        canvas.poly([(x, edge - 0.1), (x + 0.2, 0.1), (x + 0.3, 0.1), (x + 0.1, edge - 0.1)], (195, 210, 218), 0.5)
        canvas.rect(x, 0.1, 0.008, edge - 0.2, (90, 100, 110))
    canvas.rect(0, 0.04, canvas.width, 0.025, canvas.pick(_BRIGHT))
    for x in canvas.spread(canvas.whole(3, 4), -0.1):
        [_dumbbells, _rack, _treadmill, _bag][canvas.whole(0, 3)](canvas, x, edge + canvas.between(0.03, 0.08))
    for x in canvas.spread(canvas.whole(1, 2)):
        tone, y = canvas.pick(_BRIGHT), canvas.between(0.78, 0.9)
        canvas.poly([(x, y), (x + 0.6, y), (x + 0.68, y + 0.09), (x - 0.08, y + 0.09)], tone)
        canvas.poly(
            [(x - 0.08, y + 0.09), (x + 0.68, y + 0.09), (x + 0.68, y + 0.105), (x - 0.08, y + 0.105)], shade(tone, 0.7)
        )


def _dumbbells(canvas: Canvas, x: float, y: float) -> None:
    for shelf in (0.08, 0.18):
        canvas.rect(x, y - shelf, 0.42, 0.018, (120, 125, 130))
        for place in np.linspace(x + 0.03, x + 0.36, 5):
            tone = canvas.pick(_BRIGHT) if canvas.chance(0.4) else (40, 42, 46)
            canvas.ellipse(place, y - shelf - 0.025, 0.022, 0.028, tone)
            canvas.ellipse(place + 0.03, y - shelf - 0.025, 0.022, 0.028, shade(tone, 0.75))
    for post in (0.0, 0.41):
        canvas.rect(x + post, y - 0.2, 0.015, 0.2, (90, 95, 100))


def _rack(canvas: Canvas, x: float, y: float) -> None:
    for post in (0.06, 0.34):
        canvas.rect(x + post, y - 0.46, 0.025, 0.46, (55, 58, 64))
    canvas.rect(x + 0.06, y - 0.46, 0.3, 0.025, (55, 58, 64))
    canvas.line([(x - 0.06, y - 0.27), (x + 0.48, y - 0.27)], (190, 192, 196), 0.012)
    for plate, size in ((0.0, 0.075), (-0.03, 0.055), (0.42, 0.075), (0.45, 0.055)):
        canvas.ellipse(x + plate, y - 0.27, 0.015, size, canvas.pick(_BRIGHT) if size > 0.06 else (35, 36, 40))


def _treadmill(canvas: Canvas, x: float, y: float) -> None:
    canvas.poly([(x, y - 0.05), (x + 0.4, y - 0.05), (x + 0.43, y), (x - 0.02, y)], (40, 42, 47))
    canvas.line([(x + 0.36, y - 0.04), (x + 0.4, y - 0.3)], (130, 134, 140), 0.02)
    canvas.line([(x + 0.4, y - 0.22), (x + 0.22, y - 0.22)], (130, 134, 140), 0.014)
    canvas.poly([(x + 0.34, y - 0.34), (x + 0.44, y - 0.34), (x + 0.43, y - 0.27), (x + 0.36, y - 0.27)], (30, 60, 80))


def _bag(canvas: Canvas, x: float, y: float) -> None:
    tone = canvas.pick([(150, 45, 40), (40, 42, 48), (40, 80, 140)])
    canvas.line([(x + 0.15, 0), (x + 0.15, y - 0.4)], (130, 130, 135), 0.006)
    canvas.rect(x + 0.09, y - 0.4, 0.12, 0.34, tone)
    canvas.rect(x + 0.11, y - 0.4, 0.025, 0.34, shade(tone, 1.35))
    canvas.rect(x + 0.09, y - 0.33, 0.12, 0.02, (225, 225, 225))


def court(canvas: Canvas) -> None:
    """A basketball hall: parquet with lines, baskets, stands."""
    edge = room(canvas, ((210, 200, 180), (180, 195, 210), (215, 215, 212), (190, 175, 150)), 0.54, 0.62)
    seats = canvas.pick(_BRIGHT)
    for row in range(4):
        y = edge - 0.06 - 0.055 * row
        canvas.rect(0, y, canvas.width, 0.055, shade((120, 120, 125), 0.9 + 0.1 * row))
        for x in np.arange(canvas.between(-0.04, 0), canvas.width, 0.05):
            if canvas.chance(0.85):
                canvas.rect(x, y, 0.036, 0.032, shade(seats, canvas.between(0.8, 1.1)))
    for x in canvas.spread(canvas.whole(2, 4)):
        canvas.poly([(x, 0), (x + 0.16, 0), (x + 0.16, 0.16), (x + 0.08, 0.2), (x, 0.16)], canvas.pick(_BRIGHT, 24))
    wood = canvas.pick([(215, 160, 100), (190, 130, 75), (225, 185, 130)], 10)
    planks(canvas, edge, wood, 30)
    paint, white = canvas.pick(_BRIGHT), (248, 246, 240)
    middle = canvas.between(0.2, canvas.width - 0.2)
    canvas.trapezoid((middle - 0.3, middle + 0.3, edge + 0.03), (middle - 0.42, middle + 0.42, edge + 0.18), paint)
    arc = np.linspace(0, 2 * np.pi, 40)
    canvas.line(np.stack([middle + 0.62 * np.cos(arc), edge + 0.1 + 0.2 * np.sin(arc)], 1), white, 0.008)
    canvas.line([(0, edge + 0.03), (canvas.width, edge + 0.03)], white, 0.008)
    canvas.line([(0, 0.97), (canvas.width, 0.97)], white, 0.014)
    for x in canvas.spread(canvas.whole(1, 2)):
        canvas.line([(x, edge + 0.02), (x, 0.3)], (70, 72, 78), 0.022)
        canvas.rect(x - 0.13, 0.13, 0.26, 0.18, (245, 246, 248))
        canvas.line([(x - 0.05, 0.28), (x - 0.05, 0.19), (x + 0.05, 0.19), (x + 0.05, 0.28)], (205, 60, 50), 0.008)
        canvas.line([(x - 0.055, 0.29), (x + 0.055, 0.29)], (230, 100, 40), 0.012)
        for net in np.linspace(-0.045, 0.045, 5):
            canvas.line([(x + net, 0.295), (x + net * 0.6, 0.36)], (235, 235, 235), 0.004)


def pool(canvas: Canvas) -> None:
    """A swimming bath: water with lane ropes, tiles, starting blocks."""
    edge = canvas.between(0.34, 0.42)
    canvas.tint = (0.93, 1.0, 1.02)
    wall = canvas.pick([(225, 240, 242), (205, 225, 235), (235, 235, 225)], 10)
    canvas.gradient(0, edge, shade(wall, 0.9), wall)
    glass = canvas.pick([(165, 215, 240), (200, 225, 235), (245, 220, 180), (70, 95, 130)])
    for x in np.arange(canvas.between(-0.2, 0), canvas.width, canvas.between(0.26, 0.34)):
        canvas.rect(x, 0.03, 0.22, edge - 0.16, glass)
        canvas.poly(
            [(x, edge - 0.13), (x + 0.1, 0.03), (x + 0.15, 0.03), (x + 0.05, edge - 0.13)], (255, 255, 255), 0.3
        )
    canvas.rect(0, edge - 0.07, canvas.width, 0.03, canvas.pick([(40, 120, 170), (30, 80, 140), (60, 160, 150)]))
    canvas.rect(0, edge - 0.025, canvas.width, 0.03, (205, 205, 200))
    shore = canvas.between(0.64, 0.7)
    water = canvas.pick([(45, 160, 200), (60, 185, 205), (35, 135, 190)], 18)
    canvas.gradient(edge, shore, mix(water, (220, 245, 250), 0.3), water)
    canvas.grain(edge, shore, 16, 0.012, 5)
    for _ in range(40):
        x, y = canvas.between(0, canvas.width), canvas.between(edge + 0.02, shore - 0.02)
        canvas.line([(x, y), (x + 0.03, y + 0.005), (x + 0.06, y)], mix(water, (255, 255, 255), 0.6), 0.004)
    for place in np.linspace(edge + 0.05, shore - 0.05, canvas.whole(2, 4)):
        rope = canvas.pick([(220, 60, 50), (245, 205, 60), (240, 240, 240)])
        for x in np.arange(0, canvas.width, 0.045):
            canvas.ellipse(x, place, 0.018, 0.008, rope if int(x / 0.09) % 2 else (250, 250, 250))
    tile = canvas.pick([(220, 215, 205), (200, 215, 220), (225, 205, 180)], 10)
    canvas.gradient(shore, 1, shade(tile, 0.95), tile)
    canvas.rect(0, shore, canvas.width, 0.025, (245, 247, 248))
    canvas.rect(0, shore - 0.015, canvas.width, 0.016, (40, 90, 140))
    middle = canvas.width / 2
    for y in shore + (1 - shore) * np.linspace(0.2, 1, 5) ** 1.5:
        canvas.line([(0, y), (canvas.width, y)], shade(tile, 0.82), 0.004)
    for place in np.linspace(-2, 2, 26):
        canvas.line([(middle + place * 0.7, shore + 0.025), (middle + place * 1.1, 1)], shade(tile, 0.82), 0.004)
    for x in canvas.spread(canvas.whole(0, 3)):
        canvas.rect(x, shore - 0.07, 0.12, 0.1, (235, 236, 238))
        canvas.rect(x - 0.01, shore - 0.09, 0.14, 0.025, (40, 100, 160))


def stage(canvas: Canvas) -> None:
    """Curtains, beams of light, loudspeakers, boards."""
    edge = canvas.between(0.58, 0.66)
    canvas.tint = (0.98, 0.9, 0.92)
    back = canvas.pick([(35, 25, 50), (25, 30, 45), (50, 20, 30), (20, 40, 45)], 10)
    canvas.gradient(0, edge, shade(back, 0.7), shade(back, 1.6))
    for x in canvas.spread(canvas.whole(3, 6)):
        beam, foot = canvas.pick(_BRIGHT, 40), x + canvas.between(-0.5, 0.5)
        canvas.poly(
            [(x - 0.01, 0), (x + 0.01, 0), (foot + 0.16, edge + 0.1), (foot - 0.16, edge + 0.1)],
            mix(beam, (255,) * 3, 0.3),
            0.28,
        )
        canvas.glow(x, 0.03, 0.14, (255, 245, 220), 0.9)
    cloth = canvas.pick([(150, 25, 35), (110, 20, 60), (30, 50, 110), (140, 90, 30)], 14)
    for left, right in ((0, canvas.between(0.3, 0.5)), (canvas.width - canvas.between(0.3, 0.5), canvas.width)):
        folds = np.arange(left, right, 0.035)
        for place, x in enumerate(folds):
            canvas.rect(x, 0, 0.036, edge, shade(cloth, (0.7, 1.0, 1.25, 0.95)[place % 4]))
    canvas.rect(0, 0, canvas.width, 0.07, shade(cloth, 0.8))
    for x in np.arange(0, canvas.width, 0.14):
        canvas.ellipse(x + 0.07, 0.07, 0.075, 0.05, shade(cloth, 0.95))
        canvas.ellipse(x + 0.07, 0.06, 0.06, 0.035, shade(cloth, 1.15))
    planks(canvas, edge, canvas.pick([(120, 80, 55), (80, 60, 55), (150, 105, 70)]), 22)
    for x in canvas.spread(canvas.whole(1, 3)):
        if canvas.chance(0.6):
            canvas.rect(x, edge - 0.22, 0.15, 0.26, (28, 28, 32))
            canvas.ellipse(x + 0.075, edge - 0.05, 0.055, 0.055, (70, 70, 76))
            canvas.ellipse(x + 0.075, edge - 0.16, 0.03, 0.03, (70, 70, 76))
        else:
            canvas.line([(x, edge + 0.03), (x, edge - 0.26), (x + 0.05, edge - 0.3)], (160, 160, 165), 0.01)
            canvas.ellipse(x + 0.05, edge - 0.31, 0.02, 0.02, (50, 50, 54))
    canvas.ellipse(canvas.between(0.5, canvas.width - 0.5), 0.86, 0.5, 0.12, (255, 240, 200), 0.22)
