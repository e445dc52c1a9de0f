"""Plug-in mutual information between binned codes and factor classes, which MIG and modularity share."""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors

BINS = 20  # both reference codes


def binned(values: Array, bins: int = BINS) -> npt.NDArray[np.int64]:
    """Bin numbers 0 … bins-1 of `values` (N,) in equal bins between its minimum and maximum.

    Right-open, the maximum in the last bin; a constant, up to rounding, falls in one bin.

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


def numbered(column: Array) -> Array:
    """The values of `column` (N,) as numbers from 0: differences from the smallest if they are small integers."""
    if np.issubdtype(column.dtype, np.integer) and int(column.max()) - int(column.min()) < len(column):
        return column.astype(np.int64) - int(column.min())
    return np.unique(column, return_inverse=True)[1]


def mutual_information(codes: npt.ArrayLike, classes: npt.ArrayLike) -> Array:
    """I(d, k) in nats, shape (D, K), of codes (N, D) in 20 bins and classes (N, K).

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
    """Mutual information of every dimension (N, k) and factor (N, K) over the factor's entropy, (k, K) in [0, 1]."""
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
