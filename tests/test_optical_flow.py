"""Optical flow: of pictures that move by known amounts, through files, mirrors and training."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from sceneproof.audit.models.run_model import RunModel
from sceneproof.audit.settings import DataSettings
from sceneproof.backbones import I3D
from sceneproof.cli import main
from sceneproof.data.batches import collate, to_batch
from sceneproof.data.dataset import ClipSettings, Labelled, TrainingClips
from sceneproof.data.flow import FlowFacts
from sceneproof.data.manifest import Manifest
from sceneproof.data.transforms import turned_flow
from sceneproof.data.video import decode
from sceneproof.encoding import Form
from sceneproof.errors import InputError, VideoError
from sceneproof.evaluate import evaluate
from sceneproof.methods import Plain
from sceneproof.optical_flow import flow_of_picture, flow_pictures, picture_of_flow
from sceneproof.prepare import prepare
from sceneproof.run import Run, TrainingFacts
from sceneproof.types import Clip, Sample
from tests.training import Small
from tests.videos import make_video

MOVES = {"right": (3, 0), "left": (-3, 0), "down": (0, 2), "up": (0, -2)}


def moving(name: str, count: int = 8, height: int = 64, width: int = 96) -> NDArray[np.uint8]:
    """A window that moves over a smooth texture, so that what it shows moves the other way."""
    right, down = MOVES[name]
    noise = np.random.default_rng(0).normal(size=(height + 64, width + 96, 3))
    wide = cv2.GaussianBlur(noise, (0, 0), 2)
    wide = np.clip(128 + 300 * wide, 0, 255).astype(np.uint8)
    top, left = 32, 48
    frames = [
        wide[top - down * t : top - down * t + height, left - right * t : left - right * t + width]
        for t in range(count)
    ]
    return np.ascontiguousarray(np.stack(frames))


def inner(flow: NDArray[np.float32]) -> tuple[float, float]:
    """The mean move to the right and down, away from the edges."""
    across, down = flow[..., 12:-12, 12:-12, :].reshape(-1, 2).mean(axis=0).tolist()
    return across, down


@pytest.mark.parametrize("name", MOVES)
def test_what_moves_is_seen_to_move_there(name: str) -> None:
    pictures = np.stack(list(flow_pictures(moving(name))))
    assert pictures.shape == (8, 64, 96, 3)
    assert np.array_equal(pictures[-1], pictures[-2]), "the last frame repeats the flow before it"
    assert (pictures[..., 2] == 128).all()
    assert inner(flow_of_picture(pictures)) == pytest.approx(MOVES[name], abs=0.3)


def test_pictures_of_flow_by_hand() -> None:
    flow = np.array([[[0, 0], [20, -20], [40, -40], [1, 10]]], np.float32)
    assert picture_of_flow(flow)[0].tolist() == [[128, 128, 128], [255, 1, 128], [255, 1, 128], [134, 192, 128]]
    back = flow_of_picture(picture_of_flow(flow))
    np.testing.assert_allclose(back, flow.clip(-20, 20), atol=0.08)


def test_a_single_frame_has_no_flow() -> None:
    with pytest.raises(VideoError, match="a single frame, in which nothing moves"):
        list(flow_pictures(moving("right", 1)))


def test_a_mirror_turns_what_moves_across() -> None:
    frames = picture_of_flow(np.broadcast_to(np.array([5, 3], np.float32), (4, 32, 32, 2)).reshape(4 * 32, 32, 2))
    clip = Clip(frames.reshape(4, 32, 32, 3))
    samples = [Sample(row, clip, flip=flip, action=0, flow=True) for row, flip in enumerate((False, True))]
    batch = to_batch(collate(samples, 0), 32, torch.device("cpu"))
    assert batch.video is not None
    assert batch.video[:, :, 0, 0, 0].tolist() == [[160, 147, 128], [96, 147, 128]]
    assert turned_flow(torch.zeros(1, 3, 1, 1, 1)).flatten().tolist() == [255, 0, 0]
    plain = to_batch(collate([Sample(0, clip, flip=True, action=0)], 0), 32, torch.device("cpu"))
    assert plain.video is not None
    assert plain.video[0, :, 0, 0, 0].tolist() == [160, 147, 128], "other videos keep their colours"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Videos that move to the right and down: a single frame does not show which."""
    rows = []
    for split in ("train", "validation", "test"):
        for name in ("right", "down"):
            for number in range(4):
                path = tmp_path / "in" / f"{split}_{name}_{number}.mp4"
                path.parent.mkdir(exist_ok=True)
                make_video(path, moving(name, 8 + number))
                rows.append((path.stem, path.name, split, name))
    table = Manifest(pd.DataFrame(rows, columns=["video", "path", "split", "action"]), tmp_path / "in")
    table.write(tmp_path / "in" / "manifest.parquet")
    return tmp_path / "in" / "manifest.parquet"


