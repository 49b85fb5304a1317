import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sceneproof.study as module
from sceneproof.demo import STAGE, demo
from sceneproof.errors import InputError, TrainingError
from sceneproof.evaluate import settings_of
from sceneproof.files import read_json, write_json
from sceneproof.results import read_results
from sceneproof.study import Row, execute, study
from tests.training import Small

RECIPE = (
    "method: METHOD\n"
    "backbone: {class_path: ResNet3D, init_args: {depth: 10, width: 4}}\n"
    "clip: {length: 8, size: 32}\nvalidation_clips: 1\n"
    "optimisation: {epochs: 1, batch: 4, trackers: [], optimizer: adamw}\n"
)


@dataclass(frozen=True)
class Slow:
    """Keyword arguments that take a minute to come."""

    def keys(self) -> list[str]:
        time.sleep(60)
        return []

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)


@dataclass(frozen=True)
class Killed(Slow):
    """Keyword arguments that end the process."""

    def keys(self) -> list[str]:
        os._exit(9)


def row(training: Any) -> Row:
    return Row(Path("nowhere"), training, None)


def test_a_row_that_fails_ends_the_others(tmp_path: Path) -> None:
    bad = row({"manifest": tmp_path / "missing.parquet", "out": tmp_path / "out"})
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"missing\.parquet: no such file"):
        execute([bad, row(Slow()), row(Slow())], jobs=2)
    assert time.monotonic() - begun < 50


def test_ctrl_c_ends_all() -> None:
    stop = threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    stop.start()
    with pytest.raises(KeyboardInterrupt):
        execute([row(Slow()), row(Slow()), row(Slow())], jobs=2)
    for process in multiprocessing.active_children():
        process.join(30)
    assert not multiprocessing.active_children()
    assert time.monotonic() - begun < 50


def test_a_process_that_is_killed_is_told() -> None:
    with pytest.raises(TrainingError, match="fewer --jobs"):
        execute([row(Killed()), row(Slow())], jobs=2)


def test_a_run_is_tested_again_where_the_settings_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[object] = []

    def evaluate(folder: Path, **testing: Any) -> None:
        tested.append(testing["clips"])
        write_json(folder / "evaluation" / "metrics.json", {"settings": settings_of(testing)})

    monkeypatch.setattr(module, "train", lambda: None)
    monkeypatch.setattr(module, "evaluate", evaluate)
    for clips in (1, 1, 2, 2, 1):
        execute([Row(tmp_path, {}, {"manifest": Path("m"), "splits": ("test",), "clips": clips})])
    assert tested == [1, 2, 1]


def test_torchrun_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="without torchrun"):
        study([], tmp_path / "m.parquet", tmp_path / "out")
    with pytest.raises(InputError, match="without torchrun"):
        demo(tmp_path / "demo")
    assert not list(tmp_path.iterdir())


def test_the_demonstration_keeps_what_the_second_stage_has_learnt() -> None:
    assert STAGE.keep == "last"


def test_a_transfer_from_a_folder_of_any_name(tmp_path: Path) -> None:
    small = Small.make(tmp_path / "small")
    start = small.train(tmp_path / "start1", optimisation={"epochs": 1})
    recipes = []
    for name in ("one", "two"):
        recipes.append(tmp_path / f"{name}.yaml")
        recipes[-1].write_text(RECIPE.replace("METHOD", "Plain") + f"freeze_backbone: {str(name == 'two').lower()}\n")
    results = tmp_path / "results.csv"
    out = study(
        recipes, small.manifest, tmp_path / "study", starts=[start.path], clips=1, results=results, quiet=True,
        baseline="two-from-start", debiased="one-from-start",
    )  # fmt: skip
    folder = tmp_path.name
    assert {one.recipe for one in read_results(results)} == {f"{folder}/one-from-start", f"{folder}/two-from-start"}
    assert read_json(out.with_suffix(".json"))["baseline"] == "two-from-start"
    gained = {one.recipe for one in read_results(results) if one.metric.endswith("/gain")}
    assert gained == {f"{folder}/one-from-start"}
