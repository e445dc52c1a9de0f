"""Cross-validated Lasso as scikit-learn 0.19 computed it, on Gram matrices; for DCI.

Coordinate descent sees the D × D Gram matrix of a fold, which is the total less the part left out, so the N points
are read once. The stopping rule is part of the values: the old solver makes a pass over the codes at every alpha and
then asks whether the duality gap is small, today's asks first and so keeps larger alphas (R differs by up to .005).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from idgan_sc.metrics.checks import Array

ALPHAS, SMALLEST = 100, 1e-3  # a hundred, down to a thousandth of the first that leaves no coefficient
TOLERANCE, PASSES = 1e-4, 1000


class _Moments(NamedTuple):
    """Sums over some points: what least squares needs to know of them."""

    n: int
    x: Array  # (D,)
    y: float
    xx: Array  # (D, D)
    xy: Array  # (D,)
    yy: float

    @classmethod
    def of(cls, x: Array, y: Array) -> "_Moments":
        return cls(len(x), x.sum(axis=0), float(y.sum()), x.T @ x, x.T @ y, float(y @ y))

    def less(self, other: "_Moments") -> "_Moments":
        sums = self.x - other.x, self.y - other.y
        return _Moments(self.n - other.n, *sums, self.xx - other.xx, self.xy - other.xy, self.yy - other.yy)

    def centred(self, mx: Array, my: float) -> "_Moments":
        """The moments of x - mx and y - my."""
        xx = self.xx - np.outer(self.x, mx) - np.outer(mx, self.x) + self.n * np.outer(mx, mx)
        xy = self.xy - self.x * my - mx * self.y + self.n * mx * my
        yy = self.yy - 2 * my * self.y + self.n * my**2
        return _Moments(self.n, self.x - self.n * mx, self.y - self.n * my, xx, xy, yy)


def with_alpha(x: Array, y: Array, alpha: float) -> Array:
    """Coefficients (D, K) of Lasso on standardised x (D, N), y (K, N).

    One Gram matrix serves all factors.
    """
    gram, moments = x @ x.T, x @ y.T
    nothing = np.zeros(len(x))
    columns = [
        _descend(_Moments(x.shape[1], nothing, 0.0, gram, xy, float(target @ target)), alpha, nothing)
        for xy, target in zip(moments.T, y, strict=True)
    ]
    return np.stack(columns, axis=1)


def of_targets(gram: Array, moments: Array, penalty: float) -> Array:
    """Solve the Lasso for T targets at once, with coefficients (D, T).

    They minimise |y - X w|² / 2 + penalty |w|₁. The inputs are X'X (D, D) and X'y (D, T). Coordinate descent runs
    until no coefficient moves by more than 1e-7 of the largest. A code of zeros gets coefficients of 0.
    """
    w, gradient = np.zeros_like(moments), moments.copy()
    for _ in range(PASSES):
        before = w.copy()
        for d in np.flatnonzero(gram.diagonal()):
            pull = gradient[d] + w[d] * gram[d, d]
            new = np.sign(pull) * np.maximum(np.abs(pull) - penalty, 0.0) / gram[d, d]
            gradient -= np.outer(gram[d], new - w[d])
            w[d] = new
        if np.abs(w - before).max(initial=0.0) <= 1e-7 * np.abs(w).max(initial=0.0):
            break
    return w


def cross_validated(x: Array, y: Array, folds: int) -> Array:
    """Fit a Lasso on x (N, D) and y (N,) with cross-validated alpha.

    Alpha has the smallest mean error over contiguous folds. The coefficients are (D,).
    """
    parts = np.array_split(np.arange(len(x)), folds)
    left_out = [_Moments.of(x[part[0] : part[-1] + 1], y[part[0] : part[-1] + 1]) for part in parts]
    total = _Moments.of(x, y)
    centred = total.centred(total.x / total.n, total.y / total.n)
    alphas = np.abs(centred.xy).max() / total.n * np.geomspace(1, SMALLEST, ALPHAS)
    errors = np.mean([_errors(total, part, alphas) for part in left_out], axis=0)
    return _descend(centred, float(alphas[errors.argmin()]), np.zeros(x.shape[1]))


def chosen(x: Array, y: Array, alphas: Sequence[float], folds: int) -> tuple[Array, float]:
    """Fit a Lasso on x (N, D) and y (N,) with the best alpha.

    The best of the given alphas has the smallest mean error over contiguous folds. The function returns the
    coefficients (D,) and the mean squared error in training.
    """
    if len(x) < folds:
        raise ValueError(f"{folds} folds need as many points, got {len(x)}")
    parts = np.array_split(np.arange(len(x)), folds)
    left_out = [_Moments.of(x[part[0] : part[-1] + 1], y[part[0] : part[-1] + 1]) for part in parts]
    total = _Moments.of(x, y)
    errors = np.mean([_apart_errors(total, part, alphas) for part in left_out], axis=0)
    whole = total.centred(total.x / total.n, total.y / total.n)
    w = _descend(whole, alphas[errors.argmin()], np.zeros(x.shape[1]))
    return w, float((whole.yy - 2 * w @ whole.xy + w @ whole.xx @ w) / whole.n)


def _apart_errors(total: _Moments, left_out: _Moments, alphas: Sequence[float]) -> Array:
    """Compute the mean squared error (A,) on the points left out.

    Each alpha is fitted to the other points from zero.
    """
    rest = total.less(left_out)
    mean = rest.x / rest.n, rest.y / rest.n
    fitted, test = rest.centred(*mean), left_out.centred(*mean)
    weights = [_descend(fitted, alpha, np.zeros(len(total.x))) for alpha in alphas]
    return np.array([(test.yy - 2 * w @ test.xy + w @ test.xx @ w) / test.n for w in weights])


def _errors(total: _Moments, left_out: _Moments, alphas: Array) -> Array:
    """Compute the mean squared error (A,) on the points left out.

    The path of alphas is fitted to the other points.
    """
    rest = total.less(left_out)
    mean = rest.x / rest.n, rest.y / rest.n
    fitted, test = rest.centred(*mean), left_out.centred(*mean)
    errors, w = [], np.zeros(len(total.x))
    for alpha in alphas:
        w = _descend(fitted, alpha, w)
        errors.append((test.yy - 2 * w @ test.xy + w @ test.xx @ w) / test.n)
    return np.array(errors)


def _descend(m: _Moments, alpha: float, start: Array) -> Array:
    """Minimise |y - X w|² / 2 + n alpha |w|₁ by coordinate descent.

    It begins at `start` and stops when the duality gap is small.
    """
    w, penalty = start.copy(), alpha * m.n
    gradient = m.xy - m.xx @ w  # X'(y - X w)
    for _ in range(PASSES):
        before = w.copy()
        for d in np.flatnonzero(m.xx.diagonal()):
            pull = gradient[d] + w[d] * m.xx[d, d]
            new = np.sign(pull) * max(abs(pull) - penalty, 0.0) / m.xx[d, d]
            if new != w[d]:
                gradient -= (new - w[d]) * m.xx[d]
                w[d] = new
        largest = np.abs(w).max()
        settled = largest == 0 or np.abs(w - before).max() < TOLERANCE * largest
        if settled and _gap(m, w, gradient, penalty) < TOLERANCE * m.yy:
            break
    return w


def _gap(m: _Moments, w: Array, gradient: Array, penalty: float) -> float:
    """Duality gap at w, the dual point being the residual scaled until it is feasible."""
    steepest = np.abs(gradient).max()
    scale = min(1.0, penalty / steepest) if steepest > 0 else 1.0
    residual = m.yy - w @ m.xy - w @ gradient  # |y - X w|²
    return float((1 + scale**2) * residual / 2 + penalty * np.abs(w).sum() - scale * (m.yy - w @ m.xy))
