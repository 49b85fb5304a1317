"""How much of a label can be read off a representation with a linear classifier."""

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def linear_probe(
    train_x: ArrayLike,
    train_y: ArrayLike,
    test_x: ArrayLike,
    test_y: ArrayLike,
    seed: int = 0,
    maximum_rows: int = 5000,
) -> float:
    """Test accuracy, 0 to 1, of a linear classifier on frozen features.

    Logistic regression (L2, C = 1, lbfgs) on features standardised by the training rows' mean and deviation: the same
    input gives the same figure. With scene labels this is scene leakage: how well the scene can be told from what
    the action model keeps.

    Args:
        train_x: (N, D), finite.
        train_y: (N,), labels: numbers or names.
        test_x: (M, D), finite.
        test_y: (M,); a label that training lacks is a miss.
        seed: of the draw of training rows.
        maximum_rows: with more training rows than this, so many are drawn without replacement, to stay fast.

    Raises:
        ValueError: no rows, unequal lengths or a value that is not finite.
    """
    test_y = np.asarray(test_y)
    said = probed_labels(train_x, train_y, test_x, seed=seed, maximum_rows=maximum_rows)
    if said.shape != test_y.shape:
        raise ValueError(f"as many labels as rows to test, not {len(test_y)} and {len(said)}")
    return float((said == test_y).mean())


def probed_labels(
    train_x: ArrayLike, train_y: ArrayLike, test_x: ArrayLike, *, seed: int = 0, maximum_rows: int = 5000
) -> NDArray[Any]:
    """The label that `linear_probe` gives to each row: (M,), of the type of `train_y`.

    Args:
        train_x: (N, D), finite.
        train_y: (N,), labels: numbers or names.
        test_x: (M, D), finite.
        seed: of the draw of training rows.
        maximum_rows: with more training rows than this, so many are drawn without replacement.

    Raises:
        ValueError: no rows, unequal lengths or a value that is not finite.
    """
    from sklearn.linear_model import LogisticRegression  # takes most of a second, and few commands probe anything
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train_x, train_y = np.asarray(train_x, dtype=np.float64), np.asarray(train_y)
    if len(train_x) > maximum_rows:
        rows = np.sort(np.random.default_rng(seed).choice(len(train_x), maximum_rows, replace=False))
        train_x, train_y = train_x[rows], train_y[rows]
    if len(train_y) and (train_y == train_y[0]).all():  # one class alone needs no classifier, and none would fit
        return np.repeat(train_y[:1], len(np.asarray(test_x)))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():
        # scikit-learn takes many labels for a quantity that should be regressed; ours are names, however many there are
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        probe.fit(train_x, train_y)
    return np.asarray(probe.predict(np.asarray(test_x, dtype=np.float64)))


def representation_bias(accuracy: float, chance: float) -> float:
    """ln(accuracy / chance): 0 where the representation tells nothing of the label; minus infinity at accuracy 0.

    With a linear probe for the *action* on scene features this is B_scene, a data set's scene bias: on UCF-101
    ln(59.7 % / 1.0 %) = 4.09 (Choi et al. 2019, section 3.1, after Li, Li and Vasconcelos 2018).

    Args:
        accuracy: of a classifier on the representation, 0 to 1.
        chance: accuracy of guessing, above 0: one over the number of classes.
    """
    return math.log(accuracy / chance) if accuracy > 0 else -math.inf
