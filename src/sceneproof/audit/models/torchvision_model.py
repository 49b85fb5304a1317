"""torchvision's video classifiers as models under audit, with their own weights and their own preprocessing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights, list_models, video

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.models.token_maps import grad_cam
from sceneproof.audit.subject import Answer, Maps, Pixels, Subject
from sceneproof.backbones.weights import PUBLIC, fill, read_checkpoint
from sceneproof.downloading import checked
from sceneproof.errors import InputError

NAMES = tuple(list_models(module=video))
# frames and stride at 30 a second, as torchvision says of each one's weights (its meta["_docs"]: clip_len, frame_rate)
SAMPLING = {"s3d": (128, 2), "mvit_v1_b": (16, 4), "mvit_v2_s": (16, 4)}
RESNET, SWIN = (16, 2), (32, 2)
LAST = {"r3d": "layer4", "mc3": "layer4", "r2p": "layer4", "s3d": "features", "mvi": "norm", "swi": "norm"}
"""The module whose output is the last features with places, by the first letters of the name."""
HEAD = {"r3d": "fc", "mc3": "fc", "r2p": "fc", "s3d": "classifier", "mvi": "head", "swi": "head"}


class TorchvisionModel(Subject):
    """A video classifier of torchvision's, of Kinetics-400 unless other weights are given."""

    def __init__(
        self,
        name: str,
        *,
        weights: Path | None = None,
        names: Sequence[str] | None = None,
        inputs: InputSettings = InputSettings(),
        device: torch.device,
        batch: int = 8,
    ) -> None:
        """Builds the network and loads its weights.

        Args:
            name: as in torchvision.models.video.
            weights: a state dict of one's own; None: the published ones, which are fetched once.
            names: of its classes; None: Kinetics-400's, as torchvision lists them.
            inputs: frames and stride, where they are to be others than those of training.
            device: where to compute.
            batch: clips that go through together.

        Raises:
            InputError: weights that cannot be fetched or do not fit.
        """
        published = get_model_weights(name).DEFAULT
        self.title = name
        self.actions = list(names) if names is not None else list(published.meta["categories"])
        self.sampling = inputs.sampling(*SAMPLING.get(name, SWIN if name.startswith("swin") else RESNET))
        file = weights if weights is not None else PUBLIC[name].download()
        network: Any = get_model(name, weights=None, num_classes=len(self.actions))
        fill(network, read_checkpoint(file), str(file))
        self._network = network.to(device).eval()
        self._preset: Any = published.transforms()
        self.identity, self.maps_missing = f"{checked(file)} {inputs}", ""
        self._device, self._batch = device, batch
        self._last: nn.Module = getattr(network, LAST[name[:3]])
        self._head: nn.Module = getattr(network, HEAD[name[:3]])

    @torch.no_grad()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities, and what the last layer is given."""
        scores, features = [], []
        for start in range(0, len(clips), self._batch):
            logits, given, _ = self._forward(clips[start : start + self._batch])
            scores.append(logits.float().softmax(1).cpu().numpy())
            features.append(given.flatten(2).mean(2).float().cpu().numpy() if given.ndim > 2 else given.cpu().numpy())
        return Answer(np.concatenate(scores), np.concatenate(features))

    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        """Grad-CAM on the last features."""
        with torch.enable_grad():
            logits, _, last = self._forward(clips)
            found = grad_cam(last, logits, torch.from_numpy(classes).to(self._device)).cpu()
        if found.ndim == 2:  # MViT: its class token first, then one token a place
            found = self._folded(found[:, 1:])
        length = clips.shape[1]
        whole = nn.functional.interpolate(found[:, None], size=(length, *found.shape[2:]), mode="nearest")[:, 0]
        return Maps(whole.numpy(), *self._window(*clips.shape[2:4]), "Grad-CAM on the last features")

    def _forward(self, clips: Pixels) -> tuple[Tensor, Tensor, Tensor]:
        """Scores before softmax, what the head is given, and the last features with channels at the end."""
        kept: dict[str, Tensor] = {}

        def keep_last(module: nn.Module, given: Any, made: Tensor) -> Tensor:
            kept["last"] = made if not torch.is_grad_enabled() else made.requires_grad_()
            return kept["last"]

        def keep_given(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            kept["given"] = given[0]

        hooks = [self._last.register_forward_hook(keep_last), self._head.register_forward_pre_hook(keep_given)]
        try:
            pictures = torch.from_numpy(np.ascontiguousarray(clips)).permute(0, 1, 4, 2, 3).to(self._device)
            logits = self._network(self._preset(pictures))
        except (RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(
                f"{self.title}: does not take {clips.shape[1]} frames: {reason}; see --inputs.frames"
            ) from None
        finally:
            for hook in hooks:
                hook.remove()
        last = kept["last"]
        return logits, kept["given"], last if self._tokens(last) else last.movedim(1, -1)

    def _tokens(self, last: Tensor) -> bool:
        """Whether channels stand at the end already: a transformer's."""
        return isinstance(self._last, nn.LayerNorm) or last.ndim == 3

    def _folded(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N) of MViT to (B, T', H', W'): a token covers 2 frames and 32 pixels."""
        side = self._preset.crop_size[0] // 32
        return tokens.reshape(len(tokens), -1, side, side)

    def _window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The rectangle of the frame that is seen: top, left, height, width, in its pixels."""
        sizes, (down, across) = list(self._preset.resize_size), self._preset.crop_size
        if len(sizes) == 1:
            factor = sizes[0] / min(height, width)
            sizes = [round(height * factor), round(width * factor)]
        tall, wide = height * down / sizes[0], width * across / sizes[1]
        return round((height - tall) / 2), round((width - wide) / 2), round(tall), round(wide)
