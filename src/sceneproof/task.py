"""What a task is: how its videos are cut, and how a network for it is made, trained, validated, tested and shown."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd
import torch
from accelerate import Accelerator

from sceneproof.addresses import Address
from sceneproof.backbones import Backbone
from sceneproof.data.digests import Digests
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.material import Material
from sceneproof.methods.base import Facts, Learner
from sceneproof.numerics import Numerics
from sceneproof.optimisation import Optimisation
from sceneproof.spec import Spec, plain

if TYPE_CHECKING:
    from sceneproof.run import Run

TABLES = ("scenes", "humans", "features")
"""What may be known of videos besides a manifest."""


@dataclass(frozen=True)
class Tables:
    """What is read to train or to test on.

    Attributes:
        manifest: all splits.
        scenes: where the table of scene labels is, or None.
        humans: where the table of people is, or None.
        features: the folder of features that are kept of the videos, or None.
    """

    manifest: Manifest
    scenes: Address | None = None
    humans: Address | None = None
    features: Path | None = None


@dataclass(frozen=True)
class Plan:
    """How a training is to go, as far as a task must know.

    Attributes:
        train_split: what is trained on.
        validation_split: what is validated on, or None.
        seed: of all that is drawn.
        freeze_backbone: whether the heads alone are trained.
        freeze_lower: whether the backbone's lower stages stay as they are.
        memory: whether decoded videos are kept.
        workers: loader processes.
        optimisation: how the losses are minimised.
    """

    train_split: str
    validation_split: str | None
    seed: int
    freeze_backbone: bool
    freeze_lower: bool
    memory: bool
    workers: int
    optimisation: Optimisation


class Training(ABC):
    """What a task makes of the tables: all that training a network of it needs.

    Attributes:
        facts: what a network is told of the data.
        actions: class names; an action's number is its place.
        scenes: scene names; none where training uses none.
        groups: names of groups of clips; none where there are none.
        digests: of the tables, by the names of `train`'s arguments.
        rows: training samples an epoch.
        name: of the data, for messages.
    """

    facts: Facts
    actions: list[str]
    scenes: Sequence[str] = ()
    groups: Sequence[str] = ()
    digests: Digests
    rows: int
    name: str

    @abstractmethod
    def check(self, network: Any, config: Mapping[str, Any]) -> None:
        """Refuses a network that cannot be trained on this, before anything long starts.

        Args:
            network: with the weights that it starts from.
            config: the run's, which names its classes.

        Raises:
            InputError: clips that its backbone does not take, or a table that it needs.
        """

    @abstractmethod
    def material(self, network: Any, accelerator: Accelerator, *, quiet: bool) -> Material:
        """What the network, on its device, is trained and validated on."""


@dataclass(frozen=True)
class Testing:
    """How a task's networks are tested: its options of `evaluate`, each with its default."""

    without_effect: ClassVar[frozenset[str]] = frozenset()
    """Options that change no figure."""

    def settings(self) -> dict[str, Any]:
        """What the figures depend on, as plain values."""
        return {
            item.name: plain(getattr(self, item.name)) for item in fields(self) if item.name not in self.without_effect
        }


@dataclass(frozen=True)
class Tester:
    """A trained network, ready to be asked.

    Attributes:
        run: its run.
        network: on the device, in evaluation mode.
        device: where it computes.
        numerics: in what.
        quiet: show no progress.
    """

    run: "Run"
    network: Any
    device: torch.device
    numerics: Numerics
    quiet: bool = False


@dataclass(frozen=True)
class Tested:
    """What testing gave.

    Attributes:
        splits: figures by split.
        tables: file name (without .parquet) -> kind and rows: predictions, and what they are held against.
        metadata: of the tables of predictions.
        figures: more of them, beside those of the splits.
        sources: tables that were read besides the manifest, by name.
    """

    splits: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, tuple[str, pd.DataFrame]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Address | None] = field(default_factory=dict)


class Task(ABC):
    """A task, with its settings: keyword arguments of the class, kept under their own names.

    Attributes:
        network: what is trained for it.
        method, backbone, optimisation: what is taken where nothing is said.
        tables: what it reads besides a manifest, of `TABLES`.
        criterion: the figure of validation that picks weights and rates.
        testing: its options of `evaluate`.
        page: 'module:name' of the page of its runs, a `StudyPage`.
    """

    network: ClassVar[type[Learner]]
    method: ClassVar[Callable[..., Learner]]
    backbone: ClassVar[Callable[[], Backbone]]
    optimisation: ClassVar[Optimisation] = Optimisation()
    tables: ClassVar[frozenset[str]] = frozenset()
    criterion: ClassVar[str]
    testing: ClassVar[type[Testing]]
    page: ClassVar[str]

    @property
    def name(self) -> str:
        """In messages and on pages."""
        return self.network.task

    @abstractmethod
    def gather(self, tables: Tables, plan: Plan) -> Training:
        """Reads and checks what there is to train on.

        Raises:
            InputError: names the file, row or key.
        """

    @abstractmethod
    def test(self, tester: Tester, tables: Tables, splits: Sequence[str], options: Any) -> Tested:
        """Asks a network for splits of a manifest, and draws the figures.

        Args:
            tester: the network.
            tables: what it is asked about.
            splits: of the manifest.
            options: of `testing`.

        Raises:
            InputError: names the file, row or key.
        """

    def join(self, runs: Sequence["Run"], shares: Sequence[float]) -> Tested:
        """What several tested runs of the task said, as one's: late fusion. A task without one refuses.

        Args:
            runs: of the task, this one's run first.
            shares: how much each counts; they sum to 1.

        Raises:
            InputError: runs that were not tested, or not on the same.
        """
        raise InputError(f"{runs[0].path}: runs of {self.name} are not joined")

    def config(self) -> dict[str, Any]:
        """The task as a run's configuration holds it."""
        settings = {name: getattr(self, name) for name in list(inspect.signature(type(self)).parameters)}
        values = {name: asdict(value) if is_dataclass(value) else value for name, value in settings.items()}  # type: ignore[arg-type]  # instances, no classes
        return {"class_path": f"{type(self).__module__}.{type(self).__qualname__}", "init_args": plain(values)}

    def defaults(self) -> dict[str, Any]:
        """What `train` takes where nothing is said, as plain values."""
        backbone = Spec.of(type(self).backbone).config(positional=0)
        method = Spec.of(type(self).method).config(positional=2)
        return {
            "task": self.config(),
            "backbone": backbone,
            "method": method,
            "optimisation": asdict(self.optimisation),
        }

    def refuse_other(self, where: str = "", **given: object) -> None:
        """Raises InputError for a table that was given and that the task does not read."""
        for name, value in given.items():
            if value is not None and name not in self.tables:
                raise InputError(f"--{name}: {self.name} takes none{where}")

    def options(self, given: Mapping[str, Any]) -> Testing:
        """Options of `evaluate`, with the defaults of what is not given.

        Raises:
            InputError: an option that the task does not have.
        """
        known = [item.name for item in fields(self.testing)]
        for name in given:
            if name not in known:
                raise InputError(f"evaluate: {self.name} has no option {name!r}; it has: {', '.join(known)}")
        return self.testing(**given)


def refuse_plateau(optimisation: Optimisation, whose: str) -> None:
    """Raises InputError for a schedule that watches a validation loss, where validation has none."""
    if optimisation.schedule == "plateau":
        raise InputError(
            f"optimisation.schedule: plateau: validation of {whose} has no loss to watch: give cosine or constant"
        )
