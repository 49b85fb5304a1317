from pathlib import Path

import pytest

from sceneproof.commands import options_of, task_of_recipe, task_of_words
from sceneproof.errors import InputError
from sceneproof.report import page_of
from sceneproof.tasks import Classification, Detection, Localization, Task


@pytest.mark.parametrize("kind", [Classification, Detection, Localization])
def test_every_task_has_its_page_and_its_defaults(kind: type[Task]) -> None:
    task = kind()
    page = page_of(task)
    assert page.study.task == task.name
    assert options_of("report", task) is page.options
    assert options_of("evaluate", task) is task.testing
    assert task.defaults().keys() == {"task", "backbone", "method", "optimisation"}
    assert task.options({}).settings()
    with pytest.raises(InputError, match=f"evaluate: {task.name} has no option 'nonesuch'"):
        task.options({"nonesuch": 1})


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(InputError, match="no task 'dancing'; there are: Classification, Detection, Localization"):
        task_of_words(["--task", "dancing"])


def test_the_task_is_that_of_the_flag_the_recipe_or_the_run(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("task: localization\nbuffer: {length: 800}\n")
    plain = tmp_path / "plain.yaml"
    plain.write_text("seed: 1\n")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("task: localization\nseed: 0\n")

    def name(*words: str) -> str:
        return task_of_words(words).name

    assert name() == "classification"
    assert name("m.parquet", "out", "--task", "localization") == "localization"
    assert name("m.parquet", "out", "--task=Localization") == "localization"
    assert name("m.parquet", "out", f"--config={recipe}") == "localization"
    assert name("m.parquet", "out", "--config", str(plain)) == "classification"
    assert name("--task", "classification", "--config", str(recipe)) == "classification"
    assert name(str(run), "m.parquet") == "localization"
    assert name(str(recipe), "m.parquet", "out") == "localization"  # of a study
    assert name(str(tmp_path / "missing"), "m.parquet") == "classification"
    task = task_of_recipe(recipe)
    assert isinstance(task, Localization)
    assert task.buffer.length == 800


@pytest.mark.parametrize("text", ["a: [", "\xff"])
def test_a_recipe_that_is_no_yaml_is_named(tmp_path: Path, text: str) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_bytes(text.encode("latin1"))
    with pytest.raises(InputError, match=r"recipe\.yaml: cannot be read"):
        task_of_recipe(recipe)
