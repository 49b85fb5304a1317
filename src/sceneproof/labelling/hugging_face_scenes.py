"""Scenes by any Hugging Face model that compares pictures with texts, such as CLIP, SigLIP or MetaCLIP; no training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sceneproof.backbones.hugging_face import load_with_processors, origin_of
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import SceneLabeller
from sceneproof.labelling.places365 import in_words, read_names, scene_names
from sceneproof.numerics import device_named

TEXTS = 64
"""Texts that go in at once."""
FEW = 8
"""Texts that a new model's own scores are compared by."""


class HuggingFaceScenes(SceneLabeller):
    """Posteriors of a zero-shot classifier: each scene's name in a sentence, compared with the frame.

    The softmax of the model's scores over all names (Radford et al., "Learning Transferable Visual Models From Natural
    Language Supervision", ICML 2021, section 3.1). SigLIP (Zhai et al., ICCV 2023) is trained to say yes or no to each
    text by itself; the softmax over its scores is our choice, since a soft label must sum to 1.

    Attributes:
        title: the model's name with its commit or its files' SHA-256, and the sentence.
        short_side: None: the model's own processor scales the frames.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        names: Sequence[str] | str | Path | None = None,
        prompt: str = "a photo of a {}.",
        revision: str | None = None,
        download: bool = False,
        batch: int = 16,
        device: str = "auto",
    ) -> None:
        """Loads the model from a folder, the Hub's cache or, where asked for, the Hub, and reads all names with it.

        Only safetensors are read and no code of the model's repository is run.

        Args:
            model: A model's name on the Hub, such as openai/clip-vit-base-patch32, or a folder.
            names: The scenes as they stand in the sentence, or a text file with one a line. By default the 365 of
                Places365, said as people do: "hockey arena" for arena/hockey.
            prompt: The sentence; {} is where the name goes.
            revision: The commit or tag to take.
            download: Fetch from the Hub what is not in its cache.
            batch: Frames that go in at once.
            device: "cpu", "cuda", …; "auto" for a GPU where there is one.

        Raises:
            InputError: transformers is not installed; no such model, or not one that compares pictures with texts; a
                prompt without {}, or names that cannot be read.
        """
        if prompt.count("{}") != 1:
            raise InputError(f"prompt: {prompt!r} given; it needs one {{}}, where the scene's name goes")
        self.names = scene_names() if names is None else read_names(names)
        said = [in_words(name) for name in self.names] if names is None else self.names
        self._device = device_named(device)
        self._processor, tokenizer, network = load_with_processors(
            "AutoModelForZeroShotImageClassification", str(model), "not a zero-shot image model that can be loaded",
            ["AutoImageProcessor", "AutoTokenizer"], revision=revision, download=download,
        )  # fmt: skip
        self._network, self._batch = network.to(self._device), batch
        tokens = self._tokens(tokenizer, [prompt.replace("{}", name) for name in said])
        with torch.inference_mode():
            texts = [self._texts({key: part[start : start + TEXTS] for key, part in tokens.items()}, str(model))
                     for start in range(0, len(said), TEXTS)]  # fmt: skip
            self._features = torch.cat(texts)
            self._compare({key: part[:FEW] for key, part in tokens.items()}, str(model))
        self.title = f"{origin_of(model, network, revision)}, {prompt!r}"

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Posteriors (N, S) of frames uint8 (N, H, W, 3), RGB."""
        with torch.inference_mode():
            logits = self.compared(self.described(frames))
        return np.asarray(torch.softmax(logits, dim=1).cpu().numpy(), np.float32)

    def described(self, frames: NDArray[np.uint8]) -> Tensor:
        """Unit vectors (N, D) of frames uint8 (N, H, W, 3), RGB, for `compared`."""
        parts = [frames[start : start + self._batch] for start in range(0, len(frames), self._batch)]
        return torch.cat([self._pictures(part) for part in parts])

    def compared(self, pictures: Tensor) -> Tensor:
        """Scores before softmax (N, S) of unit vectors (N, D)."""
        return self._logits(pictures, self._features)

    def _tokens(self, tokenizer: Any, sentences: list[str]) -> dict[str, Tensor]:
        """Texts padded to the model's full length, as SigLIP was trained; to CLIP it makes no difference."""
        length = self._network.config.text_config.max_position_embeddings
        tokens = tokenizer(sentences, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        return {key: value.to(self._device) for key, value in tokens.items()}

    def _texts(self, tokens: dict[str, Tensor], model: str) -> Tensor:
        try:
            return _unit(self._network.get_text_features(**tokens))
        except (AttributeError, TypeError) as error:
            raise InputError(f"{model}: does not describe a text by a vector, as CLIP and SigLIP do: {error}") from None

    def _pictures(self, frames: NDArray[np.uint8]) -> Tensor:
        inputs = self._processor(images=list(frames), return_tensors="pt").to(self._device)
        return _unit(self._network.get_image_features(**inputs))

    def _logits(self, pictures: Tensor, texts: Tensor) -> Tensor:
        # SigLIP adds a bias too, the same to all names: the softmax takes it out again
        scores: Tensor = self._network.logit_scale.exp() * pictures @ texts.T
        return scores.float()

    def _compare(self, tokens: dict[str, Tensor], model: str) -> None:
        """Refuses a model that weighs vectors in its own way, for which ours would be another classifier."""
        noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
        inputs = self._processor(images=list(noise), return_tensors="pt").to(self._device)
        try:
            theirs = self._network(**inputs, **tokens).logits_per_image.softmax(dim=1)
            ours = self._logits(self._pictures(noise), self._features[:FEW]).softmax(dim=1)
        except (AttributeError, TypeError) as error:
            raise InputError(f"{model}: does not compare pictures and texts as CLIP and SigLIP do: {error}") from None
        if not torch.allclose(ours, theirs.float(), atol=1e-3):
            raise InputError(f"{model}: compares pictures and texts in another way than CLIP and SigLIP")


def _unit(answer: Any) -> Tensor:
    """Vectors (N, D) of length 1; transformers 5 wraps what transformers 4 answers."""
    return functional.normalize(getattr(answer, "pooler_output", answer), dim=-1)
