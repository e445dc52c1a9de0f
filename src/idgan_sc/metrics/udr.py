"""Score whether two trainings of one model agree on its codes (UDR).

Source: Duan et al. 2020, Sec. 4 (unsupervised disentanglement ranking). If codes are disentangled, each code of
one training corresponds to one code of another. Codes of M models on the same N images are compared in pairs. A
model's score is the median over its partners. No factor is needed.

A code is left out if its mean KL from the prior is .01 or less: it carries nothing. Without KL, the constant
codes are left out.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics import lasso
from idgan_sc.metrics.checks import Array, as_codes
from idgan_sc.metrics.mcc import ranked

ALPHA = 0.1  # of the Lasso
LEAST_KL = 0.01  # nats


def udr_lasso_scores(models: npt.ArrayLike, kl: npt.ArrayLike | None = None, *, strict: bool = False) -> Array:
    """Score how one-to-one each model's codes predict the others'.

    UDR (M,) of codes (M, N, D) of M models on the same images, compared by Lasso; `kl` (M, D) nats.

    Range 0 to .9, which copies attain up to permutation, sign and scale: the penalty shrinks every coefficient.

    Raises
    ------
    ValueError
        If there are fewer than two models, or `kl` has another shape.

    Deviates: solved exactly, single coefficients by up to 2e-5. `strict=True` leaves the codes without KL in, as zeros.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(900, 3))
    >>> udr_lasso_scores([z, -2 * z[:, ::-1]]).round(1)
    array([0.9, 0.9])
    """
    standard, active = standardised(models, kl)
    return medians(agreements(lasso_similarity(standard), active, strict=strict))


def udr_spearman_scores(models: npt.ArrayLike, kl: npt.ArrayLike | None = None, *, strict: bool = False) -> Array:
    """Score how one-to-one each model's codes correlate with the others'.

    `udr_lasso_scores` of rank correlations: range 0 to 1, invariant to every monotone map of a code.

    With `strict=True` one code without KL spoils half of each of its model's agreements, as in the reference.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(900, 3))
    >>> udr_spearman_scores([z, np.exp(z)]).round(1)
    array([1., 1.])
    """
    standard, active = standardised(models, kl)
    return medians(agreements(spearman_similarity(standard), active, strict=strict))


def lasso_similarity(standard: Array) -> Array:
    """Compute the Lasso similarity S[i, j] (D, D) of each pair of models.

    An entry is |coefficient|. The codes of model i (rows) predict those of model j. The codes are (M, N, D).
    """
    m, n, d = standard.shape
    targets = standard.transpose(1, 0, 2).reshape(n, m * d)
    found = [lasso.of_targets(codes.T @ codes, codes.T @ targets, ALPHA * n) for codes in standard]
    return np.abs(np.stack(found)).reshape(m, d, m, d).transpose(0, 2, 1, 3)


def spearman_similarity(standard: Array) -> Array:
    """Compute the rank correlation S[i, j] (D, D) of each pair of models.

    An entry is its absolute value. Rows are the codes of model i. A code of zeros gives NaN.
    """
    m, n, d = standard.shape
    ranks = ranked(standard.transpose(1, 0, 2).reshape(n, m * d))
    ranks -= ranks.mean(axis=0)
    with np.errstate(invalid="ignore"):
        ranks /= np.sqrt((ranks**2).sum(axis=0))
    return np.abs(ranks.T @ ranks).reshape(m, d, m, d).transpose(0, 2, 1, 3)


def agreements(similarity: Array, active: Array, *, strict: bool = False) -> Array:
    """Score the agreement r (M, M) of each pair of models.

    It says how one-to-one their active codes (M, D) correspond, from S (M, M, D, D). It is the mean of max² / sum
    over the rows, plus that over the columns, halved. A model without an active code agrees with none.
    """
    everything = np.ones_like(active)
    kept = everything if strict else active
    return np.array(
        [
            [_one_to_one(similarity[i, j][np.ix_(kept[i], kept[j])]) if i != j else 0.0 for j in range(len(kept))]
            for i in range(len(kept))
        ]
    )


def medians(pairwise: Array) -> Array:
    """Compute each model's UDR (M,) as a median of its agreements.

    For model j it is the median over i ≠ j of r[i, j]. There, j is the predicted model.
    """
    others = ~np.eye(len(pairwise), dtype=bool)
    return np.array([np.median(pairwise[others[:, j], j]) for j in range(len(pairwise))])


def _one_to_one(similarity: Array) -> float:
    if not similarity.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        halves = [np.nan_to_num(similarity.max(axis=a) ** 2 / similarity.sum(axis=a)) for a in (0, 1)]
    return float(np.mean(halves[0]) + np.mean(halves[1])) / 2


def standardised(models: npt.ArrayLike, kl: npt.ArrayLike | None) -> tuple[Array, Array]:
    """Scale the codes (M, N, D) to mean 0 and SD 1.

    Codes without information become 0. The second result (M, D) marks the codes with information.
    """
    codes = as_codes(models, ndim=3)
    if len(codes) < 2:
        raise ValueError("models are compared in pairs: give codes (M, N, D) of at least two models")
    active = codes.min(axis=1) < codes.max(axis=1)
    if kl is not None:
        if np.shape(kl) != active.shape:
            raise ValueError(f"kl must have shape {active.shape}, a number for each model and code, got {np.shape(kl)}")
        if not np.isfinite(kl).all():
            raise ValueError("kl contains NaN or infinity")
        active &= np.asarray(kl) > LEAST_KL
    with np.errstate(all="ignore"):
        spread = np.where(active, codes.std(axis=1), np.inf)
    if (~np.isfinite(spread) | (spread == 0))[active].any():
        raise ValueError("the squares of some codes are too large or too small for a number: scale them")
    return (codes - codes.mean(axis=1, keepdims=True)) / spread[:, None], active
