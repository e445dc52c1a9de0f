"""Time each metric against its reference formulation in plain scikit-learn calls, in one run on one thread.

`python benchmarks/metrics.py` prints CPU seconds (best of three, or of as many runs as half a second allows), their
ratio and the largest difference between the two results, for N = 73 728 points, D = 10 codes and 500 groups of 100. The
reference side has no loop that the reference codes lack: one `mutual_info_score` for each code and factor, one
`LinearSVC` for each code and factor, one `Lasso` for each factor. `--new` does the same for the newer scores, whose
references are plain NumPy and scikit-learn too (10 000 points where theirs would take minutes); where both sides draw
at random, the difference is that of two draws. `--forests` adds the random forests and `--boosted` the boosted trees,
both of which are scikit-learn's own on either side. `--large` times `score` on 100 000 × 10 codes and 10 factors, with
its peak memory, and `--growth` the default scores on up to a million points. `--peers` times disent beside us, where it
is installed (it brings torch and Lightning); the review's code and InfoMEC's need an environment of their own:
`metrics_peers.py`.

What was tried for the trees, which cost more than all the rest, and why they stayed scikit-learn's own:

- `n_jobs=2`: equal values, no less CPU time.
- Own code on features sorted once: its sums round differently, and a forest feels that. Standardising the codes with
  another order of summation, a difference in the last digit, already turns ties between splits and shifts a single
  importance by up to .017 (clean codes rotated in pairs): the scores would agree to three digits, not exactly.
- `HistGradientBoostingClassifier` bins the codes first and has no importances.
"""

import argparse
import resource
import time
import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import Lasso, LassoCV, LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score, roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import minmax_scale, scale
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from idgan_sc.metrics import (
    METRICS,
    MORE_METRICS,
    beta_vae,
    carbonneau_dci,
    dci,
    dci_es,
    dcimig,
    explicitness,
    factor_vae,
    infomec,
    irs,
    jemmig,
    mcc,
    mig,
    mig_sup,
    modularity,
    sap,
    sap_trees,
    score,
    total_correlation,
    udr,
    z_diff,
    z_min_var,
)
from idgan_sc.metrics.sampling import draw_infogan_cr

COUNTS = (3, 6, 40, 32, 32)  # dSprites: shape, scale, orientation, x, y
RANGES = ((0, 2), (0.5, 1), (0, 2 * np.pi), (0, 1), (0, 1))
N, D, TRAIN, TEST = 73_728, 10, 10_000, 5_000
SHORT = 0.5  # seconds; what takes less is repeated for so long
Result = np.ndarray | float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forests", action="store_true", help="add the random forests (a minute)")
    parser.add_argument("--boosted", action="store_true", help="add the boosted trees (many minutes)")
    parser.add_argument("--new", action="store_true", help="the newer scores instead (minutes)")
    parser.add_argument("--large", action="store_true", help="score() on 100 000 points instead, with peak memory")
    parser.add_argument("--growth", action="store_true", help="score() on 10 000 to 1 000 000 points instead")
    parser.add_argument("--peers", action="store_true", help="disent instead, where it is installed")
    asked = parser.parse_args()
    if asked.large or asked.growth:
        with threadpool_limits(1):
            return large() if asked.large else growth()
    data = Data(np.random.default_rng(0))
    pairs = dict(NEW if asked.new else peers() if asked.peers else PAIRS)
    pairs |= FORESTS if asked.forests else {}
    pairs |= BOOSTED if asked.boosted else {}
    print(f"{'':44}{'reference s':>12}{'ours s':>10}{'ratio':>8}{'difference':>12}")
    for name, (reference, ours) in pairs.items():
        repeats = 1 if name in NEW | FORESTS | BOOSTED else 3
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
    """CPU seconds of the fastest of some repeats, of more where they are short, and the result."""
    seconds: list[float] = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        while len(seconds) < repeats or sum(seconds) < SHORT:
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


# ---- the newer scores: what their papers' codes do, in plain NumPy and scikit-learn


