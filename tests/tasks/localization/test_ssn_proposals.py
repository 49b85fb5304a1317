import numpy as np
import pytest
import torch

from sceneproof.tasks.localization.ssn import LEVELS, TOLERANCES
from sceneproof.tasks.localization.ssn_proposals import (
    BACKGROUND,
    COMPLETE,
    INCOMPLETE,
    NEITHER,
    Candidates,
    candidates,
    draw,
    grouped_by_actionness,
    smoothed,
    windows,
)


def test_groups_by_hand() -> None:
    actionness = np.asarray([0, 0.9, 0.9, 0, 0.9, 0, 0, 0, 0.9, 0.9])
    runs = {(1, 3), (4, 5), (8, 10)}

    def groups(*tolerances: float) -> set[tuple[int, ...]]:
        return {tuple(pair) for pair in grouped_by_actionness(actionness, (0.5,), tolerances, nms=1.0).tolist()}

    assert groups(0.1) == runs
    assert groups(0.4) == runs | {(1, 5)}, "from 1 on, 1 of 3 moments is empty up to 4, but 4 of 7 up to 8"
    assert groups(0.55) == runs | {(1, 5)}, "and from 5 backwards 1 of 2 down to 3"
    assert groups(0.58) == runs | {(1, 5), (1, 10)}, "from 10 backwards 3 of 5 down to 5: only the way forth reaches"
    assert groups(0.8) == {(1, 3), (1, 5), (1, 10), (4, 10), (8, 10)}, "from 4 on, 3 of 4 up to 8"


def test_groups_of_several_levels_and_their_suppression() -> None:
    actionness = np.asarray([0.3, 0.8, 0.8, 0.8, 0.0])
    assert grouped_by_actionness(actionness, (0.2, 0.5), (0.1,), nms=0.9).tolist() == [[0, 4], [1, 4]]
    assert grouped_by_actionness(actionness, (0.2, 0.5), (0.1,), nms=0.7).tolist() == [[0, 4]], "the larger sum stays"
    assert grouped_by_actionness(actionness, (0.9,), (0.1,), nms=0.7).shape == (0, 2)


def test_groups_as_the_authors() -> None:
    # build_box_by_search of yjxiong/action-detection at 3d8ff83, whose ends are one moment late
    moment = np.arange(40)
    actionness = 0.5 + 0.5 * np.sin(0.9 * moment + 0.3 * np.sin(0.37 * moment)) * np.cos(0.11 * moment)
    groups = grouped_by_actionness(actionness, LEVELS, TOLERANCES, nms=1.0)
    assert len(groups) == 59
    assert groups.sum(axis=0).tolist() == [801, 1634]
    assert int((groups[:, 0] * groups[:, 1]).sum()) == 26377


def test_smoothing() -> None:
    signal = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0])
    assert smoothed(signal, 0.0).tolist() == signal.tolist()
    soft = smoothed(signal, 1.0)
    assert soft.tolist() == pytest.approx(soft[::-1].tolist())
    assert 0.3 < soft[2] < 0.5
    assert soft.sum() == pytest.approx(1.0)


def test_windows_by_hand() -> None:
    assert windows(1).tolist() == [[0, 1]]
    assert windows(3).tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    long = windows(16)
    assert [16 - start for start, end in long.tolist() if end - start == 8] == [16, 13, 10], "steps of 3 of 8"


def named(proposals: list[tuple[float, float]], *, truths: bool = True) -> Candidates:
    return candidates(
        torch.tensor(proposals),
        torch.tensor([[10.0, 20.0], [30.0, 50.0]]) if truths else torch.zeros(0, 2),
        torch.tensor([1, 0]) if truths else torch.zeros(0, dtype=torch.int64),
        buffer=3,
        end=100.0,
        overlaps=(0.7, 0.3, 0.01),
        least_shares=(0.01, 0.02),
    )


def test_what_proposals_are_by_hand() -> None:
    of = {
        (10.0, 20.0): COMPLETE,
        (9.0, 21.0): COMPLETE,
        (12.0, 14.0): INCOMPLETE,  # all of it in a truth, a fifth of which it is
        (0.0, 100.0): INCOMPLETE,
        (49.0, 70.0): INCOMPLETE,
        (49.9, 70.0): BACKGROUND,  # a two hundredth of it
        (60.0, 70.0): BACKGROUND,
        (60.0, 61.5): NEITHER,  # too short
        (15.0, 21.0): NEITHER,
    }
    known = named(list(of))
    assert known.kind.tolist() == list(of.values())
    assert known.action[:5].tolist() == [1, 1, 1, 0, 0]
    assert known.offsets[0].tolist() == [0, 0]
    assert known.offsets[1].tolist() == pytest.approx([0.0, np.log(10 / 12)])
    assert known.buffer.tolist() == [3] * len(of)


def test_without_truths_all_is_background() -> None:
    known = named([(10.0, 20.0), (60.0, 61.5)], truths=False)
    assert known.kind.tolist() == [BACKGROUND, NEITHER]
    assert known.offsets.tolist() == [[0, 0], [0, 0]]


def pool(*kinds: tuple[int, int]) -> Candidates:
    """Candidates of buffer and kind."""
    buffer, kind = torch.tensor(kinds).T
    return Candidates(buffer, torch.zeros(len(kinds), 2), kind, torch.zeros_like(kind), torch.zeros(len(kinds), 2))


def test_draws_come_from_the_buffer_itself_and_else_from_others() -> None:
    torch.manual_seed(0)
    known = pool((0, COMPLETE), *[(0, INCOMPLETE)] * 3, *[(0, NEITHER)] * 2, *[(1, INCOMPLETE)] * 2)
    index, real = draw(known, (1, 3, 2), 2)
    assert real.tolist() == [[True] * 4 + [False] * 2] * 2, "no buffer has background"
    assert index[:, 0].tolist() == [0, 0], "the second borrows what is complete"
    assert sorted(index[0, 1:4].tolist()) == [1, 2, 3], "without replacement where there are enough"
    assert set(index[1, 1:4].tolist()) <= {6, 7}, "with it, where not"


def test_all_are_drawn_alike() -> None:
    torch.manual_seed(0)
    known = pool(*[(0, INCOMPLETE)] * 5, (0, BACKGROUND))
    drawn = torch.cat([draw(known, (1, 2, 1), 1)[0][0, 1:3] for _ in range(500)])
    assert torch.bincount(drawn, minlength=5).float().div(1000).tolist() == pytest.approx([0.2] * 5, abs=0.04)
