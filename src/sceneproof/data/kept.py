"""Features kept once: what a frozen network's lower stages say of clips, so that training what lies above is quick.

A folder holds `plan.json`, what the features follow from, and shards: safetensors files, sealed, of consecutive rows of
one split in half precision. Of a training split a row has several draws, the very clips that epochs 0, 1, … of a
training with the same seed would cut; of other splits its evenly spaced test clips.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.utils.data import Dataset

from sceneproof.backbones.base import Backbone
from sceneproof.data.dataset import ClipSettings, Labelled, LabelledClips
from sceneproof.data.digests import changed, manifest_digests, people_digests
from sceneproof.data.humans import HumanBoxes, HumanMasks
from sceneproof.data.manifest import Manifest
from sceneproof.errors import DamagedError, InputError
from sceneproof.files import read_json
from sceneproof.sealed_tensors import read_sealed, save_sealed
from sceneproof.types import Clip, Kept, Sample

PLAN = "plan.json"
CURE = "delete it, and start `sceneproof features` again as before, which makes it anew"
NO_FRAMES = Clip(np.zeros((0, 0, 0, 3), np.uint8))


def lower_digest(backbone: Backbone) -> str:
    """SHA-256 of the weights that a backbone's `lower` computes with, 32 digits."""
    digest = hashlib.sha256()
    for part in backbone.lower_parts:
        for name, tensor in part.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def lower_names(network: nn.Module, backbones: Sequence[str]) -> list[str]:
    """The names, in a network, of the modules that its backbones' `lower` runs through."""
    parts = {id(part) for name in backbones for part in network.get_submodule(name).lower_parts}  # type: ignore[union-attr]  # of a Backbone
    return [name for name, module in network.named_modules() if id(module) in parts]


