"""Score whether one code alone tells a factor (mutual information gap).

Source: Chen et al. 2018, Sec. 4.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import as_codes, at_least_two_codes
from idgan_sc.metrics.information import Tables, entropy, mutual_information


def mig_score(codes: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """Score the mutual information gap of codes (N, D) and classes (N, K).

    MIG = mean_k (I_(1) - I_(2)) / H_k, with the codes in 20 equal bins. The two protocols share the formula and
    differ in the points: 73 728 (InfoGAN-CR) and 10 000 (disentanglement_lib). The range is 0 (duplicated codes) to
    a ceiling that the bins set. The ceiling is .887 for dSprites, whose 40 orientations and 32 positions do not fit
    in 20 bins. Permutation, sign and scale do not change the score, except for points on a bin's edge. A constant
    code has no information and changes nothing.

    >>> z = np.random.default_rng(0).integers(0, 10, size=(5000, 2))
    >>> round(mig_score(z, z), 2), mig_score(np.repeat(z[:, :1], 2, axis=1), z)
    (1.0, 0.0)
    """
    codes = as_codes(codes)
    at_least_two_codes(codes)
    information = np.sort(mutual_information(codes, classes), axis=0)
    return float(np.mean((information[-1] - information[-2]) / entropy(classes)))


infogan_cr_score = mig_score
disentanglement_lib_score = mig_score


def carbonneau_mig(found: Tables, *, strict: bool = False) -> float:
    """Score MIG as the review's code has it.

    MIG as the review's code has it: information over the entropy of the code, in ten bins, not of the factor.

    It favours coarse codes: a binary code of a factor of forty classes scores 1. A constant code has no information;
    NaN, as in the review's code, with `strict=True`.

    >>> from idgan_sc.metrics.information import tables
    >>> z = np.stack(np.unravel_index(np.arange(80), (40, 2)), axis=1)
    >>> round(carbonneau_mig(tables([z[:, 0] % 2, z[:, 1]], z)), 6)
    1.0
    """
    at_least_two_codes(found.mutual.T)
    if strict and not (found.code > 0).all():
        return float("nan")
    share = np.sort(found.mutual / np.where(found.code > 0, found.code, np.inf)[:, None], axis=0)
    return float(np.mean(share[-1] - share[-2]))
