"""What `LogisticRegression()` means in either scikit-learn era; the β-VAE score and explicitness share it."""

import warnings
from typing import TypeAlias

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from idgan_sc.metrics.checks import Array

Logistic: TypeAlias = LogisticRegression | OneVsRestClassifier


def one_vs_rest() -> OneVsRestClassifier:
    """scikit-learn <= 0.21, the papers' own: one problem a class, by liblinear, which shrinks the intercept too."""
    return OneVsRestClassifier(LogisticRegression(solver="liblinear"))


def multinomial() -> LogisticRegression:
    """scikit-learn since 0.22: one joint problem, by L-BFGS."""
    return LogisticRegression()


def fitted(model: Logistic, features: Array, labels: Array) -> Logistic:
    """The model after fitting; its 100 iterations are part of the definition, so stopping there is no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)
