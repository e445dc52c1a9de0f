"""Disentanglement, completeness, informativeness (Eastwood & Williams 2018, Sec. 2).

A regressor predicts each factor from all codes; R[d, k] says how much it used code d for factor k. A code is
disentangled when its row of R is concentrated, a factor complete when its column is: 1 - entropy, with the base that
puts it in [0, 1]. **The regressor decides the score**: for one representation D is .97, .89, .53, .40 or .36 under
five published choices, so its name belongs beside every number.

0/0: a code that no factor uses and a factor that uses no code contribute nothing (weight 0) by default;
`strict=True` keeps the reference's NaN.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics import lasso
from idgan_sc.metrics.checks import Array, as_codes, as_factors, finite, moving
from idgan_sc.metrics.progress import Progress, silent

LASSO_ALPHA = 0.02  # InfoGAN-CR
IBGAN_DEPTHS = (4, 2, 4, 2, 2)  # shape, scale, orientation, x, y: the forests of the IB-GAN paper
FOREST_DEPTHS = (4, 5, 2, 5, 5)  # the same for InfoGAN-CR's plain "RandomForest"
TREES = 10  # scikit-learn's default when the papers were written
TINY = 1e-12  # inside InfoGAN-CR's logarithms
EPSILON = 1e-11  # added to R by disentanglement_lib


class Boosted(NamedTuple):
    """disentanglement_lib's regressor: importances and accuracies of its boosted trees."""

    importance: Array  # (D, K)
    train_accuracy: Array  # (K,); the mean over factors is the informativeness
    test_accuracy: Array  # (K,)


def lasso_importance(codes: npt.ArrayLike, values: npt.ArrayLike, *, strict: bool = False) -> Array:
    """Return R (D, K) = |coefficients| of Lasso(alpha=.02).

    The Lasso is fitted on standardised codes (N, D) and values (N, K).

    A constant code is never used; `strict=True` refuses it, as the reference does. The solver sees only the D × D
    Gram matrix. scikit-learn's solver passes over all N rows for each factor.
    """
    codes = as_codes(codes)
    values = as_factors(values, len(codes))
    if strict and not moving(codes).all():
        raise ValueError("a constant code cannot be standardised: leave it out, or leave `strict` out")
    return np.abs(lasso.with_alpha(_standardised_rows(codes), _standardised_rows(values), LASSO_ALPHA))


def lasso_cv_importance(codes: npt.ArrayLike, values: npt.ArrayLike, *, strict: bool = False) -> Array:
    """Return R (D, K) as `lasso_importance`, with alpha chosen by cross-validation.

    There are 3 folds, as scikit-learn 0.19 had by default.
    """
    x, y = _standardised(codes, values, strict)
    finite(x)
    return np.abs(np.stack([lasso.cross_validated(x, column, folds=3) for column in y.T], axis=1))


def lasso_cv_today_importance(codes: npt.ArrayLike, values: npt.ArrayLike, *, strict: bool = False) -> Array:
    """`lasso_cv_importance` as the installed scikit-learn's `LassoCV()` computes it: 5 folds, another stopping rule."""
    from sklearn.linear_model import LassoCV

    x, y = _standardised(codes, values, strict)
    finite(x)
    return np.abs(np.stack([LassoCV(cv=5).fit(x, column).coef_ for column in y.T], axis=1))


def forest_importance(
    codes: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    depths: Sequence[int],
    trees: int,
    seed: int,
    strict: bool = False,
    progress: Progress = silent,
) -> Array:
    """Return R (D, K): impurity importances of one random forest a factor.

    The forests have the given depths. The columns sum to 1.
    """
    from sklearn.ensemble import RandomForestRegressor

    x, y = _standardised(codes, values, strict)
    if len(depths) != y.shape[1]:
        raise ValueError(f"{len(depths)} forest depths for {y.shape[1]} factors: give one for each")
    forests = [RandomForestRegressor(trees, max_depth=depth, random_state=seed) for depth in depths]
    columns = [forest.fit(x, y[:, k]).feature_importances_ for k, forest in enumerate(progress(forests))]
    return np.stack(columns, axis=1)


def boosted_importance(
    train: npt.ArrayLike,
    train_classes: npt.ArrayLike,
    test: npt.ArrayLike,
    test_classes: npt.ArrayLike,
    *,
    seed: int,
    progress: Progress = silent,
) -> Boosted:
    """Gradient boosted trees that classify each factor: importances (D, K), train and test accuracies (K,)."""
    from sklearn.ensemble import GradientBoostingClassifier

    train, test = as_codes(train), as_codes(test)
    taught, asked = as_factors(train_classes, len(train)), as_factors(test_classes, len(test))
    models = [GradientBoostingClassifier(random_state=seed).fit(train, column) for column in progress(taught.T)]
    return Boosted(
        np.stack([model.feature_importances_ for model in models], axis=1),
        _accuracies(models, train, taught),
        _accuracies(models, test, asked),
    )


