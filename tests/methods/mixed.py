"""What the tests of mixing methods share: batches to mix, and what none of them may do."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sceneproof.methods import Facts, Method
from sceneproof.types import Batch
from tests.methods.batches import batch

FACTS = Facts(actions=5)
TURNED = torch.tensor([3, 0, 5, 1, 4, 2])


def pictures(count: int = 6, size: tuple[int, int, int] = (4, 16, 16)) -> Batch:
    """Clips of pixels from 0 to 1, of action row mod 5; people in boxes, and twins, of all but the last."""
    generator = torch.Generator().manual_seed(2)
    people = torch.zeros(count, *size, dtype=torch.bool)
    for row in range(count - 1):
        people[row, :, 2 : 6 + row, 3:10] = True
    made = batch(
        torch.rand(count, 3, *size, generator=generator),
        [row % 5 for row in range(count)],
        without_humans=torch.rand(count - 1, 3, *size, generator=generator),
        has_twin=[row < count - 1 for row in range(count)],
    )
    return replace(made, people=people, has={**made.has, "people": people.any(dim=(1, 2, 3))})


def video_of(mixed: Batch) -> Tensor:
    assert mixed.video is not None
    return mixed.video


def turned(whole: Batch) -> Batch:
    """Six clips in another order; twins stay with the rows that have them."""
    assert whole.video is not None
    assert whole.people is not None
    assert whole.without_humans is not None
    twins = [row for row in TURNED.tolist() if whole.has["without_humans"][row]]
    return replace(
        whole,
        video=whole.video[TURNED],
        action=whole.action[TURNED],
        row=whole.row[TURNED],
        people=whole.people[TURNED],
        without_humans=whole.without_humans[twins],
        has={name: known[TURNED] for name, known in whole.has.items()},
    )


def check_mixer(method: Method, whole: Batch) -> None:
    """Holds a method against what every mixing one owes: order, place, range, and clips that are not mixed."""
    first, second, again = (method.augment(each, np.random.default_rng(5)) for each in (whole, turned(whole), whole))
    assert torch.equal(video_of(first), video_of(again))  # nothing is kept: a run goes on to the same bits
    assert torch.equal(video_of(first)[TURNED], video_of(second))
    assert torch.equal(first.action, whole.action)
    assert torch.equal(first.row, whole.row)
    if first.target is not None:
        assert second.target is not None
        assert torch.equal(first.target[TURNED], second.target)
        torch.testing.assert_close(first.target.sum(1), torch.ones(len(whole.row)))
    assert 0 <= video_of(first).min() < video_of(first).max() <= 1
    changed = (video_of(first) != video_of(whole)).flatten(1).any(dim=1)
    assert 0 < changed.sum() < len(changed)  # by the seed: some are mixed, some are not
    assert torch.equal(video_of(whole), video_of(pictures()))  # what was given stays as it was


def check_unmixed(method: Method, whole: Batch) -> None:
    """A method of probability 0 changes nothing."""
    mixed = method.augment(whole, np.random.default_rng(0))
    assert torch.equal(video_of(mixed), video_of(whole))
    if mixed.target is not None:
        assert torch.equal(mixed.target, torch.eye(5)[whole.action])
