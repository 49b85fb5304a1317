from typing import Any

import pytest

from sceneproof.errors import InputError
from sceneproof.methods.base import Facts
from sceneproof.methods.sdn import SDN, Variant
from tests.methods.batches import per_channel, random_batch
from tests.methods.test_sdn import VARIANTS, every_loss, network


@pytest.mark.parametrize(
    ("settings", "terms"),
    [
        ({}, {"L_CE", "L_Adv", "L_Ent"}),
        ({"scene_weight": 0.0}, {"L_CE", "L_Ent"}),
        ({"labels": "none"}, {"L_CE", "L_Ent"}),
        ({"confusion_weight": 0.0}, {"L_CE", "L_Adv"}),
        ({"confusion_weight": 0.0, "labels": "none"}, {"L_CE"}),
    ],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_terms_of_weight_zero_are_absent(settings: dict[str, Any], terms: set[str], variant: Variant) -> None:
    method = network(variant=variant, **settings)
    assert every_loss(method, random_batch()).keys() == terms
    assert ("scene" in method.needs) == ("L_Adv" in terms)
    assert ("without_humans" in method.needs) == ("L_Ent" in terms)
    assert ("scene_head" in method.groups()) == ("L_Adv" in terms)
    assert ("confusion_head" in method.groups()) == ("L_Ent" in terms and variant == "released")


def test_heads_have_the_papers_layers() -> None:
    method = network(variant="released")
    found = {key: tuple(value.shape) for key, value in method.state_dict().items() if "head" in key}
    assert [key for key in found if "scene_head" in key and "fc.weight" in key] == [
        f"scene_head.{layer}.fc.weight" for layer in range(3)
    ]
    assert found["scene_head.2.fc.weight"] == (32, 32)
    assert found["scene_head.2.bn.running_mean"] == (32,)
    assert found["scene_head.last.weight"] == (6, 32)
    assert found["confusion_head.0.fc.weight"] == (32, 32)
    assert "confusion_head.1.fc.weight" not in found
    assert found["confusion_head.last.weight"] == (5, 32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": "relased"}, r"unknown variant 'relased'; known: paper, released"),
        ({"schedule": "linear"}, r"unknown schedule 'linear'; known: constant, dann"),
        ({"labels": "harder"}, r"unknown labels 'harder'; known: soft, hard, none"),
        ({"scene_weight": -0.5}, r"cannot be negative: scene_weight=-0\.5"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SDN(per_channel(), Facts(3, 3), **settings)


def test_an_adversary_without_scenes_is_refused() -> None:
    with pytest.raises(InputError, match=r"at least 2 classes, not 0: give a scene table"):
        SDN(per_channel(), Facts(3))
    assert SDN(per_channel(), Facts(3), scene_weight=0.0).needs == {"without_humans"}
