"""Scenes without houses: beach, forest, meadow, desert, snow."""

import numpy as np

from sceneproof.mall.brush import Canvas, Colour, mix, shade

_LIGHTS: tuple[tuple[Colour, Colour, Colour], ...] = (  # high sky, low sky, tint: noon, late, overcast, early, evening
    ((70, 140, 220), (190, 220, 245), (1.0, 1.0, 1.0)),
    ((90, 130, 190), (250, 205, 150), (1.0, 0.92, 0.8)),
    ((165, 178, 190), (215, 220, 224), (0.93, 0.95, 0.97)),
    ((120, 165, 215), (250, 225, 220), (0.98, 0.95, 0.97)),
    ((70, 80, 140), (235, 150, 120), (0.82, 0.75, 0.82)),
)


def open_sky(canvas: Canvas, horizon: float) -> Colour:
    """Paints sky, sun and clouds down to the horizon, sets the scene's tint, and returns the sky's low colour."""
    high, low, tint = _LIGHTS[canvas.whole(0, len(_LIGHTS) - 1)]
    high, low = canvas.vary(high), canvas.vary(low)
    canvas.tint = tint
    canvas.gradient(0, horizon, high, low)
    if canvas.chance(0.4):
        canvas.glow(canvas.between(0, canvas.width), canvas.between(0.05, 0.3), 0.35, (255, 235, 190), 0.8)
    for x in canvas.spread(canvas.whole(0, 5)):
        y, size = canvas.between(0.04, horizon * 0.7), canvas.between(0.03, 0.07)
        for puff in range(canvas.whole(3, 6)):
            across, up = puff * size * 0.8 - size * 1.5, canvas.between(0, 0.4) * size
            canvas.ellipse(
                x + across, y - up, size * canvas.between(0.8, 1.4), size * 0.5, mix(low, (255,) * 3, 0.6), 0.7
            )
    return low


def lit(canvas: Canvas, colour: Colour, spread: float = 14.0) -> Colour:
    """The colour, varied, in the scene's light."""
    red, green, blue = (part * light for part, light in zip(canvas.vary(colour, spread), canvas.tint, strict=True))
    return red, green, blue


def tree(canvas: Canvas, x: float, y: float, height: float, leaf: Colour) -> None:
    """A leafy tree that stands at (x, y)."""
    trunk = lit(canvas, (95, 70, 50))
    canvas.poly([(x - 0.03 * height, y), (x - 0.015 * height, y - 0.6 * height), (x + 0.015 * height, y - 0.6 * height),
                 (x + 0.035 * height, y)], trunk)  # fmt: skip
    for part in range(11):
        share = part / 10
        across, up = canvas.between(-0.24, 0.24) * height, (0.45 + 0.5 * canvas.between(0, 1)) * height
        size = canvas.between(0.11, 0.18) * height
        tone = shade(canvas.vary(leaf, 10), 0.72 + 0.45 * share)
        canvas.ellipse(x + across * (1 - 0.4 * share), y - up, size * 1.1, size * 0.9, tone)


def pine(canvas: Canvas, x: float, y: float, height: float, leaf: Colour, snow: bool = False) -> None:
    """A conifer that stands at (x, y), with snow on it or not."""
    canvas.rect(x - 0.02 * height, y - 0.2 * height, 0.04 * height, 0.2 * height, lit(canvas, (85, 60, 45)))
    for tier in range(4):
        base, wide = y - (0.12 + 0.2 * tier) * height, (0.24 - 0.045 * tier) * height
        tone = shade(leaf, 0.8 + 0.1 * tier)
        canvas.poly([(x - wide, base), (x + wide, base), (x, base - 0.36 * height)], tone)
        canvas.poly([(x, base), (x + wide, base), (x, base - 0.36 * height)], shade(tone, 0.82))
        if snow:
            top = base - 0.36 * height
            canvas.poly([(x - 0.5 * wide, base - 0.18 * height), (x + 0.4 * wide, base - 0.2 * height), (x, top)],
                        lit(canvas, (240, 244, 250), 6))  # fmt: skip


