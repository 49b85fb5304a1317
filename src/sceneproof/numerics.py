"""In which precision and memory format networks compute: the quickest on the machine; and what else figures hang on."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

import sceneproof
from sceneproof.errors import InputError

Precision = Literal["bf16", "fp32"]
Network = TypeVar("Network", bound=nn.Module)
CPU_INFO = Path("/proc/cpuinfo")
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
FEW = 32
"""Channels: with 16 and more, convolutions of one frame were right."""


@dataclass(frozen=True)
class Numerics:
    """How a run's network computes. Weights are float32 in either precision.

    Attributes:
        precision: 'bf16' computes under PyTorch's autocast.
        channels_last: keeps channels innermost in memory.
    """

    precision: Precision = "fp32"
    channels_last: bool = False

    @classmethod
    def quickest(
        cls, device: torch.device, *, precision: Precision | Literal["auto"] = "auto", channels_last: bool | None = None
    ) -> "Numerics":
        """What is asked for; where that is 'auto' or None, what is quickest on this device."""
        if precision == "auto":
            precision = "bf16" if computes_bf16(device) else "fp32"
        if channels_last is None:
            channels_last = device.type == "cuda" or _has_onednn()
        return cls(precision, channels_last)

    @classmethod
    def recorded(cls, environment: Mapping[str, Any]) -> "Numerics | None":
        """Those that a run's environment.json tells of; None in one written before it did."""
        if "precision" not in environment:
            return None
        return cls(environment["precision"], bool(environment.get("channels_last", False)))

    @property
    def dtype(self) -> torch.dtype | None:
        """What autocast is to compute in; None without autocast."""
        return torch.bfloat16 if self.precision == "bf16" else None

    def arrange(self, network: Network) -> Network:
        """The network itself, its weights in the memory format, and what bf16 gets wrong kept in float32."""
        if self.precision == "bf16":
            for module in network.modules():
                if isinstance(module, CONVOLUTIONS) and (module.stride[-1] > 1 or _few_channels(module)):
                    module.forward = partial(_convolved, module)  # type: ignore[method-assign]  # of this one alone
        if self.channels_last:
            for tensor in (*network.parameters(), *network.buffers()):
                if tensor.ndim == 5:
                    tensor.data = tensor.data.contiguous(memory_format=torch.channels_last_3d)
            for module in network.modules():  # of four dimensions other tensors may be, whose order others rely on
                if isinstance(module, nn.Conv2d):
                    module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
        return network


def _convolved(convolution: nn.Conv1d | nn.Conv2d | nn.Conv3d, features: Tensor) -> Tensor:
    """A convolution, in float32 where oneDNN (3.12, in torch 2.14) reads memory in bf16 that was never written.

    It does so for the weights' gradient where there is a stride and the input is one place wide, and for the output
    where the input has few channels and is one frame deep, and the kernel is deeper.
    """
    forward = type(convolution).forward
    shallow = _few_channels(convolution) and features.shape[2] == 1
    narrow = convolution.stride[-1] > 1 and features.shape[-1] == 1
    if features.device.type != "cpu" or not (shallow or narrow):
        return forward(convolution, features)  # type: ignore[arg-type]  # a convolution of as many dimensions
    with torch.autocast("cpu", enabled=False):
        return forward(convolution, features.float())  # type: ignore[arg-type]  # of as many dimensions


def _few_channels(convolution: nn.Module) -> bool:
    return isinstance(convolution, nn.Conv3d) and convolution.in_channels < FEW and convolution.kernel_size[0] > 1


def computes_bf16(device: torch.device) -> bool:
    """Whether bf16 is quicker than float32 there: a GPU that has it, a processor with AVX-512 BF16 or AMX.

    Other processors only emulate it: 40 times slower than float32 on one with AVX2.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return _has_onednn() and bool({"avx512_bf16", "amx_bf16"} & processor_flags())


def _has_onednn() -> bool:
    """Whether PyTorch has oneDNN, whose kernels use these instructions and like channels innermost."""
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]  # torch leaves it without types


def processor_flags() -> set[str]:
    """Those of this processor's bf16 instructions that it has, as Linux names them."""
    asked = {"avx512_bf16": "_is_avx512_bf16_supported", "amx_bf16": "_is_amx_tile_supported"}
    flags = {flag for flag, name in asked.items() if getattr(torch.cpu, name, bool)()}
    if not flags and sys.platform == "linux" and CPU_INFO.exists():  # PyTorch's questions are private: they may go
        lines = [line for line in CPU_INFO.read_text().splitlines() if line.startswith("flags")]
        flags = set(asked) & set(lines[0].split()) if lines else set()
    return flags


def processor_name() -> str:
    """What the processor calls itself, or "" where the system does not tell."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def device_named(name: str) -> torch.device:
    """The device of a name, or the best there is for 'auto'.

    Raises:
        InputError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # which one depends on how torch was built
        raise InputError(f"--device {name}: {str(error).splitlines()[0]}; give auto, cpu, or cuda with a GPU") from None
    return device


def environment() -> dict[str, Any]:
    """What a figure may depend on besides the configuration: versions, device, commit."""
    return {
        "sceneproof": sceneproof.__version__,
        "commit": _commit(Path(sceneproof.__file__)),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
    }


def _commit(file: Path) -> str | None:
    """The commit of the repository that `file` belongs to, "-dirty" if its folder was changed since; None without."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=True, cwd=file.parent)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", file.name)  # a virtual environment may lie in somebody else's repository
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):  # git is not installed, or there is no repository
        return None
