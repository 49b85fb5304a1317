"""The page of detectors: who was found doing what where, in one file that can be mailed and read on a phone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.metrics.frame_map import Reading
from sceneproof.report.detection import figures, tables
from sceneproof.report.detection.drawings import ShownClip, shown_clips
from sceneproof.report.detection.headline import headline
from sceneproof.report.detection.measures import DetectionMeasures, measure
from sceneproof.report.detection.study import WORDS, DetectionStudy, read_study
from sceneproof.report.html import html
from sceneproof.report.transferred import page as transferred
from sceneproof.tasks.detection.scoring import READINGS

SECTIONS = ("precision", "the-paper", "actions", "mistakes", "tubes", *transferred.END)


@locks.alone(locks.beside_out)
def report_detection(
    runs: Sequence[Path],
    out: Path = Path("report.html"),
    *,
    manifest: Address | None = None,
    root: Address | None = None,
    title: str = "Who does what where",
    splits: Sequence[str] | None = None,
    baseline: str | None = None,
    debiased: str | None = None,
    reading: Reading = "act",
    videos: int = 4,
    quiet: bool = False,
) -> Path:
    """Writes one self-contained HTML page about tested detectors, and its figures as JSON and CSV beside it.

    Runs that differ in their seed alone are shown as one row, with mean, deviation and intervals over seeds and videos.

    Args:
        runs: run folders of detectors that `sceneproof evaluate` has tested, all on the same videos.
        out: the page to write; report.json and report.csv, named after it, are put beside.
        manifest: the table of videos: with it the page shows clips with true boxes and tubes drawn in.
        root: folder or address that the manifest's paths start from, where it is not the manifest's own.
        title: the page's title.
        splits: splits to report on; by default those with 'test' in their name.
        baseline: the runs that all others are compared with, by their folders' name without the seed; by default each
            detector is compared with the same one on a plainly trained backbone.
        debiased: the runs that the headline is about; by default the first that started from a full SDN.
        reading: whose official way of counting to follow: act, or voc (Singh et al.).
        videos: how many clips to show.
        quiet: taken for the other tasks' sake: this page takes seconds and shows no progress.

    Raises:
        InputError: a folder that is no tested detector, runs of different actions, or other bad input; names it.
    """
    study = read_study(runs, splits=splits, baseline=baseline, debiased=debiased, reading=reading)
    measures = measure(study)
    clips = shown_clips(study, manifest, root=root, videos=videos)
    out = Path(out)
    missing = "Clips are not shown: give the manifest (--manifest)." if manifest is None else ""
    page = render(study, measures, title=title, clips=clips, missing=missing, out=out)
    transferred.write(out, page, as_json(study, measures), measures.measures)
    return out


def render(
    study: DetectionStudy,
    measures: DetectionMeasures,
    *,
    title: str,
    clips: Sequence[ShownClip] = (),
    missing: str = "",
    out: Path | None = None,
) -> str:
    """The page as HTML."""
    slices = list(study.slices)
    readings = (study.reading, *(one for one in READINGS if one != study.reading))
    gains = [tables.gain_table(study, measures, on, study.reading) for on in slices]
    return html(
        "page.html.j2",
        package="sceneproof.report.detection",
        title=title,
        headline=headline(study, measures),
        notes=study.notes,
        sections=SECTIONS,
        on="" if study.last == "test" else study.last,
        precision=[(on, figures.precision_figure(study, measures, on, place)) for place, on in enumerate(slices)],
        gain=figures.gain_figure(study, measures),
        tables=[
            *(tables.precision_table(study, measures, on, study.reading) for on in slices),
            *(one for one in gains if one),
            *(tables.precision_table(study, measures, on, one) for one in readings[1:] for on in slices),
        ],
        poster=tables.poster(study, measures),
        classes=[tables.class_table(study, measures, on) for on in slices],
        kinds=[(on, figures.kind_figure(study, measures, on, place)) for place, on in enumerate(slices)],
        kind_tables=[tables.kind_table(study, measures, on) for on in slices],
        clips=clips,
        missing=missing,
        **transferred.end(study, WORDS, out),
    )


def as_json(study: DetectionStudy, measures: DetectionMeasures) -> dict[str, Any]:
    """The figures of the page, shares from 0 to 1, with what they were made of."""
    said = headline(study, measures)
    return {
        **transferred.as_json(study, measures.measures, WORDS, said, reading=study.reading),
        "average_precision": {
            on: {name: dict(zip(study.actions, one.by_class.tolist(), strict=True)) for name, one in found.items()}
            for on, found in measures.found.items()
        },
        "lost_to": {
            on: {
                name: {tables.KINDS[kind]: float(one.areas[kind]) for kind in tables.KINDS}
                for name, one in found.items()
            }
            for on, found in measures.found.items()
        },
    }
