"""Which action is shown in which scene, and how much the scene tells of the action.

The actions stand in a circle. The scenes come in groups of as many as there are actions; in each group every scene is

- the *first home* of one action, which is shown there most,
- the *second home* of another,
- *visited* by others, now and then,
- and *foreign* to the rest, half of all: never shown there in context. These pairs make the out-of-context splits.

Which action a scene belongs to in which role differs between the groups, so that no two scenes are shared by the same
actions in the same way. Every scene is shown with half of the actions, and every action in half of the scenes: what
the scene tells is never all, and no scene is out of context for its own sake.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError

FIRST_HOMES, SECOND_HOMES = 0.75, 0.25  # shares of an action's videos at full strength
_STEPS = (1, 3, 5, 7)  # how far the circle is gone round from one role to the next, for each group of scenes


def roles(actions: int, scenes: int) -> NDArray[np.int64]:
    """Each pair's role, (A, S): 0 first home, 1 second home, 2 up to A / 2 - 1 visited, from A / 2 on foreign.

    Raises:
        InputError: an odd number of actions, fewer than 4, or a number of scenes that is no multiple of it.
    """
    if actions < 4 or actions % 2 or scenes % actions:
        raise InputError(
            f"{actions} actions and {scenes} scenes: the actions must be an even number of at least 4, "
            f"and the scenes a multiple of it"
        )
    steps = [step for step in _STEPS if np.gcd(step, actions) == 1]
    group, owner = np.divmod(np.arange(scenes), actions)
    step = np.array([steps[number % len(steps)] for number in range(scenes // actions)])[group]
    distance = (owner[None] - np.arange(actions)[:, None]) % actions
    # the role r is held by the action from which r steps lead to the scene's owner
    table = np.arange(actions)[:, None, None] * step[None, None] % actions == distance[None]
    return np.asarray(table.argmax(0), np.int64)


def in_context(actions: int, scenes: int, strength: float) -> NDArray[np.float64]:
    """How likely each scene is, given the action, in context: (A, S), rows sum to 1.

    At strength 1 an action is shown in its homes alone, three quarters of the time in its first ones. At strength 0 it
    is shown equally often in all scenes that are not foreign to it: the scene tells then only what cannot be.
    """
    role = roles(actions, scenes)
    allowed = role < actions // 2
    first, second = role == 0, role == 1
    home = FIRST_HOMES * first / first.sum(1, keepdims=True) + SECOND_HOMES * second / second.sum(1, keepdims=True)
    return np.asarray(strength * home + (1 - strength) * allowed / allowed.sum(1, keepdims=True))


def out_of_context(actions: int, scenes: int) -> NDArray[np.float64]:
    """How likely each scene is, given the action, out of context: equally, among the foreign ones. (A, S)."""
    foreign = roles(actions, scenes) >= actions // 2
    return np.asarray(foreign / foreign.sum(1, keepdims=True))


def bayes_accuracy(shares: NDArray[np.float64]) -> float:
    """The accuracy of the best possible guess of the action from the true scene, the actions being equally likely.

    Args:
        shares: (A, S), how likely each scene is, given the action.
    """
    return float(shares.max(0).sum() / len(shares))


def allot(shares: NDArray[np.float64], count: int, random: np.random.Generator) -> Sequence[tuple[int, int]]:
    """Draws `count` pairs of action and scene, in random order.

    Actions are as equally frequent as `count` allows, and so are, by systematic sampling, the scenes of each action:
    a pair's number differs from its expectation by less than one.
    """
    actions = len(shares)
    numbers = np.full(actions, count // actions)
    numbers[random.permutation(actions)[: count % actions]] += 1
    pairs = []
    for action, number in enumerate(numbers):
        order = random.permutation(shares.shape[1])
        limits = np.cumsum(shares[action, order])
        places = (np.arange(number) + random.random()) / max(number, 1) * limits[-1]
        pairs += [(action, int(scene)) for scene in order[np.searchsorted(limits, places, side="right")]]
    return [pairs[place] for place in random.permutation(len(pairs))]
