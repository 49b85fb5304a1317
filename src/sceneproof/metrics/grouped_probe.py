"""How well a label can be read off a representation, where no separate training videos are given."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sceneproof.metrics.bootstrap import Interval, mean_interval
from sceneproof.metrics.representation_bias import probed_labels

FOLDS = 5

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Probe:
    """What a cross-validated linear classifier said of N rows, each by one that saw none of its group.

    Attributes:
        labels: (N,), the true ones.
        predicted: (N,), the one that each row was given.
        fold: int64 (N,), which fold each row was tested in.
        thin: label -> in how many groups it stands, for those in fewer groups than there are folds. One that stands in
            a single group is never in both training and test: its rows are wrong, and count.
    """

    labels: NDArray[Any]
    predicted: NDArray[Any]
    fold: Numbers
    thin: dict[Any, int]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Bool (N,)."""
        return np.asarray(self.labels == self.predicted)

    @property
    def accuracy(self) -> Interval:
        """Share of rows named rightly, with a 95 % bootstrap interval over rows, the classifiers as they are."""
        return mean_interval(self.right)

    @property
    def chance(self) -> float:
        """Accuracy of guessing each label as often as it occurs: the sum of squared shares."""
        return float((self._shares() ** 2).sum())

    @property
    def commonest(self) -> float:
        """Accuracy of always guessing the commonest label: what a probe must beat to have read anything."""
        return float(self._shares().max())

    def _shares(self) -> NDArray[np.float64]:
        return np.unique(self.labels, return_counts=True)[1] / len(self.labels)


def grouped_probe(
    features: ArrayLike, labels: ArrayLike, groups: ArrayLike, *, folds: int = FOLDS, seed: int = 0
) -> Probe:
    """Names each row by a linear classifier that was trained on the other folds.

    The classifier is `linear_probe`'s: logistic regression on features standardised by the training rows. Rows of one
    group lie in one fold, so what clips of one film have in common cannot be learnt by heart; labels are spread over
    the folds as evenly as groups allow. The same input and seed give the same answer.

    Args:
        features: (N, D), finite.
        labels: (N,), numbers or names.
        groups: (N,), what belongs together, such as the film that a clip is from.
        folds: how many parts; no more than there are groups are made.
        seed: of the folds.

    Raises:
        ValueError: unequal lengths, fewer than two groups or two labels, or a value that is not finite.
    """
    features, labels, groups = np.asarray(features, dtype=np.float64), np.asarray(labels), np.asarray(groups)
    if not len(features) == len(labels) == len(groups):
        raise ValueError(f"as many rows, labels and groups, not {len(features)}, {len(labels)} and {len(groups)}")
    names, label = np.unique(labels, return_inverse=True)
    kinds, group = np.unique(groups, return_inverse=True)
    if len(kinds) < 2 or len(names) < 2:
        raise ValueError(f"a probe needs two groups and two labels at least, not {len(kinds)} and {len(names)}")
    counts = np.zeros((len(kinds), len(names)), dtype=np.int64)
    np.add.at(counts, (group.ravel(), label.ravel()), 1)
    folds = min(folds, len(kinds))
    fold = spread(counts, folds, seed=seed)[group.ravel()]
    predicted = np.empty_like(labels)
    for number in range(folds):
        test = fold == number
        predicted[test] = probed_labels(features[~test], labels[~test], features[test], seed=seed)
    several = (counts > 0).sum(axis=0)
    thin = {name: int(count) for name, count in zip(names.tolist(), several, strict=True) if count < folds}
    return Probe(labels, predicted, fold, thin)


def spread(counts: Numbers, folds: int, *, seed: int = 0) -> Numbers:
    """Which fold each group goes to, so that each fold has its part of each label: int64 (G,).

    Large groups are placed first, each where the labels it holds are rarest, then where the fewest rows are; which
    come first among equal ones follows from the seed. (scikit-learn's StratifiedGroupKFold refuses labels that are
    rarer than folds, and may leave a fold empty.)

    Args:
        counts: int64 (G, L), rows of each label in each group, one or more a group.
        folds: 2 to G.
        seed: of the order.
    """
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    held = np.zeros((folds, counts.shape[1]))
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    rows, fold = np.zeros(folds), np.empty(len(counts), dtype=np.int64)
    for number in order:
        crowded = held @ shares[number]
        best = np.lexsort((rows, np.round(crowded, 12)))[0]  # an empty fold comes first in both, so none stays empty
        fold[number] = best
        held[best] += shares[number]
        rows[best] += counts[number].sum()
    return fold
