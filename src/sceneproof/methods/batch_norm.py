"""Batch normalisation in a second pass of one step, over clips whose number is chance."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def second_pass(module: nn.Module, clips: int, *, moving: bool, everywhere: Tensor | None = None) -> Iterator[None]:
    """Inside the block, `module` may see a batch of any number of clips, also in training.

    Two clips or more are normalised by their own statistics, as ever; one clip, which need not have a variance (torch
    raises), by the running ones; none pass through. Synchronised norms have the other processes' clips as well: they do
    as ever where there are any, and move their running statistics only from two clips a process on.

    Args:
        module: What the clips pass through.
        clips: How many.
        moving: Whether the pass moves the running means and variances, which evaluation uses.
        everywhere: Scalar, the same on all processes: clips a process on average. Unknown: as if there were enough.
    """
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.training]
    own = [part for part in norms if not isinstance(part, nn.SyncBatchNorm)]
    synchronised = [part for part in norms if isinstance(part, nn.SyncBatchNorm)]
    # only asked for where it matters: the answer waits for the device
    average = float(everywhere) if synchronised and everywhere is not None else 2.0
    alone = [*(own if clips == 1 else []), *(synchronised if average == 0 else [])]
    # an empty batch has no mean, and would leave NaN in the running one
    few = [*(own if clips == 0 else []), *(synchronised if average < 2 else [])]
    still = [part for part in (few if moving else norms) if part.track_running_stats]
    for part in alone:
        part.training = False
    for part in still:
        part.track_running_stats = False
    try:
        yield
    finally:
        for part in alone:
            part.training = True
        for part in still:
            part.track_running_stats = True


def is_synchronised(module: nn.Module) -> bool:
    """Whether a pass through `module` waits for the other processes' passes."""
    return any(isinstance(part, nn.SyncBatchNorm) for part in module.modules())
