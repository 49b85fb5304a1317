"""Places365's own ResNets (Zhou et al., "Places: A 10 million Image Database for Scene Recognition", TPAMI 2018)."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.models import resnet18, resnet50

from sceneproof.backbones.weights import Weights, counted, fill, read_checkpoint
from sceneproof.downloading import checked
from sceneproof.errors import InputError
from sceneproof.files import no_file
from sceneproof.labelling.contracts import SceneLabeller
from sceneproof.labelling.pictures import resize
from sceneproof.labelling.places365 import scene_names
from sceneproof.numerics import device_named

# github.com/CSAILVision/places365, README, "Acknowledgements and License"
LICENCE = "CC BY, without a version, for the pretrained networks; credit the paper or places2.csail.mit.edu"
ADDRESS = "http://places2.csail.mit.edu/models_places365"
# The authors state no digests. These are what others wrote down who fetched the files from this address: three
# projects for each, and they agree.
PUBLIC = {
    18: Weights(
        f"{ADDRESS}/resnet18_places365.pth.tar",
        "2f4759217d470da2b803f8f66cd4488a066406b555a5fb95ee9a4663f9f05588",
        LICENCE,
    ),
    50: Weights(
        f"{ADDRESS}/resnet50_places365.pth.tar",
        "46529c86902bd0cfb0ea562a30b2850c28d2620d96282b3db9c318e1d774f6c5",
        LICENCE,
    ),
}
NETWORKS = {18: resnet18, 50: resnet50}
SHORT_SIDE, CROP = 256, 224  # as in the authors' run_placesCNN_basic.py and in the validation of train_placesCNN.py
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 64


class Places365ResNet(SceneLabeller):
    """Posteriors of Places365's ResNet-18 or ResNet-50.

    A frame is brought to a short side of 256 pixels; its middle 224 × 224 are looked at.

    Attributes:
        names: the 365 scenes.
        title: the network and its file with its whole SHA-256.
        short_side: 256.
    """

    short_side = SHORT_SIDE

    def __init__(
        self,
        weights: Path | str | None = None,
        *,
        depth: Literal[18, 50] = 50,
        download: bool = False,
        sha256: str = "",
        device: str = "auto",
    ) -> None:
        """Loads the network.

        Args:
            weights: The authors' file, resnet18_places365.pth.tar or resnet50_places365.pth.tar; nothing in it is
                executed.
            depth: Of the ResNet that the file is of, or that is fetched. 50 is what Choi et al. 2019 took their labels
                from (github.com/vt-vl-lab/SDN, issues 2 and 4).
            download: Without a file: fetch the authors' (ResNet-18: 46 MB, ResNet-50: 97 MB), once, into torch's cache.
            sha256: What the file's SHA-256 must start with. By default a fetched file must have the one that others
                found, and one of your own may have any; the label table tells which.
            device: "cpu", "cuda", …; "auto" for a GPU where there is one.

        Raises:
            InputError: no weights, another network's, or with another SHA-256.
        """
        public = replace(PUBLIC[depth], sha256=sha256) if sha256 else PUBLIC[depth]
        path = _file(weights, public, download=download)
        digest = checked(path, sha256)
        network = NETWORKS[depth](num_classes=365)
        fill(network, counted(read_checkpoint(path)), str(path))
        self._device = device_named(device)
        self._network = network.eval().to(self._device)
        self.names = scene_names()
        self.title = f"Places365 ResNet-{depth} ({path.name}, sha256 {digest})"

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Posteriors (N, 365) of frames uint8 (N, H, W, 3), RGB."""
        mean, std = (torch.tensor(values, device=self._device).view(3, 1, 1) for values in (MEAN, STD))
        answers = []
        for start in range(0, len(frames), BATCH):
            pixels = torch.from_numpy(np.ascontiguousarray(middle(frames[start : start + BATCH]))).to(self._device)
            with torch.inference_mode():
                logits = self._network((pixels.permute(0, 3, 1, 2).float() / 255 - mean) / std)
            answers.append(torch.softmax(logits, dim=1).cpu().numpy())
        return np.concatenate(answers)


def middle(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle (N, 224, 224, 3) of frames (N, H, W, 3) brought to a short side of 256 pixels."""
    height, width = frames.shape[1:3]
    factor = SHORT_SIDE / min(height, width)
    scaled = resize(frames, round(height * factor), round(width * factor))
    top, left = ((side - CROP) // 2 for side in scaled.shape[1:3])
    return scaled[:, top : top + CROP, left : left + CROP]


def _file(weights: Path | str | None, public: Weights, *, download: bool) -> Path:
    if weights is None:
        if not download:
            raise InputError(f"Places365 ResNet: give the weights' file, or ask for the download: {public.address}")
        return public.download()
    if not Path(weights).is_file():
        raise InputError(no_file(weights, f"the authors' weights, as {public.address}"))
    return Path(weights)
