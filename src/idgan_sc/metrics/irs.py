"""Score how far other factors can move a code (interventional robustness).

Source: Suter et al. 2019, Sec. 4. The score compares two deviations of the codes. One is the largest deviation
from the local mean, for each value of a factor. The other is the largest deviation over all points. A code that
follows only the factor hardly deviates.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.information import numbered

LIB_QUANTILE = 0.99  # disentanglement_lib, on 20 bins of the factors; the paper and the review take the maximum


def irs_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, quantile: float = 1.0) -> float:
    """Score how little other factors move a code.

    Mean over codes, weighted by m_d, of max_k (1 - C_dk / m_d), of codes (N, D) and classes (N, K).

    m_d is the largest deviation of code d from its mean, C_dk the plain mean over the factor's values of the
    `quantile` of the deviations from the local mean. Range: at most 1, 0 when all codes are constant. It grows where
    a value has few points. Large codes weigh more: invariant to permutation, sign, shift and a common scale only.

    >>> z = np.random.default_rng(0).integers(0, 4, size=(900, 2))
    >>> irs_score(z, z), irs_score(np.zeros((900, 2)), z)
    (1.0, 0.0)
    """
    matrix, deviations = irs_matrix(codes, classes, quantile=quantile)
    return float(np.average(matrix.max(axis=1), weights=deviations)) if len(matrix) else 0.0


def irs_matrix(codes: npt.ArrayLike, classes: npt.ArrayLike, *, quantile: float = 1.0) -> tuple[Array, Array]:
    """Measure how little each factor leaves each code to move.

    1 - C_dk / m_d (A, K) and m_d (A,) of the A codes that are not constant.
    """
    codes = as_codes(codes)
    factors = as_factors(classes, len(codes))
    rows = np.ascontiguousarray(codes[:, moving(codes)].T)  # (A, N)
    deviations = np.abs(rows - rows.mean(axis=1, keepdims=True)).max(axis=1, initial=0.0)
    local = np.stack([_local_deviation(rows, numbered(column), quantile) for column in factors.T], axis=1)
    return 1 - local / deviations[:, None], deviations


def _local_deviation(rows: Array, classes: Array, quantile: float) -> Array:
    """Average each code's deviation C_d (A,) over the classes that occur.

    A class counts with the quantile of |code - local mean|.
    """
    count = np.bincount(classes)
    small = classes.astype(np.uint16) if len(count) < 2**16 else classes
    order = np.argsort(small, kind="stable")  # by counting, so in linear time
    stops = np.cumsum(count)
    starts, sizes = (stops - count)[count > 0], count[count > 0]
    sorted_rows = np.take(rows, order, axis=1)
    mean = np.add.reduceat(sorted_rows, starts, axis=1) / sizes  # (A, V)
    if quantile == 1.0:
        highest, lowest = (reduce(sorted_rows, starts, axis=1) for reduce in (np.maximum.reduceat, np.minimum.reduceat))
        return np.asarray(np.maximum(highest - mean, mean - lowest).mean(axis=1))
    total = np.zeros(len(rows))
    for start, size, centre in zip(starts, sizes, mean.T, strict=True):
        total += _quantile(np.abs(sorted_rows[:, start : start + size] - centre[:, None]), quantile)
    return total / len(starts)


def _quantile(rows: Array, quantile: float) -> Array:
    """The quantile (A,) of each row (A, n), linear between its neighbours."""
    position = quantile * (rows.shape[1] - 1)
    below = int(position)
    part = np.partition(rows, below, axis=1)
    above = part[:, below + 1 :].min(axis=1) if below + 1 < rows.shape[1] else part[:, below]
    return np.asarray(part[:, below] + (position - below) * (above - part[:, below]))
