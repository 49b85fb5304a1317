"""`sceneproof data bias`: what the scene alone tells of the action in labelled videos, before any model is trained."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.addresses import Address, located
from sceneproof.data.manifest import Manifest
from sceneproof.data.plausibility import tell
from sceneproof.data.scenes import SceneTable
from sceneproof.data.subsets import members, read_subsets
from sceneproof.data.tables import write_table
from sceneproof.errors import InputError
from sceneproof.files import write_json
from sceneproof.metrics.bootstrap import Interval, mean_interval
from sceneproof.metrics.grouped_probe import grouped_probe
from sceneproof.metrics.repair import kept_per_label, repair
from sceneproof.metrics.representation_bias import probed_labels, representation_bias
from sceneproof.terminal import visible
from sceneproof.wording import counted

TRAIN = "train"
WRITTEN = ("bias.json", "manifest.parquet", "weighted.parquet", "weights.parquet")
ALIKE = 1e-6
"""Two videos whose soft scene labels differ by no more, summed, are likely one and the same."""
NAMED = 5
"""Leaks that are named; the JSON has all."""


@dataclass(frozen=True)
class Split:
    """What the scene tells of the action in one split.

    Attributes:
        split: its name.
        videos: how many have scene labels and an action that `train` shows.
        accuracy: how often a linear classifier on the scene labels names the action, with its 95 % interval: trained on
            the split `train`; in `train` itself, or without one, on the other groups of the same split. None of none.
        chance: 1 / number of actions that `train` shows.
        resound: ln(accuracy / chance), B_scene: Li, Li and Vasconcelos, "RESOUND", ECCV 2018.
        untaught: how many have scene labels and an action that `train` never shows: they are left out.
    """

    split: str
    videos: int
    accuracy: Interval | None
    chance: float
    resound: float | None
    untaught: int = 0


@dataclass(frozen=True)
class Bias:
    """What was found.

    Attributes:
        splits: a figure a split.
        repair: REPAIR's bias of the split that is weighed, 0 to 1, before and after (Li and Vasconcelos, CVPR 2019).
        weighed: that split.
        kept: how many of its videos the balanced subset has.
        leaks: what two splits share, a sentence each: films, files, and videos that look the same.
    """

    splits: list[Split]
    repair: tuple[float, float]
    weighed: str
    kept: int
    leaks: list[str]


@locks.alone(locks.out)
def data_bias(
    manifest: Address,
    scenes: Address,
    out: Path = Path("bias"),
    *,
    share: float = 0.5,
    epochs: int = 200,
    subset: Path | None = None,
    root: Address | None = None,
    quiet: bool = False,
) -> Bias:
    """Says how far the scene alone names the action, weighs videos against it, and looks for leaks between splits.

    No model is trained and no video is read: scene labels are all that is needed. Writes OUT/bias.json;
    OUT/weights.parquet, a weight for every video of the split `train`; OUT/manifest.parquet, the manifest without
    the half of each action's training videos that the scene gives away most; and OUT/weighted.parquet, the whole
    manifest with the weights as a column, by which `train` draws clips; both to be used with --root. Test splits stay
    whole.

    Args:
        manifest: The table of videos.
        scenes: The table of scene labels (`sceneproof label scenes`).
        out: The folder to write.
        share: Of each action's training videos that the balanced subset keeps, from 0 to 1.
        epochs: Passes over the training videos to find the weights.
        subset: JSON of published lists of test videos by name, such as UTD's object-debiased splits: of each, how much
            the scene tells, and OUT/subset-NAME.parquet, the manifest with these test videos alone.
        root: The folder or address that the manifest's paths start from, where it is not the manifest's own.
        quiet: Print nothing.

    Raises:
        InputError: bad tables, no video with a scene label, fewer than two actions, or OUT has a table that is read.
    """
    if not 0 < share <= 1:
        raise InputError(f"--share {share:g}: give a share of videos, above 0 and up to 1")
    for place in map(located, [manifest, scenes, *([subset] if subset is not None else [])]):
        ours = place.name in WRITTEN or place.name.startswith("subset-")
        if ours and isinstance(place, Path) and place.resolve().parent == Path(out).resolve():
            raise InputError(f"--out {out}: {place} is there, which would be written over: give another folder")
    table, labels = Manifest.read(manifest, root), SceneTable.read(scenes)
    vectors, known = labels.rows_for([str(video) for video in table.rows["video"]])
    if len(table.actions) < 2:
        raise InputError(f"{table.name}: one action alone ({table.actions[0]}): there is nothing for a scene to tell")
    numbers = np.array([table.actions.index(action) for action in table.rows["action"]])
    weighed = TRAIN if TRAIN in table.splits else table.splits[0]
    train = known & (table.rows["split"] == weighed).to_numpy()
    if len(set(numbers[train].tolist())) < 2:
        raise InputError(f"{labels.source}: fewer than two actions of the split {weighed!r} have scene labels")
    compact = np.unique(numbers[train], return_inverse=True)[1].ravel()
    before = repair(vectors[train], compact, epochs=epochs, lr_weights=0)
    after = repair(vectors[train], compact, epochs=epochs)
    kept = np.ones(len(table), bool)
    kept[train] = kept_per_label(after.weights, compact, share)
    tested = (table.rows["split"] != weighed).to_numpy()
    subsets = {} if subset is None else _tested(read_subsets(subset), table, tested, subset)
    parts = {split: (table.rows["split"] == split).to_numpy() for split in table.splits}
    parts |= {f"subset {name}": inside & tested for name, inside in subsets.items()}
    bias = Bias(
        [_split(table, vectors, known, numbers, name, of, weighed) for name, of in parts.items()],
        (before.bias, after.bias), weighed, int(kept[train].sum()), _leaks(table, vectors, known),
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    weights = pd.DataFrame({"video": table.rows["video"][train], "weight": after.weights, "kept": kept[train]})
    write_table(out / "weights.parquet", weights.reset_index(drop=True), "weights", labeller=labels.labeller)
    replace(table, rows=table.rows[kept].reset_index(drop=True)).write(out / "manifest.parquet")
    replace(table, rows=_weighted(table.rows, train, after.weights, weighed)).write(out / "weighted.parquet")
    for name, inside in subsets.items():
        rows = table.rows[~tested | inside].reset_index(drop=True)
        replace(table, rows=rows).write(out / _file_of(name))
    write_json(out / "bias.json", {**asdict(bias), "labeller": labels.labeller, "share": share, "epochs": epochs})
    if not quiet:
        written = f"written: {out}/bias.json, weights.parquet; to be used with --root {table.root}: "
        manifests = "manifest.parquet (the balanced subset), weighted.parquet (all videos, drawn by their weights)"
        print("\n".join(map(visible, [*sentences(bias), written + manifests])))
    return bias


def _tested(
    subsets: Mapping[str, Sequence[str]], table: Manifest, tested: NDArray[np.bool_], file: Path
) -> dict[str, NDArray[np.bool_]]:
    """The test videos of each subset, bool (N,) by its name; says how many of its ids are no videos of the manifest.

    Raises:
        InputError: a subset without a test video, or two whose files would have one name.
    """
    inside, unknown = members(table, subsets, file)
    names: dict[str, str] = {}
    for name, of in inside.items():
        if not (of & tested).any():
            raise InputError(f"{file}: {name!r} names no test video of {table.name}")
        if (other := names.setdefault(_file_of(name), name)) != name:
            raise InputError(f"{file}: {other!r} and {name!r} would be one file, {_file_of(name)}: rename one of them")
        if unknown[name]:
            tell([
                f"{file}: {len(unknown[name])} of {counted(len(set(subsets[name])), 'id')} of {name!r} are no videos "
                f"of {table.name}, such as {unknown[name][0]!r}: its figures are of the others"
            ])  # fmt: skip
    return inside


def _file_of(subset: str) -> str:
    return f"subset-{re.sub(r'[^A-Za-z0-9_.-]', '_', subset)}.parquet"


def sentences(bias: Bias) -> list[str]:
    """What was found, in plain words."""
    said = [_sentence(split, bias.weighed) for split in bias.splits]
    before, after = bias.repair
    said.append(
        f"REPAIR's bias of {bias.weighed!r} is {before:.2f}, and {after:.2f} with the weights; the balanced subset "
        f"keeps {counted(bias.kept, 'video')} of it"
    )
    said += [f"leak: {leak}" for leak in bias.leaks[:NAMED]]
    return [*said, f"… and {len(bias.leaks) - NAMED} leaks more"] if len(bias.leaks) > NAMED else said


def _sentence(split: Split, weighed: str) -> str:
    untaught = f"{counted(split.untaught, 'video')} of actions that {weighed!r} does not show" if split.untaught else ""
    if split.accuracy is None:
        return f"{split.split}: nothing can be said of {untaught or 'videos without scene labels'}"
    return (
        f"{split.split}: the scene labels alone name the action of {100 * split.accuracy.value:.1f} % of "
        f"{counted(split.videos, 'video')} ({100 * split.accuracy.low:.1f} to {100 * split.accuracy.high:.1f}), where "
        f"guessing gives {100 * split.chance:.1f} %: B_scene = {split.resound:.2f}"
        f"{f'; without {untaught}' if untaught else ''}"
    )


def _split(
    table: Manifest,
    vectors: NDArray[np.float32],
    known: NDArray[np.bool_],
    numbers: NDArray[np.int64],
    split: str,
    of: NDArray[np.bool_],
    weighed: str,
) -> Split:
    train = (table.rows["split"] == weighed).to_numpy() & known
    taught = np.isin(numbers, numbers[train])
    untaught, of = int((of & known & ~taught).sum()), of & known & taught
    actions = len(np.unique(numbers[train]))
    if not of.any():
        return Split(split, 0, None, 1 / actions, None, untaught)
    if split == weighed:
        rows = table.rows[of]
        groups = rows["group"].where(rows["group"].notna(), rows["video"]) if "group" in rows else rows["video"]
        right = grouped_probe(vectors[of], numbers[of], groups.to_numpy(str)).right
    else:
        right = probed_labels(vectors[train], numbers[train], vectors[of]) == numbers[of]
    accuracy, chance = mean_interval(right), 1 / actions
    least = 1 / (len(right) * actions)  # of none rightly named, the logarithm would be infinite
    resound = representation_bias(max(accuracy.value, least), chance)
    return Split(split, int(of.sum()), accuracy, chance, resound, untaught)


def _weighted(rows: pd.DataFrame, known: NDArray[np.bool_], weights: NDArray[np.float64], split: str) -> pd.DataFrame:
    """The rows with a column of weights: of those of a split that have none, the mean; of other splits, none."""
    column = np.where(rows["split"] == split, weights.mean(), np.nan)
    column[known] = weights
    return rows.assign(weight=column)


def _leaks(table: Manifest, vectors: NDArray[np.float32], known: NDArray[np.bool_]) -> list[str]:
    """What two splits share."""
    rows, said = table.rows, []
    for column, what in (("group", "the group"), ("path", "the file")):
        if column in rows:
            of = rows[rows[column].notna()].groupby(column, sort=True)["split"].unique()
            shared = {name: sorted(splits) for name, splits in of.items() if len(splits) > 1}
            said += [f"{what} {name} is in {' and '.join(splits)}" for name, splits in shared.items()]
    return said + _twins(rows, vectors, known)


def _twins(rows: pd.DataFrame, vectors: NDArray[np.float32], known: NDArray[np.bool_]) -> list[str]:
    """Videos of two splits whose scene labels are the same to rounding: neighbours along a random direction.

    (Along some scenes' own axes most videos lie at 0, and neighbours are neighbours by chance.)
    """
    places = np.flatnonzero(known)
    if len(places) < 2:
        return []
    direction = np.random.default_rng(0).standard_normal(vectors.shape[1])
    order = np.argsort(vectors[places].astype(np.float64) @ direction, kind="stable")
    said = []
    for a, b in zip(places[order][:-1], places[order][1:], strict=True):
        first, second = rows.iloc[a], rows.iloc[b]
        if first["split"] != second["split"] and np.abs(vectors[a] - vectors[b]).sum() <= ALIKE:
            said.append(
                f"{first['video']} ({first['split']}) and {second['video']} ({second['split']}) have the same scene "
                f"labels: are they one video?"
            )
    return said
