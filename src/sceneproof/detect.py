"""A detector + one video -> who does what where, as a table, as a file of boxes and as an annotated video."""

import json
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.addresses import Address, Place, located
from sceneproof.data.times import FrameTimes
from sceneproof.data.video import VideoError, VideoInfo, decode_each, probe
from sceneproof.errors import InputError
from sceneproof.files import output_files, whole
from sceneproof.flow_methods import FlowMethod, decode_flow, flow_of_run
from sceneproof.numerics import device_named
from sceneproof.pages.pictures import COLOURS, Box, annotate, write_video
from sceneproof.progress import Advance, progress
from sceneproof.run import Run
from sceneproof.tasks.detection import Detection
from sceneproof.tasks.detection.clips import BoxClipSettings
from sceneproof.tasks.detection.detector import Detector
from sceneproof.tasks.detection.linking import best_tubes
from sceneproof.tasks.detection.online import OnlineTubes
from sceneproof.tasks.detection.streaming import detect_in
from sceneproof.tasks.detection.tubes import Tube
from sceneproof.terminal import visible
from sceneproof.wording import clock

SHOWN = 20
COLUMNS = ("tube", "action", "score", "first", "last", "start", "end")
"""Of the table: a tube's number, first and last frame (from 0, both are of the tube), and both ends in seconds, on a
player's clock."""
Picture = NDArray[np.uint8]


