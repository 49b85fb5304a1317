"""What holds for every kind of model under audit."""

from pathlib import Path

import numpy as np
import pytest

from sceneproof.audit.subject import Subject
from sceneproof.errors import InputError
from tests.audit.models.subjects import make, noise

# by kind: the width of its features, None where it has none; the places of its maps (height, width) and the rectangle
# that is seen of 40 x 56 pixels (top, left, height, width)
FEATURES = {
    "run": 32, "r3d_18": 512, "s3d": 1024, "mvit_v2_s": 768, "swin3d_t": 768, "videomae": 16, "timesformer": 16,
    "vivit": 16, "vjepa2": 16, "i3d": 1024, "torchscript": None, "onnx": None, "callable": None, "function": None,
}  # fmt: skip
SQUARE = (0, 8, 40, 40)
HF = (2, 10, 36, 36)  # 16 of 18 pixels of the short side
MAPS = {
    "run": ((32, 32), SQUARE), "r3d_18": ((7, 7), (2, 10, 35, 37)), "s3d": ((7, 7), (2, 4, 35, 49)),
    "mvit_v2_s": ((7, 7), (2, 10, 35, 35)), "swin3d_t": ((7, 7), (2, 10, 35, 35)), "videomae": ((2, 2), HF),
    "timesformer": ((2, 2), HF), "vivit": ((2, 2), HF), "vjepa2": ((2, 2), (2, 10, 36, 36)),
    "i3d": ((1, 2), (5, 0, 30, 56)),
}  # fmt: skip
BIG = ("s3d", "mvit_v2_s", "swin3d_t")
KINDS = [pytest.param(kind, marks=pytest.mark.slow) if kind in BIG else kind for kind in FEATURES]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(kind)


@pytest.fixture(scope="module")
def subject(kind: str, folder: Path) -> Subject:
    return make(kind, folder, batch=2)


def test_answers_are_probabilities_and_the_same_again_whatever_the_batch(
    kind: str, folder: Path, subject: Subject
) -> None:
    clips = noise(2, subject.sampling.length)
    before = clips.copy()
    first = subject.answer(clips)
    assert (clips == before).all()
    assert first.scores.shape == (2, len(subject.actions))
    assert first.scores.dtype == np.float32
    assert (first.scores >= 0).all()
    np.testing.assert_allclose(first.scores.sum(1), 1, atol=1e-5)
    assert not np.allclose(first.scores[0], first.scores[1], atol=1e-6)  # what is shown matters
    one = subject.answer(clips[1:2])
    np.testing.assert_allclose(one.scores[0], first.scores[1], atol=1e-5)
    if FEATURES[kind] is None:
        assert first.features is None
    else:
        assert first.features is not None
        assert first.features.shape == (2, FEATURES[kind])
        assert first.features.dtype == np.float32
    if kind not in BIG:
        assert (subject.answer(clips).scores == first.scores).all()
        other = make(kind, folder, batch=1)
        np.testing.assert_allclose(other.answer(clips).scores, first.scores, atol=1e-5)
        assert other.identity == subject.identity


def test_maps_are_evidence_in_the_rectangle_that_is_seen(kind: str, subject: Subject) -> None:
    clips, classes = noise(2, subject.sampling.length), np.array([1, 0])
    if kind not in MAPS:
        assert subject.maps_missing
        with pytest.raises(InputError, match="shows no maps"):
            subject.maps(clips, classes)
        return
    assert not subject.maps_missing
    maps = subject.maps(clips, classes)
    places, rectangle = MAPS[kind]
    assert maps.activation.shape == (2, clips.shape[1], *places)
    assert maps.activation.dtype == np.float32
    assert (maps.activation >= 0).all()
    assert maps.activation.max() > 0
    assert (maps.top, maps.left, maps.height, maps.width) == rectangle
    alone = subject.maps(clips[1:], classes[1:])
    np.testing.assert_allclose(alone.activation[0], maps.activation[1], rtol=1e-3, atol=1e-4 * maps.activation.max())
    other = subject.maps(clips[1:], np.array([1]))  # the class asked for matters
    assert not np.allclose(other.activation, alone.activation, rtol=1e-2, atol=0)
