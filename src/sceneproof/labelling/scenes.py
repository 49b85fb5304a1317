"""Soft scene labels for every video of a manifest: the mean over frames of a classifier's posteriors."""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sceneproof.data.dataset import Videos
from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.labelling.onnx_labeller import OnnxSceneLabeller, Triple
from sceneproof.labelling.scene_network import SceneNetwork
from sceneproof.progress import progress

logger = logging.getLogger(__name__)

Decoded = NDArray[np.uint8] | VideoError


class SceneLabeller(Protocol):
    """Anything that says how likely each scene is in a picture. Yours needs no registration.

    Attributes:
        names: S scene names, in the order of the posteriors.
        title: what makes the labels, as the label table will tell.
    """

    @property
    def names(self) -> Sequence[str]:
        """S scene names."""

    @property
    def title(self) -> str:
        """What makes the labels."""

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Posteriors (N, S), each row at least 0 and summing to 1, of frames uint8 (N, H, W, 3), RGB."""


def label_scenes(
    manifest: Manifest,
    labeller: SceneLabeller,
    out: str | Path,
    *,
    frames_per_video: int = 8,
    batch: int = 64,
    threads: int = 2,
    quiet: bool = False,
) -> SceneTable:
    """Labels every readable video with the mean of its frames' posteriors (Choi et al. 2019, section 3.2).

    Videos that cannot be read are named in a warning and left out of the table.

    Args:
        manifest: The videos.
        labeller: Gives each frame's posteriors.
        out: The scene table to write (.parquet).
        frames_per_video: Frames looked at in each clip, evenly spaced; all of them where a clip has no more.
        batch: About how many frames go through the labeller at once.
        threads: Videos decoded at the same time, ahead of the labeller.
        quiet: Show no progress.

    Raises:
        InputError: a count below 1, no video can be read, or the labeller's answers are no posteriors of its scenes.
    """
    for name, value in (("frames_per_video", frames_per_video), ("batch", batch), ("threads", threads)):
        if value < 1:
            raise InputError(f"{name}: {value} given; it must be at least 1")
    ids = [str(video) for video in manifest.rows["video"]]
    means: dict[int, NDArray[np.float32]] = {}
    problems: dict[int, str] = {}
    waiting: dict[int, NDArray[np.uint8]] = {}
    with progress("scene labels", len(ids), quiet=quiet) as advance:
        for row, decoded in _decode_ahead(Videos(manifest), frames_per_video, threads):
            if isinstance(decoded, VideoError):
                problems[row] = str(decoded)
            else:
                if waiting and not _fits(waiting, decoded, batch):
                    means |= _means(labeller, waiting)
                    waiting = {}
                waiting[row] = decoded
            advance(note=f"{len(problems)} unreadable" if problems else "")
    _tell(manifest, problems)
    means |= _means(labeller, waiting)
    table = SceneTable(
        [ids[row] for row in means], np.stack(list(means.values())), list(labeller.names), labeller.title, str(out)
    )
    table.write(out)
    return table


def label_scenes_command(
    manifest: Path,
    out: Path,
    *,
    labeller: Literal["onnx", "network"],
    weights: Path,
    root: Path | None = None,
    names: Path | None = None,
    size: int | None = None,
    channels: Literal["rgb", "bgr"] = "rgb",
    mean: Triple = (0.0, 0.0, 0.0),
    std: Triple = (1.0, 1.0, 1.0),
    output: Literal["auto", "probabilities", "logits"] = "auto",
    frames_per_video: int = 8,
    batch: int = 64,
    threads: int = 2,
    quiet: bool = False,
) -> SceneTable:
    """Labels every video of a manifest with soft scene probabilities: the mean over its frames.

    Videos that cannot be read are listed on standard error and left out.

    Args:
        manifest: The manifest (.parquet) that names the videos.
        out: The scene table to write (.parquet).
        labeller: What looks at the frames: "onnx", an image classifier in an ONNX file, such as a Places365 network;
            or "network", a small scene network that you trained on pictures with this tool.
        weights: Its file: .onnx, or the .safetensors that training wrote.
        root: The folder that the manifest's paths start from; by default the manifest's own.
        names: For onnx: text file with the scene names, one a line, in the order of the model's outputs. By default the
            365 of Places365.
        size: For onnx: height and width of the model's picture, needed only where the model leaves them open.
        channels: For onnx: the channel order that the model was trained with.
        mean: For onnx: subtracted from the pixels (0 to 255), in the model's channel order.
        std: For onnx: what the pixels are then divided by, in the model's channel order.
        output: For onnx: whether the model ends in a softmax; "auto" tries it on noise and applies a softmax unless all
            its answers are at least 0 and sum to 1.
        frames_per_video: Frames looked at in each clip, evenly spaced; all of them where a clip has no more.
        batch: About how many frames go through the network at once.
        threads: Videos decoded at the same time, ahead of the network.
        quiet: Show no progress.
    """
    rows = Manifest.read(manifest, root)
    made: SceneLabeller = (
        OnnxSceneLabeller(weights, names, size=size, channels=channels, mean=mean, std=std, output=output)
        if labeller == "onnx"
        else SceneNetwork.load(weights)
    )
    table = label_scenes(rows, made, out, frames_per_video=frames_per_video, batch=batch, threads=threads, quiet=quiet)
    print(f"{out}: {len(table.videos)} of {len(rows)} videos, {len(table.names)} scenes, by {table.labeller}")
    return table


def evenly_spaced_frames(total: int, count: int) -> NDArray[np.int64]:
    """The middle frames of `count` equal parts of a clip; every frame of a clip with no more than `count`."""
    if total <= count:
        return np.arange(total)
    return (2 * np.arange(count) + 1) * total // (2 * count)


def _decode_ahead(videos: Videos, count: int, threads: int) -> Iterator[tuple[int, Decoded]]:
    """Rows in order, each with its frames or with why there are none; a few videos are decoded ahead."""

    def decode(row: int) -> Decoded:
        try:
            return videos.frames(row, evenly_spaced_frames(videos.length(row), count))
        except VideoError as error:
            return error

    pool = ThreadPoolExecutor(threads)
    ahead: deque[tuple[int, Future[Decoded]]] = deque()
    try:
        for row in range(len(videos.manifest)):
            ahead.append((row, pool.submit(decode, row)))
            if len(ahead) > 2 * threads:
                first, future = ahead.popleft()
                yield first, future.result()
        while ahead:
            first, future = ahead.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _fits(waiting: dict[int, NDArray[np.uint8]], frames: NDArray[np.uint8], batch: int) -> bool:
    """Whether a video's frames can go through the labeller together with those that wait."""
    same_size = all(other.shape[1:] == frames.shape[1:] for other in waiting.values())
    return same_size and sum(map(len, waiting.values())) + len(frames) <= batch


