"""People in short gaps: on the way between boxes, by the nearest mask, and never over more frames than said."""

import numpy as np
import pandas as pd

from sceneproof.data.gaps import GAP, without_short_gaps
from sceneproof.data.human_tables import CORNERS, HumanBoxes, HumanMasks, encode_mask


def boxes(*rows: tuple[object, ...], track: list[int] | None = None) -> HumanBoxes:
    """One box a row, 20 wide and 40 high: video, frame, x, score."""
    table = [(video, frame, x, 10, x + 20, 50, score) for video, frame, x, score in rows]  # type: ignore[operator]
    found = pd.DataFrame(table, columns=["video", "frame", *CORNERS, "score"])
    return HumanBoxes(found if track is None else found.assign(track=track))


def added(people: HumanBoxes) -> list[list[float]]:
    made = without_short_gaps(people)
    rows: list[list[float]] = made.rows[["frame", "x1", "score"]].to_numpy(float)[len(people.rows) :].tolist()
    return rows


def test_boxes_lie_on_the_straight_way_with_the_lower_score() -> None:
    people = boxes(("a", 0, 10, 0.9), ("a", 4, 50, 0.5), ("b", 6, 0, 0.9))
    assert added(people) == [[1, 20, 0.5], [2, 30, 0.5], [3, 40, 0.5]]
    assert people.share("a", 5) == 2 / 5
    assert without_short_gaps(people).share("a", 5) == 1


def test_long_gaps_stay_and_so_does_what_is_not_sure() -> None:
    assert added(boxes(("a", 0, 10, 0.9), ("a", GAP + 2, 50, 0.9))) == []
    assert len(added(boxes(("a", 0, 10, 0.9), ("a", GAP + 1, 50, 0.9)))) == GAP
    assert added(boxes(("a", 0, 10, 0.9), ("a", 2, 50, 0.1))) == [], "what is below the score shows nobody"
    whole = boxes(("a", 0, 10, 0.9), ("a", 1, 10, 0.9))
    assert without_short_gaps(whole) is whole


def test_each_track_has_its_own_gaps() -> None:
    people = boxes(
        ("a", 0, 10, 0.9), ("a", 0, 60, 0.9), ("a", 1, 10, 0.9), ("a", 2, 10, 0.9), ("a", 2, 64, 0.9),
        track=[4, 7, 4, 4, 7],
    )  # fmt: skip
    assert added(people) == [[1, 62, 0.9]]


def test_without_tracks_people_are_known_again_by_their_overlap() -> None:
    people = boxes(("a", 0, 10, 0.9), ("a", 0, 60, 0.9), ("a", 2, 62, 0.9), ("a", 2, 12, 0.9), ("a", 2, 140, 0.9))
    assert sorted(added(people)) == [[1, 11, 0.9], [1, 61, 0.9]]


def test_masks_are_those_of_the_nearest_frame() -> None:
    shapes = np.zeros((2, 8, 8), bool)
    shapes[0, 2], shapes[1, 5] = True, True
    rows = pd.DataFrame({"video": "a", "frame": [3, 7], "png": [encode_mask(shape) for shape in shapes]})
    made = without_short_gaps(HumanMasks(rows, detector="ours"))
    assert made.detector == "ours"
    regions = made.regions("a", range(10), 8, 8)
    assert [int(np.flatnonzero(region.any(1))[0]) if region.any() else -1 for region in regions] == [
        -1, -1, -1, 2, 2, 2, 5, 5, -1, -1,
    ]  # fmt: skip
    assert without_short_gaps(HumanMasks(rows), gap=2).share("a", 10) == 0.2
