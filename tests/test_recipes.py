"""The paper's recipes, run dry: each on a made-up collection in the layout of the real one, indexed by the command."""

import importlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sceneproof.arguments import parse
from sceneproof.cli import BY_TASK, COMMANDS, main
from sceneproof.commands import options_of, task_of_words
from sceneproof.data.manifest import Manifest
from sceneproof.run import Run
from tests.layouts import LAYOUTS
from tests.training import Small
from tests.untrimmed import make_untrimmed
from tests.videos import make_boxes, make_scenes

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
STAGES = ("plain", "L_Adv", "both")
TRANSFER = {"ucf101": "ucf101", "hmdb51": "hmdb51", "diving48-v1": "diving48"}
SMALLER = (
    "--optimisation.epochs=1", "--optimisation.batch=4", "--clip.length=4", "--clip.size=32", "--validation_clips=1",
    "--backbone.init_args.depth=10", "--backbone.init_args.width=4", "--workers=0", "--quiet",
)  # fmt: skip


def index(name: str, folder: Path, *options: str) -> Manifest:
    """Makes and indexes a small collection."""
    LAYOUTS[name].make(folder)
    words = [str(folder / part) for part in ("videos", "lists", "index")]
    main(["index", name, *words, *LAYOUTS[name].words, "--quiet", *options])
    return Manifest.read(folder / "index" / "manifest.parquet")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