def reference_entropies(d: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Information (K, D) and joint entropy (K, D) in bits of 20 bins, and entropy (K,)."""
    bins = np.stack([np.digitize(code, np.histogram(code, 20)[1][:-1]) for code in d.codes.T], axis=1)
    information = np.array([[mutual_info_score(f, c) for c in bins.T] for f in d.classes.T]) / np.log(2)
    joint = np.empty_like(information)
    for k, i in np.ndindex(joint.shape):
        shares = np.unique(np.stack([d.classes[:, k], bins[:, i]]), axis=1, return_counts=True)[1] / len(bins)
        joint[k, i] = -(shares * np.log2(shares)).sum()
    return information, joint, np.array([mutual_info_score(f, f) for f in d.classes.T]) / np.log(2)


def reference_mig_sup(d: Data) -> float:
    information = reference_information(d) / [mutual_info_score(f, f) for f in d.classes.T]
    ranked = np.sort(information, axis=1)
    return float(np.mean(ranked[:, -1] - ranked[:, -2]))


def reference_dcimig(d: Data) -> float:
    information = reference_information(d)
    ranked, best = np.sort(information, axis=1), np.zeros(len(COUNTS))
    for i, row in enumerate(information):
        best[row.argmax()] = max(best[row.argmax()], ranked[i, -1] - ranked[i, -2])
    return float(best.sum() / sum(mutual_info_score(f, f) for f in d.classes.T))


def reference_jemmig(d: Data) -> float:
    information, joint, entropy = reference_entropies(d)
    terms = []
    for row, joints, own in zip(information, joint, entropy, strict=True):
        order = np.argsort(row)
        terms.append(1 - (joints[order[-1]] - row[order[-1]] + row[order[-2]]) / (own + np.log2(20)))
    return float(np.mean(terms))


def reference_irs(d: Data, quantile: float) -> float:
    deviations = np.max(np.abs(d.codes - d.codes.mean(axis=0)), axis=0)
    total = np.zeros((D, len(COUNTS)))
    for k, factor in enumerate(d.classes.T):
        values = np.unique(factor)
        for value in values:
            match = factor == value
            distance = np.abs(d.codes[match] - np.mean(d.codes[match], axis=0))
            total[:, k] += np.percentile(distance, q=quantile * 100, axis=0)
        total[:, k] /= len(values)
    return float(np.average((1 - total / deviations[:, None]).max(axis=1), weights=deviations))


def reference_pearson(d: Data) -> float:
    matrix = np.abs(np.corrcoef(d.codes, d.values, rowvar=False)[:D, D:])
    return float(matrix[linear_sum_assignment(-matrix)].mean())


def reference_spearman(d: Data) -> float:
    matrix = np.abs(spearmanr(d.codes, d.values)[0][:D, D:])
    return float(matrix[linear_sum_assignment(-matrix)].mean())


def reference_infom(d: Data) -> float:
    codes, classes = scale(d.train[0]), d.train[1]
    rng = np.random.RandomState(0)
    share = np.array(
        [
            [mutual_info_classif(code[:, None], factor, n_neighbors=10, random_state=rng)[0] for code in codes.T]
            for factor in classes.T
        ]
    ) / [[mutual_info_score(factor, factor)] for factor in classes.T]
    k = len(COUNTS)
    return float((np.mean(share.max(axis=0) / share.sum(axis=0)) - 1 / k) / (1 - 1 / k))


def reference_infoe(codes: np.ndarray, classes: np.ndarray, steps: int, tolerance: float) -> float:
    inputs, shares = scale(codes), []
    for factor in classes.T:
        model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=steps, tol=tolerance)
        loss = log_loss(factor, model.fit(inputs, factor).predict_proba(inputs))
        shares.append(1 - loss / np.log(len(np.unique(factor))))
    return float(np.mean(shares))


def reference_total_correlation(d: Data) -> float:
    covariance = np.cov(d.codes.T)
    return float(0.5 * (np.sum(np.log(np.diag(covariance))) - np.linalg.slogdet(covariance)[1]))


def reference_explicitness(d: Data) -> float:
    codes, areas = minmax_scale(d.train[0]), []
    for factor in d.train[1].T:
        model = OneVsRestClassifier(LogisticRegression(class_weight="balanced")).fit(codes, factor)
        areas.append(roc_auc_score(factor[:, None] == model.classes_, model.predict_proba(codes)))
    return float(2 * (np.mean(areas) - 0.5))


def reference_review_lasso(d: Data) -> np.ndarray:
    codes, columns = minmax_scale(d.codes), []
    for factor in minmax_scale(d.values).T:
        scored = []
        for alpha in carbonneau_dci.ALPHAS:
            model = Lasso(alpha=alpha, max_iter=5000)
            scored.append(cross_val_score(model, codes, factor, cv=10, scoring="neg_mean_squared_error").mean())
        columns.append(Lasso(alpha=carbonneau_dci.ALPHAS[int(np.argmax(scored))]).fit(codes, factor).coef_)
    return np.abs(np.stack(columns, axis=1))


def reference_sap_trees(d: Data) -> float:
    codes, classes = minmax_scale(d.codes[:1000]), d.classes[:1000]
    matrix = np.empty((D, len(COUNTS)))
    for i, k in np.ndindex(matrix.shape):
        x, y = codes[:, [i]], classes[:, k]
        models = [DecisionTreeClassifier(max_depth=depth) for depth in range(1, 10)]
        scored = [cross_val_score(model, x, y, cv=10).mean() for model in models]
        matrix[i, k] = models[int(np.argmax(scored))].fit(x, y).score(x, y)
    ranked = np.sort(matrix, axis=0)
    return float(np.mean(ranked[-1] - ranked[-2]))


def reference_z_diff(d: Data) -> float:
    rng, sets = np.random.default_rng(0), []
    for size in (2000, 1000):
        features, labels = np.empty((size, D)), rng.integers(0, len(COUNTS), size=size)
        for m, label in enumerate(labels):
            factor, differences = d.classes[:, label], []
            for value, count in zip(*np.unique(rng.choice(COUNTS[label], 200), return_counts=True), strict=True):
                lines = np.flatnonzero(factor == value)
                pairs = rng.choice(lines, size=(2, count))
                differences.append(np.abs(d.codes[pairs[0]] - d.codes[pairs[1]]))
            features[m] = np.concatenate(differences).mean(axis=0)
        sets.append((features, labels))
    accuracy = LogisticRegression(max_iter=10_000).fit(*sets[0]).score(*sets[1])
    return float((accuracy - 1 / len(COUNTS)) / (1 - 1 / len(COUNTS)))


def reference_z_variance(d: Data, others: bool) -> float:
    rng, votes = np.random.default_rng(0), []
    factors = d.classes // [1, 1, 4, 4, 4] if others else d.classes
    variances = np.var(d.codes, axis=0, ddof=1)
    for _ in range(2):
        counted = np.zeros((D, len(COUNTS)))
        for label in rng.integers(0, len(COUNTS), size=800):
            held = np.delete(factors, label, axis=1) if others else factors[:, [label]]
            lines = np.flatnonzero((held == held[rng.integers(len(held))]).all(axis=1))
            local = np.var(d.codes[rng.choice(lines, 200)], axis=0, ddof=1) / variances
            counted[local.argmax() if others else local.argmin(), label] += 1
        votes.append(counted)
    accuracy = votes[1][np.arange(D), votes[0].argmax(axis=1)].sum() / 800
    return float((accuracy - 1 / len(COUNTS)) / (1 - 1 / len(COUNTS)))


def models_of(d: Data) -> np.ndarray:
    """Ten models' codes of 1 000 images: turned and with noise of their own."""
    rng = np.random.default_rng(1)
    return np.stack([d.codes[:1000][:, rng.permutation(D)] + 0.1 * rng.normal(size=(1000, D)) for _ in range(10)])


def reference_udr(d: Data, similarity: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    models = [scale(codes) for codes in models_of(d)]
    agreement = np.zeros((len(models), len(models)))
    for i, j in product(range(len(models)), repeat=2):
        if i != j:
            found = similarity(models[i], models[j])
            agreement[i, j] = sum((found.max(axis=a) ** 2 / found.sum(axis=a)).mean() for a in (0, 1)) / 2
    return np.array([np.median(np.delete(agreement[:, j], j)) for j in range(len(models))])


def reference_dci_es(d: Data) -> float:
    """One forest for each depth and factor, where ours is one a factor, cut."""
    rng = np.random.default_rng(0)
    points = rng.permutation(len(d.train[0]))
    train, test = np.split(points, [2 * len(points) // 3])
    codes, values, terms = d.train[0], d.values[: len(points)], []
    for factor in values.T:
        losses = []
        for depth in dci_es.DEPTHS:
            forest = RandomForestRegressor(dci_es.TREES, max_depth=depth, random_state=0)
            losses.append(1 - forest.fit(codes[train], factor[train]).score(codes[test], factor[test]))
        terms.append(dci_es.explicitness_of(dci_es.DEPTHS, losses, 1.0))
    return float(np.mean(terms))


def held_factors(d: Data) -> np.ndarray:
    return d.classes // np.array([1, 1, 4, 4, 4])


SMALL_Z: dict[str, Any] = {"batch_size": 200, "train": 800, "test": 800, "threshold": 0.02}
NEW: dict[str, tuple[Callable[[Data], Result], Callable[[Data], Result]]] = {
    "MIG-sup": (reference_mig_sup, lambda d: mig_sup.mig_sup_score(d.codes, d.classes)),
    "DCIMIG": (reference_dcimig, lambda d: dcimig.dcimig_score(d.codes, d.classes)),
    "JEMMIG": (reference_jemmig, lambda d: jemmig.jemmig_score(d.codes, d.classes)),
    "IRS, maximum": (lambda d: reference_irs(d, 1.0), lambda d: irs.irs_score(d.codes, d.classes)),
    "IRS, quantile .99": (
        lambda d: reference_irs(d, 0.99),
        lambda d: irs.irs_score(d.codes, d.classes, quantile=0.99),
    ),
    "MCC, Pearson": (reference_pearson, lambda d: mcc.pearson_score(d.codes, d.values)),
    "MCC, Spearman": (reference_spearman, lambda d: mcc.spearman_score(d.codes, d.values)),
    "InfoM and InfoC, 10 000 points": (
        reference_infom,
        lambda d: infomec.infom_score(*d.train, np.random.RandomState(0)),
    ),
    "InfoE, theirs after 100 steps": (
        lambda d: reference_infoe(d.codes, d.classes, 100, 1e-4),
        lambda d: infomec.infoe_score(d.codes, d.classes),
    ),
    "InfoE, theirs to the end, 10 000 points": (
        lambda d: reference_infoe(*d.train, 1000, 1e-7),
        lambda d: infomec.infoe_score(*d.train),
    ),
    "Gaussian total correlation": (
        reference_total_correlation,
        lambda d: total_correlation.gaussian_total_correlation(d.codes),
    ),
    "explicitness, the review's, 10 000 points": (
        reference_explicitness,
        lambda d: explicitness.normalised_score(*d.train),
    ),
    "DCI, the review's Lasso": (
        reference_review_lasso,
        lambda d: carbonneau_dci.lasso_fitted(d.codes, d.values).importance,
    ),
    "SAP by trees, 1 000 points": (
        reference_sap_trees,
        lambda d: sap_trees.sap_trees_score(d.codes[:1000], d.classes[:1000]),
    ),
    "Z-diff, 2 000 + 1 000 batches (random)": (
        reference_z_diff,
        lambda d: z_diff.z_diff_score(d.codes, d.classes, np.random.default_rng(0), train=2000, test=1000),
    ),
    "Z-min variance (random)": (
        lambda d: reference_z_variance(d, others=False),
        lambda d: z_min_var.z_min_var_score(d.codes, d.classes, np.random.default_rng(0), **SMALL_Z),
    ),
    "Z-max variance (random)": (
        lambda d: reference_z_variance(d, others=True),
        lambda d: z_min_var.z_max_var_score(d.codes, held_factors(d), np.random.default_rng(0), **SMALL_Z),
    ),
    "UDR by Lasso, 10 models": (
        lambda d: reference_udr(d, lambda a, b: np.abs(Lasso(alpha=0.1).fit(a, b).coef_.T)),
        lambda d: udr.udr_lasso_scores(models_of(d)),
    ),
    "UDR by Spearman, 10 models": (
        lambda d: reference_udr(d, lambda a, b: np.abs(spearmanr(a, b)[0][:D, D:])),
        lambda d: udr.udr_spearman_scores(models_of(d)),
    ),
    "DCI-ES, forests, 10 000 points (random)": (
        reference_dci_es,
        lambda d: dci_es.dci_es_score(d.train[0], d.values[:TRAIN], np.random.default_rng(0)),
    ),
}


# ---- another package


def peers() -> dict[str, tuple[Callable[[Data], Result], Callable[[Data], Result]]]:
    """What disent computes of given codes; its other scores draw from a data set of its own."""
    from disent.metrics import _mig, _sap

    def disent_sap(d: Data, continuous: bool) -> float:
        arrays = [array.T for array in (*d.train, *d.test)]
        return float(next(iter(_sap._compute_sap(*arrays, continuous_factors=continuous).values())))

    return {
        "disent's MIG, 10 000 points": (
            lambda d: float(next(iter(_mig._compute_mig(d.train[0].T, d.train[1].T).values()))),
            lambda d: mig.mig_score(*d.train),
        ),
        "disent's SAP, SVM, 10 000 points": (
            lambda d: disent_sap(d, continuous=False),
            lambda d: sap.disentanglement_lib_score(*d.train, *d.test),
        ),
        "disent's SAP, R², 10 000 points": (
            lambda d: disent_sap(d, continuous=True),
            lambda d: sap.disentanglement_lib_continuous_score(*d.train),
        ),
    }


# ---- many points


def many(points: int, factors: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes (points, 10) that mix so many factors of ten values, with noise."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 10, size=(points, factors))
    codes = classes[:, np.arange(10) % factors] + 0.35 * np.roll(classes, 1, axis=1)[:, np.arange(10) % factors]
    return codes + rng.normal(size=codes.shape), classes


def large() -> None:
    """Seconds of each score, and how far they raise the peak of the process's memory."""
    codes, factors = many(100_000, 10)
    held = codes.nbytes + factors.nbytes
    print(f"100 000 x 10 codes, 10 factors: {held / 2**20:.0f} MiB; peak so far {peak():.0f} MiB")
    for name in [name for name in (*METRICS, *MORE_METRICS) if name not in ("dci", "dci_completeness", "dci_rf")]:
        start = time.process_time()
        found = score(codes, factors, metrics=[name])
        seconds = time.process_time() - start
        print(f"{name:24}{seconds:8.2f} s  peak {peak():6.0f} MiB  {dict(found.values) or found.refused}", flush=True)
    start = time.process_time()
    score(codes, factors)
    print(f"all default scores{time.process_time() - start:14.2f} s  peak {peak():6.0f} MiB")


def growth() -> None:
    """Seconds by number of points: linear, if the last column stays."""
    names = [name for name in (*METRICS, *MORE_METRICS) if not name.startswith("dci") and name != "explicitness"]
    for points in (10_000, 100_000, 1_000_000):
        codes, factors = many(points, 5)
        for name in [*names, "dci_lasso"]:
            start = time.process_time()
            score(codes, factors, metrics=[name])
            seconds = time.process_time() - start
            print(f"{points:9} {name:20}{seconds:8.2f} s{1e6 * seconds / points:8.2f} us a point", flush=True)
        print(f"{points:9} peak {peak():6.0f} MiB")


def peak() -> float:
    """MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
