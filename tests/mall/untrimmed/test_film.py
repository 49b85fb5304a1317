"""What is drawn of an untrimmed video."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneproof.mall.bodies import draw_body
from sceneproof.mall.film import Format
from sceneproof.mall.motions import perform
from sceneproof.mall.skeleton import Style
from sceneproof.mall.untrimmed import making
from sceneproof.mall.untrimmed.acting import BLENDING, Phase, Stay
from sceneproof.mall.untrimmed.making import draw_untrimmed
from sceneproof.mall.untrimmed.plan import PASSING, UntrimmedFilm, UntrimmedWorld

WORLD = UntrimmedWorld(seed=11, train=6, idle=0.0)


@dataclass(frozen=True)
class Drawn:
    video: UntrimmedFilm
    seconds: NDArray[np.float64]
    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]

    def within(self, *stretches: tuple[float, float]) -> NDArray[np.bool_]:
        inside = np.zeros(len(self.seconds), bool)
        for start, end in stretches:
            inside |= (self.seconds > start) & (self.seconds < end)
        return inside


def drawn(video: UntrimmedFilm, shape: Format) -> Drawn:
    frames, masks = (np.concatenate(parts) for parts in zip(*draw_untrimmed(video, shape), strict=True))
    return Drawn(video, np.arange(shape.frames) / shape.rate, frames, masks)


@pytest.fixture(scope="module")
def films() -> list[Drawn]:
    return [drawn(video, WORLD.format) for video in WORLD.videos()[:6]]


def test_people_are_there_when_they_are_said_to_be_and_empty_stretches_are_empty(films: list[Drawn]) -> None:
    for one in films:
        share = np.asarray(one.masks.mean((1, 2)))
        settled = one.within(*((come + PASSING, gone - PASSING) for come, gone in one.video.stays))
        assert (share[settled] > 0.015).all()
        assert not share[~one.within(*one.video.stays)].any()
    assert any((~one.within(*one.video.stays)).sum() > 10 for one in films)


def test_nobody_leaves_the_picture_during_an_action(films: list[Drawn]) -> None:
    for one in films:
        masks = one.masks[one.within(*((segment.start, segment.end) for segment in one.video.segments))]
        edge = np.concatenate([masks[:, :, :1], masks[:, :, -1:]], 2)
        assert edge.sum() < 0.005 * masks.sum()


def test_there_is_more_motion_in_segments_than_beside_them(films: list[Drawn]) -> None:
    """The share of the person's pixels that change from frame to frame: the median of each stretch."""
    active, idle = [], []
    for one in films:
        change = (one.masks[1:] != one.masks[:-1]).sum((1, 2)) / np.maximum(one.masks[1:].sum((1, 2)), 1)
        change = np.concatenate([change[:1], change])
        inner = [(segment.start + 0.5, segment.end - 0.5) for segment in one.video.segments]
        outer = [(segment.start - 0.5, segment.end + 0.5) for segment in one.video.segments]
        standing = one.within(*((come + PASSING + 0.5, gone - PASSING - 0.5) for come, gone in one.video.stays))
        active += [np.median(change[one.within(stretch)]) for stretch in inner]
        idle.append(np.median(change[standing & ~one.within(*outer)]))
    assert np.median(active) > 2 * np.median(idle)
    assert np.mean(np.array(active) > np.max(idle)) > 0.7
    assert np.min(idle) > 0  # nobody stands like a statue


def test_an_action_begins_and_ends_without_a_cut(films: list[Drawn]) -> None:
    """Around a boundary no frame differs more from the last one than frames within actions do."""
    for one in films:
        step = np.abs(one.frames[1:].astype(int) - one.frames[:-1]).mean((1, 2, 3))
        step = np.concatenate([step[:1], step])
        done = one.within(*((segment.start, segment.end) for segment in one.video.segments))
        edges = [edge for segment in one.video.segments for edge in (segment.start, segment.end)]
        near = one.within(*((edge - BLENDING, edge + BLENDING) for edge in edges))
        assert step[near].max() < 1.5 * step[done].max()


def test_what_is_drawn_does_not_depend_on_how_it_is_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the shade of far limbs, which is one a piece."""
    world = replace(WORLD, seconds=10.0)
    whole = drawn(world.videos()[0], world.format)
    monkeypatch.setattr(making, "PIECE", 7)
    cut = drawn(world.videos()[0], world.format)
    assert (whole.masks == cut.masks).all()
    assert np.abs(whole.frames.astype(int) - cut.frames).mean() < 0.1


def test_a_pose_is_the_actions_inside_its_time_and_half_of_it_at_its_ends() -> None:
    style, seed = Style(), 5
    phases = (
        Phase(0.0, 4.0, "bend", style, 0.0, seed),
        Phase(4.0, 8.0, "squat", style, 40.0, seed + 1),
        Phase(8.0, 9.0, "bend", style, 40.0, seed),
    )
    stay = Stay(0.0, 9.0, draw_body(np.random.default_rng(0)), 1.0, (1, 1), phases)
    seconds = np.array([2.0, 4.0, 6.0])
    bend = perform("bend", seconds, style, np.random.default_rng(seed))
    squat = perform("squat", seconds, style, np.random.default_rng(seed + 1))
    pose = stay.pose(seconds)
    np.testing.assert_allclose(pose.knee, [bend.knee[0], (bend.knee[1] + squat.knee[1]) / 2, squat.knee[2]])
    np.testing.assert_allclose(pose.turn - [bend.turn[0], (bend.turn[1] + squat.turn[1]) / 2, squat.turn[2]],
                               [0, -20, -40], atol=1e-9)  # fmt: skip
