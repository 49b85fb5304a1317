"""Configurations of earlier versions, read as today's."""

from dataclasses import asdict
from typing import Any

from sceneproof.earlier import in_full
from sceneproof.optimisation import Optimisation
from sceneproof.spec import plain


def test_runs_from_before_a_setting_existed_are_seeds_of_the_same_recipe() -> None:
    method: dict[str, Any] = {"class_path": "sceneproof.methods.sdn.SDN", "init_args": {"scene_weight": 0.5}}
    then: dict[str, Any] = {
        "optimisation": {"lr": 0.1},
        "method": method,
        "backbone": {"class_path": "others.Net", "init_args": {}},
    }
    now: dict[str, Any] = {
        "optimisation": {**plain(asdict(Optimisation())), "lr": 0.1},
        "method": {**method, "init_args": {**method["init_args"], "masked_share": 1.0}},
        "backbone": then["backbone"],
    }
    assert in_full(then) == in_full(now)
    assert in_full(then) != in_full({**now, "optimisation": {**now["optimisation"], "bias_rate": 2.0}})
    shared = {**now["method"], "init_args": {**method["init_args"], "masked_share": 0.5}}
    assert in_full(then) != in_full({**now, "method": shared})
