"""SSD against the released code's own numbers (reference_ssd.py)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sceneproof.backbones.vgg16 import VGG16
from sceneproof.methods.base import Facts
from sceneproof.tasks.detection.multibox import default_boxes
from sceneproof.tasks.detection.ssd import SSD
from sceneproof.types import BoxBatch
from tests.tasks.detection.formula import ACTIONS, TRUTHS, WIDTH, frames, weights
from tests.tasks.detection.reference_ssd import CANDIDATES, LEAST, ROWS
from tests.tasks.detection.toys import batch, total

THEIRS: dict[str, Any] = json.loads((Path(__file__).parent / "reference_ssd.json").read_text())
KEYS = {
    "backbone.layers.": "vgg.",
    "levels.scale": "L2Norm.weight",
    "levels.extras.": "extras.",
    "heads.regression_head.module_list.": "loc.",
    "heads.classification_head.module_list.": "conf.",
}


def theirs(key: str) -> str:
    ours = next(start for start in KEYS if key.startswith(start))
    rest = key.removeprefix(ours)
    if "extras" in ours:  # two convolutions with ReLUs in a block, there one convolution after the other
        block, layer, kind = rest.split(".")
        rest = f"{2 * int(block) + int(layer) // 2}.{kind}"
    return KEYS[ours] + rest


@cache
def network() -> SSD:
    net = SSD(VGG16(width=WIDTH), Facts(ACTIONS), candidates=CANDIDATES, least_score=LEAST, kept=1000)
    by_formula = weights({theirs(key): tensor for key, tensor in net.state_dict().items()})
    net.load_state_dict({key: by_formula[theirs(key)] for key in net.state_dict()})
    return net


def clips() -> BoxBatch:
    """Both frames as clips of one frame."""
    return batch(frames()[:, :, None], *([(int(row[4]), {0: row[:4]}) for row in some] for some in TRUTHS))


def test_default_boxes() -> None:
    net = network()
    made = default_boxes(
        [(side, side) for side in (38, 19, 10, 5, 3, 1)],
        (300, 300),
        strides=[(side, side) for side in (8, 16, 32, 64, 100, 300)],
        scales=net.scales,
        aspect_ratios=net.aspect_ratios,
    )
    assert made.shape == (8732, 4)
    torch.testing.assert_close(made[list(ROWS)], torch.tensor(THEIRS["defaults"]["rows"]), rtol=0, atol=1e-4)
    assert made.double().sum(dim=0).tolist() == pytest.approx(THEIRS["defaults"]["sums"], rel=1e-7)


def test_losses_and_gradients() -> None:
    net = network().train()
    net.zero_grad()
    losses = net(clips())
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(THEIRS["training"]["losses"], rel=1e-5)
    torch.autograd.backward(total(losses))
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None
        expected = THEIRS["training"]["gradients"][theirs(name)]
        assert expected > 0
        assert float(parameter.grad.norm()) == pytest.approx(expected, rel=1e-4), name


def test_detections() -> None:
    found = network().eval().detect(frames()[None].transpose(1, 2))  # as two frames of one clip
    assert len(found) == 1
    for reference in THEIRS["detection"]:
        here = (found[0].start == reference["frame"]) & (found[0].action == reference["action"])
        assert here.sum() == reference["count"]
        best = len(reference["score"])
        assert found[0].score[here][:best].tolist() == pytest.approx(reference["score"], rel=1e-5)
        assert np.abs(found[0].boxes[here][:best, 0] - reference["boxes"]).max() < 1e-2
