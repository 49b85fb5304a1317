"""Labelling on many machines with Ray Data (the extra `ray`): actors take a shard at a time and write it.

The folder of the table and the videos must have the same paths or addresses on every machine. A machine may be lost at
any moment: Ray gives its shards to the others, and a shard that was written before is not made again.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sceneproof.addresses import Address, located
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.jobs.working import Failure
from sceneproof.labelling.contracts import Labelling
from sceneproof.labelling.pipeline import label, label_shards
from sceneproof.labelling.shards import Shards
from sceneproof.progress import Advance


@dataclass(frozen=True)
class RayEngine:
    """An engine for `label`.

    Attributes:
        make: makes the labelling again, model and all, in each actor; must be picklable.
        actors: how many at once.
        cpus: cores that each takes, for decoding and the model; its decoding processes are as many by default.
        gpus: GPUs that each takes; a part of one is allowed.
    """

    make: Callable[[], Labelling]
    actors: int = 1
    cpus: int = 1
    gpus: float = 0.0

    def __call__(
        self,
        shards: Shards,
        numbers: Sequence[int],
        *,
        batch: int,
        workers: int | None,
        time_limit: float,
        advance: Advance,
    ) -> None:
        """Labels these shards on the cluster that Ray is connected to, or on this machine.

        Raises:
            InputError: Ray is not installed.
        """
        try:
            import ray
        except ImportError:
            raise InputError("labelling with Ray needs it: pip install 'sceneproof[ray]'") from None
        if not numbers:
            return
        ray.init(ignore_reinit_error=True)
        manifest = replace(shards.manifest, root=shards.manifest.root.absolute())
        settings = {"batch": batch, "workers": workers or self.cpus, "time_limit": time_limit}
        begun = _Begun(str(Path.cwd()), [str(Path(path).absolute()) for path in sys.path])
        answers = ray.data.from_items([{"shard": number} for number in numbers], override_num_blocks=len(numbers)).map(
            _Actor,  # type: ignore[arg-type]  # Ray takes a class too, and makes one of it in each actor
            fn_constructor_args=(
                self.make,
                ray.put(manifest),
                str(shards.out.absolute()),
                shards.size,
                settings,
                begun,
            ),
            concurrency=(1, self.actors),
            num_cpus=self.cpus,
            num_gpus=self.gpus,
        )
        for row in answers.iter_rows():
            advance(int(row["videos"]))


@dataclass(frozen=True)
class Resources:
    """What labelling may take: how the commands that label say it.

    Args:
        batch: About how many frames are handed to the model at once.
        workers: Processes that decode, ahead of the model; by default one a processor.
        shard: Videos that are written together; what a crash can cost.
        time_limit: Seconds that decoding a video may take.
        engine: Where the work is done: "local", in this process; or "ray", on the machines of a Ray cluster, or on this
            one where there is none. The videos and OUT's folder must have the same paths on every machine.
        actors: For ray: how many models work at once, each on shards of its own.
        cpus: For ray: cores that each of them takes; it has as many decoding processes unless --workers says otherwise.
        gpus: For ray: GPUs that each of them takes, such as 1, or 0.25 where four share one.
        quiet: Show no progress.
    """

    batch: int = 64
    workers: int | None = None
    shard: int = 64
    time_limit: float = 60.0
    engine: Literal["local", "ray"] = "local"
    actors: int = 1
    cpus: int = 1
    gpus: float = 0.0
    quiet: bool = False

    def label(
        self, manifest: Manifest, make: Callable[[], Labelling], out: Address
    ) -> tuple[Labelling, Sequence[Failure]]:
        """Labels a manifest's videos: what did it, and the videos without labels.

        Args:
            manifest: the videos.
            make: the labelling, model and all; must be picklable for ray.
            out: the table to write (.parquet).

        Raises:
            InputError: a setting out of its range, or whatever `pipeline.label` refuses.
        """
        engine = self._engine(make)
        labelling = make()
        failures = label(
            manifest, labelling, out, batch=self.batch, workers=self.workers, shard=self.shard,
            time_limit=self.time_limit, engine=engine, quiet=self.quiet,
        )  # fmt: skip
        return labelling, failures

    def _engine(self, make: Callable[[], Labelling]) -> RayEngine | None:
        """What labels the shards; None: this process."""
        if self.engine == "local":
            if (self.actors, self.cpus, self.gpus) != (1, 1, 0.0):
                raise InputError("actors, cpus and gpus: these are for the engine ray; the local one has workers")
            return None
        if self.actors < 1 or self.cpus < 1 or self.gpus < 0:
            raise InputError(
                f"ray: actors and cpus must be at least 1, and gpus at least 0; given: {self.actors}, {self.cpus}, "
                f"{self.gpus:g}"
            )
        return RayEngine(make, self.actors, self.cpus, self.gpus)


@dataclass(frozen=True)
class _Begun:
    """Where the labelling was begun: weights by a relative path and modules of one's own are found from there."""

    folder: str
    imports: list[str]

    def enter(self) -> None:
        if Path(self.folder).is_dir():
            os.chdir(self.folder)
        sys.path += [path for path in self.imports if path not in sys.path]


class _Actor:
    """Holds a model and labels one shard after another by the local pipeline."""

    def __init__(
        self, make: Callable[[], Labelling], manifest: Any, out: str, size: int, settings: dict[str, Any], begun: _Begun
    ) -> None:
        import ray

        begun.enter()
        self._shards = Shards(ray.get(manifest), make(), located(out), size)
        self._settings = settings

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        number = int(row["shard"])
        if not self._shards.parts.has(number):  # it is, where a machine was lost between writing it and telling so
            label_shards(self._shards, [number], **self._settings, advance=_no_progress)
        return {"videos": len(self._shards.rows(number))}


def _no_progress(items: int = 1, note: str = "") -> None:
    """Progress is shown where the labelling was begun, not on each machine."""
