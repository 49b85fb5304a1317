"""Runs the released MOC's heads, truths, losses and decoding on tubes and features by formula; prints what tests pin.

    git clone https://github.com/MCG-NJU/MOC-Detector && git -C MOC-Detector checkout \
        45c3fd0c5e4ca455e7e739f3ad80b2c91813df35
    python -m tests.tasks.detection.reference_moc MOC-Detector > tests/tasks/detection/reference_moc.json

Their modules run as they are, on today's PyTorch, but that what is to go to a GPU stays where it is. Their backbone,
whose deformable convolutions need a compiler for GPUs, is left out: features are given.
"""

import importlib
import json
import sys
import tempfile
import types
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from tests.backbones import formula

ACTIONS, FRAMES, SIZE, STRIDE, WIDTH, HEAD, BEST = 3, 5, 64, 4, 6, 8, 20
# action, then x1 y1 x2 y2 in pixels of the first frame and what each frame adds: of two clips
TUBES: tuple[tuple[tuple[int, tuple[float, ...], tuple[float, ...]], ...], ...] = (
    ((1, (6.0, 10.0, 30.5, 42.0), (2.5, 1.0, 3.0, 1.5)), (2, (40.0, 20.0, 50.0, 61.0), (-3.0, 0.0, -2.0, 0.5))),
    ((0, (20.0, 3.0, 44.0, 60.0), (0.0, 0.0, 1.0, 0.0)),),
)


def boxes(first: tuple[float, ...], added: tuple[float, ...]) -> Any:
    """A tube's boxes (T, 4)."""
    return np.array(first)[None] + np.arange(FRAMES)[:, None] * np.array(added)[None]


def features() -> Tensor:
    """Of two clips: (2, 6, 5, 16, 16)."""
    return formula.values("moc", (len(TUBES), WIDTH, FRAMES, SIZE // STRIDE, SIZE // STRIDE))


def weights(like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict under their keys; boxes are some 4 cells wide."""
    made = formula.weights(like)
    return {key: value + 4.0 * (key == "wh.2.bias") for key, value in made.items()}


def imported(repository: Path) -> dict[str, Any]:
    sys.path.insert(0, str(repository / "src"))
    progress = types.ModuleType("progress.bar")
    vars(progress)["Bar"] = None
    sys.modules.update({"progress": types.ModuleType("progress"), "progress.bar": progress})
    branch = types.ModuleType("network")  # its __init__ would ask for the backbone
    branch.__path__ = [str(repository / "src/network")]
    sys.modules["network"] = branch
    Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]
    names = ("network.branch", "datasets.sample.sampler", "trainer.moc_trainer", "detector.decode")
    return {name.split(".")[-1]: importlib.import_module(name) for name in names}


def samples(sampler: Any) -> dict[str, Tensor]:
    """Their truths of both clips, made by their loader without augmentation, from files that it can read."""
    folder = Path(tempfile.mkdtemp())
    cv2.imwrite(str(folder / "frame.png"), np.zeros((SIZE, SIZE, 3), np.uint8))

    class Given(sampler.Sampler):  # type: ignore[misc]
        def imagefile(self, video: int, frame: int) -> str:
            return str(folder / "frame.png")

    data: Any = Given()
    rows: dict[int, dict[int, list[Any]]] = {}
    for clip, tubes in enumerate(TUBES):
        for action, first, added in tubes:
            numbered = np.column_stack([np.arange(1, FRAMES + 1), boxes(first, added)]).astype(np.float32)
            rows.setdefault(clip, {}).setdefault(action, []).append(numbered)
    data.__dict__.update(
        K=FRAMES,
        num_classes=ACTIONS,
        _resize_height=SIZE,
        _resize_width=SIZE,
        opt=SimpleNamespace(down_ratio=STRIDE, mean=[0.0] * 3, std=[1.0] * 3),
        _ninput=1,
        mode="test",
        _indices=[(clip, 1) for clip in range(len(TUBES))],
        _gttubes=rows,
        max_objs=128,
    )
    made = [data[clip] for clip in range(len(TUBES))]
    keys = [key for key in made[0] if key != "input"]
    return {key: torch.stack([torch.as_tensor(one[key]) for one in made]) for key in keys}


def main() -> None:
    theirs = imported(Path(sys.argv[1]))
    truths = samples(theirs["sampler"])
    info = {"hm": ACTIONS, "mov": 2 * FRAMES, "wh": 2 * FRAMES}
    net = theirs["branch"].MOC_Branch(WIDTH, "dla", HEAD, info, FRAMES)
    net.load_state_dict(weights(net.state_dict()))
    given = features().requires_grad_()
    said = net([given[:, :, frame] for frame in range(FRAMES)])
    with torch.no_grad():
        parts = (said["hm"].sigmoid(), said["wh"], said["mov"])
        found = theirs["decode"].moc_decode(*parts, N=BEST, K=FRAMES)
    weighed = SimpleNamespace(hm_weight=1, wh_weight=0.1, mov_weight=1)
    loss, terms = theirs["moc_trainer"].MOCTrainLoss(weighed)(dict(said), truths)
    torch.autograd.backward(loss.sum())
    assert given.grad is not None
    numbers = {
        "map": {"sums": truths["hm"].sum(dim=(2, 3)).tolist(), "row": truths["hm"][0, 1, 6].tolist()},
        "losses": {name: float(value.sum()) for name, value in terms.items()},
        "gradients": {name: float(parameter.grad.norm()) for name, parameter in net.named_parameters()},
        "features_gradient": [float(part.norm()) for part in given.grad],
        "detection": found.tolist(),
    }
    json.dump(numbers, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
