"""Variants as files: what is written, the same by any number of workers, resumed, reckoned, and refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof import cli
from sceneproof.contexts.export import export
from sceneproof.contexts.variants import VARIANTS
from sceneproof.data.humans import from_masks
from sceneproof.data.manifest import Manifest
from sceneproof.data.tables import read_table
from sceneproof.data.video import decode
from sceneproof.errors import InputError
from tests.contexts.clips import PERSON, footage
from tests.contexts.test_inpainting import network
from tests.videos import make_video

NAMES = ["original", "human_inpainted", "swap_random", "scuba_sinusoid", "scufo_sinusoid", "reversed"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips of two actions with their masks, and one without people."""
    tmp_path = tmp_path_factory.mktemp("world")
    rows, masks = [], []
    for place, (video, action) in enumerate({"a0": "a", "a1": "a", "b0": "b", "b1": "b", "c0": "b"}.items()):
        clip = footage(video, shade=20 + 40 * place)
        make_video(tmp_path / "in" / f"{video}.mp4", clip.frames)
        rows.append((video, f"{video}.mp4", "test", action, 8, "kept"))
        if video != "c0":
            assert clip.people is not None
            masks.append((video, clip.people))
    table = pd.DataFrame(rows, columns=["video", "path", "split", "action", "frames", "mark"])
    Manifest(table, tmp_path / "in").write(tmp_path / "in" / "manifest.parquet")
    people, _ = from_masks(masks, "made up")
    people.write(tmp_path / "in" / "masks.parquet")
    return tmp_path / "in"


def exported(world: Path, out: Path, workers: int = 1) -> Manifest:
    made = export(
        world / "manifest.parquet", out, humans=world / "masks.parquet", variants=NAMES, workers=workers, quiet=True
    )
    assert made is not None
    return made


