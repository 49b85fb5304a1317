"""Localizers and detectors of optical flow: trained and tested on it, and shown ordinary videos."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.vgg16 import VGG16
from sceneproof.data.batches import collate, to_batch
from sceneproof.data.dataset import Videos
from sceneproof.data.human_tables import CORNERS
from sceneproof.data.manifest import Manifest
from sceneproof.data.people import PeopleTable
from sceneproof.data.video import decode, probe
from sceneproof.detect import detect
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.flow_methods import decoder
from sceneproof.localize import localize, suppressed
from sceneproof.optical_flow import flow_pictures
from sceneproof.optimisation import Optimisation
from sceneproof.prepare import prepare
from sceneproof.run import Run
from sceneproof.tasks import Detection, Localization
from sceneproof.tasks.detection import Detector
from sceneproof.tasks.detection.clips import BoxClipSettings, TrainingBoxes, to_boxes
from sceneproof.tasks.detection.linking import TubeSettings, link
from sceneproof.tasks.detection.ssd import SSD
from sceneproof.tasks.detection.streaming import detect_in
from sceneproof.tasks.localization import Localizer
from sceneproof.tasks.localization.buffers import BufferSettings, Timeline
from sceneproof.tasks.localization.detecting import as_table, localize_video
from sceneproof.tasks.localization.footage import TrainingBuffers, UntrimmedVideos
from sceneproof.tasks.localization.per_frame import PerFrame
from sceneproof.train import train
from tests.squares import make_squares
from tests.untrimmed import make_untrimmed

BUFFER = BufferSettings(length=48, step=16, test_step=16, rate=None, size=32, scales=(1.0,))
CLIP = BoxClipSettings(length=1, size=64, zoom=2.0, smallest=0.6)
SHORT = Optimisation(epochs=1, batch=4, optimizer="adamw", lr=1e-3, schedule="cosine", keep="last", trackers=())


@pytest.fixture(scope="module")
def untrimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrimmed videos in FOLDER, and their flow in FOLDER/flow."""
    folder = tmp_path_factory.mktemp("untrimmed")
    return prepared(make_untrimmed(folder, train=2, test=1))


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Squares that move, and their flow, half as large, with its boxes."""
    return prepared(make_squares(tmp_path_factory.mktemp("squares"), train=4, test=2), short_side=32)


def prepared(manifest: Path, short_side: int = 64) -> Path:
    boxes = manifest.parent / "boxes.parquet"
    people = boxes if boxes.exists() else None
    prepare(manifest, manifest.parent / "flow", short_side=short_side, flow=True, humans=people, workers=1, quiet=True)
    return manifest.parent


@pytest.fixture(scope="module")
def localizer(untrimmed: Path) -> Run:
    backbone = partial(ResNet3D, depth=10, width=4)
    return train(
        untrimmed / "flow" / "manifest.parquet", untrimmed / "run", task=Localization(buffer=BUFFER), method=PerFrame,
        backbone=backbone, optimisation=SHORT, quiet=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def detector(squares: Path) -> Run:
    task = Detection(clip=CLIP, tubes=TubeSettings(switch_cost=None, least_frames=3))
    method = partial(SSD, scales=(0.2, 0.4, 0.6, 0.9), aspect_ratios=((2,), (2,), (2,)), kept=20)
    return train(
        squares / "flow" / "manifest.parquet", squares / "run", task=task, method=method, optimisation=SHORT,
        backbone=partial(VGG16, width=4, batch_norm=True), humans=squares / "flow" / "humans.parquet", quiet=True,
    )  # fmt: skip


def test_a_localizer_of_flow_is_tested_on_flow_alone(localizer: Run, untrimmed: Path) -> None:
    known = Run.open(localizer.path).known
    assert (known.shows, known.flow_by, known.flow_side) == ("flow", "DIS", 64)
    tested = evaluate(localizer.path, untrimmed / "flow" / "manifest.parquet", splits=["validation"], quiet=True)
    assert tested.metrics["splits"]["validation"]["segments"] == 4, "prepare keeps segments"
    with pytest.raises(InputError, match=r"videos as a camera sees them, and .*run was trained on optical flow"):
        evaluate(localizer.path, untrimmed / "manifest.parquet", splits=["validation"], quiet=True)


def test_a_mirrored_buffer_turns_the_flow(untrimmed: Path) -> None:
    for name in ("flow", ""):
        table = Manifest.read(untrimmed / name / "manifest.parquet").split("train")
        footage = UntrimmedVideos.gather(table, None)
        clips = TrainingBuffers.cut(footage, BUFFER, 0, ["left", "right"])
        flipped = next(sample for epoch in range(20) if (sample := clips[epoch, 0]).flip)
        assert flipped.flow == (name == "flow")
        video = to_batch(collate([flipped], 0), BUFFER.size, torch.device("cpu")).video
        straight = to_batch(collate([replace(flipped, flip=False)], 0), BUFFER.size, torch.device("cpu")).video
        assert video is not None
        assert straight is not None
        red = 256 - straight[:, 0].flip(-1) if name else straight[:, 0].flip(-1)
        assert torch.equal(video[:, 0], red.clamp(max=255))
        assert torch.equal(video[:, 1:], straight[:, 1:].flip(-1))


def test_an_ordinary_video_is_localized_by_its_flow(localizer: Run, untrimmed: Path, tmp_path: Path) -> None:
    """The flow computed on the way is that of all frames of the video."""
    path, device = untrimmed / "videos" / "test_out0.mp4", torch.device("cpu")
    table = localize(localizer.path, path, out=tmp_path, least_score=0.0, quiet=True)
    numerics = localizer.tested_in(device)
    network, timeline = numerics.arrange(localizer.trained(Localizer)), Timeline.of(probe(path), BUFFER.rate)
    whole = list(flow_pictures(decode(path)))
    segments = localize_video(
        network,
        path,
        timeline,
        BUFFER,
        device,
        autocast=numerics.dtype,
        decode=lambda _, frames, resized: iter(whole[: len(frames)]),
    )
    expected = as_table(suppressed(segments, 0.4), path.name, "", localizer.actions).drop(columns="split")
    assert len(table) == len(expected) > 0
    pd.testing.assert_frame_equal(table, expected, check_exact=True)
    with pytest.raises(InputError, match="it is optical flow already: give the video that this was computed of"):
        localize(localizer.path, untrimmed / "flow" / "videos" / "videos" / "test_out0.mp4.mp4", out=tmp_path)


def test_a_detector_of_flow_is_tested_on_flow_alone(detector: Run, squares: Path) -> None:
    known = Run.open(detector.path).known
    assert (known.shows, known.flow_side) == ("flow", 32)
    flow = squares / "flow"
    tested = evaluate(
        detector.path, flow / "manifest.parquet", splits=["test"], humans=flow / "humans.parquet", quiet=True
    )
    assert tested.metrics["splits"]["test"]["boxes"] == 24
    assert tested.predictions[list(CORNERS)].max().max() <= 40, "in pixels of the flow"
    with pytest.raises(InputError, match=r"videos as a camera sees them, and .*run was trained on optical flow"):
        evaluate(
            detector.path, squares / "manifest.parquet", splits=["test"], humans=squares / "boxes.parquet", quiet=True
        )


def test_augmentation_leaves_the_moves_and_no_move_beyond_the_frame(squares: Path) -> None:
    """Colours of frames are drawn, those of flow are moves: blue stays 128, and what lies outside stands still."""
    for name in ("flow", ""):
        table = Manifest.read(squares / name / "manifest.parquet")
        people = PeopleTable.read(squares / name / ("humans.parquet" if name else "boxes.parquet"), table)
        videos, fill = Videos(table.split("train")), (10.0, 20.0, 30.0)
        boxes = TrainingBoxes.gather(videos, people, ["blue", "red"], CLIP, seed=0, fill=fill)
        samples = [boxes[epoch, row] for epoch in range(6) for row in range(4)]
        blue = np.concatenate([sample.clip.frames[..., 2].reshape(-1) for sample in samples])
        if name:
            assert np.abs(blue.astype(int) - 128).max() <= 10, "up to the coding of the file"
        else:
            assert {10, 20, 30} <= set(np.concatenate([sample.clip.frames.reshape(-1) for sample in samples]).tolist())
        assert {sample.flow for sample in samples} == {name == "flow"}
        assert {sample.flip for sample in samples} == {False, True}
        flipped = next(sample for sample in samples if sample.flip)
        batch = to_boxes(collate([flipped], 0), VGG16(width=4), CLIP.size, torch.device("cpu"))
        assert batch.video.shape == (1, 3, 1, 64, 64)


def test_an_ordinary_video_is_searched_by_its_flow_and_boxes_are_in_its_own_pixels(
    detector: Run, squares: Path, tmp_path: Path
) -> None:
    path = squares / "videos" / "test0.mp4"
    tubes = detect(detector.path, path, out=tmp_path, least_score=0.0, quiet=True)
    assert len(tubes)
    assert tubes["last"].max() == 11, "the last frame has the flow before it"
    boxes = pd.read_json(tmp_path / "test0.json")["tubes"]
    assert max(max(corner) for tube in boxes for corner in tube["boxes"]) > 40
    assert len(decode(tmp_path / "test0.annotated.mp4")) == 12
    pictures = list(decoder(detector, None)(path, range(12), lambda height, width: (height, width)))
    assert [picture.shape for picture in pictures] == [(32, 32, 3)] * 12
    device = torch.device("cpu")
    numerics, task = detector.tested_in(device), detector.task
    assert isinstance(task, Detection)
    network = numerics.arrange(detector.trained(Detector))
    seen = detect_in(network, iter(pictures), range(12), task.clip, device, autocast=numerics.dtype)
    linked = link([replace(frame, boxes=2 * frame.boxes) for frame in seen], task.tubes)
    assert [len(tube.boxes) for tube in linked] == (tubes["last"] - tubes["first"] + 1).tolist()
    for tube, told in zip(linked, boxes, strict=True):
        np.testing.assert_allclose(told["boxes"], tube.boxes, atol=0.051)
