"""Two processes with half of a batch each do what one does with all of it: gradients, and what methods keep."""

import json
from functools import partial
from typing import Any

import pytest

from tests.forked import forked
from tests.methods.two_processes import MAKE, state, train_together, trained, whole


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two processes has in the end."""
    out = tmp_path_factory.mktemp("processes")
    forked(*(partial(train_together, rank, out) for rank in range(2)))
    return [json.loads((out / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.parametrize("name", MAKE)
def test_two_processes_have_the_gradient_of_one(name: str, both: list[dict[str, Any]]) -> None:
    _, gradients = trained(name, whole())
    assert gradients.keys() == both[0][name]["gradients"].keys()
    assert any(any(values) for values in gradients.values())
    for key, values in gradients.items():
        assert both[0][name]["gradients"][key] == pytest.approx(values, rel=1e-4, abs=1e-6), key


@pytest.mark.parametrize("name", ["GroupDRO", "JTT", "LfF"])
def test_what_a_method_keeps_is_the_same_on_both_and_on_one(name: str, both: list[dict[str, Any]]) -> None:
    method, _ = trained(name, whole())
    kept = state(method)
    assert kept
    assert both[0][name]["state"] == both[1][name]["state"]
    for key, values in kept.items():
        assert both[0][name]["state"][key] == pytest.approx(values, rel=1e-5), key
