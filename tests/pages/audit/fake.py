"""Made-up audits: what models of known behaviour say of every variant, without any video."""

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from sceneproof.audit.measures import Measures, measure
from sceneproof.audit.probes import probe_figures
from sceneproof.audit.table import COLUMNS, AuditTable
from sceneproof.contexts.variants import VARIANTS

ACTIONS = ("dive", "jump", "run", "wave")
NOBODY = "nobody is known to be in its frames"
NO_PERSON = ("human_filled", "human_inpainted")
NO_PLACE = ("scene_grey", "scene_noise")
TIME = ("shuffled", "reversed", "frozen")
FEATURED = ("original", "shuffled", "scuba_texture", "scuba_sinusoid", "frozen")
Say = Callable[[int | None, int | None, int], int]
"""What a model names of the action that is done, that of the place (None: not to be seen) and a guess."""


def person_only(person: int | None, place: int | None, guess: int) -> int:
    """Sees people who move, and no place."""
    return guess if person is None else person


def scene_only(person: int | None, place: int | None, guess: int) -> int:
    """Sees places, and no people."""
    return guess if place is None else place


def coin(person: int | None, place: int | None, guess: int) -> int:
    """Sees nothing."""
    return guess


def never_right(person: int | None, place: int | None, guess: int) -> int:
    """Names something that is not audited, whatever it is shown."""
    return -1


def fake_table(
    say: Say,
    *,
    each: int = 8,
    actions: Sequence[str] = ACTIONS,
    variants: Sequence[str] = VARIANTS,
    scenes: bool = True,
    nobody: Collection[int] = (),
    unread: Collection[int] = (),
    model: str = "the fake",
    names: dict[str, str] | None = None,
) -> AuditTable:
    """An audit of `each` videos an action: video n does action n % A in that action's own place.

    A guess is right on one video in A, exactly, where `each` is a multiple of A.

    Args:
        say: the model.
        each: videos an action.
        actions: their names, sorted.
        variants: those that were asked for.
        scenes: whether places have names.
        nobody: numbers of videos without known people.
        unread: numbers of videos that cannot be read.
        model: its name.
        names: texts in place of a row's 'note', 'background' or 'problem' (of what is unread), and of 'scene'.
    """
    count, named = len(actions), {"note": "spatial", "problem": "cannot be read: no video stream", **(names or {})}
    rows = []
    for number in range(each * count):
        action, guess, lender = (
            number % count,
            number // count % count,
            (number + 1 + number // count % max(1, count - 1)) % count,
        )
        scene = named.get("scene", f"{actions[action]} place") if scenes else None
        row: dict[str, Any] = {
            **dict.fromkeys(COLUMNS), "video": f"video_{number:03d}", "split": "test", "action": actions[action],
            "scene": scene, "problem": "", "background": "", "background_action": "", "background_scene": "",
            "note": "", "on_person": np.nan, "person_area": np.nan,
        }  # fmt: skip
        for variant in variants:
            found = {**row, "variant": variant}
            if number in unread:
                rows.append(found | {"problem": named["problem"]})
                continue
            if number in nobody and variant not in ("original", *TIME):
                rows.append(found | {"problem": NOBODY})
                continue
            person, place = _shown(variant, action, lender)
            found["scores"] = _sharp(say(person, place, guess), count)
            if variant in FEATURED:
                found["features"] = _features(person, place, number, count)
            if variant == "original" and number not in nobody:
                found |= {"on_person": 0.3, "person_area": 0.1, "outline": _features(action, None, number, count)}
            if variant.startswith("swap_"):
                other = action if variant == "swap_same" else lender
                found |= {"background": named.get("background", f"video_{other:03d}"), "note": named["note"]}
                found |= {"background_action": actions[other], "background_scene": f"{actions[other]} place"}
            if variant == "self_paste":
                found |= {"background": row["video"], "background_action": row["action"], "background_scene": scene}
            rows.append(found)
    facts = {"model": model, "settings": {"manifest": "m.parquet", "seed": 0, "maps": True, "scenes": None}}
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return AuditTable(table, [*actions, "cook"], list(actions), np.array([*range(count), -1]), facts)


def measured(table: AuditTable, *, probes: bool = False) -> Measures:
    """Its figures; those that a probe is trained for only where they are asked for, as they take a second."""
    return measure(table, probes=probe_figures(table, None) if probes else ())


@cache
def whole(say: Say) -> tuple[AuditTable, Measures]:
    """The audit of 32 videos in every variant, measured once for all tests; without probes."""
    table = fake_table(say)
    return table, measured(table)


def _shown(variant: str, action: int, lender: int) -> tuple[int | None, int | None]:
    """Whose action, and whose place, can be seen; one frame shows no movement, and so nothing done."""
    if variant in NO_PERSON:
        return None, action
    if variant in NO_PLACE or variant.startswith(("scuba_", "conflict_")):
        return action, None
    if variant.startswith("scufo_"):
        return None, None
    if variant in ("shuffled", "frozen"):
        return None, action
    return action, lender if variant in ("swap_random", "swap_close", "swap_far") else action


def _sharp(named: int, count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    scores = np.full(count + 1, 0.02, np.float32)
    scores[named] = 1 - 0.02 * count
    return scores


def _features(person: int | None, place: int | None, number: int, count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    random = np.random.default_rng(number)
    vector = random.normal(0, 0.1, 2 * count)
    for part, what in enumerate((person, place)):
        if what is not None:
            vector[part * count + what] += 1
    return vector.astype(np.float32)
