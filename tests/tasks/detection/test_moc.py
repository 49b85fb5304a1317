from math import exp, log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.detection.centres import Truths, centre_map, focal, radius, truths
from sceneproof.tasks.detection.moc import MOC
from sceneproof.types import Tubelets
from tests.tasks.detection.toys import Tube, batch, shown, total, train_on


def moving(action: int, box: tuple[float, float, float, float], right: float, frames: int = 5) -> Tube:
    left, top, end, bottom = box
    return action, {frame: (left + right * frame, top, end + right * frame, bottom) for frame in range(frames)}


CLIPS: tuple[list[Tube], ...] = (
    [moving(0, (4, 8, 24, 40), 4)],
    [moving(1, (36, 30, 60, 54), -2), moving(2, (6, 4, 20, 24), 0)],
)
PARTS = {"L_center": "centre_head", "L_mov": "movement_head", "L_box": "box_head"}


def network(backbone: Backbone | None = None, **settings: Any) -> MOC:
    torch.manual_seed(0)
    small: dict[str, Any] = {"frames": 5, "decoder_width": 8, "head_width": 16}
    return MOC(backbone or VGG16(width=4, batch_norm=True), Facts(3), **(small | settings))


@pytest.mark.parametrize("kind", ["2D", "3D"])
def test_learns_the_toy(kind: str) -> None:
    torch.manual_seed(0)
    backbone = VGG16(width=4, batch_norm=True) if kind == "2D" else ResNet3D(10, width=4)
    net, clips = network(backbone, decoder_width=16, head_width=32), shown(64, 5, *CLIPS)
    train_on(net, clips, 90)
    # running statistics are still on their way after so few steps
    for found, tubes in zip(net.detect(clips.video), CLIPS, strict=True):
        assert (found.score[: len(tubes)] > 0.5).all()
        assert (found.score[len(tubes) :] < 0.4).all()
        for action, seen in tubes:
            place = found.action[: len(tubes)].tolist().index(action)
            expected = torch.tensor([seen[frame] for frame in range(5)])
            overlap = box_iou(torch.from_numpy(found.boxes[place]).float(), expected).diagonal()
            assert float(overlap.mean()) > 0.6


def test_radius_by_hand() -> None:
    # 8 x 4 cells: (12 + sqrt(144 - 4 * 32 * 3/17)) / 2 = 11.51, (24 + sqrt(576 - 16 * 9.6)) / 2 = 22.27,
    # (-16.8 + sqrt(282.24 + 11.2 * 9.6)) / 2 = 1.46; 2 x 2 cells: the last is .34
    assert radius(torch.tensor([[8.0, 4.0], [7.2, 3.1], [2.0, 2.0]])).tolist() == [1, 1, 0]


def test_centre_map_by_hand() -> None:
    made = centre_map(
        torch.tensor([[1, 1], [2, 1], [3, 3]]),
        torch.tensor([[8.0, 4], [8, 4], [2, 2]]),
        torch.tensor([0, 0, 1]),
        (2, 4, 4),
    )
    # diameter 3, deviation a half: exp(-2) beside, exp(-4) across
    side, corner = exp(-2), exp(-4)
    first = [[corner, side, side, corner], [side, 1, 1, side], [corner, side, side, corner], [0, 0, 0, 0]]
    torch.testing.assert_close(made[0], torch.tensor(first, dtype=torch.float32))
    assert made[1].sum() == made[1, 3, 3] == 1


def test_focal_loss_by_hand() -> None:
    p = torch.tensor([0.25, 0.25, 0.25])
    found = focal(p.logit(), torch.tensor([1.0, 0.5, 0.0]))
    expected = [-(0.75**2) * log(0.25), -(0.5**4) * 0.25**2 * log(0.75), -(0.25**2) * log(0.75)]
    assert found.tolist() == pytest.approx(expected)


