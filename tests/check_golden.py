"""Compare every golden value in a folder with ours: `python tests/check_golden.py FOLDER [--fast]`.

A folder holds `NAME.npz` (codes, factors, groups of one encoder) and any of these:

- `expected.json` says for each encoder what four runs of two reference codes returned: InfoGAN-CR's file under
  scikit-learn 0.19.2 and 1.9.1, disentanglement_lib's under 0.20.4 and 1.9.1;
- `expected2.json` what the review's code, InfoMEC's, ICE-BeeM's and more of disentanglement_lib's returned;
- `udr_expected.json` with `udr_case.npz`, and `model_centrality_case.json`: scores over several models.

Every number is compared, including the NaNs (with `strict=True`); each difference beyond its tolerance is printed, and
so is whatever a file holds that nothing here compares. Exits 1 on either. Where a reference drew random numbers that
we draw otherwise, its mean over seeds is compared. The boosted trees and the review's forests come last: each costs up
to a CPU minute, and `--fast` leaves them out and says so. RDC, a third kind of MCC, is not offered and said to be left
out.
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

from idgan_sc.metrics import (
    beta_vae,
    carbonneau_dci,
    dci,
    dcimig,
    explicitness,
    factor_vae,
    infomec,
    information,
    irs,
    jemmig,
    mcc,
    mig,
    mig_sup,
    model_centrality,
    modularity,
    neighbours,
    sap,
    sap_trees,
    svm,
    udr,
    z_diff,
    z_min_var,
)

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
STOPPED = 5e-3  # nats that two L-BFGS stopped after 100 steps differ in
SETTINGS = {"random_state", "n_estimators"}  # say what was run; they are read, not compared
SETTINGS |= {"tolerance", "tolerance_other_binning", "tolerance_same_sklearn", "infoe_tolerance", "n_points", "seeds"}
SETTINGS |= {"difference_to_1.3.2", "note", "construction"}
SLOW = ("dci_gbt", "dci_rf_rows")
OWN_REFUSALS = {"pearson", "spearman", "discrete10_int_input"}  # their checks say themselves how ours meets an error


class Check(NamedTuple):
    """Our value of one field and how near the reference's must be: a distance, or a rule that says yes or no."""

    value: Any
    tolerance: float | Callable[[Any], bool]


