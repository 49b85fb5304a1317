"""What is known of the training videos: scene labels and people, read, checked and joined with the manifest."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sceneproof.addresses import Address
from sceneproof.data.dataset import Labelled
from sceneproof.data.digests import manifest_digests, people_digests, scene_digests
from sceneproof.data.humans import HumanBoxes, HumanMasks, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.methods import Facts, Method
from sceneproof.wording import counted

PEOPLE = frozenset({"people", "without_humans", "swapped"})
"""Needs that a table of people serves."""
ELSEWHERE = "another scene"
LEAST_GROUP = 8
"""Clips: smaller groups of an action are taken together, else 51 actions x 365 scenes leave most groups empty."""


@dataclass(frozen=True)
class Groups:
    """The groups that clips are in: an action in a scene, by the most probable label.

    Attributes:
        names: of the groups, "action in scene"; none without scene labels.
        of_row: int64 (N,), each clip's.
    """

    names: Sequence[str]
    of_row: NDArray[np.int64]

    @classmethod
    def gather(cls, part: Manifest, scenes: SceneTable | None) -> "Groups":
        """Groups of at least `LEAST_GROUP` clips; what is smaller, or has no label, is one group an action."""
        if scenes is None:
            return cls([], np.zeros(0, np.int64))
        vectors, known = scenes.rows_for(list(part.rows["video"]))
        named = np.where(known, np.array([*scenes.names])[vectors.argmax(axis=1)], ELSEWHERE)
        rows = pd.DataFrame({"action": part.rows["action"].to_numpy(), "scene": named})
        small = rows.groupby(["action", "scene"])["scene"].transform("size") < LEAST_GROUP
        rows.loc[small, "scene"] = ELSEWHERE
        names, numbers = np.unique((rows["action"] + " in " + rows["scene"]).to_numpy(dtype=str), return_inverse=True)
        return cls(names.tolist(), numbers.astype(np.int64))


@dataclass(frozen=True)
class TrainingLabels:
    """The training split and the tables of what is known of its videos.

    Attributes:
        part: the training split.
        scenes: soft scene labels, or None.
        humans: where people are, or None.
    """

    part: Manifest
    scenes: SceneTable | None
    humans: HumanBoxes | HumanMasks | None

    @classmethod
    def read(
        cls, part: Manifest, scenes: Address | None, humans: Address | None, *, shuffled: int | None
    ) -> "TrainingLabels":
        """Reads the tables; `shuffled` is the seed by which scene labels change places, or None."""
        table = SceneTable.read(scenes) if scenes is not None else None
        people = read_humans(humans) if humans is not None else None
        if table is not None and shuffled is not None:
            table = table.shuffled(list(part.rows["video"]), shuffled)
        return cls(part, table, people)

    @property
    def scene_names(self) -> list[str]:
        """The scenes that the labels speak of; none without a table."""
        return list(self.scenes.names) if self.scenes is not None else []

    def digests(self, table: Manifest, validation_split: str | None) -> dict[str, Any]:
        """Of what training follows from, by the names of `train`'s arguments.

        Args:
            table: the whole manifest.
            validation_split: its split that is validated on; None: none.
        """
        videos = list(self.part.rows["video"])
        (train_split,) = self.part.splits
        digests: dict[str, Any] = {"manifest": manifest_digests(table, [train_split, validation_split])}
        if self.weights is not None:
            digests["manifest"] |= manifest_digests(table, [train_split], ["weight"])
        if self.scenes is not None:
            digests["scenes"] = scene_digests(self.scenes, videos)
        if self.humans is not None:
            digests["humans"] = people_digests(self.humans.rows, videos)
        return digests

    def facts(self, steps: int, epochs: int) -> Facts:
        """What a method is told of the data, which takes `steps` batches an epoch."""
        actions = self.part.actions
        return Facts(
            actions=len(actions),
            scenes=len(self.scene_names),
            groups=len(self.groups.names),
            rows=len(self.part),
            steps=steps,
            epochs=epochs,
            action_of_row=torch.tensor(self.part.action_numbers(actions)),
            group_of_row=torch.from_numpy(self.groups.of_row) if self.groups.names else None,
            weight_of_row=None if self.weights is None else torch.tensor(self.weights),
            shows=self.part.shows,
        )

    @cached_property
    def weights(self) -> NDArray[np.float64] | None:
        """How often each training clip is to be drawn, (N,); None where the manifest does not say."""
        return weights_of(self.part)

    @cached_property
    def groups(self) -> "Groups":
        """The groups of the training clips: an action in a scene, by the most probable label."""
        return Groups.gather(self.part, self.scenes)

    def refuse_missing(self, method: Method, name: str) -> None:
        """Raises InputError where the method needs a table that was not given."""
        if {"scene", "group"} & method.needs and self.scenes is None:
            raise InputError(f"{name}: this method needs scene labels: give --scenes TABLE")
        if PEOPLE & method.needs and self.humans is None:
            raise InputError(f"{name}: this method needs person boxes or masks: give --humans TABLE")

    def gather(self, method: Method, *, memory: bool) -> Labelled:
        """The split's videos joined with the labels that the method needs."""
        return Labelled.gather(
            self.part,
            self.part.actions,
            scenes=self.scenes if "scene" in method.needs else None,
            humans=self.humans if PEOPLE & method.needs else None,
            memory=memory,
            everyone="people" in method.needs,
        )


