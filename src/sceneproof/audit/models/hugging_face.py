"""Hugging Face's video classifiers as models under audit: VideoMAE, TimeSformer, ViViT, V-JEPA 2, with their processors."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.token_maps import grad_cam
from sceneproof.audit.subject import Answer, Maps, Pixels, Subject
from sceneproof.downloading import checked
from sceneproof.errors import InputError

# frames between those of a clip, at 25 to 30 a second, as the authors test on Kinetics: VideoMAE's finetune scripts
# (16 x 4), TimeSformer's configs (8 x 32), ViViT's (32 x 2), V-JEPA 2's probes (frame_step 4)
STRIDES = {"videomae": 4, "timesformer": 32, "vivit": 2, "vjepa2": 4}


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
        network, self._processor = _load(model)
        config = network.config
        self.title = model.rstrip("/").rpartition("/")[2]
        own = [str(config.id2label[place]) for place in range(config.num_labels)]
        if names is not None and len(names) != len(own):
            raise InputError(f"{model}: has {len(own)} classes, but {len(names)} names were given")
        self.actions = list(names) if names is not None else own
        frames = int(getattr(config, "num_frames", None) or getattr(config, "frames_per_clip", 16))
        self.sampling = inputs.sampling(frames, STRIDES.get(config.model_type))
        self.identity = f"{_identity(model, network)} {inputs}"
        self.maps_missing = ""
        self._network, self._device, self._batch = network.float().eval().to(device), device, batch
        self._head: nn.Module = network.classifier

    @torch.no_grad()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and what the last layer is given."""
        scores, features = [], []
        for start in range(0, len(clips), self._batch):
            logits, given, _ = self._forward(self._video(clips[start : start + self._batch]))
            scores.append(logits.float().softmax(1).cpu().numpy())
            features.append(given.float().cpu().numpy())
        return Answer(np.concatenate(scores), np.concatenate(features))

    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        """Grad-CAM on the tokens that the last block gives."""
        video = self._video(clips)
        with torch.enable_grad():
            logits, _, tokens = self._forward(video)
            found = grad_cam(tokens, logits, torch.from_numpy(classes).to(self._device)).cpu()
        folded = self._folded(found, *video.shape[1:2], *video.shape[3:])
        whole = nn.functional.interpolate(folded[:, None], size=(clips.shape[1], *folded.shape[2:]), mode="nearest")
        window = self._window(*clips.shape[2:4])
        return Maps(whole[:, 0].numpy(), *window, "Grad-CAM on the last block's tokens")

    def _video(self, clips: Pixels) -> Tensor:
        """Clips as the processor makes them: (B, T, C, H, W)."""
        made = self._processor([list(clip) for clip in clips], return_tensors="pt")
        found = made.get("pixel_values", made.get("pixel_values_videos"))
        return found.float().to(self._device)

    def _forward(self, video: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores before softmax (B, A), what the head is given (B, D), and the last block's tokens (B, N, D)."""
        kept: dict[str, Tensor] = {}

        def keep_tokens(module: nn.Module, given: Any, made: Any) -> Any:
            first = made[0] if isinstance(made, tuple) else made
            kept["tokens"] = first if not torch.is_grad_enabled() else first.requires_grad_()
            return (kept["tokens"], *made[1:]) if isinstance(made, tuple) else kept["tokens"]

        def keep_given(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            kept["given"] = given[0]

        block = _last_block(self._network)
        hooks = [block.register_forward_hook(keep_tokens), self._head.register_forward_pre_hook(keep_given)]
        key = "pixel_values_videos" if self._network.config.model_type == "vjepa2" else "pixel_values"
        try:
            logits = self._network(**{key: video}).logits
        except (RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(f"{self.title}: does not take {video.shape[1]} frames: {reason}") from None
        finally:
            for hook in hooks:
                hook.remove()
        return logits, kept["given"], kept["tokens"]

    def _folded(self, tokens: Tensor, frames: int, height: int, width: int) -> Tensor:
        """What tokens (B, N) say, as (B, T', H', W'); a class token in front is left out."""
        config = self._network.config
        patch, tubelet = getattr(config, "patch_size", None), getattr(config, "tubelet_size", 1)
        if isinstance(tubelet, list | tuple):  # ViViT: time, height, width
            tubelet, patch = tubelet[0], tubelet[1]
        grid = frames // int(tubelet), height // int(patch), width // int(patch)
        places = grid[0] * grid[1] * grid[2]
        own = tokens[:, tokens.shape[1] - places :]
        if config.model_type == "timesformer":  # its tokens go by place first, then by time
            return own.reshape(len(own), grid[1], grid[2], grid[0]).movedim(-1, 1)
        return own.reshape(len(own), *grid)

    def _window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The rectangle of the frame that is seen: top, left, height, width, in its pixels."""
        processor = self._processor
        crop = getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", False) else None
        size = getattr(processor, "size", None)
        if crop is None or size is None:
            return 0, 0, height, width
        edge = size.get("shortest_edge") if hasattr(size, "get") else None
        down, across = size.get("height"), size.get("width")
        if edge:
            factor = edge / min(height, width)
            down, across = height * factor, width * factor
        if not down or not across:
            return 0, 0, height, width
        tall, wide = min(height, height * crop["height"] / down), min(width, width * crop["width"] / across)
        return round((height - tall) / 2), round((width - wide) / 2), round(tall), round(wide)


def _last_block(network: Any) -> nn.Module:
    """The last module list's last block of the encoder: its output is all tokens."""
    body = getattr(network, network.base_model_prefix)
    lists = [module for module in body.encoder.modules() if isinstance(module, nn.ModuleList) and len(module)]
    block: nn.Module = lists[0][-1]
    return block


def _load(model: str) -> tuple[Any, Any]:
    try:
        import transformers
    except ImportError:
        raise InputError(f"{model}: needs transformers: pip install 'sceneproof[hf]'") from None
    said: Exception
    try:
        network = transformers.AutoModelForVideoClassification.from_pretrained(
            model, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise InputError(f"{model}: no video classifier that can be loaded: {_first_line(error)}") from None
    for kind in ("AutoVideoProcessor", "AutoImageProcessor"):
        try:
            return network, getattr(transformers, kind).from_pretrained(model, trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError, AttributeError, TypeError) as error:
            said = error
    raise InputError(f"{model}: its preprocessing cannot be loaded: {_first_line(said)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _identity(model: str, network: Any) -> str:
    folder = Path(model)
    if folder.is_dir():
        digests = [checked(file) for file in sorted(folder.glob("*.safetensors"))]
        return hashlib.sha256("".join(digests).encode()).hexdigest()
    return f"{model} {getattr(network.config, '_commit_hash', '')}"
