"""Tables of people that cannot be of their videos: told by what they look like, for boxes and for masks."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from sceneproof.cli import main
from sceneproof.data.human_tables import CORNERS, HumanBoxes, HumanMasks, encode_mask
from sceneproof.data.humans import check_humans, from_masks, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.people import PeopleTable
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.files import read_json
from sceneproof.mall.world import World, make_world
from tests.jhmdb_shared import make as make_jhmdb

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
WIDTH, HEIGHT = 160, 120
Corners = NDArray[np.float64]


def films(count: int = 12, *, columns: bool = True, frames: int = 10, width: int = WIDTH) -> Manifest:
    """Videos of unequal lengths, from `frames` frames on."""
    rows = pd.DataFrame({"video": [f"v{number:02d}" for number in range(count)]})
    rows = rows.assign(path=rows["video"] + ".mp4", split="train", action=["run", "jump"][: count % 2 + 1][0])
    if columns:
        rows = rows.assign(width=width, height=HEIGHT, frames=[frames + number % 5 for number in range(count)])
    return Manifest(rows, Path("/films"), "m.parquet")


def walk(manifest: Manifest, seed: int = 0) -> pd.DataFrame:
    """A person of a person's size in each frame of 160x120 pixels, who may be cut off at any edge of the picture."""
    rng = np.random.default_rng(seed)
    rows = []
    for video, frames in manifest.rows[["video", "frames"]].itertuples(index=False):
        size = np.array([rng.uniform(25, 60), rng.uniform(50, 110)])
        start, end = (rng.uniform([-10, 0], [WIDTH - 20, HEIGHT - size[1] + 20]) for _ in range(2))
        for frame in range(frames):
            corner = start + (end - start) * frame / frames
            low, high = corner.clip(0), np.minimum(corner + size, (WIDTH, HEIGHT))
            rows.append((video, frame, *low, *high, 0.9))
    return pd.DataFrame(rows, columns=["video", "frame", *CORNERS, "score"])


def changed(change: Callable[..., tuple[Any, ...]], boxes: pd.DataFrame) -> pd.DataFrame:
    made = boxes.copy()
    made[list(CORNERS)] = np.stack(np.broadcast_arrays(*change(*boxes[list(CORNERS)].to_numpy().T)), axis=1)
    return made


SURE: dict[str, tuple[Callable[..., tuple[Any, ...]], str]] = {
    "shares": (
        lambda a, b, c, d: (a / WIDTH, b / HEIGHT, c / WIDTH, d / HEIGHT),
        r"all \d+ boxes .* they look like x1, y1, x2, y2 in shares of the picture: multiply x by the width",
    ),
    "shares of YOLO": (
        lambda a, b, c, d: ((a + c) / 2 / WIDTH, (b + d) / 2 / HEIGHT, (c - a) / WIDTH, (d - b) / HEIGHT),
        "centre x, centre y, width, height in shares of the picture",
    ),
    "thousandths": (
        lambda a, b, c, d: (a / 0.16, b / 0.12, c / 0.16, d / 0.12),
        "in thousandths of the picture: multiply",
    ),
    "percent": (lambda a, b, c, d: (a / 1.6, b / 1.2, c / 1.6, d / 1.2), "look like percent of the picture"),
    "width and height": (
        lambda a, b, c, d: (a, b, c - a, d - b),
        r"look like x, y, width, height in pixels: write x2 = x \+ width and y2 = y \+ height\. \d+ % of \d+ boxes",
    ),
    "width and height of 320x240": (
        lambda a, b, c, d: (2 * a, 2 * b, 2 * (c - a), 2 * (d - b)),
        "x, y, width, height in pixels of a copy of about 320x240",
    ),
    "of 320x240": (
        lambda a, b, c, d: (2 * a, 2 * b, 2 * c, 2 * d),
        "x1, y1, x2, y2 in pixels of a copy of about 320x240: divide by 2",
    ),
    "of 80x60": (lambda a, b, c, d: (a / 2, b / 2, c / 2, d / 2), "look like pixels of a smaller copy of the videos"),
    "exchanged": (lambda a, b, c, d: (b, a, d, c), "y1, x1, y2, x2 in pixels: exchange x and y"),
    "two and two": (lambda a, b, c, d: (a, c, b, d), "x1, x2, y1, y2 in pixels: exchange the second and the third"),
    "whole pictures": (lambda a, b, c, d: (0 * a, 0, WIDTH, HEIGHT), "the median box covers 100% of the picture"),
    "a pixel": (lambda a, b, c, d: (a, b, a + 1, b + 1), "longer side of 1 pixels: no person is so small"),
}  # fmt: skip


