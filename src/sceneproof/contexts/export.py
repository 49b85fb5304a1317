"""Variants written as videos, with a manifest, for those who want files."""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sceneproof import locks
from sceneproof.contexts.carrying import check_carried, refuse_names, write_carried
from sceneproof.contexts.variants import CONFLICT, CONTROLS, STILLS, SWAPS
from sceneproof.contexts.writing import ExportSettings, ExportTask, names_of, opened, write_variants
from sceneproof.data.humans import COVERAGE
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.sources.survey import link
from sceneproof.errors import InputError
from sceneproof.jobs.parts import TABLES, claim, clear
from sceneproof.jobs.processes import Problem
from sceneproof.jobs.working import Failure, told, try_some, work_through, write_failures
from sceneproof.machine import processors
from sceneproof.wording import bytes_in_words, counted

SAMPLES = 3
"""Videos that the size of the rest is reckoned from."""
DRAWING = 2  # raised whenever the same settings give other files
ELSEWHERE = (*(name for name in SWAPS if name not in CONTROLS), *(f"scuba_{still}" for still in STILLS), CONFLICT)
"""Variants that put people in other places."""
TIMES = ("start", "end", "duration", "times")
"""Columns that tell of a source's time: a variant is a file of its own, of the clip alone and at a constant rate."""


@locks.alone(locks.out)
def export(
    manifest: Path,
    out: Path,
    *,
    humans: Path,
    splits: list[str] | None = None,
    variants: list[str] | None = None,
    backgrounds: Path | None = None,
    inpainter: Path | None = None,
    carry: list[Path] | None = None,
    scenes: Path | None = None,
    root: Path | None = None,
    seed: int = 0,
    least_share: float = COVERAGE,
    crf: int = 12,
    originals: bool = False,
    workers: int | None = None,
    time_limit: float = 600.0,
    dry_run: bool = False,
    quiet: bool = False,
) -> Manifest | None:
    """Writes variants of videos: their people put in other places, or taken out, or their frames in another order.

    Writes OUT/videos/VARIANT/… and OUT/manifest.parquet with a row for each variant of each video, which notes what it
    was made of (columns source, variant, background, background_action, note). What cannot be made is listed in
    OUT/manifest.failures.parquet with the reason. Stopped at any moment, the same command goes on.

    Args:
        manifest: The table of videos.
        out: The folder to write.
        humans: Table of person boxes or masks; masks give clean cuts.
        splits: Only videos of these splits; partners of a swap are of these splits, too.
        variants: Names of variants; by default all that the data allows.
        backgrounds: Folder of pictures or videos; without one, drawn scenes stand in for photographs.
        inpainter: Network in ONNX that fills what no frame shows behind people, such as an export of LaMa; without
            one, smooth colours from around.
        carry: Tables of people of these videos, boxes or masks (`humans` may be one of them): OUT gets each, under its
            name, with the people of the variants that show them where they were. With boxes, `--task Detection` trains
            and tests on variants.
        scenes: Table of soft scene labels, to know which actions have close and far places.
        root: The folder that the manifest's paths start from; by default the manifest's own.
        seed: Another seed, other backgrounds and orders.
        least_share: Share of a video's frames in which people must be known, for variants that need them, and for
            lending its background. Up to five missing frames between two that show a person are filled in first.
        originals: Keep all rows of the manifest in the new one, too, and give each variant a split of its own, such as
            test_swap_random: for training and testing on one manifest. People in other places are out of context.
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
        workers: Processes; by default as many as there are processors. The files do not depend on it.
        time_limit: Seconds that all variants of a video may take.
        dry_run: Only say how many videos there will be, and how large.
        quiet: No progress and no summary.

    Returns:
        The new manifest; None after a dry run.

    Raises:
        InputError: bad tables, an unknown variant, a folder with an export of other settings, or nothing can be made.
    """
    given = {"root": root, "humans": humans, "scenes": scenes, "backgrounds": backgrounds, "inpainter": inpainter}
    settings = ExportSettings(
        manifest=str(manifest.resolve()), splits=tuple(splits or ()), variants=tuple(variants or ()), seed=seed,
        crf=crf, least_share=least_share,
        **{name: None if path is None else str(path.resolve()) for name, path in given.items()},
    )  # fmt: skip
    table, maker = opened(settings)
    tell(settings.doubts(table))
    carried = tuple(carry or ())
    refuse_names(carried, out)
    check_carried(carried, table)
    names = names_of(maker, settings.variants)
    tasks = _tasks(settings, table, out)
    said = f"{counted(len(tasks), 'video')} in {counted(len(names), 'variant')}: {', '.join(names)}"
    if dry_run:
        print(f"{said}\nabout {bytes_in_words(_reckon(tasks, table, time_limit))}")
        return None
    if not quiet:
        print(said)
    claim_export(out, settings, settings.digests())
    answers = [
        answer
        for _, answer in work_through(
            write_variants, tasks, "exporting", workers=workers or processors(), time_limit=time_limit, quiet=quiet
        )
    ]
    kept = Manifest.read(manifest, root) if originals else None
    made = _tables(table, out, tasks, answers, kept, quiet=quiet)
    for path in carried:
        people = write_carried(path, table, made.rows, out, originals=originals)
        if not quiet:
            print(f"wrote {people}")
    return made


