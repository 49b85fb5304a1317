"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_a_method_of_ones_own(tmp_path: Path) -> None:
    example = ROOT / "examples" / "own_method.py"
    assert len(example.read_text().splitlines()) <= 80
    words = [sys.executable, str(example), str(tmp_path / "out"), "0.01", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines() if "in context" in line] == ["plain", "unmoved"]
    losses = (tmp_path / "out" / "unmoved" / "metrics.jsonl").read_text()
    assert "train/L_CE" in losses
    assert "train/L_Still" in losses
