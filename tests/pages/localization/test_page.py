"""The page of localizers."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sceneproof.errors import InputError
from sceneproof.mall.untrimmed import UntrimmedWorld, make_untrimmed_world
from sceneproof.pages.examples import _stills
from sceneproof.report import report
from sceneproof.results import add_study, read_results
from tests.pages.localization.fake import KINDS, RC3D, Kind, detections, make_localizer, make_localizers, truth
from tests.pages.test_page import NASTY, Outline
from tests.timed import make_timed


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    kinds = {name: KINDS[name] for name in ("rc3d-from-plain", "rc3d-from-sdn", "former-from-sdn")}
    there = truth(4)
    there.loc[there["video"] == "test_out_001", "problem"] = "no video stream"
    return report(make_localizers(folder, seeds=2, kinds=kinds, there=there), folder / "out" / "a.html")


def test_the_page_stands_alone(page: Path) -> None:
    text = page.read_text()
    outline = Outline(text)
    assert text.startswith("<!doctype html>")
    assert [tag for tag in outline.tags if tag in ("script", "link", "iframe", "object")] == []
    assert [one for one in outline.addresses if not one.startswith(("#", "data:"))] == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)
    assert len(outline.links) == 9
    assert {one.removeprefix("#") for one in outline.addresses if one.startswith("#")} <= set(outline.ids)


def test_it_says_what_was_found_and_what_was_not(page: Path) -> None:
    text = page.read_text().replace("\N{NO-BREAK SPACE}", " ")
    lead = re.search(r'<p class="lead">(.*?)</p>', text, re.DOTALL)
    assert lead is not None
    assert lead[1].startswith("Out of context, rc3d-from-sdn reaches a mean average precision of")
    for caption in (
        "mAP by tIoU, in context", "mAP by tIoU, out of context", "Gains in mAP by tIoU, out of context",
        "The paper’s figures on THUMOS-14", "Average precision by action, out of context",
        "What is detected, in context",
    ):  # fmt: skip
        assert f"<caption>{caption}</caption>" in text
    assert "source: Choi et al., NeurIPS 2019, poster" in text
    assert "rc3d-from-plain-seed0 could not read 1 video: the segments there count as missed." in text
    assert "no video stream" in text
    assert "Frames are not shown: give the manifest" in text
    assert text.count("Time line of test_out_") == 3 * 2  # of the videos that can be read; plain and debiased


def test_figures_are_beside_the_page(page: Path, tmp_path: Path) -> None:
    value = json.loads(page.with_suffix(".json").read_text())
    assert value["baseline"] == {
        "rc3d-from-plain": None, "rc3d-from-sdn": "rc3d-from-plain", "former-from-sdn": None,
    }  # fmt: skip
    assert value["reading"] == "activitynet"
    assert len(value["runs"]) == 6
    table = pd.read_csv(page.with_suffix(".csv"))
    row = table[(table.metric == "mAP") & (table.on == "out of context")].set_index("recipe").loc["rc3d-from-sdn"]
    assert row["gain_low"] < row["gain"] < row["gain_high"]
    listed = value["average_precision"]["out of context"]["rc3d-from-sdn"]
    assert all(0 <= one <= 1 for one in listed.values())
    add_study(tmp_path / "results.csv", page, [], prefix="")
    lines = {(one.recipe, one.metric): float(one.ours) for one in read_results(tmp_path / "results.csv")}
    assert lines["rc3d-from-sdn", "out of context/mAP/gain"] == pytest.approx(row["gain"], rel=1e-4)


def test_frames_are_shown_where_the_manifest_is_given(tmp_path: Path) -> None:
    world = UntrimmedWorld(
        train=0, validation=0, validation_out=0, test=0, test_out=2, idle=0.0, seconds=12.0, longest=4.0, height=32,
        width=48,
    )  # fmt: skip
    manifest = make_untrimmed_world(tmp_path / "world", world, workers=1, quiet=True)
    rows = manifest.rows.assign(video=manifest.rows["group"], duration=12.0, problem="")
    there = rows[["video", "split", "context", "scene", "action", "start", "end", "duration", "problem"]]
    there = there.assign(action=there["action"].map(dict.fromkeys(there["action"], "jump")))
    run = make_localizer(tmp_path / "one", KINDS["former-from-sdn"], 0, there=there)
    path = tmp_path / "world" / "manifest.parquet"
    text = report([run], tmp_path / "a.html", manifest=path).read_text()
    pictures = Outline(text).pictures
    assert len(pictures) == 2 * 8
    assert all(str(one["src"]).startswith("data:image/webp;base64,") and one["alt"] for one in pictures)
    assert "give the manifest" not in text
    other = make_localizer(tmp_path / "other", KINDS["former-from-sdn"], 0)
    with pytest.raises(InputError, match="none of the tested videos is in this manifest"):
        report([other], tmp_path / "b.html", manifest=path)


def test_markup_in_names_shows_as_text(tmp_path: Path) -> None:
    there = truth(2)
    there["scene"] = NASTY
    run = make_localizer(tmp_path / "a<b>&$y$", Kind(RC3D, "sdn", 1, 1), 0, there=there)
    text = report([run], tmp_path / "a.html", title=NASTY).read_text()
    assert "<script" not in text
    assert "<b>&" not in text
    assert "a&lt;b&gt;&amp;$y$</text>" in text


def test_one_run_without_contexts_segments_found_or_curves(tmp_path: Path) -> None:
    there = truth(2).assign(context="", scene="")
    kind = replace(KINDS["rc3d-from-plain"], start="none")
    nothing = detections(there, kind, 0).iloc[:0]
    run = make_localizer(tmp_path / "own", kind, 0, there=there, found=nothing)
    (run / "metrics.jsonl").unlink()
    text = report([run], tmp_path / "a.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "On the test videos, own reaches a mean average precision of 0.0 %" in text
    assert "The runs logged no curves." in text
    assert "Gains in mAP" not in text


def test_the_same_study_gives_the_same_page(tmp_path: Path) -> None:
    run = make_localizer(tmp_path / "own", KINDS["rc3d-from-plain"], 0, there=truth(2))
    first = report([run], tmp_path / "a.html").read_bytes()
    assert report([run], tmp_path / "a.html").read_bytes() == first


def test_frames_of_the_page_are_those_of_their_second(tmp_path: Path) -> None:
    path = make_timed(tmp_path / "a.mp4", [0, *(12_000 + 40 * n for n in range(100))])
    assert [still.alt for still in _stills(path)] == [f"at {second} s" for second in range(1, 17, 2)]
    assert len({still.held for still in _stills(path)[:6]}) == 1, "12 s of a still"
    assert len({still.held for still in _stills(path)}) == 3
