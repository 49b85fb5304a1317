"""Holding out a part of the clips: action by action, groups kept whole, the same on every machine."""

import hashlib
from collections import Counter
from collections.abc import Sequence


def hold_out(actions: Sequence[str], groups: Sequence[str], share: float, *, seed: int) -> list[bool]:
    """Which clips are held out: about `share` of each action, whole groups only.

    Groups are gone through in an order drawn from the seed and their names alone, so that adding clips moves few
    others. An action with at least two groups gets at least one clip held out where a group can be spared, and never
    all of them.

    Args:
        actions: each clip's action.
        groups: each clip's group, such as the film it was cut from; a group may span actions.
        share: 0 to 1.
        seed: of the order.
    """
    members: dict[str, Counter[str]] = {}
    for action, group in zip(actions, groups, strict=True):
        members.setdefault(group, Counter())[action] += 1
    total, held = Counter(actions), Counter[str]()
    several = {action for action in total if sum(action in inside for inside in members.values()) > 1}
    target = {action: max(1, round(share * total[action])) if share and action in several else 0 for action in total}
    order = sorted(members, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).digest())
    chosen = set()
    for group in order:
        if all(held[action] + count <= target[action] for action, count in members[group].items()):
            chosen.add(group)
            held.update(members[group])
    for action in sorted(several):  # groups too large for the target: the smallest that leaves clips to train on
        if target[action] and not held[action]:
            spare = [
                group
                for group in order
                if action in members[group] and all(held[a] + n < total[a] for a, n in members[group].items())
            ]
            if spare:
                group = min(spare, key=lambda group: members[group].total())
                chosen.add(group)
                held.update(members[group])
    return [group in chosen for group in groups]
