"""People by torchvision's own detectors: Faster R-CNN and Mask R-CNN (ResNet-50, FPN, version 2).

Li et al., "Benchmarking Detection Transfer Learning with Vision Transformers", arXiv:2111.11429, whose recipe
torchvision trained them by.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import fasterrcnn_resnet50_fpn_v2, maskrcnn_resnet50_fpn_v2

from sceneproof.backbones.weights import Weights, fill, read_checkpoint
from sceneproof.errors import InputError

PERSON = 1
"""The class of persons in torchvision's COCO networks; 0 is background."""
LICENCE = "none stated: torchvision leaves the terms to the data set, COCO"
ADDRESS = "https://download.pytorch.org/models"
FASTER = Weights(f"{ADDRESS}/fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", "dd69338a", LICENCE)
MASK = Weights(f"{ADDRESS}/maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth", "73cbd019", LICENCE)


class FasterRcnn:
    """Boxes by Faster R-CNN.

    Attributes:
        title: the network with the start of its weights' SHA-256, and the settings.
        short_side: that the network enlarges or shrinks its pictures to.
    """

    def __init__(
        self,
        weights: Path | str | None = None,
        *,
        download: bool = False,
        score: float = 0.1,
        short_side: int = 800,
        batch: int = 4,
        device: str = "auto",
    ) -> None:
        """Loads the network.

        Args:
            weights: File of torchvision's weights, a state dict; nothing in it is executed.
            download: Without a file: fetch torchvision's COCO weights (167 MB), once, into torch's cache.
            score: Boxes below it are left out.
            short_side: Of the pictures that the network looks at; it was trained with 640 to 800.
            batch: Frames that go in at once.
            device: "cpu", "cuda", …; "auto" for a GPU where there is one.

        Raises:
            InputError: no weights, or another network's.
        """
        path = _file(weights, FASTER, download)
        network = fasterrcnn_resnet50_fpn_v2(
            weights_backbone=None, min_size=short_side, max_size=2 * short_side, box_score_thresh=score
        )
        self._network = _Network(network, path, batch, device)
        self.short_side: int | None = short_side
        self.title = f"Faster R-CNN v2 ({self._network.source}), short side {short_side}, score at least {score:g}"

    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """People in frames uint8 (N, H, W, 3), RGB: N arrays (K, 5), the best score first."""
        return [
            torch.cat([found["boxes"], found["scores"][:, None]], dim=1).cpu().numpy()
            for found in self._network.people(frames)
        ]


class MaskRcnn:
    """Masks by Mask R-CNN: all people of a frame in one.

    Attributes:
        title: the network with the start of its weights' SHA-256, and the settings.
        short_side: that the network enlarges or shrinks its pictures to.
    """

    def __init__(
        self,
        weights: Path | str | None = None,
        *,
        download: bool = False,
        score: float = 0.5,
        short_side: int = 800,
        batch: int = 4,
        device: str = "auto",
    ) -> None:
        """Loads the network.

        Args:
            weights: File of torchvision's weights, a state dict; nothing in it is executed.
            download: Without a file: fetch torchvision's COCO weights (177 MB), once, into torch's cache.
            score: People below it are left out.
            short_side: Of the pictures that the network looks at; it was trained with 640 to 800.
            batch: Frames that go in at once.
            device: "cpu", "cuda", …; "auto" for a GPU where there is one.

        Raises:
            InputError: no weights, or another network's.
        """
        path = _file(weights, MASK, download)
        network = maskrcnn_resnet50_fpn_v2(
            weights_backbone=None, min_size=short_side, max_size=2 * short_side, box_score_thresh=score
        )
        self._network = _Network(network, path, batch, device)
        self.short_side: int | None = short_side
        self.title = f"Mask R-CNN v2 ({self._network.source}), short side {short_side}, score at least {score:g}"

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Pixels that are more likely than not a person's: bool (N, H, W), of frames uint8 (N, H, W, 3), RGB."""
        masks = np.zeros(frames.shape[:3], np.bool_)
        for mask, found in zip(masks, self._network.people(frames), strict=True):
            mask[:] = (found["masks"] > 0.5).any(0)[0].cpu().numpy()
        return masks


class _Network:
    """A detection network of torchvision's with its weights, run over batches."""

    def __init__(self, network: nn.Module, path: Path, batch: int, device: str) -> None:
        fill(network, read_checkpoint(path), str(path))
        self._device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        self._network, self._batch = network.eval().to(self._device), batch
        with path.open("rb") as file:
            self.source = f"{path.name}, sha256 {hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"

    def people(self, frames: NDArray[np.uint8]) -> Iterator[dict[str, Tensor]]:
        """What was found of the person class in each frame, in its pixels."""
        for start in range(0, len(frames), self._batch):
            pictures = torch.from_numpy(np.ascontiguousarray(frames[start : start + self._batch])).to(self._device)
            with torch.inference_mode():
                answers = self._network(list(pictures.permute(0, 3, 1, 2).float() / 255))
            for answer in answers:
                yield {name: value[answer["labels"] == PERSON] for name, value in answer.items()}


def _file(weights: Path | str | None, public: Weights, download: bool) -> Path:
    if weights is None:
        if not download:
            raise InputError(f"give the weights' file, or ask for the download: {public.address}")
        return public.download()
    if not Path(weights).is_file():
        raise InputError(f"{weights}: no such file (expected torchvision's weights, as {public.address})")
    return Path(weights)
