from math import exp, log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.detection.ssd import SSD
from tests.tasks.detection.toys import Tube, batch, shown, total, train_on

SMALL: dict[str, Any] = {"scales": (0.2, 0.35, 0.6, 0.9), "aspect_ratios": ((2,), (2,), (2,))}
CLIPS: tuple[list[Tube], ...] = (
    [(0, {0: (8, 8, 30, 40), 1: (12, 10, 34, 42)})],
    [(1, {1: (30, 20, 60, 50)}), (2, {0: (4, 30, 20, 60), 1: (4, 28, 20, 58)})],
)
PARTS = {"L_conf": "heads.classification_head", "L_loc": "heads.regression_head"}


def network(actions: int = 3, **settings: Any) -> SSD:
    torch.manual_seed(0)
    backbone = VGG16(width=settings.pop("width", 4), batch_norm=True)
    return SSD(backbone, Facts(actions), **(SMALL | settings))


def test_learns_the_toy() -> None:
    net, clips = network(), shown(64, 2, *CLIPS)
    train_on(net, clips, 40)
    # running statistics are still on their way after so few steps
    for found, tubes in zip(net.detect(clips.video), CLIPS, strict=True):
        for frame in range(2):
            best = found.in_frame(frame)
            truths = [(action, seen[frame]) for action, seen in tubes if frame in seen]
            assert (best.score[: len(truths)] > 0.7).all()
            assert (best.score[len(truths) :] < 0.5).all()
            for action, box in truths:
                place = best.action[: len(truths)].tolist().index(action)
                assert float(box_iou(torch.tensor([box]), torch.from_numpy(best.boxes[place]).float())) > 0.7


def test_multibox_loss_by_hand() -> None:
    net = network(actions=1, negatives=2.0, location_weight=0.5)
    # five default boxes of two frames; one of the first answers; the second frame has nobody, and adds nothing
    logits = torch.zeros(2, 5, 2)
    logits[0, :, 1] = torch.tensor([1.0, 3.0, -1.0, 2.0, 0.0])
    labels = torch.tensor([[1, 0, 0, 0, 0], [0] * 5])
    offsets = torch.zeros(2, 5, 4)
    offsets[0, 0] = torch.tensor([0.5, 3.0, 0.0, -0.2])
    losses = net.multibox(logits, offsets, labels, torch.zeros(2, 5, 4))
    hardest = [log(1 + exp(3)), log(1 + exp(2))]  # of background
    assert losses["L_conf"].item() == pytest.approx(log(1 + exp(-1)) + sum(hardest), rel=1e-6)
    assert losses["L_loc"].item() == pytest.approx(0.5 * (0.125 + 2.5 + 0.02), rel=1e-6)


def test_signs_of_gradients() -> None:
    net = network(actions=2)
    logits = torch.zeros(1, 4, 3, requires_grad=True)
    offsets = torch.zeros(1, 4, 4, requires_grad=True)
    wanted = torch.zeros(1, 4, 4)
    wanted[0, 0] = torch.tensor([1.0, -1.0, 2.0, 0.0])
    losses = net.multibox(logits, offsets, torch.tensor([[2, 0, 0, 0]]), wanted)
    torch.autograd.backward(total(losses))
    assert logits.grad is not None
    assert offsets.grad is not None
    # its own class up, the others down; background up
    assert logits.grad[0, 0].sign().tolist() == [1, 1, -1]
    assert logits.grad[0, 1].sign().tolist() == [-1, 1, 1]
    # towards what is wanted
    assert offsets.grad[0, 0].tolist() == [-1, 1, -1, 0]
    assert (offsets.grad[0, 1:] == 0).all()


@pytest.mark.parametrize("name", PARTS)
def test_each_loss_moves_its_parts_and_falls(name: str) -> None:
    net, clips = network().train(), shown(64, 2, *CLIPS)
    before = net(clips)[name]
    torch.autograd.backward(before)
    for part in ("backbone", "levels", PARTS[name]):
        gradients = [parameter.grad for parameter in net.get_submodule(part).parameters()]
        assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients), part
    other = next(part for loss, part in PARTS.items() if loss != name)
    assert all(p.grad is None or not p.grad.abs().sum() for p in net.get_submodule(other).parameters())
    with torch.no_grad():
        for parameter in net.get_submodule(PARTS[name]).parameters():
            assert parameter.grad is not None
            parameter.sub_(parameter.grad, alpha=1e-4)
    assert net(clips)[name] < before


