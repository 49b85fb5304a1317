"""`sceneproof label humans`: which detector, from which file, into which table."""

from typing import Literal

from sceneproof.errors import InputError
from sceneproof.labelling.detectors import Detector, Segmenter
from sceneproof.labelling.humans import BoxLabelling, MaskLabelling
from sceneproof.labelling.looked import Labelling
from sceneproof.labelling.motion_mask import MotionMask
from sceneproof.labelling.yolox import Yolox

Kind = Literal["yolox", "faster-rcnn", "mask-rcnn", "hugging-face", "motion"]


def labelling_of(
    detector: Kind,
    *,
    weights: str | None = None,
    download: bool = False,
    score: float | None = None,
    every: int | None = None,
    per_second: float | None = None,
    least_overlap: float = 0.3,
    gap: int = 1,
    size: int | None = None,
    share: float = 0.5,
    device: str = "auto",
    threads: int = 0,
) -> Labelling:
    """The labelling that the words of the command stand for; they are explained there.

    Raises:
        InputError: no weights where there must be some, or none that fit; frames are left out for a kind of label
            that needs them all; or a setting out of its range.
    """
    if detector in ("mask-rcnn", "motion"):
        if every not in (None, 1) or per_second is not None:
            raise InputError(f"{detector}: masks are not interpolated: leave out every and per_second")
        if detector == "motion":
            return MaskLabelling(_motion(weights, share))
        return MaskLabelling(_mask_rcnn(weights, download, 0.5 if score is None else score, size, device))
    least = 0.1 if score is None else score
    if detector == "yolox":
        found: Detector = _yolox(weights, least, size, threads)
    elif detector == "faster-rcnn":
        found = _faster_rcnn(weights, download, least, size, device)
    else:
        found = _hugging_face(weights, download, least, device)
    frames = 4 if every is None else every
    return BoxLabelling(found, every=frames, per_second=per_second, least_overlap=least_overlap, gap=gap)


def _motion(weights: str | None, share: float) -> Segmenter:
    if weights is not None:
        raise InputError(f"motion: needs no weights, but was given {weights}")
    return MotionMask(share=share)


def _yolox(weights: str | None, score: float, size: int | None, threads: int) -> Detector:
    if weights is None:
        raise InputError("yolox: give the weights' file, a YOLOX in ONNX")
    return Yolox(weights, size=size, score=score, threads=threads)


# torch takes seconds to import, and YOLOX and motion need none of it


def _faster_rcnn(weights: str | None, download: bool, score: float, size: int | None, device: str) -> Detector:
    from sceneproof.labelling.torchvision_people import FasterRcnn

    return FasterRcnn(weights, download=download, score=score, short_side=size or 800, device=device)


def _mask_rcnn(weights: str | None, download: bool, score: float, size: int | None, device: str) -> Segmenter:
    from sceneproof.labelling.torchvision_people import MaskRcnn

    return MaskRcnn(weights, download=download, score=score, short_side=size or 800, device=device)


def _hugging_face(weights: str | None, download: bool, score: float, device: str) -> Detector:
    from sceneproof.labelling.hugging_face_detector import HuggingFaceDetector

    if weights is None:
        raise InputError("hugging-face: give the model's name on the Hub, or its folder, as the weights")
    return HuggingFaceDetector(weights, download=download, score=score, device=device)
