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


def differences(found: Comparison) -> list[Figure]:
    """B less A on the same clips: top-1 by variant, and SHAcc, SBErr and reliance by swap."""
    of = {"run": f"{found.b.model} less {found.a.model}", "recipe": f"audit/{found.b.model} less {found.a.model}"}
    figures = [
        Figure("top1" if name == "original" else f"top1_{name}", paired.difference, paired.videos)
        for name, paired in found.accuracies.items()
    ]
    for end, variant in SWAPPED.items():
        if (swap := found.reliances.get(variant)) is not None:
            names = {"human_accuracy": swap.shacc, "scene_error": swap.sberr, "scene_reliance": swap.reliance}
            videos = found.accuracies[variant].videos
            figures += [Figure(f"{name}{end}", interval, videos) for name, interval in names.items()]
    return named(figures, **of, seed=ALL)


def _plain(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else asdict(interval)
