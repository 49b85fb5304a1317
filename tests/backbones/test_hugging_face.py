"""Networks of transformers that their files fill in part only, or in another way, are refused with the keys named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from sceneproof.audit.models.hugging_face import HuggingFaceModel
from sceneproof.errors import InputError
from sceneproof.labelling.hugging_face_detector import HuggingFaceDetector
from sceneproof.labelling.hugging_face_scenes import HuggingFaceScenes
from tests.audit.models.subjects import CLASSES, DEVICE, hugging_face, noise
from tests.labelling import test_hugging_face_detector as detectors
from tests.labelling import test_hugging_face_scenes as scenes

transformers = pytest.importorskip("transformers", reason="needs sceneproof[hf]")

State = dict[str, Tensor]
HEADS = {
    "classifier": "classifier.weight",
    "scenes": "text_projection.weight",
    "detector": "bbox_predictor.layers.0.bias",
}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def make(kind: str, folder: Path) -> Path:
    if kind == "classifier":
        return hugging_face(folder, "videomae")
    return scenes.make(folder) if kind == "scenes" else detectors.make(folder, "dog", "person")


def open_as(kind: str, folder: Path) -> object:
    if kind == "classifier":
        return HuggingFaceModel(str(folder), device=DEVICE)
    return HuggingFaceScenes(folder, device="cpu") if kind == "scenes" else HuggingFaceDetector(folder, device="cpu")


def network_of(opened: object) -> State:
    networks = [part for part in vars(opened).values() if isinstance(part, torch.nn.Module)]
    return max((network.state_dict() for network in networks), key=len)  # some hold a part of it apart


def rewrite(folder: Path, change: Callable[[State], State]) -> None:
    file = folder / "model.safetensors"
    state = change(load_file(file))
    save_file({key: value.contiguous() for key, value in state.items()}, file, {"format": "pt"})


def hub_names(state: State) -> State:
    """VideoMAE's as the Hub has them: the biases of query and value beside their layers, and none of key."""
    named = {key.replace("query.bias", "q_bias").replace("value.bias", "v_bias"): value for key, value in state.items()}
    return {key: value for key, value in named.items() if not key.endswith("attention.key.bias")}


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state, key: {name: value for name, value in state.items() if name != key}, "has no weights for {key}"),
        (lambda state, key: {**state, "extra.weight": torch.ones(3)}, r"hold extra\.weight, which did not get in"),
        (lambda state, key: {**state, key: torch.ones(7, 5)}, "of another shape than its config.json says: {key}"),
        (lambda state, key: {**state, key: state[key] * torch.nan}, "not finite numbers: {key}"),
        (lambda state, key: {**state, key: (state[key] * 9).to(torch.int32)}, "no floating-point numbers.*: {key}"),
    ],
    ids=["missing", "left over", "other shape", "not finite", "whole numbers"],
)
def test_a_network_filled_in_part_is_refused(
    kind: str, change: Callable[[State, str], State], said: str, tmp_path: Path
) -> None:
    folder, key = make(kind, tmp_path / kind), HEADS[kind]
    rewrite(folder, lambda state: change(state, key))
    with pytest.raises(InputError, match=said.format(key=key.replace(".", r"\."))):
        open_as(kind, folder)


@pytest.mark.parametrize("kind", HEADS)
def test_half_precision_is_read_as_it_is(kind: str, tmp_path: Path) -> None:
    folder = make(kind, tmp_path / kind)
    rewrite(folder, lambda state: {key: value.half() for key, value in state.items()})
    head = load_file(folder / "model.safetensors")[HEADS[kind]]
    loaded = [value for name, value in network_of(open_as(kind, folder)).items() if name.endswith(HEADS[kind])]
    assert len(loaded) == 1
    assert torch.equal(loaded[0].half(), head)


