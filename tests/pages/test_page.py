import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sceneproof.audit.models.run_model import RunModel
from sceneproof.errors import InputError
from sceneproof.report import report
from tests.pages.fake import KINDS, Kind, make_run, make_study, videos
from tests.videos import make_boxes, make_manifest

NASTY = "<script>alert('$x_1$')</script> & \"more\""


class Outline(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.addresses: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.captions = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.tags.append(tag)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        self.addresses += [str(found[name]) for name in ("src", "href", "xlink:href", "srcset") if found.get(name)]
        if tag == "img":
            self.pictures.append(found)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    kinds = {name: KINDS[name] for name in ("plain", "L_Ent", "L_Adv", "sdn")}
    return report(make_study(folder, seeds=2, kinds=kinds, missed=("jump-pool-0",)), folder / "out" / "report.html")


def test_the_page_stands_alone(page: Path) -> None:
    text = page.read_text()
    outline = Outline(text)
    assert text.startswith("<!doctype html>")
    assert [tag for tag in outline.tags if tag in ("script", "link", "iframe", "object")] == []
    assert [one for one in outline.addresses if not one.startswith(("#", "data:"))] == []
    assert re.findall(r"url\((?!#)", text) == []
    assert '<meta name="viewport" content="width=device-width' in text
    assert re.search(r"<title>[^<]+</title>", text)
    assert page.stat().st_size < 6e6


def test_ids_are_unique_and_links_lead_somewhere(page: Path) -> None:
    outline = Outline(page.read_text())
    assert len(outline.ids) == len(set(outline.ids))
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)
    assert len(outline.links) == 7
    inside = {one.removeprefix("#") for one in outline.addresses if one.startswith("#")}
    assert inside <= set(outline.ids)  # what the drawings refer to is there, too


def test_every_table_has_a_caption_and_headings(page: Path) -> None:
    text = page.read_text()
    tables = re.findall(r"<table.*?</table>", text, re.DOTALL)
    assert len(tables) >= 7
    for one in tables:
        assert re.search(r"<caption>[^<]+</caption>", one)
        assert one.count('scope="row"') == one.count("<tr>") - 1
        widths = {len(re.findall(r"<t[hd][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", one, re.DOTALL)}
        assert len(widths) == 1


def test_drawings_take_the_pages_colours(page: Path) -> None:
    text = page.read_text()
    assert "currentColor" in text
    assert re.findall(r"#0[1-5]0[1-5]0[1-6]\b", text) == []  # the stand-ins are all replaced
    assert text.count('<svg role="img" aria-label="') == Outline(text).tags.count("svg")


def test_figures_are_beside_the_page(page: Path) -> None:
    value = json.loads((page.parent / "report.json").read_text())
    assert value["baseline"] == "plain"
    assert value["debiased"] == "sdn"
    assert len(value["runs"]) == 8
    table = pd.read_csv(page.parent / "report.csv")
    out = table[(table["metric"] == "top-1") & (table["on"] == "out of context")].set_index("recipe")
    listed = {
        one["recipe"]: one["mean"]
        for one in value["measures"]
        if (one["metric"], one["on"]) == ("top-1", "out of context")
    }
    assert out["mean"].to_dict() == pytest.approx(listed, rel=1e-5)
    gains = out[["gain_low", "gain", "gain_high"]].astype(float)
    assert gains.loc["plain"].isna().all()
    assert gains.loc["sdn"].is_monotonic_increasing


def test_what_is_missing_is_said(page: Path) -> None:
    text = page.read_text()
    assert "give the manifest (--manifest)" in text
    assert "jump-pool-0" in text
    assert "no video stream" in text


def test_the_scene_bias_is_that_of_the_videos_in_context(page: Path) -> None:
    text = page.read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "names the action on 61.0 % of the &#39;test&#39; videos (B_scene = 1.30), where guessing gives 16.7 %" in text
    )


def test_markup_in_names_shows_as_text(tmp_path: Path) -> None:
    rows = videos(1).replace({"jump": "jump", "pool": NASTY})
    kinds = {"plain": KINDS["plain"], "a<b>&$y$": KINDS["sdn"]}
    runs = make_study(tmp_path, seeds=1, kinds=kinds, rows=rows, missed=(rows["video"][0],))
    text = report(runs, tmp_path / "report.html", title=NASTY, minimum_count=1).read_text()
    assert "<script" not in text
    assert "<b>&" not in text
    assert "&lt;script&gt;alert(&#39;$x_1$&#39;)&lt;/script&gt; &amp;" in text
    assert "a&lt;b&gt;&amp;$y$</text>" in text  # in the drawings too, and not as mathematics