def _means(labeller: SceneLabeller, waiting: dict[int, NDArray[np.uint8]]) -> dict[int, NDArray[np.float32]]:
    """Mean posteriors (S,) of some videos of one frame size, in one call of the labeller."""
    frames = np.concatenate(list(waiting.values()))
    posteriors = labeller(frames)
    if posteriors.shape != (len(frames), len(labeller.names)):
        raise InputError(
            f"{labeller.title}: answered {posteriors.shape} to {len(frames)} frames; "
            f"it names {len(labeller.names)} scenes"
        )
    sums = posteriors.sum(axis=1)
    if not (posteriors >= 0).all() or not (abs(sums - 1) < 1e-2).all():  # also refuses NaN
        raise InputError(
            f"{labeller.title}: answers that are no probabilities (smallest {posteriors.min():.3g}, "
            f"sums from {sums.min():.3g} to {sums.max():.3g}); are the outputs logits, or the pixels scaled wrongly?"
        )
    ends = np.cumsum([len(frames) for frames in waiting.values()])
    parts = np.split(posteriors, ends[:-1])
    return {
        row: part.mean(axis=0, dtype=np.float64).astype(np.float32) for row, part in zip(waiting, parts, strict=True)
    }


def _tell(manifest: Manifest, problems: dict[int, str]) -> None:
    lines = [f"{manifest.path(row)}: {why}" for row, why in sorted(problems.items())]
    if len(problems) == len(manifest):
        raise InputError(f"{manifest.name}: none of its {len(lines)} videos can be read; the first: {lines[0]}")
    if lines:
        logger.warning(
            "%s: %d of %d videos cannot be read and get no scene label:\n  %s",
            manifest.name, len(lines), len(manifest), "\n  ".join(lines),
        )  # fmt: skip
