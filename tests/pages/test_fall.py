"""What is lost out of context: said only where its interval allows it."""

import pytest

from sceneproof.metrics.bootstrap import Interval
from sceneproof.pages.figures import cost, fall


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ((0.033, -0.01, 0.08), "Whether plain falls when it is taken out of context cannot be told: from 60.0 % to "
                               "56.7 % is 3.3 points less (95 % interval −1.0 to 8.0), which may be chance."),
        ((-0.02, -0.06, 0.02), "Whether plain falls when it is taken out of context cannot be told: from 60.0 % to "
                               "56.7 % is 2.0 points more (95 % interval −2.0 to 6.0), which may be chance."),
        ((0.22, 0.15, 0.3), "Taken out of context, plain falls from 60.0 % to 56.7 %: 22.0 points hang on the scene "
                            "(95 % interval 15.0 to 30.0)."),
        ((-0.22, -0.3, -0.15), "Taken out of context, plain does not fall: from 60.0 % to 56.7 %, 22.0 points more "
                               "(95 % interval 15.0 to 30.0)."),
        ((0, 0, 0), "Taken out of context, plain does not fall: from 60.0 % to 56.7 %."),
    ],
)  # fmt: skip
def test_a_fall_has_its_interval(lost: tuple[float, float, float], said: str) -> None:
    text = fall("plain", 0.6, 0.567, Interval(*lost), verdict=" hang on the scene")
    assert text.replace("\N{NO-BREAK SPACE}", " ") == said


def test_a_cost_that_may_be_chance_is_called_so() -> None:
    assert "loses 2.0 points (−5.0 to 1.0), which may be chance, at" in cost(
        "In context", Interval(-0.02, -0.05, 0.01), 0.5
    )
    assert "gains 2.0 points (1.0 to 3.0), at" in cost("In context", Interval(0.02, 0.01, 0.03), 0.5)
