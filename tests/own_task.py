"""A task and a method as a user would write them, known to the project by their import paths alone.

The task is the arrow of time (Wei et al., "Learning and Using the Arrow of Time", CVPR 2018): whether a clip is shown
forwards or backwards. Its classes are none of the manifest's, its batches none of ours, and its page its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional

from sceneproof.backbones import Backbone, ResNet3D
from sceneproof.data.batches import RawBatch, collate, normalised, steps_in_epoch, to_batch
from sceneproof.data.dataset import ClipSettings, Labelled, TestClips, TrainingClips
from sceneproof.data.digests import manifest_digests
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.files import read_json
from sceneproof.material import Batches, Material
from sceneproof.methods import Facts, Method
from sceneproof.methods.base import Learner
from sceneproof.methods.terms import entropy
from sceneproof.pages.kit import Cell, Page, Section, Table
from sceneproof.run import Run
from sceneproof.task import Plan, Tables, Task, Tested, Tester, Testing, Training
from sceneproof.types import Batch


class Doubtful(Method):
    """A method: cross entropy, and an answer that is not too sure."""

    def __init__(self, backbone: Backbone, facts: Facts, *, doubt: float = 0.1) -> None:
        """`doubt`: weight of the entropy."""
        super().__init__(backbone, facts)
        self.doubt = doubt

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        assert batch.video is not None
        return {**super().losses(batch), "L_Doubt": -self.doubt * batch.mean(entropy(self.scores(batch.video)))}


@dataclass(frozen=True)
class Shown:
    """Clips float (B, C, T, H, W), normalised, and whether each is shown backwards, int64 (B,)."""

    video: Tensor
    backwards: Tensor


class Arrow(Learner):
    """A method of the task: a linear head on the difference of the features' last and first moment."""

    task = "the arrow of time"

    def __init__(self, backbone: Backbone, facts: Facts, *, smoothing: float = 0.0) -> None:
        """`smoothing`: of the labels."""
        super().__init__()
        self.backbone, self.smoothing, self.steps = backbone, smoothing, facts.steps
        self.head = nn.Linear(backbone.dim, facts.actions)

    def scores(self, video: Tensor) -> Tensor:
        moments = self.backbone(video).mean(dim=(3, 4))
        scores: Tensor = self.head(moments[:, :, -1] - moments[:, :, 0])
        return scores

    def losses(self, batch: Shown) -> dict[str, Tensor]:
        loss = functional.cross_entropy(self.scores(batch.video), batch.backwards, label_smoothing=self.smoothing)
        return {"L_Arrow": loss}


@dataclass(frozen=True)
class ArrowTesting(Testing):
    """How arrows are tested.

    Args:
        clips: clips a video, each shown both ways.
    """

    clips: int = 1


@dataclass(frozen=True)
class ArrowOptions:
    """What the page may be asked.

    Args:
        split: that is reported on.
    """

    split: str = "test"


@dataclass(frozen=True)
class ArrowPage:
    """The page of the task's runs: what `report` asks of one, without the studies that ours share.

    Attributes:
        options: a dataclass, the task's own options of `report`.
        humans: whether it shows people.
    """

    options: ClassVar[type] = ArrowOptions
    humans: ClassVar[bool] = False

    def asked(self, given: Mapping[str, Any]) -> ArrowOptions:
        return ArrowOptions(**given)

    def read(self, runs: Sequence[Path], asked: ArrowOptions, **chosen: Any) -> list[Run]:
        return [Run.open(run, trust=chosen["trust"]) for run in runs]

    def measure(self, study: list[Run], asked: ArrowOptions) -> dict[str, float]:
        figures = {run.name: read_json(run.path / "evaluation" / "metrics.json")["splits"] for run in study}
        if untested := [name for name, splits in figures.items() if asked.split not in splits]:
            raise InputError(f"--split {asked.split}: {untested[0]} was not tested on it")
        return {name: splits[asked.split]["accuracy"] for name, splits in figures.items()}

    def show(self, study: list[Run], asked: ArrowOptions, sources: object) -> None:
        """No clips."""

    def write(self, out: Path, study: list[Run], measures: dict[str, float], shown: None, *, title: str | None) -> Path:
        rows = [[Cell(name), Cell(f"{share:.3f}")] for name, share in measures.items()]
        table = Table("Accuracy", ["Run", "Share of clips"], rows)
        runs = [{"run": run.name, "recipe": run.name.partition("-seed")[0], "commit": run.commit} for run in study]
        page = Page(title or "Which way time runs", [], [Section("accuracy", "Accuracy", table)], [])
        page.write(out, {"runs": runs, "measures": []}, "")
        return out


