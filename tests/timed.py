"""Videos whose frames are shown at given times."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from tests.videos import numbered

RATE = 48000


def make_timed(
    path: Path,
    times: Sequence[int],
    *,
    base: Fraction = Fraction(1, 1000),
    sound: bool = False,
    sound_seconds: float = 1.0,
    codec: str = "libx264",
    between: int = 2,
    height: int = 48,
    width: int = 64,
) -> Path:
    """Writes numbered frames, each shown at its time, in units of `base` seconds; the container follows the suffix.

    `sound` adds a track of silence that starts at 0; `between` is the number of B-frames.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=1 / base if base.denominator < 1000 or base.numerator > 1 else 25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.time_base = base
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"bf": str(between)}
        silence = container.add_stream("aac", rate=RATE) if sound else None
        container.start_encoding()
        if silence is not None:
            assert isinstance(silence, AudioStream)
            samples = np.zeros((1, int(RATE * sound_seconds)), np.float32)
            audio = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            audio.sample_rate, audio.pts = RATE, 0
            container.mux(silence.encode(audio))
            container.mux(silence.encode())
        steps = [*np.diff(times).tolist(), *np.diff(times)[-1:].tolist()]  # the last is shown as long as the one before
        for time, step, picture in zip(times, steps, numbered(len(times), height, width), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.duration, frame.time_base = time, step, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
