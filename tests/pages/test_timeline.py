from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sceneproof.pages.timeline import TimeLine, clock, profile, shown_actions, timeline_svg, write_timeline


def segments(*found: tuple[str, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(found, columns=["action", "start", "end", "score"])


FOUND = segments(("run", 1.0, 3.0, 0.9), ("run", 2.0, 4.0, 0.5), ("$jump$ <b>", 4.0, 5.0, 0.4))
TRUE = pd.DataFrame({"action": ["wave", "run"], "start": [4.0, 1.0], "end": [5.0, 3.5]})


def test_the_best_score_at_each_time_by_hand() -> None:
    assert profile(FOUND[:2], 5.0, 5).tolist() == [0.0, 0.9, 0.9, 0.5, 0.0]
    assert profile(FOUND[1::-1], 5.0, 5).tolist() == [0.0, 0.9, 0.9, 0.5, 0.0]
    assert profile(FOUND[:0], 5.0, 5).tolist() == [0.0] * 5


def test_nothing_is_too_short_to_be_seen() -> None:
    assert profile(segments(("run", 1800.0, 1800.01, 0.7)), 3600.0, 100).nonzero()[0].tolist() == [50]
    assert profile(segments(("run", 3600.0, 3600.0, 0.7)), 3600.0, 100).nonzero()[0].tolist() == [99]
    assert profile(TRUE[:1], 5.0, 5).tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_which_actions_have_a_row() -> None:
    assert shown_actions(TimeLine(5.0, FOUND)) == (["run", "$jump$ <b>"], 0)
    assert shown_actions(TimeLine(5.0, FOUND, TRUE)) == (["run", "wave", "$jump$ <b>"], 0)
    assert shown_actions(TimeLine(5.0, FOUND, TRUE, rows=1)) == (["run"], 2)


@pytest.mark.parametrize(
    ("seconds", "length", "text"),
    [(2.5, 5.0, "2.5"), (60.0, 119.0, "60"), (90.0, 600.0, "1:30"), (5400.0, 3600.0, "1:30:00")],
)
def test_times_on_the_axis(seconds: float, length: float, text: str) -> None:
    assert clock(seconds, length) == text


def test_inline_drawing() -> None:
    drawing = str(timeline_svg(TimeLine(5.0, FOUND, TRUE, rows=2), "one", "what is done when"))
    assert drawing.startswith('<svg role="img" aria-label="what is done when"')
    for text in ("run", "wave", "true", "darkest: score 0.90", "and one more action, not shown", "time, s"):
        assert text in drawing
    assert "var(--series-1)" in drawing
    assert "<b>" not in str(timeline_svg(TimeLine(5.0, FOUND), "two", "all"))
    assert drawing == str(timeline_svg(TimeLine(5.0, FOUND, TRUE, rows=2), "one", "what is done when"))


@pytest.mark.parametrize("length", [5.0, 300.0, 3600.0, 6 * 3600.0])
def test_a_picture_shows_scores_as_shade(tmp_path: Path, length: float) -> None:
    unit = length / 10
    found = segments(("run", 1 * unit, 3 * unit, 0.9), ("run", 6 * unit, 8 * unit, 0.3))
    write_timeline(tmp_path / "line.png", TimeLine(length, found), title="a $video$")
    pixels = np.asarray(Image.open(tmp_path / "line.png").convert("RGB")).astype(int)
    blue = pixels[:, :, 2] - pixels[:, :, 0]  # how blue: paper and ink are not
    row = blue[int((blue > 60).sum(axis=1).argmax())]
    strong, faint = (row > 60).nonzero()[0], ((row > 15) & (row < 60)).nonzero()[0]
    faint = faint[faint > strong.max() + 5]  # not the edge of the strong one
    assert len(strong) == pytest.approx(len(faint), rel=0.05)  # two tenths of the video each
    assert (faint.min() - strong.max()) / len(strong) == pytest.approx(1.5, abs=0.05)  # three tenths between them


def test_a_video_in_which_nothing_was_found(tmp_path: Path) -> None:
    write_timeline(tmp_path / "line.png", TimeLine(5.0, FOUND[:0]))
    assert "nothing found" in str(timeline_svg(TimeLine(5.0, FOUND[:0], TRUE), "none", "nothing"))