def test_one_run_without_scenes_contexts_or_people(tmp_path: Path) -> None:
    rows = videos(1).assign(scene=None, context=None)
    run = make_run(tmp_path / "own", Kind("mine.Own", {}, 0.8, 0.6), 0, rows=rows)
    (run / "evaluation" / "metrics.json").unlink()
    (run / "metrics.jsonl").unlink()
    text = report([run], tmp_path / "report.html").read_text()
    assert "On the test videos, own is right on" in text
    assert "The runs logged no curves." in text
    assert "None: every test video was read by every run." in text
    assert 'id="scenes"' not in text


def test_clips_and_maps(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, actions=("jump", "run"), splits=("test",), clips=2)
    boxes = make_boxes(manifest, tmp_path / "boxes.parquet")
    rows = manifest.rows[["video", "split", "action", "scene", "context"]].assign(group=None)
    kinds = {name: KINDS[name] for name in ("plain", "sdn")}
    runs = make_study(tmp_path / "runs", seeds=1, kinds=kinds, rows=rows, weights=True)
    out = report(
        runs, tmp_path / "report.html", manifest=tmp_path / "manifest.parquet", humans=boxes, clips=3, quiet=True
    )
    outline = Outline(out.read_text())
    assert len(outline.pictures) == 3 * 3 * 2  # clips x (itself and two maps) x (moving and still)
    assert all(str(one["src"]).startswith("data:image/webp;base64,") and one["width"] for one in outline.pictures)
    assert all(one["alt"] for one in outline.pictures)
    shares = json.loads((tmp_path / "report.json").read_text())["share_on_person"]
    assert set(shares) == {"area", "plain", "sdn"}
    assert shares["area"]["value"] == pytest.approx(64 / 48**2, rel=0.3)  # the square of 8 x 8 in a crop of 48 x 48


def test_a_model_without_maps_is_shown_without_and_the_others_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = make_manifest(tmp_path, actions=("jump", "run"), splits=("test",), clips=1)
    rows = manifest.rows[["video", "split", "action", "scene", "context"]].assign(group=None)
    runs = make_study(
        tmp_path / "runs", seeds=1, kinds={name: KINDS[name] for name in ("plain", "sdn")}, rows=rows, weights=True
    )
    first = RunModel.__init__

    def without(self: RunModel, path: Path, **more: Any) -> None:
        first(self, path, **more)
        self.maps_missing = "its places are not known" if "sdn" in path.name else ""

    monkeypatch.setattr(RunModel, "__init__", without)
    out = report(runs, tmp_path / "report.html", manifest=tmp_path / "manifest.parquet", clips=1, quiet=True)
    assert "No class activation maps of sdn: its places are not known." in out.read_text()
    assert len(Outline(out.read_text()).pictures) == 1 * 2 * 2  # the clip and one map, moving and still


def test_without_weights_clips_are_shown_and_maps_are_not(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, actions=("jump", "run"), splits=("test",), clips=1)
    rows = manifest.rows[["video", "split", "action", "scene", "context"]].assign(group=None)
    run = make_run(tmp_path / "plain", KINDS["plain"], 0, rows=rows)
    text = report([run], tmp_path / "report.html", manifest=tmp_path / "manifest.parquet", quiet=True).read_text()
    assert "Class activation maps are not shown:" in text
    assert "weights.safetensors" in text
    assert len(Outline(text).pictures) == 2 * 2


def test_a_manifest_of_other_videos_is_refused(tmp_path: Path) -> None:
    make_manifest(tmp_path, actions=("jump",), splits=("test",), clips=1)
    run = make_run(tmp_path / "plain", KINDS["plain"], 0)
    with pytest.raises(InputError, match="none of the tested videos is in this manifest"):
        report([run], tmp_path / "report.html", manifest=tmp_path / "manifest.parquet")
    assert not (tmp_path / "report.html").exists()


def test_the_same_study_gives_the_same_page(tmp_path: Path) -> None:
    runs = make_study(tmp_path, seeds=1, kinds={"plain": KINDS["plain"]})
    first = report(runs, tmp_path / "report.html").read_bytes()
    assert report(runs, tmp_path / "report.html").read_bytes() == first
