"""A file of ours in which a bit has turned gives the same result, is made again, or is refused by its name."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from sceneproof import checkpoint, files
from sceneproof.audit.collecting import AT_ONCE, Answers
from sceneproof.checkpoint import Progress
from sceneproof.data.tables import read_table, write_table
from sceneproof.data.video import VideoError, decode
from sceneproof.errors import DamagedError, InputError
from sceneproof.files import read_json, write_json
from sceneproof.jobs.parts import recorded
from sceneproof.labelling.pipeline import label, label_shards
from sceneproof.labelling.scene_network import SceneNetwork, SceneNetworkFacts, build, save
from sceneproof.labelling.shards import Shards
from sceneproof.mall.making import make_world
from sceneproof.mall.plan import World
from sceneproof.numerics import Numerics
from sceneproof.prepare import prepare
from sceneproof.run import Run
from sceneproof.sealed_tensors import read_weights, save_sealed
from sceneproof.seals import intact, seal_folder
from tests.flips import flipped
from tests.labelling.counting import Counting, collection
from tests.videos import make_video, numbered


def rows() -> pd.DataFrame:
    numbers = np.arange(40)
    return pd.DataFrame({"video": [f"clip {number}" for number in numbers], "x": numbers * 1.5, "n": numbers})


def same_or_refused(path: Path, read: Callable[[], Any], equal: Callable[[Any, Any], bool], *, count: int = 60) -> int:
    """How often a damaged file was refused by its name; each time else it read as the whole one does."""
    whole, refused = read(), 0
    for place in flipped(path, count=count):
        try:
            got = read()
        except InputError as error:
            told, got = str(error), whole
            refused += 1
        else:
            told = path.name
        assert path.name in told, place
        assert equal(got, whole), f"byte {place}: another result"
    assert equal(read(), whole)
    return refused


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, rows(), "boxes", detector="none")
    refused = same_or_refused(
        path,
        lambda: read_table(path, "boxes", ("video", "x", "n")),
        lambda one, other: one[0].equals(other[0]) and one[1] == other[1],
        count=400,
    )
    assert refused > 300


def test_tables_without_a_seal_and_those_that_others_wrote_anew_are_read(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", rows(), "boxes")
    table = pq.read_table(tmp_path / "t.parquet")
    pq.write_table(table.set_column(1, "x", pa.array(np.zeros(40))), tmp_path / "t.parquet")
    assert not read_table(tmp_path / "t.parquet", "boxes", ("x",))[0]["x"].any()
    rows().to_parquet(tmp_path / "p.parquet")
    assert len(read_table(tmp_path / "p.parquet", "boxes", ("x",))[0]) == 40


def test_weights_and_a_scene_network_that_are_damaged_are_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "weights.safetensors"
    tensors = {"a.weight": torch.randn(5, 7), "b": torch.tensor(3), "c": torch.zeros(0), "d": torch.ones(3).bool()}
    save_sealed(tensors, path)

    def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
        return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)

    assert equal(read_weights(path), tensors)
    assert same_or_refused(path, lambda: read_weights(path), equal, count=200) > 150
    save_file(tensors, tmp_path / "old.safetensors")
    assert equal(read_weights(tmp_path / "old.safetensors"), tensors)

    network = tmp_path / "network.safetensors"
    save(network, build(2), SceneNetworkFacts(["a", "b"], 12, 1.5, 0.9, 0.3, 0.1, 20, 40, 2, 0))
    frames = np.random.default_rng(0).integers(0, 255, (2, 12, 12, 3), np.uint8)
    same_or_refused(network, lambda: SceneNetwork(network)(frames), np.array_equal, count=25)


def test_json_that_is_sealed_is_refused_when_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    value = {"top1": 0.5, "splits": [1, 2, {"a": "x"}], "none": None}
    write_json(path, value, sealed=True)
    assert read_json(path) == value
    same_or_refused(path, lambda: {name: read_json(path).get(name) for name in value}, lambda one, other: one == other)
    write_json(path, [1, "b"], sealed=True)
    assert read_json(path) == [1, "b"]


def saved(folder: Path, step: int = 1) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(step)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    checkpoint.save(folder, network, optimizer, Progress(step=step, best=[0.5, -1.0], sums={"L": 1.5}))
    return network, optimizer


def test_a_checkpoint_with_a_damaged_file_is_refused_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "0000000001"
    network, optimizer = saved(folder)
    checkpoint.commit(folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "checksums.json", "method.safetensors", "optimizer.safetensors", "optimizer.json", "progress.json",
        "random-0.safetensors",
    }  # fmt: skip
    for name in names:
        for _ in flipped(folder / name, count=25):
            with pytest.raises(InputError, match=rf"{folder}/.*delete {folder} to train the run anew"):
                checkpoint.load(folder, network, optimizer)
    assert checkpoint.load(folder, network, optimizer).step == 1
    (folder / "checksums.json").unlink()  # as in older versions
    assert checkpoint.load(folder, network, optimizer).step == 1


def test_an_older_checkpoint_is_taken_where_the_newest_is_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    older, newest = tmp_path / "0000000003", tmp_path / "0000000006"
    saved(newest, 6)
    checkpoint.commit(newest)
    saved(older, 3)
    shutil.copytree(newest, tmp_path / "kept")
    checkpoint.commit(older)  # which drops all others
    (tmp_path / "kept").mkdir(exist_ok=True)
    saved(newest, 6)
    seal_folder(newest.with_name(f"{newest.name}.tmp"))
    newest.with_name(f"{newest.name}.tmp").rename(newest)  # as if killed before the older one was dropped
    assert checkpoint.newest(tmp_path) == newest
    with open(newest / "progress.json", "r+b") as file:
        file.write(b"[")
    assert checkpoint.newest(tmp_path) == older
    assert f"{newest / 'progress.json'}: damaged" in caplog.text
    assert f"going on from the one before, {older}" in caplog.text
    saved(newest, 6)
    checkpoint.commit(newest)  # in place of the damaged one
    assert checkpoint.stored(tmp_path) == [newest]


def test_all_of_a_checkpoint_is_on_the_disk_before_an_older_one_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "1")
    checkpoint.commit(tmp_path / "1")
    told: list[str] = []
    fsync, rename, rmtree = os.fsync, Path.rename, shutil.rmtree

    def syncing(number: int) -> None:
        told.append(Path(os.readlink(f"/proc/self/fd/{number}")).name)
        fsync(number)

    def renaming(self: Path, to: Path) -> Path:
        told.append("rename")
        return rename(self, to)

    def dropping(path: Path) -> None:
        told.append("drop")
        rmtree(path)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(Path, "rename", renaming)
    monkeypatch.setattr(shutil, "rmtree", dropping)
    saved(tmp_path / "2")
    checkpoint.commit(tmp_path / "2")
    written = {path.name for path in (tmp_path / "2").iterdir()}
    assert written | {"2.tmp"} <= set(told[: told.index("rename")])
    assert tmp_path.name in told[told.index("rename") : told.index("drop")], "the name, too"


def test_a_file_has_its_name_only_when_it_is_on_the_disk_and_so_has_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    replace = os.replace
    monkeypatch.setattr(files, "sync", lambda path: told.append("folder" if path.is_dir() else "file"))

    def replacing(source: Path, target: Path) -> None:
        told.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replacing)
    write_json(tmp_path / "a.json", 1)
    assert told == ["file", "name", "folder"]


def test_a_damaged_shard_is_made_again(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 6)
    label(manifest, Counting(), tmp_path / "whole.parquet", workers=1, shard=2, quiet=True)
    shards = Shards(manifest, Counting(), tmp_path / "t.parquet", 2)
    shards.parts.begin()
    label_shards(shards, [0, 1, 2], batch=8, workers=1, time_limit=60, advance=lambda items=1, note="": None)
    assert shards.parts.missing() == []
    shard = Path(str(shards.parts.folder), "000001.parquet")
    whole = shard.read_bytes()
    for place in flipped(shard, count=60):
        if shards.parts.missing() == [1]:
            assert not shard.exists()
        else:
            assert shard.exists(), place
            table = pq.read_table(shard)
            assert table.equals(pq.read_table(pa.BufferReader(whole))), f"byte {place}: another result"
    shard.write_bytes(whole[: len(whole) // 2])  # cut off
    again = Counting()
    label(manifest, again, tmp_path / "t.parquet", workers=1, shard=2, quiet=True)
    assert [video for batch in again.batches for video in batch] == ["clip00002", "clip00003"]
    assert pq.read_table(tmp_path / "t.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))


def test_a_shard_that_is_damaged_at_the_very_end_is_named(tmp_path: Path) -> None:
    manifest = collection(tmp_path, 4)
    shards = Shards(manifest, Counting(), tmp_path / "t.parquet", 2)
    shards.parts.begin()
    label_shards(shards, [0, 1], batch=8, workers=1, time_limit=60, advance=lambda items=1, note="": None)
    shard = shards.parts.folder / "000001.parquet"
    shard.write_bytes(shard.read_bytes()[:-30])
    with pytest.raises(DamagedError, match=r"000001\.parquet: damaged.*same command again"):
        shards.merge()


def test_finished_labels_that_are_damaged_are_refused(tmp_path: Path) -> None:
    manifest, out = collection(tmp_path, 2), tmp_path / "t.parquet"
    label(manifest, Counting(), out, workers=1, quiet=True)
    data = bytearray(out.read_bytes())
    data[20] ^= 4
    out.write_bytes(data)
    with pytest.raises(DamagedError, match=r"t\.parquet: damaged.*delete it"):
        label(manifest, Counting(), out, workers=1, quiet=True)


def test_a_damaged_prepared_video_is_refused_and_prepared_again(tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "a.mp4", numbered(12))
    columns = {"video": ["a"], "path": ["a.mp4"], "split": ["train"], "action": ["x"]}
    write_table(tmp_path / "in" / "m.parquet", pd.DataFrame(columns), "manifest")
    made = prepare(tmp_path / "in" / "m.parquet", tmp_path / "out", workers=1, quiet=True)
    assert made is not None
    path = tmp_path / "out" / "videos" / "a.mp4.mp4"
    whole, frames = path.read_bytes(), decode(path)
    refused = 0
    for place in flipped(path, count=120):
        try:
            got = decode(path)
        except VideoError as error:
            refused += "damaged: its bytes" in str(error)
        else:
            assert np.array_equal(got, frames), f"byte {place}: other frames"
    assert refused > 100
    data = bytearray(whole)
    data[len(data) // 2] ^= 16
    path.write_bytes(data)
    prepare(tmp_path / "in" / "m.parquet", tmp_path / "out", workers=1, quiet=True)
    assert path.read_bytes() == whole


def test_damaged_answers_of_an_audit_are_asked_again(tmp_path: Path) -> None:
    videos = [f"v{number}" for number in range(AT_ONCE + 1)]
    answers = Answers(tmp_path / ".answers", videos, {"seed": 0})
    answers.parts.begin(anew=True)
    for lot, names in enumerate(answers.lots()):
        answers.write(lot, [{"video": name, "variant": "original", "scores": [0.25, 0.75]} for name in names])
    assert answers.parts.missing() == []
    whole = answers.read()
    for place in flipped(answers.folder / "000000.parquet", count=60):
        if answers.parts.missing() != [0]:
            assert answers.parts.missing() == []
            assert answers.read().equals(whole), place
    with open(tmp_path / ".answers" / "settings.json", "w") as note:
        note.write("{")
    answers.parts.begin(anew=True)
    assert answers.parts.missing() == [0, 1], "begun anew"


def test_a_damaged_record_of_an_export_counts_for_nothing(tmp_path: Path) -> None:
    facts = [{"variant": "swap", "path": "videos/a.mp4", "frames": 8}]
    write_json(tmp_path / "r.json", facts, sealed=True)
    assert recorded(tmp_path / "r.json", list) == facts
    for place in flipped(tmp_path / "r.json", count=200):
        assert recorded(tmp_path / "r.json", list) in (None, facts), place


def test_a_damaged_file_of_a_world_is_made_again(tmp_path: Path) -> None:
    world = World(
        train=1, validation=1, validation_out=0, test=0, test_out=0, transfer_train=0, transfer_validation=0,
        transfer_test=0, height=48, width=64, frames=4, pictures=1, test_pictures=0,
    )  # fmt: skip
    make_world(tmp_path / "w", world, workers=1, quiet=True)
    kinds = [next((tmp_path / "w" / "videos").rglob("*.mp4")), next((tmp_path / "w").rglob("*.png"))]
    kinds += [tmp_path / "w" / name for name in ("masks.parquet", "manifest.parquet")]
    before = {path: path.read_bytes() for path in kinds}
    for path, whole in before.items():
        data = bytearray(whole)
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        assert not intact(path)
    make_world(tmp_path / "w", world, workers=1, quiet=True)
    assert {path: path.read_bytes() for path in kinds} == before


def test_a_damaged_picture_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    cv2.imwrite(str(path), numbered(1)[0])
    whole = np.asarray(cv2.imread(str(path)))
    for place in flipped(path, count=80):
        assert not intact(path) or np.array_equal(np.asarray(cv2.imread(str(path))), whole), place
    path.write_bytes(path.read_bytes()[:-20])
    assert not intact(path)


def test_a_run_whose_class_names_or_settings_were_damaged_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", {"seed": 0, "clip": {"length": 8}}, ["jump", "run"], [])
    run.begin()
    run.check_files()
    for name in ("labels.json", "config.yaml"):
        for _ in flipped(run.path / name, count=30):
            with pytest.raises(DamagedError, match=rf"{name}: damaged.*changed it yourself, delete"):
                run.check_files()
    (run.path / "labels.json").write_text(json.dumps({"actions": ["hop", "run"], "scenes": []}))
    (run.path / "checksums.json").unlink()
    Run.open(run.path).check_files()


def test_what_a_run_notes_of_itself_is_refused_when_it_is_damaged(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", {"seed": 0}, ["jump", "run"], [])
    run.begin(numerics=Numerics("bf16", channels_last=True))
    assert same_or_refused(run.path / "environment.json", run.begun_in, lambda one, other: one == other) > 30
    for step in (1, 2, 3):
        run.log({"step": step, "loss": 1 / step})
    assert same_or_refused(run.path / "metrics.jsonl", run.history, lambda one, other: one == other, count=400) > 300


def test_what_was_saved_before_is_still_read(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "w.safetensors")
    assert torch.equal(read_weights(tmp_path / "w.safetensors")["a"], load_file(tmp_path / "w.safetensors")["a"])
    make_video(tmp_path / "v.mp4", numbered(4))
    assert len(decode(tmp_path / "v.mp4")) == 4
    assert intact(tmp_path / "v.mp4")