PAGE = ArrowPage()


class ArrowOfTime(Task):
    """Says whether clips are shown backwards."""

    network = Arrow
    method: ClassVar[Callable[..., Learner]] = Arrow
    backbone: ClassVar[Callable[[], Backbone]] = partial(ResNet3D, depth=10, width=4)
    criterion = "accuracy"
    testing: ClassVar[type[Testing]] = ArrowTesting
    page = "tests.own_task:PAGE"

    def __init__(self, *, clip: ClipSettings = ClipSettings(8, 1, 32), share: float = 0.5) -> None:
        """Takes the settings.

        Args:
            clip: how clips are cut.
            share: of the clips that are shown backwards.
        """
        if not 0 < share < 1:
            raise InputError(f"share: must be above 0 and below 1, not {share:g}")
        self.clip, self.share = clip, share

    def gather(self, tables: Tables, plan: Plan) -> "ArrowTraining":
        return ArrowTraining(self, tables.manifest, plan)

    def test(self, tester: Tester, tables: Tables, splits: Sequence[str], options: Any) -> Tested:
        parts = {split: tables.manifest.split(split) for split in splits}
        rows = {split: asked(tester.network, part, self.clip, options.clips) for split, part in parts.items()}
        figures = {split: {"videos": len(part), "accuracy": accuracy(rows[split])} for split, part in parts.items()}
        told = pd.concat([table.assign(split=split) for split, table in rows.items()], ignore_index=True)
        return Tested(figures, {"predictions": ("arrows", told)})


class ArrowTraining(Training):
    """Clips of a split, of which a share is shown backwards."""

    def __init__(self, task: ArrowOfTime, table: Manifest, plan: Plan) -> None:
        self.task, self.table, self.plan, self.part = task, table, plan, table.split(plan.train_split)
        self.actions = ["forwards", "backwards"]
        self.rows, self.name = len(self.part), self.part.name
        self.facts = Facts(2, rows=self.rows, steps=steps_in_epoch(self.rows, plan.optimisation.batch))
        self.digests = {"manifest": manifest_digests(table, [plan.train_split, plan.validation_split])}

    def check(self, network: Arrow, config: Mapping[str, Any]) -> None:
        network.backbone.check(self.task.clip.length, self.task.clip.size, self.task.clip.size)

    def material(self, network: Arrow, accelerator: Accelerator, *, quiet: bool) -> Material:
        plan, clip = self.plan, self.task.clip

        def to_device(raw: RawBatch, rng: np.random.Generator) -> Shown:
            batch = normalised(to_batch(raw, clip.size, accelerator.device), network.backbone)
            assert batch.video is not None
            turned = torch.from_numpy(rng.random(len(batch.video)) < self.task.share).to(accelerator.device)
            video = torch.where(turned[:, None, None, None, None], batch.video.flip(2), batch.video)
            return Shown(video, turned.long())

        def validate() -> dict[str, float]:
            assert plan.validation_split is not None
            return {"accuracy": accuracy(asked(network, self.table.split(plan.validation_split), clip, 1))}

        clips = TrainingClips(Labelled.gather(self.part, self.part.actions), clip, plan.seed)
        videos = self.part.rows["video"]
        batches = Batches(
            clips, lambda row: str(videos.iat[row]), to_device, accelerator, plan.optimisation, plan.workers
        )
        validation = validate if plan.validation_split is not None else None
        return Material(batches, batches.loader.steps, len(videos), batches.unreadable, validation, "accuracy")


@torch.no_grad()
def asked(network: Arrow, part: Manifest, clip: ClipSettings, clips: int) -> pd.DataFrame:
    """The probability of "backwards" of each video of a split, shown either way."""
    network.eval()
    rows = []
    for samples in map(TestClips(Labelled.gather(part, part.actions), clip, clips).__getitem__, range(len(part))):
        batch = normalised(to_batch(collate(samples, 0), clip.size, torch.device("cpu")), network.backbone)
        assert batch.video is not None
        for backwards in (False, True):
            scores = network.scores(batch.video.flip(2) if backwards else batch.video)
            video = str(part.rows["video"].iat[samples[0].row])
            rows.append((video, backwards, float(scores.softmax(1)[:, 1].mean())))
    return pd.DataFrame(rows, columns=["video", "backwards", "probability"])


def accuracy(rows: pd.DataFrame) -> float:
    """The share of videos whose way is named."""
    return float(((rows["probability"] > 0.5) == rows["backwards"]).mean())


def trained_for(run: Path) -> str:
    """The task of a run folder, by name."""
    return Run.open(run, trust=["tests.own_task"]).task.name
