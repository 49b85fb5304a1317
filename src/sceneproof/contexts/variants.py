"""Every variant of a clip, made from one decode, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sceneproof.contexts import drawing
from sceneproof.contexts.backgrounds import Backgrounds, covering
from sceneproof.contexts.choosing import Nobody, Partners, Swap, generator, pick
from sceneproof.contexts.empty import emptied, filled
from sceneproof.contexts.footage import Footage, aligned, backwards, frozen, shuffled
from sceneproof.contexts.inpainting import Inpaint, smooth
from sceneproof.contexts.matte import Matte, cut_out
from sceneproof.data.humans import COVERAGE
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError

SWAPS: dict[str, Swap] = {
    "swap_random": "random", "swap_close": "close", "swap_far": "far", "swap_same": "same",
}  # fmt: skip
STILLS = ("photograph", "texture", "sinusoid")
TIME = ("shuffled", "reversed", "frozen")
CONFLICT = "conflict_sinusoid"
"""Moving people, and beside or behind them somebody who stands still in the middle of another action."""
VARIANTS = (
    "original", "human_filled", "human_inpainted", "scene_grey", "scene_noise", *SWAPS, "self_paste",
    *(f"scuba_{still}" for still in STILLS), *(f"scufo_{still}" for still in STILLS), CONFLICT, *TIME,
)  # fmt: skip
"""Names of the variants, in the order that tables show them; docs/contexts.md defines each."""
CONTROLS = ("swap_same", "self_paste")
"""The variants with all marks of cutting and no other scene: what they cost is not the scene's."""
GREY = 128
ONE_FRAME = "it is shown as one frame, which has no order in time"
NOBODY = "nobody is known to be in its frames"

