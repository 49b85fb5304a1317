"""Which class is which action."""

from pathlib import Path

import pytest

from sceneproof.audit.naming import class_table, plain
from sceneproof.errors import InputError

CLASSES = ["jumping jack", "Running", "swim, front crawl", "café visit", "swim back"]


def mapping(folder: Path, text: str, name: str = "map.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    "name", ["apply eye makeup", "Apply_Eye-Makeup", "ApplyEyeMakeup", "APPLY EYE MAKEUP ", "Ápply eye makeup"]
)  # fmt: skip
def test_spelling_alone_does_not_matter(name: str) -> None:
    assert class_table([name, "other"], ["apply eye makeup"]).action_of.tolist() == [0, -1]


def test_words_are_not_stemmed() -> None:
    assert plain("running") != plain("run")
    with pytest.raises(InputError, match="1 action of the manifest is no class"):
        class_table(["applying"], ["ApplyEyeMakeup"])


def test_classes_are_numbered_by_sorted_actions() -> None:
    naming = class_table(CLASSES, ["running", "cafe_visit"])
    assert naming.actions == ["cafe_visit", "running"]
    assert naming.action_of.tolist() == [-1, 1, -1, 0, -1]
    assert naming.left_out == []


def test_an_exact_name_is_taken_before_one_that_is_spelled_alike() -> None:
    assert class_table(["Run", "run"], ["run"]).action_of.tolist() == [-1, 0]
    with pytest.raises(InputError, match=r"'RUN': the model has several .*'Run' \(number 0\), 'run' \(number 1\)"):
        class_table(["Run", "run"], ["RUN"])
    # where no action has that name, it is nobody's trouble
    assert class_table(["Run", "run", "jump"], ["jump"]).action_of.tolist() == [-1, -1, 0]


def test_several_classes_may_be_one_action(tmp_path: Path) -> None:
    file = mapping(tmp_path, 'action,class\nswim,"swim, front crawl"\nswim,Swim Back\n')
    assert class_table(CLASSES, ["swim", "running"], file).action_of.tolist() == [-1, 0, 1, -1, 1]


@pytest.mark.parametrize(("name", "text"), [
    ("map.csv", 'action,class\nswim,"swim, front crawl"\nswim,swim back\nfly,\n'),
    ("map.csv", '\ufeffclass,note,action\n"swim, front crawl",x,Swim\nswim back,x,swim\n,x,fly\n'),
    ("map.yaml", 'swim: ["swim, front crawl", swim back]\nfly: null\n'),
    ("map.yml", 'swim:\n  - swim, front crawl\n  - swim back\nfly: []\n'),
    ("map.yml", 'swim: ["swim, front crawl", swim back]\nfly:\n'),
])  # fmt: skip
def test_a_mapping_comes_first_in_every_form(tmp_path: Path, name: str, text: str) -> None:
    naming = class_table(CLASSES, ["swim", "fly", "running"], mapping(tmp_path, text, name))
    assert (naming.actions, naming.left_out) == (["running", "swim"], ["fly"])
    assert naming.action_of.tolist() == [-1, 0, 1, -1, 1]


def test_yaml_truths_are_names(tmp_path: Path) -> None:
    assert class_table(["off"], ["on"], mapping(tmp_path, "on: off\n", "map.yaml")).action_of.tolist() == [0]


def test_unmatched_actions_are_listed_with_near_classes_and_the_form() -> None:
    with pytest.raises(InputError) as caught:
        class_table(CLASSES, ["runing", "zzz", "jumping jack"])
    said = str(caught.value)
    assert "2 actions of the manifest are no class of the model (5 classes" in said
    assert "'runing': near are 'Running'" in said
    assert "'zzz'\n" in said
    assert said.endswith("  action,class\n  runing,Running")


def test_many_unmatched_actions_are_counted() -> None:
    with pytest.raises(InputError, match="and 5 more"):
        class_table(CLASSES, [f"{letter * 4}" for letter in "bcdefghijklmopq"])


@pytest.mark.parametrize(("name", "text", "message"), [
    ("m.csv", "action,class\nswim,swim back\nruning,Running\n", r"line 3: the manifest has no action 'runing'"),
    ("m.csv", "action,class\nswim,swim bak\n", r"line 2: the model has no class 'swim bak'; near are 'swim back'"),
    ("m.csv", "action,class\nswim,swim, front crawl\n", "line 2: more values than columns"),
    ("m.csv", 'action,class\nswim,"swim back\n', "line 2: not CSV"),
    ("m.csv", "one,two\n", "the columns are: one, two"),
    ("m.csv", "", "the columns are: none"),
    ("m.csv", "action,class\n,swim back\n", "line 2: the manifest has no action ''"),
    ("m.csv", "action,class\nswim,\nswim,swim back\n", "line 3: 'swim' is left out, and has a class"),
    ("m.yaml", "swim: swim back\nfly: nothing\n", "line 2: the manifest has no action 'fly'"),
    ("m.yaml", "swim:\n  - swim back\n  - swim bak\n", "line 3: the model has no class 'swim bak'"),
    ("m.yaml", "swim: {a: b}\n", "line 1: expected action: class"),
    ("m.yaml", "- swim\n", "expected action: class, a line each"),
    ("m.yaml", "swim: [\n", "not YAML"),
    ("m.csv", "action,class\nswim,\nrunning,\n", "no action is left"),
])  # fmt: skip
def test_bad_mappings_name_the_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        class_table(CLASSES, ["swim", "running"], mapping(tmp_path, text, name))


def test_a_missing_mapping(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        class_table(CLASSES, ["running"], tmp_path / "none.csv")


def test_a_class_of_two_actions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the class 'Running' is of two actions, 'jog' and 'running'"):
        class_table(CLASSES, ["running", "jog"], mapping(tmp_path, "action,class\njog,running\n"))
