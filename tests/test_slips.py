"""Slips on a command line: what is wrong is said in a line, with the nearest word that would be right."""

import pytest

from sceneproof import cli
from sceneproof.arguments import parse
from sceneproof.errors import InputError
from sceneproof.labelling.humans_command import label_humans
from sceneproof.slips import told_plainly
from sceneproof.train import train


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
    message = "the following arguments are required: table, root"
    assert told_plainly(message, ["--root"], {}) == "the following arguments are required: table, --root"


def test_what_is_like_nothing_is_told_without_a_guess() -> None:
    with pytest.raises(InputError, match="no class 'qqqqqq'\n"):
        parse(train, ["m", "o", "--method", "qqqqqq"], "train")
    assert told_plainly("unrecognized arguments: --zzz 1", ["--root"], {}) == "unrecognized arguments: --zzz 1"
    assert told_plainly("unrecognized arguments: extra", ["--root"], {}) == "unrecognized arguments: extra"


def test_a_flag_cut_short_to_what_a_list_begins_with_is_told_in_full() -> None:
    message = "ambiguous option: --split could match --splits, --splits+"
    assert told_plainly(message, ["--splits", "--splits+"], {}) == "unrecognized arguments: --split; nearest: --splits"


def test_a_command_that_is_misspelt_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in [(["mal", "o"], "'mal'; nearest: mall"), (["index", "tabel"], "'index tabel'; nearest: index")]:
        with pytest.raises(SystemExit) as stop:
            cli.main(words)
        assert stop.value.code == 2
        assert f"no command {said}" in capsys.readouterr().err.splitlines()[-1]
