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
    """Coefficients (D, T) that minimise |y - X w|² / 2 + penalty |w|₁ for T targets at once: X'X (D, D), X'y (D, T).

    Coordinate descent until no coefficient moves by more than 1e-7 of the largest; a code of zeros gets none.
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
    """Coefficients (D,) of Lasso on x (N, D), y (N,), alpha chosen by the mean error over contiguous folds."""
    parts = np.array_split(np.arange(len(x)), folds)
    left_out = [_Moments.of(x[part[0] : part[-1] + 1], y[part[0] : part[-1] + 1]) for part in parts]
    total = _Moments.of(x, y)
    centred = total.centred(total.x / total.n, total.y / total.n)
    alphas = np.abs(centred.xy).max() / total.n * np.geomspace(1, SMALLEST, ALPHAS)
    errors = np.mean([_errors(total, part, alphas) for part in left_out], axis=0)
    return _descend(centred, float(alphas[errors.argmin()]), np.zeros(x.shape[1]))


def chosen(x: Array, y: Array, alphas: Sequence[float], folds: int) -> tuple[Array, float]:
    """Coefficients (D,) on x (N, D), y (N,) of the best of some alphas over contiguous folds; training mean error."""
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
    """Mean squared error (A,) on the points left out, each alpha fitted to the others from nothing."""
    rest = total.less(left_out)
    mean = rest.x / rest.n, rest.y / rest.n
    fitted, test = rest.centred(*mean), left_out.centred(*mean)
    weights = [_descend(fitted, alpha, np.zeros(len(total.x))) for alpha in alphas]
    return np.array([(test.yy - 2 * w @ test.xy + w @ test.xx @ w) / test.n for w in weights])


def _errors(total: _Moments, left_out: _Moments, alphas: Array) -> Array:
    """Mean squared error (A,) on the points left out, of the path fitted to the others."""
    rest = total.less(left_out)
    mean = rest.x / rest.n, rest.y / rest.n
    fitted, test = rest.centred(*mean), left_out.centred(*mean)
    errors, w = [], np.zeros(len(total.x))
    for alpha in alphas:
        w = _descend(fitted, alpha, w)
        errors.append((test.yy - 2 * w @ test.xy + w @ test.xx @ w) / test.n)
    return np.array(errors)


def _descend(m: _Moments, alpha: float, start: Array) -> Array:
    """Coordinate descent from `start` on |y - X w|² / 2 + n alpha |w|₁ until the duality gap is small."""
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
