"""The plan of a world: every setting, and which videos follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sceneproof.errors import InputError
from sceneproof.mall import bias
from sceneproof.mall.film import Format
from sceneproof.mall.motions import ACTIONS, TRANSFER_ACTIONS
from sceneproof.mall.scenery import SCENES

SPLITS = (
    "train", "validation", "validation_out", "test", "test_out",
    "transfer_train", "transfer_validation", "transfer_test",
)  # fmt: skip


@dataclass(frozen=True)
class Film:
    """One video of a world.

    Attributes:
        video: its id.
        split: one of `SPLITS`.
        action: what is done.
        scene: where.
        context: "in" where training may show this pair, "out" where it never does.
        seed: what it is drawn from.
    """

    video: str
    split: str
    action: str
    scene: str
    context: str
    seed: tuple[int, ...]

    @property
    def path(self) -> str:
        """Its file, below the world's folder."""
        return f"videos/{self.split}/{self.action}/{self.scene}_{self.video.rpartition('_')[2]}.mp4"


def check_settings(world: object, *, counts: Sequence[str], shares: Sequence[str]) -> None:
    """The checks that worlds of either kind have in common.

    Args:
        world: its settings, with `height` and `width`.
        counts: names of those that must not be negative.
        shares: names of those from 0 to 1.

    Raises:
        InputError: names the setting, its value and what it may be.
    """
    values = vars(world)
    for name in ("height", "width"):
        if values[name] < 32 or values[name] % 2:
            raise InputError(f"{name}: {values[name]}: the Mall's videos need an even number of pixels, at least 32")
    for name in counts:
        if values[name] < 0:
            raise InputError(f"{name}: {values[name]}: must be 0 or more")
    for name in shares:
        if not 0 <= values[name] <= 1:
            raise InputError(f"{name}: {values[name]}: must be from 0 to 1")


@dataclass(frozen=True)
class World:
    """Every setting of a world; two worlds with equal settings have equal files.

    Attributes:
        train: videos to train on: 8 actions, in context.
        validation: as `train`, to choose by.
        validation_out: out of context, to report and never to choose by.
        test: in context.
        test_out: out of context: scenes that training shows with other actions, and never with this one.
        transfer_train: videos of 4 further actions, with a bias of the same kind.
        transfer_validation: as `transfer_train`.
        transfer_test: of the same 4 actions, equally often in all scenes: half of the videos are out of context.
        pictures: pictures of each empty scene, to train a scene classifier on.
        test_pictures: further ones, to test it on.
        height: of a video, in pixels; even.
        width: of a video, in pixels; even.
        frames: of a video.
        rate: frames a second.
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
        strength: how much the scene tells of the action: 0 least, 1 most; see `sceneproof.mall.bias`.
        seed: another seed, another world.
        people: False: the same videos with nobody in them, for what the place alone says.
        unbiased: True: `train` shows every action equally often in all scenes, for what could be reached; the other
            splits stay the same.
    """

    train: int = 2000
    validation: int = 400
    validation_out: int = 400
    test: int = 500
    test_out: int = 1000
    transfer_train: int = 400
    transfer_validation: int = 100
    transfer_test: int = 200
    pictures: int = 60
    test_pictures: int = 20
    height: int = 128
    width: int = 170
    frames: int = 24
    rate: float = 12.5
    crf: int = 20
    strength: float = 0.8
    seed: int = 0
    people: bool = True
    unbiased: bool = False

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            InputError: names the setting, its value and what it may be.
        """
        check_settings(self, counts=(*SPLITS, "pictures", "test_pictures", "crf", "seed"), shares=("strength",))
        if self.frames < 1 or not 1 <= self.rate <= 240 or self.crf > 51:
            raise InputError(
                f"frames, rate, crf: {self.frames}, {self.rate}, {self.crf}: a video has at least 1 frame, "
                f"1 to 240 frames a second, and a crf of at most 51"
            )

    def scaled(self, factor: float) -> "World":
        """The same world with fewer (or more) videos in every split; pictures stay as many."""
        return replace(self, **{name: round(getattr(self, name) * factor) for name in SPLITS})

    @property
    def format(self) -> Format:
        """The shape of its videos."""
        return Format(self.width, self.height, self.frames, self.rate, self.crf)

    def shares(self, split: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """How likely each scene of `SCENES` is in a split, given the action: (A, S), rows sum to 1.

        A is 8, `ACTIONS`, or in the transfer splits 4, `TRANSFER_ACTIONS`.
        """
        actions = len(actions_of(split))
        if split.endswith("_out"):
            return bias.out_of_context(actions, len(SCENES))
        if split == "transfer_test" or (self.unbiased and split == "train"):
            return np.full((actions, len(SCENES)), 1 / len(SCENES))
        return bias.in_context(actions, len(SCENES), self.strength)

    def bayes_accuracy(self, split: str = "train") -> float:
        """The accuracy, 0 to 1, of the best possible guess of the action from the true scene, within a split."""
        return bias.bayes_accuracy(self.shares(split))

    def films(self) -> list[Film]:
        """All videos, split by split. A video's looks follow from the seed, its split and its place there."""
        films = []
        for number, split in enumerate(SPLITS):
            actions = actions_of(split)
            foreign = bias.roles(len(actions), len(SCENES)) >= len(actions) // 2
            random = np.random.default_rng(np.random.SeedSequence((self.seed, 1, number)))
            for place, (action, scene) in enumerate(bias.allot(self.shares(split), getattr(self, split), random)):
                context = "out" if foreign[action, scene] else "in"
                seed = (self.seed, 0, number, place)
                films.append(Film(f"{split}_{place:05d}", split, actions[action], SCENES[scene], context, seed))
        return films


def actions_of(split: str) -> tuple[str, ...]:
    """The actions that a split shows."""
    return TRANSFER_ACTIONS if split.startswith("transfer") else ACTIONS
