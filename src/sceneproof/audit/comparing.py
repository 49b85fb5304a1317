"""`sceneproof audit compare`: two audited models on the same clips."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sceneproof import locks
from sceneproof.audit.figures import SWAPPED, WORDS
from sceneproof.audit.measures import backgrounds
from sceneproof.audit.table import AuditTable, same_videos
from sceneproof.errors import InputError
from sceneproof.files import whole, write_json
from sceneproof.metrics.bootstrap import Interval
from sceneproof.metrics.paired import PairedAccuracy, paired_accuracy
from sceneproof.metrics.scene_reliance import RelianceDifference, reliance_difference
from sceneproof.report.audit.comparison import render, sentences
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


@locks.alone(locks.beside_out)
def compare(first: Path, second: Path, out: Path = Path("compare.html"), *, quiet: bool = False) -> Comparison:
    """Holds two audits against each other: the same clips, with paired intervals and an exact test.

    Writes one page, and the same figures as JSON beside it. Both audits must be of one manifest, with the same splits,
    variants, seed and backgrounds.

    Args:
        first: The folder of an audit (what `sceneproof audit --out` wrote): what is compared with.
        second: The folder of the other one.
        out: The page to write.
        quiet: No summary.

    Raises:
        InputError: no audit, or two of other videos, actions or backgrounds.
    """
    if out.suffix == ".json":
        raise InputError(f"{out}: the page cannot be a .json file, for its figures go there: name it .html")
    found = compared(AuditTable.read(first), AuditTable.read(second))
    write_json(out.with_suffix(".json"), as_json(found))
    with whole(out) as temporary:
        temporary.write_text(render(found), encoding="utf-8")
    if not quiet:
        print("\n".join([*map(visible, sentences(found)), f"written: {out}, {out.with_suffix('.json')}"]))
    return found


def compared(a: AuditTable, b: AuditTable) -> Comparison:
    """The comparison of two tables.

    Raises:
        InputError: they are of other videos, actions or backgrounds.
    """
    same_videos([a, b])
    accuracies, reliances = {}, {}
    for name in [one for one in a.variants if one in b.variants]:
        readable = name != "original"
        one, other = a.part(name, readable=readable), b.part(name, readable=readable)
        accuracies[name] = paired_accuracy(other.right(name), one.right(name))
        if name in SWAPPED.values():
            named = (other.predicted[name], one.predicted[name])
            reliances[name] = reliance_difference(*named, one.truth, backgrounds(a, one))
    return Comparison(a, b, accuracies, reliances)


def as_json(found: Comparison) -> dict[str, Any]:
    """The figures of the page, B less A, shares from 0 to 1."""
    return {
        "a": found.a.model,
        "b": found.b.model,
        "headline": sentences(found),
        "top1": {
            name: {
                "words": WORDS[name], "videos": one.videos, "a": asdict(one.b), "b": asdict(one.a),
                "difference": asdict(one.difference), "only_a": one.test.only_b, "only_b": one.test.only_a,
                "p": one.test.p,
            }
            for name, one in found.accuracies.items()
        },
        "swaps": {
            name: {key: _plain(getattr(one, key)) for key in ("shacc", "sberr", "reliance")}
            for name, one in found.reliances.items()
        },
    }  # fmt: skip


def _plain(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else asdict(interval)
