"""Static shortcuts, found without labels of them: kinds of stills on which a model errs more, and surely."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans

LEAST, MOST = 0.15, 0.85
"""Shares of an action's clips: with fewer, or more, of them in a cluster, the others are nothing to compare with."""


@dataclass(frozen=True)
class Shortcut:
    """A cluster of stills, and what the clips that show it do to a model.

    Attributes:
        members: int64, the clips in it.
        actions: int64, numbers of the actions that it was compared within.
        error: how much more often these actions are named rightly on their clips outside it than inside, −1 to 1.
        confidence: mean probability, for the stills of its wrongly named clips, of the class that is named wrongly;
            0 where none is.
    """

    members: NDArray[np.int64]
    actions: NDArray[np.int64]
    error: float
    confidence: float

    @property
    def score(self) -> float:
        """Their sum, by which shortcuts are ranked."""
        return self.error + self.confidence


def clusters_of(features: ArrayLike, count: int, *, seed: int = 0) -> NDArray[np.int64]:
    """K-means on features of unit length: int64 (N,), the cluster of each of N stills (N, D); no more than differ."""
    vectors = np.asarray(features, np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, 1e-12)
    count = min(count, len(np.unique(unit.round(6), axis=0)))
    clusters: NDArray[np.int64] = KMeans(count, n_init=10, random_state=seed).fit_predict(unit).astype(np.int64)
    return clusters


def shortcuts(
    clusters: ArrayLike, truth: ArrayLike, predicted: ArrayLike, still: ArrayLike, chance: float, *, least: float = 0.1
) -> list[Shortcut]:
    """Clusters whose clips are named wrongly more often than others of the same actions, the gravest first.

    A cluster is compared within each action of which it holds from 15 to 85 % of the clips: so a hard action is no
    shortcut. `error` is the mean over its clips of these differences (TRoVe's error contribution); `confidence` is
    TRoVe's static bias: what one still repeated says for the class that is named wrongly. A cluster counts where the
    first is at least `least` and the second above chance.

    Source: Varma et al., TRoVe, NeurIPS 2025 (github.com/Stanford-AIMI/TRoVe); there clusters are of frames, several a
    video, and here of one still a clip.

    Args:
        clusters: int64 (N,), of each clip's still.
        truth: int64 (N,), each clip's action.
        predicted: int64 (N,), the action that is named; below 0: none of them.
        still: float (N,), the probability that the still alone gives to what is named.
        chance: the probability of a guess.
        least: the smallest error that counts.

    Raises:
        ValueError: unequal lengths.
    """
    group, truth, predicted = (np.asarray(values, np.int64) for values in (clusters, truth, predicted))
    confidence = np.asarray(still, np.float64)
    if not len(group) == len(truth) == len(predicted) == len(confidence):
        raise ValueError("as many clusters, actions, predictions and stills are needed")
    right = predicted == truth
    kept = []
    for number in np.unique(group):
        inside = group == number
        actions, lost, clips = [], 0.0, 0
        for action in np.unique(truth[inside]):
            of = truth == action
            if LEAST <= (share := (inside & of).sum() / of.sum()) <= MOST and share * of.sum() >= 2:
                actions.append(action)
                count = int((inside & of).sum())
                lost += count * (right[of & ~inside].mean() - right[of & inside].mean())
                clips += count
        members = np.flatnonzero(inside & np.isin(truth, actions))
        wrong = members[~right[members]]
        sure = float(confidence[wrong].mean()) if len(wrong) else 0.0
        if clips and lost / clips >= least and sure > chance:
            kept.append(Shortcut(members, np.array(actions, np.int64), lost / clips, sure))
    return sorted(kept, key=lambda shortcut: -shortcut.score)
