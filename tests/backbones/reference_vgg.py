"""Runs the authors' VGG-16, all layers a 32nd as wide, on weights and frames by formula, and prints what the tests pin.

git clone https://github.com/vt-vl-lab/SDN && git -C SDN checkout b92b9cafdacaab41235f37478be38222db4078f2
python -m tests.backbones.reference_vgg SDN > tests/backbones/reference_vgg.json
"""

import importlib
import json
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.backbones import formula

ACTIONS, SCENES, NARROWER, SIZE = 5, 7, 32, 72


def weights(like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict under their keys; convolutions keep the size of what passes them through ReLU."""
    made = formula.weights(like)
    return {key: value * (2**0.5 if key.startswith("vgg.") and value.ndim > 1 else 1) for key, value in made.items()}


def narrow(size: int) -> int:
    return size // NARROWER if size >= 64 else size


def network() -> Any:
    vgg = importlib.import_module("models.vgg")
    own = {name: getattr(nn, name) for name in dir(nn) if name[0].isupper()}
    own["Conv2d"] = lambda before, after, **rest: nn.Conv2d(narrow(before), narrow(after), **rest)
    own["Linear"] = lambda before, after: nn.Linear(narrow(before), narrow(after))
    vgg.nn = SimpleNamespace(**own)  # type: ignore[attr-defined]
    made = vgg.build_vgg(
        num_classes=ACTIONS,
        is_adv=True,
        is_human_mask_adv=True,
        alpha=0.5,
        alpha_hm=1.0,
        num_places_classes=SCENES,
        num_place_hidden_layers=3,
        num_human_mask_adv_hidden_layers=1,
    )
    made.load_state_dict(weights(made.state_dict()))
    return made.eval()


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    made = network()
    maps: dict[str, Any] = {}
    made.avgpool.register_forward_hook(lambda _, inputs, __: maps.update(last=inputs[0]))
    with torch.no_grad():
        action, scene, confusion = made(formula.video(2, 3, SIZE, SIZE))
    numbers = {
        "map": list(maps["last"].shape),
        "sums": maps["last"].sum(dim=(1, 2, 3)).tolist(),
        "action": action.tolist(),
        "scene": scene.tolist(),
        "confusion": confusion.tolist(),
    }
    json.dump(numbers, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
