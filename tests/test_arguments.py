from collections.abc import Sequence
from pathlib import Path

import pytest

from sceneproof.arguments import parse
from sceneproof.commands import task_of_recipe
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.labelling.scenes_command import label_scenes_command
from sceneproof.methods import SDN
from sceneproof.report import report
from sceneproof.run import task_of
from sceneproof.spec import Spec
from sceneproof.tasks import Classification
from sceneproof.train import train


def several(files: Sequence[Path], out: Path, *, splits: Sequence[str] = ("test",), quiet: bool = False) -> None:
    """A command with a list in front.

    Args:
        files: some.
        out: where to.
        splits: which.
        quiet: no noise.
    """


def test_lists_and_switches_are_written_as_people_type_them() -> None:
    made = parse(several, ["a", "b", "c", "--splits", "x", "y", "--quiet"], "several")
    assert made == {"files": [Path("a"), Path("b")], "out": Path("c"), "splits": ["x", "y"], "quiet": True}
    assert parse(several, ["--quiet", "false", "--splits=[x,y]", "a", "c"], "several")["splits"] == ["x", "y"]
    assert parse(several, ["--quiet=false", "--splits=x", "a", "c"], "several")["splits"] == ["x"]
    assert parse(report, ["run", "--splits=null"], "report")["splits"] is None


def test_lists_and_switches_inside_a_group_too() -> None:
    words = ["m", "o", "--clip.scales", "1.0", "0.9", "--optimisation.trackers", "wandb", "--optimisation.compile"]
    made = parse(train, words, "train")
    assert task_of(made["task"]).config()["init_args"]["clip"]["scales"] == [1.0, 0.9]
    assert made["optimisation"].trackers == ("wandb",)
    assert made["optimisation"].compile is True
    assert parse(train, ["m", "o", "--optimisation.trackers=[]"], "train")["optimisation"].trackers == ()


def test_switches_of_a_class_too() -> None:
    words = ["m", "o", "--labeller.download", "--labeller", "Places365ResNet", "--labeller.depth", "18"]
    made = parse(label_scenes_command, words, "label scenes")["labeller"]
    assert (made.init_args["download"], made.init_args["depth"]) == (True, 18)
    alone = parse(label_scenes_command, ["m", "o", "--labeller.download"], "label scenes")["labeller"]
    assert alone.class_path.endswith(".Places365ResNet")
    assert alone.init_args["download"] is True


def test_classes_become_specs_with_all_their_arguments() -> None:
    made = parse(train, ["m", "o", "--method", "SDN", "--method.scene_weight", "0.25", "--clip.length", "8"], "train")
    assert isinstance(made["method"], Spec)
    assert made["method"].init_args["scene_weight"] == 0.25
    assert made["method"].config(positional=2) == Spec(f"{SDN.__module__}.SDN", {"scene_weight": 0.25}).config(
        positional=2
    )
    assert task_of(made["task"]).config()["init_args"]["clip"]["length"] == 8


def test_an_option_inside_of_the_task_can_be_set_to_nothing() -> None:
    made = parse(train, ["m", "o", "--task.clip.stride", "null", "--task.clip.length", "3"], "train")
    assert task_of(made["task"]).config()["init_args"]["clip"]["stride"] is None
    made = parse(train, ["m", "o", "--task", "Localization", "--task.buffer.rate=null"], "train")
    assert task_of(made["task"]).config()["init_args"]["buffer"]["rate"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["m"], "out"),
        (["m", "o", "--method", "SDN", "--method.foo", "1"], "'foo' is not accepted"),
        (["m", "o", "--sed", "1"], "--sed"),
        (["m", "o", "--clip.length", "long"], "clip.length"),
        (["m", "o", "--optimisation.optimizer", "adam"], "sgd"),
        (["m", "o", "--config", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse(train, words, "train")


def test_a_config_file_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("optimisation:\n  learning_rate: 1\n")
    with pytest.raises(InputError, match="learning_rate"):
        parse(train, ["m", "o", "--config", str(tmp_path / "recipe.yaml")], "train")


@pytest.mark.parametrize(
    "recipe", sorted((Path(__file__).parents[1] / "recipes").glob("*/*.yaml")), ids=lambda path: path.stem
)
def test_every_recipe_is_valid(recipe: Path) -> None:
    task = task_of_recipe(recipe)
    made = parse(train, ["m", "o", "--config", str(recipe)], "train", task=task)
    assert made["method"].config(positional=2, kind=task.network)
    assert type(task_of(made["task"])) is type(task)


def test_help_tells_each_argument_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(evaluate, ["--help"], "sceneproof evaluate", task=Classification())
    assert stop.value.code == 0
    assert " ".join(capsys.readouterr().out.split()).count("every non-overlapping clip") == 1


def test_a_spec_of_what_cannot_be_imported_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be written"):
        Spec.of(lambda: 1)
    with pytest.raises(InputError, match="cannot be imported"):
        Spec("no.such.Thing")()
    with pytest.raises(InputError, match="unknown key 'depht'; it takes: depth"):
        Spec("sceneproof.backbones.ResNet3D", {"depht": 18})()
