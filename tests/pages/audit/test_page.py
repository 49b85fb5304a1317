import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.audit.figures import CATALOG
from sceneproof.audit.measures import Measures
from sceneproof.audit.table import AuditTable
from sceneproof.pages.audit import write_page
from sceneproof.pages.audit_words import notes
from sceneproof.pages.kit import Card, Line
from sceneproof.pages.pictures import moving
from tests.pages.audit.fake import coin, fake_table, measured, person_only
from tests.pages.test_page import Outline

NASTY = '<img src=x onerror=alert(1)> & "$x_1$" \''
SHOWN_AS = "&lt;img src=x onerror=alert(1)&gt; &amp; &#34;$x_1$&#34; &#39;"


def clip(text: str = "a clip") -> Card:
    frames = np.full((3, 8, 12, 3), 90, np.uint8)
    pictures = [
        moving(text, frames, 25.0, [Line(strong=text), Line(text, right=place == 0), Line(text)]) for place in range(2)
    ]
    return Card(text, [f"in {text}", text], pictures)


def written(table: AuditTable, out: Path, *, measures: Measures | None = None, text: str = "a clip") -> str:
    out.mkdir(exist_ok=True)
    write_page(table, measures or measured(table), out, clips=[clip(text)], title=f"How much does {table.model} lean?")
    return (out / "audit.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def table() -> AuditTable:
    return fake_table(person_only, unread=(3,), nobody=(4, 5))


@pytest.fixture(scope="module")
def measures(table: AuditTable) -> Measures:
    return measured(table, probes=True)


@pytest.fixture(scope="module")
def out(table: AuditTable, measures: Measures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    written(table, folder, measures=measures)
    return folder


@pytest.fixture(scope="module")
def text(out: Path) -> str:
    return (out / "audit.html").read_text(encoding="utf-8")


def test_the_page_stands_alone(text: str) -> None:
    outline = Outline(text)
    assert [tag for tag in outline.tags if tag in ("link", "iframe", "object", "embed", "base", "form")] == []
    assert [one for one in outline.addresses if not one.startswith(("#", "data:image/webp;base64,"))] == []
    assert re.findall(r"url\((?!#)|@import", text) == []
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:;' in text


def test_its_one_script_is_the_only_one_that_it_allows(text: str) -> None:
    assert Outline(text).tags.count("script") == 1
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert re.findall(r"script-src ([^;]+)", policy[1]) == [f"'sha256-{digest}'"]
    assert not re.findall(r"<[^>]+\son\w+=", re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL))


def test_ids_are_unique_and_links_lead_somewhere(text: str) -> None:
    outline = Outline(text)
    assert len(outline.ids) == len(set(outline.ids))
    assert len(outline.links) == 9
    assert {one.removeprefix("#") for one in outline.addresses if one.startswith("#")} <= set(outline.ids)


def test_every_table_has_a_caption_of_its_own_and_headings(text: str) -> None:
    tables = re.findall(r"<table.*?</table>", text, re.DOTALL)
    captions = [re.findall(r"<caption>([^<]+)</caption>", one) for one in tables]
    assert len(tables) == 13
    assert len({one for (one,) in captions}) == 13
    for one in tables:
        assert one.count('scope="row"') == one.count("<tr>") - 1
        assert len({len(re.findall(r"<t[hd][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", one, re.DOTALL)}) == 1


def test_drawings_take_the_pages_colours_and_have_names(text: str) -> None:
    assert text.count('<svg role="img" aria-label="') == Outline(text).tags.count("svg") == 2
    assert re.findall(r"#0[1-5]0[1-5]0[1-6]\b", text) == []
    assert "person in another" in text


def test_pictures_have_alternative_texts_moving_and_held(text: str) -> None:
    pictures = Outline(text).pictures
    assert [one["alt"] for one in pictures] == ["a clip"] * 4
    assert [one["class"] for one in pictures] == ["moving", "held"] * 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, ["32 videos of 4 actions; guessing among these gives 25.0 %."]),
        ({"unread": (1,)}, ["1 video could not be read: missed in top-1, and left out elsewhere."]),
        (
            {"unread": (1, 2), "nobody": (2, 3)},
            [
                "2 videos could not be read: missed in top-1, and left out elsewhere.",
                "1 video with no known people: left out of all that needs them.",
            ],
        ),
        ({"nobody": range(32)}, ["Nobody is known to be in any video: nothing that needs people was measured."]),
        ({"unread": range(32)}, ["32 videos could not be read: missed in top-1, and left out elsewhere."]),
    ],
)
def test_notes(options: dict[str, tuple[int, ...]], said: list[str]) -> None:
    assert notes(fake_table(coin, **options))[-len(said) :] == said  # type: ignore[arg-type]
    assert len(notes(fake_table(coin, **options))) == len(said) + bool(options)  # type: ignore[arg-type]


