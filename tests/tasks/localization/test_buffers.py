import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sceneproof.backbones.resnet3d import ResNet3D
from sceneproof.backbones.wrapped import Wrapped
from sceneproof.data.batches import collate
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table, write_table
from sceneproof.data.video import VideoError
from sceneproof.errors import InputError
from sceneproof.numerics import Numerics
from sceneproof.tasks.localization.buffers import (
    BufferSettings,
    Timeline,
    inside,
    starts_of_testing,
    starts_of_training,
)
from sceneproof.tasks.localization.detecting import COLUMNS, stream
from sceneproof.tasks.localization.feeding import Known, to_segments
from sceneproof.tasks.localization.footage import TrainingBuffers, UntrimmedVideos
from sceneproof.tasks.localization.keeping import keeping
from sceneproof.tasks.localization.scoring import TRUTH, truth_table
from sceneproof.tasks.localization.testing import split_figures
from tests.videos import BROKEN, make_video, numbered, numbers_of

SMALL = BufferSettings(length=16, step=8, test_step=12, rate=None, size=32, scales=(1.0,), least_share=0.5)


class Watched(ResNet3D):
    """Remembers how many buffers it was shown at a time."""

    def __init__(self) -> None:
        super().__init__(depth=10, width=4)
        self.looked: list[int] = []
        self.shifted = False

    def lower(self, video: torch.Tensor) -> torch.Tensor:
        self.looked.append(len(video))
        return super().lower(video)


def manifest(folder: Path, frames: int = 40, rate: int = 10) -> Manifest:
    """Two videos: in one two actions, in the other none; and a row of the background."""
    for name in ("a", "b"):
        make_video(folder / f"{name}.mp4", numbered(frames, 64, 64), rate=rate)
    rows = [("a0", "a", "run", 0.5, 1.5), ("a1", "a", "jump", 2.0, 3.6), ("b0", "b", "background", np.nan, np.nan)]
    table = pd.DataFrame(
        {
            "video": [row[0] for row in rows],
            "path": [f"{row[1]}.mp4" for row in rows],
            "group": [row[1] for row in rows],
            "action": [row[2] for row in rows],
            "start": [row[3] for row in rows],
            "end": [row[4] for row in rows],
        }
    )
    return Manifest(table.assign(split="train"), folder)


def test_where_buffers_start() -> None:
    assert starts_of_training(40, 16, 8) == [0, 8, 16, 24]
    assert starts_of_training(42, 16, 8) == [0, 2, 8, 10, 16, 18, 24, 26]  # and backwards from the end
    assert starts_of_training(10, 16, 8) == [0]
    assert starts_of_testing(40, 16, 12) == [0, 12, 24]
    assert starts_of_testing(41, 16, 12) == [0, 12, 24, 25]
    assert starts_of_testing(16, 16, 12) == starts_of_testing(3, 16, 12) == [0]


def test_a_buffer_knows_a_segment_of_which_enough_lies_in_it() -> None:
    times = np.array([[2.0, 10.0], [12.0, 20.0], [13.0, 21.0], [15.5, 16.5], [30.0, 40.0]])
    known, cut = inside(times, 0, BufferSettings(length=16, step=8, test_step=8, least_share=0.5, shortest=3))
    assert known.tolist() == [0, 1]
    assert cut.tolist() == [[2, 10], [12, 16]]
    known, cut = inside(times, 12, BufferSettings(length=16, step=8, test_step=8, least_share=0.5, shortest=1))
    assert known.tolist() == [1, 2, 3]
    assert cut.tolist() == [[0, 8], [1, 9], [3.5, 4.5]]


