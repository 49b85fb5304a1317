"""What an audit's page tells an engineer: places, clips to watch, shortcuts, commands; by models of known behaviour."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sceneproof.audit.hardest import by_place, losses, ranked, static_shortcuts, worst
from sceneproof.audit.table import AuditTable
from sceneproof.pages import audit_story as story
from sceneproof.pages.kit import Commands, Note, Table
from tests.pages.audit.fake import coin, fake_table, measured, person_only, scene_only, whole

SURE = -math.log(0.92)
WRONG = -math.log(0.02)


def test_losses_are_of_the_persons_action_among_what_may_be_named() -> None:
    table = fake_table(person_only)
    assert losses(table, table.original) == pytest.approx(SURE)
    halved = table.original.assign(scores=[scores / 2 for scores in table.original["scores"]])
    assert losses(table, halved) == pytest.approx(SURE)


def test_a_model_of_places_is_led_astray_by_every_place() -> None:
    table, _ = whole(scene_only)
    rows = ranked(table)
    assert len(rows) == 32
    np.testing.assert_allclose(rows["loss"], WRONG, rtol=1e-6)
    np.testing.assert_allclose(rows["before"], SURE, rtol=1e-6)
    places = by_place(table)
    assert len(places) == 4
    assert [row.value for row in places["loss"]] == pytest.approx([WRONG - SURE] * 4)
    assert places["top1"].tolist() == [0.0] * 4
    assert len(worst(table, 5)) == 5


def test_a_model_of_people_is_led_astray_by_none() -> None:
    table, _ = whole(person_only)
    assert worst(table, 5) == []
    assert [row.value for row in by_place(table)["loss"]] == pytest.approx([0.0] * 4, abs=1e-6)


def test_the_clips_to_watch_are_those_whose_loss_grows_most() -> None:
    table, _ = whole(scene_only)
    rows = table.rows.copy()
    swapped = rows.index[(rows["video"] == "video_009") & (rows["variant"] == "swap_random")][0]
    rows.at[swapped, "scores"] = np.where(np.arange(5) == rows.at[swapped, "scores"].argmax(), 1.0, 0.0)
    assert worst(replace(table, rows=rows), 1) == ["video_009"]


def test_places_are_named_by_their_scenes_where_these_are_known() -> None:
    table, _ = whole(scene_only)
    assert set(by_place(table)["place"]) == {"dive place", "jump place", "run place", "wave place"}
    unknown = replace(table, rows=table.rows.assign(background_scene=""))
    assert set(by_place(unknown)["place"]) == {"dive", "jump", "run", "wave"}


def test_without_swaps_the_page_says_so() -> None:
    table = fake_table(coin, variants=("original", "frozen"))
    for section in (story.places_section(table), story.watched_section(table, [])):
        (note,) = section.blocks
        assert isinstance(note, Note)
        assert note.text.startswith("Nobody was put in another")


def test_tables_of_places_and_clips() -> None:
    table, _ = whole(scene_only)
    places, clips = story.places_section(table).blocks
    assert isinstance(places, Table)
    assert isinstance(clips, Table)
    assert places.rows[0][2].text == f"+{WRONG - SURE:.2f}"
    assert len(clips.rows) == story.MOST
    assert clips.note.endswith("the first 20 of 32; audit.parquet has all.")


def blinded(table: AuditTable, led: range) -> AuditTable:
    """Some videos show one kind of still, on which the model is wrong, surely, whatever is done."""
    rows = table.rows.copy()
    for place in rows.index[rows["variant"].isin(("original", "frozen"))]:
        number = int(str(rows.at[place, "video"]).removeprefix("video_"))
        kind = np.full(3, 0.01)
        kind[0 if number in led else 1 + number % 2] = 1
        rows.at[place, "features"] = kind
        if number in led:
            scores = np.full(5, 0.02, np.float32)
            scores[(list(table.actions).index(str(rows.at[place, "action"])) + 1) % 4] = 0.92
            rows.at[place, "scores"] = scores
    return replace(table, rows=rows)


def test_a_kind_of_still_that_misleads_is_found_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sceneproof.audit.hardest.CLIPS_A_CLUSTER", 32)
    table = blinded(fake_table(person_only, each=24), range(0, 24))
    found = static_shortcuts(table)
    assert not isinstance(found, str)
    (shortcut,), rows = found
    assert sorted(rows["video"].iloc[shortcut.members]) == [f"video_{number:03d}" for number in range(24)]
    assert shortcut.error == pytest.approx(1)
    assert shortcut.confidence == pytest.approx(0.92)
    told = story.shortcuts_table(table)
    assert isinstance(told, Table)
    assert [cell.text for cell in told.rows[0][1:]] == [
        "24",
        "dive, jump, run, wave",
        told.rows[0][3].text,
        "100.0",
        "92.0",
    ]
    sound = story.shortcuts_table(blinded(fake_table(person_only, each=24), range(0)))
    assert isinstance(sound, Note)
    assert sound.text.startswith("No static shortcut was found among 96 clips")


def test_shortcuts_need_features_and_clips() -> None:
    assert "it needs features" in str(static_shortcuts(fake_table(coin, variants=("original",))))
    assert "it needs 60 clips, and has 32" in str(static_shortcuts(whole(coin)[0]))


def test_recipes_fit_what_was_found() -> None:
    table, measures = whole(scene_only)
    commands = story.recipes(table, measures)
    assert isinstance(commands, Commands)
    assert [text for text, _ in commands.commands] == [
        "sceneproof label scenes m.parquet SCENES",
        "sceneproof train m.parquet runs/SDN --method SDN --scenes SCENES --humans HUMANS",
        "sceneproof train m.parquet runs/LfF --method LfF",
    ]
    known = {**table.facts, "settings": {"manifest": "my videos.parquet", "scenes": "s.parquet", "humans": "h.parquet"}}
    commands = story.recipes(replace(table, facts=known), measures)
    assert isinstance(commands, Commands)
    assert commands.commands[0][0] == (
        "sceneproof train 'my videos.parquet' runs/SDN --method SDN --scenes s.parquet --humans h.parquet"
    )
    assert isinstance(story.recipes(*whole(person_only)), Note)


def test_what_nobody_asked_for_is_not_told_as_missing() -> None:
    table = fake_table(coin, variants=("original", "human_filled"))
    page = story_text(table)
    assert "was not asked for" not in page
    assert "Contrasted" not in page


def story_text(table: AuditTable) -> str:
    from sceneproof.pages.audit import sections
    from sceneproof.pages.kit import Page

    return Page("t", ["h"], sections(table, measured(table), [], [], None)).html()