def test_clips_without_people_teach_nothing_but_have_gradients() -> None:
    net = network().train()
    losses = net(batch(torch.randn(2, 3, 1, 64, 64), [], []))
    assert total(losses).item() == 0
    torch.autograd.backward(total(losses))
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_two_processes_have_the_gradient_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network().eval()  # batch norms by their running statistics
    clips = [shown(64, 2, *CLIPS), shown(64, 2, *(some for some in CLIPS[1:]))]
    joined = shown(64, 2, *CLIPS, *CLIPS[1:])
    whole = net(joined)
    net.training = True
    counts: list[Tensor] = []
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda count: counts.append(count.clone()))
    for share in clips:
        net(share)
    both = torch.stack(counts).sum()
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda count: count.copy_(both))
    parts = [net(share) for share in clips]
    for name, value in whole.items():
        assert sum(part[name].item() for part in parts) / 2 == pytest.approx(value.item(), rel=1e-5)


def test_detections_are_in_the_frame_by_frame_and_best_first() -> None:
    net = network(least_score=0.0, kept=30).eval()
    (found,) = net.detect(torch.randn(1, 3, 3, 64, 80))
    assert (np.diff(found.start) >= 0).all()
    assert found.boxes.shape == (90, 1, 4)
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [80, 64, 80, 64]).all()
    for frame in range(3):
        some = found.in_frame(frame)
        assert len(some.score) == 30
        assert (np.diff(some.score) <= 0).all()
        for action in set(some.action):
            boxes = torch.from_numpy(some.boxes[some.action == action, 0])
            assert float(box_iou(boxes, boxes).fill_diagonal_(0).max()) <= 0.45 + 1e-6


def test_nothing_found() -> None:
    (found,) = network(least_score=0.9999).eval().detect(torch.zeros(1, 3, 2, 64, 64))
    assert found.boxes.shape == (0, 1, 4)
    assert len(found.start) == len(found.action) == len(found.score) == 0


def test_bfloat16() -> None:
    net = network().train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = net(shown(64, 2, *CLIPS))
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    torch.autograd.backward(total(losses))


def test_all_parameters_are_in_groups() -> None:
    net = network()
    assert net.groups().keys() == {"backbone", "levels", "heads"}
    assert sum(len(group) for group in net.groups().values()) == len(list(net.parameters()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scales": (0.1, 0.2)}, "a scale above 0 for each and one more, not 3"),
        ({"scales": (0.1, 0.2, 0.3, 0.0)}, "a scale above 0"),
        ({"aspect_ratios": ((2,),), "scales": (0.1, 0.2)}, "at least 2 maps"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(**settings)


def test_frames_too_small_for_the_maps() -> None:
    net = SSD(VGG16(width=1), Facts(2))
    with pytest.raises(InputError, match=r"after 5 levels the map is down to 1 x 1 cells: .* only 5 aspect_ratios"):
        net.eval().detect(torch.zeros(1, 3, 1, 160, 160))
    assert len(SSD(VGG16(width=1), Facts(2)).levels.extras) == 4


def test_backbones_that_will_not_do() -> None:
    with pytest.raises(InputError, match="ResNet3D joins 16 frames in one feature"):
        SSD(ResNet3D(10, width=2), Facts(2))
    with pytest.raises(InputError, match=r"half of the rows and columns of the lower ones, 8 x 8, not 1 x 1 \(VGG16"):
        SSD(VGG16(width=1, hidden=16), Facts(2), **SMALL).detect(torch.zeros(1, 3, 1, 64, 64))


def test_smaller_networks_by_the_backbones_width() -> None:
    net = SSD(VGG16(width=8), Facts(20))
    assert net.levels.widths == [64, 128, 64, 32, 32, 32]
    convolutions = [tuple(m.weight.shape[:2]) for m in net.levels.extras.modules() if isinstance(m, nn.Conv2d)]
    assert convolutions == [(32, 128), (64, 32), (16, 64), (32, 16), (16, 32), (32, 16), (16, 32), (32, 16)]