def tufts(canvas: Canvas, horizon: float, count: int, colour: Colour) -> None:
    """Blades of grass, larger towards the front."""
    for _ in range(count):
        depth = canvas.between(0.05, 1) ** 0.8
        x, y, size = canvas.between(0, canvas.width), horizon + (1 - horizon) * depth, 0.012 + 0.03 * depth
        tone = shade(colour, canvas.between(0.7, 1.25))
        for side in (-0.5, 0.1, 0.6):
            canvas.line([(x, y), (x + side * size, y - size)], tone, 0.004)


def beach(canvas: Canvas) -> None:
    """Sea, surf and sand; now and then a palm, a parasol, a sail."""
    horizon = canvas.between(0.36, 0.46)
    shore = horizon + canvas.between(0.1, 0.17)
    low = open_sky(canvas, horizon)
    sea = lit(canvas, (40, 130, 165), 24)
    canvas.gradient(horizon, shore, mix(sea, low, 0.35), sea)
    canvas.grain(horizon, shore, 12, 0.008, 9)
    sand = lit(canvas, (222, 196, 150), 18)
    canvas.gradient(shore, 1, shade(sand, 0.92), sand)
    canvas.grain(shore, 1, 6, 0.012, 3)
    canvas.grain(shore, 1, 9, 0.1, 3)
    wave = np.linspace(0, canvas.width, 40)
    for step in range(3):
        swing = np.sin(wave * canvas.between(4, 9) + canvas.between(0, 6)) * 0.008
        canvas.line(np.stack([wave, shore - 0.028 * step + swing], 1), mix((250, 252, 252), sea, 0.15 * step), 0.012)
    if canvas.chance(0.6):
        x = canvas.between(0.1, canvas.width)
        canvas.poly(
            [(x, horizon - 0.11), (x, horizon - 0.01), (x + 0.06, horizon - 0.01)], lit(canvas, (250, 250, 245))
        )
        canvas.poly([(x - 0.05, horizon), (x + 0.07, horizon), (x + 0.05, horizon + 0.02), (x - 0.03, horizon + 0.02)],
                    lit(canvas, (120, 60, 50)))  # fmt: skip
    for x in canvas.spread(canvas.whole(0, 2)):
        _parasol(canvas, x, shore + canvas.between(0.08, 0.16))
    if canvas.chance(0.7):
        _palm(canvas, canvas.between(0.1, canvas.width - 0.1), shore + canvas.between(0.03, 0.12))


def _parasol(canvas: Canvas, x: float, y: float) -> None:
    first, size = lit(canvas, (215, 70, 60), 70), canvas.between(0.12, 0.17)
    canvas.line([(x, y), (x + 0.01, y - size * 1.5)], lit(canvas, (240, 240, 235)), 0.01)
    for part in range(5):
        left, right = -1 + 0.4 * part, -0.6 + 0.4 * part
        colour = first if part % 2 else lit(canvas, (248, 245, 238), 4)
        arc = [
            (x + side * size, y - size * (1.5 + 0.55 * np.sqrt(1 - side**2))) for side in np.linspace(left, right, 5)
        ]
        canvas.poly([*arc, (x + right * size, y - size * 1.42), (x + left * size, y - size * 1.42)], colour)


def _palm(canvas: Canvas, x: float, y: float) -> None:
    height, bow = canvas.between(0.42, 0.6), canvas.between(-0.12, 0.12)
    share = np.linspace(0, 1, 12)
    trunk = np.stack([x + bow * share**2, y - height * share], 1)
    canvas.line(trunk, lit(canvas, (130, 100, 70)), 0.028)
    leaf, top = lit(canvas, (50, 125, 60), 20), trunk[-1]
    for angle in np.linspace(-0.5, np.pi + 0.5, 9) + canvas.between(-0.15, 0.15):
        reach = canvas.between(0.17, 0.24)
        along = share[:, None] * np.array([np.cos(angle), -np.sin(angle)]) * reach
        along[:, 1] += 0.13 * share**2
        thick = 0.022 * np.sin(np.pi * share**0.7)[:, None] * np.array([0.3, 1.0])
        tone = shade(leaf, canvas.between(0.75, 1.2))
        canvas.poly(np.concatenate([top + along - thick, (top + along + thick)[::-1]]), tone)


