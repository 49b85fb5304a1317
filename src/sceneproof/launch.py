"""The processes and devices that a run trains on, through accelerate."""

import os
import sys
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import get_available_trackers
from accelerate.utils import ProjectConfiguration

from sceneproof.errors import InputError, TrainingError
from sceneproof.methods.base import Learner
from sceneproof.numerics import Numerics, computes_bf16
from sceneproof.optimisation import Optimisation
from sceneproof.run import Run
from sceneproof.wording import counted

Network = TypeVar("Network", bound=Learner)


def numerics_for(run: Run, settings: Optimisation) -> Numerics:
    """What a new run is to compute in, or what one that was begun before computes in, on whatever machine it goes on.

    A run never changes its precision: on a machine where another one is quicker a line tells so.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    quickest = Numerics.quickest(device, precision=settings.precision, channels_last=settings.channels_last)
    begun = run.begun_in()
    if begun is None:
        return quickest
    if begun.precision != quickest.precision and os.environ.get("RANK", "0") == "0":
        slow = begun.precision == "bf16" and not computes_bf16(device)
        print(
            f"{run.path}: goes on in {begun.precision}, as it began; a new run here would compute in "
            f"{quickest.precision}{', which is many times faster on this machine' if slow else ''}",
            file=sys.stderr,
        )
    return begun


def accelerator_for(run: Run, settings: Optimisation, numerics: Numerics) -> Accelerator:
    """Accelerate on this process's device, in the run's precision, with the trackers of the settings.

    Raises:
        InputError: a tracker that is not installed.
        TrainingError: accelerate does not see all processes that were launched.
    """
    available = [str(name) for name in get_available_trackers()]
    for name in settings.trackers:
        if name not in ("all", *available):  # accelerate would leave out what is not installed without a word
            raise InputError(
                f"optimisation.trackers: {name!r} is no tracker that is installed here; those are: "
                f"{', '.join(available) or 'none'}"
            )
    AcceleratorState._reset_state()  # accelerate keeps the first precision for good, a notebook may train twice
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),  # without it, accelerate takes several CPU processes for as many single ones
        mixed_precision="bf16" if numerics.precision == "bf16" else "no",
        log_with=list(settings.trackers) or None,
        project_config=ProjectConfiguration(logging_dir=str(run.path / "trackers")),
    )
    refuse_mixed(accelerator, numerics)
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != launched:
        raise TrainingError(f"{launched} processes were launched, but accelerate found {accelerator.num_processes}")
    return accelerator


def refuse_mixed(accelerator: Accelerator, numerics: Numerics) -> None:
    """Raises InputError where the processes, on machines of several kinds, would compute in different precisions."""
    if accelerator.num_processes > 1:
        mine = torch.tensor([float(numerics.precision == "bf16")], device=accelerator.device)
        share = float(accelerator.reduce(mine, reduction="mean"))
        if 0 < share < 1:
            raise InputError(
                "optimisation.precision: auto means bf16 on some of the machines and float32 on others: "
                "give --optimisation.precision bf16 or fp32"
            )


def place(network: Network, accelerator: Accelerator, numerics: Numerics) -> Network:
    """The network on its device, in its memory format; on several GPUs with synchronised batch normalisation."""
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]  # torch's
    return numerics.arrange(network.to(accelerator.device))


def refuse_small_batches(clips: int, accelerator: Accelerator, settings: Optimisation, *, least: int = 1) -> None:
    """Raises InputError where every step would be left out for want of clips.

    Args:
        clips: in a batch, over all processes.
        accelerator: knows the processes.
        settings: with batch normalisation frozen, as many clips a process are enough as the method needs.
        least: so many; two where it mixes clips, which are those of a process.
    """
    processes = accelerator.num_processes
    if clips < least * processes:
        raise InputError(
            f"optimisation.batch: batches of {counted(clips, 'clip')} on {counted(processes, 'process', 'processes')}: "
            f"the method needs {least} a process: give a batch of {least * processes} or more, and as many videos"
        )
    least = 1 if settings.freeze_batch_norm is True else 2
    if clips < least * processes:
        raise InputError(
            f"optimisation.batch: batches of {counted(clips, 'clip')} on {counted(processes, 'process', 'processes')}: "
            f"batch normalisation needs "
            f"{least} a process: give a batch of {least * processes} or more, and as many videos"
            + ("" if settings.freeze_batch_norm else ", or --optimisation.freeze-batch-norm=true")
        )
