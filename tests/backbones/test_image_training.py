"""Training from a published file of a network of pictures, resuming and testing, by the commands."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from sceneproof import cli
from sceneproof.backbones.image_network import ImageNetwork
from sceneproof.data.dataset import ClipSettings
from sceneproof.engine import _Loop
from sceneproof.evaluate import evaluate
from sceneproof.features import features
from sceneproof.methods import Plain
from sceneproof.methods.base import Method
from sceneproof.run import Run
from sceneproof.types import Batch
from tests.training import Small

pytest.importorskip("timm", reason="pip install 'sceneproof[image]'")
MODEL = "test_resnet"  # timm's own, for tests


def words(small: Small, out: Path, weights: Path) -> list[str]:
    return [
        "train", str(small.manifest), str(out), "--method", "Plain", "--weights", str(weights),
        "--backbone", "ImageNetwork", "--backbone.model", MODEL, "--backbone.time", "shift",
        "--optimisation.epochs", "2", "--optimisation.lr", "1e-3", "--optimisation.checkpoint_every", "1",
        "--task.clip.length", "4", "--task.clip.size", "32", "--quiet", "true",
    ]  # fmt: skip


@pytest.mark.slow
def test_shifted_it_trains_from_a_published_file_resumes_to_the_same_bits_and_is_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, weights = Small.make(tmp_path), tmp_path / "weights.safetensors"
    state = ImageNetwork(MODEL).network.state_dict()
    save_file({**state, "fc.weight": torch.zeros(1000, 256)}, weights)
    cli.main(words(small, tmp_path / "whole", weights))
    take = _Loop.step

    def interrupted(self: _Loop, batch: Batch | None) -> None:
        take(self, batch)
        if self.progress.step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(_Loop, "step", interrupted)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            cli.main(words(small, tmp_path / "run", weights))
    assert not (tmp_path / "run" / "done").exists()
    cli.main(words(small, tmp_path / "run", weights))
    trained, others = (load_file(tmp_path / name / "weights.safetensors") for name in ("run", "whole"))
    assert trained.keys() == others.keys()
    assert all(torch.equal(trained[key], others[key]) for key in trained)
    moved = [(trained[f"backbone.network.{key}"] - state[key]).abs().max() for key in state if key.endswith("weight")]
    assert 0 < max(moved) < 0.1  # it began with the file's and has learned
    cli.main(["evaluate", str(tmp_path / "run"), str(small.manifest), "--quiet", "true"])
    predictions = pd.read_parquet(tmp_path / "run" / "evaluation" / "predictions.parquet")
    assert predictions["scores"].notna().all()
    backbone = Run.open(tmp_path / "run").trained(Method).backbone
    assert isinstance(backbone, ImageNetwork)
    assert (backbone.model, backbone.time) == (MODEL, "shift")


@pytest.mark.slow
def test_its_last_stage_trains_above_features_that_were_kept(tmp_path: Path) -> None:
    small, backbone = Small.make(tmp_path), partial(ImageNetwork, model=MODEL, split=2)
    weights, clip = tmp_path / "weights.safetensors", ClipSettings(2, 1, 32)
    save_file(ImageNetwork(MODEL).network.state_dict(), weights)
    folder = tmp_path / "features"
    features(small.manifest, folder, backbone=backbone, weights=weights, clip=clip, draws=1, quiet=True)
    settings: dict[str, Any] = {"backbone": backbone, "weights": weights, "clip": clip, "method": Plain}
    settings |= {"optimisation": {"epochs": 1, "keep": "last", "precision": "fp32"}, "scenes": None, "humans": None}
    run = small.train(tmp_path / "run", features=folder, **settings)
    network = run.trained(Method).backbone
    start = load_file(weights)
    lower = {id(value) for part in network.lower_parts for value in part.state_dict(keep_vars=True).values()}
    kept = {key for key, value in network.state_dict(keep_vars=True).items() if id(value) in lower}
    same = {key for key, value in network.state_dict().items() if torch.equal(value, start[key.split(".", 1)[1]])}
    assert kept <= same
    assert any(key.endswith("weight") for key in network.state_dict().keys() - same)
    testing: dict[str, Any] = {"splits": ["validation"], "clips": 1, "quiet": True}
    videos = evaluate(run.path, small.manifest, out=tmp_path / "videos", **testing)
    quick = evaluate(run.path, small.manifest, out=tmp_path / "quick", features=folder, **testing)
    first, second = (np.stack(made.predictions["scores"].to_list()) for made in (videos, quick))
    np.testing.assert_allclose(first, second, rtol=0.01, atol=0.01)
