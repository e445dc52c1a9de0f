"""Covariances of many points, block by block: no copy of all of them is made."""

from typing import NamedTuple

import numpy as np

from idgan_sc.metrics.checks import Array

BLOCK = 8192  # rows; a block of ten columns stays in the processor's cache
WIDE = 64  # rows that are added side by side, since a processor adds long rows faster than many short ones
FAR = 1e4  # a squared mean so many times the variance costs its digits, so that the mean is taken off first


class Cross(NamedTuple):
    """Covariances of the columns of two arrays, and their variances."""

    covariance: Array  # (D, K)
    first: Array  # (D,)
    second: Array  # (K,)


def covariance(array: Array) -> Array:
    """Compute the covariance (D, D) of the columns of an array (N, D).

    It is Σ_n (x - mean)(x - mean)' / N.
    """
    n, d = array.shape
    total, sums = np.zeros((d, d)), np.zeros(d)
    for start in range(0, n, BLOCK):
        part = array[start : start + BLOCK]
        total += part.T @ part.copy()  # of one array NumPy takes a routine for symmetric products, which is slower here
        sums += _added(part)
    found = total / n - np.outer(sums, sums) / n**2
    if _far(sums / n, np.diag(found)):
        return covariance(_near_zero(array))
    return np.asarray(found)


def cross_covariance(first: Array, second: Array) -> Cross:
    """Compute the covariances of the columns of (N, D) with those of (N, K).

    The variances of both arrays are returned as well.
    """
    n, total = len(first), np.zeros((second.shape[1], first.shape[1]))
    sums, squares = ([np.zeros(array.shape[1]) for array in (first, second)] for _ in range(2))
    for start in range(0, n, BLOCK):
        parts = first[start : start + BLOCK], second[start : start + BLOCK]
        total += parts[1].T @ parts[0]
        for part, own_sums, own_squares in zip(parts, sums, squares, strict=True):
            own_sums += _added(part)
            own_squares += _added(part, squared=True)
    means = [own / n for own in sums]
    variances = [own / n - mean**2 for own, mean in zip(squares, means, strict=True)]
    if any(_far(mean, variance) for mean, variance in zip(means, variances, strict=True)):
        return cross_covariance(_near_zero(first), _near_zero(second))
    return Cross(total.T / n - np.outer(*means), *variances)


def _added(part: Array, squared: bool = False) -> Array:
    """Sums (D,) of the columns of a block (B, D), or of their squares."""
    whole = len(part) // WIDE * WIDE
    wide, rest = part[:whole].reshape(-1, WIDE * part.shape[1]), part[whole:]
    if squared:
        return np.einsum("ij,ij->j", wide, wide).reshape(WIDE, -1).sum(axis=0) + (rest**2).sum(axis=0)
    return np.asarray(wide.sum(axis=0).reshape(WIDE, -1).sum(axis=0) + rest.sum(axis=0))


def _far(means: Array, variances: Array) -> bool:
    return bool((means**2 > FAR * np.maximum(variances, 0.0)).any())


def _near_zero(array: Array) -> Array:
    """The columns less their means, so that nothing cancels; a constant becomes 0."""
    moved = array - array[:BLOCK].mean(axis=0)
    moved -= moved.mean(axis=0)
    return np.where(array.min(axis=0) < array.max(axis=0), moved, 0.0)
