"""results.csv: every figure that is shown anywhere, with the recipe, commit and seed that made it, and pages from it.

A page asks for a table in a comment, and `python -m sceneproof.results PAGE …` writes it between that and the next:

    <!-- results: recipes="plain, sdn" metrics="test/top1, test_out/top1" headings="In context, Out of context" -->
    <!-- /results -->
"""

import argparse
import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from sceneproof.errors import InputError
from sceneproof.files import read_json, whole
from sceneproof.locks import beside, locked
from sceneproof.metrics.bootstrap import mean_and_std
from sceneproof.run import Run

ALL = "all"
"""The seed of figures that are over all seeds, such as a paired difference."""

SHARES = {"top1", "top5", "mean_class", "accuracy", "chance", "from_features", "from_action", "top1_with_humans",
          "top1 without people", "mAP", "AR", "average mAP",
          "frame_mAP", "video_mAP", "frame-mAP", "video-mAP",
          "survives_human_inpainted", "survives_scene_grey", "survives_frozen", "human_accuracy", "scene_error",
          "names_neither", "scene_cost", "on_person", "person_area", "outline_leak"}  # fmt: skip
ASKED = re.compile(r"(<!-- results:(?P<what>.*?)-->\n).*?(<!-- /results -->)", re.DOTALL)


@dataclass(frozen=True)
class Result:
    """One line: figures from 0 to 1 or in their unit, as text, so that reading and writing changes nothing.

    Attributes:
        recipe: what was run.
        commit: of the code that ran it.
        seed: the training seed, or "all".
        metric: a path such as "test_out/top1".
        ours: the figure.
        paper: the paper's figure in the same unit, or "".
        source: where the paper's figure stands, or "".
    """

    recipe: str
    commit: str
    seed: str
    metric: str
    ours: str
    paper: str = ""
    source: str = ""


COLUMNS = [field.name for field in fields(Result)]


def read_results(path: str | Path) -> list[Result]:
    """Reads results.csv; a file that does not exist yet holds nothing.

    Raises:
        InputError: other columns.
    """
    path = Path(path)
    if not path.exists():
        return []
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    if rows and list(rows[0]) != COLUMNS:
        raise InputError(f"{path}: the columns must be {', '.join(COLUMNS)}; they are {', '.join(rows[0])}")
    return [Result(**row) for row in rows]