def test_terms_by_hand() -> None:
    net = network(frames=2, movement_weight=2.0, box_weight=0.5)
    # one tube in the cell (1, 0), gone from the second frame; a second one there in both
    wanted = torch.zeros(1, 3, 2, 3)
    wanted[0, 0, 0, 1] = wanted[0, 1, 1, 2] = 1.0
    known = Truths(
        map=wanted,
        clip=torch.tensor([0, 0]),
        centre=torch.tensor([[1, 0], [2, 1]]),
        movement=torch.tensor([[[0.5, 0.5], [9.0, torch.nan]], [[0.0, 0.0], [1.0, -2.0]]]),
        cells=torch.tensor([[[1, 0], [0, 0]], [[2, 1], [2, 0]]]),
        sides=torch.tensor([[[2.0, 1.0], [9.0, 9.0]], [[1.0, 1.0], [2.0, 2.0]]]),
        present=torch.tensor([[True, False], [True, True]]),
    )
    movement, sides = torch.zeros(1, 2, 2, 2, 3), torch.zeros(1, 2, 2, 2, 3)
    movement[0, 1, 0, 1, 2] = 0.25  # frame 1, right, at the key frame's cell (2, 1)
    sides[0, 1, :, 0, 2] = torch.tensor([1.5, 3.0])  # frame 1, at its own cell (2, 0)
    logits = torch.full((1, 3, 2, 3), -2.0)
    losses = net.terms(logits, movement, sides, known)
    background = focal(torch.tensor(-2.0), torch.tensor(0.0)).item()
    centre = focal(torch.tensor(-2.0), torch.tensor(1.0)).item()
    assert losses["L_center"].item() == pytest.approx((2 * centre + 16 * background) / 2)
    # three boxes of two coordinates each
    assert losses["L_mov"].item() == pytest.approx(2.0 * (0.5 + 0.5 + 0.75 + 2) / 6)
    assert losses["L_box"].item() == pytest.approx(0.5 * (2 + 1 + 1 + 1 + 0.5 + 1) / 6)


def test_truths_by_hand() -> None:
    # cells of 4 pixels; a tube that is not in the key frame, and one on the edge
    tubes: list[Tube] = [
        (1, {0: (0, 0, 10, 20), 1: (8, 4, 18, 20)}),
        (2, {0: (0, 0, 10, 20)}),
        (0, {1: (12, 28, 20, 36), 0: (0, 0, 32, 32)}),
    ]
    known = truths(batch(torch.zeros(1, 3, 2, 32, 32), tubes), (3, 8, 8), (32, 32))
    assert known.clip.tolist() == [0, 0]
    assert known.centre.tolist() == [[3, 3], [4, 7]]  # (13, 12) and (16, 32)
    torch.testing.assert_close(known.movement[0], torch.tensor([[1.25 - 3, 2.5 - 3], [0.25, 0.0]]))
    assert known.cells[0].tolist() == [[1, 2], [3, 3]]
    torch.testing.assert_close(known.sides[0], torch.tensor([[2.5, 5.0], [2.5, 4.0]]))
    assert known.map[0, 1, 3, 3] == known.map[0, 0, 7, 4] == 1
    assert known.map[0, 2].sum() == 0


def test_signs_of_gradients() -> None:
    net, clips = network(frames=1), shown(16, 1, [(1, {0: (4, 4, 12, 12)})])
    maps = [torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 2, 4, 4), torch.zeros(1, 1, 2, 4, 4)]
    for part in maps:
        part.requires_grad_()
    known = truths(clips, (3, 4, 4), (16, 16))
    known.movement[0, 0] = torch.tensor([0.5, -0.5])
    torch.autograd.backward(total(net.terms(maps[0], maps[1], maps[2], known)))
    centre, movement, sides = (part.grad for part in maps)
    assert centre is not None
    assert movement is not None
    assert sides is not None
    assert centre[0, 1, 2, 2] < 0 < centre[0, 0, 2, 2]
    assert int((centre < 0).sum()) == 1
    assert movement[0, 0, :, 2, 2].sign().tolist() == [-1, 1]
    assert sides[0, 0, :, 2, 2].sign().tolist() == [-1, -1]
    assert int(movement.abs().sum(dim=2).count_nonzero()) == int(sides.abs().sum(dim=2).count_nonzero()) == 1