Checks = dict[str, Check]
Data = dict[str, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fast", action="store_true", help="leave out the boosted trees and the review's forests")
    asked = parser.parse_args()
    counts = {"compared": 0, "failed": 0, "not covered": 0, "left out": 0}
    for encoder, implementation, metric, expected in entries(asked.folder):
        where = f"{encoder} {implementation} {metric}"
        if (asked.fast and metric.startswith(SLOW)) or metric.startswith("rdc"):
            print(f"left out: {where} ({'not offered' if metric.startswith('rdc') else '--fast'})")
            counts["left out"] += len(expected)
            continue
        tell(where, compared(asked.folder / f"{encoder}.npz", implementation, metric, expected), counts)
    for name, of in {"udr_expected.json": udr_entries, "model_centrality_case.json": centrality_entries}.items():
        if (asked.folder / name).exists():
            for where, expected, checks in of(asked.folder):
                fields = expected.items()
                verdicts = [verdict(key, value, checks.get(key)) for key, value in fields if key not in SETTINGS]
                tell(where, verdicts, counts)
    counts["compared"] += counts["failed"]
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return int(counts["failed"] + counts["not covered"] + (counts["compared"] == 0) > 0)


def tell(where: str, verdicts: list[tuple[str, str]], counts: dict[str, int]) -> None:
    for found, line in verdicts:
        counts[found] += 1
        if found != "compared":
            print(f"{found}: {where} {line}", flush=True)


def entries(folder: Path) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Every (encoder, implementation, metric, expected) of the folder, slow ones last; a bare value is a field."""
    files = [folder / name for name in ("expected.json", "expected2.json") if (folder / name).exists()]
    found = [
        (encoder, implementation, metric, fields if isinstance(fields, dict) else {"value": fields})
        for file in files
        for encoder, implementations in json.loads(file.read_text()).items()
        if not encoder.startswith("_")
        for implementation, metrics in implementations.items()
        if not implementation.startswith("_")
        for metric, fields in metrics.items()
    ]
    return sorted(found, key=lambda entry: entry[2].startswith(SLOW))


@cache
def load(path: Path) -> Data:
    with np.load(path) as stored:
        data = {key: stored[key] for key in stored.files}
    for key in ("codes", "eval_std_codes", "groups"):
        data[key] = data[key].astype(np.float64)
    for key in ("factor_classes", "group_labels"):
        data[key] = data[key].astype(np.int64)
    return data


def compared(path: Path, implementation: str, metric: str, expected: dict[str, Any]) -> list[tuple[str, str]]:
    """`compare`, or the one error that keeps an entry from being compared: the others are compared all the same."""
    try:
        return compare(load(path), implementation, metric, expected)
    except Exception as error:
        return [("failed", f"cannot be compared: {type(error).__name__}: {error}")]


def compare(data: Data, implementation: str, metric: str, expected: dict[str, Any]) -> list[tuple[str, str]]:
    """A verdict and what it is about, for each field of one entry."""
    checks = checks_of(implementation, metric)
    if checks is None:
        return [("not covered", "no such implementation or metric here")]
    if "error" in expected and metric not in OWN_REFUSALS:
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
    """Where the reference raised, ours raises too, or (a forest today accepts NaN) gives no number."""
    defaults = {"random_state": [0], "n_estimators": dci.TREES, "seeds": [0], "tolerance": ROUNDING}
    try:
        ours = checks(data, defaults | {"infoe_tolerance": STOPPED} | expected)
    except ValueError:
        return "compared", "error"
    score = ours.get("disentanglement") or ours.get("value")
    agrees = score is not None and bool(np.isnan(floats(score.value)).all())
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
    known: dict[str, dict[str, Callable[[Data, Any], Checks]]] = MORE | {
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
    return {
        "modularity": Check(
            modularity.modularity_of(information.mutual_information(codes, classes)), uninformed_rule(per_code)
        ),
        "explicitness": Check(explicitness(codes, classes), EXPLICITNESS),
    }


def uninformed_rule(per_code: np.ndarray) -> Callable[[Any], bool]:
    """A code without information is 0/0: NaN today; of rounding errors, so anywhere in [0, 1], in old versions."""
    uninformed = np.isnan(per_code)

    def agrees(expected: Any) -> bool:
        if np.isnan(floats(expected)):
            return bool(uninformed.any())
        rest = float(floats(expected)) * len(per_code) - per_code[~uninformed].sum()
        slack = ROUNDING * len(per_code)
        return bool(-slack <= rest <= uninformed.sum() + slack)

    return agrees


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


# ---- the review's code


def review(factors_of: Callable[[Data], np.ndarray]) -> dict[str, Callable[[Data, Any], Checks]]:
    """Its histogram and linear scores, of factors in ten bins or as classes."""

    def found(data: Data) -> information.Tables:
        return information.tables([information.unit_binned(code, 10) for code in data["codes"].T], factors_of(data))

    def of_tables(score: Callable[[information.Tables], Any]) -> Callable[[Data, Any], Checks]:
        return lambda data, expected: one(score(found(data)), expected)

    def transposed(field: str) -> Callable[[Data, Any], Checks]:
        return lambda data, _: {"value": Check(getattr(found(data), field).T, ROUNDING)}

    def of_points(score: Callable[..., float], **options: Any) -> Callable[[Data, Any], Checks]:
        return lambda data, expected: one(score(data["codes"], factors_of(data), **options), expected)

    def raw(data: Data, expected: Any) -> Checks:
        bits = jemmig.jemmig_bits(found(data))
        return one(bits.mean(), expected) | {"per_factor": Check(bits, ROUNDING)}

    def factor_norm(data: Data, expected: Any) -> Checks:
        table = found(data)
        return one(sap.gap(table.mutual / table.factor), expected)

    return {
        "mig": of_tables(lambda table: mig.carbonneau_mig(table, strict=True)),
        "mig_sup": of_tables(lambda table: mig_sup.carbonneau_mig_sup(table, strict=True)),
        "dcimig": of_tables(dcimig.dcimig_of),
        "jemmig": of_tables(lambda table: jemmig.jemmig_of(table, 10)),
        "modularity": of_tables(lambda table: modularity.modularity_of(table.mutual, strict=True)),
        "irs_q1": of_points(irs.irs_score),
        "irs_q0.99": of_points(irs.irs_score, quantile=0.99),
        "explicitness_impl1": of_points(explicitness.normalised_score),
        "explicitness_impl2": of_points(explicitness.separate_score),
        "jemmig_raw_bits": raw,
        "derived_mig_factor_norm": factor_norm,
        "derived_mig_sup_factor_norm": of_tables(lambda table: mig_sup.mean_gap(table.mutual / table.factor)),
        "mi_bits": transposed("mutual"),
        "joint_entropy_bits": transposed("joint"),
        "factor_entropy_bits": transposed("factor"),
        "code_entropy_bits": transposed("code"),
    }


def ten_bins(data: Data, bins: int = 10) -> np.ndarray:
    return np.stack([information.unit_binned(column, bins) for column in data["factor_values"].T], axis=1)


def one(value: Any, expected: Any) -> Checks:
    return {"value": Check(value, float(expected.get("tolerance", ROUNDING)))}


def review_lasso(data: Data, expected: Any) -> Checks:
    fitted = carbonneau_dci.lasso_fitted(data["codes"], data["factor_values"])
    unused = np.flatnonzero(fitted.importance.sum(axis=1) == 0)
    first = int(unused[0]) if len(unused) else None
    scores = {
        "R": fitted.importance.T,
        "disentanglement": carbonneau_dci.stopped_disentanglement_score(fitted.importance),
        "derived_disentanglement_all_codes": carbonneau_dci.disentanglement_score(fitted.importance),
        "completeness": dci.completeness_score(fitted.importance),
        "informativeness": fitted.informativeness.mean(),
        "informativeness_per_factor": fitted.informativeness,
    }
    checks = {field: Check(value, float(expected["tolerance"])) for field, value in scores.items()}
    return checks | {"first_code_with_zero_importance": Check(first, lambda value: value == first)}


def review_forest(data: Data, expected: Any) -> Checks:
    """Our seeds are others, so the means over seeds are compared."""
    rows = data["codes"][:300], data["factor_values"][:300]
    runs = [carbonneau_dci.forest_fitted(*rows, seed=seed) for seed in expected["seeds"]]
    means = {
        "disentanglement": np.mean([carbonneau_dci.disentanglement_score(run.importance) for run in runs]),
        "completeness": np.mean([dci.completeness_score(run.importance) for run in runs]),
        "informativeness": np.mean([run.informativeness for run in runs]),
    }
    return {field: mean_of_seeds(value, expected["tolerance"]) for field, value in means.items()}


def mean_of_seeds(value: float, tolerance: float) -> Check:
    return Check(value, lambda reference: bool(abs(np.mean(floats(reference)) - value) <= tolerance))


def review_sap_trees(data: Data, expected: Any) -> Checks:
    part = {"factor_values": data["factor_values"][:1000]}
    return one(sap_trees.sap_trees_score(data["codes"][:1000], ten_bins(part)), expected)


def review_z(score: Callable[..., float], bins: int, **options: Any) -> Callable[[Data, Any], Checks]:
    """Our random numbers are others, so the mean over as many seeds is compared."""

    def checks(data: Data, expected: Any) -> Checks:
        factors = ten_bins(data, bins)
        draws = [score(data["codes"], factors, np.random.default_rng(s), **options) for s in expected["seeds"]]
        mean = float(np.mean(draws))
        return one(mean, expected) | {"per_seed": mean_of_seeds(mean, expected["tolerance"])}

    return checks


# ---- InfoMEC, ICE-BeeM, more of disentanglement_lib


def infomec_share(data: Data, seed: int) -> np.ndarray:
    return neighbour_shares(data["codes"].tobytes(), data["codes"].shape, data["factor_classes"].tobytes(), seed)


@cache
def neighbour_shares(codes: bytes, shape: tuple[int, int], classes: bytes, seed: int) -> np.ndarray:
    """J (D, K) with the reference's own noise; three fields ask for the same."""
    x, y = np.frombuffer(codes).reshape(shape), np.frombuffer(classes, dtype=np.int64).reshape(shape[0], -1)
    return neighbours.neighbour_information(x, y, np.random.RandomState(seed)) / information.entropy(y)


def infomec_score(of: Callable[..., float]) -> Callable[[Data, Any], Checks]:
    def checks(data: Data, expected: Any) -> Checks:
        kept = infomec.active(data["codes"])
        scores = [of(infomec_share(data, seed)[kept], strict=True) for seed in expected["seeds"]]
        tolerance = float(expected["tolerance"])
        return {"value": Check(np.mean(scores), tolerance), "per_seed": Check(scores, tolerance)}

    return checks


def share_rule(data: Data) -> Callable[[Any], bool]:
    """The same J of every code but the constant ones, of which the reference reads the noise that it added."""
    kept = infomec.moving(data["codes"])
    ours = infomec_share(data, 0)[kept]
    return lambda value: near(floats(value).T[kept], ours, np.full(ours.shape, 1e-6))


def noise_of(data: Data) -> float:
    """The largest SD over seeds of an entry of J: only repeated values of a code make it more than 1e-4."""
    return float(np.std([infomec_share(data, seed) for seed in range(5)], axis=0).max())


def noise_rule(data: Data) -> Callable[[Any], bool]:
    """An SD of three or five draws is known up to a factor of a few."""
    ours = noise_of(data)
    return lambda value: bool(ours / 5 - 1e-5 <= value <= 5 * ours + 1e-5)


def infomec_entropies(data: Data, _: Any) -> Checks:
    shares = infomec.stopped_shares(infomec.standardised(data["codes"]), data["factor_classes"])
    chance = np.log([len(np.unique(column)) for column in data["factor_classes"].T])
    return {"value": Check(np.stack([(1 - shares) * chance, chance], axis=1), STOPPED)}


def infomec_discrete(data: Data, expected: Any) -> Checks:
    bins, classes = floored(data), data["factor_classes"]
    kept = infomec.moving(bins)
    exact, stopped = float(expected["tolerance"]), float(expected["infoe_tolerance"])
    nmi = np.zeros((bins.shape[1], classes.shape[1]))
    nmi[kept] = infomec.discrete_information(bins, classes)
    return {
        "infom": Check(infomec.discrete_infom_score(bins, classes, strict=True), exact),
        "infoc": Check(infomec.discrete_infoc_score(bins, classes, strict=True), exact),
        "infoe": Check(infomec.discrete_infoe_score(bins, classes), stopped),
        "active_latents": Check(kept, 0),
        "nmi": Check(nmi.T, ROUNDING),
    }


def infomec_integers(data: Data, _: Any) -> Checks:
    """The reference refuses integer codes by accident; ours must read them as it reads the same floats."""
    bins, classes = floored(data)[:500, :2], data["factor_classes"][:500, :2]
    same = infomec.discrete_infoe_score(bins.astype(int), classes) == infomec.discrete_infoe_score(bins, classes)
    return {"error": Check("integers as floats", lambda _: same)}


def floored(data: Data) -> np.ndarray:
    """Codes in ten bins as the golden values have them."""
    low, high = data["codes"].min(axis=0), data["codes"].max(axis=0)
    return np.minimum(np.floor(10 * (data["codes"] - low) / np.where(high > low, high - low, 1)), 9)


def infomec_other(data: Data, expected: Any) -> Checks:
    codes, classes = data["codes"], data["factor_classes"]
    spans = codes.max(axis=0) - codes.min(axis=0)
    kept = spans > spans.max() / 8
    information_of = neighbours.neighbour_information(codes, classes, np.random.RandomState(0), neighbours=3)
    share = information_of / information.entropy(classes)
    scores = {
        "ratio_modularity": infomec.modularity_of(share[kept]),
        "ratio_compactness": infomec.compactness_of(np.where(kept[:, None], share, 0)[kept]),
        "gap_modularity": mig_sup.mean_gap(share[kept]),
        "gap_compactness": sap.gap(share),
    }
    checks = {field: Check(value, float(expected["tolerance"])) for field, value in scores.items()}
    return checks | {"mask": Check(kept, 0)}


def correlation(ranked: bool) -> Callable[[Data, Any], Checks]:
    of = mcc.spearman_score if ranked else mcc.pearson_score
    prepared = mcc.ranked if ranked else np.asarray

    def checks(data: Data, expected: Any) -> Checks:
        codes, values = data["codes"], data["factor_values"]
        if "error" in expected:
            return {"error": Check("an error", lambda _: raises(of, codes, values)), **matrix(codes, values)}
        return one(of(codes, values, strict=True), expected) | matrix(codes, values)

    def matrix(codes: np.ndarray, values: np.ndarray) -> Checks:
        found = mcc.correlations(prepared(codes), prepared(values))
        best = mcc.assignment(found)[:, 1].argsort()
        codes_of = mcc.assignment(found)[best, 0]
        whole = np.where(infomec.moving(codes)[:, None], found, np.nan)
        return {"abs_corr": Check(whole, ROUNDING), "assigned_code_of_factor": Check(codes_of, 0)}

    return checks


def raises(score: Callable[..., Any], *arrays: np.ndarray) -> bool:
    try:
        score(*arrays, strict=True)
    except ValueError:
        return True
    return False


def dlib_irs(bins: int | None, quantile: float) -> Callable[[Data, Any], Checks]:
    def checks(data: Data, expected: Any) -> Checks:
        factors = data["factor_classes"]
        if bins:
            factors = np.stack([information.binned(column.astype(float), bins) for column in factors.T], axis=1)
        matrix, deviations = irs.irs_matrix(data["codes"], factors, quantile=quantile)
        return one(irs.irs_score(data["codes"], factors, quantile=quantile), expected) | {
            "matrix": Check(matrix, ROUNDING),
            "max_deviations": Check(deviations, ROUNDING),
            "parents": Check(matrix.argmax(axis=1), 0),
            "active_codes": Check(np.flatnonzero(infomec.moving(data["codes"])), 0),
        }

    return checks


def dlib_modularity(data: Data, _: Any) -> Checks:
    score = modularity.disentanglement_lib_modularity_score(data["codes"], data["factor_classes"])
    found = information.mutual_information(data["codes"], data["factor_classes"])
    return {"value": Check(score, uninformed_rule(modularity.modularity_per_code(found)))}


MORE: dict[str, dict[str, Callable[[Data, Any], Checks]]] = {
    "ubisoft_bins10": review(ten_bins),
    "ubisoft_classes": review(lambda data: data["factor_classes"]),
    "ubisoft_predictors": {
        "dci_lasso": review_lasso,
        "sap_regression": lambda data, expected: one(
            sap.infogan_cr_score(data["codes"], data["factor_values"], discrete=[]), expected
        ),
        "sap_classification_rows0_999": review_sap_trees,
        "dci_rf_rows0_299": review_forest,
    },
    "ubisoft_z": {
        "z_diff": review_z(z_diff.z_diff_score, 10, train=2000, test=1000),
        "z_min_var_std0.05": review_z(z_min_var.z_min_var_score, 10, threshold=0.05),
        "z_min_var_std0.02": review_z(z_min_var.z_min_var_score, 10, threshold=0.02),
        "z_max_var_bins3_std0.05": review_z(z_min_var.z_max_var_score, 3, threshold=0.05),
        "z_max_var_bins10_std0.02": review_z(z_min_var.z_max_var_score, 10, threshold=0.02),
    },
    "dlib": {
        "irs_hist20_q0.99": dlib_irs(20, irs.LIB_QUANTILE),
        "irs_hist20_q1": dlib_irs(20, 1.0),
        "irs_classes_q0.99": dlib_irs(None, irs.LIB_QUANTILE),
        "irs_classes_q1": dlib_irs(None, 1.0),
        "modularity_hist20": dlib_modularity,
    },
    "infomec": {
        "infom": infomec_score(infomec.modularity_of),
        "infoc": infomec_score(infomec.compactness_of),
        "infoe": lambda data, expected: one(
            infomec.infoe_stopped_score(data["codes"], data["factor_classes"]), expected
        ),
        "infoe_longer": lambda data, expected: one(
            infomec.infoe_score(data["codes"], data["factor_classes"]), expected
        ),
        "infoe_sklearn1.7.2": lambda data, _: one(
            infomec.infoe_stopped_score(data["codes"], data["factor_classes"]), {"tolerance": 1e-3}
        ),
        "active_latents": lambda data, _: {"value": Check(infomec.active(data["codes"]), 0)},
        "nmi_seed0": lambda data, _: {"value": Check("see its rule", share_rule(data))},
        "nmi_max_std_over_seeds": lambda data, _: {"value": Check(noise_of(data), noise_rule(data))},
        "cond_and_null_entropy_nats": infomec_entropies,
        "discrete10": infomec_discrete,
        "discrete10_int_input": infomec_integers,
    },
    "infomec_other": {
        "explicitness_regression": lambda data, expected: one(
            infomec.explained_variance_score(data["codes"], data["factor_values"]), expected
        ),
        "mutual_information_py": infomec_other,
    },
    "icebeem_mcc": {"pearson": correlation(ranked=False), "spearman": correlation(ranked=True)},
}


def udr_entries(folder: Path) -> list[tuple[str, dict[str, Any], Checks]]:
    """Each way to compare the models, what the reference returned, and ours."""
    expected = json.loads((folder / "udr_expected.json").read_text())
    with np.load(folder / "udr_case.npz") as stored:
        models, kl = stored["codes"].astype(np.float64), stored["kl"]
    found = []
    for name, fields in expected.items():
        if name.startswith("_"):
            continue
        kind, strict = name.split("_")[0], name.endswith("False")
        of, tolerance = (udr.lasso_similarity, LASSO) if kind == "lasso" else (udr.spearman_similarity, ROUNDING)
        standard, active = udr.standardised(models, kl)
        similarity = of(standard)
        pairwise = udr.agreements(similarity, active, strict=strict)
        kept = np.ones_like(active) if strict else active
        own = np.eye(len(models), dtype=bool)
        checks = {
            "model_scores": Check(udr.medians(pairwise), tolerance),
            "pairwise": Check(pairwise, tolerance),
            "raw_correlations": Check("see its rule", raw_rule(similarity, kept, own, max(tolerance, 1e-7))),
        }
        read = {field: value for field, value in fields.items() if not isinstance(value, str)}  # "same as …"
        found.append((f"udr {name}", read, checks))
    return found


def raw_rule(similarity: np.ndarray, kept: np.ndarray, own: np.ndarray, tolerance: float) -> Callable[[Any], bool]:
    """Similarities agree wherever both codes count; the reference leaves out what does not, or keeps a NaN."""

    def agrees(expected: Any) -> bool:
        for i, j in np.argwhere(~own):
            ours, theirs = similarity[i, j], floats(expected[i][j])
            rows, columns = np.flatnonzero(kept[i]), np.flatnonzero(kept[j])
            ours = ours[np.ix_(rows, columns)] if theirs.shape != ours.shape else ours
            if not near(np.nan_to_num(theirs), np.nan_to_num(ours), np.full(ours.shape, tolerance)):
                return False
        return True

    return agrees


def centrality_entries(folder: Path) -> list[tuple[str, dict[str, Any], Checks]]:
    expected = json.loads((folder / "model_centrality_case.json").read_text())
    found = []
    for name, fields in expected.items():
        if not name.startswith("_"):
            given = {"votes_code_by_label"} if "votes_code_by_label" in fields else {"A_encoder_by_generator"}
            read = {field: value for field, value in fields.items() if field not in given}
            found.append((f"model_centrality {name}", read, centrality(fields)))
    return found


def centrality(fields: dict[str, Any]) -> Checks:
    matrix = floats(fields["A_encoder_by_generator"])
    order = model_centrality.best_first(matrix)
    checks = {
        "score": Check(model_centrality.model_centrality_scores(matrix), ROUNDING),
        "order_best_first": Check(order, 0),
    }
    if "votes_code_by_label" in fields:
        checks["A_encoder_by_generator"] = Check(agreement_of(fields["votes_code_by_label"], len(matrix)), ROUNDING)
    return checks


def agreement_of(votes: dict[str, Any], models: int) -> np.ndarray:
    """A of the votes (D, K) of each encoder and generator, named "i_j"."""
    shares = [factor_vae.vote_share(floats(votes[f"{i}_{j}"])) for i in range(models) for j in range(models)]
    return np.array(shares).reshape(models, models)


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
