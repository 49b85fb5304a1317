"""Small batches for the tests of methods."""

import torch
from torch import Tensor, nn

from sceneproof.backbones.wrapped import Wrapped
from sceneproof.methods.base import Method
from sceneproof.types import Batch


class PerChannel(nn.Module):
    """Features are the clip's channel means times a weight of 1 each: numbers that can be worked out by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, video: Tensor) -> Tensor:
        return video.mean(dim=(2, 3, 4)) * self.weight


def per_channel() -> Wrapped:
    return Wrapped(PerChannel(), 3)


def clips(*features: tuple[float, float, float]) -> Tensor:
    """Clips (B, 3, 1, 1, 1) whose features are these."""
    return torch.tensor(features, dtype=torch.float32).reshape(-1, 3, 1, 1, 1)


def identity(linear: nn.Module) -> None:
    """Makes a linear layer return its input: logits are features."""
    assert isinstance(linear, nn.Linear)
    nn.init.eye_(linear.weight)
    nn.init.zeros_(linear.bias)


def batch(
    video: Tensor | None,
    actions: list[int],
    *,
    scene: Tensor | None = None,
    has_scene: list[bool] | None = None,
    without_humans: Tensor | None = None,
    has_twin: list[bool] | None = None,
    scenes: int = 3,
) -> Batch:
    count = len(actions)
    return Batch(
        video=video,
        action=torch.tensor(actions),
        row=torch.arange(count),
        scene=torch.zeros(count, scenes) if scene is None else scene,
        without_humans=without_humans,
        has={
            "scene": torch.tensor([scene is not None] * count if has_scene is None else has_scene),
            "without_humans": torch.tensor([False] * count if has_twin is None else has_twin),
        },
    )


def random_batch(count: int = 4, twins: int = 3, *, size: tuple[int, int, int] = (4, 16, 16), scenes: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(1)
    return batch(
        torch.randn(count, 3, *size, generator=generator),
        [number % 5 for number in range(count)],
        scene=torch.rand(count, scenes, generator=generator).softmax(dim=1),
        without_humans=torch.randn(twins, 3, *size, generator=generator),
        has_twin=[number < twins for number in range(count)],
    )


def gradients(method: Method, loss: Tensor) -> dict[str, Tensor]:
    """The gradient of a loss on each part of a method, as one vector; zeros where there is none."""
    method.zero_grad()
    torch.autograd.backward(loss)
    return {
        name: torch.cat([torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters])
        for name, parameters in method.groups().items()
    }
