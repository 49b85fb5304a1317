import io

import pytest
from rich.console import Console

from sceneproof import progress as module
from sceneproof.progress import progress, share_terminal


def test_what_was_done_before_took_no_time(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 100.0])
    monkeypatch.setattr("sceneproof.progress.time.monotonic", lambda: next(times))
    with progress("training", 1000, done=500) as advance:
        advance(10)
    assert capsys.readouterr().err == "training: 510/1000, 100 s, 4900 s left\n"


def test_the_bar_starts_where_the_work_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(
        module, "Console", lambda stderr: Console(file=shown, force_terminal=True, width=120, _environ={})
    )
    with progress("training", 1000, done=500):
        pass
    assert "500/1000" in shown.getvalue()


def test_processes_that_share_a_terminal_write_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "Console", lambda stderr: Console(file=io.StringIO(), force_terminal=True))
    monkeypatch.setattr(module, "_shared", False)
    share_terminal()
    with progress("training", 2) as advance:
        advance(2)
    assert capsys.readouterr().err.startswith("training: 2/2")
