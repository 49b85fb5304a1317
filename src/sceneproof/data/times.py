"""When the frames of a video are shown, and which frame is shown when.

Second 0 is where a player starts the file: the earliest start of any of its streams, the sound's too, as libav tells it
(`start_time`; ffmpeg counts the seconds of its `-ss` from there). So a video track that starts after the sound has its
first frame late, and a file that is a video track alone begins with its first frame, whatever its first time stamp is.
What an edit list cuts away has no time. A frame is shown until the next one is, and the last for its own duration.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
Numbers = NDArray[np.int64]

SLACK = 6e-4
"""Seconds: annotations are often rounded to milliseconds, up or down."""
STILL = 0.5
"""Seconds: a frame that a segment shows for so long is a part of it, even if it was there before."""
MOST_FRAMES = 2**20  # of a text: a few bytes can claim any number


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """When each of N frames is shown, in seconds from second 0.

    Attributes:
        frames: N, at least 1.
        rate: frames a second: frame n of evenly spaced ones is shown at `first` + n / `rate`. On average where they are
            not; NaN where nothing tells.
        first: when the first frame is shown.
        end: when the last one is shown no more.
        ticks: int64 (N + 1), each frame's time and the end after the first frame's, in units of `base` seconds; None:
            evenly spaced.
        base: seconds.
        guessed: the file has no time stamps that can be used: its rate alone tells.
    """

    frames: int
    rate: float
    first: float
    end: float
    ticks: Numbers | None = field(default=None, compare=False)
    base: Fraction = Fraction(1)
    guessed: bool = False

    @classmethod
    def even(cls, frames: int, rate: float, first: float = 0.0, *, guessed: bool = False) -> "FrameTimes":
        """Frames at a constant rate."""
        return cls(frames, rate, first, first + frames / rate, guessed=guessed)

    @classmethod
    def of_stamps(
        cls,
        stamps: Sequence[int | None] | Numbers,
        last: int,
        base: Fraction,
        start: Fraction | None,
        rates: Sequence[float],
    ) -> "FrameTimes":
        """Times by the frames' own time stamps; by the rate where these are missing or go backwards.

        AVI tells when frames are decoded, not when they are shown: with B-frames that is another order.

        Args:
            stamps: N presentation time stamps in display order.
            last: how long the last frame is shown, in ticks; 0 where that is unknown: as long as most.
            base: seconds of a tick.
            start: second 0, in seconds of the stamps' clock; None: the first frame.
            rates: rates that the file claims, the likeliest first.
        """
        count, claimed = len(stamps), next(iter(rates), math.nan)
        known = np.array([stamp for stamp in stamps if stamp is not None], np.int64)
        steps = np.diff(known)
        if len(known) < count or (steps < 0).any() or (count > 1 and known[-1] == known[0]):
            return cls.even(count, _likely(known, base, claimed), guessed=True)
        last = last if last > 0 else int(np.median(steps)) if count > 1 else 0
        first = 0.0 if start is None else float(int(known[0]) * base - start)
        first = 0.0 if abs(first) < 2e-6 else first  # libav rounds a file's start to microseconds
        ticks = np.append(known - known[0], known[-1] - known[0] + last)
        length = float(int(ticks[-1]) * base)
        if count == 1:
            length = length or (1 / claimed if claimed > 0 else 0.0)
            return cls(1, claimed, first, first + length)
        fitted = (count - 1) / float(int(ticks[-2]) * base)
        for rate in (*rates, fitted):
            if _even(ticks[:-1], base, rate):
                even = count / rate  # many writers give the last frame the shortest time that they know
                longer = length - even > 0.51 * base
                return cls(count, rate, first, first + (length if longer else even))
        return cls(count, count / length, first, first + length, ticks, base)

    def seconds(self, numbers: Numbers | int) -> Seconds:
        """When frames are shown; number N is the end."""
        numbers = np.asarray(numbers, np.int64)
        if self.ticks is not None:
            return np.asarray(self.first + self.ticks[numbers] * float(self.base), np.float64)
        return np.asarray(np.where(numbers >= self.frames, self.end, self.first + numbers / self.rate), np.float64)

    def shown_at(self, seconds: Seconds | float) -> Numbers:
        """The frame that is shown then: the last that has begun. Before the first it is that, behind the end the last.

        Args:
            seconds: of any shape.
        """
        seconds = np.asarray(seconds, np.float64)
        if self.ticks is None:
            begun = np.floor((seconds - self.first) * self.rate + 1e-9)
        else:
            begun = np.searchsorted(self._edges()[:-1], seconds + 1e-9, side="right") - 1.0
        return np.asarray(np.clip(begun, 0, self.frames - 1), np.int64)

    def begun_by(self, seconds: float) -> int:
        """How many frames begin before a time, to within `SLACK`, 0 to N."""
        before = seconds - SLACK
        if self.ticks is None:
            return min(max(0, math.ceil((before - self.first) * self.rate)), self.frames)
        return int(np.searchsorted(self._edges()[:-1], before, side="left"))

    def within(self, start: float, end: float) -> range:
        """The frames of a segment: those that begin in [start, end), and a still one that it shows for `STILL` seconds.

        At least one: where none begins in it, the frame that is shown at its start (of evenly spaced ones the next).
        Times outside the video count as its ends.
        """
        first, stop = self.begun_by(start), self.begun_by(end)
        shown = int(self.shown_at(start + SLACK))
        if shown < first and min(float(self.seconds(shown + 1)), end) - start >= STILL - SLACK:
            first = shown
        if first >= stop:
            first = shown if self.ticks is not None else min(first, self.frames - 1)
        return range(first, max(stop, first + 1))

    def part(self, frames: range, end: float = math.inf) -> "FrameTimes":
        """The times of some of the frames, as a file of their own has them: the first is shown at second 0.

        Args:
            frames: their numbers.
            end: when the last is shown no more, in seconds of the whole, if that is before its own end.
        """
        first, last = float(self.seconds(frames.start)), float(self.seconds(frames.stop - 1))
        length = max(min(float(self.seconds(frames.stop)), end), last) - first
        if self.ticks is None:
            return FrameTimes(len(frames), self.rate, 0.0, length or 1 / self.rate, guessed=self.guessed)
        ticks = self.ticks[frames.start : frames.stop + 1] - self.ticks[frames.start]
        ticks[-1] = max(round(length / self.base), ticks[-2])
        return FrameTimes.of_stamps(ticks[:-1], int(ticks[-1] - ticks[-2]), self.base, None, [self.rate])

    def text(self) -> str:
        """All of this in a line, as manifests keep it; `parse` reads it."""
        if self.ticks is None:
            return f"{'guessed' if self.guessed else 'even'} {self.frames} {self.rate!r} {self.first!r} {self.end!r}"
        steps = np.diff(self.ticks)
        starts = np.flatnonzero(np.diff(steps, prepend=-1))
        counts = np.diff(starts, append=len(steps))
        runs = (f"{count}x{step}" for count, step in zip(counts.tolist(), steps[starts].tolist(), strict=True))
        return f"ticks {self.base} {self.first!r} {' '.join(runs)}"

    @classmethod
    def parse(cls, text: str) -> "FrameTimes":
        """What `text` wrote.

        Raises:
            ValueError: something else.
        """
        try:
            times = _parsed(*text.split())
        except (IndexError, TypeError, OverflowError, ZeroDivisionError):
            raise ValueError(text[:60]) from None
        if not (0 < times.frames <= MOST_FRAMES and times.rate > 0 and math.isfinite(times.first + times.end)):
            raise ValueError(text[:60])
        return times

    @property
    def kind(self) -> Literal["even", "variable", "guessed"]:
        """How the frames are spaced."""
        return "variable" if self.ticks is not None else "guessed" if self.guessed else "even"

    def _edges(self) -> Seconds:
        return self.seconds(np.arange(self.frames + 1))


def _likely(stamps: Numbers, base: Fraction, claimed: float) -> float:
    """The rate of frames whose stamps are in a wrong order: as claimed, unless they are plainly at other distances."""
    steps = np.diff(np.sort(stamps))
    if not steps.any():
        return claimed
    usual = float(np.median(steps))
    step = usual if np.mean(steps == usual) >= 0.7 and usual else float(np.mean(steps))  # by far the most, or all
    fitted = 1 / (step * float(base))
    return fitted if math.isnan(claimed) or abs(fitted - claimed) > 0.1 * claimed else claimed


def _even(ticks: Numbers, base: Fraction, rate: float) -> bool:
    """Whether frames of a rate, their times rounded to ticks, have these stamps; a dropped frame is not rounding."""
    if not rate > 0:
        return False
    allowed = min(0.51 * float(base), 0.1 / rate) + 1e-6
    times = ticks * (base.numerator / base.denominator)
    return bool(np.abs(times - np.arange(len(ticks)) / rate).max() <= allowed)


def _parsed(kind: str, *words: str) -> FrameTimes:
    if kind in ("even", "guessed"):
        frames, rate, begins, end = words
        return FrameTimes(int(frames), float(rate), float(begins), float(end), guessed=kind == "guessed")
    if kind != "ticks":
        raise ValueError(kind[:60])
    base, first = Fraction(words[0]), float(words[1])
    counts, steps = np.array([word.split("x") for word in words[2:]]).astype(np.int64).T
    if (counts < 1).any() or (counts > MOST_FRAMES).any() or counts.sum() > MOST_FRAMES or (steps < 0).any():
        raise ValueError("more frames than a video may have, or a time that goes back")
    ticks = np.concatenate([[0], np.cumsum(np.repeat(steps, counts))])
    length = float(int(ticks[-1]) * base)
    return FrameTimes(len(ticks) - 1, (len(ticks) - 1) / length, first, first + length, ticks, base)
