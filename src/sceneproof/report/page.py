"""The page: everything a study found, in one file that can be mailed, read on a phone and printed."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sceneproof
from sceneproof import locks
from sceneproof.addresses import Address
from sceneproof.data.manifest import Manifest
from sceneproof.files import whole, write_json
from sceneproof.report import figures, scene_tables, tables
from sceneproof.report.cells import percent
from sceneproof.report.headline import headline
from sceneproof.report.html import html
from sceneproof.report.looks import Looks, look
from sceneproof.report.measures import Measure, Measures, measure
from sceneproof.report.opening import Opening, opening
from sceneproof.report.study import Study, read_study


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
        debiased: the runs that the headline is about; by default the full SDN.
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
    looks, missing = None, "Not shown: give the manifest (--manifest) to see clips and class activation maps."
    if manifest is not None:
        looks, missing = look(
            study, manifest, humans=humans, root=root, clips=clips, mapped=mapped, trust=trust, quiet=quiet
        )
    return write_page(study, measures, Path(out), title=title, looks=looks, looks_missing=missing)


def demonstration(
    runs: Sequence[Path],
    out: Path,
    *,
    manifest: Path,
    humans: Path,
    title: str = "Does it see what people do, or where they are?",
) -> Opening:
    """Writes the demonstration's page, as `report` does, with an opening for strangers; returns that.

    Args:
        runs: tested runs, of a plain and a debiased model.
        out: the page to write.
        manifest: the table of videos.
        humans: table of person boxes or masks.
        title: the page's title.
    """
    study = read_study(runs)
    measures = measure(study)
    looks, missing = look(study, manifest, humans=humans, clips=6, mapped=48)
    begin = opening(study, measures, Manifest.read(manifest))
    write_page(study, measures, out, title=title, looks=looks, looks_missing=missing, begin=begin)
    return begin


def write_page(
    study: Study,
    measures: Measures,
    out: Path,
    *,
    title: str,
    looks: Looks | None,
    looks_missing: str,
    begin: Opening | None = None,
) -> Path:
    """Writes the page and the tables beside it; each whole or not at all."""
    beside = [out.with_suffix(".json"), out.with_suffix(".csv")]
    names = [path.name for path in beside]
    page = render(study, measures, title=title, looks=looks, looks_missing=looks_missing, names=names, begin=begin)
    write_json(beside[0], as_json(study, measures, looks, begin))
    with whole(beside[1]) as temporary:
        temporary.write_text(as_csv(measures))
    with whole(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return out


def render(
    study: Study,
    measures: Measures,
    *,
    title: str,
    looks: Looks | None = None,
    looks_missing: str = "",
    names: Sequence[str] = (),
    begin: Opening | None = None,
) -> str:
    """The page as HTML; `begin` takes the place of the headline."""
    last = list(study.slices())[-1]
    scenes = [scene_tables.by_scene(study, last)]
    scenes += [scene_tables.heat_map(study, recipe, last) for recipe in tables.models(study)]
    return html(
        "page.html.j2",
        title=title,
        headline=begin.sentences if begin else headline(study, measures),
        notes=study.notes,
        begin=begin,
        sections=[
            *(["at-a-glance", "your-own-videos"] if begin else []),
            "comparison",
            "ablation",
            "pictures",
            *(["scenes"] if scenes[0] else []),
            "training",
            "failures",
            "runs",
        ],
        accuracy=figures.accuracy_figure(study, measures),
        gain=figures.gain_figure(study, measures),
        baseline=study.baseline.name if study.baseline else "",
        comparison=tables.comparison(study, measures),
        scene_bias=scene_bias(study),
        ablations=[tables.ablation(study, measures, name) for name in ("losses", "labels")],
        looks=looks,
        looks_missing=looks_missing,
        scenes=[table for table in scenes if table is not None],
        curves=figures.curves(study.recipes),
        failures=tables.failures(study),
        runs=tables.runs(study.recipes),
        names=list(names),
    )


def scene_bias(study: Study) -> str:
    """A sentence on how far the scene labels alone name the action (B_scene), or "" where that was not measured.

    Out of context is left out: there the scene misleads by design, and the data's bias is that of what is trained on.
    """
    inside = next(iter(study.slices().values()))
    found = study.recipes[0].tested[0].figures.get("representation_bias") or {}
    parts = [
        f"{percent(found[split]['accuracy'])} of the {split!r} videos (B_scene = {found[split]['bias']:.2f})"
        for split in dict.fromkeys(study.rows["split"][inside])
        if split in found
    ]
    if not parts:
        return ""
    return (
        f"What the place alone gives away: a linear classifier on the scene labels names the action on "
        f"{' and '.join(parts)}, where guessing gives {percent(found['chance'])}. B_scene is the natural "
        f"logarithm of their ratio; UCF-101 has 4.09."
    )


def as_json(study: Study, measures: Measures, looks: Looks | None, begin: Opening | None = None) -> dict[str, Any]:
    """The figures of the page, accuracies from 0 to 1, with what they were made of."""
    value = {
        "sceneproof": sceneproof.__version__,
        "headline": begin.sentences if begin else headline(study, measures),
        "notes": study.notes,
        "baseline": study.baseline.name if study.baseline else None,
        "debiased": study.debiased.name if study.debiased else None,
        "runs": [
            {
                "run": one.run.name,
                "recipe": recipe.name,
                "seed": one.seed,
                "commit": one.commit,
                "method": recipe.method.text,
            }
            for recipe in study.recipes
            for one in recipe.tested
        ],
        "measures": [asdict(one) for one in measures.every],
        "share_on_person": {name: asdict(one) for name, one in (looks.shares if looks else {}).items()},
    }
    return {key: finite(one) for key, one in value.items()}


def finite(value: Any) -> Any:
    """The value with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_csv(measures: Measures) -> str:
    """One line a figure; empty where there is none."""
    buffer = io.StringIO()
    columns = [
        "recipe",
        "metric",
        "on",
        "mean",
        "std",
        "seeds",
        "videos",
        "low",
        "high",
        "gain",
        "gain_low",
        "gain_high",
    ]
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*columns, "detail"])
    for one in measures.every:
        writer.writerow([*_line(one), one.detail])
    return buffer.getvalue()


def _line(one: Measure) -> list[str]:
    ends = [one.interval.low, one.interval.high] if one.interval else [math.nan] * 2
    gain = [one.gain.value, one.gain.low, one.gain.high] if one.gain else [math.nan] * 3
    head = [one.recipe, one.metric, one.on, _number(one.mean), _number(one.std), str(len(one.values)), str(one.videos)]
    return head + [_number(value) for value in (*ends, *gain)]


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""
