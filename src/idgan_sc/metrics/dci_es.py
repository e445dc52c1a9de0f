"""Measure how much capacity a probe needs to read factors from codes.

This is DCI-ES (Eastwood et al. 2023, Sec. 4).

Explicitness is read off a curve of loss against capacity. The probes here are random forests, and their
capacity is their depth. The paper's other probes (networks, random features) need torch. Their curves can be
given to `explicitness_of`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.infomec import standardised
from idgan_sc.metrics.progress import Progress, silent

DEPTHS = (1, 4, 7, 10, 13, 16)  # equally spaced; ours, the paper's are not published
TREES, POINTS = 10, 10_000  # of the forests, and the points that they see at most


def dci_es_score(
    codes: npt.ArrayLike,
    values: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    discrete: Sequence[int] = (),
    depths: Sequence[int] = DEPTHS,
    progress: Progress = silent,
) -> float:
    """Score how early forests of growing depth read the factors.

    E = mean_k E_k of forests that read values (N, K) from codes (N, D); two thirds of the points train.

    A factor's loss is 1 - R², or 1 - accuracy for the `discrete` ones, where chance is what the commonest value loses.
    Range 0 to 1, and 1 for codes that tell nothing: more capacity does not help. Read it beside informativeness.
    Invariant to permutation and to every monotone map of a code.

    Deviates: one forest is grown to the largest depth and cut at the others, so that its curve is one forest's; at
    most 10 000 points are used.

    >>> z = np.random.default_rng(0).integers(0, 2, size=(500, 2))
    >>> dci_es_score(z, z, np.random.default_rng(0)), dci_es_score(z * 0, z, np.random.default_rng(0))
    (1.0, 1.0)
    """
    losses, chance = probe_losses(codes, values, rng, discrete=discrete, depths=depths, progress=progress)
    return float(np.mean([explicitness_of(depths, loss, base) for loss, base in zip(losses, chance, strict=True)]))


def explicitness_of(capacity: npt.ArrayLike, losses: npt.ArrayLike, chance: float) -> float:
    """Score one curve of loss against capacity.

    1 - 2 · area(loss - its minimum) / (span of capacity · chance), of losses (T,) at growing capacity (T,).

    A loss counts as no worse than any at less capacity. A flat curve gives 1, a straight fall from chance to 0 gives 0.

    >>> explicitness_of([1, 2, 3], [0.4, 0.4, 0.4], 1.0), explicitness_of([1, 2, 3], [1.0, 0.5, 0.0], 1.0)
    (1.0, 0.0)
    >>> explicitness_of([1, 2, 3, 4, 5], [1.0, 0.0, 0.0, 0.0, 0.0], 1.0)
    0.75
    """
    x, y = np.asarray(capacity, dtype=np.float64), np.minimum.accumulate(np.asarray(losses, dtype=np.float64))
    if x.shape != y.shape or len(x) < 2 or (np.diff(x) <= 0).any():
        raise ValueError("an explicitness curve needs as many losses as capacities, at least two, capacities growing")
    above = y - y[-1]
    return float(1 - np.sum((above[1:] + above[:-1]) * np.diff(x)) / ((x[-1] - x[0]) * chance))


def size_of(codes: int, factors: int) -> float:
    """Return the size S = K / D.

    A representation with more codes than factors is larger than it need be.
    """
    return factors / codes


def probe_losses(
    codes: npt.ArrayLike,
    values: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    discrete: Sequence[int] = (),
    depths: Sequence[int] = DEPTHS,
    progress: Progress = silent,
) -> tuple[Array, Array]:
    """Measure what forests cut at each depth lose.

    Test losses (K, T) of forests cut at each depth, and the losses of chance (K,).
    """
    codes = standardised(as_codes(codes))  # trees see no difference below 1e-7
    values = as_factors(values, len(codes))
    points = rng.permutation(len(codes))[:POINTS]
    train, test = np.split(points, [2 * len(points) // 3])
    if len(test) == 0 or not moving(values[test]).all():
        raise ValueError("a factor takes one value only among the points that test the forests")
    seed = int(rng.integers(2**31))
    losses, chance = [], []
    for k, column in enumerate(progress(values.T)):
        of = _classified if k in discrete else _regressed
        losses.append(of(codes[train], column[train], codes[test], column[test], depths, seed))
        commonest = np.unique(column[points], return_counts=True)[1].max() / len(points)
        chance.append(1 - commonest if k in discrete else 1.0)
    return np.array(losses), np.array(chance)


def _regressed(x: Array, y: Array, asked_x: Array, asked: Array, depths: Sequence[int], seed: int) -> Array:
    """1 - R² (T,) on the points asked about, whatever the factor's unit and origin."""
    from sklearn.ensemble import RandomForestRegressor

    y, asked = (y - y.mean()) / y.std(), (asked - y.mean()) / y.std()  # trees stop at an absolute variance
    forest = RandomForestRegressor(TREES, max_depth=max(depths), random_state=seed).fit(x, y.astype(np.float64))
    guesses = _cut(forest.estimators_, asked_x, depths)[..., 0]
    return np.asarray(((guesses - asked) ** 2).mean(axis=1) / np.var(asked))


def _classified(x: Array, y: Array, asked_x: Array, asked: Array, depths: Sequence[int], seed: int) -> Array:
    """1 - accuracy (T,) on the points asked about."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(TREES, max_depth=max(depths), max_features=None, random_state=seed).fit(x, y)
    guesses = forest.classes_[_cut(forest.estimators_, asked_x, depths).argmax(axis=2)]
    return np.asarray((guesses != asked).mean(axis=1))


def _cut(trees: Sequence[object], x: Array, depths: Sequence[int]) -> Array:
    """Return the mean prediction (T, n, V) of trees cut at each depth.

    A prediction is a value, or the shares of the classes.
    """
    x = x.astype(np.float32)  # trees compare single precision
    rows = np.arange(len(x))
    total: Array = np.zeros(())
    for tree in (estimator.tree_ for estimator in trees):  # type: ignore[attr-defined]
        node, levels = np.zeros(len(x), dtype=np.int64), []
        for depth in range(max(depths) + 1):
            if depth in depths:
                levels.append(tree.value[node, 0])
            left, right = tree.children_left[node], tree.children_right[node]
            goes_left = x[rows, np.maximum(tree.feature[node], 0)] <= tree.threshold[node]  # a leaf's feature is -2
            node = np.where(left < 0, node, np.where(goes_left, left, right))
        total = total + np.stack(levels)
    return total / len(trees)
