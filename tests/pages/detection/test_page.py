"""The page of detectors."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from sceneproof.report import report
from sceneproof.results import add_study, read_results
from tests.pages.detection.fake import KINDS, PERFECT, SSD, Kind, exact, make_detector, make_detectors, truth
from tests.pages.test_page import NASTY, Outline
from tests.squares import make_squares


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    kinds = {name: KINDS[name] for name in ("ssd-from-plain", "ssd-from-sdn", "moc-from-sdn")}
    there = truth(6)
    there.loc[there["video"] == "test_out_001", "problem"] = "no video stream"
    return report(make_detectors(folder, seeds=2, kinds=kinds, there=there), folder / "out" / "a.html")


def plain(page: Path) -> str:
    return page.read_text().replace("\N{NO-BREAK SPACE}", " ")


def rows(page: Path, caption: str) -> list[list[str]]:
    """The cells' texts of a table."""
    table = re.search(rf"<table[^>]*>\s*<caption>{re.escape(caption)}</caption>.*?</table>", plain(page), re.DOTALL)
    assert table is not None
    cells = [re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL) for row in table[0].split("<tr>")[1:]]
    return [[" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in row] for row in cells]


def test_the_page_stands_alone(page: Path) -> None:
    text = page.read_text()
    outline = Outline(text)
    assert text.startswith("<!doctype html>")
    assert [tag for tag in outline.tags if tag in ("script", "link", "iframe", "object")] == []
    assert [one for one in outline.addresses if not one.startswith(("#", "data:"))] == []
    assert re.findall(r"url\((?!#)", text) == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)
    assert len(outline.links) == 8
    assert {one.removeprefix("#") for one in outline.addresses if one.startswith("#")} <= set(outline.ids)


def test_it_says_what_was_found_and_what_was_not(page: Path) -> None:
    text = plain(page)
    lead = re.search(r'<p class="lead">(.*?)</p>', text, re.DOTALL)
    assert lead is not None
    assert lead[1].startswith("Out of context, ssd-from-sdn reaches a frame-mAP of")
    for caption in (
        "Frame-mAP and video-mAP, in context, ACT’s reading", "Gains, ACT’s reading, out of context",
        "Frame-mAP and video-mAP, out of context, Singh et al.’s (PASCAL VOC’s) reading",
        "The paper’s figures on J-HMDB, and ours", "Average precision by action, out of context",
        "Where average precision goes, in context",
    ):  # fmt: skip
        assert f"<caption>{caption}</caption>" in text
    assert "ssd-from-plain-seed0 could not read 1 video: the boxes there count as missed." in text
    assert "no video stream" in text
    assert "Clips are not shown: give the manifest" in text


def test_the_papers_figures_stand_beside_ours_with_their_source(page: Path) -> None:
    header, *lines = rows(page, "The paper’s figures on J-HMDB, and ours")
    assert header == ["Detector", "Trained before on", "Mean AP"]
    assert lines[:4] == [
        ["The paper: baseline VGG, RGB", "ImageNet + Mini-Kinetics", "32.5"],
        ["The paper: debiased VGG, RGB", "ImageNet + Mini-Kinetics", "34.5"],
        ["The paper: ACT VGG, RGB + flow", "–", "65.7"],
        ["The paper: S3D-G Inception (2+1)D, RGB + flow", "ImageNet + full Kinetics", "75.2"],
    ]
    assert [line[0].split()[1] for line in lines[4:]] == ["ssd-from-plain", "ssd-from-sdn", "moc-from-sdn"]
    assert {line[1] for line in lines[4:]} == {"world"}
    by_name = {
        line[0].split()[0]: line[1] for line in rows(page, "Frame-mAP and video-mAP, out of context, ACT’s reading")
    }
    assert [line[2] for line in lines[4:]] == [by_name[line[0].split()[1]] for line in lines[4:]]
    text = plain(page)
    assert "source: Choi et al., NeurIPS 2019, poster: spatio-temporal action detection." in text
    assert "Ours, as far as their runs say, saw neither" in text


def test_a_start_of_others_is_named_beside_the_papers_figures(tmp_path: Path) -> None:
    weights = tmp_path / "vgg16.pth"
    weights.touch()
    config = make_detector(tmp_path / "own", PERFECT, 0) / "config.yaml"
    config.write_text(config.read_text().replace("weights: null", f"weights: {weights}"))
    made = report([tmp_path / "own"], tmp_path / "a.html")
    assert rows(made, "The paper’s figures on J-HMDB, and ours")[-1][1] == "vgg16.pth"
    assert "started from vgg16.pth; what these had seen the runs do not tell." in plain(made)


def test_mistakes_on_the_page_sum_to_100(page: Path) -> None:
    for on in ("in context", "out of context"):
        header, *lines = rows(page, f"Where average precision goes, {on}")
        assert header[1:] == ["Right", "Localization", "Classification", "Time", "Other", "Missed"]
        assert len(lines) == 3
        for line in lines:
            assert sum(map(float, line[1:])) == pytest.approx(100, abs=0.3)  # each is rounded


def test_figures_are_beside_the_page(page: Path, tmp_path: Path) -> None:
    value = json.loads(page.with_suffix(".json").read_text())
    assert value["task"] == "detection"
    assert value["baseline"] == {"ssd-from-plain": None, "ssd-from-sdn": "ssd-from-plain", "moc-from-sdn": None}
    assert value["reading"] == "act"
    assert len(value["runs"]) == 6
    assert value["headline"][0].replace("\N{NO-BREAK SPACE}", " ") in plain(page)
    table = pd.read_csv(page.with_suffix(".csv"))
    row = (
        table[(table.metric == "frame-mAP@0.5") & (table.on == "out of context")]
        .set_index("recipe")
        .loc["ssd-from-sdn"]
    )
    assert row["gain_low"] <= row["gain"] <= row["gain_high"]
    listed = value["average_precision"]["out of context"]["ssd-from-sdn"]
    assert sum(listed.values()) / len(listed) == pytest.approx(row["mean"])
    lost = value["lost_to"]["out of context"]["ssd-from-sdn"]
    assert sum(lost.values()) == pytest.approx(1)
    assert lost["right"] == pytest.approx(row["mean"])
    add_study(tmp_path / "results.csv", page, [], prefix="")
    lines = {(one.recipe, one.metric): float(one.ours) for one in read_results(tmp_path / "results.csv")}
    for end, key in (("", "gain"), ("/low", "gain_low"), ("/high", "gain_high")):
        found = lines["ssd-from-sdn", f"out of context/frame-mAP@0.5/gain{end}"]
        assert found == pytest.approx(row[key], rel=1e-4)
    assert ("ssd-from-sdn", "in context/video-mAP@0.5:0.95, voc reading/gain") in lines
    assert {recipe for recipe, _ in lines} == {"ssd-from-sdn"}


def test_clips_are_shown_where_the_manifest_is_given(tmp_path: Path) -> None:
    manifest = make_squares(tmp_path / "squares", train=1, test=2)
    listed, boxes = pd.read_parquet(manifest), pd.read_parquet(manifest.parent / "boxes.parquet")
    known = listed[listed["split"].str.startswith("test")][["video", "split", "context", "scene"]]
    there = known.merge(boxes.drop(columns="score"), on="video").assign(action="jump", track=0, problem="")
    run = make_detector(tmp_path / "one", PERFECT, 0, there=there, made=exact(there))
    text = report([run], tmp_path / "a.html", manifest=manifest).read_text()
    pictures = Outline(text).pictures
    assert len(pictures) == 2
    assert all(str(one["src"]).startswith("data:image/webp;base64,") and one["alt"] for one in pictures)
    assert "<p>Clips out of context, drawn at random" in text
    assert text.count("✓ jump, 90.0") == 2
    assert "give the manifest" not in text
    nowhere = make_detector(tmp_path / "two", PERFECT, 0, there=there.assign(context=""), made=exact(there, wrong=True))
    text = report([nowhere], tmp_path / "b.html", manifest=manifest, videos=3).read_text()
    assert "<p>Clips, drawn at random" in text
    assert len(Outline(text).pictures) == 3
    assert len(re.findall(r"✗ punch, 90.0.%\s*\(wrong\)", text)) == 3


def test_markup_in_names_shows_as_text(tmp_path: Path) -> None:
    manifest = make_squares(tmp_path / "squares", train=1, test=1)
    boxes = pd.read_parquet(manifest.parent / "boxes.parquet")
    there = boxes[boxes["video"] == "test0"].drop(columns="score")
    there = there.assign(split="test", context="", scene=NASTY, action="jump", track=0, problem="")
    unread = there.assign(video=NASTY, problem=NASTY)
    there = pd.concat([there, unread], ignore_index=True)
    run = make_detector(tmp_path / "a<b>&$y$", Kind(SSD, "sdn", 1, 1), 0, there=there)
    text = report([run], tmp_path / "a.html", title=NASTY, manifest=manifest).read_text()
    assert len(Outline(text).pictures) == 1
    assert "<script" not in text
    assert "<b>&" not in text
    assert "a&lt;b&gt;&amp;$y$</text>" in text
    assert text.count("&lt;script&gt;alert(&#39;$x_1$&#39;)&lt;/script&gt; &amp; &#34;more&#34;") >= 5


def test_one_run_without_contexts_boxes_found_or_curves(tmp_path: Path) -> None:
    there = truth(2).assign(context="", scene="")
    run = make_detector(tmp_path / "own", KINDS["ssd-from-plain"], 0, there=there, made=exact(there.iloc[:0]))
    (run / "metrics.jsonl").unlink()
    text = plain(report([run], tmp_path / "a.html"))
    assert '<p class="lead">Nothing follows from these figures. On the test videos, own is not clearly better' in text
    assert "On the test videos, own reaches a frame-mAP of 0.0 %" in text
    assert "The runs logged no curves." in text
    assert "<caption>Gains" not in text


def test_the_reading_that_is_asked_for_leads(tmp_path: Path) -> None:
    run = make_detector(tmp_path / "own", KINDS["ssd-from-plain"], 0, there=truth(3))
    text = plain(report([run], tmp_path / "a.html", reading="voc"))
    captions = re.findall(r"<caption>(Frame-mAP and video-mAP, .*?)</caption>", text)
    assert ["Singh" in one for one in captions] == [True, True, False, False]
    assert json.loads((tmp_path / "a.json").read_text())["reading"] == "voc"


def test_the_same_study_gives_the_same_page(tmp_path: Path) -> None:
    run = make_detector(tmp_path / "own", KINDS["ssd-from-plain"], 0, there=truth(2))
    first = report([run], tmp_path / "a.html").read_bytes()
    assert report([run], tmp_path / "a.html").read_bytes() == first
