"""What a method is: the contract between a paper's way to train and the one training loop."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sceneproof.backbones.base import Backbone
from sceneproof.errors import InputError
from sceneproof.methods.batch_norm import is_synchronised
from sceneproof.methods.terms import cross_entropy, zero_of
from sceneproof.types import CLIPS, Batch, Need


class Learner(nn.Module):
    """What the training loop minimises: anything with named losses, whatever its task. Batches are its own kind.

    State that training builds up belongs into buffers: it is saved, resumed to the same bits, and the same on all
    processes if it follows from what `sceneproof.distributed` gathers.

    Attributes:
        backbone: the network below the heads.
        task: what it is trained for, in messages.
        least_clips: that a process needs in a batch.
        refuses_overflow: whether a trained one is to raise where its heads say what is no finite number.
        backbones: names of the parts that start from a pretrained backbone, and stay as they are where it is frozen.
    """

    backbone: Backbone
    backbones: Sequence[str] = ("backbone",)
    task: ClassVar[str]
    least_clips: int = 1
    refuses_overflow: ClassVar[bool] = True

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """The losses: what distributed wrappers call."""
        return self.losses(batch)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Scalars named as in the paper; the engine minimises their sum."""
        raise NotImplementedError  # the paper's equations go here

    def updates(self, batch: Any) -> list[Any]:
        """The optimiser steps of one batch, in order; more than one for papers that alternate."""
        return [batch]

    def idle(self) -> Sequence[nn.Module]:
        """Parts that the next optimiser step leaves as they are: no momentum and no weight decay moves them either.

        Their gradient must be there all the same (`terms.zero_of`), since distributed training waits for it.
        """
        return ()

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters by part: 'backbone' and one entry a head. Learning rates are set by these names."""
        parts = {name: list(part.parameters()) for name, part in self.named_children()}
        return {name: parameters for name, parameters in parts.items() if parameters}

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Called before an epoch's first step, and not again where a run goes on within it: for what buffers keep.

        Args:
            epoch: from 0.
            epochs: how many there are.
        """

    def begin_step(self, progress: float) -> None:
        """Called before every step: for schedules. `progress`: the share of all steps that is done, from 0 to 1."""

    def weights_of_rows(self) -> Tensor | None:
        """How often each row is drawn in an epoch, (rows,), in proportion; None: each once, in a random order.

        It may change in `begin_epoch` alone, and must follow from what is saved.
        """
        return None


@dataclass(frozen=True)
class Facts:
    """What the data knows before a network of any task is made: a method, a localizer, a detector.

    Attributes:
        actions: number of action classes.
        scenes: number of scene classes of the labels; 0 without labels.
        groups: number of groups of clips; 0 where they are not known.
        rows: number of training clips, or of a localizer's buffers; those that cannot be read count.
        steps: optimiser batches an epoch.
        epochs: of the training; 0 where a trained network is only asked.
        action_of_row: int64 (rows,), each training clip's action; None where one has several, and where a trained
            network is only asked.
        group_of_row: int64 (rows,), each training clip's group; None there and where groups are not known.
        weight_of_row: float64 (rows,), how often each training clip is to be drawn, in proportion; None where the
            manifest does not say.
        shows: what the training videos show: "rgb" or "flow".
    """

    actions: int
    scenes: int = 0
    groups: int = 0
    rows: int = 0
    steps: int = 0
    epochs: int = 0
    action_of_row: Tensor | None = None
    group_of_row: Tensor | None = None
    weight_of_row: Tensor | None = None
    shows: str = "rgb"

    def sizes_of_groups(self) -> Tensor:
        """Clips in each group, float (groups,); 1 each in a trained method, whose saved sizes take their place."""
        if self.group_of_row is None:
            return torch.ones(self.groups)
        return torch.bincount(self.group_of_row, minlength=self.groups).float()


@dataclass(frozen=True)
class Output:
    """What a method says of B clips: the one thing that validation, tests, pages and audits ask for.

    Attributes:
        scores: float (B, A), of the actions, before softmax.
        features: float (B, D), pooled: what probes and figures of leakage read.
        places: float (B, D, T', H', W'), the features of each place; None where scores do not come from places.
        weight: float (A, D): a score is the mean over places of weight · feature, plus a constant; None with `places`.
    """

    scores: Tensor
    features: Tensor
    places: Tensor | None = None
    weight: Tensor | None = None