def disentanglement_score(importance: npt.ArrayLike, *, strict: bool = False) -> float:
    """Return InfoGAN-CR's disentanglement score for importances R (D, K).

    The score is D = Σ_d w_d (1 - H_K(p_d)), with p_d = R_d / Σ_k R_dk and w_d = Σ_k R_dk / Σ R.

    The range is 0 (every code serves all factors alike) to 1 (each serves one). It is exceeded by up to 1e-12.

    >>> round(disentanglement_score(np.eye(3)), 6), round(disentanglement_score(np.ones((3, 3))), 6)
    (1.0, 0.0)
    >>> unused = [[1, 0], [0, 1], [0, 0]]
    >>> round(disentanglement_score(unused), 6), disentanglement_score(unused, strict=True)
    (1.0, nan)
    """
    importance = _as_importance(importance)
    per_code = concentration(importance.T, strict)
    with np.errstate(invalid="ignore"):
        weight = importance.sum(axis=1) / importance.sum()
    return float(np.sum(per_code * weight)) if strict or importance.any() else 0.0


def completeness_score(importance: npt.ArrayLike, *, strict: bool = False) -> float:
    """Return InfoGAN-CR's completeness score for importances R (D, K).

    The score is C = mean_k (1 - H_D(p_k)), with p_k = R_k / Σ_d R_dk. It is a plain mean over factors.

    The range is 0 to 1. A factor that no code predicts counts 0 by default, and NaN with `strict=True`.

    >>> round(completeness_score(np.eye(3)), 6), round(completeness_score(np.ones((3, 3))), 6)
    (1.0, 0.0)
    """
    return float(np.mean(concentration(_as_importance(importance), strict)))


def disentanglement_lib_disentanglement_score(importance: npt.ArrayLike) -> float:
    """disentanglement_lib's D: as `disentanglement_score`, with 1e-11 added to R before it is normalised.

    >>> round(disentanglement_lib_disentanglement_score(np.eye(3)), 6)
    1.0
    """
    return _smoothed_score(_as_importance(importance).T)


def disentanglement_lib_completeness_score(importance: npt.ArrayLike) -> float:
    """disentanglement_lib's C: factors weighted by their share of R, unlike InfoGAN-CR's plain mean.

    >>> round(disentanglement_lib_completeness_score(np.ones((2, 3))), 6)
    0.0
    """
    return _smoothed_score(_as_importance(importance))


def concentration(importance: Array, strict: bool) -> Array:
    """Return 1 - normalised entropy of each column (K,) of R (D, K).

    For an all-zero column it is 0, or NaN when strict.
    """
    with np.errstate(invalid="ignore"):
        p = importance / importance.sum(axis=0)
    scores = 1 + (p * np.log(p + TINY)).sum(axis=0) / np.log(len(p) + TINY)
    return scores if strict else np.where(importance.any(axis=0), scores, 0.0)


def _smoothed_score(importance: Array) -> float:
    """Return the weighted mean of 1 - normalised entropy over columns.

    The columns are those of R (D, K). The weights are their sums.
    """
    p = (importance + EPSILON) / (importance + EPSILON).sum(axis=0)
    scores = 1 + (p * np.log(p)).sum(axis=0) / np.log(len(p))
    used = importance if importance.any() else np.ones_like(importance)
    return float(np.sum(scores * used.sum(axis=0) / used.sum()))


def _as_importance(importance: npt.ArrayLike) -> Array:
    checked = np.abs(np.asarray(importance, dtype=np.float64))
    if checked.ndim != 2 or min(checked.shape) < 2 or not np.isfinite(checked).all():
        raise ValueError(f"importances must be finite, of shape (D >= 2, K >= 2), got {checked.shape}")
    return checked


def _standardised(codes: npt.ArrayLike, values: npt.ArrayLike, strict: bool) -> tuple[Array, Array]:
    """Return codes and values with mean 0 and SD 1 (ddof 0).

    A constant code becomes 0, or NaN when strict.
    """
    x = as_codes(codes)
    y = as_factors(values, len(x)).astype(np.float64)
    scale = x.std(axis=0) if strict else np.where(moving(x), x.std(axis=0), np.inf)
    with np.errstate(invalid="ignore"):
        # column by column for the regressors; the reference's very operations, since a forest feels the last bit
        return np.asfortranarray((x - x.mean(axis=0)) / scale), np.asfortranarray((y - y.mean(axis=0)) / y.std(axis=0))


def _standardised_rows(columns: Array) -> Array:
    """Return columns (N, D) as rows (D, N) with mean 0 and SD 1.

    A constant column becomes 0. This is twice as fast as the standardisation by columns, and equal but for
    rounding.
    """
    rows = np.ascontiguousarray(columns.T, dtype=np.float64)
    moves = rows.min(axis=1) < rows.max(axis=1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    spread = np.where(moves, np.sqrt((rows**2).mean(axis=1)), np.inf)
    return np.asarray(rows / spread[:, None])


def _accuracies(models: Sequence[Any], codes: Array, classes: Array) -> Array:
    """Share (K,) of the points for which each factor's model predicts its class."""
    return np.array([np.mean(model.predict(codes) == classes[:, k]) for k, model in enumerate(models)])
