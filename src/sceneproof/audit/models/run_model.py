"""A run of ours as a model under audit: clips are cut, scaled and normalised as `evaluate` does it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sceneproof.audit.models.cam import explain
from sceneproof.audit.subject import Answer, Maps, Pixels, Sampling, Subject
from sceneproof.data.transforms import centre_crop, normalise, resize
from sceneproof.downloading import checked
from sceneproof.errors import InputError
from sceneproof.methods.base import Method
from sceneproof.run import Run
from sceneproof.tasks.classification import clip_of


class RunModel(Subject):
    """A run of classification, with the weights that training kept."""

    def __init__(
        self,
        path: Path,
        *,
        device: torch.device,
        batch: int = 8,
        trust: Sequence[str] | None = None,
        of_flow: bool = False,
    ) -> None:
        """Opens a run folder.

        Args:
            path: the folder.
            device: where to compute.
            batch: clips that go through together.
            trust: import paths that its configuration may name, see `sceneproof.trust`.
            of_flow: whether the clips that it will be shown are pictures of optical flow.

        Raises:
            InputError: no such run, one of another task, or one that reads flow where that is not shown to it.
        """
        run = Run.open(path, trust=trust)
        if run.known.shows == "flow" and not of_flow:
            raise InputError(f"{path}: was trained on optical flow, which is not what it would be shown here")
        numerics = run.tested_in(device)
        self._method = numerics.arrange(run.trained(Method).to(device))
        self._autocast = numerics.dtype
        clip = clip_of(run)
        self.title, self.actions = run.name, run.actions
        self.sampling = Sampling(clip.length, clip.stride)
        self.identity = checked(path / "weights.safetensors")
        self._size, self._device, self._batch = clip.size, device, batch
        blank = torch.zeros(1, 3, clip.length, clip.size, clip.size, device=device)
        with torch.no_grad():
            placed = self._method.answer(blank).places is not None
        self.maps_missing = "" if placed else "its scores are not a mean over places, as a linear action head's are"

    @torch.no_grad()
    def answer(self, clips: Pixels) -> Answer:
        """Probabilities and pooled features."""
        scores, features = [], []
        for start in range(0, len(clips), self._batch):
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._autocast is not None):
                output = self._method.answer(self._video(clips[start : start + self._batch]))
            scores.append(output.scores.float().softmax(1).cpu().numpy())
            features.append(output.features.float().cpu().numpy())
        return Answer(np.concatenate(scores), np.concatenate(features))

    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        """Class activation maps (Zhou et al. 2016).

        Raises:
            InputError: the action head is not linear.
        """
        parts = []
        for start in range(0, len(clips), self._batch):
            wanted = torch.from_numpy(classes[start : start + self._batch]).to(self._device)
            parts.append(
                explain(self._method, self._video(clips[start : start + self._batch]), wanted)[1].cpu().numpy()
            )
        crop = centre_crop(*clips.shape[2:4])
        return Maps(np.concatenate(parts), crop.top, crop.left, crop.height, crop.width, "class activation map")

    def _video(self, clips: Pixels) -> Tensor:
        crop = centre_crop(*clips.shape[2:4])
        window = clips[:, :, crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        frames = resize(torch.from_numpy(np.ascontiguousarray(window)).to(self._device), self._size)
        still = torch.zeros(len(clips), dtype=torch.bool)
        return normalise(frames, still, self._method.backbone.mean, self._method.backbone.std)
