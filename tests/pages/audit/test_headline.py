from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sceneproof.audit.table import AuditTable
from sceneproof.contexts.variants import TIME
from sceneproof.figures import Figure
from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages.audit import as_json
from sceneproof.pages.audit_words import headline
from tests.pages.audit.fake import NOBODY, Say, coin, fake_table, measured, never_right, person_only, scene_only, whole


def said(say: Say, **options: object) -> list[str]:
    table = fake_table(say, **options)  # type: ignore[arg-type]
    table, measures = (table, measured(table)) if options else whole(say)
    return [sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in headline(table, measures)]


def with_figures(**values: tuple[float, float, float]) -> str:
    """The whole headline, with some figures of a coin's audit replaced."""
    table, measures = whole(coin)
    others = {name: Figure(name, Interval(*ends), 32) for name, ends in values.items()}
    return " ".join(headline(table, replace(measures, figures=measures.figures | others))).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_a_model_that_sees_people_alone() -> None:
    first, swapped, cost, grey, time = said(person_only, model="Eagle")
    assert first.startswith(
        "25 of Eagle’s 100 points survive when the person is removed: so much of its accuracy needs no person (25 %, "
        "95 % interval "
    )
    assert first.endswith("; guessing gives 25.0 points).")
    assert "it names the person’s action on 100 % of the clips and the place’s on 0 %" in swapped
    assert "a scene reliance of 0.00 (0.00 to 0.00; 1 is all scene)" in swapped
    assert swapped.endswith("Without that place it names the same wrong action on 0 %.")
    assert cost == (
        "Another action’s place costs 0 points more than another place of the same action (0.0 to 0.0), which may be "
        "chance; cutting and pasting alone costs 0 (0.0 to 0.0), which may be chance."
    )
    assert grey == "On plain grey, without any scene, all of its accuracy (100 %) survives."
    assert time == (
        "With one frame repeated 25 % survives, which needs no motion; with the frames shuffled 25 % survives, which "
        "needs no order."
    )


def test_a_model_that_sees_places_alone() -> None:
    first, swapped, cost, grey, time = said(scene_only)
    assert first == (
        "All of the fake’s accuracy survives when the person is removed (100 %, 95 % interval 100.0 to 100.0): it "
        "needs no person."
    )
    assert "names the person’s action on 0 % of the clips and the place’s on 100 %: a scene reliance of 1.00" in swapped
    assert cost.startswith("Another action’s place costs 100.0 points more than")
    assert "chance" not in cost.partition(";")[0]
    assert grey == "On plain grey, without any scene, 25 % of its accuracy survives."
    assert time.startswith("With one frame repeated all of its accuracy (100 %) survives")


def test_a_coin_names_each_of_the_two_by_luck() -> None:
    swapped = said(coin)[1]
    assert "the person’s action on 25 % of the clips and the place’s on 25 %: a scene reliance of 0.50" in swapped
    assert swapped.endswith("Without that place it names the same wrong action on 25 %.")


def test_a_model_that_is_never_right() -> None:
    first, swapped, *rest = said(never_right)
    assert first == "the fake is never right on the clips as they are: nothing can survive a change of them."
    assert "reliance" not in swapped, "neither action is ever named"
    assert len(rest) == 1, "nothing can survive on grey or out of order either"


def test_more_than_all_and_nothing_survive() -> None:
    more = with_figures(survives_human_inpainted=(1.04, 0.97, 1.12), survives_scene_grey=(1.2, 1, 1.4))
    assert "All of the fake’s accuracy survives when the person is removed (104 %, 95 % interval 97.0 to 112.0)" in more
    assert "all of its accuracy (120 %) survives" in more
    assert "points survive" not in more
    nothing = with_figures(top1_human_inpainted=(0, 0, 0), survives_human_inpainted=(0, 0, 0))
    assert nothing.startswith("Nothing of the fake’s accuracy survives when the person is removed.")


def test_what_is_cheaper_than_nothing_brings_points() -> None:
    text = with_figures(scene_cost=(-0.031, -0.05, -0.01), cutting_cost=(-0.004, -0.02, 0.01))
    assert "Another action’s place brings 3.1 points more than another place of the same action (−5.0 to −1.0);" in text
    assert "cutting and pasting alone brings 0.4 (−2.0 to 1.0), which may be chance." in text


