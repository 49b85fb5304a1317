"""JSON and YAML that nobody vouches for, in run folders, recipes, mappings and tables: one message, and no memory."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sceneproof.arguments import parse
from sceneproof.audit.models.inputs import read_classes
from sceneproof.audit.naming import class_table
from sceneproof.audit.table import AuditTable
from sceneproof.commands import task_of_recipe, task_of_words
from sceneproof.data.dataset import ClipSettings
from sceneproof.data.scenes import SceneTable
from sceneproof.data.tables import KEY, read_table
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.files import output_files, parse_json, read_json, whole
from sceneproof.recipes import MOST_YAML, read_yaml
from sceneproof.run import Run
from sceneproof.tasks.classification import clip_of
from sceneproof.train import train
from tests.videos import make_manifest

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{now}: &{now} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, now in zip("abcdefghijk", "bcdefghijkl", strict=True)
)
UNBOUNDED = {
    "bomb": BOMB,
    "merged bomb": BOMB + "z: {<<: [*l, *l]}\n",
    "deep": "seed: " + "[" * 60 + "]" * 60,
    "very deep": "seed: " + "[" * 100_000,
    "deep blocks": "\n".join(" " * depth + "a:" for depth in range(60)),
    "itself": "seed: &a [*a]\n",
    "large": "# " + "x" * MOST_YAML,
    "many": "seed: [" + "0," * 100_001 + "]",
    "digits": "seed: " + "9" * 5000,
    "month": "seed: 2024-13-41\n",
    "empty number": "seed: !!int ''\n",
    "no truth": "seed: !!bool perhaps\n",
    "no date": "seed: !!timestamp x\n",
    "code": "seed: !!python/object/apply:os.getcwd []\n",
}


@pytest.mark.parametrize("kind", UNBOUNDED)
def test_yaml_that_is_too_much_is_one_message_wherever_it_is_read(kind: str, tmp_path: Path) -> None:
    recipe = tmp_path / "config.yaml"
    recipe.write_text(UNBOUNDED[kind])
    (tmp_path / "labels.json").write_text('{"actions": ["a"], "scenes": []}')
    for read in (
        lambda: read_yaml(recipe),
        lambda: task_of_recipe(recipe),
        lambda: Run.open(tmp_path),
        lambda: parse(train, ["m", "o", "--config", str(recipe)], "train"),
        lambda: parse(train, ["m", "o", f"--config={recipe}"], "train"),
    ):
        with pytest.raises(InputError, match=r"config\.yaml: cannot be read") as told:
            read()
        assert len(str(told.value)) < 1000


@pytest.mark.parametrize("kind", ["bomb", "deep", "very deep", "itself", "large", "many"])
def test_a_mapping_that_is_too_much_is_refused(kind: str, tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(UNBOUNDED[kind])
    with pytest.raises(InputError, match=r"m\.yaml: "):
        class_table(["a"], ["a"], mapping)
    with pytest.raises(InputError, match=r"none\.csv: cannot be read: no such file"):
        class_table(["a"], ["a"], tmp_path / "none.csv")


def test_values_of_the_command_line_are_bounded_too() -> None:
    for value in (BOMB, "[" * 100_000, "[" * 60 + "]" * 60, "9" * 5000):
        with pytest.raises(InputError):
            parse(train, ["m", "o", f"--optimisation.lr={value}"], "train")


def test_a_text_in_a_recipe_that_is_a_bomb_itself_is_refused(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"optimisation": {"lr": BOMB}}))
    with pytest.raises(InputError, match=r"recipe\.yaml: .*its aliases"):
        parse(train, ["m", "o", "--config", str(recipe)], "train")
    recipe.write_text(yaml.safe_dump({"clip": {"scales": json.dumps([BOMB])}}))
    with pytest.raises(InputError, match=r"recipe\.yaml: .*its aliases"):
        parse(train, ["m", "o", "--config", str(recipe)], "train")
    recipe.write_text(yaml.safe_dump({"length": BOMB}))
    with pytest.raises(InputError, match=r"recipe\.yaml: .*its aliases"):
        parse(train, ["m", "o", f"--clip={recipe}"], "train")
    with pytest.raises(InputError, match=r"config\.yaml: task: .*its aliases"):
        _ = some_run(tmp_path / "run", task=of_clip({"length": BOMB})).task


def test_aliases_that_a_person_writes_are_read(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("optimisation: &o {epochs: 3}\n")
    assert parse(train, ["m", "o", "--config", str(recipe)], "train")["optimisation"].epochs == 3
    recipe.write_text("a: &a [1, 2]\nb: *a\nc: {<<: {d: 1}, e: *a}\n")
    assert read_yaml(recipe) == {"a": [1, 2], "b": [1, 2], "c": {"d": 1, "e": [1, 2]}}


@pytest.mark.parametrize("text", ["", "[]", "- seed", "3", "seed", "null", "config: other.yaml", "clip: /etc/hostname"])
def test_a_recipe_that_holds_no_options_or_sends_on_is_refused(text: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    with pytest.raises(InputError, match=r"recipe\.yaml: (holds no options|config: write|clip: write)"):
        parse(train, ["m", "o", "--config", str(recipe)], "train")
    if not text.startswith("clip"):  # which is a setting of the task
        assert task_of_recipe(recipe).name == "classification"
    assert task_of_words(["--config", "{" + "x" * 5000]).name == "classification"  # too long for a name


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    for read in (read_yaml, read_json):
        with pytest.raises(InputError, match=r"config\.yaml: cannot be read: not a file"):
            read(tmp_path / "config.yaml")
    with pytest.raises(InputError, match="not a run folder"):
        Run.open(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[" * 100_000, "{", "9" * 5000, '"\\udcff"', b"\xff\xfe[]", b"\x00"], ids=range(7)
)
def test_json_that_cannot_be_is_one_message(text: str | bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"a\.json: not JSON") as told:
        read_json(tmp_path / "a.json")
    assert len(str(told.value)) < 500
    with pytest.raises(InputError):
        read_classes(tmp_path / "a.json")


def test_json_is_bounded_and_of_the_kind_that_is_expected(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1, 2, 3]")
    with pytest.raises(InputError, match="larger than 5 bytes"):
        read_json(tmp_path / "a.json", most=5)
    with pytest.raises(InputError, match=r"a\.json: expected a JSON object, not list \[1, 2, 3\]"):
        read_json(tmp_path / "a.json", dict)
    assert parse_json('"\\ud83d\\ude00"', "a") == "\N{GRINNING FACE}"


def of_clip(clip: Any) -> dict[str, Any]:
    """A task as a run's configuration holds it."""
    return {"class_path": "sceneproof.tasks.classification.task.Classification", "init_args": {"clip": clip}}