@locks.alone(locks.of_video("detected"))
def detect(
    model: Path,
    video: Address,
    *,
    out: Path | None = None,
    least_score: float = 0.3,
    annotated: bool = True,
    device: str = "auto",
    at_once: int = 8,
    flow_weights: Path | None = None,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> pd.DataFrame:
    """Says who does what where in a video of any length: tubes of boxes with scores, best first.

    The video is read once, from start to end, and tubes grow as its frames come. Writes, named after the video, a table
    with one row a tube (.csv), the tubes with all their boxes (.json) and a copy of the video with boxes drawn into it
    (.annotated.mp4): each frame shows what is known when it comes. Prints the best tubes. A run that was trained on
    optical flow is shown the flow of the video, which is computed on the way.

    Args:
        model: the run folder of a detector, from `sceneproof train --task detection`.
        video: the video file, or an address (s3://, gs://, hf://).
        out: folder to write to; by default `detected` in the present one.
        least_score: leave out what scores less, from 0 to 1.
        annotated: write the annotated video; --annotated false is quicker.
        device: 'auto', 'cpu' or 'cuda'.
        at_once: clips that go through the network together.
        flow_weights: RAFT's, for a run that was trained on flow by RAFT.
        trust: modules or classes (mypackage, mypackage.models.Net) that the run's configuration may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress and print nothing.

    Raises:
        InputError: no detector, or a video that cannot be read.
    """
    if not 0 <= least_score <= 1:
        raise InputError(f"--least-score: must be from 0 to 1, not {least_score}")
    if at_once < 1:
        raise InputError(f"--at-once: must be at least 1, not {at_once}")
    trained = Run.open(model, trust=trust)
    where = device_named(device)
    numerics = trained.tested_in(where)
    network = numerics.arrange(trained.trained(Detector).to(where))
    task = trained.task
    assert isinstance(task, Detection)
    settings = task.tubes
    if settings.way != "online" and not quiet:
        print(f"{trained.name}: its tubes are linked {settings.way} in testing; here online, as frames come")
    place = located(video)
    folder = Path("detected" if out is None else out)
    with locks.locked(locks.Lock(folder), wait=True):  # others may begin with other videos
        files = output_files(folder, place, ("csv", "json", "annotated.mp4"))
    method = flow_of_run(trained, flow_weights, where)
    flow = None if method is None else (trained.known.flow_side, method)
    watching = _Watching(network, task.clip, where, at_once, settings.online(), least_score, numerics.dtype, flow)
    try:
        info = probe(place)
        with progress(f"detecting in {place.name}", info.frames, quiet=quiet) as advance:
            if annotated:
                pictures = (
                    annotate(picture, labelled(watching.builder, trained.actions, least_score))
                    for picture in watching.pictures(place, info.frames, advance)
                )
                write_video(files[2], pictures, info.rate, info.times)
            else:
                deque(watching.pictures(place, info.frames, advance), maxlen=0)
    except (VideoError, InputError) as error:
        raise InputError(f"{video}: {str(error) or 'unreadable'}") from None
    tubes = best_tubes(watching.tubes, settings.tube_nms)
    table = tube_rows(tubes, trained.actions, info.rate, info.times)
    with whole(files[0]) as temporary:
        table.to_csv(temporary, index=False)
    write_tubes(files[1], tubes, table, about=_about(place.name, trained.name, least_score, info))
    if not quiet:
        _tell(table, info, files if annotated else files[:2], settings.least_frames)
    return table


@dataclass
class _Watching:
    """A detector at work on one video: its settings, and the tubes that it has found so far."""

    network: Detector
    clip: BoxClipSettings
    device: torch.device
    at_once: int
    builder: OnlineTubes
    least_score: float
    autocast: torch.dtype | None = None
    flow: tuple[int, FlowMethod] | None = None  # where the network reads it: the short side of its frames, and how
    tubes: list[Tube] = field(default_factory=list)

    def pictures(self, path: Place, frames: int, advance: Advance) -> Iterator[Picture]:
        """The frames (H, W, 3), each as soon as `builder` knows what it shows; at the end `tubes` is complete.

        Raises:
            VideoError: the video cannot be read to its end, or flow is wanted and it has none.
        """
        waiting: deque[Picture] = deque()
        larger = np.ones(4)  # pixels of the video to one of what the network is shown

        def decoded() -> Iterator[Picture]:
            flow = self.flow and decode_flow(path, range(frames), *self.flow)
            for picture in decode_each(path, range(frames), lambda height, width: (height, width)):
                waiting.append(picture)
                shown = next(flow) if flow else picture
                larger[:] = [of / to for of, to in zip(picture.shape[1::-1], shown.shape[1::-1], strict=True)] * 2
                yield shown

        seen = detect_in(
            self.network, decoded(), range(frames), self.clip, self.device, at_once=self.at_once, autocast=self.autocast
        )
        for frame in seen:
            self._keep(self.builder.step(frame.boxes * larger, frame.action, frame.score))
            yield waiting.popleft()
            advance()
        self._keep(self.builder.end())

    def _keep(self, tubes: Sequence[Tube]) -> None:
        # what scores too little suppresses nothing that scores enough, and there may be much of it
        self.tubes += [tube for tube in tubes if tube.score >= self.least_score]


def labelled(builder: OnlineTubes, actions: Sequence[str], least_score: float) -> list[Box]:
    """The boxes that online tubes have in the last frame, the best first, as they are drawn."""
    boxes, action, score, number = builder.now()
    order = [place for place in np.argsort(-score, kind="stable").tolist() if score[place] >= least_score]
    return [
        Box(boxes[place], f"{actions[action[place]]} {score[place]:.2f}", COLOURS[int(number[place]) % len(COLOURS)])
        for place in order
    ]


def tube_rows(
    tubes: Sequence[Tube], actions: Sequence[str], rate: float, times: FrameTimes | None = None
) -> pd.DataFrame:
    """Tubes as a table with the columns `COLUMNS`, one row each; seconds are missing where nothing tells them.

    Args:
        tubes: in frames of the video.
        actions: the model's.
        rate: frames a second; NaN: unknown.
        times: when each frame is shown; None: evenly spaced from second 0 on.
    """
    first = np.array([tube.first for tube in tubes], np.int64)
    last = first + np.array([len(tube.boxes) - 1 for tube in tubes], np.int64)
    columns = {
        "tube": np.arange(len(tubes)),
        "action": np.array([actions[tube.action] for tube in tubes], dtype=object),
        "score": np.array([tube.score for tube in tubes], np.float64),
        "first": first,
        "last": last,
        "start": first / rate if times is None else times.seconds(first),
        "end": (last + 1) / rate if times is None else times.seconds(last + 1),
    }
    return pd.DataFrame(columns)[list(COLUMNS)]


def write_tubes(path: Path, tubes: Sequence[Tube], table: pd.DataFrame, *, about: dict[str, Any]) -> None:
    """Writes tubes with their boxes as JSON, one tube a line, whole or not at all.

    Args:
        path: of the file.
        tubes: in the table's order.
        table: of `tube_rows`.
        about: what stands before them.
    """
    head = json.dumps(about, indent=2, allow_nan=False).removesuffix("\n}")
    rows = zip(table.to_dict("records"), tubes, strict=True)
    with whole(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(f'{head},\n  "tubes": [')
        for number, (row, tube) in enumerate(rows):  # one by one: as text all of a long video's take much room
            file.write(f"{',' if number else ''}\n    {_line(row, tube)}")
        file.write("\n  ]\n}\n")


def _line(row: Mapping[Hashable, Any], tube: Tube) -> str:
    """A tube as JSON, with what its row of the table says."""
    line = {
        **{str(name): None if value != value else value for name, value in row.items()},  # JSON has no NaN
        "boxes": np.round(tube.boxes.astype(np.float64), 1).tolist(),
        "scores": np.round(tube.scores.astype(np.float64), 4).tolist(),
    }
    return json.dumps(line, allow_nan=False)


def _about(video: str, run: str, least_score: float, info: VideoInfo) -> dict[str, Any]:
    size = {"width": info.width, "height": info.height, "frames": info.frames}
    rate = info.rate if isfinite(info.rate) else None
    return {"video": video, "run": run, "least_score": least_score, **size, "rate": rate}


def _tell(table: pd.DataFrame, info: VideoInfo, files: Sequence[Path], least_frames: int) -> None:
    if table.empty:
        print(
            f"nothing found in {info.frames} frames: a lower --least-score shows what was weighed; tubes of fewer than "
            f"{least_frames} frames are left out"
        )
    for row in table.head(SHOWN).to_dict("records"):
        when = f"{clock(row['start'])} - {clock(row['end'])}  " if isfinite(row["start"]) else ""
        print(f"{when}{row['score']:.2f}  {visible(row['action'])}  (frames {row['first']} to {row['last']})")
    if len(table) > SHOWN:
        print(f"and {len(table) - SHOWN} more")
    print("written: " + ", ".join(str(file) for file in files))
