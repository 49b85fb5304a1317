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
from sceneproof.contexts.backgrounds import Backgrounds
from sceneproof.contexts.choosing import Partners, scene_distances
from sceneproof.contexts.footage import Library, lenders
from sceneproof.contexts.inpainting import inpainting
from sceneproof.contexts.variants import VARIANTS, Variants
from sceneproof.data.gaps import without_short_gaps
from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.humans import COVERAGE, check_humans, read_humans
from sceneproof.data.manifest import Manifest, refuse_flow
from sceneproof.data.scenes import SceneTable
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


@dataclass(frozen=True)
class DataSettings:
    """Which videos, in which variants; paths as text, so that it travels to other processes and into tables.

    Attributes:
        manifest: the table of videos.
        root: the folder that its paths start from; None: its own.
        splits: only videos of these; empty: all.
        left_out: actions that are not audited.
        humans: table of person boxes or masks; None: nothing that needs people.
        scenes: table of scene labels.
        backgrounds: folder of pictures and videos.
        variants: only these; empty: all that the data allows.
        seed: of backgrounds and orders.
        clips: clips a video.
        maps: whether the model is asked where it looks.
        least_share: of a video's frames in which people must be known, for all that needs them.
        inpainter: network in ONNX that fills what no frame shows behind people; None: smooth colours from around.
    """

    manifest: str
    root: str | None = None
    splits: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    humans: str | None = None
    scenes: str | None = None
    backgrounds: str | None = None
    variants: tuple[str, ...] = ()
    seed: int = 0
    clips: int = 1
    maps: bool = True
    least_share: float = COVERAGE
    inpainter: str | None = None

    def table(self) -> Manifest:
        """The audited videos.

        Raises:
            InputError: a bad manifest, or an unknown split.
        """
        table = Manifest.read(self.manifest, self.root)
        refuse_flow(table, "an audit")
        table = table.split(*self.splits) if self.splits else table
        kept = ~table.rows["action"].isin(self.left_out)
        return Manifest(table.rows[kept].reset_index(drop=True), table.root, table.name)

    def people(self, table: Manifest) -> HumanBoxes | HumanMasks:
        """Where the people are, short gaps filled in; nowhere, without a table.

        Raises:
            InputError: the table of another data set, or people that cannot be of these videos.
        """
        if self.humans is None:
            return HumanBoxes.nobody()
        people = read_humans(self.humans)
        check_humans(people, table)
        return without_short_gaps(people)

    def doubts(self, table: Manifest) -> list[str]:
        """What may be wrong with the table of people, a sentence each."""
        return [] if self.humans is None else check_humans(read_humans(self.humans), table)

    def variants_of(self, table: Manifest, people: HumanBoxes | HumanMasks) -> Variants:
        """The maker of variants.

        Raises:
            InputError: a bad table of scenes, or folder of backgrounds.
        """
        distances = None if self.scenes is None else scene_distances(table, SceneTable.read(self.scenes))
        backgrounds = None if self.backgrounds is None else Backgrounds.read(Path(self.backgrounds))
        partners = Partners(table, lenders(table, people, self.least_share), distances=distances)
        read = Library(table, people).read
        return Variants(
            partners, read, backgrounds=backgrounds, seed=self.seed, least_share=self.least_share,
            inpaint=inpainting(self.inpainter),
        )  # fmt: skip

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
