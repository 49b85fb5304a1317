"""Clips whose people are known in too few frames: not changed where they are, and no lenders."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sceneproof.contexts.choosing import Partners
from sceneproof.contexts.footage import Footage, lenders
from sceneproof.contexts.variants import TIME, VARIANTS, Impossible, Made, Variants
from sceneproof.data.humans import from_masks
from sceneproof.data.manifest import Manifest
from tests.contexts.clips import footage, manifest

CLIP = [np.arange(8)]
ACTIONS = {"a": "jump", "b": "run"}


def known_in(count: int, video: str = "a") -> Footage:
    clip = footage(video)
    assert clip.people is not None
    clip.people[count:] = False
    return clip


def variants(partner: int = 8, **options: Any) -> Variants:
    return Variants(Partners(manifest(ACTIONS), set(ACTIONS)), lambda video: known_in(partner, video), **options)


# there are two videos, each of its own action: nobody is close, far, or in another place of the same action
OTHERS = ("swap_close", "swap_far", "swap_same")


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in ("original", *OTHERS, *TIME)])
def test_a_video_needs_people_in_seven_frames_of_ten(name: str) -> None:
    few = variants().of(known_in(5), CLIP).make(name)
    assert few == Impossible("people are known in less than 70% of its frames")
    assert isinstance(variants().of(known_in(6), CLIP).make(name), Made)
    assert isinstance(variants(least_share=0.5).of(known_in(5), CLIP).make(name), Made)


def test_the_frames_that_are_shown_count() -> None:
    some = [np.arange(4)]
    assert isinstance(variants().of(known_in(4), some).make("human_filled"), Made)
    assert isinstance(variants().of(known_in(4), [np.arange(2, 8)]).make("human_filled"), Impossible)
    assert isinstance(variants().of(known_in(1), CLIP).make("shuffled"), Made), "it needs nobody"


def test_a_partner_needs_them_too() -> None:
    answer = variants(partner=4).of(known_in(8), CLIP).make("swap_random")
    assert answer == Impossible("people are known in less than 70% of the frames of its partner b")


def test_who_lends_is_told_by_the_manifest_where_it_knows_the_frames() -> None:
    shapes = {"a": known_in(8).people, "b": known_in(4).people}
    humans, _ = from_masks([(video, shape) for video, shape in shapes.items() if shape is not None], "by hand")
    table = manifest({**ACTIONS, "c": "run"})
    assert lenders(table, humans, 0.7) == {"a", "b"}, "b's frames are counted when it is read"
    told = replace(table, rows=table.rows.assign(frames=8))
    assert lenders(told, humans, 0.7) == {"a"}
    assert lenders(told, humans, 0.5) == {"a", "b"}


def test_what_all_clips_have_in_common_forbids_swaps() -> None:
    scene = Partners(manifest(ACTIONS, scenes=["pool", "pool"]), set(ACTIONS))
    assert scene.unable("random") == "all clips are of one scene (pool)"
    group = Partners(manifest(ACTIONS, groups=["film", "film"]), set(ACTIONS))
    assert group.unable("random") == "all clips are of one group (film)"
    apart = Manifest(pd.DataFrame(manifest(ACTIONS, scenes=["pool", "gym"]).rows), Path())
    assert Partners(apart, set(ACTIONS)).unable("random") == ""
