"""The page that holds two audits against each other."""

from typing import TYPE_CHECKING

from sceneproof.audit.figures import WORDS
from sceneproof.contexts.variants import CONTROLS
from sceneproof.metrics.bootstrap import Interval
from sceneproof.report.cells import ABSENT, Cell, Table, percent
from sceneproof.report.html import html
from sceneproof.report.tables import between

if TYPE_CHECKING:
    from sceneproof.audit.comparing import Comparison


def sentences(found: "Comparison") -> list[str]:
    """What the comparison says, the most important first."""
    a, b = found.a.model, found.b.model
    said = []
    swap = found.reliances.get("swap_random")
    if swap is not None and swap.reliance is not None:
        differs = f"its scene reliance differs by {_signed(swap.reliance.value, 2)} ({_ends(swap.reliance, 2)})"
        if swap.reliance.excludes_zero:
            said.append(f"{b} leans {_more(swap.reliance)} on the scene than {a}: {differs}.")
        else:
            said.append(f"Whether {b} leans more or less on the scene than {a} cannot be told: {differs}.")
    top1 = found.accuracies["original"]
    said.append(
        f"On the clips as they are {b} names {percent(top1.a.value)} rightly and {a} {percent(top1.b.value)}: "
        f"{_points(top1.difference)} points{_clear(top1.difference)}; {top1.test.only_a} clips are right with {b} "
        f"alone, {top1.test.only_b} with {a} alone (exact test: p = {top1.test.p:.2g})."
    )
    return said


def accuracy_table(found: "Comparison") -> Table:
    """Top-1 of both on each variant, with the paired difference and the exact test."""
    rows = []
    for name, one in found.accuracies.items():
        kind = " (control)" if name in CONTROLS else ""
        rows.append([
            Cell(WORDS[name].capitalize() + kind, name), Cell(str(one.videos)), Cell(f"{100 * one.b.value:.1f}"),
            Cell(f"{100 * one.a.value:.1f}"),
            Cell(_signed(100 * one.difference.value, 1), between(one.difference), strong=one.difference.excludes_zero),
            Cell(str(one.test.only_b)), Cell(str(one.test.only_a)), Cell(f"{one.test.p:.2g}"),
        ])  # fmt: skip
    a, b = found.a.model, found.b.model
    header = ["Clip", "Videos", a, b, "Difference", f"Right: {a} alone", f"Right: {b} alone", "p"]
    note = (
        f"Top-1 in percent on the same clips; difference: {b} less {a}, in points, with a paired 95 % interval over "
        f"videos; p: McNemar’s exact test. There are as many tests as rows: expect one in twenty below .05 by chance."
    )
    return Table("Top-1 on the same clips", header, rows, note)


def reliance_table(found: "Comparison") -> Table | None:
    """Whose action is named, B less A; None without swaps."""
    rows = []
    for name, one in found.reliances.items():
        differences = [
            Cell(_signed(100 * interval.value, 1), between(interval), strong=interval.excludes_zero)
            for interval in (one.shacc, one.sberr)
        ]
        both = one.reliance
        last = Cell(ABSENT) if both is None else Cell(_signed(both.value, 2), _ends(both, 2), strong=both.excludes_zero)
        rows.append([Cell(WORDS[name].capitalize(), name), Cell(str(one.videos)), *differences, last])
    if not rows:
        return None
    note = f"{found.b.model} less {found.a.model}, paired, with 95 % intervals; bold where they exclude zero."
    header = ["Swap", "Videos", "Person’s action (SHAcc), points", "Place’s action (SBErr), points", "Scene reliance"]
    return Table("Whose action is named: the difference", header, rows, note)


def render(found: "Comparison") -> str:
    """The page as HTML."""
    tables = [one for one in (accuracy_table(found), reliance_table(found)) if one is not None]
    return html(
        "comparison.html.j2",
        package="sceneproof.report.audit",
        title=f"{found.b.model} against {found.a.model}",
        headline=sentences(found),
        notes=[],
        sections=["comparison"],
        tables=tables,
    )


def _more(interval: Interval) -> str:
    return "more" if interval.value > 0 else "less"


def _clear(interval: Interval) -> str:
    return "" if interval.excludes_zero else ", which may be chance"


def _points(interval: Interval) -> str:
    return f"{_signed(100 * interval.value, 1)} ({between(interval)})"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _ends(interval: Interval, digits: int) -> str:
    return f"{interval.low:.{digits}f} to {interval.high:.{digits}f}".replace("-", "−")
