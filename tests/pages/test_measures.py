import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sceneproof.data.tables import read_table, write_table
from sceneproof.pages import classification, published
from sceneproof.pages import study as shared
from sceneproof.pages.classification import headline
from sceneproof.studies import classification as m
from sceneproof.studies.classification import ClassificationStudy, measure
from sceneproof.studies.measures import StudyMeasures
from tests.pages.fake import ACTIONS, KINDS, make_run, make_study, sharp

ROWS = pd.DataFrame(
    [
        ("a", "test", "jump", "gym", "in", None),
        ("b", "test", "run", "gym", "in", None),
        ("c", "test_out", "jump", "pool", "out", None),
        ("d", "test_out", "jump", "pool", "out", None),
        ("e", "test_out", "run", "pool", "out", None),
        ("f", "test_out", "wave", "gym", "out", None),
    ],
    columns=["video", "split", "action", "scene", "context", "group"],
)
JUMP, RUN, WAVE, BEND = (ACTIONS.index(name) for name in ("jump", "run", "wave", "bend"))
ANSWERS = {  # a..f; -1: could not be read
    ("plain", 0): [JUMP, RUN, BEND, BEND, RUN, -1],
    ("plain", 1): [JUMP, BEND, BEND, JUMP, RUN, -1],
    ("sdn", 0): [JUMP, RUN, JUMP, JUMP, RUN, -1],
    ("sdn", 1): [JUMP, RUN, BEND, JUMP, BEND, -1],
}


def answer(folder: Path, answers: list[int]) -> None:
    """Puts these answers into a run's predictions."""
    path = folder / "evaluation" / "predictions.parquet"
    table, metadata = read_table(path, "predictions", ("video",))
    scores = sharp(np.array(answers), 0.8)
    table["scores"] = pd.Series([None if n < 0 else row for n, row in zip(answers, scores, strict=True)], dtype=object)
    table["problem"] = ["no video stream" if n < 0 else "" for n in answers]
    metadata.pop("kind")
    write_table(path, table, "predictions", **metadata)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ClassificationStudy:
    folder = tmp_path_factory.mktemp("hand")
    paths = []
    for (name, seed), answers in ANSWERS.items():
        paths.append(make_run(folder / f"{name}-seed{seed}", KINDS[name], seed, rows=ROWS))
        answer(paths[-1], answers)
    return ClassificationStudy.of(paths)


@pytest.fixture(scope="module")
def measured(study: ClassificationStudy) -> StudyMeasures[None]:
    return measure(study, minimum_count=2)


def test_top_1_by_hand(study: ClassificationStudy, measured: StudyMeasures[None]) -> None:
    plain, sdn = study.recipes
    found = measured.find(plain, m.TOP_1, "out of context")
    assert found is not None
    assert (found.values, found.videos, found.seeds) == ([1 / 4, 2 / 4], 4, [0, 1])  # the unread video is a miss
    assert found.mean == pytest.approx(3 / 8)
    assert found.std == pytest.approx(math.sqrt(2) / 8)
    assert found.gain is None
    ours = measured.find(sdn, m.TOP_1, "out of context")
    assert ours is not None
    assert ours.gain is not None
    assert ours.gain.value == pytest.approx((3 / 4 + 1 / 4) / 2 - 3 / 8)
    assert ours.gain.low <= ours.gain.value <= ours.gain.high


def test_other_figures_by_hand(study: ClassificationStudy, measured: StudyMeasures[None]) -> None:
    plain = study.recipes[0]
    classes = measured.find(plain, m.MEAN_CLASS, "out of context")
    assert classes is not None
    assert classes.values == pytest.approx([(0 + 1 + 0) / 3, (1 / 2 + 1 + 0) / 3])  # jump, run, wave
    worst = measured.find(plain, m.WORST, "out of context")
    assert worst is not None
    assert (worst.values, worst.detail) == ([0, 0.5], "jump in pool (2 videos)")
    entropy = measured.find(plain, m.ENTROPY, "out of context")
    assert entropy is not None
    assert entropy.videos == 3  # of the videos that could be read
    assert entropy.mean == pytest.approx(-(0.8 * math.log(0.8) + 0.2 * math.log(0.04)))
    leakage = measured.find(plain, m.LEAKAGE, "in context")
    assert leakage is not None
    assert leakage.mean == pytest.approx(0.6)
    assert leakage.detail == "action 41.0"


def test_pull_by_hand(study: ClassificationStudy) -> None:
    # plain, out of context, in the pool: of 2 jumps, 1 run, over 2 seeds, taken for "bend": 2 of 3 and 1 of 3
    assert classification.pull(study, study.recipes[0], "out of context") == {"pool": ("bend", 0.5)}


def test_heat_map_by_hand(study: ClassificationStudy) -> None:
    heat = classification.heat_map(study, study.recipes[0], "out of context")
    assert heat is not None
    assert heat.header == ["Action", "gym", "pool"]
    assert [[cell.text for cell in row] for row in heat.rows] == [
        ["jump", "", "25"],
        ["run", "", "100"],
        ["wave", "0", ""],
    ]


def test_failures_are_listed(study: ClassificationStudy) -> None:
    failures = shared.failure_table(study)
    assert failures is not None
    assert [[cell.text for cell in row] for row in failures.rows] == [["f", "test_out", "4 of 4", "no video stream"]]


def test_comparison_reads_as_measured(study: ClassificationStudy, measured: StudyMeasures[None]) -> None:
    comparison = classification.comparison(study, measured)
    plain, sdn = comparison.rows
    assert [cell.text for cell in plain] == ["plain", "75.0", "37.5", "–", "–", "0.0", "1.09", "60.0", "25.0"]
    assert plain[1].aside == "±\N{NO-BREAK SPACE}35.4"
    assert sdn[4].text == "+12.5"
    assert comparison.numeric == [False, *[True] * 8]


