"""What an audit would do, before it does it."""

import time
from contextlib import suppress

import numpy as np

from sceneproof.audit.settings import DataSettings
from sceneproof.audit.subject import Subject
from sceneproof.contexts.footage import lenders
from sceneproof.contexts.variants import VARIANTS
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.sample import in_turn
from sceneproof.errors import VideoError
from sceneproof.wording import counted

SAMPLES = 3
"""Videos that the time of all is reckoned from."""


def default_splits(table: Manifest) -> tuple[str, ...]:
    """The splits that an audit is of where nobody says: those for tests, or all where none is."""
    return tuple(name for name in table.splits if "test" in name) or tuple(table.splits)


def plan(data: DataSettings, subject: Subject) -> str:
    """What would be audited, in which variants, and how long that would take in one process."""
    table, scorer = data.table(), data.scorer(subject)
    tell(data.doubts(table))
    people = data.people(table)
    known = sum(video in people for video in table.rows["video"])
    enough = lenders(table, people, data.least_share)
    rows = in_turn(np.arange(len(table)), table.rows["action"].to_numpy(object), SAMPLES)
    begun = time.monotonic()
    for row in rows:
        with suppress(VideoError):  # it will be told of then
            scorer.rows(str(table.rows["video"].iat[row]))
    seconds = (time.monotonic() - begun) / len(rows) * len(table)
    left = f"; left out: {', '.join(data.left_out)}" if data.left_out else ""
    classes = counted(len(subject.actions), "class", "classes")
    return "\n".join([
        f"{subject.title}: {classes}, clips of {counted(subject.sampling.length, 'frame')}",
        f"{counted(len(table), 'video')} of {counted(len(table.actions), 'action')} in {', '.join(data.splits)}{left}",
        f"people known in {known} of them; in {data.least_share:.0%} of their frames or more, as far as the manifest "
        f"knows these, in {len(enough)}",
        f"{len(scorer.names)} variants: {', '.join(scorer.names)}",
        *(f"  no {name}: {reason}" for name, reason in unable(data).items()),
        f"about {_duration(seconds)} in one process, reckoned from {counted(len(rows), 'video')}",
    ])  # fmt: skip


def unable(data: DataSettings) -> dict[str, str]:
    """The variants that no clip can have, and why."""
    table = data.table()
    variants = data.variants_of(table, data.people(table))
    return {name: reason for name in data.variants or VARIANTS if (reason := variants.unable(name))}


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
