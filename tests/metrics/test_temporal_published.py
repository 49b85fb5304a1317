"""The published detections of S-CNN (Shou et al. 2016) on THUMOS-14, and the average precisions they have.

From zhengshou/scnn at ee05621eb272c80e72ce7a068f63e947fca3b112; steps as in experiments/THUMOS14/eval/
eval_scnn_thumos14.m there.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray

from sceneproof.metrics.average_precision import mean_average_precision
from sceneproof.metrics.temporal_matching import temporal_average_precision
from sceneproof.metrics.temporal_segments import Detections, TrueSegments, grouped_nms, temporal_nms

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)
MAP = (0.4772, 0.4353, 0.3628, 0.2870, 0.1897)


class Published(NamedTuple):
    truth: TrueSegments
    raw: Detections
    official: NDArray[np.float64]  # (K, A)


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Published:
    folder = shared_data / "thumos"
    names = [line.split()[1] for line in (folder / "annotation_test" / "detclasslist.txt").read_text().splitlines()]
    lines = [
        (int(words[0].removeprefix("video_test_")), action, float(words[1]), float(words[2]))
        for action, name in enumerate([*names, "Ambiguous"])
        for words in map(str.split, (folder / "annotation_test" / f"{name}_test.txt").read_text().splitlines())
        if words
    ]
    table = np.array(lines)
    rows = scipy.io.loadmat(folder / "THUMOS14-loc_res_seg_swin.mat")["seg_swin"]
    rows = rows[rows[:, 10] != 0]  # class 0 is the background
    weight = scipy.io.loadmat(folder / "weight.mat")["weight"]
    action = rows[:, 10].astype(np.int64) - 1
    score = rows[:, 8] * weight[np.log2(rows[:, 1] / 16).astype(np.int64), action]
    videos = np.unique(np.concatenate([table[:, 0], rows[:, 0]]))
    video, apart = np.searchsorted(videos, table[:, 0]), table[:, 1] == len(names)
    truth = TrueSegments(
        video[~apart], table[~apart, 1].astype(np.int64), table[~apart, 2:], len(videos), len(names),
        video[apart], table[apart, 2:],
    )  # fmt: skip
    official = scipy.io.loadmat(folder / "THUMOS14-res_scnn_thumos14.mat")["AP_all"][0]
    raw = Detections(np.searchsorted(videos, rows[:, 0]), action, rows[:, 4:6], score)
    return Published(truth, raw, np.stack([values.ravel() for values in official]))


def as_written(raw: Detections, threshold: float) -> Detections:
    """What their script hands to the toolkit: suppressed, best first, as text with a few digits."""
    groups = raw.video * 20 + raw.action
    kept = np.flatnonzero(grouped_nms(raw.times, raw.score, groups, threshold - 0.1))
    kept = kept[np.lexsort((-kept, groups[kept], -raw.score[kept]))]
    few = raw.take(kept)
    times = np.array([float(f"{time:.1f}") for time in few.times.ravel()]).reshape(-1, 2)
    return Detections(few.video, few.action, times, np.array([float(f"{score:.5g}") for score in few.score]))


@pytest.mark.parametrize(("place", "threshold"), list(enumerate(THRESHOLDS)))
def test_the_published_average_precision_of_each_class(published: Published, place: int, threshold: float) -> None:
    found = as_written(published.raw, threshold)
    values = temporal_average_precision(published.truth, found, [threshold], reading="thumos")
    assert np.abs(values[0] - published.official[place]).max() < 1e-6
    assert mean_average_precision(values)[0] == pytest.approx(MAP[place], abs=5e-5)


def test_suppression_by_threshold_is_theirs_but_for_the_digits(published: Published) -> None:
    values = temporal_average_precision(
        published.truth, published.raw, THRESHOLDS, reading="thumos", nms_by_threshold=True
    )
    assert mean_average_precision(values) == pytest.approx(published.official.mean(axis=1), abs=6e-3)
    fixed = grouped_nms(
        published.raw.times, published.raw.score, published.raw.video * 20 + published.raw.action, 0.4 - 0.1
    )
    one = temporal_average_precision(published.truth, published.raw.take(fixed), [0.4], reading="thumos")
    assert values[3] == pytest.approx(one[0])


def test_activitynets_reading_is_the_kinder_one(published: Published) -> None:
    found = as_written(published.raw, 0.1)
    kind, strict = (
        mean_average_precision(temporal_average_precision(published.truth, found, [0.1], reading=reading))[0]
        for reading in ("activitynet", "thumos")
    )
    assert kind > strict + 0.02


def test_suppressing_many_groups_at_once_is_suppressing_each(published: Published) -> None:
    raw = published.raw
    few = raw.take(raw.video < 12)
    groups = few.video * 20 + few.action
    kept = grouped_nms(few.times, few.score, groups, 0.4)
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        alone = own[temporal_nms(few.times[own], few.score[own], 0.4)]
        assert sorted(alone) == np.flatnonzero(kept & (groups == group)).tolist()
        assert (np.diff(few.score[alone]) <= 0).all()
