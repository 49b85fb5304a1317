"""The command `sceneproof index check`."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof.addresses import Address, located
from sceneproof.data.box_checks import repaired_boxes
from sceneproof.data.human_tables import CORNERS, HumanBoxes
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import box_doubts, refused, sizes_of, tell
from sceneproof.data.segments import lengths, repaired, untrimmed
from sceneproof.data.sources.survey import survey
from sceneproof.data.tables import read_schema, read_table, said_of
from sceneproof.errors import InputError
from sceneproof.locks import beside, locked
from sceneproof.terminal import visible
from sceneproof.wording import counted


def index_check(
    manifest: Address,
    *,
    boxes: Address | None = None,
    repair: Address | None = None,
    actions: Sequence[str] | None = None,
    probe: bool = True,
    quiet: bool = False,
) -> Manifest:
    """Looks for wrong annotations in a manifest of segments; exits with 2 where there are any and none is to be mended.

    With --boxes it looks for wrong boxes instead: outside the picture or the video, without any area, told twice, with
    corners the wrong way round, missing between two of one person, or of several people who cannot be told apart.
    Frames without a box are told, and are no problem. Boxes that are wrong all together, since they are in another
    unit, order or size or their frames are counted otherwise, are refused: it says what they look like.

    Wrong are: an end before its start, segments outside their video, empty ones, unknown classes, and two segments of
    one class in one video that are nearly the same (tIoU of .9 or more).

    Args:
        manifest: The manifest (.parquet), one row a segment.
        boxes: A table of boxes (.parquet) of this manifest's videos, to look at instead.
        repair: Write a mended copy here: turned round, cut to the video, dropped, merged or filled in. A manifest's
            copy must lie in the same folder.
        actions: The classes that are known; by default those of the split "train", where there is one.
        probe: Look into the videos whose duration the manifest does not tell. false opens none, and takes frames and
            rates for it.
        quiet: Do not print what is found.

    Raises:
        InputError: problems, and no --repair; or a manifest's copy in another folder, which paths would not lead from.
    """
    with nullcontext() if repair is None else locked(beside(repair)):
        table = Manifest.read(manifest, endless=True)
        if boxes is not None:
            _check_boxes(table, boxes, repair, quiet)
            return table
        return _check_segments(table, manifest, repair, actions, probe=probe, quiet=quiet)


def _check_segments(
    table: Manifest,
    manifest: Address,
    repair: Address | None,
    actions: Sequence[str] | None,
    *,
    probe: bool,
    quiet: bool,
) -> Manifest:
    """Says what is wrong with the segments; returns the manifest, or its mended copy."""
    length = probed_lengths(table, quiet=quiet) if probe else lengths(table.rows)
    mended, problems = repaired(table, actions=actions, length=length)
    videos = len(untrimmed(table))
    if not quiet:
        for name in _unbounded(table, length):
            print(visible(name))
        for row, video, reason, action in problems.itertuples(index=False, name=None):
            print(visible(f"row {row} ({video}): {reason}: {'' if repair else 'a repair: '}{action}"))
        print(f"{table.name}: {counted(len(table), 'row')}, {counted(videos, 'video')}, problems: {len(problems)}")
    if repair is None:
        if len(problems):
            raise InputError(f"{table.name}: {counted(len(problems), 'problem')}: --repair OUT writes a mended copy")
        return table
    target = located(repair)
    if target.parent.resolve() != table.root.resolve():
        raise InputError(f"--repair {repair}: the paths start from {table.root}: write the copy there")
    known = said_of(read_schema(located(manifest)), manifest)
    mended.write(target, **{name: value for name, value in known.items() if name != "kind"})
    if not quiet:
        print(f"wrote {target}: {counted(len(mended), 'row')}")
    return mended


def probed_lengths(manifest: Manifest, *, quiet: bool = False) -> NDArray[np.float64]:
    """How long each row's video is, in seconds, (R,): by the manifest's `duration`, else by the file, if it is there.

    Files that are gone or cannot be read are as long as the manifest's frames and rates say; infinity without these.
    """
    rows, length = manifest.rows, lengths(manifest.rows)
    bounded = np.zeros(len(rows), np.bool_)
    for name in ("start", "end"):
        bounded |= rows[name].notna().to_numpy() if name in rows else False
    known = rows["duration"].notna().to_numpy() if "duration" in rows else np.zeros(len(rows), np.bool_)
    asked = np.flatnonzero(bounded & ~known)
    if not isinstance(manifest.root, Path):
        return length
    paths = [path for path in rows["path"].iloc[asked].unique() if (manifest.root / path).is_file()]
    if paths:
        facts, _ = survey(manifest.root, paths, quiet=quiet)
        durations = pd.Series(facts["duration"].to_numpy(), index=paths)
        probed = durations.reindex(rows["path"].iloc[asked]).to_numpy(np.float64)
        length[asked] = np.where(np.isnan(probed), length[asked], probed)
    return length


def _unbounded(manifest: Manifest, length: NDArray[np.float64]) -> list[str]:
    """A line on segments that may lie behind their videos' ends, where there are any."""
    ends = manifest.rows["end"].notna().to_numpy() if "end" in manifest.rows else np.zeros(len(manifest), np.bool_)
    rows = np.flatnonzero(ends & np.isinf(length))
    if not len(rows):
        return []
    return [
        f"{counted(len(rows), 'segment')} of videos of unknown length, such as "
        f"{manifest.rows['path'].iat[rows[0]]}: whether they end behind them was not looked at"
    ]


def _check_boxes(manifest: Manifest, boxes: Address, repair: Address | None, quiet: bool) -> None:
    rows, metadata = read_table(boxes, "boxes", ("video", "frame", *CORNERS, "score"))
    tell(refused(box_doubts(rows, sizes_of(manifest, rows["video"].unique().tolist())), str(boxes)))
    mended, problems = repaired_boxes(rows, manifest)
    wrong = int((problems["repair"] != "").sum())
    if not quiet:
        for row, video, frame, reason, action in problems.itertuples(index=False, name=None):
            which = "" if pd.isna(row) else f"row {row} "
            where = video if pd.isna(frame) else f"{video}, frame {frame}"
            cure = f": {'' if repair else 'a repair: '}{action}" if action else ""
            print(visible(f"{which}({where}): {reason}{cure}"))
        videos, told = rows["video"].nunique(), len(problems) - wrong
        print(f"{boxes}: {counted(len(rows), 'row')}, {counted(videos, 'video')}, problems: {wrong}, told: {told}")
    if repair is None:
        if wrong:
            raise InputError(f"{boxes}: {counted(wrong, 'problem')}: --repair OUT writes a mended copy")
        return
    HumanBoxes(mended, detector=str(metadata.get("detector", "")), source=str(repair)).write(repair)
    if not quiet:
        print(f"wrote {repair}: {counted(len(mended), 'row')}")
