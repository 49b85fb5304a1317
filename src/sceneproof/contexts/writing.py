"""The variants of one video, written as files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sceneproof.contexts.settings import VariantSettings
from sceneproof.contexts.variants import VARIANTS, Impossible, Variants
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import probe
from sceneproof.errors import InputError, VideoError
from sceneproof.files import fitting_name, write_json
from sceneproof.jobs.parts import recorded
from sceneproof.mall.film import Format, write_film
from sceneproof.seals import intact

RATE = 25.0
"""Frames a second of what is written, where the source does not say."""
PARTS = ".parts"
"""The folder of the records, one a video, each written when its videos are."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings(VariantSettings):
    """All that the files follow from.

    Attributes:
        crf: H.264's constant rate factor: 0 is lossless, larger is smaller and worse.
    """

    crf: int

    def __post_init__(self) -> None:
        """Raises InputError for what no file can be written with."""
        super().__post_init__()
        if not 0 <= self.crf <= 51:
            raise InputError(f"--crf {self.crf}: give 0 (lossless) to 51")


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

    settings: ExportSettings
    video: str
    folder: str
    name: str
    part: str


@lru_cache(maxsize=1)
def opened(settings: ExportSettings) -> tuple[Manifest, Variants]:
    """The tables, read once in each process."""
    table = settings.videos("an export of contexts")
    return table, settings.variants_of(table, settings.people(table))


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
    finished = recorded(record, list)
    if finished is not None and all(intact(out / fact["path"]) for fact in finished if "path" in fact):
        return finished
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
