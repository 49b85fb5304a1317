import re
import subprocess
import sys
from pathlib import Path

import pytest

from sceneproof import cli
from sceneproof.run import Run
from tests.training import Small


def run(*words: str) -> int:
    try:
        cli.main(list(words))
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


SIZE = ["--backbone=ResNet3D", "--backbone.depth=10", "--backbone.width=4", "--clip.length=8", "--clip.size=32",
        "--optimisation.epochs=1", "--optimisation.batch=4", "--optimisation.trackers=[]", "--validation_clips=1",
        "--quiet"]  # fmt: skip


def test_train_evaluate_report_by_hand(small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = ["--scenes", str(small.scenes), "--humans", str(small.boxes)]
    plain, sdn, page = tmp_path / "plain", tmp_path / "sdn", tmp_path / "report.html"
    for path, method, quiet in ((plain, "Plain", "true"), (sdn, "SDN", "false")):
        said = [*labels, "--quiet", quiet]
        train = ["train", str(small.manifest), str(path), "--method", method, *SIZE, *said]
        assert run(*train) == 0
        assert run("evaluate", str(path), str(small.manifest), *said, "--probe_split", "train") == 0
    words = [str(plain), str(sdn), "--out", str(page), "--manifest", str(small.manifest), "--humans", str(small.boxes)]
    assert run("report", *words, "--quiet") == 0
    trained, test, tested = capsys.readouterr().out.splitlines()  # of the one that is not quiet
    assert trained == f"written: {sdn}"
    assert re.fullmatch(r"test: top1 \d+\.\d %, of \d+ videos", test)
    assert tested == f"written: {sdn}/evaluation/metrics.json, predictions.parquet"
    assert page.read_text().startswith("<!doctype html>")
    assert Run.open(sdn).config["method"]["init_args"]["scene_weight"] == 0.5
    assert run(*train) == 0
    assert run("report", str(sdn), "--out", str(page)) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{sdn}: this run is done already", f"written: {page}, .json, .csv"
    ]  # fmt: skip


def test_a_folder_of_ones_own_videos(small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("index", "folder", str(small.folder / "videos"), str(tmp_path / "index")) == 0
    told = capsys.readouterr()
    assert "jump" in told.out + told.err
    assert run("train", str(tmp_path / "index" / "manifest.parquet"), str(tmp_path / "run"), *SIZE) == 0
    assert run("evaluate", str(tmp_path / "run"), str(tmp_path / "index" / "manifest.parquet"), "--quiet") == 0


def test_a_study_of_two_recipes_goes_on_where_it_stopped(small: Small, tmp_path: Path) -> None:
    recipes = []
    for name in ("plain", "sdn"):
        recipe = tmp_path / f"{name}.yaml"
        recipe.write_text(
            f"method: {'Plain' if name == 'plain' else 'SDN'}\n"
            "backbone: {class_path: ResNet3D, init_args: {depth: 10, width: 4}}\n"
            "clip: {length: 8, size: 32}\nvalidation_clips: 1\n"
            "optimisation: {epochs: 1, batch: 4, trackers: [], optimizer: adamw}\n"
        )
        recipes.append(str(recipe))
    words = ["study", *recipes, str(small.manifest), str(tmp_path / "study"), "--seeds", "0", "1",
             "--learning_rates", "0.001", "0.0001", "--scenes", str(small.scenes), "--humans", str(small.boxes),
             "--results", str(tmp_path / "results.csv"),
             "--clips", "1", "--quiet"]  # fmt: skip
    assert run(*words) == 0
    runs = sorted(path.name for path in (tmp_path / "study").iterdir() if (path / "done").exists())
    assert runs == ["plain-seed0", "plain-seed1", "sdn-seed0", "sdn-seed1"]
    results = (tmp_path / "results.csv").read_text()
    assert "test/top1" in results
    made = (tmp_path / "study" / "sdn-seed1" / "weights.safetensors").stat().st_mtime_ns
    assert run(*words) == 0
    assert (tmp_path / "study" / "sdn-seed1" / "weights.safetensors").stat().st_mtime_ns == made
    assert (tmp_path / "results.csv").read_text() == results


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dance"], "no command 'dance'"),
        (["train", "nothing.parquet", "run"], "nothing.parquet: no such file"),
        (["evaluate", "nowhere", "nothing.parquet"], "nowhere: not a run folder"),
        (["train", "m", "o", "--method", "Foo"], "Foo"),
        (["index", "folder", "/nowhere/at/all", "out"], "/nowhere/at/all"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize("group", ["label", "index"])
def test_a_group_of_commands_lists_them(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, "--help") == 0
    told = capsys.readouterr().out
    assert all((f"\n  {name} " in told) == name.startswith(group) for name in cli.COMMANDS)
    assert run(group, "dance") == 2
    assert f"no command '{group} dance'" in capsys.readouterr().err


def test_a_full_disk_is_one_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sceneproof.mall.world.mall", full)
    monkeypatch.setattr("sceneproof.arguments.parse", lambda *_: {})
    assert run("mall", "out") == 1
    assert capsys.readouterr().err == "sceneproof: [Errno 28] No space left on device\n"


def test_the_overview_is_quick_to_come_and_needs_no_torch() -> None:
    code = "import sys; from sceneproof import cli; cli.main(['--help'])\n"
    check = f"try:\n    exec({code!r})\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", "import sys\n" + check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
