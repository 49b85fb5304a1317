"""What methods with a biased branch or an adversary share: a view of each clip in which the action can only be guessed.

Three views are known: the soft scene label, the human-masked twin, and a still clip, one frame of it shown all along.
"""

import copy
from dataclasses import replace
from typing import Literal, cast, get_args

import numpy as np
import torch
from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method, pooled
from sceneproof.methods.batch_norm import second_pass
from sceneproof.types import Batch, Need

View = Literal["scenes", "without_humans", "still"]
FIELDS = {"scenes": "scene", "without_humans": "without_humans", "still": "second"}
"""By view: the field of a batch that holds it, in which `Batch.has` says which clips have it."""
Frame = Literal["random", "middle"] | int


class BiasedView(Method):
    """A method that has a biased view of M of a batch's B clips. A clip without the view is trained on as it is.

    Attributes:
        bias: where the view comes from.
        over: the batch's field for it: `batch.mean(values, over=self.over)` is the mean over the clips that have it.
        frame: which frame a still clip shows.
    """

    def __init__(self, backbone: Backbone, facts: Facts, bias: View, frame: Frame = "random") -> None:
        """Makes what the methods share.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            bias: "scenes", soft scene labels; "without_humans", masked twins; "still", one frame in place of all.
            frame: Of the still clip: "random", drawn anew each time; "middle"; or its number.

        Raises:
            InputError: an unknown view or frame, or scene labels that are not there.
        """
        super().__init__(backbone, facts)
        name = type(self).__name__
        if bias not in FIELDS:
            raise InputError(f"{name}: unknown bias {bias!r}; known: {', '.join(get_args(View))}")
        if isinstance(frame, str) and frame not in ("random", "middle"):
            raise InputError(f"{name}: frame must be random, middle or a number, not {frame!r}")
        if bias == "scenes" and facts.scenes < 2:
            raise InputError(
                f"{name}: bias 'scenes' needs scene labels of at least 2 classes, not {facts.scenes}: give --scenes "
                f"TABLE, or take another bias: without_humans or still"
            )
        self.bias, self.frame, self.over = bias, frame, FIELDS[bias]
        needs = cast(set[Need], {self.over} - {"second"})
        self.needs = frozenset(needs)
        self.view_dim = facts.scenes if bias == "scenes" else backbone.dim

    @property
    def mixes_pixels(self) -> bool:
        """Still clips are made of pixels."""
        return self.bias == "still"

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Adds still clips as the batch's second ones, where they are the biased view."""
        if self.bias != "still" or batch.video is None:
            return batch
        shown = self._frames(batch, batch.video.shape[2], rng)
        has = {**batch.has, "second": torch.ones_like(batch.row, dtype=torch.bool)}
        return replace(batch, second=still(batch.video, shown), has=has)

    def _frames(self, batch: Batch, length: int, rng: np.random.Generator) -> Tensor:
        """The frame that each still clip shows, int64 (B,)."""
        if self.frame == "random":
            drawn = np.empty(len(batch.row), np.int64)
            drawn[batch.row.argsort(stable=True).cpu().numpy()] = rng.integers(length, size=len(batch.row))
            return torch.from_numpy(drawn).to(batch.row.device)
        number = length // 2 if self.frame == "middle" else int(self.frame)
        if not -length <= number < length:
            raise InputError(f"{type(self).__name__}: frame {number} of clips of {length} frames")
        return torch.full_like(batch.row, number % length)

    def which(self, batch: Batch) -> Tensor:
        """Which clips have the view, bool (B,), M of them."""
        return batch.has[self.over]

    def biased_clips(self, batch: Batch) -> Tensor:
        """The masked twins or still clips, (M, C, T, H, W), in the order of the clips that have one."""
        clips = getattr(batch, self.over)
        assert isinstance(clips, Tensor)
        return clips

    def view(self, batch: Batch) -> Tensor:
        """What a biased branch sees of M clips, (M, view_dim), without a gradient.

        Scene labels as they are; of masked twins and still clips the backbone's features, which do not learn by it.
        """
        if self.bias == "scenes":
            assert batch.scene is not None
            return batch.scene[self.which(batch)]
        clips, everywhere = self.biased_clips(batch), batch.share(self.over)
        with torch.no_grad(), second_pass(self.backbone, len(clips), moving=False, everywhere=everywhere):
            return pooled(self.backbone, clips)

    def spread(self, values: Tensor, batch: Batch, *, otherwise: float) -> Tensor:
        """Values (M, A) of the clips that have the view in the rows of all, (B, A); `otherwise` in the others."""
        which = self.which(batch)
        rows = values.new_full((len(which), *values.shape[1:]), otherwise)
        return rows.masked_scatter(which[:, None].expand_as(rows), values)


def still(video: Tensor, frame: Tensor) -> Tensor:
    """Clips that show one frame all along, (B, C, T, H, W).

    Args:
        video: (B, C, T, H, W).
        frame: int64 (B,), the frame of each.
    """
    shown = video[torch.arange(len(video), device=video.device), :, frame]
    return shown[:, :, None].expand_as(video).contiguous()


def classifier(dim: int, actions: int, hidden: int) -> nn.Sequential:
    """A classifier of vectors (N, dim): `hidden` times Linear and ReLU of the same width, then Linear."""
    layers = [part for _ in range(hidden) for part in (nn.Linear(dim, dim), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(dim, actions))


def anew(backbone: Backbone) -> Backbone:
    """Another backbone of the same make, with random weights of its own where its layers know how to draw them."""
    other = copy.deepcopy(backbone)
    for part in other.modules():
        draw = getattr(part, "reset_parameters", None)
        if callable(draw):
            draw()
    return other