def test_ablation_puts_ours_beside_the_papers(study: ClassificationStudy, measured: StudyMeasures[None]) -> None:
    losses, labels = published.ablations(study, measured)
    assert [[row[0].text, row[1].text, row[3].text, row[-1].text] for row in losses.rows] == [
        ["none", "plain", "37.5", "53.6"],
        ["L_Ent", "not run", "–", "55.1"],
        ["L_Adv", "not run", "–", "56.2"],
        ["both", "sdn", "50.0", "56.7"],
    ]
    assert [[row[0].text, row[-1].text] for row in labels.rows] == [
        ["none", "53.6"],
        ["hard", "54.5"],
        ["soft", "56.2"],
    ]
    assert "NeurIPS 2019" in labels.note


def test_the_papers_localization_adds_up() -> None:
    lines = published.quoted("published-thumos14.csv")
    assert [line["method"] for line in lines] == ["baseline", "debiased", "CDC", "TAL-Net", "SSN"]
    assert lines[1]["0.5"] == "33.4"
    for line in lines:
        values = [float(line[f"0.{place}"]) for place in range(1, 8) if line[f"0.{place}"]]
        if line["method"] != "CDC":  # of which nobody has them all
            assert float(line["average"]) == pytest.approx(sum(values) / 7, abs=0.051)
    assert all("poster" in line["source"] for line in lines)


def test_headline_in_words(study: ClassificationStudy, measured: StudyMeasures[None]) -> None:
    lead, cost, chance, fall = (text.replace("\N{NO-BREAK SPACE}", " ") for text in headline(study, measured))
    assert lead.startswith("Out of context, sdn is right on 50.0 % of clips and plain on 37.5 %: 12.5 points more")
    assert "which may be chance" in lead
    assert lead.endswith("2 training seeds, 4 videos).")
    assert cost.startswith("In context it gains 25.0 points (")
    assert chance == "sdn is not clearly better there than guessing, which is right on 16.7 %."
    assert fall == (
        "Whether plain falls when it is taken out of context cannot be told: from 75.0 % to 37.5 % is 37.5 points less "
        "(95 % interval −50.0 to 100.0), which may be chance."
    )


def test_a_clear_difference_is_called_one(tmp_path: Path) -> None:
    study = ClassificationStudy.of(
        make_study(tmp_path, seeds=3, kinds={name: KINDS[name] for name in ("plain", "sdn")})
    )
    lead = headline(study, measure(study))[0]
    assert "points more (95 % interval" in lead
    assert "chance" not in lead
    assert not any("guessing" in sentence for sentence in headline(study, measure(study)))


def test_one_run_alone_has_a_headline(tmp_path: Path) -> None:
    study = ClassificationStudy.of([make_run(tmp_path / "sdn", KINDS["sdn"], 0)])
    assert study.baseline is None
    lead = headline(study, measure(study))[0].replace("\N{NO-BREAK SPACE}", " ")
    assert lead.startswith("Out of context, sdn is right on ")
    assert "1 training seed," in lead


def test_runs_that_share_no_seed_have_no_interval(tmp_path: Path) -> None:
    study = ClassificationStudy.of(
        [make_run(tmp_path / name, KINDS[name], seed) for name, seed in (("plain", 0), ("sdn", 1))]
    )
    assert "share no training seed" in headline(study, measure(study))[0]


def test_entropies_are_compared_on_the_videos_that_every_run_could_read(tmp_path: Path) -> None:
    plain = make_run(tmp_path / "plain-seed0", KINDS["plain"], 0, rows=ROWS, missed=("c",))
    sdn = make_run(tmp_path / "sdn-seed0", KINDS["sdn"], 0, rows=ROWS, missed=("d",))
    untested = make_run(tmp_path / "L_Ent-seed0", KINDS["L_Ent"], 0, rows=ROWS)
    path = untested / "evaluation" / "predictions.parquet"
    table, metadata = read_table(path, "predictions", ("video",))
    metadata.pop("kind")
    write_table(path, table.drop(columns="scores_without_humans"), "predictions", **metadata)
    study = ClassificationStudy.of([plain, sdn, untested])
    measured = measure(study)
    for metric in (m.ENTROPY, m.NOBODY_ENTROPY):
        found = [measured.find(recipe, metric, "out of context") for recipe in study.recipes[:2]]
        assert [one and one.videos for one in found] == [2, 2]  # of c, d, e, f
    assert measured.find(study.recipes[2], m.NOBODY_ENTROPY, "out of context") is None
    assert measured.find(study.recipes[2], m.TOP_1, "out of context") is not None


def test_the_worst_group_is_named_by_seed_where_seeds_differ(tmp_path: Path) -> None:
    """Each seed's own is shown; a group that is the worst on average alone may be right half of the time."""
    rows = ROWS.iloc[[2, 3, 4, 4]].assign(video=list("cdgh"))
    runs = []
    for seed, answers in enumerate(([BEND, BEND, RUN, RUN], [JUMP, JUMP, BEND, BEND])):
        runs.append(make_run(tmp_path / f"plain-seed{seed}", KINDS["plain"], seed, rows=rows))
        answer(runs[-1], answers)
    study = ClassificationStudy.of(runs)
    worst = measure(study, minimum_count=2).find(study.recipes[0], m.WORST, "out of context")
    assert worst is not None
    assert worst.values == [0, 0]
    assert worst.detail == "jump in pool (2 videos) or, by seed, run in pool (2 videos)"
