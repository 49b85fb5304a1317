"""Zero-shot models on tiny networks of random weights, held against transformers' own scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.opening import open_subject
from sceneproof.errors import InputError
from tests.audit.models.subjects import noise
from tests.labelling.test_hugging_face_scenes import LENGTH, TOWER, make

transformers = pytest.importorskip("transformers", reason="needs sceneproof[hf]")

ACTIONS = ("brush_hair", "run", "swing baseball")
SAID = ["a video of a person brush hair", "a video of a person run", "a video of a person swing baseball"]


def tokens(folder: Path, said: list[str]) -> Any:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    made = tokenizer(said, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt")
    return {key: value for key, value in made.items() if key != "token_type_ids"}


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_one_frame_has_the_models_own_scores(kind: str, tmp_path: Path) -> None:
    folder = make(tmp_path / kind, kind)
    subject = open_subject(f"clip:{folder}", actions=ACTIONS, inputs=InputSettings(frames=1))
    clips = noise(3, 1)
    answer = subject.answer(clips)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    pictures = transformers.AutoImageProcessor.from_pretrained(folder)(images=list(clips[:, 0]), return_tensors="pt")
    with torch.inference_mode():
        theirs = network(**tokens(folder, SAID), **pictures).logits_per_image.softmax(1)
    assert answer.scores == pytest.approx(theirs.numpy(), abs=1e-4)
    assert list(subject.actions) == list(ACTIONS)
    assert np.ptp(answer.scores, axis=0).max() > 0.01, "the clips differ"


def test_a_clip_is_the_mean_of_its_frames_vectors(tmp_path: Path) -> None:
    subject = open_subject(f"clip:{make(tmp_path / 'clip')}", actions=ACTIONS, inputs=InputSettings(frames=4))
    clips = noise(2, 4)
    answer = subject.answer(clips)
    assert answer.features is not None
    alone = [subject.answer(np.repeat(clips[:, t : t + 1], 4, 1)).features for t in range(4)]
    mean = np.mean([vectors for vectors in alone if vectors is not None], axis=0)
    assert answer.features == pytest.approx(mean / np.linalg.norm(mean, axis=1, keepdims=True), abs=1e-5)
    assert subject.answer(clips[1:]).scores == pytest.approx(answer.scores[1:], abs=1e-5)


def xclip(folder: Path) -> Path:
    """A tiny X-CLIP of 4 frames, with the letters of the tiny CLIP."""
    make(folder)
    old = transformers.CLIPConfig.from_pretrained(folder)
    torch.manual_seed(1)
    text = {key: getattr(old.text_config, key) for key in (*TOWER, "vocab_size", "max_position_embeddings",
                                                           "eos_token_id", "bos_token_id", "pad_token_id")}  # fmt: skip
    vision = {**TOWER, "image_size": 16, "patch_size": 8, "num_frames": 4, "mit_hidden_size": 16,
              "mit_intermediate_size": 16, "mit_num_attention_heads": 2, "mit_num_hidden_layers": 1}  # fmt: skip
    config = transformers.XCLIPConfig(
        text_config=text, vision_config=vision, projection_dim=16, prompt_layers=1, prompt_num_attention_heads=2
    )
    network = transformers.XCLIPModel(config)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "embed" in name or "projection" in name:
                weight.normal_()
    network.save_pretrained(folder)
    return folder


def test_videos_and_texts_have_the_models_own_scores(tmp_path: Path) -> None:
    folder = xclip(tmp_path / "xclip")
    subject = open_subject(f"clip:{folder}", actions=ACTIONS, prompt="{}", batch=2)
    assert subject.sampling.length == 4
    clips = noise(3, 4)
    network = transformers.XCLIPModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    pictures = processor(images=list(clips.reshape(-1, *clips.shape[2:])), return_tensors="pt")["pixel_values"]
    said = ["brush hair", "run", "swing baseball"]
    with torch.inference_mode():
        theirs = network(**tokens(folder, said), pixel_values=pictures.reshape(3, 4, *pictures.shape[1:]))
    assert subject.answer(clips).scores == pytest.approx(theirs.logits_per_video.softmax(1).numpy(), abs=1e-4)
    with pytest.raises(InputError, match="clips of 4 frames, not 8"):
        open_subject(f"clip:{folder}", actions=ACTIONS, inputs=InputSettings(frames=8))


def test_other_sentences_are_another_model(tmp_path: Path) -> None:
    folder = make(tmp_path / "clip")
    first, other = (open_subject(f"clip:{folder}", actions=ACTIONS, prompt=prompt) for prompt in ("{}", "to {}"))
    assert first.identity != other.identity


@pytest.mark.parametrize(
    ("word", "options", "message"),
    [
        ("clip:{folder}", {"actions": ()}, "give --names FILE"),
        ("clip:{folder}", {"prompt": "an action"}, "needs one {}"),
        ("clip:nobody/nothing", {}, "huggingface-cli download nobody/nothing"),
        ("r3d_18", {"prompt": "{}"}, "--prompt goes with a model of texts"),
    ],
)
def test_what_cannot_be_asked(word: str, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    word = word.format(folder=make(tmp_path / "clip")) if "{folder}" in word else word
    with pytest.raises(InputError, match=message):
        open_subject(word, **{"actions": ACTIONS, **options})
