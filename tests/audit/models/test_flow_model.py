"""A model of flow under audit: asked about the flow of the very clips, as those of its prepared flow."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torchvision.models.optical_flow import raft_small

from sceneproof.audit.models.flow_model import FlowModel
from sceneproof.audit.models.opening import open_subject
from sceneproof.audit.models.run_model import RunModel
from sceneproof.audit.settings import DataSettings
from sceneproof.audit.single import audit_clip
from sceneproof.audit.subject import Answer, Pixels, Sampling, Subject
from sceneproof.cli import main
from sceneproof.data.dataset import ClipSettings
from sceneproof.data.manifest import Manifest
from sceneproof.data.video import VideoError, decode
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.flow_methods import FlowMethod
from sceneproof.methods import Plain
from sceneproof.optical_flow import flow_pictures
from sceneproof.prepare import prepare
from sceneproof.run import Run
from sceneproof.seals import CHECKSUMS
from tests.test_optical_flow import moving
from tests.training import Small
from tests.videos import make_video

CPU = torch.device("cpu")


class Asked(Subject):
    """A model of flow that remembers what it was shown."""

    title, actions, identity, maps_missing = "asked", ["a", "b"], "asked", "it has none"

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self.shown: list[Pixels] = []

    def answer(self, clips: Pixels) -> Answer:
        self.shown.append(clips)
        return Answer(np.full((len(clips), 2), 0.5, np.float32))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Textures that move, their flow, and a run of it."""
    folder = tmp_path_factory.mktemp("moving")
    rows = []
    for split in ("train", "validation", "test"):
        for number in range(4):
            name = ("right", "down")[number % 2]
            make_video(folder / f"{split}{number}.mp4", moving(name, 7 + number, 32, 48))
            rows.append((f"{split}{number}", f"{split}{number}.mp4", split, name))
    table = Manifest(pd.DataFrame(rows, columns=["video", "path", "split", "action"]), folder)
    table.write(folder / "manifest.parquet")
    made = Small(folder)
    prepare(made.manifest, folder / "flow", short_side=32, flow=True, form="jpeg", workers=1, quiet=True)
    made.train(
        folder / "run", manifest=folder / "flow" / "manifest.parquet", method=Plain, scenes=None, humans=None,
        clip=ClipSettings(4, 2, 32), optimisation={"epochs": 1, "keep": "last"},
    )  # fmt: skip
    return made


@pytest.mark.parametrize("sampling", [Sampling(4, 1), Sampling(4, 3), Sampling(4, None), Sampling(12, 1)])
def test_the_network_is_shown_the_flow_of_the_whole_video(sampling: Sampling) -> None:
    """Exactly, at any stride: of each frame to the video's next one, and of the last the flow before it."""
    frames = moving("right", 9, 32, 48)
    whole = np.stack(list(flow_pictures(frames)))
    network = Asked(sampling)
    subject = FlowModel(network, FlowMethod())
    clips = [frames[numbers] for numbers in subject.sampling.clips(len(frames), 3)]
    subject.answer(np.stack(clips))
    wanted = sampling.clips(len(frames), 3)
    assert np.array_equal(network.shown[0], np.stack([whole[numbers] for numbers in wanted]))
    for clip, numbers in zip(subject.sampling.clips(len(frames), 3), wanted, strict=True):
        assert subject.sampling.shown(clip).tolist() == np.minimum(numbers, 7).tolist()


def test_time_turned_and_stopped_is_turned_and_stopped_in_the_flow() -> None:
    frames = moving("right", 6, 32, 48)
    network = Asked(Sampling(3, 1))
    subject = FlowModel(network, FlowMethod())
    clip = frames[subject.sampling.clips(6, 1)[0]]
    subject.answer(np.stack([clip, clip[::-1], np.repeat(clip[:1], len(clip), 0)]))
    forth, back, still = network.shown[0][:, :, 12:-12, 12:-12, 0].astype(np.float64).mean((1, 2, 3))
    assert (forth, back) == (pytest.approx(128 + 3 * 6.35, abs=2), pytest.approx(128 - 3 * 6.35, abs=2))
    assert still == 128
    assert (network.shown[0][2] == 128).all()


def test_answers_to_clips_as_they_are_are_those_of_evaluate_on_the_prepared_flow(small: Small) -> None:
    flow = small.folder / "flow" / "manifest.parquet"
    tested = evaluate(small.folder / "run", flow, clips=2, quiet=True).predictions
    subject = open_subject(str(small.folder / "run"))
    network = RunModel(small.folder / "run", device=CPU, of_flow=True)
    assert subject.reads.startswith("optical flow (by DIS of frames with a short side of 32)")
    table = Manifest.read(small.manifest).split("test")
    for row, expected in tested.iterrows():
        frames = decode(table.path(int(str(row))))
        answer = subject.answer(np.stack([frames[which] for which in subject.sampling.clips(len(frames), 2)]))
        whole = np.stack(list(flow_pictures(frames)))
        same = network.answer(np.stack([whole[which] for which in network.sampling.clips(len(frames), 2)]))
        assert np.array_equal(answer.scores, same.scores)
        np.testing.assert_allclose(answer.scores.mean(0), expected["scores"], atol=0.02)  # the coding of the file


