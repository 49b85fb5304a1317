import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sceneproof.data.manifest import Manifest
from sceneproof.data.scenes import SceneTable
from sceneproof.errors import InputError
from sceneproof.labelling.contracts import SceneLabeller
from sceneproof.labelling.onnx_labeller import OnnxSceneLabeller
from sceneproof.labelling.pipeline import label
from sceneproof.labelling.scenes import SceneLabelling, evenly_spaced_frames
from sceneproof.labelling.scenes_command import label_scenes_command
from tests.labelling.models import Brightness, mean_colour_model, single_colour
from tests.videos import BROKEN, make_video


def fading(count: int, height: int = 32, width: int = 48, *, first: int = 0, step: int = 10) -> np.ndarray:
    """Frames of one grey each: `first`, `first` + `step`, …"""
    return single_colour(*[(first + step * frame,) * 3 for frame in range(count)], height=height, width=width)


def manifest_of(folder: Path, **columns: list[float]) -> Manifest:
    files = sorted((folder / "videos").iterdir())
    rows = {"video": [path.stem for path in files], "path": [f"videos/{path.name}" for path in files]}
    return Manifest(pd.DataFrame({**rows, "split": "train", "action": "run", **columns}), folder)


def label_scenes(
    manifest: Manifest, labeller: SceneLabeller, out: Path, *, frames_per_video: int = 8, **settings: Any
) -> SceneTable:
    label(manifest, SceneLabelling(labeller, frames_per_video=frames_per_video), out, **settings)
    return SceneTable.read(out)


@pytest.mark.parametrize(
    ("total", "count", "frames"),
    [(8, 4, [1, 3, 5, 7]), (9, 3, [1, 4, 7]), (10, 1, [5]), (3, 8, [0, 1, 2]), (7, 2, [1, 5]), (1, 1, [0])],
)
def test_frames_are_the_middles_of_equal_parts(total: int, count: int, frames: list[int]) -> None:
    assert evenly_spaced_frames(total, count).tolist() == frames


def test_a_label_is_the_mean_over_the_frames_posteriors(tmp_path: Path) -> None:
    make_video(tmp_path / "videos" / "a.mp4", fading(20))
    make_video(tmp_path / "videos" / "b.mp4", fading(3, first=200, step=5))
    table = label_scenes(manifest_of(tmp_path), Brightness(), tmp_path / "s.parquet", frames_per_video=4, quiet=True)
    # a: frames 2, 7, 12, 17; b: all three of its frames
    bright = np.array([np.mean([20, 70, 120, 170]), 205]) / 255
    assert table.probabilities == pytest.approx(np.stack([1 - bright, bright], 1), abs=0.012)
    read = SceneTable.read(tmp_path / "s.parquet")
    assert (list(read.videos), list(read.names), read.labeller) == (["a", "b"], ["dark", "bright"], "brightness")
    assert np.array_equal(read.probabilities, table.probabilities)


def test_a_segment_is_labelled_by_its_own_frames(tmp_path: Path) -> None:
    make_video(tmp_path / "videos" / "a.mp4", fading(20), rate=10)
    manifest = manifest_of(tmp_path, start=[1.0], end=[1.4])
    table = label_scenes(manifest, Brightness(), tmp_path / "s.parquet", frames_per_video=9, quiet=True)
    assert table.probabilities[0, 1] * 255 == pytest.approx(np.mean([100, 110, 120, 130]), abs=3)


def test_frames_of_several_videos_go_through_at_once_but_only_of_one_size(tmp_path: Path) -> None:
    for number in range(7):
        make_video(tmp_path / "videos" / f"{number}.mp4", fading(4, width=64 if number == 4 else 48, first=30 * number))
    labeller = Brightness()
    table = label_scenes(
        manifest_of(tmp_path), labeller, tmp_path / "s.parquet", frames_per_video=2, batch=5, workers=1, quiet=True
    )
    assert labeller.calls == [4, 4, 2, 2, 2]
    assert table.probabilities[:, 1] * 255 == pytest.approx([20 + 30 * number for number in range(7)], abs=3)


class Small(Brightness):
    short_side = 16

    def __init__(self) -> None:
        super().__init__()
        self.sizes: set[tuple[int, ...]] = set()

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        self.sizes.add(frames.shape[1:3])
        return super().__call__(frames)


def test_frames_come_as_small_as_the_labeller_needs_them_but_never_enlarged(tmp_path: Path) -> None:
    make_video(tmp_path / "videos" / "a.mp4", fading(5))
    make_video(tmp_path / "videos" / "b.mp4", fading(5, 12, 20))
    labeller = Small()
    table = label_scenes(manifest_of(tmp_path), labeller, tmp_path / "s.parquet", quiet=True)
    assert labeller.sizes == {(16, 24), (12, 20)}
    assert table.probabilities[:, 1] * 255 == pytest.approx([20, 20], abs=3)


def test_unreadable_videos_are_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_video(tmp_path / "videos" / "good.mp4", fading(5))
    for name, write in BROKEN.items():
        write(tmp_path / "videos" / f"{name}.mp4")
    with caplog.at_level(logging.WARNING):
        table = label_scenes(manifest_of(tmp_path), Brightness(), tmp_path / "s.parquet", quiet=True)
    assert list(table.videos) == ["good"]
    assert f"{len(BROKEN)} of {len(BROKEN) + 1} videos cannot be read" in caplog.text
    assert all(f"{name}.mp4: " in caplog.text for name in BROKEN)


def test_nothing_readable_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    BROKEN["empty"](tmp_path / "videos" / "a.mp4")
    with pytest.raises(InputError, match=r"no video can be read \(1 video\); the first: .*a\.mp4"):
        label_scenes(manifest_of(tmp_path), Brightness(), tmp_path / "s.parquet", quiet=True)
    assert not (tmp_path / "s.parquet").exists()


class Logits(Brightness):
    title = "logits"

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        return 5 * super().__call__(frames) - 1


class ThreeNames(Brightness):
    names = ("dark", "bright", "grey")


def test_answers_that_are_no_posteriors_are_refused(tmp_path: Path) -> None:
    make_video(tmp_path / "videos" / "a.mp4", fading(5))
    with pytest.raises(InputError, match="logits: answers that are no probabilities"):
        label_scenes(manifest_of(tmp_path), Logits(), tmp_path / "s.parquet", quiet=True)
    with pytest.raises(InputError, match=r"answered \(5, 2\) to 5 frames; it names 3"):
        label_scenes(manifest_of(tmp_path), ThreeNames(), tmp_path / "s.parquet", quiet=True)
    with pytest.raises(InputError, match="frames_per_video: 0"):
        label_scenes(manifest_of(tmp_path), Brightness(), tmp_path / "s.parquet", frames_per_video=0)


def test_the_command_labels_with_an_onnx_file(tmp_path: Path) -> None:
    make_video(tmp_path / "videos" / "a.mp4", fading(5))
    manifest_of(tmp_path).write(tmp_path / "manifest.parquet")
    mean_colour_model(tmp_path / "m.onnx", softmax=False)
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")
    label_scenes_command(
        tmp_path / "manifest.parquet",
        tmp_path / "s.parquet",
        labeller=partial(
            OnnxSceneLabeller,
            weights=tmp_path / "m.onnx",
            names=tmp_path / "names.txt",
            std=(100, 100, 100),
        ),
        quiet=True,
    )
    table = SceneTable.read(tmp_path / "s.parquet")
    assert table.probabilities[0] == pytest.approx([1 / 3] * 3, abs=0.02)
    assert table.labeller.startswith("m.onnx")
