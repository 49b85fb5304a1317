"""What methods that mix clips share: who is mixed, with whom, with which frame and by how much.

All of it is drawn in the order of the batch's rows, so that the batch's order changes nothing, and no clip ever changes
its place: two published trainers reorder the batch, and one of them leaves the labels behind.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method
from sceneproof.types import Batch


class Mixing(Method):
    """A method that mixes each clip, with a probability, with something else. What it mixes, `augment` says."""

    def __init__(self, backbone: Backbone, facts: Facts, *, probability: float, alone: bool = False) -> None:
        """Makes what mixing methods share.

        Args:
            backbone: The video network to train.
            facts: What the data knows.
            probability: Of a clip to be mixed, each for itself.
            alone: Whether a clip can be mixed that is alone in its batch.

        Raises:
            InputError: a number that is no probability, or batches of a single clip, which has no partner.
        """
        super().__init__(backbone, facts)
        name = type(self).__name__
        if not 0 <= probability <= 1:
            raise InputError(f"{name}: probability is from 0 to 1: {probability=}")
        if facts.steps and facts.rows // facts.steps < 2 and not alone:
            raise InputError(
                f"{name}: mixes a clip with another one of its batch, and batches have a single clip: give a larger "
                f"--optimisation.batch"
            )
        self.probability, self.least_clips = probability, 1 if alone else 2

    def mixed_actions(self, batch: Batch, partner: Tensor, own: Tensor) -> Tensor:
        """Probabilities of the actions, (B, A): a share `own` (B,) of the clip's, the rest of its partner's (B,)."""
        actions = one_hot(batch.action, self.actions).float()
        share = own.to(actions)[:, None]
        return share * actions + (1 - share) * actions[partner.to(actions.device)]


@dataclass(frozen=True)
class Draws:
    """Random numbers for the B clips of a batch, on the processor, in the batch's order.

    Attributes:
        order: int64 (B,), the clips' places by their rows: the order in which numbers are drawn.
        rng: what they are drawn from.
    """

    order: NDArray[np.int64]
    rng: np.random.Generator

    @classmethod
    def of(cls, batch: Batch, rng: np.random.Generator) -> "Draws":
        """Draws for a batch."""
        return cls(batch.row.argsort(stable=True).cpu().numpy(), rng)

    def uniform(self, *shape: int) -> Tensor:
        """Float64 (B, *shape), from 0 to 1."""
        return self._placed(self.rng.random((len(self.order), *shape)))

    def beta(self, first: float, second: float) -> Tensor:
        """Float64 (B,), from Beta(first, second)."""
        return self._placed(self.rng.beta(first, second, len(self.order)))

    def chosen(self, probability: float) -> Tensor:
        """Bool (B,), each with this probability."""
        return self.uniform() < probability

    def below(self, count: int) -> Tensor:
        """Int64 (B,), numbers from 0 to count - 1."""
        return (self.uniform() * count).long().clamp(max=count - 1)

    def partners(self, among: Tensor | None = None) -> Tensor:
        """Int64 (B,), each clip's partner in the batch: never itself, unless it has no other.

        Clips stand in a random circle, and each one's partner is the one before it: everyone is a partner once.

        Args:
            among: bool (B,), clips that have a partner and are one; the others are their own. By default all.
        """
        order = self.order if among is None else self.order[among.cpu().numpy()[self.order]]
        circle = order[self.rng.permutation(len(order))]
        partners = np.arange(len(self.order))
        partners[circle] = np.roll(circle, 1)
        return torch.from_numpy(partners)

    def _placed(self, values: NDArray[np.float64]) -> Tensor:
        """What was drawn row by row, in the batch's order."""
        placed = np.empty_like(values)
        placed[self.order] = values
        return torch.from_numpy(placed)


def fewer(batch: Batch, over: str, share: float, progress: float) -> Batch:
    """A batch in which fewer clips have their masked twins or second clips: a step costs less.

    Those that keep them are drawn by their rows and the progress alone: whatever the batch's order, and the same again
    when a run is resumed.

    Args:
        batch: any.
        over: the field, "without_humans" or "second".
        share: of the M clips that have it, above 0: so many keep it, but two at least, for batch normalisation's sake.
        progress: of the training, from 0 to 1.
    """
    clips = getattr(batch, over)
    if share >= 1 or clips is None:
        return batch
    place = batch.has[over].nonzero()[:, 0]
    order = batch.row[place].argsort(stable=True).cpu().numpy()
    drawn = np.random.default_rng(int(progress * 2**40)).permutation(order)
    kept = torch.from_numpy(np.sort(drawn[: max(round(share * len(place)), 2)])).to(place.device)
    has = torch.zeros_like(batch.has[over]).index_fill(0, place[kept], True)
    return replace(batch, **{over: picked(clips, kept)}, has={**batch.has, over: has})


def others(partner: Tensor) -> Tensor:
    """Bool (B,): which clips have a partner (B,) other than themselves."""
    return partner != torch.arange(len(partner))


def picked(clips: Tensor, places: Tensor) -> Tensor:
    """New clips (N, ...): those of a batch (B, ...) at some places, int64 (N,)."""
    rows = clips.flatten(1).index_select(0, places.to(clips.device))  # a third of the time of clips[places]
    return rows.reshape(len(places), *clips.shape[1:])


def frames_of(video: Tensor, clip: Tensor, frame: Tensor) -> Tensor:
    """A frame a clip, as clips of one frame (N, C, 1, H, W).

    Args:
        video: (B, C, T, H, W).
        clip: int64 (N,), places in the batch.
        frame: int64 (N,), from 0 to T - 1.
    """
    return video[clip.to(video.device), :, frame.to(video.device)][:, :, None]


def blended(video: Tensor, other: Tensor, own: Tensor) -> Tensor:
    """Clips blended with others, own · video + (1 - own) · other; where `own` is 1 they keep their bits.

    Args:
        video: (B, C, T, H, W), from 0 on.
        other: of the same shape, or with one frame, which then stands still; it is written over.
        own: from 0 to 1: (B,), or of five dimensions that spread over those of the clips.
    """
    share = own.to(video).reshape(*own.shape, *[1] * (video.dim() - own.dim()))
    return other.expand_as(video).contiguous().lerp_(video, share)  # in place: a new clip takes longer than arithmetic
