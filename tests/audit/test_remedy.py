"""The counterfactual correction: by hand, and on a model that is half scene and half person."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from sceneproof.audit.remedy import Remedied, remedied, remedy, sentences
from sceneproof.audit.table import COLUMNS, AuditTable
from sceneproof.correction import Remedy
from sceneproof.errors import InputError
from sceneproof.metrics.correction import ALPHAS, chosen_alpha, corrected

ACTIONS = ["a", "b", "c", "d"]


def test_correction_by_hand() -> None:
    # .5^1 / .8^.5 : .3 / .1^.5 : .2 / .1^.5 = .5590 : .9487 : .6325
    found = corrected([[0.5, 0.3, 0.2]], [[0.8, 0.1, 0.1]], 0.5)
    assert found[0] == pytest.approx(np.array([0.55902, 0.94868, 0.63246]) / 2.14016, abs=1e-4)


def test_nothing_taken_out_leaves_the_answers_and_the_scene_named_loses() -> None:
    clip, scene = np.array([[0.6, 0.3, 0.1]]), np.array([[0.9, 0.05, 0.05]])
    assert corrected(clip, scene, 0)[0] == pytest.approx(clip[0])
    shares = [corrected(clip, scene, alpha)[0, 0] for alpha in ALPHAS]
    assert shares == sorted(shares, reverse=True), "the more is taken out, the less the scene's class gets"


def test_a_class_that_neither_gives_any_probability_gets_none() -> None:
    assert corrected([[0.7, 0.3, 0.0]], [[0.9, 0.1, 0.0]], 1.0)[0, 2] == 0


def test_the_last_decimal_that_is_kept_wins_over_none() -> None:
    assert corrected([[0.0, 1e-5]], [[0.5, 0.5]], 0)[0].argmax() == 1


def test_where_nothing_is_known_the_answer_stays_no_answer() -> None:
    found = corrected([[0.0, 0.0], [0.0, 0.0], [0.5, 0.5]], [[0.0, 0.0], [0.9, 0.1], [0.9, 0.1]], 0.5)
    assert found[:2].tolist() == [[0.5, 0.5]] * 2
    assert found[2, 1] > found[2, 0]


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one shape"):
        corrected([[0.5, 0.5]], [[1.0]], 0.5)


@pytest.mark.parametrize(
    ("accuracies", "cost", "alpha"),
    [((0.8, 0.8, 0.7, 0.8), 0.01, 0.1), ((0.8, 0.7, 0.9, 0.9), 0.0, 0.0), ((0.5, 0.6, 0.7, 0.5), 0.0, 0.3),
     ((0.8, 0.7, 0.6, 0.5), 0.2, 0.2)],
)  # fmt: skip
def test_the_largest_share_before_accuracy_first_falls(
    accuracies: tuple[float, ...], cost: float, alpha: float
) -> None:
    right = np.array([[place < 10 * share for place in range(10)] for share in accuracies])
    assert chosen_alpha(right, cost, (0.0, 0.1, 0.2, 0.3)) == alpha


def table(weight: float, *, scene_alone: bool = True) -> AuditTable:
    """A model that gives `weight` of its answer to the place and the rest to the person, on 40 clips of 20 films."""

    def says(person: int | None, place: int) -> NDArray[np.float64]:
        scores = np.full(4, 0.1)
        scores[place] += weight
        if person is not None:
            scores[person] += 1 - weight
        return np.asarray(scores / scores.sum())

    rows = []
    for number in range(40):
        action = number % 4
        base = dict.fromkeys(COLUMNS) | {
            "video": f"v{number:02}", "split": "test", "action": ACTIONS[action], "group": f"film{number // 2}",
            "problem": "", "background": "", "background_action": "", "note": "",
        }  # fmt: skip
        rows.append(base | {"variant": "original", "scores": says(action, action)})
        if scene_alone:
            rows.append(base | {"variant": "human_inpainted", "scores": says(None, action)})
        other = (number + 1) % 40
        place = {"background": f"v{other:02}", "background_action": ACTIONS[other % 4]}
        rows.append(base | place | {"variant": "swap_random", "scores": says(action, other % 4)})
    facts = {"model": "half", "identity": "sha", "settings": {}}
    return AuditTable(pd.DataFrame(rows), ACTIONS, ACTIONS, np.arange(4), facts)


def test_what_the_place_says_is_taken_out_of_swapped_clips() -> None:
    found = remedied(table(0.6))
    assert isinstance(found, Remedied)
    assert found.swaps is not None
    before, after, change = found.swaps
    assert (before.sberr.value, after.sberr.value) == (1, 0)
    assert (before.shacc.value, after.shacc.value) == (0, 1)
    assert change.sberr.value == -1
    assert found.top1[0].value == found.top1[1].value == 1, "in context nothing is lost"
    assert found.remedy.alpha > 0.3
    assert "names the place’s action on 0.0" in sentences(found)[1]


def test_clips_in_other_places_have_no_say() -> None:
    whole = table(0.6)
    swapped = whole.rows["variant"] == "swap_random"
    without = AuditTable(whole.rows[~swapped], whole.classes, whole.actions, whole.action_of, whole.facts)
    first, second = remedied(whole), remedied(without)
    assert isinstance(first, Remedied)
    assert isinstance(second, Remedied)
    assert first.remedy == second.remedy
    assert first.alphas == second.alphas
    assert second.swaps is None


def test_without_the_scene_alone_there_is_a_reason() -> None:
    assert "human_inpainted" in str(remedied(table(0.5, scene_alone=False)))


def test_the_variant_that_shows_the_scene_can_be_named() -> None:
    assert "(human_filled)" in str(remedied(table(0.6), scene="human_filled"))
    found = remedied(table(0.6), scene="human_inpainted")
    assert isinstance(found, Remedied)
    assert found.remedy.scene == "human_inpainted"


def test_the_command_keeps_a_file_for_this_model_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(0.6).write(tmp_path / "audit.parquet")
    found = remedy(tmp_path, tmp_path / "remedy.json")
    assert "Taking" in capsys.readouterr().out
    kept = Remedy.read(tmp_path / "remedy.json")
    assert kept == found.remedy
    kept.refuse_other(ACTIONS, "sha", tmp_path / "remedy.json")
    with pytest.raises(InputError, match="other weights"):
        kept.refuse_other(ACTIONS, "another", tmp_path / "remedy.json")
    with pytest.raises(InputError, match="other classes"):
        kept.refuse_other(ACTIONS[:2], "sha", tmp_path / "remedy.json")
    (tmp_path / "no.json").write_text(json.dumps({"alpha": 3, "classes": []}))
    with pytest.raises(InputError, match=r"no\.json: no remedy"):
        Remedy.read(tmp_path / "no.json")
    with pytest.raises(InputError, match=r"--cost 2"):
        remedy(tmp_path, tmp_path / "remedy.json", cost=2)
