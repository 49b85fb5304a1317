"""Cost of a training step: SDN's over a plain one, and the defaults' over float32 with channels outermost.

A step is all optimiser steps of one batch, in which every clip has a scene label and a masked twin: SDN's worst case.
It computes in what training computes in on the machine at hand (see `sceneproof.numerics`). "as before" is what
training did on processors until then: float32, channels outermost, an optimiser that is not fused. All steps take
turns, and a ratio is the median over the rounds. Each one's peak memory is measured in a process of its own: resident
memory on the CPU, allocated memory on a GPU. Figures are kept under the processor's name.

    python -m benchmarks.step [--results results/results.csv]
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

from benchmarks.keeping import keep
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.methods.base import Facts, Method
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN
from sceneproof.numerics import Numerics, processor_flags, processor_name
from sceneproof.optimisation import Optimisation, make_optimizer
from sceneproof.types import Batch

ACTIONS, SCENES = 51, 365
METHODS: dict[str, Callable[[ResNet3D], Method]] = {
    "plain": lambda backbone: Plain(backbone, Facts(ACTIONS, SCENES)),
    "sdn": lambda backbone: SDN(backbone, Facts(ACTIONS, SCENES)),
    "sdn, released": lambda backbone: SDN(backbone, Facts(ACTIONS, SCENES), variant="released"),
}
BEFORE = ", as before"
STEPS = (*METHODS, *(f"{name}{BEFORE}" for name in ("plain", "sdn")))


@dataclass(frozen=True)
class Case:
    """A size to measure at."""

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
    """One method's training step, ready to be called; see `STEPS` for the names."""

    def __init__(self, case: Case, name: str) -> None:
        torch.manual_seed(0)
        self.case, before = case, name.endswith(BEFORE)
        self.numerics = Numerics() if before else Numerics.quickest(torch.device(case.device))
        made = METHODS[name.removesuffix(BEFORE)](ResNet3D(18, width=case.width)).to(case.device).train()
        self.method = self.numerics.arrange(made)
        count, shape = case.batch, (case.batch, 3, case.frames, case.size, case.size)
        self.batch = Batch(
            video=torch.randn(shape, device=case.device),
            action=torch.arange(count, device=case.device) % ACTIONS,
            row=torch.arange(count, device=case.device),
            scene=torch.rand(count, SCENES, device=case.device).softmax(dim=1),
            without_humans=torch.randn(shape, device=case.device),
            has={name: torch.ones(count, dtype=torch.bool, device=case.device) for name in ("scene", "without_humans")},
        )
        if before:
            self.optimizer: torch.optim.Optimizer = torch.optim.SGD(
                self.method.parameters(), lr=1e-4, momentum=0.9, dampening=0.9, weight_decay=1e-5
            )
        else:
            self.optimizer = make_optimizer([{"params": list(self.method.parameters())}], Optimisation())

    def __call__(self) -> None:
        for update in self.method.updates(self.batch):
            with torch.autocast(self.case.device, torch.bfloat16, enabled=self.numerics.dtype is not None):
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
    before = resident_peak()
    for _ in range(3):
        step()
    if case.device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return (resident_peak() - before) / 2**20


def resident_peak() -> int:
    """Peak resident bytes of this process. Not getrusage's: that one starts from the parent's peak, even after exec."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def report(case: Case, rounds: int, datasheet: float | None) -> dict[str, float]:
    """Prints the figures of a size, and returns those to keep."""
    steps = {name: Step(case, name) for name in STEPS}
    for step in steps.values():
        seconds(step, case.device)
        seconds(step, case.device)
    times: dict[str, list[float]] = {name: [] for name in STEPS}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(seconds(step, case.device))
    flops = {name: steps[name].flops() for name in METHODS}
    numerics = steps["plain"].numerics
    del steps
    inner = "channels innermost" if numerics.channels_last else "channels outermost"
    print(f"\n{case.title}; {numerics.precision}, {inner}; medians of {rounds} rounds")
    heads = [("step", 16), ("s", 9), ("clips/s", 9), ("x plain", 22), ("x FLOPs", 9), ("peak MiB", 10), ("x", 6)]
    print("".join(f"{head:>{width}}" for head, width in heads))
    peaks = {name: peak_mebibytes(case, name, torch.get_num_threads()) for name in METHODS}
    figures: dict[str, float] = {}
    for name in METHODS:
        middle, (ratio, spread) = statistics.median(times[name]), ratios(times[name], times["plain"])
        print(
            f"{name:>16}{middle:>9.3f}{case.batch / middle:>9.1f}{spread:>22}{flops[name] / flops['plain']:>9.2f}"
            f"{peaks[name]:>10.0f}{peaks[name] / peaks['plain']:>6.2f}"
        )
        figures |= {f"{name}: seconds a step": middle, f"{name}: times plain": ratio}
    for name in ("plain", "sdn"):
        ratio, spread = ratios(times[f"{name}{BEFORE}"], times[name])
        print(f"{name:>16}: {spread} times as quick as before (float32, channels outermost, optimiser not fused)")
        figures[f"{name}: times as quick as before"] = ratio
    if case.device == "cuda":
        middles = {name: statistics.median(times[name]) for name in METHODS}
        report_card({name: flops[name] / middle for name, middle in middles.items()}, datasheet)
    return figures


def ratios(values: list[float], base: list[float]) -> tuple[float, str]:
    """The median of how many times the base, round by round; and as text, with the least and the most."""
    each = [value / other for value, other in zip(values, base, strict=True)]
    return statistics.median(each), f"{statistics.median(each):.2f} ({min(each):.2f} - {max(each):.2f})"


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
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    gpu = torch.cuda.get_device_name() if arguments.device == "cuda" else ""
    flags = " ".join(sorted(processor_flags())) or f"{torch.backends.cpu.get_cpu_capability()} without bf16"
    machine = gpu or f"{processor_name() or 'a processor'} ({flags})"
    print(f"on {machine}, {arguments.threads} threads, PyTorch {torch.__version__}")
    for frames, size, width, batch in ((8, 64, 16, 8), (16, 112, 64, 4)):
        default = 64 if arguments.device == "cuda" else batch
        case = Case(frames, size, width, arguments.batch or default, arguments.device)
        figures = report(case, arguments.rounds, arguments.datasheet)
        if arguments.results is not None:
            keep(arguments.results, {f"step/{machine}/{case.title}".replace(",", ""): figures})


if __name__ == "__main__":
    main()
