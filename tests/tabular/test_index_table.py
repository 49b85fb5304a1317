"""Tables as people bring them, through the command line: what is read, and what is refused."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sceneproof.cli import main
from sceneproof.data.human_tables import HumanBoxes
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from tests.videos import make_video, numbered

FRAMES, RATE, WIDTH, HEIGHT = 50, 25, 64, 48  # two seconds


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("videos")
    for number, name in enumerate(("a.mp4", "b.mp4", "in/c.mp4", "in/d 1.mp4")):
        make_video(root / name, numbered(FRAMES, HEIGHT, WIDTH, colour=50 * number), rate=RATE, between=0)
    (root / "broken.mp4").write_text("This page has moved. " * 100)
    return root


def index(table: Path, videos: Path, *words: str) -> Manifest:
    main(["index", "table", str(table), str(table.parent / "out"), "--root", str(videos), "--workers", "1", *words])
    return Manifest.read(table.parent / "out" / "manifest.parquet")


def refused(capsys: pytest.CaptureFixture[str], table: Path, videos: Path, *words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        index(table, videos, *words)
    said = capsys.readouterr().err
    assert stop.value.code == 2, said
    assert not (table.parent / "out" / "manifest.parquet").exists()
    return said[said.index("sceneproof: ") :]


def written(folder: Path, text: str, name: str = "rows.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


CLIPS = "video,action,split\na.mp4,run,train\nb.mp4,jump,test\nin/c.mp4,run,test\n"


@pytest.mark.processes
def test_a_plain_table_of_clips(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = index(written(tmp_path, CLIPS), videos)
    assert table.rows["video"].tolist() == ["a", "b", "in/c"]
    assert table.rows["path"].tolist() == ["videos/a.mp4", "videos/b.mp4", "videos/in/c.mp4"]
    assert table.rows["split"].tolist() == ["train", "test", "test"]
    assert table.rows["action"].tolist() == ["run", "jump", "run"]
    facts = table.rows[["width", "height", "rate", "frames"]].to_numpy(float).tolist()
    assert facts == [[WIDTH, HEIGHT, RATE, FRAMES]] * 3
    assert table.path(2).is_file()
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert audit["counts"] == {"run": {"train": 1, "test": 1}, "jump": {"test": 1}}
    page = (tmp_path / "out" / "preview.html").read_text()
    assert page.count("<img ") == 9  # three frames of three clips
    assert "commas between the columns" in page
    said = capsys.readouterr().out
    assert "3 clips, 2 actions" in said
    assert "preview.html" in said
    assert not (tmp_path / "out" / "boxes.parquet").exists()


EXCEL = "Dateiname;Label;Subset;Start;Stop\r\na.mp4;Läufe;Training;0,2;00:00:01,5\r\na.mp4;Sprünge;training;1,5;\r\n"


@pytest.mark.parametrize(
    ("name", "encoding", "text"),
    [
        ("excel.csv", "utf-8-sig", EXCEL),
        ("excel.csv", "cp1252", EXCEL),
        ("unicode.txt", "utf-16", EXCEL.replace(";", "\t")),
        ("big.txt", "utf-16-be", "\ufeff" + EXCEL.replace(";", "\t")),
        ("unmarked.txt", "utf-16-le", EXCEL.replace(";", "\t")),
        ("tabs.tsv", "utf-8", EXCEL.replace(";", "\t")),
        ("said.csv", "utf-8-sig", "sep=;\r\n" + EXCEL),
    ],
)
def test_tables_as_excel_saves_them(name: str, encoding: str, text: str, videos: Path, tmp_path: Path) -> None:
    table = index(written(tmp_path, text, name, encoding), videos, "--quiet", "--columns.video", "Dateiname")
    assert table.rows["action"].tolist() == ["Läufe", "Sprünge"]
    assert table.rows["split"].tolist() == ["train", "train"]
    assert table.rows["start"].tolist() == [0.2, 1.5]
    assert table.rows["end"].tolist()[0] == 1.5
    assert table.rows["end"].isna().iat[1]
    assert table.rows["group"].tolist() == ["a", "a"]
    assert table.rows["video"].is_unique


def test_a_table_of_parquet_with_other_names(videos: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"filename": ["a", "b.mp4"], "class": [3, 4], "subset": ["val", "dev"], "age": [1, 2]})
    frame.set_index("filename").to_parquet(tmp_path / "rows.parquet")
    table = index(tmp_path / "rows.parquet", videos, "--quiet")
    assert table.rows["action"].tolist() == ["3", "4"]
    assert table.rows["split"].tolist() == ["validation", "validation"]
    told = pd.DataFrame({"clip": ["a"], "what": ["run"], "t": [pd.Timedelta("1s")], "u": [pd.Timedelta("1500ms")]})
    told.to_parquet(tmp_path / "told.parquet")
    words = ("--columns.action", "what", "--columns.start", "t", "--columns.end", "u", "--split", "test", "--quiet")
    table = index(tmp_path / "told.parquet", videos, *words)
    assert table.rows[["split", "start", "end"]].to_numpy().tolist() == [["test", 1.0, 1.5]]


def test_an_id_beside_a_path_is_kept(videos: Path, tmp_path: Path) -> None:
    text = f"video,path,action,split\nfirst,{videos}/a.mp4,run,train\nsecond,in\\c.mp4,run,train\nthird,d 1,run,test\n"
    table = index(written(tmp_path, text), videos, "--quiet")
    assert table.rows["video"].tolist() == ["first", "second", "third"]
    assert table.rows["path"].tolist() == ["videos/a.mp4", "videos/in/c.mp4", "videos/in/d 1.mp4"]


@pytest.mark.parametrize(
    ("header", "row", "words", "times"),
    [
        ("start,end", "1:00.0,x", (), None),
        ("start,end", "0:01,00:00:01.5", (), (1.0, 1.5)),
        ("start_ms,end_ms", "1000,1500", (), (1.0, 1.5)),
        ("start_frame,end_frame", "0,50", (), (0.0, 2.0)),
        (
            "start_frame,end_frame",
            "25,40",
            ("--segments.first_frame", "0", "--segments.end_frame", "excluded"),
            (1, 1.6),
        ),
        ("start_frame,end_frame", "26,40", ("--segments.first_frame", "1"), (1.0, 1.6)),
        ("from,to", "0.5 s,1.25 s", (), (0.5, 1.25)),
    ],
)
def test_segments_in_every_form(
    header: str, row: str, words: tuple[str, ...], times: tuple[float, float] | None, videos: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = written(tmp_path, f"video,action,split,{header}\na.mp4,run,train,{row}\n")
    if times is None:
        assert "rows.csv: line 2: 'end' is 'x', where seconds or a time such as 1:02.5" in refused(capsys, path, videos)
        return
    table = index(path, videos, "--quiet", *words)
    assert table.rows[["start", "end"]].to_numpy().tolist() == [pytest.approx(times)]


BAD_SEGMENTS = {
    "line 2 (a.mp4, 2 s): 1.5 to 3 s": "start,end\n1.5,3",
    "line 2 (a.mp4, 2 s): 1.5 to 1 s": "start,end\n1.5,1",
    "They look like frames": "start,end\n0,49",
    "They look like milliseconds": "start,end\n0,1900",
    "--segments.first-frame 0 or 1": "start_frame,end_frame\n1,20",
    "--segments.end-frame included or excluded": "start_frame,end_frame\n0,20",
    "is it 1.500 or 1500": 'start,end\n0,"1,500"',
    "a time code with frames": "start,end\n0,00:00:01:12",
    "where seconds or a time": "start,end\n0,inf",
}


@pytest.mark.parametrize("said", BAD_SEGMENTS)
def test_segments_that_are_wrong_or_may_be_several_are_refused(
    said: str, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, _, row = BAD_SEGMENTS[said].partition("\n")
    path = written(tmp_path, f"video,action,split,{header}\na.mp4,run,train,{row}\n")
    assert said in refused(capsys, path, videos, "--quiet")


TRUE = np.array([[frame, 4.0 + frame, 10, 24 + frame, 40] for frame in range(0, 40, 5)])
"""Frame from 0, x1, y1, x2, y2 in pixels."""
CORNERS = TRUE[:, 1:]
SIDES = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
SIZED = np.concatenate([CORNERS[:, :2], CORNERS[:, 2:] - CORNERS[:, :2]], axis=1)
CENTRED = np.concatenate([(CORNERS[:, :2] + CORNERS[:, 2:]) / 2, SIZED[:, 2:]], axis=1)
FIRST = np.array([1, 1, 0, 0])
FORMS: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "corners": ("x1,y1,x2,y2", CORNERS, ()),
    "usual names": ("xmin,ymin,xmax,ymax", CORNERS, ()),
    "from x0": ("x0,y0,x1,y1", CORNERS, ()),
    "sized": ("x,y,w,h", SIZED, ("--boxes.order", "xywh")),
    "left, top": ("left,top,width,height", SIZED, ()),
    "centred": ("cx,cy,w,h", CENTRED, ()),
    "shares": ("x1,y1,x2,y2", CORNERS / SIDES, ()),
    "YOLO": ("x,y,w,h", CENTRED / SIDES, ("--boxes.order", "cxcywh")),
    "MATLAB": ("x1,y1,x2,y2", CORNERS + FIRST, ("--boxes.first_pixel", "1")),
    "MATLAB, sized": ("x,y,w,h", SIZED + FIRST, ("--boxes.first_pixel", "1", "--boxes.order", "xywh")),
    "last pixel": ("x1,y1,x2,y2", CORNERS - FIRST[::-1], ("--boxes.last_pixel", "included")),
}


@pytest.mark.parametrize("form", FORMS)
def test_boxes_in_every_form(form: str, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header, numbers, words = FORMS[form]
    rows = pd.DataFrame(numbers, columns=header.split(","))
    rows.insert(0, "frame", TRUE[:, 0].astype(int))
    rows.insert(0, "video", "a.mp4")
    rows.assign(action="run", split="train").to_csv(tmp_path / "rows.csv", index=False)
    table = index(tmp_path / "rows.csv", videos, *words)
    assert table.rows["video"].tolist() == ["a"]
    people = HumanBoxes.read(tmp_path / "out" / "boxes.parquet").rows
    np.testing.assert_allclose(people[["frame", "x1", "y1", "x2", "y2"]].to_numpy(float), TRUE, atol=1e-4)
    assert set(people["video"]) == {"a"}
    assert (people["score"] == 1).all()
    said = capsys.readouterr().out
    assert "boxes read as" in said
    assert "frames counted from 0: frame 0 is there" in said
    assert "1.00" in (tmp_path / "out" / "preview.html").read_text()


def test_boxes_in_one_cell_are_read_by_what_fits(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = ["[30, 10, 30, 36]", "(2 4 60 40)", "[0,0,64,20]", "40;20;20;28"]  # as corners they have no area
    rows = pd.DataFrame({"video": "a", "frame": range(4), "bbox": cells, "label": "run", "track_id": [7, 7, 8, 8]})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    index(tmp_path / "rows.csv", videos, "--split", "train")
    people = HumanBoxes.read(tmp_path / "out" / "boxes.parquet").rows
    assert people[["x1", "y1", "x2", "y2"]].to_numpy().tolist()[0] == [30, 10, 60, 46]
    assert people["track"].tolist() == [7, 7, 8, 8]
    assert "(xywh) in pixels" in capsys.readouterr().out


BAD_BOXES: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "--boxes.order": ("x,y,w,h", [[30, 20, 8, 8]] * 4, ()),
    "they look like left and upper edge, width and height (xywh), --boxes.order xywh": (
        "x1,y1,x2,y2", [[30, 10, 20, 36], [40, 4, 20, 40], [0, 0, 20, 20], [40, 20, 20, 28]], (),
    ),
    "do not fit their videos' pictures": ("x1,y1,x2,y2", CORNERS[:4] * 10, ()),
    "--boxes.first-pixel 1 or 0": ("x1,y1,x2,y2", [[1, 1, 20, 30], [1, 5, 20, 30], [9, 1, 20, 30], [1, 1, 20, 30]], ()),
    "are pixels counted from 1": ("x1,y1,x2,y2", [[1, 1, 20, 30]] * 4, ()),
    "--boxes.unit pixels or shares": ("x1,y1,x2,y2", [[0, 0, 1, 1]] * 4, ()),
    "lacks a number": ("x1,y1,x2,y2", [[5, 5, 20, None]] * 4, ()),
}  # fmt: skip


@pytest.mark.parametrize("said", BAD_BOXES)
def test_boxes_that_are_wrong_or_may_be_several_are_refused(
    said: str, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, numbers, words = BAD_BOXES[said]
    rows = pd.DataFrame(numbers, columns=header.split(",")).assign(video="a", frame=range(4), action="run")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert said in refused(capsys, tmp_path / "rows.csv", videos, "--split", "train", "--quiet", *words)


def test_frames_of_boxes_are_counted_as_said_or_as_can_be_seen(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def boxes(frames: list[int]) -> Path:
        rows = pd.DataFrame({"video": "a", "frame": frames, "x1": 5, "y1": 5, "x2": 20, "y2": 30, "action": "run"})
        rows.to_csv(tmp_path / "rows.csv", index=False)
        return tmp_path / "rows.csv"

    said = refused(capsys, boxes([3, 9]), videos, "--split", "train", "--quiet")
    assert "are frames counted from 0 or from 1? Say --boxes.first-frame 0 or 1" in said
    said = refused(capsys, boxes([0, FRAMES]), videos, "--split", "train", "--quiet")
    assert f"line 3 (a): frame {FRAMES} (from 0) of {FRAMES}" in said
    index(boxes([1, FRAMES]), videos, "--split", "train", "--quiet")
    assert HumanBoxes.read(tmp_path / "out" / "boxes.parquet").rows["frame"].tolist() == [0, FRAMES - 1]
    index(boxes([3, 9]), videos, "--split", "train", "--quiet", "--boxes.first_frame", "1")
    assert HumanBoxes.read(tmp_path / "out" / "boxes.parquet").rows["frame"].tolist() == [2, 8]


def test_boxes_in_a_table_of_their_own(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = written(tmp_path, "file\tframe\tleft\ttop\tright\tbottom\tconf\na.mp4\t0\t1\t2\t30\t40\t0,9\nc\t0\t\t\t\t\t\n"  # noqa: E501
                    "zzz\t1\t1\t2\t30\t40\t1\n", "boxes.tsv")  # fmt: skip
    index(written(tmp_path, CLIPS), videos, "--people", str(boxes))
    people = HumanBoxes.read(tmp_path / "out" / "boxes.parquet").rows
    assert people[["video", "frame", "x1"]].to_numpy().tolist() == [["a", 0, 1.0]]
    assert people["score"].tolist() == pytest.approx([0.9])
    said = capsys.readouterr().out
    assert "rows without a box, where nobody is: 1" in said
    assert "not among the clips, left out: 1" in said


def test_missing_and_broken_videos_are_named(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CLIPS + "B2.mp4,run,test\nbroken.mp4,run,test\na.mp4,run,train\n"
    table = index(written(tmp_path, text), videos)
    assert table.rows["video"].tolist() == ["a", "b", "in/c", "broken"]
    assert table.rows["frames"].tolist() == [FRAMES, FRAMES, FRAMES, 0]
    failures, _ = read_table(tmp_path / "out" / "manifest.failures.parquet", "failures", ("video", "path", "reason"))
    assert failures["video"].tolist() == ["B2.mp4", "broken"]
    assert failures["reason"].iat[0] == "no such file (nearest: b.mp4)"
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert audit["missing"] == {"run": ["B2.mp4 (nearest: b.mp4)"]}
    assert audit["listed_twice"] == ["a"]
    said = capsys.readouterr().out
    assert "B2.mp4 (nearest: b.mp4)" in said


BAD_TABLES = {
    "no column for the action: say which it is with --columns.action NAME; the columns here are: video, what":
        "video,what,split\na.mp4,run,train\n",
    "'label' and 'class' may each be the action": "video,label,class,split\na.mp4,run,run,train\n",
    "no column of splits: say --split train": "video,action\na.mp4,run\n",
    "line 3: no action": "video,action,split\na.mp4,run,train\nb.mp4,,train\n",
    "lines 2 and 3: two rows of 'a' with another action: 'run' and 'jump'":
        "video,action,split\na.mp4,run,train\na.mp4,jump,train\n",
    "no video of the table is below": "video,action,split\nnothing.mp4,run,train\n",
    "line 3: 4 cells, where the header has 3 columns": "video,action,split\na.mp4,run,train\nb.mp4,a,run,train\n",
    "looks like a row, not like names": "a.mp4,run,train\nb.mp4,run,train\n",
    "two columns are called 'action'": "video,action,action\na.mp4,run,train\n",
    "no rows below it": "video,action,split\n",
    "empty": "",
    "is a quote not closed": 'video,action,split\n"a.mp4,run,train\n' + "x" * 140_000,
}  # fmt: skip


@pytest.mark.parametrize("said", BAD_TABLES)
def test_tables_that_cannot_be_read_say_why(
    said: str, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, written(tmp_path, BAD_TABLES[said]), videos, "--quiet")


def test_other_files_are_refused_by_what_they_are(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for head, said in ((b"PK\x03\x04", "an Excel or zip file"), (b"PAR1 no", "not a readable Parquet"),
                       (b"v\x00i\x00\x00\x00", "not a table of text")):  # fmt: skip
        (tmp_path / "rows.xlsx").write_bytes(head + b"\x00\x01\x02" * 40)
        assert said in refused(capsys, tmp_path / "rows.xlsx", videos)
    assert "no such file" in refused(capsys, tmp_path / "none.csv", videos)
    assert "no such folder of videos" in refused(capsys, written(tmp_path, CLIPS), tmp_path / "none")


def test_names_in_two_folders_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("v/x/a.mp4", "v/y/a.mp4"):
        make_video(tmp_path / name, numbered(5), between=0)
    table = written(tmp_path, "video,action\na,run\n")
    assert "'a' may be 'x/a.mp4' or 'y/a.mp4'" in refused(capsys, table, tmp_path / "v", "--split", "train")
    both = index(
        written(tmp_path, "video,action\nx/a,run\ny/a.mp4,run\n"), tmp_path / "v", "--split", "train", "--quiet"
    )
    assert both.rows["video"].tolist() == ["x/a", "y/a"]


def test_names_in_another_unicode_form_are_found(tmp_path: Path) -> None:
    make_video(tmp_path / "v" / unicodedata.normalize("NFD", "café.mp4"), numbered(5), between=0)
    rows = [unicodedata.normalize(form, "café.mp4,dé,train") for form in ("NFC", "NFD")]
    table = index(written(tmp_path, "\n".join(["video,action,split", *rows]) + "\n"), tmp_path / "v", "--quiet")
    assert table.rows["action"].tolist() == [unicodedata.normalize("NFC", "dé")]


def test_splits_are_drawn_where_a_share_is_given(videos: Path, tmp_path: Path) -> None:
    text = "video,action\n" + "".join(f"{name},run\n" for name in ("a", "b", "c", "d 1"))
    table = index(written(tmp_path, text), videos, "--test", "0.25", "--quiet")
    assert sorted(table.rows["split"]) == ["test", "train", "train", "train"]


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["index", "table", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in ("video,action,split", "--columns.video clip_name", "preview.html", "--boxes.first-frame"):
        assert words in said