@pytest.mark.parametrize("name", SURE)
def test_what_boxes_look_like_is_told_by_every_reader(name: str, tmp_path: Path) -> None:
    change, text = SURE[name]
    manifest, boxes = films(), changed(change, walk(films()))
    path, table = tmp_path / "boxes.parquet", tmp_path / "m.parquet"
    write_table(path, boxes, "boxes")
    manifest.write(table)
    with pytest.raises(InputError, match=f"(?s)boxes.parquet: .*{text}"):
        PeopleTable.read(path, manifest)
    with pytest.raises(SystemExit) as ended:
        main(["index", "check", str(table), "--boxes", str(path), "--quiet"])
    assert ended.value.code == 2
    turned = (boxes["x2"] < boxes["x1"]).any() or (boxes["y2"] < boxes["y1"]).any()
    expected = r"% of the rows: do they hold x, y, width, height\?" if turned else text
    with pytest.raises(InputError, match=f"(?s)boxes.parquet: .*{expected}"):
        check_humans(read_humans(path), manifest)


def test_right_boxes_pass_without_a_word(tmp_path: Path) -> None:
    manifest = films()
    write_table(tmp_path / "boxes.parquet", walk(manifest), "boxes")
    assert check_humans(read_humans(tmp_path / "boxes.parquet"), manifest) == []
    assert PeopleTable.read(tmp_path / "boxes.parquet", manifest).doubts == []


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (lambda frame: frame + 1, "the frames are counted from 1: none of its 12 videos has anybody in frame 0"),
        (lambda frame: 2 * frame, "they look like frames of copies at another rate"),
        (lambda frame: frame // 2, "copy at 0.5 times the rate"),
    ],
)
def test_frames_that_are_counted_otherwise(frame: Callable[[Any], Any], text: str) -> None:
    boxes = walk(films(frames=20))
    with pytest.raises(InputError, match=text):
        check_humans(HumanBoxes(boxes.assign(frame=frame(boxes["frame"]))), films(frames=20))
    rows = boxes.assign(frame=frame(boxes["frame"])).drop_duplicates(["video", "frame"])
    png = encode_mask(np.pad(np.ones((60, 30), bool), ((30, 30), (60, 70))))
    with pytest.raises(InputError, match=text):
        check_humans(HumanMasks(rows.assign(png=[png] * len(rows))), films(frames=20))


def test_some_videos_in_shares_among_others_in_pixels() -> None:
    manifest = films(40)
    boxes = walk(manifest)
    some = boxes["video"].isin(["v00", "v01"])
    boxes.loc[some, list(CORNERS)] = changed(SURE["shares"][0], boxes)[some]
    with pytest.raises(InputError, match=r"of 2 of 40 videos, .* shares of the picture"):
        check_humans(HumanBoxes(boxes), manifest)


def test_scores_that_are_no_shares_and_those_that_are_all_too_low() -> None:
    boxes, manifest = walk(films()), films()
    with pytest.raises(InputError, match=r"100 % of the scores lie outside 0 to 1 .* percent: divide them by 100"):
        check_humans(HumanBoxes(boxes.assign(score=90.0)), manifest)
    with pytest.raises(InputError, match=r"not one box has a score of 0\.3 or more, .* the highest is 0\.2"):
        check_humans(HumanBoxes(boxes.assign(score=0.2)), manifest)


