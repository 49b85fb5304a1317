"""ACT with one frame is SSD; with more, cuboids are matched, moved and suppressed by what is worked out by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from sceneproof.backbones.vgg16 import VGG16
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.tasks.detection.act import ACT, suppressed
from sceneproof.tasks.detection.multibox import UNKNOWN, matched, mean_overlap, offsets_to
from sceneproof.tasks.detection.ssd import SSD
from sceneproof.types import BoxBatch
from tests.tasks.detection.test_ssd import CLIPS, SMALL
from tests.tasks.detection.toys import Tube, batch, shown, total, train_on

MOVING: tuple[list[Tube], ...] = (
    [(0, {0: (8, 8, 30, 40), 1: (12, 10, 34, 42)})],
    [(1, {0: (30, 20, 60, 50), 1: (28, 22, 58, 52)}), (2, {0: (4, 30, 20, 60), 1: (4, 28, 20, 58)})],
)


def network(frames: int, actions: int = 3, **settings: Any) -> ACT:
    torch.manual_seed(0)
    return ACT(VGG16(width=4, batch_norm=True), Facts(actions), frames=frames, **(SMALL | settings))


def test_with_one_frame_it_is_ssd_loss_and_boxes() -> None:
    act = network(1, nms_of_all=1.0, kept=200, least_score=0.3)
    ssd = SSD(VGG16(width=4, batch_norm=True), Facts(3), **SMALL, least_score=0.3)
    ssd.load_state_dict(act.state_dict())
    whole = shown(64, 2, *CLIPS)
    # SSD sees each frame alone; as clips of one frame they are ACT's
    frames = BoxBatch(
        whole.video.transpose(1, 2).flatten(0, 1)[:, :, None],
        [boxes[:, frame : frame + 1] for boxes in whole.boxes for frame in range(2)],
        [present[:, frame : frame + 1] for present in whole.present for frame in range(2)],
        [actions for actions in whole.actions for _ in range(2)],
        torch.arange(4),
    )
    ours, theirs = act.train()(frames), ssd.train()(whole)
    assert {name: value.item() for name, value in ours.items()} == {
        name: value.item() for name, value in theirs.items()
    }
    torch.autograd.backward(total(ours))
    torch.autograd.backward(total(theirs))
    for (name, weight), twin in zip(act.named_parameters(), ssd.parameters(), strict=True):
        assert weight.grad is not None
        assert twin.grad is not None
        assert torch.equal(weight.grad, twin.grad), name
    found = act.eval().detect(frames.video)
    boxes = [[part.in_frame(0) for part in found[2 * clip : 2 * clip + 2]] for clip in range(2)]
    for clip, whole_clip in enumerate(ssd.eval().detect(whole.video)):
        for frame in range(2):
            own, other = boxes[clip][frame], whole_clip.in_frame(frame)
            assert len(own.score) > 5
            assert np.array_equal(own.boxes, other.boxes)
            assert np.array_equal(own.score, other.score)
            assert np.array_equal(own.action, other.action)


def test_a_cuboid_answers_by_its_mean_overlap() -> None:
    cuboid = torch.tensor([[0.0, 0, 10, 10], [0.0, 0, 10, 20], [50.0, 50, 60, 60]])
    tube = torch.tensor(
        [[[0.0, 0, 10, 10], [0.0, 0, 10, 5]]]
    )  # IoU 1 and .5 with the first; .5 and .25 with the second
    torch.testing.assert_close(mean_overlap(tube, cuboid), torch.tensor([[0.75, 0.375, 0.0]]))
    assert matched(cuboid, tube, overlap=0.3).tolist() == [0, 0, -1]
    assert matched(cuboid, tube, overlap=0.5).tolist() == [0, -1, -1]
    assert matched(cuboid, tube, overlap=0.9).tolist() == [0, -1, -1], "the best of a tube answers in any case"


def test_targets_are_offsets_in_every_frame_and_who_is_there_at_times_counts_for_nothing() -> None:
    net = network(2)
    tubes: list[Tube] = [(1, {0: (0, 0, 10, 10), 1: (2, 0, 12, 10)}), (2, {0: (40, 40, 60, 60)})]
    defaults = torch.tensor([[0.0, 0, 10, 10], [40.0, 40, 60, 60], [20.0, 0, 30, 10]])
    labels, wanted = net._targets(batch(torch.zeros(1, 3, 2, 64, 64), tubes), defaults)
    assert labels.tolist() == [[2, UNKNOWN, 0]]
    expected = [offsets_to(defaults[0], torch.tensor(box), variances=net.variances) for box in tubes[0][1].values()]
    torch.testing.assert_close(wanted[0, 0], torch.cat(expected))


def test_the_second_term_is_a_mean_over_frames_and_unknown_cuboids_have_no_part() -> None:
    net = network(2, actions=1, negatives=3.0)
    logits = torch.zeros(1, 3, 2, requires_grad=True)
    offsets = torch.zeros(1, 3, 8, requires_grad=True)
    wanted = torch.zeros(1, 3, 8)
    wanted[0, 0] = torch.tensor([0.5, 0, 0, 0, 3.0, 0, 0, 0])  # smooth L1: .125 and 2.5
    losses = net.multibox(logits, offsets, torch.tensor([[1, UNKNOWN, 0]]), wanted)
    assert losses["L_loc"].item() == pytest.approx((0.125 + 2.5) / 2)
    assert losses["L_conf"].item() == pytest.approx(2 * np.log(2))  # of the first and the third
    torch.autograd.backward(total(losses))
    assert logits.grad is not None
    assert offsets.grad is not None
    assert logits.grad[0].sign().tolist() == [[1, -1], [0, 0], [-1, 1]]
    assert offsets.grad[0, 0].sign().tolist() == [-1, 0, 0, 0, -1, 0, 0, 0]


def test_tubelets_suppress_by_their_mean_overlap() -> None:
    tubelets = torch.tensor(
        [
            [[0.0, 0, 10, 10], [0.0, 0, 10, 10]],
            [[0.0, 0, 10, 10], [50.0, 0, 60, 10]],
            [[0.0, 0, 10, 10], [0.0, 0, 10, 8]],
        ]
    )
    score, same = torch.tensor([0.9, 0.8, 0.7]), torch.zeros(3, dtype=torch.int64)
    # mean overlaps with the first: .5 and .9
    assert suppressed(tubelets, score, same, 0.6).tolist() == [True, True, False]
    assert suppressed(tubelets, score, same, 0.4).tolist() == [True, False, False]
    assert suppressed(tubelets, score, torch.arange(3), 0.4).tolist() == [True, True, True]


@pytest.mark.slow
def test_learns_the_toy() -> None:
    net, clips = network(2), shown(64, 2, *MOVING)
    train_on(net, clips, 40)
    for found, tubes in zip(net.detect(clips.video), MOVING, strict=True):
        assert (found.start == 0).all()
        assert found.boxes.shape[1:] == (2, 4)
        assert (found.score[: len(tubes)] > 0.7).all()
        for action, seen in tubes:
            place = found.action[: len(tubes)].tolist().index(action)
            for frame, box in seen.items():
                overlap: Tensor = box_iou(
                    torch.tensor([box]), torch.from_numpy(found.boxes[place, frame][None]).float()
                )
                assert float(overlap) > 0.7


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="takes clips of 2 frames, not 3"):
        network(2).detect(torch.zeros(1, 3, 3, 64, 64))
    with pytest.raises(InputError, match="takes clips of 2 frames, not 4"):
        network(2)(shown(64, 4, [(0, {0: (8, 8, 30, 40)})]))
    with pytest.raises(InputError, match="frames must be at least 1"):
        network(0)
