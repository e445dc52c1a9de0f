"""Solve logistic regression to its optimum.

Newton's method runs on some rows. Then L-BFGS runs on all rows, in the metric of the Hessian found there.
InfoMEC's explicitness needs a linear softmax classifier without a penalty. There, a general solver stops after
its hundred steps, far from the optimum. The review's explicitness needs penalised rules, one class against the
rest. Both problems are convex. A few thousand rows bring the weights close to the optimum, and their Hessian
shortens the rest.
"""

from typing import NamedTuple

import numpy as np

from idgan_sc.metrics.checks import Array

BLOCK = 4096  # points; their probabilities stay in the processor's cache
FEW = 2000  # points that the Newton steps see
LARGEST = 1500  # weights, beyond which no Hessian is formed
STEPS = 60  # Newton steps at most
CLOSE = 1e-5  # the end: one more step gains less than this share of the loss of chance
NEAR = 1e-3  # the same for the few points


class Problem(NamedTuple):
    """Hold the points, classes and weights of a logistic regression.

    The points x are (D + 1, N), and the last row is 1. Classes and weights are (N,). `values` is the number of
    classes. The ridge acts on D rows.
    """

    x: Array
    classes: Array
    weights: Array
    values: int
    ridge: float

    def part(self, points: slice) -> "Problem":
        """Some of the points, weighing as much as all."""
        weights = self.weights[points]
        scaled = weights * (self.weights.sum() / weights.sum())
        x = np.ascontiguousarray(self.x[:, points])
        return self._replace(x=x, classes=self.classes[points], weights=scaled)

    @property
    def chance(self) -> float:
        return float(self.weights.sum() * np.log(self.values))


