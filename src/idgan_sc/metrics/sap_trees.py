"""SAP by decision trees, the review's choice for factors that are categories.

A tree on one code splits greedily, so the tree of depth 9 holds those of depth 1 to 8: one is grown where the
reference grows nine, and read level by level.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.progress import Progress, silent
from idgan_sc.metrics.sap import gap

DEPTH, FOLDS = 9, 10


def sap_trees_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, progress: Progress = silent) -> float:
    """Score the lead of the code whose tree predicts a factor best.

    Mean gap of `tree_matrix`. Range 0 (duplicated codes) to 1 - chance; codes (N, D >= 2), classes (N, K).

    >>> z = np.random.default_rng(0).integers(0, 2, size=(500, 2))
    >>> round(sap_trees_score(z, z), 1)
    0.5
    """
    return gap(tree_matrix(codes, classes, progress=progress))


def tree_matrix(codes: npt.ArrayLike, classes: npt.ArrayLike, *, progress: Progress = silent) -> Array:
    """Measure how well a tree on each code predicts each factor.

    S (D, K): training accuracy of a tree on one code, its depth of 1 to 9 chosen by ten folds.

    Invariant to permutation, sign and every monotone map of a code, up to ties between splits.
    """
    codes = as_codes(codes)
    factors = as_factors(classes, len(codes))
    span = np.where(moving(codes), codes.max(axis=0) - codes.min(axis=0), 1.0)
    inputs = (codes - codes.min(axis=0)) / span
    matrix = np.empty((codes.shape[1], factors.shape[1]))
    for k in progress(range(factors.shape[1])):
        labels = np.unique(factors[:, k], return_inverse=True)[1]
        matrix[:, k] = [_accuracy(inputs[:, [d]], labels) for d in range(codes.shape[1])]
    return matrix


def _accuracy(x: Array, labels: Array) -> float:
    import warnings

    from sklearn.model_selection import StratifiedKFold

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # the reference's folds do not mind
        folds = list(StratifiedKFold(FOLDS).split(x, labels))
    levels = np.array([_levels(x[train], labels[train], x[test], labels[test]) for train, test in folds])
    tested = np.ascontiguousarray(levels.T).mean(
        axis=1
    )  # a depth's folds in a row: ties between depths feel the last bit
    return float(_levels(x, labels, x, labels)[tested.argmax()])


def _levels(x: Array, labels: Array, asked_x: Array, asked: Array) -> Array:
    """Accuracy (DEPTH,) on the points asked about, of the tree cut at each depth."""
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier(max_depth=DEPTH, random_state=0).fit(x, labels)
    tree, guess = model.tree_, model.classes_[model.tree_.value[:, 0].argmax(axis=1)]
    line, node = (
        asked_x[:, 0].astype(np.float32),
        np.zeros(len(asked), dtype=np.int64),
    )  # trees compare single precision
    found = []
    for _ in range(DEPTH):
        left, right = tree.children_left[node], tree.children_right[node]
        node = np.where(left < 0, node, np.where(line <= tree.threshold[node], left, right))
        found.append(np.mean(guess[node] == asked))
    return np.array(found)
