"""Runs the released estimate of static and dynamic dimensions on pairs by formula; prints what tests pin.

    git clone https://github.com/YorkUCVIL/Static-Dynamic-Interpretability && git -C Static-Dynamic-Interpretability \
        checkout f552b31db1f34b622decc39b72206a55d800948f
    python -m tests.metrics.reference_static_dynamic Static-Dynamic-Interpretability

`utils.py` runs as it is. It imports its models unless PyTorch is 0.4.0, so it is told that it is. Its dimensions are
whole numbers; shown each channel 100 000 times, it gives five digits of the shares.
"""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from tests.metrics.static_dynamic_pairs import DYNAMIC, STATIC

COPIES = 100_000


def estimated(utils: Any) -> dict[str, Any]:
    factors = np.repeat([0, 1], [len(DYNAMIC[0]), len(STATIC[0])])  # theirs: 0 motion, 1 appearance, 2 residual
    a, b = (np.concatenate(sides) for sides in zip(DYNAMIC, STATIC, strict=True))
    args = SimpleNamespace(n_factors=3, residual_index=2, joint_encoding=False)
    *_, softmax = utils.dim_est({"example1": [a], "example2": [b]}, [factors], args, return_idv_scores=True)
    logarithms = np.log(softmax)
    channels = logarithms[:, :2] - logarithms[:, 2:] + 1  # the residual's score is 1
    many = {"example1": [np.tile(a, COPIES)], "example2": [np.tile(b, COPIES)]}
    dims, _ = utils.dim_est(many, [factors], args)
    return {"shares": [dim / sum(dims) for dim in dims], "channels": channels.T.tolist()}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(sys.argv[1])))
    version = torch.__version__
    vars(torch)["__version__"] = "0.4.0"
    module = importlib.import_module("utils")
    vars(torch)["__version__"] = version
    print(json.dumps(estimated(module), indent=1))
