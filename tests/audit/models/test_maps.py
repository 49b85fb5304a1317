import numpy as np
import pytest
import torch
from torch import nn

from sceneproof.audit.models.cam import class_activation_map
from sceneproof.audit.models.maps import grad_cam, over_time, watching


def test_two_tokens_by_hand() -> None:
    """Tokens (1, 2) and (3, -1); class 1 adds 2 x first - second of their mean: each token gets half of that."""
    tokens = torch.tensor([[[1.0, 2.0], [3.0, -1.0]]], requires_grad=True)
    scores = tokens.mean(1) @ torch.tensor([[0.0, 2.0], [0.0, -1.0]])
    # gradient (1, -1/2) at both: 1 - 1 = 0; 3 + 1/2
    np.testing.assert_allclose(grad_cam(tokens, scores, torch.tensor([1])), [[0, 3.5]])


def test_what_speaks_against_a_class_is_no_evidence() -> None:
    tokens = torch.tensor([[[1.0], [-2.0]]], requires_grad=True)
    assert grad_cam(tokens, tokens.sum(1), torch.tensor([0])).tolist() == [[1, 0]]


def test_behind_a_mean_and_a_linear_head_it_is_the_class_activation_map() -> None:
    torch.manual_seed(0)
    features = torch.randn(3, 5, 2, 4, 6, requires_grad=True)
    head, classes = nn.Linear(5, 4), torch.tensor([2, 0, 3])
    found = grad_cam(features, head(features.mean((2, 3, 4))), classes, channels=1)
    expected = class_activation_map(features.detach(), head.weight[classes], (2, 4, 6))
    scaled = found / found.amax((1, 2, 3), keepdim=True)
    np.testing.assert_allclose(scaled, expected.detach(), atol=1e-6)
    assert expected.amax() > 0


def test_each_frame_has_the_map_of_its_features() -> None:
    found = over_time(torch.tensor([[[[1.0]], [[2.0]]]]), 4)
    assert found[0, :, 0, 0].tolist() == [1, 1, 2, 2]


def test_no_hook_is_left_behind_and_nothing_before_the_block_is_traced() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 3)).requires_grad_(False)
    with pytest.raises(RuntimeError), watching(network[1], network[2]):
        network(torch.zeros(1, 5))
    assert not network[1]._forward_hooks
    with torch.enable_grad(), watching(network[1], network[2]) as seen:
        scores = network(torch.ones(1, 2))
    assert seen.places is not None
    assert seen.places.is_leaf
    assert seen.given is seen.places
    assert scores.requires_grad
