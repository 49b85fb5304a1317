"""Runs the released R-C3D on features, truths and weights by formula, and prints the numbers that the tests pin.

    git clone https://github.com/sunnyxiaohu/R-C3D.pytorch && git -C R-C3D.pytorch checkout \
        e8731af7b95f1dc934f6604f9c09e3c4ead74db5
    python -m tests.tasks.localization.reference_rc3d R-C3D.pytorch > tests/tasks/localization/reference_rc3d.json

Their modules run as they are, on today's PyTorch, but for four things. The base and the last stage are small ones. The
CUDA kernel of the pooling is compiled for the CPU, from their source. Draws are spread evenly instead of at random. And
their `twin_transform_inv`, whose ends come out one frame late, gets them right.
"""

import ctypes
import importlib
import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from tests.tasks.localization.formula_rc3d import ACTIONS, DIM, FRAMES, STRIDE, TRUTHS, WIDTH, features, weights

SCALES = [2, 4, 5, 6, 8, 9, 10, 12, 14, 16]
POOLED = ((0.0, 15.0), (3.5, 60.2), (20.0, 24.0), (100.0, 127.0), (118.0, 127.0), (0.0, 127.0))  # first and last frame


class Settings(dict[str, Any]):
    """What their `easydict` does."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        super().__init__()
        for key, value in (values or {}).items():
            setattr(self, key, Settings(value) if isinstance(value, dict) else value)

    def __getattr__(self, name: str) -> Any:
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = list(value) if isinstance(value, tuple) else value


def kernel(repository: Path) -> ctypes.CDLL:
    source = (repository / "lib/model/roi_temporal_pooling/src/roi_temporal_pooling_kernel.cu").read_text()
    parts = [
        source[source.index(f"__global__ void ROITemporalPool{way}") : source.index(f"int ROITemporalPool{way}Laucher")]
        for way in ("Forward", "Backward")
    ]
    loop = "for (int i = 0; i < (n); ++i)"
    head = '#include <cmath>\n#include <cfloat>\nusing namespace std;\n#define __global__ extern "C"\n'
    head += f"#define CUDA_KERNEL_LOOP(i, n) {loop}\n#define CUDA_1D_KERNEL_LOOP(i, n) {loop}\n"
    folder = Path(tempfile.mkdtemp())
    (folder / "kernel.cpp").write_text(head + "\n".join(parts))
    subprocess.run(["g++", "-O1", "-shared", "-fPIC", "-o", folder / "kernel.so", folder / "kernel.cpp"], check=True)
    return ctypes.CDLL(str(folder / "kernel.so"))


def pooling(library: ctypes.CDLL, size: tuple[int, int, int]) -> Any:
    def pointer(tensor: Tensor) -> ctypes.c_void_p:
        return ctypes.c_void_p(tensor.data_ptr())

    scale, context = ctypes.c_float(1 / STRIDE), ctypes.c_float(1.0)

    class Pool(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, rois: Tensor) -> Tensor:
            x, rois = x.contiguous(), rois.contiguous()
            out = x.new_zeros(len(rois), x.shape[1], *size)
            argmax = torch.zeros(out.shape, dtype=torch.int32)
            shape = (*x.shape[2:], x.shape[1], *size)
            library.ROITemporalPoolForward(
                out.numel(), pointer(x), scale, context, *shape, pointer(rois), pointer(out), pointer(argmax)
            )
            ctx.save_for_backward(x, rois, argmax)
            return out

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
            x, rois, argmax = ctx.saved_tensors
            given, found = gradients[0].contiguous(), torch.zeros_like(x)
            shape = (*x.shape[2:], x.shape[1], *size)
            library.ROITemporalPoolBackward(
                x.numel(),
                *(pointer(given), pointer(argmax), len(rois), scale, context),
                *(*shape, pointer(found), pointer(rois)),
            )
            return found, None

    return Pool.apply


def imported(repository: Path) -> Any:
    """Their package `model`, with what cannot be compiled today replaced."""
    sys.path.insert(0, str(repository / "lib"))
    pool = pooling(kernel(repository), (4, 2, 2))

    class Pooling(nn.Module):
        def __init__(self, *_: Any) -> None:
            super().__init__()

        def forward(self, x: Tensor, rois: Tensor) -> Any:
            return pool(x, rois)

    replaced: dict[str, dict[str, Any]] = {
        "easydict": {"EasyDict": Settings},
        "model.nms.nms_wrapper": {"nms": None},
        "model.roi_temporal_pooling.modules.roi_temporal_pool": {"_RoITemporalPooling": Pooling},
    }
    for name, values in replaced.items():
        module = types.ModuleType(name)
        vars(module).update(values)
        sys.modules[name] = module
    config = importlib.import_module("model.utils.config")
    config._merge_a_into_b(Settings(yaml.safe_load((repository / "cfgs/res18_thumos14.yml").read_text())), config.cfg)
    config.cfg.TRAIN.RPN_BATCHSIZE = 4096  # all anchors: what they leave out when drawing is not ours to follow
    config.cfg.ANCHOR_SCALES, config.cfg.NUM_CLASSES, config.cfg.USE_GPU_NMS = SCALES, ACTIONS + 1, False
    layer = importlib.import_module("model.rpn.proposal_layer")
    suppress = importlib.import_module("model.nms.nms_cpu").nms_cpu
    layer.nms = lambda found, threshold, force_cpu: suppress(found, threshold)  # type: ignore[attr-defined]
    layer.twin_transform_inv = inverse(layer.twin_transform_inv)  # type: ignore[attr-defined]
    vars(np.random).update(permutation=np.arange, rand=lambda count: (np.arange(count) + 0.5) / count)
    return importlib.import_module("model.tdcnn.tdcnn"), config.cfg, layer.twin_transform_inv, pool


def inverse(theirs: Any) -> Any:
    def right(*arguments: Any) -> Tensor:
        found: Tensor = theirs(*arguments)
        found[:, :, 1::2] -= 1
        return found

    return right


def network(tdcnn: Any) -> Any:
    class Small(tdcnn._TDCNN):  # type: ignore[misc]
        def __init__(self) -> None:
            self.dout_base_model = DIM
            super().__init__()

        def _init_modules(self) -> None:
            self.RCNN_base = nn.Identity()
            self.RCNN_top = nn.Sequential(nn.Conv3d(DIM, WIDTH, 3, stride=2, padding=1), nn.ReLU())
            self.RCNN_cls_score = nn.Linear(WIDTH, ACTIONS + 1)
            self.RCNN_twin_pred = nn.Linear(WIDTH, 2 * (ACTIONS + 1))

        def _head_to_tail(self, pooled: Tensor) -> Tensor:
            top: Tensor = self.RCNN_top(pooled)
            return top.mean(4).mean(3).mean(2)

    made = Small()
    made.create_architecture()
    made.load_state_dict(weights(made.state_dict()))
    return made


def training(net: Any) -> dict[str, Any]:
    """Means over the buffers, one at a time: in a batch they weigh the buffers by how many anchors each has."""
    net.train()
    buffers = features().requires_grad_()
    losses = torch.zeros(4)
    foreground = []
    for number, truths in enumerate(TRUTHS):
        rows = torch.tensor([[start, end - 1, action + 1] for start, end, action in truths])
        *_, rpn_cls, rpn_reg, cls, reg, labels = net(buffers[number : number + 1], rows[None])
        terms = torch.cat([rpn_cls, rpn_reg, cls, reg]) / len(TRUTHS)
        torch.autograd.backward(terms.sum())
        losses += terms.detach()
        foreground.append(int((labels > 0).sum()))
    gradients = {name: float(parameter.grad.norm()) for name, parameter in net.named_parameters()}
    assert buffers.grad is not None
    return {
        "losses": losses.tolist(),
        "foreground": foreground,
        "gradients": gradients,
        "features_gradient": [float(part.norm()) for part in buffers.grad],
    }


def detection(net: Any, cfg: Any, move: Any) -> list[dict[str, Any]]:
    """Proposals and their best actions: first frame and the one behind the last, action, score."""
    net.eval()
    found = []
    for buffer in features():
        with torch.no_grad():
            rois, probability, offsets = net(buffer[None], torch.zeros(1, 1, 3))
        real = (rois[0, :, 2] - rois[0, :, 1]) > 0
        scaled = offsets.view(-1, 2) * torch.tensor(cfg.TRAIN.TWIN_NORMALIZE_STDS)
        times = move(rois[:, :, 1:3], scaled.view(1, -1, 2 * (ACTIONS + 1)), 1).clamp_(0, FRAMES - 1)
        times = times.view(-1, ACTIONS + 1, 2)[real, 1:] + torch.tensor([0.0, 1.0])
        score = probability[0, real, 1:]
        best = score.flatten().argsort(descending=True)[:10]
        found.append(
            {
                "proposals": int(real.sum()),
                "above": int((score > 0.3).sum()),
                "times": times.flatten(0, 1)[best].tolist(),
                "action": (best % ACTIONS).tolist(),
                "score": score.flatten()[best].tolist(),
            }
        )
    return found


def main() -> None:
    tdcnn, cfg, move, pool = imported(Path(sys.argv[1]))
    net = network(tdcnn)
    rois = torch.tensor([[number % 2, *times] for number, times in enumerate(POOLED)], dtype=torch.float32)
    pooled = pool(features(), rois)
    numbers = {
        "training": training(net),
        "detection": detection(net, cfg, move),
        "pooled": {"first": pooled[:, 0, :, 0, 1].tolist(), "sums": pooled.sum(dim=(1, 2, 3, 4)).tolist()},
    }
    json.dump(numbers, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
