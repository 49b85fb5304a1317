"""The command `sceneproof label humans`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

import pyarrow.compute as pc

from sceneproof.addresses import Address
from sceneproof.data.manifest import Manifest, refuse_flow
from sceneproof.data.tables import read_column
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import Labelling, PersonDetector, PersonSegmenter
from sceneproof.labelling.hugging_face_detector import HuggingFaceDetector
from sceneproof.labelling.humans import BoxLabelling, MaskLabelling
from sceneproof.labelling.litert import LiteRTSegmenter
from sceneproof.labelling.motion_mask import MotionMask
from sceneproof.labelling.ray_engine import Resources
from sceneproof.labelling.torchvision_people import FasterRCNN, MaskRCNN
from sceneproof.labelling.yolox import YOLOX
from sceneproof.spec import Spec
from sceneproof.wording import counted

# the detectors that the command line knows by their bare names
__all__ = ["YOLOX", "FasterRCNN", "HuggingFaceDetector", "LiteRTSegmenter", "MaskRCNN", "MotionMask", "label_humans"]

PeopleModel = Callable[[], PersonDetector | PersonSegmenter]
"""A model that finds people, as boxes or as masks; such as a class of those above."""
FORMER_WORDS = {
    "--weights": "--detector.weights (of HuggingFaceDetector --detector.model)",
    "--size": "--detector.size (of FasterRCNN and MaskRCNN --detector.short-side)",
    **{f"--{option}": f"--detector.{option}" for option in ("download", "score", "share", "device", "threads")},
    "--detector yolox": "--detector YOLOX",
    "--detector faster-rcnn": "--detector FasterRCNN",
    "--detector mask-rcnn": "--detector MaskRCNN",
    "--detector hugging-face": "--detector HuggingFaceDetector",
    "--detector motion": "--detector MotionMask",
}
"""How the command spelled the options of detectors before these were classes, and how it spells them now."""


def label_humans(
    manifest: Address,
    out: Address,
    *,
    detector: PeopleModel = YOLOX,  # type: ignore[assignment]  # which needs weights, by --detector.weights
    every: int | None = None,
    per_second: float | None = None,
    least_overlap: float = 0.3,
    gap: int = 1,
    root: Address | None = None,
    trust: Sequence[str] | None = None,
    **options: Annotated[Any, Resources],
) -> None:
    """Finds the people in every video of a manifest: boxes with tracks, or masks.

    Boxes are detected in some frames and interpolated between; masks are made in every frame. Stopped at any moment,
    the same command goes on: finished parts wait in OUT.parts. Videos that cannot be read are listed on standard
    error and in NAME.failures.parquet beside OUT.

    Args:
        manifest: The manifest (.parquet) that names the videos; a path or an address (s3://, gs://, hf://).
        out: The table to write (.parquet); a path or an address.
        detector: What finds people. Boxes: YOLOX, any YOLOX in an ONNX file; FasterRCNN, torchvision's;
            HuggingFaceDetector, an object detection model of the Hub. Masks: MaskRCNN, torchvision's;
            LiteRTSegmenter, any YOLOv8-seg or selfie segmenter in a .tflite file; MotionMask, FAME's, which needs no
            weights. Or the import path of your own PersonDetector or PersonSegmenter. Its
            options are --detector.NAME; --detector.help CLASS lists them.
        every: For boxes: the detector looks at every so many-th frame, and at the last; by default 4.
        per_second: For boxes, instead: about how many frames a second it looks at, where the rate is known.
        least_overlap: For boxes: IoU in frames looked at one after the other, for two boxes to be one person.
        gap: For boxes: how many frames looked at a person may be missing from and still be the same.
        root: The folder or address that the manifest's paths start from; by default the manifest's own.
        trust: Modules or classes (mypackage, mypackage.Detector) that a file given with --config may name besides
            sceneproof's own. To import them executes their code.
        options: What labelling may take: see `Resources`.
    """
    rows = Manifest.read(manifest, root)
    refuse_flow(rows, "a detector of people")
    make = partial(
        people_labelling, Spec.of(detector), every=every, per_second=per_second, least_overlap=least_overlap, gap=gap
    )
    labelling, _ = Resources(**options).label(rows, make, out)
    with_people = pc.count_distinct(read_column(out, "video")).as_py()
    videos, by = f"{with_people} of {counted(len(rows), 'video')}", labelling.metadata["detector"]
    print(f"{out}: people in {videos}, {labelling.kind} by {by}")


def people_labelling(
    detector: Spec,
    *,
    every: int | None = None,
    per_second: float | None = None,
    least_overlap: float = 0.3,
    gap: int = 1,
) -> Labelling:
    """The labelling by a detector or segmenter that is made here; its settings are explained at the command.

    Raises:
        InputError: it cannot be made, or finds no people; frames are left out for masks, which need them all; or a
            setting out of its range.
    """
    model = detector()
    if not isinstance(model, PersonDetector | PersonSegmenter):
        raise InputError(f"{detector.class_path}: is no PersonDetector and no PersonSegmenter")
    if not hasattr(model, "title"):
        raise InputError(f"{detector.class_path}: has no title: its __init__ sets one")
    if isinstance(model, PersonDetector):
        frames = 4 if every is None else every
        return BoxLabelling(model, every=frames, per_second=per_second, least_overlap=least_overlap, gap=gap)
    if every not in (None, 1) or per_second is not None:
        raise InputError(f"{type(model).__name__}: masks are not interpolated: leave out every and per_second")
    return MaskLabelling(model)
