"""Score MIG with a penalty for what else the best code tells (JEMMIG).

Source: Do & Tran 2020, Sec. 4.3.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, at_least_two_codes
from idgan_sc.metrics.information import BINS, Tables, tables_of


def jemmig_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, bins: int = BINS) -> float:
    """Score how purely one code tells each factor.

    mean_k (1 - raw_k / (H_k + log2 B)), with raw_k of `jemmig_bits`, of codes (N, D >= 2), classes (N, K).

    Range 0 to 1 (a noiseless code with as many bins as the factor has values). Codes that tell nothing still reach
    1 - H_k / (H_k + log2 B) if they are constant. Invariant to permutation, sign and scale.

    Raises
    ------
    ValueError
        If there are fewer than two codes.

    Examples
    --------
    >>> z = np.random.default_rng(0).integers(0, 20, size=(9000, 2))
    >>> round(jemmig_score(z, z), 2), round(jemmig_score(np.zeros((9000, 2)), z), 2)
    (1.0, 0.5)
    """
    at_least_two_codes(as_codes(codes))
    return jemmig_of(tables_of(codes, classes, bins), bins)


def jemmig_of(found: Tables, bins: int) -> float:
    """The score of information already counted in so many bins."""
    return float(np.mean(1 - jemmig_bits(found) / (found.factor + np.log2(bins))))


def jemmig_bits(found: Tables) -> Array:
    """Measure what each factor's best code leaves open.

    raw_k = H(k, d*) - I(d*, k) + I_(2), d* the most informative code: bits (K,), lower is better.
    """
    at_least_two_codes(found.mutual.T)
    order = np.argsort(found.mutual, axis=0)  # of equal codes the last, as the review's code
    columns = np.arange(found.mutual.shape[1])
    best, second = found.mutual[order[-1], columns], found.mutual[order[-2], columns]
    return np.asarray(found.joint[order[-1], columns] - best + second)
