from collections.abc import Callable
from functools import partial
from math import log
from typing import Any

import pytest
import torch
from torch import Tensor

from sceneproof import distributed
from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.wrapped import Wrapped
from sceneproof.errors import InputError
from sceneproof.methods.base import Facts, Method
from sceneproof.methods.mixing import fewer
from sceneproof.methods.plain import Plain
from sceneproof.methods.sdn import SDN, Labels, Variant
from sceneproof.methods.terms import cross_entropy, entropy
from sceneproof.types import Batch
from tests.methods.batches import PerChannel, batch, clips, gradients, identity, per_channel, random_batch

VIDEO = clips((log(2), 0.0, 0.0), (0.0, 0.0, 0.0))  # probabilities 1/2 1/4 1/4 and thirds
TWIN = clips((0.0, log(2), 0.0))
SCENE = torch.tensor([[0.25, 0.25, 0.5], [0.0, 0.0, 0.0]])
VARIANTS: tuple[Variant, ...] = ("paper", "released")


def by_hand(**settings: Any) -> SDN:
    """An SDN whose every logit is its feature."""
    method = SDN(per_channel(), Facts(3, 3), scene_layers=0, confusion_layers=0, **settings)
    for head in (method.action_head, method.scene_head, method.confusion_head):
        if head is not None:
            identity(head if isinstance(head, torch.nn.Linear) else head.get_submodule("last"))
    return method


def one_batch() -> Batch:
    return batch(VIDEO, [0, 2], scene=SCENE, has_scene=[True, False], without_humans=TWIN, has_twin=[False, True])


def network(**settings: Any) -> SDN:
    torch.manual_seed(0)
    return SDN(ResNet3D(10, width=4), Facts(5, 6), **settings)


def every_loss(method: SDN, found: Batch) -> dict[str, Tensor]:
    losses: dict[str, Tensor] = {}
    for update in method.updates(found):
        losses |= method(update)
    return losses


@pytest.mark.parametrize(("progress", "grown"), [(0.0, 0.0), (0.1, 0.46211716), (0.5, 0.98661430), (1.0, 0.99990920)])
def test_the_adversary_grows_as_in_dann(progress: float, grown: float) -> None:
    constant, growing = by_hand(scene_weight=0.5), by_hand(scene_weight=0.5, schedule="dann")
    for method in (constant, growing):
        method.begin_step(progress)
    full, part = (gradients(method, every_loss(method, one_batch())["L_Adv"]) for method in (constant, growing))
    assert full["backbone"].any()
    torch.testing.assert_close(part["backbone"], grown * full["backbone"])
    torch.testing.assert_close(part["scene_head"], full["scene_head"])  # the head learns at full strength throughout
    for name in ("L_CE", "L_Ent"):
        assert torch.equal(every_loss(constant, one_batch())[name], every_loss(growing, one_batch())[name])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("labels", "adversary"), [("soft", 1.75 * log(2)), ("hard", log(4))])
def test_losses_by_hand(variant: Variant, labels: Labels, adversary: float) -> None:
    losses = every_loss(by_hand(variant=variant, labels=labels), one_batch())
    assert {name: value.item() for name, value in losses.items()} == {
        "L_CE": pytest.approx((log(2) + log(3)) / 2),
        "L_Adv": pytest.approx(adversary),  # of the one clip with a label
        "L_Ent": pytest.approx(-1.5 * log(2)),
    }


def test_weights_by_hand() -> None:
    found = one_batch()
    assert by_hand(confusion_weight=3.0)(found)["L_Ent"].item() == pytest.approx(-4.5 * log(2))
    # behind a gradient reversal a weight is its strength, and the value stays
    assert by_hand(scene_weight=3.0)(found)["L_Adv"].item() == pytest.approx(1.75 * log(2))