def train(recipe: str, manifest: Manifest, out: Path, *words: str) -> Run:
    main(["train", manifest.name, str(out), f"--config={RECIPES / recipe}.yaml", *SMALLER, *words])
    run = Run.open(out)
    assert run.done
    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The three stages on Mini-Kinetics-200, each from the one before."""
    folder = tmp_path_factory.mktemp("mini-kinetics")
    manifest = index("mini-kinetics", folder)
    scenes, boxes = folder / "index" / "scenes.parquet", folder / "index" / "boxes.parquet"
    make_scenes(Manifest(manifest.rows.assign(scene=manifest.rows["action"]), manifest.root), scenes)
    make_boxes(manifest, boxes)
    runs: dict[str, Run] = {}
    for stage in STAGES:
        before = [f"--weights={run.path}" for run in runs.values()][-1:]
        words = (f"--scenes={scenes}", f"--humans={boxes}", *before)
        runs[stage] = train(f"paper-mini-kinetics/{stage}", manifest, folder / stage, *words)
    return runs


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_has_its_terms(trained: dict[str, Run], stage: str) -> None:
    terms = {"plain": {"L_CE"}, "L_Adv": {"L_CE", "L_Adv"}, "both": {"L_CE", "L_Adv", "L_Ent"}}[stage]
    metrics = (trained[stage].path / "metrics.jsonl").read_text()
    assert {term for term in ("L_CE", "L_Adv", "L_Ent") if term in metrics} == terms


@pytest.mark.parametrize("name", TRANSFER)
def test_each_collection_is_fine_tuned_on(trained: dict[str, Run], name: str, tmp_path: Path) -> None:
    # without looking into the files beforehand: training looks for itself
    manifest = index(TRANSFER[name], tmp_path, "--probe=false", "--validation=0.2")
    run = train(f"paper-{name}/fine-tuned", manifest, tmp_path / "run", f"--weights={trained['both'].path}")
    assert run.actions == manifest.actions
    main(["evaluate", str(run.path), manifest.name, "--quiet"])
    assert (run.path / "evaluation" / "metrics.json").is_file()


def read(recipe: str) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((RECIPES / f"{recipe}.yaml").read_text())
    return settings


EVERY = [*(f"paper-mini-kinetics/{stage}" for stage in STAGES), *(f"paper-{name}/fine-tuned" for name in TRANSFER)]


@pytest.mark.parametrize("recipe", EVERY)
def test_what_all_stages_share_is_the_released_codes(recipe: str) -> None:
    settings = read(recipe)
    expected = {
        "epochs": 100,
        "batch": 32,
        "optimizer": "sgd",
        "weight_decay": 1e-5,
        "schedule": "plateau",
        "patience": 10,
    }
    assert {key: settings["optimisation"][key] for key in expected} == expected
    assert settings["clip"] | {"scales": None} == {"length": 16, "stride": 1, "size": 112, "scales": None}
    assert settings["clip"]["scales"] == pytest.approx([0.8409**power for power in range(5)], abs=1e-4)
    assert settings["backbone"]["init_args"] == {
        "depth": 18, "shortcut": "A", "mean": [114.7748, 107.7354, 99.4750], "std": [1.0, 1.0, 1.0],
    }  # fmt: skip
    assert settings["validation_clips"] == 3


def test_what_differs_between_stages_is_the_released_codes() -> None:
    rates = {recipe: read(recipe)["optimisation"]["lr"] for recipe in EVERY}
    assert rates == {recipe: 1e-4 if "mini-kinetics" in recipe else 5e-3 for recipe in EVERY}
    adversary, both = (read(f"paper-mini-kinetics/{stage}") for stage in STAGES[1:])
    assert adversary["method"]["init_args"] == {
        "scene_weight": 1.0, "confusion_weight": 0.0, "labels": "soft", "scene_layers": 3,
    }  # fmt: skip
    warm_up = {key: adversary["optimisation"][key] for key in ("warm_up_epochs", "warm_up_lr")}
    assert warm_up == {"warm_up_epochs": 4, "warm_up_lr": 1e-2}
    assert (both["method"]["init_args"]["scene_weight"], both["optimisation"]["warm_up_epochs"]) == (0.5, 0)


STUB = """#!/usr/bin/env bash
echo "$*" >> "$LOG"
case $1 in
  train) mkdir -p "$3" ;;
  study) stem=$(basename "$2" .yaml) out=$4
    while [ $# -gt 0 ] && [ "$1" != --starts ]; do shift; done
    shift || true
    while [ $# -gt 0 ] && [[ $1 != --* ]]; do mkdir -p "$out/$stem-from-$(basename "$1")"; shift; done ;;
esac
"""


def said_by(script: str, tmp_path: Path, *words: str) -> list[list[str]]:
    """The commands that a script gives, in order; none of them is run."""
    stub = tmp_path / "bin" / "sceneproof"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(0o755)
    environment = {**os.environ, "PATH": f"{stub.parent}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
    subprocess.run([str(RECIPES / script), *words], check=True, env=environment)
    return [line.split() for line in (tmp_path / "log").read_text().splitlines()]


def understood(words: list[str]) -> tuple[str, dict[str, Any]]:
    """A command and its arguments, as the command line understands them."""
    name = next(name for name in COMMANDS if words[: len(name.split())] == name.split())
    module, _, function = COMMANDS[name][0].partition(":")
    command = getattr(importlib.import_module(module), function)
    rest = words[len(name.split()) :]
    if name in BY_TASK:
        task = task_of_words(rest)
        return name, parse(command, rest, name, task=task, more=options_of(name, task))
    return name, parse(command, rest, name)


def test_the_data_are_prepared_and_labelled(tmp_path: Path) -> None:
    said = [understood(line) for line in said_by("paper-data.sh", tmp_path, "index", "data")]
    assert [name for name, _ in said] == ["prepare"] * 8 + ["label scenes", "label humans", "label check"]
    assert {arguments["short_side"] for name, arguments in said if name == "prepare"} == {240}
    assert said[8][1]["labeller"].init_args["depth"] == 50


def test_the_script_goes_through_the_stages_in_order(tmp_path: Path) -> None:
    said = said_by("paper.sh", tmp_path, "data", "start.pth", str(tmp_path / "out"), "2", "0", "1")
    recipes = [next(word for word in line if word.endswith(".yaml")) for line in said]
    assert all(Path(recipe).is_file() for recipe in recipes)
    names = [str(Path(recipe).relative_to(RECIPES).with_suffix("")) for recipe in recipes]
    fine_tuning = [f"paper-{name}/fine-tuned" for name in ("ucf101", "hmdb51") for _ in range(3)]
    assert names == [
        *["paper-mini-kinetics/plain"] * 2, "paper-mini-kinetics/L_Adv", "paper-mini-kinetics/both",
        *fine_tuning, "paper-diving48-v1/fine-tuned",
    ]  # fmt: skip
    last = said[-1]
    starts = last[last.index("--starts") + 1 : last.index("--baseline")]
    assert [Path(start).name for start in starts] == [
        f"{before}plain-seed{seed}" for before in ("", "L_Adv-from-", "both-from-L_Adv-from-") for seed in (0, 1)
    ]


POSTER = {
    "paper-c3d": ["--backbone.init_args.width=2", "--backbone.init_args.hidden=8"],
    "paper-tsn": ["--clip.size=64", "--optimisation.milestones=[1]"],
}


@pytest.mark.parametrize("name", POSTER)
def test_the_posters_other_networks_are_fine_tuned_by_their_authors_settings(name: str, tmp_path: Path) -> None:
    manifest = index("ucf101", tmp_path, "--probe=false", "--validation=0.2")
    words = ["--optimisation.epochs=1", "--optimisation.batch=2", "--validation_clips=1", "--workers=0", "--quiet"]
    recipe = f"--config={RECIPES / name / 'ucf101.yaml'}"
    main(["train", manifest.name, str(tmp_path / "run"), recipe, *words, *POSTER[name]])
    assert Run.open(tmp_path / "run").done


@pytest.mark.parametrize(
    "recipe", sorted(RECIPES.glob("poster-*/*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_recipes_of_the_poster_can_be_trained(recipe: Path, small: Small, tmp_path: Path) -> None:
    words = [f"--scenes={small.scenes}", f"--humans={small.boxes}", "--dry-run"]
    main(["train", str(small.manifest), str(tmp_path / "run"), f"--config={recipe}", *words])
    assert not (tmp_path / "run").exists()
    settings = yaml.safe_load(recipe.read_text())
    backbone, method = recipe.stem.split("-")
    assert settings["backbone"]["class_path"].rpartition(".")[2] == {"TSN": "BNInception"}.get(backbone, backbone)
    assert settings["method"]["class_path"].rpartition(".")[2].lower() == method.lower()
    twin = read(f"{recipe.parent.name}/{backbone}-plain")
    assert {**settings, "method": None} == {**twin, "method": None}, "but for the method all is the same"


def test_the_posters_script_asks_each_network_plain_and_debiased(tmp_path: Path) -> None:
    said = [understood(line)[1] for line in said_by("poster.sh", tmp_path, "world", "out", "poster-mall", "0 1")]
    assert [[Path(recipe).stem for recipe in arguments["recipes"]] for arguments in said] == [
        [f"{network}-plain", f"{network}-SDN"] for network in ("ResNet3D", "C3D", "TSN", "S3DG")
    ]
    assert all(list(arguments["seeds"]) == [0, 1] for arguments in said)
    assert all(Path(recipe).is_file() for arguments in said for recipe in arguments["recipes"])


@pytest.fixture(scope="module")
def untrimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_untrimmed(tmp_path_factory.mktemp("untrimmed"))


@pytest.mark.parametrize(
    "recipe",
    sorted(
        (
            *RECIPES.glob("untrimmed-mall/*.yaml"),
            *RECIPES.glob("paper-thumos14/*.yaml"),
            *RECIPES.glob("jhmdb-takes/*.yaml"),
        )
    ),
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_recipes_of_localizers_can_be_trained(recipe: Path, untrimmed: Path, tmp_path: Path) -> None:
    words = [f"--config={recipe}", "--workers=0", "--dry-run"]
    main(["train", str(untrimmed), str(tmp_path / "run"), *words])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("world", "beside"), [("mall", "benchmark-mall/pretrained"), ("jhmdb", "poster-jhmdb/ResNet3D-plain")]
)
def test_flow_is_prepared_trained_on_and_joined(world: str, beside: str, tmp_path: Path) -> None:
    said = [understood(line) for line in said_by(f"{world}-flow.sh", tmp_path, "world", "out", "0 1")]
    assert [name for name, _ in said] == ["prepare", "study", "study", "fuse", "fuse"]
    assert said[0][1]["flow"] is True
    assert read(f"{world}-flow/rgb") == read(f"{world}-flow/flow") == read(beside)
    assert [Path(run).name for run in said[4][1]["runs"]] == ["rgb-seed1", "flow-seed1"]


def test_detectors_are_asked_on_people_in_other_places(tmp_path: Path) -> None:
    said = [
        understood(line) for line in said_by("jhmdb-detection-hed.sh", tmp_path, "index", "out", "scenes", "hed", "0 1")
    ]
    assert [name for name, _ in said] == ["contexts export", "features", "study", "study", "study"]
    assert [str(path) for path in said[0][1]["carry"]] == ["index/boxes.parquet"]
    starts = [Path(start).name for start in said[3][1]["starts"]]
    assert starts == [f"{method}-seed{seed}" for seed in (0, 1) for method in ("plain", "SDN", "PlaceSwap")]
    for name, arguments in said[2:]:
        assert list(arguments["splits"]) == ["test", "test_swap_random"], name
        assert all(Path(recipe).is_file() for recipe in arguments["recipes"])
    assert str(said[4][1]["humans"]) == "out/world/boxes.parquet"


def test_people_of_clips_are_localized_and_detected_from_a_studys_runs(tmp_path: Path) -> None:
    takes = [understood(line) for line in said_by("jhmdb-takes.sh", tmp_path, "index", "runs", "out")]
    assert [name for name, _ in takes] == ["contexts takes", *["study"] * 6]
    (tmp_path / "i3d").mkdir()
    detectors = [
        understood(line) for line in said_by("jhmdb-detection-i3d.sh", tmp_path / "i3d", "index", "runs", "out")
    ]
    assert [name for name, _ in detectors] == ["contexts export", "study"]
    for _, arguments in (*takes[1:], *detectors[1:]):
        assert all(Path(recipe).is_file() for recipe in arguments["recipes"])
        assert arguments["baseline"].endswith("-from-plain")


@pytest.mark.parametrize(
    "recipe",
    sorted(path for folder in ("jhmdb-detection-hed", "jhmdb-hed") for path in (RECIPES / folder).glob("*.yaml")),
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_recipes_from_vggs_convolutions_can_be_trained(recipe: Path, small: Small, tmp_path: Path) -> None:
    words = [f"--config={recipe}", f"--humans={small.boxes}", "--dry-run"]
    labels = [] if "detection" in recipe.parent.name else [f"--scenes={small.scenes}"]
    if "composites" in recipe.read_text():  # kept ones go with kept features
        labels.append("--method.composites=drawn")
    main(["train", str(small.manifest), str(tmp_path / "run"), *words, *labels])
    assert not (tmp_path / "run").exists()
