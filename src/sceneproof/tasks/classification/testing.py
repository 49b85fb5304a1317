"""What a classifier says of splits of videos, and the figures drawn from it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from sceneproof.backbones.base import start_at_features
from sceneproof.correction import Remedy
from sceneproof.data.clips import repeated
from sceneproof.data.dataset import ClipSettings, Labelled, TestClips
from sceneproof.data.humans import Humans, people_of_split, read_humans
from sceneproof.data.kept import KeptFeatures, KeptTestClips, digests_of
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.scenes import SceneTable
from sceneproof.downloading import checked
from sceneproof.errors import InputError
from sceneproof.metrics.accuracy import correct, top_k
from sceneproof.metrics.bootstrap import mean_interval
from sceneproof.metrics.representation_bias import linear_probe, representation_bias
from sceneproof.run import Run, refuse_not_finite
from sceneproof.task import Tables, Tested, Tester, Testing
from sceneproof.tasks.classification.predicting import AskedClips, Predictions, predict
from sceneproof.tasks.classification.scoring import figures


@dataclass(frozen=True)
class ClassificationTesting(Testing):
    """How classifiers are tested.

    Args:
        clips: evenly spaced clips a video; 0: every non-overlapping clip, the paper's protocol.
        probe_split: split whose features train the linear probe for the scene (scene leakage).
        remedy: file of `sceneproof remedy` for this run: also tests the answers that it corrects. Needs `humans`.
        workers: loader processes.
    """

    clips: int = 0
    probe_split: str | None = None
    remedy: Path | None = None
    workers: int = 0

    without_effect: ClassVar[frozenset[str]] = frozenset({"workers"})


def test_classifier(
    tester: Tester, clip: ClipSettings, tables: Tables, splits: Sequence[str], options: ClassificationTesting
) -> Tested:
    """Scores every video of the splits, with people and without, and probes for the scene where that is asked for.

    Raises:
        InputError: names the file, row or key.
    """
    run, table = tester.run, tables.manifest
    run.refuse_other_videos(table)
    people = read_humans(tables.humans) if tables.humans is not None else None
    labels = SceneTable.read(tables.scenes) if tables.scenes is not None else None

    kept = _kept(tester, clip, tables) if tables.features is not None else None

    def of(split: str, several: int, *, masked: bool) -> _TestedSplit:
        rows = table.split(split)
        own = people_of_split(people, table, split) if masked and people is not None else None
        labelled = Labelled.gather(rows, run.actions, humans=own)
        tell([*labelled.doubts, *repeated(rows, clip.length)])
        clips: AskedClips = TestClips(labelled, clip, several)
        if kept is not None:
            kept.refuse_other_rows(split, digests_of(table, split, own))
            kept.refuse_other_count(split, several, "--clips")
            clips = KeptTestClips(labelled, clip, kept.split(split, training=False))
        predictions = predict(
            tester.network,
            clips,
            tester.device,
            workers=options.workers,
            masked=own is not None,
            autocast=tester.numerics.dtype,
            quiet=tester.quiet,
            what=f"testing {run.name} on {split}",
        )
        if predictions.not_finite:
            refuse_not_finite(run, str(rows.rows["video"].iat[predictions.not_finite[0]]))
        return _TestedSplit(split, rows, labelled.action, predictions)

    if options.probe_split is not None and options.probe_split in splits:
        raise InputError(
            f"--probe-split: {options.probe_split!r} is tested, too: a probe knows by heart what it is trained on; "
            f"test that split without it"
        )
    remedy = _remedy(options.remedy, tester.run, people)
    parts = [of(split, options.clips, masked=True) for split in splits]
    more: dict[str, Any] = {}
    if options.probe_split is not None:
        more["scene_leakage"] = _leakage(of(options.probe_split, 1, masked=False), parts, labels)
        if labels is not None:
            more["representation_bias"] = _scene_bias(table, labels, options.probe_split, splits, run.actions)
    rows = {part.split: _rows(part) for part in parts}
    return Tested(
        {
            part.split: {
                **figures(rows[part.split], part.predictions.scores, part.predictions.without_humans, part.truth),
                **_corrected(part, remedy),
            }
            for part in parts
        },
        {"predictions": ("predictions", pd.concat(rows.values(), ignore_index=True))},
        figures=more,
        sources={
            "humans": tables.humans,
            "scenes": tables.scenes,
            "features": tables.features,
            "remedy": options.remedy,
        },
    )


@dataclass(frozen=True)
class _TestedSplit:
    split: str
    manifest: Manifest
    truth: np.ndarray[Any, np.dtype[np.int64]]
    predictions: Predictions

    def column(self, name: str) -> "pd.Series[Any]":
        rows = self.manifest.rows
        return rows[name] if name in rows else pd.Series([None] * len(rows), name=name, dtype=object)


def _kept(tester: Tester, clip: ClipSettings, tables: Tables) -> KeptFeatures:
    """The features of what is tested, for a network that starts from them from now on.

    Raises:
        InputError: features of other lower stages, of clips that were cut otherwise, or a method that needs pixels.
    """
    assert tables.features is not None
    kept, network = KeptFeatures.open(tables.features), tester.network
    if network.asks_pixels:
        raise InputError(
            f"--features: {type(network).__name__} makes still clips of what it is asked about, which kept features do "
            f"not hold: test it on the videos, without --features"
        )
    for name in network.backbones:
        backbone = network.get_submodule(name)
        kept.refuse_other(backbone, tester.run.config["backbone"], clip)
        start_at_features(backbone)
    return kept


def _remedy(path: Path | None, run: Run, people: Humans | None) -> Remedy | None:
    """The correction that is asked for.

    Raises:
        InputError: it was chosen for another model, or nobody is known.
    """
    if path is None:
        return None
    if people is None:
        raise InputError("--remedy: takes out what the run says of the scene alone: give --humans")
    remedy = Remedy.read(path)
    if remedy.scene != "human_filled":
        raise InputError(
            f"{path}: chosen on other clips ({remedy.scene}) than people painted over, as here: choose it with "
            f"`sceneproof remedy AUDIT --scene human_filled`"
        )
    remedy.refuse_other(run.actions, checked(run.path / "weights.safetensors"), path)
    return remedy


def _corrected(part: _TestedSplit, remedy: Remedy | None) -> dict[str, Any]:
    """Top-1 of the answers without the scene's part, and of the same clips as they are; nothing without a remedy."""
    known = ~np.isnan(part.predictions.without_humans).any(axis=1)
    if remedy is None or not known.any():
        return {}
    scores, scene, truth = part.predictions.scores[known], part.predictions.without_humans[known], part.truth[known]
    after = correct(remedy.corrected(scores, scene), truth)
    return {
        "corrected": {
            "videos": int(known.sum()),
            "alpha": remedy.alpha,
            "top1": float(after.mean()),
            "top1_interval": asdict(mean_interval(after)),
            "top1_as_it_is": top_k(scores, truth),
        }
    }


