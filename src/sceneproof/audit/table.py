"""What a model said of every variant of every video: the table that all figures of an audit are taken from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.contexts.variants import VARIANTS
from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError
from sceneproof.metrics.accuracy import MISSED

COLUMNS = (
    "video", "split", "action", "scene", "group", "variant", "problem", "scores", "features", "outline",
    "background", "background_action", "background_scene", "note", "on_person", "person_area", "people_share",
    "people_cover",
)  # fmt: skip
DIGITS = 5
"""Decimals that probabilities are kept with: the last bits of a network's sums depend on how clips are batched."""


@dataclass(frozen=True)
class Part:
    """The videos that have some variants, in the table's order, and what was said of them.

    Attributes:
        rows: those of the last of these variants.
        truth: int64 (N,), the action's number.
        predicted: by variant: int64 (N,), the action that is named; MISSED where none of the audited actions is.
    """

    rows: pd.DataFrame
    truth: NDArray[np.int64]
    predicted: dict[str, NDArray[np.int64]]

    def right(self, variant: str) -> NDArray[np.float64]:
        """1 where a variant is named rightly, else 0: float64 (N,)."""
        return np.asarray(self.predicted[variant] == self.truth, np.float64)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class AuditTable:
    """One row a video and variant.

    Attributes:
        rows: the columns `COLUMNS`: `scores` are probabilities of the model's classes (null where there is a
            `problem`), `features` and the people's `outline` stand where a measure needs them, `on_person` and
            `person_area` are shares, 0 to 1; `people_share`, of the frames shown that have known people, and
            `people_cover`, of the picture that these cover, stand with the original.
        classes: names of the model's classes.
        actions: the audited actions, sorted.
        action_of: int64 (classes,), the number of the action that a class is; -1: none that is audited.
        facts: what else is known: the model's name, the settings, which actions were left out, …
    """

    rows: pd.DataFrame
    classes: Sequence[str]
    actions: Sequence[str]
    action_of: NDArray[np.int64]
    facts: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "AuditTable":
        """Reads an audit's table, or that of an audit's folder.

        Raises:
            InputError: no such file, or a table of another kind.
        """
        file = path / "audit.parquet" if path.is_dir() else path
        rows, facts = read_table(file, "audit", COLUMNS)
        for key in ("classes", "actions", "action_of"):
            if key not in facts:
                raise InputError(
                    f"{file}: an audit's table without its {key}: it was not written by `sceneproof audit`"
                )
        for key in ("settings", "about"):
            if not isinstance(facts.get(key, {}), dict):
                raise InputError(f"{file}: its {key} are not told by their names")
        classes, actions, action_of = (facts.pop(key) for key in ("classes", "actions", "action_of"))
        if not isinstance(action_of, list) or not all(
            type(number) is int and -1 <= number < len(actions) for number in action_of
        ):
            raise InputError(f"{file}: its action_of is no list of the {len(actions)} actions' numbers")
        if len(action_of) != len(classes):
            raise InputError(f"{file}: its action_of has {len(action_of)} numbers for {len(classes)} classes")
        return cls(rows, classes, actions, np.array(action_of, np.int64), facts)

    def write(self, path: Path) -> None:
        """Writes the table, whole or not at all."""
        facts = {key: value for key, value in self.facts.items() if key != "kind"}
        about = {"classes": list(self.classes), "actions": list(self.actions), "action_of": self.action_of.tolist()}
        write_table(path, self.rows[list(COLUMNS)], "audit", **about, **facts)

    @property
    def model(self) -> str:
        """What the model is called."""
        return str(self.facts.get("model", "the model"))

    @property
    def least_share(self) -> float:
        """The share of frames in which people had to be known; 0 in older audits, which asked for none."""
        return float(self.facts.get("settings", {}).get("least_share", 0))

    @property
    def asked(self) -> int:
        """How many answers the model had to choose from in each clip; 0 where it may name any class."""
        return int(self.facts.get("answers", 0))

    @property
    def chance(self) -> float:
        """How often guessing is right, 0 to 1."""
        return 1 / (self.asked or len(self.actions))

    @property
    def variants(self) -> list[str]:
        """The variants that at least one video has, in the order that tables show them."""
        present = set(self.rows["variant"][self.rows["problem"] == ""])
        return [name for name in VARIANTS if name in present]

    @property
    def original(self) -> pd.DataFrame:
        """All audited videos as they are, one row each; unreadable ones with their problem."""
        return self.rows[self.rows["variant"] == "original"].reset_index(drop=True)

    def predicted(self, rows: pd.DataFrame) -> NDArray[np.int64]:
        """The action that is named in each row, int64 (N,): MISSED where it is none of the audited ones, or unread."""
        numbers = np.full(len(rows), MISSED, np.int64)
        for place, scores in enumerate(rows["scores"]):
            if scores is not None:
                numbers[place] = self.action_of[int(np.argmax(scores))]
        return numbers

    def part(self, *variants: str, readable: bool = True) -> Part:
        """The videos that have all of these variants.

        Args:
            variants: their names.
            readable: leave out videos with a problem; else these are missed, and count as wrong.
        """
        of = {name: self.rows[self.rows["variant"] == name].set_index("video", drop=False) for name in variants}
        if readable:
            of = {name: rows[rows["problem"] == ""] for name, rows in of.items()}
        first, *others = of.values()
        shared = [video for video in first.index if all(video in rows.index for rows in others)]
        of = {name: rows.loc[shared] for name, rows in of.items()}
        number = {action: place for place, action in enumerate(self.actions)}
        rows = of[variants[-1]].reset_index(drop=True)
        truth = np.array([number[str(action)] for action in rows["action"]], np.int64)
        return Part(rows, truth, {name: self.predicted(part) for name, part in of.items()})

    def vectors(self, variant: str, column: str = "features") -> tuple[pd.DataFrame, NDArray[np.float64]]:
        """The rows of a variant that have features, or an outline, and these: float64 (N, D)."""
        rows = self.rows[(self.rows["variant"] == variant) & self.rows[column].notna()].reset_index(drop=True)
        vectors = np.array(rows[column].tolist(), np.float64)
        return rows, vectors.reshape(len(rows), vectors.shape[-1] if len(rows) else 0)


def same_videos(tables: Sequence[AuditTable]) -> None:
    """Refuses audits that cannot be compared.

    Raises:
        InputError: other actions, videos or backgrounds.
    """
    first, *others = tables
    key = ["video", "variant", "background"]
    for other in others:
        if list(other.actions) != list(first.actions):
            raise InputError(f"{other.model} was audited on other actions than {first.model}: use one manifest")
        both = (set(map(tuple, table.rows[key].itertuples(index=False))) for table in (first, other))
        if next(both) != next(both):
            raise InputError(
                f"{other.model} was audited on other videos, variants or backgrounds than {first.model}: give both "
                f"the same manifest, splits, variants, seed and backgrounds"
            )
