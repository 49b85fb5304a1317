"""MOC against the released code's own numbers (reference_moc.py)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sceneproof.methods.base import Facts
from sceneproof.tasks.detection.centres import truths
from sceneproof.tasks.detection.moc import MOC
from sceneproof.types import BoxBatch
from tests.methods.batches import per_channel
from tests.tasks.detection.reference_moc import (
    ACTIONS,
    FRAMES,
    HEAD,
    SIZE,
    STRIDE,
    TUBES,
    WIDTH,
    boxes,
    features,
    weights,
)
from tests.tasks.detection.toys import batch, total

THEIRS: dict[str, Any] = json.loads((Path(__file__).parent / "reference_moc.json").read_text())
KEYS = {"centre_head.": "hm.", "movement_head.": "mov.", "box_head.": "wh."}


class Given(nn.Module):
    """Features by formula, whatever the video."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Parameter(features())

    def forward(self, lower: Tensor, upper: Tensor, size: tuple[int, int, int]) -> Tensor:
        assert self.features.shape[2:] == size
        return self.features


def theirs(name: str) -> str:
    ours = next(start for start in KEYS if name.startswith(start))
    return KEYS[ours] + name.removeprefix(ours)


def network() -> MOC:
    net = MOC(per_channel(), Facts(ACTIONS), frames=FRAMES, map_stride=STRIDE, decoder_width=WIDTH, head_width=HEAD)
    net.decoder = Given()  # type: ignore[assignment]
    heads = {name: tensor for name, tensor in net.state_dict().items() if name.startswith(tuple(KEYS))}
    by_formula = weights({theirs(name): tensor for name, tensor in heads.items()})
    net.load_state_dict({name: by_formula[theirs(name)] for name in heads}, strict=False)
    return net


def clips() -> BoxBatch:
    made = [
        [(action, {frame: tuple(box) for frame, box in enumerate(boxes(*tube).tolist())}) for action, *tube in tubes]
        for tubes in TUBES
    ]
    return batch(torch.zeros(len(TUBES), 3, FRAMES, SIZE, SIZE), *made)


def test_centres_that_are_wanted() -> None:
    side = SIZE // STRIDE
    known = truths(clips(), (ACTIONS, side, side), (SIZE, SIZE))
    torch.testing.assert_close(known.map.sum(dim=(2, 3)), torch.tensor(THEIRS["map"]["sums"]))
    torch.testing.assert_close(known.map[0, 1, 6], torch.tensor(THEIRS["map"]["row"]))


def test_losses_and_gradients() -> None:
    net = network().train()
    losses = net(clips())
    weights_of = {"L_center": ("loss_hm", 1.0), "L_mov": ("loss_mov", 1.0), "L_box": ("loss_wh", 0.1)}
    for name, (reference, weight) in weights_of.items():
        assert losses[name].item() == pytest.approx(weight * THEIRS["losses"][reference], rel=1e-5)
    torch.autograd.backward(total(losses))
    for name, parameter in net.named_parameters():
        if name.startswith(tuple(KEYS)):
            assert parameter.grad is not None
            assert float(parameter.grad.norm()) == pytest.approx(THEIRS["gradients"][theirs(name)], rel=1e-4), name
    gradient = net.get_parameter("decoder.features").grad
    assert gradient is not None
    assert [float(part.norm()) for part in gradient] == pytest.approx(THEIRS["features_gradient"], rel=1e-4)


def test_detections() -> None:
    found = network().eval().detect(clips().video)
    inside = 0
    for ours, reference in zip(found, np.array(THEIRS["detection"]), strict=True):
        best = len(reference)
        assert ours.score[:best].tolist() == pytest.approx(reference[:, -2].tolist(), rel=1e-5)
        assert ours.action[:best].tolist() == reference[:, -1].tolist()
        cells = reference[:, :-2].reshape(best, FRAMES, 4)
        # where a centre leaves the map, they read the box's sides in another row; and theirs is cut to the map later
        middle = (cells[..., :2] + cells[..., 2:]) / 2
        safe = ((middle > 0) & (middle < SIZE // STRIDE)).all(axis=(1, 2))
        expected = (cells * STRIDE).clip(0, SIZE)
        assert np.abs(ours.boxes[:best][safe] - expected[safe]).max() < 1e-3
        inside += int(safe.sum())
    assert inside > 10
