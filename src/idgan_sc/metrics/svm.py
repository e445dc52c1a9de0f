"""An exact one-dimensional linear SVM, one class against the rest, for SAP.

It minimises what LinearSVC(C, class_weight="balanced") stops short of minimising,

    (w² + b²)/2 + Σ_i C_i max(0, 1 - y_i (w x_i + b))²,

by Newton's method. With x sorted once, the points with a positive loss are, on either side, a prefix or a suffix, so
each step reads its sums from prefix sums: O(log N) for all classes together instead of O(N) for each.
"""

import numpy as np

from idgan_sc.metrics.checks import Array

STEPS = 200  # Newton needs about ten; a run that needs more has failed


class Line:
    """Sort the points x (N,) and keep their sums.

    One line serves the SVMs of every factor.
    """

    def __init__(self, x: Array) -> None:
        self.order = np.argsort(x)
        self.x = x[self.order]
        self.moments = np.stack([np.ones_like(self.x), self.x, self.x**2])  # (3, N)
        self.sums = _cumulative(self.moments)


class _PrefixSums:
    """Sum (n, x, x²) over the first p points of a line.

    There is a sum of each class's own members and a sum of all others.
    """

    def __init__(self, line: Line, classes: Array, count: int) -> None:
        self.line, size = line, len(line.x)
        member = classes[line.order]
        # sorted by class, then by x; 16-bit integers are sorted by radix
        by_class = np.argsort(member.astype(np.uint16) if count < 2**16 else member, kind="stable")
        self.own = _cumulative(line.moments[:, by_class])
        self.key = member[by_class] * (size + 1) + by_class
        self.shift = np.arange(count) * (size + 1)
        self.first = np.searchsorted(self.key, self.shift)
        self.totals = self.below(np.full(count, np.inf))

    def below(self, threshold: Array) -> tuple[Array, Array]:
        """Sums (3, K) over x < threshold[k] (K,): of class k, and of the rest."""
        position = np.searchsorted(self.line.x, threshold)
        own = self.own[:, np.searchsorted(self.key, self.shift + position)] - self.own[:, self.first]
        return own, self.line.sums[:, position] - own


def fit(line: Line, classes: Array, c: float) -> tuple[Array, Array]:
    """Fit SVM weights w (K,) and intercepts b (K,) for classes (N,).

    The classes are 0 … K-1. For K = 2 there is one rule, for class 1.
    """
    count = np.bincount(classes)
    weight = len(classes) / (len(count) * count)  # "balanced"
    sums = _PrefixSums(line, classes, len(count))
    costs = c * np.stack([weight, np.ones_like(weight)])  # (2, K): only a class's own points carry its weight
    if len(count) == 2:
        costs = c * np.stack([weight, weight[::-1]])  # liblinear fits one problem and weighs both sides
    w, b = _newton(sums, costs)
    return (w[1:], b[1:]) if len(count) == 2 else (w, b)


def predict(x: Array, w: Array, b: Array) -> Array:
    """Predict the class (N,) with the largest w x + b.

    With one rule, the class is 1 where w x + b is positive.
    """
    margins = np.multiply.outer(x, w) + b  # (N, K)
    return (margins[:, 0] > 0).astype(np.int64) if len(w) == 1 else margins.argmax(axis=1)


def _newton(sums: _PrefixSums, costs: Array) -> tuple[Array, Array]:
    w, b = np.zeros(costs.shape[1]), np.zeros(costs.shape[1])
    loss, gradient, hessian = _local(sums, costs, w, b)
    for _ in range(STEPS):
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]  # (K, 2)
        scale = np.ones_like(w)
        for _ in range(30):  # halve where the step overshoots
            moved = w - scale * step[:, 0], b - scale * step[:, 1]
            new_loss, new_gradient, new_hessian = _local(sums, costs, *moved)
            worse = new_loss > loss * (1 + 1e-12)
            if not worse.any():
                break
            scale[worse] /= 2
        (w, b), loss, gradient, hessian = moved, new_loss, new_gradient, new_hessian
        if np.all(np.abs(scale[:, None] * step).max(axis=1) <= 1e-9 * (1 + np.abs(w) + np.abs(b))):
            return w, b
    raise RuntimeError(f"the SVM's Newton steps did not converge in {STEPS}")


def _local(sums: _PrefixSums, costs: Array, w: Array, b: Array) -> tuple[Array, Array, Array]:
    """Loss (K,), gradient (K, 2) and generalised Hessian (K, 2, 2) at w, b."""
    loss, gradient = (w**2 + b**2) / 2, np.stack([w, b], axis=1)
    hessian = np.tile(np.eye(2), (len(w), 1, 1))
    for side, y in enumerate((1.0, -1.0)):
        n, sx, sxx = _active(sums, side, w, b)
        cost = costs[side]
        gx, g1 = w * sxx + b * sx - y * sx, w * sx + b * n - y * n  # Σ (f - y) x and Σ (f - y)
        loss = loss + cost * (w * gx + b * g1 - y * (w * sx + b * n) + n)
        gradient = gradient + 2 * (cost * np.stack([gx, g1])).T
        hessian = hessian + (2 * cost)[:, None, None] * np.stack([sxx, sx, sx, n], axis=1).reshape(-1, 2, 2)
    return loss, gradient, hessian


def _active(sums: _PrefixSums, side: int, w: Array, b: Array) -> Array:
    """Sum (3, K) over the points with a margin below 1 on one side.

    The margin is y (w x + b). Side 0 is the own class, side 1 the rest.
    """
    y = 1.0 - 2 * side
    edge = y - b  # where w x + b = y
    with np.errstate(divide="ignore", invalid="ignore"):
        threshold = np.where(w == 0, np.where(edge > 0, np.inf, -np.inf), edge / w)
    below = sums.below(threshold)[side]
    prefix = w >= 0 if side == 0 else w < 0
    return np.where(prefix, below, sums.totals[side] - below)


def _cumulative(moments: Array) -> Array:
    return np.concatenate([np.zeros((len(moments), 1)), moments.cumsum(axis=1)], axis=1)
