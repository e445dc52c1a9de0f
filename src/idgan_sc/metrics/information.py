"""Plug-in mutual information between binned codes and factor classes, which MIG and modularity share."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors

BINS = 20  # both reference codes


def binned(values: Array, bins: int = BINS) -> npt.NDArray[np.int64]:
    """Number the equal bins, 0 to bins-1, that hold the `values` (N,).

    The bins lie between the minimum and the maximum. They are right-open, and the maximum falls in the last bin.
    Values that are constant up to rounding fall in one bin.

    >>> binned(np.array([0.0, 0.49, 0.5, 1.0]), bins=2).tolist(), binned(np.array([3.0, 3.0]), bins=2).tolist()
    ([0, 0, 1, 1], [1, 1])
    """
    try:
        edges = np.histogram_bin_edges(values, bins)
    except ValueError:  # the range is no wider than rounding
        return np.zeros(len(values), np.int64)
    # up to rounding right, so at most one bin off; a search in the edges takes four times longer
    guess = ((values - edges[0]) / (edges[-1] - edges[0]) * bins).astype(np.int64)
    guess = np.minimum(guess, bins - 1)
    guess -= values < edges[guess]
    edges[-1] = np.inf  # the last bin keeps the maximum
    guess += values >= edges[guess + 1]
    return guess


def unit_binned(values: Array, bins: int) -> npt.NDArray[np.int64]:
    """Number the bins of the values as the review's code does.

    The values are scaled to [0, 1] and cut at multiples of 1/bins. `binned` differs in the last digit of an edge.
    This matters only for a point that lies on an edge.

    >>> unit_binned(np.array([3.0, 3.4, 4.0, 5.0]), bins=2).tolist(), unit_binned(np.array([3.0, 3.0]), bins=2).tolist()
    ([0, 0, 1, 1], [0, 0])
    """
    low, high = values.min(), values.max()
    if high - low <= np.spacing(max(abs(low), abs(high))):  # no wider than rounding
        return np.zeros(len(values), np.int64)
    scale = 1.0 / (high - low)
    unit = values * scale + (0.0 - low * scale)  # scikit-learn's arithmetic: a point on an edge feels the last bit
    edges = np.linspace(0.0, 1.0, bins + 1)
    guess = np.clip((unit * bins).astype(np.int64), 0, bins - 1)
    guess -= unit < edges[guess]
    edges[-1] = np.inf
    guess += unit >= edges[guess + 1]
    return np.maximum(guess, 0)


class Tables(NamedTuple):
    """What binned codes and factor classes tell of each other, in bits."""

    mutual: Array  # (D, K) mutual information
    joint: Array  # (D, K) joint entropy
    code: Array  # (D,) entropy
    factor: Array  # (K,) entropy


def tables(bins: Sequence[Array], classes: npt.ArrayLike) -> Tables:
    """Count what binned codes and classes tell of each other.

    Plug-in information of D columns of bin numbers (N,) and the classes (N, K), each pair counted once.

    >>> found = tables([np.array([0, 0, 1, 1])], [[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> found.mutual.tolist(), found.joint.tolist(), found.code.tolist(), found.factor.tolist()
    ([[1.0, 0.0]], [[1.0, 2.0]], [1.0], [1.0, 1.0])
    """
    factors = [numbered(column) for column in as_factors(classes, len(bins[0])).T]
    counts = [[_counts(column, factor) for factor in factors] for column in bins]
    joint = np.array([[_bits(table.ravel()) for table in row] for row in counts])
    code = np.array([_bits(row[0].sum(axis=1)) for row in counts])
    factor = np.array([_bits(table.sum(axis=0)) for table in counts[0]])
    return Tables(np.maximum(code[:, None] + factor - joint, 0.0), joint, code, factor)


def tables_of(codes: npt.ArrayLike, classes: npt.ArrayLike, bins: int = BINS) -> Tables:
    """`tables` of codes (N, D) in equal bins."""
    return tables([binned(column, bins) for column in np.ascontiguousarray(as_codes(codes).T)], classes)


def _counts(bins: Array, classes: Array) -> Array:
    """How many points (B, C) fall in each bin and class."""
    width = int(classes.max()) + 1
    height = int(bins.max()) + 1
    return np.bincount(bins * width + classes, minlength=height * width).reshape(height, width)


def _bits(counts: Array) -> float:
    """Entropy in bits of the counts; exactly 0 of a single one."""
    shares = counts[counts > 0] / counts.sum()
    return float(0.0 - (shares * np.log2(shares)).sum())


def numbered(column: Array) -> Array:
    """Number the values of `column` (N,) from 0.

    Integers in a small range (less than N) become differences from the smallest. Other values become their ranks
    among the distinct values.
    """
    if np.issubdtype(column.dtype, np.integer) and int(column.max()) - int(column.min()) < len(column):
        return column.astype(np.int64) - int(column.min())
    return np.unique(column, return_inverse=True)[1]


def mutual_information(codes: npt.ArrayLike, classes: npt.ArrayLike) -> Array:
    """Compute the mutual information (D, K) of codes and classes in nats.

    Codes (N, D) are put in 20 bins. Classes are (N, K).

    >>> z = np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> mutual_information(z, z.astype(int)).round(3).item(), mutual_information(z, [[0], [1], [0], [1]]).item()
    (0.693, 0.0)
    """
    codes = as_codes(codes)
    factors = [numbered(column) for column in as_factors(classes, len(codes)).T]
    bins = [binned(column) for column in np.ascontiguousarray(codes.T)]
    return np.array([[_information(b, factor) for factor in factors] for b in bins])


def entropy(classes: npt.ArrayLike) -> Array:
    """Plug-in entropy (K,) in nats of the classes (N, K).

    >>> entropy(np.array([[0], [1]])) == np.log(2)
    array([ True])
    """
    classes = np.asarray(classes)
    shares = [np.bincount(numbered(column)) / len(classes) for column in classes.T]
    return np.array([-(p[p > 0] * np.log(p[p > 0])).sum() for p in shares])


def association(codes: npt.ArrayLike, classes: npt.ArrayLike) -> Array:
    """Divide the mutual information of codes and factors by the factors' entropy.

    Codes are (N, k) and factors (N, K). The result (k, K) lies in [0, 1].
    """
    return mutual_information(codes, classes) / entropy(classes)


def _information(bins: Array, classes: Array) -> float:
    width = int(classes.max()) + 1
    counts = np.bincount(bins * width + classes, minlength=BINS * width).reshape(-1, width)
    if np.count_nonzero(counts.any(axis=1)) == 1:
        return 0.0  # one bin says nothing, where rounding would leave 1e-16
    joint = counts / counts.sum()
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / independent[seen])).sum())
