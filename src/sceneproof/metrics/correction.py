"""Counterfactual correction: what a model says of a clip, less a share of what it says of the scene alone.

After Sun et al., "Counterfactual Debiasing Inference for Compositional Action Recognition", ACM MM 2021, where the
biased branch is trained; here it is the model itself, shown the clip without its person, so nothing is trained. Their
code picks the share on the test set; here it is chosen on clips in context alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEAST = 5e-6
"""Probabilities below this are taken for it: half of the last decimal that audits keep, so that none ties with it."""
ALPHAS = tuple(round(0.05 * step, 2) for step in range(21))
"""Shares that are tried: 0 to 1."""


def corrected(scores: ArrayLike, scene: ArrayLike, alpha: float) -> NDArray[np.float64]:
    """Probabilities after the correction: softmax of log p(clip) - alpha log p(scene alone).

    Args:
        scores: (N, C), probabilities of the clips.
        scene: (N, C), of the same clips without their person.
        alpha: share of the scene's answer that is taken out; 0 leaves the scores as they are.

    Returns:
        float64 (N, C); a class that has no probability in either has none. Where the clip gives none
        to any class, all have the same: there is nothing to correct.

    Raises:
        ValueError: other shapes.
    """
    clip, place = np.asarray(scores, np.float64), np.asarray(scene, np.float64)
    if clip.shape != place.shape or clip.ndim != 2:
        raise ValueError(f"two tables of one shape, not {clip.shape} and {place.shape}")
    logits = np.log(np.maximum(clip, LEAST)) - alpha * np.log(np.maximum(place, LEAST))
    logits[(clip == 0) & (place == 0)] = -np.inf
    logits[~(clip > 0).any(axis=1)] = 0.0
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def chosen_alpha(right: ArrayLike, cost: float, alphas: Sequence[float] = ALPHAS) -> float:
    """The largest share up to which accuracy in context never falls by more than `cost`.

    Args:
        right: bool (K, N), whether each clip in context is named rightly with each share.
        cost: what may be lost, from 0 to 1.
        alphas: the K shares, from 0 upwards.

    Raises:
        ValueError: no clips, or not as many rows as shares.
    """
    hits = np.asarray(right, np.float64)
    if hits.ndim != 2 or len(hits) != len(alphas) or not hits.shape[1]:
        raise ValueError(f"a row for each of {len(alphas)} shares with a clip at least, not {hits.shape}")
    accuracy = hits.mean(axis=1)
    within = accuracy >= accuracy[0] - cost - 1e-12
    return float(alphas[int(np.argmin(within)) - 1] if not within.all() else alphas[-1])