@pytest.fixture(scope="module")
def one(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export by one worker."""
    out = tmp_path_factory.mktemp("one")
    exported(world, out)
    return out


def test_videos_come_back_with_a_manifest_that_says_what_they_are_made_of(one: Path) -> None:
    made = Manifest.read(one / "manifest.parquet")
    rows = made.rows.set_index("video")
    assert len(rows) == 4 * len(NAMES) + 2, "of the clip without people: the original and its reverse"
    assert set(rows["mark"]) == {"kept"}
    assert set(rows["group"]) == {"a0", "a1", "b0", "b1", "c0"}
    swap = rows.loc["a0@swap_random"]
    assert (swap["source"], swap["variant"], swap["action"], swap["background_action"]) == (
        "a0",
        "swap_random",
        "a",
        "b",
    )
    pasted = decode(made.path(list(rows.index).index("a0@swap_random")))
    shade = {"b0": 100, "b1": 140}[str(swap["background"])]
    np.testing.assert_allclose(pasted[3, 50:, :40, 0], shade, atol=4)
    np.testing.assert_allclose(pasted[3, 26:30, 28:32], np.broadcast_to(PERSON, (4, 4, 3)), atol=12)
    frozen = decode(made.path(list(rows.index).index("b1@scufo_sinusoid"))).astype(int)
    assert np.abs(frozen - frozen[:1]).mean() < 1
    failures, _ = read_table(one / "manifest.failures.parquet", "failures", ("video", "path", "reason"))
    assert set(failures["video"]) == {"c0"}
    assert failures["reason"].str.contains("nobody is known").all()
    assert len(failures) == len(NAMES) - 2


def test_originals_and_variants_are_splits_of_one_manifest(world: Path, tmp_path: Path) -> None:
    names = ["swap_random", "swap_same", "self_paste"]
    people, out = world / "masks.parquet", tmp_path / "out"
    export(world / "manifest.parquet", out, humans=people, variants=names, originals=True, workers=1, quiet=True)
    made = Manifest.read(out / "manifest.parquet")
    contexts = made.rows.groupby("split")["context"].agg(lambda values: list(values.dropna().unique())).to_dict()
    assert contexts == {
        "test": ["in"], "test_swap_random": ["out"], "test_swap_same": [], "test_self_paste": [],
    }  # fmt: skip
    assert list(made.split("test").rows["video"]) == ["a0", "a1", "b0", "b1", "c0"]
    np.testing.assert_array_equal(decode(made.path(0)), decode(world / "a0.mp4"))
    assert len(decode(made.path(len(made) - 1))) == 8


@pytest.mark.processes
def test_files_do_not_depend_on_workers_and_are_not_made_twice(world: Path, one: Path, tmp_path: Path) -> None:
    rows, two = Manifest.read(one / "manifest.parquet").rows, exported(world, tmp_path / "two", workers=2)
    pd.testing.assert_frame_equal(rows, Manifest.read(two.root / "manifest.parquet").rows)
    files = sorted((one / "videos").rglob("*.mp4"))
    assert len(files) == len(rows)
    for path in files:
        assert path.read_bytes() == (two.root / path.relative_to(one)).read_bytes()
    before = {path: path.stat().st_mtime_ns for path in files}
    lost = next(iter(sorted((one / ".parts").iterdir())))
    lost.unlink()  # as if it had been killed before this video was done
    exported(world, one)
    pd.testing.assert_frame_equal(Manifest.read(one / "manifest.parquet").rows, rows)
    redone = {path for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert {path.name for path in redone} == {"a0.mp4.mp4"}
    for path in redone:
        assert path.read_bytes() == (two.root / path.relative_to(one)).read_bytes()


def test_the_command_reckons_and_refuses(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["contexts", "export", str(world / "manifest.parquet"), str(tmp_path / "out")]
    words += ["--humans", str(world / "masks.parquet"), "--variants", *NAMES]
    cli.main([*words, "--dry_run"])
    told = capsys.readouterr().out
    assert "5 videos in 6 variants" in told
    assert not (tmp_path / "out").exists()
    cli.main([*words, "--workers", "1", "--quiet"])
    size = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*.mp4"))
    number, unit = told.split("about ")[1].split()[:2]
    assert size / 3 < float(number) * {"kB": 1e3, "MB": 1e6}[unit] < size * 3
    with pytest.raises(SystemExit) as stop:
        cli.main([*words, "--seed", "1", "--quiet"])
    assert stop.value.code == 2
    assert "holds an export with seed 0, not 1" in capsys.readouterr().err
    for variant, message in (("dance", "no variant 'dance'"), ("swap_far", "table of scene labels")):
        with pytest.raises(InputError, match=message):
            export(world / "manifest.parquet", tmp_path, humans=world / "masks.parquet", variants=[variant])
    with pytest.raises(InputError, match="crf 60"):
        export(world / "manifest.parquet", tmp_path, humans=world / "masks.parquet", crf=60)


def test_segments_of_one_file_are_cut_and_named_apart(world: Path, tmp_path: Path) -> None:
    table = Manifest.read(world / "manifest.parquet")
    rows = pd.concat([table.rows.iloc[[0]]] * 2 + [table.rows.iloc[2:]]).reset_index(drop=True)
    rows["video"] = ["a0", "a9", "b0", "b1", "c0"]
    rows["start"], rows["end"] = [0.08, 0.16, *[np.nan] * 3], [0.24, 0.32, *[np.nan] * 3]
    Manifest(rows, world).write(world / "segments.parquet")
    people, names = world / "masks.parquet", ["scene_grey", "original"]
    made = export(world / "segments.parquet", tmp_path / "out", humans=people, variants=names, workers=1, quiet=True)
    assert made is not None
    cut = made.rows.set_index("video").loc["a0@scene_grey"]
    assert cut["frames"] == 4
    assert "start" not in made.rows
    frames = decode(made.root / str(cut["path"]))
    assert (np.abs(frames[0, 28, 4 + 12 + 8].astype(int) - PERSON) < 25).all(), "frame 2 of the file comes first"
    assert set(made.rows["variant"]) <= set(VARIANTS)


def test_holes_are_filled_by_a_network_and_an_export_goes_on_with_no_other_one(world: Path, tmp_path: Path) -> None:
    def made(inpainter: Path | None = None) -> None:
        export(
            world / "manifest.parquet", tmp_path / "out", humans=world / "masks.parquet", variants=["human_inpainted"],
            workers=1, quiet=True, inpainter=inpainter,
        )  # fmt: skip

    ink = network(tmp_path / "ink.onnx")
    made(inpainter=ink)
    made(inpainter=ink)
    with pytest.raises(InputError, match="inpainter"):
        made()
    network(ink, largest=255.0)
    with pytest.raises(InputError, match="SHA-256 of inpainter"):
        made(inpainter=ink)
