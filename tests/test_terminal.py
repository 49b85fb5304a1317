"""What is printed moves no cursor, hides no words and passes for no other message."""

import io
import os
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sceneproof import cli, commands
from sceneproof.data.sources.survey import walk
from sceneproof.errors import InputError
from sceneproof.progress import progress
from sceneproof.terminal import Shown, lines_of, shown_safely, visible

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
    monkeypatch.setattr(commands, "function", lambda _: command)
    with pytest.raises(SystemExit) as stop:
        cli.main(["mall", "out"])
    assert stop.value.code == 2
    told = capsys.readouterr()
    for text in (told.out, told.err):
        assert all(line.isprintable() for line in text.split("\n"))
        assert r"a\x1b[2J" in text
    assert "\nsceneproof: all is well" not in told.err
    assert not isinstance(sys.stdout, Shown)


def test_bars_stay_bars() -> None:
    shown = io.StringIO()
    stream = Shown(shown)
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
