"""Cost of a training step of each method over Plain's, with the augmenting of its clips.

A step is all optimiser steps of one made-up batch, which carries what the method needs of every clip: its worst case.
It begins with pixels on the device: it is the mixing, the normalising and the training, without the loader. Methods
take turns. A ratio is the median over the rounds, of processor seconds on the CPU and of wall time on a GPU. "mixing"
is what augmenting and normalising take beyond Plain's normalising, in shares of a step of Plain: a busy machine spoils
that less than whole steps. With --memory each one's peak is measured, in a process of its own.

    python -m benchmarks.method_step [NAME ...] [--results results/results.csv]
    python -m benchmarks.method_step FAME FAME:mask=people,hue=proper BE:consistency=1

Without names: all methods of the package, with their defaults.
"""

import argparse
import multiprocessing
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from benchmarks.keeping import keep
from benchmarks.step import ratios, resident_peak, seconds
from sceneproof import methods
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.data.batches import normalised
from sceneproof.methods.base import Facts, Method, augmented
from sceneproof.numerics import Numerics, processor_flags, processor_name
from sceneproof.optimisation import Optimisation, make_optimizer
from sceneproof.trust import class_named
from sceneproof.types import CLIPS, Batch

ACTIONS, SCENES, GROUPS, STEPS = 51, 365, 60, 100
BASE = "Plain"


@dataclass(frozen=True)
class Case:
    """A size to measure at."""

    depth: int
    width: int
    frames: int
    size: int
    batch: int
    device: str

    @property
    def title(self) -> str:
        clips = f"{self.frames} x {self.size} x {self.size}"
        return f"3D-ResNet-{self.depth} of width {self.width} at {clips} batch {self.batch} {self.device}"


def all_methods() -> list[str]:
    """The names of the package's methods, Plain first."""
    known = [name for name in methods.__all__ if isinstance(getattr(methods, name), type)]
    kinds = [name for name in known if issubclass(getattr(methods, name), Method) and name not in ("Method", BASE)]
    return [BASE, *sorted(kinds, key=str.lower)]


def made(name: str, case: Case) -> Method:
    """The method of a word: a name or an import path, and options behind a colon."""
    path, _, options = name.partition(":")
    path = path if "." in path else f"sceneproof.methods.{path}"
    given = {key: yaml.safe_load(value) for key, value in (part.split("=", 1) for part in options.split(",") if part)}
    rows = STEPS * case.batch
    number = torch.arange(rows)
    facts = Facts(ACTIONS, SCENES, GROUPS, rows, STEPS, action_of_row=number % ACTIONS, group_of_row=number % GROUPS)
    torch.manual_seed(0)
    kind = class_named(path, Method, [path], name)
    backbone = ResNet3D(case.depth, width=case.width)  # type: ignore[arg-type]  # argparse knows no others
    return kind(backbone, facts, **given)


