"""When a tube's action is done: two states, action and background, by the Viterbi algorithm, frame after frame."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Trimmer:
    """Labels frames as they come so that, over all of them, the labelling is the best there is.

    The best labelling maximises the sum of `score` over frames of the action and `1 - score` over frames of the
    background, less `switch_cost` for each change (Saha et al. 2016; Singh et al. 2017; the
    released code labels by all classes at once). With two states it follows from one number, by how much the best
    labelling that ends in the action beats the best that ends in the background. Beyond the cost of a change, every
    best labelling of what may follow goes through this state here; within, this frame has the label of the next. So a
    frame waits for its label until the number leaves that band, and nothing but the number is kept.

    Args:
        switch_cost: from 0; 3 and 5 in the released code of Singh et al.
    """

    def __init__(self, switch_cost: float) -> None:
        self.switch_cost = switch_cost
        self._lead = 0.0

    def step(self, score: float) -> bool | None:
        """What this frame and all that wait are: True the action, False background, None not known yet.

        Args:
            score: of the class in this frame, 0 to 1.
        """
        cost = self.switch_cost
        self._lead = min(max(self._lead, -cost), cost) + 2 * score - 1
        if abs(self._lead) <= cost:
            return None
        return self._lead > 0

    @property
    def leads(self) -> bool:
        """What the frames that wait are if no more come: whether the action has the better labelling, and no tie."""
        return self._lead > 0


def trimmed(scores: Iterable[float], switch_cost: float) -> NDArray[np.bool_]:
    """The best labelling of a whole tube: bool (T,), where its action is done.

    Args:
        scores: (T,), of the class in each frame, 0 to 1.
        switch_cost: what each change of the label costs.
    """
    trimmer, labels, waiting = Trimmer(switch_cost), [], 0
    for score in scores:
        waiting += 1
        label = trimmer.step(score)
        if label is not None:
            labels += [label] * waiting
            waiting = 0
    return np.array([*labels, *[trimmer.leads] * waiting], np.bool_)
