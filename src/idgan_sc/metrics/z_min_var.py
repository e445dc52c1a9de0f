"""Score Z-min variance and Z-max variance as the review does.

Z-min variance is the FactorVAE score. Z-max variance is its mirror (Kim et al. 2019, RF-VAE). Batches come from
a fixed table of points. If one factor is held, its code should vary least. If all factors but one are held,
that one's code should vary most. Each code learns what its votes mean. The accuracy on other batches is
rescaled so that chance is 0.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.factor_vae import votes_accuracy
from idgan_sc.metrics.information import numbered
from idgan_sc.metrics.z_diff import rescaled

VARIANCE = 10_000  # points that estimate each code's variance
AT_ONCE = 32  # batches


class _Held(NamedTuple):
    """Sort the points by the value that a batch shares.

    It also holds the begin and size of each value's points, for values with at least two.
    """

    order: Array
    start: Array
    size: Array

    @classmethod
    def of(cls, shared: Array) -> "_Held":
        order, count = np.argsort(shared, kind="stable"), np.bincount(shared)
        start, several = np.cumsum(count) - count, count > 1
        return cls(order, start[several], count[several])

    def batch(self, size: int, rng: np.random.Generator) -> Array:
        """Draw points (size,) of one value drawn uniformly.

        If the value has fewer points, each occurs as often as any other.
        """
        value = rng.integers(len(self.size))
        start, count = self.start[value], int(self.size[value])
        if count >= size:
            return self.order[start + rng.choice(count, size, replace=False)]
        rounds = np.tile(self.order[start : start + count], (-(-size // count), 1))
        return rng.permuted(rounds, axis=1).ravel()[:size]


def z_min_var_score(
    codes: npt.ArrayLike,
    classes: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    threshold: float,
    batch_size: int = 200,
    train: int = 800,
    test: int = 800,
) -> float:
    """Score how well the stillest code tells the factor that is held.

    (accuracy - 1/K) / (1 - 1/K) of votes by the code of least relative variance; one factor is held.

    Codes (N, D), classes (N, K >= 2); codes with an SD below `threshold` (the review: .02) cast no vote, and without
    any the score is 0. Range: below 0 (worse than chance) to 1. Invariant to permutation and sign, and to scale as
    long as no code crosses the threshold.

    >>> z = np.random.default_rng(0).integers(0, 4, size=(900, 2))
    >>> z_min_var_score(z, z, np.random.default_rng(0), threshold=0.05, train=90, test=90)
    1.0
    """
    factors = _numbered(codes, classes)
    held = [_Held.of(column) for column in factors.T]
    return _vote(codes, held, np.argmin, rng, threshold, batch_size, (train, test))


def z_max_var_score(
    codes: npt.ArrayLike,
    classes: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    threshold: float,
    batch_size: int = 200,
    train: int = 800,
    test: int = 800,
) -> float:
    """Score how well the liveliest code tells the factor that is free.

    `z_min_var_score` of votes by the code of largest relative variance; all factors but one are held.

    Codes of noise pull it to 0: they vary as much as any. Many classes leave a combination with few points.

    >>> z = np.random.default_rng(0).integers(0, 4, size=(900, 2))
    >>> z_max_var_score(z, z, np.random.default_rng(0), threshold=0.05, train=90, test=90)
    1.0
    """
    factors = _numbered(codes, classes)
    others = [np.delete(factors, k, axis=1) for k in range(factors.shape[1])]
    held = [_Held.of(np.unique(rest, axis=0, return_inverse=True)[1].ravel()) for rest in others]
    return _vote(codes, held, np.argmax, rng, threshold, batch_size, (train, test))


def _numbered(codes: npt.ArrayLike, classes: npt.ArrayLike) -> Array:
    checked = as_factors(classes, len(as_codes(codes)))
    return np.stack([numbered(column) for column in checked.T], axis=1)


def _vote(
    codes: npt.ArrayLike,
    held: list[_Held],
    choose: Callable[..., Array],
    rng: np.random.Generator,
    threshold: float,
    size: int,
    batches: tuple[int, int],
) -> float:
    codes = as_codes(codes)
    if not all(len(one.size) for one in held):
        raise ValueError("no two points share what a batch holds: put the factors in fewer bins")
    variance = codes[rng.permutation(len(codes))[:VARIANCE]].var(axis=0, ddof=1)
    usable = np.flatnonzero((np.sqrt(variance) >= threshold) & moving(codes))
    if not len(usable):
        return 0.0
    relative = np.ascontiguousarray((codes[:, usable] / np.sqrt(variance[usable])).T)  # (D, N)
    cast = []
    for count in batches:
        votes = np.zeros((len(held), len(usable)), dtype=np.int64)
        labels = rng.integers(0, len(held), size=count)
        for begin in range(0, count, AT_ONCE):
            some = labels[begin : begin + AT_ONCE]
            rows = np.stack([held[label].batch(size, rng) for label in some])  # (m, size)
            local = np.take(relative, rows, axis=1).var(axis=2)  # (D, m)
            np.add.at(votes, (some, choose(local, axis=0)), 1)
        cast.append(votes)
    return rescaled(votes_accuracy(*cast), len(held))
