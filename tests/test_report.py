"""One report for all tasks: what it takes follows from the runs."""

from pathlib import Path
from typing import Any

import pytest

from sceneproof import cli
from sceneproof.errors import InputError
from sceneproof.report import report
from tests.pages.fake import KINDS, make_run, videos
from tests.pages.localization.fake import KINDS as LOCALIZERS
from tests.pages.localization.fake import make_localizer, truth


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    return make_run(tmp_path / "classifier", KINDS["plain"], 0)


@pytest.fixture
def localizer(tmp_path: Path) -> Path:
    return make_localizer(tmp_path / "localizer", LOCALIZERS["rc3d-from-plain"], 0, there=truth(2))


def test_options_of_another_task_are_refused(classifier: Path, localizer: Path, tmp_path: Path) -> None:
    cases: list[tuple[Path, dict[str, Any], str]] = [
        (classifier, {"reading": "thumos"}, "classification has no option 'reading'; it has: clips, mapped, minimum_c"),
        (localizer, {"clips": 3}, "localization has no option 'clips'; it has: reading, videos"),
        (localizer, {"humans": "boxes.parquet"}, "--humans: the page of localization takes none"),
        (localizer, {"reading": "coco"}, "reading: must be thumos or activitynet, not 'coco'"),
    ]
    for run, options, said in cases:
        with pytest.raises(InputError, match=said):
            report([run], tmp_path / "a.html", **options)
    assert not (tmp_path / "a.html").exists()


def test_runs_of_two_tasks_have_two_pages(classifier: Path, localizer: Path, tmp_path: Path) -> None:
    for runs, other, own in (
        ([classifier, localizer], "localization", "classification"),
        ([localizer, classifier], "classification", "localization"),
    ):
        with pytest.raises(InputError, match=f"a run of {other}; make its page apart from those of {own}"):
            report(runs, tmp_path / "a.html")
    with pytest.raises(InputError, match="no runs given"):
        report([], tmp_path / "a.html")


def test_the_help_shows_the_options_of_the_runs_that_are_given(
    classifier: Path, localizer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run, own, other in ((classifier, "--minimum-count", "--reading"), (localizer, "--reading", "--minimum-count")):
        with pytest.raises(SystemExit):
            cli.main(["report", str(run), "--help"])
        said = capsys.readouterr().out
        assert own in said
        assert other not in said
        assert "--baseline" in said


def test_videos_that_two_runs_know_as_other_actions_are_refused(classifier: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", KINDS["sdn"], 0, rows=videos().replace({"action": {"jump": "run"}}))
    with pytest.raises(InputError, match="different annotations of the same videos"):
        report([classifier, other], tmp_path / "a.html")
