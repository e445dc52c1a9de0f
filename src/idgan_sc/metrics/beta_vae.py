"""Score whether a linear rule can tell which factor two images share.

This is the β-VAE score (Higgins et al. 2017, Sec. 3).

A group's feature is the mean absolute difference of its pairs' codes. Logistic regression (L2, C = 1, raw
codes) predicts the fixed factor. The penalty acts on raw codes, so this score is **not** invariant to their
scale. Codes times 0.1 / 1 / 10 score differently for a mixed representation.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_labels
from idgan_sc.metrics.logistic import Logistic, fitted, multinomial, one_vs_rest


def infogan_cr_score(groups: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Training accuracy of one-against-rest logistic regression on the groups (M, L, D), factors `labels` (M,).

    Pairs are elements (0, 1), (2, 3), … of a group, so all pairs of a group share one value. One-against-rest by
    liblinear is what `LogisticRegression()` was for the reference (scikit-learn <= 0.21). Range: about 1/K to 1.
    Invariant to permutation and sign; not to scale.

    >>> rng = np.random.default_rng(0)
    >>> held, labels = rng.normal(size=(20, 30, 2)), np.arange(20) % 2
    >>> held[np.arange(20), :, labels] = 0.5
    >>> infogan_cr_score(held, labels), infogan_cr_score(np.zeros((20, 30, 2)), labels)
    (1.0, 0.5)
    """
    features, labels = _group_features(groups, labels)
    return _accuracy(one_vs_rest(), features, labels, features, labels)


def infogan_cr_multinomial_score(groups: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """`infogan_cr_score` as today's scikit-learn computes the same line: multinomial, by L-BFGS.

    >>> infogan_cr_multinomial_score(np.zeros((20, 30, 2)), np.arange(20) % 2)
    0.5
    """
    features, labels = _group_features(groups, labels)
    return _accuracy(multinomial(), features, labels, features, labels)


def disentanglement_lib_score(
    train: npt.ArrayLike, train_labels: npt.ArrayLike, test: npt.ArrayLike, test_labels: npt.ArrayLike
) -> float:
    """Return the test accuracy of multinomial logistic regression on pairs.

    The pairs are (M, B, 2, D). Each pair has a shared value of its own.

    The range is about 1/K to 1. The score is invariant to permutation and sign, but not to scale.

    >>> rng = np.random.default_rng(0)
    >>> held, labels = rng.normal(size=(20, 30, 2, 2)), np.arange(20) % 2
    >>> held[np.arange(20), :, :, labels] = 0.5
    >>> disentanglement_lib_score(held, labels, held, labels)
    1.0
    """
    return _accuracy(multinomial(), *_pair_features(train, train_labels), *_pair_features(test, test_labels))


def disentanglement_lib_one_vs_rest_score(
    train: npt.ArrayLike, train_labels: npt.ArrayLike, test: npt.ArrayLike, test_labels: npt.ArrayLike
) -> float:
    """`disentanglement_lib_score` as scikit-learn <= 0.21 computed it: one against the rest, by liblinear.

    >>> pairs, labels = np.zeros((20, 30, 2, 2)), np.arange(20) % 2
    >>> disentanglement_lib_one_vs_rest_score(pairs, labels, pairs, labels)
    0.5
    """
    return _accuracy(one_vs_rest(), *_pair_features(train, train_labels), *_pair_features(test, test_labels))


def _group_features(groups: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Array, Array]:
    groups = as_codes(groups, ndim=3)
    if groups.shape[1] % 2:
        raise ValueError(f"groups are split into pairs and need an even size, got {groups.shape[1]}")
    pairs = groups.reshape(len(groups), -1, 2, groups.shape[2])  # (M, L/2, 2, D)
    return _pair_features(pairs, labels)


def _pair_features(pairs: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Array, Array]:
    """Return the pairs' mean absolute difference (M, D), and the checked labels.

    The pairs are (M, B, 2, D).
    """
    pairs = as_codes(pairs, ndim=4)
    if pairs.shape[2] != 2:
        raise ValueError(f"pairs must have shape (M, B, 2, D), got {pairs.shape}")
    labels = as_labels(labels, len(pairs))
    return np.abs(pairs[:, :, 0] - pairs[:, :, 1]).mean(axis=1), labels


def _accuracy(model: Logistic, features: Array, labels: Array, test_features: Array, test_labels: Array) -> float:
    return float(np.mean(fitted(model, features, labels).predict(test_features) == test_labels))
