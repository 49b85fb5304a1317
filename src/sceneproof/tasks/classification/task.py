"""Action classification: what is done in a clip."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np
from accelerate import Accelerator

from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.backbones.base import start_at_features
from sceneproof.data.batches import Drawn, RawBatch, features_batch, normalised, steps_in_epoch, to_batch
from sceneproof.data.clips import refuse_repeated, repeated
from sceneproof.data.dataset import ClipSettings, Labelled, TestClips, TrainingClips
from sceneproof.data.kept import KeptFeatures, KeptTestClips, KeptTrainingClips, digests_of
from sceneproof.data.manifest import refuse_out_of_context
from sceneproof.data.plausibility import tell
from sceneproof.errors import InputError
from sceneproof.labels import PEOPLE, TrainingLabels, load, tell_what_is_known
from sceneproof.material import Batches, Material
from sceneproof.methods import Method, Plain
from sceneproof.methods.base import Learner, augmented
from sceneproof.run import Run
from sceneproof.task import Plan, Tables, Task, Tested, Tester, Testing, Training
from sceneproof.tasks.classification.fusing import fuse_classifiers
from sceneproof.tasks.classification.predicting import AskedClips, ClassifierValidation
from sceneproof.tasks.classification.testing import ClassificationTesting, test_classifier
from sceneproof.types import Batch


class Classification(Task):
    """Names the action of a clip: one set of scores a video, the mean over its test clips."""

    network = Method
    method: ClassVar[Callable[..., Learner]] = Plain
    backbone: ClassVar[Callable[[], Backbone]] = ResNet3D
    tables = frozenset({"scenes", "humans", "features"})
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

    def join(self, runs: Sequence[Run], shares: Sequence[float]) -> Tested:
        """Averages their probabilities."""
        return fuse_classifiers(runs, shares)


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
        self.facts = self.labels.facts(steps_in_epoch(len(part), plan.optimisation.batch), plan.optimisation.epochs)
        self.digests = self.labels.digests(self.table, plan.validation_split)
        self.kept = KeptFeatures.open(tables.features) if tables.features is not None else None
        if self.kept is not None:
            self.digests["features"] = self.kept.digests
        self.rows, self.name = len(part), part.name

    def check(self, network: Method, config: Mapping[str, Any]) -> None:
        """Refuses clips that the backbone does not take, tables that are missing, and features of something else."""
        clip = self.task.clip
        network.backbone.check(clip.length, clip.size, clip.size)
        name = config["method"]["class_path"]
        self.labels.refuse_missing(network, name)
        network.check(clip.length, clip.size)
        self.digests = {**self.digests, **network.digests()}
        if self.kept is None:
            refuse_features_alone(network, name)
            return
        refuse_pixels(network, name)
        if "swapped" in network.needs and not self.kept.swaps:
            raise InputError(
                f"{self.kept.folder}: holds no composites, which {name} needs: make the features with --swaps true"
            )
        self.kept.refuse_other(network.backbone, config["backbone"], clip)
        humans = self.labels.humans if PEOPLE & network.needs else None
        self.kept.split(self.plan.train_split, training=True)
        self.kept.refuse_other_rows(self.plan.train_split, digests_of(self.table, self.plan.train_split, humans))
        if (split := self.plan.validation_split) is not None:
            self.kept.split(split, training=False)
            self.kept.refuse_other_rows(split, digests_of(self.table, split))
            self.kept.refuse_other_count(split, self.task.validation_clips, "--task.validation-clips")

    def material(self, network: Method, accelerator: Accelerator, *, quiet: bool) -> Material:
        """Batches of random clips; top-1 on the validation split."""
        plan, clip = self.plan, self.task.clip
        labelled = self.labels.gather(network, memory=plan.memory)
        clips: Drawn
        is_swapped = None
        if self.kept is not None:
            features = self.kept.split(plan.train_split, training=True)
            clips = KeptTrainingClips(labelled, features, plan.seed)
            has_twin, is_swapped = features.has_twin, features.is_swapped
            for name in network.backbones:
                start_at_features(cast(Backbone, network.get_submodule(name)))
        else:
            load(labelled, quiet=quiet)
            second = next(iter({"second_clip", "other_clip"} & network.needs), "")
            clips, has_twin = TrainingClips(labelled, clip, plan.seed, second), labelled.has_readable_twin
        if accelerator.is_main_process:
            tell([*labelled.doubts, *repeated(self.part, clip.length)])
        tell_what_is_known(labelled, network, has_twin, is_swapped=is_swapped, quiet=quiet)
        validate = None
        if plan.validation_split is not None:
            held_out = self._held_out(plan.validation_split, quiet=quiet)
            validate = ClassifierValidation(held_out, network, accelerator, workers=plan.workers)
        videos = labelled.manifest.rows["video"]
        to_device = partial(self._to_device, network, accelerator)
        batches = Batches(
            clips, lambda row: str(videos.iat[row]), to_device, accelerator, plan.optimisation, plan.workers
        )
        return Material(batches, batches.loader.steps, len(videos), batches.unreadable, validate)

    def _held_out(self, split: str, *, quiet: bool) -> AskedClips:
        """The clips of the validation split."""
        held_out = Labelled.gather(self.table.split(split), self.actions, memory=self.plan.memory)
        if self.kept is not None:
            return KeptTestClips(held_out, self.task.clip, self.kept.split(split, training=False))
        load(held_out, quiet=quiet)
        return TestClips(held_out, self.task.clip, self.task.validation_clips)

    def _to_device(self, network: Method, accelerator: Accelerator, raw: RawBatch, rng: np.random.Generator) -> Batch:
        kept = raw.features is not None
        if kept:
            batch = features_batch(raw, accelerator.device, needs=network.needs)
        else:
            batch = to_batch(raw, self.task.clip.size, accelerator.device, needs=network.needs)
        if self.facts.group_of_row is not None and "group" in network.needs:
            batch = replace(batch, group=self.facts.group_of_row[raw.row].to(accelerator.device))
        return batch if kept else normalised(augmented(batch, network, rng), network.backbone)


def refuse_pixels(network: Method, name: str) -> None:
    """Raises InputError for a method that works on pixels, or needs more than a clip and its masked twin."""
    needs = sorted({"people", "second_clip", "other_clip"} & network.needs)
    if needs or network.mixes_pixels:
        why = f"needs {needs[0].replace('_', ' ')}" if needs else "mixes clips as pixels"
        raise InputError(
            f"--features: {name} {why}, which kept features do not hold: train it on the videos, with --freeze lower"
        )


def refuse_features_alone(network: Method, name: str) -> None:
    """Raises InputError for a method that needs what is only kept with features."""
    if "swapped" in network.needs:
        raise InputError(
            f"{name}: takes composites that were kept: give --features FOLDER, made with --swaps true; or leave "
            f"`composites` at 'drawn', which makes them of the videos"
        )


def clip_of(run: Run) -> ClipSettings:
    """How a classifier's clips were cut.

    Raises:
        InputError: a run of another task.
    """
    if not isinstance(run.task, Classification):
        raise InputError(f"{run.path}: a run of {run.task.name}, where one of classification is needed")
    return run.task.clip
