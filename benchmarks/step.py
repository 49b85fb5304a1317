"""Cost of an SDN training step over a plain one on the same batch: time, peak memory, arithmetic.

A step is all optimiser steps of one batch, in which every clip has a scene label and a masked twin: SDN's worst case.
Plain and SDN steps take turns, and the ratio is the median over the rounds. Each one's peak memory is measured in a
process of its own: resident memory on the CPU, allocated memory on a GPU.

    python -m benchmarks.step
    python -m benchmarks.step --device cuda --batch 64
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.methods.base import Method
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN
from sceneproof.types import Batch

ACTIONS, SCENES = 51, 365
METHODS: dict[str, Callable[[ResNet3D], Method]] = {
    "plain": lambda backbone: Plain(backbone, ACTIONS, SCENES),
    "sdn": lambda backbone: SDN(backbone, ACTIONS, SCENES),
    "sdn, released": lambda backbone: SDN(backbone, ACTIONS, SCENES, variant="released"),
}


@dataclass(frozen=True)
class Case:
    """A size to measure at; on a GPU in bf16 with channels innermost, as training does there."""

    frames: int
    size: int
    width: int
    batch: int
    device: str

    @property
    def title(self) -> str:
        network = "3D-ResNet-18" if self.width == 64 else f"3D-ResNet-18, width {self.width}"
        return f"{network}, {self.frames} x {self.size} x {self.size}, batch {self.batch}, {self.device}"


class Step:
    """One method's training step, ready to be called."""

    def __init__(self, case: Case, method: str) -> None:
        torch.manual_seed(0)
        self.case = case
        self.method = METHODS[method](ResNet3D(18, width=case.width)).to(case.device).train()
        count, shape = case.batch, (case.batch, 3, case.frames, case.size, case.size)
        self.batch = Batch(
            video=torch.randn(shape, device=case.device),
            action=torch.arange(count, device=case.device) % ACTIONS,
            scene=torch.rand(count, SCENES, device=case.device).softmax(dim=1),
            has_scene=torch.ones(count, dtype=torch.bool, device=case.device),
            without_humans=torch.randn(shape, device=case.device),
            has_twin=torch.ones(count, dtype=torch.bool, device=case.device),
            row=torch.arange(count, device=case.device),
        )
        if case.device == "cuda":
            self.method = self.method.to(memory_format=torch.channels_last_3d)
        self.optimizer = torch.optim.SGD(self.method.parameters(), lr=1e-4, momentum=0.9, dampening=0.9)

    def __call__(self) -> None:
        for update in self.method.updates(self.batch):
            with torch.autocast(self.case.device, torch.bfloat16, enabled=self.case.device == "cuda"):
                loss = torch.stack(list(self.method(update).values())).sum()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
            self.optimizer.step()

    def flops(self) -> int:
        with FlopCounterMode(display=False) as counter:
            self()
        return int(counter.get_total_flops())


def seconds(work: Callable[[], object], device: str) -> float:
    """Wall time on a GPU; on the CPU the core's own seconds, which other programs do not lengthen."""
    if device == "cpu":
        started = time.process_time()
        work()
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def peak_mebibytes(case: Case, method: str, threads: int) -> float:
    """Runs three steps in a process of its own; on the CPU, what it needed more than after building the step."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (case, method, threads))


def _peak(case: Case, method: str, threads: int) -> float:
    torch.set_num_threads(threads)
    step = Step(case, method)
    before = _resident_peak()
    for _ in range(3):
        step()
    if case.device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return (_resident_peak() - before) / 2**20


def _resident_peak() -> int:
    """Peak resident bytes of this process. Not getrusage's: that one starts from the parent's peak, even after exec."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def report(case: Case, rounds: int, datasheet: float | None) -> None:
    steps = {name: Step(case, name) for name in METHODS}
    for step in steps.values():
        seconds(step, case.device)
        seconds(step, case.device)
    times: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(seconds(step, case.device))
    flops = {name: step.flops() for name, step in steps.items()}
    del steps
    print(f"\n{case.title}; medians of {rounds} rounds")
    heads = [("step", 16), ("s", 9), ("clips/s", 9), ("x plain", 22), ("x FLOPs", 9), ("peak MiB", 10), ("x", 6)]
    print("".join(f"{head:>{width}}" for head, width in heads))
    peaks = {name: peak_mebibytes(case, name, torch.get_num_threads()) for name in METHODS}
    for name, values in times.items():
        middle = statistics.median(values)
        ratios = [value / base for value, base in zip(values, times["plain"], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
        print(
            f"{name:>16}{middle:>9.3f}{case.batch / middle:>9.1f}{spread:>22}{flops[name] / flops['plain']:>9.2f}"
            f"{peaks[name]:>10.0f}{peaks[name] / peaks['plain']:>6.2f}"
        )
    if case.device == "cuda":
        middles = {name: statistics.median(values) for name, values in times.items()}
        report_card({name: flops[name] / middle for name, middle in middles.items()}, datasheet)


def report_card(rates: dict[str, float], datasheet: float | None) -> None:
    """Shares of the card's peak. Convolutions are counted with their padding, which a GPU's kernels compute too."""
    size = 8192
    one, other = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    best = max(2 * size**3 / seconds(partial(torch.matmul, one, other), "cuda") for _ in range(20))
    print(f"a bf16 matrix product of side {size} reaches {best / 1e12:.0f} TFLOP/s here")
    for name, rate in rates.items():
        sheet = f", {rate / datasheet / 1e12:.1%} of the data sheet's {datasheet:g}" if datasheet else ""
        print(f"{name:>16}: {rate / 1e12:.1f} TFLOP/s, {rate / best:.1%} of that{sheet}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--batch", type=int, help="clips a step (default: 8 and 4 on a CPU, 64 on a GPU)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--threads", type=int, default=1, help="threads on a CPU; seconds are summed over them (default: 1)"
    )
    parser.add_argument(
        "--datasheet", type=float, help="the card's dense bf16 peak in TFLOP/s, such as 989 for an H200"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for frames, size, width, batch in ((8, 64, 16, 8), (16, 112, 64, 4)):
        default = 64 if arguments.device == "cuda" else batch
        case = Case(frames, size, width, arguments.batch or default, arguments.device)
        report(case, arguments.rounds, arguments.datasheet)


if __name__ == "__main__":
    main()
