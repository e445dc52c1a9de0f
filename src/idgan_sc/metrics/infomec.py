"""Score modularity, compactness and explicitness by information (InfoMEC).

Source: Hsu et al. 2023, Sec. 4. All three are shares of a factor's information. Modularity and compactness read
J_dk = I(d, k) / H_k, estimated by nearest neighbours (`neighbours.py`). They read only codes whose range is
more than a twentieth of the widest, so the relative scale of the codes matters. **InfoM rewards noise**: for a
code without information the estimate is 0 for most factors and slightly positive for one. This looks modular.
Read InfoM beside InfoE.
"""

import warnings

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics import softmax
from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.information import entropy, numbered, tables
from idgan_sc.metrics.moments import covariance, cross_covariance
from idgan_sc.metrics.neighbours import Normal, neighbour_information
from idgan_sc.metrics.progress import Progress, silent

NARROW = 20  # a code whose range is this many times smaller than the widest is not read


def infom_score(codes: npt.ArrayLike, classes: npt.ArrayLike, rng: Normal, *, strict: bool = False) -> float:
    """Score how far each active code tells of one factor.

    InfoM = (mean_d [max_k J_dk / Σ_k J_dk] - 1/K) / (1 - 1/K) over the active codes of (N, D), classes (N, K >= 2).

    Range 0 to 1. Invariant to permutation, sign and a common scale. See `modularity_of` for 0/0.

    >>> z = np.random.default_rng(0).normal(size=(900, 2))
    >>> round(infom_score(z, (z > 0) * 1, np.random.default_rng(0)), 1)
    1.0
    """
    return modularity_of(active_information(codes, classes, rng), strict=strict)


def infoc_score(codes: npt.ArrayLike, classes: npt.ArrayLike, rng: Normal, *, strict: bool = False) -> float:
    """Score how far each factor is told by one active code.

    InfoC = (mean_k [max_d J_dk / Σ_d J_dk] - 1/A) / (1 - 1/A) over the A active codes of (N, D), classes (N, K).

    Range 0 to 1. Invariant to permutation, sign and a common scale. See `compactness_of` for 0/0.

    >>> z = np.random.default_rng(0).normal(size=(900, 2))
    >>> round(infoc_score(z, (z > 0) * 1, np.random.default_rng(0)), 1)
    1.0
    """
    return compactness_of(active_information(codes, classes, rng), strict=strict)


def active_information(codes: npt.ArrayLike, classes: npt.ArrayLike, rng: Normal) -> Array:
    """J (A, K) of the active codes."""
    codes = as_codes(codes)
    return (neighbour_information(codes, classes, rng) / entropy(classes))[active(codes)]


def active(codes: Array) -> npt.NDArray[np.bool_]:
    """Which codes (D,) of (N, D) have more than a twentieth of the widest range."""
    spans = codes.max(axis=0) - codes.min(axis=0)
    wide: npt.NDArray[np.bool_] = spans > spans.max() / NARROW
    return wide


def modularity_of(share: npt.ArrayLike, *, strict: bool = False) -> float:
    """InfoM of shares J (A, K) that are there already.

    A code that tells nothing is left out of the mean, and without a code that tells something the score is 0;
    `strict=True` keeps the reference's NaN.

    >>> modularity_of(np.eye(3)), modularity_of([[1, 0], [0, 0]]), modularity_of([[1, 0], [0, 0]], strict=True)
    (1.0, 1.0, nan)
    """
    share = np.asarray(share, dtype=np.float64)
    if share.shape[1] < 2:
        raise ValueError("InfoM compares factors and needs at least two, got one")
    told = share if strict else share[share.any(axis=1)]
    return _rescaled(_leading(told.T), share.shape[1]) if len(told) else 0.0


def compactness_of(share: npt.ArrayLike, *, strict: bool = False) -> float:
    """InfoC of shares J (A, K) that are there already.

    A factor that no code tells counts as spread over all of them, without an active code the score is 0; a single
    one leaves nothing to compare, an error. `strict=True` keeps the reference's NaN.

    >>> round(compactness_of(np.eye(3)), 9), compactness_of([[1, 0], [0, 0]])
    (1.0, 0.5)
    >>> compactness_of([[1, 0], [0, 0]], strict=True)
    nan
    """
    share = np.asarray(share, dtype=np.float64)
    if strict:
        return _rescaled(_leading(share), len(share))
    if len(share) == 1:
        raise ValueError("InfoC compares codes, and only one has more than a twentieth of the widest range")
    return _rescaled(np.nan_to_num(_leading(share), nan=1 / len(share)), len(share)) if len(share) else 0.0


