"""Tables of people that go along with the variants of their videos."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from sceneproof.contexts.carrying import write_carried
from sceneproof.contexts.export import export
from sceneproof.data.humans import HumanMasks, from_masks, read_humans
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table, write_table
from sceneproof.data.video import decode
from sceneproof.errors import InputError
from tests.contexts.clips import PERSON, footage
from tests.videos import make_video


def folder_of(path: Path, *, start: float = np.nan) -> dict[str, NDArray[np.bool_]]:
    """Two clips of two actions with their masks and boxes; the first may be a segment."""
    rows, masks = [], {}
    for place, (video, action) in enumerate({"a": "clap", "b": "wave"}.items()):
        clip = footage(video, shade=20 + 80 * place, speed=4 + 2 * place)
        make_video(path / f"{video}.mp4", clip.frames)
        rows.append((video, f"{video}.mp4", "test", action, 8, start if video == "a" else np.nan, np.nan))
        assert clip.people is not None
        masks[video] = clip.people
    table = pd.DataFrame(rows, columns=["video", "path", "split", "action", "frames", "start", "end"])
    Manifest(table, path).write(path / "manifest.parquet")
    people, boxes = from_masks(masks.items(), "made up")
    people.write(path / "masks.parquet")
    boxes.rows["track"] = 7
    boxes.write(path / "boxes.parquet")
    return masks


def exported(folder: Path, out: Path, tables: list[str], *, originals: bool = False) -> Manifest:
    made = export(
        folder / "manifest.parquet", out, humans=folder / "masks.parquet", carry=[folder / name for name in tables],
        variants=["swap_random", "human_inpainted", "reversed"], originals=originals, workers=1, quiet=True,
    )  # fmt: skip
    assert made is not None
    return made


def test_boxes_are_where_the_pasted_person_is_seen(tmp_path: Path) -> None:
    folder_of(tmp_path / "in")
    made = exported(tmp_path / "in", tmp_path / "out", ["boxes.parquet", "masks.parquet"])
    boxes, said = read_table(tmp_path / "out/boxes.parquet", "boxes", ("video", "track"))
    assert set(boxes["video"]) == {"a@swap_random", "b@swap_random"}, "nobody is left, or frames are out of order"
    assert said["detector"] == "around the masks of made up"
    assert set(boxes["track"]) == {7}
    frames = decode(made.path(list(made.rows["video"]).index("b@swap_random")))
    red = np.abs(frames.astype(int) - PERSON).max(axis=3) < 60
    for frame in (0, 5):
        x1, y1, x2, y2 = boxes[(boxes["video"] == "b@swap_random") & (boxes["frame"] == frame)].iloc[0][
            ["x1", "y1", "x2", "y2"]
        ]
        rows, columns = np.flatnonzero(red[frame].any(1)), np.flatnonzero(red[frame].any(0))
        seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(seen, [x1, y1, x2, y2], atol=1)
    masks = read_humans(tmp_path / "out/masks.parquet")
    assert np.array_equal(
        masks.regions("b@swap_random", range(8), 64, 96),
        read_humans(tmp_path / "in/masks.parquet").regions("b", range(8), 64, 96),
    )


def test_people_of_a_segment_are_counted_from_its_first_frame(tmp_path: Path) -> None:
    masks = folder_of(tmp_path / "in", start=0.12)  # frame 3 at 25 a second
    exported(tmp_path / "in", tmp_path / "out", ["masks.parquet"], originals=True)
    people = read_humans(tmp_path / "out/masks.parquet")
    assert np.array_equal(people.regions("a@swap_random", range(5), 64, 96), masks["a"][3:])
    assert not people.regions("a@swap_random", range(5, 9), 64, 96).any()
    assert np.array_equal(people.regions("a", range(8), 64, 96), masks["a"]), "the videos' own are kept beside"


def test_odd_sides_lose_a_pixel(tmp_path: Path) -> None:
    mask = np.zeros((1, 5, 7), bool)
    mask[0, 2:, 3:] = True
    masks, boxes = from_masks([("a", mask)], "made up")
    masks.write(tmp_path / "masks.parquet")
    boxes.write(tmp_path / "boxes.parquet")
    gone = boxes.rows.assign(x1=6.0, x2=7.0)
    write_table(tmp_path / "gone.parquet", gone, "boxes")
    table = Manifest(pd.DataFrame({"video": ["a"], "path": ["a.mp4"], "split": ["test"], "action": ["clap"]}), tmp_path)
    facts = {"video": "a@swap_random", "source": "a", "variant": "swap_random", "width": 6, "height": 4, "frames": 1}
    made, out = pd.DataFrame([facts]), tmp_path / "out"
    for name in ("masks", "boxes", "gone"):
        write_carried(tmp_path / f"{name}.parquet", table, made, out, originals=False)
    people = read_humans(out / "masks.parquet")
    assert isinstance(people, HumanMasks)
    assert np.array_equal(people.regions("a@swap_random", [0], 4, 6), mask[:, :4, :6])
    assert read_table(out / "boxes.parquet", "boxes", ())[0][["x2", "y2"]].to_numpy().tolist() == [[6, 4]]
    assert len(read_table(out / "gone.parquet", "boxes", ())[0]) == 0


def test_tables_that_cannot_be_carried_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder_of(tmp_path / "in")
    out = tmp_path / "out"
    for tables, message in (
        (["boxes.parquet", "boxes.parquet"], "would be written twice"),
        (["manifest.parquet"], "would be written twice"),
        (["missing.parquet"], "no such file"),
    ):
        with pytest.raises(InputError, match=message):
            exported(tmp_path / "in", out, tables)
    with pytest.raises(InputError, match="would be written over"):
        exported(tmp_path / "in", tmp_path / "in", ["boxes.parquet"])
    other, _ = from_masks([("z", np.ones((1, 64, 96), bool))], "made up")
    other.write(tmp_path / "in/other.parquet")
    with pytest.raises(InputError, match=r"other\.parquet"):
        exported(tmp_path / "in", out, ["other.parquet"])
    assert not out.exists()
