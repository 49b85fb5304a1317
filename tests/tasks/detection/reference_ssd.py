"""Runs the released SSD, all layers a 32nd as wide, on frames, truths and weights by formula; prints what tests pin.

    git clone https://github.com/gurkirt/realtime-action-detection && git -C realtime-action-detection checkout \
        9dd8e1b5642c7cb3170a31cc3ec5a3c586a3b261
    python -m tests.tasks.detection.reference_ssd realtime-action-detection > tests/tasks/detection/reference_ssd.json

Their modules run as they are, on today's PyTorch, but that what is to go to a GPU stays where it is. Boxes are cut to
the frame before their suppression, not behind it.
"""

import importlib
import json
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.tasks.detection.formula import ACTIONS, SIZE, TRUTHS, frames, weights

NARROWER, BEST, LEAST, CANDIDATES = 32, 12, 0.3, 60
ROWS = (0, 1, 3, 40, 5775, 5776, 7941, 8541, 8691, 8727, 8731)


def narrow(size: int) -> int:
    return size // NARROWER if size >= 64 else size


def imported(repository: Path) -> Any:
    """Their module `ssd`, with narrow layers."""
    sys.path.insert(0, str(repository))
    data = types.ModuleType("data")
    data.__path__ = [str(repository / "data")]
    sys.modules["data"] = data
    vars(data)["v2"] = importlib.import_module("data.config").v2
    for kind in (nn.Module, Tensor):
        kind.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]
    ssd = importlib.import_module("ssd")
    own = {name: getattr(nn, name) for name in dir(nn) if name[0].isupper()}
    own["Conv2d"] = lambda before, after, **rest: nn.Conv2d(narrow(before), narrow(after), **rest)
    norm = ssd.L2Norm
    vars(ssd).update(nn=SimpleNamespace(**own), L2Norm=lambda size, scale: norm(narrow(size), scale))
    return ssd


def training(ssd: Any, net: Any) -> dict[str, Any]:
    criterion = ssd.MultiBoxLoss(ACTIONS + 1, 0.5, True, 0, True, 3, 0.5, False, False)
    rows = [torch.tensor([[*(side / SIZE for side in row[:4]), row[4]] for row in some]) for some in TRUTHS]
    said = net(frames())
    loc, conf = criterion(said, rows)
    torch.autograd.backward(loc + conf)
    return {
        "losses": {"L_conf": float(conf), "L_loc": float(loc)},
        "gradients": {name: float(parameter.grad.norm()) for name, parameter in net.named_parameters()},
        "offsets": said[0].sum(dim=(1, 2)).tolist(),
        "logits": said[1].abs().sum(dim=(1, 2)).tolist(),
    }


def detection(net: Any, box_utils: Any) -> list[dict[str, Any]]:
    """The best boxes of each frame and class, after their suppression."""
    found = []
    with torch.no_grad():
        offsets, logits, priors = net(frames())
    for frame in range(len(TRUTHS)):
        boxes = (box_utils.decode(offsets[frame], priors, [0.1, 0.2]) * SIZE).clamp(0, SIZE)
        for action in range(ACTIONS):
            score = logits[frame].softmax(dim=1)[:, action + 1]
            enough = score > LEAST
            kept, count = box_utils.nms(boxes[enough], score[enough], 0.45, CANDIDATES)
            best = kept[:count][:BEST]
            rows = {"boxes": boxes[enough][best].tolist(), "score": score[enough][best].tolist()}
            found.append({"frame": frame, "action": action, "count": int(count), **rows})
    return found


def main() -> None:
    ssd = imported(Path(sys.argv[1]))
    box_utils = importlib.import_module("layers.box_utils")
    torch.manual_seed(0)
    net = ssd.build_ssd(SIZE, ACTIONS + 1)
    net.load_state_dict(weights(net.state_dict()))
    priors = box_utils.point_form(net.priors) * SIZE
    numbers = {
        "defaults": {"rows": priors[list(ROWS)].tolist(), "sums": priors.double().sum(dim=0).tolist()},
        "training": training(ssd, net),
        "detection": detection(net, box_utils),
    }
    json.dump(numbers, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
