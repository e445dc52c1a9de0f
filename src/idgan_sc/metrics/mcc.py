"""Mean correlation coefficient (Hyvärinen & Morioka 2016): codes and factors matched one to one.

Codes are a nonlinear ICA's sources, so what counts is how well each factor correlates with the one code that the
best assignment gives it.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.moments import Cross, cross_covariance


def pearson_score(codes: npt.ArrayLike, values: npt.ArrayLike, *, strict: bool = False) -> float:
    """Score the correlation of codes and factors matched one to one.

    Mean |correlation| over the min(D, K) pairs of the best assignment of codes (N, D) to values (N, K).

    Range 0 (chance level: about sqrt(2 / (pi N)), times what a maximum gains) to 1. Neither too few nor too many codes
    cost anything. Invariant to permutation, sign and to scale and shift of each code. A category counts as its number.

    Deviates: a constant code correlates 0 with everything; `strict=True` refuses it, as the reference does.

    >>> z = np.random.default_rng(0).normal(size=(900, 2))
    >>> round(pearson_score(-3 * z[:, ::-1], z), 6), pearson_score(np.zeros((900, 2)), z)
    (1.0, 0.0)
    """
    return assigned(correlations(*_checked(codes, values), strict=strict))


def spearman_score(codes: npt.ArrayLike, values: npt.ArrayLike, *, strict: bool = False) -> float:
    """`pearson_score` of average ranks: invariant to every monotone map of a code.

    >>> z = np.random.default_rng(0).normal(size=(900, 2))
    >>> round(spearman_score(np.exp(z), z), 6)
    1.0
    """
    codes = as_codes(codes)
    return assigned(correlations(ranked(codes), ranked(as_factors(values, len(codes))), strict=strict))


def correlations(codes: Array, values: Array, shared: Cross | None = None, *, strict: bool = False) -> Array:
    """Correlate each code with each factor.

    |corr| (D, K) of codes (N, D) and values (N, K), whose covariances may be known; a constant code gives 0, or an
    error if strict.
    """
    moves = moving(codes)
    if strict and not moves.all():
        raise ValueError("a constant code has no correlation: leave it out, or leave `strict` out")
    shared = shared or cross_covariance(codes, values)
    with np.errstate(divide="ignore", invalid="ignore"):
        matrix = shared.covariance / np.sqrt(np.outer(shared.first, shared.second))
    return np.where(moves[:, None], np.abs(matrix), 0.0)


def _checked(codes: npt.ArrayLike, values: npt.ArrayLike) -> tuple[Array, Array, Cross]:
    """Codes and values with their covariances, refused as `as_codes` and `as_factors` refuse them.

    What is not finite shows in a sum, and a constant factor in its variance, so that good arrays are read once.
    """
    arrays = np.asarray(codes), np.asarray(values)
    plain = all(one.dtype == np.float64 and one.ndim == 2 and 0 not in one.shape for one in arrays)
    if plain and len(arrays[0]) == len(arrays[1]):
        with np.errstate(all="ignore"):
            found = cross_covariance(*arrays)
        if all(np.isfinite(part).all() for part in found) and (found.second > 0).all():
            return (*arrays, found)
    codes = as_codes(codes)
    factors = as_factors(values, len(codes)).astype(np.float64, copy=False)
    return codes, factors, cross_covariance(codes, factors)


def assigned(matrix: Array) -> float:
    """Average the matrix entries (D, K) of the assignment with the largest sum.

    >>> assigned(np.array([[0.9, 0.8], [0.8, 0.1]]))
    0.8
    """
    return float(matrix[tuple(assignment(matrix).T)].mean())


def assignment(matrix: Array) -> Array:
    """Find the one-to-one assignment with the largest sum of entries.

    The result holds pairs (min(D, K), 2) of a row and a column.
    """
    from scipy.optimize import linear_sum_assignment  # a tenth of a second, which only this needs

    return np.stack(linear_sum_assignment(-matrix), axis=1)


def ranked(columns: Array) -> Array:
    """Average ranks (N, D) of the columns, from 0."""
    ranks = np.empty(columns.shape[::-1])
    for row, column in zip(ranks, np.ascontiguousarray(columns.T), strict=True):
        order = _order(column)
        ordered = column[order]
        new = ordered[1:] != ordered[:-1]
        if new.all():
            row[order] = np.arange(len(column))
        else:
            starts = np.flatnonzero(np.append(True, new))
            sizes = np.diff(np.append(starts, len(column)))
            row[order] = np.repeat(starts + (sizes - 1) / 2, sizes)
    return ranks.T


def _order(column: Array) -> Array:
    """Sort a column (N,) and return its order.

    It is put in 65 536 intervals first, which is counting, and what is nearly sorted then is sorted.
    """
    with np.errstate(all="ignore"):  # of numbers so large that their squares are none the intervals mean nothing
        coarse = (column - column.mean()) * (8192 / max(float(column.std()), 1e-300)) + 32768
        first = np.argsort(np.clip(coarse, 0, 65535).astype(np.uint16), kind="stable")
    return np.asarray(first[np.argsort(column[first], kind="stable")])
