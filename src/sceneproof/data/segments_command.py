"""The command `sceneproof index check`."""

import json
from collections.abc import Sequence

from sceneproof.addresses import Address, located
from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import repaired, untrimmed
from sceneproof.data.tables import KEY, read_schema
from sceneproof.errors import InputError


def index_check(
    manifest: Address, *, repair: Address | None = None, actions: Sequence[str] | None = None, quiet: bool = False
) -> Manifest:
    """Looks for wrong annotations in a manifest of segments; exits with 2 where there are any and none is to be mended.

    Wrong are: an end before its start, segments outside their video (where the manifest has frames and rates), empty
    ones, unknown classes, and two segments of one class in one video that are nearly the same (tIoU of .9 or more).

    Args:
        manifest: The manifest (.parquet), one row a segment.
        repair: Write a mended copy here, in the same folder: turned round, cut to the video, dropped or merged.
        actions: The classes that are known; by default those of the split "train", where there is one.
        quiet: Do not print what is found.

    Raises:
        InputError: problems, and no --repair; or a copy in another folder, which paths would not lead from.
    """
    table = Manifest.read(manifest)
    mended, found = repaired(table, actions=actions)
    videos = len(untrimmed(table))
    if not quiet:
        for row, video, reason, action in found.itertuples(index=False, name=None):
            print(f"row {row} ({video}): {reason}: {'' if repair else 'a repair: '}{action}")
        print(f"{table.name}: {len(table)} rows, {videos} videos, problems: {len(found)}")
    if repair is None:
        if len(found):
            raise InputError(f"{table.name}: {len(found)} problems: --repair OUT writes a mended copy")
        return table
    target = located(repair)
    if target.parent.resolve() != table.root.resolve():
        raise InputError(f"--repair {repair}: the paths start from {table.root}: write the copy there")
    known = json.loads((read_schema(located(manifest)).metadata or {}).get(KEY, b"{}"))
    mended.write(target, **{name: value for name, value in known.items() if name != "kind"})
    if not quiet:
        print(f"wrote {target}: {len(mended)} rows")
    return mended
