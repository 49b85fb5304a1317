"""The demonstration: what it trains, and what it tells on the terminal. CI runs the whole of it, in short."""

from pathlib import Path
from typing import Any

import pytest

from sceneproof import demo as module
from sceneproof.demo import METHODS, PRETRAINING, STAGE, WORLD, demo, demo_rows
from sceneproof.execution import Row
from sceneproof.pages.opening import Opening


def test_it_trains_a_plain_and_the_full_debiased_model_from_one_start(tmp_path: Path) -> None:
    first, *rest = demo_rows(tmp_path, tmp_path / "scenes.parquet", seed=3)
    assert first.testing is None
    assert first.training["weights"] is None
    assert [row.folder.name for row in rest] == list(METHODS) == ["PlaceSwap", "SDN", "plain"]
    assert {row.training["weights"] for row in rest} == {first.folder}
    assert {row.training["seed"] for row in (first, *rest)} == {3}
    people = [Path(row.training["humans"]).name for row in rest]
    assert people == ["masks.parquet", "boxes.parquet", "boxes.parquet"]
    alike = [{**row.training, "out": None, "method": None, "humans": None} for row in rest]
    assert all(other == alike[0] for other in alike)  # one schedule, one start: else they differ by the method alone
    assert all(set(row.testing or {}) == {"manifest", "splits", "clips"} for row in rest)


def test_the_second_stage_takes_as_many_steps_after_its_warm_up_as_the_study() -> None:
    steps = (STAGE.epochs - STAGE.warm_up_epochs) * (WORLD.train // STAGE.batch)
    assert steps == (4 - 1) * (2000 // 16)  # recipes/mall/both-from-pretrained.yaml


@pytest.mark.parametrize(("epochs", "stage", "warm_up"), [(1, 1, 0), (10, 3, 0), (PRETRAINING.epochs, 6, 1)])
def test_fewer_epochs_shorten_both_stages(epochs: int, stage: int, warm_up: int, tmp_path: Path) -> None:
    first, second, *_ = (row.training["optimisation"] for row in demo_rows(tmp_path, tmp_path, seed=0, epochs=epochs))
    assert (first.epochs, second.epochs, second.warm_up_epochs) == (epochs, stage, warm_up)


def test_it_says_how_long_it_takes_first_and_what_was_found_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[tuple[list[str], int]] = []

    def execute(rows: list[Row], *, jobs: int = 1) -> None:
        done.append(([row.folder.name for row in rows], jobs))

    def page(runs: list[Path], out: Path, **tables: Any) -> Opening:
        assert [run.name for run in runs] == ["plain", "SDN", "PlaceSwap"]
        assert tables["audits"] == {name: Path(f"audit-{name}") for name in ("PlaceSwap", "plain")}
        assert tables["debiased"] == "PlaceSwap"
        return Opening(["What was found."], [], "")

    monkeypatch.setattr(module, "make_world", lambda out, world: None)
    monkeypatch.setattr(module, "scene_labels", lambda manifest, out: out / "scenes.parquet")
    monkeypatch.setattr(module, "execute", execute)
    monkeypatch.setattr(module, "demonstration", page)
    monkeypatch.setattr(module, "audited", lambda out, run: Path(f"audit-{run.name}"))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    demo(tmp_path / "demo")
    assert done == [(["pretrained"], 1), (["PlaceSwap", "SDN", "plain"], 2)]
    lines = capsys.readouterr().out.strip().splitlines()
    assert "minutes on two cores" in lines[0]
    assert lines[-3:] == ["What was found.", "", f"Open {(tmp_path / 'demo' / 'report.html').resolve()}"]
