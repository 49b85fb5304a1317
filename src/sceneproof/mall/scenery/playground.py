"""A scene where children play."""

from sceneproof.mall.brush import Canvas, Colour, mix, shade
from sceneproof.mall.scenery.nature import lit, open_sky, tree, tufts


def playground(canvas: Canvas) -> None:
    """A slide, swings, a climbing frame on sand or rubber, before trees."""
    base = canvas.between(0.5, 0.58)
    low = open_sky(canvas, base)
    for x in canvas.spread(canvas.whole(6, 9)):
        tree(canvas, x, base + 0.02, canvas.between(0.25, 0.42), mix(lit(canvas, (80, 130, 60), 20), low, 0.2))
    grass = lit(canvas, (120, 165, 80))
    canvas.gradient(base, 1, shade(grass, 0.9), grass)
    tufts(canvas, base, 40, grass)
    pit = lit(canvas, canvas.pick([(225, 200, 150), (190, 90, 70), (85, 130, 160), (215, 185, 140)]))
    canvas.ellipse(canvas.width / 2, base + 0.3, canvas.width * 0.62, 0.24, pit)
    canvas.grain(base, 1, 8, 0.01, 2)
    for x in canvas.spread(canvas.whole(2, 3), -0.05, canvas.width - 0.35):
        paint = lit(canvas, canvas.pick([(220, 60, 50), (50, 110, 190), (240, 190, 50), (70, 160, 90)]))
        other = lit(canvas, canvas.pick([(240, 190, 50), (200, 70, 140), (60, 150, 190)]))
        [_slide, _swings, _bars][canvas.whole(0, 2)](canvas, x, base + canvas.between(0.08, 0.14), paint, other)


def _slide(canvas: Canvas, x: float, y: float, paint: Colour, other: Colour) -> None:
    for post in (0, 0.14):
        canvas.line([(x + post, y), (x + post, y - 0.36)], paint, 0.018)
    for rung in range(5):
        canvas.line([(x, y - 0.05 - 0.05 * rung), (x + 0.14, y - 0.05 - 0.05 * rung)], shade(paint, 0.8), 0.01)
    canvas.poly([(x - 0.04, y - 0.36), (x + 0.07, y - 0.45), (x + 0.18, y - 0.36)], other)
    canvas.poly(
        [(x + 0.13, y - 0.27), (x + 0.17, y - 0.27), (x + 0.46, y - 0.02), (x + 0.38, y - 0.02)], shade(other, 0.8)
    )
    canvas.line([(x + 0.14, y - 0.29), (x + 0.38, y - 0.04)], other, 0.016)


def _swings(canvas: Canvas, x: float, y: float, paint: Colour, other: Colour) -> None:
    for end in (0, 0.5):
        canvas.line([(x + end - 0.07, y), (x + end, y - 0.42), (x + end + 0.07, y)], paint, 0.018)
    canvas.line([(x, y - 0.42), (x + 0.5, y - 0.42)], paint, 0.02)
    for seat in (0.16, 0.34):
        shift = canvas.between(-0.06, 0.06)
        for side in (-0.03, 0.03):
            canvas.line([(x + seat + side, y - 0.42), (x + seat + side + shift, y - 0.11)], (90, 90, 95), 0.005)
        canvas.line([(x + seat - 0.04 + shift, y - 0.11), (x + seat + 0.04 + shift, y - 0.11)], other, 0.018)


def _bars(canvas: Canvas, x: float, y: float, paint: Colour, other: Colour) -> None:
    for step in range(5):
        tone = paint if step % 2 else other
        canvas.line([(x + 0.1 * step, y), (x + 0.1 * step, y - 0.36)], tone, 0.014)
    for step in range(4):
        canvas.line([(x, y - 0.06 - 0.1 * step), (x + 0.4, y - 0.06 - 0.1 * step)], shade(other, 0.9), 0.012)
