"""Drawn backgrounds: the authors' sinusoids, and textures that follow from their seed."""

from typing import Any, cast

import numpy as np

from sceneproof.contexts.drawing import Sinusoids, noise, scene, texture

# `stripe_img()` of lihaoxin05/StillMix, benchmark_synthesis/replacebackground_with_mask_for_HMDB51_test.py at commit
# 8babb01bc2947787dc06f914b7b5d1f0e3357674, after np.random.seed(3): "#" where pixel (16 + 32 i, 16 + 32 j) is on a line
STRIPES = ["...###..", "##.....#", "...###..", "#......#", "..####..", ".......#", ".#####..", "......##"]
GROUND = (140, 180, 74)


def authors(seed: int) -> Sinusoids:
    """The sinusoids that the authors' code draws after np.random.seed(seed): the same numbers in the same order."""
    return Sinusoids.drawn(cast(Any, np.random.RandomState(seed)))  # their generator


def test_sinusoids_are_the_authors() -> None:
    picture = authors(3).picture(256, 256).astype(int)
    on_line = np.abs(picture[16::32, 16::32, 0] - GROUND[0]) > 3
    assert ["".join("#" if line else "." for line in row) for row in on_line] == STRIPES
    np.testing.assert_allclose(picture[16, 16], GROUND, atol=1)
    np.testing.assert_allclose(np.median(picture[16::32, 16::32][on_line], 0), 255 - np.array(GROUND), atol=1)


def test_sinusoids_stretch_to_the_frame_and_stay_in_range() -> None:
    for seed in range(20):
        lines = Sinusoids.drawn(np.random.default_rng(seed))
        assert 5 <= lines.line <= 20
        assert 3 <= lines.shift / lines.line <= 5
        assert 10 <= lines.amplitude <= 110
        assert 2 * np.pi / 1004 <= lines.frequency <= 2 * np.pi / 4
        assert lines.picture(24, 40).shape == (24, 40, 3)


def test_a_seed_draws_the_same_and_another_one_something_else() -> None:
    for draw in (texture, noise, lambda *size: scene(*size)[0]):
        first, again, other = (draw(48, 64, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert first.shape == (48, 64, 3)
        assert first.dtype == np.uint8
        np.testing.assert_array_equal(first, again)
        assert np.abs(first.astype(int) - other).mean() > 5


def test_textures_are_smoother_than_noise_and_not_flat() -> None:
    for seed in range(5):
        drawn = texture(120, 160, np.random.default_rng(seed)).astype(float)
        steps = np.abs(np.diff(drawn, axis=1)).mean()
        assert 0.5 < steps < np.abs(np.diff(noise(120, 160, np.random.default_rng(0)).astype(float), axis=1)).mean() / 2
        assert drawn.std() > 20


def test_scenes_are_drawn_into_pictures_of_any_shape() -> None:
    for seed in range(60):
        picture, _ = scene(90, 24, np.random.default_rng(seed))
        assert picture.shape == (90, 24, 3)
