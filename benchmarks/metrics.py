"""Time each metric against its reference formulation in plain scikit-learn calls, in one run on one thread.

`python benchmarks/metrics.py` prints CPU seconds (best of three), their ratio and the largest difference between the
two results, for N = 73 728 points, D = 10 codes and 500 groups of 100. The reference side has no loop that the
reference codes lack: one `mutual_info_score` for each code and factor, one `LinearSVC` for each code and factor, one
`Lasso` for each factor. `--forests` adds the random forests and `--boosted` the boosted trees, both of which are
scikit-learn's own on either side.

What was tried for the trees, which cost more than all the rest, and why they stayed scikit-learn's own:

- `n_jobs=2`: equal values, no less CPU time.
- Own code on features sorted once: its sums round differently, and a forest feels that. Standardising the codes with
  another order of summation, a difference in the last digit, already turns ties between splits and shifts a single
  importance by up to .017 (clean codes rotated in pairs): the scores would agree to three digits, not exactly.
- `HistGradientBoostingClassifier` bins the codes first and has no importances.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LassoCV, LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from idgan_sc.metrics import beta_vae, dci, factor_vae, mig, modularity, sap
from idgan_sc.metrics.sampling import draw_infogan_cr

COUNTS = (3, 6, 40, 32, 32)  # dSprites: shape, scale, orientation, x, y
RANGES = ((0, 2), (0.5, 1), (0, 2 * np.pi), (0, 1), (0, 1))
N, D, TRAIN, TEST = 73_728, 10, 10_000, 5_000
Result = np.ndarray | float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forests", action="store_true", help="add the random forests (a minute)")
    parser.add_argument("--boosted", action="store_true", help="add the boosted trees (many minutes)")
    asked = parser.parse_args()
    data = Data(np.random.default_rng(0))
    pairs = dict(PAIRS)
    pairs |= FORESTS if asked.forests else {}
    pairs |= BOOSTED if asked.boosted else {}
    print(f"{'':44}{'reference s':>12}{'ours s':>10}{'ratio':>8}{'difference':>12}")
    for name, (reference, ours) in pairs.items():
        repeats = 1 if name in FORESTS | BOOSTED else 3
        slow, expected = timed(reference, data, repeats)
        fast, obtained = timed(ours, data, repeats)
        difference = float(np.max(np.abs(np.asarray(expected) - np.asarray(obtained))))
        print(f"{name:44}{slow:12.3f}{fast:10.4f}{slow / fast:7.1f}x{difference:12.1e}", flush=True)


class Data:
    """A grid of factors, mixed codes of it with noise, and one draw of the InfoGAN-CR sizes."""

    def __init__(self, rng: np.random.Generator) -> None:
        grid = np.stack(np.unravel_index(np.arange(np.prod(COUNTS)), COUNTS), axis=1)
        steps = [np.linspace(*span, count) for span, count in zip(RANGES, COUNTS, strict=True)]
        values = np.stack([step[column] for step, column in zip(steps, grid.T, strict=True)], axis=1)
        unit = (values - values.mean(axis=0)) / values.std(axis=0)
        mixed = unit + 0.35 * np.roll(unit, 1, axis=1)
        pool = np.hstack([mixed, rng.normal(size=(len(grid), D - len(COUNTS)))])
        pool += 0.1 * rng.normal(size=pool.shape)
        draw = draw_infogan_cr(grid, groups=500, group_size=100, std=N, points=N, rng=rng)
        self.codes, self.classes, self.values = pool[draw.points], grid[draw.points], values[draw.points]
        self.std, self.groups, self.labels = pool[draw.std], pool[draw.groups], draw.group_labels
        self.train = self.codes[:TRAIN], self.classes[:TRAIN]
        self.test = self.codes[TRAIN : TRAIN + TEST], self.classes[TRAIN : TRAIN + TEST]


def timed(work: Callable[[Data], Result], data: Data, repeats: int) -> tuple[float, Result]:
    """CPU seconds of the fastest of some repeats, and the result."""
    seconds = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(repeats):
            start = time.process_time()
            result = work(data)
            seconds.append(time.process_time() - start)
    return min(seconds), result


# ---- the reference formulations


def reference_factor_vae(d: Data) -> float:
    scale = np.std(d.std, axis=0, keepdims=True)
    votes = np.zeros((D, len(COUNTS)))
    for group, label in zip(d.groups, d.labels, strict=True):
        votes[np.argmin(np.std(group / scale, axis=0)), label] += 1
    return float(votes.max(axis=1).sum() / votes.sum())


def reference_beta_vae(d: Data) -> float:
    features = np.vstack([np.abs(group[0::2] - group[1::2]).mean(axis=0) for group in d.groups])
    model = OneVsRestClassifier(LogisticRegression(solver="liblinear"))
    return float(model.fit(features, d.labels).score(features, d.labels))


def reference_sap(d: Data) -> float:
    matrix = np.zeros((D, len(COUNTS)))
    for i, code in enumerate(d.codes.T):
        svm = LinearSVC(C=0.01, class_weight="balanced").fit(code[:, None], d.classes[:, 0])
        matrix[i, 0] = svm.score(code[:, None], d.classes[:, 0])
        for k in range(1, len(COUNTS)):
            covariance = np.cov(code, d.values[:, k])
            matrix[i, k] = covariance[0, 1] ** 2 / covariance[0, 0] / covariance[1, 1]
    ranked = np.sort(matrix, axis=0)
    return float(np.mean(ranked[-1] - ranked[-2]))


def reference_sap_lib(d: Data) -> float:
    (codes, classes), (test, asked) = d.train, d.test
    matrix = np.zeros((D, len(COUNTS)))
    for i in range(D):
        for k in range(len(COUNTS)):
            svm = LinearSVC(C=0.01, class_weight="balanced").fit(codes[:, [i]], classes[:, k])
            matrix[i, k] = svm.score(test[:, [i]], asked[:, k])
    ranked = np.sort(matrix, axis=0)
    return float(np.mean(ranked[-1] - ranked[-2]))


def reference_information(d: Data) -> np.ndarray:
    bins = np.stack([np.digitize(code, np.histogram(code, 20)[1][:-1]) for code in d.codes.T], axis=1)
    return np.array([[mutual_info_score(factor, code) for factor in d.classes.T] for code in bins.T])


def reference_mig(d: Data) -> float:
    ranked = np.sort(reference_information(d), axis=0)
    entropy = [mutual_info_score(factor, factor) for factor in d.classes.T]
    return float(np.mean((ranked[-1] - ranked[-2]) / entropy))


def reference_modularity(d: Data) -> float:
    squared = reference_information(d) ** 2
    best = squared.max(axis=1)
    return float(np.mean(1 - (squared.sum(axis=1) - best) / (best * (squared.shape[1] - 1))))


def fitted(d: Data, regressors: list[Any], attribute: str) -> np.ndarray:
    """Importances (D, K) of one regressor a factor, on standardised codes and values."""
    codes = (d.codes - d.codes.mean(axis=0)) / d.codes.std(axis=0)
    values = (d.values - d.values.mean(axis=0)) / d.values.std(axis=0)
    columns = [getattr(model.fit(codes, values[:, k]), attribute) for k, model in enumerate(regressors)]
    return np.abs(np.stack(columns, axis=1))


def reference_lasso(d: Data) -> np.ndarray:
    return fitted(d, [Lasso(alpha=0.02) for _ in COUNTS], "coef_")


def reference_lasso_cv(d: Data) -> np.ndarray:
    return fitted(d, [LassoCV(cv=3) for _ in COUNTS], "coef_")


def reference_forest(d: Data) -> np.ndarray:
    forests = [RandomForestRegressor(10, max_depth=depth, random_state=0) for depth in dci.IBGAN_DEPTHS]
    return fitted(d, forests, "feature_importances_")


def reference_boosted(d: Data) -> np.ndarray:
    codes, classes = d.train
    models = [GradientBoostingClassifier(random_state=0).fit(codes, column) for column in classes.T]
    return np.stack([model.feature_importances_ for model in models], axis=1)


PAIRS: dict[str, tuple[Callable[[Data], Result], Callable[[Data], Result]]] = {
    "MIG (target 10x)": (reference_mig, lambda d: mig.mig_score(d.codes, d.classes)),
    "modularity": (reference_modularity, lambda d: modularity.infogan_cr_modularity_score(d.codes, d.classes)),
    "SAP, disentanglement_lib (target 5x)": (
        reference_sap_lib,
        lambda d: sap.disentanglement_lib_score(*d.train, *d.test),
    ),
    "SAP, InfoGAN-CR": (reference_sap, lambda d: sap.infogan_cr_score(d.codes, d.values, discrete=[0])),
    "DCI's Lasso (target 2x)": (reference_lasso, lambda d: dci.lasso_importance(d.codes, d.values)),
    "DCI's LassoCV (0.19's rule; today's here)": (
        reference_lasso_cv,
        lambda d: dci.lasso_cv_importance(d.codes, d.values),
    ),
    "FactorVAE": (reference_factor_vae, lambda d: factor_vae.infogan_cr_score(d.std, d.groups, d.labels)),
    "β-VAE": (reference_beta_vae, lambda d: beta_vae.infogan_cr_score(d.groups, d.labels)),
}
FORESTS = {
    "DCI's forest, IB-GAN depths": (
        reference_forest,
        lambda d: dci.forest_importance(d.codes, d.values, depths=dci.IBGAN_DEPTHS, trees=10, seed=0),
    ),
}
BOOSTED = {
    "DCI's boosted trees": (
        reference_boosted,
        lambda d: dci.boosted_importance(*d.train, *d.test, seed=0).importance,
    ),
}


if __name__ == "__main__":
    main()