def test_larger_frames_are_shrunk_to_what_moves_were_counted_in(small: Small) -> None:
    network = Asked(Sampling(3, 1))
    subject = FlowModel(network, FlowMethod(), 32)
    large = moving("right", 5, 64, 96)
    subject.answer(large[subject.sampling.clips(5, 1)[0]][None])
    pictures = network.shown[0]
    assert pictures.shape == (1, 3, 32, 48, 3)
    inner = pictures[..., 6:-6, 6:-6, 0].mean()
    assert inner == pytest.approx(128 + 1.5 * 6.35, abs=2), "3 pixels of the large frames are 1.5 of the small"
    clips = large[RunModel(small.folder / "run", device=CPU, of_flow=True).sampling.clips(5, 1)[0]]
    maps = open_subject(str(small.folder / "run")).maps(np.repeat(clips, 2, 0)[None], np.array([0]))
    assert (maps.top, maps.left, maps.height, maps.width) == (0, 16, 64, 64), "in pixels of the clip"
    assert maps.activation.shape[:2] == (1, 4)


def test_an_audit_of_a_run_of_flow_says_so(small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "audit",
        str(small.folder / "run"),
        str(small.manifest),
        "--out",
        str(tmp_path / "audit"),
        "--splits",
        "test",
    ]
    main([*words, "--clips", "2", "--workers", "0", "--variants", "frozen", "reversed"])
    page = (tmp_path / "audit" / "audit.html").read_text()
    assert "The model reads optical flow (by DIS of frames with a short side of 32), computed anew" in page
    with pytest.raises(SystemExit):
        main(
            [
                "audit",
                str(small.folder / "run"),
                str(small.folder / "flow" / "manifest.parquet"),
                "--out",
                str(tmp_path / "b"),
            ]
        )
    assert "holds optical flow, which an audit does not read: give the videos themselves" in capsys.readouterr().err


def test_a_video_of_one_frame_is_told_in_an_audit(small: Small, tmp_path: Path) -> None:
    make_video(tmp_path / "still.mp4", moving("right", 1, 32, 48))
    rows = pd.DataFrame({"video": ["still"], "path": ["still.mp4"], "split": ["test"], "action": ["right"]})
    Manifest(rows, tmp_path).write(tmp_path / "manifest.parquet")
    scorer = DataSettings(manifest=str(tmp_path / "manifest.parquet")).scorer(open_subject(str(small.folder / "run")))
    with pytest.raises(VideoError, match="a single frame, in which nothing moves"):
        scorer.rows("still")


def test_a_single_clip_is_shown_without_its_neighbours(small: Small) -> None:
    subject = open_subject(str(small.folder / "run"))
    frames = moving("down", 9, 32, 48)
    people: NDArray[np.bool_] = np.zeros((9, 32, 48), bool)
    people[:, 8:24, 10:30] = True
    audited = audit_clip(subject, frames, people, clips=2)
    assert {view.frames.shape[0] for view in audited.views} == {4}
    assert audited.shown.tolist() == [2, 4, 6, 7]
    with pytest.raises(InputError, match=r"run reads optical flow .*: it has a single frame"):
        audit_clip(subject, frames[:1], people[:1])
    with pytest.raises(VideoError, match="a single frame"):
        subject.sampling.clips(1, 1)


def test_a_run_of_flow_by_raft_wants_its_weights(small: Small, tmp_path: Path) -> None:
    run = tmp_path / "raft"
    run.mkdir()
    for file in (small.folder / "run").iterdir():
        if file.is_file() and file.name != CHECKSUMS:  # its labels are changed below
            (run / file.name).write_bytes(file.read_bytes())
    labels = (run / "labels.json").read_text()
    (run / "labels.json").write_text(labels.replace('"DIS"', '"raft_small 0123456789ab"'))
    assert Run.open(run).known.flow_by == "raft_small 0123456789ab"
    with pytest.raises(
        InputError, match="was trained on flow by raft_small 0123456789ab: give the file of its weights"
    ):
        open_subject(str(run))
    weights = tmp_path / "raft.pth"
    torch.save(raft_small(weights=None).state_dict(), weights)
    with pytest.raises(InputError, match=r"raft.pth: are of raft_small \w+, and .*raft was trained on flow by"):
        open_subject(str(run), weights=str(weights))
    (run / "labels.json").write_text(labels.replace("DIS", FlowMethod.of("raft_small", weights).by))
    subject = open_subject(str(run), weights=str(weights))
    assert subject.reads.startswith("optical flow (by raft_small ")
    assert subject.answer(moving("right", 8, 32, 48)[None]).scores.sum() == pytest.approx(1)
    with pytest.raises(InputError, match="flow by DIS needs no weights"):
        open_subject(str(small.folder / "run"), weights=str(tmp_path / "raft.pth"))
