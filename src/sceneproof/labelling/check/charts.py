"""Drawings of the figures."""

import math

import numpy as np
import pandas as pd
from markupsafe import Markup

from sceneproof.data.humans import COVERAGE
from sceneproof.report.drawing import INK, SERIES, drawn, svg

BINS = 20


def charts(rows: pd.DataFrame, scenes: int) -> list[tuple[Markup, str]]:
    """Histograms over videos, each with its caption, of rows of `by_clip`; `scenes` is how many the labels name."""
    found = []
    if "share" in rows and rows["share"].notna().any():
        shares = rows["share"].dropna().to_numpy(np.float64)
        text = "Share of each video's frames that show a person. Left of the line a video fails the 70 % rule."
        found.append((_histogram(shares, "people", "share of frames with a person, %", text, line=COVERAGE), text))
    if "entropy" in rows and rows["entropy"].notna().any() and scenes > 1:
        entropy = rows["entropy"].dropna().to_numpy(np.float64) / math.log(scenes)
        text = f"Entropy of each video's scene label: 0 % is certain, 100 % is all {scenes} scenes alike."
        found.append((_histogram(entropy, "entropy", f"entropy, % of ln {scenes}", text), text))
    return found


def _histogram(shares: np.ndarray, name: str, label: str, text: str, *, line: float | None = None) -> Markup:
    """How many videos have which share, 0 to 1."""
    with drawn(2.4) as (figure, axes):
        axes.hist(100 * shares, bins=np.linspace(0, 100, BINS + 1).tolist(), color=SERIES[0], rwidth=0.9)
        if line is not None:
            axes.axvline(100 * line, color=INK, linestyle="--", linewidth=1.2)
        axes.set_xlim(0, 100)
        axes.set_xlabel(label)
        axes.set_ylabel("videos")
        axes.grid(axis="y", linewidth=0.6)
        axes.set_axisbelow(True)
        return svg(figure, name, text)
