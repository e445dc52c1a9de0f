"""Score whether a code tells only one factor (MIG-sup).

Source: Li et al. 2020, Sec. 5. It is MIG with the roles of codes and factors exchanged.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array
from idgan_sc.metrics.information import BINS, Tables, tables_of


def mig_sup_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, bins: int = BINS) -> float:
    """Score how far a code's best factor leads the next.

    MIG-sup = mean_d (J_(1) - J_(2)), J_dk = I(d, k) / H_k, of codes (N, D) and classes (N, K >= 2).

    Range 0 (each code tells all factors alike) to a ceiling set by the bins, as for MIG. A code in one bin only is
    left out of the mean; a code of noise counts with its near 0. Invariant to permutation, sign and scale.

    Raises
    ------
    ValueError
        If there are fewer than two factors.

    Deviates: the review's code divides by the code's entropy instead, see `carbonneau_mig_sup`.

    Examples
    --------
    >>> z = np.random.default_rng(0).integers(0, 10, size=(5000, 2))
    >>> round(mig_sup_score(z, z), 2), round(mig_sup_score(z[:, [0, 0, 1]], z), 2)
    (1.0, 1.0)
    """
    return mig_sup_of(tables_of(codes, classes, bins))


def mig_sup_of(found: Tables) -> float:
    """The score of information already counted."""
    return mean_gap(found.mutual[found.code > 0] / found.factor)


def carbonneau_mig_sup(found: Tables, *, strict: bool = False) -> float:
    """Score MIG-sup as the review's code has it.

    MIG-sup as the review's code has it, I(d, k) over the code's entropy; NaN for a constant code if strict.

    >>> from idgan_sc.metrics.information import tables
    >>> round(carbonneau_mig_sup(tables([np.array([0, 1, 2, 3])], [[0, 0], [0, 1], [1, 0], [1, 1]])), 6)
    0.0
    """
    moves = found.code > 0
    if strict and not moves.all():
        return float("nan")
    return mean_gap(found.mutual[moves] / found.code[moves, None])


def mean_gap(share: Array) -> float:
    """Average the lead of each code's best factor over the codes.

    The shares are (D, K). Without a code the result is 0.
    """
    if share.shape[1] < 2:
        raise ValueError("a gap between two factors needs at least two factors, got one")
    ranked = np.sort(share, axis=1)
    return float(np.mean(ranked[:, -1] - ranked[:, -2])) if len(share) else 0.0
