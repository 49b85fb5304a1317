"""run + manifest -> predictions + metrics, whatever the task."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sceneproof import locks
from sceneproof.addresses import Address, located
from sceneproof.data.digests import file_digests
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.figures import FILE, figures_of_run, leading, write_figures
from sceneproof.files import write_json
from sceneproof.numerics import device_named
from sceneproof.run import Run
from sceneproof.spec import plain
from sceneproof.task import TABLES, Tables, Task, Tester
from sceneproof.terminal import visible
from sceneproof.wording import counted


@dataclass(frozen=True)
class Evaluation:
    """What a network said, what it is held against, and the figures drawn from both.

    Attributes:
        tables: by file name: "predictions", and what the task adds ("truth", "tubes").
        metrics: as metrics.json holds them.
    """

    tables: Mapping[str, pd.DataFrame]
    metrics: dict[str, Any]

    @property
    def predictions(self) -> pd.DataFrame:
        """What the network said."""
        return self.tables["predictions"]


@locks.alone(locks.evaluation)
def evaluate(
    run: Path,
    manifest: Address,
    *,
    splits: Sequence[str] = ("test",),
    scenes: Address | None = None,
    humans: Address | None = None,
    features: Path | None = None,
    root: Address | None = None,
    out: Address | None = None,
    device: str = "auto",
    trust: Sequence[str] | None = None,
    quiet: bool = False,
    **options: Any,
) -> Evaluation:
    """Tests a run: writes predictions.parquet, figures.parquet and metrics.json to the run's folder `evaluation`.

    Where the task has more tables, such as the truth or tubes, they are written as well.

    A video that cannot be read counts as missed: wrong in every accuracy, without a detection, and listed.

    Args:
        run: the run folder.
        manifest: the table of videos, or of segments. It, the tables of labels, the root and `out` may be addresses
            (s3://, gs://, hf://).
        splits: splits to test on.
        scenes: classification: table of soft scene labels: also gives the data's own scene bias, B_scene, and scenes to
            probe for where the manifest does not know the true ones. Needs `probe_split`.
        humans: table of person boxes or masks. Classification: also tests with the people masked out. Detection: the
            boxes of the people who act, which it is tested on.
        features: classification: folder that `sceneproof features` made of these videos, which are not read then: for
            runs that left the backbone's lower stages as they were. Localization: the folder that training kept it in.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        out: folder to write to, instead of the run's own.
        device: 'auto', 'cpu' or 'cuda'.
        trust: modules or classes (mypackage, mypackage.models.Net) that the run's configuration may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress.
        options: the task's own: `ClassificationTesting`, `LocalizationTesting`, `DetectionTesting`.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    for split, count in Counter(splits).items():
        if count > 1:
            raise InputError(f"--splits: {split!r} is named {count} times, and its videos would count as often")
    trained = Run.open(run, trust=trust)
    task = trained.task
    task.refuse_other(scenes=scenes, humans=humans, features=features)
    asked = task.options(options)
    where = device_named(device)
    numerics = trained.tested_in(where)
    network = numerics.arrange(trained.trained(task.network).to(where))
    tables = Tables(Manifest.read(manifest, root), scenes, humans, features)
    tested = task.test(Tester(trained, network, where, numerics, quiet), tables, splits, asked)
    metrics: dict[str, Any] = {
        "run": trained.name,
        "settings": settings_of(
            task,
            manifest=manifest,
            splits=splits,
            scenes=scenes,
            humans=humans,
            features=features,
            root=root,
            **options,
        ),
        "precision": numerics.precision,
        "tables": file_digests(manifest=manifest, **tested.sources),
        "splits": tested.splits,
        **tested.figures,
    }
    folder = located(out) if out is not None else trained.path / "evaluation"
    about = {"actions": trained.actions, "run": trained.name, "precision": numerics.precision}
    for name, (kind, rows) in tested.tables.items():
        write_table(folder / f"{name}.parquet", rows, kind, **about, **tested.metadata)
    measured = figures_of_run(metrics, trained.name, trained.seed)
    write_figures(folder / FILE, measured)
    write_json(folder / "metrics.json", metrics, sealed=True)
    if not quiet:
        for figure in leading(measured, splits):
            of = f", of {counted(figure.n, 'video')}" if figure.n else ""
            print(f"{figure.slice}: {figure.metric} {100 * (figure.value or 0):.1f} %{of}")
        print(visible(f"written: {folder}/metrics.json, {', '.join(f'{name}.parquet' for name in tested.tables)}"))
    return Evaluation({name: rows for name, (_, rows) in tested.tables.items()}, metrics)


def settings_of(
    task: Task,
    *,
    manifest: Address,
    splits: Sequence[str] = ("test",),
    root: Address | None = None,
    scenes: Address | None = None,
    humans: Address | None = None,
    features: Path | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What the figures depend on besides the run, as plain values; a study tests again where it has changed.

    Args:
        task: the run's.
        manifest: as `evaluate` takes it, like all that follow.
        splits: see there.
        root: see there.
        scenes: see there.
        humans: see there.
        features: see there.
        more: the task's options, and arguments of `evaluate` that change no figure.
    """
    known = {"scenes": scenes, "humans": humans, "features": features}
    options = {name: value for name, value in more.items() if name not in WITHOUT_EFFECT}
    return {
        **{"manifest": plain(manifest), "splits": plain(splits), "root": plain(root)},
        **{name: plain(known[name]) for name in TABLES if name in task.tables},
        **task.options(options).settings(),
    }


WITHOUT_EFFECT = frozenset({"out", "device", "trust", "quiet"})
"""Arguments of `evaluate` that change no figure."""
