"""Batch normalisation: whether a pass moves the running statistics, and batches too small to normalise."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def running_statistics(module: nn.Module, *, moving: bool) -> Iterator[None]:
    """Inside the block, training passes through `module` normalise with the batch's statistics as ever.

    Unless `moving`, they leave the running means and variances, which evaluation uses, as they are.
    """
    still = [] if moving else [part for part in module.modules() if isinstance(part, _BatchNorm)]
    still = [part for part in still if part.track_running_stats]
    for part in still:
        part.track_running_stats = False
    try:
        yield
    finally:
        for part in still:
            part.track_running_stats = True


class BatchNorm(nn.BatchNorm1d):
    """`nn.BatchNorm1d` that normalises a batch of one row by the running statistics, where torch raises.

    How many clips of a batch have a masked twin is chance, so batches of one row do happen in training.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, D) to (B, D)."""
        if self.training and len(input) == 1:
            return functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(input)
