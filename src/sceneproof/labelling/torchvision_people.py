"""People by torchvision's own detectors: Faster R-CNN and Mask R-CNN (ResNet-50, FPN, version 2).

Li et al., "Benchmarking Detection Transfer Learning with Vision Transformers", arXiv:2111.11429, whose recipe
torchvision trained them by.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from sceneproof.errors import InputError
from sceneproof.files import no_file
from sceneproof.labelling.contracts import PersonDetector, PersonSegmenter

if (
    TYPE_CHECKING
):  # torch takes seconds to import, and the command that knows these classes by name needs it for no other
    from torch import Tensor

PERSON = 1
"""The class of persons in torchvision's COCO networks; 0 is background."""
LICENCE = "none stated: torchvision leaves the terms to the data set, COCO"
ADDRESS = "https://download.pytorch.org/models"
FASTER, MASK = "fasterrcnn_resnet50_fpn_v2", "maskrcnn_resnet50_fpn_v2"
DIGITS = {FASTER: "dd69338a", MASK: "73cbd019"}
"""The start of each file's SHA-256, as its name has it."""


class _TorchvisionNetwork:
    """A detection network of torchvision's with its weights, run over batches.

    Attributes:
        title: the network with the start of its weights' SHA-256, and the settings.
        short_side: that the network enlarges or shrinks its pictures to.
    """

    network: ClassVar[str]
    named: ClassVar[str]
    least_score: ClassVar[float]
    short_side: int | None

    def __init__(
        self,
        weights: Path | str | None = None,
        *,
        download: bool = False,
        score: float | None = None,
        short_side: int = 800,
        batch: int = 4,
        device: str = "auto",
    ) -> None:
        """Loads the network.

        Args:
            weights: File of torchvision's weights, a state dict; nothing in it is executed.
            download: Without a file: fetch torchvision's COCO weights (167 MB for Faster R-CNN, 177 MB for Mask R-CNN),
                once, into torch's cache.
            score: People below it are left out; by default 0.1 for boxes, 0.5 for masks.
            short_side: Of the pictures that the network looks at; it was trained with 640 to 800.
            batch: Frames that go in at once.
            device: "cpu", "cuda", …; "auto" for a GPU where there is one.

        Raises:
            InputError: no weights, or another network's.
        """
        from torchvision.models import detection

        from sceneproof.backbones.weights import fill, read_checkpoint
        from sceneproof.numerics import device_named

        score = self.least_score if score is None else score
        path = _file(weights, self.network, download)
        network = getattr(detection, self.network)(
            weights_backbone=None, min_size=short_side, max_size=2 * short_side, box_score_thresh=score
        )
        fill(network, read_checkpoint(path), str(path))
        self._device = device_named(device)
        self._network, self._batch = network.eval().to(self._device), batch
        with path.open("rb") as file:
            source = f"{path.name}, sha256 {hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
        self.short_side = short_side
        self.title = f"{self.named} ({source}), short side {short_side}, score at least {score:g}"

    def people(self, frames: NDArray[np.uint8]) -> Iterator[dict[str, "Tensor"]]:
        """What is of the person class in each frame, in its pixels."""
        import torch

        for start in range(0, len(frames), self._batch):
            pictures = torch.from_numpy(np.ascontiguousarray(frames[start : start + self._batch])).to(self._device)
            with torch.inference_mode():
                answers = self._network(list(pictures.permute(0, 3, 1, 2).float() / 255))
            for answer in answers:
                yield {name: value[answer["labels"] == PERSON] for name, value in answer.items()}


class FasterRCNN(_TorchvisionNetwork, PersonDetector):
    """Boxes by Faster R-CNN."""

    network, named, least_score = FASTER, "Faster R-CNN v2", 0.1

    def __call__(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """People in frames uint8 (N, H, W, 3), RGB: N arrays (K, 5), the best score first."""
        return [
            np.column_stack([people["boxes"].cpu().numpy(), people["scores"].cpu().numpy()])
            for people in self.people(frames)
        ]


class MaskRCNN(_TorchvisionNetwork, PersonSegmenter):
    """Masks by Mask R-CNN: all people of a frame in one."""

    network, named, least_score = MASK, "Mask R-CNN v2", 0.5

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Pixels that are more likely than not a person's: bool (N, H, W), of frames uint8 (N, H, W, 3), RGB."""
        masks = np.zeros(frames.shape[:3], np.bool_)
        for mask, people in zip(masks, self.people(frames), strict=True):
            mask[:] = (people["masks"] > 0.5).any(0)[0].cpu().numpy()
        return masks


def _file(weights: Path | str | None, name: str, download: bool) -> Path:
    from sceneproof.backbones.weights import Weights

    public = Weights(f"{ADDRESS}/{name}_coco-{DIGITS[name]}.pth", DIGITS[name], LICENCE)
    if weights is None:
        if not download:
            raise InputError(f"give the weights' file, or ask for the download: {public.address}")
        return public.download()
    if not Path(weights).is_file():
        raise InputError(no_file(weights, f"torchvision's weights, as {public.address}"))
    return Path(weights)
