from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sceneproof.backbones.c3d import C3D
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.cdc import CDC, doubling, refined_run
from sceneproof.tasks.localization.per_frame import PerFrame
from sceneproof.types import SegmentBatch
from tests.tasks.localization.toys import buffers, least_overlap, shown, steps

BETWEEN = torch.tensor([0.25, 0.75, 0.75, 0.25])
"""What a doubling layer weighs its steps by to be linear between them."""


def small(step: int = 2, *, channels: int = 3, actions: int = 3, **settings: Any) -> CDC:
    torch.manual_seed(0)
    return CDC(steps(step, channels), Facts(actions), **{"width": 8, "places": 1, "dropout": 0.0, **settings})


def interpolate(layer: nn.Module, weight: Tensor) -> None:
    """Makes a doubling layer a linear one, weight (out, in), on steps between which values are linear; places' mean."""
    assert isinstance(layer, nn.ConvTranspose3d)
    assert layer.bias is not None
    shape, places = layer.weight.shape, layer.weight[0, 0, 0].numel()
    layer.weight.data = (weight.T[:, :, None, None, None] * BETWEEN[:, None, None] / places).expand(shape).clone()
    layer.bias.data.zero_()


def test_layers_are_the_papers_on_c3d() -> None:
    localizer = CDC(C3D(width=2), Facts(20), width=12)
    sizes = [tuple(layer.weight.shape) for layer in localizer.layers if isinstance(layer, nn.ConvTranspose3d)]
    # CDC6 looks at 4 x 4 places, CDC7 and CDC8 at one; each makes two steps of one
    assert sizes == [(16, 12, 4, 4, 4), (12, 12, 4, 1, 1), (12, 21, 4, 1, 1)]
    assert localizer.logits(torch.randn(1, 3, 32, 64, 64)).shape == (1, 21, 32)
    assert localizer.layers[0](torch.randn(1, 16, 4, 4, 4)).shape == (1, 12, 8, 1, 1)
    assert small(2).logits(torch.randn(1, 3, 11, 2, 2)).shape == (1, 4, 11)  # the backbone rounds up, and pads
    with torch.device("meta"):
        assert CDC(C3D(), Facts(20)).layers[1].weight.shape == (4096, 4096, 4, 1, 1)


def test_a_doubling_layer_by_hand() -> None:
    layer = doubling(1, 1, 2)
    assert layer.bias is not None
    layer.bias.data.fill_(100.0)
    layer.weight.data = torch.tensor([1.0, 2.0, 3.0, 4.0])[None, None, :, None, None].expand(1, 1, 4, 2, 2).clone()
    layer.weight.data[..., 1, :] *= 10  # the lower row of a place counts ten times as much at the upper, mirrored
    maps = torch.zeros(1, 1, 2, 2, 2)
    maps[0, 0, 0, 0, 0] = 1.0  # of the first step, the upper left place
    # a step reaches one frame before its two and one behind: the first is cut off
    assert layer(maps).flatten().tolist() == [120.0, 130.0, 140.0, 100.0]
    assert layer(maps.flip(2)).flatten().tolist() == [100.0, 110.0, 120.0, 130.0]
    assert layer(maps.flip(3)).flatten().tolist() == [102.0, 103.0, 104.0, 100.0]


def test_with_weights_that_interpolate_it_is_per_frame() -> None:
    frames, weight = 12, torch.randn(4, 3)
    theirs = PerFrame(steps(2), Facts(3))
    theirs.action_head.weight.data = weight[:, :, None]
    nn.init.zeros_(theirs.action_head.bias)  # type: ignore[arg-type]
    for places in (1, 3):
        ours = small(2, places=places)
        interpolate(ours.layers[0], weight)
        video = torch.randn(2, 3, frames, 2, 2)
        one, other = theirs.logits(video), ours.logits(video)
        torch.testing.assert_close(other[:, :, 1:-1], one[:, :, 1:-1])
        # nothing lies behind the ends, where PerFrame goes on as there: three quarters
        torch.testing.assert_close(other[:, :, [0, -1]], one[:, :, [0, -1]] * 0.75)


def test_three_layers_that_interpolate_are_per_frame_where_features_are_linear() -> None:
    theirs, ours = PerFrame(steps(8), Facts(3)), small(8, width=3)
    weight = torch.randn(4, 3)
    theirs.action_head.weight.data = weight[:, :, None]
    nn.init.zeros_(theirs.action_head.bias)  # type: ignore[arg-type]
    for layer, own in zip(ours.layers, (torch.eye(3), torch.eye(3), weight), strict=True):
        interpolate(layer, own)
    video = torch.arange(64.0).expand(1, 3, 64)[..., None, None] * torch.tensor([1.0, 2.0, 3.0])[:, None, None, None]
    torch.testing.assert_close(ours.logits(video)[:, :, 8:-8], theirs.logits(video)[:, :, 8:-8])


def by_hand(*, background_weight: float = 1.0) -> CDC:
    """Logits are the last layer's bias alone."""
    localizer = small(2, channels=2, actions=2, background_weight=background_weight)
    (layer,) = localizer.layers
    nn.init.zeros_(layer.get_parameter("weight"))
    layer.get_parameter("bias").data = torch.tensor([log(2), 0.0, 0.0])
    return localizer


def four_frames() -> SegmentBatch:
    """Of which the first is of action 0, and the last is padding."""
    return buffers(torch.zeros(1, 2, 4, 1, 1), [(0, 1, 0)], frames=[3])