def test_a_network_without_its_classifier_is_told(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path, "videomae")
    transformers.VideoMAEModel(transformers.AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    with pytest.raises(InputError, match=r"classifier\.bias.*not fine-tuned, and its head would be random"):
        HuggingFaceModel(str(folder), device=DEVICE)


def test_the_hubs_names_of_videomae_load_rightly_or_are_refused(tmp_path: Path) -> None:
    """Releases from 5.0 to 5.17 leave all biases of query and value at 0."""
    folder = hugging_face(tmp_path, "videomae")
    before = load_file(folder / "model.safetensors")
    rewrite(folder, hub_names)
    biases = [value for key, value in before.items() if "query.bias" in key or "q_bias" in key]
    assert biases
    try:
        subject = HuggingFaceModel(str(folder), device=DEVICE)
    except InputError as error:
        assert "q_bias" in str(error)  # noqa: PT017  # the other right answer
        assert tuple(map(int, transformers.__version__.split(".")[:2])) < (5, 18)
        return
    own = [value for key, value in subject._network.state_dict().items() if "quer" in key or "q_bias" in key]
    assert all(any(torch.equal(bias, value) for value in own) for bias in biases)


def test_what_transformers_does_not_tell_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that draws some weights anew, and says nothing."""
    folder = hugging_face(tmp_path, "videomae")
    kind = transformers.AutoModelForVideoClassification
    loaded = kind.from_pretrained

    def forgetful(*arguments: object, **options: object) -> object:
        network, told = loaded(*arguments, **options)
        torch.nn.init.zeros_(network.classifier.bias)
        return network, told

    monkeypatch.setattr(kind, "from_pretrained", forgetful)
    with pytest.raises(InputError, match=r"files hold classifier\.bias, which did not get into the network"):
        HuggingFaceModel(str(folder), device=DEVICE)


def test_shards_are_read_all(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path, "videomae")
    scores = HuggingFaceModel(str(folder), device=DEVICE).answer(noise(1, 4)).scores
    network = transformers.AutoModelForVideoClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    network.save_pretrained(folder, max_shard_size="6KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    assert (HuggingFaceModel(str(folder), device=DEVICE).answer(noise(1, 4)).scores == scores).all()


def test_a_model_in_the_hubs_cache_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "models--nobody--video"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0123456789" * 4)
    folder = hugging_face(tmp_path / "made", "videomae")
    shutil.copytree(folder, cache / "snapshots" / ("0123456789" * 4))
    for name in ("huggingface_hub.constants.HF_HUB_CACHE", "transformers.utils.hub.TRANSFORMERS_CACHE"):
        monkeypatch.setattr(name, str(tmp_path), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert HuggingFaceModel("nobody/video", device=DEVICE).actions == CLASSES
    rewrite(cache / "snapshots" / ("0123456789" * 4), lambda state: {**state, "extra": torch.ones(2)})
    with pytest.raises(InputError, match="extra"):
        HuggingFaceModel("nobody/video", device=DEVICE)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"1": "a", "2": "b", "3": "c"}, "id2label: has names 1 to 3, 3 in all, and the network 3 outputs"),
        ({"0": "a", "2": "b", "3": "c"}, "id2label: has names 0 to 3"),
        ({"0": "a", "1": "b"}, "of another shape|id2label"),
        ({"0": "a", "1": "b", "2": "c", "3": "d"}, "of another shape|id2label"),
        ({"a": "a", "b": "b", "c": "c"}, "no video classifier that can be loaded|id2label"),
        (["a", "b", "c"], "no video classifier that can be loaded|id2label"),
        ({}, "classifier"),
    ],
)
def test_names_that_do_not_count_the_outputs_are_refused(names: object, said: str, tmp_path: Path) -> None:
    folder = hugging_face(tmp_path, "videomae")
    config = json.loads((folder / "config.json").read_text())
    config.pop("label2id", None)
    (folder / "config.json").write_text(json.dumps({**config, "id2label": names}))
    with pytest.raises(InputError, match=said):
        HuggingFaceModel(str(folder), device=DEVICE)


def test_names_in_another_order_and_names_given_are_right(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path, "videomae")
    config = json.loads((folder / "config.json").read_text())
    config.pop("label2id", None)
    (folder / "config.json").write_text(json.dumps({**config, "id2label": {"2": "c", "0": "a", "1": "b"}}))
    assert HuggingFaceModel(str(folder), device=DEVICE).actions == ["a", "b", "c"]
    (folder / "config.json").write_text(json.dumps({**config, "id2label": {"1": "a", "2": "b", "3": "c"}}))
    assert HuggingFaceModel(str(folder), names=["a", "b", "c"], device=DEVICE).actions == ["a", "b", "c"]


def test_a_detector_whose_names_have_gaps_is_refused(tmp_path: Path) -> None:
    folder = detectors.make(tmp_path, "dog", "person")
    config = json.loads((folder / "config.json").read_text())
    config.pop("label2id", None)
    (folder / "config.json").write_text(json.dumps({**config, "id2label": {"1": "dog", "2": "person"}}))
    with pytest.raises(InputError, match="id2label: has names 1 to 2"):
        HuggingFaceDetector(folder, device="cpu")
