"""What pages of several tasks have in common: the files they write, and the end of each page."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sceneproof
from sceneproof.files import whole, write_json
from sceneproof.metrics.map_bootstrap import DRAWS
from sceneproof.report.figures import curves
from sceneproof.report.measures import Measures
from sceneproof.report.page import as_csv, finite
from sceneproof.report.tables import runs
from sceneproof.report.transferred.study import AnyRun, TransferStudy, Words
from sceneproof.report.transferred.tables import failures

END = ("training", "failures", "runs")
"""The sections that every page ends with, in transferred/end.html.j2."""


def beside(out: Path) -> tuple[Path, Path]:
    """Where the figures of a page go, as JSON and as CSV."""
    return out.with_suffix(".json"), out.with_suffix(".csv")


def write(out: Path, page: str, value: Mapping[str, Any], measures: Measures) -> None:
    """Writes a page and its figures beside it, each file whole or not at all."""
    figures, lines = beside(out)
    write_json(figures, {key: finite(one) for key, one in value.items()})
    with whole(lines) as temporary:
        temporary.write_text(as_csv(measures))
    with whole(out) as temporary:
        temporary.write_text(page, encoding="utf-8")


def end(study: TransferStudy[AnyRun], words: Words, out: Path | None) -> dict[str, Any]:
    """What transferred/end.html.j2 shows; `out` is where the page goes, if anywhere."""
    return {
        "curves": curves(study.recipes),
        "failures": failures(study),
        "missed": words.things,
        "runs": runs(study.recipes),
        "draws": f"{DRAWS:,}",
        "names": [path.name for path in beside(out)] if out is not None else [],
    }


def as_json(
    study: TransferStudy[AnyRun], measures: Measures, words: Words, headline: list[str], **settings: Any
) -> dict[str, Any]:
    """The figures of a page, shares from 0 to 1, with what they were made of and the task's own `settings`."""
    compared = {recipe.name: study.reference(recipe) for recipe in study.recipes}
    return {
        "sceneproof": sceneproof.__version__,
        "task": words.task,
        "headline": headline,
        "notes": study.notes,
        **settings,
        "baseline": {name: other.name if other is not None else None for name, other in compared.items()},
        "debiased": study.debiased.name,
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
    }
