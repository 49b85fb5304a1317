"""What mixing methods share: partners, frames and draws; the pins of each are in its own test."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from sceneproof.errors import InputError
from sceneproof.launch import refuse_small_batches
from sceneproof.methods import BE, FAME, ActorCutMix, Facts, Method, Mixup, StillMix, VideoMix
from sceneproof.methods.mixing import Draws, blended, fewer, frames_of
from sceneproof.optimisation import Optimisation
from sceneproof.types import Batch
from tests.methods.batches import per_channel, random_batch
from tests.methods.mixed import FACTS, check_mixer, check_unmixed, pictures, video_of

MIXERS: list[type[Method]] = [Mixup, VideoMix, BE, StillMix, FAME, ActorCutMix]


@pytest.mark.parametrize("kind", MIXERS)
def test_the_batch_keeps_its_order_which_changes_nothing(kind: type[Method]) -> None:
    check_mixer(kind(per_channel(), FACTS, probability=0.5), pictures())  # type: ignore[call-arg]  # all take it


@pytest.mark.parametrize("kind", MIXERS)
def test_clips_that_are_not_mixed_keep_their_bits(kind: type[Method]) -> None:
    check_unmixed(kind(per_channel(), FACTS, probability=0.0), pictures())  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", MIXERS)
def test_a_clip_alone_stays_as_it_is_or_is_mixed_with_itself(kind: type[Method]) -> None:
    pair = pictures(count=2)
    assert pair.people is not None
    has = {"people": torch.ones(1, dtype=torch.bool)}
    alone = Batch(video_of(pair)[:1], pair.action[:1], pair.row[:1], people=pair.people[:1], has=has)
    mixed = kind(per_channel(), FACTS, probability=1.0).augment(alone, np.random.default_rng(0))  # type: ignore[call-arg]
    same = torch.allclose(video_of(mixed), video_of(alone))
    assert same == (kind is not BE)
    assert mixed.target is None or torch.equal(mixed.target, torch.eye(5)[:1])


@pytest.mark.parametrize("kind", [kind for kind in MIXERS if kind is not BE])
def test_batches_of_one_clip_are_refused(kind: type[Method]) -> None:
    with pytest.raises(InputError, match=f"{kind.__name__}: mixes a clip with another one of its batch"):
        kind(per_channel(), Facts(actions=5, rows=9, steps=9))
    method = kind(per_channel(), Facts(actions=5, rows=9, steps=4))
    assert method.least_clips == 2


def test_each_process_needs_a_partner_for_its_clips() -> None:
    """Else a method that mixes would be plain training, without a word; batch normalisation asks for no second clip."""
    two, frozen = cast(Accelerator, SimpleNamespace(num_processes=2)), Optimisation(freeze_batch_norm=True)
    refuse_small_batches(2, two, frozen, least=BE(per_channel(), FACTS).least_clips)
    with pytest.raises(InputError, match=r"batches of 2 clips on 2 processes: the method needs 2 a process: .* of 4"):
        refuse_small_batches(2, two, frozen, least=Mixup(per_channel(), FACTS).least_clips)
    refuse_small_batches(4, two, frozen, least=Mixup(per_channel(), FACTS).least_clips)


@pytest.mark.parametrize("kind", MIXERS)
def test_what_is_no_probability_is_refused(kind: type[Method]) -> None:
    with pytest.raises(InputError, match=f"{kind.__name__}: probability is from 0 to 1"):
        kind(per_channel(), FACTS, probability=-0.1)  # type: ignore[call-arg]


def test_partners_are_another_clip_each_and_everyone_is_a_partner_once() -> None:
    seen = set()
    for seed in range(60):
        partner = Draws.of(pictures(), np.random.default_rng(seed)).partners()
        assert sorted(partner.tolist()) == list(range(6))
        assert (partner != torch.arange(6)).all()
        seen |= set(enumerate(partner.tolist()))
    assert len(seen) == 30  # every pair


def test_partners_among_some_leave_the_others_alone() -> None:
    among = torch.tensor([True, False, True, True, False, False])
    partner = Draws.of(pictures(), np.random.default_rng(0)).partners(among)
    assert partner[~among].tolist() == [1, 4, 5]
    assert sorted(partner[among].tolist()) == [0, 2, 3]
    assert (partner[among] != torch.arange(6)[among]).all()


def test_numbers_below_a_count_are_all_of_them() -> None:
    draws = Draws.of(pictures(), np.random.default_rng(0))
    assert set(torch.cat([draws.below(4) for _ in range(40)]).tolist()) == {0, 1, 2, 3}


def test_a_blend_and_a_frame_by_hand() -> None:
    video = torch.arange(2 * 3 * 2).float().reshape(2, 3, 2, 1, 1)
    still = frames_of(video, torch.tensor([1, 0]), torch.tensor([1, 0]))
    assert still[:, :, 0, 0, 0].tolist() == [[7, 9, 11], [0, 2, 4]]
    mixed = blended(video, still, torch.tensor([0.25, 1.0]))
    assert torch.equal(mixed[1], video[1])
    assert mixed[0, :, 0, 0, 0].tolist() == [0.75 * 7, 0.25 * 2 + 0.75 * 9, 0.25 * 4 + 0.75 * 11]


def test_fewer_twins_are_drawn_by_their_rows_whatever_the_order_of_the_batch() -> None:
    known = random_batch(count=12, twins=10)
    assert known.without_humans is not None
    half = fewer(known, "without_humans", 0.5, 0.25)
    assert half.without_humans is not None
    kept = half.has["without_humans"].nonzero()[:, 0]
    assert len(kept) == 5
    torch.testing.assert_close(half.without_humans, known.without_humans[kept])
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    places = order[order < 10]
    turned = replace(
        known, row=known.row[order], without_humans=known.without_humans[places],
        has={name: has[order] for name, has in known.has.items()},
    )  # fmt: skip
    again = fewer(turned, "without_humans", 0.5, 0.25)
    assert set(turned.row[again.has["without_humans"]].tolist()) == set(kept.tolist())
    later = [fewer(known, "without_humans", 0.5, step / 50).has["without_humans"] for step in range(50)]
    assert torch.stack(later).any(dim=0).tolist() == known.has["without_humans"].tolist()
    assert len({tuple(has.tolist()) for has in later}) > 30
    assert fewer(known, "without_humans", 1.0, 0.5) is known


@pytest.mark.parametrize("twins", [0, 1, 2, 3])
def test_of_few_twins_two_are_left_at_least(twins: int) -> None:
    left = fewer(random_batch(count=4, twins=twins), "without_humans", 0.1, 0.5)
    assert left.without_humans is not None
    assert len(left.without_humans) == left.has["without_humans"].sum() == min(twins, 2)
