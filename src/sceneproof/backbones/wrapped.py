"""A network of your own as a backbone."""

import importlib
import inspect
from typing import ClassVar

from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError


class Wrapped(Backbone):
    """Any `nn.Module` that turns a video (B, 3, T, H, W) into features (B, D, T', H', W') or (B, D)."""

    imports: ClassVar[tuple[str, ...]] = ("module",)
    """Arguments that are import paths: taken from a file only where they are trusted (`sceneproof.trust`)."""

    def __init__(
        self,
        module: nn.Module | str,
        dim: int,
        *,
        stride: tuple[int, int, int] = (1, 1, 1),
        mean: tuple[float, float, float] = Backbone.mean,
        std: tuple[float, float, float] = Backbone.std,
        smallest: tuple[int, int, int] = (1, 1, 1),
    ) -> None:
        """Wraps a module.

        Args:
            module: The network, or the import path ("package.module.name") of a class or function that makes it when
                called without arguments. Only what is given by path can be written into a run's configuration.
            dim: D, the number of features it returns.
            stride: Frames, rows and columns of the clip that one feature covers; for features (B, D) it is not used.
            mean: Per channel, of pixels from 0 to 255: subtracted before the network.
            std: Per channel, of pixels from 0 to 255: divided by.
            smallest: Frames, height and width of the smallest clip that the network takes.

        Raises:
            InputError: the path cannot be imported, or does not make a module.
        """
        super().__init__()
        self.network = _imported(module) if isinstance(module, str) else module
        if not isinstance(self.network, nn.Module):
            raise InputError(f"Wrapped: {module!r} is or makes no torch.nn.Module, but {type(self.network).__name__}")
        self.dim, self.stride, self.mean, self.std, self.smallest = dim, stride, mean, std, smallest

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses a clip below the smallest.

        Raises:
            InputError: names the network, the size given and the smallest it takes.
        """
        if any(given < least for given, least in zip((frames, height, width), self.smallest, strict=True)):
            raise InputError(
                f"{type(self.network).__name__}: takes clips of at least {self.smallest[0]} frames of "
                f"{self.smallest[1]} x {self.smallest[2]} pixels, not {frames} of {height} x {width}"
            )

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T', H', W') of a normalised video (B, 3, T, H, W).

        Raises:
            InputError: the network returns something else, or another number of features than `dim`.
        """
        features = self.network(video)
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        if not isinstance(features, Tensor) or features.ndim not in (2, 5) or features.shape[1] != self.dim:
            raise InputError(
                f"{type(self.network).__name__}: must return features (B, {self.dim}, T', H', W') or (B, {self.dim}), "
                f"but returned {shape}"
            )
        return features if features.ndim == 5 else features[:, :, None, None, None]


def _imported(path: str) -> nn.Module:
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        make = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"Wrapped: {path!r} cannot be imported: {error}") from None
    if not callable(make) or (inspect.isclass(make) and not issubclass(make, nn.Module)):
        what = make.__name__ if inspect.isclass(make) else type(make).__name__
        raise InputError(f"Wrapped: {path!r} is or makes no torch.nn.Module, but {what}")
    try:
        network: nn.Module = make()
    except TypeError as error:
        raise InputError(f"Wrapped: {path!r} cannot be called without arguments: {error}") from error
    return network