def weights_of(part: Manifest) -> NDArray[np.float64] | None:
    """How often each clip of a split is to be drawn, (N,), in proportion; None where no row says.

    Raises:
        InputError: some rows say and others do not, or none is ever to be drawn.
    """
    weights = part.numbers("weight")
    empty = np.flatnonzero(np.isnan(weights))
    if len(empty) == len(weights):
        return None
    split = part.splits[0]
    if len(empty):
        raise InputError(
            f"{part.name}: {part.rows['video'].iat[empty[0]]} has no weight, and other clips of split {split!r} have "
            f"({counted(len(empty), 'empty cell')}): fill the column 'weight' for the whole split, or leave it out"
        )
    if not weights.any():
        raise InputError(f"{part.name}: every weight of split {split!r} is 0: no clip would ever be drawn")
    return weights


def refuse_weights(part: Manifest, task: str) -> None:
    """Raises InputError where a manifest weighs clips, and the task draws each of its own kind as often."""
    if weights_of(part) is not None:
        raise InputError(f"{part.name}: has a column 'weight', by which {task} draws nothing: leave the column out")


def load(labelled: Labelled, *, quiet: bool) -> None:
    """Decodes the videos that are kept in memory.

    Raises:
        InputError: none of the first videos can be read.
    """
    labelled.videos.load(quiet=quiet)
    _refuse_if_nothing_is_there(labelled)


def tell_what_is_known(
    labelled: Labelled,
    method: Method,
    has_twin: Callable[[int], bool],
    *,
    is_swapped: Callable[[int], bool] | None = None,
    quiet: bool,
) -> None:
    """Says how many training videos have the labels that the method needs.

    Args:
        labelled: the training videos.
        method: whose needs count.
        has_twin: says which rows have a masked twin.
        is_swapped: says of which rows composites were kept.
        quiet: say nothing.

    Raises:
        InputError: none has.
    """
    rows = len(labelled.manifest)
    counts = {}
    if "scene" in method.needs:
        counts["a scene label"] = int(labelled.has_scene.sum())
    if "without_humans" in method.needs:
        counts["a masked twin"] = sum(map(has_twin, range(rows)))
    if "swapped" in method.needs and is_swapped is not None:
        counts["people in another place"] = sum(map(is_swapped, range(rows)))
    if "people" in method.needs and labelled.humans is not None:
        counts["known people"] = sum(video in labelled.humans for video in labelled.manifest.rows["video"])
    for what, count in counts.items():
        if not count:
            raise InputError(
                f"{labelled.manifest.name}: no training video has {what}, which {type(method).__name__} needs: was the "
                f"table of labels made from these videos?"
            )
        if not quiet:
            known = f"{count} of {counted(rows, 'training video')} {'has' if count == 1 else 'have'} {what}"
            print(f"{labelled.manifest.name}: {known}", file=sys.stderr)


def _refuse_if_nothing_is_there(labelled: Labelled) -> None:
    """Raises InputError if none of the first videos can be read: the root is wrong, most likely."""
    problem = None
    for row in range(min(len(labelled.manifest), 16)):
        try:
            labelled.videos.length(row)
        except VideoError as error:
            problem = problem or f"{labelled.manifest.path(row)}: {error}"
        else:
            return
    raise InputError(
        f"{labelled.manifest.name}: none of the first videos can be read ({problem}): is --root the folder that the "
        f"paths start from?"
    )
