"""Tested runs -> one page: what `sceneproof report` does for classifiers; the other tasks' pages have their own."""

from collections.abc import Sequence
from pathlib import Path

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.pages.classification import write_page
from sceneproof.pages.maps import Maps, mapped_clips
from sceneproof.studies.classification import read_study
from sceneproof.studies.measures import measure


@locks.alone(locks.beside_out)
def report(
    runs: Sequence[Path],
    out: Path = Path("report.html"),
    *,
    manifest: Address | None = None,
    humans: Address | None = None,
    root: Address | None = None,
    title: str = "What the models lean on",
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    clips: int = 8,
    mapped: int = 64,
    minimum_count: int = 5,
    trust: Sequence[str] | None = None,
    quiet: bool = False,
) -> Path:
    """Writes one self-contained HTML page about one or more tested runs, and its figures as JSON and CSV beside it.

    Runs that differ in their seed alone are shown as one row, with mean, deviation and intervals over seeds and videos.

    Args:
        runs: run folders that `sceneproof evaluate` has tested, all on the same videos.
        out: the page to write; report.json and report.csv, named after it, are put beside.
        manifest: the table of videos: with it the page shows clips, and where in them the models look.
        humans: table of person boxes or masks: with it the page says how much of what the models look at is the person.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        title: the page's title.
        splits: splits to report on; by default those with 'test' in their name.
        baseline: the runs to compare with, by their folders' name without the seed; by default the plain ones.
        debiased: the runs that the headline is about; by default those whose method has the most losses, such as the
            full one of a paper and not its ablations.
        clips: how many clips to show.
        mapped: how many clips to measure the share of activation on the person over.
        minimum_count: videos that an action has to have in a scene to count as a group.
        trust: modules or classes (mypackage, mypackage.models.Net) that a run's configuration may name besides
            sceneproof's own. To import them executes their code.
        quiet: show no progress.

    Raises:
        InputError: a folder that is no tested run, runs of different actions, or other bad input; names it.
    """
    study = read_study(runs, splits=splits, baseline=baseline, debiased=debiased)
    measures = measure(study, minimum_count=minimum_count)
    maps = Maps(missing="Not shown: give the manifest (--manifest) to see clips and class activation maps.")
    if manifest is not None:
        maps = mapped_clips(
            study, manifest, humans=humans, root=root, clips=clips, mapped=mapped, trust=trust, quiet=quiet
        )
    return write_page(study, measures, Path(out), title=title, maps=maps)
