"""Runs of an older commit, kept in `stored`, open with today's code, and all their figures come out as they did.

`stored/made.json` names the commit; `make.py` says how they were made, `comparing.py` how near numbers must be. Only
the command line and the files that it writes are used here, so that nothing inside the package is held fast.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from torch import Tensor

from sceneproof import cli
from sceneproof.contexts.variants import CONFLICT
from tests.before import commands
from tests.before.commands import CLASSES, HALF, MODELS, STORED
from tests.before.comparing import EXACT, differences, json_differences, read_lines, read_rows, table_differences

WORDING = ("sceneproof", "settings", "headline", "notes", "meaning", "words")
"""What JSON files say in sentences, or repeat of the command: no figure, and free to be said in other words."""
LOSSES = 2e-3
"""How far apart losses may be once the weights have moved: each step hands on, and may stretch, the rounding before."""
TAKEN_OUT = ("human_inpainted", "self_paste", "swap_random", "swap_close", "swap_far", "swap_same")
"""Variants whose people are taken out, or that stand where somebody was: since then no hole shows their shape."""
OF_SWAPS = ("human_accuracy", "scene_error", "names_neither", "scene_reliance", "scene_cost", "cutting_cost")
"""Figures of these."""
NEW = ("hole_leak", CONFLICT, f"top1_{CONFLICT}", f"survives_{CONFLICT}")
SINCE = {"rc3d": ("AR",)}
"""Figures that are counted otherwise since then: average recall, after suppression at each tIoU."""
KINDS = ("plain", "rc3d", "ssd")
"""A recipe of each task."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what is stored, in which the test runs."""
    shutil.copytree(STORED, tmp_path / "stored")
    monkeypatch.chdir(tmp_path / "stored")
    return tmp_path / "stored"


def changes(recipe: str, out: str = "again") -> list[str]:
    """Tests a stored run anew and says what is not as it was."""
    cli.main(commands.testing(recipe, "--out", out))
    before, now = STORED / MODELS[recipe].run / "evaluation", Path(out)
    without = (*WORDING, *SINCE.get(recipe, ()))
    found = json_differences(before / "metrics.json", now / "metrics.json", without=without)
    for name in MODELS[recipe].tables:
        found += table_differences(before / name, now / name, ordered=MODELS[recipe].tables == ("predictions.parquet",))
    return found


@pytest.mark.parametrize("recipe", MODELS)
def test_predictions_and_figures_are_as_they_were(recipe: str) -> None:
    assert not changes(recipe)


@pytest.mark.parametrize("recipe", KINDS)
def test_other_weights_are_seen(recipe: str) -> None:
    file = Path(MODELS[recipe].run) / "weights.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if "head" in name and name.endswith("weight"))
    save_file({**weights, name: weights[name] * 1.05}, file)
    assert changes(recipe)


@pytest.mark.parametrize("recipe", MODELS)
def test_the_first_epoch_has_the_losses_it_had(recipe: str) -> None:
    cli.main(commands.training(recipe, "anew", "--optimisation.epochs", "1"))
    now, before = read_lines(Path("anew/metrics.jsonl")), read_lines(STORED / MODELS[recipe].run / "metrics.jsonl")
    assert [line["step"] for line in now] == [line["step"] for line in before[: len(now)]]
    assert len(now) >= 3
    assert not differences(before[0], now[0])
    assert not differences(before[: len(now)], now, nearly=LOSSES)


def test_other_labels_give_other_losses() -> None:
    rows = Path("classes/boxes.csv").read_text().replace("bend_train0.mp4,train,bend", "bend_train0.mp4,train,run")
    Path("classes/boxes.csv").write_text(rows)
    cli.main(["index", "table", "classes/boxes.csv", "classes", "--root", "classes/videos", "--workers", "1"])
    cli.main(commands.training("plain", "anew", "--optimisation.epochs", "1"))
    before = read_lines(STORED / MODELS["plain"].run / "metrics.jsonl")
    now = read_lines(Path("anew/metrics.jsonl"))
    assert differences(before[: len(now)], now, nearly=LOSSES)


def test_a_run_that_was_stopped_goes_on_to_the_same_end() -> None:
    kept = read_lines(Path(HALF) / "metrics.jsonl")
    before = read_lines(STORED / MODELS["sdn"].run / "metrics.jsonl")
    assert list(Path(HALF, "checkpoints").iterdir())
    assert len(kept) < len(before)
    cli.main(commands.training("sdn", HALF))
    now = read_lines(Path(HALF) / "metrics.jsonl")
    assert now[: len(kept)] == kept, "it goes on, and does not begin anew"
    assert not differences(before, now, nearly=LOSSES)
    weights, others = (load_file(run / "weights.safetensors") for run in (STORED / MODELS["sdn"].run, Path(HALF)))
    assert not differences(_lists(weights), _lists(others), nearly=LOSSES)


