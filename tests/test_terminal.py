"""What is printed moves no cursor, hides no words and passes for no other message."""

import io
import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from sceneproof import cli
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.sources.audit import examine
from sceneproof.data.sources.survey import walk
from sceneproof.errors import InputError
from sceneproof.labelling.pipeline import label
from sceneproof.material import Material
from sceneproof.progress import progress
from sceneproof.terminal import VisibleStream, lines_of, shown_safely, visible
from sceneproof.train import _tell
from tests.labelling.counting import Counting, collection
from tests.videos import BROKEN

HOSTILE = "a\x1b[2J\x9b31mb\u202egpj.exe\r\x07\u2066\udcff\x7f\u2028c"


@pytest.mark.parametrize(
    "text", ["plain", "with space", "no\N{NO-BREAK SPACE}break", "日本語", "é", "नमस्ते", "ف\u200fa\u200db", "😀"]
)
def test_what_people_write_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_what_moves_the_cursor_or_turns_the_letters_is_written_out() -> None:
    assert visible(HOSTILE) == (r"a\x1b[2J\x9b31mb\u202egpj.exe\r\x07\u2066\udcff\x7f\u2028c")
    assert lines_of("one\n\x1b[31mtwo\nsceneproof: done") == "one\n  \\x1b[31mtwo\n  sceneproof: done"


def test_a_command_that_prints_a_hostile_name_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        print(f"{HOSTILE}: done")
        print(f"{HOSTILE}: done", file=sys.stderr)
        with progress(f"fetching {HOSTILE}", 1) as advance:
            advance(1, note=HOSTILE)
        raise InputError(f"{HOSTILE}\nsceneproof: all is well")

    monkeypatch.setattr("sceneproof.arguments.parse", lambda *_: {})
    monkeypatch.setattr(cli, "named_function", lambda _: command)
    with pytest.raises(SystemExit) as stop:
        cli.main(["mall", "out"])
    assert stop.value.code == 2
    told = capsys.readouterr()
    for text in (told.out, told.err):
        assert all(line.isprintable() for line in text.split("\n"))
        assert r"a\x1b[2J" in text
    assert "\nsceneproof: all is well" not in told.err
    assert not isinstance(sys.stdout, VisibleStream)


def test_bars_stay_bars() -> None:
    shown = io.StringIO()
    stream = VisibleStream(shown)
    for text in ("\r 50%|#", "\x1b[A", "\n\x1b[A", "\rname\x1b[2J"):
        stream.write(text)
    assert shown.getvalue() == "\r 50%|#\x1b[A\n\\x1b[A\rname\\x1b[2J"
    assert not stream.isatty()


def test_our_own_bars_are_drawn_and_their_names_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(
        "sceneproof.progress.Console",
        lambda stderr: Console(stderr=stderr, force_terminal=True, width=160, _environ={}),
    )
    with shown_safely(), progress(f"[link=https://evil.example]run[/link] {HOSTILE}", 1) as advance:
        advance(1, note="[blink]x")
    assert "\x1b[" in terminal.getvalue()
    assert "[link=https://evil.example]run[/link] a\\x1b[2J" in terminal.getvalue()
    assert "\x1b]8;" not in terminal.getvalue()
    assert "[blink]x" in terminal.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
@pytest.mark.parametrize("name", [b"a\xff.mp4", b"a\x1b[2J.mp4", b"a\nb.mp4", b"c\xff/a.mp4"])
def test_a_file_whose_name_no_table_can_hold_is_named(
    name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"videos", b"jump", name)
    os.makedirs(os.path.dirname(path))
    Path(os.fsdecode(path)).touch()
    with pytest.raises(InputError, match="rename it"):
        list(walk(tmp_path / "videos", set()))
    with pytest.raises(SystemExit) as stop:
        cli.main(["index", "folder", str(tmp_path / "videos"), str(tmp_path / "out")])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert (
        visible(Path(os.fsdecode(path)).relative_to(tmp_path / "videos").parts[-1].split(".")[0]) in line
        or "c\\udcff" in line
    )


def test_a_word_that_is_not_utf_8_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["report", "run\udcff"])
    assert stop.value.code == 2
    assert r"run\udcff: holds bytes that are not UTF-8" in capsys.readouterr().err


def test_a_line_break_in_a_name_begins_no_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\nwarning: all is well"
    rows = pd.DataFrame({"video": [name], "path": ["a.mp4"], "split": ["train"], "action": [f"run{name}"]})
    Manifest(rows.assign(start=2.0, end=1.0), tmp_path).write(tmp_path / "m.parquet")
    with pytest.raises(SystemExit):
        cli.main(["index", "check", str(tmp_path / "m.parquet"), "--probe", "false"])
    _tell(Material(lambda epoch, step, weights: iter(()), 1, 1, {name: f"gone {name}"}), 1, "m.parquet")
    tell([f"{name}: looks wrong"])
    print(examine(Manifest(rows, tmp_path), "here", missing={name: [name]}, unreadable={name: name}).text())
    said = capsys.readouterr()
    lines = [*said.out.splitlines(), *said.err.splitlines()]
    assert sum("a\\nwarning: all is well" in line for line in lines) >= 7
    assert not [line for line in lines if line.startswith("warning: all is well")]


def test_labels_that_cannot_be_made_are_told_on_their_own_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = collection(tmp_path, 2, files=2)
    name = "b\nwarning: all is well.mp4"
    (tmp_path / "videos" / "1.mp4").rename(tmp_path / "videos" / name)
    BROKEN["not a video"](tmp_path / "videos" / name)
    rows = manifest.rows.assign(path=["videos/0.mp4", f"videos/{name}"])
    label(Manifest(rows, tmp_path), Counting(), tmp_path / "t.parquet", workers=1, quiet=True)
    assert "b\\nwarning: all is well.mp4: not a video" in caplog.text
    assert "\nwarning" not in caplog.text
