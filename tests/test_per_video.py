from pathlib import Path

import numpy as np
import pytest

from sceneproof.errors import InputError
from sceneproof.per_video import PerVideo, add_per_video, gains, read_per_video
from sceneproof.results import read_results

RESULTS = Path(__file__).resolve().parents[1] / "results"


def row(recipe: str, seed: int, values: list[float], *, videos: str = "abc", metric: str = "top1") -> PerVideo:
    return PerVideo("mall", recipe, seed, "out of context", metric, videos, np.array(values, np.float32))


def test_seeds_that_two_machines_added_count_together(tmp_path: Path) -> None:
    path = tmp_path / "per-video.parquet"
    add_per_video(path, [row("plain", 0, [0, 0, 1, 0]), row("sdn", 0, [1, 0, 1, 0])])
    add_per_video(path, [row("plain", 1, [0, 0, 0, 0]), row("sdn", 1, [1, 1, 1, 0]), row("sdn", 2, [0, 0, 0, 0])])
    (gain,) = gains(read_per_video(path), "mall", "plain")["sdn"]
    # seed 0 gains a quarter, seed 1 three quarters; plain has no seed 2
    assert (gain.path, gain.seed, gain.n, gain.value) == ("out of context/top1/gain", "all", 4, 0.5)
    assert gain.interval is not None
    assert gain.interval.low < 0.5 < gain.interval.high
    assert gains(read_per_video(path), "bar", "plain") == {}


def test_a_run_that_is_tested_again_takes_its_own_place(tmp_path: Path) -> None:
    path = tmp_path / "per-video.parquet"
    add_per_video(path, [row("plain", 0, [0, 1]), row("plain", 0, [1, 1], metric="top5")])
    add_per_video(path, [row("plain", 0, [1, 0])])
    kept = {known.metric: known.values.tolist() for known in read_per_video(path)}
    assert kept == {"top1": [1, 0], "top5": [1, 1]}


@pytest.mark.parametrize("other", [row("sdn", 1, [1, 0], videos="def"), row("sdn", 1, [1, 0, 1])])
def test_runs_of_other_videos_are_refused_and_the_table_stays(other: PerVideo, tmp_path: Path) -> None:
    path = tmp_path / "per-video.parquet"
    add_per_video(path, [row("plain", 0, [0, 1])])
    before = path.read_bytes()
    with pytest.raises(InputError, match="sdn with seed 1 was tested on other videos than plain with seed 0"):
        add_per_video(path, [other])
    assert path.read_bytes() == before


def test_results_csv_says_what_the_published_table_does() -> None:
    """So whoever asks the table another question asks it of the runs that the pages show."""
    lines = {(line.recipe, line.seed, line.metric): float(line.ours) for line in read_results(RESULTS / "results.csv")}
    kept = {known.key: known.values for known in read_per_video(RESULTS / "per-video.parquet")}
    compared = 0
    for world in {key[0] for key in kept}:
        recipes = {key[1] for key in kept if key[0] == world} - {"plain"}
        for recipe, metric, on in {(key[1], key[4], key[3]) for key in kept if key[0] == world and key[1] in recipes}:
            pairs = [
                (values, kept[world, "plain", seed, on, metric])
                for (place, name, seed, *rest), values in kept.items()
                if (place, name, *rest) == (world, recipe, on, metric)
            ]
            gain = np.mean([ours.mean(dtype=np.float64) - plain.mean(dtype=np.float64) for ours, plain in pairs])
            assert lines[f"benchmark-{world}/{recipe}", "all", f"{on}/{metric}/gain"] == pytest.approx(gain, abs=1e-5)
            compared += 1
    assert compared > 100
