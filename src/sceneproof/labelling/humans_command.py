"""`sceneproof label humans`: which detector, from which file, into which table."""

from functools import partial
from typing import Literal

import pyarrow.compute as pc

from sceneproof.addresses import Address
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_column
from sceneproof.errors import InputError
from sceneproof.labelling.detectors import Detector, Segmenter
from sceneproof.labelling.humans import BoxLabelling, MaskLabelling
from sceneproof.labelling.looked import Labelling
from sceneproof.labelling.motion_mask import MotionMask
from sceneproof.labelling.pipeline import label
from sceneproof.labelling.ray_engine import engine_of
from sceneproof.labelling.yolox import Yolox
from sceneproof.wording import counted

Kind = Literal["yolox", "faster-rcnn", "mask-rcnn", "hugging-face", "motion"]


def label_humans(
    manifest: Address,
    out: Address,
    *,
    detector: Kind = "yolox",
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
    root: Address | None = None,
    batch: int = 64,
    workers: int | None = None,
    shard: int = 64,
    time_limit: float = 60.0,
    engine: Literal["local", "ray"] = "local",
    actors: int = 1,
    cpus: int = 1,
    gpus: float = 0.0,
    quiet: bool = False,
) -> None:
    """Finds the people in every video of a manifest: boxes with tracks, or masks.

    Boxes are detected in some frames and interpolated between; masks are made in every frame. Stopped at any moment,
    the same command goes on: finished parts wait in OUT.parts. Videos that cannot be read are listed on standard
    error and in NAME.failures.parquet beside OUT.

    Args:
        manifest: The manifest (.parquet) that names the videos; a path or an address (s3://, gs://, hf://).
        out: The table to write (.parquet); a path or an address.
        detector: What finds people. Boxes: "yolox", any YOLOX in ONNX; "faster-rcnn", torchvision's; "hugging-face", an
            object detection model of the Hub. Masks: "mask-rcnn", torchvision's; "motion", FAME's motion mask, which
            needs no weights.
        weights: For yolox the .onnx file, for faster-rcnn and mask-rcnn torchvision's .pth file, for hugging-face a
            folder or a name on the Hub.
        download: Fetch torchvision's weights where no file is given, or the Hub's model where it is not in the cache.
        score: People below it are left out: by default 0.1 for boxes, which have a score that is looked at again
            where they are used, and 0.5 for masks.
        every: For boxes: the detector looks at every so many-th frame, and at the last; by default 4.
        per_second: For boxes, instead: about how many frames a second it looks at, where the rate is known.
        least_overlap: For boxes: IoU in frames looked at one after the other, for two boxes to be one person.
        gap: For boxes: how many frames looked at a person may be missing from and still be the same.
        size: For yolox: side of the model's picture, where the model leaves it open. For faster-rcnn and mask-rcnn:
            short side that frames are brought to, by default 800.
        share: For motion: the share of each picture's pixels that are called a person.
        device: For all but yolox and motion: "cpu", "cuda", …; "auto" for a GPU where there is one.
        threads: For yolox: threads that the model runs on; 0 for one a core.
        root: The folder or address that the manifest's paths start from; by default the manifest's own.
        batch: About how many frames are handed to the detector at once.
        workers: Processes that decode, ahead of the detector; by default one a core.
        shard: Videos that are written together; what a crash can cost.
        time_limit: Seconds that decoding a video may take.
        engine: Where the work is done: "local", in this process; or "ray", on the machines of a Ray cluster, or on this
            one where there is none. The videos and OUT's folder must have the same paths on every machine.
        actors: For ray: how many detectors work at once, each on shards of its own.
        cpus: For ray: cores that each of them takes; it has as many decoding processes unless --workers says otherwise.
        gpus: For ray: GPUs that each of them takes, such as 1, or 0.25 where four share one.
        quiet: Show no progress.
    """
    rows = Manifest.read(manifest, root)
    make = partial(
        labelling_of,
        detector,
        weights=weights,
        download=download,
        score=score,
        every=every,
        per_second=per_second,
        least_overlap=least_overlap,
        gap=gap,
        size=size,
        share=share,
        device=device,
        threads=threads,
    )
    labelling, where = make(), engine_of(engine, make, actors=actors, cpus=cpus, gpus=gpus)
    label(
        rows,
        labelling,
        out,
        batch=batch,
        workers=workers,
        shard=shard,
        time_limit=time_limit,
        engine=where,
        quiet=quiet,
    )
    with_people = pc.count_distinct(read_column(out, "video")).as_py()
    videos, by = f"{with_people} of {counted(len(rows), 'video')}", labelling.metadata["detector"]
    print(f"{out}: people in {videos}, {labelling.kind} by {by}")


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
