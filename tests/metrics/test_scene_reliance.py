"""Twelve clips by hand: four actions, each person in the place of the three others."""

import numpy as np
import pytest

from sceneproof.metrics.accuracy import MISSED
from sceneproof.metrics.bootstrap import mean_interval
from sceneproof.metrics.scene_reliance import contrasted, reliance, reliance_difference, survival

HUMAN = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
PLACE = [1, 2, 3, 0, 2, 3, 0, 1, 3, 0, 1, 2]
SAID = [0, 2, 3, 1, 1, 0, 0, 1, 2, MISSED, 0, 3]
#      hum pl pl hum hum -  pl pl hum -     -  hum: 5 by the person, 4 by the place, 3 by neither
OTHER = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 1, 2]  # 9 by the person, 3 by the place
FROZEN = [0, 0, 3, 1, 3, 0, 0, 1, MISSED, 3, 0, 3]


def test_the_table_by_hand() -> None:
    found = reliance(SAID, HUMAN, PLACE)
    assert (found.shacc.value, found.sberr.value, found.neither.value) == pytest.approx((5 / 12, 4 / 12, 3 / 12))
    assert found.reliance is not None
    assert found.reliance.value == pytest.approx(4 / 9)
    assert 0 <= found.reliance.low < 4 / 9 < found.reliance.high <= 1
    assert found.shacc == mean_interval(np.isin(np.arange(12), [0, 3, 4, 8, 11]))
    assert (found.left_out, found.videos) == (0, 12)


def test_models_that_see_one_thing_only() -> None:
    person, place = reliance(HUMAN, HUMAN, PLACE).reliance, reliance(PLACE, HUMAN, PLACE).reliance
    assert person is not None
    assert place is not None
    assert (person.value, person.low, person.high) == (0, 0, 0)
    assert (place.value, place.low, place.high) == (1, 1, 1)


def test_a_coin_leans_by_half() -> None:
    heads = np.random.default_rng(0).random(2400) < 0.5
    found = reliance(
        np.where(heads, np.tile(HUMAN, 200), np.tile(PLACE, 200)), np.tile(HUMAN, 200), np.tile(PLACE, 200)
    )
    assert found.reliance is not None
    assert found.reliance.low < 0.5 < found.reliance.high
    assert found.reliance.high - found.reliance.low < 0.05


def test_where_neither_is_named_there_is_no_reliance() -> None:
    found = reliance([2, MISSED], [0, 0], [1, 1])
    assert found.reliance is None
    assert found.neither.value == 1
    assert found.left_out == 1


def test_resamples_without_an_answer_are_told() -> None:
    found = reliance([0, 2], [0, 0], [1, 1])  # the second clip twice: a quarter of the resamples
    assert found.left_out == pytest.approx(0.25, abs=0.02)


def test_an_unreadable_clip_names_no_unknown_place() -> None:
    found = reliance([MISSED, 0], [0, 0], [MISSED, 1])
    assert (found.sberr.value, found.neither.value) == (0, 0.5)


def test_difference_of_two_models_by_hand() -> None:
    found = reliance_difference(SAID, OTHER, HUMAN, PLACE)
    assert found.shacc.value == pytest.approx(5 / 12 - 9 / 12)
    assert found.sberr.value == pytest.approx(4 / 12 - 3 / 12)
    assert found.reliance is not None
    assert found.reliance.value == pytest.approx(4 / 9 - 3 / 12)
    assert (found.left_out, found.videos) == (0, 12)


def test_a_model_does_not_differ_from_itself() -> None:
    found = reliance_difference(SAID, SAID, HUMAN, PLACE)
    assert found.reliance is not None
    assert {found.reliance.low, found.reliance.high, found.shacc.low, found.sberr.high} == {0}


def test_survival_by_hand() -> None:
    before = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    after = [1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0]
    found = survival(before, after)
    assert (found.original.value, found.variant.value) == pytest.approx((8 / 12, 5 / 12))
    assert found.difference.value == pytest.approx(-3 / 12)
    assert found.ratio is not None
    assert found.ratio.value == pytest.approx(5 / 8)
    assert found.ratio.low < 5 / 8 < found.ratio.high
    assert found.videos == 12


def test_what_survives_whole_has_no_spread() -> None:
    found = survival([1, 0, 1, 0], [1, 0, 1, 0])
    assert found.ratio is not None
    assert (found.ratio.low, found.ratio.high, found.difference.low, found.difference.high) == (1, 1, 0, 0)
    assert found.left_out == pytest.approx(1 / 16, abs=0.01)  # four times one of the two that are wrong


def test_of_nothing_nothing_survives() -> None:
    assert survival([0, 0], [1, 0]).ratio is None


def test_contrasted_by_hand() -> None:
    # right on SCUBA: 0, 3, 4, 8, 11; the frozen twin is named alike in 0, 3 and 11
    found = contrasted(SAID, FROZEN, HUMAN)
    assert np.flatnonzero(found).tolist() == [4, 8]
    assert found.mean() == pytest.approx(2 / 12)


def test_contrasted_never_counts_an_unreadable_clip() -> None:
    assert not contrasted([MISSED], [0], [MISSED]).any()


def test_bad_clips_are_refused() -> None:
    with pytest.raises(ValueError, match="different actions"):
        reliance([0, 0], [0, 1], [1, 1])
    with pytest.raises(ValueError, match="as many"):
        reliance([0], [0, 0], [1, 1])
    with pytest.raises(ValueError, match="one or more"):
        reliance([], [], [])