def batch_for(method: Method, case: Case) -> Batch:
    """Pixels from 0 to 255 and what else the method needs, of every clip."""
    generator = torch.Generator().manual_seed(0)
    shape, count = (case.batch, 3, case.frames, case.size, case.size), case.batch
    clips = [torch.randint(256, shape, generator=generator).float().to(case.device) for _ in range(3)]
    number = torch.arange(count, device=case.device)
    people = torch.zeros((count, *shape[2:]), dtype=torch.bool, device=case.device)
    people[:, :, case.size // 4 : -case.size // 4, case.size // 3 : -case.size // 3] = True
    other = {"second": clips[2], "second_action": (number + 1) % ACTIONS}
    fields = {
        "scene": {"scene": torch.rand(count, SCENES, generator=generator).softmax(dim=1).to(case.device)},
        "people": {"people": people},
        "without_humans": {"without_humans": clips[1]},
        "second_clip": other,
        "other_clip": other,
        "group": {"group": number % GROUPS},
    }
    given: dict[str, Any] = {name: value for need in method.needs for name, value in fields[need].items()}
    has = {name: torch.ones(count, dtype=torch.bool, device=case.device) for name in given}
    return replace(Batch(video=clips[0], action=number % ACTIONS, row=number, has=has), **given)


class Step:
    """One method's training step, ready to be called. `prepare` it first: normalising writes over the pixels."""

    def __init__(self, case: Case, name: str) -> None:
        self.case, self.numerics = case, Numerics.quickest(torch.device(case.device))
        self.method = self.numerics.arrange(made(name, case).to(case.device).train())
        self.method.begin_epoch(0, 1)
        self.pixels = self.fresh = batch_for(self.method, case)
        self.optimizer = make_optimizer([{"params": list(self.method.parameters())}], Optimisation())
        self.number = 0

    def prepare(self) -> "Step":
        """Lays out the pixels of the next step."""
        clips = {name: clip.clone() for name in CLIPS if (clip := getattr(self.pixels, name)) is not None}
        self.fresh = replace(self.pixels, **clips)
        return self

    def mix(self) -> Batch:
        """The first part of a step: what its losses see."""
        rng = np.random.default_rng(self.number)
        return normalised(augmented(self.fresh, self.method, rng), self.method.backbone)

    def __call__(self) -> None:
        self.number += 1
        self.method.begin_step(self.number / STEPS % 1)
        batch = self.mix()
        for update in self.method.updates(batch):
            with torch.autocast(self.case.device, torch.bfloat16, enabled=self.numerics.dtype is not None):
                loss = torch.stack(list(self.method(update).values())).sum()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
            self.optimizer.step()


def peak_mebibytes(case: Case, name: str, threads: int) -> float:
    """Runs three steps in a process of its own; on the CPU, what it needed more than after building the step."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (case, name, threads))


def _peak(case: Case, name: str, threads: int) -> float:
    torch.set_num_threads(threads)
    step = Step(case, name)
    before = resident_peak()
    for _ in range(3):
        step.prepare()()
    if case.device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return (resident_peak() - before) / 2**20


def report(case: Case, names: list[str], rounds: int, *, memory: bool) -> dict[str, float]:
    """Prints a line a method, and returns the figures to keep."""
    steps = {name: Step(case, name) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    mixing: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 2):  # the first two do not count
        for name, step in steps.items():
            took = seconds(step.prepare(), case.device), seconds(step.prepare().mix, case.device)
            if number > 1:
                times[name].append(took[0])
                mixing[name].append(took[1])
    print(f"\n{case.title}; {steps[BASE].numerics.precision}; {rounds} rounds")
    wide = max(map(len, names)) + 2
    print(f"{'method':<{wide}}{'s a step':>9}{'times Plain':>22}{'mixing':>9}{'peak MiB':>10}{'times':>7}")
    del steps
    figures: dict[str, float] = {}
    peaks = {name: peak_mebibytes(case, name, torch.get_num_threads()) for name in names} if memory else {}
    for name in names:
        ratio, spread = ratios(times[name], times[BASE])
        more_mixing = statistics.median(mixing[name]) - statistics.median(mixing[BASE])
        share = more_mixing / statistics.median(times[BASE])
        more = f"{peaks[name]:>10.0f}{peaks[name] / peaks[BASE]:>7.2f}" if memory else ""
        print(f"{name:<{wide}}{statistics.median(times[name]):>9.4f}{spread:>22}{share:>9.1%}{more}")
        figures |= {f"{name}: times Plain": ratio, f"{name}: mixing in steps of Plain": share}
        figures |= {f"{name}: times Plain's memory": peaks[name] / peaks[BASE]} if memory else {}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="methods, each with options: FAME:mask=people (default: all)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--depth", type=int, choices=(10, 18, 34, 50), default=10, help="of the 3D-ResNet")
    parser.add_argument("--width", type=int, default=16, help="of its first stage")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=64, help="of a clip's sides, in pixels")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1, help="on a CPU; seconds are summed over them")
    parser.add_argument("--memory", action="store_true", help="also measure each one's peak, in a process of its own")
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    gpu = torch.cuda.get_device_name() if given.device == "cuda" else ""
    flags = " ".join(sorted(processor_flags())) or f"{torch.backends.cpu.get_cpu_capability()} without bf16"
    machine = gpu or f"{processor_name() or 'a processor'} ({flags})"
    print(f"on {machine}, {given.threads} threads, PyTorch {torch.__version__}")
    case = Case(given.depth, given.width, given.frames, given.size, given.batch, given.device)
    names = given.names or all_methods()
    figures = report(case, list(dict.fromkeys([BASE, *names])), given.rounds, memory=given.memory)
    if given.results is not None:
        kept: dict[str, dict[str, float]] = {}
        for title, value in figures.items():
            name, _, what = title.partition(": ")
            kept.setdefault(f"method-step/{name}", {})[what] = value
        keep(given.results, kept)


if __name__ == "__main__":
    main()
