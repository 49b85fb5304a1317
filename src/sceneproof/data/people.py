"""Who is where in the videos of a manifest: a table of boxes, as detection learns from it and is held against.

Rows as in every table of boxes: video, frame (from 0, of the file), x1, y1, x2, y2 in pixels (x2, y2 exclusive), score.
Optional: track, which says who is who where a frame shows several people; action, what this person does. Without it,
everyone does what the manifest says of the video.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data.box_checks import repaired_boxes
from sceneproof.data.human_tables import CORNERS
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import box_doubts, refused, sizes_of
from sceneproof.data.segments import BACKGROUND
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.types import People
from sceneproof.wording import counted

SHOWN = 3


@dataclass(frozen=True)
class PeopleTable:
    """The boxes of a data set, free of what `sceneproof index check --boxes` would mend.

    Attributes:
        rows: video, frame, x1, y1, x2, y2, track, action; one row a box.
        source: what to call the table in messages.
        doubts: what may be wrong with it, a sentence each.
    """

    rows: pd.DataFrame
    source: str
    doubts: Sequence[str]
    _places: Mapping[str, NDArray[np.int64]]

    @classmethod
    def read(cls, path: Address | Place, manifest: Manifest) -> "PeopleTable":
        """Reads a table of boxes and holds it against the manifest of its videos.

        A person who is missing from some frames between others is no error: there is no box in them.

        Raises:
            InputError: no table of boxes, one of another data set, a manifest that does not say how large and how long
                its videos are, boxes that are in another unit, order or size, or wrong ones among them; says what they
                look like, or names some and the command that mends them.
        """
        rows, _ = read_table(path, "boxes", ("video", "frame", *CORNERS, "score"))
        _check_together(rows, manifest, str(path))
        doubts = refused(box_doubts(rows, sizes_of(manifest, ())), str(path))
        mended, problems = repaired_boxes(rows, manifest)
        wrong = problems[(problems["repair"] != "") & (problems["row"].notna() | problems["frame"].isna())]
        if len(wrong):
            first = "; ".join(f"{problem.video}: {problem.reason}" for problem in wrong.head(SHOWN).itertuples())
            more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            raise InputError(
                f"{path}: {counted(len(wrong), 'problem')} with the boxes: {first}{more}. `sceneproof index check "
                f"{manifest.name} --boxes {path}` shows all, and --repair writes a mended copy"
            )
        rows = mended.head(len(rows))  # as they were; behind them are those that fill gaps
        said = manifest.rows.set_index("video")["action"].reindex(rows["video"]).to_numpy(dtype=object)
        own = rows["action"].where(rows["action"].notna(), said) if "action" in rows else said
        if (own == BACKGROUND).any():
            raise InputError(f"{path}: boxes of the action {BACKGROUND!r}, which is what nobody does: leave them out")
        rows = rows.assign(action=own, track=rows.get("track", 0))
        rows = rows[["video", "frame", *CORNERS, "track", "action"]].reset_index(drop=True)
        places = {
            str(video): np.asarray(where, np.int64)
            for video, where in rows.groupby("video", sort=False).indices.items()
        }
        return cls(rows, str(path), doubts, places)

    def __contains__(self, video: str) -> bool:
        return video in self._places

    def actions(self, part: Manifest) -> list[str]:
        """The names of what is done in some of the videos, by the people in their boxes; sorted."""
        inside = self.rows["video"].isin(part.rows["video"])
        return sorted({str(name) for name in self.rows.loc[inside, "action"].unique()})

    def frames(self, video: str) -> NDArray[np.int64]:
        """The frames of a video's boxes, one a box, in the table's order."""
        return self.rows["frame"].to_numpy(np.int64)[self._places.get(video, np.zeros(0, np.int64))]

    def of(self, video: str, frames: range, actions: Sequence[str]) -> People:
        """The people of these frames of a video, in its pixels; K may be 0.

        Raises:
            InputError: an action that is none of `actions`, or one person who does several.
        """
        rows = self.rows.iloc[self._places.get(video, np.zeros(0, np.int64))]
        rows = rows[(rows["frame"] >= frames.start) & (rows["frame"] < frames.stop)]
        numbers = {action: place for place, action in enumerate(actions)}
        tracks = [own for _, own in rows.groupby("track", sort=True)]
        boxes = np.zeros((len(tracks), len(frames), 4), np.float32)
        present = np.zeros(boxes.shape[:2], np.bool_)
        done = np.zeros(len(tracks), np.int64)
        for place, own in enumerate(tracks):
            names = own["action"].unique()
            if len(names) > 1:
                raise InputError(
                    f"{self.source}: the person {own['track'].iat[0]} of {video!r} does {names[0]!r} and {names[1]!r}: "
                    f"give each action a track of its own"
                )
            if names[0] not in numbers:
                raise InputError(
                    f"{self.source}: unknown action {names[0]!r} in {video!r}; known: {', '.join(actions)}"
                )
            where = own["frame"].to_numpy(np.int64) - frames.start
            boxes[place, where] = own[list(CORNERS)].to_numpy(np.float32)
            present[place, where] = True
            done[place] = numbers[names[0]]
        return People(boxes, present, done)


def _check_together(rows: pd.DataFrame, manifest: Manifest, path: str) -> None:
    """Refuses a table and a manifest that cannot be held against each other at all."""
    unknown = [name for name in ("width", "height", "frames") if name not in manifest.rows]
    if unknown:
        raise InputError(
            f"{manifest.name}: does not say the {' and the '.join(unknown)} of its videos, so boxes cannot be checked: "
            f"`sceneproof index` and `sceneproof prepare` write them"
        )
    if len(rows) and not rows["video"].isin(manifest.rows["video"]).any():
        raise InputError(
            f"{path}: a table of another data set: it knows {rows['video'].iat[0]!r}, and not one of the "
            f"{counted(len(manifest), 'video')} of {manifest.name}"
        )
