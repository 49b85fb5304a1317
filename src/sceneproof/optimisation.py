"""How the losses are minimised: the settings, and the learning rate as a function of the step."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from sceneproof.errors import InputError

Groups = list[dict[str, Any]]

MOMENTUM = 0.9
"""SGD's momentum, and its dampening."""


@dataclass(frozen=True)
class Optimisation:
    """How the losses are minimised. The defaults are the paper's (its released code's).

    Args:
        epochs: passes over the training split.
        batch: clips in a batch, over all processes.
        optimizer: 'sgd' has momentum and dampening .9; 'adamw' has PyTorch's betas.
        lr: learning rate.
        weight_decay: weight decay.
        schedule: 'plateau' divides the rate by 10 when the validation loss has not fallen for `patience` epochs;
            'cosine' takes it to 0 over the run; 'steps' divides it by 10 at each of the `milestones`; 'constant' leaves
            it.
        milestones: for 'steps': how many epochs are done when the rate falls, ascending.
        patience: epochs without a lower validation loss before 'plateau' acts; without validation it never does.
        warm_up_epochs: first epochs, in which only the new layers (those that did not come with the starting weights)
            are trained, at `warm_up_lr`.
        warm_up_lr: learning rate of the new layers in the warm-up.
        keep: which weights the run ends with: the 'best' on the validation split, or the 'last'. A validation split in
            context cannot see what debiasing is for, and prefers a model that was hardly changed.
        clip_norm: gradients longer than this are shortened to it; null leaves them.
        bias_rate: biases of convolutions and linear layers learn at so many times the rate, without weight decay, as
            Caffe's recipes have it (2); null: like other weights.
        freeze_batch_norm: keep batch normalisation in evaluation mode; 'but_first': of the backbone's all but the first
            one, with their scales and shifts (TSN's partial batch normalisation).
        checkpoint_every: steps between checkpoints within an epoch; there is one at every epoch's end.
        log_every: steps between lines in metrics.jsonl.
        precision: 'bf16', 'fp32', or 'auto': bf16 where it is quicker, on a GPU that has it and on a processor with
            AVX-512 BF16 or AMX. A run keeps what it began in, also where it goes on on another machine.
        compile: compile the backbone with torch.compile.
        channels_last: keep channels innermost in memory; null: where that is quicker, on GPUs and on processors
            whose convolutions are oneDNN's.
        trackers: where to send figures, by name as accelerate knows them: tensorboard, wandb, mlflow, …
    """

    epochs: int = 100
    batch: int = 32
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float = 1e-4
    weight_decay: float = 1e-5
    schedule: Literal["plateau", "cosine", "steps", "constant"] = "plateau"
    milestones: tuple[int, ...] = ()
    patience: int = 10
    warm_up_epochs: int = 0
    warm_up_lr: float = 1e-2
    keep: Literal["best", "last"] = "best"
    clip_norm: float | None = None
    bias_rate: float | None = None
    freeze_batch_norm: bool | Literal["but_first"] = False
    checkpoint_every: int = 200
    log_every: int = 50
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compile: bool = False
    channels_last: bool | None = None
    trackers: tuple[str, ...] = ("tensorboard",)

    def __post_init__(self) -> None:
        """Refuses values that nothing can be trained with."""
        positive = ("epochs", "batch", "log_every", "checkpoint_every")
        for name in (*positive, "warm_up_epochs", "warm_up_lr", "weight_decay", "patience"):
            value, least = getattr(self, name), int(name in positive)
            if not least <= value < math.inf:
                raise InputError(f"optimisation.{name}: must be at least {least}, not {value}")
        for name, rate in (("lr", self.lr), ("clip_norm", self.clip_norm), ("bias_rate", self.bias_rate)):
            if rate is not None and not 0 < rate < math.inf:
                raise InputError(f"optimisation.{name}: must be above 0, not {rate}")
        falls = list(self.milestones)
        if (self.schedule == "steps") != bool(falls) or falls != sorted(set(falls)) or min(falls, default=1) < 1:
            raise InputError(
                f"optimisation.milestones: the schedule 'steps', and no other, wants numbers of epochs, ascending, "
                f"such as [30, 60]; not {falls} with {self.schedule!r}"
            )


