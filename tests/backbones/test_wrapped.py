import pytest
import torch
from torch import Tensor, nn

from sceneproof.backbones.wrapped import Wrapped
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.plain import Plain


class Pooled(nn.Module):
    def forward(self, video: Tensor) -> Tensor:
        return video.mean(dim=(2, 3, 4))


def test_pooled_features_get_a_grid_of_one() -> None:
    video = torch.randn(2, 3, 4, 5, 6)
    backbone = Wrapped(Pooled(), 3)
    assert backbone(video).shape == (2, 3, 1, 1, 1)
    assert torch.equal(Plain(backbone, Facts(4)).features(video), video.mean(dim=(2, 3, 4)))


def test_a_map_passes_through_and_its_parameters_learn() -> None:
    backbone = Wrapped(nn.Conv3d(3, 7, 2, stride=2), 7, stride=(2, 2, 2), mean=(1.0, 2.0, 3.0))
    assert backbone(torch.zeros(1, 3, 4, 6, 8)).shape == (1, 7, 2, 3, 4)
    assert len(list(backbone.parameters())) == 2
    assert backbone.mean == (1.0, 2.0, 3.0)


def test_an_import_path_makes_the_module() -> None:
    assert isinstance(Wrapped("tests.backbones.test_wrapped.Pooled", 3).network, Pooled)
    assert isinstance(Wrapped("tests.backbones.test_wrapped:Pooled", 3).network, Pooled)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module.Net", "'no_such_module.Net' cannot be imported"),
        ("torch.nn.Konv", "cannot be imported"),
        ("Net", "cannot be imported"),
        ("collections.OrderedDict", "makes no torch.nn.Module, but OrderedDict"),
    ],
)
def test_a_bad_path_is_named(path: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Wrapped(path, 3)


def test_other_features_than_promised_are_refused() -> None:
    with pytest.raises(InputError, match=r"Pooled: must return features \(B, 8, T', H', W'\).*returned \(2, 3\)"):
        Wrapped(Pooled(), 8)(torch.zeros(2, 3, 1, 1, 1))
    with pytest.raises(InputError, match=r"returned tuple"):
        Wrapped(nn.LSTM(3, 3), 3)(torch.zeros(2, 3, 3))


def test_too_small_a_clip_is_refused() -> None:
    with pytest.raises(InputError, match="Pooled: takes clips of at least 8 frames of 16 x 16 pixels, not 4"):
        Wrapped(Pooled(), 3, smallest=(8, 16, 16)).check(4, 16, 16)
