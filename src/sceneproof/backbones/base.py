"""What a backbone is."""

from collections.abc import Mapping, Sequence

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

    def published(self, state: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor] | None:
        """A published file's weights under this network's keys, where only it can know them.

        Args:
            state: all tensors of the file, by their own names.
            source: what to call the file in messages.

        Returns:
            None, by default: `weights.parts_of` knows the family's keys.
        """
        return None

    def taken_from(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Of the weights of a network of the same family, those that this one has a place for; by default all."""
        return state

    def forward(self, video: Tensor) -> Tensor:
        """Features (B, D, T', H', W') of a normalised video (B, C, T, H, W)."""
        raise NotImplementedError  # each family says how

    # Localization wants features at a fine step in time, and the network's last stage on segments cut from these. A
    # family that is no sequence of stages is all lower, and the last stage does nothing.

    @property
    def lower_dim(self) -> int:
        """Channels of what `lower` gives."""
        return self.dim

    @property
    def lower_stride(self) -> tuple[int, int, int]:
        """Frames, rows and columns that one feature of `lower` covers."""
        return self.stride

    @property
    def stem(self) -> Sequence[nn.Module]:
        """The first layers, which transfer to another task may leave as they are; empty where there is no such part."""
        return ()

    def __init_subclass__(cls) -> None:
        """Refuses a class that divides itself, and does not say which modules lie below: all of it would be frozen."""
        super().__init_subclass__()
        if cls.lower is not Backbone.lower and cls.lower_parts is Backbone.lower_parts:
            raise TypeError(
                f"{cls.__name__} defines `lower`: define `lower_parts`, too, the modules that it runs through"
            )

    @property
    def lower_parts(self) -> Sequence[nn.Module]:
        """The modules that `lower` runs through, which `--freeze lower` leaves as they are: define both, or none."""
        return (self,)

    def lower(self, video: Tensor) -> Tensor:
        """Features (B, D', T', H', W') of a video (B, C, T, H, W), before the last stage."""
        features: Tensor = self(video)
        return features

    def upper(self, features: Tensor) -> Tensor:
        """The last stage on features (N, D', T', H', W'): (N, D, T", H", W")."""
        return features


def start_at_features(backbone: Backbone) -> None:
    """From now on this backbone takes what its own `lower` gives in place of videos, and runs `upper` alone.

    Its weights, names and files stay those of the whole network.
    """
    backbone.forward = backbone.upper  # type: ignore[method-assign, assignment]  # of this one alone
