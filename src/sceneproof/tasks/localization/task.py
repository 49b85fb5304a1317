"""Temporal localization: when something is done in an untrimmed video."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from accelerate import Accelerator
from torch import nn

from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.batches import RawBatch, steps_in_epoch
from sceneproof.data.digests import SEGMENTS, manifest_digests
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.data.segments import BACKGROUND
from sceneproof.errors import InputError
from sceneproof.labels import refuse_weights
from sceneproof.material import Batches, Material
from sceneproof.methods.base import Facts, Learner
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.task import Plan, Tables, Task, Tested, Tester, Testing, Training, refuse_plateau
from sceneproof.tasks.localization.buffers import BufferSettings
from sceneproof.tasks.localization.feeding import Known, to_segments
from sceneproof.tasks.localization.footage import TrainingBuffers, UntrimmedVideos
from sceneproof.tasks.localization.fusing import fuse_localizers
from sceneproof.tasks.localization.localizer import Localizer
from sceneproof.tasks.localization.rc3d import RC3D
from sceneproof.tasks.localization.testing import LocalizationTesting, test_localizer
from sceneproof.tasks.localization.validation import LocalizerValidation
from sceneproof.types import SegmentBatch


class Localization(Task):
    """Says when something is done in untrimmed videos.

    Their manifest has a row a segment, with start and end in seconds; rows of one `group` (or of one path, where there
    is none) are one video.
    """

    tables = frozenset({"features"})
    network = Localizer
    method: ClassVar[Callable[..., Learner]] = RC3D
    backbone: ClassVar[Callable[[], Backbone]] = ResNet3D
    optimisation = Optimisation(batch=1, freeze_batch_norm=True, schedule="cosine")
    """The released R-C3D's batch of one buffer, its batch normalisation frozen; no plateau: no loss is watched."""
    criterion = LocalizerValidation.criterion
    testing: ClassVar[type[Testing]] = LocalizationTesting
    page = "sceneproof.pages.localization:PAGE"

    def __init__(self, *, buffer: BufferSettings = BufferSettings()) -> None:
        """Takes the settings.

        Args:
            buffer: how videos are cut into buffers; batches are counted in these.
        """
        self.buffer = buffer

    def gather(self, tables: Tables, plan: Plan) -> "LocalizationTraining":
        """Cuts the training split into buffers."""
        return LocalizationTraining(self.buffer, tables, plan)

    def test(self, tester: Tester, tables: Tables, splits: Sequence[str], options: Any) -> Tested:
        """Localizes in the splits' videos."""
        return test_localizer(tester, self.buffer, tables, splits, options)

    def join(self, runs: Sequence[Run], shares: Sequence[float]) -> Tested:
        """Averages the scores of segments that they find in common."""
        return fuse_localizers(runs, shares)


class LocalizationTraining(Training):
    """The buffers of a training split."""

    def __init__(self, buffer: BufferSettings, tables: Tables, plan: Plan) -> None:
        """Looks at the segments, and into the videos.

        Raises:
            InputError: no segments, bad ones, or a validation split out of context that would choose.
        """
        table = tables.manifest
        self.buffer, self.table, self.plan, self.kept = buffer, table, plan, tables.features
        if self.kept is not None and buffer.augment:
            raise InputError("--features: buffers cropped at random are never the same: give --buffer.augment false")
        refuse_plateau(plan.optimisation, "a localizer")
        if plan.validation_split is not None and plan.optimisation.keep == "best":
            refuse_out_of_context(table.split(plan.validation_split))
        part = table.split(plan.train_split)
        _refuse_whole_clips(part)
        refuse_weights(part, "localization")
        self.actions = [action for action in part.actions if action != BACKGROUND]
        self.footage = UntrimmedVideos.gather(part, buffer.rate, memory=plan.memory, check=True)
        self.clips = TrainingBuffers.cut(self.footage, buffer, plan.seed, self.actions)
        self.digests = {"manifest": manifest_digests(table, [plan.train_split, plan.validation_split], SEGMENTS)}
        self.rows, self.name = len(self.clips), part.name
        steps = steps_in_epoch(self.rows, plan.optimisation.batch)
        self.facts = Facts(len(self.actions), rows=self.rows, steps=steps)

    def check(self, network: Localizer, config: Mapping[str, Any]) -> None:
        """Refuses buffers that the backbone does not take."""
        network.backbone.check(self.buffer.length, self.buffer.size, self.buffer.size)

    def material(self, network: Localizer, accelerator: Accelerator, *, quiet: bool) -> Material:
        """Batches of buffers, or of what a frozen backbone makes of them; mAP on the validation split."""
        plan, clips, buffer = self.plan, self.clips, self.buffer
        self.footage.frames.load(quiet=quiet)
        validate = None
        if plan.validation_split is not None:
            held_out = UntrimmedVideos.gather(self.table.split(plan.validation_split), buffer.rate)
            validate = LocalizerValidation(
                held_out, network, accelerator, actions=self.actions, settings=buffer, kept=self.kept
            )
        drawn: TrainingBuffers | Known = clips
        frozen = plan.freeze_backbone or plan.freeze_lower or not learns(network.backbone.lower_parts)
        if frozen and not buffer.augment:
            moments = network.sees_moments and plan.freeze_backbone
            drawn = Known.look(
                clips, network.backbone, accelerator.device, moments=moments, kept=self.kept, quiet=quiet
            )

        def to_device(raw: RawBatch, _: np.random.Generator) -> SegmentBatch:
            if isinstance(drawn, Known):
                return drawn.to_segments(raw.row.tolist(), accelerator.device)
            return to_segments(raw, clips, network.backbone, accelerator.device)

        batches = Batches(
            drawn, lambda row: clips.video(row).name, to_device, accelerator, plan.optimisation, plan.workers
        )
        batches.unreadable.update(self.footage.problems)
        videos = len(self.footage.videos)
        return Material(
            batches, batches.loader.steps, videos, batches.unreadable, validate, LocalizerValidation.criterion
        )


def learns(parts: Sequence[nn.Module]) -> bool:
    """Whether any parameter of the modules is trained."""
    return any(parameter.requires_grad for part in parts for parameter in part.parameters())


def _refuse_whole_clips(part: Manifest) -> None:
    """Raises InputError where no row is a segment: clips that were cut to their action teach nothing about time."""
    if not any(name in part.rows and part.rows[name].notna().any() for name in ("start", "end")):
        raise InputError(
            f"{part.name}: no row of split {part.rows['split'].iat[0]!r} has a start or an end: every video is one "
            f"action from start to end, and there is nothing to localize. If `prepare` wrote it, "
            f"give it --segments keep"
        )
