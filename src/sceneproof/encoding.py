"""Frames into a small MP4 file, each with its time."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sceneproof.data.times import FrameTimes

Form = Literal["h264", "jpeg"]
FINEST = Fraction(1, 1_000_000)
"""Seconds of the shortest tick: MP4 counts in 32 bits for how many a frame is shown."""
EXACT = 1e-4
"""Seconds by which a simple fraction may be off, as the rate of a whole file."""
RATE_OF_SILENCE, SILENCE = 8000, 1024
"""Samples a second, and samples."""


@dataclass(frozen=True)
class Clock:
    """When the frames of a file to write are shown.

    Attributes:
        base: seconds of a tick.
        ticks: N + 1 times: each frame's, and the end of the last one.
        rate: frames a second, on average.
    """

    base: Fraction
    ticks: list[int]
    rate: Fraction

    @classmethod
    def of(cls, times: FrameTimes) -> "Clock":
        """Ticks that are exact for these times: a frame long, where they are evenly spaced from second 0 on."""
        rate = max(Fraction(times.rate).limit_denominator(1001), Fraction(1, 1001))
        if times.ticks is None and abs(times.frames / float(rate) - times.frames / times.rate) < EXACT:
            base = 1 / rate if times.first == 0 else Fraction(1, 1000 * rate.numerator)
            last = max(times.end - float(times.seconds(times.frames - 1)), 0.0)
            ticks = np.arange(times.frames + 1) * int(1 / (rate * base))
            ticks[-1] = ticks[-2] + max(round(last / base), 1)
        else:
            base = FINEST if times.ticks is None or (np.diff(times.ticks) < 1).any() else max(times.base, FINEST)
            seconds = times.seconds(np.arange(times.frames + 1)) - times.first
            ticks = np.rint(seconds / float(base)).astype(np.int64)
            number = np.arange(len(ticks))
            ticks = np.maximum.accumulate(ticks - number) + number  # encoders take no two frames at one time
        return cls(base, (ticks + round(max(times.first, 0.0) / base)).tolist(), rate)

    @property
    def late(self) -> bool:
        """Whether the first frame is shown after second 0."""
        return self.ticks[0] > 0

    @property
    def options(self) -> dict[str, str]:
        """The container's: how late a track starts is told in ticks of the whole file, of a millisecond by itself."""
        return {"movflags": "faststart", **({"movie_timescale": "90000"} if self.late else {})}


class Writer:
    """Frames into a file of one of the forms."""

    def __init__(
        self,
        container: OutputContainer,
        form: Form,
        key_frame_every: int,
        height: int,
        width: int,
        clock: Clock,
        *,
        whole_colours: bool = False,
    ) -> None:
        """Opens a stream; `whole_colours` keeps colours at the resolution of what is light and dark."""
        self._container, self._form, self._clock = container, form, clock
        sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if whole_colours else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        self._jpeg = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        self._written = 0
        stream = container.add_stream("libx264" if form == "h264" else "mjpeg", rate=clock.rate)
        assert isinstance(stream, VideoStream)
        self._stream = stream
        stream.height, stream.width = height, width
        stream.pix_fmt = f"{'yuv' if form == 'h264' else 'yuvj'}{'444' if whole_colours else '420'}p"
        stream.codec_context.time_base = clock.base
        stream.codec_context.thread_count = 1
        if form == "h264":
            stream.codec_context.gop_size = key_frame_every
            # no frames that lean on later ones, no filter between blocks: decoding is what is paid for again and again;
            # mbtree gives other bytes for the same frames, depending on what was encoded before
            stream.codec_context.options = {
                "preset": "medium", "crf": "20", "bf": "0", "sc_threshold": "0", "tune": "fastdecode",
                "mbtree": "0",
            }  # fmt: skip
        if clock.late:
            self._start_with_silence()

    def add(self, number: int, frame: NDArray[np.uint8]) -> None:
        """Adds a frame, uint8 (H, W, 3), RGB."""
        if self._form == "h264":
            picture = VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = self._clock.ticks[number], self._clock.base
            self._mux(self._stream.encode(picture))
            return
        _, jpeg = cv2.imencode(".jpg", frame[..., ::-1], self._jpeg)
        packet = av.Packet(jpeg.tobytes())
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, self._clock.base, True
        packet.pts = packet.dts = self._clock.ticks[number]
        self._mux([packet])

    def close(self) -> None:
        """Writes what the encoder still holds."""
        if self._form == "h264":
            self._mux(self._stream.encode())

    def _start_with_silence(self) -> None:
        """A moment of silence at second 0: a file starts with its first track, so that the frames' track is late."""
        sound = self._container.add_stream("aac", rate=RATE_OF_SILENCE)
        assert isinstance(sound, AudioStream)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, SILENCE), np.float32), format="fltp", layout="mono")
        samples.sample_rate, samples.pts = RATE_OF_SILENCE, 0
        self._container.start_encoding()
        self._container.mux(sound.encode(samples))
        self._container.mux(sound.encode())

    def _mux(self, packets: "list[av.Packet[Any]]") -> None:
        """Writes packets, which come in the order of their frames: each is shown until the next."""
        for packet in packets:
            packet.duration = self._clock.ticks[self._written + 1] - self._clock.ticks[self._written]
            self._container.mux(packet)
            self._written += 1
