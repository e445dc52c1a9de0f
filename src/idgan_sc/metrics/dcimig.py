"""Score in one number whether one code serves one factor, both ways.

This is DCIMIG (Sepliarskaia et al. 2019, Sec. 4).
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.information import BINS, Tables, tables_of


def dcimig_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, bins: int = BINS) -> float:
    """Score how much of the factors' entropy codes of their own tell.

    Σ_k max_d g_d / Σ_k H_k, where code d gives its gap g_d = I_(1) - I_(2) to its best factor only.

    Codes (N, D), classes (N, K >= 2). Range 0 to a ceiling set by the bins: 32 classes do not fit in 20. A factor
    without a code adds 0 above and its entropy below. Duplicated codes cost nothing. Invariant to permutation, sign
    and scale.

    Raises
    ------
    ValueError
        If there are fewer than two factors.

    Examples
    --------
    >>> z = np.random.default_rng(0).integers(0, 10, size=(5000, 2))
    >>> round(dcimig_score(z, z), 2), dcimig_score(np.zeros((5000, 2)), z)
    (1.0, 0.0)
    """
    return dcimig_of(tables_of(codes, classes, bins))


def dcimig_of(found: Tables) -> float:
    """The score of information already counted; the review bins codes in ten."""
    information = found.mutual  # (D, K)
    if information.shape[1] < 2:
        raise ValueError("a gap between two factors needs at least two factors, got one")
    ranked = np.sort(information, axis=1)
    best = np.zeros(information.shape[1])
    np.maximum.at(best, information.argmax(axis=1), ranked[:, -1] - ranked[:, -2])
    return float(best.sum() / found.factor.sum())
