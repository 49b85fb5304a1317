"""A function that names one of a few answers: which it is asked, and what becomes of what it says."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.calibration import ACTIONS as WORLD
from benchmarks.calibration import make_world

from sceneproof import cli
from sceneproof.audit.models.choice_model import NONE, ChoiceModel
from sceneproof.audit.models.opening import open_subject
from sceneproof.audit.subject import Pixels
from sceneproof.audit.table import AuditTable
from sceneproof.errors import InputError
from sceneproof.files import read_json
from tests.audit.models.subjects import noise

ACTIONS = ("brush_hair", "run", "jump")


def first(clip: Pixels, answers: list[str]) -> str:
    """Whatever is read out first."""
    return answers[0]


def nothing(clip: Pixels, answers: list[str]) -> None:
    """None of these."""


def by_name(clip: Pixels, answers: list[str]) -> str:
    """The first in the alphabet, in capitals."""
    return min(answers).upper()


def model(function: Any) -> ChoiceModel:
    return ChoiceModel(function, actions=ACTIONS, title="mine", source="")


def test_all_probability_is_on_the_answer_that_is_named() -> None:
    clips = noise(2, 16)
    assert model(first).choose(clips, [2, 0]).scores.tolist() == [[0, 0, 1, 0]] * 2
    assert model(by_name).choose(clips, [2, 0]).scores.tolist() == [[1, 0, 0, 0]] * 2
    assert model(nothing).choose(clips, [2, 0]).scores.tolist() == [[0, 0, 0, 1]] * 2
    assert model(first).actions[-1] == NONE


@pytest.mark.parametrize(
    ("said", "message"), [("swim", r"named 'swim', which is none of the answers \(jump, brush hair\)"), (3, "'3'")]
)
def test_another_answer_is_refused(said: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model(lambda clip, answers: said).choose(noise(1, 16), [2, 0])


def test_failures_of_the_function_are_told() -> None:
    def fails(clip: Pixels, answers: list[str]) -> str:
        raise RuntimeError("no server")

    with pytest.raises(InputError, match="mine: failed on a clip of 16x40x56x3: RuntimeError: no server"):
        model(fails).choose(noise(1, 16), [0, 1])


def test_without_answers_there_is_nothing_to_ask() -> None:
    with pytest.raises(InputError, match="multiple choice"):
        open_subject(f"choices:{__name__}:first", actions=ACTIONS).answer(noise(1, 16))


def test_an_audit_asks_for_the_person_the_place_and_others(tmp_path: Path) -> None:
    world = make_world(tmp_path / "world", each=2)
    people = ["--humans", str(world.parent / "masks.parquet"), "--variants", "swap_random", "--workers", "0", "--quiet"]
    for name in ("first", "nothing"):
        out = tmp_path / name
        cli.main(["audit", f"choices:{__name__}:{name}", str(world), "--out", str(out), "--shown", "0", *people])
    figures = read_json(tmp_path / "nothing" / "audit.json")["figures"]
    assert figures["top1"]["value"] == 0
    table = AuditTable.read(tmp_path / "first")
    swapped = table.rows[table.rows["variant"] == "swap_random"]
    named = Counter(table.classes[int(np.argmax(scores))] for scores in swapped["scores"])
    assert len(named) > 2, "the answers are read out in other orders"
    assert NONE not in named
    assert set(named) <= set(WORLD)
    assert table.chance == 1 / 4, "four actions give four answers"