class Method(Learner):
    """One paper's way to train a classifier. `Method(backbone, facts)`; further arguments are hyper-parameters.

    Attributes:
        needs: what its batches must carry besides clips, actions and rows; may depend on the hyper-parameters.
    """

    needs: frozenset[Need] = frozenset()
    task = "classification"
    refuses_overflow = False  # what it answers is checked where it is collected, clip by clip

    def __init__(self, backbone: Backbone, facts: Facts) -> None:
        super().__init__()
        self.backbone = backbone
        self.actions = facts.actions
        self._weight_of_row = facts.weight_of_row
        self.action_head = nn.Linear(backbone.dim, facts.actions)

    @property
    def mixes_pixels(self) -> bool:
        """Whether `augment` does anything, so that clips must be there as pixels: kept features are refused."""
        return type(self).augment is not Method.augment

    @property
    def asks_pixels(self) -> bool:
        """Whether `answer` makes other clips of those it is asked about: kept features are refused in tests, too."""
        return False

    def check(self, frames: int, size: int) -> None:
        """Refuses clips that it cannot be trained on, and reads the files that its training wants, before it starts.

        Args:
            frames: of a clip.
            size: height and width of a clip, in pixels.

        Raises:
            InputError: says why.
        """

    def digests(self) -> dict[str, Any]:
        """Of the files that `check` read, by name: a run is not gone on with by others."""
        return {}

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """The batch with its clips mixed, cut or masked, on the device; pixels are float from 0 to 1.

        Args:
            batch: before normalisation; in training only. New clips are written over afterwards.
            rng: follows from the seed, the epoch, the step and the process alone. What is drawn
                a clip is drawn in the order of `batch.row`, so that the batch's order changes nothing.
        """
        return batch

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """By default cross entropy on the action, or on the probabilities that `augment` made of it: "L_CE"."""
        assert batch.video is not None
        target = batch.action if batch.target is None else batch.target
        return {"L_CE": batch.mean(cross_entropy(self.scores(batch.video), target))}

    def weights_of_rows(self) -> Tensor | None:
        """The manifest's column `weight`. A method that has weights of its own multiplies them by it."""
        return self._weight_of_row

    def features(self, video: Tensor) -> Tensor:
        """Pooled features (B, D) of a video (B, C, T, H, W); B may be 0, which not every backbone can take."""
        return pooled(self.backbone, video)

    def scores(self, video: Tensor) -> Tensor:
        """Action scores before softmax (B, A) of a video (B, C, T, H, W)."""
        logits: Tensor = self.action_head(self.features(video))
        return logits

    def answer(self, video: Tensor) -> Output:
        """What the trained method says of clips (B, C, T, H, W), normalised. The one door for everything that asks.

        A method whose scores are not `action_head` of the pooled features overrides this.
        """
        places = self.backbone(video)
        features = places.mean(dim=(2, 3, 4))
        linear = isinstance(self.action_head, nn.Linear)
        weight = self.action_head.weight if linear else None
        return Output(self.action_head(features), features, places if linear else None, weight)


def augmented(batch: Batch, method: Method, rng: np.random.Generator) -> Batch:
    """A batch of pixels from 0 to 255 as the method augments it, which sees them from 0 to 1; they are written over."""
    if not method.mixes_pixels:
        return batch  # the same bits, and no pass over the pixels
    given = _each_clip(batch, lambda clip: clip.div_(255))
    changed = method.augment(given, rng)
    clips = [clip for each in (given, changed) for name in CLIPS if (clip := getattr(each, name)) is not None]
    users = Counter(map(_memory, clips))

    def scaled(clip: Tensor) -> Tensor:
        # in place where the method made a clip that is nothing else's: to make another one takes as long as to mix it
        alone = users[_memory(clip)] == 1 and clip.is_contiguous()
        return clip.mul_(255) if alone else clip * 255

    return _each_clip(changed, scaled)


def _memory(clip: Tensor) -> int:
    """Where a tensor's memory is: the same of all views of it."""
    return clip.untyped_storage().data_ptr()


def _each_clip(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """A batch with all its clips changed."""
    changed: dict[str, Any] = {name: change(clip) for name in CLIPS if (clip := getattr(batch, name)) is not None}
    return replace(batch, **changed)


def pooled(backbone: Backbone, video: Tensor) -> Tensor:
    """A backbone's features averaged over time and space, (B, D); B may be 0, which not every backbone can take."""
    if not len(video) and not is_synchronised(backbone):
        return video.new_zeros(0, backbone.dim) + zero_of(backbone)  # a gradient for every parameter
    features: Tensor = backbone(video).mean(dim=(2, 3, 4))
    return features


def refuse_without(facts: Facts, what: str, name: str) -> None:
    """Raises InputError where a method is made without facts that it cannot do without.

    Args:
        facts: the data's.
        what: the field of `facts` that must not be 0.
        name: the method's.
    """
    if not getattr(facts, what):
        raise InputError(f"{name}: needs to know the data's {what}, and it has none")