def test_gradients_on_features_by_hand() -> None:
    # one clip with features (ln 2, 0, 0) times weights of 1: the logit's gradient is probability less target,
    # and the weight's is ln 2 times it, on the first channel alone
    found = batch(VIDEO[:1], [0], scene=SCENE[:1], without_humans=VIDEO[:1], has_twin=[True])
    expected = {"L_CE": -0.5 * log(2), "L_Adv": -0.5 * 0.25 * log(2)}
    method = by_hand()
    for name, value in expected.items():
        assert gradients(method, method(found)[name])["backbone"].tolist() == pytest.approx([value, 0.0, 0.0])
    # dH/dz = -p (ln p + H) = -1/2 (-1 + 1.5) ln 2: the minimised term's is the opposite, behind reversal it is that
    slope = 0.25 * log(2) * log(2)
    for variant, sign in (("paper", 1.0), ("released", -1.0)):
        method = by_hand(variant=variant)
        losses = every_loss(method, found)
        assert gradients(method, losses["L_Ent"])["backbone"].tolist() == pytest.approx([sign * slope, 0.0, 0.0])


# each term's gradient on each part, as a multiple of the gradient of what the term is about (the cross entropy of
# actions, that of scenes, the entropy of masked clips): a positive factor lowers it in training, a negative one raises
# it, and 0 leaves the part alone; scene_weight is 0.5 and confusion_weight 1
FACTORS = {
    ("paper", "L_CE"): {"backbone": 1.0, "action_head": 1.0, "scene_head": 0.0},
    ("paper", "L_Adv"): {"backbone": -0.5, "action_head": 0.0, "scene_head": 1.0},
    ("paper", "L_Ent"): {"backbone": -1.0, "action_head": -1.0, "scene_head": 0.0},
    ("released", "L_CE"): {"backbone": 1.0, "action_head": 1.0, "scene_head": 0.0, "confusion_head": 0.0},
    ("released", "L_Adv"): {"backbone": -0.5, "action_head": 0.0, "scene_head": 1.0, "confusion_head": 0.0},
    ("released", "L_Ent"): {"backbone": 1.0, "action_head": 0.0, "scene_head": 0.0, "confusion_head": -1.0},
}


@pytest.mark.parametrize(("variant", "term"), list(FACTORS))
def test_which_way_each_term_moves_each_part(variant: Variant, term: str) -> None:
    method, found = network(variant=variant), random_batch()
    assert found.video is not None
    assert found.without_humans is not None
    assert method.scene_head is not None
    if term == "L_CE":
        about = cross_entropy(method.scores(found.video), found.action).mean()
    elif term == "L_Adv":
        assert found.scene is not None
        about = cross_entropy(method.scene_head(method.features(found.video)), found.scene).mean()
    else:
        head = method.confusion_head or method.action_head
        about = entropy(head(method.features(found.without_humans))).mean()
    true = gradients(method, about)
    gradient = gradients(method, every_loss(method, found)[term])
    assert gradient.keys() == FACTORS[variant, term].keys()
    for part, factor in FACTORS[variant, term].items():
        assert true[part].any() or factor == 0.0
        torch.testing.assert_close(gradient[part], factor * true[part], rtol=1e-4, atol=1e-6)


def test_a_step_raises_and_lowers_what_the_paper_says() -> None:
    for variant, change in (("paper", 1), ("released", -1)):
        method, found = by_hand(variant=variant), one_batch()
        torch.autograd.backward(every_loss(method, found)["L_Ent"])
        before = entropy(TWIN.flatten(1)).item()
        with torch.no_grad():
            for parameter in method.backbone.parameters():
                assert parameter.grad is not None
                parameter.sub_(0.1 * parameter.grad)
            after = entropy(method.features(TWIN)).item()
        assert (after - before) * change > 1e-3


@pytest.mark.parametrize(("term", "weight", "head"), [("L_Adv", "scene", "scene"), ("L_Ent", "confusion", "confusion")])
def test_a_reversals_strength_scales_the_features_gradient_alone(term: str, weight: str, head: str) -> None:
    found = random_batch()
    results = []
    for strength in (0.5, 1.0):
        method = network(variant="released", **{f"{weight}_weight": strength})
        results.append(gradients(method, every_loss(method, found)[term]))
    half, whole = results
    assert torch.equal(half["backbone"] * 2, whole["backbone"])
    assert whole["backbone"].any()
    assert torch.equal(half[f"{head}_head"], whole[f"{head}_head"])


def test_the_papers_confusion_weight_scales_all_of_its_gradient() -> None:
    found = random_batch()
    half, whole = (network(confusion_weight=weight) for weight in (0.5, 1.0))
    first, second = (gradients(method, method(found)["L_Ent"]) for method in (half, whole))
    for part in ("backbone", "action_head"):
        assert torch.equal(first[part] * 2, second[part])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("twins", [0, 1, 2])
