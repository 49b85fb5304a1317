"""The biased views that methods share: which clips have one, what is seen of it, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sceneproof.backbones import ResNet3D
from sceneproof.errors import InputError
from sceneproof.methods import ALBAR, CDN, Facts, LearnedMixin, Method, ReBias, RUBi
from sceneproof.methods.base import augmented
from sceneproof.methods.bias import BiasedView, still
from sceneproof.types import Batch
from tests.methods.batches import batch, clips, per_channel, random_batch

FACTS = Facts(actions=5, scenes=6)
METHODS: list[type[BiasedView]] = [RUBi, LearnedMixin, CDN, ReBias]


def total(method: Method, found: Batch) -> Tensor:
    return torch.stack(list(method(found).values())).sum()


def stills(method: BiasedView, found: Batch, seed: int = 0) -> Batch:
    return method.augment(found, np.random.default_rng(seed))


def test_a_still_clip_shows_one_of_its_own_frames_all_along() -> None:
    video = torch.arange(2 * 3 * 4 * 2 * 2).reshape(2, 3, 4, 2, 2).float()
    made = still(video, torch.tensor([1, 3]))
    assert made.shape == video.shape
    for frame in range(4):
        assert torch.equal(made[0, :, frame], video[0, :, 1])
        assert torch.equal(made[1, :, frame], video[1, :, 3])


def test_frames_are_drawn_by_row_whatever_the_order_of_the_batch() -> None:
    method = ALBAR(per_channel(), FACTS)
    found = random_batch(count=4, twins=0, size=(8, 2, 2))
    order = torch.tensor([2, 0, 3, 1])
    assert found.video is not None
    turned = replace(found, video=found.video[order], action=found.action[order], row=found.row[order])
    own, other = stills(method, found).second, stills(method, turned).second
    assert own is not None
    assert other is not None
    assert torch.equal(own[order], other)
    again = stills(method, found, seed=1).second
    assert not torch.equal(own, again)  # type: ignore[arg-type]  # there are still clips


@pytest.mark.parametrize(("frame", "shown"), [("middle", 4), (0, 0), (-1, 7)])
def test_a_frame_can_be_chosen(frame: Any, shown: int) -> None:
    found = random_batch(count=2, twins=0, size=(8, 2, 2))
    made = stills(ALBAR(per_channel(), FACTS, frame=frame), found)
    assert made.second is not None
    assert found.video is not None
    assert torch.equal(made.second[:, :, 0], found.video[:, :, shown])
    assert made.has["second"].all()
    with pytest.raises(InputError, match="ALBAR: frame 8 of clips of 8 frames"):
        stills(ALBAR(per_channel(), FACTS, frame=8), found)


def test_only_still_clips_need_pixels() -> None:
    found = random_batch()
    rng = np.random.default_rng(0)
    for bias, need in (("scenes", "scene"), ("without_humans", "without_humans")):
        method = RUBi(per_channel(), FACTS, bias=bias)  # type: ignore[arg-type]  # both are known
        assert method.needs == {need}
        assert not method.mixes_pixels
        assert augmented(found, method, rng) is found
    method = RUBi(per_channel(), FACTS, bias="still")
    assert method.needs == frozenset()
    assert method.mixes_pixels
    assert augmented(found, method, rng).second is not None


@pytest.mark.parametrize("make", METHODS)
@pytest.mark.parametrize("bias", ["scenes", "without_humans", "still"])
def test_the_order_of_the_batch_changes_nothing(make: Any, bias: str) -> None:
    torch.manual_seed(0)
    method = make(per_channel(), FACTS, bias=bias)
    found = random_batch(count=6, twins=4)
    if bias == "still":
        found = stills(method, found)
    order = torch.tensor([4, 2, 0, 5, 3, 1])  # the rows 2, 0, 3 and 1 have twins
    assert found.video is not None
    assert found.scene is not None
    assert found.without_humans is not None
    turned = replace(
        found,
        video=found.video[order],
        action=found.action[order],
        row=found.row[order],
        scene=found.scene[order],
        without_humans=found.without_humans[[2, 0, 3, 1]],
        second=None if found.second is None else found.second[order],
        has={name: known[order] for name, known in found.has.items()},
    )
    for name, value in method(found).items():
        torch.testing.assert_close(method(turned)[name], value, msg=name)


@pytest.mark.parametrize("make", [*METHODS, ALBAR])
def test_a_batch_without_the_view_trains_all_the_same(make: Any) -> None:
    torch.manual_seed(0)
    settings = {"still": "masked"} if make is ALBAR else {"bias": "without_humans"}
    method = make(ResNet3D(10, width=2), FACTS, **settings).train()
    loss = total(method, random_batch(count=2, twins=0))
    torch.autograd.backward(loss)
    assert loss.isfinite()
    for name, weight in method.named_parameters():  # distributed training wants one for every parameter
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
    assert any(weight.grad.any() for weight in method.backbone.parameters() if weight.grad is not None)


@pytest.mark.parametrize("make", METHODS)
def test_clips_that_lack_the_view_are_left_out_of_its_means(make: Any) -> None:
    torch.manual_seed(0)
    method = make(per_channel(), FACTS, bias="scenes")
    found = random_batch(count=6, twins=0)
    known = torch.tensor([True] * 5 + [False])
    assert found.scene is not None
    partly = replace(found, has={**found.has, "scene": known})
    other = replace(partly, scene=torch.where(known[:, None], found.scene, 7.0))
    for name, value in method(partly).items():
        torch.testing.assert_close(method(other)[name], value, msg=name)


@pytest.mark.parametrize("make", [RUBi, LearnedMixin, CDN])
@pytest.mark.parametrize("bias", ["without_humans", "still"])
def test_the_biased_view_leaves_the_backbone_and_its_statistics_alone(make: Any, bias: Any) -> None:
    torch.manual_seed(0)
    method = make(ResNet3D(10, width=2), FACTS, bias=bias).train()
    found = stills(method, random_batch(count=4, twins=4))
    before = {name: value.clone() for name, value in method.named_buffers()}
    assert not method.view(found).requires_grad
    assert before
    assert all(torch.equal(value, before[name]) for name, value in method.named_buffers())


def test_values_of_some_clips_are_spread_over_all() -> None:
    method = RUBi(per_channel(), FACTS)
    found = batch(clips(*[(0.0, 0.0, 0.0)] * 3), [0, 1, 2], scene=torch.ones(3, 6), has_scene=[True, False, True])
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    spread = method.spread(values, found, otherwise=9.0)
    assert spread.tolist() == [[1, 2], [9, 9], [3, 4]]
    assert torch.autograd.grad(spread[2, 1], values)[0].tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("make", METHODS)
def test_what_cannot_be_had_is_refused(make: Any) -> None:
    name = make.__name__
    with pytest.raises(InputError, match=f"{name}: bias 'scenes' needs scene labels of at least 2 classes, not 0"):
        make(per_channel(), Facts(5), bias="scenes")
    with pytest.raises(InputError, match=f"{name}: unknown bias 'frames'; known: scenes, without_humans, still"):
        make(per_channel(), FACTS, bias="frames")


@pytest.mark.parametrize("make", METHODS)
def test_parts_are_named(make: Any) -> None:
    parts = make(per_channel(), FACTS, bias="scenes").groups()
    assert {"backbone", "action_head", "biased_branch"} <= parts.keys()
    assert all(isinstance(weight, nn.Parameter) for part in parts.values() for weight in part)
