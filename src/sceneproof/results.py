"""results.csv: every figure that is shown anywhere, with the recipe, commit and seed that made it, and pages from it.

A page asks for a table in a comment, and `python -m sceneproof.results PAGE …` writes it between that and the next:

    <!-- results: recipes="plain, sdn" metrics="test/top1, test_out/top1" headings="In context, Out of context" -->
    <!-- /results -->
"""

import argparse
import csv
import io
import logging
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from sceneproof.errors import InputError
from sceneproof.figures import ALL, Figure, read_tested
from sceneproof.files import no_file, read_json, whole
from sceneproof.locks import beside, locked
from sceneproof.metrics.bootstrap import Interval, mean_and_std
from sceneproof.run import Run
from sceneproof.wording import counted

SHARES = {"top1", "top5", "mean_class", "accuracy", "chance", "from_features", "from_action", "top1_with_humans",
          "top1 without people", "mAP", "AR", "average mAP",
          "frame_mAP", "video_mAP", "frame-mAP", "video-mAP",
          "survives_human_inpainted", "survives_human_filled", "survives_scene_grey", "survives_frozen",
          "human_accuracy", "scene_error", "names_neither", "scene_cost", "cutting_cost", "on_person", "person_area",
          "outline_leak", "iid", "scuba", "scufo", "conflfg", "contrasted"}  # fmt: skip
SETTING = "setting/"
"""Begins the metric of what was set, not measured: a learning rate, a strength."""
logger = logging.getLogger(__name__)
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
        lines = {(result.recipe, result.seed, result.metric): result for result in read_results(path)}
        lines |= {(result.recipe, result.seed, result.metric): result for result in new}
        with whole(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(astuple(line) for line in lines.values())


def read_settings(path: Path, recipe: str) -> dict[str, float]:
    """What a recipe was run with, by name: "lr", and "strength" where it has one; empty where the file has none.

    Raises:
        InputError: there is no such file, or it has other columns.
    """
    if not path.exists():
        raise InputError(no_file(path, "a results.csv", inside="results.csv"))
    lines = [line for line in read_results(path) if line.recipe == recipe and line.metric.startswith(SETTING)]
    return {line.metric.removeprefix(SETTING): float(line.ours) for line in lines}


def add_figures(path: str | Path, figures: Sequence[Figure], commit: str, *, recipe: str | None = None) -> None:
    """Adds figures, with the ends of their intervals as "…/low" and "…/high"; what was not measured is left out.

    Args:
        path: results.csv.
        figures: of a tested run, an audit or a study.
        commit: of the code that made them.
        recipe: what to call theirs.
    """
    lines = [
        Result(recipe or figure.recipe, commit, figure.seed, f"{figure.path}{end}", f"{value:.6g}")
        for figure in figures
        if (interval := figure.interval) is not None
        for end, value in (("", interval.value), ("/low", interval.low), ("/high", interval.high))
        if math.isfinite(value)
    ]
    write_results(path, lines)


def add_run(path: str | Path, folder: Path, *, recipe: str) -> None:
    """Adds the figures of a run that `evaluate` has tested, under the recipe's name, with its seed and commit."""
    run = Run.open(folder)
    add_figures(path, read_tested(folder, run.seed), run.commit, recipe=recipe)


def add_study(
    path: str | Path, page: Path, folders: Sequence[Path], *, prefix: str, others_count: bool = False
) -> None:
    """Adds the figures of all runs of a study, and the paired differences of its page, over all seeds, as "…/gain".

    Args:
        path: results.csv.
        page: the page that `report` wrote; its figures are beside it.
        folders: of the runs.
        prefix: put before the names of the recipes.
        others_count: whether the caller adds gains over the seeds, too, that are in the file and not on the page; else
            a warning says that these do not count in gains.
    """
    said = read_json(page.with_suffix(".json"))
    recipes = {run["run"]: run["recipe"] for run in said["runs"]}
    shown = {(prefix + recipes[folder.name], str(Run.open(folder).seed)) for folder in folders}
    if not others_count and (others := _others(path, shown)):
        logger.warning(
            "%s: has %s, too (%s that %s does not show): means there are over all seeds, gains over the page's alone",
            path, others[0], counted(len(others), "run"), page,
        )  # fmt: skip
    commits = {run["recipe"]: run["commit"] for run in said["runs"]}
    for folder in folders:
        add_run(path, folder, recipe=prefix + recipes[folder.name])
    for measure in said["measures"]:
        if measure["gain"] is not None:
            gain = Figure(
                f"{metric_of(measure['metric'])}/gain", Interval(**measure["gain"]), slice=measure["on"], seed=ALL
            )
            add_figures(path, [gain], commits[measure["recipe"]], recipe=prefix + measure["recipe"])


def _others(path: str | Path, shown: set[tuple[str, str]]) -> list[str]:
    """What seeds the file has of recipes besides the runs that are shown, by recipe and seed: "RECIPE, seed SEED"."""
    recipes = {recipe for recipe, _ in shown}
    there = {(line.recipe, line.seed) for line in read_results(path) if line.recipe in recipes and line.seed != ALL}
    return [f"{recipe}, seed {seed}" for recipe, seed in sorted(there - shown)]


def metric_of(name: str) -> str:
    """How results.csv writes a figure that pages call by this name: "top1" for "top-1"."""
    return re.sub("^top-", "top", name)


def table(
    results: Sequence[Result], recipes: Sequence[str], metrics: Sequence[str], headings: Sequence[str] = ()
) -> str:
    """A Markdown table: a row a recipe, a column a metric; mean ± deviation over seeds, or a figure with its interval.

    Shares are shown in percent. Where any line has the paper's figure, a last column shows it.

    Raises:
        InputError: a recipe or metric without any line, or another number of headings than of metrics.
    """
    if headings and len(headings) != len(metrics):
        raise InputError(
            f"results: {len(metrics)} metrics and {len(headings)} headings ({', '.join(headings)}): give each metric "
            f"one, without a comma in it"
        )
    _known("recipe", recipes, {result.recipe for result in results})
    _known("metric", metrics, {result.metric for result in results})
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
    ours = {(result.seed, result.metric): float(result.ours) for result in results if result.recipe == recipe}
    scale, digits = (100, 1) if SHARES & set(re.split("[/@,]", metric)) else (1, 2)
    if (ALL, metric) in ours:
        value, low, high = (ours.get((ALL, metric + end), float("nan")) * scale for end in ("", "/low", "/high"))
        if metric.startswith(SETTING):
            return f"{value:g}"
        text = f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
        return text.replace("-", "−").replace(" [+nan, +nan]", "")
    values = [value * scale for (seed, name), value in ours.items() if name == metric]
    if not values:
        return "–"
    mean, std = mean_and_std(values)
    return f"{mean:.{digits}f} ± {std:.{digits}f}" if len(values) > 1 else f"{mean:.{digits}f}"


def _paper(results: Sequence[Result], recipe: str, metrics: Sequence[str]) -> str:
    papers = [line.paper for line in results if line.recipe == recipe and line.metric in metrics and line.paper]
    return papers[0] if papers else ""


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
