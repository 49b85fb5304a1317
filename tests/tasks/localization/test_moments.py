from collections.abc import Sequence

import pytest
import torch
from torch import nn

from sceneproof.backbones.base import Backbone
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.errors import InputError
from sceneproof.tasks.localization.localizer import moment_dim, moment_features, moments_of_video
from tests.tasks.localization.toys import steps


def test_a_backbone_without_a_last_stage_by_hand() -> None:
    backbone = steps(2)
    assert moment_dim(backbone) == 3
    video = torch.arange(4.0)[:, None, None].expand(1, 3, 4, 2, 2) * torch.tensor([1.0, 10.0, 0.0])[:, None, None, None]
    assert moment_features(backbone, video).tolist() == [[[0.5, 2.5], [5.0, 25.0], [0.0, 0.0]]]


def test_the_last_stage_is_resampled_to_the_lower_grid() -> None:
    torch.manual_seed(0)
    backbone = ResNet3D(10, width=4).eval()
    video = torch.randn(2, 3, 48, 16, 16)
    with torch.no_grad():
        features = moment_features(backbone, video)
        lower = backbone.lower(video)
        upper = backbone.upper(lower).mean(dim=(3, 4))
    assert features.shape == (2, moment_dim(backbone), 6)
    torch.testing.assert_close(features[:, : backbone.lower_dim], lower.mean(dim=(3, 4)))
    # of 3 to 6 moments: the first is the first, the second a quarter of the way to the next
    found = features[:, backbone.lower_dim :]
    torch.testing.assert_close(found[:, :, 0], upper[:, :, 0])
    torch.testing.assert_close(found[:, :, 1], 0.75 * upper[:, :, 0] + 0.25 * upper[:, :, 1])


@pytest.mark.parametrize("ceil", [True, False])
def test_each_moment_of_an_odd_number_has_the_last_stages_features_of_its_own_time(ceil: bool) -> None:
    """Of frames that tell their time, the last stage's tell it too: but for the ends, where there is no neighbour."""

    class Halving(Backbone):
        dim, stride, lower_dim, lower_stride = 3, (2, 1, 1), 3, (1, 1, 1)

        @property
        def lower_parts(self) -> Sequence[nn.Module]:
            return ()

        def lower(self, video: torch.Tensor) -> torch.Tensor:
            return video

        def upper(self, features: torch.Tensor) -> torch.Tensor:
            return nn.functional.avg_pool3d(features, (2, 1, 1), ceil_mode=ceil)

    time = torch.arange(13.0)
    features = moment_features(Halving(), time[:, None, None].expand(1, 3, 13, 2, 2))
    assert features.shape == (1, 6, 13)
    torch.testing.assert_close(features[0, 3, 1:11], time[1:11])


def test_a_frozen_backbone_has_no_graph() -> None:
    backbone = ResNet3D(10, width=4)
    video = torch.randn(2, 3, 16, 16, 16)
    assert moment_features(backbone, video).requires_grad
    backbone.requires_grad_(False)
    assert not moment_features(backbone.eval(), video).requires_grad


def test_which_moments_are_of_the_video() -> None:
    found = moments_of_video(torch.tensor([16, 9, 8, 1, 0]), 8, 3)
    assert found.tolist() == [[True, True, False], [True, True, False], *[[True, False, False]] * 3]


def test_a_backbone_that_does_not_keep_time_is_refused() -> None:
    backbone = steps(4)
    backbone.stride = (2, 1, 1)
    with pytest.raises(InputError, match="2 features in time with a stride of 2 frames do not cover 8 frames"):
        moment_features(backbone, torch.zeros(1, 3, 8, 2, 2))
