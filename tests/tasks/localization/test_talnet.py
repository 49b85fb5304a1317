from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.rc3d import RC3D
from sceneproof.tasks.localization.talnet import TALNet, Tower, with_context
from sceneproof.types import SegmentBatch
from tests.tasks.localization.toys import buffers, least_overlap, shown, steps

SMALL: dict[str, Any] = {"anchor_scales": (2, 3, 5), "width": 8, "hidden": 8}
PAPER = (1, 2, 3, 4, 5, 6, 8, 11, 16)
# what each loss teaches, beside the backbone
PARTS = {
    "L_rpn_cls": {"proposal_net"},
    "L_rpn_reg": {"proposal_net"},
    "L_cls": {"hidden", "class_head"},
    "L_reg": {"hidden", "offset_head"},
}


def small(step: int = 2, **settings: Any) -> TALNet:
    torch.manual_seed(0)
    return TALNet(steps(step), Facts(3), **(SMALL | settings))


def toy() -> SegmentBatch:
    return shown(64, [(6, 20, 0), (30, 54, 1)], [(16, 44, 2)], [(4, 16, 1), (40, 60, 0)], [])


def seen(tower: Tower, moments: int, middle: int) -> tuple[int, int]:
    """First and last moment that what a tower says of the middle one depends on: of its gradient on ramps.

    A maximum hands its gradient to one moment alone: on a rising ramp to its last, on a falling one to its first.
    """
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter.fill_(1.0)
    reached = torch.zeros(moments, dtype=torch.bool)
    for ramp in (torch.arange(moments) + 1.0, moments - torch.arange(moments) + 0.0):
        features = ramp[None, None].clone().requires_grad_()
        torch.autograd.backward(tower(features)[0][0, middle].sum())
        assert features.grad is not None
        reached |= features.grad[0, 0] > 0
    touched = reached.nonzero().flatten().tolist()
    return touched[0] - middle, touched[-1] - middle


