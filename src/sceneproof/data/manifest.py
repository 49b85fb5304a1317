"""The manifest: a Parquet table with one row a labelled clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sceneproof.data.tables import read_table, write_table
from sceneproof.errors import InputError

COLUMNS = ("video", "path", "split", "action")
OPTIONAL = ("start", "end", "width", "height", "rate", "frames", "scene", "context", "group")


@dataclass(frozen=True)
class Manifest:
    """Labelled clips.

    Attributes:
        rows: one row a clip. `video` is its unique id; `path` is relative to `root`; `split`; `action`. Optional:
            `start` and `end` in seconds (NaN: the whole file), `width`, `height`, `rate` (frames a second), `frames`,
            `scene` (the true scene, where known), `context` ("in" or "out"), `group` (clips that must stay together).
        root: the folder that paths start from; the manifest file's own folder unless said otherwise.
        name: what to call it in messages: its file, usually.
    """

    rows: pd.DataFrame
    root: Path
    name: str = "manifest"

    @classmethod
    def read(cls, path: str | Path, root: str | Path | None = None) -> "Manifest":
        """Reads and checks a manifest.

        Raises:
            InputError: missing file or column, no rows, two rows of one id, a path that leaves the root.
        """
        path = Path(path)
        rows, _ = read_table(path, "manifest", COLUMNS)
        manifest = cls(rows.reset_index(drop=True), Path(root) if root is not None else path.parent, str(path))
        manifest.check()
        return manifest

    def write(self, path: str | Path, **metadata: str) -> None:
        """Writes the table, whole or not at all; paths stay relative to the file's folder, `metadata` to the schema."""
        self.check()
        write_table(path, self.rows, "manifest", **metadata)

    def check(self) -> None:
        """Raises InputError unless the table holds what `Manifest` promises."""
        missing = [name for name in COLUMNS if name not in self.rows.columns]
        if missing:
            raise InputError(
                f"{self.name}: a manifest needs the column {missing[0]!r}; the columns here are: "
                f"{', '.join(map(str, self.rows.columns))}"
            )
        if self.rows.empty:
            raise InputError(f"{self.name}: the manifest has no rows")
        for name in COLUMNS:
            self._check_text(name)
        twice = self.rows["video"][self.rows["video"].duplicated()]
        if len(twice):
            raise InputError(
                f"{self.name}: the id {twice.iloc[0]!r} stands in more than one row (row {twice.index[0]})"
            )
        for row, path in enumerate(self.rows["path"]):
            if Path(path).is_absolute() or ".." in Path(path).parts:
                raise InputError(f"{self.name}: row {row}: the path {path!r} leaves the root folder {self.root}")

    def _check_text(self, column: str) -> None:
        """Numbers are named, not converted: 007 would have become 7 long before."""
        for row, value in enumerate(self.rows[column]):
            if pd.isna(value):
                raise InputError(f"{self.name}: row {row}: the {column} is missing: fill it in, or leave the row out")
            if not isinstance(value, str):
                raise InputError(
                    f"{self.name}: row {row}: the {column} {value!r} is not text: write the column as text "
                    f"(pandas: read_csv(…, dtype=str))"
                )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def splits(self) -> list[str]:
        """Split names, in order of first appearance."""
        return list(dict.fromkeys(self.rows["split"]))

    @property
    def actions(self) -> list[str]:
        """Action names, sorted: an action's number in training is its place in the train split's list."""
        return sorted(set(self.rows["action"]))

    def split(self, *names: str) -> "Manifest":
        """The rows of these splits.

        Raises:
            InputError: a split that no row has; names those that exist.
        """
        for name in names:
            if name not in self.splits:
                raise InputError(
                    f"{self.name}: no row of split {name!r}; the splits here are: {', '.join(self.splits)}"
                )
        rows = self.rows[self.rows["split"].isin(names)].reset_index(drop=True)
        return Manifest(rows, self.root, self.name)

    def path(self, row: int) -> Path:
        """Where the video of a row is."""
        return self.root / str(self.rows["path"].iat[row])

    def action_numbers(self, actions: Sequence[str]) -> list[int]:
        """Each row's action as its place in `actions`.

        Raises:
            InputError: an action that is not in the list; names the row.
        """
        number = {name: place for place, name in enumerate(actions)}
        for row, name in enumerate(self.rows["action"]):
            if name not in number:
                raise InputError(
                    f"{self.name}: row {row} ({self.rows['video'].iat[row]}): unknown action {name!r}; "
                    f"known: {', '.join(actions)}"
                )
        return [number[name] for name in self.rows["action"]]


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
