from pathlib import Path

import pytest

from sceneproof.errors import InputError
from sceneproof.figures import ALL
from sceneproof.files import write_json
from sceneproof.results import Result, add_run, add_study, fill_page, main, read_results, table, write_results


def lines(recipe: str, *values: float, metric: str = "test/top1") -> list[Result]:
    return [Result(recipe, "abc", str(seed), metric, f"{value}") for seed, value in enumerate(values)]


def test_lines_of_one_key_are_replaced_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "results" / "results.csv"
    write_results(path, lines("plain", 0.5, 0.6))
    write_results(path, [Result("plain", "def", "1", "test/top1", "0.7", "53.6", "table 1, a")])
    assert read_results(path) == [
        Result("plain", "abc", "0", "test/top1", "0.5"),
        Result("plain", "def", "1", "test/top1", "0.7", "53.6", "table 1, a"),
    ]


def test_a_failure_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.csv"
    write_results(path, lines("plain", 0.5))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_results(path, lines("plain", 0.9))
    assert path.read_bytes() == before


def test_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("recipe,value\nplain,1\n")
    with pytest.raises(InputError, match=r"results.csv: the columns must be recipe, commit"):
        read_results(tmp_path / "results.csv")


def folder(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    (path / "config.yaml").write_text("seed: 3\n")
    write_json(path / "labels.json", {"actions": ["a"], "scenes": []})
    write_json(path / "environment.json", {"commit": "abc"})
    metrics = {
        "run": "run",
        "settings": {"clips": 1, "splits": ["test"]},
        "splits": {"test": {"videos": 8, "top1": 0.5, "top1_interval": {"value": 0.5, "low": 0.25, "high": 0.75},
                            "worst_group": None, "without_humans": {"entropy": 1.25}}},
        "scene_leakage": {"probe_split": "train", "test": {"from_features": 0.75}},
    }  # fmt: skip
    write_json(path / "evaluation" / "metrics.json", metrics)
    return path


def shown(path: Path) -> list[tuple[str, str, str, str]]:
    return [(line.recipe, line.seed, line.metric, line.ours) for line in read_results(path)]


def test_a_run_adds_its_figures(tmp_path: Path) -> None:
    add_run(tmp_path / "results.csv", folder(tmp_path), recipe="plain")
    assert shown(tmp_path / "results.csv") == [
        ("plain", "3", "test/top1", "0.5"),
        ("plain", "3", "test/top1/low", "0.25"),
        ("plain", "3", "test/top1/high", "0.75"),
        ("plain", "3", "test/without_humans/entropy", "1.25"),
        ("plain", "3", "test/scene_leakage/from_features", "0.75"),
    ]
    assert {line.commit for line in read_results(tmp_path / "results.csv")} == {"abc"}


def test_a_study_adds_its_runs_and_paired_differences(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gain = {"value": 0.05, "low": 0.01, "high": 0.09}
    measures = [
        {"recipe": "plain", "metric": "top-1", "on": "out of context", "gain": None},
        {"recipe": "sdn", "metric": "top-1", "on": "out of context", "gain": gain},
        {"recipe": "sdn", "metric": "top-1 without people", "on": "in context", "gain": gain},
    ]
    runs = [
        {"recipe": "plain", "commit": "abc", "run": "run"},
        {"recipe": "sdn", "commit": "def", "run": "other"},
    ]
    tested = folder(tmp_path)
    write_json(tmp_path / "report.json", {"runs": runs, "measures": measures})
    add_study(tmp_path / "results.csv", tmp_path / "report.html", [tested], prefix="mall-")
    assert ("mall-plain", "3", "test/top1", "0.5") in shown(tmp_path / "results.csv")
    assert [line for line in shown(tmp_path / "results.csv") if line[1] == ALL] == [
        ("mall-sdn", ALL, "out of context/top1/gain", "0.05"),
        ("mall-sdn", ALL, "out of context/top1/gain/low", "0.01"),
        ("mall-sdn", ALL, "out of context/top1/gain/high", "0.09"),
        ("mall-sdn", ALL, "in context/top1 without people/gain", "0.05"),
        ("mall-sdn", ALL, "in context/top1 without people/gain/low", "0.01"),
        ("mall-sdn", ALL, "in context/top1 without people/gain/high", "0.09"),
    ]
    assert not caplog.records
    write_results(tmp_path / "results.csv", [Result("mall-plain", "abc", "4", "test/top1", "0.5")])
    add_study(tmp_path / "results.csv", tmp_path / "report.html", [tested], prefix="mall-", others_count=True)
    assert not caplog.records
    add_study(tmp_path / "results.csv", tmp_path / "report.html", [tested], prefix="mall-")
    assert "has mall-plain, seed 4, too (1 run that" in caplog.text
    cells = table(read_results(tmp_path / "results.csv"), ["mall-sdn"], ["in context/top1 without people/gain"])
    assert cells.splitlines()[-1] == "| mall-sdn | +5.0 [+1.0, +9.0] |"


def test_table_by_hand() -> None:
    gain = [
        Result("sdn", "abc", ALL, f"out/top1/gain{end}", v)
        for end, v in (("", "0.05"), ("/low", "-0.01"), ("/high", "0.11"))
    ]
    results = [*lines("plain", 0.5, 0.6), *lines("sdn", 0.7), *lines("sdn", 1.5, metric="test/entropy"), *gain]
    rate = [Result("sdn", "abc", ALL, "setting/lr", "0.0003")]
    assert table([*results, *rate], ["sdn"], ["setting/lr"]).splitlines()[-1] == "| sdn | 0.0003 |"
    assert table(results, ["plain", "sdn"], ["test/top1", "test/entropy", "out/top1/gain"], ["A", "B", "C"]) == (
        "| Recipe | A | B | C |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| plain | 55.0 ± 7.1 | – | – |\n"
        "| sdn | 70.0 | 1.50 | +5.0 [−1.0, +11.0] |\n"
    )


@pytest.mark.parametrize(
    "metric",
    ["test/frame_mAP/act/0.5", "test/video_mAP/voc/0.5:0.95", "test/frame-mAP@0.5/gain", "x/video-mAP@0.2/gain"],
)
def test_average_precision_of_boxes_and_tubes_is_shown_in_percent(metric: str) -> None:
    found = table([Result("ssd", "abc", "0", metric, "0.125")], ["ssd"], [metric])
    assert found.splitlines()[-1] == "| ssd | 12.5 |"


def test_the_papers_figure_gets_a_column() -> None:
    results = [Result("sdn", "abc", "0", "test/top1", "0.5", "56.7", "table 1")]
    assert table(results, ["sdn"], ["test/top1"]).splitlines()[-1] == "| sdn | 50.0 | 56.7 |"


def test_pages_are_filled_between_their_comments_and_checked(tmp_path: Path) -> None:
    page, file = tmp_path / "README.md", tmp_path / "results.csv"
    page.write_text('Before.\n<!-- results: recipes="plain" metrics="test/top1" -->\nold\n<!-- /results -->\nAfter.\n')
    write_results(file, lines("plain", 0.5))
    arguments = [str(page), "--results", str(file)]
    assert main([*arguments, "--check"]) == 1
    assert "old" in page.read_text()
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    text = page.read_text()
    assert text.startswith("Before.\n<!-- results:")
    assert text.endswith("| plain | 50.0 |\n<!-- /results -->\nAfter.\n")
    assert "old" not in text


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(InputError, match="no recipe 'sdn'; there are: plain"):
        fill_page('<!-- results: recipes="sdn" metrics="a" -->\n<!-- /results -->', lines("plain", 0.5))
    with pytest.raises(InputError, match="needs recipes"):
        fill_page('<!-- results: recipe="sdn" -->\n<!-- /results -->', [])
    asked = '<!-- results: recipes="plain" metrics="test/top1" headings="Top-1, out of context" -->\n<!-- /results -->'
    with pytest.raises(InputError, match=r"1 metrics and 2 headings .*without a comma"):
        fill_page(asked, lines("plain", 0.5))


def test_a_page_that_asks_for_what_is_not_there_is_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text('<!-- results: recipes="nothing" metrics="top1" headings="Top-1" -->\n<!-- /results -->\n')
    with pytest.raises(SystemExit) as stop:
        main([str(page), "--results", str(tmp_path / "results.csv")])
    assert stop.value.code == 2
    assert "page.md" in capsys.readouterr().err
