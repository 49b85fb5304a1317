"""What computes optical flow: DIS, or torchvision's RAFT with weights of the user's; the flow of a video's frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from sceneproof.addresses import Address, Place
from sceneproof.data.container import Video, opened
from sceneproof.data.video import Decode, decode_each, probe, shrunk
from sceneproof.downloading import checked
from sceneproof.errors import InputError, VideoError
from sceneproof.optical_flow import DIS, Moves, dis, flow_pictures

if TYPE_CHECKING:
    import torch

    from sceneproof.run import Run

STRIDE, LEAST = 8, 128
"""RAFT reads frames whose sides are multiples of 8, and of 128 pixels at least (Teed and Deng, ECCV 2020)."""
DIGITS = 12
"""Of the SHA-256 of RAFT's weights, in the name of what was made with them."""
MARK = "its optical flow by"
"""In the note of how a prepared video was made."""
Way = Literal["dis", "raft_small", "raft_large"]


@dataclass(frozen=True)
class FlowMethod:
    """How optical flow is computed.

    Attributes:
        way: "dis"; "raft_small" or "raft_large", the networks that torchvision calls so.
        weights: file of RAFT's weights, a state dict as torchvision publishes them; "" for DIS.
        digest: SHA-256 of that file.
        device: where RAFT computes.
    """

    way: Way = "dis"
    weights: str = ""
    digest: str = ""
    device: str = "cpu"

    @classmethod
    def of(cls, way: Way, weights: Path | None, device: str = "auto") -> "FlowMethod":
        """A method, with its weights read once to see that they fit.

        Raises:
            InputError: RAFT without weights, DIS with some, weights of another network, or no such device.
        """
        if way == "dis":
            if weights is not None:
                raise InputError(f"{weights}: flow by DIS needs no weights: leave them out")
            return cls()
        if weights is None:
            raise InputError(f"--flow {way}: give the file of its weights with --flow-weights (torchvision's)")
        if not weights.is_file():
            raise InputError(f"{weights}: no such file")
        from sceneproof.numerics import device_named  # with torch, which DIS does without

        digest = checked(weights)
        cls(way, str(weights), digest).moves()  # on the CPU
        return cls(way, str(weights), digest, str(device_named(device)))

    @property
    def by(self) -> str:
        """What makes it, as manifests and runs note it: flow of another network, or of other weights, is other flow."""
        return DIS if self.way == "dis" else f"{self.way} {self.digest[:DIGITS]}"

    def moves(self) -> Moves:
        """What computes it; RAFT's weights are read once in a process.

        Raises:
            InputError: they are not those of its network.
        """
        return dis() if self.way == "dis" else _raft(self.way, self.weights, self.device)


def flow_of_run(run: "Run", weights: Path | None, device: "torch.device | str" = "cpu") -> FlowMethod | None:
    """What computed the flow that a run was trained on; None for a run of videos as a camera sees them.

    Args:
        run: of any task.
        weights: RAFT's, for a run that was trained on flow by RAFT.
        device: where RAFT is to compute.

    Raises:
        InputError: RAFT's weights are wanted, or others than these.
    """
    by = run.known.flow_by
    if not by:
        return None
    way = "dis" if by == DIS else by.partition(" ")[0]
    if way not in get_args(Way):
        raise InputError(f"{run.path}: was trained on flow by {by}, which cannot be computed here: update sceneproof")
    if way != "dis" and weights is None:
        raise InputError(f"{run.path}: was trained on flow by {by}: give the file of its weights")
    method = FlowMethod.of(cast(Way, way), weights, str(device))
    if method.by != by:
        raise InputError(f"{weights}: are of {method.by}, and {run.path} was trained on flow by {by}")
    return method


@lru_cache(maxsize=1)
def _raft(way: Way, weights: str, device: str) -> Moves:
    """RAFT, on frames from -1 to 1, padded at their right and lower edges to sizes that it reads."""
    import torch  # not where DIS alone is computed: processes that rewrite start quicker without
    from torchvision.models import optical_flow

    from sceneproof.backbones.foreign import read_tensors

    network: Any = getattr(optical_flow, way)(weights=None)
    try:
        network.load_state_dict(read_tensors(Path(weights)))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{weights}: not the weights of torchvision's {way}: {reason}") from None
    network = network.eval().to(device)

    @torch.no_grad()
    def moves(frame: NDArray[np.uint8], following: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = frame.shape[:2]
        beside, below = (max(-side % STRIDE, LEAST - side) for side in (width, height))
        pair = torch.from_numpy(np.stack([frame, following])).to(device).permute(0, 3, 1, 2) / 127.5 - 1
        padded = torch.nn.functional.pad(pair, (0, beside, 0, below), mode="replicate")
        flow = network(padded[:1], padded[1:])[-1][0, :, :height, :width]
        return np.ascontiguousarray(flow.permute(1, 2, 0).float().cpu().numpy())

    return moves


def decode_flow(
    path: Address | Place, frames: range, short_side: int, method: FlowMethod = FlowMethod()
) -> Iterator[NDArray[np.uint8]]:
    """Pictures of the flow of consecutive frames, as `prepare` writes them: of each to the video's next.

    Args:
        path: the video file.
        frames: their numbers; the video's last one repeats the flow before it.
        short_side: that they are shrunk to first, in pixels; 0: they keep their size.
        method: what computes it.

    Yields:
        uint8 (H, W, 3).

    Raises:
        VideoError: the video cannot be read, is flow itself, or has a single frame.
    """
    with opened(path) as video:
        if isinstance(video, Video) and MARK in str(video.container.metadata.get("comment")):
            raise VideoError("it is optical flow already: give the video that this was computed of")
    more = min(max(frames.stop + 1, 2), probe(path).frames)
    first = min(frames.start, more - 2) if more > 1 else 0
    resized = partial(even, short_side=short_side) if short_side else lambda height, width: (height, width)
    pictures = flow_pictures(decode_each(path, range(first, more), resized), method.moves())
    yield from islice(pictures, frames.start - first, frames.start - first + len(frames))


def decoder(run: "Run", weights: Path | None, device: "torch.device | str" = "cpu") -> Decode:
    """What gives a run the frames of an ordinary video, as it was trained on them: themselves, or their flow.

    Raises:
        InputError: as `flow_of_run`.
    """
    method = flow_of_run(run, weights, device)
    if method is None:
        return decode_each
    return lambda path, frames, resized: decode_flow(path, frames, run.known.flow_side, method)


def even(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Shrunk to a short side, to even numbers, which colours at half the resolution need."""
    height, width = shrunk(height, width, short_side)
    return max(round(height / 2) * 2, 2), max(round(width / 2) * 2, 2)