def some_run(folder: Path, **config: Any) -> Run:
    run = Run(folder, {"seed": 0, "task": of_clip({"length": 8}), **config}, ["a", "b"], [])
    run.begin()
    run.log({"step": 1, "loss": 0.5})
    return run


@pytest.mark.parametrize(
    "labels",
    [[], "a", None, {}, {"actions": ["a"]}, {"actions": "ab", "scenes": []}, {"actions": [1, 2], "scenes": []},
     {"actions": [], "scenes": []}, {"actions": ["a", "a"], "scenes": []}, {"actions": ["a"], "scenes": None},
     {"actions": {"a": 0}, "scenes": []}, {"actions": [["a"]], "scenes": []}],
)  # fmt: skip
def test_labels_of_another_form_are_refused(labels: Any, tmp_path: Path) -> None:
    run = some_run(tmp_path / "run")
    (run.path / "labels.json").write_text(json.dumps(labels))
    with pytest.raises(InputError, match=r"labels\.json: (expected|names no actions|actions: 'a' is there twice)"):
        Run.open(run.path)


@pytest.mark.parametrize("config", ["", "[]", "3", "seed", "1: 2"])
def test_a_configuration_of_another_form_is_refused(config: str, tmp_path: Path) -> None:
    run = some_run(tmp_path / "run")
    (run.path / "config.yaml").write_text(config)
    with pytest.raises(InputError, match=r"config\.yaml: holds no configuration"):
        Run.open(run.path)
    with pytest.raises(InputError, match=r"config\.yaml: holds no configuration"):
        evaluate(run.path, tmp_path / "m.parquet")


@pytest.mark.parametrize(
    "clip", [None, [], 3, {"lenght": 8}, {"length": "eight"}, {"length": [8]}, {"scales": "all"}, {"scales": 1}]
)
def test_settings_of_another_form_are_refused(clip: Any, tmp_path: Path) -> None:
    run = some_run(tmp_path / "run", task=of_clip(clip))
    with pytest.raises(InputError, match=r"config\.yaml: task: "):
        _ = Run.open(run.path).task
    assert clip_of(some_run(tmp_path / "good")) == ClipSettings(length=8)


def test_what_a_run_has_noted_is_checked(tmp_path: Path) -> None:
    run = some_run(tmp_path / "run", seed="one")
    with pytest.raises(InputError, match=r"config\.yaml: seed: expected a number, not 'one'"):
        _ = run.seed
    (run.path / "environment.json").write_text("[]")
    with pytest.raises(InputError, match=r"environment\.json: expected a JSON object"):
        _ = run.commit
    for line in (b"[]", b"3", b"{}", b'{"step": "1"}', b'{"step": 1, "loss": null}', b'{"step": true}', b"\xff"):
        (run.path / "metrics.jsonl").write_bytes(line + b'\n{"step": 2}\n')
        with pytest.raises(InputError, match=r"metrics\.jsonl: line 1: "):
            run.history()
        (run.path / "metrics.jsonl").write_bytes(b'{"step": 2}\n' + line)  # cut short by a kill
        assert run.history() == [{"step": 2}]


