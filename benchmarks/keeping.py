"""Figures of a benchmark, kept in a results.csv with the commit that made them."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from sceneproof.results import Result, write_results


def keep(path: Path, figures: Mapping[str, Mapping[str, float]]) -> None:
    """Adds each recipe's figures, by metric."""
    here = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
    write_results(
        path,
        [
            Result(recipe, commit.stdout.strip(), "0", metric, f"{value:.6g}")
            for recipe, row in figures.items()
            for metric, value in row.items()
        ],
    )
