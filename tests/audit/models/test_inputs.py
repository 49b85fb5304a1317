from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sceneproof.audit.models.inputs import InputSettings, probabilities, read_classes
from sceneproof.data.transforms import Crop
from sceneproof.errors import InputError


@pytest.mark.parametrize(("settings", "frame", "expected"), [
    ({}, (48, 64), Crop(0, 8, 48, 48)),
    ({"size": 100, "width": 200}, (48, 64), Crop(8, 0, 32, 64)),
    # the short side 48 is scaled to 96, of which 64 are cut: 2/3 of 48
    ({"size": 64, "short_side": 96}, (48, 64), Crop(8, 16, 32, 32)),
    ({"size": 64, "short_side": 96}, (64, 48), Crop(16, 8, 32, 32)),
])  # fmt: skip
def test_the_rectangle_that_is_shown(settings: dict[str, Any], frame: tuple[int, int], expected: Crop) -> None:
    assert InputSettings(**settings).window(*frame) == expected


@pytest.mark.parametrize(
    ("layout", "axes"), [("BCTHW", (0, 4, 1, 2, 3)), ("BTCHW", (0, 1, 4, 2, 3)), ("BTHWC", (0, 1, 2, 3, 4))]
)
def test_layouts_and_scale(layout: Any, axes: tuple[int, ...]) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4, 3), np.uint8)
    video = InputSettings(size=4, layout=layout, scale=255, mean=(1, 2, 3), std=(2, 2, 4)).tensor(clips)
    expected = (clips.astype(np.float32) - [1, 2, 3]) / [2, 2, 4]
    np.testing.assert_allclose(video, expected.transpose(axes), atol=1e-4)


def test_probabilities_are_told_from_scores_row_by_row() -> None:
    rows = np.array([[0.25, 0.75], [2.0, 2.0], [-1.0, 2.0]])
    found = probabilities(rows, "auto", "x", rows.shape)
    np.testing.assert_allclose(found[:2], [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(found[2], [1 / (1 + np.e**3), 1 / (1 + np.e**-3)], rtol=1e-5)
    as_logits = 1 / (1 + np.exp(0.5))
    np.testing.assert_allclose(probabilities(rows[:1], "logits", "x", (1, 2)), [[as_logits, 1 - as_logits]], rtol=1e-5)
    with pytest.raises(InputError, match="x: its scores are no probabilities"):
        probabilities(rows, "probabilities", "x", rows.shape)
    with pytest.raises(InputError, match="not finite"):
        probabilities(np.array([[np.nan, 1]]), "auto", "x", (1, 2))


@pytest.mark.parametrize("settings", [
    {"size": 0}, {"width": -1}, {"scale": 0}, {"std": (1, 0, 1)}, {"frames": 0}, {"stride": 0},
    {"short_side": 64, "size": 112},
])  # fmt: skip
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings)) if "frames" not in settings else "length"):
        InputSettings(**settings)


@pytest.mark.parametrize(("name", "text"), [
    ("n.txt", "run\njump rope\n\n"), ("n.json", '["run", "jump rope"]'), ("n.json", '{"1": "jump rope", "0": "run"}'),
])  # fmt: skip
def test_names_of_classes(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_classes(tmp_path / name) == ["run", "jump rope"]


@pytest.mark.parametrize(("name", "text", "message"), [
    ("n.txt", "run\n\njump\n", "line 2: no name"), ("n.txt", "", "no names in it"), ("n.json", "{", "not JSON"),
    ("n.json", '{"1": "run"}', "expected a JSON"), ("n.json", '["run", 3]', "line 2: no name"),
    ("n.json", "3", "expected"),
])  # fmt: skip
def test_bad_names_of_classes(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_classes(tmp_path / name)
