"""What a backbone is."""

from torch import Tensor, nn


class Backbone(nn.Module):
    """Video (B, C, T, H, W), normalised with `mean` and `std`, to features (B, D, T', H', W').

    Attributes:
        dim: D, the number of features.
        stride: (time, height, width): one feature covers that many frames and pixels.
        mean: per channel, in the 0-255 range: subtracted from the pixels.
        std: per channel, in the 0-255 range: the pixels are divided by it.
    """

    dim: int
    stride: tuple[int, int, int]
    mean: tuple[float, float, float] = (114.7748, 107.7354, 99.4750)  # ActivityNet's, as the released code has it
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def check(self, frames: int, height: int, width: int) -> None:
        """Refuses a clip size that the network cannot take.

        Raises:
            InputError: names the backbone, the size given and the sizes it takes.
        """

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T', H', W') of a normalised video (B, C, T, H, W)."""
        raise NotImplementedError  # each family says how
