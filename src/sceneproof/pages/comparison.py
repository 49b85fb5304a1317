"""Two audited models on the same clips: the figures and the page of `sceneproof audit compare`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sceneproof import locks
from sceneproof.audit.figures import SWAPPED, WORDS
from sceneproof.audit.measures import backgrounds
from sceneproof.audit.table import AuditTable, same_videos
from sceneproof.contexts.variants import CONTROLS
from sceneproof.errors import InputError
from sceneproof.figures import ALL, Figure, named
from sceneproof.metrics.bootstrap import Interval
from sceneproof.metrics.paired import PairedAccuracy, paired_accuracy
from sceneproof.metrics.scene_reliance import RelianceDifference, reliance_difference
from sceneproof.numerics import environment
from sceneproof.pages.kit import ABSENT, Cell, Page, Section, Table, between, percent, points
from sceneproof.results import add_figures
from sceneproof.terminal import visible


@dataclass(frozen=True)
class Comparison:
    """Two models, A and B, on the same clips.

    Attributes:
        a: A's table.
        b: B's table.
        accuracies: top-1 of both by variant, on the clips that both have.
        reliances: B less A by swap.
    """

    a: AuditTable
    b: AuditTable
    accuracies: dict[str, PairedAccuracy]
    reliances: dict[str, RelianceDifference]


def compared(a: AuditTable, b: AuditTable) -> Comparison:
    """The comparison of two tables.

    Raises:
        InputError: they are of other videos, actions or backgrounds.
    """
    same_videos([a, b])
    accuracies, reliances = {}, {}
    for name in [variant for variant in a.variants if variant in b.variants]:
        readable = name != "original"
        of_a, of_b = a.part(name, readable=readable), b.part(name, readable=readable)
        accuracies[name] = paired_accuracy(of_b.right(name), of_a.right(name))
        if name in SWAPPED.values():
            named = (of_b.predicted[name], of_a.predicted[name])
            reliances[name] = reliance_difference(*named, of_a.truth, backgrounds(a, of_a))
    return Comparison(a, b, accuracies, reliances)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The figures of the page, B less A, shares from 0 to 1."""
    return {
        "a": comparison.a.model,
        "b": comparison.b.model,
        "top1": {
            name: {
                "words": WORDS[name], "videos": paired.videos, "a": asdict(paired.b), "b": asdict(paired.a),
                "difference": asdict(paired.difference), "only_a": paired.test.only_b, "only_b": paired.test.only_a,
                "p": paired.test.p,
            }
            for name, paired in comparison.accuracies.items()
        },
        "swaps": {
            name: {key: _plain(getattr(swap, key)) for key in ("shacc", "sberr", "reliance")}
            for name, swap in comparison.reliances.items()
        },
    }  # fmt: skip


def differences(comparison: Comparison) -> list[Figure]:
    """B less A on the same clips: top-1 by variant, and SHAcc, SBErr and reliance by swap."""
    of = {
        "run": f"{comparison.b.model} less {comparison.a.model}",
        "recipe": f"audit/{comparison.b.model} less {comparison.a.model}",
    }
    figures = [
        Figure("top1" if name == "original" else f"top1_{name}", paired.difference, paired.videos)
        for name, paired in comparison.accuracies.items()
    ]
    for end, variant in SWAPPED.items():
        if (swap := comparison.reliances.get(variant)) is not None:
            names = {"human_accuracy": swap.shacc, "scene_error": swap.sberr, "scene_reliance": swap.reliance}
            videos = comparison.accuracies[variant].videos
            figures += [Figure(f"{name}{end}", interval, videos) for name, interval in names.items()]
    return named(figures, **of, seed=ALL)


