"""How well a label can be read off a representation, where no separate training videos are given."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDS = 5


def cross_predicted(features: ArrayLike, labels: ArrayLike, groups: ArrayLike, *, seed: int = 0) -> NDArray[np.bool_]:
    """Which rows a linear classifier names rightly that was trained on the other folds: bool (N,).

    Logistic regression on standardised features, as `linear_probe` has it; rows of one group never lie in two folds, labels
    are spread over the folds as evenly as groups allow. A label that stands in one group alone cannot be learnt from the
    others: its rows are wrong.

    Args:
        features: (N, D), finite.
        labels: (N,), numbers or names.
        groups: (N,), what belongs together, such as the film a clip is from.
        seed: of the folds.

    Raises:
        ValueError: fewer than two groups or two labels.
    """
    features, labels, groups = np.asarray(features, np.float64), np.asarray(labels), np.asarray(groups)
    several, kinds = len(np.unique(groups)), len(np.unique(labels))
    if several < 2 or kinds < 2:
        raise ValueError(f"a probe needs two groups and two labels at least, not {several} and {kinds}")
    right = np.zeros(len(labels), np.bool_)
    folds = StratifiedGroupKFold(n_splits=min(FOLDS, several), shuffle=True, random_state=seed)
    for train, test in folds.split(features, labels, groups):
        if not len(test):
            continue
        if len(np.unique(labels[train])) < 2:  # one label alone needs no classifier, and none would fit
            right[test] = labels[test] == labels[train][0]
            continue
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        probe.fit(features[train], labels[train])
        right[test] = probe.predict(features[test]) == labels[test]
    return right
