"""What is said of detectors first."""

from pathlib import Path

import numpy as np
import pandas as pd

from sceneproof.pages.detection import at_floor, headline
from sceneproof.studies.detection import LOT, DetectionStudy, measure
from sceneproof.tasks.detection.detecting import Found
from tests.pages.detection.fake import BLIND, MOC, PERFECT, SSD, Kind, exact, found, make_detector, people, truth
from tests.pages.fake import ACTIONS

THERE = truth(12, pairs=False)


def guessed(there: pd.DataFrame, seed: int) -> Found:
    """Everybody where they are, their action guessed."""
    names = dict.fromkeys(there["video"])
    guesses = np.random.default_rng(seed).permutation(np.resize(ACTIONS, len(names)))
    rows = people(there)
    return found(rows.assign(score=0.9, action=rows["video"].map(dict(zip(names, guesses, strict=True)))))


def said(*paths: Path, **options: str) -> list[str]:
    """The sentences, with plain spaces."""
    study = DetectionStudy.of(paths, **options)
    return [one.replace("\N{NO-BREAK SPACE}", " ") for one in headline(study, measure(study))]


def test_a_perfect_one_is_above_the_floor(tmp_path: Path) -> None:
    plain = make_detector(tmp_path / "plain", BLIND, 0, there=THERE, made=exact(THERE, wrong=True), starts=tmp_path)
    sdn = make_detector(tmp_path / "sdn", PERFECT, 0, there=THERE, made=exact(THERE), starts=tmp_path)
    first, *others = said(plain, sdn)
    assert first == (
        "Out of context, sdn reaches a frame-mAP of 100.0 % and plain 0.0 %: 100.0 points more (95 % interval 100.0 to "
        "100.0; at an IoU of 0.5 in ACT’s reading; 1 training seed, 13 videos)."
    )
    assert others[0] == "In context it gains 100.0 points (100.0 to 100.0), at 100.0 %."
    assert others[1] == "Taken out of context, plain does not fall: from 0.0 % to 0.0 %."
    assert others[2].startswith("Out of context, plain is not clearly better than its own boxes with the actions of")
    assert len(others) == 3


def test_what_is_below_the_floor_and_led_with_is_told_at_once(tmp_path: Path) -> None:
    plain = make_detector(tmp_path / "plain", PERFECT, 0, there=THERE, made=exact(THERE), starts=tmp_path)
    other = make_detector(tmp_path / "other", BLIND, 0, there=THERE, made=exact(THERE, wrong=True), starts=tmp_path)
    first, second, third, *_ = said(plain, other, baseline="plain")
    assert "other reaches a frame-mAP of 0.0 % and plain 100.0 %: 100.0 points less" in first
    assert second.startswith("Out of context, other is not clearly better than its own boxes")
    assert third.startswith("In context it loses 100.0 points")
    assert not any("Nothing follows" in one for one in (first, second, third))


def test_nothing_follows_where_all_guess(tmp_path: Path) -> None:
    paths = [
        make_detector(tmp_path / name, kind, 0, there=THERE, made=guessed(THERE, seed), starts=tmp_path)
        for seed, (name, kind) in enumerate((("ssd", Kind(SSD, "plain", 0, 0)), ("moc", Kind(MOC, "sdn", 0, 0))))
    ]
    study = DetectionStudy.of(paths)
    measures = measure(study)
    assert all(at_floor(study, measures, recipe) for recipe in study.recipes)
    first, second, *_ = said(*paths)
    lots = [measures.find(recipe, LOT, study.last) for recipe in study.recipes]
    low, high = sorted(100 * one.mean for one in lots if one is not None)
    assert first == (
        "Nothing follows from these figures. Out of context, no detector here is clearly better than its own boxes "
        f"with the actions of each video exchanged by lot, which reach a frame-mAP of {low:.1f} % to {high:.1f} %."
    )
    assert second.startswith("Out of context, ssd reaches a frame-mAP of")
    (alone, *_) = said(paths[0])
    assert alone.startswith("Nothing follows from these figures. Out of context, ssd is not clearly better than its")
    good = make_detector(tmp_path / "good", PERFECT, 1, there=THERE, made=exact(THERE), starts=tmp_path)
    assert not any("Nothing follows" in one for one in said(*paths, good))


def test_without_contexts_it_speaks_of_the_test_videos(tmp_path: Path) -> None:
    there = THERE.assign(context="")
    path = make_detector(tmp_path / "own", PERFECT, 0, there=there, made=exact(there))
    assert said(path, reading="voc") == [
        "On the test videos, own reaches a frame-mAP of 100.0 % (at an IoU of 0.5 in Singh et al.’s (PASCAL VOC’s) "
        "reading; 1 training seed, 26 videos)."
    ]
    blind = make_detector(tmp_path / "blind", BLIND, 0, there=there, made=exact(there, wrong=True))
    assert said(blind)[0].startswith("Nothing follows from these figures. On the test videos, blind is not clearly")
