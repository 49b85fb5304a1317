"""Which videos, with which people, are shown in which variants: what an audit and an export have in common."""

from dataclasses import dataclass
from pathlib import Path

from sceneproof.contexts.backgrounds import Backgrounds, background_digests
from sceneproof.contexts.choosing import Partners, scene_distances
from sceneproof.contexts.footage import Library, lenders
from sceneproof.contexts.inpainting import inpainting
from sceneproof.contexts.variants import Variants
from sceneproof.data.digests import file_digests
from sceneproof.data.gaps import without_short_gaps
from sceneproof.data.human_tables import HumanBoxes, HumanMasks
from sceneproof.data.humans import COVERAGE, check_humans, read_humans
from sceneproof.data.manifest import Manifest, refuse_flow
from sceneproof.data.scenes import SceneTable
from sceneproof.errors import InputError


@dataclass(frozen=True, kw_only=True)
class VariantSettings:
    """What all variants of some videos follow from; paths as text, so that it travels to other processes and tables.

    Attributes:
        manifest: the table of videos.
        root: the folder that its paths start from; None: its own.
        splits: only videos of these; empty: all.
        humans: table of person boxes or masks; None: nothing that needs people.
        scenes: table of scene labels.
        backgrounds: folder of pictures and videos.
        variants: only these; empty: all that the data allows.
        seed: of backgrounds and orders.
        least_share: of a video's frames in which people must be known, for all that needs them.
        inpainter: network in ONNX that fills what no frame shows behind people; None: smooth colours from around.
    """

    manifest: str
    root: str | None = None
    splits: tuple[str, ...] = ()
    humans: str | None = None
    scenes: str | None = None
    backgrounds: str | None = None
    variants: tuple[str, ...] = ()
    seed: int = 0
    least_share: float = COVERAGE
    inpainter: str | None = None

    def __post_init__(self) -> None:
        """Raises InputError for a share that is none."""
        if not 0 <= self.least_share <= 1:
            raise InputError(f"--least-share {self.least_share:g}: give a share of frames, 0 to 1")

    def videos(self, task: str) -> Manifest:
        """The videos, for a task that is named where it cannot be done.

        Raises:
            InputError: a bad manifest, an unknown split, or videos that are optical flow.
        """
        table = Manifest.read(self.manifest, self.root)
        refuse_flow(table, task)
        return table.split(*self.splits) if self.splits else table

    def people(self, table: Manifest) -> HumanBoxes | HumanMasks:
        """Where the people are, short gaps filled in; nowhere, without a table.

        Raises:
            InputError: the table of another data set, or people that cannot be of these videos.
        """
        if self.humans is None:
            return HumanBoxes.nobody()
        people = read_humans(self.humans)
        check_humans(people, table)  # what may be wrong is told once, by the command
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
        return Variants(
            partners, Library(table, people).read, backgrounds=backgrounds, seed=self.seed,
            least_share=self.least_share, inpaint=inpainting(self.inpainter),
        )  # fmt: skip

    def digests(self) -> dict[str, str]:
        """SHA-256 of the tables and of what is shown behind people."""
        files = {"manifest": self.manifest, "humans": self.humans, "scenes": self.scenes, "inpainter": self.inpainter}
        return file_digests(**files) | background_digests(self.backgrounds)
