from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import yaml

from sceneproof.benchmark.command import Place, benchmark
from sceneproof.benchmark.config import Config, World
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.files import read_json
from sceneproof.pages.benchmark import Arena, Outcome, needed
from sceneproof.results import read_results
from sceneproof.run import Run
from sceneproof.studies.classification import ClassificationStudy
from sceneproof.studies.measures import StudyMeasures
from sceneproof.studies.statics import _variants
from sceneproof.tasks.classification.testing import ClassificationTesting
from tests.training import Small

RECIPE: dict[str, Any] = {
    "backbone": {"class_path": "ResNet3D", "init_args": {"depth": 10, "width": 4}},
    "task": {
        "class_path": "sceneproof.tasks.Classification",
        "init_args": {"clip": {"length": 8, "size": 32}, "validation_clips": 1},
    },
    "optimisation": {"epochs": 1, "batch": 4, "trackers": [], "optimizer": "adamw", "lr": 0.1},
}
SETUP: dict[str, Any] = {
    "seeds": [0],
    "learning_rates": [0.001],
    "further_rates": [0.0001],
    "worlds": {
        "small": {
            "title": "A small world",
            "about": "Squares.",
            "recipe": "recipe.yaml",
            "tables": {"manifest": "small/manifest.parquet", "scenes": "small/scenes.parquet"},
            "testing": {"splits": ["test", "test_out"], "clips": 1},
            "without": {"VideoMix": "it is not wanted"},
        }
    },
    "methods": {
        "plain": {"class_path": "Plain"},
        "LfF": {"strength": {"q": [0.2]}},
        "masked": {"class_path": "Plain", "init_args": {"masked_weight": 1.0}},
        "VideoMix": {},
    },
}


def made(folder: Path, **changed: Any) -> Path:
    """A setup in a folder with the tables that it speaks of."""
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    (folder / "setup.yaml").write_text(yaml.safe_dump({**SETUP, **changed}))
    return folder / "setup.yaml"


def in_and_out(small: Small) -> None:
    """Gives a data set test videos out of context: half of those it has."""
    table = Manifest.read(small.manifest)
    tested = table.rows.index[table.rows["split"] == "test"]
    table.rows["context"] = "in"
    table.rows.loc[tested[::2], ["split", "context"]] = "test_out", "out"
    table.write(small.manifest)


def test_paths_of_a_setup_may_begin_at_home_or_be_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    tables = {"manifest": "~/m.parquet", "scenes": "s3://bucket/scenes.parquet", "humans": "boxes.parquet"}
    world = {**SETUP["worlds"]["small"], "tables": tables, "weights": "~/start-seed{seed}"}
    (read,) = Config.read(made(tmp_path, worlds={"small": world}), data=Path("~/data")).worlds
    home = tmp_path / "home"
    assert read.tables == {
        "manifest": str(home / "m.parquet"), "scenes": "s3://bucket/scenes.parquet",
        "humans": str(home / "data" / "boxes.parquet"),
    }  # fmt: skip
    assert read.weights == str(home / "start-seed{seed}")