def _tasks(settings: ExportSettings, table: Manifest, out: Path) -> list[ExportTask]:
    names = [
        str(path) if np.isnan(start) and np.isnan(end) else f"{path}_{start:.3f}-{end:.3f}"
        for path, start, end in zip(table.rows["path"], *table.edges, strict=True)
    ]
    # two rows of one file and segment have ids of their own, and so other backgrounds
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    return [
        ExportTask(settings, str(video), str(out), f"{name}_{row}" if name in twice else name, f"{row:07d}.json")
        for row, (video, name) in enumerate(zip(table.rows["video"], names, strict=True))
    ]


def claim_export(out: Path, settings: ExportSettings, tables: dict[str, str]) -> None:
    """Writes export.json, or checks that the folder's is of these settings and tables (by their SHA-256)."""
    claim(out / "export.json", {"drawing": DRAWING, **asdict(settings), TABLES: tables}, "an export")
    clear(out / "videos")


def _tables(
    table: Manifest,
    out: Path,
    tasks: list[ExportTask],
    answers: list[list[dict[str, Any]] | Problem],
    kept: Manifest | None,
    *,
    quiet: bool,
) -> Manifest:
    """The manifest, and the table of what could not be made.

    Raises:
        InputError: nothing could be made.
    """
    rows: list[dict[str, Any]] = []
    failures: list[Failure] = []
    for row, (task, answer) in enumerate(zip(tasks, answers, strict=True)):
        old = {str(name): value for name, value in table.rows.iloc[row].items() if name not in TIMES}
        if isinstance(answer, Problem):
            failures.append(Failure(task.video, str(table.path(row)), answer.reason))
            continue
        for facts in answer:
            if "reason" in facts:
                reason = f"{facts['variant']}: {facts['reason']}"
                failures.append(Failure(task.video, str(table.path(row)), reason))
            else:
                group = old.get("group") if isinstance(old.get("group"), str) else task.video
                rows.append({**old, "group": group, "source": task.video, **facts, "video": _id(task, facts)})
    if not rows:
        raise InputError(
            f"{table.name}: nothing could be made of it; the first: {failures[0].path}: {failures[0].reason}"
        )
    variants = pd.DataFrame(rows)
    merged = variants if kept is None else _beside(kept, variants, out)
    manifest = Manifest(merged, out, str(out / "manifest.parquet"))
    place = out / "manifest.failures.parquet"
    write_failures(place, failures, "manifest.parquet")
    manifest.write(out / "manifest.parquet")
    if not quiet:
        print(f"wrote {manifest.name}: {counted(len(rows), 'video')}", *told(failures, place), sep="\n")
    return manifest


def _beside(kept: Manifest, variants: pd.DataFrame, out: Path) -> pd.DataFrame:
    """All rows of a manifest, by a link to its folder, and those of variants in splits of their own."""
    assert isinstance(kept.root, Path)  # whoever exports reads files of this machine
    originals = kept.rows.assign(path=link(kept.root, out, "originals") + kept.rows["path"])
    if "context" not in originals:
        originals["context"] = "in"
    context = ["out" if name in ELSEWHERE else None for name in variants["variant"]]  # the others are neither
    variants = variants.assign(
        split=variants["split"] + "_" + variants["variant"], context=pd.Series(context, variants.index, dtype=object)
    )
    return pd.concat([originals, variants], ignore_index=True)


def _id(task: ExportTask, facts: dict[str, Any]) -> str:
    return f"{task.video}@{facts['variant']}"


def _reckon(tasks: list[ExportTask], table: Manifest, time_limit: float) -> float:
    """Bytes that all will take, by a few videos made in a folder that is thrown away.

    Raises:
        InputError: none of them can be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        tried = [replace(task, folder=f"{folder}/{row}") for row, task in enumerate(tasks)]
        samples = try_some(write_variants, tried, SAMPLES, table.name, time_limit=time_limit)
        frames = [max(1, max((facts.get("frames", 0) for facts in answer), default=0)) for _, answer in samples]
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.mp4"))
    known = table.numbers("frames")
    return float(np.where(np.isnan(known), np.mean(frames), known).sum() * size / sum(frames))
