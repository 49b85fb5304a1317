"""Flags as people type them, and what messages call them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sceneproof import cli
from sceneproof.arguments import parse
from sceneproof.labelling.scenes_command import label_scenes_command
from sceneproof.train import train
from sceneproof.words import as_typed, normalised, spelled_out

PLACES = "sceneproof.labelling.places365_resnet.Places365ResNet"


@dataclass(frozen=True)
class Grouped:
    """Options.

    Attributes:
        in_memory: a switch.
        inner_most: one that may be left to the command.
    """

    in_memory: bool = False
    inner_most: bool | None = None


def several(first: Path, second: Path, *, memory: bool = False, inner_most: bool | None = None, warm_up: int = 0,
            group_of: Grouped = Grouped()) -> None:  # fmt: skip
    """A command.

    Args:
        first: the first.
        second: the second.
        memory: a switch.
        inner_most: one that may be left to the command.
        warm_up: epochs.
        group_of: a group.
    """


def test_hyphens_and_underscores_are_one_flag_wherever_they_stand() -> None:
    for words in (
        ["--optimisation.warm-up-epochs", "3", "--freeze-backbone"],
        ["--optimisation.warm_up_epochs=3", "--freeze_backbone"],
        ["--optimisation.warm-up_epochs=3", "--freeze_backbone=true"],
    ):
        made = parse(train, ["m", "o", *words], "train")
        assert (made["optimisation"].warm_up_epochs, made["freeze_backbone"]) == (3, True)
    made = parse(train, ["m", "o", "--method", "SDN", "--method.scene-weight", "0.25"], "train")
    assert made["method"].init_args["scene_weight"] == 0.25


def test_values_keep_their_hyphens() -> None:
    words = ["a-b", "--out-file=x-y_z", "--name", "c-d", "-0.5", "--a-b=--c-d", "--", "---x-y", "--é-è"]
    said = ["a-b", "--out_file=x-y_z", "--name", "c-d", "-0.5", "--a_b=--c-d", "--", "---x-y", "--é_è"]
    assert normalised(words) == said


@pytest.mark.parametrize("flag", ["--memory", "--inner-most", "--group_of.in-memory", "--group-of.inner_most"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_switch_does_not_swallow_what_follows(flag: str, place: int) -> None:
    key, _, field = flag.removeprefix("--").replace("-", "_").partition(".")

    def switched(*behind: str) -> Any:
        words = ["a", "b"]
        words[place:place] = [flag, *behind]
        made = parse(several, words, "several")
        assert (made["first"], made["second"]) == (Path("a"), Path("b"))
        return getattr(made[key], field) if field else made[key]

    assert switched() is True
    assert switched("true") is True
    assert switched("True") is True
    assert switched("false") is False
    if "most" in flag:
        assert switched("null") is None


def test_a_switch_of_a_class_does_not_swallow_what_follows() -> None:
    for words in (
        ["--labeller.download", "m", "o"],
        ["--labeller", "HuggingFaceScenes", "--labeller.model", "m/m", "--labeller.download", "m", "o"],
        [
            "--labeller.init-args.download",
            "m",
            "--labeller",
            "sceneproof.labelling.places365_resnet.Places365ResNet",
            "o",
        ],
    ):
        made = parse(label_scenes_command, words, "label scenes")
        assert (str(made["manifest"]), str(made["out"])) == ("m", "o")
        assert made["labeller"].init_args["download"] is True
    made = parse(label_scenes_command, ["--labeller.download", "false", "m", "o"], "label scenes")
    assert made["labeller"].init_args["download"] is False


def test_what_follows_two_hyphens_is_no_flag() -> None:
    hints: dict[str, Any] = {"files": Sequence[Path], "quiet": bool}
    assert spelled_out(["--quiet", "--", "a", "b"], hints, ["files"]) == ['["a", "b"]', "--quiet=true"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--optimisation.warm-up-epochs", "long"], "--optimisation.warm-up-epochs:"),
        (["--optimisation.warm_up_epochs", "long"], "--optimisation.warm_up_epochs:"),
        (["--optimisation.warm-up-epochs=-3"], "--optimisation.warm-up-epochs: must be at least 0"),
        (["--freeze-backbonee"], "--freeze-backbonee"),
        (["--freeze_backbonee"], "--freeze_backbonee"),
        (["--method", "SDN", "--method.scene-wait", "1"], "--method.scene-wait is not accepted"),
        (["--method", "SDN", "--method.scene-weight", "much"], "--method.scene-weight:"),
        (["--validation-clips", "few"], "--validation-clips:"),
        (["--task.clip.lenkth=8"], "--task.clip.lenkth"),
        (["--task", "Localization", "--task.buffer.frame-rate", "x"], "--task.buffer.frame-rate"),
    ],
)
def test_errors_name_the_flag_as_it_was_typed(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "m.parquet", "o", *words])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


def test_messages_of_commands_name_flags_as_they_were_typed() -> None:
    message = "--fail-if 'scene_error > 1': cannot be read; runs/a--fail-if and --dry-run stay"
    assert as_typed(message, ["--fail_if=x"]) == message.replace("--fail-if '", "--fail_if '")
    assert as_typed("--fail_if: no", ["--fail-if", "x"]) == "--fail-if: no"
    assert as_typed("no --fail-if. No", []) == "no --fail-if. No"
    assert as_typed("--fail-iff", ["--fail_if"]) == "--fail-iff"
    assert as_typed("give --share", ["--detector.share"]) == "give --share"
    assert as_typed("share: above 0", ["--detector.share"]) == "share: above 0"
    assert as_typed('Parser key "share": no', ["--detector.share"]) == "--detector.share: no"


def test_help_shows_hyphens(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["--method.help", "SDN"]):
        with pytest.raises(SystemExit):
            parse(train, words, "train")
    told = capsys.readouterr().out
    assert "--optimisation.warm-up-epochs WARM_UP_EPOCHS" in told
    assert "--method.scene-weight" in told
    assert "--print-config[=flags]" in told
    assert "--trust TRUST …" in told
    assert "--trust+" not in told
    assert "\b" not in told
    assert "--optimisation.warm_up" not in told
    assert "`--alpha_hm`" in told  # of the authors' own command


def test_a_list_that_may_be_a_file_takes_one_word_as_that() -> None:
    hints = {"names": Sequence[str] | str | Path | None, "splits": Sequence[str]}
    assert spelled_out(["--names", "names.txt", "--splits", "test"], hints, []) == [
        "--names=names.txt",
        '--splits=["test"]',
    ]
    assert spelled_out(["--names", "a", "b"], hints, []) == ['--names=["a", "b"]']
