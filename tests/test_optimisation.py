"""Rates in steps, biases with a rate of their own, and batch normalisation that is frozen but for the first."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from sceneproof.errors import InputError
from sceneproof.methods import Plain
from sceneproof.optimisation import Optimisation, learning_rate, make_optimizer, parameter_groups
from tests.training import Small


def test_the_rate_falls_to_a_tenth_at_each_milestone() -> None:
    settings = Optimisation(lr=0.1, schedule="steps", milestones=(2, 4))
    rates = [learning_rate(settings, step, 10) for step in (0, 19, 20, 39, 40, 400)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@pytest.mark.parametrize(
    ("schedule", "milestones"),
    [("steps", ()), ("steps", (4, 2)), ("steps", (0, 2)), ("steps", (2, 2)), ("cosine", (2,))],
)
def test_milestones_are_checked(schedule: str, milestones: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"optimisation\.milestones: the schedule 'steps', and no other"):
        Optimisation(schedule=schedule, milestones=milestones)  # type: ignore[arg-type]


def test_biases_learn_at_their_own_rate_and_do_not_decay() -> None:
    """By hand: a step of SGD from a momentum of nothing moves a weight by rate · (gradient + decay · weight)."""
    network = nn.Sequential(nn.Conv3d(1, 1, 1), nn.BatchNorm3d(1), nn.Linear(1, 1))
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(2.0)
    settings = Optimisation(lr=0.1, weight_decay=0.5, bias_rate=3.0)
    groups = parameter_groups(network, {"all": list(network.parameters())}, settings)
    assert [(group["name"], len(group["params"])) for group in groups] == [("all", 4), ("all", 2)]
    optimizer = make_optimizer(groups, settings)
    for group in optimizer.param_groups:
        group["lr"] = settings.lr * group.get("rate", 1.0)
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    for name in ("0.weight", "1.weight", "1.bias", "2.weight"):
        assert network.get_parameter(name).item() == pytest.approx(2 - 0.1 * (1 + 0.5 * 2))
    for place in (0, 2):
        assert network.get_parameter(f"{place}.bias").item() == pytest.approx(2 - 3 * 0.1 * 1)
    plain = parameter_groups(network, {"all": list(network.parameters())}, Optimisation())
    assert [len(group["params"]) for group in plain] == [6]


def test_all_normalisations_but_the_first_stay_as_they_were(tmp_path: Path) -> None:
    small = Small.make(tmp_path / "data")
    start = small.train(tmp_path / "start", optimisation={"epochs": 1})
    optimisation = {
        "epochs": 2, "freeze_batch_norm": "but_first", "bias_rate": 2.0, "schedule": "steps", "milestones": (1,),
        "keep": "last", "log_every": 4,
    }  # fmt: skip
    run = small.train(tmp_path / "run", method=Plain, weights=start.path, optimisation=optimisation)
    before, after = (load_file(each.path / "weights.safetensors") for each in (start, run))
    names = [key.removesuffix("running_mean") for key in after if key.endswith("running_mean") and "head" not in key]
    moved = {
        name for name in names for part in ("weight", "running_mean", "running_var")
        if not torch.equal(before[name + part], after[name + part])
    }  # fmt: skip
    assert moved == {"backbone.bn1."}
    assert len(names) > 3
    rates = [line["lr/backbone"] for line in run.history() if "train/L_CE" in line]
    assert rates == pytest.approx([1e-3, 1e-4])
    again = small.train(tmp_path / "run", method=Plain, weights=start.path, optimisation=optimisation)
    assert again.done
