"""What is touched when a method or a task is added (docs/design.md): its own file, and nothing of what serves all."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sceneproof
from sceneproof import cli, methods, tasks
from sceneproof.files import read_json
from sceneproof.methods import Method
from sceneproof.results import read_results
from sceneproof.run import Run
from tests.own_task import Arrow, ArrowOfTime, Doubtful, trained_for
from tests.training import Small

PACKAGE = Path(sceneproof.__file__).parent
FOR_ALL = ("train", "evaluate", "run", "start", "study", "cli", "labels", "engine", "task", "execution", "material")
"""Modules that serve every task and method."""
THE_DEFAULT = {"train": "Classification", "study": "Classification"}
"""The task that is meant where none is named, which a function's signature shows."""
BEFORE_TASKS = {"run": ("classification",)}
"""Runs of old do not say their task: it is the one that there was."""
TASKS = [name for name in tasks.__all__ if name != "Task"]
METHODS = [name for name in methods.__all__ if name not in ("Facts", "Method", "Output")]
OF_TASKS = ("RC3D", "ActionFormer", "SSN", "TALNet", "CDC", "PerFrame", "SSD", "MOC", "Localizer", "Detector")
OPTIMISATION = "{epochs: 2, batch: 4, trackers: [], optimizer: adamw, lr: 0.01, schedule: constant}"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


def test_a_made_up_task_is_trained_and_tested_from_the_command_line(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "arrow.yaml"
    recipe.write_text(f"optimisation: {OPTIMISATION}\n")
    run, manifest = tmp_path / "run", str(small.manifest)
    words = ["--task", "tests.own_task.ArrowOfTime", "--task.share", "0.25", "--config", str(recipe), "--quiet"]
    cli.main(["train", manifest, str(run), *words])
    trained = Run.open(run, trust=["tests.own_task"])
    assert isinstance(trained.task, ArrowOfTime)
    assert trained.task.share == 0.25
    assert trained.actions == ["forwards", "backwards"]
    network = trained.trained(Arrow)
    assert network.steps == trained.known.steps == 4
    assert {"train/L_Arrow", "validation/accuracy"} <= set(trained.history()[-1])
    capsys.readouterr()
    command = ["evaluate", str(run), manifest, "--clips", "2", "--quiet"]
    with pytest.raises(SystemExit) as refused:  # the run's configuration names the task, so it takes the user's word
        cli.main(command)
    assert refused.value.code == 2
    assert "add --trust tests.own_task.ArrowOfTime" in capsys.readouterr().err
    cli.main([*command, "--trust", "tests.own_task"])
    figures = read_json(run / "evaluation" / "metrics.json")
    assert figures["splits"]["test"].keys() == {"videos", "accuracy"}
    assert figures["settings"]["clips"] == 2
    assert trained_for(run) == "the arrow of time"


def test_a_made_up_task_is_studied_and_reported(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes = [tmp_path / name for name in ("hard.yaml", "soft.yaml")]
    for recipe, smoothing in zip(recipes, (0.0, 0.1), strict=True):
        method = f"{{class_path: tests.own_task.Arrow, init_args: {{smoothing: {smoothing}}}}}"
        recipe.write_text(f"task: tests.own_task.ArrowOfTime\nmethod: {method}\noptimisation: {OPTIMISATION}\n")
    results, out = tmp_path / "results.csv", tmp_path / "study"
    words = [*map(str, recipes), str(small.manifest), str(out), "--results", str(results), "--trust", "tests.own_task"]
    cli.main(["study", *words, "--quiet"])
    shown = (out / "report.html").read_text()
    assert "hard-seed0" in shown
    assert "soft-seed0" in shown
    kept = {line.recipe.rpartition("/")[2] for line in read_results(results) if line.metric == "test/accuracy"}
    assert kept == {"hard", "soft"}
    words = ["report", *(str(out / f"{name}-seed0") for name in ("hard", "soft")), "--trust", "tests.own_task"]
    with pytest.raises(SystemExit):
        cli.main([*words, "--split", "validation"])
    assert "--split validation: hard-seed0 was not tested on it" in capsys.readouterr().err
    cli.main([*words, "--out", str(tmp_path / "again.html"), "--title", "Time", "--quiet"])
    assert "<title>Time</title>" in (tmp_path / "again.html").read_text()


def test_a_made_up_method_is_trained_and_tested_from_the_command_line(small: Small, tmp_path: Path) -> None:
    recipe, run = tmp_path / "doubtful.yaml", tmp_path / "run"
    recipe.write_text(
        "method: {class_path: tests.own_task.Doubtful, init_args: {doubt: 0.2}}\n"
        "backbone: {class_path: ResNet3D, init_args: {depth: 10, width: 4}}\n"
        f"clip: {{length: 8, size: 32}}\nvalidation_clips: 1\noptimisation: {OPTIMISATION}\n"
    )
    trust = ["--trust", "tests.own_task.Doubtful", "--quiet"]
    cli.main(["train", str(small.manifest), str(run), "--config", str(recipe), *trust])
    cli.main(["evaluate", str(run), str(small.manifest), "--clips", "1", *trust])
    assert "train/L_Doubt" in Run.open(run).history()[-1]
    trained = Run.open(run, trust=["tests.own_task"]).trained(Method)
    assert isinstance(trained, Doubtful)
    assert trained.doubt == 0.2
    assert read_json(run / "evaluation" / "metrics.json")["splits"]["test"]["videos"] > 0


@pytest.mark.parametrize("module", FOR_ALL)
def test_what_serves_all_names_no_task_and_no_method(module: str) -> None:
    names = {*TASKS, *METHODS, *OF_TASKS, *map(str.lower, TASKS)}
    allowed = {THE_DEFAULT.get(module), *BEFORE_TASKS.get(module, ())}
    source = ast.parse((PACKAGE / f"{module}.py").read_text())
    named = {(name, line) for name, line in _names(source) if name in names - allowed}
    assert not named


def test_a_name_of_a_task_or_a_method_would_be_seen() -> None:
    source = ast.parse('"""SDN"""\nfrom a.sdn import SDN\nx = SSD\nif task == "detection": y = a.LfF\n')
    assert {name for name, _ in _names(source)} >= {"SDN", "SSD", "detection", "LfF"}
    assert ("SDN", 1) not in _names(source), "what is said of one in a docstring decides nothing"
    assert {"SDN", "GroupDRO"} <= set(METHODS)


def _names(source: ast.Module) -> set[tuple[str, int]]:
    """Names, attributes, imports and strings of a module, with their lines, but for docstrings."""
    return set(_walked(source))


def _walked(node: ast.AST) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.Name):
            yield child.id, child.lineno
        elif isinstance(child, ast.Attribute):
            yield child.attr, child.lineno
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value, child.lineno
        elif isinstance(child, ast.ImportFrom | ast.Import):
            for alias in child.names:
                yield alias.name.rpartition(".")[2], child.lineno
            if isinstance(child, ast.ImportFrom) and child.module:
                yield from ((part, child.lineno) for part in child.module.split("."))
        yield from _walked(child)
