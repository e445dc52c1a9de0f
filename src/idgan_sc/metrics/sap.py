"""Score how far a factor's best code leads the second best (SAP).

Source: Kumar et al. 2018, Sec. 3. SAP = mean_k (S_(1) - S_(2)), where S[d, k] says how well code d alone
predicts factor k. For a continuous factor S is the squared correlation. For a category it is the accuracy of a
linear SVM (C = .01, balanced classes). The SVMs are solved exactly (`svm.py`). The references' solver stops
earlier, which moves an entry by at most about 1e-3.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics import svm
from idgan_sc.metrics.checks import Array, as_codes, as_factors, at_least_two_codes, moving

C = 0.01  # both reference codes


def infogan_cr_matrix(
    codes: npt.ArrayLike, values: npt.ArrayLike, *, discrete: Sequence[int], strict: bool = False
) -> Array:
    """Compute the SAP matrix S (D, K) of codes (N, D) and values (N, K).

    An entry is R², but training accuracy for the `discrete` factors. The values are physical. A constant code has
    no correlation: its entries are 0 by default. With `strict=True` they are NaN, as in the reference.
    """
    codes = as_codes(codes)
    values = as_factors(values, len(codes)).astype(np.float64)
    matrix = _squared_correlations(codes, values)
    if not strict:
        matrix[~moving(codes)] = 0.0
    if len(discrete):
        matrix[:, discrete] = _accuracies(codes, values[:, discrete], codes, values[:, discrete])
    return matrix


def infogan_cr_score(
    codes: npt.ArrayLike, values: npt.ArrayLike, *, discrete: Sequence[int], strict: bool = False
) -> float:
    """Mean gap of `infogan_cr_matrix`, R² and accuracy averaged together as the reference does.

    Range 0 (duplicated codes) to 1 less the chance that the next code attains by accident. Invariant to permutation
    and sign; to scale for the continuous factors alone, since the SVM's penalty acts on raw codes.

    >>> z = np.random.default_rng(0).integers(0, 10, size=(5000, 2))
    >>> round(infogan_cr_score(z, z, discrete=[]), 2), infogan_cr_score(z[:, [0, 0]], z, discrete=[])
    (1.0, 0.0)
    """
    return gap(infogan_cr_matrix(codes, values, discrete=discrete, strict=strict))


def disentanglement_lib_matrix(
    train: npt.ArrayLike, train_classes: npt.ArrayLike, test: npt.ArrayLike, test_classes: npt.ArrayLike
) -> Array:
    """Compute the SAP matrix S (D, K) by SVM test accuracy.

    Every factor is treated as a category.
    """
    train, test = as_codes(train), as_codes(test)
    taught, asked = as_factors(train_classes, len(train)), as_factors(test_classes, len(test))
    return _accuracies(train, taught, test, asked)


def disentanglement_lib_score(
    train: npt.ArrayLike, train_classes: npt.ArrayLike, test: npt.ArrayLike, test_classes: npt.ArrayLike
) -> float:
    """Mean gap of `disentanglement_lib_matrix`, the study's configuration.

    Range 0 to about .18 for dSprites: a linear rule on one code can win for few of 40 classes. Invariant to
    permutation and sign; not to scale (the penalty acts on raw codes).

    >>> z = np.random.default_rng(0).integers(0, 2, size=(2000, 2)) * 4.0
    >>> round(disentanglement_lib_score(z, z, z, z), 1), disentanglement_lib_score(z[:, [0, 0]], z, z[:, [0, 0]], z)
    (0.5, 0.0)
    """
    return gap(disentanglement_lib_matrix(train, train_classes, test, test_classes))


def disentanglement_lib_continuous_matrix(codes: npt.ArrayLike, classes: npt.ArrayLike) -> Array:
    """Compute the SAP matrix S (D, K) by R², categories included.

    A code with a variance of 1e-12 or less gets 0.
    """
    codes = as_codes(codes)
    matrix = _squared_correlations(codes, as_factors(classes, len(codes)).astype(np.float64))
    matrix[codes.var(axis=0, ddof=1) <= 1e-12] = 0.0
    return matrix


def disentanglement_lib_continuous_score(codes: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """Mean gap of `disentanglement_lib_continuous_matrix`. Range 0 to 1; invariant to permutation, sign and scale.

    >>> z = np.random.default_rng(0).integers(0, 10, size=(5000, 2))
    >>> round(disentanglement_lib_continuous_score(z, z), 2)
    1.0
    """
    return gap(disentanglement_lib_continuous_matrix(codes, classes))


def gap(matrix: Array) -> float:
    """Average the lead of each factor's best code in S (D, K).

    NaN sorts last, as in the references.

    >>> gap(np.array([[0.9, 0.1], [0.4, 0.1]]))
    0.25
    """
    at_least_two_codes(matrix.T)
    ranked = np.sort(matrix, axis=0)
    return float(np.mean(ranked[-1] - ranked[-2]))


def _squared_correlations(codes: Array, values: Array) -> Array:
    x, y = np.ascontiguousarray(codes.T), np.ascontiguousarray(values.T)
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    power = np.outer((x**2).sum(axis=1), (y**2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        return np.asarray((x @ y.T) ** 2 / power)


def _accuracies(train: Array, taught: Array, test: Array, asked: Array) -> Array:
    """Compute the SVM accuracy (D, K) of each code and factor.

    The SVMs are fitted to `taught` (N, K) and tested on `asked` (N', K).
    """
    lines = [svm.Line(column) for column in train.T]
    matrix = np.empty((train.shape[1], taught.shape[1]))
    for k in range(taught.shape[1]):
        known, classes = np.unique(taught[:, k], return_inverse=True)
        for d, line in enumerate(lines):
            guess = svm.predict(test[:, d], *svm.fit(line, classes, C))
            matrix[d, k] = np.mean(known[guess] == asked[:, k])
    return matrix
