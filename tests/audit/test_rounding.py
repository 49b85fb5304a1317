"""What is kept of probabilities: enough to tell the largest among classes that were hardly thought of."""

import numpy as np
import pandas as pd
import pytest

from sceneproof.audit.conducting import _among
from sceneproof.audit.table import rounded
from sceneproof.metrics.accuracy import MISSED
from tests.pages.audit.fake import coin, fake_table


def test_four_digits_are_kept_of_the_smallest_and_the_last_bits_are_not() -> None:
    values = np.array([0.3, 1e-9, 1e-30, 0.0, 1.0])
    assert rounded(values) == pytest.approx(values, rel=2**-12)
    assert rounded(values)[4] == 1
    assert rounded(values * (1 + 1e-9)).tolist() == rounded(values).tolist()


def test_among_the_classes_that_may_be_named_the_likeliest_is_told_however_unlikely() -> None:
    scores = np.array([0.999999, 2e-9, 3e-9, 0.0], np.float32)
    kept = _among(scores, np.array([True, False, False, False]))
    assert kept.argmax() == 2
    assert kept == pytest.approx([0, 0.4, 0.6, 0], rel=1e-3)
    assert _among(np.array([1.0, 0.0], np.float32), np.array([True, False])).tolist() == [0, 0]


def test_nothing_is_named_where_nothing_has_a_probability() -> None:
    table = fake_table(coin)
    rows = table.original.assign(scores=pd.Series([np.zeros(5)] * len(table.original), dtype=object))
    assert set(table.predicted(rows)) == {MISSED}