@pytest.mark.parametrize("column", ["x1", "score"])
def test_columns_of_text_are_named(column: str) -> None:
    with pytest.raises(InputError, match=f"the column '{column}' holds no numbers, but 'a lot'"):
        HumanBoxes(walk(films()).astype({column: object}).assign(**{column: "a lot"}))


def test_pixels_that_are_counted_from_1_and_few_videos_are_only_warned_of() -> None:
    manifest = films(40)
    boxes = changed(
        lambda a, b, c, d: (np.floor(a) + 1, np.floor(b) + 1, np.ceil(c) + 1, np.ceil(d) + 1), walk(manifest)
    )
    (warning,) = check_humans(HumanBoxes(boxes), manifest)
    assert "look as if they were counted from 1: subtract 1" in warning
    few = films(3)
    halves = changed(lambda a, b, c, d: (a / 2, b / 2, c / 2, d / 2), walk(films(3), seed=1))
    (warning,) = check_humans(HumanBoxes(halves), few)
    assert "smaller copy" in warning


def test_names_that_are_almost_the_same() -> None:
    boxes = walk(films())
    with pytest.raises(InputError, match=r"12 of them would be without folders, suffixes and capitals"):
        check_humans(HumanBoxes(boxes.assign(video="run/" + boxes["video"].str.upper() + ".avi")), films())


def test_sizes_are_looked_up_where_the_manifest_lacks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = changed(SURE["of 320x240"][0], walk(films()))
    (warning,) = check_humans(HumanBoxes(boxes), films(columns=False))
    assert "could not be held against the pictures" in warning

    class Info:
        width, height, frames = WIDTH, HEIGHT, 14

    monkeypatch.setattr("sceneproof.data.plausibility.probe", lambda path: Info())
    with pytest.raises(InputError, match="copy of about 320x240"):
        check_humans(HumanBoxes(boxes), films(columns=False))
    assert check_humans(HumanBoxes(walk(films())), films(columns=False)) == []


def test_shares_are_refused_where_no_size_is_known() -> None:
    boxes = changed(SURE["shares"][0], walk(films()))
    with pytest.raises(InputError, match="look like shares of the picture"):
        check_humans(HumanBoxes(boxes), films(columns=False))


def masks(manifest: Manifest, change: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]) -> HumanMasks:
    boxes = walk(manifest)
    pngs = []
    for left, top, right, bottom in boxes[list(CORNERS)].to_numpy().astype(int).tolist():
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[top:bottom, left:right] = True
        pngs.append(encode_mask(change(mask)))
    return HumanMasks(boxes[["video", "frame"]].assign(png=pngs))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda mask: mask[::2, ::2], r"is 80x60, but the video is 160x120 \(\d+ of \d+ masks differ\)"),
        (lambda mask: ~mask, "the masks look inverted: .* a person's pixels are not 0"),
        (lambda mask: np.ones_like(mask), "the masks look inverted|covers 100% of the picture"),
        (lambda mask: np.zeros_like(mask), "are empty: a person's pixels are not 0"),
    ],
)
def test_what_masks_look_like(change: Callable[[NDArray[np.bool_]], NDArray[np.bool_]], text: str) -> None:
    manifest = films()
    assert check_humans(masks(manifest, lambda mask: mask), manifest) == []
    with pytest.raises(InputError, match=text):
        check_humans(masks(manifest, change), manifest)


def test_a_mask_of_another_size_is_found_wherever_it_is() -> None:
    manifest = films()
    people = masks(manifest, lambda mask: mask)
    rows = people.rows.copy()
    rows.at[70, "png"] = encode_mask(np.ones((60, 80), bool))
    with pytest.raises(InputError, match=r"frame \d+ of 'v06' is 80x60, but the video is 160x120 \(1 of \d+"):
        check_humans(HumanMasks(rows), manifest)