def forest(canvas: Canvas) -> None:
    """Trunks behind trunks, ferns and light on the ground."""
    horizon = canvas.between(0.48, 0.58)
    canvas.tint = (0.88, 0.95, 0.85)
    mist = canvas.pick([(170, 200, 160), (205, 215, 180), (150, 185, 165)])
    leaf = canvas.pick([(55, 110, 50), (80, 125, 45), (40, 95, 65), (165, 120, 45)], 22)
    canvas.gradient(0, horizon, mix(leaf, mist, 0.5), mist)
    canvas.grain(0, horizon, 22, 0.06)
    ground = mix(leaf, (105, 85, 60), canvas.between(0.2, 0.7))
    canvas.gradient(horizon, horizon + 0.13, mix(ground, mist, 0.5), shade(ground, 0.8))
    for layer in range(3):
        near = (layer + 1) / 3
        base = horizon + 0.08 * layer
        trunk = mix(mist, canvas.vary((80, 60, 45)), 0.35 + 0.6 * near)
        for x in canvas.spread(canvas.whole(7, 10) - 2 * layer):
            wide = (0.012 + 0.022 * near) * canvas.between(0.7, 1.3)
            tone = shade(trunk, canvas.between(0.85, 1.15))
            canvas.poly([(x - wide, base), (x - wide * 0.7, 0), (x + wide * 0.7, 0), (x + wide * 1.2, base)], tone)
            canvas.poly([(x + wide * 0.2, base), (x + wide * 0.3, 0), (x + wide * 0.7, 0), (x + wide * 1.2, base)],
                        shade(tone, 0.7))  # fmt: skip
        for x in canvas.spread(12):
            size, tone = canvas.between(0.05, 0.12), mix(mist, leaf, 0.3 + 0.6 * near)
            canvas.ellipse(x, canvas.between(-0.02, 0.12), size * 1.5, size, shade(tone, canvas.between(0.8, 1.2)))
    canvas.gradient(horizon + 0.12, 1, shade(ground, 0.8), ground)
    canvas.grain(horizon + 0.12, 1, 16, 0.02, 2.5)
    for _ in range(9):
        x, y = canvas.between(0, canvas.width), canvas.between(horizon + 0.16, 0.98)
        canvas.ellipse(x, y, canvas.between(0.06, 0.16), 0.018, mix(ground, (245, 240, 180), 0.55), 0.55)
    tufts(canvas, horizon + 0.1, 60, shade(leaf, 1.1))


def meadow(canvas: Canvas) -> None:
    """Hills, grass and flowers."""
    horizon = canvas.between(0.44, 0.54)
    low = open_sky(canvas, horizon)
    grass = lit(canvas, (110, 165, 60), 24)
    canvas.ridge(horizon - 0.05, 0.1, mix(grass, low, 0.65), 3, 0.3)
    canvas.ridge(horizon, 0.06, mix(grass, low, 0.35), 3, 0.25)
    for x in canvas.spread(canvas.whole(1, 5)):
        tree(canvas, x, horizon + 0.05, canvas.between(0.16, 0.34), lit(canvas, (70, 120, 50), 24))
    canvas.gradient(horizon + 0.05, 1, shade(grass, 1.08), shade(grass, 0.85))
    canvas.grain(horizon + 0.05, 1, 14, 0.03, 4)
    tufts(canvas, horizon + 0.05, 110, grass)
    for _ in range(canvas.whole(20, 70)):
        depth = canvas.between(0.1, 1)
        x, y, size = canvas.between(0, canvas.width), horizon + 0.05 + (0.95 - horizon) * depth, 0.003 + 0.007 * depth
        canvas.ellipse(
            x, y, size, size, canvas.pick([(250, 220, 70), (245, 245, 250), (225, 80, 110), (150, 100, 210)])
        )