def _lists(tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {name: tensor.tolist() for name, tensor in tensors.items()}


def test_a_study_that_is_done_is_neither_trained_nor_tested_again() -> None:
    runs = [Path(MODELS[recipe].run) for recipe in ("plain", "sdn")]
    files = [run / name for run in runs for name in ("weights.safetensors", "metrics.jsonl", "evaluation/metrics.json")]
    before = [(file.stat().st_mtime_ns, file.read_bytes()) for file in files]
    Path(commands.RESULTS).unlink()
    cli.main(commands.study())
    assert [(file.stat().st_mtime_ns, file.read_bytes()) for file in files] == before
    old = {
        (row["recipe"], row["seed"], _today(row["metric"])): row["ours"] for row in read_rows(STORED / commands.RESULTS)
    }
    now = {(row["recipe"], row["seed"], row["metric"]): row["ours"] for row in read_rows(Path(commands.RESULTS))}
    assert len(now) > 80
    assert not differences(
        {str(key): value for key, value in old.items() if key[2]}, {str(key): now[key] for key in now}
    )
    assert not table_differences(STORED / "study/report.csv", Path("study/report.csv"), ordered=False)


def _today(metric: str) -> str:
    """What results.csv calls a figure since there are tables of figures: its split first; "" for what these count."""
    if metric.endswith(("/videos", "/count", "_interval/value")):
        return ""
    return re.sub(r"^(scene_leakage|representation_bias)/(.+)/(\w+)$", r"\2/\1/\3", metric.replace("_interval/", "/"))


def test_an_audit_is_as_it_was() -> None:
    cli.main(commands.audit("plain", "again"))
    before, now = STORED / "audits/plain", Path("again")
    for name, column in (("audit.parquet", "variant"), ("audit.csv", "figure")):
        old, new = (_untouched(read_rows(folder / name), column) for folder in (before, now))
        assert len(old) > 40, "what is compared"
        assert not differences(old, new, where=name)
    told = read_rows(before / "audit.csv")
    other = [row["figure"] for row in told if row not in _untouched(told, "figure")]
    without = [*WORDING, *TAKEN_OUT, *other, "pull", "missing"]
    assert not json_differences(before / "audit.json", now / "audit.json", without=without)


def _untouched(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """The rows that no clip has a say in whose people were taken out; new figures stand at their end."""
    kept = [row for row in rows if not any(word in row[column] for word in (*TAKEN_OUT, *OF_SWAPS))]
    return [_without_stills(row) for row in kept if row[column] not in NEW]


def _without_stills(row: dict[str, Any]) -> dict[str, Any]:
    """The row without what is kept of stills since shortcuts are looked for among them."""
    return {**row, "features": None} if row.get("variant") == "frozen" else row


def test_audits_are_compared_as_they_were() -> None:
    cli.main(commands.compare("again.html"))
    assert not json_differences(STORED / "compare.json", Path("again.json"), without=WORDING)


@pytest.mark.parametrize(
    ("command", "folder_of", "name"),
    [(commands.localize, "localized", "test0"), (commands.detect, "detected", "bend_test0")],
)
def test_one_video_is_answered_as_it_was(command: Callable[[str], list[str]], folder_of: str, name: str) -> None:
    cli.main(command("again"))
    for suffix, differ in ((".csv", table_differences), (".json", json_differences)):
        before, now = STORED / folder_of / f"{name}{suffix}", Path("again") / f"{name}{suffix}"
        assert len(before.read_text()) > 150, "something was found"
        assert not differ(before, now)


def test_tables_of_boxes_and_segments_are_found_right(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["index", "check", CLASSES, "--boxes", "classes/boxes.parquet"])
    cli.main(["index", "check", "untrimmed/manifest.parquet"])
    assert capsys.readouterr().out.count("problems: 0") == 2


def test_what_is_compared_can_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EXACT, raising=False)
    before = {"name": "a", "count": 3, "share": 0.5, "nothing": None, "list": [0.1, 0.2]}
    assert not differences(before, {**before, "share": 0.50001, "more": 1})
    others = {"name": "b", "count": 4, "share": 0.501, "nothing": 0.0, "list": [0.1]}
    for key, value in others.items():
        assert differences(before, {**before, key: value}), key
    assert differences(before, {key: value for key, value in before.items() if key != "name"}) == ["/name: gone"]
    assert differences({"a": 1}, {"a": True})
    lines = ["action,score", "run,0.5", "run,0.4", "bend,0.4"]
    for number, changed in enumerate((
        lines[:3], [*lines[:3], "wave,0.4"], [*lines[:3], "bend,0.41"], [lines[0], lines[1], lines[1], lines[3]]
    )):  # fmt: skip
        (tmp_path / "before.csv").write_text("\n".join(lines))
        (tmp_path / f"{number}.csv").write_text("\n".join(changed))
        assert table_differences(tmp_path / "before.csv", tmp_path / f"{number}.csv", ordered=False)
    (tmp_path / "turned.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]))
    assert not table_differences(tmp_path / "before.csv", tmp_path / "turned.csv", ordered=False)
    assert table_differences(tmp_path / "before.csv", tmp_path / "turned.csv")


def test_what_is_stored_stays_small() -> None:
    assert sum(path.stat().st_size for path in STORED.rglob("*") if path.is_file()) < 1_500_000
    assert len(json.loads((STORED / "made.json").read_text())["commit"]) == 40
