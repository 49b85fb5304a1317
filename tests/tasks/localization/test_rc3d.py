from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sceneproof import distributed
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.wrapped import Wrapped
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.proposals import tiou
from sceneproof.tasks.localization.rc3d import RC3D
from sceneproof.types import SegmentBatch
from tests.tasks.localization.toys import buffers

SMALL: dict[str, Any] = {"anchor_scales": (2, 3, 4, 5), "proposal_width": 16}
# first frame, the one behind the last, action: of four buffers
SEGMENTS = (((8, 32, 0),), ((20, 60, 1),), ((30, 50, 0),), ((0, 24, 1),))
# what each loss teaches
PARTS = {
    "L_rpn_cls": {"backbone", "proposal_net"},
    "L_rpn_reg": {"backbone", "proposal_net"},
    "L_cls": {"backbone", "class_head"},
    "L_reg": {"backbone", "offset_head"},
}


def batch(*segments: tuple[tuple[int, int, int], ...]) -> SegmentBatch:
    """Dark buffers in which a bright square shows while something is done, and where says what."""
    video = torch.zeros(len(segments), 3, 64, 32, 32)
    for number, some in enumerate(segments):
        for start, end, action in some:
            video[number, :, start:end, 4:16, slice(2, 14) if action == 0 else slice(18, 30)] = 2.0
    return buffers(video, *([(float(start), float(end), action) for start, end, action in some] for some in segments))


def network(actions: int = 2, **settings: Any) -> RC3D:
    torch.manual_seed(0)
    return RC3D(ResNet3D(10, width=4), Facts(actions), **(SMALL | settings))


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def norms_of(net: RC3D) -> list[nn.BatchNorm3d]:
    return [part for part in net.backbone.modules() if isinstance(part, nn.BatchNorm3d)]


def test_learns_the_toy() -> None:
    # few proposals in a small buffer: the default would draw its background again and again beside few actions
    net, steps = network(proposal_width=32, proposals_drawn=16).train(), 80
    optimizer = torch.optim.AdamW([parameter for parameter in net.parameters() if parameter.requires_grad])
    videos = batch(*SEGMENTS)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - step / steps)
        optimizer.zero_grad()
        torch.autograd.backward(total(net(videos)))
        optimizer.step()
    for found, truths, actions in zip(
        net.eval().detect(videos.video, videos.frames), videos.times, videos.actions, strict=True
    ):
        assert found.action[0] == actions[0]
        assert float(tiou(torch.from_numpy(found.times[:1]).float(), truths)) > 0.7
        assert found.score[0] > 0.9


def test_first_losses_by_hand() -> None:
    net = network(actions=3)
    for name, parameter in net.named_parameters():
        if not name.startswith("backbone"):
            nn.init.zeros_(parameter)
    losses = net(batch(*SEGMENTS))
    # of two and of four classes, all as likely; proposals are the anchors
    assert losses["L_rpn_cls"].item() == pytest.approx(log(2))
    assert losses["L_cls"].item() == pytest.approx(log(4))
    torch.autograd.backward(losses["L_cls"])
    slope = net.class_head.bias.grad
    assert slope is not None
    # probability less share: action 2 is nowhere, the others are each in half of the buffers, with half of the weight
    # at most
    assert slope[3].item() == pytest.approx(1 / 4)
    assert (slope[1:3] >= 1 / 4 - 1 / 4).all()
    assert slope[0].item() <= 1 / 4 - 1 / 2 + 1e-6
    assert float(slope.sum()) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", PARTS)
def test_each_loss_moves_its_parts_and_falls(name: str) -> None:
    net, videos = network(proposals_drawn=16).train(), batch(*SEGMENTS)

    def loss() -> Tensor:
        torch.manual_seed(1)
        value: Tensor = net(videos)[name]
        return value

    before = loss()
    torch.autograd.backward(before)
    groups = net.groups().items()
    moved = {part for part, group in groups if any(p.grad is not None and p.grad.abs().sum() > 0 for p in group)}
    assert moved == PARTS[name]
    with torch.no_grad():
        for parameter in net.get_submodule((PARTS[name] - {"backbone"}).pop()).parameters():
            assert parameter.grad is not None
            parameter.sub_(parameter.grad, alpha=1e-2)
    assert loss() < before


