"""What an audit follows from, the tables and the model opened once in each process, and what it would do."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.opening import open_subject
from sceneproof.audit.scoring import Scorer
from sceneproof.audit.subject import Subject
from sceneproof.contexts.footage import lenders
from sceneproof.contexts.settings import VariantSettings
from sceneproof.contexts.variants import VARIANTS, Variants
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.subsets import in_turn
from sceneproof.errors import VideoError
from sceneproof.numerics import device_named
from sceneproof.wording import counted


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


SAMPLES = 3
"""Videos that the time of all is reckoned from."""


def default_splits(table: Manifest) -> tuple[str, ...]:
    """The splits that an audit is of where nobody says: those for tests, or all where none is."""
    return tuple(name for name in table.splits if "test" in name) or tuple(table.splits)


def plan(data: DataSettings, subject: Subject) -> str:
    """What would be audited, in which variants, and how long that would take in one process."""
    table, scorer = data.table(), data.scorer(subject)
    tell(data.doubts(table))
    people = data.people(table)
    known = sum(video in people for video in table.rows["video"])
    enough = lenders(table, people, data.least_share)
    rows = in_turn(np.arange(len(table)), table.rows["action"].to_numpy(object), SAMPLES)
    begun = time.monotonic()
    for row in rows:
        with suppress(VideoError):  # it will be told of then
            scorer.rows(str(table.rows["video"].iat[row]))
    seconds = (time.monotonic() - begun) / len(rows) * len(table)
    left = f"; left out: {', '.join(data.left_out)}" if data.left_out else ""
    classes = counted(len(subject.actions), "class", "classes")
    return "\n".join([
        f"{subject.title}: {classes}, clips of {counted(subject.sampling.length, 'frame')}",
        f"{counted(len(table), 'video')} of {counted(len(table.actions), 'action')} in {', '.join(data.splits)}{left}",
        f"people known in {known} of them; in {data.least_share:.0%} of their frames or more, as far as the manifest "
        f"knows these, in {len(enough)}",
        f"{len(scorer.names)} variants: {', '.join(scorer.names)}",
        *(f"  no {name}: {reason}" for name, reason in unable(data).items()),
        f"about {_duration(seconds)} in one process, reckoned from {counted(len(rows), 'video')}",
    ])  # fmt: skip


def unable(data: DataSettings) -> dict[str, str]:
    """The variants that no clip can have, and why."""
    table = data.table()
    variants = data.variants_of(table, data.people(table))
    return {name: reason for name in data.variants or VARIANTS if (reason := variants.unable(name))}


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