def test_an_empty_mask_shows_nobody() -> None:
    shape = np.zeros((2, HEIGHT, WIDTH), bool)
    shape[0, 30:90, 40:80] = True
    rows = pd.DataFrame({"video": "v00", "frame": [0, 1], "png": [encode_mask(mask) for mask in shape]})
    assert HumanMasks(rows).share("v00", 2) == 0.5


def test_no_loop_goes_over_rows_or_videos() -> None:
    calls = []
    for count in (12, 600):
        manifest = films(count)
        humans, number = HumanBoxes(walk(manifest)), 0

        def counted(frame: object, event: str, argument: object) -> None:
            nonlocal number
            number += event == "call"

        sys.setprofile(counted)
        try:
            assert check_humans(humans, manifest) == []
        finally:
            sys.setprofile(None)
        calls.append(number)
    assert calls[1] < 1.5 * calls[0], "fifty times as many videos take no more calls of Python"


def test_the_malls_own_tables_pass(tmp_path: Path) -> None:
    make_world(
        tmp_path, World(height=48, width=64, frames=4, pictures=1, test_pictures=1).scaled(0.01), workers=1, quiet=True
    )
    manifest = Manifest.read(tmp_path / "manifest.parquet")
    for name in ("boxes.parquet", "masks.parquet"):
        assert check_humans(read_humans(tmp_path / name), manifest) == []
    assert PeopleTable.read(tmp_path / "boxes.parquet", manifest).doubts == []


def test_readings_of_real_boxes(tmp_path: Path) -> None:
    if not (SHARED / "jhmdb_gt.json").is_file():
        pytest.skip(f"needs J-HMDB's boxes at {SHARED}")
    manifest = make_jhmdb(SHARED, tmp_path, actions=2, quiet=True)
    for name in ("boxes.parquet", "masks.parquet"):
        assert check_humans(read_humans(tmp_path / name), manifest) == []
    truth = read_json(SHARED / "jhmdb_gt.json")
    ids = set(manifest.rows["video"])
    rows = [
        (video, frame, *box, 1.0)
        for video, facts in truth.items() if video in ids
        for frame, box in enumerate(facts["xywh"])
    ]  # fmt: skip
    raw = pd.DataFrame(rows, columns=["video", "frame", *CORNERS, "score"])
    naive: dict[str, tuple[Callable[..., tuple[Any, ...]], str]] = {
        "as it is": (lambda x, y, w, h: (x, y, w, h), "x, y, width, height in pixels of a copy of about 320x240"),
        "corners": (lambda x, y, w, h: (x, y, x + w, y + h), "x1, y1, x2, y2 in pixels of a copy of about 320x240"),
        "halved": (lambda x, y, w, h: (x / 2, y / 2, w / 2, h / 2), "x, y, width, height in pixels: write"),
    }
    for change, text in naive.values():
        write_table(tmp_path / "naive.parquet", changed(change, raw), "boxes")
        with pytest.raises(InputError, match=text):
            PeopleTable.read(tmp_path / "naive.parquet", manifest)
    halves = changed(lambda x, y, w, h: (x / 2, y / 2, (x + w) / 2, (y + h) / 2), raw)
    (warning,) = check_humans(HumanBoxes(halves), manifest)
    assert "counted from 1: subtract 0.5" in warning


def test_boxes_around_masks_pass() -> None:
    manifest = films(3)
    shapes = {
        video: np.zeros((frames, HEIGHT, WIDTH), bool) for video, frames in manifest.rows[["video", "frames"]].values
    }
    for shape in shapes.values():
        shape[:, 20:110, 50:110] = True
    _, around = from_masks(shapes.items(), "by hand")
    assert check_humans(around, manifest) == []
