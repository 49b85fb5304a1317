"""Labelling on many machines with Ray Data (the extra `ray`): actors take a shard at a time and write it.

The folder of the table and the videos must have the same paths or addresses on every machine. A machine may be lost at
any moment: Ray gives its shards to the others, and a shard that was written before is not made again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sceneproof.addresses import located
from sceneproof.errors import InputError
from sceneproof.labelling.looked import Labelling
from sceneproof.labelling.pipeline import label_shards
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
        made = ray.data.from_items([{"shard": number} for number in numbers], override_num_blocks=len(numbers)).map(
            _Actor,  # type: ignore[arg-type]  # Ray takes a class too, and makes one of it in each actor
            fn_constructor_args=(self.make, ray.put(manifest), str(shards.out.absolute()), shards.size, settings),
            concurrency=(1, self.actors),
            num_cpus=self.cpus,
            num_gpus=self.gpus,
        )
        for row in made.iter_rows():
            advance(int(row["videos"]))


class _Actor:
    """Holds a model and labels one shard after another by the local pipeline."""

    def __init__(
        self, make: Callable[[], Labelling], manifest: Any, out: str, size: int, settings: dict[str, Any]
    ) -> None:
        import ray

        self._shards = Shards(ray.get(manifest), make(), located(out), size)
        self._settings = settings

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        number = int(row["shard"])
        if not self._shards.has(number):  # it is, where a machine was lost between writing it and telling so
            label_shards(self._shards, [number], **self._settings, advance=_no_progress)
        return {"videos": len(self._shards.rows(number))}


def _no_progress(items: int = 1, note: str = "") -> None:
    """Progress is shown where the labelling was begun, not on each machine."""