def write_results(path: str | Path, new: Sequence[Result]) -> None:
    """Adds lines, in place of those of the same recipe, seed and metric; all of them or, on a failure, none.

    Where another command is adding some, it waits until that is done.
    """
    with locked(beside(path), wait=True):
        lines = {(one.recipe, one.seed, one.metric): one for one in read_results(path)}
        lines |= {(one.recipe, one.seed, one.metric): one for one in new}
        with whole(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(astuple(one) for one in lines.values())


def add_results(path: str | Path, recipe: str, run: Run, metrics: Mapping[str, Any]) -> None:
    """Adds the figures of one tested run.

    Args:
        path: results.csv.
        recipe: the recipe's name.
        run: the run; its seed and the commit of its code are noted.
        metrics: what `evaluate` wrote to metrics.json.
    """
    figures = {**metrics, **metrics.get("splits", {})}
    for key in ("splits", "settings", "tables"):
        figures.pop(key, None)
    seed = str(run.seed)
    write_results(path, [Result(recipe, run.commit, seed, name, f"{value:.6g}") for name, value in _leaves(figures)])


def add_report(path: str | Path, report: str | Path, *, prefix: str = "") -> None:
    """Adds the paired differences of a report.json, which are over all seeds, as "…/gain" with "/low" and "/high".

    Args:
        path: results.csv.
        report: the report.json.
        prefix: put before the names of the recipes.
    """
    page = read_json(report)
    commits = {run["recipe"]: run["commit"] for run in page["runs"]}
    lines = [
        Result(prefix + one["recipe"], commits[one["recipe"]], ALL, f"{name}{end}", f"{one['gain'][key]:.6g}")
        for one in page["measures"]
        if one["gain"] is not None
        for name in [f"{one['on']}/{re.sub('^top-', 'top', one['metric'])}/gain"]
        for key, end in (("value", ""), ("low", "/low"), ("high", "/high"))
    ]
    write_results(path, lines)


def add_audit(path: str | Path, recipe: str, commit: str, figures: Mapping[str, Any]) -> None:
    """Adds the figures of an audit with the ends of their intervals; what was not measured is left out.

    Args:
        path: results.csv.
        recipe: what to call the audit.
        commit: of the code.
        figures: those of audit.json.
    """
    lines = [
        Result(recipe, commit, "0", f"{name}{end}", f"{one[key]:.6g}")
        for name, one in figures.items()
        if one["value"] is not None
        for key, end in (("value", ""), ("low", "/low"), ("high", "/high"))
    ]
    write_results(path, lines)


def _leaves(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    for name, one in value.items():
        if isinstance(one, Mapping):
            yield from _leaves(one, f"{before}{name}/")
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield f"{before}{name}", one


def table(
    results: Sequence[Result], recipes: Sequence[str], metrics: Sequence[str], headings: Sequence[str] = ()
) -> str:
    """A Markdown table: a row a recipe, a column a metric; mean ± deviation over seeds, or a figure with its interval.

    Shares are shown in percent. Where any line has the paper's figure, a last column shows it.

    Raises:
        InputError: a recipe or metric without any line.
    """
    _known("recipe", recipes, {one.recipe for one in results})
    _known("metric", metrics, {one.metric for one in results})
    heads = ["Recipe", *(headings or metrics)]
    rows = [[recipe, *(_cell(results, recipe, metric) for metric in metrics)] for recipe in recipes]
    papers = [_paper(results, recipe, metrics) for recipe in recipes]
    if any(papers):
        heads, rows = [*heads, "Paper"], [[*row, paper] for row, paper in zip(rows, papers, strict=True)]
    ruler = ["---", *["---:"] * (len(heads) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [heads, ruler, *rows])


def _known(what: str, names: Sequence[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise InputError(f"results: no {what} {name!r}; there are: {', '.join(sorted(known))}")


def _cell(results: Sequence[Result], recipe: str, metric: str) -> str:
    found = {(one.seed, one.metric): float(one.ours) for one in results if one.recipe == recipe}
    scale, digits = (100, 1) if SHARES & set(re.split("[/@,]", metric)) else (1, 2)
    if (ALL, metric) in found:
        value, low, high = (found.get((ALL, metric + end), float("nan")) * scale for end in ("", "/low", "/high"))
        text = f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
        return text.replace("-", "−").replace(" [+nan, +nan]", "")
    values = [value * scale for (seed, name), value in found.items() if name == metric]
    if not values:
        return "–"
    mean, std = mean_and_std(values)
    return f"{mean:.{digits}f} ± {std:.{digits}f}" if len(values) > 1 else f"{mean:.{digits}f}"


def _paper(results: Sequence[Result], recipe: str, metrics: Sequence[str]) -> str:
    found = [one.paper for one in results if one.recipe == recipe and one.metric in metrics and one.paper]
    return found[0] if found else ""


def fill_page(page: str, results: Sequence[Result]) -> str:
    """The page's text with every table it asks for.

    Raises:
        InputError: an unknown option, recipe or metric.
    """

    def replaced(match: re.Match[str]) -> str:
        options = dict(re.findall(r'(\w+)="([^"]*)"', match["what"]))
        unknown = set(options) - {"recipes", "metrics", "headings"}
        if unknown or not {"recipes", "metrics"} <= set(options):
            raise InputError(f'results: a table needs recipes="…" and metrics="…", not {match["what"].strip()!r}')
        lists = {name: [part.strip() for part in value.split(",")] for name, value in options.items()}
        return match[1] + table(results, lists["recipes"], lists["metrics"], lists.get("headings", ())) + match[3]

    return ASKED.sub(replaced, page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fills the tables of pages; with --check changes nothing and exits with 1 where a page is out of date."""
    parser = argparse.ArgumentParser(prog="python -m sceneproof.results", description=main.__doc__)
    parser.add_argument("pages", nargs="+", type=Path, help="Markdown pages that ask for tables")
    parser.add_argument("--results", type=Path, default=Path("results/results.csv"), help="the figures")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is out of date")
    options = parser.parse_args(arguments)
    stale = []
    for path in options.pages:
        text = path.read_text(encoding="utf-8")
        try:
            filled = fill_page(text, read_results(options.results))
        except InputError as error:
            parser.error(f"{path}: {error}")
        if filled != text:
            stale.append(path)
            if not options.check:
                with whole(path) as temporary:
                    temporary.write_text(filled, encoding="utf-8")
    for path in stale:
        print(
            f"{path}: {'out of date: run python -m sceneproof.results' if options.check else 'filled'}", file=sys.stderr
        )
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
