"""Compare every golden value in a folder with ours: `python tests/check_golden.py FOLDER [--fast]`.

A folder holds `NAME.npz` (codes, factors, groups of one encoder) and `expected.json`, which says for each encoder what
four runs of the two reference codes returned: InfoGAN-CR's file under scikit-learn 0.19.2 and 1.9.1,
disentanglement_lib's under 0.20.4 and 1.9.1. Every number in it is compared, including the NaNs (with `strict=True`);
each difference beyond its tolerance is printed, and so is whatever the file holds that nothing here compares. Exits 1
on either. The boosted trees come last: each costs about a CPU minute, and `--fast` leaves them out and says so.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn
from sklearn.svm import LinearSVC

from idgan_sc.metrics import beta_vae, dci, factor_vae, information, mig, modularity, sap, svm

ROUNDING = 1e-9
SVM = 2e-3  # liblinear stops early, ours is exact
LOGISTIC = 0.01  # one of 500 groups is .002; solvers differ in how far they go
LASSO, LASSO_CV = 1e-4, 1e-3  # scikit-learn stops at a duality gap of 1e-4; the path's alphas inherit it
FOREST_ERA = 7e-4  # today's trees split numerically pure nodes, those of 0.19 stopped at an impurity of 1e-7
FOREST_ERA_R = 2e-2  # the same in single importances, where a tie in the last bit already moves one by .017
TREES_ELSEWHERE, TREES_ELSEWHERE_R = 0.02, 0.05  # another scikit-learn draws other bootstraps: 4 SD over seeds
# Both sides are liblinear, or both L-BFGS, stopped by the same rule: only points that the last digits of a probability
# reorder can differ, and one pair in wrong order moves the area of a class with n of N points by 1 / (n (N - n)), here
# about 2e-6. Measured: 5e-7 at most. The wrong era is off by 3e-2.
EXPLICITNESS = 1e-4
SETTINGS = {"random_state", "n_estimators"}  # say what was run; they are read, not compared


class Check(NamedTuple):
    """Our value of one field and how near the reference's must be: a distance, or a rule that says yes or no."""

    value: Any
    tolerance: float | Callable[[Any], bool]


