import pytest
import torch
from torch import nn

from sceneproof.methods.batch_norm import second_pass


def state(module: nn.Module) -> dict[str, list[float]]:
    return {key: value.tolist() for key, value in module.state_dict().items()}


def test_a_still_pass_normalises_with_the_batch_and_moves_nothing() -> None:
    network = nn.Sequential(nn.BatchNorm3d(2), nn.ReLU())
    x = torch.randn(3, 2, 2, 2, 2) * 4 + 1
    before = state(network)
    with second_pass(network, 3, moving=False):
        still = network(x)
    assert state(network) == before
    assert torch.equal(still, network(x))
    assert state(network) != before


def test_a_moving_pass_is_as_ever() -> None:
    one, other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    x = torch.randn(4, 2)
    with second_pass(one, 4, moving=True):
        inside = one(x)
    assert torch.equal(inside, other(x))
    assert state(one) == state(other)


@pytest.mark.parametrize("moving", [True, False])
def test_one_clip_is_normalised_by_the_running_statistics(moving: bool) -> None:
    norm = nn.BatchNorm1d(2)
    norm.running_mean, norm.running_var = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 4.0])
    before = state(norm)
    with second_pass(norm, 1, moving=moving):
        out = norm(torch.tensor([[3.0, 2.0]]))
    torch.testing.assert_close(out, torch.tensor([[1.0, 0.0]]))
    assert state(norm) == before


def test_no_clips_leave_no_nan() -> None:
    norm = nn.BatchNorm1d(2)
    before = state(norm)
    with second_pass(norm, 0, moving=True):
        assert norm(torch.zeros(0, 2)).shape == (0, 2)
    assert state(norm) == before


@pytest.mark.parametrize("clips", [0, 1, 4])
def test_everything_is_as_before_also_after_an_error(clips: int) -> None:
    network = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False), nn.BatchNorm1d(2).eval())
    before = [(getattr(part, "track_running_stats", None), part.training) for part in network]
    with pytest.raises(KeyError), second_pass(network, clips, moving=False):
        raise KeyError
    assert [(getattr(part, "track_running_stats", None), part.training) for part in network] == before


@pytest.mark.parametrize(
    ("everywhere", "training", "tracking"), [(0.0, False, False), (1.5, True, False), (2.0, True, True)]
)
def test_synchronised_norms_follow_the_twins_of_all_processes(
    everywhere: float, training: bool, tracking: bool
) -> None:
    norm = nn.SyncBatchNorm(2)
    for clips in (0, 1):
        with second_pass(norm, clips, moving=True, everywhere=torch.tensor(everywhere)):
            assert (norm.training, norm.track_running_stats) == (training, tracking)
        assert (norm.training, norm.track_running_stats) == (True, True)


def test_synchronised_norms_also_take_part_without_clips() -> None:
    norm = nn.SyncBatchNorm(2)
    for clips in (0, 1):
        with second_pass(norm, clips, moving=True):
            assert norm.training
            assert norm.track_running_stats
