"""run + manifest -> predictions + metrics."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from sceneproof import locks
from sceneproof.addresses import Address, located
from sceneproof.data.dataset import ClipSettings, Labelled, TestClips
from sceneproof.data.digests import file_digests
from sceneproof.data.humans import read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.files import write_json
from sceneproof.metrics.accuracy import correct, entropy, mean_class_accuracy, top_k
from sceneproof.metrics.bootstrap import mean_interval
from sceneproof.metrics.groups import group_accuracy, worst_group
from sceneproof.metrics.representation_bias import linear_probe, representation_bias
from sceneproof.numerics import device_named
from sceneproof.run import Run
from sceneproof.spec import plain
from sceneproof.tasks.classification import Predictions, predict

SETTINGS: dict[str, Any] = {
    "manifest": None, "splits": ("test",), "clips": 0, "humans": None, "scenes": None, "probe_split": None,
    "root": None,
}  # fmt: skip
"""The arguments of `evaluate` that its figures depend on, with their defaults."""


@dataclass(frozen=True)
class Evaluation:
    """Predictions, one row a video, and the figures drawn from them."""

    predictions: pd.DataFrame
    metrics: dict[str, Any]


@locks.alone(locks.evaluation)
def evaluate(
    run: Path,
    manifest: Address,
    *,
    splits: Sequence[str] = ("test",),
    clips: int = 0,
    humans: Address | None = None,
    scenes: Address | None = None,
    probe_split: str | None = None,
    root: Address | None = None,
    out: Address | None = None,
    device: str = "auto",
    workers: int = 0,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> Evaluation:
    """Tests a run: writes predictions.parquet and metrics.json to the run's folder `evaluation`.

    A video that cannot be read counts as missed: wrong in every accuracy, and listed.

    Args:
        run: the run folder.
        manifest: the table of videos. It, the tables of labels, the root and `out` may be addresses (s3://, gs://,
            hf://).
        splits: splits to test on.
        clips: evenly spaced clips a video; 0: every non-overlapping clip, the paper's protocol.
        humans: table of person boxes or masks: also tests with the people masked out.
        scenes: table of soft scene labels: also gives the data's own scene bias, B_scene, and scenes to probe for
            where the manifest does not know the true ones. Needs `probe_split`.
        probe_split: split whose features train the linear probe for the scene (scene leakage).
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        out: folder to write to, instead of the run's own.
        device: 'auto', 'cpu' or 'cuda'.
        workers: loader processes.
        trust: modules or classes (mypackage, mypackage.models.Net) that the run's configuration may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress.

    Raises:
        InputError: bad input; names the file, row or key.
    """
    tested = settings_of(locals())
    refuse_twice(splits)
    trained = Run.open(run, trust=trust)
    where = device_named(device)
    numerics = trained.tested_in(where)
    method = numerics.arrange(trained.method().to(where))
    settings = trained.settings("clip", ClipSettings)
    table = Manifest.read(manifest, root)
    people = read_humans(humans) if humans is not None else None
    labels = SceneTable.read(scenes) if scenes is not None else None

    def of(split: str, several: int, *, masked: bool) -> "_Part":
        rows = table.split(split)
        labelled = Labelled.gather(rows, trained.actions, humans=people if masked else None)
        tell(labelled.doubts)
        made = predict(
            method,
            TestClips(labelled, settings, several),
            where,
            workers=workers,
            masked=masked and people is not None,
            autocast=numerics.dtype,
            quiet=quiet,
            what=f"testing {trained.name} on {split}",
        )
        if made.not_finite:
            refuse_not_finite(trained, str(rows.rows["video"].iat[made.not_finite[0]]))
        return _Part(split, rows, labelled.action, made)

    parts = [of(split, clips, masked=True) for split in splits]
    metrics: dict[str, Any] = {
        "run": trained.name,
        "settings": tested,
        "precision": numerics.precision,
        "tables": file_digests(manifest=manifest, humans=humans, scenes=scenes),
    }
    metrics["splits"] = {part.split: _figures(part) for part in parts}
    if probe_split is not None:
        metrics["scene_leakage"] = _leakage(of(probe_split, 1, masked=False), parts, labels)
    if labels is not None and probe_split is not None:
        metrics["representation_bias"] = _scene_bias(table, labels, probe_split, splits, trained.actions)
    predictions = pd.concat([_rows(part) for part in parts], ignore_index=True)
    folder = located(out) if out is not None else trained.path / "evaluation"
    write_table(
        folder / "predictions.parquet",
        predictions,
        "predictions",
        actions=trained.actions,
        run=trained.name,
        precision=numerics.precision,
    )
    write_json(folder / "metrics.json", metrics, sealed=True)
    return Evaluation(predictions, metrics)


def settings_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the figures depend on besides the run, as plain values; a study tests again where it has changed."""
    return {key: plain(arguments.get(key, default)) for key, default in SETTINGS.items()}


def refuse_twice(splits: Sequence[str]) -> None:
    """Raises InputError where a split is named more than once."""
    for split, count in Counter(splits).items():
        if count > 1:
            raise InputError(f"--splits: {split!r} is named {count} times, and its videos would count as often")


def refuse_not_finite(run: Run, video: str) -> NoReturn:
    """Raises InputError for a video of which a network says something that is no number."""
    raise InputError(
        f"{run.path}: {video}: the network's answer is not made of finite numbers: it overflows; its weights may be of "
        f"a training that diverged"
    )


@dataclass(frozen=True)
class _Part:
    split: str
    manifest: Manifest
    truth: np.ndarray[Any, np.dtype[np.int64]]
    made: Predictions

    def column(self, name: str) -> "pd.Series[Any]":
        rows = self.manifest.rows
        return rows[name] if name in rows else pd.Series([None] * len(rows), name=name, dtype=object)


def _figures(part: _Part) -> dict[str, Any]:
    """The figures of one split; accuracies from 0 to 1, entropies in nats, None where there is nothing to say."""
    made, truth = part.made, part.truth
    right = correct(made.scores, truth)
    figures: dict[str, Any] = {
        "videos": len(truth),
        "missed": sum(bool(problem) for problem in made.problems),
        "top1": top_k(made.scores, truth),
        "top1_interval": asdict(mean_interval(right)),
        "top5": top_k(made.scores, truth, 5),
        "mean_class": mean_class_accuracy(made.scores, truth),
        "entropy": _mean(entropy(made.scores)),
        "worst_group": None,
        "without_humans": None,
    }
    if part.column("scene").notna().any():
        figures["worst_group"] = worst_group(group_accuracy(right, part.column("action"), part.column("scene")))
    there = ~np.isnan(made.without_humans).any(axis=1)
    if there.any():
        figures["without_humans"] = {
            "videos": int(there.sum()),
            "top1": top_k(made.without_humans[there], truth[there]),
            "top1_with_humans": top_k(made.scores[there], truth[there]),
            "entropy": _mean(entropy(made.without_humans[there])),
        }
    return figures


def _leakage(probe: _Part, parts: Sequence[_Part], labels: SceneTable | None) -> dict[str, Any]:
    """How well a linear probe on frozen features names the scene, and how well the true action alone would."""
    result: dict[str, Any] = {"probe_split": probe.split}
    for part in parts:
        train_scene, test_scene = _scenes(probe, labels), _scenes(part, labels)
        train = (~np.isnan(probe.made.features).any(1)) & (train_scene != "")
        test = (~np.isnan(part.made.features).any(1)) & (test_scene != "")
        if not (train.any() and test.any()):
            raise InputError(
                f"{part.manifest.name}: no scenes known for the probe: give a column 'scene' or --scenes TABLE"
            )
        one_hot = np.eye(int(max(probe.truth.max(), part.truth.max())) + 1)
        result[part.split] = {
            "from_features": linear_probe(
                probe.made.features[train], train_scene[train], part.made.features[test], test_scene[test]
            ),
            "from_action": linear_probe(
                one_hot[probe.truth[train]], train_scene[train], one_hot[part.truth[test]], test_scene[test]
            ),
            "chance": 1 / len(set(train_scene[train])),
        }
    return result


def _scenes(part: _Part, labels: SceneTable | None) -> np.ndarray[Any, np.dtype[np.str_]]:
    """Scene names (N,), the true ones if the manifest has them, else the most probable labels; '' where unknown."""
    if part.column("scene").notna().any() or labels is None:
        return part.column("scene").fillna("").to_numpy(dtype=str)
    vectors, there = labels.rows_for(list(part.manifest.rows["video"]))
    return np.where(there, np.array(labels.names)[vectors.argmax(1)], "")


def _scene_bias(
    table: Manifest, labels: SceneTable, probe_split: str, splits: Sequence[str], actions: Sequence[str]
) -> dict[str, Any]:
    """B_scene of the data: a linear probe for the action on the scene labels, over chance (section 3.1)."""

    def arrays(split: str) -> tuple[Any, Any]:
        part = table.split(split)
        vectors, there = labels.rows_for(list(part.rows["video"]))
        return vectors[there], np.array(part.action_numbers(actions))[there]

    train = arrays(probe_split)
    result: dict[str, Any] = {"features": labels.labeller, "chance": 1 / len(actions)}
    for split in splits:
        accuracy = linear_probe(*train, *arrays(split))
        result[split] = {"accuracy": accuracy, "bias": representation_bias(max(accuracy, 1e-9), 1 / len(actions))}
    return result


def _rows(part: _Part) -> pd.DataFrame:
    made = part.made
    rows = pd.DataFrame({"video": part.column("video"), "split": part.split, "action": part.column("action")})
    for name in ("scene", "context", "group"):
        rows[name] = part.column(name)
    rows["problem"] = made.problems
    for name, values in (
        ("scores", made.scores),
        ("scores_without_humans", made.without_humans),
        ("features", made.features),
    ):
        rows[name] = [None if np.isnan(row).any() else row for row in values]
    return rows


def _mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else None
