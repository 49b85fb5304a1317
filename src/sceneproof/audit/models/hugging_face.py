"""Hugging Face's video classifiers as models under audit: VideoMAE, TimeSformer, ViViT, V-JEPA 2."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.maps import Seen, grad_cam, over_time, watching
from sceneproof.audit.subject import Answer, Maps, Pixels, Subject
from sceneproof.backbones.hugging_face import first_line, folder_digest, labels, load_network
from sceneproof.errors import InputError
from sceneproof.wording import counted

# frames between those of a clip, at 25 to 30 a second, as the authors test on Kinetics: VideoMAE's finetune scripts
# (16 x 4), TimeSformer's configs (8 x 32), ViViT's (32 x 2), V-JEPA 2's probes (frame_step 4)
STRIDES = {"videomae": 4, "timesformer": 32, "vivit": 2, "vjepa2": 4}
WITH_PLACES = tuple(STRIDES)
"""Kinds of models whose tokens we know the places of."""


class HuggingFaceModel(Subject):
    """Any model of AutoModelForVideoClassification; only safetensors are read, and no code of a repository is run."""

    def __init__(
        self,
        model: str,
        *,
        names: Sequence[str] | None = None,
        inputs: InputSettings = InputSettings(),
        device: torch.device,
        batch: int = 8,
    ) -> None:
        """Loads a folder, or a name on the Hub.

        Args:
            model: the folder, or ORG/NAME.
            names: of its classes, in place of the model's own.
            inputs: frames and stride, where they are to be others than the model's.
            device: where to compute.
            batch: clips that go through together.

        Raises:
            InputError: transformers is not installed; no such model, or none that classifies videos.
        """
        network = load_network("AutoModelForVideoClassification", model, "no video classifier that can be loaded")
        self._processor = _processor(model)
        self._config = config = network.config
        self.title = model.rstrip("/").rpartition("/")[2]
        self._head = _head(network, model)
        outputs = len(self._head.weight)
        if names is not None and len(names) != outputs:
            raise InputError(
                f"{model}: has {counted(outputs, 'class', 'classes')}, and was given {counted(len(names), 'name')}"
            )
        self.actions = list(names) if names is not None else labels(config, outputs, model)
        frames = int(getattr(config, "num_frames", None) or getattr(config, "frames_per_clip", None) or 16)
        self.sampling = inputs.sampling(frames, STRIDES.get(config.model_type))
        self.identity = f"{_identity(model, network)} {inputs}"
        self._network, self._device, self._batch = (
            network.to(device).requires_grad_(False),
            device,
            batch,
        )
        folded = config.model_type in WITH_PLACES
        self.maps_missing = "" if folded else f"the places of a {config.model_type}'s tokens are not known here"
        self._block = _places(network) if folded else None

    @torch.no_grad()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and what the last layer is given."""
        scores, features = [], []
        for start in range(0, len(clips), self._batch):
            logits, seen = self._forward(self._video(clips[start : start + self._batch]))
            assert seen.given is not None
            scores.append(logits.float().softmax(1).cpu().numpy())
            features.append(seen.given.float().cpu().numpy())
        return Answer(np.concatenate(scores), np.concatenate(features))

    @torch.enable_grad()
    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        """Grad-CAM on the tokens that the last attention reads, or that a mean is taken of.

        Raises:
            InputError: a kind of model whose tokens have no places that we know; `maps_missing` says so.
        """
        if self._block is None:
            return super().maps(clips, classes)
        parts = []
        for start in range(0, len(clips), self._batch):
            video = self._video(clips[start : start + self._batch])
            logits, seen = self._forward(video)
            assert seen.places is not None
            wanted = torch.from_numpy(classes[start : start + self._batch]).to(self._device)
            maps = self._folded(grad_cam(seen.places, logits, wanted), *video.shape[:2], *video.shape[3:])
            parts.append(over_time(maps, clips.shape[1]).cpu().numpy())
        return Maps(np.concatenate(parts), *self._window(*clips.shape[2:4]), "Grad-CAM on the last tokens")

    def _video(self, clips: Pixels) -> Tensor:
        """Clips as the processor makes them: (B, T, C, H, W)."""
        batch = self._processor([list(clip) for clip in clips], return_tensors="pt")
        pixels: Tensor = batch["pixel_values"] if "pixel_values" in batch else batch["pixel_values_videos"]
        return pixels.float().to(self._device)

    def _forward(self, video: Tensor) -> tuple[Tensor, Seen]:
        """Scores before softmax (B, A), and what came by."""
        with watching(self._block, self._head) as seen:
            try:
                logits: Tensor = self._network(**{self._network.main_input_name: video}).logits
            except (RuntimeError, ValueError) as error:
                reason = str(error).strip().splitlines()[-1]
                shape = "x".join(map(str, video.shape[1:]))
                raise InputError(f"{self.title}: does not take clips TCHW of {shape}: {reason}") from None
        if len(logits) != len(video):  # TimeSformer that attends to space alone, in transformers 5: a row a frame
            raise InputError(
                f"{self.title}: gives {counted(len(logits), 'row')} of scores for {counted(len(video), 'clip')}"
            )
        return logits, seen

    def _folded(self, tokens: Tensor, clips: int, frames: int, height: int, width: int) -> Tensor:
        """What tokens say, as (B, T', H', W'); a class token in front is left out."""
        patch: Any = getattr(self._config, "patch_size", None)
        tubelet: Any = getattr(self._config, "tubelet_size", 1)
        if isinstance(tubelet, list | tuple):  # ViViT: time, height, width
            tubelet, patch = tubelet[0], tubelet[1]
        time, down, across = frames // int(tubelet), height // int(patch), width // int(patch)
        if self._config.model_type != "timesformer":
            return tokens[:, tokens.shape[1] - time * down * across :].reshape(clips, time, down, across)
        if self._config.attention_type == "divided_space_time":  # its last attention reads each frame by itself
            return tokens[:, 1:].reshape(clips, time, down, across)
        return tokens[:, 1:].reshape(clips, down, across, time).movedim(-1, 1)  # by place first, then by time

    def _window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The rectangle of the frame that is seen: top, left, height, width, in its pixels."""
        size, crop = getattr(self._processor, "size", None), getattr(self._processor, "crop_size", None)
        if size is None or crop is None or not getattr(self._processor, "do_center_crop", False):
            return 0, 0, height, width
        edge = size.get("shortest_edge")
        factor = edge / min(height, width) if edge else 1
        down, across = (height * factor, width * factor) if edge else (size["height"], size["width"])
        tall, wide = min(height, height * crop["height"] / down), min(width, width * crop["width"] / across)
        return round((height - tall) / 2), round((width - wide) / 2), round(tall), round(wide)


def _head(network: Any, model: str) -> nn.Linear:
    """The last layer, whose outputs are the classes."""
    head = getattr(network, "classifier", None)
    if not isinstance(head, nn.Linear):
        raise InputError(f"{model}: its last layer is no linear classifier, but {type(head).__name__}")
    return head


def _places(network: Any) -> nn.Module:
    """The module that gives the tokens whose evidence is weighed: see `watching`."""
    config = network.config
    if config.model_type == "vjepa2":
        return nn.Module.get_submodule(network, "pooler.cross_attention_layer.layer_norm1")
    body = getattr(network, network.base_model_prefix)
    blocks = next(module for module in body.modules() if isinstance(module, nn.ModuleList))
    if config.model_type == "videomae" and config.use_mean_pooling:
        return blocks[-1]
    return next(module for module in blocks[-1].modules() if isinstance(module, nn.LayerNorm))


def _processor(model: str) -> Any:
    import transformers

    said: Exception = OSError("none there")
    for kind in ("AutoVideoProcessor", "AutoImageProcessor"):
        try:
            return getattr(transformers, kind).from_pretrained(model, trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError, AttributeError, TypeError) as error:
            said = error
    raise InputError(f"{model}: its preprocessing cannot be loaded: {first_line(said)}")


def _identity(model: str, network: Any) -> str:
    """The digest of a folder's weights and settings, or the commit of a name on the Hub."""
    if Path(model).is_dir():
        return folder_digest(Path(model))
    return f"{model} {getattr(network.config, '_commit_hash', '')}"