def test_painted_over_where_nobody_was_taken_out() -> None:
    (only,) = said(person_only, variants=("original", "human_filled"))
    assert only.startswith("25 of the fake’s 100 points survive when the person is painted over")


def test_without_swaps_and_with_one_of_two_orders() -> None:
    first, last = said(scene_only, variants=("original", "human_inpainted", "shuffled"))
    assert "removed" in first
    assert last == "With the frames shuffled all of its accuracy (100 %) survives, which needs no order."


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"variants": ("original",)}, "human_filled was not asked for"),
        ({"nobody": range(32), "variants": ("original", "human_filled", "swap_random")}, NOBODY),
    ],
)
def test_where_nothing_can_be_measured_the_reason_is_told(options: dict[str, object], reason: str) -> None:
    assert said(scene_only, **options) == [
        f"the fake names the action of 100.0 % of the videos; more was not measured: {reason}."
    ]


def known(table: AuditTable, shares: Sequence[float], *, cover: float = 0.2, least: float = 0.7) -> AuditTable:
    """The audit of videos whose people are known in these shares of their frames."""
    rows = table.rows.copy()
    first = rows["variant"] == "original"
    rows.loc[first, "people_share"] = np.resize(shares, first.sum())
    rows.loc[first, "people_cover"] = cover
    few = f"people are known in less than {least:.0%} of its frames"
    left = rows["video"].isin(rows["video"][first & (rows["people_share"].astype(float) < least)])
    needs = ~rows["variant"].isin(["original", *TIME])
    rows.loc[left & needs, ["problem", "scores"]] = few, None
    return replace(table, rows=rows, facts={**table.facts, "settings": {"least_share": least}})


def plainly(table: AuditTable) -> tuple[list[str], dict[str, Any]]:
    measures = measured(table)
    told = as_json(table, measures)
    assert told["headline"] == headline(table, measures)
    return [one.replace("\N{NO-BREAK SPACE}", " ") for one in told["headline"]], told


def test_how_often_people_are_known_stands_in_the_headline() -> None:
    some = ("original", "human_inpainted", "swap_random")
    said, told = plainly(known(fake_table(scene_only, variants=some), [1, 1, 0.8, 0.5]))
    assert said[1] == (
        "What needs people stands on 24 of 32 videos, with known people in 93 % of the frames, who cover 20 % of the "
        "picture; 8 are left out, where people are known in less than 70 % of their frames."
    )
    assert told["people"] == {
        "least_share": 0.7, "videos": 24, "left_out": 8, "nobody_known": 0,
        "frames_with_people": pytest.approx(2.8 / 3), "picture_covered": 0.2, "doubts": [],
    }  # fmt: skip
    assert told["figures"]["people_left_out"]["value"] == 0.25
    assert told["figures"]["top1_human_inpainted"]["videos"] == 24
    assert any("8 videos with people known in less than 70" in note for note in told["notes"])


@pytest.mark.parametrize(("cover", "words"), [(0.0004, "0.04 % of the picture, which is unusually little"),
                                              (0.9, "90 % of the picture, which is unusually much")])  # fmt: skip
def test_people_who_cover_an_unusual_part_of_the_picture(cover: float, words: str) -> None:
    said, _ = plainly(known(fake_table(coin, variants=("original", "human_inpainted")), [1], cover=cover))
    assert words in said[1]


def test_all_left_out_and_why_nobody_was_swapped() -> None:
    some = ("original", "human_inpainted")
    said, _ = plainly(known(fake_table(coin, variants=some), [0.5]))
    assert said[-1] == (
        "What needs people was not measured: in 32 of 32 videos people are known in less than 70 % of their frames."
    )
    table = known(fake_table(coin, variants=some), [1])
    table.facts["unable"] = {"swap_random": "all clips are of one scene (pool)"}
    said, told = plainly(table)
    assert said[2] == (
        "Nobody could be put in the place of another action, so scene reliance was not measured: all clips are of one "
        "scene (pool)."
    )
    assert told["figures"]["scene_reliance"]["missing"] == "all clips are of one scene (pool)"


def test_doubts_about_the_table_of_people_are_told() -> None:
    table = known(fake_table(coin, variants=("original", "human_inpainted")), [1])
    table.facts["doubts"] = ["boxes.parquet: look as if they were counted from 1"]
    _, told = plainly(table)
    assert "May be wrong: boxes.parquet: look as if they were counted from 1." in told["notes"]