def _leakage(probe: _TestedSplit, parts: Sequence[_TestedSplit], labels: SceneTable | None) -> dict[str, Any]:
    """How well a linear probe on frozen features names the scene, and how well the true action alone would."""
    result: dict[str, Any] = {"probe_split": probe.split}
    for part in parts:
        train_scene, test_scene = _scenes([probe, part], labels)
        train = (~np.isnan(probe.predictions.features).any(1)) & (train_scene != "")
        test = (~np.isnan(part.predictions.features).any(1)) & (test_scene != "")
        if not (train.any() and test.any()):
            raise InputError(
                f"{part.manifest.name}: no scenes known for the probe: give a column 'scene' or --scenes TABLE"
            )
        one_hot = np.eye(int(max(probe.truth.max(), part.truth.max())) + 1)
        result[part.split] = {
            "from_features": linear_probe(
                probe.predictions.features[train], train_scene[train], part.predictions.features[test], test_scene[test]
            ),
            "from_action": linear_probe(
                one_hot[probe.truth[train]], train_scene[train], one_hot[part.truth[test]], test_scene[test]
            ),
            "chance": 1 / len(set(train_scene[train])),
        }
    return result


def _scenes(parts: Sequence[_TestedSplit], labels: SceneTable | None) -> list[np.ndarray[Any, np.dtype[np.str_]]]:
    """Scene names (N,) of some splits, '' where unknown: the true ones, or the most probable labels.

    The true ones only where the manifest has them of all of these splits: a probe that has learnt names of the one kind
    is never right by those of the other.
    """
    if labels is None or all(part.column("scene").notna().any() for part in parts):
        return [part.column("scene").fillna("").to_numpy(dtype=str) for part in parts]
    names, said = np.array(labels.names), []
    for part in parts:
        vectors, labelled = labels.rows_for(list(part.manifest.rows["video"]))
        said.append(np.where(labelled, names[vectors.argmax(1)], ""))
    return said


def _scene_bias(
    table: Manifest, labels: SceneTable, probe_split: str, splits: Sequence[str], actions: Sequence[str]
) -> dict[str, Any]:
    """B_scene of the data: a linear probe for the action on the scene labels, over chance (section 3.1)."""

    def arrays(split: str) -> tuple[Any, Any]:
        part = table.split(split)
        vectors, labelled = labels.rows_for(list(part.rows["video"]))
        return vectors[labelled], np.array(part.action_numbers(actions))[labelled]

    train = arrays(probe_split)
    result: dict[str, Any] = {"features": labels.labeller, "chance": 1 / len(actions)}
    for split in splits:
        accuracy = linear_probe(*train, *arrays(split))
        result[split] = {"accuracy": accuracy, "bias": representation_bias(max(accuracy, 1e-9), 1 / len(actions))}
    return result


def _rows(part: _TestedSplit) -> pd.DataFrame:
    predictions = part.predictions
    rows = pd.DataFrame({"video": part.column("video"), "split": part.split, "action": part.column("action")})
    for name in ("scene", "context", "group"):
        rows[name] = part.column(name)
    rows["problem"] = predictions.problems
    for name, values in (
        ("scores", predictions.scores),
        ("scores_without_humans", predictions.without_humans),
        ("features", predictions.features),
    ):
        rows[name] = [None if np.isnan(row).any() else row for row in values]
    return rows