def test_every_method_gets_as_many_trials_and_a_row_and_what_cannot_be_run_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_and_out(Small.make(tmp_path / "small"))
    setup, out, results = made(tmp_path), tmp_path / "out", tmp_path / "results.csv"
    benchmark(setup, out, dry_run=True, quiet=True)
    said = capsys.readouterr().out
    assert "small: 2 methods, 2 trials and 1 seed each: 6 runs" in said
    assert "without masked: sceneproof.methods.plain.Plain" in said
    assert "without VideoMix: it is not wanted" in said
    assert not out.exists()
    benchmark(setup, tmp_path / "untuned", untuned=True, dry_run=True, quiet=True)
    assert "small: 2 methods, 0 trials and 1 seed each: 2 runs" in capsys.readouterr().out
    page = benchmark(setup, out, results=results, quiet=True)
    world = read_json(page.with_suffix(".json"))["worlds"][0]
    assert set(world["refused"]) == {"masked", "VideoMix"}
    assert "humans" in world["refused"]["masked"]
    tuning = read_json(out / "small" / "tuning" / "chosen.json")
    assert {name: len(told["trials"]) for name, told in tuning.items()} == {"plain": 2, "LfF": 2}
    assert [trial.get("q") for trial in tuning["LfF"]["trials"]] == [None, 0.2]
    assert {trial["lr"] for trial in tuning["plain"]["trials"]} == {0.001, 0.0001}
    best = max(trial["top1"] for trial in tuning["plain"]["trials"])
    assert best in [
        trial["top1"] for trial in tuning["plain"]["trials"] if trial["lr"] == tuning["plain"]["chosen"]["lr"]
    ]
    run = Run.open(out / "small" / "LfF-seed0")
    assert run.config["optimisation"]["lr"] == tuning["LfF"]["chosen"]["lr"]
    assert Run.open(out / "small" / "tuning" / "LfF-lr0.001").seed == 1000
    html = page.read_text(encoding="utf-8")
    assert "it is not wanted" in html
    assert "out of context" in html
    lines = {(line.recipe, line.metric): line for line in read_results(results)}
    assert {recipe for recipe, _ in lines} == {"benchmark-small/plain", "benchmark-small/LfF"}
    for name, told in tuning.items():
        line = lines[f"benchmark-small/{name}", "setting/lr"]
        assert (float(line.ours), line.seed) == (told["chosen"]["lr"], "all")
    strength = lines["benchmark-small/LfF", "setting/strength"]
    assert float(strength.ours) == tuning["LfF"]["chosen"].get("q", 0.7)
    assert ("benchmark-small/plain", "setting/strength") not in lines
    before = (out / "small" / "LfF-seed0" / "weights.safetensors").stat().st_mtime_ns
    capsys.readouterr()
    benchmark(setup, out, methods=["LfF"])  # what is done is not done again
    assert capsys.readouterr().out.splitlines()[-1] == f"written: {out}/benchmark.html, .json"
    assert (out / "small" / "LfF-seed0" / "weights.safetensors").stat().st_mtime_ns == before