def test_what_the_mapping_leaves_out_is_told() -> None:
    table = fake_table(coin)
    mapped = replace(table, facts={**table.facts, "left_out": ["golf", "swim"]})
    assert notes(mapped)[-1] == "Left out, as the mapping says: golf, swim."


def test_markup_in_every_name_shows_as_text(tmp_path: Path) -> None:
    table = fake_table(
        coin, actions=(NASTY, "run", "wave"), each=9, model=NASTY, unread=(15,),
        names=dict.fromkeys(("note", "problem", "scene", "background"), NASTY),
    )  # fmt: skip
    renamed = replace(table, rows=table.rows.assign(video=table.rows["video"] + NASTY))
    text = written(renamed, tmp_path, text=NASTY)
    outline = Outline(text)
    assert outline.tags.count("img") == 4, "the clips' own"
    assert outline.tags.count("script") == 1
    for there in (
        f"<title>How much does {SHOWN_AS} lean?</title>", f"<h1>How much does {SHOWN_AS} lean?</h1>",
        f">{SHOWN_AS} in {SHOWN_AS}</th>", f">{SHOWN_AS} place <small>", f'<td class="words">{SHOWN_AS}</td>',
        f'alt="{SHOWN_AS}"', f"<b>{SHOWN_AS}</b>", f"<h3>{SHOWN_AS} <small>in {SHOWN_AS}</small>",
    ):  # fmt: skip
        assert there in text, there
    assert "<img src=x" not in text
    json.loads((tmp_path / "audit.json").read_text())


def test_the_json_has_every_figure_and_table(out: Path, table: AuditTable, measures: Measures) -> None:
    told = json.loads((out / "audit.json").read_text(), parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    assert set(told["figures"]) == set(CATALOG)
    for name, figure in measures.figures.items():
        found = told["figures"][name]
        if figure.interval is None:
            assert (found["value"], found["low"], found["high"]) == (None, None, None)
            assert found["missing"]
        else:
            ends = (figure.interval.value, figure.interval.low, figure.interval.high)
            assert (found["value"], found["low"], found["high"]) == ends
        assert found["videos"] == figure.n
        assert found["meaning"] == CATALOG[name].meaning
    assert told["figures"]["top1"]["value"] == 31 / 32, "one could not be read"
    assert told["figures"]["human_accuracy"] | {"meaning": ""} == {
        "value": 1.0, "low": 1.0, "high": 1.0, "videos": 29, "missing": "", "meaning": "",
    }  # fmt: skip
    assert told["model"] == "the fake"
    assert told["headline"][0].startswith("25 of the fake’s") or told["headline"][0].startswith("24 of the fake’s")
    assert [row["action"] for row in told["by_action"]] == list(table.actions)
    assert told["by_action"][3]["original"] == 7 / 8
    assert [row["count"] for row in told["groups"]] == [8, 8, 8, 8]
    assert {row["background"] for row in told["pull"]} == {f"{action} place" for action in table.actions}
    assert {"variant": "original", "videos": 1, "reason": "cannot be read: no video stream"} in told["missing"]


def test_what_cannot_be_measured_is_null(tmp_path: Path) -> None:
    table = fake_table(coin, each=1, nobody=(0,), scenes=False)
    written(table, tmp_path)
    told = json.loads((tmp_path / "audit.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert told["by_action"][0]["swap_random"] is None
    assert told["by_scene"] == told["groups"] == []
    assert {share for row in told["pull"] for share in row["pull"].values()} == {None}, "too few clips"


def test_the_csv_has_the_same_figures(out: Path, measures: Measures) -> None:
    assert "nan" not in (out / "audit.csv").read_text().lower()
    listed = pd.read_csv(out / "audit.csv").set_index("figure")
    assert list(listed.index) == list(CATALOG)
    for name, figure in measures.figures.items():
        if figure.interval is None:
            assert listed.loc[name, ["value", "low", "high"]].isna().all()
            assert listed.loc[name, "missing"] == figure.detail
        else:
            assert listed.loc[name, "value"] == pytest.approx(figure.interval.value, rel=1e-5)
            assert listed.loc[name, "high"] == pytest.approx(figure.interval.high, rel=1e-5)


def test_the_same_table_gives_the_same_bytes_also_when_read_back(out: Path, table: AuditTable, tmp_path: Path) -> None:
    table.write(tmp_path / "audit.parquet")
    again = AuditTable.read(tmp_path)
    for one, name in ((table, "same"), (again, "back")):
        written(one, tmp_path / name, measures=measured(one, probes=True))
        for file in ("audit.html", "audit.json", "audit.csv"):
            assert (tmp_path / name / file).read_bytes() == (out / file).read_bytes(), (name, file)
