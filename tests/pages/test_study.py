from pathlib import Path

import numpy as np
import pytest

from sceneproof.errors import InputError
from sceneproof.pages.published import _belongs, ablations, quoted
from sceneproof.studies.classification import TOP_1, ClassificationStudy, Recipe, measure
from sceneproof.studies.recipes import describe
from tests.pages.fake import KINDS, PLAIN, SDN, Kind, make_run, make_study, videos


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_study(tmp_path_factory.mktemp("study"), seeds=2)


def test_runs_are_grouped_by_configuration(runs: list[Path]) -> None:
    study = ClassificationStudy.of(runs)
    assert [recipe.name for recipe in study.recipes] == list(KINDS)
    assert all(recipe.seeds == [0, 1] for recipe in study.recipes)
    assert study.baseline is study.recipes[0]
    assert study.debiased is not None
    assert study.debiased.name == "sdn"


def test_baseline_and_debiased_can_be_named(runs: list[Path]) -> None:
    study = ClassificationStudy.of(runs, baseline="plain-masked", debiased="L_Adv")
    assert (study.baseline and study.baseline.name, study.debiased and study.debiased.name) == ("plain-masked", "L_Adv")
    with pytest.raises(InputError, match="no runs are called 'nobody'; there are: plain, plain-masked"):
        ClassificationStudy.of(runs, baseline="nobody")


def test_the_two_slices_are_the_contexts(runs: list[Path]) -> None:
    study = ClassificationStudy.of(runs)
    assert {name: len(part) for name, part in study.slices.items()} == {
        "in context": 6 * 2 * 15,
        "out of context": 6 * 6 * 5,
    }
    assert list(ClassificationStudy.of(runs, splits=["test_out"]).slices) == ["out of context"]
    with pytest.raises(InputError, match="no test of split 'nothing'; tested were: test, test_out"):
        ClassificationStudy.of(runs, splits=["nothing"])


def test_without_contexts_there_is_one_slice(tmp_path: Path) -> None:
    study = ClassificationStudy.of(
        [make_run(tmp_path / "plain-seed0", KINDS["plain"], 0, rows=videos().assign(context=None))]
    )
    assert list(study.slices) == ["test"]


def test_videos_of_no_known_context_are_told_where_others_have_one(tmp_path: Path) -> None:
    rows = videos()
    rows.loc[rows["split"] == "test", "context"] = None
    study = ClassificationStudy.of([make_run(tmp_path / "plain-seed0", KINDS["plain"], 0, rows=rows)])
    assert list(study.slices) == ["out of context"]
    (note,) = study.notes
    assert note.startswith("Left out of all figures: 180 videos of which the manifest does not say")


def test_scores_are_aligned_by_video(tmp_path: Path) -> None:
    rows = videos()
    shuffled = rows.sample(frac=1, random_state=0).reset_index(drop=True)
    first = make_run(tmp_path / "plain-seed0", KINDS["plain"], 0, rows=rows.iloc[5:], missed=(rows["video"][9],))
    second = make_run(tmp_path / "plain-seed1", KINDS["plain"], 0 + 1, rows=shuffled, missed=(rows["video"][9],))
    study = ClassificationStudy.of([first, second])
    assert study.truth["video"].tolist() == rows["video"].tolist()[5:]
    assert np.argwhere(np.isnan(study.stacked(study.recipes[0]).sum(axis=2))).tolist() == [[0, 4], [1, 4]]
    assert not study.notes
    backwards = ClassificationStudy.of([second, first])
    assert backwards.notes == ["Left out of all figures: 5 videos that not every run was tested on."]


def test_bad_studies_are_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no runs given"):
        ClassificationStudy.of([])
    with pytest.raises(InputError, match="not a run folder"):
        ClassificationStudy.of([tmp_path])
    with pytest.raises(InputError, match="one configuration and seed"):
        ClassificationStudy.of([runs[0], runs[0]])
    untested = make_run(tmp_path / "untested", KINDS["plain"], 0)
    (untested / "evaluation" / "predictions.parquet").unlink()
    with pytest.raises(InputError, match=r"has not been tested .*sceneproof evaluate"):
        ClassificationStudy.of([untested])
    other = make_run(tmp_path / "other", KINDS["plain"], 5)
    (other / "labels.json").write_text('{"actions": ["a", "b"], "scenes": []}')
    with pytest.raises(InputError, match="scores of other actions"):
        ClassificationStudy.of([runs[0], other])
    elsewhere = make_run(tmp_path / "elsewhere", KINDS["plain"], 6, rows=videos().assign(split="test_elsewhere"))
    with pytest.raises(InputError, match="share no tested video"):
        ClassificationStudy.of([runs[0], elsewhere])


def test_two_recipes_of_one_stem_keep_their_folder_names(tmp_path: Path) -> None:
    first = make_run(tmp_path / "run1", KINDS["plain"], 0)
    second = make_run(tmp_path / "run2", KINDS["sdn"], 0)
    assert [recipe.name for recipe in ClassificationStudy.of([first, second]).recipes] == ["run1", "run2"]


