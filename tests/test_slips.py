"""Slips on a command line: what is wrong is said in a line, with the nearest word that would be right."""

import re
import shlex
from inspect import signature
from pathlib import Path
from typing import get_type_hints

import pandas as pd
import pytest

from sceneproof import cli
from sceneproof.arguments import parse
from sceneproof.audit.models.callable_model import imported
from sceneproof.backbones.foreign import read_tensors
from sceneproof.benchmark.config import Config
from sceneproof.commands import options_of, task_of_recipe
from sceneproof.data.manifest import Manifest
from sceneproof.errors import InputError
from sceneproof.files import output_files
from sceneproof.interrupts import Terminated
from sceneproof.labelling.humans_command import label_humans
from sceneproof.run import Run, task_of
from sceneproof.slips import told_plainly
from sceneproof.study import study
from sceneproof.tasks import Classification, Detection, Localization
from sceneproof.train import train
from sceneproof.trust import named_function


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "SDM"], "--method: no class 'SDM'; nearest: SSD, SDN"),
        (["--method", "sdn"], "--method: no class 'sdn'; nearest: SDN, SSN, SSD"),
        (["--backbone", "ResNet3d"], "--backbone: no class 'ResNet3d'; nearest: ResNet3D"),
        (["--backbone", "mine.Net"], "mine.Net cannot be imported: No module named 'mine'"),
        (["--seed", "much"], "--seed: expected a whole number, not much"),
        (["--backbone", "ResNet3D", "--backbone.depth", "x"], "--backbone.depth: expected a whole number, not x"),
        (["--optimisation.optimizer", "adam"], "--optimisation.optimizer: expected sgd or adamw, not adam"),
        (["--optimization.epochs", "3"], "--optimization.epochs 3; nearest: --optimisation.epochs"),
        (["--lr", "1"], "--lr 1; nearest: --optimisation.lr"),
        (["--task.clip.length", "3.5"], ": --task.clip.length: expected a whole number, not 3.5"),
        (["--task.clip.lenght", "8"], "--task.clip.lenght=8; nearest: --task.clip.length"),
        (["--method", "SDN", "--method.scene-wait", "1"], "not accepted; nearest: --method.scene-weight"),
        (["--method.scene-weight", "1"], "it is an option of another class than this one: name that with --method"),
    ],
)
def test_a_slip_is_told_in_a_line_with_what_is_nearest(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "m.parquet", "o", *words])
    first, where = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 2
    assert said in first
    assert "<class" not in first
    assert "typing" not in first
    assert where == "  (sceneproof train --help lists what there is)"


def test_what_is_missing_is_named_as_it_is_typed() -> None:
    with pytest.raises(InputError, match=r"are required: --detector\.weights\n"):
        parse(label_humans, ["m", "o"], "label humans")
    with pytest.raises(InputError, match=r"are required: out\n"):
        parse(study, ["plain.yaml", "m"], "study")
    message = "the following arguments are required: table, root"
    assert told_plainly(message, ["--root"]) == "the following arguments are required: table, --root"


def test_what_is_like_nothing_is_told_without_a_guess() -> None:
    with pytest.raises(InputError, match="no class 'qqqqqq'\n"):
        parse(train, ["m", "o", "--method", "qqqqqq"], "train")
    assert told_plainly("unrecognized arguments: --zzz 1", ["--root"]) == "unrecognized arguments: --zzz 1"
    assert told_plainly("unrecognized arguments: extra", ["--root"]) == "unrecognized arguments: extra"


def test_a_flag_cut_short_to_what_a_list_begins_with_is_told_in_full() -> None:
    message = "ambiguous option: --split could match --splits, --splits+"
    assert told_plainly(message, ["--splits", "--splits+"]) == "unrecognized arguments: --split; nearest: --splits"