Checks = dict[str, Check]
Data = dict[str, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fast", action="store_true", help="leave out the boosted trees")
    asked = parser.parse_args()
    counts = {"compared": 0, "failed": 0, "not covered": 0, "left out": 0}
    for encoder, implementation, metric, expected in entries(asked.folder):
        where = f"{encoder} {implementation} {metric}"
        if asked.fast and metric == "dci_gbt":
            print(f"left out by --fast: {where}")
            counts["left out"] += len(expected)
            continue
        for verdict, line in compare(load(asked.folder / f"{encoder}.npz"), implementation, metric, expected):
            counts[verdict] += 1
            if verdict != "compared":
                print(f"{verdict}: {where} {line}", flush=True)
    counts["compared"] += counts["failed"]
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return int(counts["failed"] + counts["not covered"] + (counts["compared"] == 0) > 0)


def entries(folder: Path) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Every (encoder, implementation, metric, expected) of the folder, boosted trees last."""
    expected = json.loads((folder / "expected.json").read_text())
    found = [
        (encoder, implementation, metric, fields)
        for encoder, implementations in expected.items()
        for implementation, metrics in implementations.items()
        for metric, fields in metrics.items()
    ]
    return sorted(found, key=lambda entry: entry[2] == "dci_gbt")


@cache
def load(path: Path) -> Data:
    with np.load(path) as stored:
        data = {key: stored[key] for key in stored.files}
    for key in ("codes", "eval_std_codes", "groups"):
        data[key] = data[key].astype(np.float64)
    for key in ("factor_classes", "group_labels"):
        data[key] = data[key].astype(np.int64)
    return data


def compare(data: Data, implementation: str, metric: str, expected: dict[str, Any]) -> list[tuple[str, str]]:
    """A verdict and what it is about, for each field of one entry."""
    checks = checks_of(implementation, metric)
    if checks is None:
        return [("not covered", "no such implementation or metric here")]
    if "error" in expected:
        return [refusal(checks, data, metric, expected)]
    ours = checks(data, expected)
    return [verdict(field, value, ours.get(field)) for field, value in expected.items() if field not in SETTINGS]


def verdict(field: str, expected: Any, ours: Check | None) -> tuple[str, str]:
    if ours is None:
        return "not covered", field
    if callable(ours.tolerance):
        agrees, gap = ours.tolerance(expected), "see its rule"
    else:
        gap, agrees = distance(expected, ours.value, ours.tolerance)
    return ("compared", field) if agrees else ("failed", f"{field}: expected {expected}, got {ours.value} ({gap})")


def distance(expected: Any, value: Any, tolerance: float) -> tuple[str, bool]:
    """How far apart, in words, and whether that is near enough; NaN equals NaN, None stands for NaN."""
    a, b = np.array(expected, dtype=np.float64), np.asarray(value, dtype=np.float64)
    if a.shape != b.shape:
        return f"shapes {a.shape} and {b.shape}", False
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return "one is finite, the other not", False
    gap = float(np.abs(a - b)[np.isfinite(a)].max(initial=0.0))
    return f"off by {gap:.2g}, allowed {tolerance:.2g}", gap <= tolerance


def refusal(
    checks: Callable[[Data, Any], Checks], data: Data, metric: str, expected: dict[str, Any]
) -> tuple[str, str]:
    """Where the reference raised, ours raises too, or (a forest today accepts NaN) has no disentanglement to give."""
    try:
        ours = checks(data, {"random_state": [0], "n_estimators": dci.TREES} | expected)
    except ValueError:
        return "compared", "error"
    agrees = "disentanglement" in ours and bool(np.isnan(floats(ours["disentanglement"].value)).all())
    return ("compared" if agrees else "failed"), f"error: the reference raised {expected['error']!r}, {metric} did not"


def checks_of(implementation: str, metric: str) -> Callable[[Data, Any], Checks] | None:
    """What computes our side of one entry."""
    old = implementation in ("infogancr_original", "dlib_sklearn0.20.4")
    infogan_cr: dict[str, Callable[[Data, Any], Checks]] = {
        "factor_vae": infogan_cr_factor_vae,
        "beta_vae": infogan_cr_beta_vae if old else infogan_cr_beta_vae_multinomial,
        "beta_vae_liblinear_ovr": infogan_cr_beta_vae,
        "sap": infogan_cr_sap,
        "sap_dual_true": infogan_cr_sap,
        "mig": mig_checks,
        "modularity_explicitness": lambda data, _: modularity_explicitness(data, old),
        "dci_Lasso": dci_lasso,
        "dci_LassoCV": lambda data, expected: dci_lasso_cv(data, expected, old),
    }
    for forest, depths in {"RandomForestIBGAN": dci.IBGAN_DEPTHS, "RandomForest": dci.FOREST_DEPTHS}.items():
        if metric.startswith(f"dci_{forest}_") and metric.endswith("trees"):
            infogan_cr[metric] = lambda data, expected, depths=depths: dci_forest(data, expected, depths, old)
    dlib: dict[str, Callable[[Data, Any], Checks]] = {
        "beta_vae": dlib_beta_vae_one_vs_rest if old else dlib_beta_vae,
        "sap_discrete": dlib_sap,
        "sap_discrete_dual_true": dlib_sap,
        "sap_continuous": dlib_sap_continuous,
        "mig": mig_checks,
        "dci_gbt": dci_boosted,
    }
    if metric.startswith("factor_vae_prune"):
        dlib[metric] = lambda data, _: dlib_factor_vae(data, float(metric.removeprefix("factor_vae_prune")))
    known = {
        "infogancr_original": infogan_cr,
        "infogancr_sklearn1.9.1": infogan_cr,
        "dlib_sklearn1.9.1": dlib,
        "dlib_sklearn0.20.4": dlib,
    }
    return known.get(implementation, {}).get(metric)


# ---- InfoGAN-CR


def infogan_cr_factor_vae(data: Data, _: Any) -> Checks:
    groups = data["eval_std_codes"], data["groups"], data["group_labels"]
    return {
        "votes": Check(factor_vae.infogan_cr_votes(*groups, strict=True), 0),
        "score": Check(factor_vae.infogan_cr_score(*groups, strict=True), ROUNDING),
        "score_revised": Check(factor_vae.infogan_cr_revised_score(*groups, strict=True), ROUNDING),
    }


def infogan_cr_beta_vae(data: Data, _: Any) -> Checks:
    return {"score": Check(beta_vae.infogan_cr_score(data["groups"], data["group_labels"]), LOGISTIC)}


def infogan_cr_beta_vae_multinomial(data: Data, _: Any) -> Checks:
    return {"score": Check(beta_vae.infogan_cr_multinomial_score(data["groups"], data["group_labels"]), LOGISTIC)}


def infogan_cr_sap(data: Data, expected: Any) -> Checks:
    codes, shape = data["codes"], data["factor_classes"][:, 0]
    matrix = sap.infogan_cr_matrix(codes, data["factor_values"], discrete=[0], strict=True)
    reference = floats(expected.get("matrix", matrix))
    matrix[:, 0] = settled(matrix[:, [0]], reference[:, [0]], (codes, shape[:, None]), (codes, shape[:, None]))[:, 0]
    tolerances = np.full(matrix.shape, ROUNDING)
    tolerances[:, 0] = SVM
    return {
        "matrix": Check(matrix, lambda value: near(floats(value), matrix, tolerances)),
        "score": Check(sap.gap(matrix), SVM),
    }


def mig_checks(data: Data, _: Any) -> Checks:
    return {
        "score": Check(mig.mig_score(data["codes"], data["factor_classes"]), ROUNDING),
        "mi": Check(information.mutual_information(data["codes"], data["factor_classes"]), ROUNDING),
        "entropy": Check(information.entropy(data["factor_classes"]), ROUNDING),
    }


def modularity_explicitness(data: Data, old: bool) -> Checks:
    codes, classes = data["codes"], data["factor_classes"]
    explicitness = (
        modularity.infogan_cr_explicitness_score if old else (modularity.infogan_cr_multinomial_explicitness_score)
    )
    per_code = modularity.modularity_per_code(information.mutual_information(codes, classes))
    uninformed = np.isnan(per_code)

    def agrees(expected: Any) -> bool:
        """A code without information is 0/0: NaN today; of rounding errors, so anywhere in [0, 1], in old versions."""
        if np.isnan(floats(expected)):
            return bool(uninformed.any())
        rest = float(floats(expected)) * len(per_code) - per_code[~uninformed].sum()
        slack = ROUNDING * len(per_code)
        return bool(-slack <= rest <= uninformed.sum() + slack)

    return {
        "modularity": Check(modularity.modularity_of(information.mutual_information(codes, classes)), agrees),
        "explicitness": Check(explicitness(codes, classes), EXPLICITNESS),
    }


def dci_lasso(data: Data, expected: Any) -> Checks:
    importance = dci.lasso_importance(data["codes"], data["factor_values"], strict=True)
    return dci_linear(importance, expected, LASSO)


def dci_lasso_cv(data: Data, expected: Any, old: bool) -> Checks:
    importance = dci.lasso_cv_importance if old else dci.lasso_cv_today_importance
    return dci_linear(importance(data["codes"], data["factor_values"], strict=True), expected, LASSO_CV)


def dci_linear(importance: np.ndarray, expected: Any, tolerance: float) -> Checks:
    reference = floats(expected.get("R", importance))
    per_code = dci.concentration(importance.T, strict=True)
    # of duplicated codes one is used and the others have a coefficient of 0 or of rounding errors: NaN or a number
    unused = (importance.sum(axis=1) < ROUNDING) & (reference.sum(axis=1) < ROUNDING)
    per_code = np.where(unused, floats(expected.get("disentanglement_per_code", per_code)), per_code)
    safe = dci.disentanglement_score(importance)
    return {
        "R": Check(importance, tolerance),
        "disentanglement": Check(np.nan if np.isnan(per_code).any() else safe, tolerance),
        "disentanglement_per_code": Check(per_code, tolerance),
        "derived_nansafe_disentanglement": Check(safe, tolerance),
        "completeness": Check(dci.completeness_score(importance, strict=True), tolerance),
        "completeness_per_factor": Check(dci.concentration(importance, strict=True), tolerance),
    }


def dci_forest(data: Data, expected: Any, depths: tuple[int, ...], old: bool) -> Checks:
    importances = [
        forest(
            data["codes"].tobytes(),
            data["codes"].shape,
            data["factor_values"].tobytes(),
            depths,
            expected["n_estimators"],
            seed,
        )
        for seed in expected["random_state"]
    ]
    same = sklearn.__version__.startswith("1.9.")
    tolerance, r_tolerance = (ROUNDING, ROUNDING) if same else (TREES_ELSEWHERE, TREES_ELSEWHERE_R)
    if old:
        tolerance, r_tolerance = max(tolerance, FOREST_ERA), max(r_tolerance, FOREST_ERA_R)
    strict = np.array([dci.disentanglement_score(r, strict=True) for r in importances])
    safe = np.array([dci.disentanglement_score(r) for r in importances])
    complete = np.array([dci.completeness_score(r, strict=True) for r in importances])
    if old:  # where the old forest gave NaN, today's may not: hold the NaN-safe value against the derived one below
        strict = np.where(np.isnan(floats(expected.get("disentanglement", strict))), np.nan, safe)
    return {
        "R_first_seed": Check(importances[0], r_tolerance),
        "derived_nansafe_disentanglement_first_seed": Check(safe[0], tolerance),
        **over_seeds("disentanglement", strict, tolerance),
        **over_seeds("completeness", complete, tolerance),
    }


# ---- disentanglement_lib


def dlib_factor_vae(data: Data, threshold: float) -> Checks:
    taught, cast = (
        factor_vae.disentanglement_lib_votes(data["eval_std_codes"], groups, labels, threshold=threshold, strict=True)
        for groups, labels in (train_groups(data), eval_groups(data))
    )
    active = np.sqrt(data["eval_std_codes"].var(axis=0, ddof=1)) >= threshold
    order = np.concatenate([np.flatnonzero(active), np.flatnonzero(~active)])  # the reference renumbers after pruning
    return {
        "train_votes": Check(taught[:, order], 0),
        "eval_votes": Check(cast[:, order], 0),
        "train_accuracy": Check(factor_vae.votes_accuracy(taught, taught), ROUNDING),
        "eval_accuracy": Check(factor_vae.votes_accuracy(taught, cast), ROUNDING),
        # the reference counts its mask, not what the mask keeps
        "num_active_dims": Check(len(active) if active.any() else 0, 0),
    }


def dlib_beta_vae(data: Data, _: Any) -> Checks:
    return dlib_logistic(data, beta_vae.disentanglement_lib_score)


def dlib_beta_vae_one_vs_rest(data: Data, _: Any) -> Checks:
    return dlib_logistic(data, beta_vae.disentanglement_lib_one_vs_rest_score)


def dlib_logistic(data: Data, score: Callable[..., float]) -> Checks:
    train, test = (
        (groups.reshape(len(groups), -1, 2, groups.shape[2]), labels)
        for groups, labels in (train_groups(data), eval_groups(data))
    )
    return {
        "train_accuracy": Check(score(*train, *train), LOGISTIC),
        "eval_accuracy": Check(score(*train, *test), LOGISTIC),
    }


def dlib_sap(data: Data, expected: Any) -> Checks:
    train, test = rows(data, 0, 3000), rows(data, 3000, 4500)
    matrix = sap.disentanglement_lib_matrix(*train, *test)
    matrix = settled(matrix, floats(expected.get("matrix", matrix)), train, test)
    return {"matrix": Check(matrix, SVM), "score": Check(sap.gap(matrix), SVM)}


def dlib_sap_continuous(data: Data, _: Any) -> Checks:
    train = rows(data, 0, 3000)
    return {
        "matrix": Check(sap.disentanglement_lib_continuous_matrix(*train), ROUNDING),
        "score": Check(sap.disentanglement_lib_continuous_score(*train), ROUNDING),
    }


def dci_boosted(data: Data, expected: Any) -> Checks:
    train, test = rows(data, 0, 1000), rows(data, 1000, 1500)
    runs = [dci.boosted_importance(*train, *test, seed=seed) for seed in expected["random_state"]]
    same = sklearn.__version__.startswith("1.9.")
    tolerance, r_tolerance = (ROUNDING, ROUNDING) if same else (TREES_ELSEWHERE, TREES_ELSEWHERE_R)
    disentangled = [dci.disentanglement_lib_disentanglement_score(run.importance) for run in runs]
    complete = [dci.disentanglement_lib_completeness_score(run.importance) for run in runs]
    return {
        "R_first_seed": Check(runs[0].importance, r_tolerance),
        **over_seeds("disentanglement", np.array(disentangled), tolerance),
        **over_seeds("completeness", np.array(complete), tolerance),
        **over_seeds("informativeness_train", np.array([run.train_accuracy.mean() for run in runs]), tolerance),
        **over_seeds("informativeness_test", np.array([run.test_accuracy.mean() for run in runs]), tolerance),
    }


# ---- shared


@cache
def forest(
    codes: bytes, shape: tuple[int, int], values: bytes, depths: tuple[int, ...], trees: int, seed: int
) -> np.ndarray:
    """Importances of one forest; two implementations ask for the same."""
    x, y = np.frombuffer(codes).reshape(shape), np.frombuffer(values).reshape(shape[0], -1)
    return dci.forest_importance(x, y, depths=depths, trees=trees, seed=seed, strict=True)


def over_seeds(name: str, scores: np.ndarray, tolerance: float) -> Checks:
    """The list of scores, its mean, and its SD (ddof 1), which for a single seed is written as 0 or null."""
    several = Check(scores.std(ddof=1) if len(scores) > 1 else np.nan, tolerance)
    single = Check("0 or null", lambda expected: expected in (None, 0))
    return {
        name: Check(scores, tolerance),
        f"{name}_mean": Check(scores.mean(), tolerance),
        f"{name}_std": several if len(scores) > 1 else single,
    }


def settled(matrix: np.ndarray, expected: np.ndarray, train: Any, test: Any) -> np.ndarray:
    """S with the reference's entry wherever it differs from ours for a reason that lies in liblinear's stopping."""
    matrix = matrix.copy()
    for d, k in np.argwhere(np.abs(matrix - expected) > SVM / 2):
        x, y, asked_x, asked = train[0][:, [d]], train[1][:, k], test[0][:, [d]], test[1][:, k]
        if stopping_decides(x, y, asked_x, asked, matrix[d, k], expected[d, k]):
            matrix[d, k] = expected[d, k]
    return matrix


def stopping_decides(
    x: np.ndarray, y: np.ndarray, asked_x: np.ndarray, asked: np.ndarray, ours: float, expected: float
) -> bool:
    """Whether an SVM's accuracy hangs on where the solver stops.

    A code that tells nothing is answered with one class for all points, and which one is a near tie: then the
    reference's entry must be the share of some class. An ill-conditioned code (far from 0 for its spread) leaves
    liblinear short of its own optimum: then liblinear must give the reference's entry, and run to the end ours.
    """
    classes = np.unique(y, return_inverse=True)[1]
    guesses = svm.predict(asked_x[:, 0], *svm.fit(svm.Line(x[:, 0]), classes, sap.C))
    if len(set(guesses.tolist())) == 1:
        return bool(np.abs([np.mean(asked == value) - expected for value in np.unique(y)]).min() < ROUNDING)
    settings: dict[str, Any] = {"C": sap.C, "class_weight": "balanced", "random_state": 0}
    short = [LinearSVC(dual=dual, **settings).fit(x, y).score(asked_x, asked) for dual in (False, True)]
    full = LinearSVC(dual=False, tol=1e-12, max_iter=100_000, **settings).fit(x, y).score(asked_x, asked)
    return bool(np.abs(np.array(short) - expected).min() <= SVM / 2 and abs(full - ours) <= SVM / 2)


def near(expected: np.ndarray, value: np.ndarray, tolerances: np.ndarray) -> bool:
    same = np.isnan(expected) == np.isnan(value)
    return bool((same & (np.isnan(value) | (np.abs(expected - value) <= tolerances))).all())


def floats(value: Any) -> np.ndarray:
    return np.array(value, dtype=np.float64)


def rows(data: Data, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    return data["codes"][start:stop], data["factor_classes"][start:stop]


def train_groups(data: Data) -> tuple[np.ndarray, np.ndarray]:
    return data["groups"][:300], data["group_labels"][:300]


def eval_groups(data: Data) -> tuple[np.ndarray, np.ndarray]:
    return data["groups"][300:], data["group_labels"][300:]


if __name__ == "__main__":
    sys.exit(main())
