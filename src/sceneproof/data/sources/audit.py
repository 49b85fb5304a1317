"""What an index found, and what is wrong with it: printed, and kept in audit.json beside the manifest."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import pandas as pd

from sceneproof.addresses import Place, opened_file, size
from sceneproof.data.manifest import Manifest
from sceneproof.data.sources.survey import in_threads
from sceneproof.files import write_json
from sceneproof.terminal import visible
from sceneproof.wording import counted

SHOWN = 20
SPLITS = ("train", "validation", "test")
ENDS = 2**16  # bytes of a file's head, and of its tail, that are compared


@dataclass(frozen=True)
class DatasetAudit:
    """What an index found.

    Attributes:
        source: the data set, with its version and split.
        listed: rows of the lists, each video (or segment) once.
        counts: rows of the manifest by action and split.
        missing: listed videos that are not there, by action.
        listed_twice: ids that the lists hold more than once; the first row counts.
        unreadable: reasons by path; the rows stay in the manifest, with 0 frames.
        same_bytes: paths of files that are equal: of one size, head and tail.
        leaks: groups (clips cut from one video or film) that stand on several sides of the splits.
        same_bytes_across: those of `same_bytes` that stand on several sides of the splits.
        notes: what else to know.
    """

    source: str
    listed: int
    counts: dict[str, dict[str, int]]
    missing: dict[str, list[str]] = field(default_factory=dict)
    listed_twice: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    same_bytes: list[list[str]] = field(default_factory=list)
    leaks: dict[str, dict[str, int]] = field(default_factory=dict)
    same_bytes_across: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def write(self, path: Place) -> None:
        """Writes it as JSON."""
        write_json(path, asdict(self))

    def text(self) -> str:
        """The summary, as lines."""
        splits = sorted({split for by_split in self.counts.values() for split in by_split}, key=_place)
        frame = pd.DataFrame.from_dict(self.counts, orient="index").reindex(columns=splits).fillna(0).astype(int)
        lost = {action: len(videos) for action, videos in self.missing.items()}
        frame = frame.reindex(sorted({*frame.index, *lost})).fillna(0).astype(int)
        if lost:
            frame["missing"] = [lost.get(action, 0) for action in frame.index]
        empty = {split: [str(action) for action in frame.index if not frame.loc[action, split]] for split in splits}
        frame.loc["all"] = frame.sum()
        clips = sum(sum(by_split.values()) for by_split in self.counts.values())
        lines = [f"{self.source}: {counted(clips, 'clip')}, {counted(len(self.counts), 'action')}"]
        nowhere = [action for action in lost if action not in self.counts]
        lines += [f"no video at all of: {', '.join(nowhere)}"] if nowhere else []
        for split, actions in empty.items():
            elsewhere = [action for action in actions if action not in nowhere]
            lines += [f"no {split} video of: {', '.join(elsewhere)}"] if elsewhere else []
        lines += self._wrong() + self.notes
        return "\n".join([visible(lines[0]), frame.to_string(), *map(visible, lines[1:])])

    def _wrong(self) -> list[str]:
        gone = [f"{action}: {video}" for action, videos in self.missing.items() for video in videos]
        lines = some(f"listed and missing, of {self.listed} listed", gone)
        lines += some("listed twice (the first row counts)", self.listed_twice)
        lines += some(
            "videos that cannot be read (they stay in the manifest, with 0 frames: training leaves them out and counts "
            "them, evaluation counts them as missed)",
            [f"{path}: {reason}" for path, reason in self.unreadable.items()],
        )
        lines += some("files of the same bytes", [" = ".join(paths) for paths in self.same_bytes])
        lines += some("LEAK: the same bytes on several sides", [" = ".join(paths) for paths in self.same_bytes_across])
        sides = [f"{group}: {_counts(by_split)}" for group, by_split in self.leaks.items()]
        return lines + some("LEAK: groups (clips of one video or film) on several sides of the splits", sides)


def examine(
    manifest: Manifest,
    source: str,
    *,
    listed: int | None = None,
    missing: Mapping[str, list[str]] | None = None,
    listed_twice: Sequence[str] = (),
    unreadable: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    compare: bool = True,
    workers: int | None = None,
    quiet: bool = False,
) -> DatasetAudit:
    """The audit of a manifest: counts, leaks and equal files are found here; the rest is told.

    Args:
        manifest: what was indexed.
        source: the data set, with its version and split.
        listed: rows of the lists; by default those of the manifest.
        missing: listed videos that are not there, by action.
        listed_twice: ids that the lists hold more than once.
        unreadable: reasons by path.
        notes: what else to know.
        compare: look for equal files, which opens those that share their size with another.
        workers: threads that read the files of equal size; by default one a core.
        quiet: no progress.
    """
    rows = manifest.rows
    same = _same_bytes(manifest, workers, quiet) if compare else []
    sides = {str(path): set(part) for path, part in rows.groupby("path")["split"]} if same else {}
    return DatasetAudit(
        source=source,
        listed=len(rows) if listed is None else listed,
        counts=_crossed(rows["action"], rows["split"]),
        missing=dict(missing or {}),
        listed_twice=list(listed_twice),
        unreadable=dict(unreadable or {}),
        same_bytes=same,
        leaks=_leaks(rows),
        same_bytes_across=[paths for paths in same if len(set().union(*(sides[path] for path in paths))) > 1],
        notes=list(notes),
    )


def some(what: str, names: Sequence[str]) -> list[str]:
    """Lines with the first few names, or none."""
    if not names:
        return []
    more = [f"  … and {len(names) - SHOWN} more (all in audit.json)"] if len(names) > SHOWN else []
    return [f"{what}: {len(names)}", *(f"  {name}" for name in names[:SHOWN]), *more]


def _place(split: str) -> tuple[int, str]:
    return (SPLITS.index(split), "") if split in SPLITS else (len(SPLITS), split)


def _counts(by_split: Mapping[str, int]) -> str:
    return ", ".join(f"{by_split[split]} in {split}" for split in sorted(by_split, key=_place))


def _crossed(keys: pd.Series, splits: pd.Series) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for (key, split), count in Counter(zip(keys, splits, strict=True)).items():
        counts.setdefault(str(key), {})[str(split)] = count
    return counts


def _leaks(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Clips by split of each group that stands on several sides."""
    if "group" not in rows:
        return {}
    straddling = rows.groupby("group")["split"].transform("nunique") > 1
    return _crossed(rows["group"][straddling], rows["split"][straddling])


def _same_bytes(manifest: Manifest, workers: int | None, quiet: bool) -> list[list[str]]:
    """Paths of equal files: the heads and tails of those that share their size with another are read."""
    by_size = defaultdict(list)
    for path in _paths(manifest):
        by_size[size(manifest.root / path)].append(path)
    suspects = [
        (length, path) for length, paths in by_size.items() if length is not None and len(paths) > 1 for path in paths
    ]
    if not suspects:
        return []

    def digest(suspect: tuple[int, str]) -> tuple[int, bytes]:
        length, path = suspect
        with opened_file(manifest.root / path) as file:
            ends = hashlib.sha256(file.read(ENDS))
            file.seek(max(length - ENDS, 0))
            ends.update(file.read(ENDS))
        return length, ends.digest()

    equal = defaultdict(list)
    digests = in_threads(digest, suspects, "comparing files of equal size", workers=workers, quiet=quiet)
    for key, (_, path) in zip(digests, suspects, strict=True):
        equal[key].append(path)
    return [paths for paths in equal.values() if len(paths) > 1]


def _paths(manifest: Manifest) -> list[str]:
    """Each file of a manifest once, in order."""
    return list(dict.fromkeys(manifest.rows["path"]))
