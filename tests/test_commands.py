from pathlib import Path

import pytest

from sceneproof import commands
from sceneproof.commands import of_task, task_of_recipe, task_of_words
from sceneproof.errors import InputError


@pytest.mark.parametrize("task", commands.TASKS)
@pytest.mark.parametrize("command", ["train", "evaluate", "settings", "report"])
def test_every_task_has_its_functions(task: str, command: str) -> None:
    assert callable(of_task(task, command))


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(InputError, match="no task 'dancing'; there are: classification, localization"):
        of_task("dancing", "train")


def test_the_task_is_that_of_the_flag_the_recipe_or_the_run(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("task: localization\n")
    plain = tmp_path / "plain.yaml"
    plain.write_text("seed: 1\n")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("task: localization\nseed: 0\n")
    assert task_of_words([]) == "classification"
    assert task_of_words(["m.parquet", "out", "--task", "localization"]) == "localization"
    assert task_of_words(["m.parquet", "out", "--task=localization"]) == "localization"
    assert task_of_words(["m.parquet", "out", f"--config={recipe}"]) == "localization"
    assert task_of_words(["m.parquet", "out", "--config", str(plain)]) == "classification"
    assert task_of_words(["--task", "classification", "--config", str(recipe)]) == "classification"
    assert task_of_words([str(run), "m.parquet"]) == "localization"
    assert task_of_words([str(tmp_path / "missing"), "m.parquet"]) == "classification"


@pytest.mark.parametrize("text", ["a: [", "\xff"])
def test_a_recipe_that_is_no_yaml_is_named(tmp_path: Path, text: str) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_bytes(text.encode("latin1"))
    with pytest.raises(InputError, match=r"recipe\.yaml: cannot be read"):
        task_of_recipe(recipe)
