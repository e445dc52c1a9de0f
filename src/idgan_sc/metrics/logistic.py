"""What `LogisticRegression()` means in either scikit-learn era; the β-VAE score and explicitness share it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeAlias

from idgan_sc.metrics.checks import Array

if TYPE_CHECKING:  # scikit-learn takes a second to import, and most scores do without
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    Logistic: TypeAlias = LogisticRegression | OneVsRestClassifier
else:
    Logistic = object


def one_vs_rest() -> OneVsRestClassifier:
    """Build the logistic regression of scikit-learn <= 0.21, which the papers used.

    It solves one problem for each class, by liblinear, which also shrinks the intercept.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    return OneVsRestClassifier(LogisticRegression(solver="liblinear"))


def multinomial() -> LogisticRegression:
    """scikit-learn since 0.22: one joint problem, by L-BFGS."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def fitted(model: Logistic, features: Array, labels: Array) -> Logistic:
    """Fit the model and return it without a convergence warning.

    Its 100 iterations are part of the definition.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)
