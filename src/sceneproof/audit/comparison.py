"""Two audited models on the same clips: the figures that `sceneproof audit compare` shows."""

from dataclasses import asdict, dataclass
from typing import Any

from sceneproof.audit.figures import SWAPPED, WORDS
from sceneproof.audit.measures import backgrounds
from sceneproof.audit.table import AuditTable, same_videos
from sceneproof.figures import ALL, Figure, named
from sceneproof.metrics.bootstrap import Interval
from sceneproof.metrics.paired import PairedAccuracy, paired_accuracy
from sceneproof.metrics.scene_reliance import RelianceDifference, reliance_difference


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
