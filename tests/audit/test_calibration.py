"""The audit reads what is known of models that were made to be known."""

from pathlib import Path

import pytest
from benchmarks.calibration import MODELS, Known, make_world, measured

from sceneproof.audit import Audit


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"), each=6)


@pytest.fixture(scope="module")
def audits(world: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Audit]:
    out = tmp_path_factory.mktemp("audits")
    whole = {"scene only", "person only", "coin"}  # of the others only their reliance is read
    return {
        model.name: measured(model, world, out, variants=() if model.name in whole else ["swap_random"])
        for model in MODELS
    }


def value(found: Audit, name: str) -> float:
    read = found.measures.value(name)
    assert read is not None, found.measures.figures[name].detail
    return read


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_reliance_is_read_as_it_was_made(model: Known, audits: dict[str, Audit]) -> None:
    read = audits[model.name].measures.figures["scene_reliance"].interval
    assert read is not None
    if model.reliance in (0.0, 1.0):
        assert read.value == model.reliance
    else:
        assert read.low <= model.reliance <= read.high


def test_who_sees_the_scene_alone_loses_nothing_without_people(audits: dict[str, Audit]) -> None:
    scene, person = audits["scene only"], audits["person only"]
    assert value(scene, "top1") == value(scene, "survives_human_filled") == value(scene, "scene_error") == 1
    assert value(scene, "scene_cost") == 1, "each scene belongs to one action"
    assert value(person, "survives_human_inpainted") < 0.5
    for name in ("top1", "survives_scene_grey", "survives_swap_random", "human_accuracy"):
        assert value(person, name) == 1
    assert value(person, "scene_cost") == value(person, "cutting_cost") == 0
    assert value(person, "contrasted_texture") == 0, "one frame is enough for it"


def test_controls_cost_nothing(audits: dict[str, Audit]) -> None:
    for name in ("scene only", "person only"):
        assert value(audits[name], "survives_self_paste") == 1, name
        assert value(audits[name], "survives_swap_same") == 1, name
        assert value(audits[name], "scene_error_control") == 0, name


def test_probes_tell_what_the_world_gives_away(audits: dict[str, Audit]) -> None:
    figures = audits["coin"].measures.figures
    assert value(audits["coin"], "scene_bias") == pytest.approx(1.386, abs=0.01), "ln 4: the scene names the action"
    leak = figures["outline_leak"].interval
    assert leak is not None
    assert leak.low <= 0.25 <= leak.high, "all people are of one shape here"
    assert figures["scene_leakage"].detail == "the model's features cannot be reached"
    assert figures["on_person"].detail == "a callable shows no maps"
