"""`sceneproof bank`: frames of the surer half, written whole, and trained with."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sceneproof.bank import bank, surest
from sceneproof.cli import main
from sceneproof.data.dataset import ClipSettings
from sceneproof.data.manifest import Manifest
from sceneproof.data.transforms import square
from sceneproof.errors import InputError
from sceneproof.files import read_json
from sceneproof.methods import Method, Plain, StillMix
from sceneproof.methods.stillmix import StillBank
from sceneproof.run import Run
from tests.training import Small
from tests.videos import numbered


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def frames(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A network of single frames."""
    out = tmp_path_factory.mktemp("runs") / "frames"
    return small.train(out, method=Plain, clip=ClipSettings(1, 1, 32), optimisation={"epochs": 1})


def test_the_surest_are_drawn() -> None:
    sure = np.array([0.9, 0.2, np.nan, 0.8, 0.3, 0.7, 0.6], np.float32)
    assert surest(sure, 10, 0.5, 0).tolist() == [0, 3, 5]
    assert surest(sure, 10, 0.0, 0).tolist() == [0, 1, 3, 4, 5, 6]
    drawn = [tuple(surest(sure, 2, 0.5, seed).tolist()) for seed in range(30)]
    assert set(drawn) == {(0, 3), (0, 5), (3, 5)}
    assert surest(np.full(3, np.nan, np.float32), 2, 0.5, 0).tolist() == []


def test_a_bank_by_hand_is_trained_with(
    small: Small, frames: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bank.safetensors"
    words = ["bank", str(frames.path), str(small.manifest), str(out), "--quiet"]
    main(words)
    assert "8 frames of 32 x 32 pixels, of 16 frames asked" in capsys.readouterr().out
    made = StillBank.read(out)
    assert made.frames.shape == (8, 3, 32, 32)
    assert made.note["split"] == "train"
    assert made.note["run"] == "frames"
    assert {"weights", "manifest"} <= made.note.keys()
    main([*words, "--keep", "5"])
    fewer = StillBank.read(out)
    assert all(any(torch.equal(frame, other) for other in made.frames) for frame in fewer.frames)
    method = partial(StillMix, bank=out)
    run = small.train(tmp_path / "run", method=method, optimisation={"epochs": 1})
    assert read_json(run.path / "data.json")["bank"] == fewer.digest
    main([*words, "--keep", "4"])
    with pytest.raises(InputError, match="bank: another one"):
        small.train(tmp_path / "run", method=method, optimisation={"epochs": 1})
    out.unlink()
    assert isinstance(Run.open(run.path).trained(Method), StillMix)  # which needs no bank


@pytest.mark.parametrize(
    ("given", "said"),
    [({"keep": 0}, "keep is at least 1"), ({"quantile": 1.0}, "quantile from 0 to"), ({"split": "nowhere"}, "nowhere")],
)
def test_bad_settings_are_refused(given: dict[str, Any], said: str, small: Small, frames: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        bank(frames.path, small.manifest, tmp_path / "bank.safetensors", quiet=True, **given)
    assert not (tmp_path / "bank.safetensors").exists()


def test_a_network_of_clips_is_refused(small: Small, tmp_path: Path) -> None:
    run = small.train(tmp_path / "clips", method=Plain, optimisation={"epochs": 1})
    with pytest.raises(InputError, match=r"clips of 8 frames.*--task\.clip\.length 1"):
        bank(run.path, small.manifest, tmp_path / "bank.safetensors", quiet=True)


def test_optical_flow_is_not_asked_of_a_network_of_pictures(small: Small, frames: Run, tmp_path: Path) -> None:
    table = Manifest.read(small.manifest)
    table.rows["shows"] = "flow"
    table.write(small.folder / "flow.parquet")
    with pytest.raises(InputError, match=r"holds optical flow .*was trained on videos as a camera sees them"):
        bank(frames.path, small.folder / "flow.parquet", tmp_path / "bank.safetensors", quiet=True)


def test_videos_that_cannot_be_read_are_left_out(small: Small, frames: Run, tmp_path: Path) -> None:
    table = Manifest.read(small.manifest)
    gone = (table.rows["split"] == "validation") | (table.rows["video"] == "jump_train_0")
    table.rows.loc[gone, "path"] = "videos/gone.mp4"
    table.write(small.folder / "other.parquet")
    out = tmp_path / "bank.safetensors"
    made = bank(frames.path, small.folder / "other.parquet", out, quantile=0.0, quiet=True)
    assert len(made.frames) == 15
    with pytest.raises(InputError, match="no video can be read"):
        bank(frames.path, small.folder / "other.parquet", out, split="validation", quiet=True)


def test_frames_are_the_middle_ones_of_their_videos(small: Small, frames: Run, tmp_path: Path) -> None:
    made = bank(frames.path, small.manifest, tmp_path / "bank.safetensors", quantile=0.0, quiet=True)
    middle = numbered(12)[5]  # of 12 frames; their videos' colours differ, the bars on top do not
    expected = torch.from_numpy(square(middle[None, :, 8:56], 32))[0, 8, :, 0].float()
    bars = made.frames[:, 0, 8].float()
    assert (bars - expected).abs().median() < 20  # what lossy coding leaves
    other = torch.from_numpy(square(numbered(12)[6][None, :, 8:56], 32))[0, 8, :, 0].float()
    assert (bars - other).abs().max() > 200
