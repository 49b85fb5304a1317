"""A collection, rewritten once for training: every video small, and quick to cut clips from."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pandas as pd

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.data.human_tables import CORNERS, HumanBoxes, HumanMasks, decoded_mask, encode_mask, png_size
from sceneproof.data.humans import check_humans, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.encoding import Form
from sceneproof.errors import InputError
from sceneproof.files import fitting_name
from sceneproof.flow_methods import FlowMethod, Way
from sceneproof.jobs.parts import clear
from sceneproof.jobs.processes import Problem
from sceneproof.jobs.working import Failure, told, try_some, work_through, write_failures
from sceneproof.machine import processors
from sceneproof.rewriting import KEY_FRAME_EVERY, Rewritten, Source, rewrite
from sceneproof.wording import bytes_in_words, counted

Segments = Literal["keep", "cut"]
SAMPLES, SAMPLE_FRAMES = 8, 64
"""Videos, and frames of each, that the size of the rest is reckoned from."""


@locks.alone(locks.out)
def prepare(
    manifest: Address,
    out: Path,
    *,
    short_side: int = 240,
    form: Form = "h264",
    key_frame_every: int = KEY_FRAME_EVERY,
    segments: Segments = "keep",
    flow: bool | Way = False,
    flow_weights: Path | None = None,
    flow_device: str = "auto",
    humans: Address | None = None,
    root: Address | None = None,
    workers: int | None = None,
    time_limit: float = 600.0,
    dry_run: bool = False,
    quiet: bool = False,
) -> Manifest | None:
    """Rewrites a collection once for training, so that clips are quick to read: OUT/videos and OUT/manifest.parquet.

    Frames are shrunk, and every few are a key frame, so that a clip is decoded from where it begins; each is shown when
    it was. A video of which the manifest names segments is rewritten once, whole, and its rows keep their start and
    end. Stopped at any moment, the same command goes on. What cannot be read stays in the manifest with 0 frames and is
    listed in OUT/manifest.failures.parquet with the reason.

    Args:
        manifest: The table of videos. It, the table of people and the root may be addresses (s3://, gs://, hf://).
        out: The folder to write, on this machine: an encoder needs one, and training reads it again and again.
        short_side: Of the new frames, in pixels; smaller videos keep their size.
        form: "h264", H.264 with short distances between key frames; or "jpeg", every frame a JPEG picture, for about
            four times the space. Both in MP4.
        key_frame_every: For h264: so many frames. More take less space, and longer to cut a clip from.
        segments: "keep" them in small copies of their whole videos, as localization needs them; or "cut" each into a
            file of its own, whole from then on, which saves space where clips of long videos are to be classified.
        flow: Write the optical flow between the small frames in their place, up to 20 pixels, in red and green:
            "dis" (or true), by DIS; "raft_small" or "raft_large", by torchvision's RAFT. Networks are trained and
            tested on it as on any videos.
        flow_weights: File of RAFT's weights, as torchvision publishes them.
        flow_device: 'auto', 'cpu' or 'cuda', for RAFT; on a GPU a few --workers do.
        humans: Table of person boxes or masks: OUT/humans.parquet gets them, moved and scaled along.
        root: The folder or address that the manifest's paths start from; by default the manifest's own.
        workers: Processes that rewrite; by default one a processor.
        time_limit: Seconds that a video may take.
        dry_run: Only say how much space it will take.
        quiet: No progress and no summary.

    Returns:
        The new manifest; None after a dry run.

    Raises:
        InputError: a setting out of its range, bad tables, too little space, or not one video can be read.
    """
    if short_side < 16:
        raise InputError(f"--short-side {short_side}: give at least 16 pixels")
    if key_frame_every < 1:
        raise InputError(f"--key-frame-every {key_frame_every}: give at least 1 frame")
    table = Manifest.read(manifest, root)
    if table.shows == "flow":
        raise InputError(f"{table.name}: holds optical flow already: give the manifest of the videos themselves")
    out = Path(out)
    if isinstance(table.root, Path) and out.resolve() == table.root.resolve():
        raise InputError(f"{out}: the originals are here; write the new videos to another folder")
    people = read_humans(humans) if humans is not None else None
    if people is not None:
        tell(check_humans(people, table))
    method = _flow_method(flow, flow_weights, flow_device)
    sources = [
        replace(source, flow=method) for source in _sources(table, out, short_side, form, key_frame_every, segments)
    ]
    _check_space(*_reckon(sources, table), sources, out, quiet=quiet)
    if dry_run:
        return None
    clear(out / "videos")
    different = list({source.target: source for source in sources}.values())
    answers = work_through(
        rewrite, different, "rewriting", workers=workers or processors(), time_limit=time_limit, root=table.root,
        quiet=quiet,
    )  # fmt: skip
    by_target = {source.target: answer for source, answer in answers}
    return _write(table, out, sources, by_target, people, quiet=quiet)


def _flow_method(flow: bool | Way, weights: Path | None, device: str) -> FlowMethod | None:
    """How flow is computed; None where frames are wanted.

    Raises:
        InputError: weights without RAFT, or RAFT without any or with others.
    """
    if flow is False:
        if weights is not None:
            raise InputError("--flow-weights goes with --flow raft_small or raft_large")
        return None
    return FlowMethod.of("dis" if flow is True else flow, weights, device)


def _sources(
    table: Manifest, out: Path, short_side: int, form: Form, key_frame_every: int, segments: Segments
) -> list[Source]:
    """What to rewrite, one a row; rows of one file, and of one segment where these are cut, share it."""
    whole = np.full(len(table), np.nan)
    edges = table.edges if segments == "cut" else (whole, whole)
    sources = []
    for row, (path, start, end) in enumerate(zip(table.rows["path"], *edges, strict=True)):
        segment = "" if np.isnan(start) and np.isnan(end) else f"_{start:.3f}-{end:.3f}"
        folder, _, name = str(path).rpartition("/")
        # with its old suffix: a.avi and a.mp4 may lie side by side
        target = out / "videos" / folder / fitting_name(f"{name}{segment}", ".mp4")
        sources.append(
            Source(str(table.path(row)), str(target), float(start), float(end), short_side, form, key_frame_every)
        )
    return sources


def _reckon(sources: list[Source], table: Manifest) -> tuple[float, str]:
    """Bytes that the rewritten videos will take, and in words what that is reckoned from.

    The first frames of a few videos, evenly spaced over the manifest, are written into a folder that is thrown away.

    Raises:
        InputError: none of them can be read.
    """
    first = list({source.target: row for row, source in reversed(list(enumerate(sources)))}.values())[::-1]
    with tempfile.TemporaryDirectory() as folder:
        tried = [replace(sources[row], target=f"{folder}/{row}.mp4", most=SAMPLE_FRAMES) for row in first]
        samples = [sample for _, sample in try_some(rewrite, tried, SAMPLES, table.name)]
    a_frame = sum(sample.bytes for sample in samples) / sum(sample.frames for sample in samples)
    cut = np.array([not (np.isnan(source.start) and np.isnan(source.end)) for source in sources])
    known = np.where(cut, np.nan, table.numbers("frames"))
    frames = np.where(np.isnan(known), np.mean([sample.shown for sample in samples]), known)
    how = f"{bytes_in_words(a_frame)} a frame, reckoned from {len(samples)} of them"
    return float(frames[first].sum() * a_frame), how


def _check_space(space: float, how: str, sources: list[Source], out: Path, *, quiet: bool) -> None:
    """Says what is needed and what there is.

    Raises:
        InputError: it is not enough.
    """
    targets = {Path(source.target) for source in sources}
    existing = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    free = shutil.disk_usage(existing).free + sum(target.stat().st_size for target in targets if target.exists())
    told = (
        f"{counted(len(targets), 'video')} will take about {bytes_in_words(space)} ({how}); {bytes_in_words(free)} are "
        f"free"
    )
    if space > free:
        raise InputError(f"{out}: {told}: give a smaller --short-side, or another disk")
    if not quiet:
        print(told)


def _write(
    table: Manifest,
    out: Path,
    sources: list[Source],
    by_target: dict[str, Rewritten | Problem],
    people: HumanBoxes | HumanMasks | None,
    *,
    quiet: bool,
) -> Manifest:
    """The new manifest, the people scaled along, and what failed.

    Raises:
        InputError: not one video could be read.
    """
    answers = [by_target[source.target] for source in sources]
    failed = [
        Failure(str(table.rows["video"].iat[row]), sources[row].path, answer.reason)
        for row, answer in enumerate(answers)
        if isinstance(answer, Problem)
    ]
    if len(failed) == len(sources):
        raise InputError(
            f"{table.name}: none of its videos can be read; the first: {failed[0].path}: {failed[0].reason}"
        )
    cut = any(not (np.isnan(source.start) and np.isnan(source.end)) for source in sources)
    rows = table.rows.drop(columns=["start", "end"] if cut else [], errors="ignore").copy()
    rows["path"] = [Path(source.target).relative_to(out).as_posix() for source in sources]
    for name in ("width", "height", "frames"):
        rows[name] = [0 if isinstance(answer, Problem) else getattr(answer, name) for answer in answers]
    times = [None if isinstance(answer, Problem) else answer.times for answer in answers]
    rows["rate"] = [np.nan if frame_times is None else frame_times.rate for frame_times in times]
    rows["duration"] = [np.nan if frame_times is None else frame_times.end for frame_times in times]
    rows["times"] = ["" if frame_times is None else frame_times.text() for frame_times in times]
    if sources[0].flow:
        rows["shows"], rows["flow_by"], rows["flow_side"] = "flow", sources[0].flow.by, sources[0].short_side
    manifest = Manifest(rows, out, str(out / "manifest.parquet"))
    if people is not None:
        by_video = dict(zip(rows["video"], answers, strict=True))
        _move(people, {video: answer for video, answer in by_video.items() if isinstance(answer, Rewritten)}).write(
            out / "humans.parquet"
        )
    failures = out / "manifest.failures.parquet"
    write_failures(failures, failed, "manifest.parquet")
    manifest.write(out / "manifest.parquet")
    if not quiet:
        total = sum(
            answer.bytes
            for answer in {id(answer): answer for answer in answers}.values()
            if isinstance(answer, Rewritten)
        )
        written = f"{len(rows) - len(failed)} of {counted(len(rows), 'video')}"
        said = f"wrote {manifest.name}: {written}, {bytes_in_words(total)}"
        print(said, *told(failed, failures), sep="\n")
    return manifest


def _move(people: HumanBoxes | HumanMasks, rewritten: dict[str, Rewritten]) -> HumanBoxes | HumanMasks:
    """Boxes or masks in the frames, and the pixels, of the rewritten files."""
    rows = people.rows[people.rows["video"].isin(list(rewritten))].copy()
    facts = [rewritten[video] for video in rows["video"]]
    rows["frame"] = rows["frame"].to_numpy() - np.array([file.first for file in facts], np.int64)
    inside = (rows["frame"].to_numpy() >= 0) & (rows["frame"].to_numpy() < [file.frames for file in facts])
    rows, facts = rows[inside].reset_index(drop=True), [file for file, kept in zip(facts, inside, strict=True) if kept]
    if isinstance(people, HumanMasks):
        rows["png"] = list(_resized_masks(rows["png"], facts))
        return HumanMasks(rows, detector=people.detector, source=people.source)
    across = np.array([file.width / file.source_width for file in facts])
    down = np.array([file.height / file.source_height for file in facts])
    for name, factor in zip(CORNERS, (across, down, across, down), strict=True):
        rows[name] = (rows[name].to_numpy() * factor).astype(np.float32)
    return HumanBoxes(rows, score_threshold=people.score_threshold, detector=people.detector, source=people.source)


def _resized_masks(pictures: "pd.Series[bytes]", facts: list[Rewritten]) -> Iterator[bytes]:
    """Masks at the new sizes: a pixel belongs to a person where at least half of what it covers did."""
    for png, file in zip(pictures, facts, strict=True):
        size = png_size(png)
        if size is not None and size != (file.source_height, file.source_width):
            raise InputError(
                f"a mask is {size[1]}x{size[0]}, but its video is {file.source_width}x{file.source_height}: make the "
                "masks from this very file"
            )
        mask = decoded_mask(png) if size else None
        if mask is None:
            raise InputError("a mask is no PNG picture")
        share = cv2.resize(mask.astype(np.float32), (file.width, file.height), interpolation=cv2.INTER_AREA)
        yield encode_mask(share >= 0.5)
