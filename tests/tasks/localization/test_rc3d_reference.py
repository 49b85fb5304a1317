"""R-C3D against the released code's own numbers (reference_rc3d.py)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.methods.base import Facts
from sceneproof.tasks.localization.proposals import pool_segments
from sceneproof.tasks.localization.rc3d import RC3D
from sceneproof.types import SegmentBatch
from tests.tasks.localization.formula_rc3d import ACTIONS, DIM, FRAMES, STRIDE, TRUTHS, WIDTH, features, weights

THEIRS: dict[str, Any] = json.loads((Path(__file__).parent / "reference_rc3d.json").read_text())
NAMES = {
    "RCNN_rpn.RPN_Conv1": "proposal_net.conv1",
    "RCNN_rpn.RPN_Conv2": "proposal_net.conv2",
    "RCNN_rpn.RPN_cls_score": "proposal_net.scores",
    "RCNN_rpn.RPN_twin_pred": "proposal_net.offsets",
    "RCNN_top.0": "backbone.top.0",
    "RCNN_cls_score": "class_head",
    "RCNN_twin_pred": "offset_head",
}


class Given(Backbone):
    """Features by formula, whatever the video; the last stage is the reference's."""

    dim, lower_dim, stride, lower_stride = WIDTH, DIM, (16, 32, 32), (STRIDE, 16, 16)

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Parameter(features())
        self.top = nn.Sequential(nn.Conv3d(DIM, WIDTH, 3, stride=2, padding=1), nn.ReLU())

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        return ()

    def lower(self, video: Tensor) -> Tensor:
        return self.features[: len(video)]

    def upper(self, features: Tensor) -> Tensor:
        made: Tensor = self.top(features)
        return made


def theirs(name: str) -> str:
    module, kind = name.rsplit(".", 1)
    return {ours: key for key, ours in NAMES.items()}[module] + "." + kind


def network(**settings: Any) -> RC3D:
    net = RC3D(Given(), Facts(ACTIONS), anchors_drawn=4096, **settings)
    own = {name: tensor for name, tensor in net.state_dict().items() if name != "backbone.features"}
    by_formula = weights({theirs(name): tensor for name, tensor in own.items()})
    net.load_state_dict({name: by_formula[theirs(name)] for name in own} | {"backbone.features": features()})
    return net


def batch() -> SegmentBatch:
    rows = [torch.tensor(truths) for truths in TRUTHS]
    return SegmentBatch(
        video=torch.zeros(len(rows), 3, FRAMES, 1, 1),
        frames=torch.full((len(rows),), FRAMES),
        times=[some[:, :2] for some in rows],
        actions=[some[:, 2].long() for some in rows],
        row=torch.arange(len(rows)),
    )


def evenly(high: int, size: tuple[int], **_: Any) -> Tensor:
    """Draws as the reference does."""
    return ((torch.arange(size[0], dtype=torch.float64) + 0.5) / size[0] * high).long()


def test_losses_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "randint", evenly)
    monkeypatch.setattr(torch, "randperm", lambda count, **_: torch.arange(count))
    net = network().train()
    losses = net(batch())
    assert [loss.item() for loss in losses.values()] == pytest.approx(THEIRS["training"]["losses"], rel=1e-5)
    torch.autograd.backward(torch.stack(list(losses.values())).sum())
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None
        if name == "backbone.features":
            found = [float(part.norm()) for part in parameter.grad]
            assert found == pytest.approx(THEIRS["training"]["features_gradient"], rel=1e-4)
        else:
            gradient = THEIRS["training"]["gradients"][theirs(name)]
            assert float(parameter.grad.norm()) == pytest.approx(gradient, rel=1e-4), name


def test_detections() -> None:
    found = network(least_score=0.0).eval().detect(batch().video, batch().frames)
    for ours, reference in zip(found, THEIRS["detection"], strict=True):
        assert len(ours.score) == ACTIONS * reference["proposals"]
        assert int((ours.score > 0.3).sum()) == reference["above"]
        assert ours.score[:10].tolist() == pytest.approx(reference["score"], rel=1e-5)
        rows = np.column_stack([ours.times, ours.action, ours.score])
        for row in np.column_stack([reference["times"], reference["action"], reference["score"]]):
            # segments that pool the same features tie, hence no order
            assert np.abs(rows - row).max(axis=1).min() < 1e-4


def test_pooled_features() -> None:
    # the reference's rois, buffer by buffer: first and last frame there, one more here
    one = torch.tensor([[0.0, 16.0], [20.0, 25.0], [118.0, 128.0]])
    other = torch.tensor([[3.5, 61.2], [100.0, 128.0], [0.0, 128.0]])
    pooled = pool_segments(features(), [one, other], stride=STRIDE, size=(4, 2, 2))
    order = [0, 2, 4, 1, 3, 5]
    torch.testing.assert_close(pooled[:, 0, :, 0, 1], torch.tensor(THEIRS["pooled"]["first"])[order])
    torch.testing.assert_close(pooled.sum(dim=(1, 2, 3, 4)), torch.tensor(THEIRS["pooled"]["sums"])[order])
