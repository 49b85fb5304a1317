"""torchvision's detectors, with random weights that were told what to see."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import detection
from torchvision.models.detection import fasterrcnn_resnet50_fpn_v2, maskrcnn_resnet50_fpn_v2

from sceneproof.backbones import weights
from sceneproof.errors import InputError
from sceneproof.labelling import torchvision_people
from sceneproof.labelling.torchvision_people import FasterRCNN, MaskRCNN

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 40, 60, 3), np.uint8)


@pytest.fixture(autouse=True)
def _few_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random networks would look closely at a thousand regions."""
    for name in (torchvision_people.FASTER, torchvision_people.MASK):
        network = partial(getattr(detection, name), rpn_post_nms_top_n_test=8)
        monkeypatch.setattr(detection, name, network)


def save_all_persons(network: torch.nn.Module, path: Path) -> Path:
    """Random weights, but every region is a person, and every pixel of a person's box its own."""
    state = network.state_dict()
    state["roi_heads.box_predictor.cls_score.bias"][1] = 20
    if "roi_heads.mask_predictor.mask_fcn_logits.bias" in state:
        state["roi_heads.mask_predictor.mask_fcn_logits.bias"][1] = 20
    torch.save(state, path)
    return path


def test_faster_rcnn_gives_persons_in_pixels_of_the_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    path = save_all_persons(fasterrcnn_resnet50_fpn_v2(weights_backbone=None), tmp_path / "faster.pth")
    detector = FasterRCNN(path, short_side=64, batch=1, device="cpu")
    assert detector.title.startswith("Faster R-CNN v2 (faster.pth, sha256 ")
    for found in detector(FRAMES):
        assert found.dtype == np.float32
        assert found.shape[1] == 5
        assert found[0, 4] > 0.99
        assert (found[:, :4] >= 0).all()
        assert (found[:, [0, 2]] <= 60).all()
        assert (found[:, [1, 3]] <= 40).all()
        assert found[:, 2].max() > 40  # in pixels of the frame, and not of the network's smaller or larger picture
    monkeypatch.setattr(torchvision_people, "PERSON", 2)
    assert not any(map(len, detector(FRAMES[:1])))
    with pytest.raises(InputError, match=r"faster\.pth: lacks 'roi_heads\.mask"):
        MaskRCNN(path, short_side=64)


def test_mask_rcnn_gives_the_pixels_of_all_persons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    path = save_all_persons(maskrcnn_resnet50_fpn_v2(weights_backbone=None), tmp_path / "mask.pth")
    segmenter = MaskRCNN(path, short_side=64, device="cpu")
    masks = segmenter(FRAMES)
    assert masks.shape == (2, 40, 60)
    assert masks.dtype == np.bool_
    assert masks.any((1, 2)).all()
    monkeypatch.setattr(torchvision_people, "PERSON", 2)
    assert not segmenter(FRAMES).any()


def test_nothing_is_downloaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("downloaded")

    monkeypatch.setattr(weights, "fetch", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(InputError, match=r"give the weights' file, or ask for the download: https://.*fasterrcnn"):
        FasterRCNN()
    with pytest.raises(InputError, match=r"nowhere\.pth: no such file"):
        MaskRCNN(tmp_path / "nowhere.pth")
    with pytest.raises(AssertionError, match="downloaded"):
        MaskRCNN(download=True, short_side=64)
