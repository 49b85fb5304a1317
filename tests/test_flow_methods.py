"""What computes flow: RAFT's frames and moves by formula, and the flow of some of a video's frames."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import optical_flow

from sceneproof.cli import main
from sceneproof.data.flow import FlowFacts
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import decode
from sceneproof.errors import InputError, VideoError
from sceneproof.flow_methods import FlowMethod, decode_flow
from sceneproof.optical_flow import flow_pictures
from sceneproof.prepare import prepare
from tests.test_optical_flow import moving
from tests.videos import make_manifest, make_video


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("raft") / "raft_small.pth"
    torch.save(optical_flow.raft_small(weights=None).state_dict(), file)
    return file


class Formula(nn.Module):
    """In place of RAFT: moves that say which pixel they are of, and how bright the frames are there."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def load_state_dict(self, *_: Any, **__: Any) -> Any:
        return None

    def forward(self, first: Tensor, second: Tensor) -> list[Tensor]:
        self.seen += [first, second]
        height, width = first.shape[2:]
        down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        return [torch.zeros(1, 2, height, width), torch.stack([across, -down])[None].float()]


def test_rafts_moves_are_its_last_guess_across_first_and_of_the_frames_alone(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of 20 x 30 are padded to 128 x 128 with their edges, and the flow is cut to 20 x 30 again."""
    formula = Formula()
    monkeypatch.setattr(optical_flow, "raft_large", lambda weights: formula)
    black, white = (np.full((20, 30, 3), value, np.uint8) for value in (0, 255))
    flow = FlowMethod("raft_large", str(weights)).moves()(black, white)
    assert flow.shape == (20, 30, 2)
    assert flow.dtype == np.float32
    assert flow[7, 11].tolist() == [11, -7], "to the right, then down"
    first, second = formula.seen
    assert first.shape == second.shape == (1, 3, 128, 128)
    assert (first == -1).all()
    assert (second == 1).all()


@pytest.mark.parametrize(("size", "padded"), [((128, 160), (128, 160)), ((130, 127), (136, 128))])
def test_frames_are_padded_to_multiples_of_8(
    size: tuple[int, int], padded: tuple[int, int], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    formula = Formula()
    monkeypatch.setattr(optical_flow, "raft_large", lambda weights: formula)
    frame = np.zeros((*size, 3), np.uint8)
    other = weights.with_name(f"{size}.pth")  # what was opened is kept by its file
    other.write_bytes(weights.read_bytes())
    assert FlowMethod("raft_large", str(other)).moves()(frame, frame).shape == (*size, 2)
    assert formula.seen[0].shape[2:] == padded


def test_raft_itself_runs_with_the_weights_of_a_file(weights: Path, tmp_path: Path) -> None:
    frames = moving("right", 3)
    method = FlowMethod.of("raft_small", weights, "cpu")
    flow = method.moves()(frames[0], frames[1])
    assert flow.shape == (64, 96, 2)
    assert np.isfinite(flow).all()
    assert np.abs(flow).max() > 0
    assert method.by.startswith("raft_small ")
    assert len(method.by) == len("raft_small ") + 12
    make_video(tmp_path / "a.mp4", frames)
    pictures = list(decode_flow(tmp_path / "a.mp4", range(3), 0, method))
    expected = list(flow_pictures(decode(tmp_path / "a.mp4"), method.moves()))
    assert np.array_equal(pictures, expected)


def test_methods_and_weights_go_together(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--flow raft_small: give the file of its weights with --flow-weights"):
        FlowMethod.of("raft_small", None)
    with pytest.raises(InputError, match="flow by DIS needs no weights"):
        FlowMethod.of("dis", weights)
    with pytest.raises(InputError, match="no such file"):
        FlowMethod.of("raft_small", tmp_path / "none.pth")
    with pytest.raises(InputError, match="not the weights of torchvision's raft_large"):
        FlowMethod.of("raft_large", weights)
    (tmp_path / "text.pth").write_text("no tensors")
    with pytest.raises(InputError, match="not a checkpoint"):
        FlowMethod.of("raft_small", tmp_path / "text.pth")
    with pytest.raises(InputError, match="--flow-weights goes with --flow"):
        prepare(make_manifest_file(tmp_path), tmp_path / "out", flow_weights=weights, quiet=True)


def make_manifest_file(folder: Path) -> Path:
    make_manifest(folder, clips=1)
    return folder / "manifest.parquet"


@pytest.mark.parametrize("frames", [range(8), range(3, 6), range(7, 8), range(0, 1)])
def test_the_flow_of_some_frames_is_that_of_the_whole_video(frames: range, tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", moving("right", 8))
    whole = np.stack(list(flow_pictures(decode(path))))
    pictures = list(decode_flow(path, frames, 0))
    assert np.array_equal(pictures, whole[frames.start : frames.stop])
    small: list[NDArray[np.uint8]] = list(decode_flow(path, frames, 32))
    assert small[0].shape == (32, 48, 3)


def test_flow_of_flow_and_of_a_single_frame_are_refused(tmp_path: Path) -> None:
    manifest = make_manifest_file(tmp_path)
    flow = prepare(manifest, tmp_path / "flow", short_side=32, flow="dis", workers=1, quiet=True)
    assert flow is not None
    with pytest.raises(VideoError, match="it is optical flow already"):
        list(decode_flow(flow.path(0), range(2), 0))
    with pytest.raises(VideoError, match="a single frame, in which nothing moves"):
        list(decode_flow(make_video(tmp_path / "still.mp4", moving("up", 1)), range(1), 0))


@pytest.mark.parametrize("words", [["--flow"], ["--flow", "true"], ["--flow", "dis"], ["--flow=dis"]])
def test_flow_is_asked_for_as_people_type_it(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = make_manifest_file(tmp_path)
    main(["prepare", str(manifest), str(tmp_path / "flow"), "--short-side", "32", "--workers", "1", *words])
    made = Manifest.read(tmp_path / "flow" / "manifest.parquet")
    assert set(made.rows["shows"]) == {"flow"}
    assert FlowFacts.of(made) == FlowFacts("DIS", 32)
    with pytest.raises(SystemExit):
        main(["prepare", str(manifest), str(tmp_path / "raft"), "--flow", "raft_small"])
    assert "--flow raft_small: give the file of its weights with --flow-weights" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["prepare", str(manifest), str(tmp_path / "raft"), "--flow", "raft"])
    assert "dis or raft_small or raft_large" in capsys.readouterr().err


def test_a_collection_of_raft_says_which(weights: Path, tmp_path: Path) -> None:
    """Its moves are cut off and coded as all are; and another file's are another's."""
    path = make_video(tmp_path / "a.mp4", moving("right", 3))
    table = Manifest(pd.DataFrame({"video": ["a"], "path": [path.name], "split": "test", "action": "x"}), tmp_path)
    table.write(tmp_path / "manifest.parquet")
    made = prepare(
        tmp_path / "manifest.parquet", tmp_path / "flow", short_side=64, flow="raft_small", flow_weights=weights,
        flow_device="cpu", form="jpeg", workers=1, quiet=True,
    )  # fmt: skip
    assert made is not None
    by = FlowMethod.of("raft_small", weights, "cpu").by
    assert FlowFacts.of(made) == FlowFacts(by, 64)
    written = decode(made.path(0)).astype(np.float64)
    pictures = np.stack(list(decode_flow(path, range(3), 64, FlowMethod.of("raft_small", weights, "cpu"))))
    assert np.abs(written - pictures).mean() < 4