def spoilt(path: Path, out: Path, said: bytes) -> Path:
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({KEY: said}), out)
    return out


@pytest.mark.parametrize(
    "said",
    [b"[]", b"3", b"null", b"{", b"\xff", b"[" * 100_000, b'{"kind": 3}', b'{"kind": null}', b'{"names": "ab"}',
     b'{"names": [1]}', b'{"names": 3}', b'{"labeller": {}}', b'{"detector": []}', b'{"actions": {}}'],
)  # fmt: skip
def test_what_a_table_says_of_itself_is_checked(said: bytes, tmp_path: Path) -> None:
    table = tmp_path / "a.parquet"
    pq.write_table(pa.table({"video": ["a"], "probabilities": [[1.0]]}), table)
    spoilt(table, table, said)
    with pytest.raises(InputError, match=r"a\.parquet: what its schema says under 'sceneproof'.*(JSON|expected)"):
        read_table(table, "scenes", ())
    with pytest.raises(InputError, match=r"a\.parquet"):
        SceneTable.read(table)


@pytest.mark.parametrize(
    "said", [{}, {"classes": ["a"], "actions": ["a"]}, {"classes": ["a"], "actions": ["a"], "action_of": 0},
             {"classes": ["a"], "actions": ["a"], "action_of": [1]},
             {"classes": ["a"], "actions": ["a"], "action_of": []},
             {"classes": ["a"], "actions": ["a"], "action_of": ["a"]},
             {"classes": ["a"], "actions": ["a"], "action_of": [0], "settings": 3}]
)  # fmt: skip
def test_an_audit_s_table_is_checked(said: dict[str, Any], tmp_path: Path) -> None:
    from sceneproof.audit.table import COLUMNS

    table = pa.table({name: pa.array([], pa.string()) for name in COLUMNS})
    about = {KEY: json.dumps({"kind": "audit", **said}).encode()}
    pq.write_table(table.replace_schema_metadata(about), tmp_path / "audit.parquet")
    with pytest.raises(InputError, match=r"audit\.parquet: "):
        AuditTable.read(tmp_path)


def test_home_is_meant_wherever_a_path_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"root": "~/videos", "weights": "~/w.pth", "scenes": "~/s"}))
    made = parse(train, ["~/m.parquet", "~/run", f"--config={recipe}", "--humans=~/boxes.parquet"], "train")
    assert made["manifest"] == str(tmp_path / "m.parquet")
    assert made["out"] == tmp_path / "run"
    assert (made["root"], made["scenes"]) == (str(tmp_path / "videos"), str(tmp_path / "s"))
    assert Path(made["weights"]) == tmp_path / "w.pth"
    assert made["humans"] == str(tmp_path / "boxes.parquet")
    from sceneproof.labelling.scenes_command import label_scenes_command

    words = ["m", "o", "--labeller", "OnnxSceneLabeller", "--labeller.weights=~/m.onnx"]
    assert parse(label_scenes_command, words, "label scenes")["labeller"].init_args["weights"] == f"{tmp_path}/m.onnx"
    manifest = make_manifest(tmp_path / "there", clips=2)
    shutil.copy(tmp_path / "there" / "manifest.parquet", tmp_path / "m.parquet")
    assert read_table("~/m.parquet", "manifest", ())[0].shape[0] == len(manifest)
    with pytest.raises(InputError, match="~nobody-at-all/x: no such home"):
        parse(train, ["m", "~nobody-at-all/x"], "train")
    assert not (tmp_path / "~").exists()


def test_two_videos_of_one_name_do_not_share_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("x/a.mp4", "x/a.avi", "y/a.mp4", "y/b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    first = output_files(out, tmp_path / "x" / "a.mp4", ("csv", "json"))
    assert first == [out / "a.csv", out / "a.json"]
    assert output_files(out, tmp_path / "x" / "a.mp4", ("csv", "json")) == first
    assert output_files(out, tmp_path / "y" / "b.mp4", ("csv",)) == [out / "b.csv"]
    for other in (tmp_path / "y" / "a.mp4", tmp_path / "x" / "a.avi"):
        with pytest.raises(
            InputError, match=r"a\.csv there is of another video of this name, .*x/a\.mp4: give another"
        ):
            output_files(out, other, ("csv", "json"))


def test_a_video_that_is_not_there_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.mp4: no such file"):
        output_files(tmp_path / "out", tmp_path / "a.mp4", ("csv",))
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_told_with_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with pytest.raises(OSError, match=r"No space left on device: '.*page\.html'$"), whole(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())
