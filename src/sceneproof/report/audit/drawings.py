"""The drawings of an audit's page."""

import numpy as np
from markupsafe import Markup

from sceneproof.audit.figures import SWAPPED, WORDS
from sceneproof.audit.measures import Measures
from sceneproof.contexts.variants import CONTROLS, VARIANTS
from sceneproof.report.drawing import MUTED, PAPER, SERIES, drawn, svg
from sceneproof.report.figures import marker

BARS = (
    (SERIES[0], SERIES[0], "", "the person’s action"),
    (SERIES[1], PAPER, "///", "the place’s"),
    (PAPER, MUTED, "", "neither"),
)
"""Colour, edge, hatching and name of each part of a bar: told apart without colour, too."""


def variant_figure(measures: Measures, actions: int) -> Markup:
    """Top-1 on each variant with 95 % intervals; controls are hollow, chance is dotted."""
    found = [
        (name, interval)
        for name in VARIANTS
        if (interval := measures.figures["top1" if name == "original" else f"top1_{name}"].interval)
    ]
    with drawn(0.9 + 0.27 * len(found)) as (figure, axes):
        for row, (name, interval) in enumerate(found):
            marker(axes, interval.value, interval, row, int(name in CONTROLS), label=None)
        axes.set_yticks(range(len(found)), [WORDS[name] for name, _ in found])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0, labelsize=8.5)
        axes.axvline(100 / actions, color=MUTED, linestyle=":", linewidth=1, zorder=0)
        axes.grid(axis="x", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, 102)
        axes.set_xticks(range(0, 101, 25))
        axes.set_xlabel("top-1 accuracy, %")
        return svg(figure, "variants", "Top-1 on each variant with 95 % intervals; the table has the figures")


def swap_figure(measures: Measures) -> Markup | None:
    """Of swapped clips: how many are named by the person, by the place, by neither; None without swaps."""
    bars = []
    for end, variant in SWAPPED.items():
        shares = [
            measures.figures[f"{name}{end}"].interval for name in ("human_accuracy", "scene_error", "names_neither")
        ]
        if all(shares):
            bars.append((WORDS[variant], [100 * share.value for share in shares if share]))
    if not bars:
        return None
    with drawn(1.1 + 0.42 * len(bars)) as (figure, axes):
        for row, (_, parts) in enumerate(bars):
            starts = np.concatenate([[0.0], np.cumsum(parts)[:-1]])
            for place, (start, share) in enumerate(zip(starts, parts, strict=True)):
                colour, edge, hatch, label = BARS[place]
                axes.barh(
                    row, share, left=start, height=0.6, hatch=hatch, label=label if row == 0 else None, color=colour,
                    edgecolor=edge,
                )  # fmt: skip
        axes.set_yticks(range(len(bars)), [name for name, _ in bars])
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0, labelsize=8.5)
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, 100)
        axes.set_xticks(range(0, 101, 25))
        axes.set_xlabel("share of swapped clips, %")
        figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=9)
        return svg(figure, "swaps", "Whose action is named when person and place disagree; the table has the figures")
