"""Runs efficientnet-lite-pytorch 0.1.0 on pictures, with weights by formula and ImageNet's; prints what the tests pin.

In the project's environment, with that package in a folder outside of it:

pip install --no-deps --target FOLDER efficientnet-lite-pytorch==0.1.0
PYTHONPATH=FOLDER python -m tests.backbones.reference_image ../shared/data > tests/backbones/reference_image.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.backbones.image_pictures import SCENES, WEIGHTS, by_formula, photograph, sine


def numbers(network: Any, picture: Tensor) -> dict[str, Any]:
    with torch.inference_mode():
        features, scores = network.extract_features(picture)[0].double(), network(picture)[0].double()
    corners = features[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(0)
    rounded = {
        "means": features.mean((1, 2))[::160].tolist(),
        "corners": corners.tolist(),
        "scores": scores[::100].tolist(),
    }
    return {
        "shape": list(features.shape),
        **{name: [round(value, 7) for value in values] for name, values in rounded.items()},
        "top": scores.topk(5).indices.tolist(),
    }


def main() -> None:
    from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]  # outside the project

    shared = Path(sys.argv[1])
    network = EfficientNet.from_name("efficientnet-lite0", image_size=None).eval()  # padding by the picture's size
    network.load_state_dict(by_formula(network.state_dict()), strict=False)
    pinned = {"formula": numbers(network, sine())}
    weights = load_file(shared / "weights" / WEIGHTS)
    network.load_state_dict({key: value.float() for key, value in weights.items()}, strict=False)
    pinned["sine"] = numbers(network, sine())
    pinned |= {name: numbers(network, (photograph(shared / "scenes" / name) - 127.5) / 127.5) for name in SCENES}
    print("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(of)}" for name, of in pinned.items()) + "\n}")


if __name__ == "__main__":
    main()