def fit(x: Array, classes: Array, weights: Array, *, ridge: float = 0.0) -> Array:
    """Fit a softmax rule to its optimum.

    Weights (C, D + 1), the last class's 0, that minimise Σ_n weight · log loss + ridge |w|² / 2 on x (N, D).

    The intercept, the last column, carries no ridge. Where the classes can be separated and nothing is penalised, the
    weights grow until the loss is next to nothing.
    """
    problem = Problem(np.vstack([x.T, np.ones(len(x))]), classes, weights, int(classes.max()) + 1, ridge)
    theta = np.zeros((problem.values - 1) * len(problem.x))
    if len(theta) > LARGEST:
        return _completed(_polished(problem, theta, np.eye(len(theta))), problem.values)
    stride = -(-len(x) // FEW)
    theta, root = _newton(problem.part(slice(None, None, stride)), theta, CLOSE if stride == 1 else NEAR)
    return _completed(theta if stride == 1 else _polished(problem, theta, root), problem.values)


def log_probabilities(x: Array, weights: Array) -> Array:
    """Log probabilities (C, N) under weights (C, D + 1) at x (N, D)."""
    margins = weights[:, :-1] @ x.T + weights[:, -1:]
    margins -= margins.max(axis=0)
    return np.asarray(margins - np.log(np.exp(margins).sum(axis=0)))


def balanced(classes: Array) -> Array:
    """Weights (N,) under which every class counts alike: N / (C n_c)."""
    count = np.bincount(classes)
    return np.asarray((len(classes) / (np.count_nonzero(count) * np.maximum(count, 1)))[classes])


def _completed(theta: Array, count: int) -> Array:
    free = theta.reshape(count - 1, -1)
    return np.concatenate([free, np.zeros((1, free.shape[1]))])


def _newton(problem: Problem, theta: Array, close: float) -> tuple[Array, Array]:
    """Find the optimum on few points by Newton's method.

    The Hessian near it is returned as a lower triangular root (P, P).
    """
    loss, gradient = _value(theta, problem)
    for _ in range(STEPS):
        root = _root(_hessian(theta, problem))
        step = np.linalg.solve(root.T, np.linalg.solve(root, gradient))
        gain = float(gradient @ step)
        scale = 1.0
        while (tried := _value(theta - scale * step, problem))[0] > loss - 0.1 * scale * gain and scale > 1e-6:
            scale /= 2
        before, theta, (loss, gradient) = loss, theta - scale * step, tried
        if before - loss <= close * problem.chance:
            break
    return theta, root


def _polished(problem: Problem, theta: Array, root: Array) -> Array:
    """Find the optimum on all points by L-BFGS.

    In its coordinates, the Hessian of the few points is the identity.
    """
    from scipy.optimize import minimize  # a tenth of a second, which only this needs

    inverse = np.linalg.inv(root)

    def scaled(u: Array) -> tuple[float, Array]:
        loss, gradient = _value(theta + inverse.T @ u, problem)
        return loss / problem.chance, inverse @ gradient / problem.chance

    options = {"maxiter": 500, "maxfun": 600, "ftol": CLOSE / 10, "gtol": 0.0, "maxcor": 20}
    found = minimize(scaled, np.zeros_like(theta), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(theta + inverse.T @ found.x)


def _value(theta: Array, problem: Problem) -> tuple[float, Array]:
    """Loss and gradient (P,), block by block."""
    weights = theta.reshape(problem.values - 1, -1)
    gradient = np.column_stack([weights[:, :-1], np.zeros(len(weights))]) * problem.ridge
    loss = float((gradient * weights).sum() / 2)
    for start in range(0, problem.x.shape[1], BLOCK):
        points = slice(start, start + BLOCK)
        x = problem.x[:, points]
        part, residual = _residual(weights @ x, problem.classes[points], problem.weights[points])
        loss += part
        gradient = gradient + residual @ x.T
    return loss, gradient.ravel()


def _residual(margins: Array, classes: Array, weights: Array) -> tuple[float, Array]:
    """Compute the loss of some points and its residuals from the margins.

    The residuals are weight · (probability - indicator). Margins and residuals are (C - 1, n).
    """
    free = np.flatnonzero(classes < len(margins))  # the last class has margin 0
    own = margins[classes[free], free]
    top = np.maximum(margins.max(axis=0), 0.0)
    margins -= top
    np.exp(margins, out=margins)
    total = margins.sum(axis=0) + np.exp(-top)
    loss = float(weights @ (np.log(total) + top) - weights[free] @ own)
    margins *= weights / total
    margins[classes[free], free] -= weights[free]
    return loss, margins


def _hessian(theta: Array, problem: Problem) -> Array:
    """Compute the Hessian (P, P) of the loss and the ridge.

    It is Σ_n weight (diag(p) - p p') ⊗ x x' + ridge. Single precision of the sums is enough for a step.
    """
    size, x = len(problem.x), problem.x.astype(np.float32)
    logs = log_probabilities(problem.x[:-1].T, _completed(theta, problem.values))[:-1]  # (C - 1, n)
    p = np.exp(logs).astype(np.float32)
    weights = problem.weights.astype(np.float32)
    scaled = ((np.sqrt(weights) * p)[:, None, :] * x).reshape(-1, x.shape[1])  # (P, n)
    hessian = -(scaled @ scaled.T).astype(np.float64)
    for c, row in enumerate(weights * p):
        block = slice(c * size, (c + 1) * size)
        hessian[block, block] += (x * row) @ x.T
    hessian[np.diag_indices_from(hessian)] += np.tile(np.append(np.full(size - 1, problem.ridge), 0.0), len(p))
    return np.asarray(hessian)


def _root(hessian: Array) -> Array:
    """Compute a lower triangular root of the Hessian.

    A singular Hessian is first lifted just enough.
    """
    lift = 1e-7 * max(float(np.trace(hessian)) / len(hessian), 1e-9)
    while True:
        try:
            return np.linalg.cholesky(hessian + lift * np.eye(len(hessian)))
        except np.linalg.LinAlgError:
            lift *= 10