@pytest.mark.parametrize("form", ["h264", "jpeg"])
def test_a_collection_of_flow_has_the_frames_and_times_of_its_own(form: Form, clips: Path, tmp_path: Path) -> None:
    rgb = prepare(clips, tmp_path / "rgb", short_side=64, form=form, workers=1, quiet=True)
    flow = prepare(clips, tmp_path / "flow", short_side=64, form=form, flow=True, workers=1, quiet=True)
    assert rgb is not None
    assert flow is not None
    assert (rgb.shows, flow.shows) == ("rgb", "flow")
    assert Manifest.read(tmp_path / "flow" / "manifest.parquet").shows == "flow"
    for name in ("frames", "times", "rate", "duration", "width", "height"):
        assert flow.rows[name].tolist() == rgb.rows[name].tolist(), name
    for row in (0, 4):
        assert inner(flow_of_picture(decode(flow.path(row)))) == pytest.approx(
            MOVES[str(flow.rows["action"][row])], abs=0.4
        )
    with pytest.raises(InputError, match="holds optical flow already"):
        prepare(tmp_path / "flow" / "manifest.parquet", tmp_path / "again", quiet=True)


def test_a_video_of_one_frame_is_told(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_video(clips.parent / "train_right_0.mp4", moving("right", 1))
    made = prepare(clips, tmp_path / "flow", short_side=64, flow=True, workers=1)
    assert made is not None
    assert made.rows["frames"].tolist().count(0) == 1
    assert "a single frame, in which nothing moves" in capsys.readouterr().out


def test_training_learns_from_flow_and_is_tested_on_flow_alone(clips: Path, tmp_path: Path) -> None:
    small = Small(clips.parent)
    flow = tmp_path / "flow" / "manifest.parquet"
    main(["prepare", str(clips), str(tmp_path / "flow"), "--short-side", "64", "--flow", "true", "--workers", "1"])
    settings: dict[str, Any] = {"method": Plain, "scenes": None, "humans": None, "clip": ClipSettings(4, 1, 32)}
    optimisation = {"epochs": 8, "lr": 3e-3, "keep": "last"}
    run = small.train(tmp_path / "run", manifest=flow, optimisation=optimisation, **settings)
    assert (Run.open(run.path).known.shows, Run.open(run.path).known.flow_side) == ("flow", 64)
    tested = evaluate(run.path, flow, splits=["test"], clips=1, quiet=True)
    assert tested.metrics["splits"]["test"]["top1"] == 1
    right = 0  # the first row moves to the right
    drawn = TrainingClips(
        Labelled.gather(Manifest.read(flow).split("train"), ["down", "right"]), ClipSettings(4, 1, 32), 0
    )
    flipped = next(sample for epoch in range(20) if (sample := drawn[epoch, right]).flip)
    seen = to_batch(collate([flipped], 0), 32, torch.device("cpu")).video
    assert seen is not None
    assert float(seen[0, 0].mean()) < 125, "mirrored, it moves to the left"
    with pytest.raises(InputError, match=r"videos as a camera sees them, and .*run was trained on optical flow"):
        evaluate(run.path, clips, splits=["test"], quiet=True)
    with pytest.raises(InputError, match="was trained on optical flow, which is not what it would be shown here"):
        RunModel(run.path, device=torch.device("cpu"))
    table = Manifest.read(flow)
    table.rows["flow_by"] = "raft_small 0123456789ab"
    with pytest.raises(InputError, match=r"holds optical flow by raft_small 0123.*was trained on flow by DIS"):
        run.refuse_other_videos(table)
    main(["prepare", str(clips), str(tmp_path / "rgb"), "--short-side", "64", "--workers", "1"])
    rgb = tmp_path / "rgb" / "manifest.parquet"  # of the same ids, paths and times as the flow
    with pytest.raises(InputError, match=r"run on other data \(manifest: what its videos show"):
        small.train(tmp_path / "run", manifest=rgb, optimisation=optimisation, **settings)
    other = small.train(tmp_path / "other", manifest=clips, optimisation={"epochs": 1}, **settings)
    with pytest.raises(InputError, match=r"optical flow \(.*, and .*other was trained on videos as a camera"):
        evaluate(other.path, flow, splits=["test"], quiet=True)


def test_flow_among_other_videos_and_where_pictures_are_needed_is_refused(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Manifest.read(clips)
    shows = np.where(np.arange(len(table)) % 2, "flow", "rgb")
    mixed = Manifest(table.rows.assign(shows=shows), table.root, "mixed")
    with pytest.raises(InputError, match="mixed: some videos are optical flow and others are not"):
        Labelled.gather(mixed, table.actions)
    with pytest.raises(InputError, match="the column 'shows' says 'depth'"):
        Manifest(table.rows.assign(shows="depth"), table.root).check()
    Manifest(table.rows.assign(shows="flow", start=0.0, end=0.1), table.root).write(clips.parent / "flow.parquet")
    for words in (
        ["label", "scenes", str(clips.parent / "flow.parquet"), str(tmp_path / "s.parquet")],
        [
            "label",
            "humans",
            str(clips.parent / "flow.parquet"),
            str(tmp_path / "h.parquet"),
            "--detector",
            "MotionMask",
        ],
    ):
        with pytest.raises(SystemExit):
            main(words)
        assert "holds optical flow" in capsys.readouterr().err
    with pytest.raises(InputError, match="holds optical flow, which an audit does not read"):
        DataSettings(manifest=str(clips.parent / "flow.parquet")).table()
    by = np.where(np.arange(len(table)) % 2, "DIS", "raft_small 0123456789ab")
    several = Manifest(table.rows.assign(shows="flow", flow_by=by), table.root, "several")
    with pytest.raises(InputError, match="several: the flow of some videos was computed by raft_small 0123456789ab"):
        FlowFacts.of(several)


def test_flow_counted_in_other_pixels_is_refused(clips: Path) -> None:
    """`prepare` tells the short side that it was given; before it did, the largest video's was taken for it."""
    run = Run(Path("run"), {}, ["down"], [], TrainingFacts(shows="flow", flow_by="DIS", flow_side=64))
    table = Manifest.read(clips)

    def shown(**columns: Any) -> Manifest:
        rows = table.rows.assign(shows="flow", flow_by="DIS", **columns)
        return Manifest(rows, table.root, "other")

    small = {"width": 60, "height": 48}  # videos that kept their size
    for columns in ({"flow_side": 64, **small}, {"width": 80, "height": 64}, {"width": 0, "height": 0}):
        run.refuse_other_videos(shown(**columns))
    for columns in ({"flow_side": 96, "width": 80, "height": 64}, {"width": 120, "height": 96}, small):
        with pytest.raises(InputError, match=r"other: holds moves in pixels of .* (96|48), and run .* --short-side 64"):
            run.refuse_other_videos(shown(**columns))
    sides = np.where(np.arange(len(table)) % 2, 64, 96)
    with pytest.raises(InputError, match="short side of 64 pixels, that of others with 96: prepare all with one"):
        FlowFacts.of(shown(flow_side=sides))


def test_a_run_from_before_there_were_several_ways_is_of_dis() -> None:
    read = [TrainingFacts.read(labels, Path("labels.json")) for labels in ({"shows": "flow"}, {})]
    assert [(facts.shows, facts.flow_by, facts.flow_side) for facts in read] == [("flow", "DIS", 0), ("", "", 0)]
    with pytest.raises(InputError, match="flow_side: expected whole numbers"):
        TrainingFacts.read({"shows": "flow", "flow_side": -1}, Path("labels.json"))


def test_i3ds_flow_stream_reads_red_and_green() -> None:
    torch.manual_seed(0)
    network = I3D(stream="flow").eval()
    pictures = torch.randn(1, 3, 8, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(pictures), network(pictures[:, :2]))
    # 20 pixels to the right are 1, none is 0
    assert [(value - network.mean[0]) / network.std[0] for value in (1, 128, 255)] == [-1, 0, 1]
