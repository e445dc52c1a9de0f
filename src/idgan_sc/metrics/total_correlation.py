"""Measure how dependent the codes are, without factors (Gaussian total correlation).

Source: Locatello et al. 2019, Sec. 5.4.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import as_codes, moving
from idgan_sc.metrics.moments import covariance


def gaussian_total_correlation(codes: npt.ArrayLike) -> float:
    """Measure how dependent Gaussian codes with this covariance are.

    TC = (Σ_d log C_dd - log det C) / 2 nats, C the covariance of codes (N, D): that of a Gaussian with it.

    Lower is better, so this is no score. Range 0 (uncorrelated) to infinity (one code is a sum of others). Constant
    codes are left out. Invariant to permutation, sign, and scale and shift of each code.

    >>> z = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> gaussian_total_correlation(z), gaussian_total_correlation(z[:, [0, 0]])
    (0.0, inf)
    """
    read = np.asarray(codes)
    plain = read.dtype == np.float64 and read.ndim == 2 and 0 not in read.shape
    with np.errstate(all="ignore"):
        matrix = covariance(read) if plain else np.array(np.nan)
    if not np.isfinite(matrix).all():  # a code that is not finite shows in a sum: one pass over the codes less
        read = as_codes(codes)
        matrix = covariance(read)
    moves = moving(read)
    matrix = matrix[np.ix_(moves, moves)]
    if len(matrix) < 2:
        return 0.0
    scale = np.sqrt(np.diag(matrix))
    sign, log_determinant = np.linalg.slogdet(matrix / np.outer(scale, scale))
    return float(abs(log_determinant) / 2) if sign > 0 else float("inf")
