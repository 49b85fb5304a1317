import numpy as np
import pytest
from hypothesis import given, settings

from sceneproof.metrics.boxes import FoundBoxes, TrueBoxes
from sceneproof.metrics.frame_diagnosis import BoxKind, error_areas, kinds
from sceneproof.metrics.frame_map import frame_average_precision, match_boxes
from tests.metrics.box_cases import cases, formula, found_boxes, in_frames, true_boxes

WHOLE = (0, 0, 10, 10)


def test_every_kind_by_hand() -> None:
    truth = true_boxes((0, 0, 0, *WHOLE), (0, 1, 1, *WHOLE), videos=2, actions=3)
    found = found_boxes(
        (0, 0, 0, *WHOLE, 0.9),  # right
        (0, 0, 0, *WHOLE, 0.8),  # taken already
        (0, 0, 0, 50, 50, 60, 60, 0.7),  # elsewhere in a frame that shows the class
        (0, 1, 0, 0, 0, 10, 5, 0.6),  # 5 of 10 of what another class does
        (0, 1, 0, 0, 0, 10, 4, 0.5),  # 4 of 10
        (0, 2, 0, *WHOLE, 0.4),  # nothing is shown, the class is at another time
        (0, 2, 2, *WHOLE, 0.3),  # a class that the video does not show
        (1, 0, 0, *WHOLE, 0.2),  # another video
        (0, 1, 1, *WHOLE, 0.1),  # right
    )
    matches = match_boxes(truth, found, [0.3, 0.5], reading="act")
    of = kinds(truth, found, matches, 0.5, k=1)
    assert of.tolist() == [0, 1, 1, 2, 4, 3, 4, 4, 0]
    # at .3 the one at .4 is taken for another's
    assert kinds(truth, found, matches, 0.3).tolist() == [0, 1, 1, 2, 2, 3, 4, 4, 0]
    # the first class' only box is found at once; the second's too; the third has none
    assert error_areas(of, matches, k=1)[:2].tolist() == [[1, 0, 0, 0, 0, 0]] * 2
    assert np.isnan(error_areas(of, matches, k=1)[2]).all()


def test_areas_by_hand() -> None:
    # of three boxes, by score: other, right, localization, right, and one is missed. Shares of right ones before and
    # after each right one: 0 and 1/2, 1/3 and 2/4; other: 1 and 1/2, 1/3 and 1/4; localization: 0 and 0, 1/3 and 1/4
    truth = true_boxes((0, 0, 0, *WHOLE), (0, 1, 0, *WHOLE), (0, 2, 0, *WHOLE), videos=2)
    found = found_boxes(
        (1, 0, 0, *WHOLE, 0.9), (0, 0, 0, *WHOLE, 0.8), (0, 0, 0, *WHOLE, 0.7), (0, 1, 0, *WHOLE, 0.6)
    )  # fmt: skip
    matches = match_boxes(truth, found, [0.5], reading="act")
    areas = error_areas(kinds(truth, found, matches, 0.5), matches)[0]
    right, other = (1 / 2 + 1 / 3 + 1 / 2) / 2 / 3, (1 + 1 / 2 + 1 / 3 + 1 / 4) / 2 / 3
    assert areas.tolist() == pytest.approx([right, (1 / 3 + 1 / 4) / 2 / 3, 0, 0, other, 1 / 3])


def test_the_authors_own_areas() -> None:
    # MCG-NJU/MOC-Detector at 45c3fd0c5e4ca455e7e739f3ad80b2c91813df35: src/ACT.py, frameAP_error (ACT's in Python 3),
    # with x2 - 1 and y2 - 1; curves kept in float64
    official = [
        [0.4422192621857355, 0.4751897884665194, 0.45186316807194765, 0.4272796569533188],
        [0.33101690658113986, 0.37765760032786977, 0.3996084914800607, 0.3102370839699269],
        [0.050228603235807495, 0.010933926116882015, 0.02945693822094453, 0.06943041951113654],
        [0.06103513102648029, 0.08074286535847189, 0.05746648233678676, 0.10458322270820634],
        [0.0637759590398024, 0.010363037775369744, 0.009656867942208356, 0.032131588688397245],
    ]
    truth, found = in_frames(*formula())
    matches = match_boxes(truth, found, [0.5], reading="act")
    areas = error_areas(kinds(truth, found, matches, 0.5), matches)
    assert areas[:, :5] == pytest.approx(np.array(official).T, abs=1e-12)
    assert areas[:, BoxKind.MISSED] == pytest.approx(1 - np.sum(official, axis=0), abs=1e-12)


@given(case=cases())
@settings(max_examples=60)
def test_the_areas_share_out_all(case: tuple[TrueBoxes, FoundBoxes]) -> None:
    truth, found = case
    matches = match_boxes(truth, found, [0.4], reading="act")
    of = kinds(truth, found, matches, 0.4)
    areas = error_areas(of, matches)
    known = matches.positives.sum(axis=0) > 0
    assert areas[known].sum(axis=1) == pytest.approx(1)
    precision = frame_average_precision(truth, found, [0.4], reading="act")[0]
    assert areas[:, BoxKind.RIGHT] == pytest.approx(precision, nan_ok=True)
    assert ((of == BoxKind.RIGHT).sum()) == matches.right.sum()
