"""What an audit follows from, and the tables and the model opened once in each process."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.opening import open_subject
from sceneproof.audit.scoring import Scorer
from sceneproof.audit.subject import Subject
from sceneproof.contexts.settings import VariantSettings
from sceneproof.contexts.variants import VARIANTS, Variants
from sceneproof.data.manifest import Manifest
from sceneproof.numerics import device_named


@dataclass(frozen=True)
class ModelSettings:
    """Which model, and how it is opened.

    Attributes:
        model: what to open: see `models.opening.open_subject`.
        names: file of class names, where the model does not bring them.
        inputs: what an exported file or a callable takes.
        weights: of a torchvision model or I3D.
        device: 'auto', 'cpu' or 'cuda'.
        batch: clips that go through the model together.
        trust: import paths that a run's configuration may name: see `sceneproof.trust`.
        prompt: what a model of texts is asked; None: its default.
        actions: what a model is asked for that has no classes of its own, where no file of names is given.
    """

    model: str
    names: str | None = None
    inputs: InputSettings = InputSettings()
    weights: str | None = None
    device: str = "auto"
    batch: int = 8
    trust: tuple[str, ...] | None = None
    prompt: str | None = None
    actions: tuple[str, ...] = ()

    def open(self) -> Subject:
        """Opens the model.

        Raises:
            InputError: no such model, or one that cannot be audited.
        """
        names = None if self.names is None else Path(self.names)
        return open_subject(
            self.model, names=names, inputs=self.inputs, weights=self.weights, device=device_named(self.device),
            batch=self.batch, trust=self.trust, prompt=self.prompt, actions=self.actions,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DataSettings(VariantSettings):
    """Which videos, in which variants.

    Attributes:
        left_out: actions that are not audited.
        clips: clips a video.
        maps: whether the model is asked where it looks.
    """

    left_out: tuple[str, ...] = ()
    clips: int = 1
    maps: bool = True

    def table(self) -> Manifest:
        """The audited videos.

        Raises:
            InputError: a bad manifest, or an unknown split.
        """
        table = self.videos("an audit")
        kept = ~table.rows["action"].isin(self.left_out)
        return Manifest(table.rows[kept].reset_index(drop=True), table.root, table.name)

    def scorer(self, subject: Subject) -> Scorer:
        """What every video is scored with."""
        table = self.table()
        variants = self.variants_of(table, self.people(table))
        return Scorer(subject, variants, self.names(variants), self.clips, self.maps and not subject.maps_missing)

    def names(self, variants: Variants) -> Sequence[str]:
        """The variants to make: the original always, as all else is held against it."""
        asked = self.variants or tuple(variants.names())
        for name in asked:
            variants.unable(name)  # raises for what is none
        return [name for name in VARIANTS if name in {"original", *asked}]


@lru_cache(maxsize=1)
def opened(model: ModelSettings, data: DataSettings) -> Scorer:
    """The model and the tables, once in each process."""
    return data.scorer(model.open())


def plain_settings(data: DataSettings) -> dict[str, Any]:
    """The settings as JSON has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(data).items()}
