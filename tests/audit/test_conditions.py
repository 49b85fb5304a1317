"""What --fail-if understands, and what it refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneproof.audit.conditions import Condition
from sceneproof.errors import InputError

KNOWN = {"scene_error": 0.3, "top1": 0.8, "scene_cost": -0.1}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("scene_error > 0.2", True),
        ("scene_error > .3", False),
        ("scene_error >= .3", True),
        ("top1 < 0.5 or scene_cost < -0.05", True),
        ("top1 < 0.5 and scene_cost < -0.05", False),
        ("not top1 > 0.9", True),
        ("0.2 < scene_error < 0.4", True),
        ("scene_error == top1", False),
        ("scene_error != 1", True),
    ],
)
def test_a_condition_is_read(text: str, holds: bool) -> None:
    assert Condition.parse(text, KNOWN).holds(KNOWN) is holds


def test_it_knows_which_figures_it_is_about() -> None:
    assert Condition.parse("top1 < .5 or top1 > scene_error", KNOWN).names == ("top1", "scene_error")


@pytest.mark.parametrize(
    "text",
    ["", "top1", "0.1 > 0.2", "top1 > 'a'", "top1 + 1 > 2", "__import__('os') > 1", "top1 > True", "top1 in [1]",
     "top1 >", "top1 > 1; scene_error > 2", "(top1 := 1) > 0"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Condition.parse(text, KNOWN)


def test_a_figure_that_there_is_not_is_told_with_those_near() -> None:
    with pytest.raises(InputError, match=r"no figure 'scene_eror'; there are: scene_error"):
        Condition.parse("scene_eror > 0.2", KNOWN)


@given(st.text(max_size=40))
def test_no_text_does_anything_but_be_refused_or_read(text: str) -> None:
    try:
        Condition.parse(text, KNOWN)
    except InputError:
        return
    assert any(name in text for name in KNOWN)
