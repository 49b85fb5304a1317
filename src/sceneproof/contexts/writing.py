"""The variants of one video, written as files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sceneproof.contexts.backgrounds import Backgrounds
from sceneproof.contexts.choosing import Partners, scene_distances
from sceneproof.contexts.footage import Library, lenders
from sceneproof.contexts.inpainting import inpainting
from sceneproof.contexts.variants import VARIANTS, Impossible, Variants
from sceneproof.data.gaps import without_short_gaps
from sceneproof.data.humans import COVERAGE, check_humans, read_humans
from sceneproof.data.manifest import Manifest, refuse_flow
from sceneproof.data.scenes import SceneTable
from sceneproof.data.video import probe
from sceneproof.errors import InputError, VideoError
from sceneproof.files import fitting_name, read_json, write_json
from sceneproof.mall.film import Format, write_film
from sceneproof.seals import intact

RATE = 25.0
"""Frames a second of what is written, where the source does not say."""
PARTS = ".parts"
"""The folder of the records, one a video, each written when its videos are."""


@dataclass(frozen=True)
class Settings:
    """All that the files follow from: the arguments of `sceneproof contexts export` of these names, paths as text."""

    manifest: str
    root: str | None
    splits: tuple[str, ...]
    humans: str
    scenes: str | None
    backgrounds: str | None
    variants: tuple[str, ...]
    seed: int
    crf: int
    least_share: float = COVERAGE
    inpainter: str | None = None


@dataclass(frozen=True, slots=True)
class ExportTask:
    """The variants of one video to write.

    Attributes:
        settings: what all follows from.
        video: its id.
        folder: of the export.
        name: of its files, below the folders of the variants and without suffix.
        part: the name of its record.
    """

    settings: Settings
    video: str
    folder: str
    name: str
    part: str


@lru_cache(maxsize=1)
def opened(settings: Settings) -> tuple[Manifest, Variants]:
    """The tables, read once in each process."""
    table = Manifest.read(settings.manifest, settings.root)
    refuse_flow(table, "an export of contexts")
    table = table.split(*settings.splits) if settings.splits else table
    people = read_humans(settings.humans)
    check_humans(people, table)  # what may be wrong is told once, by the command
    people = without_short_gaps(people)
    distances = None if settings.scenes is None else scene_distances(table, SceneTable.read(settings.scenes))
    backgrounds = None if settings.backgrounds is None else Backgrounds.read(Path(settings.backgrounds))
    partners = Partners(table, lenders(table, people, settings.least_share), distances=distances)
    read = Library(table, people).read
    return table, Variants(
        partners, read, backgrounds=backgrounds, seed=settings.seed, least_share=settings.least_share,
        inpaint=inpainting(settings.inpainter),
    )  # fmt: skip


def names_of(variants: Variants, asked: Sequence[str]) -> list[str]:
    """What is to be made; a variant that was asked for by name and that no clip can have is an error."""
    for name in asked:
        if reason := variants.unable(name):
            raise InputError(f"--variants {name}: {reason}")
    return [name for name in VARIANTS if name in asked] if asked else variants.names()


def write_variants(task: ExportTask) -> list[dict[str, Any]]:
    """Writes the variants of one video; returns, and records, what was made: a dictionary for each variant.

    Raises:
        VideoError: the video cannot be read, or its people or its background do not fit.
    """
    try:
        return _written(task)
    except InputError as error:  # told as this video's failure: the others go on
        raise VideoError(str(error)) from None


def _written(task: ExportTask) -> list[dict[str, Any]]:
    table, variants = opened(task.settings)
    out = Path(task.folder)
    record = out / PARTS / task.part
    if (recorded := _recorded(record)) is not None and all(
        intact(out / fact["path"]) for fact in recorded if "path" in fact
    ):
        return recorded
    row = int(np.flatnonzero((table.rows["video"] == task.video).to_numpy())[0])
    footage = variants.read(task.video)
    info = probe(table.path(row))
    rate = info.rate if np.isfinite(info.rate) else RATE
    height, width = (size // 2 * 2 for size in footage.frames.shape[1:3])
    shape = Format(width, height, len(footage.frames), rate, task.settings.crf)
    facts: list[dict[str, Any]] = []
    for name, variant in variants.of(footage, [np.arange(shape.frames)]).each(
        names_of(variants, task.settings.variants)
    ):
        if isinstance(variant, Impossible):
            facts.append({"variant": name, "reason": variant.reason})
            continue
        folder, _, stem = task.name.rpartition("/")
        path = (Path("videos", name, folder) / fitting_name(stem, ".mp4")).as_posix()
        write_film(out / path, (np.ascontiguousarray(frame[:height, :width]) for frame in variant.clips[0]), shape)
        facts.append({
            "variant": name, "path": path, "background": variant.background,
            "background_action": variant.background_action, "note": variant.note, "width": width, "height": height,
            "frames": shape.frames, "rate": rate,
        })  # fmt: skip
    write_json(record, facts, sealed=True)
    return facts


def _recorded(record: Path) -> list[dict[str, Any]] | None:
    """What a record says was made; None where there is none, or it is damaged."""
    if not record.is_file():
        return None
    try:
        said = read_json(record)
    except InputError:
        return None
    return said if isinstance(said, list) and all(isinstance(fact, dict) for fact in said) else None