@pytest.mark.parametrize("name", PARTS)
def test_each_loss_moves_its_parts_and_falls(name: str) -> None:
    net, clips = network().train(), shown(64, 5, *CLIPS)
    before = net(clips)[name]
    torch.autograd.backward(before)
    groups = net.groups().items()
    moved = {part for part, group in groups if any(p.grad is not None and p.grad.abs().sum() > 0 for p in group)}
    assert moved == {"backbone", "decoder", PARTS[name]}
    with torch.no_grad():
        for parameter in net.get_submodule(PARTS[name]).parameters():
            assert parameter.grad is not None
            parameter.sub_(parameter.grad, alpha=1e-3)
    assert net(clips)[name] < before


def test_clips_without_people_teach_that_there_are_none() -> None:
    net = network().train()
    losses = net(batch(torch.randn(2, 3, 5, 32, 32), [], [(0, {0: (4, 4, 20, 20)})]))  # none in the key frame
    assert losses["L_mov"].item() == losses["L_box"].item() == 0
    assert losses["L_center"].item() > 0
    torch.autograd.backward(total(losses))
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_two_processes_have_the_gradient_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network().eval()  # batch norms by their running statistics
    shares = [shown(64, 5, CLIPS[0]), shown(64, 5, CLIPS[1])]
    whole = net(shown(64, 5, *CLIPS))
    net.training = True
    counts: list[Tensor] = []
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda count: counts.append(count.clone()))
    for share in shares:
        net(share)
    sums = torch.stack(counts).reshape(2, 2).sum(dim=0).tolist()
    assert sorted(sums) == [3, 15]
    waiting = (torch.stack(counts).reshape(2, 2).sum(dim=0)).repeat(2).tolist()
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda count: count.fill_(waiting.pop(0)))
    parts = [net(share) for share in shares]
    for name, value in whole.items():
        assert sum(part[name].item() for part in parts) / 2 == pytest.approx(value.item(), rel=1e-5)


@pytest.mark.parametrize("backbone", [VGG16(width=1), ResNet3D(10, width=2)])
@pytest.mark.parametrize("size", [(32, 32), (50, 70)])
def test_tubelets_are_in_the_frame_and_best_first(backbone: Backbone, size: tuple[int, int]) -> None:
    found = network(backbone, kept=40).eval().detect(torch.randn(2, 3, 5, *size))
    assert len(found) == 2
    for some in found:
        assert some.boxes.shape == (40, 5, 4)
        assert (some.start == 0).all()
        assert (np.diff(some.score) <= 0).all()
        assert (some.boxes >= 0).all()
        assert (some.boxes <= [size[1], size[0]] * 2).all()
        assert (some.boxes[..., 2:] >= some.boxes[..., :2]).all()
        assert some.in_frame(4).boxes.shape == (40, 1, 4)


def test_boxes_of_one_frame() -> None:
    boxes = np.arange(2 * 3 * 4, dtype=np.float64).reshape(2, 3, 4)
    some = Tubelets(np.array([0, 2]), boxes, np.array([5, 6]), np.array([0.9, 0.8]))
    assert some.in_frame(1).action.tolist() == [5]
    both = some.in_frame(2)
    assert both.boxes.tolist() == [[boxes[0, 2].tolist()], [boxes[1, 0].tolist()]]
    assert both.start.tolist() == [2, 2]
    assert some.in_frame(5).boxes.shape == (0, 1, 4)


def test_bfloat16() -> None:
    net = network().train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = net(shown(64, 5, *CLIPS))
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    torch.autograd.backward(total(losses))


def test_bad_settings() -> None:
    with pytest.raises(InputError, match="frames and map_stride must be at least 1, not 0 and 4"):
        network(frames=0)
    with pytest.raises(InputError, match="takes clips of 5 frames, not 3"):
        network().detect(torch.zeros(1, 3, 3, 32, 32))
