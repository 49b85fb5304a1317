"""Action classification: what is done in a clip."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from accelerate import Accelerator

from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.batches import RawBatch, normalised, steps_in_epoch, to_batch
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.data.one_frame import refuse_repeated, repeated
from sceneproof.data.plausibility import tell
from sceneproof.errors import InputError
from sceneproof.labels import TrainingLabels, load, tell_what_is_known
from sceneproof.material import Batches, Material
from sceneproof.methods import Method, Plain
from sceneproof.methods.base import Learner, augmented
from sceneproof.run import Run
from sceneproof.task import Plan, Tables, Task, Tested, Tester, Testing, Training
from sceneproof.tasks.classification.predicting import ClassifierValidation
from sceneproof.tasks.classification.testing import ClassificationTesting, test_classifier
from sceneproof.types import Batch


class Classification(Task):
    """Names the action of a clip: one set of scores a video, the mean over its test clips."""

    network = Method
    method: ClassVar[Callable[..., Learner]] = Plain
    backbone: ClassVar[Callable[[], Backbone]] = ResNet3D
    tables = frozenset({"scenes", "humans"})
    criterion = "top1"
    testing: ClassVar[type[Testing]] = ClassificationTesting
    page = "sceneproof.pages.classification:PAGE"

    def __init__(
        self, *, clip: ClipSettings = ClipSettings(), validation_clips: int = 3, shuffle_scenes: bool = False
    ) -> None:
        """Takes the settings.

        Args:
            clip: how clips are cut.
            validation_clips: evenly spaced clips a validation video is judged by.
            shuffle_scenes: a control: give every training video the scene label of another one, drawn by the seed.
        """
        self.clip, self.validation_clips, self.shuffle_scenes = clip, validation_clips, shuffle_scenes

    def gather(self, tables: Tables, plan: Plan) -> "ClassificationTraining":
        """Reads the labels of the training split."""
        return ClassificationTraining(self, tables, plan)

    def test(self, tester: Tester, tables: Tables, splits: Sequence[str], options: Any) -> Tested:
        """Scores the splits' videos."""
        return test_classifier(tester, self.clip, tables, splits, options)


class ClassificationTraining(Training):
    """A training split with the labels of its videos."""

    def __init__(self, task: Classification, tables: Tables, plan: Plan) -> None:
        """Reads the tables of labels.

        Raises:
            InputError: a label table of other videos, or a validation split out of context that would choose.
        """
        self.task, self.table, self.plan = task, tables.manifest, plan
        chooses = plan.optimisation.keep == "best" or plan.optimisation.schedule == "plateau"
        if plan.validation_split is not None and chooses:
            refuse_out_of_context(self.table.split(plan.validation_split))
        shuffled = plan.seed if task.shuffle_scenes else None
        self.part = part = self.table.split(plan.train_split)
        refuse_repeated(part, task.clip.length, "--task.clip.length")
        self.labels = TrainingLabels.read(part, tables.scenes, tables.humans, shuffled=shuffled)
        self.actions, self.scenes, self.groups = part.actions, self.labels.scene_names, self.labels.groups.names
        self.facts = self.labels.facts(steps_in_epoch(len(part), plan.optimisation.batch))
        self.digests = self.labels.digests(self.table, plan.validation_split)
        self.rows, self.name = len(part), part.name

    def check(self, network: Method, name: str) -> None:
        """Refuses clips that the backbone does not take, and tables that are missing."""
        clip = self.task.clip
        network.backbone.check(clip.length, clip.size, clip.size)
        self.labels.refuse_missing(network, name)

    def material(self, network: Method, accelerator: Accelerator, *, quiet: bool) -> Material:
        """Batches of random clips; top-1 on the validation split."""
        plan, clip = self.plan, self.task.clip
        second = next(iter({"second_clip", "other_clip"} & network.needs), "")
        labelled = self.labels.gather(network, memory=plan.memory, quiet=quiet)
        clips = TrainingClips(labelled, clip, plan.seed, second)
        if accelerator.is_main_process:
            tell([*labelled.doubts, *repeated(self.part, clip.length)])
        tell_what_is_known(labelled, network, quiet=quiet)
        validate = None
        if plan.validation_split is not None:
            held_out = self._held_out(self.table.split(plan.validation_split), quiet=quiet)
            count = self.task.validation_clips
            validate = ClassifierValidation(
                held_out, network, accelerator, clip=clip, clips=count, workers=plan.workers
            )
        videos = labelled.manifest.rows["video"]
        to_device = partial(self._to_device, network, accelerator)
        batches = Batches(
            clips, lambda row: str(videos.iat[row]), to_device, accelerator, plan.optimisation, plan.workers
        )
        return Material(batches, batches.loader.steps, len(videos), batches.unreadable, validate)

    def _held_out(self, part: Manifest, *, quiet: bool) -> Labelled:
        held_out = Labelled.gather(part, self.actions, memory=self.plan.memory)
        load(held_out, quiet=quiet)
        return held_out

    def _to_device(self, network: Method, accelerator: Accelerator, raw: RawBatch, rng: np.random.Generator) -> Batch:
        batch = to_batch(raw, self.task.clip.size, accelerator.device, needs=network.needs)
        if self.facts.group_of_row is not None and "group" in network.needs:
            batch = replace(batch, group=self.facts.group_of_row[raw.row].to(accelerator.device))
        return normalised(augmented(batch, network, rng), network.backbone)


def clip_of(run: Run) -> ClipSettings:
    """How a classifier's clips were cut.

    Raises:
        InputError: a run of another task.
    """
    if not isinstance(run.task, Classification):
        raise InputError(f"{run.path}: a run of {run.task.name}, where one of classification is needed")
    return run.task.clip
