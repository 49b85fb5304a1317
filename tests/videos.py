"""Small videos, masks, manifests and label tables for every test: whole ones, odd ones and broken ones.

Each frame carries its own number as black and white bars, so that a test can tell which frame it was given, even
after lossy coding: `numbers_of(frames)`.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import write_table

BITS = 8
Frames = NDArray[np.uint8]


def numbered(count: int, height: int = 48, width: int = 64, *, first: int = 0, colour: int = 90) -> Frames:
    """uint8 (T, H, W, 3): bars with the frame's number on top, a bright square that moves to the right below."""
    frames = np.full((count, height, width, 3), colour, np.uint8)
    frames[..., 2] = 255 - colour
    bar, top = width // BITS, height // 2
    for place in range(count):
        for bit in range(BITS):
            frames[place, :top, bit * bar : (bit + 1) * bar] = 255 * ((first + place) >> bit & 1)
        left = 2 * place % (width - 8)
        frames[place, top + 4 : top + 12, left : left + 8] = (230, 40, 40)
    return frames


def numbers_of(frames: Frames) -> list[int]:
    """The numbers that `numbered` wrote, read back from the middle of each bar."""
    _, height, width, _ = frames.shape
    columns = np.arange(BITS) * (width // BITS) + width // BITS // 2
    bits = frames[:, height // 4, columns].mean(-1) > 127
    return [int(row @ (1 << np.arange(BITS))) for row in bits]


def make_video(
    path: Path,
    frames: Frames,
    *,
    rate: int = 25,
    codec: str = "libx264",
    key_frame_every: int = 12,
    between: int = 2,
    times: Sequence[int] | None = None,
    rotation: int = 0,
    audio: bool = False,
    comment: str = "",
    options: dict[str, str] | None = None,
    settings: dict[str, str] | None = None,
) -> Path:
    """Writes frames (T, H, W, 3) as a video file; the container follows from the path's suffix.

    `between` is the number of B-frames (for codecs that have them); `times` are presentation times in ticks of
    1 / `rate` seconds, for a variable rate; `rotation` is the display matrix's, in degrees counter-clockwise;
    `options` are the container's, `settings` the codec's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata["comment"] = comment
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        whole_chroma = stream.height % 2 == 0 and stream.width % 2 == 0
        stream.pix_fmt = "yuv420p" if whole_chroma or codec != "libx264" else "yuv444p"
        stream.codec_context.gop_size = key_frame_every
        stream.codec_context.time_base = Fraction(1, rate)
        stream.codec_context.thread_count = 1
        own = {"bf": str(between)} if codec in ("libx264", "mpeg4") else {}
        fast = {"preset": "ultrafast", "crf": "18", "sc_threshold": "0"} if codec == "libx264" else {}
        stream.codec_context.options = {**own, **fast, **(settings or {})}
        if rotation:
            stream.set_display_rotation(rotation)
        if audio:
            _add_silence(container)
        container.start_encoding()
        for place, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = place if times is None else times[place]
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _add_silence(container: av.container.OutputContainer, samples: int = 4800) -> None:
    stream = container.add_stream("aac", rate=48000)
    sound = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.float32), format="fltp", layout="mono")
    sound.sample_rate, sound.pts = 48000, 0
    container.mux(stream.encode(sound))
    container.mux(stream.encode())


def _empty(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def _not_a_video(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("This page has moved. " * 200)
    return path


def _truncated(path: Path) -> Path:
    make_video(path, numbered(30), options={"movflags": "faststart"})
    return cut(path, 0.6)


def _no_frames(path: Path) -> Path:
    return make_video(path, numbered(0))


def _audio_only(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        _add_silence(container)
    return path


def _part_of_a_picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", numbered(1)[0])[1].tobytes())
    return cut(path, 0.6)


def _latin_1(path: Path) -> Path:
    make_video(path, numbered(20), comment="Caf@")
    path.write_bytes(path.read_bytes().replace(b"Caf@", b"Caf\xe9"))
    return path


def cut(path: Path, share: float) -> Path:
    """Keeps the first `share` of a file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


BROKEN: dict[str, Callable[[Path], Path]] = {
    "empty": _empty,
    "not a video": _not_a_video,
    "truncated": _truncated,
    "no frames": _no_frames,
    "audio only": _audio_only,
    "part of a picture": _part_of_a_picture,
}
"""Files that no frame should come from, by kind: each writes one at the path it is given (an .mp4)."""

FORMATS = {
    "MP4, H.264, B-frames": (".mp4", "libx264", {}),
    "MP4, H.264, open groups": (".mp4", "libx264", {"x264-params": "open-gop=1:bframes=3"}),
    "MP4, MPEG-4": (".mp4", "mpeg4", {}),
    "AVI, MPEG-4, B-frames": (".avi", "mpeg4", {}),
    "AVI, MPEG-4": (".avi", "mpeg4", {"bf": "0"}),
    "WebM, VP8": (".webm", "libvpx", {}),
    "WebM, VP9": (".webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "MKV, H.264": (".mkv", "libx264", {}),
}
"""Suffix, codec and the codec's options, for `make_format`."""


def make_format(folder: Path, kind: str, frames: Frames) -> Path:
    """Writes frames in one of `FORMATS`."""
    suffix, codec, settings = FORMATS[kind]
    path = folder / f"{kind.replace(', ', '_')}{suffix}"
    return make_video(path, frames, codec=codec, settings=settings)


ODD: dict[str, Callable[[Path], Path]] = {
    "odd sized": lambda path: make_video(path, numbered(20, 49, 65)),
    "rotated": lambda path: make_video(path, numbered(20), rotation=90),
    "variable rate": lambda path: make_video(path, numbered(20), times=[t + t // 3 for t in range(20)]),
    "single frame": lambda path: make_video(path, numbered(1)),
    "not UTF-8": _latin_1,
    "with sound": lambda path: make_video(path, numbered(20), audio=True),
}
"""Unusual files that must be read."""


def make_masks(count: int, height: int = 48, width: int = 64) -> NDArray[np.bool_]:
    """bool (T, H, W): the square of `numbered`."""
    masks = np.zeros((count, height, width), np.bool_)
    for place in range(count):
        left = 2 * place % (width - 8)
        masks[place, height // 2 + 4 : height // 2 + 12, left : left + 8] = True
    return masks


def make_manifest(
    folder: Path,
    *,
    actions: Sequence[str] = ("jump", "run"),
    splits: Sequence[str] = ("train", "validation", "test"),
    clips: int = 2,
    frames: int = 12,
    height: int = 48,
    width: int = 64,
) -> Manifest:
    """Writes `clips` videos for each action and split, and FOLDER/manifest.parquet. An action has its own colour."""
    rows = []
    for split in splits:
        for number, action in enumerate(actions):
            for clip in range(clips):
                video = f"{action}_{split}_{clip}"
                path = f"videos/{action}/{video}.mp4"
                colour = 40 + 160 * number // max(len(actions) - 1, 1) + clip
                make_video(folder / path, numbered(frames, height, width, colour=colour))
                rows.append((video, path, split, action, width, height, 25.0, frames, f"{action} place", "in"))
    names = ["video", "path", "split", "action", "width", "height", "rate", "frames", "scene", "context"]
    manifest = Manifest(pd.DataFrame(rows, columns=names), folder)
    manifest.write(folder / "manifest.parquet")
    return manifest


def make_scenes(manifest: Manifest, path: Path) -> SceneTable:
    """A soft scene label for each video: .8 for its true scene, the rest shared evenly."""
    names = sorted(set(manifest.rows["scene"]))
    vectors = np.full((len(manifest), len(names)), 0.2 / max(len(names) - 1, 1), np.float32)
    vectors[np.arange(len(manifest)), [names.index(scene) for scene in manifest.rows["scene"]]] = 0.8
    table = SceneTable(list(manifest.rows["video"]), vectors / vectors.sum(1, keepdims=True), names, "made up")
    table.write(path)
    return table


def make_boxes(manifest: Manifest, path: Path, *, score: float = 0.9) -> Path:
    """One box a frame for each video: around the square of `numbered`."""
    rows = []
    for video, count, height, width in manifest.rows[["video", "frames", "height", "width"]].itertuples(index=False):
        for frame in range(count):
            left = 2 * frame % (width - 8)
            rows.append((video, frame, left, height // 2 + 4, left + 8, height // 2 + 12, score))
    table = pd.DataFrame(rows, columns=["video", "frame", "x1", "y1", "x2", "y2", "score"])
    kinds = dict.fromkeys(("x1", "y1", "x2", "y2", "score"), "float32")
    write_table(path, table.astype({"frame": "int32", **kinds}), "boxes", detector="made up")
    return path


def make_jhmdb(
    root: Path, *, actions: Sequence[str] = ("golf", "wave"), films: int = 6, clips: int = 2, frames: int = 15
) -> Path:
    """A small J-HMDB in its official layout: in each action `films` films of `clips` clips; the last film is test."""
    from scipy.io import savemat

    (root / "splits").mkdir(parents=True)
    for action in actions:
        lines = []
        for film in range(films):
            for clip in range(clips):
                name = f"{action.title()}Film{chr(65 + film)}_{clip}_{action}_f_cm_np1_fr_med_{clip}"
                make_video(
                    root / "ReCompress_Videos" / action / f"{name}.avi", numbered(frames), codec="mpeg4", between=0
                )
                puppet = root / "puppet_mask" / action / name / "puppet_mask.mat"
                puppet.parent.mkdir(parents=True)
                savemat(puppet, {"part_mask": np.moveaxis(make_masks(frames), 0, 2).astype(np.uint8)})
                lines.append(f"{name}.avi {2 if film == films - 1 else 1}")
        (root / "splits" / f"{action}_test_split1.txt").write_text("\n".join(lines) + "\n")
    return root
