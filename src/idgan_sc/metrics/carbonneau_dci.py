"""Compute DCI as the review defines it.

The importances are on codes and factors scaled to [0, 1]. The informativeness is 1 - 12 mse.

Twelve times the mean squared error is the share of a uniform factor's variance. A factor of two values scores
lower.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics import dci, lasso
from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.progress import Progress, silent

ALPHAS = (1e-4, 1e-3, 0.01, 0.1, 0.2, 0.4, 0.8, 1.0)
FOLDS = 10
SETTINGS = tuple(product((8, 16, 32, 64, 128), (0.2, 0.4, 0.8, 1.0)))  # depth and share of the codes at a split
TREES = 10
UNIFORM = 12  # 1 / the variance of a uniform factor on [0, 1]


class Fitted(NamedTuple):
    """What the regressors of all factors give."""

    importance: Array  # (D, K)
    informativeness: Array  # (K,)


def lasso_fitted(codes: npt.ArrayLike, values: npt.ArrayLike) -> Fitted:
    """Fit the review's Lasso to each factor.

    Lasso of each factor on codes (N, D), values (N, K), its alpha chosen by ten contiguous folds.

    The folds' Gram matrices replace the points, which are read once.
    """
    x, y = _unit(codes, values)
    columns = [lasso.chosen(x, column, ALPHAS, FOLDS) for column in y.T]
    return Fitted(
        np.abs(np.stack([weights for weights, _ in columns], axis=1)),
        np.array([max(1 - UNIFORM * error, 0.0) for _, error in columns]),
    )


def forest_fitted(
    codes: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    seed: int,
    settings: Sequence[tuple[int, float]] = SETTINGS,
    progress: Progress = silent,
) -> Fitted:
    """Fit the review's random forests to each factor.

    A forest of ten trees for each factor, the best of twenty settings by ten folds: hours for many points.

    `progress` is handed the factors' numbers, one at a time.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import cross_val_score

    x, y = _unit(codes, values)
    importances, informativeness = [], []
    for k in progress(range(y.shape[1])):
        forests = [
            RandomForestRegressor(TREES, max_depth=depth, max_features=share, random_state=seed)
            for depth, share in settings
        ]
        scoring = "neg_mean_squared_error"
        errors = [-cross_val_score(forest, x, y[:, k], cv=FOLDS, scoring=scoring).mean() for forest in forests]
        best = forests[int(np.argmin(errors))].fit(x, y[:, k])
        error = float(np.mean((best.predict(x) - y[:, k]) ** 2))
        importances.append(best.feature_importances_)
        informativeness.append(max(1 - UNIFORM * error, 0.0))
    return Fitted(np.stack(importances, axis=1), np.array(informativeness))


def disentanglement_score(importance: Array) -> float:
    """`dci.disentanglement_score`: D as the review defines it, a code without importance having no weight."""
    return dci.disentanglement_score(importance)


def stopped_disentanglement_score(importance: Array) -> float:
    """Score D as the review's code computes it.

    D as the review's code computes it: it leaves its loop at the first code without importance.

    >>> used = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    >>> round(disentanglement_score(used), 6), round(stopped_disentanglement_score(used), 6)
    (0.333333, 1.0)
    """
    unused = np.flatnonzero(importance.sum(axis=1) == 0)
    head = importance[: unused[0]] if len(unused) else importance
    if not len(head):
        return 0.0
    weight = head.sum(axis=1) / head.sum()
    return float(dci.concentration(head.T, strict=False) @ weight)


def _unit(codes: npt.ArrayLike, values: npt.ArrayLike) -> tuple[Array, Array]:
    """Codes and values scaled to [0, 1], a constant code 0."""
    x = as_codes(codes)
    y = as_factors(values, len(x)).astype(np.float64)
    span = np.where(moving(x), x.max(axis=0) - x.min(axis=0), 1.0)
    return (x - x.min(axis=0)) / span, (y - y.min(axis=0)) / (y.max(axis=0) - y.min(axis=0))
