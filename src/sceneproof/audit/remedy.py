"""What to do without training: the part of the scene taken out of a model's answers, as far as that costs nothing.

`sceneproof remedy AUDIT` and `sceneproof audit --remedy` choose how much of it on clips in context, and keep that in a
file, which `evaluate`, `app` and Python apply to the same model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sceneproof import locks
from sceneproof.audit.measures import backgrounds
from sceneproof.audit.table import AuditTable
from sceneproof.correction import COST, Remedy
from sceneproof.errors import InputError
from sceneproof.figures import Figure, figure_of, named
from sceneproof.metrics.accuracy import MISSED
from sceneproof.metrics.bootstrap import Interval, mean_interval, paired_interval
from sceneproof.metrics.correction import ALPHAS, chosen_alpha, corrected
from sceneproof.metrics.grouped_probe import spread
from sceneproof.metrics.scene_reliance import Reliance, RelianceDifference, reliance, reliance_difference
from sceneproof.pages.kit import between, percent, points
from sceneproof.terminal import visible

FILE = "remedy.json"
ALONE = ("human_inpainted", "human_filled")
"""Variants that show the scene alone; the first that the audit has is taken."""
FOLDS = 5
BEFORE, AFTER, CHANGE = "as it is", "corrected", "corrected less as it is"
"""Slices of its figures."""


@dataclass(frozen=True)
class Remedied:
    """A remedy, and what it changes on the clips whose scene alone is known.

    Each clip is corrected as far as the other folds allowed, so no clip had a say in how it is corrected itself; and
    only clips as they are had one: those in other places are the test.

    Attributes:
        remedy: chosen on all clips.
        alphas: those of the folds.
        top1: as it is, corrected, and the paired difference.
        swaps: likewise, whose action is named in another action's place; None without swaps.
        curve: alpha -> top-1, SHAcc and SBErr on all these clips; the last two NaN without swaps.
    """

    remedy: Remedy
    alphas: tuple[float, ...]
    top1: tuple[Interval, Interval, Interval]
    swaps: tuple[Reliance, Reliance, RelianceDifference] | None
    videos: int
    curve: dict[float, tuple[float, float, float]]

    def figures(self) -> list[Figure]:
        """As rows of figures.parquet, their slices saying what they are of."""
        figures = [figure_of("alpha", self.remedy.alpha, n=self.videos, slice=AFTER)]
        for place, of in enumerate((BEFORE, AFTER, CHANGE)):
            part = [Figure("top1", self.top1[place], self.videos)]
            if self.swaps is not None:
                swap = self.swaps[place]
                values = {"human_accuracy": swap.shacc, "scene_error": swap.sberr, "scene_reliance": swap.reliance}
                part += [Figure(name, value, swap.videos) for name, value in values.items()]
            figures += named(part, slice=of)
        return figures


def remedied(table: AuditTable, *, cost: float = COST, scene: str | None = None) -> Remedied | str:
    """Chooses a remedy from an audit's table, and tests it; or why that cannot be done.

    Args:
        table: what the model said.
        cost: what accuracy in context may lose, from 0 to 1.
        scene: the variant that shows the scene alone; None: the first of `ALONE` that the audit has.
    """
    wanted = [name for name in ALONE if scene in (None, name) and name in table.variants]
    if not wanted:
        return f"no clip is known without its people ({scene or ' or '.join(ALONE)}): audit with --humans"
    scene = wanted[0]
    original = _pairs(table, "original", scene)
    groups = original.groups
    if len(set(groups)) < 2:
        return "clips of two films or more are needed: what is chosen on some is tested on others"
    right = np.stack([original.predicted(alpha) == original.truth for alpha in ALPHAS])
    fold = _folds(groups, original.truth, len(table.actions))
    alphas = [chosen_alpha(right[:, fold != number], cost) for number in range(fold.max() + 1)]
    place = {alpha: number for number, alpha in enumerate(ALPHAS)}
    mine = np.array([place[alphas[number]] for number in fold])
    before, after = right[0].astype(np.float64), right[mine, np.arange(len(mine))].astype(np.float64)
    top1 = (mean_interval(before), mean_interval(after), paired_interval(after[None], before[None]))
    swapped = _pairs(table, "swap_random", scene)
    own = dict(zip(original.videos, fold, strict=True))
    known = np.array([video in own for video in swapped.videos], bool)
    swaps = _swapped(swapped.only(known), own, alphas) if known.any() else None
    best = chosen_alpha(right, cost)
    remedy = Remedy(best, tuple(table.classes), str(table.facts.get("identity", "")), scene, cost)
    curve = {alpha: (float(row.mean()), *_shares(swapped, alpha)) for alpha, row in zip(ALPHAS, right, strict=True)}
    return Remedied(remedy, tuple(alphas), top1, swaps, len(original.truth), curve)


@dataclass(frozen=True)
class _Pairs:
    """Clips with what was said of them, and of their scene alone: rows (N, C), and the numbers of their actions."""

    table: AuditTable
    videos: list[str]
    groups: NDArray[np.str_]
    scores: NDArray[np.float64]
    scene: NDArray[np.float64]
    truth: NDArray[np.int64]
    other: NDArray[np.int64]

    def predicted(self, alpha: float) -> NDArray[np.int64]:
        if not len(self.videos):
            return np.zeros(0, np.int64)
        best = corrected(self.scores, self.scene, alpha).argmax(axis=1)
        return np.asarray(self.table.action_of[best], np.int64)

    def only(self, rows: NDArray[np.bool_]) -> "_Pairs":
        videos = [video for video, kept in zip(self.videos, rows, strict=True) if kept]
        return _Pairs(
            self.table, videos, self.groups[rows], self.scores[rows], self.scene[rows], self.truth[rows],
            self.other[rows],
        )  # fmt: skip


def _pairs(table: AuditTable, variant: str, scene: str) -> _Pairs:
    """The clips of a variant whose scene alone was shown to the model: their own, or that of the place they are in."""
    alone = table.part(scene).rows.set_index("video")["scores"]
    part = table.part(variant)
    whose = part.rows["video"] if variant == "original" else part.rows["background"]
    known = whose.isin(alone.index).to_numpy()
    rows, classes = part.rows[known], len(table.classes)
    groups = rows["group"].where(rows["group"].notna(), rows["video"]).astype(str).to_numpy(str)
    places = np.full(len(part), MISSED) if variant == "original" else backgrounds(table, part)
    return _Pairs(
        table,
        [str(video) for video in rows["video"]],
        groups,
        np.array(rows["scores"].tolist(), np.float64).reshape(-1, classes),
        np.array(alone.loc[whose[known]].tolist(), np.float64).reshape(-1, classes),
        part.truth[known],
        places[known],
    )


def _folds(groups: NDArray[np.str_], truth: NDArray[np.int64], actions: int) -> NDArray[np.int64]:
    """Which fold each clip is in, int64 (N,): clips of one group in one, actions spread evenly."""
    names, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), actions), np.int64)
    np.add.at(counts, (group.ravel(), truth), 1)
    fold: NDArray[np.int64] = spread(counts, min(FOLDS, len(names)))[group.ravel()]
    return fold


def _swapped(
    pairs: _Pairs, fold: dict[str, int], alphas: Sequence[float]
) -> tuple[Reliance, Reliance, RelianceDifference]:
    mine = np.array([alphas[fold[video]] for video in pairs.videos])
    before, after = pairs.predicted(0), np.empty(len(mine), np.int64)
    for alpha in set(mine.tolist()):
        after[mine == alpha] = pairs.only(mine == alpha).predicted(alpha)
    truth = (pairs.truth, pairs.other)
    return reliance(before, *truth), reliance(after, *truth), reliance_difference(after, before, *truth)


def _shares(pairs: _Pairs, alpha: float) -> tuple[float, float]:
    """SHAcc and SBErr; NaN without clips."""
    if not len(pairs.videos):
        return np.nan, np.nan
    predicted = pairs.predicted(alpha)
    return float((predicted == pairs.truth).mean()), float((predicted == pairs.other).mean())


def sentences(correction: Remedied) -> list[str]:
    """What the remedy does, the most important first."""
    before, after, change = correction.top1
    alpha = correction.remedy.alpha
    if alpha == 0:
        return [f"No part of the scene’s answer can be taken out for {percent(correction.remedy.cost, 1)} of accuracy."]
    said = [
        f"Taking {alpha:g} of the scene’s answer out, without training, brings top-1 on the clips as they are from "
        f"{percent(before.value)} to {percent(after.value)}: {points(change.value)} points ({between(change)})."
    ]
    if correction.swaps is not None:
        mine, theirs, less = correction.swaps
        said.append(
            f"In another action’s place it then names the place’s action on {percent(theirs.sberr.value)} of the clips "
            f"instead of {percent(mine.sberr.value)} ({points(less.sberr.value)} points, {between(less.sberr)}), and "
            f"the person’s on {percent(theirs.shacc.value)} instead of {percent(mine.shacc.value)}."
        )
    return said


@locks.alone(locks.beside_out)
def remedy(
    audit: Path,
    out: Path = Path(FILE),
    *,
    cost: float = COST,
    scene: Literal["human_inpainted", "human_filled"] | None = None,
    quiet: bool = False,
) -> Remedied:
    """Corrects a model's answers without training: takes out what the scene alone says, as far as that costs nothing.

    Of an audit with clips without their people, the share of the scene's answer is chosen with which accuracy in
    context falls by no more than --cost, and tested on other clips and in other places, which have no say in it. The
    file that is written is applied by `sceneproof evaluate --remedy` and `sceneproof app --remedy` to the same model.

    Args:
        audit: The folder of an audit (what `sceneproof audit --out` wrote).
        out: The file to write.
        cost: Accuracy in context that may be lost, from 0 to 1.
        scene: What shows the scene alone: the person taken out (human_inpainted), or painted over with the frame's mean
            colour (human_filled), as `evaluate` does it; by default the first that the audit has.
        quiet: No summary.

    Raises:
        InputError: no audit, or one that does not tell what the model says of the scene alone.
    """
    if not 0 <= cost < 1:
        raise InputError(f"--cost {cost:g}: give a share of clips, from 0 to 1")
    correction = remedied(AuditTable.read(audit), cost=cost, scene=scene)
    if isinstance(correction, str):
        raise InputError(f"{audit}: no remedy can be chosen: {correction}")
    correction.remedy.write(out)
    if not quiet:
        print("\n".join([*map(visible, sentences(correction)), f"written: {out}"]))
    return correction
