"""FAME: Ding et al., "Motion-Aware Contrastive Video Representation Learning", CVPR 2022: foreground merging."""

from dataclasses import replace
from math import ceil, pi
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.mixing import Draws, Mixing, others
from sceneproof.types import Batch

Hue = Literal["released", "proper"]
Mask = Literal["motion", "people"]
LEVELS = 10
"""Bins of a colour along each of its three axes."""


class FAME(Mixing):
    """Puts what moves in each clip into another clip of the batch, whose action does not count.

    x~ = x M + x' (1 - M), y~ = y. M is found in the pixels: where they change most, and where colours are as there.
    It always covers a share β of the clip, whatever moves: the edges of the background too, under a moving camera.
    Clips in which nothing changes at all stay as they are.

    Losses: "L_CE".

    Source: Ding et al., "Motion-aware Contrastive Video Representation Learning via Foreground-background Merging",
    CVPR 2022, and its released code (github.com/Mark12Ding/FAME, Apache-2.0), where a clip may be merged with itself.
    """

    def __init__(
        self,
        backbone: Backbone,
        facts: Facts,
        *,
        probability: float = 0.5,
        beta: float = 0.5,
        hue: Hue = "released",
        mask: Mask = "motion",
    ) -> None:
        """Makes the method.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            probability: Of a clip to be mixed, each for itself.
            beta: The share of the clip that is foreground.
            hue: How colours are compared: "released", as the authors' code, which takes a hue in radians for one in
                turns and winds it six times round, or "proper".
            mask: What the foreground is: "motion", the paper's, or the "people" of a table of boxes or masks, which is
                ours: what the method would do if it knew who moves.

        Raises:
            InputError: a number that is no probability, beta not between 0 and 1, an unknown hue or mask, or batches of
                a single clip.
        """
        super().__init__(backbone, facts, probability=probability)
        if not 0 < beta < 1 or hue not in get_args(Hue) or mask not in get_args(Mask):
            raise InputError(
                f"FAME: beta is above 0 and below 1, hue {' or '.join(get_args(Hue))}, mask "
                f"{' or '.join(get_args(Mask))}: {beta=}, {hue=}, {mask=}"
            )
        self.beta, self.hue, self.mask = beta, hue, mask
        self.needs = frozenset({"people"} if mask == "people" else set())

    def check(self, frames: int, size: int) -> None:
        """Raises InputError for clips of a single frame, in which nothing moves."""
        if frames < 2 and self.mask == "motion":
            raise InputError(
                "FAME: finds the foreground by what moves, and clips have a single frame: give --task.clip.length 2 or "
                "more, or --method.mask people"
            )

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Merges each clip that has a foreground, with `probability`, with the background of another one."""
        assert batch.video is not None
        draws, video = Draws.of(batch, rng), batch.video
        chosen, partner = draws.chosen(self.probability), draws.partners()
        places = (chosen & others(partner)).nonzero().flatten()
        rows, partners = places.to(video.device), partner[places].to(video.device)
        own = video[rows]
        mask = foreground(own, beta=self.beta, hue=self.hue)[:, None] if batch.people is None else batch.people[rows]
        nothing = ~mask.flatten(1).any(dim=1)[:, None, None, None]
        mixed = video.clone()
        mixed[rows] = torch.where((mask | nothing)[:, None], own, video[partners])
        return replace(batch, video=mixed)


def foreground(video: Tensor, *, beta: float = 0.5, hue: Hue = "released") -> Tensor:
    """Where the foreground of clips is, bool (B, H, W): `beta` of each clip, rounded up; none where nothing changes.

    Args:
        video: (B, 3, T, H, W), from 0 to 1.
        beta: the share that is foreground.
        hue: see `FAME`.
    """
    count, _, _, height, width = video.shape
    pixels = height * width
    change = video.diff(dim=2).abs().sum(dim=(1, 2))[:, None]
    motion = blurred(change).flatten(1)
    bins = colours(video.mean(dim=2), hue).flatten(1)
    front = _shares(bins, motion.topk(pixels // 2).indices)
    back = _shares(bins, motion.topk(pixels // 10, largest=False).indices, more=1.0)
    likely = (front / (front + back)).gather(1, bins)
    highest = blurred(likely.reshape_as(change)).flatten(1).topk(ceil(beta * pixels)).indices
    mask = torch.zeros_like(likely, dtype=torch.bool).scatter(1, highest, True)
    return mask.reshape(count, height, width) & (change > 0).any(dim=3, keepdim=True).any(dim=2)


def blurred(pictures: Tensor) -> Tensor:
    """Pictures (B, 1, H, W) blurred by a Gaussian of a tenth of their shorter side, with a third of that as sigma."""
    size = int(0.1 * min(pictures.shape[2:])) // 2 * 2 + 1
    place = torch.arange(size, device=pictures.device, dtype=pictures.dtype) - size // 2
    kernel = torch.exp(-((place / (size / 3)) ** 2) / 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(pictures, [size // 2] * 4, mode="reflect")
    return functional.conv2d(functional.conv2d(padded, kernel[None, None, None, :]), kernel[None, None, :, None])


def colours(pictures: Tensor, hue: Hue) -> Tensor:
    """The colour of each pixel, int64 (B, H, W) from 0 to 999: ten bins along each axis of the cone of HSV.

    Args:
        pictures: (B, 3, H, W), from 0 to 1.
        hue: see `FAME`.
    """
    turn, saturation, value = hsv(pictures)
    angle = 2 * pi * turn * (2 * pi if hue == "released" else 1)
    along = (saturation * angle.cos() + 1) / 2, (saturation * angle.sin() + 1) / 2, value
    across, up, height = (torch.round((LEVELS - 1) * each).long() for each in along)
    return across + LEVELS * up + LEVELS**2 * height


def hsv(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in turns, saturation and value, each (B, H, W) and from 0 to 1, of RGB pictures (B, 3, H, W) from 0 to 1."""
    value, largest = pictures.max(dim=1)
    chroma = value - pictures.amin(dim=1)
    red, green, blue = pictures.unbind(dim=1)
    sixths = torch.stack([green - blue, blue - red, red - green]) / chroma.where(chroma > 0, 1.0)
    sixths = sixths + 2.0 * torch.arange(3, device=pictures.device).view(3, 1, 1, 1)
    turn = (sixths.gather(0, largest[None])[0] / 6) % 1
    return turn, chroma / (value + 1e-8), value


def _shares(bins: Tensor, places: Tensor, more: float = 0.0) -> Tensor:
    """How often each colour is at some places, (B, 1000), as shares; `more` is added to each count."""
    counts = torch.full((len(bins), LEVELS**3), more, device=bins.device)
    counts.scatter_add_(1, bins.gather(1, places), torch.ones_like(places, dtype=counts.dtype))
    return counts / counts.sum(dim=1, keepdim=True)