def test_a_right_class_that_scores_higher_lowers_its_loss() -> None:
    net = network(proposals_drawn=16)
    videos = batch(SEGMENTS[0])
    net.class_head.bias.data = torch.tensor([0.0, -5.0, -5.0])
    torch.autograd.backward(net(videos)["L_cls"])
    slope = net.class_head.bias.grad
    assert slope is not None
    assert slope[1] < 0 < slope[2]


@pytest.mark.parametrize(("truth", "sign"), [((17, 43, 0), -1.0), ((13, 39, 0), 1.0)])
def test_offsets_are_pulled_to_the_truth(truth: tuple[int, int, int], sign: float) -> None:
    # of the anchors 32 frames long, (12, 44) alone overlaps enough; the truth is shorter, and lies later or sooner
    net = network(anchor_scales=(4,))
    nn.init.zeros_(net.proposal_net.offsets.weight)
    torch.autograd.backward(net(batch((truth,)))["L_rpn_reg"])
    slope = net.get_parameter("proposal_net.offsets.bias").grad
    assert slope is not None
    assert slope[0].sign() == sign
    assert slope[1] > 0


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_parts(frozen: bool) -> None:
    net = network(frozen="stem" if frozen else "nothing", frozen_batch_norm=frozen).train()
    norms = norms_of(net)
    before = [norm.running_mean.clone() for norm in norms if norm.running_mean is not None]
    torch.autograd.backward(total(net(batch(*SEGMENTS))))
    after = [norm.running_mean for norm in norms if norm.running_mean is not None]
    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [frozen] * len(norms)
    assert [norm.training for norm in norms] == [not frozen] * len(norms)
    still = {id(net.get_parameter("backbone.conv1.weight"))} | {id(p) for norm in norms for p in norm.parameters()}
    for parameter in net.parameters():
        learns = not frozen or id(parameter) not in still
        assert parameter.requires_grad == learns
        assert (parameter.grad is not None) == learns


def test_buffers_without_segments_teach_background_alone() -> None:
    net = network().train()
    losses = net(batch(()))
    assert losses["L_rpn_reg"].item() == losses["L_reg"].item() == 0
    assert losses["L_rpn_cls"].item() > 0 < losses["L_cls"].item()
    torch.autograd.backward(total(losses))
    for parameter in net.parameters():  # distributed training wants them all
        assert (parameter.grad is not None) == parameter.requires_grad
    assert net.class_head.bias.grad is not None
    assert net.class_head.bias.grad[0] < 0
    assert (net.class_head.bias.grad[1:] > 0).all()


def test_two_processes_have_the_gradient_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "randint", lambda high, size, **_: torch.arange(size[0]) % high)
    monkeypatch.setattr(torch, "randperm", lambda count, **_: torch.arange(count))
    net = network().train()
    shares = [(SEGMENTS[0], ()), (SEGMENTS[1],)]
    whole = net(batch(*shares[0], *shares[1]))
    monkeypatch.setattr(distributed, "share", lambda count: torch.tensor(1.5))
    parts = [net(batch(*share)) for share in shares]
    for name, value in whole.items():
        assert sum(part[name].item() for part in parts) / 2 == pytest.approx(value.item(), rel=1e-5)


@pytest.mark.parametrize("size", [16, 32, 80])
def test_any_frame_size(size: int) -> None:
    net = network()
    video = torch.randn(1, 3, 64, size, size)
    (found,) = net.eval().detect(video, torch.tensor([64]))
    assert len(found.score) > 0