def test_a_second_machine_takes_the_settings_and_adds_its_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if one machine had trained both: the same settings, and gains over both seeds."""
    in_and_out(Small.make(tmp_path / "small"))
    setup, results, table = made(tmp_path), tmp_path / "results.csv", tmp_path / "per-video.parquet"
    with pytest.raises(InputError, match=r"results\.csv"):
        benchmark(setup, tmp_path / "one", settings=results, dry_run=True, quiet=True)
    benchmark(setup, tmp_path / "one", results=results, per_video=table, quiet=True)
    capsys.readouterr()
    two = tmp_path / "two"
    page = benchmark(setup, two, seeds=[1], settings=results, results=results, per_video=table, quiet=True)
    assert "2 methods, 0 trials and 1 seed each: 2 runs" in capsys.readouterr().out
    assert "Settings are those that results.csv has" in page.read_text(encoding="utf-8")
    chosen = read_json(tmp_path / "one" / "small" / "tuning" / "chosen.json")["LfF"]["chosen"]
    config = Run.open(two / "small" / "LfF-seed1").config
    assert config["optimisation"]["lr"] == chosen["lr"]
    assert config["method"]["init_args"]["q"] == chosen.get("q", 0.7)
    lines = {(line.recipe, line.seed, line.metric): float(line.ours) for line in read_results(results)}
    for on, split in (("in context", "test"), ("out of context", "test_out")):
        plain, other = (
            [lines[f"benchmark-small/{name}", seed, f"{split}/top1"] for seed in "01"] for name in ("plain", "LfF")
        )
        gain = lines["benchmark-small/LfF", "all", f"{on}/top1/gain"]
        assert gain == pytest.approx(np.mean(other) - np.mean(plain), abs=1e-5)
    results.write_text("recipe,commit,seed,metric,ours,paper,source\n", encoding="utf-8")
    with pytest.raises(InputError, match="has no setting/lr of benchmark-small/LfF"):
        benchmark(setup, tmp_path / "three", settings=results, dry_run=True, quiet=True)
    table.write_bytes(table.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"per-video\.parquet"):
        benchmark(setup, tmp_path / "three", per_video=table, dry_run=True, quiet=True)
    with pytest.raises(InputError, match="give one of them"):
        benchmark(setup, tmp_path / "three", settings=results, untuned=True)


@pytest.mark.parametrize(("said", "clips"), [({}, ClassificationTesting.clips), ({"clips": 2}, 2)])
def test_stills_are_tested_by_as_many_clips_as_the_other_videos(
    said: dict[str, int], clips: int, tmp_path: Path
) -> None:
    """Else "as they are" is another figure than the top-1 beside it, of the same videos."""
    splits = ["test", *(f"test_{variant}" for variant in _variants())]
    rows = pd.DataFrame({"video": splits, "path": splits, "split": splits, "action": "jump"})
    Manifest(rows, tmp_path).write(tmp_path / "manifest.parquet")
    tables = {"manifest": str(tmp_path / "manifest.parquet")}
    world = World("small", "Small", {}, tables, {"splits": ["test"], **said}, static=tables)
    place = Place(world, tmp_path, {"workers": 0, "quiet": True, "trust": None})
    assert place.static_options()["clips"] == clips


def test_what_a_method_needs_is_told_by_world_where_it_differs() -> None:
    def outcome(world: str, needs: dict[str, list[str]]) -> Outcome:
        arena = Arena(world, world, "", [], needs, {}, {})
        return Outcome(arena, cast(ClassificationStudy, None), StudyMeasures([]))

    outcomes = [
        outcome("mall", {"plain": [], "ALBAR": [], "SDN": ["scene"]}),
        outcome("bar", {"plain": [], "ALBAR": ["without_humans"]}),
    ]
    assert [needed(outcomes, name) for name in ("plain", "ALBAR", "SDN")] == [
        "nothing", "mall: nothing; bar: people", "scene labels",
    ]  # fmt: skip


def test_a_method_of_ones_own_gets_a_row_where_it_is_trusted(tmp_path: Path) -> None:
    setup = made(tmp_path)
    with pytest.raises(InputError, match="trust"):
        Config.read(setup).part([], ["tests.own_task.Own"], None)
    asked = Config.read(setup).part([], ["tests.own_task.Own"], ["tests"])
    assert [contender.name for contender in asked.contenders] == ["plain", "Own"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seeds": []}, "seeds: give some"),
        ({"seeds": [1000]}, "must not choose"),
        ({"seed": 1}, "unknown key 'seed'"),
        ({"methods": {"LfF": {}}}, "'plain' is missing"),
        ({"methods": {"plain": {"class_path": "Plain"}, "LfF": {"strength": {"q": [0.1, 0.2]}}}}, "as many trials"),
        ({"methods": {"plain": {"class_path": "Plain"}, "SND": {}}}, "no method 'SND'"),
        ({"learning_rates": ["1e-4"]}, "a list of numbers"),
        ({"worlds": {"small": {"title": "S"}}}, "recipe is missing"),
        ({"worlds": {"small": {**SETUP["worlds"]["small"], "tables": {}}}}, "manifest is missing"),
        ({"worlds": {"small": {**SETUP["worlds"]["small"], "testing": {}}}}, "splits is missing"),
    ],
)
def test_an_unfair_or_mistyped_setup_is_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Config.read(made(tmp_path, **changed))


def test_an_unknown_world_or_method_is_named(tmp_path: Path) -> None:
    config = Config.read(made(tmp_path))
    with pytest.raises(InputError, match="--worlds: none is called 'mall'; there are: small"):
        config.part(["mall"], [], None)
    with pytest.raises(InputError, match="--methods: none is called 'SDN'"):
        config.part([], ["SDN"], None)


def test_rows_for_scale_are_trained_on_other_videos_and_are_no_methods(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_and_out(Small.make(tmp_path / "small"))
    in_and_out(Small.make(tmp_path / "other"))
    world = dict(SETUP["worlds"]["small"])
    world["references"] = {"other": {"about": "What could be.", "tables": {"manifest": "other/manifest.parquet"}}}
    setup = made(tmp_path, worlds={"small": world}, methods={"plain": {"class_path": "Plain"}})
    page = benchmark(setup, tmp_path / "out", untuned=True, quiet=True)
    assert "1 seed each: 2 runs\n  for scale other: What could be." in capsys.readouterr().out
    assert Run.open(tmp_path / "out" / "small" / "other-seed0").config["manifest"].endswith("other/manifest.parquet")
    html = page.read_text(encoding="utf-8")
    assert "other, for scale: What could be." in html
    assert "other is right on" not in html  # it is neither the best nor advised
    still = {**world, "static": {"manifest": "small/manifest.parquet"}}
    with pytest.raises(InputError, match="has no split 'test_scuba_photograph': make it with"):
        benchmark(made(tmp_path, worlds={"small": still}), tmp_path / "out", dry_run=True, quiet=True)
    wrong = {**world, "references": {"other": {"about": "What could be.", "tables": {}}}}
    with pytest.raises(InputError, match=r"references\.other: manifest is missing"):
        Config.read(made(tmp_path, worlds={"small": wrong}))