def desert(canvas: Canvas) -> None:
    """Dunes, table mountains and cacti."""
    horizon = canvas.between(0.46, 0.56)
    low = open_sky(canvas, horizon)
    sand = lit(canvas, canvas.pick([(225, 170, 105), (205, 130, 80), (235, 200, 140)]), 16)
    for x in canvas.spread(canvas.whole(1, 3)):
        wide, high, rock = canvas.between(0.12, 0.28), canvas.between(0.08, 0.2), mix(shade(sand, 0.7), low, 0.3)
        canvas.poly([(x - wide, horizon), (x - wide * 0.7, horizon - high), (x + wide * 0.6, horizon - high * 1.05),
                     (x + wide, horizon)], rock)  # fmt: skip
        top = horizon - high * 1.03
        canvas.trapezoid((x + wide * 0.3, x + wide * 0.6, top), (x + wide * 0.2, x + wide, horizon), shade(rock, 0.82))
    canvas.gradient(horizon, 1, shade(sand, 0.84), sand)
    for layer in range(4):
        tone = shade(sand, 0.86 + 0.07 * layer)
        canvas.ridge(horizon + 0.03 + 0.1 * layer, 0.09, tone, canvas.whole(2, 4), 0.2)
    canvas.grain(horizon, 1, 7, 0.012, 8)
    for x in canvas.spread(canvas.whole(1, 4)):
        y, size, tone = canvas.between(horizon + 0.08, 0.8), canvas.between(0.16, 0.34), lit(canvas, (80, 125, 75), 16)
        canvas.line([(x, y), (x, y - size)], tone, size * 0.17)
        for side in (-1, 1):
            if canvas.chance(0.75):
                elbow, up = y - size * canvas.between(0.35, 0.55), size * canvas.between(0.25, 0.4)
                arm = [(x, elbow), (x + side * size * 0.28, elbow), (x + side * size * 0.28, elbow - up)]
                canvas.line(arm, shade(tone, 0.9), size * 0.11)
        canvas.line([(x - size * 0.03, y - size * 0.05), (x - size * 0.03, y - size)], shade(tone, 1.25), size * 0.03)


def snow(canvas: Canvas) -> None:
    """White mountains and firs."""
    horizon = canvas.between(0.5, 0.6)
    low = open_sky(canvas, horizon)
    for layer in range(2):
        rock = mix(lit(canvas, (110, 120, 145)), low, 0.45 - 0.3 * layer)
        for x in canvas.spread(canvas.whole(3, 4)):
            wide, top = canvas.between(0.28, 0.5), horizon - canvas.between(0.2, 0.42) * (1 - 0.35 * layer)
            peak, white = (x + canvas.between(-0.08, 0.08), top), lit(canvas, (244, 247, 252), 5)
            canvas.poly([(x - wide, horizon), peak, (x + wide, horizon)], white)
            canvas.poly(
                [peak, (x + wide, horizon), (x + wide * 0.1, horizon), (x + wide * 0.2, (top + horizon) / 2)], rock
            )
    white = lit(canvas, (236, 241, 248), 6)
    canvas.gradient(horizon, 1, mix(white, (160, 180, 215), 0.3), white)
    canvas.ridge(horizon, 0.04, mix(white, (160, 180, 215), 0.25), 3, 0.2)
    canvas.gradient(horizon + 0.04, 1, mix(white, (170, 190, 220), 0.2), white)
    canvas.grain(horizon + 0.03, 1, 6, 0.05, 4)
    for x in canvas.spread(canvas.whole(4, 10)):
        y = horizon + canvas.between(0.02, 0.12)
        pine(canvas, x, y, canvas.between(0.2, 0.42), lit(canvas, (45, 90, 75), 16), canvas.chance(0.8))
    for _ in range(canvas.whole(0, 90)):
        canvas.ellipse(canvas.between(0, canvas.width), canvas.between(0, 1), 0.005, 0.005, (252, 252, 255), 0.85)
