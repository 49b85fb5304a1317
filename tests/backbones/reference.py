"""Runs the authors' code on weights and clips by formula, and prints the numbers that the tests pin.

    git clone https://github.com/vt-vl-lab/SDN && git -C SDN checkout b92b9cafdacaab41235f37478be38222db4078f2
    git clone https://github.com/kenshohara/3D-ResNets-PyTorch && git -C 3D-ResNets-PyTorch checkout \
        540a0ea1abaee379fa3651d4d5afbd2d667a1f49
    python -m tests.backbones.reference SDN 3D-ResNets-PyTorch > tests/backbones/reference.json

Each repository has a package `models`, hence one process for each.
"""

import importlib
import json
import subprocess
import sys
from typing import Any

import torch
from torch import Tensor

from tests.backbones import formula

ACTIONS, SCENES = 5, 7
NETWORKS = ((10, "A"), (18, "A"), (18, "B"), (34, "A"), (50, "B"))
SMALL, PAPER = (2, 3, 8, 64, 64), (1, 3, 16, 112, 112)


def sdn(depth: int, shortcut: str, shape: tuple[int, ...]) -> Any:
    resnet = importlib.import_module("models.resnet")
    make = getattr(resnet, f"resnet{depth}")
    network = make(
        sample_size=shape[-1],
        sample_duration=shape[2],
        shortcut_type=shortcut,
        num_classes=ACTIONS,
        is_adv=True,
        is_human_mask_adv=True,
        alpha=0.5,
        alpha_hm=1.0,
        num_places_classes=SCENES,
        num_place_hidden_layers=3,
        num_human_mask_adv_hidden_layers=1,
    )
    network.load_state_dict(formula.weights(network.state_dict()))
    return network


def outputs(depth: int, shortcut: str, shape: tuple[int, ...]) -> dict[str, Any]:
    network = sdn(depth, shortcut, shape).eval()
    seen: dict[str, Tensor] = {}
    network.avgpool.register_forward_hook(lambda _, inputs, output: seen.update(map=inputs[0], pooled=output))
    with torch.no_grad():
        action, scene, confusion = network(formula.video(*shape))
    return {
        "map": list(seen["map"].shape),
        "features": seen["pooled"].flatten(1)[:, :4].tolist(),
        "features_sum": float(seen["pooled"].sum()),
        "action": action.tolist(),
        "scene": scene.tolist(),
        "confusion": confusion.tolist(),
    }


def training(iterations: int) -> dict[str, Any]:
    """The released loop: a step of cross entropy and adversary, then one of confusion, on masked clips."""
    network = sdn(10, "A", SMALL).train()
    soft = importlib.import_module("loss.soft_cross_entropy").SoftCrossEntropy()
    negative_entropy = importlib.import_module("loss.hloss").HLoss(is_maximization=True)
    settings: dict[str, float] = {"lr": 1e-2, "momentum": 0.9, "dampening": 0.9, "weight_decay": 1e-5}
    optimizer = torch.optim.SGD(network.parameters(), **settings)  # type: ignore[arg-type]
    both = formula.video(8, 3, 8, 64, 64)
    video, masked = both[:4], both[4:]
    truth, places = torch.tensor([0, 3, 1, 4]), formula.soft_labels(4, SCENES)
    rows = []
    gradients: dict[str, list[float]] = {}
    for _ in range(iterations):
        action, scene, _unused = network(video)
        terms = [torch.nn.functional.cross_entropy(action, truth), soft(scene, places)]
        step(network, optimizer, sum(terms), gradients)
        terms.append(negative_entropy(network(masked)[2]))
        step(network, optimizer, terms[2], gradients)
        rows.append([float(term.detach()) for term in terms])
    state = network.state_dict()
    return {
        "losses": rows,
        "gradients": gradients,
        "running": [float(state[f"bn1.running_{what}"].sum()) for what in ("mean", "var")],
    }


def step(network: Any, optimizer: torch.optim.Optimizer, loss: Any, gradients: dict[str, list[float]]) -> None:
    # PyTorch 0.4.1, which the authors ran, sets gradients to zero, not to None: momentum goes on in idle parts
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    for key, parameter in network.named_parameters():
        if key in ("conv1.weight", "layer2.0.conv1.weight", "fc.weight", "place_mlp.0.fc.weight", "hm_mlp.0.fc.weight"):
            norm = 0.0 if parameter.grad is None else float(parameter.grad.norm())
            gradients.setdefault(key, []).append(norm)
    optimizer.step()


def hara(depth: int, shortcut: str) -> dict[str, Any]:
    generate = importlib.import_module("models.resnet").generate_model
    network = generate(depth, shortcut_type=shortcut, n_classes=ACTIONS).eval()
    network.load_state_dict(formula.weights(network.state_dict()))
    with torch.no_grad():
        return {"action": network(formula.video(*SMALL)).tolist()}


def main() -> None:
    if len(sys.argv) == 3:
        numbers = {}
        for checkout, what in zip(sys.argv[1:], ("sdn", "hara"), strict=True):
            command = [sys.executable, "-m", "tests.backbones.reference", checkout, "only", what]
            numbers[what] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(json.dumps(numbers, indent=1))
        return
    sys.path.insert(0, sys.argv[1])
    if sys.argv[3] == "hara":
        result: dict[str, Any] = {f"{depth}{kind}": hara(depth, kind) for depth, kind in NETWORKS}
    else:
        result = {f"{depth}{kind}": outputs(depth, kind, SMALL) for depth, kind in NETWORKS}
        result["18A paper"] = outputs(18, "A", PAPER)
        result["training"] = training(3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
