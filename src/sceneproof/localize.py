"""A localizer + one video -> when what is done, as a table, as files and as a picture."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from sceneproof import locks
from sceneproof.addresses import Address, located
from sceneproof.data.video import VideoError, probe
from sceneproof.errors import InputError
from sceneproof.files import output_files
from sceneproof.flow_methods import decoder
from sceneproof.metrics.temporal_segments import grouped_nms
from sceneproof.numerics import device_named
from sceneproof.pages.timeline import TimeLine, write_timeline
from sceneproof.progress import progress
from sceneproof.run import Run
from sceneproof.tasks.localization import Localization, Localizer
from sceneproof.tasks.localization.buffers import Timeline, starts_of_testing
from sceneproof.tasks.localization.detecting import as_table, localize_video
from sceneproof.tasks.localization.formats import write_activitynet, write_csv
from sceneproof.terminal import visible
from sceneproof.types import Segments
from sceneproof.wording import clock

SHOWN = 20


@locks.alone(locks.of_video("localized"))
def localize(
    model: Path,
    video: Address,
    *,
    out: Path | None = None,
    least_score: float = 0.05,
    nms: float = 0.4,
    step: int | None = None,
    device: str = "auto",
    at_once: int = 1,
    flow_weights: Path | None = None,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> pd.DataFrame:
    """Says when something is done in a video of any length: segments with scores, best first.

    The video is read once, buffer by buffer, so memory does not grow with its length. Writes, named after the video,
    a table (.csv), ActivityNet's format (.json) and a picture of the time line (.png), and prints the best segments.
    A run that was trained on optical flow is shown the flow of the video, which is computed on the way.

    Args:
        model: the run folder of a localizer, from `sceneproof train --task localization`.
        video: the video file, or an address (s3://, gs://, hf://).
        out: folder to write to; by default `localized` in the present one.
        least_score: leave out what scores less, from 0 to 1.
        nms: of segments of one action that overlap by more than this tIoU only the best stays; for a method that has
            its own way to drop what is found twice, this is not used.
        step: frames from one buffer to the next; by default as the run was tested. Its length is quickest, a quarter
            of it the most thorough.
        device: 'auto', 'cpu' or 'cuda'.
        at_once: buffers that go through the network together.
        flow_weights: RAFT's, for a run that was trained on flow by RAFT.
        trust: modules or classes (mypackage, mypackage.models.Net) that the run's configuration may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress and print nothing.

    Raises:
        InputError: no localizer, or a video that cannot be read.
    """
    for name, value in (("least_score", least_score), ("nms", nms)):
        if not 0 <= value <= 1:
            raise InputError(f"--{name}: must be from 0 to 1, not {value}")
    trained = Run.open(model, trust=trust)
    where = device_named(device)
    numerics = trained.tested_in(where)
    network = numerics.arrange(trained.trained(Localizer).to(where))
    decode = decoder(trained, flow_weights, where)
    task = trained.task
    assert isinstance(task, Localization)
    settings = task.buffer
    if step is not None:
        settings = replace(settings, test_step=step)
    place = located(video)
    folder = Path("localized" if out is None else out)
    with locks.locked(locks.Lock(folder), wait=True):  # others may begin with other videos
        files = output_files(folder, place, ("csv", "json", "png"))
    try:
        timeline = Timeline.of(probe(place), settings.rate)
        buffers = len(starts_of_testing(len(timeline), settings.length, settings.test_step))
        with progress(f"localizing {place.name}", buffers, quiet=quiet) as advance:
            segments = localize_video(
                network, place, timeline, settings, where, at_once=at_once, autocast=numerics.dtype, advance=advance,
                decode=decode,
            )  # fmt: skip
    except (VideoError, InputError) as error:
        raise InputError(f"{video}: {str(error) or 'unreadable'}") from None
    if network.nms_by_threshold:
        segments = suppressed(segments, nms)
    table = as_table(segments, place.name, "", trained.actions)
    table = table[table["score"] >= least_score].drop(columns="split").reset_index(drop=True)
    write_csv(files[0], table)
    write_activitynet(files[1], table)
    title = f"{place.name}: what {trained.name} finds"
    write_timeline(files[2], TimeLine(timeline.seconds, table), title=title)
    if not quiet:
        _tell(table, timeline.seconds, files)
    return table


def suppressed(segments: Segments, threshold: float) -> Segments:
    """Of segments of one action that overlap by more than a tIoU, only the best."""
    kept = grouped_nms(segments.times, segments.score, segments.action, threshold)
    return Segments(segments.times[kept], segments.action[kept], segments.score[kept])


def _tell(table: pd.DataFrame, seconds: float, files: list[Path]) -> None:
    if table.empty:
        print(f"nothing found in {seconds:.1f} s: a lower --least-score shows what was weighed")
    best = table.head(SHOWN)
    for start, end, score, action in zip(*(best[name] for name in ("start", "end", "score", "action")), strict=True):
        print(f"{clock(start)} - {clock(end)}  {score:.2f}  {visible(action)}")
    if len(table) > SHOWN:
        print(f"and {len(table) - SHOWN} more")
    print("written: " + ", ".join(str(file) for file in files))