@dataclass
class Shard:
    """The features of some rows of a split, in memory while they are written.

    Attributes:
        rows: int, of each clip; `draws`: which of its row's clips it is.
        clips: float16 (D, T', H', W') each.
        twins: the same of the clips' masked twins, by the clip's place; `swapped`: of their composites.
        problems: why a row has no clips.
    """

    rows: list[int] = field(default_factory=list)
    draws: list[int] = field(default_factory=list)
    clips: list[Tensor] = field(default_factory=list)
    twins: dict[int, Tensor] = field(default_factory=dict)
    swapped: dict[int, Tensor] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Writes it under its name, whole or not at all.

        Raises:
            OSError: the disk is full.
        """
        empty = torch.zeros(0, dtype=torch.float16)
        tensors = {
            "rows": torch.tensor(self.rows, dtype=torch.int64),
            "draws": torch.tensor(self.draws, dtype=torch.int64),
            "clips": torch.stack(self.clips) if self.clips else empty,
        }
        for name, of, values in (("twins", "twin_of", self.twins), ("swapped", "swapped_of", self.swapped)):
            tensors[name] = torch.stack(list(values.values())) if values else empty
            tensors[of] = torch.tensor(list(values), dtype=torch.int64)
        temporary = path.with_name(f".{path.name}.tmp.safetensors")
        save_sealed(tensors, temporary, {"problems": {str(row): problem for row, problem in self.problems.items()}})
        temporary.replace(path)


def intact(path: Path) -> bool:
    """Whether a shard is there as it was written."""
    try:
        read_sealed(path)
    except (FileNotFoundError, SafetensorError, DamagedError):
        return False
    return True


@dataclass(frozen=True)
class KeptFeatures:
    """A folder of features.

    Attributes:
        folder: where it is.
        plan: what they follow from.
    """

    folder: Path
    plan: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "KeptFeatures":
        """Opens a folder that `sceneproof features` has finished.

        Raises:
            InputError: none, or one with shards still to be made.
        """
        folder = Path(folder)
        if not (folder / PLAN).is_file():
            raise InputError(f"{folder}: holds no features ({PLAN}): make them with `sceneproof features`")
        kept = cls(folder, read_json(folder / PLAN, dict))
        missing = [name for split in kept.splits for _, name in kept.shards(split) if not (folder / name).is_file()]
        if missing:
            raise InputError(
                f"{folder}: {len(missing)} shards are still missing, {missing[0]} first: start the same `sceneproof "
                f"features` again, which goes on"
            )
        return kept

    @property
    def splits(self) -> Sequence[str]:
        """Of the manifest, that there are features of."""
        return list(self.plan["splits"])

    @property
    def seed(self) -> int:
        """Of what was drawn."""
        return int(self.plan["seed"])

    def clips(self, split: str) -> int:
        """How many clips a row of a split has: draws of the training split, test clips of others."""
        return int(self.plan["draws"] if self.trains(split) else self.plan["clips"])

    def trains(self, split: str) -> bool:
        """Whether a split's clips were drawn as training draws them."""
        return bool(split == self.plan["train_split"])

    def shards(self, split: str) -> Iterator[tuple[range, str]]:
        """The rows and the file name of each shard of a split."""
        size, rows = int(self.plan["rows_a_shard"]), int(self.plan["splits"][split]["rows"])
        number = list(self.plan["splits"]).index(split)
        for start in range(0, rows, size):
            yield range(start, min(start + size, rows)), f"{number:02d}-{start:08d}.safetensors"

    @property
    def swaps(self) -> bool:
        """Whether composites of training clips are there: their people in other clips' places."""
        return bool(self.plan.get("swaps", False))

    def split(self, name: str, *, training: bool) -> "KeptSplit":
        """The features of a split.

        Args:
            name: of the split.
            training: whether they are to be trained on.

        Raises:
            InputError: there are none, or of clips that were cut for the other purpose.
        """
        if name not in self.plan["splits"]:
            raise InputError(f"{self.folder}: has no features of the split {name!r}, only of {', '.join(self.splits)}")
        if self.trains(name) != training:
            purpose = "test clips" if training else "clips drawn for training"
            raise InputError(
                f"{self.folder}: keeps {purpose} of the split {name!r}: name it with --train-split to train on it, "
                f"with --splits to test on it"
            )
        return KeptSplit(self, name)

    def refuse_other(self, backbone: Backbone, config: Mapping[str, Any], clip: ClipSettings) -> None:
        """Refuses a network whose lower stages have other weights than those that made the features, and other clips.

        Args:
            backbone: with its weights.
            config: the backbone's class and arguments, as a run's configuration holds them.
            clip: how its clips would be cut.

        Raises:
            InputError: says what differs.
        """
        if (said := self.plan["backbone"]) != config:
            raise InputError(f"{self.folder}: features of {_in_words(said)}, not of {_in_words(config)}")
        if self.plan["lower"] != lower_digest(backbone):
            raise InputError(
                f"{self.folder}: features of other weights: `sceneproof features` had --weights "
                f"{self.plan['weights'] or '(none: random ones)'}"
            )
        for name, ours in settings_of(clip).items():
            if (theirs := self.plan["clip"][name]) != ours:
                raise InputError(f"{self.folder}: features of clips with clip.{name} {theirs}, not {ours}")

    def refuse_other_count(self, split: str, count: int, flag: str) -> None:
        """Raises InputError where as many test clips a video are asked for as were not kept."""
        if (kept := self.clips(split)) != count:
            raise InputError(
                f"{self.folder}: features of {kept} clips a video of {split!r}, not {count}: {flag} {kept}"
            )

    @property
    def digests(self) -> dict[str, Any]:
        """What a training on them follows from."""
        return {name: self.plan[name] for name in ("lower", "precision", "draws", "seed")}

    def refuse_other_rows(self, split: str, digests: Mapping[str, Any]) -> None:
        """Refuses rows, or people, that are not those that a split's features were made of.

        Args:
            split: of the manifest.
            digests: by the table's name, "manifest" and perhaps "humans"; what is not there is not compared.

        Raises:
            InputError: says what differs.
        """
        then = self.plan["splits"][split]["tables"]
        if difference := changed({name: then.get(name) for name in digests}, digests):
            raise InputError(
                f"{self.folder}: the features of the split {split!r} were made of other tables ({difference}): give "
                f"those that they were made of, or make features of these in another folder"
            )


def digests_of(table: Manifest, split: str, people: HumanBoxes | HumanMasks | None = None) -> dict[str, Any]:
    """Of what the features of a split follow from, by the table's name."""
    digests: dict[str, Any] = {"manifest": manifest_digests(table, [split])}
    if people is not None:
        digests["humans"] = people_digests(people.rows, list(table.split(split).rows["video"]))
    return digests


def _in_words(config: Mapping[str, Any]) -> str:
    """A backbone's class and arguments."""
    given = ", ".join(f"{name} {value!r}" for name, value in (config.get("init_args") or {}).items())
    return f"{config['class_path']} ({given})" if given else str(config["class_path"])


def settings_of(clip: ClipSettings) -> dict[str, Any]:
    """How clips are cut, as JSON values."""
    return {"length": clip.length, "stride": clip.stride, "size": clip.size, "scales": list(clip.scales)}


