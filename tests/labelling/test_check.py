"""The page of `label check`: what it shows, of good videos and bad, and what it refuses."""

import base64
import io
import json
import re
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sceneproof.cli import main
from sceneproof.data.humans import from_masks
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError
from sceneproof.pages.label_clips import drawn, fewest_people, least_certain
from sceneproof.pages.labels import label_check
from sceneproof.pages.pictures import LONGEST, SIDE, brought, still, with_boxes, with_people
from tests.pages.test_page import NASTY, Outline
from tests.videos import BROKEN, make_boxes, make_manifest, make_masks, make_scenes


def made(folder: Path, **settings: object) -> tuple[Path, Path, Path]:
    """A manifest with boxes and scenes that fit: their files."""
    manifest = make_manifest(folder, **settings)  # type: ignore[arg-type]
    make_scenes(manifest, folder / "scenes.parquet")
    return folder / "manifest.parquet", make_boxes(manifest, folder / "boxes.parquet"), folder / "scenes.parquet"


def picture(address: str) -> np.ndarray:
    """A data URI's pixels, RGB."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check")
    manifest, boxes, scenes = made(folder, clips=1)
    words = ["label", "check", str(manifest), str(folder / "out" / "check.html"), "--scenes", str(scenes)]
    main([*words, "--humans", str(boxes), "--videos", "4", "--worst", "1", "--quiet"])
    return folder / "out" / "check.html"


def test_the_page_stands_alone(page: Path) -> None:
    text = page.read_text()
    outline = Outline(text)
    assert text.startswith("<!doctype html>")
    assert [tag for tag in outline.tags if tag in ("script", "link", "iframe", "object")] == []
    assert [one for one in outline.addresses if not one.startswith(("#", "data:"))] == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)
    assert page.stat().st_size < 1e6


def test_pictures_have_their_boxes_and_words(page: Path) -> None:
    pictures = Outline(page.read_text()).pictures
    assert len(pictures) == (4 + 0 + 1) * 3  # all pass the rule: none is shown for having few people
    for one in pictures:
        assert re.fullmatch(r"frame \d+ of (jump|run)_\w+_0: 0\.90", str(one["alt"]))
        pixels = picture(str(one["src"]))
        assert pixels.shape == (int(str(one["height"])), int(str(one["width"])), 3) == (180, 240, 3)
        frame = int(str(one["alt"]).split()[1])
        left, right = 2 * frame * 240 // 64, (2 * frame + 8) * 240 // 64
        middle = pixels[(24 + 8) * 180 // 48]  # a row below the words
        assert middle[[left, right - 1]].mean() > 180  # the line's own white
        assert middle[[left - 2, right + 2]].mean() < 110  # its edge


def test_figures_are_beside_the_page(page: Path) -> None:
    value = json.loads(page.with_suffix(".json").read_text())
    assert value["all"]["videos"] == 6
    people, places = value["all"]["people"], value["all"]["scenes"]
    assert people["frames_with_a_person"] == people["videos_that_pass"] == 1.0
    assert people["boxes_in_a_frame_with_a_person"] == 1.0
    assert people["picture_covered_by_a_box"] == pytest.approx(64 / (48 * 64))
    assert value["picture_covered_by_people"] == {"mean": pytest.approx(64 / (48 * 64)), "videos_measured": 4}
    entropy = -0.8 * np.log(0.8) - 0.2 * np.log(0.2)
    assert places["entropy"] == pytest.approx(entropy)
    assert places["entropy_share"] == pytest.approx(entropy / np.log(2))
    assert value["by_action"]["run"]["scenes"]["top_scene"] == "run place"
    assert value["without_labels"] == {"boxes": [], "a scene label": []}
    assert [len(one) for one in value["shown"].values()] == [4, 0, 1]
    text = page.read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "100.0 % of the videos pass the 70 % rule" in text
    assert "Every video counted passes the 70 % rule." in text
    assert text.count("jump place</span>") == text.count("run place</span>") == 5


def test_the_same_seed_gives_the_same_page(page: Path, tmp_path: Path) -> None:
    folder = page.parents[1]
    run = partial(label_check, folder / "manifest.parquet", scenes=folder / "scenes.parquet",
                  humans=folder / "boxes.parquet", videos=4, worst=1, quiet=True)  # fmt: skip
    assert run(tmp_path / "p.html").read_bytes() == page.read_bytes()
    other = run(tmp_path / "o.html", seed=1)
    shown = [json.loads(one.with_suffix(".json").read_text())["shown"]["Videos"] for one in (page, other)]
    assert shown[0] != shown[1]


def test_broken_videos_are_shown_with_their_reasons(tmp_path: Path) -> None:
    kinds = [*BROKEN, "missing", "whole"]
    manifest, boxes, scenes = made(tmp_path, splits=("test",), clips=1, actions=kinds)
    for kind in kinds[:-1]:
        path = tmp_path / "videos" / kind / f"{kind}_test_0.mp4"
        path.unlink()
        if kind in BROKEN:
            BROKEN[kind](path)
    page = label_check(manifest, tmp_path / "p.html", scenes=scenes, humans=boxes, worst=0, quiet=True)
    shown = json.loads((tmp_path / "p.json").read_text())["shown"]["Videos"]
    problems = {one["video"].removesuffix("_test_0"): one["problem"] for one in shown}
    assert sorted(problems) == sorted(kinds)
    assert [kind for kind in kinds if not problems[kind]] == ["whole"]
    assert problems["missing"] == "no such file"
    text = page.read_text()
    assert text.count("<b>Cannot be shown:</b>") == len(kinds) - 1
    assert "<b>Cannot be shown:</b> no such file" in text
    assert len(Outline(text).pictures) == 3


@pytest.mark.processes
def test_a_video_that_takes_too_long_is_shown_as_such(tmp_path: Path) -> None:
    manifest, boxes, _ = made(tmp_path, splits=("test",), clips=1, actions=("run",))
    page = label_check(manifest, tmp_path / "p.html", humans=boxes, time_limit=0.001, quiet=True)
    assert "took longer than the limit of 0.001 s" in page.read_text()


def test_failures_are_told_with_their_reasons(tmp_path: Path) -> None:
    manifest, boxes, scenes = made(tmp_path, splits=("test",), clips=1)
    for path, kind in ((boxes, "boxes"), (scenes, "scenes")):
        rows, metadata = read_table(path, kind, ("video",))
        write_table(path, rows[rows["video"] != "run_test_0"], **metadata)
    told = pd.DataFrame({"video": ["run_test_0"], "path": ["r.mp4"], "reason": ["no <video> stream"]})
    write_table(tmp_path / "boxes.failures.parquet", told, "failures", table="boxes.parquet")
    page = label_check(manifest, tmp_path / "p.html", scenes=scenes, humans=boxes, quiet=True)
    value = json.loads((tmp_path / "p.json").read_text())
    assert value["without_labels"] == {
        "boxes": [{"video": "run_test_0", "reason": "no <video> stream"}],
        "a scene label": [{"video": "run_test_0", "reason": None}],
    }
    text = page.read_text()
    assert "no &lt;video&gt; stream" in text
    assert "1 video without a scene label" in text
    assert "no scene label: not told" in text


def test_masks_are_outlined(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, splits=("test",), clips=1)
    shapes = make_masks(12)
    shapes[8:] = False  # 8 of 12 frames
    masks, _ = from_masks([(video, shapes) for video in manifest.rows["video"]], "by hand")
    masks.write(tmp_path / "masks.parquet")
    page = label_check(
        tmp_path / "manifest.parquet", tmp_path / "p.html", humans=tmp_path / "masks.parquet", worst=1, quiet=True
    )
    value = json.loads((tmp_path / "p.json").read_text())
    assert value["all"]["people"]["frames_with_a_person"] == pytest.approx(2 / 3)
    assert value["all"]["people"]["videos_that_pass"] == 0
    assert value["picture_covered_by_people"]["mean"] == pytest.approx(64 / (48 * 64))
    assert [len(one) for one in value["shown"].values()] == [2, 1]
    words = Counter(str(one["alt"]).partition(": ")[2] for one in Outline(page.read_text()).pictures)
    assert words == {"mask on 2\N{NO-BREAK SPACE}%": 6, "nobody": 3}


def test_a_mask_of_another_size_is_shown_as_a_problem(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, splits=("test",), clips=1)
    masks, _ = from_masks([("run_test_0", make_masks(12, 24, 32)), ("jump_test_0", make_masks(12))], "by hand")
    masks.write(tmp_path / "masks.parquet")
    label_check(tmp_path / "manifest.parquet", tmp_path / "p.html", humans=tmp_path / "masks.parquet", quiet=True)
    shown = json.loads((tmp_path / "p.json").read_text())["shown"]["Videos"]
    problems = {one["video"]: one["problem"] for one in shown}
    assert problems["jump_test_0"] == ""
    assert "is 32x24, but the video is 64x48" in problems["run_test_0"]
    assert len(manifest) == 2


def test_segments_show_their_own_frames(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, splits=("test",), clips=1, actions=("run",), frames=25)
    rows = manifest.rows.assign(start=0.4, end=0.64)  # frames 10 to 15 of 25 a second
    Manifest(rows, tmp_path).write(tmp_path / "manifest.parquet")
    boxes = make_boxes(manifest, tmp_path / "boxes.parquet")
    page = label_check(tmp_path / "manifest.parquet", tmp_path / "p.html", humans=boxes, quiet=True)
    words = [str(one["alt"]).split(" of ")[0] for one in Outline(page.read_text()).pictures]
    assert words == ["frame 11", "frame 13", "frame 15"]
    assert "a person in 100\N{NO-BREAK SPACE}% of 6 frames" in page.read_text()


def test_markup_in_names_shows_as_text(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, splits=("test",), clips=1)
    rows = manifest.rows.replace({"run": NASTY, "run_test_0": NASTY})
    Manifest(rows, tmp_path).write(tmp_path / "manifest.parquet")
    vectors = np.array([[0.5, 0.5], [0.9, 0.1]], np.float32)
    SceneTable(list(rows["video"]), vectors, [NASTY, "b"], NASTY).write(tmp_path / "scenes.parquet")
    page = label_check(
        tmp_path / "manifest.parquet", tmp_path / "p.html", scenes=tmp_path / "scenes.parquet", title=NASTY, quiet=True
    )
    assert "<script" not in page.read_text()
    assert page.read_text().count("&lt;script&gt;") > 10


def test_only_the_splits_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, boxes, _ = made(tmp_path, clips=1)
    words = ["label", "check", str(manifest), str(tmp_path / "p.html"), "--humans", str(boxes)]
    main([*words, "--splits", "train", "test"])
    assert capsys.readouterr().out.endswith("p.html: 4 videos, 4 of them shown\n")
    assert json.loads((tmp_path / "p.json").read_text())["all"]["videos"] == 4


def test_chosen_videos() -> None:
    rows = pd.DataFrame(
        {
            "action": ["a"] * 8 + ["b"] * 2,
            "looked": [True] * 9 + [False],
            "share": [0.9, 0.6, 0.1, 0.69, 0.7, 1, 1, 1, 0.2, np.nan],
            "entropy": [1, 2, 3, np.nan, 0, 0, 0, 5, 0, 4],
        }
    )
    rows["passes"] = rows["looked"] & (rows["share"] >= 0.7)
    assert fewest_people(rows, 3, seed=0) == [2, 8, 1]
    assert fewest_people(rows, 9, seed=0) == [2, 8, 1, 3]
    assert least_certain(rows, 3) == [7, 9, 2]
    some = drawn(rows, 4, seed=0)
    assert Counter(rows["action"][some]) == {"a": 2, "b": 2}
    assert len(set(drawn(rows, 99, seed=0))) == 10
    assert drawn(rows, 0, seed=0) == []


def test_frames_are_brought_to_the_pages_size() -> None:
    assert brought(np.zeros((1080, 1920, 3), np.uint8)).shape == (SIDE, 320, 3)
    assert brought(np.zeros((60, 40, 3), np.uint8)).shape == (270, SIDE, 3)
    assert brought(np.zeros((2, 4000, 3), np.uint8)).shape == (1, LONGEST, 3)


def test_boxes_are_scaled_from_the_file_to_the_picture() -> None:
    boxes = pd.DataFrame({"x1": [400.0], "y1": [200.0], "x2": [800.0], "y2": [600.0], "score": [0.5], "track": [7]})
    grey = np.full((90, 120, 3), 128, np.uint8)
    shown, people = with_boxes(grey, boxes, (900, 1200))
    assert people == "#7\N{NO-BREAK SPACE}0.50"
    found = cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY) > 200
    columns = np.flatnonzero(found[100])  # a row through the box: its left and right line
    assert abs(columns.min() - 80) <= 2
    assert abs(columns.max() - 159) <= 2
    assert (grey == 128).all()  # the frame itself is left as it was


def test_many_boxes_are_told_in_short() -> None:
    boxes = pd.DataFrame({"x1": [0.0] * 6, "y1": 0.0, "x2": 9.0, "y2": 9.0, "score": 0.5})
    frame = np.zeros((90, 120, 3), np.uint8)
    assert with_boxes(frame, boxes, (90, 120))[1] == "0.50, 0.50, 0.50, 0.50 and 2 more"
    assert with_boxes(frame, boxes[:0], (90, 120))[1] == "nobody"


def test_an_outline_is_seen_on_black_and_on_white() -> None:
    people = np.zeros((90, 120), np.bool_)
    people[30:60, 40:80] = True
    for ground in (0, 255):
        pixels = picture(still("", with_people(np.full((90, 120, 3), ground, np.uint8), people)[0]).held)
        assert np.ptp(pixels[90, 60:100].mean(-1)) > 150  # across the left line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --scenes TABLE, --humans TABLE, or both"),
        (["--humans", "boxes.parquet", "--splits", "dev"], "no row of split 'dev'"),
        (["--humans", "other.parquet"], "none of the manifest's 6 videos is in this table"),
        (["--scenes", "other_scenes.parquet"], "none of the manifest's 6 videos is in this table"),
        (["--scenes", "boxes.parquet"], "holds a boxes table, where a scenes table is needed"),
        (["--humans", "scenes.parquet"], "holds a scenes table, where a boxes or masks table is needed"),
        (["--humans", "none.parquet"], "none.parquet: no such file"),
        (["--humans", "boxes.parquet", "--videos", "-1"], "at least 0"),
        (["--humans", "boxes.parquet", "--time_limit", "0"], "time_limit above 0"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    page: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = page.parents[1]
    for name, table in (("other", "boxes"), ("other_scenes", "scenes")):
        rows, metadata = read_table(folder / f"{table}.parquet", table, ("video",))
        write_table(tmp_path / f"{name}.parquet", rows.assign(video="elsewhere_" + rows["video"]), **metadata)
    placed = [str(tmp_path / one if one.startswith("other") else folder / one) if one.endswith(".parquet") else one
              for one in words]  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        main(["label", "check", str(folder / "manifest.parquet"), str(tmp_path / "p.html"), *placed])
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert not (tmp_path / "p.html").exists()


def test_the_figures_would_not_overwrite_the_page(page: Path, tmp_path: Path) -> None:
    folder = page.parents[1]
    with pytest.raises(InputError, match=r"p\.json: the page cannot be a \.json file"):
        label_check(folder / "manifest.parquet", tmp_path / "p.json", humans=folder / "boxes.parquet")


WITHOUT_TORCH = """
import sys
from sceneproof import cli
if __name__ == "__main__":
    try:
        cli.main(sys.argv[1:])
    except SystemExit as stop:
        assert not stop.code, stop.code
    assert "torch" not in sys.modules
"""


@pytest.mark.parametrize(
    "words",
    [["--help"], ["index", "ucf101", "--help"], ["label", "check", "--help"], ["label", "humans", "--help"], None],
)
def test_commands_that_need_no_torch_do_not_load_it(page: Path, tmp_path: Path, words: list[str] | None) -> None:
    folder = page.parents[1]
    run = ["label", "check", str(folder / "manifest.parquet"), str(tmp_path / "p.html"), "--scenes",
           str(folder / "scenes.parquet"), "--humans", str(folder / "boxes.parquet"), "--videos", "2"]  # fmt: skip
    (tmp_path / "command.py").write_text(WITHOUT_TORCH)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "command.py"), *(words or run)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert words is not None or (tmp_path / "p.html").stat().st_size > 10_000
