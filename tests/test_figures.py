import math
from pathlib import Path

from sceneproof.figures import Figure, figure_of, figures_in, figures_of_run, read_figures, recipe_named, write_figures
from sceneproof.metrics.bootstrap import Interval


def test_a_table_of_figures_reads_as_it_was_written(tmp_path: Path) -> None:
    figures = [
        Figure("top1", Interval(0.5, 0.25, 0.75), 8, "", "test", "sdn-seed0", "sdn", "0"),
        Figure("worst_group", None, 8, "no scenes are known", "test", "sdn-seed0", "sdn", "0"),
    ]
    write_figures(tmp_path / "figures.parquet", figures)
    assert read_figures(tmp_path / "figures.parquet") == figures


def test_nested_figures_have_their_count_detail_and_interval() -> None:
    tree = {
        "videos": 10,
        "top1": 0.5,
        "top1_interval": {"value": 0.5, "low": 0.2, "high": 0.8},
        "worst_group": {"action": "run", "scene": "pool", "count": 3, "accuracy": 0.25},
        "mAP": {"thumos": {"0.5": 0.125}},
        "entropy": None,
    }
    top1, worst, precision, entropy = figures_in(tree)
    assert (top1.metric, top1.interval, top1.n) == ("top1", Interval(0.5, 0.2, 0.8), 10)
    assert (worst.metric, worst.value, worst.n, worst.detail) == (
        "worst_group/accuracy", 0.25, 3, "action run, scene pool",
    )  # fmt: skip
    assert (precision.metric, precision.value, precision.n) == ("mAP/thumos/0.5", 0.125, 10)
    assert (entropy.metric, entropy.interval, entropy.detail) == ("entropy", None, "not measured")


def test_figures_of_a_run_are_of_its_splits() -> None:
    metrics = {
        "run": "sdn-seed2",
        "settings": {"clips": 1},
        "splits": {"test": {"videos": 4, "top1": 1}},
        "scene_leakage": {"probe_split": "train", "test": {"from_features": 0.75}},
        "representation_bias": {"chance": 0.5, "test": {"bias": 1.5}},
    }
    figures = figures_of_run(metrics, "sdn-seed2", 2)
    assert {figure.path: figure.value for figure in figures} == {
        "test/top1": 1.0,
        "test/scene_leakage/from_features": 0.75,
        "test/representation_bias/bias": 1.5,
        "representation_bias/chance": 0.5,
    }
    assert {(figure.run, figure.recipe, figure.seed) for figure in figures} == {("sdn-seed2", "sdn", "2")}
    assert math.isnan(figure_of("top1", 0.5).interval.low)  # type: ignore[union-attr]


def test_a_number_at_the_end_of_a_name_is_the_seed_only_where_it_says_so() -> None:
    names = ("sdn-seed0", "sdn_s12", "set1", "seed3", "mall seed 4")
    assert [recipe_named(name) for name in names] == ["sdn", "sdn", "set1", "seed3", "mall"]
