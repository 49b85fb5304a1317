"""Sums, means and states over the processes of a training; on one process, over what is there."""

import torch
from torch import Tensor


def processes() -> int:
    """How many processes train together."""
    return torch.distributed.get_world_size() if _together() else 1


def total(values: Tensor) -> Tensor:
    """The sum of a tensor over the processes, without a gradient; the tensor itself stays as it is."""
    values = values.detach().clone()
    if _together():
        torch.distributed.all_reduce(values)
    return values


def gathered(values: Tensor) -> Tensor:
    """The rows of all processes, one process's behind the other's, without a gradient.

    Args:
        values: (N, ...); N may differ between processes, and be 0.
    """
    values = values.detach()
    if not _together():
        return values
    counts = [torch.zeros(1, dtype=torch.int64, device=values.device) for _ in range(processes())]
    torch.distributed.all_gather(counts, torch.tensor([len(values)], device=values.device))
    longest = max(int(count) for count in counts)
    padded = values.new_zeros((longest, *values.shape[1:]))
    padded[: len(values)] = values
    parts = [torch.empty_like(padded) for _ in counts]
    torch.distributed.all_gather(parts, padded)
    return torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])


def joined(values: Tensor) -> Tensor:
    """The rows of all processes as `gathered` has them, of which this process's own have their gradient.

    Args:
        values: (N, ...); N may differ between processes, and be 0.
    """
    if not _together():
        return values
    own = gathered(torch.full((len(values),), torch.distributed.get_rank(), device=values.device))
    rows = gathered(values)
    return rows.index_put((own == torch.distributed.get_rank(),), values)


def share(count: Tensor) -> Tensor:
    """What this process divides its sum by, so that the processes' gradients average to that of the global mean.

    Args:
        count: how many values this process sums, a scalar.

    Returns:
        The processes' mean count, a float scalar.
    """
    return total(count.float()) / processes()


def _together() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
