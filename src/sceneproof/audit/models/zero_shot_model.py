"""Models that compare pictures or videos with texts, asked for actions by a sentence each: CLIP, SigLIP, X-CLIP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.subject import Answer, Pixels, Subject
from sceneproof.backbones.hugging_face import load_network, origin_of
from sceneproof.errors import InputError
from sceneproof.labelling.hugging_face_scenes import HuggingFaceScenes
from sceneproof.labelling.places365 import in_words

PROMPT = "a video of a person {}"
FRAMES = 8
"""Frames of a clip, by default, of a model that was trained on pictures."""


def zero_shot_model(
    model: str,
    *,
    actions: Sequence[str],
    prompt: str = PROMPT,
    inputs: InputSettings = InputSettings(),
    device: torch.device,
    batch: int = 8,
) -> Subject:
    """Opens a folder, or a name in the Hub's cache; nothing is downloaded.

    Args:
        model: the folder, or ORG/NAME.
        actions: names of the classes, as they stand in the sentence once underscores are spaces.
        prompt: the sentence; {} is where the action goes.
        inputs: frames and stride of a clip, where they are to be others.
        device: where to compute.
        batch: clips that go through together.

    Raises:
        InputError: no such model, none that compares with texts, or a prompt without {}.
    """
    if prompt.count("{}") != 1:
        raise InputError(f"--prompt {prompt!r}: it needs one {{}}, where the action goes")
    kind = VideoTextModel if _config(model).model_type == "xclip" else ImageTextModel
    return kind(model, Asked(tuple(actions), prompt, inputs, device, batch))


@dataclass(frozen=True)
class Asked:
    """What a model is asked for, and how: see `zero_shot_model`."""

    actions: tuple[str, ...]
    prompt: str
    inputs: InputSettings
    device: torch.device
    batch: int


class ImageTextModel(Subject):
    """CLIP, SigLIP and their like: the mean of a clip's frames' unit vectors, compared with each sentence.

    The softmax over all actions (Radford et al., ICML 2021, section 3.1); of SigLIP it is our choice, see
    `HuggingFaceScenes`.
    """

    maps_missing = "a model of pictures and texts shows no maps here"

    def __init__(self, model: str, asked: Asked) -> None:
        """Loads the model and reads all sentences: see `zero_shot_model`."""
        self.actions = list(asked.actions)
        sampling = asked.inputs.sampling(FRAMES, None)
        said = [in_words(action) for action in self.actions]
        self._compared = HuggingFaceScenes(
            model, names=said, prompt=asked.prompt, batch=asked.batch * sampling.length, device=str(asked.device)
        )
        self.sampling, self.title = sampling, model.rstrip("/").rpartition("/")[2]
        self.identity = f"{self._compared.title} {self.actions} {asked.inputs}"

    @torch.inference_mode()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and the vectors that are compared."""
        vectors = self._compared.described(clips.reshape(-1, *clips.shape[2:]))
        vectors = vectors.reshape(*clips.shape[:2], -1)
        mean = torch.nn.functional.normalize(vectors.mean(1), dim=-1)
        scores = self._compared.compared(mean).softmax(1)
        return Answer(scores.cpu().numpy().astype(np.float32), mean.float().cpu().numpy())


class VideoTextModel(Subject):
    """X-CLIP (Ni et al., "Expanding Language-Image Pretrained Models for General Video Recognition", ECCV 2022).

    Its sentences are rewritten for each video, so that they go through the network with every batch.
    """

    maps_missing = "a model of videos and texts shows no maps here"

    def __init__(self, model: str, asked: Asked) -> None:
        """Loads the model: see `zero_shot_model`.

        Raises:
            InputError: clips of another length than it was trained on.
        """
        from transformers import AutoImageProcessor, AutoTokenizer

        self._network = load_network("AutoModel", model, "no video-text model that can be loaded").to(asked.device)
        where = {"local_files_only": True, "trust_remote_code": False}
        self._processor = AutoImageProcessor.from_pretrained(model, **where)  # type: ignore[no-untyped-call]  # theirs
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True, trust_remote_code=False)
        frames = int(self._network.config.vision_config.num_frames)
        self.sampling = asked.inputs.sampling(frames, None)
        if self.sampling.length != frames:
            raise InputError(f"{model}: takes clips of {frames} frames, not {self.sampling.length} (--inputs.frames)")
        self.actions, self._device, self._batch = list(asked.actions), asked.device, asked.batch
        length = int(self._network.config.text_config.max_position_embeddings)
        said = [asked.prompt.replace("{}", in_words(action)) for action in self.actions]
        tokens = tokenizer(said, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        self._tokens = {key: value.to(asked.device) for key, value in tokens.items() if key != "token_type_ids"}
        self.title = model.rstrip("/").rpartition("/")[2]
        self.identity = f"{origin_of(model, self._network, None)} {said} {asked.inputs}"

    @torch.inference_mode()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and the videos' vectors."""
        scores, features = [], []
        for start in range(0, len(clips), self._batch):
            output: Any = self._network(**self._tokens, pixel_values=self._video(clips[start : start + self._batch]))
            scores.append(output.logits_per_video.float().softmax(1).cpu().numpy())
            features.append(output.video_embeds.float().flatten(1).cpu().numpy())
        return Answer(np.concatenate(scores), np.concatenate(features))

    def _video(self, clips: Pixels) -> Tensor:
        frames = self._processor(images=list(clips.reshape(-1, *clips.shape[2:])), return_tensors="pt")["pixel_values"]
        video: Tensor = frames.reshape(len(clips), clips.shape[1], *frames.shape[-3:])
        return video.to(self._device)


def _config(model: str) -> Any:
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise InputError(f"clip:{model}: needs transformers: pip install 'sceneproof[hf]' ({error})") from None
    try:
        return AutoConfig.from_pretrained(model, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"clip:{model}: no model in a folder of this name nor in the Hub's cache: {reason}. To fetch one: "
            f"huggingface-cli download {model}"
        ) from None