def _plain(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else asdict(interval)


@locks.alone(locks.beside_out)
def compare(
    first: Path, second: Path, out: Path = Path("compare.html"), *, results: Path | None = None, quiet: bool = False
) -> Comparison:
    """Holds two audits against each other: the same clips, with paired intervals and an exact test.

    Writes one page, and the same figures as JSON beside it. Both audits must be of one manifest, with the same splits,
    variants, seed and backgrounds.

    Args:
        first: The folder of an audit (what `sceneproof audit --out` wrote): what is compared with.
        second: The folder of the other one.
        out: The page to write.
        results: A results.csv to add the differences to, as the recipe audit/B less A.
        quiet: No summary.

    Raises:
        InputError: no audit, or two of other videos, actions or backgrounds.
    """
    if out.suffix == ".json":
        raise InputError(f"{out}: the page cannot be a .json file, for its figures go there: name it .html")
    comparison = compared(AuditTable.read(first), AuditTable.read(second))
    said = sentences(comparison)
    section = Section("comparison", "On the same clips", accuracy_table(comparison), reliance_table(comparison))
    page = Page(f"{comparison.b.model} against {comparison.a.model}", said, [section])
    page.write(out, {**as_json(comparison), "headline": said})
    if results is not None:
        add_figures(results, differences(comparison), str(environment()["commit"] or ""))
    if not quiet:
        print("\n".join([*map(visible, said), f"written: {out}, {out.with_suffix('.json')}"]))
    return comparison


def sentences(comparison: Comparison) -> list[str]:
    """What the comparison says, the most important first."""
    a, b = comparison.a.model, comparison.b.model
    said = []
    swap = comparison.reliances.get("swap_random")
    if swap is not None and swap.reliance is not None:
        differs = f"its scene reliance differs by {_signed(swap.reliance.value)} ({_ends(swap.reliance)})"
        if swap.reliance.excludes_zero:
            more = "more" if swap.reliance.value > 0 else "less"
            said.append(f"{b} leans {more} on the scene than {a}: {differs}.")
        else:
            said.append(f"Whether {b} leans more or less on the scene than {a} cannot be told: {differs}.")
    top1 = comparison.accuracies["original"]
    chance = "" if top1.difference.excludes_zero else ", which may be chance"
    said.append(
        f"On the clips as they are {b} names {percent(top1.a.value)} rightly and {a} {percent(top1.b.value)}: "
        f"{points(top1.difference.value)} ({between(top1.difference)}) points{chance}; {top1.test.only_a} clips are "
        f"right with {b} alone, {top1.test.only_b} with {a} alone (exact test: p = {top1.test.p:.2g})."
    )
    return said


def accuracy_table(comparison: Comparison) -> Table:
    """Top-1 of both on each variant, with the paired difference and the exact test."""
    rows = []
    for name, accuracy in comparison.accuracies.items():
        kind = " (control)" if name in CONTROLS else ""
        rows.append([
            Cell(WORDS[name].capitalize() + kind, name), Cell(str(accuracy.videos)),
            Cell(f"{100 * accuracy.b.value:.1f}"), Cell(f"{100 * accuracy.a.value:.1f}"),
            _difference(accuracy.difference), Cell(str(accuracy.test.only_b)), Cell(str(accuracy.test.only_a)),
            Cell(f"{accuracy.test.p:.2g}"),
        ])  # fmt: skip
    a, b = comparison.a.model, comparison.b.model
    header = ["Clip", "Videos", a, b, "Difference", f"Right: {a} alone", f"Right: {b} alone", "p"]
    note = (
        f"Top-1 in percent on the same clips; difference: {b} less {a}, in points, with a paired 95 % interval over "
        f"videos; p: McNemar’s exact test. There are as many tests as rows: expect one in twenty below .05 by chance."
    )
    return Table("Top-1 on the same clips", header, rows, note)


def reliance_table(comparison: Comparison) -> Table | None:
    """Whose action is named, B less A; None without swaps."""
    rows = []
    for name, swap in comparison.reliances.items():
        both = swap.reliance
        last = Cell(ABSENT) if both is None else Cell(_signed(both.value), _ends(both), strong=both.excludes_zero)
        differences = _difference(swap.shacc), _difference(swap.sberr)
        rows.append([Cell(WORDS[name].capitalize(), name), Cell(str(swap.videos)), *differences, last])
    note = f"{comparison.b.model} less {comparison.a.model}, paired, with 95 % intervals; bold where they exclude zero."
    header = ["Swap", "Videos", "Person’s action (SHAcc), points", "Place’s action (SBErr), points", "Scene reliance"]
    return Table("Whose action is named: the difference", header, rows, note) if rows else None


def _difference(interval: Interval) -> Cell:
    return Cell(points(interval.value), between(interval), strong=interval.excludes_zero)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _ends(interval: Interval) -> str:
    return f"{interval.low:.2f} to {interval.high:.2f}".replace("-", "−")