Clips = Sequence[NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Made:
    """A variant of a clip.

    Attributes:
        clips: uint8 (T, H, W, 3), one for each of the clips asked for.
        note: what a reader should know of how it was made; often empty.
        background: where the background is from: a video's id, a file's name, what was drawn; else empty.
        background_action: what is done in the video that the background is from; else empty.
        guessed: of people taken out: bool (T, H, W), where each frame was filled from around, once each; else None.
    """

    clips: list[NDArray[np.uint8]]
    note: str = ""
    background: str = ""
    background_action: str = ""
    guessed: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Impossible:
    """Why a clip has no such variant."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Background:
    """What people are pasted on: uint8 (T, H, W, 3), or (H, W, 3) for a still."""

    pixels: NDArray[np.uint8]
    note: str = ""
    name: str = ""
    action: str = ""


class Variants:
    """Makes the variants of clips: a function of the seed, the clip and the variant's name alone.

    Args:
        partners: which videos lend their backgrounds.
        read: gives the footage of such a video by its id; a VideoError makes a clip's swap impossible, with the reason.
        backgrounds: the user's pictures and videos; None: the Mall's scenes stand in for photographs.
        seed: another seed, other backgrounds and orders.
        least_share: of a clip's frames in which people must be known, from 0 to 1, for it to be changed where they are,
            and to lend its background: elsewhere they are still to be seen when they are "removed", and gone when they
            are pasted.
        inpaint: fills what no frame shows behind people.
    """

    def __init__(
        self,
        partners: Partners,
        read: Callable[[str], Footage],
        *,
        backgrounds: Backgrounds | None = None,
        seed: int = 0,
        least_share: float = COVERAGE,
        inpaint: Inpaint = smooth,
    ) -> None:
        self.partners, self.read, self.backgrounds, self.seed = partners, read, backgrounds, seed
        self.least_share, self.inpaint = least_share, inpaint

    def names(self) -> list[str]:
        """The variants that some clip can have, in the order of `VARIANTS`."""
        return [name for name in VARIANTS if not self.unable(name)]

    def unable(self, name: str) -> str:
        """Why no clip at all can have this variant; empty where some can.

        Raises:
            InputError: no such variant; names those that exist.
        """
        if name not in VARIANTS:
            raise InputError(f"no variant {name!r}; the variants are: {', '.join(VARIANTS)}")
        swap = "random" if name == CONFLICT else SWAPS.get(name)
        return self.partners.unable(swap) if swap else ""

    def of(self, footage: Footage, clips: Clips) -> "ClipVariants":
        """The variants of one video.

        Args:
            footage: all of its frames.
            clips: the numbers of the frames that are wanted, int64 (T,) for each clip; repeats allowed.
        """
        return ClipVariants(self, footage, clips)


class ClipVariants:
    """The variants of one video, each made when it is asked for. Of what they share, only the cut people are kept."""

    def __init__(self, variants: Variants, footage: Footage, clips: Clips) -> None:
        self._all, self._footage, self._clips = variants, footage, [np.asarray(clip, np.int64) for clip in clips]
        self._numbers = np.unique(np.concatenate(self._clips))

    def each(self, names: Sequence[str]) -> Iterator[tuple[str, Made | Impossible]]:
        """These variants, lazily: only one is in memory if the caller keeps none."""
        for name in names:
            yield name, self.make(name)

    def make(self, name: str) -> Made | Impossible:
        """Makes one variant.

        Raises:
            InputError: no such variant, or a picture of the folder of backgrounds that cannot be read.
        """
        if reason := self._all.unable(name):
            return Impossible(reason)
        if (name in TIME or name.startswith("scufo_")) and all(np.ptp(clip) == 0 for clip in self._clips):
            return Impossible(ONE_FRAME)
        frames, people = self._footage.frames, self._footage.people
        if name == "original" or name in TIME:
            orders = self._orders(name)
            return Made([frames[clip[order]] for clip, order in zip(self._clips, orders, strict=True)])
        if people is None or not people[self._numbers].any():
            return Impossible(NOBODY)
        if known_share(people[self._numbers]) < self._all.least_share:
            return Impossible(f"people are known in less than {self._all.least_share:.0%} of its frames")
        if name == "human_filled":
            return Made(self._split(filled(frames, people, self._numbers)), self._gaps(people))
        if name == "human_inpainted":
            empty = emptied(frames, people, self._numbers, self._all.inpaint)
            return Made(self._split(empty.frames), _joined(empty.way, self._gaps(people)), guessed=empty.guessed)
        return self._composite(name, people)

    def _composite(self, name: str, people: NDArray[np.bool_]) -> Made | Impossible:
        still = name.startswith("scufo_")
        background = self._background(name.replace("scufo_", "scuba_"), people)
        if isinstance(background, Impossible):
            return background
        matte = self._matte
        assert matte is not None  # there are people in these frames
        facts = _joined(background.note, self._gaps(people)), background.name, background.action
        if not still:
            return Made(self._split(matte.over(background.pixels)), *facts)
        clips = []
        for clip, order in zip(self._clips, self._orders("frozen"), strict=True):
            place = np.searchsorted(self._numbers, clip[order[:1]])
            pixels = background.pixels if background.pixels.ndim == 3 else background.pixels[place]
            clips.append(np.repeat(matte.at(place).over(pixels), len(clip), 0))
        return Made(clips, *facts)

    def _background(self, name: str, people: NDArray[np.bool_]) -> "_Background | Impossible":
        """The background of a composite, as many frames as are wanted."""
        footage, seed = self._footage, self._all.seed
        height, width = footage.frames.shape[1:3]
        rng = generator(seed, footage.video, name)
        match name:
            case "self_paste":
                empty = emptied(footage.frames, people, self._numbers, self._all.inpaint)
                return _Background(empty.frames, empty.way, footage.video, self._all.partners.action(footage.video))
            case "scene_grey":
                return _Background(np.full((height, width, 3), GREY, np.uint8), name="grey")
            case "scene_noise":
                return _Background(drawing.noise(height, width, rng), name="noise")
            case "scuba_texture":
                return _Background(drawing.texture(height, width, rng), name="texture")
            case "scuba_sinusoid":
                return _Background(drawing.Sinusoids.drawn(rng).picture(height, width), name="sinusoid")
            case "scuba_photograph":
                return self._photograph(name, rng)
        swap = "random" if name == CONFLICT else SWAPS[name]
        partner = self._partner(swap)
        if isinstance(partner, Impossible):
            return partner
        return self._beside(partner, rng) if name == CONFLICT else self._swap(partner)

    def _photograph(self, name: str, rng: np.random.Generator) -> "_Background | Impossible":
        height, width = self._footage.frames.shape[1:3]
        if self._all.backgrounds is None:
            picture, scene = drawing.scene(height, width, rng)
            return _Background(picture, "no folder of backgrounds: a drawn scene of the Mall", f"mall:{scene}")
        chosen = pick(self._all.backgrounds.names, self._all.seed, self._footage.video, name)
        try:
            total = len(self._footage.frames)
            pixels = self._all.backgrounds.frames(chosen, self._numbers, total, height, width)
        except VideoError as error:
            return Impossible(f"its background {chosen} cannot be read: {error}")
        return _Background(pixels, name=chosen)

    def _partner(self, swap: Swap) -> Footage | Impossible:
        """The video that lends something to this one."""
        partner = self._all.partners.partner(self._footage.video, swap, seed=self._all.seed)
        if isinstance(partner, Nobody):
            return Impossible(partner.reason)
        try:
            other = self._all.read(partner)
        except VideoError as error:
            return Impossible(f"its partner {partner} cannot be read: {error}")
        if other.people is None:
            return Impossible(f"nobody is known to be in its partner {partner}")
        return other

    def _beside(self, other: Footage, rng: np.random.Generator) -> _Background:
        """Stripes on which people of another video stand still, as in one of its frames."""
        assert other.people is not None
        shown = np.flatnonzero(other.people.any((1, 2)))
        number = int(rng.choice(shown)) if len(shown) else 0
        height, width = self._footage.frames.shape[1:3]
        mask = np.repeat(other.people[number][:, :, None].astype(np.uint8), 3, 2)
        frame, people = (covering(picture, height, width) for picture in (other.frames[number], mask))
        stripes = drawing.Sinusoids.drawn(rng).picture(height, width)
        matte = cut_out(frame[None], people[None, :, :, 0] > 0, [0])
        pixels = stripes if matte is None else matte.over(stripes)[0]
        note = "" if matte is not None else "the other video's people are not in sight"
        return _Background(pixels, note, other.video, self._all.partners.action(other.video))

    def _swap(self, other: Footage) -> "_Background | Impossible":
        assert other.people is not None
        wanted = aligned(self._numbers, len(self._footage.frames), len(other.frames))
        if known_share(other.people[wanted]) < self._all.least_share:
            return Impossible(
                f"people are known in less than {self._all.least_share:.0%} of the frames of its partner {other.video}"
            )
        empty = emptied(other.frames, other.people, wanted, self._all.inpaint)
        height, width = self._footage.frames.shape[1:3]
        pixels = np.stack([covering(frame, height, width) for frame in empty.frames])
        return _Background(pixels, empty.way, other.video, self._all.partners.action(other.video))

    @cached_property
    def _matte(self) -> Matte | None:
        assert self._footage.people is not None
        return cut_out(self._footage.frames, self._footage.people, self._numbers)

    def _orders(self, name: str) -> list[NDArray[np.int64]]:
        """Places in each clip, (T,)."""
        rng = generator(self._all.seed, self._footage.video, name)
        drawn = {"shuffled": lambda length: shuffled(length, rng), "frozen": lambda length: frozen(length, rng)}
        order = {**drawn, "reversed": backwards}.get(name, np.arange)
        return [order(len(clip)) for clip in self._clips]

    def _split(self, frames: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Frames of the wanted numbers, each once, to the clips asked for."""
        return [frames[np.searchsorted(self._numbers, clip)] for clip in self._clips]

    def _gaps(self, people: NDArray[np.bool_]) -> str:
        missing = int((~people[self._numbers].any((1, 2))).sum())
        return f"nobody is known in {missing} of {len(self._numbers)} frames" if missing else ""


def known_share(people: NDArray[np.bool_]) -> float:
    """The share of frames that show a known person, 0 to 1, of people (T, H, W)."""
    return float(people.any((1, 2)).mean()) if len(people) else 0.0


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
