from typing import Any

import numpy as np
import pytest
import torch

from sceneproof.audit.models.callable_model import CallableModel, open_callable
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.subject import Pixels
from sceneproof.errors import InputError
from tests.audit.models.subjects import CLASSES, Brightness, noise

HERE = __name__


def even(clip: Pixels) -> list[float]:
    return [0.5, 0.25, 0.25]


def vandal(clip: Pixels) -> torch.Tensor:
    clip[:] = 0
    return torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)


def broken(clip: Pixels) -> list[float]:
    raise KeyError("no such layer")


class NeedsMore:
    def __init__(self, path: str) -> None:
        self.path = path


class Stuck:
    def __init__(self) -> None:
        raise ValueError("weights are gone")


NUMBER = 3


def test_a_function_gets_one_clip_at_a_time_and_cannot_change_it() -> None:
    seen: list[tuple[int, ...]] = []

    def model(clip: Pixels) -> list[float]:
        seen.append(clip.shape)
        assert clip.dtype == np.uint8
        return [0, 0, 0]

    clips = noise(2, 5)
    answer = CallableModel(model, actions=CLASSES, inputs=InputSettings(frames=5)).answer(clips)
    assert seen == [(5, 40, 56, 3)] * 2
    np.testing.assert_allclose(answer.scores, np.full((2, 3), 1 / 3))
    before = clips.copy()
    answer = CallableModel(vandal, actions=CLASSES).answer(clips)
    assert answer.scores.tolist() == [[1, 0, 0]] * 2
    assert (clips == before).all()


def test_scores_by_name() -> None:
    def model(clip: Pixels) -> dict[str, float]:
        return {"swim": 0.7, "jump": 0.1, "run": 0.2}

    np.testing.assert_allclose(CallableModel(model, actions=CLASSES).answer(noise(1, 2)).scores, [[0.1, 0.2, 0.7]])
    with pytest.raises(InputError, match=r"model: gives no score for 'fly'"):
        CallableModel(model, actions=[*CLASSES, "fly"]).answer(noise(1, 2))
    with pytest.raises(InputError, match=r"model: gives a score for 'swim', which is no class"):
        CallableModel(model, actions=["jump", "run"]).answer(noise(1, 2))


def test_probabilities_stay_and_other_scores_go_through_softmax() -> None:
    assert CallableModel(even, actions=CLASSES).answer(noise(1, 2)).scores.tolist() == [[0.5, 0.25, 0.25]]
    as_logits = CallableModel(even, actions=CLASSES, inputs=InputSettings(outputs="logits")).answer(noise(1, 2)).scores
    powers = np.exp([0.5, 0.25, 0.25])
    np.testing.assert_allclose(as_logits, [powers / powers.sum()], rtol=1e-6)


def test_what_the_callable_says_of_itself() -> None:
    subject = open_callable(f"{HERE.rpartition('.')[0]}.subjects:Brightness", None, InputSettings())
    assert subject.actions == CLASSES
    assert (subject.sampling.length, subject.sampling.stride) == (4, None)
    given = CallableModel(Brightness(), actions=["a", "b", "c"], inputs=InputSettings(frames=9, stride=2))
    assert given.actions == ["a", "b", "c"]
    assert (given.sampling.length, given.sampling.stride) == (9, 2)
    plain = CallableModel(even, actions=CLASSES)
    assert (plain.sampling.length, plain.sampling.stride) == (16, 1)
    assert plain.identity == CallableModel(even, actions=CLASSES).identity != subject.identity


@pytest.mark.parametrize(("made", "message"), [
    ([1, 2], r"gives scores of shape \(2,\), where \(3,\)"), ([[1, 2, 3]] * 2, r"shape \(2, 3\), where \(3,\)"),
    (1.0, r"shape \(\), where"), ("jump", "gives str, where scores"), (None, r"shape \(\), where"),
    ([1, np.nan, 0], "not finite"),
])  # fmt: skip
def test_what_is_no_scores(made: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CallableModel(lambda clip: made, actions=CLASSES, title="mine").answer(noise(1, 2))


def test_failures_of_the_users_code_are_told() -> None:
    subject = open_callable(f"{HERE}:broken", CLASSES, InputSettings(frames=2))
    with pytest.raises(
        InputError, match=r"broken: failed on a clip of 2x40x56x3: KeyError: 'no such layer' \(.*line \d+"
    ):
        subject.answer(noise(1, 2))


@pytest.mark.parametrize(("word", "message"), [
    ("no_such_module:f", "no_such_module cannot be imported"), (f"{HERE}:nothing", "has no 'nothing'"),
    (f"{HERE}:NUMBER", "is int, where a function is needed"), (f"{HERE}:even", "which classes are its scores of"),
    (f"{HERE}:NeedsMore", "cannot be made without arguments: TypeError"),
    (f"{HERE}:Stuck", "cannot be made without arguments: ValueError: weights are gone"),
])  # fmt: skip
def test_words_that_name_no_model(word: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_callable(word, None, InputSettings())


def test_a_module_that_fails_while_it_is_imported(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_model.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="failing_model failed while it was imported: ZeroDivisionError"):
        open_callable("failing_model:f", None, InputSettings())