def test_detections_are_of_the_video_and_best_first() -> None:
    net = network(least_score=0.0).eval()
    found = net.detect(torch.randn(2, 3, 64, 32, 32), torch.tensor([64, 21]))
    for segments, frames in zip(found, (64, 21), strict=True):
        assert segments.times.dtype == segments.score.dtype == np.float64
        assert segments.action.dtype == np.int64
        assert (segments.times[:, 0] >= 0).all()
        assert (segments.times[:, 1] <= frames).all()
        assert (segments.times[:, 0] < segments.times[:, 1]).all()
        assert (np.diff(segments.score) <= 0).all()
        assert set(segments.action) == {0, 1}
    assert max(found[0].times[:, 1]) > 21


def test_only_what_scores_enough_is_detected() -> None:
    net, video = network().eval(), torch.randn(1, 3, 64, 32, 32)
    net.class_head.bias.data = torch.tensor([0.0, -20.0, 1.0])
    (found,) = net.detect(video, torch.tensor([64]))
    assert set(found.action) == {1}


def test_batch_norm_in_training_does_not_change_detections() -> None:
    net, video = network().train(), torch.randn(1, 3, 64, 32, 32)
    (one,) = net.detect(video, torch.tensor([64]))
    (other,) = net.eval().detect(video, torch.tensor([64]))
    assert np.array_equal(one.times, other.times)


def test_features_that_are_known_are_not_made_again() -> None:
    net, videos = network().eval(), batch(*SEGMENTS)
    torch.manual_seed(1)
    expected = net(videos)
    known = replace(videos, video=torch.zeros_like(videos.video), lower=net.backbone.lower(videos.video))
    torch.manual_seed(1)
    assert {name: loss.item() for name, loss in net(known).items()} == {k: v.item() for k, v in expected.items()}


def test_a_network_of_ones_own_is_all_lower() -> None:
    net = RC3D(Wrapped(nn.Conv3d(3, 5, 3, stride=(4, 8, 8), padding=1), 5, stride=(4, 8, 8)), Facts(2), **SMALL).train()
    torch.autograd.backward(total(net(batch(*SEGMENTS))))
    assert all(parameter.grad is not None for parameter in net.parameters())
    assert "backbone" in net.groups()


def test_bfloat16() -> None:
    net = network().train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = net(batch(SEGMENTS[0]))
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    torch.autograd.backward(total(losses))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"anchor_scales": ()}, "anchor_scales"),
        ({"anchor_scales": (2, 0)}, "anchor_scales"),
        ({"proposal_overlaps": (0.5, 0.1, 0.6)}, "proposal_overlaps"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(**settings)


def test_anchors_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="9 x 8 frames, does not fit into a buffer of 64"):
        network(anchor_scales=(9,))(batch(*SEGMENTS))
    short = batch(*SEGMENTS)
    short = replace(short, video=short.video[:, :, :16])  # as long as the anchor, which lies around no middle
    with pytest.raises(InputError, match="2 x 8 frames, does not fit into a buffer of 16, around the middle of any"):
        network(anchor_scales=(2,))(short)


def test_a_backbone_that_drops_time() -> None:
    flat = Wrapped(nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(3, 5)), 5, stride=(8, 8, 8))
    with pytest.raises(InputError, match="Wrapped has 1 features in time for 64 frames, not 8"):
        RC3D(flat, Facts(2), **SMALL)(batch(*SEGMENTS))


def test_frozen_up_to_the_last_stage_only_that_and_the_heads_learn() -> None:
    net = network(frozen="lower").train()
    assert not any(parameter.requires_grad for part in net.backbone.lower_parts for parameter in part.parameters())
    total(net.losses(batch(*SEGMENTS))).backward()  # type: ignore[no-untyped-call]
    got = {name for name, parameter in net.named_parameters() if parameter.grad is not None}
    assert {name.split(".")[0] for name in got} == {"backbone", "proposal_net", "class_head", "offset_head"}
    assert all(name.startswith("backbone.layer4.") for name in got if name.startswith("backbone."))
    with pytest.raises(InputError, match="unknown frozen 'all'"):
        network(frozen="all")