def test_a_command_that_is_misspelt_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in [(["mal", "o"], "'mal'; nearest: mall"), (["index", "tabel"], "'index tabel'; nearest: index")]:
        with pytest.raises(SystemExit) as stop:
            cli.main(words)
        assert stop.value.code == 2
        assert f"no command {said}" in capsys.readouterr().err.splitlines()[-1]


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of bad input: a line."""
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_a_folder_where_a_file_is_wanted_is_called_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index, out = tmp_path / "index", str(tmp_path / "out")
    index.mkdir()
    for words in (["train", str(index), out], ["prepare", str(index), out]):
        assert f"{index}: is a folder, where a file is wanted (expected a manifest table" in told(words, capsys)
    with pytest.raises(InputError, match=r"is a folder, where a file is wanted \(expected a video\)"):
        output_files(tmp_path / "detected", index, ["csv"])
    (index / "manifest.parquet").write_text("")
    assert told(["prepare", str(index), out], capsys).endswith(f": {index}/manifest.parquet is there")
    assert "is a folder" in told(["index", "table", str(index), out, "--root", str(index)], capsys)
    assert "is a folder" in told(["label", "check", str(index), out, "--scenes", "x"], capsys)
    weights = ["--labeller", "OnnxSceneLabeller", "--labeller.weights", str(index)]
    manifest = Manifest(pd.DataFrame({"video": ["a"], "path": ["a.mp4"], "split": ["test"], "action": ["run"]}), index)
    manifest.write(index / "manifest.parquet")
    said = told(["label", "scenes", str(index / "manifest.parquet"), f"{out}.parquet", *weights], capsys)
    assert f"{index}: is a folder, where a file is wanted (expected an image classifier in ONNX)" in said


def test_a_file_where_a_folder_is_wanted_is_called_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "rows.csv", str(tmp_path / "out")
    file.write_text("video,action\na,run\n")
    assert f"{file}: is a file, where a folder is wanted" in told(["index", "folder", str(file), out], capsys)
    table = ["index", "table", str(file), out, "--split", "test", "--root", str(file)]
    assert "is a file, where a folder of videos is wanted" in told(table, capsys)
    assert f"{file}: is a file, where a run folder is wanted" in told(["report", str(file)], capsys)
    assert "are the arguments in their order?" in told(["evaluate", str(file), out], capsys)
    assert "`sceneproof index table` makes a manifest" in told(["train", str(file), out], capsys)


def test_a_folder_of_runs_is_told_which_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{tmp_path}/none: not a run folder: nothing has this name" in told(["report", f"{tmp_path}/none"], capsys)
    (tmp_path / "plain").mkdir()
    assert told(["report", str(tmp_path)], capsys).endswith("(no config.yaml in it)")
    (tmp_path / "plain" / "config.yaml").write_text("")
    assert told(["report", str(tmp_path)], capsys).endswith(f"(no config.yaml in it; there are {tmp_path}/plain)")


def test_an_index_is_no_folder_of_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos, index = tmp_path / "mine", tmp_path / "index"
    videos.mkdir()
    index.mkdir()
    (index / "videos").symlink_to(videos)
    (index / "manifest.parquet").write_text("")
    assert "is an index that was written" in told(["index", "folder", str(index), str(videos)], capsys)
    assert not list(videos.iterdir())


@pytest.mark.parametrize(("name", "what"), [("a.onnx", "a network in ONNX"), ("manifest.parquet", "a table")])
def test_what_is_no_checkpoint_is_named(name: str, what: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x08\x01what is no checkpoint")
    with pytest.raises(InputError, match=f"{name}: {what}.*, where weights that PyTorch reads are wanted"):
        read_tensors(tmp_path / name)


def test_what_differs_in_a_run_is_told_alone(tmp_path: Path) -> None:
    task = {"class_path": "sceneproof.tasks.Classification", "init_args": {"clip": {"length": 4, "size": 32}}}
    config = {"task": task, "optimisation": {"epochs": 1, "lr": 0.1}, "seed": 0}
    Run(tmp_path / "run", config, ["run"], []).begin()
    other = {**config, "optimisation": {"epochs": 1, "lr": 0.2}}
    with pytest.raises(InputError, match=r"configuration \(optimisation.lr: 0.1 there, 0.2 now\)"):
        Run(tmp_path / "run", other, ["run"], []).begin()
    longer = {**task, "init_args": {"clip": {"length": 8, "size": 32}}}
    with pytest.raises(InputError, match=r"\(task.init_args.clip.length: 4 there, 8 now\)"):
        Run(tmp_path / "run", {**config, "task": longer}, ["run"], []).begin()


def test_a_file_of_ones_own_that_is_not_on_the_path_is_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"is its folder on PYTHONPATH\?"):
        imported("nobodys:model")
    (tmp_path / "nobodys.py").write_text("")
    with pytest.raises(InputError, match=r"the file lies here: put PYTHONPATH=\. before the command"):
        imported("nobodys:model")


def commands_in_docs() -> list[tuple[str, list[str]]]:
    """The commands that docs and README show on lines of their own: the page, and the words behind `sceneproof`."""
    root = Path(__file__).parents[1]
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    lines = [(page.name, line) for page in pages for line in page.read_text().replace("\\\n", " ").splitlines()]
    shown = [(name, re.match(r"    +(?:PYTHONPATH=\. )?sceneproof (.*)", line)) for name, line in lines]
    return [(name, shlex.split(match[1], comments=True)) for name, match in shown if match]


def test_commands_in_docs_are_ours_and_take_the_flags_that_they_are_shown_with() -> None:
    shown = commands_in_docs()
    assert len(shown) > 80
    known = {name: flags_of(name) for name in {command_of(words) for _, words in shown}}
    for page, words in shown:
        flags = {word.partition("=")[0].partition(".")[0] for word in words if word.startswith("--")}
        assert flags <= known[command_of(words)], (page, words)


def command_of(words: list[str]) -> str:
    """The name of the command that the words begin with."""
    return next(name for name in cli.COMMANDS if words[: len(name.split())] == name.split())


def flags_of(name: str) -> set[str]:
    """The flags of a command, those of all tasks with it, without what follows a dot."""
    function = named_function(cli.COMMANDS[name][0])
    taken = set(signature(function).parameters)
    more = getattr(get_type_hints(function, include_extras=True).get("options"), "__metadata__", ())
    tasks = [Classification(), Localization(), Detection()] if name in cli.BY_TASK else []
    for kind in [*more, *(options_of(name, task) for task in tasks)]:
        taken |= set(signature(kind).parameters)
    return {f"--{flag.replace('_', '-')}" for flag in taken} | {"--config", "--help"}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Terminated])
def test_a_command_that_goes_on_says_so_when_it_is_stopped(
    kind: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(out: Path) -> None:
        raise kind(*(["Its own words."] if out.name == "words" else []))

    monkeypatch.setattr(cli, "named_function", lambda path: stopped)
    for words, said in [
        (["mall", "o"], "The same command goes on from what is finished."),
        (["mall", "words"], "Its own words."),
        (["index", "folder", "o"], ""),
    ]:
        with pytest.raises(SystemExit) as stop:
            cli.main(words)
        assert stop.value.code == (143 if kind is Terminated else 130)
        how = "terminated" if kind is Terminated else "interrupted"
        assert capsys.readouterr().err == f"sceneproof: {how}. {said}".rstrip() + "\n"
    assert set(cli.COMMANDS) > cli.GOING_ON


def test_a_recipe_may_name_its_task_as_it_names_its_method(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("method: Plain\ntask: {class_path: Classification, init_args: {clip: {length: 4}}}\n")
    task = task_of_recipe(recipe)
    made = parse(train, ["m", "o", "--config", str(recipe)], "train", task=task)
    assert isinstance(task, Classification)
    assert task_of(made["task"]).config()["init_args"]["clip"]["length"] == 4


@pytest.mark.parametrize(("text", "key"), [("seeds: [0]\n", "worlds"), ("worlds: {}\nmethods:\n", "methods")])
def test_what_a_benchmark_lacks_is_called_missing(text: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "setup.yaml").write_text(text)
    with pytest.raises(InputError, match=rf"setup\.yaml: {key}: missing, or empty: expected names with values"):
        Config.read(tmp_path / "setup.yaml")
