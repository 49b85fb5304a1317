"""Long takes of clips: who is shown where and when, what is drawn, resuming, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.contexts.takes import filmed, takes
from sceneproof.contexts.takes_plan import Performance, Take, TakeSettings, plan_takes
from sceneproof.data.humans import from_masks
from sceneproof.data.manifest import Manifest
from sceneproof.data.segments import untrimmed
from sceneproof.data.tables import read_table
from sceneproof.data.video import decode
from sceneproof.errors import InputError, VideoError
from tests.contexts.clips import PERSON, footage
from tests.videos import make_video

ACTIONS = "abcdefgh"
SETTINGS = TakeSettings(
    "", None, "", train=40, test=8, test_out=16, frames=160, strength=0.7, visitors=3, seed=0, crf=0
)


def clips(rate: float = 25.0, frames: int = 8) -> Manifest:
    """Three clips of each of eight actions in each split."""
    videos = [(split, action, number) for split in ("train", "test") for action in ACTIONS for number in range(3)]
    names = [(f"{split}_{action}{number}", split, action) for split, action, number in videos]
    rows = pd.DataFrame(names, columns=["video", "split", "action"])
    return Manifest(rows.assign(path=rows["video"] + ".mp4", frames=frames, rate=rate), Path())


def test_a_plan_keeps_to_its_splits_and_shows_out_of_context_what_training_never_does() -> None:
    table = clips()
    plan = plan_takes(table, set(table.rows["video"]), SETTINGS)
    assert plan == plan_takes(table, set(table.rows["video"]), SETTINGS)
    shown = {split: {(take.home, acted.action) for take in plan for acted in take.performances if take.split == split}
             for split in ("train", "test", "test_out")}  # fmt: skip
    assert shown["test"] <= shown["train"] | {(home, action) for home, action in shown["test"] if home == action}
    assert not shown["test_out"] & (shown["train"] | shown["test"])
    assert len({action for _, action in shown["train"]}) == len(ACTIONS)
    for home in ACTIONS:
        assert len({action for place, action in shown["train"] if place == home}) <= 4  # its own and three visitors
    for take in plan:
        source = "train" if take.split == "train" else "test"
        assert take.place.startswith(f"{source}_{take.home}")
        ends = [0]
        for acted in take.performances:
            assert acted.clip.startswith(f"{source}_{acted.action}")
            assert acted.begin > ends[-1]  # somebody is gone before the next one comes
            ends.append(acted.acting[1] + acted.after)
        assert ends[-1] <= SETTINGS.frames
    at_home = [acted.action == take.home for take in plan if take.split == "train" for acted in take.performances]
    assert 0.6 < np.mean(at_home) < 0.8  # of more than a hundred performances


def test_actions_of_other_splits_are_no_part_of_it() -> None:
    table = clips()
    more = table.rows.iloc[:1].assign(video="other", split="transfer", action="z")
    plan = plan_takes(Manifest(pd.concat([table.rows, more]), Path()), set(table.rows["video"]), SETTINGS)
    assert plan == plan_takes(table, set(table.rows["video"]), SETTINGS)


def test_a_take_shows_people_standing_acting_and_gone() -> None:
    place, walker = footage("place", shade=20), footage("walker", shade=120)
    take = Take("t", "test", "place", "a", (Performance("walker", "b", begin=3, before=2, frames=8, after=4),))
    film, unseen = filmed(take, {"place": place, "walker": walker}, 24, 64, 96)
    assert not unseen
    red = [np.flatnonzero((np.abs(frame[28].astype(int) - PERSON).sum(1)) < 60) for frame in film]
    left = [int(columns[0]) if len(columns) else None for columns in red]
    assert left[:3] == [None] * 3
    assert left[17:] == [None] * 7
    begins = [value for value in left[3:17] if value is not None]
    assert len(begins) == 14
    steps = np.diff(begins)
    assert not steps[:2].any()  # stands: two frames and the clip's first
    assert not steps[-4:].any()
    assert (np.abs(steps[2:9] - 6) <= 1).all()  # walks, six pixels a frame
    assert abs(int(film[20, 5, 5, 0]) - 20) <= 2  # in the other clip's place
    empty, unseen = filmed(take, {"place": place, "walker": replace(walker, people=None)}, 24, 64, 96)
    assert "nobody is known" in unseen["walker"]
    assert not (np.abs(empty.astype(int) - PERSON).sum(-1) < 60).any()
    with pytest.raises(VideoError, match="place: nobody is known"):
        filmed(take, {"place": replace(place, people=None), "walker": walker}, 24, 64, 96)


@pytest.mark.parametrize(
    ("table", "settings", "message"),
    [
        (clips().rows.assign(rate=[25.0, 50.0] * 24), SETTINGS, "bring them to one first, such as by ffmpeg's -r"),
        (clips().rows.assign(frames=np.nan), SETTINGS, "the numbers of frames of all clips"),
        (clips().rows.assign(start=0.0), SETTINGS, "rows with a start or an end"),
        (clips().rows, replace(SETTINGS, visitors=7), "a place needs at least 9"),
        (clips().rows, replace(SETTINGS, frames=25), "give longer takes"),
        (clips(frames=1).rows, SETTINGS, "has known people and 2 to 138 frames"),
        (clips().rows.query("split == 'train'"), SETTINGS, "no row of split 'test'"),
    ],
)
def test_clips_that_do_not_fit_are_refused(table: pd.DataFrame, settings: TakeSettings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_takes(Manifest(table, Path()), set(table["video"]), settings)


def test_takes_are_written_with_their_segments_and_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = clips().rows
    masks = []
    for place, video in enumerate(table["video"]):
        clip = footage(str(video), shade=20 + 4 * place)
        make_video(tmp_path / f"{video}.mp4", clip.frames)
        assert clip.people is not None
        masks.append((str(video), clip.people))
    Manifest(table, tmp_path).write(tmp_path / "manifest.parquet")
    from_masks(masks, "made up")[0].write(tmp_path / "masks.parquet")

    def made(out: Path, **changed: int) -> Manifest:
        options = {"train": 2, "test": 1, "test_out": 1, "frames": 80, "workers": 1} | changed
        written = takes(tmp_path / "manifest.parquet", out, humans=tmp_path / "masks.parquet", quiet=True, **options)  # type: ignore[arg-type]  # numbers
        assert written is not None
        return written

    out = tmp_path / "out"
    assert takes(tmp_path / "manifest.parquet", out, humans=tmp_path / "masks.parquet", frames=80, dry_run=True) is None
    assert "200 takes of 3.2 s with" in capsys.readouterr().out
    assert not out.exists()
    manifest = made(out)
    videos = {video.name: video for video in untrimmed(manifest)}
    assert set(videos) == {"train_0000", "train_0001", "test_0000", "test_out_0000"}
    assert manifest.rows.loc[manifest.rows["split"] == "test_out", "context"].eq("out").all()
    assert ((manifest.rows["end"] - manifest.rows["start"]) * 25).round(6).eq(8).all()  # the clips' eight frames
    files = {path.name: path.read_bytes() for path in out.rglob("*.mp4")}
    assert len(decode(out / "videos" / "test" / "test_0000.mp4")) == 80
    (out / "videos" / "test" / "test_0000.mp4").unlink()
    made(out)
    assert {path.name: path.read_bytes() for path in out.rglob("*.mp4")} == files
    with pytest.raises(InputError, match="begun otherwise"):
        made(out, seed=1)
    rows = manifest.rows
    damaged = str(rows.loc[rows["source"] != rows["background"], "source"].iat[0])
    (tmp_path / f"{damaged}.mp4").write_bytes(b"no video")
    other = made(tmp_path / "other")
    failures, _ = read_table(tmp_path / "other" / "manifest.failures.parquet", "failures", ("video", "reason"))
    assert set(failures["video"]) >= {damaged}
    kept = rows[(rows["source"] != damaged) & (rows["background"] != damaged)]
    assert list(other.rows["video"]) == list(kept["video"])
    assert list(made(tmp_path / "other").rows["video"]) == list(kept["video"]), "resumed, it is the same"
