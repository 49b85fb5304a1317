"""A whole audit beside the forward passes that it cannot do without, and the most memory that it takes.

    python -m benchmarks.audit_forward MODEL MANIFEST --humans MASKS [--weights FILE] [--videos 48] [--results CSV]

The audit is `sceneproof audit` as a user starts it: processes, variants, maps, figures and page. The other side asks
the same model, in as many processes, about as many clips of the same size (noise), and for as many maps, and does
nothing else. Both start from nothing, in turn; read the ratio. Memory is the sum over the processes, at its highest.
"""

import argparse
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil  # type: ignore[import-untyped]  # types-psutil is no part of ours
import torch

from benchmarks.keeping import keep
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.settings import ModelSettings
from sceneproof.data.manifest import Manifest
from sceneproof.data.subsets import in_turn
from sceneproof.machine import processors


@dataclass(frozen=True)
class Asked:
    """How often an audit asked its model, and about what.

    Attributes:
        clips: that were answered.
        maps: how many of these were asked for a map.
        height: of a video, in pixels; `width` likewise, and `frames`.
    """

    clips: int
    maps: int
    height: int
    width: int
    frames: int


def audited(words: list[str]) -> tuple[float, float]:
    """Seconds and most memory (bytes, all processes) of an audit."""
    begun, most = time.perf_counter(), 0
    with subprocess.Popen([sys.executable, "-m", "sceneproof", *words, "--quiet"]) as command:
        root = psutil.Process(command.pid)
        while command.poll() is None:
            most = max(most, _memory(root))
            time.sleep(0.5)
    if command.returncode:
        sys.exit(command.returncode)
    return time.perf_counter() - begun, most


def _memory(root: psutil.Process) -> int:
    """Of a process and those below it; pages that they share count once (proportional set size)."""
    total = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it has ended meanwhile
            continue
    return total


def asked_in(out: Path, manifest: Manifest, model: ModelSettings) -> Asked:
    """What an audit asked for, by its table."""
    rows = pd.read_parquet(out / "audit.parquet", columns=["variant", "scores", "on_person"])
    size = [int(np.nanmedian(manifest.numbers(name))) for name in ("height", "width", "frames")]
    maps = 0 if model.open().maps_missing else int(rows["on_person"].notna().sum())
    return Asked(int(rows["scores"].notna().sum()), maps, *size)


def forward(model: ModelSettings, asked: Asked, number: int) -> None:
    """Asks a model for one process's share of all."""
    torch.set_num_threads(1)
    subject, count = model.open(), processors()
    noise = np.random.default_rng(number).integers(0, 256, (asked.frames, asked.height, asked.width, 3), np.uint8)
    clips = np.stack([noise[which] for which in subject.sampling.clips(asked.frames, 1)])
    for turn in range(number, asked.clips, count):
        clip = clips + np.uint8(turn % 255)  # another one each time: a subject may remember the last one
        subject.answer(clip)
        if turn < asked.maps:  # an audit too wants a map of what was just answered
            subject.maps(clip, np.zeros(len(clip), np.int64))


def passes(model: ModelSettings, asked: Asked) -> float:
    """Seconds of the forward passes alone, in as many processes as the audit has."""
    begun = time.perf_counter()
    with ProcessPoolExecutor(processors(), mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(partial(forward, model, asked), range(processors())))
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="what `sceneproof audit` takes")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--humans", required=True)
    parser.add_argument("--weights")
    parser.add_argument("--mapping", help="as `sceneproof audit` takes it")
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--videos", type=int, nargs="+", default=[48], help="drawn at random, at least one an action")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--results", type=Path, help="a results.csv to add the figures to")
    arguments = parser.parse_args()
    inputs = InputSettings(frames=arguments.frames, size=arguments.size)
    model = ModelSettings(arguments.model, inputs=inputs, weights=arguments.weights, device="cpu")
    table = Manifest.read(arguments.manifest)
    table = Manifest(table.rows[table.rows["action"].isin(known_actions(arguments))], table.root)
    command = ["audit", arguments.model, "--humans", arguments.humans, "--device", "cpu"]
    command += [f"--inputs.frames={arguments.frames}", f"--inputs.size={arguments.size}"]
    command += [f"--{name}={value}" for name in ("weights", "mapping") if (value := vars(arguments)[name])]
    figures: dict[str, dict[str, float]] = {}
    for count in arguments.videos:
        ratios, memory = [], []
        for _ in range(arguments.rounds):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "audit"
                rows = in_turn(np.arange(len(table)), table.rows["action"].to_numpy(object), count)
                part = Manifest(table.rows.iloc[sorted(rows)], table.root)
                place = table.root / f".benchmark-{count}.parquet"
                part.write(place)
                try:
                    words = [*command, str(place), "--out", str(out), "--splits", *part.splits]
                    seconds, most = audited(words)
                    asked = asked_in(out, part, model)
                    alone = passes(model, asked)
                finally:
                    place.unlink()
                shutil.rmtree(out)
            ratios.append(seconds / alone)
            memory.append(most / 2**20)
            print(
                f"{count} videos: {asked.clips} answers, {asked.maps} maps: audit {seconds:.0f} s, passes {alone:.0f} s"
            )
        name = f"audit-forward/{count} videos"
        figures[name] = {"times passes": statistics.median(ratios), "peak MiB": max(memory)}
        print(f"{name}: {statistics.median(ratios):.2f} times the forward passes, {max(memory):.0f} MiB at most")
    if arguments.results:
        keep(arguments.results, figures)


def known_actions(arguments: argparse.Namespace) -> set[str]:
    """The actions that a mapping speaks of; without one all."""
    if arguments.mapping is None:
        return set(Manifest.read(arguments.manifest).actions)
    return set(pd.read_csv(arguments.mapping)["action"])


if __name__ == "__main__":
    main()
