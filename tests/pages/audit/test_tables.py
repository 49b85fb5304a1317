from dataclasses import replace

import numpy as np
import pytest

from sceneproof.audit.figures import CATALOG, NOTES, WORDS
from sceneproof.contexts.variants import VARIANTS
from sceneproof.figures import Figure
from sceneproof.metrics.bootstrap import Interval
from sceneproof.metrics.scene_reliance import Pull
from sceneproof.pages import audit_tables as tables
from sceneproof.pages.kit import ABSENT, Table
from tests.pages.audit.fake import (
    ACTIONS,
    NOBODY,
    coin,
    fake_table,
    measured,
    never_right,
    person_only,
    scene_only,
    whole,
)


def texts(table: Table | None) -> list[list[str]]:
    assert table is not None
    assert all(len(row) == len(table.header) for row in table.rows)
    return [[cell.text for cell in row] for row in table.rows]


def test_every_variant_with_what_survives() -> None:
    table = tables.variant_table(whole(scene_only)[1])
    found = {row[0].aside: [cell.text for cell in row] for row in table.rows}
    assert list(found) == list(VARIANTS)
    assert found["original"] == ["The clip as it is", "32", "100.0", "100.0"]
    assert found["human_inpainted"] == ["Person taken out", "32", "100.0", "100.0"]
    assert found["scene_grey"] == ["Person on grey", "32", "25.0", "25.0"]
    assert found["swap_random"][1:] == ["32", "0.0", "0.0"]
    assert [row[0] for row in found.values() if "(control)" in row[0]] == [
        "Person in the same action’s place (control)", "Person cut out and pasted back (control)",
    ]  # fmt: skip
    assert table.numeric == [False, True, True, True]


def test_variants_that_no_video_has_are_no_rows() -> None:
    table = tables.variant_table(measured(fake_table(coin, nobody=range(32))))
    assert [row[0].aside for row in table.rows] == ["original", "shuffled", "reversed", "frozen"]


def test_nothing_of_nothing_is_absent() -> None:
    rows = texts(tables.variant_table(whole(never_right)[1]))
    assert {row[3] for row in rows} == {ABSENT}


def test_swaps_in_percent_and_reliance_as_a_ratio() -> None:
    rows = texts(tables.swap_table(whole(person_only)[1]))
    assert rows[0] == ["Person in another action’s place", "32", "100.0", "0.0", "0.0", "0.0", "0.00"]
    assert len(rows) == 3
    assert texts(tables.swap_table(whole(never_right)[1]))[0][2:] == ["0.0", "0.0", "0.0", "100.0", ABSENT]
    assert tables.swap_table(measured(fake_table(coin, variants=("original", "shuffled")))) is None


def test_stills() -> None:
    rows = texts(tables.still_table(whole(person_only)[1]))
    assert rows == [[name, "32", "100.0", "25.0", "75.0"] for name in ("Photograph", "Texture", "Sinusoid")]
    assert tables.still_table(measured(fake_table(coin, nobody=range(32)))) is None


def test_every_figure_of_the_catalogue_is_in_some_table() -> None:
    measures = whole(coin)[1]
    listed = {row[0].aside for row in tables.other_table(measures).rows}
    in_others = (
        "top1_",
        "survives_",
        "human_accuracy",
        "scene_error",
        "names_neither",
        "scene_reliance",
        "contrasted_",
    )
    assert {name for name in CATALOG if not name.startswith(in_others)} == listed


def test_a_figure_that_is_missing_says_why() -> None:
    measures = measured(fake_table(coin, each=4), probes=True)
    rows = {row[0].aside: [cell.text for cell in row] for row in tables.other_table(measures).rows}
    assert rows["scene_leakage"][1:] == [
        ABSENT, ABSENT, "Not measured: a probe needs 20 labelled videos at least, here are 16",
    ]  # fmt: skip
    assert rows["on_person"][1:3] == ["30.0", "16"]


@pytest.mark.parametrize(
    ("value", "text"), [(-0.0312, "−3.1"), (-0.0001, "0.0"), (0.0, "0.0"), (1.2, "120.0")], ids=str
)
def test_a_true_minus_sign_and_none_before_nothing(value: float, text: str) -> None:
    assert tables.shown(Figure("cutting_cost", Interval(value, value, value))).text == text


def test_a_logarithm_is_no_percentage() -> None:
    cell = tables.shown(Figure("scene_bias", Interval(-0.251, -0.5, 0.125)))
    assert (cell.text, cell.aside) == ("−0.25", "−0.50 to 0.12")


def test_actions_are_hardest_first_and_shaded_by_their_share() -> None:
    measures = measured(fake_table(person_only, unread=(1, 5)))
    table = tables.share_table(measures.by_action, "action", "Action by action")
    assert texts(table)[0][:3] == ["jump", "8", "75"], "two of eight could not be read"
    assert table.rows[0][2].shade == 0.75
    assert table.header == ["Action", "Videos", *VARIANTS]


def test_long_tables_say_what_they_leave_out() -> None:
    actions = [f"action {number:02d}" for number in range(45)]
    measures = measured(fake_table(coin, actions=actions, each=1, variants=("original",)))
    table = tables.group_table(measures)
    assert table is not None
    assert len(table.rows) == 40
    assert table.note.endswith("the first 40 of 45.")
    short = tables.group_table(whole(coin)[1])
    assert short is not None
    assert len(short.rows) == 4
    assert "first" not in short.note


def test_pulls_in_points() -> None:
    table, measures = whole(scene_only)
    rows = texts(tables.pull_table(table, measures))
    assert [row[0] for row in rows] == [f"{action} place" for action in ACTIONS]
    for place, row in enumerate(rows):
        assert row[1 + place] == "+100"
        assert all(cell.startswith("−") for column, cell in enumerate(row[1:]) if column != place), "named elsewhere"
    shares = np.array([[0.004, -0.004, 0.5, np.nan], [np.nan] * 4])
    few = replace(measures, pull=Pull(["here", "there"], shares, np.array([1, 2]), np.ones((2, 4), np.int64)))
    found = tables.pull_table(table, few)
    assert texts(found) == [["here", "0", "0", "+50", ABSENT]]
    assert found is not None
    assert found.rows[0][0].aside == "1 clip"
    assert tables.pull_table(table, replace(measures, pull=None)) is None


def test_an_unreadable_video_is_told_once_and_a_missing_person_by_variant() -> None:
    table = fake_table(coin, unread=(3,), nobody=(4, 5))
    rows = texts(tables.missing_table(table, measured(table)))
    assert rows[0] == ["Every variant", "1", "cannot be read: no video stream", "video_003"]
    assert rows[1] == ["Person painted over", "2", NOBODY, "video_004, video_005"]
    assert len(rows) == 1 + len(VARIANTS) - 4
    assert tables.missing_table(*whole(coin)) is None
    table = fake_table(coin, unread=range(2, 7), variants=("original", "frozen"))
    assert texts(tables.missing_table(table, measured(table)))[0][3] == "video_002, video_003, video_004, 2 more"


def test_how_variants_were_made() -> None:
    assert texts(tables.note_table(whole(coin)[0]))[0] == [WORDS["swap_random"].capitalize(), "32", NOTES["spatial"]]
    assert tables.note_table(fake_table(coin, variants=("original", "frozen"))) is None


def test_settings_are_plain_words() -> None:
    assert texts(tables.settings_table(fake_table(coin, model="x"))) == [
        ["model", "x"], ["manifest", "m.parquet"], ["maps", "yes"], ["scenes", ABSENT], ["seed", "0"],
    ]  # fmt: skip
