"""Zero-shot labellers: tiny CLIPs and SigLIPs with random weights, held against the models' own scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sceneproof.errors import InputError
from sceneproof.labelling import hugging_face_scenes
from sceneproof.labelling.hugging_face_scenes import HuggingFaceScenes
from sceneproof.labelling.places365 import in_words, scene_names

transformers = pytest.importorskip("transformers", reason="needs sceneproof[hf]")
tokenizers = pytest.importorskip("tokenizers", reason="needs sceneproof[hf]")

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), np.uint8)
PLACES = ("kitchen", "beach", "ice rink", "attic", "street")
TOWER = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
LENGTH = 64


def make(folder: Path, kind: str = "clip", **extra: Any) -> Path:
    """Writes a tiny model whose tokens are letters, with its processor and tokenizer."""
    torch.manual_seed(0)
    letters = {
        letter: place for place, letter in enumerate("_ abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ<>")
    }
    spelling = tokenizers.Tokenizer(tokenizers.models.WordLevel(letters, unk_token="_"))
    spelling.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    spelling.post_processor = tokenizers.processors.TemplateProcessing(
        single="< $A >", special_tokens=[("<", letters["<"]), (">", letters[">"])]
    )
    names = {"bos_token": "<", "eos_token": ">", "pad_token": "_", "unk_token": "_"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=spelling, **names).save_pretrained(folder)
    numbers = {"bos_token_id": letters["<"], "eos_token_id": letters[">"], "pad_token_id": letters["_"]}
    text = {**TOWER, **numbers, "vocab_size": len(letters), "max_position_embeddings": LENGTH}
    vision = {**TOWER, "image_size": 16, "patch_size": 8}
    if kind == "clip":
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
        model = transformers.CLIPModel(config)
        processor = transformers.CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=16)
    else:
        model = transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=vision))
        processor = transformers.SiglipImageProcessor(size={"height": 16, "width": 16})
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed" in name or "projection" in name:
                weight.normal_()  # as they are made, all answers are nearly the same
        model.logit_scale.fill_(np.log(20))
        if kind != "clip":
            model.logit_bias.fill_(-5)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def of_the_model_itself(folder: Path, sentences: list[str]) -> np.ndarray:
    """The softmax of the scores that the model gives pictures and texts that go in together."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = tokenizer(sentences, padding="max_length", max_length=LENGTH, return_tensors="pt")
    pictures = transformers.AutoImageProcessor.from_pretrained(folder)(images=list(FRAMES), return_tensors="pt")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        return np.asarray(model(**texts, **pictures).logits_per_image.softmax(dim=1).numpy())


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_posteriors_are_the_softmax_of_the_models_own_scores(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, kind)
    monkeypatch.setattr(hugging_face_scenes, "TEXTS", 2)
    labeller = HuggingFaceScenes(folder, names=PLACES, prompt="This is a {}.", batch=2, device="cpu")
    found = labeller(FRAMES)
    truth = of_the_model_itself(folder, [f"This is a {name}." for name in PLACES])
    assert found.dtype == np.float32
    assert truth.std(axis=1).min() > 0.01, "the model tells the places apart"
    np.testing.assert_allclose(found, truth, atol=1e-5)
    assert labeller.names == list(PLACES)
    assert "'This is a {}.'" in labeller.title
    other = HuggingFaceScenes(folder, names=PLACES, prompt="no {}", device="cpu")
    assert abs(other(FRAMES) - found).max() > 0.01
    assert other.title != labeller.title


def test_the_365_are_said_as_people_do(tmp_path: Path) -> None:
    folder = make(tmp_path)
    labeller = HuggingFaceScenes(folder, prompt="{}", device="cpu")
    assert list(labeller.names) == scene_names()
    truth = of_the_model_itself(folder, [in_words(name) for name in scene_names()])
    np.testing.assert_allclose(labeller(FRAMES), truth, atol=1e-5)


def test_names_in_words() -> None:
    said = {
        "airfield": "airfield",
        "arena/hockey": "hockey arena",
        "natural_history_museum": "natural history museum",
        "ice_skating_rink/outdoor": "outdoor ice skating rink",
        "subway_station/platform": "subway station platform",
        "elevator/door": "elevator door",
        "temple/asia": "Asian temple",
    }
    assert {name: in_words(name) for name in said} == said
    words = [in_words(name) for name in scene_names()]
    assert len(set(words)) == 365
    assert not any(sign in word for word in words for sign in "/_")


def test_names_of_ones_own_are_taken_as_they_are(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    (tmp_path / "names.txt").write_text("ice rink\n\nbeach\n")
    assert HuggingFaceScenes(folder, names=tmp_path / "names.txt", device="cpu").names == ["ice rink", "beach"]
    (tmp_path / "names.txt").write_text("beach\nbeach\n")
    with pytest.raises(InputError, match=r"names\.txt: 'beach' is there twice"):
        HuggingFaceScenes(folder, names=tmp_path / "names.txt")
    with pytest.raises(InputError, match="no scene names"):
        HuggingFaceScenes(folder, names=[])
    with pytest.raises(InputError, match=r"prompt: 'a photo' given; it needs one \{\}"):
        HuggingFaceScenes(folder, prompt="a photo")


def test_the_title_tells_other_weights_apart(tmp_path: Path) -> None:
    one, other = make(tmp_path / "one"), make(tmp_path / "other")
    model = transformers.CLIPModel.from_pretrained(other)
    with torch.no_grad():
        model.logit_scale.fill_(1.0)
    model.save_pretrained(other)
    titles = [HuggingFaceScenes(folder, names=PLACES, device="cpu").title for folder in (one, other)]
    digests = [title.partition("(sha256 ")[2][:12] for title in titles]
    assert all(len(digest) == 12 for digest in digests)
    assert digests[0] != digests[1]


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nobody/nothing: .*\(downloading was not asked for\)"):
        HuggingFaceScenes("nobody/nothing")
    with pytest.raises(InputError, match="not a zero-shot image model that can be loaded"):
        HuggingFaceScenes(tmp_path)
    folder = make(tmp_path / "clip")
    config = folder / "config.json"
    told = json.loads(config.read_text())
    config.write_text(json.dumps({**told, "model_type": "bert"}))
    with pytest.raises(InputError, match="not a zero-shot image model that can be loaded"):
        HuggingFaceScenes(folder)


def test_code_and_pickles_of_a_repository_are_not_run(tmp_path: Path) -> None:
    folder = make(tmp_path / "clip")
    model = transformers.CLIPModel.from_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="not a zero-shot image model"):
        HuggingFaceScenes(folder, names=PLACES)
    folder = make(tmp_path / "code")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForZeroShotImageClassification": "own.Own", "AutoConfig": "own.Config"}
    config["model_type"] = "own"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\nclass Own: ...\nclass Config: ...\n")
    with pytest.raises(InputError, match="not a zero-shot image model"):
        HuggingFaceScenes(folder, names=PLACES)
    assert not (tmp_path / "executed").exists()


def test_a_model_that_scores_otherwise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path)
    forward = transformers.CLIPModel.forward

    def upside_down(self: Any, *arguments: Any, **words: Any) -> Any:
        answer = forward(self, *arguments, **words)
        answer.logits_per_image = -answer.logits_per_image
        return answer

    monkeypatch.setattr(transformers.CLIPModel, "forward", upside_down)
    with pytest.raises(InputError, match="in another way than CLIP and SigLIP"):
        HuggingFaceScenes(folder, names=PLACES, device="cpu")