@pytest.mark.parametrize(
    ("class_path", "init_args", "losses", "row"),
    [
        (PLAIN, {}, "L_CE", "none"),
        (PLAIN, {"masked_weight": 1.0}, "L_CE L_CE_masked", ""),
        (SDN, {}, "L_CE L_Adv L_Ent", "both"),
        (SDN, {"scene_weight": 0.0}, "L_CE L_Ent", "L_Ent"),
        (SDN, {"labels": "none"}, "L_CE L_Ent", "L_Ent"),
        (SDN, {"confusion_weight": 0.0, "labels": "hard"}, "L_CE L_Adv", "hard"),
        (SDN, {"confusion_weight": 0.0}, "L_CE L_Adv", "L_Adv"),
        (SDN, {"confusion_weight": 0.0, "labels": "none"}, "L_CE", ""),
        (SDN, {"variant": "released"}, "L_CE L_Adv L_Ent", ""),
        ("mine.Own", {"depth": 3}, "L_CE L_Adv L_Ent", ""),
        ("", {}, "", ""),
    ],
)
def test_methods_find_their_place_in_the_ablation(
    class_path: str, init_args: dict[str, object], losses: str, row: str
) -> None:
    method = describe({"method": {"class_path": class_path, "init_args": init_args}}, losses.split())
    assert method.plain == (row == "none")
    recipe: Recipe = Recipe("own", (), method)
    rows = [line["row"] for line in quoted("published.csv") if _belongs(recipe, line)]
    assert rows[:1] == [row] * bool(row)


def test_descriptions_read_well() -> None:
    sdn = {"class_path": SDN, "init_args": {"scene_weight": 1.0, "confusion_weight": 0.0, "labels": "soft"}}
    text = describe({"method": sdn}, ["L_CE", "L_Adv"]).text
    assert text == "SDN scene_weight 1.0, confusion_weight 0.0: L_CE + L_Adv"
    assert describe({"method": {"class_path": SDN, "init_args": {}}}, ["L_CE"]).text == "SDN: L_CE"
    assert describe({"method": {"class_path": "mine.Own", "init_args": {"depth": 3}}}).text == "Own depth 3"
    assert describe({}).text == "unknown method"


def test_the_headline_is_about_the_method_with_the_most_losses(tmp_path: Path) -> None:
    kinds = {
        "released": Kind(SDN, {"variant": "released"}, 0.9, 0.6),
        **{name: KINDS[name] for name in ("L_Adv", "plain", "sdn")},
        "mine": Kind("mine.Own", {"depth": 3}, 0.9, 0.6),
    }
    study = ClassificationStudy.of(make_study(tmp_path, seeds=1, kinds=kinds))
    assert study.debiased is not None
    assert study.debiased.name == "sdn"


def test_a_transfer_is_one_recipe_over_its_seeds(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / f"frozen-seed{seed}", KINDS["plain"], seed) for seed in (0, 1)]
    for seed, path in enumerate(paths):
        config = (path / "config.yaml").read_text()
        (path / "config.yaml").write_text(f"{config}weights: runs/plain-seed{seed}\n")
    assert [recipe.name for recipe in ClassificationStudy.of(paths).recipes] == ["frozen"]


@pytest.mark.parametrize(("second", "names"), [("plain", ["frozen"]), ("sdn", ["frozen-seed0", "frozen-seed1"])])
def test_starts_that_are_told_apart_by_a_number_are_of_one_recipe_where_they_were_trained_alike(
    second: str, names: list[str], tmp_path: Path
) -> None:
    paths = [make_run(tmp_path / f"frozen-seed{seed}", KINDS["plain"], seed) for seed in (0, 1)]
    for seed, (path, kind) in enumerate(zip(paths, ("plain", second), strict=True)):
        start = make_run(tmp_path / f"first{seed}", KINDS[kind], seed)
        config = (path / "config.yaml").read_text()
        (path / "config.yaml").write_text(f"{config}weights: {start}\n")
    assert [recipe.name for recipe in ClassificationStudy.of(paths).recipes] == names


def test_shuffled_scene_labels_are_a_control(tmp_path: Path) -> None:
    described = describe({"method": {"class_path": SDN, "init_args": {}}, "shuffle_scenes": True}, ["L_CE", "L_Adv"])
    assert described.control
    assert described.text == "SDN: L_CE + L_Adv (shuffled scene labels)"
    plain, control = make_run(tmp_path / "plain", KINDS["plain"], 0), make_run(tmp_path / "control", KINDS["sdn"], 0)
    ours = make_run(tmp_path / "L_Adv", KINDS["L_Adv"], 0)
    with open(control / "config.yaml", "a") as config:
        config.write("shuffle_scenes: true\n")
    study = ClassificationStudy.of([plain, control, ours])
    assert study.debiased is not None
    assert study.debiased.name == "L_Adv"
    assert "control" not in str([table.rows for table in ablations(study, measure(study))])
    assert ClassificationStudy.of([plain, control]).debiased is None


def test_recipes_of_one_name_in_other_folders_keep_their_own_figures(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / "one" / "set" / "plain-seed0", KINDS["plain"], 0),
        make_run(tmp_path / "two" / "set" / "plain-seed0", KINDS["plain-masked"], 0),
        make_run(tmp_path / "two" / "set" / "sdn-seed0", KINDS["sdn"], 0),
    ]
    study = ClassificationStudy.of(runs)
    assert [recipe.name for recipe in study.recipes] == ["one/set/plain-seed0", "two/set/plain-seed0", "sdn"]
    figures = measure(study)
    for recipe, run in zip(study.recipes, runs, strict=True):
        alone = ClassificationStudy.of([run])
        own, same = (figures.find(recipe, TOP_1, study.last), measure(alone).find(alone.recipes[0], TOP_1, study.last))
        assert own is not None
        assert same is not None
        assert own.mean == same.mean
