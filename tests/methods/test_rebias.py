"""ReBias: the authors' numbers (clovaai/rebias, its HSIC), and what follows by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sceneproof.backbones import ResNet3D
from sceneproof.errors import InputError
from sceneproof.methods import Facts, ReBias
from sceneproof.methods.rebias import Turn, hsic, kernel
from sceneproof.types import Batch
from tests.methods.batches import batch, clips, gradients, per_channel, random_batch
from tests.methods.formula import formula

FACTS = Facts(actions=5, scenes=6)
VIDEO, BIASED = {"backbone", "action_head"}, {"biased_branch", "biased_head"}


def points(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


def test_the_authors_estimate() -> None:
    ours = hsic(formula((6, 4), 0.37), formula((6, 3), 0.91, 0.5), sigma=1.0)
    assert ours.item() == pytest.approx(-0.02048478147893778, rel=1e-6)


def test_the_estimate_is_the_mean_over_quadruples_of_distinct_points() -> None:
    x, y = formula((6, 4), 0.37), formula((6, 3), 0.91, 0.5)
    k, m = kernel(x, 1.0), kernel(y, 1.0)
    terms = [
        k[a, b] * (m[a, b] + m[c, d] - 2 * m[a, c])
        for a in range(6)
        for b in range(6)
        for c in range(6)
        for d in range(6)
        if len({a, b, c, d}) == 4
    ]
    assert torch.stack(terms).mean().item() == pytest.approx(hsic(x, y).item(), rel=1e-9)


def test_the_median_follows_the_features_scale() -> None:
    x, y = points(8), points(8, 1)
    assert hsic(100 * x, y / 100, "median").item() == pytest.approx(hsic(x, y, "median").item(), rel=1e-3)
    assert hsic(x, x, "median") > 0.01
    same = torch.ones(6, 3, requires_grad=True)
    torch.autograd.backward(hsic(same, points(6), "median"))
    assert same.grad is not None
    assert same.grad.isfinite().all()


def test_fewer_than_four_clips_have_no_estimate() -> None:
    x = points(3).requires_grad_()
    value = hsic(x, points(3, 1))
    assert value.item() == 0
    assert torch.autograd.grad(value, x)[0].abs().sum() == 0


def test_each_network_has_its_own_losses_and_its_own_turn() -> None:
    torch.manual_seed(0)
    method, found = ReBias(per_channel(), FACTS), random_batch(count=6, twins=0)
    first, second = method.updates(found)
    assert isinstance(first, Turn)
    assert first.video is found.video
    assert method(first).keys() == {"L_g", "L_HSIC_g"}
    assert method(second).keys() == {"L_f", "L_HSIC_f"}
    both = method(found)
    for turn in (first, second):
        for name, value in method(turn).items():
            torch.testing.assert_close(value, both[name], msg=name)
    assert both["L_HSIC_g"].item() == pytest.approx(-both["L_HSIC_f"].item())
    for turn, own, idle in ((first, BIASED, VIDEO), (second, VIDEO, BIASED)):
        torch.autograd.backward(torch.stack(list(method(turn).values())).sum())
        for name, part in method.groups().items():
            assert all(weight.grad is not None for weight in part)
            assert any(weight.grad.any() for weight in part if weight.grad is not None) == (name in own), name
            assert name in own | idle
        method.zero_grad()
    assert ReBias(per_channel(), FACTS, alternating=False).updates(found) == [found]


def stepped(method: ReBias, found: Batch, loss: str, part: str) -> Tensor:
    """HSIC after a small step down the gradient of a loss on a part, less HSIC before."""
    before: Tensor = method(found)["L_HSIC_f"].detach()
    gradient = gradients(method, method(found)[loss])[part]
    assert gradient.any()
    weights = method.groups()[part]
    slopes = torch.split(gradient, [each.numel() for each in weights])
    with torch.no_grad():
        for weight, slope in zip(weights, slopes, strict=True):
            weight.sub_(slope.reshape(weight.shape), alpha=0.01 / float(gradient.norm()))
    after: Tensor = method(found)["L_HSIC_f"].detach()
    return after - before


def dependent() -> Batch:
    """Eight clips whose features follow their scene."""
    scene = torch.rand(8, 6, generator=torch.Generator().manual_seed(3)).softmax(dim=1)
    return batch(clips(*[tuple(row) for row in (5 * scene[:, :3]).tolist()]), [0, 1] * 4, scene=scene)


def test_the_video_network_makes_dependence_smaller_and_the_biased_one_larger() -> None:
    for loss, part, sign in (("L_HSIC_f", "backbone", -1), ("L_HSIC_g", "biased_branch", 1)):
        torch.manual_seed(0)
        method = ReBias(per_channel(), FACTS, sigma=1.0)
        assert sign * stepped(method, dependent(), loss, part) > 0


def test_the_weight_is_that_of_dependence() -> None:
    torch.manual_seed(0)
    method, found = ReBias(per_channel(), FACTS), random_batch(count=6, twins=0)
    once = method(found)
    method.weight = 3.0
    for name, value in method(found).items():
        assert value.item() == pytest.approx(once[name].item() * (3 if "HSIC" in name else 1)), name


@pytest.mark.parametrize("bias", ["without_humans", "still"])
def test_a_second_backbone_sees_the_biased_clips_alone(bias: Any) -> None:
    torch.manual_seed(0)
    method = ReBias(ResNet3D(10, width=2), FACTS, bias=bias).train()
    assert method.backbones == ("backbone", "biased_backbone")
    found = method.augment(random_batch(count=5, twins=5), np.random.default_rng(0))
    first, second = method.updates(found)
    statistics = {name: value.clone() for name, value in method.named_buffers() if not name.endswith("tracked")}

    def moved() -> set[str]:
        return {
            name.split(".")[0]
            for name, value in method.named_buffers()
            if not torch.equal(value, statistics.get(name, value))
        }

    method(first)
    assert moved() == {"biased_backbone"}
    statistics.update({name: value.clone() for name, value in method.named_buffers()})
    method(second)
    assert moved() == {"backbone"}
    changed = replace(found, video=torch.zeros_like(found.video))  # type: ignore[arg-type]  # there is a video
    torch.testing.assert_close(method(changed)["L_g"], method(found)["L_g"])
    assert method.answer(found.video[:2]).scores.shape == (2, 5)  # type: ignore[index]  # there is a video


def test_what_it_cannot_work_with_is_refused() -> None:
    with pytest.raises(InputError, match="ReBias: HSIC needs at least 4 clips a batch"):
        ReBias(per_channel(), replace(FACTS, rows=30, steps=10))
    ReBias(per_channel(), replace(FACTS, rows=30, steps=7))
    for settings in ({"weight": -1}, {"sigma": 0}, {"sigma": "mean"}):
        with pytest.raises(InputError, match="ReBias: weight cannot be negative, sigma is above 0 or median"):
            ReBias(per_channel(), FACTS, **settings)