def test_cross_entropy_by_hand() -> None:
    # probabilities 1/2, 1/4, 1/4; one frame of action 0, two of background
    assert by_hand()(four_frames())["L_CE"].item() == pytest.approx((log(2) + 2 * log(4)) / 3)
    assert by_hand(background_weight=0.25)(four_frames())["L_CE"].item() == pytest.approx((log(2) + log(4) / 2) / 3)


def test_which_way_the_loss_moves_the_logits() -> None:
    localizer = by_hand()
    torch.autograd.backward(localizer(four_frames())["L_CE"])
    slope = localizer.layers[0].get_parameter("bias").grad
    assert slope is not None
    # probability less target; padding has no say
    assert slope.tolist() == pytest.approx([1 / 2 - 1 / 3, 1 / 4, 1 / 4 - 2 / 3])


@pytest.mark.parametrize(
    ("values", "run", "refined"),
    [
        ([0.0, 1.0, 1.0, 1.0, 1.0], (1, 5), (1, 5)),  # mean .8, deviation .4
        ([0.6, 0.9, 0.9, 0.9, 0.2], (1, 4), (0, 4)),  # mean .7, deviation .28: the first frame is in, the last is not
        ([0.3, 0.4, 0.9, 0.9, 0.9, 0.9, 0.9, 0.4], (1, 8), (2, 7)),  # mean .7, deviation .26: a run that was too long
        ([0.5, 0.5, 0.5], (0, 3), (0, 3)),  # no deviation
        ([0.1] * 7, (2, 4), (1, 5)),
    ],
)
def test_borders_by_hand(values: list[float], run: tuple[int, int], refined: tuple[int, int]) -> None:
    assert refined_run(np.asarray(values, dtype=np.float32), *run, extended=0.125) == refined


def test_refined_runs_come_once_and_best_first() -> None:
    localizer = small(2, channels=1, actions=1, thresholds=(0.15, 0.5), margin=0.0)
    probability = torch.tensor([0.05, 0.2, *[0.9] * 9, 0.2, 0.05, 0.05])
    logits = torch.stack([probability.log(), (1 - probability).log()])[None]
    localizer.logits = lambda video, lower=None: logits  # type: ignore[method-assign]
    video, frames = torch.zeros(1, 1, 14, 1, 1), torch.tensor([14])
    (found,) = localizer.detect(video, frames)
    # frames 2 to 10 from both thresholds: of 0 to 12, mean and deviation are .66 and .36
    assert found.times.tolist() == [[2, 11]]
    assert found.score.tolist() == pytest.approx([0.9])
    localizer.refine = False
    (found,) = localizer.detect(video, frames)
    assert found.times.tolist() == [[2, 11], [1, 12]]


def test_nothing_above_a_threshold() -> None:
    localizer = small(2, actions=1)
    localizer.logits = lambda video, lower=None: torch.tensor([[[-9.0] * 4, [9.0] * 4]])  # type: ignore[method-assign]
    (found,) = localizer.detect(torch.zeros(1, 3, 4, 1, 1), torch.tensor([4]))
    assert found.times.shape == (0, 2)


def test_padding_has_no_segments() -> None:
    video = torch.zeros(1, 3, 16, 2, 2)
    video[:, 0] = 5.0
    localizer = small(2, actions=3)
    interpolate(localizer.layers[0], torch.eye(4)[:, :3])
    (found,) = localizer.detect(video, torch.tensor([5]))
    assert found.times.max() == 5


def test_learns_a_toy_and_finds_it_again() -> None:
    localizer = small(4, width=16)
    batch = shown(64, [(6, 20, 0), (30, 54, 1)], [(16, 44, 2)], [(4, 16, 1), (40, 60, 0)], [])
    optimizer = torch.optim.Adam(localizer.parameters(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        torch.autograd.backward(localizer(batch)["L_CE"])
        optimizer.step()
    found = localizer.eval().detect(batch.video, batch.frames)
    assert least_overlap(found, batch) > 0.8
    assert found[3].score.max(initial=0.0) < 0.1


def test_features_that_are_known_are_not_made_again() -> None:
    torch.manual_seed(0)
    localizer = CDC(C3D(width=2), Facts(3), width=8, places=2).eval()
    batch = buffers(torch.randn(2, 3, 16, 32, 32), [(3, 9, 1)], [])
    known = replace(batch, video=torch.zeros(2, 3, 16, 0, 0), lower=localizer.backbone.lower(batch.video))
    losses = localizer(batch)["L_CE"]
    assert localizer(known)["L_CE"].item() == losses.item()
    torch.autograd.backward(losses)
    assert all(parameter.grad is not None for parameter in localizer.parameters())
    assert localizer.groups().keys() == {"backbone", "layers"}


@pytest.mark.parametrize("step", [1, 3, 6])
def test_steps_that_no_doubling_reaches_are_refused(step: int) -> None:
    with pytest.raises(InputError, match=f"a feature every {step} frames"):
        small(step)


def test_buffers_that_features_do_not_cover_are_refused() -> None:
    localizer = CDC(C3D(width=2), Facts(3), width=8, places=2)
    with pytest.raises(InputError, match="2 features of 8 frames, which do not cover 20: give buffer"):
        localizer.logits(torch.randn(1, 3, 20, 32, 32))


@pytest.mark.parametrize("settings", [{"width": 0}, {"places": 0}, {"extended": -0.1}, {"dropout": 1.0}])
def test_sizes_that_mean_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="CDC: width="):
        small(2, **settings)
    with pytest.raises(InputError, match="thresholds between 0 and 1"):
        small(2, thresholds=())
