from pathlib import Path
from typing import Any

import pytest

from sceneproof.data.manifest import Manifest
from sceneproof.demo import STAGE, demo
from sceneproof.errors import InputError
from sceneproof.files import read_json
from sceneproof.results import read_results
from sceneproof.run import Run
from sceneproof.study import study
from tests.training import Small

RECIPE = (
    "method: METHOD\n"
    "backbone: {class_path: ResNet3D, init_args: {depth: 10, width: 4}}\n"
    "clip: {length: 8, size: 32}\nvalidation_clips: 1\n"
    "optimisation: {epochs: 1, batch: 4, trackers: [], optimizer: adamw}\n"
)


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
        baseline="two-from-start1", debiased="one-from-start1",
    )  # fmt: skip
    folder = tmp_path.name
    assert {one.recipe for one in read_results(results)} == {f"{folder}/one-from-start1", f"{folder}/two-from-start1"}
    assert read_json(out.with_suffix(".json"))["baseline"] == "two-from-start1"
    gained = {one.recipe for one in read_results(results) if one.metric.endswith("/gain")}
    assert gained == {f"{folder}/one-from-start1"}


def test_tuning_tries_every_rate_from_a_start_of_its_own_and_keeps_the_best_last_weights(tmp_path: Path) -> None:
    small = Small.make(tmp_path / "small")
    start, other = (small.train(tmp_path / name, optimisation={"epochs": 1}) for name in ("start0", "other"))
    recipe = tmp_path / "plain.yaml"
    recipe.write_text(RECIPE.replace("METHOD", "Plain").replace("adamw", "adamw, keep: last"))
    words = {"starts": [start.path], "learning_rates": (1e-2, 1e-6), "clips": 1, "quiet": True}
    with pytest.raises(InputError, match="--tuning-start"):
        study([recipe], small.manifest, tmp_path / "study", **words)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is one of --starts"):
        study([recipe], small.manifest, tmp_path / "study", tuning_start=start.path, **words)  # type: ignore[arg-type]
    alone: dict[str, Any] = {**words, "starts": (), "seeds": [0, 7], "tuning_seed": 7}
    with pytest.raises(InputError, match="--tuning-seed: 7 is one of --seeds"):
        study([recipe], small.manifest, tmp_path / "study", **alone)
    study([recipe], small.manifest, tmp_path / "study", tuning_start=other.path, **words)  # type: ignore[arg-type]
    told = read_json(tmp_path / "study" / "tuning" / "chosen.json")["plain"]
    assert set(told["validation/top1"]) == {"0.01", "1e-06"}
    assert told["validation/top1"][f"{told['chosen']:g}"] == max(told["validation/top1"].values())
    trial = Run.open(tmp_path / "study" / "tuning" / "plain-lr0.01")
    assert trial.config["weights"] == str(other.path)
    assert told["validation/top1"]["0.01"] == trial.history()[-1]["validation/top1"]
    assert Run.open(tmp_path / "study" / "plain-from-start0").config["optimisation"]["lr"] == told["chosen"]


@pytest.mark.parametrize(("split", "said"), [("test", "out of context"), ("null", "no validation split")])
def test_only_videos_in_context_choose_a_rate(tmp_path: Path, split: str, said: str) -> None:
    small = Small.make(tmp_path / "small")
    table = Manifest.read(small.manifest)
    contexts = ["out" if one == "test" else "in" for one in table.rows["split"]]
    Manifest(table.rows.assign(context=contexts), table.root).write(small.manifest)
    recipe = tmp_path / "plain.yaml"
    recipe.write_text(
        RECIPE.replace("METHOD", "Plain").replace("adamw", "adamw, keep: last") + f"validation_split: {split}\n"
    )
    with pytest.raises(InputError, match=said):
        study([recipe], small.manifest, tmp_path / "study", learning_rates=(0.1, 0.2), clips=1, quiet=True)
