"""How far a representation alone tells the labels, and weights under which it tells less.

REPAIR: Li and Vasconcelos, "REPAIR: Removing Representation Bias by Dataset Resampling", CVPR 2019. The authors' code
(JerryYLi/Dataset-REPAIR at commit 45d4c6f, MIT) steps a linear classifier and the weights on the same batch, one after
the other's loss; so does this.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn import functional

LEAST_MEAN = 1e-3
"""Of a label's weights, over the mean of all: a step that would leave less is not taken, nor any after it. On a dozen
rows the paper's rate takes labels away altogether, and then divides 0 by 0."""


@dataclass(frozen=True)
class Repaired:
    """What REPAIR found.

    Attributes:
        bias: 1 - R* / H(Y), 0 to 1: what the representation tells of the label, with these weights; R* is the
            classifier's cross entropy over the last epoch, H the entropy of the labels.
        weights: float64 (N,), 0 to 1: how much of each row is kept.
        shares: float64 (C,), of the labels after weighting.
    """

    bias: float
    weights: NDArray[np.float64]
    shares: NDArray[np.float64]


def repair(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    epochs: int = 200,
    batch: int = 1024,
    lr: float = 0.1,
    lr_weights: float = 10.0,
    momentum: float = 0.9,
) -> Repaired:
    """Weighs rows so that a linear classifier on the representation learns as little of the labels as it can.

    Each step: w = sigmoid(u), z = w / mean(w); the classifier descends mean(z l), the weights descend its share of the
    entropy of the weighted labels, 1 - mean(z l) / H (equations 9 to 12 of the paper). The weights stay as they are
    from where a step would take a label's rows away.

    Args:
        features: (N, D), finite, of a representation such as scene posteriors.
        labels: (N,), numbers 0 to C - 1.
        epochs: passes over the rows, in their order; 0 weights come out as one half.
        batch: rows a step.
        lr: of the classifier, which starts at 0.
        lr_weights: of u, which starts at 0; 0: the bias of the rows as they are.
        momentum: of the classifier's steps.

    Raises:
        ValueError: unequal lengths, fewer than two labels, or a value that is not finite.
    """
    x = torch.from_numpy(np.ascontiguousarray(features, np.float32))
    y = torch.from_numpy(np.ascontiguousarray(labels, np.int64))
    if len(x) != len(y) or not len(y) or not bool(x.isfinite().all()) or int(y.max()) < 1:
        raise ValueError("as many finite rows as labels are needed, of two labels at least")
    one_hot = functional.one_hot(y).T.float()
    classifier = nn.Linear(x.shape[1], len(one_hot))
    for part in classifier.parameters():
        nn.init.zeros_(part)
    free = torch.zeros(len(x), requires_grad=True)
    descent = torch.optim.SGD(classifier.parameters(), lr=lr, momentum=momentum)
    losses: list[float] = []
    for _ in range(epochs):
        losses = []
        for start in range(0, len(x), batch):
            rows = slice(start, start + batch)
            weights = torch.sigmoid(free)
            relative = weights[rows] / weights.mean()
            shares = one_hot @ weights
            shares = shares / shares.sum()
            loss = (functional.cross_entropy(classifier(x[rows]), y[rows], reduction="none") * relative).mean()
            entropy = -(shares[y[rows]].log() * relative).mean()
            (step,) = torch.autograd.grad(1 - loss / entropy, free, retain_graph=True)
            descent.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's
            descent.step()
            losses.append(loss.item())
            if _least_mean(one_hot, free - lr_weights * step) < LEAST_MEAN:
                lr_weights = 0
            with torch.no_grad():
                free -= lr_weights * step
    with torch.no_grad():
        weights = torch.sigmoid(free).double()
        shares = one_hot.double() @ weights
        shares = shares / shares.sum()
        entropy = -(shares * shares.log()).sum()
    risk = float(np.mean(losses)) if losses else float(np.log(len(one_hot)))
    return Repaired(float(1 - risk / entropy), weights.numpy(), shares.numpy())


def _least_mean(one_hot: torch.Tensor, free: torch.Tensor) -> float:
    """The mean weight of the label that has the least, over that of all rows; NaN is none."""
    weights = torch.sigmoid(free.detach())
    means = one_hot @ weights / one_hot.sum(1).clamp_min(1)
    return float((means / weights.mean()).nan_to_num(0)[one_hot.any(1)].min())


def kept_per_label(weights: ArrayLike, labels: ArrayLike, share: float = 0.5) -> NDArray[np.bool_]:
    """Which rows are kept, bool (N,): of each label the rows with the largest weights, so many that labels keep theirs.

    The paper's "per-class ranking" (section 4.2). At least one row of each label stays.

    Args:
        weights: (N,).
        labels: (N,).
        share: of each label's rows, 0 to 1.
    """
    weights, labels = np.asarray(weights, np.float64), np.asarray(labels)
    kept = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        order = rows[np.argsort(-weights[rows], kind="stable")]
        kept[order[: max(1, round(share * len(rows)))]] = True
    return kept