def test_a_time_line_shows_the_frames_in_the_middle_of_its_own() -> None:
    assert Timeline(10, 10.0, 10.0).frames(np.arange(12)).tolist() == [*range(10), 9, 9]
    half = Timeline(10, 10.0, 5.0)
    assert len(half) == 5
    assert half.frames(np.arange(5)).tolist() == [1, 3, 5, 7, 9]
    double = Timeline(4, 10.0, 20.0)
    assert len(double) == 8
    assert double.frames(np.arange(8)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(Timeline(1, 30.0, 5.0)) == 1


def test_training_buffers_hold_the_frames_and_segments_of_their_time(tmp_path: Path) -> None:
    footage = UntrimmedVideos.gather(manifest(tmp_path), None)
    buffers = TrainingBuffers.cut(footage, SMALL, 0, ["jump", "run"])
    places = [(footage.videos[which].name, start) for which, start in buffers.places.tolist()]
    assert places == [("a", 0), ("a", 8), ("a", 16), ("a", 24)]
    assert [times.tolist() for times in buffers.times] == [[[5, 15]], [[0, 7]], [[4, 16]], [[0, 12]]]
    assert [actions.tolist() for actions in buffers.actions] == [[1], [1], [0], [0]]
    assert numbers_of(buffers[0, 2].clip.frames) == list(range(16, 32))
    assert buffers[0, 1].flip == buffers[0, 1].flip
    again = [buffers[epoch, 1].flip for epoch in range(20)]
    assert any(again), "mirrored by (seed, epoch, row)"
    assert not all(again)
    still = TrainingBuffers.cut(footage, BufferSettings(length=16, step=8, test_step=8, rate=None, augment=False), 0,
                                ["jump", "run"])  # fmt: skip
    assert not any(still[epoch, 1].flip for epoch in range(20))


def test_a_rate_of_its_own(tmp_path: Path) -> None:
    footage = UntrimmedVideos.gather(manifest(tmp_path), 5.0)
    settings = BufferSettings(length=20, step=20, test_step=20, rate=5.0, size=32, scales=(1.0,))
    buffers = TrainingBuffers.cut(footage, settings, 0, ["jump", "run"])
    assert [times.tolist() for times in buffers.times] == [[[2.5, 7.5], [10, 18]]]
    assert numbers_of(buffers[0, 0].clip.frames) == list(range(1, 40, 2))


@pytest.mark.parametrize(("frames", "length"), [(40, 16), (41, 16), (16, 16), (9, 16), (100, 16)])
def test_a_stream_shows_every_frame_where_it_belongs(tmp_path: Path, frames: int, length: int) -> None:
    path = tmp_path / "v.mp4"
    make_video(path, numbered(frames, 64, 64), rate=10)
    timeline = Timeline(frames, 10.0, 10.0)
    settings = BufferSettings(length=length, step=8, test_step=12, rate=None, size=32)
    cuts = list(stream(path, timeline, settings))
    assert [cut.start for cut in cuts] == starts_of_testing(frames, length, 12)
    for cut in cuts:
        shown = np.minimum(np.arange(cut.start, cut.start + length), frames - 1)
        assert numbers_of(cut.frames) == shown.tolist()
        assert cut.real == min(length, frames - cut.start)


def test_a_stream_at_another_rate_shows_what_training_does(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    make_video(path, numbered(45, 64, 64), rate=10)
    for rate in (4.0, 10.0, 25.0):
        timeline = Timeline(45, 10.0, rate)
        settings = BufferSettings(length=16, step=8, test_step=16, rate=rate, size=32)
        for cut in stream(path, timeline, settings):
            wanted = timeline.frames(np.arange(cut.start, cut.start + cut.real))
            assert numbers_of(cut.frames[: cut.real]) == wanted.tolist()


def test_a_video_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    table = manifest(tmp_path)
    BROKEN["truncated"](tmp_path / "b.mp4")
    footage = UntrimmedVideos.gather(table, None)
    whole = footage.timelines[0]
    assert whole is not None
    if footage.timelines[1] is None:
        assert set(footage.problems) == {"b"}
    else:
        with pytest.raises(VideoError):
            list(stream(tmp_path / "b.mp4", footage.timelines[1], SMALL))


def test_no_buffer_is_an_error(tmp_path: Path) -> None:
    footage = UntrimmedVideos.gather(manifest(tmp_path), None)
    with pytest.raises(InputError, match="no buffer of 4 frames holds 100% of a segment"):
        TrainingBuffers.cut(
            footage, BufferSettings(length=4, step=4, test_step=4, rate=None, least_share=1), 0, ["jump", "run"]
        )


@pytest.mark.parametrize(
    ("bad", "message"),
    [({"length": 0}, "length"), ({"step": 900}, "no buffer"), ({"rate": 0.0}, "rate"), ({"scales": ()}, "scales"),
     ({"least_share": 2.0}, "least_share")],
)  # fmt: skip
def test_bad_settings_are_refused(bad: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BufferSettings(**bad)  # type: ignore[arg-type]


def test_a_frozen_backbone_looks_once(tmp_path: Path) -> None:
    footage = UntrimmedVideos.gather(manifest(tmp_path), None)
    still = BufferSettings(length=16, step=8, test_step=8, rate=None, size=32, augment=False)
    buffers = TrainingBuffers.cut(footage, still, 0, ["jump", "run"])
    backbone, cpu = Watched(), torch.device("cpu")
    known = Known.look(buffers, backbone, cpu, quiet=True)
    assert backbone.looked == [1] * len(buffers)
    assert backbone.training
    rows = [row for row in range(len(buffers)) if row % 2]
    batch = known.to_segments(rows, cpu)
    shown = to_segments(collate([buffers[0, row] for row in rows], 0), buffers, backbone, cpu)
    assert batch.lower is not None
    seen = backbone.eval().lower(shown.video)
    assert torch.allclose(batch.lower, seen, atol=1e-5 * float(seen.detach().abs().max()))
    assert batch.video.shape[:3] == shown.video.shape[:3]
    for one, other in zip((*batch.times, *batch.actions), (*shown.times, *shown.actions), strict=True):
        assert one.equal(other)
    assert batch.frames.equal(shown.frames)


@torch.no_grad()
def test_what_is_kept_is_never_looked_at_twice_and_answers_for_nothing_else(tmp_path: Path) -> None:
    video = torch.sin(torch.arange(2 * 3 * 8 * 16 * 16) * 0.013).reshape(2, 3, 8, 16, 16)
    backbone, kept = Watched().eval(), tmp_path / "kept"
    seen = backbone.lower(video)

    def looks(pixels: torch.Tensor, network: Watched = backbone) -> tuple[torch.Tensor, int]:
        network.looked.clear()
        with keeping(network, kept):
            features = network.lower(pixels)
        return features, len(network.looked)

    features, count = looks(video)
    assert (count, len(list(kept.iterdir()))) == (2, 2)
    torch.testing.assert_close(features, seen)
    again, count = looks(video.flip(0))
    assert count == 0
    assert again.equal(features.flip(0))
    assert looks(video + 1)[1] == 2  # other pixels
    with torch.autocast("cpu", torch.bfloat16):
        assert looks(video)[1] == 2  # another precision
    assert looks(video, Watched().eval())[1] == 2  # other weights
    other = Watched().eval()
    other.load_state_dict(backbone.state_dict())
    assert looks(video, other)[1] == 0
    other.shifted = True  # computes something else with the same weights
    assert looks(video, other)[1] == 2
    damaged = next(iter(kept.iterdir()))
    damaged.write_bytes(damaged.read_bytes()[:-4] + b"oops")
    assert sum(looks(pixels)[1] for pixels in (video, video + 1)) <= 1  # made anew, where it was one of these
    assert "lower" not in vars(backbone)


class Own(nn.Module):
    """A network of one's own, that computes with more than its weights."""

    scale: torch.Tensor

    def __init__(self, act: Callable[[torch.Tensor], torch.Tensor] = torch.relu, **more: Any) -> None:
        super().__init__()
        self.convolution, self.act = nn.Conv3d(3, 4, 1), act
        self.factors: list[float] = more.get("factors", [])
        self._shift: float = more.get("shift", 0.0)
        self.register_buffer("scale", torch.tensor(more.get("scale", 1.0)), persistent=False)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        seen: torch.Tensor = self.act(self.convolution(video)) * self.scale + self._shift
        return seen * math.prod(self.factors)


class Mirrored(Own):
    def forward(self, video: torch.Tensor) -> torch.Tensor:
        return super().forward(video).flip(2)


@torch.no_grad()
def test_kept_features_are_of_networks_of_ones_own_that_differ_in_anything(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, video = Own(), torch.randn(1, 3, 2, 4, 4)
    networks = [
        first, Own(torch.tanh), Own(partial(torch.clamp, max=0.5)), Own(partial(torch.clamp, max=0.1)),
        Own(factors=[2.0]), Own(shift=1.0), Own(scale=3.0), Mirrored(),
    ]  # fmt: skip
    for number, network in enumerate(networks, start=1):
        network.load_state_dict(first.state_dict())
        backbone = Wrapped(network, 4).eval()
        for _ in range(2):
            with keeping(backbone, tmp_path):
                seen = backbone.lower(video)
            torch.testing.assert_close(seen, network(video))
        assert len(list(tmp_path.iterdir())) == number
    again = Wrapped(Own(), 4).eval()
    again.network.load_state_dict(first.state_dict())
    with keeping(again, tmp_path):
        again.lower(video)
    assert len(list(tmp_path.iterdir())) == len(networks), "one that does not differ"


def test_networks_whose_convolutions_are_arranged_for_half_precision_are_kept(tmp_path: Path) -> None:
    backbone = Numerics(precision="bf16").arrange(Watched().eval())
    video = torch.rand(1, 3, 16, 32, 32, generator=torch.Generator().manual_seed(0))
    for looks in ([1], []):  # the second time it is not asked
        backbone.looked.clear()
        with keeping(backbone, tmp_path):
            backbone.lower(video)
        assert backbone.looked == looks


def test_an_end_that_nothing_tells_is_empty_in_the_truth_which_can_be_read_again(tmp_path: Path) -> None:
    table = manifest(tmp_path)
    (tmp_path / "a.mp4").unlink()
    BROKEN["not a video"](tmp_path / "a.mp4")
    table.rows.loc[table.rows["video"] == "a1", "end"] = np.nan
    truth = truth_table(UntrimmedVideos.gather(table, 10.0), nothing="background").assign(problem=["x", "x", ""])
    write_table(tmp_path / "truth.parquet", truth, "truth")
    again, _ = read_table(tmp_path / "truth.parquet", "truth", TRUTH)
    np.testing.assert_equal(again["end"].to_numpy(), [1.5, np.nan, np.nan])
    nothing = pd.DataFrame({name: pd.Series(dtype=float if name == "score" else object) for name in COLUMNS})
    figures = split_figures(again, nothing, ["jump", "run"], [0.5], nms_by_threshold=False)
    assert (figures["segments"], figures["missed"], figures["mAP"]["thumos"]["0.5"]) == (2, 1, 0.0)
