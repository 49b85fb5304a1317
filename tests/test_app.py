"""One clip looked at, without Gradio: answers worked out by hand, files that nobody vouches for, HTML."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneproof import cli
from sceneproof.app import app, serve
from sceneproof.audit.models.callable_model import CallableModel
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.single import audit_clip, sentence, top_of
from sceneproof.audit.subject import Answer, Maps, Pixels, Sampling, Subject
from sceneproof.audit.uploads import UploadAudit, examples_in
from sceneproof.correction import Remedy
from sceneproof.errors import InputError
from sceneproof.labelling import upload
from sceneproof.labelling.humans import BoxLabelling, MaskLabelling
from sceneproof.labelling.motion_mask import MotionMask
from sceneproof.labelling.upload import find_people, moves, read_upload
from sceneproof.labelling.yolox import YOLOX
from sceneproof.pages.clip import clip_html
from tests.contexts.clips import PERSON, footage
from tests.labelling.models import bright_cell_yolox
from tests.timed import make_timed
from tests.videos import BROKEN, make_video, numbered

FOUR = InputSettings(frames=4)
CLIP = footage()


def by_the_corner(clip: Pixels) -> list[float]:
    """A model that looks at the place alone: at one pixel of the wall, which is dark."""
    return [0.71, 0.29] if clip[0, 0, 0, 0] < 100 else [0.2, 0.8]


def by_the_person(clip: Pixels) -> list[float]:
    """A model that looks at the person alone: red pixels, 1 of 24 in `footage`."""
    share = 18 * float((clip[..., 0] > clip[..., 1].astype(int) + 95).mean())
    return [share, 1 - share]


def looking(function: Any = by_the_corner, actions: tuple[str, ...] = ("jump", "run"), **more: Any) -> UploadAudit:
    subject = CallableModel(function, actions=actions, inputs=FOUR)
    return UploadAudit(subject, MaskLabelling(MotionMask()), True, **more)


class Even(Subject):
    """A model that sees the 64 pixels in the middle of 96, and finds the same evidence in all of them."""

    title, actions, sampling, identity, maps_missing = "even", ("a", "b"), Sampling(4), "even", ""

    def __init__(self, evidence: float) -> None:
        self.evidence = evidence

    def answer(self, clips: Pixels) -> Answer:
        return Answer(np.full((len(clips), 2), 0.5, np.float32))

    def maps(self, clips: Pixels, classes: NDArray[np.int64]) -> Maps:
        return Maps(np.full((len(clips), 4, 8, 8), self.evidence, np.float32), 0, 16, 64, 64, "a formula")


def test_a_model_of_the_place_still_says_it_without_the_person() -> None:
    subject = CallableModel(by_the_corner, actions=["jump", "run"], inputs=FOUR)
    found = audit_clip(subject, CLIP.frames, CLIP.people)
    said = {view.name: view.sentence for view in found.views}
    assert found.sentence == "The model says jump, at 71\N{NO-BREAK SPACE}%. " + said["human_inpainted"]
    assert said["human_inpainted"] == "Without the person it still says jump, at 71\N{NO-BREAK SPACE}%."
    assert said["scene_grey"] == (
        "Without the scene it says run, at 80\N{NO-BREAK SPACE}%; jump is at 20\N{NO-BREAK SPACE}%."
    )
    assert list(said) == ["original", "human_inpainted", "scene_grey", "scuba_photograph", "scuba_texture"]
    assert found.missing == [("Where the model looks", "a callable shows no maps")]
    assert [name for name, _ in found.views[0].top] == ["jump", "run"]
    assert [share for _, share in found.views[0].top] == pytest.approx([0.71, 0.29])


def test_a_correction_says_what_is_left_without_the_scenes_part() -> None:
    subject = CallableModel(by_the_corner, actions=["jump", "run"], inputs=FOUR)
    remedy = Remedy(1.0, ("jump", "run"), "", "human_inpainted", 0.01)
    said = {view.name: view.sentence for view in audit_clip(subject, CLIP.frames, CLIP.people, remedy=remedy).views}
    assert said["human_inpainted"].endswith(
        "With the scene’s part taken out it still says jump, at 50\N{NO-BREAK SPACE}%."
    )
    assert "taken out" not in said["scene_grey"]


def test_a_correction_on_clips_that_are_not_shown_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("jump\nrun\n")
    Remedy(0.5, ("jump", "run"), "", "human_filled", 0.01).write(tmp_path / "remedy.json")
    with pytest.raises(InputError, match="--scene human_inpainted"):
        app(f"{__name__}:by_the_corner", names=tmp_path / "names.txt", remedy=tmp_path / "remedy.json")


def test_a_model_of_the_person_does_not() -> None:
    subject = CallableModel(by_the_person, actions=["walk", "stand"], inputs=FOUR)
    first, without, grey, *others = audit_clip(subject, CLIP.frames, CLIP.people).views
    assert dict(first.top)["walk"] == pytest.approx(18 / 24)
    assert dict(without.top) == {"stand": 1, "walk": 0}
    assert without.note.startswith("The gap shows")
    for view in (grey, *others[:1]):  # a texture may have reds of its own
        assert dict(view.top)["walk"] == pytest.approx(18 / 24, abs=0.05), view.name  # edges are soft


def test_what_is_shown() -> None:
    subject = CallableModel(by_the_corner, actions=["jump", "run"], inputs=FOUR)
    found = audit_clip(subject, CLIP.frames, CLIP.people, clips=3)
    assert found.clips == 3
    assert found.shown.tolist() == [2, 3, 4, 5]  # clips start at 0, 2 and 4
    first, without, grey, *_ = found.views
    np.testing.assert_array_equal(first.frames, CLIP.frames[2:6])
    assert not (without.frames == PERSON).all(-1).any()
    assert (grey.frames[:, 0, 0] == 128).all()
    assert (grey.frames[0, 28, 4 + 12 + 8] == PERSON).all()  # the middle of the person in frame 2
    again = audit_clip(subject, CLIP.frames, CLIP.people, clips=3)
    other = audit_clip(subject, CLIP.frames, CLIP.people, clips=3, seed=1)
    assert (again.views[-1].frames == found.views[-1].frames).all()
    assert (other.views[-1].frames != found.views[-1].frames).any()


def test_a_short_video_has_one_clip() -> None:
    subject = CallableModel(by_the_corner, actions=["jump", "run"], inputs=InputSettings(frames=16))
    found = audit_clip(subject, CLIP.frames, CLIP.people, clips=3)
    assert found.clips == 1
    assert found.shown.tolist() == [*range(8), *range(8)]


@pytest.mark.parametrize("people", [None, np.zeros((8, 64, 96), bool)])
def test_without_people_the_clip_as_it_is_and_the_map_are_left(people: NDArray[np.bool_] | None) -> None:
    found = audit_clip(Even(1), CLIP.frames, people)
    assert [view.name for view in found.views] == ["original", "map"]
    assert len(found.missing) == 4
    assert {reason for _, reason in found.missing} == {"nobody is known to be in its frames"}
    assert found.sentence == "The model says a, at 50\N{NO-BREAK SPACE}%."
    assert found.views[1].sentence == "Bright is what speaks for a."


def test_the_map_is_lit_where_the_evidence_is() -> None:
    (shown,) = [view for view in audit_clip(Even(0.25), CLIP.frames, CLIP.people).views if view.name == "map"]
    # the person, 256 pixels of 64 x 64, is wholly in sight in frames 2 to 5; the evidence is the same everywhere
    assert shown.sentence == (
        "Bright is what speaks for a. 6\N{NO-BREAK SPACE}% of it is on the person, who covers 6\N{NO-BREAK SPACE}% of "
        "what the model sees."
    )
    assert shown.note == "Made as: a formula."
    np.testing.assert_array_equal(shown.frames[:, 50:, 16:80], CLIP.frames[2:6, 50:, 16:80])
    np.testing.assert_array_equal(shown.frames[:, :, :16], CLIP.frames[2:6, :, :16] // 6)
    assert (shown.frames[0, 20, 16:32] == 255).all()  # the outline
    (nothing,) = [view for view in audit_clip(Even(0), CLIP.frames, CLIP.people).views if view.name == "map"]
    assert nothing.sentence == "No place speaks for a."


def test_sentences_and_the_top_three() -> None:
    first, other = np.array([0.1, 0.6, 0.25, 0.05]), np.array([0.5, 0.125, 0.25, 0.125])
    names = ["a", "b", "c", "d"]
    assert top_of(names, other) == (("a", 0.5), ("c", 0.25), ("b", 0.125))
    assert sentence("", names, first, first) == "The model says b, at 60\N{NO-BREAK SPACE}%."
    assert sentence("On a texture", names, other, first) == (
        "On a texture it says a, at 50\N{NO-BREAK SPACE}%; b is at 12\N{NO-BREAK SPACE}%."
    )


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_told_as_text(kind: str, tmp_path: Path) -> None:
    path = BROKEN[kind](tmp_path / "<i>broken.mp4")
    made = looking().answer(path)
    assert 'role="alert"' in made
    assert "&lt;i&gt;broken.mp4" in made
    assert "cannot be read as a video: " in made
    assert "Traceback" not in made


def test_no_file_is_told_as_text(tmp_path: Path) -> None:
    for file in (None, ""):
        made = looking().answer(file)
        assert "No video yet" in made
        assert "alert" not in made
    assert "no such file" in looking().answer(tmp_path)
    assert "no such file" in looking().answer(tmp_path / "gone.mp4")


def test_what_a_model_raises_is_told_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Failing(Even):
        def answer(self, clips: Pixels) -> Answer:
            raise RuntimeError("out of <memory>")

    path = make_video(tmp_path / "clip.mp4", numbered(12))
    made = replace(looking(), subject=Failing(1)).answer(path)
    assert "RuntimeError: out of &lt;memory&gt;" in made
    assert "Traceback" not in made
    assert "Traceback" in capsys.readouterr().err
    refusing = looking(lambda clip: [1.0], actions=("jump", "run"))
    assert "where (2,) is needed: one for each class" in refusing.answer(path)


def test_a_long_file_is_cut_and_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / "clip.mp4", numbered(60), rate=25)
    found = read_upload(path, seconds=1.0)
    assert (len(found.frames), found.total, found.width, found.height, found.rate) == (25, 60, 64, 48, 25)
    assert found.cut == "The file is 2.4 s long: only its first 1.0 s (25 frames) are looked at."
    assert not read_upload(path, seconds=2.5).cut
    assert len(read_upload(path, seconds=0.001).frames) == 1
    unknown = replace(found, rate=float("nan"))
    assert unknown.cut == "The file is long: only its first 25 of 60 frames are looked at."
    assert found.cut in looking(seconds=1.0).answer(path)
    monkeypatch.setattr(upload, "MOST_FRAMES", 7)
    assert len(upload._read((path, 1.0)).frames) == 7


def test_large_frames_are_shrunk(tmp_path: Path) -> None:
    found = read_upload(make_video(tmp_path / "clip.mp4", numbered(2, 480, 640)), seconds=1)
    assert found.frames.shape == (2, 320, 427, 3)
    assert (found.width, found.height) == (640, 480)


def test_people_by_a_detector(tmp_path: Path) -> None:
    weights = bright_cell_yolox(tmp_path / "yolox.onnx")
    frames = np.zeros((9, 64, 128, 3), np.uint8)  # half as large in the model's picture
    frames[:, 16:32, 32:48, 2] = 255  # the cell of stride 8 in row 1, column 2
    people = find_people(BoxLabelling(YOLOX(weights, score=0.6)), frames, float("nan"))
    expected = np.zeros((9, 64, 128), bool)
    expected[:, 16:32, 32:48] = True
    np.testing.assert_array_equal(people, expected)


def test_people_by_motion() -> None:
    people = find_people(MaskLabelling(MotionMask(share=0.25)), CLIP.frames, 25)
    assert people.shape == (8, 64, 96)
    assert people.mean() == 0.25
    assert people[CLIP.people].mean() > 0.9
    still = np.repeat(CLIP.frames[:1], 8, 0)
    assert not find_people(MaskLabelling(MotionMask()), still, 25).any()


def test_noise_does_not_move() -> None:
    noise = np.random.default_rng(0).normal(0, 4, CLIP.frames.shape)
    still = np.repeat(CLIP.frames[:1], 8, 0)
    assert not moves((still + noise).clip(0, 255).astype(np.uint8))
    assert moves((CLIP.frames + noise).clip(0, 255).astype(np.uint8))
    assert not moves(still[:1])


def test_the_page_says_how_people_were_found(tmp_path: Path) -> None:
    moving, still = numbered(12), np.repeat(numbered(1), 12, 0)
    assert "found by motion alone" in looking().answer(make_video(tmp_path / "moving.mp4", moving))
    nobody = looking().answer(make_video(tmp_path / "still.mp4", still))
    assert "Nobody was found in this clip (by motion)" in nobody
    assert nobody.count("<img") == 1
    boxes = BoxLabelling(YOLOX(bright_cell_yolox(tmp_path / "yolox.onnx")))
    by_boxes = UploadAudit(looking().subject, boxes, False).answer(tmp_path / "moving.mp4")
    assert "found as boxes" in by_boxes
    assert "people by yolox.onnx" in by_boxes


def test_nothing_from_outside_is_markup_or_a_template() -> None:
    subject = CallableModel(by_the_corner, actions=["<b>jump</b>{{value}}", "${run}`\\"], inputs=FOUR)
    name = "<script>alert(1)</script>${value}{{value}}"
    made = clip_html(audit_clip(subject, CLIP.frames, CLIP.people), name=name, rate=25, facts=["<i>"], warnings=["<u>"])
    for mark in ("<b>jump", "<script", "<i>", "<u>", "{", "}", "$", "`", "\\"):
        assert mark not in made
    assert made.count("data:image/webp;base64,") == 5
    assert made.count("<li>") == 2 * 5 + 1  # two classes under each picture, and why there is no map


def test_examples_are_the_videos_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        examples_in(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(InputError, match="no videos"):
        examples_in(tmp_path)
    make_video(tmp_path / "sub" / "b.MP4", numbered(2))
    make_video(tmp_path / "a.mp4", numbered(2))
    assert examples_in(tmp_path) == {"a.mp4": tmp_path / "a.mp4", "sub/b.MP4": tmp_path / "sub" / "b.MP4"}


def test_without_gradio_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "GRADIO_TEMP_DIR", "no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")  # so that it is as it was afterwards
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError, match=r'pip install "sceneproof\[app\]"'):
        serve(looking(), {}, host="127.0.0.1", port=None)
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_bad_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["app", str(tmp_path / "none")])
    assert stop.value.code == 2
    assert "no such model" in capsys.readouterr().err
    with pytest.raises(InputError, match="--clips must be at least 1"):
        app("none", clips=0)
    with pytest.raises(SystemExit) as stop:
        cli.main(["app", str(tmp_path / "none"), "--weights", "yolox.onnx"])
    assert stop.value.code == 2
    assert "--weights: is spelled --detector.weights" in capsys.readouterr().err


def test_the_first_seconds_of_a_file_are_those_that_are_shown(tmp_path: Path) -> None:
    path = make_timed(tmp_path / "clip.mp4", [0, *(3000 + 40 * n for n in range(50))])
    assert len(read_upload(path, seconds=3.2).frames) == 6, "a still of three seconds, and five frames"
    assert (
        read_upload(path, seconds=1.0).cut == "The file is 5.0 s long: only its first 3.0 s (1 frames) are looked at."
    )
