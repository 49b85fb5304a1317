"""The segments that SSN looks at: frames grouped by actionness, and which of them it learns from in a batch.

Zhao et al., "Temporal Action Detection with Structured Segment Networks", ICCV 2017; their code is
github.com/yjxiong/action-detection. Draws use torch's random generator alone, which a checkpoint keeps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from sceneproof.metrics.temporal_segments import temporal_nms
from sceneproof.tasks.localization.proposals import offsets_to, tiou

COMPLETE, INCOMPLETE, BACKGROUND, NEITHER = range(4)
"""What a proposal is to SSN."""


def grouped_by_actionness(
    actionness: NDArray[np.float64], levels: Sequence[float], tolerances: Sequence[float], *, nms: float
) -> NDArray[np.int64]:
    """Temporal actionness grouping (TAG): stretches of frames (N, 2), half open, best first.

    At each level, runs of frames above it are grown: from its start a run takes in the runs behind it until, up to the
    next one's start, more than the tolerated share of the frames is not above the level; and from its end, backwards.
    Of stretches that overlap, those of the largest summed actionness stay.

    Args:
        actionness: (T,), from 0 to 1.
        levels: each gives groups of its own.
        tolerances: shares of frames that are not above the level; each gives groups of its own.
        nms: tIoU above which the worse of two stretches goes.

    Source: Zhao et al. 2017; `build_box_by_search` of `ops/sequence_funcs.py`.
    """
    stretches = [np.zeros((0, 2), np.int64)]
    for level in levels:
        above = actionness > level
        edges = np.diff(np.pad(above, 1).astype(np.int8))
        start, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        if not len(start):
            continue
        below = np.concatenate([[0], np.cumsum(~above)])
        surplus = below - np.asarray(tolerances)[:, None] * np.arange(len(below))
        behind = np.triu(surplus[:, None, start] > surplus[:, start, None], 1)  # [tolerance, x, y]: x does not reach y
        before = np.tril(surplus[:, None, end] < surplus[:, end, None], -1)
        last = np.where(behind.any(axis=2), behind.argmax(axis=2) - 1, len(start) - 1)
        first = np.where(before.any(axis=2), len(start) - before[:, :, ::-1].argmax(axis=2), 0)
        pairs = np.broadcast_arrays(start, end[last]), np.broadcast_arrays(start[first], end)
        stretches += [np.stack(pair, axis=2).reshape(-1, 2) for pair in pairs]
    every = np.unique(np.concatenate(stretches), axis=0)
    sums = np.concatenate([[0.0], np.cumsum(actionness)])
    return every[temporal_nms(every.astype(np.float64), sums[every[:, 1]] - sums[every[:, 0]], nms)]


def smoothed(actionness: Tensor, deviation: float) -> NDArray[np.float64]:
    """Actionness (T,) after a Gaussian of so many frames; 0: as it is."""
    signal = actionness.detach().double().cpu().numpy()
    return np.asarray(gaussian_filter1d(signal, deviation) if deviation else signal, dtype=np.float64)


def windows(moments: int) -> NDArray[np.int64]:
    """Sliding windows of 1, 2, 4, … moments that overlap by .7, cut at the end: (N, 2).

    Source: `gen_exponential_sw_proposal` of `ops/sequence_funcs.py`, from which the authors learn actionness.
    """
    spans = [2**power for power in range(moments.bit_length())]
    starts = [np.arange(0, moments, -(-3 * span // 10)) for span in spans]
    parts = [np.stack([start, start + span], axis=1) for start, span in zip(starts, spans, strict=True)]
    return np.unique(np.concatenate(parts).clip(max=moments), axis=0)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Proposals to learn from: N of them, of one or several buffers.

    Attributes:
        buffer: int64 (N,), which buffer of the batch each lies in.
        times: float (N, 2), in frames.
        kind: int64 (N,), `COMPLETE`, `INCOMPLETE`, `BACKGROUND` or `NEITHER`.
        action: int64 (N,), of the truth that each overlaps most; of no meaning for background.
        offsets: float (N, 2), to that truth; as before.
    """

    buffer: Tensor
    times: Tensor
    kind: Tensor
    action: Tensor
    offsets: Tensor

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Those of all parts, in order."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def take(self, index: Tensor) -> Self:
        """Those of these numbers."""
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))


def candidates(
    proposals: Tensor,
    truths: Tensor,
    actions: Tensor,
    *,
    buffer: int,
    end: float,
    overlaps: tuple[float, float, float],
    least_shares: tuple[float, float],
) -> Candidates:
    """What the proposals of one buffer are.

    Complete: of a tIoU above the first of `overlaps` with a truth. Incomplete: below the second, while more than the
    first of `least_shares` of the proposal lies in the truth that it overlaps most. Background: the others below the
    third, if they are longer than the second of `least_shares` of the buffer. The rest is neither.

    Args:
        proposals: float (N, 2), not empty ones.
        truths: float (n, 2), n may be 0.
        actions: int64 (n,).
        buffer: its number.
        end: where its frames of the video end.
        overlaps: see above.
        least_shares: see above.

    Source: `SSNVideoRecord` of `ssn_dataset.py`; `name_proposal` of `ops/detection_metrics.py`.
    """
    number = torch.full((len(proposals),), buffer, device=proposals.device)
    length = proposals[:, 1] - proposals[:, 0]
    if len(truths):
        overlap, which = tiou(proposals, truths).max(dim=1)
        truth, action = truths[which], actions[which]
    else:
        overlap, truth, action = torch.zeros_like(length), proposals, torch.zeros_like(number)
    shared = torch.minimum(proposals[:, 1], truth[:, 1]) - torch.maximum(proposals[:, 0], truth[:, 0])
    own = torch.where(overlap > 0, shared / length, 0.0)
    kind = torch.full_like(number, NEITHER)
    kind[(overlap < overlaps[2]) & (length > least_shares[1] * end)] = BACKGROUND
    kind[(overlap < overlaps[1]) & (own > least_shares[0])] = INCOMPLETE
    kind[overlap > overlaps[0]] = COMPLETE
    return Candidates(number, proposals, kind, action, offsets_to(proposals, truth))


def draw(known: Candidates, counts: tuple[int, int, int], buffers: int) -> tuple[Tensor, Tensor]:
    """For each buffer so many complete, incomplete and background proposals: numbers (B, n), and whether there are any.

    Without replacement where that is possible. What a buffer has none of comes from the others; where none has any,
    the number means nothing.

    Source: `_video_centric_sampling` of `ssn_dataset.py`, which turns to the whole data set.
    """
    device = known.kind.device
    index = torch.zeros(buffers, sum(counts), dtype=torch.int64, device=device)
    real = torch.zeros_like(index, dtype=torch.bool)
    for buffer in range(buffers):
        at = 0
        for kind, count in enumerate(counts):
            pool = torch.nonzero(known.kind == kind)[:, 0]
            own = pool[known.buffer[pool] == buffer]
            pool = own if len(own) else pool
            if len(pool) >= count:
                index[buffer, at : at + count] = pool[torch.randperm(len(pool), device=device)[:count]]
            elif len(pool):
                index[buffer, at : at + count] = pool[torch.randint(len(pool), (count,), device=device)]
            real[buffer, at : at + count] = len(pool) > 0
            at += count
    return index, real
