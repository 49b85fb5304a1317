"""The manifest: a Parquet table with one row a labelled clip."""

import difflib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place, located
from sceneproof.data.columns import check_names, check_rows
from sceneproof.data.tables import hashes, read_table, write_table
from sceneproof.errors import InputError
from sceneproof.terminal import visible

COLUMNS = ("video", "path", "split", "action")
LEAVES = r"^[\\/]|^[A-Za-z]:[\\/]|(^|[\\/])\.\.([\\/]|$)|://"
"""Paths that lead elsewhere: from the top, from a drive, one up, or another address. Windows' too, on all systems."""
LONG = 200
"""Characters of `times` that are not written into every row of a file."""


@dataclass(frozen=True)
class Manifest:
    """Labelled clips. Columns stay in Arrow's memory: a cell becomes a Python object when it is asked for.

    Attributes:
        rows: one row a clip. `video` is its unique id; `path` is relative to `root`; `split`; `action`. Optional:
            `start` and `end` in seconds (NaN: the whole file), `width`, `height`, `rate` (frames a second, on average),
            `frames`, `duration` (seconds from where a player starts the file to the end of its last frame), `times`
            (when each frame is shown, `FrameTimes.text`; a long one stands in the first row of its file alone), `scene`
            (the true scene, where known), `context` ("in" or "out"), `group` (clips that must stay together), `shows`
            ("flow": the videos are optical flow, as `sceneproof prepare --flow` writes them; else "rgb"), `flow_by`
            (what computed it), `flow_side` (the short side, in pixels, that frames were shrunk to before it was).
        root: the folder or address that paths start from; the manifest file's own folder unless said otherwise.
        name: what to call it in messages: its file, usually.
    """

    rows: pd.DataFrame
    root: Place
    name: str = "manifest"

    @classmethod
    def read(cls, path: Address | Place, root: Address | Place | None = None, *, endless: bool = False) -> "Manifest":
        """Reads and checks a manifest; names of actions and splits that are nearly alike are told.

        Args:
            path: of the file.
            root: the folder or address that paths start from; by default the file's own folder.
            endless: take infinite starts and ends, which a repair drops.

        Raises:
            InputError: missing file or column, an address that cannot be reached, a column that does not hold what it
                should, no rows, two rows of one id, a path that leaves the root, actions that differ in their Unicode
                form alone.
        """
        path = located(path)
        rows, _ = read_table(path, "manifest", COLUMNS)
        manifest = cls(rows.reset_index(drop=True), located(root) if root is not None else path.parent, str(path))
        for warning in manifest.check(endless=endless):
            print(f"warning: {visible(warning)}", file=sys.stderr)
        return manifest

    def write(self, path: Address | Place, **metadata: str) -> None:
        """Writes the table, whole or not at all; paths stay relative to the file's folder, `metadata` to the schema."""
        self.check()
        write_table(path, _times_once(self.rows), "manifest", **metadata)

    def check(self, *, endless: bool = False) -> list[str]:
        """Raises InputError unless the table holds what `Manifest` promises.

        Args:
            endless: take infinite starts and ends.

        Returns:
            What may be wrong, a sentence each.
        """
        missing = [name for name in COLUMNS if name not in self.rows.columns]
        if missing:
            raise InputError(
                f"{self.name}: a manifest needs the column {missing[0]!r}; the columns here are: "
                f"{', '.join(map(str, self.rows.columns))}"
            )
        if self.rows.empty:
            raise InputError(f"{self.name}: the manifest has no rows")
        check_rows(self.rows, "manifest", self.name)
        if len(np.unique(hashes(self.rows["video"]))) < len(self.rows):  # else they differ: a search takes much memory
            for row in np.flatnonzero(self.rows["video"].duplicated())[:1]:
                raise InputError(
                    f"{self.name}: the id {self.rows['video'].iat[row]!r} stands in more than one row (row {row})"
                )
        leaves = np.flatnonzero(pc.match_substring_regex(pa.array(self.rows["path"], pa.large_string()), LEAVES))
        if len(leaves):
            path = self.rows["path"].iat[leaves[0]]
            raise InputError(f"{self.name}: row {leaves[0]}: the path {path!r} leaves the root folder {self.root}")
        if not endless:
            self._refuse_endless()
        self._refuse_other_contexts()
        for value in sorted({*self._kinds()} - {"rgb", "flow"}):
            raise InputError(f"{self.name}: the column 'shows' says {value!r}: it is 'rgb' or 'flow'")
        names = {"action": self.actions, "split": self.splits}
        return [text for what, own in names.items() for text in check_names(own, what, self.name)]

    def _refuse_other_contexts(self) -> None:
        """Else "Out" would be neither in context nor out of it, and could choose weights."""
        for value in self.rows["context"].dropna().unique() if "context" in self.rows else ():
            plain = re.sub(r"[\W_]+", " ", str(value)).casefold().strip()
            meant = {"in": "in", "in context": "in", "out": "out", "out of context": "out"}.get(plain, value)
            if meant != value:
                row = int(np.flatnonzero(self.rows["context"] == value)[0])
                raise InputError(f"{self.name}: row {row}: the context is {value!r}: write {meant!r}")

    def _refuse_endless(self) -> None:
        for name in ("start", "end"):
            values = self.rows[name].to_numpy(np.float64, na_value=np.nan) if name in self.rows else np.zeros(0)
            for row in np.flatnonzero(np.isinf(values))[:1]:
                raise InputError(
                    f"{self.name}: row {row} ({self.rows['video'].iat[row]}): the {name} is {values[row]}: leave the "
                    f"cell empty for the video's own {name}; `sceneproof index check --repair` drops such rows"
                )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def splits(self) -> list[str]:
        """Split names, in order of first appearance."""
        return [str(name) for name in self.rows["split"].unique()]

    @property
    def actions(self) -> list[str]:
        """Action names, sorted: an action's number in training is its place in the train split's list."""
        return sorted(str(name) for name in self.rows["action"].unique())

    @property
    def shows(self) -> str:
        """Whether its videos are "rgb", as a camera saw them, or "flow".

        Raises:
            InputError: some are the one and some the other, which no network reads together.
        """
        kinds = self._kinds()
        if len(kinds) > 1:
            raise InputError(
                f"{self.name}: some videos are optical flow and others are not: train and test on one kind alone"
            )
        return kinds[0] if kinds else "rgb"

    def _kinds(self) -> list[str]:
        return list(map(str, self.rows["shows"].fillna("rgb").unique())) if "shows" in self.rows else []

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column of numbers, float64 (rows,); NaN in empty cells, and where there is no such column."""
        return self.rows[name].to_numpy(np.float64) if name in self.rows else np.full(len(self), np.nan)

    @property
    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where each row's clip starts and ends, in seconds, float64 (rows,) twice; NaN where it is the file's own."""
        return self.numbers("start"), self.numbers("end")

    def split(self, *names: str) -> "Manifest":
        """The rows of these splits.

        Raises:
            InputError: a split that no row has; names those that exist.
        """
        for name in names:
            if name not in self.splits:
                raise InputError(
                    f"{self.name}: no row of split {name!r}; the splits here are: {', '.join(self.splits)}"
                    f"{_instead(name, self.splits)}"
                )
        rows = self.rows[self.rows["split"].isin(names)].reset_index(drop=True)
        return Manifest(rows, self.root, self.name)

    def path(self, row: int) -> Place:
        """Where the video of a row is."""
        return self.root / str(self.rows["path"].iat[row])

    def action_numbers(self, actions: Sequence[str]) -> list[int]:
        """Each row's action as its place in `actions`.

        Raises:
            InputError: an action that is not in the list; names the row.
        """
        numbers = pc.index_in(
            pa.array(self.rows["action"], pa.large_string()), value_set=pa.array(actions, pa.large_string())
        )
        unknown = np.flatnonzero(numbers.is_null())
        if len(unknown):
            row = int(unknown[0])
            raise InputError(
                f"{self.name}: row {row} ({self.rows['video'].iat[row]}): unknown action "
                f"{self.rows['action'].iat[row]!r}; known: {', '.join(actions)}"
            )
        places: list[int] = numbers.to_pylist()
        return places


