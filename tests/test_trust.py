"""Files of others name classes; only what is ours, or what the user trusts, is imported, and nothing else is called."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sceneproof.arguments import parse
from sceneproof.audit.command import audit_command
from sceneproof.cli import main
from sceneproof.errors import InputError
from sceneproof.labelling.scenes_command import label_scenes_command
from sceneproof.report.recipes import describe
from sceneproof.run import Run
from sceneproof.spec import Spec
from sceneproof.train import train
from sceneproof.trust import trusted
from tests.videos import make_manifest

OURS = {"class_path": "sceneproof.backbones.resnet3d.ResNet3D", "init_args": {"depth": 10, "width": 4}}
PLAIN = {"class_path": "sceneproof.methods.plain.Plain", "init_args": {}}
CODE = """
import os
os.environ["STRANGER"] = os.environ.get("STRANGER", "") + " imported"
from sceneproof.backbones import ResNet3D
from sceneproof.methods import Plain
class Net(ResNet3D):
    def __init__(self) -> None:
        super().__init__(depth=10, width=4)
class Own(Plain): ...
class Other:
    def __init__(self) -> None:
        os.environ["STRANGER"] += " called"
def make():
    os.environ["STRANGER"] += " called"
    return Net()
def fn(clip): return [1.0]
"""


@pytest.fixture(autouse=True)
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module `stranger` that leaves a trace when it is imported, and when its functions are called."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "stranger.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    monkeypatch.setenv("STRANGER", "")
    yield
    sys.modules.pop("stranger", None)


def traces() -> str:
    return os.environ["STRANGER"].strip()


def run_folder(folder: Path, **config: Any) -> Path:
    """A run as another person might send it: no weights, and a configuration of their choice."""
    folder.mkdir(parents=True, exist_ok=True)
    clip = {} if "task" in config else {"clip": {"length": 4, "stride": 1, "size": 16, "scales": [1.0]}}
    (folder / "config.yaml").write_text(yaml.safe_dump({"backbone": OURS, "method": PLAIN, **clip, **config}))
    (folder / "labels.json").write_text(json.dumps({"actions": ["a", "b"], "scenes": []}))
    return folder


def make_videos(folder: Path) -> Path:
    make_manifest(folder / "data", clips=1)
    return folder / "data" / "manifest.parquet"


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What a command that must end with exit code 2 says."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    said = capsys.readouterr().err
    assert stop.value.code == 2, said
    assert "Traceback" not in said
    return said


EVIL = {
    "a function": {"class_path": "os.system", "init_args": {"command": "touch pwned"}},
    "an imported module": {"class_path": "stranger.Net"},
    "a class of another kind": {"class_path": "stranger.Other"},
    "a module within the package": {"class_path": "sceneproof.__main__.main"},
    "a function of ours": {"class_path": "sceneproof.demo.demo"},
    "another kind of ours": {"class_path": "sceneproof.data.dataset.ClipSettings"},
    "what ours import": {"class_path": "sceneproof.run.subprocess.run"},
    "a foreign class that ours import": {"class_path": "sceneproof.run.Path", "init_args": {}},
    "a name that starts as ours": {"class_path": "sceneproof_stranger.Net"},
    "an import path in an argument": {
        "class_path": "sceneproof.backbones.wrapped.Wrapped",
        "init_args": {"module": "stranger.make", "dim": 8},
    },
    "a class within an argument": {
        "class_path": "sceneproof.backbones.wrapped.Wrapped",
        "init_args": {"module": {"class_path": "stranger.Net"}, "dim": 8},
    },
    "nothing that can be imported": {"class_path": "__import__('os').system('touch pwned')"},
    "no text": {"class_path": ["os.system"]},
}


@pytest.mark.parametrize("key", ["backbone", "method"])
@pytest.mark.parametrize("evil", EVIL)
def test_a_run_of_others_executes_nothing(
    evil: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run, manifest = run_folder(tmp_path / "run", **{key: EVIL[evil]}), make_videos(tmp_path)
    for words in (
        ["evaluate", run, manifest],
        ["audit", run, manifest, "--dry_run"],
        ["app", run],
    ):
        assert "config.yaml" in refused(capsys, *words)
    assert traces() == ""
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(("task", "command"), [("localization", "localize"), ("detection", "detect")])
def test_localizers_and_detectors_execute_nothing(
    task: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_folder(tmp_path / "run", task=task, method={"class_path": "stranger.Other"})
    more = ["--humans", "h"] if task == "detection" else []
    assert "--trust stranger.Other" in refused(capsys, command, run, "video.mp4")
    assert "--trust stranger.Other" in refused(capsys, "evaluate", run, "manifest.parquet", *more)
    assert traces() == ""


@pytest.mark.parametrize("evil", [name for name in EVIL if name != "a class of another kind"])
def test_a_recipe_executes_nothing(
    evil: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"backbone": EVIL[evil]}))
    refused(capsys, "train", "manifest.parquet", "out", "--config", "recipe.yaml")
    refused(capsys, "study", "recipe.yaml", "manifest.parquet", "out")
    assert traces() == ""
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "recipe",
    [
        "backbone: stranger.Net",
        "backbone: os.system",
        "method: {class_path: Plain, init_args: {masked_weight: {class_path: stranger.Other}}}",
        "trust: [stranger]\nbackbone: stranger.Net",
        "backbone.class_path: stranger.Net",
        "backbone.class_path: Wrapped\nbackbone.init_args.module: stranger.make\nbackbone.init_args.dim: 8",
    ],
)
def test_no_way_of_writing_a_recipe_executes(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe)
    with pytest.raises(InputError):
        parse(train, ["m", "o", f"--config={tmp_path / 'recipe.yaml'}"], "train")
    assert traces() == ""


def test_options_from_a_file_name_no_labeller_and_no_callable(tmp_path: Path) -> None:
    (tmp_path / "label.yaml").write_text("labeller: stranger.Other")
    with pytest.raises(InputError, match=r"label\.yaml: labeller: stranger\.Other .* add --trust stranger\.Other"):
        parse(label_scenes_command, ["m", "o", "--config", str(tmp_path / "label.yaml")], "label scenes")
    (tmp_path / "audit.yaml").write_text("model: stranger:fn\nmanifest: m")
    words = ["--config", str(tmp_path / "audit.yaml"), "stranger:fn", "m"]
    assert parse(audit_command, words, "audit")["model"] == "stranger:fn"  # the command line names it, too
    with pytest.raises(InputError, match=r"audit\.yaml: model: stranger:fn .* add --trust stranger\.fn"):
        parse(audit_command, ["--config", str(tmp_path / "audit.yaml"), "other", "m"], "audit")
    assert traces() == ""


def test_what_the_user_names_is_taken(tmp_path: Path) -> None:
    made = parse(train, ["m", "o", "--backbone", "stranger.Net"], "train")
    assert made["backbone"].class_path == "stranger.Net"
    assert made["trust"] == []
    (tmp_path / "recipe.yaml").write_text("backbone: {class_path: stranger.Net}\nmethod: stranger.Own")
    words = ["m", "o", "--config", str(tmp_path / "recipe.yaml")]
    made = parse(train, [*words, "--trust", "stranger"], "train")
    assert made["method"].class_path == "stranger.Own"
    assert made["trust"] == ["stranger"]
    named = parse(train, [*words, "--trust=stranger.Net", "--trust", "stranger.Net", "stranger.Own"], "train")
    assert named["trust"] == ["stranger.Net", "stranger.Own"]


def test_trust_lets_a_run_with_ones_own_class_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_folder(tmp_path / "run", backbone={"class_path": "stranger.Net", "init_args": {}})
    Run.open(run, trust=["stranger"]).save_weights(Run.open(run, trust=["stranger"]).build())
    sys.modules.pop("stranger")
    manifest = make_videos(tmp_path)
    words = ["audit", run, manifest, "--dry_run"]
    assert "config.yaml: backbone: stranger.Net is not one of sceneproof's own" in (said := refused(capsys, *words))
    assert "--trust stranger.Net" in said
    assert "stranger" not in sys.modules
    with pytest.raises(SystemExit) as stop:  # it opens; its classes are not those of the videos
        main([str(word) for word in [*words, "--trust", "stranger.Net"]])
    assert (stop.value.code, "trust" in capsys.readouterr().err) == (2, False)
    assert "stranger" in sys.modules


def test_from_python_what_the_program_imported_is_its_own(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", backbone={"class_path": "stranger.Net", "init_args": {}})
    with pytest.raises(InputError, match="--trust"):
        Run.open(run).build()
    __import__("stranger")
    assert type(Run.open(run).build().backbone).__name__ == "Net"
    with pytest.raises(InputError, match="--trust"):  # as the command line opens it
        Run.open(run, trust=[]).build()
    other = run_folder(tmp_path / "other", backbone={"class_path": "stranger.Other", "init_args": {}})
    with pytest.raises(InputError, match="--trust"):
        Run.open(other).build()
    assert "called" not in traces()


def test_a_trusted_name_must_still_be_of_the_right_kind(tmp_path: Path) -> None:
    for name in ("stranger.Other", "stranger.make"):
        run = run_folder(tmp_path / name, backbone={"class_path": name, "init_args": {}})
        with pytest.raises(InputError, match=f"backbone: {name} is no Backbone"):
            Run.open(run, trust=["stranger"]).build()
    assert "called" not in traces()


def test_reading_what_a_configuration_says_imports_nothing() -> None:
    assert describe({"method": {"class_path": "stranger.Own", "init_args": {"depth": 3}}}).text == "Own depth 3"
    assert traces() == ""


@pytest.mark.parametrize(
    ("path", "prefixes", "answer"),
    [
        ("sceneproof.methods.Plain", [], True),
        ("sceneproof_more.Plain", [], False),
        ("mine.models.Net", ["mine"], True),
        ("mine.models.Net", ["mine.models.Net"], True),
        ("mine.models.Net", ["mine.model"], False),
        ("mine.models:net", ["mine.models.net"], True),
        ("mineral.Net", ["mine"], False),
    ],
)
def test_a_prefix_ends_at_a_dot(path: str, prefixes: list[str], answer: bool) -> None:
    assert trusted(path, prefixes) is answer


@pytest.mark.parametrize("word", ["*", "", "mine.", "mine models", "/mine"])
def test_trust_takes_import_paths_alone(word: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--trust"):
        Run.open(run_folder(tmp_path / "run"), trust=[word])


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("config.yaml", "", "holds no configuration of a run"),
        ("config.yaml", "- a\n- b\n", "holds no configuration of a run"),
        ("config.yaml", "1: 2\n", "holds no configuration of a run"),
        ("config.yaml", "[" * 3000, "not YAML|nested too deep|levels deep"),
        ("config.yaml", "method: 3\n", "backbone: expected 'class_path'"),
        ("config.yaml", "backbone: {class_path: sceneproof.backbones.ResNet3D, init_args: 3}", "'init_args'"),
        ("config.yaml", "backbone: {class_path: sceneproof.backbones.ResNet3D, init_args: {depth: x}}", "depth"),
        (
            "config.yaml",
            "backbone: {class_path: sceneproof.backbones.ResNet3D, init_args: {width: -1}}",
            "width|made of",
        ),
        ("labels.json", "[]", "expected a JSON object, not list"),
        ("labels.json", '{"actions": ["a"]}', "'scenes' is not there, or no names"),
        ("labels.json", '{"actions": [1], "scenes": []}', "'actions' is not there, or no names"),
    ],
)
def test_a_broken_run_folder_is_told(file: str, text: str, said: str, tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    (run / file).write_text(text)
    with pytest.raises(InputError, match=said):
        Run.open(run).build()


def test_a_spec_of_another_kind_is_not_made() -> None:
    with pytest.raises(InputError, match="is no Run"):
        Spec("stranger.Other").make(Run, trust=["stranger"], where="here")
    assert "called" not in traces()
