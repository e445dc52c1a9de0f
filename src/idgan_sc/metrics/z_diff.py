"""Score Z-diff, the review's version of the β-VAE score.

The pairs come from a fixed table of points and are tested on others. Each pair of a batch shares its own value
of the fixed factor. The accuracy is rescaled so that chance is 0.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors
from idgan_sc.metrics.information import numbered

STEPS = 10_000  # of the logistic regression, so that it converges


def z_diff_score(
    codes: npt.ArrayLike,
    classes: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    batch_size: int = 200,
    train: int = 10_000,
    test: int = 5_000,
) -> float:
    """Score how well pairs' differences tell the factor they share.

    (accuracy - 1/K) / (1 - 1/K) of logistic regression that names the fixed factor of `test` batches.

    Codes (N, D), classes (N, K >= 2). A batch's feature is the mean |difference| of its pairs' codes. Range: below 0
    (worse than chance) to 1. Invariant to permutation and sign, not to scale: the penalty acts on raw differences.

    Raises
    ------
    ValueError
        If no value of some factor has two points.

    Deviates: a pair's two points are drawn for it alone, where the review's code runs through a value's points.

    Examples
    --------
    >>> z = np.random.default_rng(0).integers(0, 4, size=(900, 2))
    >>> z_diff_score(z, z, np.random.default_rng(0), train=200, test=100)
    1.0
    """
    from sklearn.linear_model import LogisticRegression

    codes = as_codes(codes)
    factors = [numbered(column) for column in as_factors(classes, len(codes)).T]
    taught, asked = (rng.integers(0, len(factors), size=size) for size in (train, test))
    features = [_features(codes, factors, labels, batch_size, rng) for labels in (taught, asked)]
    model = LogisticRegression(max_iter=STEPS).fit(features[0], taught)
    return rescaled(float(model.score(features[1], asked)), len(factors))


def rescaled(accuracy: float, factors: int) -> float:
    """Accuracy in naming one of so many factors, with chance at 0."""
    if factors < 2:
        raise ValueError("the fixed factor is one of at least two, got one")
    return (accuracy - 1 / factors) / (1 - 1 / factors)


def _features(codes: Array, factors: list[Array], labels: Array, size: int, rng: np.random.Generator) -> Array:
    """Mean |difference| (M, D) of each batch's pairs."""
    features = np.empty((len(labels), codes.shape[1]))
    for k, factor in enumerate(factors):
        batches = np.flatnonzero(labels == k)
        for part, pairs in _pairs(factor, batches, size, rng):
            features[part] = np.abs(codes[pairs[0]] - codes[pairs[1]]).mean(axis=1)
    return features


def _pairs(
    factor: Array, batches: Array, size: int, rng: np.random.Generator, at_once: int = 256
) -> Iterator[tuple[Array, Array]]:
    """Yield some batches with their pairs (2, m, size) of points.

    The two points of a pair differ. They share a value drawn uniformly.
    """
    count = np.bincount(factor)
    shared = np.flatnonzero(count > 1)
    if not len(shared):
        raise ValueError("no value of a factor has two points: put it in fewer bins")
    order, start = np.argsort(factor, kind="stable"), np.cumsum(count) - count
    for begin in range(0, len(batches), at_once):
        part = batches[begin : begin + at_once]
        value = rng.choice(shared, size=(len(part), size))
        first = rng.integers(0, count[value])
        other = (first + rng.integers(1, count[value])) % count[value]
        yield part, np.stack([order[start[value] + first], order[start[value] + other]])