def test_few_twins_or_none(variant: Variant, twins: int) -> None:
    method, found = network(variant=variant), random_batch(twins=twins)
    for update in method.updates(found):
        method.zero_grad()
        torch.autograd.backward(torch.stack(list(method(update).values())).sum())
        for key, parameter in method.named_parameters():  # distributed training waits for every gradient
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all(), key
    assert all(torch.isfinite(value).all() for value in method.state_dict().values())
    if twins == 0:
        assert every_loss(method, found)["L_Ent"].item() == 0.0


@pytest.mark.parametrize("twins", [0, 3])
@pytest.mark.parametrize("moving", [True, False])
def test_whether_masked_clips_move_running_statistics(moving: bool, twins: int) -> None:
    found = random_batch(twins=twins)
    method, without = network(masked_batch_statistics=moving), network(confusion_weight=0.0)
    losses, _ = method(found), without(found)
    same = all(torch.equal(value, without.state_dict()[key]) for key, value in method.state_dict().items())
    assert same == (twins == 0 or not moving)
    # either way the masked pass itself is normalised by its own batch
    other = network(masked_batch_statistics=not moving)(found)
    assert torch.equal(losses["L_Ent"], other["L_Ent"])


def test_who_lets_masked_clips_move_them_by_default() -> None:
    assert not network().masked_batch_statistics
    assert network(variant="released").masked_batch_statistics
    assert network(masked_batch_statistics=True).masked_batch_statistics


def test_updates() -> None:
    found = random_batch()
    assert network().updates(found) == [found]
    for method in (network(variant="released"), network(alternating=True)):
        first, second = method.updates(found)
        assert first.without_humans is None
        assert second.video is None
        assert first.video is found.video
        assert second.without_humans is found.without_humans
        assert method(first).keys() == {"L_CE", "L_Adv"}
        assert method(second).keys() == {"L_Ent"}
    assert len(network(variant="released", alternating=False).updates(found)) == 1
    assert len(network(variant="released", confusion_weight=0.0).updates(found)) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_confusion_loss_of_a_share_of_the_masked_clips_is_that_of_a_batch_with_fewer(variant: Variant) -> None:
    torch.manual_seed(0)
    found, method = random_batch(count=6, twins=6), network(variant=variant, masked_share=0.5)
    whole = network(variant=variant)
    whole.load_state_dict(method.state_dict())
    method.begin_step(0.3)
    expected = every_loss(whole, fewer(found, "without_humans", 0.5, 0.3))
    assert every_loss(method, found)["L_Ent"].item() == expected["L_Ent"].item()
    assert every_loss(whole, found)["L_Ent"].item() != expected["L_Ent"].item()


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="masked_share is above 0"):
        network(masked_share=share)


def test_alternating_updates_have_the_joint_ones_losses() -> None:
    found = random_batch()
    joint, alternating = network(), network(alternating=True)
    one, two = joint(found), every_loss(alternating, found)
    assert {key: value.item() for key, value in one.items()} == {key: value.item() for key, value in two.items()}


def test_means_are_over_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    method, found = by_hand(), one_batch()
    monkeypatch.setattr(distributed, "share", lambda count: 2 * count)  # the other process has three times as many
    halved = method(found)
    monkeypatch.undo()
    for name, value in method(found).items():
        assert halved[name].item() == pytest.approx(value.item() / 2)


@pytest.mark.parametrize("make", [SDN, partial(SDN, variant="released"), partial(Plain, masked_weight=1.0)])
def test_a_backbone_that_takes_no_empty_batch_is_given_none(make: Callable[..., Method]) -> None:
    method = make(Picky(PerChannel(), 3), Facts(3, 3))
    found = batch(VIDEO, [0, 2], scene=SCENE, without_humans=clips())
    for update in method.updates(found):
        method.zero_grad()
        torch.autograd.backward(torch.stack(list(method(update).values())).sum())
        for key, parameter in method.named_parameters():
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all(), key


class Picky(Wrapped):
    """A backbone that, like MViT, cannot reshape an empty batch."""

    def forward(self, video: Tensor) -> Tensor:
        assert len(video)
        return super().forward(video)
