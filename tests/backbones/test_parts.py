"""The two parts of every backbone: what is frozen is what lies below, and no more."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sceneproof.backbones import C3D, I3D, S3DG, VGG16, Backbone, BNInception, ImageNetwork, InceptionV3, ResNet3D

DIVIDED: dict[str, tuple[Callable[[], Backbone], tuple[int, ...]]] = {
    "ResNet3D": (lambda: ResNet3D(10, width=4), (1, 3, 2, 32, 32)),
    "C3D": (C3D, (1, 3, 16, 32, 32)),
    "I3D": (lambda: I3D(split="Mixed_3c"), (1, 3, 8, 32, 32)),
    "S3DG": (S3DG, (1, 3, 8, 32, 32)),
    "BNInception": (BNInception, (1, 3, 1, 64, 64)),
    "InceptionV3": (InceptionV3, (1, 3, 1, 96, 96)),
    "VGG16": (lambda: VGG16(width=4), (1, 3, 2, 32, 32)),
    "ImageNetwork": (lambda: ImageNetwork("efficientnet_lite0", split=1), (1, 3, 1, 64, 64)),
}


@pytest.mark.parametrize("name", DIVIDED)
def test_lower_parts_are_what_lower_computes_with(name: str) -> None:
    torch.manual_seed(0)
    make, shape = DIVIDED[name]
    backbone = make().eval()
    torch.autograd.backward(backbone.lower(torch.randn(shape)).sum())
    reached = {label for label, weight in backbone.named_parameters() if weight.grad is not None}
    below = {id(weight) for part in backbone.lower_parts for weight in part.parameters()}
    assert reached == {label for label, weight in backbone.named_parameters() if id(weight) in below}
    assert 0 < len(reached) < len(list(backbone.parameters()))


def test_a_class_that_divides_itself_says_what_lies_below() -> None:
    with pytest.raises(TypeError, match="Halves defines `lower`: define `lower_parts`"):

        class Halves(Backbone):
            def lower(self, video: Tensor) -> Tensor:
                return video
