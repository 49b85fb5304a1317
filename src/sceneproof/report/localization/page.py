"""The page of localizers: what was found when, in one file that can be mailed, read on a phone and printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.metrics.temporal_matching import Reading
from sceneproof.report.html import html
from sceneproof.report.localization import figures, tables
from sceneproof.report.localization.headline import headline
from sceneproof.report.localization.measures import LocalizationMeasures, measure
from sceneproof.report.localization.study import WORDS, LocalizationStudy, read_study
from sceneproof.report.localization.timelines import SUREST, ShownVideo, shown_videos
from sceneproof.report.transferred import page as transferred

SECTIONS = ("precision", "the-paper", "proposals", "actions", "mistakes", "time-lines", *transferred.END)


@locks.alone(locks.beside_out)
def report_localization(
    runs: Sequence[Path],
    out: Path = Path("report.html"),
    *,
    manifest: Address | None = None,
    root: Address | None = None,
    title: str = "What is done when",
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    reading: Reading = "activitynet",
    videos: int = 4,
    quiet: bool = False,
) -> Path:
    """Writes one self-contained HTML page about tested localizers, and its figures as JSON and CSV beside it.

    Runs that differ in their seed alone are shown as one row, with mean, deviation and intervals over seeds and videos.

    Args:
        runs: run folders of localizers that `sceneproof evaluate` has tested, all on the same videos.
        out: the page to write; report.json and report.csv, named after it, are put beside.
        manifest: the table of segments: with it the page shows frames of the videos above their time lines.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        title: the page's title.
        splits: splits to report on; by default those with 'test' in their name.
        baseline: the runs that all others are compared with, by their folders' name without the seed; by default each
            localizer is compared with the same one on a plainly trained backbone.
        debiased: the runs that the headline is about; by default the first that started from a full SDN.
        reading: whose official way of counting mAP to follow, activitynet or thumos.
        videos: how many videos to show time lines of.
        quiet: taken for the other tasks' sake: this page takes seconds and shows no progress.

    Raises:
        InputError: a folder that is no tested localizer, runs of different actions, or other bad input; names it.
    """
    study = read_study(runs, splits=splits, baseline=baseline, debiased=debiased, reading=reading)
    measures = measure(study)
    shown = shown_videos(study, manifest, root=root, videos=videos)
    out = Path(out)
    missing = "Frames are not shown: give the manifest (--manifest)." if manifest is None else ""
    page = render(study, measures, title=title, shown=shown, missing=missing, out=out)
    transferred.write(out, page, as_json(study, measures), measures.measures)
    return out


def render(
    study: LocalizationStudy,
    measures: LocalizationMeasures,
    *,
    title: str,
    shown: Sequence[ShownVideo] = (),
    missing: str = "",
    out: Path | None = None,
) -> str:
    """The page as HTML."""
    slices = list(study.slices)
    gains = [tables.gain_table(study, measures, on) for on in slices]
    return html(
        "page.html.j2",
        package="sceneproof.report.localization",
        title=title,
        headline=headline(study, measures),
        notes=study.notes,
        sections=SECTIONS,
        on="" if study.last == "test" else study.last,
        precision=[(on, figures.precision_figure(study, measures, on, place)) for place, on in enumerate(slices)],
        gain=figures.gain_figure(study, measures),
        tables=[*(tables.precision_table(study, measures, on) for on in slices), *(one for one in gains if one)],
        poster=tables.poster(),
        recall=[(on, figures.recall_figure(study, measures, on, place)) for place, on in enumerate(slices)],
        classes=[tables.class_table(study, measures, on) for on in slices],
        kinds=[(on, figures.kind_figure(study, measures, on, place)) for place, on in enumerate(slices)],
        kind_tables=[tables.kind_table(study, measures, on) for on in slices],
        videos=shown,
        surest=SUREST,
        missing=missing,
        **transferred.end(study, WORDS, out),
    )


def as_json(study: LocalizationStudy, measures: LocalizationMeasures) -> dict[str, Any]:
    """The figures of the page, shares from 0 to 1, with what they were made of."""
    said, settings = headline(study, measures), {"reading": study.reading, "thresholds": list(study.thresholds)}
    return {
        **transferred.as_json(study, measures.measures, WORDS, said, **settings),
        "average_precision": {
            on: {name: dict(zip(study.actions, one.by_class.tolist(), strict=True)) for name, one in found.items()}
            for on, found in measures.found.items()
        },
        "detections_by_kind": {
            on: {
                name: {tables.KINDS[kind]: int(one.kinds[kind]) for kind in tables.KINDS} for name, one in found.items()
            }
            for on, found in measures.found.items()
        },
    }