def parameter_groups(network: nn.Module, parts: Mapping[str, Sequence[Tensor]], settings: Optimisation) -> Groups:
    """A parameter group a part, by its name, and one more for its biases where these have a rate of their own."""
    own = settings.bias_rate is not None
    biases = {id(layer.bias) for layer in network.modules() if own and isinstance(layer, _ConvNd | nn.Linear)}
    groups: Groups = []
    for name, weights in parts.items():
        apart = [weight for weight in weights if id(weight) in biases]
        shared = [weight for weight in weights if id(weight) not in biases]
        groups += [{"params": shared, "name": name}] if shared else []
        groups += [{"params": apart, "name": name, "rate": settings.bias_rate, "weight_decay": 0.0}] if apart else []
    return groups


def normalisations(network: nn.Module) -> list[nn.Module]:
    """The batch normalisations of a network, from the first on."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def make_optimizer(groups: Groups, settings: Optimisation) -> torch.optim.Optimizer:
    """The optimiser of these parameter groups, in PyTorch's fused form: one pass over each weight a step."""
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
    optimizer = torch.optim.SGD(
        groups, lr=settings.lr, momentum=MOMENTUM, dampening=MOMENTUM, weight_decay=settings.weight_decay, fused=True
    )
    optimizer.register_step_pre_hook(_begin_late_momentum)
    return optimizer


def _begin_late_momentum(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    """Gives weights that get their first gradient after others of their group the momentum of a first step.

    Fused SGD takes a group's momentum for all or for none. A first step sets it to the gradient, weight decay
    included; where dampening equals momentum, so does any step that starts from just that.
    """
    for group in optimizer.param_groups:
        moved = [weight for weight in group["params"] if weight.grad is not None]
        new = [weight for weight in moved if optimizer.state[weight].get("momentum_buffer") is None]
        if len(new) < len(moved):
            for weight in new:
                start = weight.grad.add(weight.detach(), alpha=group["weight_decay"])
                optimizer.state[weight]["momentum_buffer"] = start


def learning_rate(settings: Optimisation, step: int, steps: int, *, plateau: float = 1.0) -> float:
    """The rate after the warm-up.

    Args:
        settings: how the losses are minimised.
        step: steps done, in all epochs.
        steps: steps an epoch.
        plateau: what `watch_plateau` has multiplied the rate with so far.
    """
    if settings.schedule == "plateau":
        return settings.lr * plateau
    if settings.schedule == "cosine":
        first = settings.warm_up_epochs * steps
        done = (step - first) / max(settings.epochs * steps - first, 1)
        return settings.lr * 0.5 * (1 + math.cos(math.pi * done))
    if settings.schedule == "steps":
        return settings.lr * 0.1 ** sum(step >= epochs * steps for epochs in settings.milestones)
    return settings.lr


def watch_plateau(before: Mapping[str, float], loss: float, patience: int) -> dict[str, float]:
    """PyTorch's ReduceLROnPlateau as plain values: the best loss, epochs without a better one, factor on the rate.

    Args:
        before: what this function returned the epoch before, or nothing.
        loss: the validation loss of this epoch.
        patience: epochs without a lower loss (by at least 0.01 %) that are borne; the next divides the rate by 10.
    """
    state = {"best": math.inf, "bad": 0.0, "factor": 1.0, **before}
    if loss < state["best"] * (1 - 1e-4):
        return {**state, "best": loss, "bad": 0.0}
    if state["bad"] + 1 > patience:
        return {**state, "bad": 0.0, "factor": state["factor"] * 0.1}
    return {**state, "bad": state["bad"] + 1}
