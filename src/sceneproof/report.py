"""Tested runs -> one page, whatever their task; what a task's page has of its own, its `StudyPage` says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.errors import InputError
from sceneproof.pages.study import Sources, StudyPage
from sceneproof.run import Run
from sceneproof.task import Task
from sceneproof.terminal import visible
from sceneproof.trust import named_object


@locks.alone(locks.beside_out)
def report(
    runs: Sequence[Path],
    out: Path = Path("report.html"),
    *,
    manifest: Address | None = None,
    humans: Address | None = None,
    root: Address | None = None,
    title: str | None = None,
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
    **options: Any,
) -> Path:
    """Writes one self-contained HTML page about one or more tested runs, and its figures as JSON and CSV beside it.

    Runs that differ in their seed alone are shown as one row, with mean, deviation and intervals over seeds and videos.
    What a page holds, and its own options, follow from the task of the runs: give them first to see its options here.

    Args:
        runs: run folders of one task that `sceneproof evaluate` has tested, all on the same videos.
        out: the page to write; report.json and report.csv, named after it, are put beside.
        manifest: the table of videos, or of segments: with it the page shows clips, and what was found in them or
            where in them the models look.
        humans: classification: table of person boxes or masks: with it the page says how much of what the models look
            at is the person.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        title: the page's title; by default the task's own.
        splits: splits to report on; by default those with 'test' in their name.
        baseline: the runs to compare with, by their folders' name without the seed; by default the plain ones, and for
            each localizer or detector the same one on a plainly trained backbone.
        debiased: the runs that the headline is about; by default those whose method, or whose backbone's, has the most
            losses, such as the full one of a paper and not its ablations.
        trust: modules or classes (mypackage, mypackage.models.Net) that a run's configuration may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress.
        options: the task's own: `ClassificationOptions`, `LocalizationOptions`, `DetectionOptions`.

    Raises:
        InputError: a folder that is no tested run, runs of several tasks, of different actions, or other bad input;
            names it.
    """
    if not runs:
        raise InputError("no runs given: name at least one run folder that `sceneproof evaluate` has tested")
    page = page_of(Run.open(runs[0], trust=trust).task)
    asked = page.asked(options)
    if humans is not None and not page.humans:
        raise InputError(f"--humans: the page of {page.study.task} takes none")
    sources = Sources(manifest, humans, root, trust, quiet)
    study = page.read(runs, asked, splits=splits, baseline=baseline, debiased=debiased, trust=trust)
    measures = page.measure(study, asked)
    written = page.write(Path(out), study, measures, page.show(study, asked, sources), title=title)
    if not quiet:
        print(visible(f"written: {written}, .json, .csv"))
    return written


def page_of(task: Task) -> StudyPage[Any]:
    """The page of a task's tested runs."""
    page: StudyPage[Any] = named_object(task.page)
    return page