def _times_once(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, with long `times` in the first one of each file alone."""
    if "times" not in rows:
        return rows
    long = (rows["times"].fillna("").str.len() > LONG).to_numpy(np.bool_)
    again = long.copy()
    again[long] = rows["path"][long].duplicated().to_numpy()
    return rows.assign(times=rows["times"].mask(again, "")) if again.any() else rows


def _instead(name: str, splits: Sequence[str]) -> str:
    """What may help who asked for a split that is not there."""
    plain = {split.casefold().strip(): split for split in splits}
    wanted = name.casefold().strip()
    near = [
        key for key in plain if min(len(key), len(wanted)) >= 3 and (wanted.startswith(key) or key.startswith(wanted))
    ]
    near += difflib.get_close_matches(wanted, list(plain), 1)
    meant = f": is {plain[near[0]]!r} meant?" if near else ""
    if wanted.startswith("val"):
        meant += (
            " To train without one: `--validation-split null` (the last weights are kept)"
            if near
            else (": to train without one, give `--validation-split null` (the last weights are kept)")
        )
    return meant


def refuse_flow(table: Manifest, task: str) -> None:
    """Raises InputError where the videos are optical flow, and the task reads what a camera sees."""
    if table.shows == "flow":
        raise InputError(f"{table.name}: holds optical flow, which {task} does not read: give the videos themselves")


def refuse_out_of_context(part: Manifest) -> None:
    """Raises InputError if any row is out of context, where such videos must choose nothing: neither weights nor rates.

    Args:
        part: the rows of the split that is to choose.
    """
    if "context" not in part.rows:
        return
    outside = part.rows[part.rows["context"] == "out"]
    if len(outside):
        first = outside.iloc[0]
        raise InputError(
            f"{part.name}: the split {first['split']!r} holds videos out of context, such as {first['video']!r}, and "
            f"these must not choose the weights: give a split in context, or --optimisation.keep last"
        )
