"""Modularity and explicitness (Ridgeway & Mozer 2018, Sec. 3), as both reference codes have them.

Modularity asks whether a code informs about one factor only; explicitness whether a linear classifier on all codes
tells each factor's values apart.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.information import mutual_information
from idgan_sc.metrics.logistic import Logistic, fitted, multinomial, one_vs_rest
from idgan_sc.metrics.progress import Progress, silent


def modularity_of(information: npt.ArrayLike, *, strict: bool = False) -> float:
    """Score modularity from mutual information I (D, K).

    The score is mean_d (1 - Σ_{k≠k*} I²_dk / ((K-1) I²_dk*)), with k* = argmax_k. A code without information is
    left out of the mean. With `strict=True` it gives NaN, as in the InfoGAN-CR code. The range is 0 to 1. The score
    is 0 if all factors are alike, or if no code has information.

    >>> modularity_of(np.eye(3)), modularity_of(np.ones((3, 3)))
    (1.0, 0.0)
    >>> modularity_of([[1, 0], [0, 0]]), modularity_of([[1, 0], [0, 0]], strict=True)
    (1.0, nan)
    """
    per_code = modularity_per_code(information)
    if strict:
        return float(per_code.mean())
    used = per_code[~np.isnan(per_code)]
    return float(used.mean()) if used.size else 0.0


def modularity_with_zeros(information: npt.ArrayLike) -> float:
    """`modularity_of`, with 0 for a code without information, as in disentanglement_lib.

    >>> modularity_with_zeros([[1, 0], [0, 0]])
    0.5
    """
    return float(np.nan_to_num(modularity_per_code(information), nan=0.0).mean())


def modularity_per_code(information: npt.ArrayLike) -> Array:
    """The terms (D,) of the mean in `modularity_of`; NaN for a code without information."""
    squared = np.square(np.asarray(information, dtype=np.float64))
    if squared.ndim != 2 or squared.shape[1] < 2:
        raise ValueError(f"modularity needs information of shape (D, K >= 2), got {squared.shape}")
    best = squared.max(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(1 - (squared.sum(axis=1) - best) / (best * (squared.shape[1] - 1)))


def infogan_cr_modularity_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, strict: bool = False) -> float:
    """`modularity_of` the 20-bin mutual information of codes (N, D) and classes (N, K).

    Invariant to permutation, sign and scale (up to points on a bin's edge). Even noise has some plug-in information,
    spread over the factors as it happens: its chance level is not 0.

    >>> z = np.random.default_rng(0).integers(0, 9, size=(5000, 2))
    >>> round(infogan_cr_modularity_score(z, z), 2)
    1.0
    """
    return modularity_of(mutual_information(codes, classes), strict=strict)


def disentanglement_lib_modularity_score(codes: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """As `infogan_cr_modularity_score`, but a code without information counts 0 instead of being left out.

    >>> z = np.random.default_rng(0).integers(0, 9, size=(5000, 2))
    >>> round(disentanglement_lib_modularity_score(np.column_stack([z, np.zeros(5000)]), z), 2)
    0.67
    """
    return modularity_with_zeros(mutual_information(codes, classes))


def infogan_cr_explicitness_score(
    codes: npt.ArrayLike, classes: npt.ArrayLike, *, progress: Progress = silent
) -> float:
    """Score explicitness by the mean ROC area of logistic regressions.

    The mean is over factors and values. Each value is set against the rest, on the training points. The codes
    (N, D) are raw, the classes (N, K). The solver is liblinear, as in the reference's scikit-learn. The scores sum
    to 1 over a factor's values. The range is about .5 (noise) to 1. Permutation and sign do not change the score.
    Scale does, since the penalty acts on raw codes.

    >>> z = np.random.default_rng(0).integers(0, 2, size=(500, 2))
    >>> infogan_cr_explicitness_score(z, z), infogan_cr_explicitness_score(np.zeros((500, 2)), z)
    (1.0, 0.5)
    """
    return float(infogan_cr_areas(codes, classes, progress=progress).mean())


def infogan_cr_areas(codes: npt.ArrayLike, classes: npt.ArrayLike, *, progress: Progress = silent) -> Array:
    """The ROC area (K,) of each factor, of which `infogan_cr_explicitness_score` is the mean."""
    points = _checked(codes, classes)
    return _areas(one_vs_rest(), *points, *points, progress)


def infogan_cr_multinomial_explicitness_score(codes: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """`infogan_cr_explicitness_score` as today's scikit-learn computes it: multinomial, by L-BFGS.

    >>> z = np.random.default_rng(0).integers(0, 2, size=(500, 2))
    >>> infogan_cr_multinomial_explicitness_score(z, z)
    1.0
    """
    return float(infogan_cr_multinomial_areas(codes, classes).mean())


def infogan_cr_multinomial_areas(codes: npt.ArrayLike, classes: npt.ArrayLike) -> Array:
    """The ROC area (K,) of each factor, of which `infogan_cr_multinomial_explicitness_score` is the mean."""
    points = _checked(codes, classes)
    return _areas(multinomial(), *points, *points)


def disentanglement_lib_explicitness_score(
    train: npt.ArrayLike,
    train_classes: npt.ArrayLike,
    test: npt.ArrayLike,
    test_classes: npt.ArrayLike,
    *,
    progress: Progress = silent,
) -> float:
    """Mean test ROC area of multinomial logistic regression on codes standardised by the training points.

    Range: about .5 to 1. Invariant to permutation, sign and scale. A constant code is left at 0.

    >>> z = np.random.default_rng(0).integers(0, 2, size=(500, 2))
    >>> disentanglement_lib_explicitness_score(z, z, z, z)
    1.0
    """
    return float(disentanglement_lib_areas(train, train_classes, test, test_classes, progress=progress).mean())


def disentanglement_lib_areas(
    train: npt.ArrayLike,
    train_classes: npt.ArrayLike,
    test: npt.ArrayLike,
    test_classes: npt.ArrayLike,
    *,
    progress: Progress = silent,
) -> Array:
    """The test ROC area (K,) of each factor, of which `disentanglement_lib_explicitness_score` is the mean."""
    codes, taught = _checked(train, train_classes)
    asked_codes, asked = _checked(test, test_classes)
    mean, scale = codes.mean(axis=0), np.where(moving(codes), codes.std(axis=0), np.inf)
    return _areas(multinomial(), (codes - mean) / scale, taught, (asked_codes - mean) / scale, asked, progress)


def _areas(
    model: Logistic, codes: Array, classes: Array, test_codes: Array, test_classes: Array, progress: Progress = silent
) -> Array:
    from sklearn.metrics import roc_auc_score  # more than a second, which only this needs

    areas = []
    for taught, asked in progress(zip(classes.T, test_classes.T, strict=True)):
        probability = fitted(model, codes, taught).predict_proba(test_codes)  # (N, V)
        areas.append(roc_auc_score(asked[:, None] == model.classes_, probability))
    return np.array(areas)


def _checked(codes: npt.ArrayLike, classes: npt.ArrayLike) -> tuple[Array, Array]:
    checked = as_codes(codes)
    return checked, as_factors(classes, len(checked))
