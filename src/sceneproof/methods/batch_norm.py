"""Batch normalisation in a second pass of one step, over clips whose number is chance."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def second_pass(module: nn.Module, clips: int, *, moving: bool) -> Iterator[None]:
    """Inside the block, `module` may see a batch of any number of clips, also in training.

    Two clips or more are normalised by their own statistics, as ever; one clip, which need not have a variance (torch
    raises), by the running ones; none pass through. Synchronised norms have the other processes' clips as well, so
    they always do as ever.

    Args:
        module: What the clips pass through.
        clips: How many.
        moving: Whether the pass moves the running means and variances, which evaluation uses.
    """
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.training]
    own = [part for part in norms if not isinstance(part, nn.SyncBatchNorm)]
    alone = own if clips == 1 else []
    # an empty batch has no mean, and would leave NaN in the running one
    still = [part for part in (norms if not moving else own if clips == 0 else []) if part.track_running_stats]
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
