"""The kit: what becomes of blocks, and what it does not load."""

import subprocess
import sys
from pathlib import Path

import pytest

from sceneproof.pages.kit import (
    Card,
    Cell,
    Clips,
    Commands,
    Line,
    Listing,
    Note,
    Page,
    Picture,
    Section,
    SideBySide,
    Table,
)
from tests.pages.test_page import NASTY, Outline

PICTURE = Picture(
    NASTY, "data:image/webp;base64,aa", 4, 3, [Line(NASTY, NASTY, right=True)], "data:image/webp;base64,bb"
)
CARD = Card(NASTY, [NASTY], [PICTURE], facts=NASTY, bars=[(NASTY, 0.25)], bars_name=NASTY)


def page(*, sortable: bool = False) -> str:
    table = Table(NASTY, [NASTY, "n"], [[Cell(NASTY), Cell("1.0", NASTY, shade=0.9)]], NASTY)
    blocks = (
        NASTY,
        Note(NASTY),
        table,
        SideBySide([table]),
        Clips([CARD]),
        Listing([NASTY]),
        Commands([(NASTY, NASTY)]),
    )
    sections = [Section("one-part", NASTY, *blocks, None, ""), Section("two", "Two")]
    return Page(NASTY, [NASTY], sections, [NASTY], sortable=sortable).html()


def test_whatever_comes_from_outside_is_text() -> None:
    text = page()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 20
    outline = Outline(text)
    assert [picture.get("class") for picture in outline.pictures] == ["moving", "held"]
    assert all(picture["alt"] == NASTY for picture in outline.pictures)
    assert outline.links == ["#one-part", "#two"]
    assert ">One part</a>" in text


def test_a_clip_that_cannot_be_shown_says_why() -> None:
    text = Page("t", [], [Section("a", "A", Clips([Card("run", problem="no <stream>", pictures=[PICTURE])]))]).html()
    assert "<b>Cannot be shown:</b> no &lt;stream&gt;" in text
    assert Outline(text).pictures == []


def test_figures_are_written_beside_the_page_without_what_json_has_no_number_for(tmp_path: Path) -> None:
    Page("t", [], []).write(tmp_path / "a.html", {"x": float("nan"), "y": [float("inf"), 1.5]}, "a,b\n")
    assert (tmp_path / "a.json").read_text() == '{\n  "x": null,\n  "y": [\n    null,\n    1.5\n  ]\n}\n'
    assert (tmp_path / "a.csv").read_text() == "a,b\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "a.html", "a.json"]


@pytest.mark.parametrize("modules", ["kit, charts, pictures, timeline", "labels, preview"])
def test_pages_of_labels_and_tables_load_no_torch(modules: str) -> None:
    code = f"import sys\nfrom sceneproof.pages import {modules}\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