def _leading(share: Array) -> Array:
    """Divide the largest entry of each column by the column's sum.

    A column of zeros gives NaN, as in the reference.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(share.max(axis=0) / share.sum(axis=0))


def _rescaled(leading: Array, count: int) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float((np.mean(leading) - np.float64(1) / count) / (1 - np.float64(1) / count))


def infoe_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, progress: Progress = silent) -> float:
    """Score how much of each factor a linear softmax rule tells.

    InfoE = mean_k (log C_k - L_k) / log C_k, L_k the log loss of the best linear softmax rule, on its own points.

    Codes (N, D), classes (N, K) of C_k values, which the rule weighs alike. Range 0 (useless) to 1, and a little
    below 0 where classes are unequal. Invariant to every invertible linear map of the codes.

    Deviates: solved to its optimum. The reference stops after 100 steps and so may end .01 lower, see
    `infoe_stopped_score`.

    >>> z = np.random.default_rng(0).integers(0, 2, size=(500, 2))
    >>> round(infoe_score(z, z), 4), abs(round(infoe_score(np.zeros((500, 2)), z), 4))
    (1.0, 0.0)
    """
    codes = as_codes(codes)
    factors = as_factors(classes, len(codes))
    inputs = standardised(codes)
    return float(np.mean([_explained(inputs, numbered(column)) for column in progress(factors.T)]))


def standardised(codes: Array) -> Array:
    """Codes with mean 0 and SD 1, a constant one 0."""
    return np.asarray((codes - codes.mean(axis=0)) / np.where(moving(codes), codes.std(axis=0), np.inf))


def _explained(inputs: Array, classes: Array) -> float:
    present = np.unique(classes, return_inverse=True)[1]
    logs = softmax.log_probabilities(inputs, softmax.fit(inputs, present, softmax.balanced(present)))
    chance = np.log(present.max() + 1)
    return float((chance + logs[present, np.arange(len(present))].mean()) / chance)


def infoe_stopped_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, steps: int = 100) -> float:
    """`infoe_score` as the reference computes it: scikit-learn's L-BFGS, stopped after 100 steps.

    >>> z = np.random.default_rng(0).integers(0, 2, size=(500, 2))
    >>> round(infoe_stopped_score(z, z), 3)
    1.0
    """
    codes = as_codes(codes)
    return float(stopped_shares(standardised(codes), as_factors(classes, len(codes)), steps).mean())


def stopped_shares(inputs: Array, factors: Array, steps: int = 100) -> Array:
    """The term (K,) of each factor, of which `infoe_stopped_score` is the mean."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=steps)
    shares = []
    for column in factors.T:
        classes = np.unique(column, return_inverse=True)[1]
        with warnings.catch_warnings(), np.errstate(divide="ignore"):
            warnings.simplefilter("ignore", ConvergenceWarning)
            logs = model.fit(inputs, classes).predict_log_proba(inputs)  # of another class it may be log 0
        chance = np.log(classes.max() + 1)
        shares.append((chance + logs[np.arange(len(classes)), classes].mean()) / chance)
    return np.array(shares)


def explained_variance_score(codes: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Score how much of each continuous factor least squares tells.

    InfoE for continuous factors: mean R² of least squares on all codes (N, D), values (N, K), on its own points.

    Range 0 to 1. Invariant to every invertible linear map of the codes.

    >>> z = np.random.default_rng(0).normal(size=(500, 2))
    >>> round(explained_variance_score(z @ [[1, 2], [0, 1]], z), 6), explained_variance_score(np.zeros((500, 2)), z)
    (1.0, 0.0)
    """
    codes = as_codes(codes)
    factors = as_factors(values, len(codes)).astype(np.float64)
    z, y, d = standardised(codes), standardised(factors), codes.shape[1]
    shared = cross_covariance(z, y).covariance
    matrix = np.block([[covariance(z), shared], [shared.T, covariance(y)]])
    shared = matrix[:d, d:]
    return float((shared * np.linalg.lstsq(matrix[:d, :d], shared, rcond=1e-12)[0]).sum(axis=0).mean())


# ---- discrete codes


def discrete_infom_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, strict: bool = False) -> float:
    """Score InfoM for codes (N, D) that are categories.

    The information is the plug-in estimate. All codes count except the constant ones.

    >>> z = np.random.default_rng(0).integers(0, 4, size=(900, 2))
    >>> round(discrete_infom_score(z, z), 1), discrete_infom_score(np.zeros((900, 2)), z)
    (1.0, 0.0)
    """
    return modularity_of(discrete_information(codes, classes), strict=strict)


def discrete_infoc_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, strict: bool = False) -> float:
    """`infoc_score` of codes (N, D) that are categories.

    >>> z = np.random.default_rng(0).integers(0, 4, size=(900, 2))
    >>> round(discrete_infoc_score(z, z), 1)
    1.0
    """
    return compactness_of(discrete_information(codes, classes), strict=strict)


def discrete_infoe_score(codes: npt.ArrayLike, classes: npt.ArrayLike, *, steps: int = 100) -> float:
    """`infoe_stopped_score` of codes (N, D) that are categories, each value an input of its own.

    >>> z = np.random.default_rng(0).integers(0, 4, size=(900, 2))
    >>> round(discrete_infoe_score(z, z), 2)
    1.0
    """
    codes = as_codes(codes)
    columns = [np.unique(column, return_inverse=True)[1] for column in codes.T]
    inputs = np.hstack([np.eye(column.max() + 1)[column] for column in columns])
    return float(stopped_shares(inputs, as_factors(classes, len(codes)), steps).mean())


def discrete_information(codes: npt.ArrayLike, classes: npt.ArrayLike) -> Array:
    """J (A, K) of the codes, read as categories, that are not constant."""
    codes = as_codes(codes)
    found = tables([np.unique(column, return_inverse=True)[1] for column in codes.T], classes)
    return np.asarray((found.mutual / found.factor)[moving(codes)])
