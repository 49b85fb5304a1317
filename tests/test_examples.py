"""The examples run as they stand."""

import runpy
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.methods import CDN
from tests.training import Small

ROOT = Path(__file__).resolve().parents[1]


def test_alpha_is_chosen_in_context_and_written_into_the_weights(tmp_path: Path) -> None:
    small = Small.make(tmp_path)
    run = small.train(tmp_path / "run", method=CDN, optimisation={"epochs": 1, "lr": 3e-3})
    choose = runpy.run_path(str(ROOT / "examples" / "choose_alpha.py"))["choose"]
    accuracy = choose(run.path, small.manifest, clips=1)
    assert len(accuracy) == 11
    taken = max(accuracy, key=accuracy.__getitem__)  # the first, so the smallest, of equals
    assert load_file(run.path / "weights.safetensors")["alpha"].item() == pytest.approx(taken)
    figures = evaluate(run.path, small.manifest, splits=["validation"], clips=1, quiet=True).metrics["splits"]
    assert figures["validation"]["top1"] == accuracy[taken]
    with pytest.raises(InputError, match="out of context"):
        choose(run.path, small.out_of_context("elsewhere"), split="elsewhere")


@pytest.mark.slow
def test_a_method_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = ROOT / "examples" / "own_method.py"
    assert len(example.read_text().splitlines()) <= 80
    monkeypatch.setattr(sys, "argv", [str(example), str(tmp_path / "out"), "0.01", "1"])
    runpy.run_path(str(example), run_name="__main__")
    said = capsys.readouterr().out
    assert [line.partition(":")[0] for line in said.splitlines() if "in context" in line] == ["plain", "unmoved"]
    losses = (tmp_path / "out" / "unmoved" / "metrics.jsonl").read_text()
    assert "train/L_CE" in losses
    assert "train/L_Still" in losses
