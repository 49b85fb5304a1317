"""`sceneproof audit` from the command line, on a small world."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from benchmarks.calibration import ACTIONS, make_world

from sceneproof import cli
from sceneproof.audit import audit
from sceneproof.audit.command import refuse
from sceneproof.audit.conditions import Condition
from sceneproof.audit.figures import CATALOG
from sceneproof.audit.scoring import Scorer
from sceneproof.audit.table import AuditTable
from sceneproof.correction import Remedy
from sceneproof.data.tables import read_table
from sceneproof.errors import InputError
from sceneproof.figures import read_figures
from sceneproof.files import read_json
from sceneproof.pages.comparison import compare
from sceneproof.results import read_results
from tests.training import Small
from tests.videos import BROKEN

SOME = ("human_filled", "swap_random", "swap_same", "self_paste", "shuffled")
PERSON = "benchmarks.calibration:person_only"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    (folder / "names.txt").write_text("\n".join(ACTIONS))
    return make_world(folder, each=4)


def words(world: Path, out: Path, *more: str, model: str = PERSON, masks: str = "masks.parquet") -> list[str]:
    """A command line."""
    names = ["--names", str(world.parent / "names.txt")] if model == PERSON else []
    people = ["--humans", str(world.parent / masks)] if masks else []
    return ["audit", model, str(world), "--out", str(out), *names, *people, "--shown", "0", *more]


def test_one_page_one_json_and_the_tables(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    kept = ["--results", str(tmp_path / "results.csv"), "--title", "tiny"]
    cli.main(words(world, out, "--workers", "0", "--shown", "1", *kept, "--variants", *SOME))
    said = capsys.readouterr().out
    assert "survive when the person is painted over" in said
    assert "audit.html" in said
    told = read_json(out / "audit.json")
    assert set(told["figures"]) == set(CATALOG)
    assert told["figures"]["scene_error"]["value"] == 0
    assert told["figures"]["top1_scene_grey"]["missing"] == "scene_grey was not asked for"
    assert "swap_random" in (out / "audit.html").read_text()
    listed = pd.read_csv(out / "audit.csv")
    assert listed.set_index("figure").loc["top1", "value"] == 1
    rows = {(one.recipe, one.metric): one.ours for one in read_results(tmp_path / "results.csv")}
    assert rows["audit/tiny", "top1"] == rows["audit/tiny", "top1/high"] == "1"
    assert ("audit/tiny", "top1_scene_grey") not in rows
    table = AuditTable.read(out)
    assert table.variants == ["original", *(name for name in SOME)]
    assert not (out / ".answers").exists()
    figures = {(figure.slice, figure.metric): figure for figure in read_figures(out / "figures.parquet")}
    assert figures["", "scene_error"].value == 0
    assert figures["", "top1_scene_grey"].detail == "scene_grey was not asked for"
    assert Remedy.read(out / "remedy.json").alpha == figures["corrected", "alpha"].value
    assert figures["corrected", "top1"].value == 1, "a model of the person loses nothing"
    assert "What to do" in (out / "audit.html").read_text()


@pytest.mark.processes
def test_the_same_figures_on_any_number_of_processes_and_any_batch(world: Path, tmp_path: Path) -> None:
    run = Small.make(tmp_path / "small").train(tmp_path / "run", optimisation={"epochs": 1})
    (tmp_path / "map.csv").write_text(
        "action,class\n" + "".join(f"{action},{name}\n" for action, name in zip(ACTIONS, run.actions, strict=False))
    )
    left = "".join(f"{action},\n" for action in ACTIONS[len(run.actions) :])
    with (tmp_path / "map.csv").open("a") as file:
        file.write(left)
    mapping = ["--mapping", str(tmp_path / "map.csv"), "--clips", "2", "--variants", *SOME, "--device", "cpu"]
    tables, figures = {}, {}
    for name, more in {"0": ["--batch", "1"], "2": []}.items():
        out = tmp_path / name
        cli.main(words(world, out, "--workers", name, *more, *mapping, "--quiet", model=str(run.path)))
        tables[name] = AuditTable.read(out)
        figures[name] = read_json(out / "audit.json")["figures"]
    assert figures["0"]["on_person"]["value"] is not None
    plain = ["video", "variant", "problem", "background", "note"]
    pd.testing.assert_frame_equal(tables["0"].rows[plain], tables["2"].rows[plain])
    assert (tables["0"].predicted(tables["0"].rows) == tables["2"].predicted(tables["2"].rows)).all()
    for name, figure in figures["0"].items():
        for end in ("value", "low", "high"):  # the last bits of a network's sums differ between batches
            assert figures["2"][name][end] == pytest.approx(figure[end], abs=1e-4), name


def test_a_stopped_audit_goes_on(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    command = words(world, whole, "--workers", "0", "--variants", *SOME, "--quiet")
    monkeypatch.setattr("sceneproof.audit.collecting.AT_ONCE", 4)
    cli.main(command)
    before, scored = Scorer.rows, []

    def rows(self: Scorer, video: str) -> object:
        scored.append(video)
        if len(scored) == 10:
            raise KeyboardInterrupt
        return before(self, video)

    monkeypatch.setattr(Scorer, "rows", rows)
    command[command.index(str(whole))] = str(out)
    with pytest.raises(SystemExit) as ended:
        cli.main(command)
    assert ended.value.code == 130
    cli.main(command)
    assert len(scored) == 10 + 16 - 8, "two lots of four were kept"
    assert (out / "audit.parquet").read_bytes() == (whole / "audit.parquet").read_bytes()


def test_other_settings_start_anew(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("sceneproof.audit.conducting.measure", _interrupted)
        with pytest.raises(SystemExit):
            cli.main(words(world, out, "--workers", "0", "--variants", "shuffled"))
    assert (out / ".answers").is_dir()
    cli.main(words(world, out, "--workers", "0", "--variants", "frozen", "--quiet"))
    assert AuditTable.read(out).variants == ["original", "frozen"]


def _interrupted(*given: object, **named: object) -> None:
    raise KeyboardInterrupt


def test_conditions_for_a_pipeline(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conditions = ["--fail_if", "scene_error > 0.2", "top1 >= 0.9"]
    with pytest.raises(SystemExit) as ended:
        cli.main(words(world, tmp_path, "--workers", "0", "--variants", *SOME, *conditions, "--quiet"))
    assert ended.value.code == 3
    said = capsys.readouterr().err
    assert "top1" in said
    assert "scene_error" not in said, "which does not hold"
    assert (tmp_path / "audit.html").is_file(), "the page is there to look at"
    figures = {figure.metric: figure for figure in read_figures(tmp_path / "figures.parquet") if not figure.slice}
    refuse([Condition.parse("scene_error > 0.2", CATALOG)], figures)
    with pytest.raises(InputError, match="scene_reliance_far"):
        refuse([Condition.parse("scene_reliance_far < 1", CATALOG)], figures)


def test_a_wrong_condition_is_told_before_anything_long(world: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words(world, tmp_path / "out", "--fail_if", "scene_eror > 1"))
    assert ended.value.code == 2
    assert not (tmp_path / "out").exists()


def test_videos_without_people_or_pixels_are_told_and_left_out(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "world"
    shutil.copytree(world.parent, folder)
    videos = sorted((folder / "videos").iterdir())
    videos[0].unlink()
    BROKEN["not a video"](videos[0])
    masks, _ = read_table(folder / "masks.parquet", "masks", ("video",))
    masks[masks["video"] != videos[1].stem].to_parquet(folder / "masks.parquet")
    out = tmp_path / "out"
    cli.main(words(folder / "manifest.parquet", out, "--workers", "1", "--variants", *SOME))
    told = read_json(out / "audit.json")
    figures = told["figures"]
    assert figures["top1"]["videos"] == 16
    assert figures["top1"]["value"] == 15 / 16, "unreadable: missed"
    assert figures["top1_human_filled"]["videos"] == 14
    assert "1 video could not be read" in " ".join(told["notes"])
    reasons = {row["reason"] for row in told["missing"] if row["variant"] == "human_filled"}
    assert any("cannot be read" in reason for reason in reasons)
    assert "nobody is known to be in its frames" in reasons


def test_without_people_only_time_is_measured(world: Path, tmp_path: Path) -> None:
    cli.main(words(world, tmp_path, "--workers", "0", "--quiet", masks=""))
    figures = read_json(tmp_path / "audit.json")["figures"]
    assert figures["survives_shuffled"]["value"] == 1
    assert figures["scene_error"]["missing"] == "nobody is known to be in its frames"


def test_boxes_will_do(world: Path, tmp_path: Path) -> None:
    cli.main(words(world, tmp_path, "--workers", "0", "--quiet", "--variants", "swap_random", masks="boxes.parquet"))
    assert read_json(tmp_path / "audit.json")["figures"]["human_accuracy"]["value"] == 1


def test_a_dry_run_writes_nothing(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    cli.main(words(world, out, "--dry_run"))
    said = capsys.readouterr().out
    assert "16 videos of 4 actions in test" in said
    assert "people known in 16 of them" in said
    assert "in one process" in said
    assert not out.exists()


def failing(clip: object) -> list[float]:
    raise ZeroDivisionError("no reason")


def test_a_model_that_fails_is_told_in_a_line(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["--names", str(world.parent / "names.txt")]
    with pytest.raises(SystemExit) as ended:
        cli.main([
            *words(world, tmp_path, "--workers", "1", "--quiet", model="tests.audit.test_command:failing"), *names
        ])  # fmt: skip
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "failing: failed on a clip of 16x64x96x3: ZeroDivisionError: no reason" in said
    assert "Traceback" not in said


def test_classes_that_are_no_actions(world: Path, tmp_path: Path) -> None:
    known = {"actions": ["bend", "jump", "run", "flying"]}

    def model(clip: object) -> list[float]:
        return [0.1, 0.1, 0.1, 0.7]

    model.actions = known["actions"]  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"(?s)1 action of the manifest is no class of the model.*'wave'"):
        audit(model, world, tmp_path)
    (tmp_path / "map.yaml").write_text("wave: null\n")
    found = audit(model, world, tmp_path, mapping=tmp_path / "map.yaml", variants=["shuffled"])
    assert found.measures.value("top1") == 0, "it names a class that is no action"
    assert found.table.actions == ["bend", "jump", "run"]
    assert json.loads((tmp_path / "audit.json").read_text())["notes"][-1] == "Left out, as the mapping says: wave."
    only = audit(model, world, tmp_path, mapping=tmp_path / "map.yaml", variants=["shuffled"], among="audited")
    assert only.measures.value("top1") == pytest.approx(1 / 3), "bend, the first of three equal ones"


def test_two_audits_are_compared_on_the_same_clips(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = ("swap_random", "swap_same", "self_paste")
    for name in ("person", "scene"):
        model = f"benchmarks.calibration:{name}_only"
        names = ["--names", str(world.parent / "names.txt")]
        command = [*words(world, tmp_path / name, "--workers", "0", "--variants", *some, "--quiet", model=model)]
        cli.main([*command, *(names if model != PERSON else []), "--title", f"{name} <b>"])
    out = tmp_path / "compare.html"
    cli.main(["audit", "compare", str(tmp_path / "person"), str(tmp_path / "scene"), "--out", str(out)])
    said = capsys.readouterr().out
    assert "scene <b> leans more on the scene than person <b>" in said
    told = read_json(out.with_suffix(".json"))
    assert told["swaps"]["swap_random"]["reliance"]["value"] == 1
    assert told["top1"]["swap_random"]["difference"]["value"] == -1
    assert (told["top1"]["swap_random"]["only_a"], told["top1"]["swap_random"]["only_b"]) == (16, 0)
    assert told["top1"]["swap_random"]["p"] == pytest.approx(2 / 2**16)
    assert told["top1"]["original"]["p"] == 1
    page = out.read_text()
    assert "<b>" not in page.split("<body>")[1]
    assert "scene &lt;b&gt;" in page
    other = words(world, tmp_path / "other", "--workers", "0", "--variants", *some, "--quiet", "--seed", "1")
    cli.main(other)
    with pytest.raises(InputError, match="other videos, variants or backgrounds"):
        compare(tmp_path / "person", tmp_path / "other", out)
