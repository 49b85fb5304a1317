from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sceneproof.errors import InputError
from sceneproof.labelling.scene_network import SceneNetwork
from sceneproof.labelling.scene_training import augment, best_temperature, calibration_error, train_scene_network

COLOURS = {"attic": (60, 40, 30), "beach": (230, 210, 150), "cave": (90, 90, 200)}


def places(root: Path, count: int = 10, seed: int = 0) -> Path:
    """Noisy pictures whose category shows in their colour; the last of each looks like another category."""
    rng = np.random.default_rng(seed)
    for number, name in enumerate(COLOURS):
        (root / name).mkdir(parents=True)
        for picture in range(count):
            looks = list(COLOURS)[(number + (picture == count - 1)) % len(COLOURS)]
            noisy = np.array(COLOURS[looks]) + rng.normal(0, 20, (20, 24, 3))
            path = root / name / f"{picture}.png"
            path.write_bytes(cv2.imencode(".png", noisy.clip(0, 255)[..., ::-1])[1].tobytes())
    return root


def train(folder: Path, *, seed: int = 0) -> SceneNetwork:
    pictures = folder / "pictures" if (folder / "pictures").exists() else places(folder / "pictures")
    return train_scene_network(pictures, folder / f"{seed}.safetensors", size=16, epochs=8, seed=seed, quiet=True)


def test_it_learns_and_is_soft_and_says_how_good_it_is(tmp_path: Path) -> None:
    network = train(tmp_path)
    facts = network.facts
    assert (facts.held_out, facts.trained_on, facts.size, network.names) == (6, 24, 16, list(COLOURS))
    assert facts.accuracy >= 0.5
    frames = np.zeros((3, 30, 40, 3), np.uint8)
    frames[:] = np.array(list(COLOURS.values()))[:, None, None]
    posteriors = network(frames)
    assert posteriors.dtype == np.float32
    assert posteriors.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert posteriors.argmax(axis=1).tolist() == [0, 1, 2]
    assert posteriors.max() < 0.999
    assert f"{facts.accuracy:.1%} right on 6 held out" in network.title


def test_the_same_seed_gives_the_same_file_and_another_another(tmp_path: Path) -> None:
    train(tmp_path)
    first = (tmp_path / "0.safetensors").read_bytes()
    torch.manual_seed(7)  # whatever was drawn before must not matter
    before = torch.get_rng_state()
    train(tmp_path)
    assert (tmp_path / "0.safetensors").read_bytes() == first
    assert torch.equal(torch.get_rng_state(), before)
    train(tmp_path, seed=1)
    assert (tmp_path / "1.safetensors").read_bytes() != first


def test_what_is_loaded_answers_as_what_was_saved(tmp_path: Path) -> None:
    network = train(tmp_path)
    frames = np.random.default_rng(0).integers(0, 256, (70, 20, 20, 3), np.uint8)
    loaded = SceneNetwork(tmp_path / "0.safetensors")
    assert loaded.facts == network.facts
    assert np.array_equal(loaded(frames), network(frames))


def test_a_held_out_folder_is_measured_on_and_not_trained_on(tmp_path: Path) -> None:
    pictures, other = places(tmp_path / "pictures"), places(tmp_path / "other", 4, seed=1)
    out = tmp_path / "n.safetensors"
    facts = train_scene_network(pictures, out, held_out=other, size=16, epochs=1, quiet=True).facts
    assert (facts.held_out, facts.trained_on) == (12, 30)
    (other / "dungeon").mkdir()
    (other / "attic" / "0.png").rename(other / "dungeon" / "0.png")
    with pytest.raises(InputError, match="'dungeon' is not among those known"):
        train_scene_network(pictures, out, held_out=other, size=16, quiet=True)


def test_temperature_and_calibration_by_hand() -> None:
    # right 3 times in 4 with logits (2, 0): the best temperature makes the posterior 3/4, so 2 / T = ln 3
    logits = torch.tensor([[2.0, 0.0]] * 4)
    truth = torch.tensor([0, 0, 0, 1])
    assert best_temperature(logits, truth) == pytest.approx(2 / np.log(3), rel=0.02)
    # confidences .9 (right, wrong) and .5 (right): |1 + 0 - 1.8| / 3 + |1 - .5| / 3
    posteriors = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.5, 0.5]])
    assert calibration_error(posteriors, torch.tensor([0, 1, 0])) == pytest.approx((0.8 + 0.5) / 3)


def test_augmentation_varies_with_the_generator_alone() -> None:
    pictures = torch.linspace(-1, 1, 8 * 8).view(1, 1, 8, 8).expand(4, 3, 8, 8).contiguous()
    one = augment(pictures, torch.Generator().manual_seed(0))
    assert one.shape == pictures.shape
    assert torch.equal(one, augment(pictures, torch.Generator().manual_seed(0)))
    assert not torch.equal(one[0], one[1])


def test_bad_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.safetensors: no such file"):
        SceneNetwork(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    for name in ("text", "other"):
        with pytest.raises(InputError, match=rf"{name}\.safetensors: not a scene network"):
            SceneNetwork(tmp_path / f"{name}.safetensors")
    for name in ("attic", "beach"):
        (tmp_path / "few" / name).mkdir(parents=True)
        (tmp_path / "few" / name / "a.png").write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3)))[1].tobytes())
    with pytest.raises(InputError, match="attic: one picture; at least 2"):
        train_scene_network(tmp_path / "few", tmp_path / "n.safetensors", quiet=True)
