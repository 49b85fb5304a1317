import pytest
import torch
from torch import Tensor

from sceneproof.tasks.localization.pyramid import DistanceHead, Head, LocalAttention, Pyramid
from tests.tasks.localization.toys import fill

DIM, LEVELS = 8, 3


def network() -> tuple[Pyramid, Head, DistanceHead]:
    parts = Pyramid(6, DIM, levels=LEVELS, heads=2, window=5, drop_path=0.1), Head(DIM, 3), DistanceHead(DIM, LEVELS)
    for part in parts:
        fill(part.eval())
    return parts


def sequences(moments: int = 32) -> Tensor:
    channel, moment = torch.arange(6)[:, None], torch.arange(moments)
    one = torch.sin(1.1 * channel + 0.37 * moment * (1 + channel / 3))
    return torch.stack([one, 1.5 * one.flip(1)])


def answers(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    pyramid, actions, distances = network()
    levels = pyramid(x, mask)
    return (
        torch.cat([actions(one, there) for one, there in levels], dim=1),
        torch.cat([distances(one, there, level) for level, (one, there) in enumerate(levels)], dim=1),
    )


def test_as_the_authors_network() -> None:
    # PtTransformer of happyharrycn/actionformer_release at 61ea7eb, with these weights: backbone, neck and both heads
    with torch.no_grad():
        logits, distances = answers(sequences(), torch.ones(2, 1, 32, dtype=torch.bool))
    first = [
        [1.4095777, -1.4662045, -0.3281563],
        [2.2730520, 0.3369517, -2.8529813],
        [-1.2426771, 0.3264471, 0.6724260],
    ]
    second = [[0.4536308, -2.3624718, 1.4535729], [-1.4935611, -0.0717489, 1.2901911]]
    torch.testing.assert_close(logits[0, [0, 40, 55]], torch.tensor(first), rtol=0, atol=5e-5)
    torch.testing.assert_close(logits[1, [3, 50]], torch.tensor(second), rtol=0, atol=5e-5)
    assert distances[0, [0, 15, 55], 1].tolist() == pytest.approx([0.7731180, 2.5520318, 1.9646584], abs=5e-5)
    sums = [part.double().pow(power).sum().item() for part in (logits, distances) for power in (1, 2)]
    assert sums == pytest.approx([-41.972854, 974.737749, 175.656301, 438.412018], abs=2e-3)


@pytest.mark.parametrize(
    ("stride", "first", "last", "sums"),
    [
        (1, [1.5595016, -0.1788609, 1.7062356], [-0.1693679, -0.5281803, 1.2902939], (-14.402455, 139.379760)),
        (2, [1.4102911, 0.1563229, 1.8910712], [-0.2343085, -0.2444899, 1.3310627], (-8.087747, 63.700799)),
    ],
)
def test_as_the_authors_local_attention(
    stride: int, first: list[float], last: list[float], sums: tuple[float, float]
) -> None:
    # LocalMaskedMHCA there, the last three of 16 moments masked
    channel, moment = torch.arange(8)[:, None], torch.arange(16)
    x = torch.cos(0.9 * channel + 0.41 * moment * (1 + channel / 5))[None]
    mask = (moment < 13)[None, None]
    attention = LocalAttention(8, 2, 5, stride)
    fill(attention)
    with torch.no_grad():
        out = attention(x * mask, mask)
    torch.testing.assert_close(
        out[0, [0, 7], : 12 // stride : 4 // stride], torch.tensor([first, last]), rtol=0, atol=2e-6
    )
    assert (out.double().sum().item(), out.double().square().sum().item()) == pytest.approx(sums, abs=1e-4)


def test_attention_reaches_half_a_window_and_the_neighbours() -> None:
    attention = LocalAttention(8, 2, 5, 1)
    x = torch.randn(1, 8, 20, requires_grad=True)
    torch.autograd.backward(attention(x, torch.ones(1, 1, 20, dtype=torch.bool))[0, :, 10].sum())
    assert x.grad is not None
    # a window of 5 reaches 2 moments, whose keys and values saw one more
    assert x.grad[0].abs().sum(dim=0).nonzero().flatten().tolist() == list(range(7, 14))


def test_what_is_masked_has_no_influence() -> None:
    x = sequences(24)
    alone, _ = answers(x, torch.ones(2, 1, 24, dtype=torch.bool))
    longer = torch.cat([x, 100 * torch.randn(2, 6, 8)], dim=2)
    padded, _ = answers(longer, (torch.arange(32) < 24).expand(2, 1, -1))
    levels = zip(torch.split(alone, [24, 12, 6], dim=1), torch.split(padded, [32, 16, 8], dim=1), strict=True)
    for one, other in levels:
        torch.testing.assert_close(other[:, : one.shape[1]], one, rtol=0, atol=1e-4)


def test_no_gradient_comes_back_from_what_is_masked_nor_a_nan() -> None:
    x = sequences().requires_grad_()
    mask = torch.stack([torch.arange(32) < 1, torch.arange(32) < 20])[:, None]
    torch.autograd.backward([part.sum() for part in answers(x, mask)])
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert not x.grad[0, :, 1:].any()
    assert not x.grad[1, :, 20:].any()
    assert x.grad[1, :, 19].any()


def test_a_first_score_is_the_prior() -> None:
    torch.manual_seed(0)
    head = Head(DIM, 3, prior=0.01)
    scores = head(torch.zeros(1, DIM, 4), torch.ones(1, 1, 4, dtype=torch.bool)).sigmoid()
    torch.testing.assert_close(scores, torch.full((1, 4, 3), 0.01))
