import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sceneproof.audit.models.cam import area_of_person, class_activation_map, explain, share_on_person
from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method
from sceneproof.pages.pictures import outline, shade


class Identity(Backbone):
    """Pixels are features."""

    dim, stride = 3, (1, 1, 1)

    def forward(self, video: Tensor) -> Tensor:
        return video


def test_map_by_hand() -> None:
    # two features on a grid of 1 x 1 x 3, weights (2, -1): 2·(1, 2, 0) - (0, 2, 1) = (2, 2, -1) -> (1, 1, 0)
    features = torch.tensor([[1.0, 2.0, 0.0], [0.0, 2.0, 1.0]]).reshape(1, 2, 1, 1, 3)
    maps = class_activation_map(features, torch.tensor([[2.0, -1.0]]), (1, 1, 3))
    assert maps.flatten().tolist() == [1, 1, 0]


def test_map_is_scaled_up_to_the_clip() -> None:
    # linear between the centres of the two cells, constant beyond: 0, 1/4, 3/4, 1
    features = torch.tensor([0.0, 4.0]).reshape(1, 1, 1, 1, 2)
    maps = class_activation_map(features, torch.ones(1, 1), (2, 2, 4))
    assert maps.shape == (1, 2, 2, 4)
    assert maps[0, 1, 1].tolist() == pytest.approx([0, 0.25, 0.75, 1])


def test_without_positive_evidence_the_map_is_zero() -> None:
    maps = class_activation_map(torch.ones(1, 1, 1, 2, 2), -torch.ones(1, 1), (1, 2, 2))
    assert maps.tolist() == torch.zeros(1, 1, 2, 2).tolist()


def test_explain_maps_the_class_that_is_named() -> None:
    method = Method(Identity(), Facts(2))
    with torch.no_grad():
        method.action_head.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]))
        method.action_head.bias.zero_()
    video = torch.zeros(1, 3, 2, 2, 2)
    video[0, 0, :, 0, 0] = 4  # evidence for class 0 in one corner: mean 1
    video[0, 1, :, 1, 1] = 8  # evidence for class 1 in another: mean 2
    probabilities, maps = explain(method, video)
    assert probabilities[0].tolist() == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e)])
    assert torch.allclose(probabilities, method.scores(video).softmax(1))
    assert maps[0, 0].tolist() == [[0, 0], [0, 1]]
    _, other = explain(method, video, torch.tensor([0]))
    assert other[0, 0].tolist() == [[1, 0], [0, 0]]


def test_a_head_that_is_not_linear_is_refused() -> None:
    method = Method(Identity(), Facts(2))
    method.action_head = nn.Sequential(nn.Linear(3, 2))  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"Method: .* linear action head"):
        explain(method, torch.zeros(1, 3, 1, 2, 2))


def test_share_on_person_by_hand() -> None:
    activation = np.array([[[1.0, 0.5], [0.5, 0.0]]])
    person = np.array([[[True, False], [True, False]]])
    assert share_on_person(activation, person) == 0.75
    assert area_of_person(person) == 0.5
    assert math.isnan(share_on_person(np.zeros((1, 2, 2)), person))


def test_an_even_map_scores_the_area() -> None:
    person = np.random.default_rng(0).random((3, 5, 7)) < 0.3
    assert share_on_person(np.ones((3, 5, 7)), person) == pytest.approx(area_of_person(person))


def test_shade_keeps_what_is_lit_and_darkens_the_rest() -> None:
    frames = np.full((1, 1, 2, 3), (200, 100, 0), np.uint8)
    shaded = shade(frames, np.array([[[1.0, 0.0]]], np.float32))
    assert shaded[0, 0].tolist() == [[200, 100, 0], [40, 40, 40]]


def test_outline_draws_the_rim_only() -> None:
    person = np.zeros((1, 7, 7), bool)
    person[0, 1:6, 1:6] = True
    drawn = outline(np.zeros((1, 7, 7, 3), np.uint8), person)[0, :, :, 0] == 255
    assert drawn.sum() == 16
    assert not drawn[2:5, 2:5].any()
