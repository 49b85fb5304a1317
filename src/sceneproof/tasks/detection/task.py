"""Spatio-temporal detection: who does what where, as boxes in frames and as tubes."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from accelerate import Accelerator

from sceneproof.backbones import Backbone
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.data.batches import RawBatch, steps_in_epoch
from sceneproof.data.dataset import Videos
from sceneproof.data.digests import manifest_digests, people_digests
from sceneproof.data.manifest import Manifest, refuse_out_of_context
from sceneproof.data.people import PeopleTable
from sceneproof.data.plausibility import tell
from sceneproof.errors import InputError
from sceneproof.labels import refuse_weights
from sceneproof.material import Batches, Material
from sceneproof.methods.base import Facts, Learner
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.task import Plan, Tables, Task, Tested, Tester, Testing, Training, refuse_plateau
from sceneproof.tasks.detection.clips import BoxClipSettings, TrainingBoxes, to_boxes
from sceneproof.tasks.detection.detector import Detector
from sceneproof.tasks.detection.fusing import fuse_detectors
from sceneproof.tasks.detection.linking import TubeSettings
from sceneproof.tasks.detection.ssd import SSD
from sceneproof.tasks.detection.testing import DetectionTesting, DetectorValidation, test_detector
from sceneproof.types import BoxBatch
from sceneproof.wording import counted


class Detection(Task):
    """Says who does what where in each frame.

    Needs `--humans`: boxes of the people who act, with a column `action` where people of one video do different
    things, and `track` where it shows several.
    """

    network = Detector
    method: ClassVar[Callable[..., Learner]] = SSD
    backbone: ClassVar[Callable[[], Backbone]] = VGG16
    optimisation = Optimisation(lr=5e-4, weight_decay=5e-4, schedule="cosine")
    """The rate and decay of the released SSD on J-HMDB (Singh et al. 2017); no plateau, since no loss is watched."""
    tables = frozenset({"humans"})
    criterion = DetectorValidation.criterion
    testing: ClassVar[type[Testing]] = DetectionTesting
    page = "sceneproof.pages.detection:PAGE"

    def __init__(self, *, clip: BoxClipSettings = BoxClipSettings(), tubes: TubeSettings = TubeSettings()) -> None:
        """Takes the settings.

        Args:
            clip: how clips are cut.
            tubes: how boxes are linked to tubes when the run is tested.
        """
        self.clip, self.tubes = clip, tubes

    def gather(self, tables: Tables, plan: Plan) -> "DetectionTraining":
        """Reads the boxes of the training split."""
        return DetectionTraining(self.clip, tables, plan)

    def test(self, tester: Tester, tables: Tables, splits: Sequence[str], options: Any) -> Tested:
        """Detects in the splits' videos."""
        return test_detector(tester, self.clip, self.tubes, tables, splits, options)

    def join(self, runs: Sequence[Run], shares: Sequence[float]) -> Tested:
        """Averages the scores of boxes that they find in common, and links these with this task's settings."""
        return fuse_detectors(runs, shares, self.tubes)


class DetectionTraining(Training):
    """The clips of a training split, with the boxes of the people in them."""

    def __init__(self, clip: BoxClipSettings, tables: Tables, plan: Plan) -> None:
        """Reads the boxes.

        Raises:
            InputError: no boxes, or a validation split out of context that would choose.
        """
        self.clip, self.table, self.plan = clip, tables.manifest, plan
        refuse_plateau(plan.optimisation, "a detector")
        if tables.humans is None:
            raise InputError("--humans: a detector learns from the boxes of the people who act: give their table")
        validated: list[str] = []
        if plan.validation_split is not None:
            held_out = self.table.split(plan.validation_split)
            validated = list(held_out.rows["video"])
            if plan.optimisation.keep == "best":
                refuse_out_of_context(held_out)
        self.part = self.table.split(plan.train_split)
        refuse_weights(self.part, "detection")
        self.people = PeopleTable.read(tables.humans, self.table)
        self.actions = self.people.actions(self.part)
        watched = [*self.part.rows["video"], *validated]
        self.digests = {
            "manifest": manifest_digests(self.table, [plan.train_split, plan.validation_split]),
            "humans": people_digests(self.people.rows, watched),
        }
        self.name = self.part.name
        self.rows = sum(video in self.people for video in self.part.rows["video"])
        steps = steps_in_epoch(self.rows, plan.optimisation.batch)
        self.facts = Facts(len(self.actions), rows=self.rows, steps=steps)
        self.humans = tables.humans

    def check(self, network: Detector, config: Mapping[str, Any]) -> None:
        """Refuses clips that the network does not take, and a split in which nobody has a box."""
        network.backbone.check(self.clip.length, self.clip.size, self.clip.size)
        self.clip.check(network.frames)
        if not self.rows:
            split, videos = self.plan.train_split, counted(len(self.part), "video")
            raise InputError(f"{self.name}: none of the {videos} of {split!r} has a box in {self.humans}")

    def material(self, network: Detector, accelerator: Accelerator, *, quiet: bool) -> Material:
        """Batches of clips that show people; frame-mAP on the validation split."""
        plan, clip = self.plan, self.clip
        videos = Videos(self.part, memory=plan.memory)
        videos.load(quiet=quiet)
        clips = TrainingBoxes.gather(
            videos, self.people, self.actions, clip, seed=plan.seed, fill=network.backbone.mean
        )
        if accelerator.is_main_process:
            tell(self.people.doubts)
            _tell_left_out(self.part, len(self.part) - self.rows, clips.outside)
        validate = None
        if plan.validation_split is not None:
            held_out = Videos(self.table.split(plan.validation_split))
            validate = DetectorValidation(
                held_out, self.people, network, accelerator, actions=self.actions, settings=clip
            )

        def to_device(raw: RawBatch, _: np.random.Generator) -> BoxBatch:
            return to_boxes(raw, network.backbone, clip.size, accelerator.device)

        batches = Batches(clips, clips.name, to_device, accelerator, plan.optimisation, plan.workers)
        batches.unreadable.update(clips.problems)
        videos_in = len(self.part)
        return Material(
            batches, batches.loader.steps, videos_in, batches.unreadable, validate, DetectorValidation.criterion
        )


def _tell_left_out(part: Manifest, without: int, outside: int) -> None:
    """Says of what nothing is learnt."""
    if without:
        videos = f"{without} of {counted(len(part), 'training video')} {'has' if without == 1 else 'have'}"
        print(f"{part.name}: {videos} no box: left out", file=sys.stderr)
    if outside:
        print(f"{part.name}: left out: {counted(outside, 'box', 'boxes')} outside the training clips", file=sys.stderr)