class KeptSplit:
    """The features of a split, read a clip at a time from shards that are checked when they are first met."""

    def __init__(self, kept: KeptFeatures, name: str) -> None:
        self.kept, self.name = kept, name
        self._shards = list(kept.shards(name))
        self._open: dict[int, _OpenShard] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}  # files stay in the process that opened them

    def clip(self, row: int, draw: int) -> Kept | str:
        """The features of a row's clip, or why the video could not be read.

        Raises:
            DamagedError: its shard is not as it was written.
        """
        number = row // int(self.kept.plan["rows_a_shard"])
        if number not in self._open:
            self._open[number] = _OpenShard(self.kept.folder / self._shards[number][1])
        return self._open[number].clip(row, draw)

    def has_twin(self, row: int) -> bool:
        """Whether the features of a row's masked twin are there."""
        clip = self.clip(row, 0)
        return isinstance(clip, Kept) and clip.twin is not None

    def is_swapped(self, row: int) -> bool:
        """Whether the features of a row's people in another clip's place are there."""
        clip = self.clip(row, 0)
        return isinstance(clip, Kept) and clip.swapped is not None


class _OpenShard:
    """A shard whose seal was checked; clips are read from the file as they are asked for."""

    def __init__(self, path: Path) -> None:
        try:
            tensors, said = read_sealed(path)
        except (SafetensorError, FileNotFoundError):
            raise DamagedError(path, CURE) from None
        except DamagedError as error:
            raise DamagedError(path, CURE) from error
        problems = said["problems"]
        assert isinstance(problems, dict)
        self._problems = {int(row): str(problem) for row, problem in problems.items()}
        keys = zip(tensors["rows"].tolist(), tensors["draws"].tolist(), strict=True)
        self._place = {key: place for place, key in enumerate(keys)}
        self._views = {name: _places(tensors, of) for name, of in (("twins", "twin_of"), ("swapped", "swapped_of"))}
        self._file = safe_open(path, framework="np")
        self._slices: dict[str, Any] = {}

    def clip(self, row: int, draw: int) -> Kept | str:
        if row in self._problems:
            return self._problems[row]
        place = self._place[row, draw]
        twin, swapped = (
            self._read(name, of_clip[place]) if place in of_clip else None for name, of_clip in self._views.items()
        )
        return Kept(self._read("clips", place), twin, swapped)

    def _read(self, name: str, number: int) -> NDArray[np.float16]:
        """One entry of a tensor of the file."""
        if name not in self._slices:
            self._slices[name] = self._file.get_slice(name)  # type: ignore[no-untyped-call]  # safetensors'
        values: NDArray[np.float16] = self._slices[name][number]
        return values


def _places(tensors: Mapping[str, Tensor], name: str) -> dict[int, int]:
    """The number in its tensor of each clip's other view, by the clip's place; shards of before have no composites."""
    return {place: number for number, place in enumerate(tensors[name].tolist())} if name in tensors else {}


@dataclass(frozen=True)
class KeptTrainingClips(LabelledClips, Dataset[Sample]):
    """Kept draws in place of `TrainingClips`: epoch e meets draw e, and the first again after the last."""

    features: KeptSplit
    seed: int

    def __getitem__(self, key: tuple[int, ...]) -> Sample:
        epoch, row, *again = key
        draw = (epoch + sum(again)) % self.features.kept.clips(self.features.name)
        return kept_sample(self.labelled, self.features, row, draw)


@dataclass(frozen=True)
class KeptTestClips(LabelledClips, Dataset[list[Sample]]):
    """Kept test clips in place of `TestClips`."""

    settings: ClipSettings
    features: KeptSplit

    def __getitem__(self, row: int) -> list[Sample]:
        count = self.features.kept.clips(self.features.name)
        first = kept_sample(self.labelled, self.features, row, 0)
        more = range(1, 1 if first.problem else count)
        return [first, *(kept_sample(self.labelled, self.features, row, draw) for draw in more)]


def kept_sample(labelled: Labelled, features: KeptSplit, row: int, draw: int) -> Sample:
    """A sample of features, with the labels of its row."""
    clip = features.clip(row, draw)
    if isinstance(clip, str):
        return Sample(row, NO_FRAMES, problem=clip)
    scene = labelled.scene[row] if labelled.has_scene[row] else None
    return Sample(row, NO_FRAMES, action=int(labelled.action[row]), scene=scene, kept=clip)
