"""Score explicitness as the review does, by linear rules.

The rules have balanced weights and read codes scaled to [0, 1]. Ridgeway & Mozer (2018) can be read in two
ways, and the results differ widely. In the first, the probabilities sum to 1 over a factor's values, so the
rules of the neighbouring values help. In the second, each rule stands alone, and a linear rule cannot tell a
middle value.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics import softmax
from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.information import numbered
from idgan_sc.metrics.mcc import ranked
from idgan_sc.metrics.progress import Progress, silent

RIDGE = 1.0  # scikit-learn's C = 1


def normalised_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, progress: Progress = silent) -> float:
    """Score how well linear rules tell a factor's values apart.

    2 (mean ROC area - 1/2) over factors and values, of probabilities that sum to 1 over a factor's values.

    Codes (N, D), classes (N, K); one rule a value against the rest, on its own points. Range about 0 (noise) to 1.
    Invariant to permutation, sign, and scale and shift of each code. The rules are solved to their optimum, where
    scikit-learn stops earlier: the areas differ by less than 1e-3.

    >>> z = np.tile(np.stack(np.unravel_index(np.arange(16), (4, 4)), axis=1), (30, 1))
    >>> round(normalised_score(z, z), 6), normalised_score(np.zeros((480, 2)), z)
    (1.0, 0.0)
    """
    return _score(codes, classes, normalised=True, progress=progress)


def separate_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, progress: Progress = silent) -> float:
    """`normalised_score` of each rule's own probabilities.

    >>> z = np.stack(np.unravel_index(np.arange(16), (4, 4)), axis=1)
    >>> round(separate_score(z, z), 6)
    0.666667
    """
    return _score(codes, classes, normalised=False, progress=progress)


def _score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, normalised: bool, progress: Progress) -> float:
    codes = as_codes(codes)
    factors = as_factors(classes, len(codes))
    span = np.where(moving(codes), codes.max(axis=0) - codes.min(axis=0), 1.0)
    inputs = (codes - codes.min(axis=0)) / span
    areas = [np.mean(list(_areas(inputs, numbered(column), normalised))) for column in progress(factors.T)]
    return float(2 * (np.mean(areas) - 0.5))


def _areas(inputs: Array, classes: Array, normalised: bool) -> Iterator[float]:
    """The ROC area of each value's rule."""
    classes = np.unique(classes, return_inverse=True)[1]
    margins = np.stack([_margin(inputs, classes == value) for value in range(classes.max() + 1)])
    if normalised:
        margins = 1 / (1 + np.exp(-margins))
        margins /= margins.sum(axis=0)
    for value, margin in enumerate(margins):
        yield area(margin, classes == value)


def _margin(inputs: Array, positive: Array) -> Array:
    """Return the margins w x + b (N,) of one value against the rest.

    The rule is balanced and penalised.
    """
    rest = (~positive).astype(np.int64)
    weights = softmax.fit(inputs, rest, softmax.balanced(rest), ridge=RIDGE)[0]
    return np.asarray(inputs @ weights[:-1] + weights[-1])


def area(scores: Array, positive: Array) -> float:
    """ROC area: how often a positive point outranks a negative one, ties counting half.

    >>> area(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True]))
    0.875
    """
    count = int(positive.sum())
    ranks = ranked(scores[:, None])[positive, 0]
    return float((ranks.sum() - count * (count - 1) / 2) / (count * (len(scores) - count)))