@pytest.mark.parametrize("scale", [*PAPER, 32])
def test_a_tower_sees_as_much_as_its_anchor(scale: int) -> None:
    # of 6 s steps: s/6 and 2 s/6 are s and 2 s of them, to each side, and the maximum half of s, rounded down
    reach = 3 * scale + scale // 2
    assert seen(Tower(1, 1, scale=6 * scale), 301, 150) == (-reach, reach)
    # a moment has six steps; features between two are of both
    moments = -(-reach // 6)
    assert seen(Tower(1, 1, scale=scale, finer=6), 61, 30) == (-moments, moments)


def test_towers_with_context_see_twice_as_much() -> None:
    for context, reach in ((False, 3 * 6 + 3), (True, 2 * 3 * 6 + 6)):
        net = TALNet(steps(1, 1), Facts(1), anchor_scales=(36,), finer=1, width=1, context=context)
        (tower,) = net.proposal_net.towers
        assert isinstance(tower, Tower)
        assert seen(tower, 121, 60) == (-reach, reach)


def test_a_shared_tower_sees_five_moments() -> None:
    for context, reach in ((False, 2), (True, 4)):
        net = TALNet(steps(1, 1), Facts(1), anchor_scales=PAPER, width=1, towers=False, context=context)
        (tower,) = net.proposal_net.towers
        assert isinstance(tower, Tower)
        assert seen(tower, 21, 10) == (-reach, reach)


def test_each_anchor_has_its_own_tower() -> None:
    net = small()
    for number, tower in enumerate(net.proposal_net.towers):
        assert isinstance(tower, Tower)
        for layer, values in ((tower.scores, [number, 10.0 + number]), (tower.offsets, [20.0 + number, 30.0 + number])):
            layer.weight.data.zero_()
            assert layer.bias is not None
            layer.bias.data = torch.tensor(values)
    scores, offsets = net.proposal_net(torch.randn(2, 3, 7))
    assert scores.shape == offsets.shape == (2, 7 * 3, 2)
    assert scores[1, 4 * 3 : 5 * 3].tolist() == [[0, 10], [1, 11], [2, 12]]  # of moment 4
    assert offsets[0, :3].tolist() == [[20, 30], [21, 31], [22, 32]]


def test_segments_are_pooled_with_half_of_their_length_around() -> None:
    net = small(1, pooled=7)
    assert with_context(torch.tensor([[7.0, 14.0], [0.0, 14.0]])).tolist() == [[3.5, 17.5], [-7.0, 21.0]]
    ramp = torch.arange(18.0)[None, None].expand(1, 3, 18)
    pooled: list[Tensor] = []
    net.hidden.register_forward_pre_hook(lambda _, given: pooled.append(given[0]))
    net._head(ramp, [torch.tensor([[7.0, 14.0], [0.0, 14.0]])])
    # moments 4 to 17, two a bin; and -7 to 20, four a bin, of which there are 0 to 17
    assert pooled[0][0].tolist() == 3 * [5, 7, 9, 11, 13, 15, 17]
    assert pooled[0][1].tolist() == 3 * [0, 0, 4, 8, 12, 16, 17]
    net.context = False
    net._head(ramp, [torch.tensor([[2.0, 16.0]])])
    assert pooled[1][0].tolist() == 3 * [3, 5, 7, 9, 11, 13, 15]


def test_without_towers_and_context_it_is_rc3d() -> None:
    scales = (2, 3, 5)
    settings: dict[str, Any] = {"anchors_drawn": 24, "proposals_drawn": 16}
    torch.manual_seed(0)
    theirs = RC3D(
        steps(2), Facts(3), anchor_scales=scales, proposal_width=8, proposal_nms=(0.7, 0.7), proposals=(300, 300),
        proposal_overlaps=(0.5, 0.0, 0.5), proposals_foreground=0.25, pooled=(7, 1, 1), frozen="nothing", **settings,
    )  # fmt: skip
    ours = small(towers=False, context=False, anchor_scales=scales, hidden=3, **settings)
    (tower,) = ours.proposal_net.towers
    assert isinstance(tower, Tower)
    for name in ("conv1", "conv2"):  # of one row and column, the middle of 3 x 3 is all that counts
        wide, narrow = getattr(theirs.proposal_net, name), getattr(tower, name)
        narrow.weight.data, narrow.bias.data = wide.weight.data[:, :, :, 1, 1], wide.bias.data
    tower.scores.load_state_dict(theirs.proposal_net.scores.state_dict())
    tower.offsets.load_state_dict(theirs.proposal_net.offsets.state_dict())
    ours.hidden.bias.data.zero_()  # the mean of seven bins
    ours.hidden.weight.data = torch.eye(3).repeat_interleave(7, dim=1) / 7
    for head in ("class_head", "offset_head"):
        getattr(ours, head).load_state_dict(getattr(theirs, head).state_dict())
    batch = toy()
    losses = []
    for net in (theirs, ours):
        torch.manual_seed(1)
        losses.append({name: value.item() for name, value in net(batch).items()})
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    assert min(losses[0].values()) > 0
    for one, other in zip(
        theirs.detect(batch.video, batch.frames), ours.detect(batch.video, batch.frames), strict=True
    ):
        assert len(one.score) > 20
        assert other.score == pytest.approx(one.score, abs=1e-6)
        assert other.times == pytest.approx(one.times, abs=1e-4)


@pytest.mark.parametrize("name", PARTS)
def test_each_loss_moves_its_parts_and_falls(name: str) -> None:
    net, batch = small(proposals_drawn=16).train(), toy()

    def loss() -> Tensor:
        torch.manual_seed(1)
        value: Tensor = net(batch)[name]
        return value

    before = loss()
    torch.autograd.backward(before)
    groups = net.groups().items()
    moved = {part for part, group in groups if any(p.grad is not None and p.grad.abs().sum() > 0 for p in group)}
    assert moved == PARTS[name] | {"backbone"}
    with torch.no_grad():
        for part in PARTS[name]:
            for parameter in net.get_submodule(part).parameters():
                assert parameter.grad is not None
                parameter.sub_(parameter.grad, alpha=1e-2)
    assert loss() < before


@pytest.mark.parametrize(("truth", "sign"), [((17, 43, 0), -1), ((13, 39, 0), 1)])
def test_offsets_of_anchors_are_pulled_to_the_truth(truth: tuple[int, int, int], sign: int) -> None:
    # of the anchors 32 frames long, (12, 44) alone overlaps enough; the truth is shorter, and lies later or sooner
    net = small(8, anchor_scales=(4,))
    tower = net.proposal_net.towers[0]
    tower.get_parameter("offsets.weight").data.zero_()
    torch.autograd.backward(net(shown(64, [truth]))["L_rpn_reg"])
    slope = tower.get_parameter("offsets.bias").grad
    assert slope is not None
    assert slope[0].sign() == sign
    assert slope[1] > 0  # descent shortens


def test_a_right_class_that_scores_higher_lowers_its_loss() -> None:
    net = small(8, anchor_scales=(4,), proposals_drawn=16)
    net.class_head.bias.data = torch.tensor([0.0, -5.0, -5.0, -5.0])
    losses = net(shown(64, [(17, 43, 0)]))
    torch.autograd.backward(losses["L_cls"], retain_graph=True)
    slope = net.class_head.bias.grad
    assert slope is not None
    assert slope[1] < 0 < slope[2]
    torch.autograd.backward(losses["L_rpn_cls"])
    of_scores = net.proposal_net.towers[0].get_parameter("scores.bias").grad
    assert of_scores is not None
    assert of_scores[1] < 0 < of_scores[0]  # the others overlap too much to be of nothing: only the segment's is drawn


def test_buffers_without_segments_teach_background_alone() -> None:
    net = small().train()
    losses = net(buffers(torch.randn(2, 3, 64, 2, 2), [], []))
    assert losses["L_rpn_reg"].item() == losses["L_reg"].item() == 0
    torch.autograd.backward(list(losses.values()))
    assert all(parameter.grad is not None for parameter in net.parameters())  # distributed training wants them all
    for bias in (net.class_head.bias, *(tower.get_parameter("scores.bias") for tower in net.proposal_net.towers)):
        assert bias.grad is not None
        assert bias.grad[0] < 0
        assert (bias.grad[1:] > 0).all()


def test_learns_a_toy_and_finds_it_again() -> None:
    net, batch = small(width=16, hidden=32, anchor_scales=(5, 7, 10, 14), proposals_drawn=16).train(), toy()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        torch.autograd.backward(torch.stack(list(net(batch).values())).sum())
        optimizer.step()
    found = net.eval().detect(batch.video, batch.frames)
    assert least_overlap(found, batch) > 0.7
    assert found[3].score.max(initial=0.0) < 0.5


def test_on_a_frozen_resnet_that_was_looked_at_before() -> None:
    torch.manual_seed(0)
    net = TALNet(ResNet3D(10, width=4), Facts(3), **SMALL).eval()
    batch = buffers(torch.randn(2, 3, 64, 16, 16), [(3, 21, 1)], [])
    known = replace(batch, video=torch.zeros(2, 3, 64, 0, 0), lower=net.backbone.lower(batch.video))
    values = []
    for buffer in (batch, known):
        torch.manual_seed(1)
        values.append({name: value.item() for name, value in net(buffer).items()})
    assert values[0] == values[1]
    found = net.detect(batch.video, torch.tensor([64, 21]))
    for segments, frames in zip(found, (64, 21), strict=True):
        assert 0 <= segments.times.min() <= segments.times.max() <= frames


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"anchor_scales": ()}, "TALNet: anchor_scales"),
        ({"proposal_overlap": 0.0}, "TALNet: proposal_overlaps"),
        ({"finer": 0}, "finer"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        small(**settings)


def test_anchors_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="TALNet: the shortest anchor, 40 x 2 frames, does not fit"):
        small(anchor_scales=(40,))(toy())
