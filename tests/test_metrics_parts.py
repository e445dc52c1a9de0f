"""The parts of the metrics against independent oracles and hand-made closed forms."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LassoCV, LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.svm import LinearSVC

from idgan_sc.metrics import beta_vae, dci, factor_vae, mig, modularity, sap, svm
from idgan_sc.metrics.information import binned, entropy, mutual_information


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


# ---- information


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e12])
@pytest.mark.parametrize("bins", [2, 20, 37])
def test_bins_are_those_of_histogram_and_digitize(scale: float, bins: int) -> None:
    values = (
        np.concatenate([rng().normal(size=500), rng().integers(0, bins, 500), np.linspace(-3, 3, bins + 1)]) * scale
    )
    edges = np.histogram(values, bins)[1]
    np.testing.assert_array_equal(binned(values, bins), np.digitize(values, edges[:-1]) - 1)


def test_mutual_information_and_entropy_match_scikit_learn() -> None:
    classes = rng().integers(-3, 9, size=(400, 2))
    codes = classes @ np.array([[1.0, 0.2, 0.0], [0.0, 1.0, 0.0]]) + rng().normal(size=(400, 3))
    expected = [[mutual_info_score(factor, binned(code)) for factor in classes.T] for code in codes.T]
    np.testing.assert_allclose(mutual_information(codes, classes), expected, atol=1e-12)
    np.testing.assert_allclose(entropy(classes), [mutual_info_score(f, f) for f in classes.T], atol=1e-12)


def test_duplicated_codes_have_no_gap() -> None:
    factors = rng().integers(0, 5, size=(300, 2))
    twice = np.tile(factors, (1, 2)) + 0.0
    assert mig.mig_score(twice, factors) == 0.0
    assert sap.infogan_cr_score(twice, factors, discrete=[0]) == pytest.approx(0.0, abs=1e-12)
    assert sap.disentanglement_lib_score(twice, factors, twice, factors) == 0.0


def test_perfect_orientation_does_not_fit_in_twenty_bins() -> None:
    factors = np.stack(np.unravel_index(np.arange(3 * 6 * 40), (3, 6, 40)), axis=1)
    pairs = np.full(20, 1 / 20)  # forty values, two a bin
    ceiling = (1 + 1 + -(pairs * np.log(pairs)).sum() / np.log(40)) / 3
    assert mig.mig_score(factors, factors) == pytest.approx(ceiling, abs=1e-12)


def test_one_code_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two codes"):
        mig.mig_score(np.arange(4.0)[:, None], np.array([[0], [1], [0], [1]]))


def test_constant_factor_is_refused() -> None:
    with pytest.raises(ValueError, match="factor 1 takes one value only"):
        mig.mig_score(rng().normal(size=(4, 2)), np.array([[0, 5], [1, 5], [0, 5], [1, 5]]))


# ---- SAP's exact SVM


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("scale", [-3.0, 0.01, 1.0, 30.0])
def test_svm_matches_liblinear_run_to_the_end(classes: int, scale: float) -> None:
    y = np.append(rng().integers(0, classes, size=399) ** 2 // classes, classes - 1)  # unequal classes
    y = np.unique(y, return_inverse=True)[1]
    x = scale * (y + rng().normal(size=400) + 0.5)
    w, b = svm.fit(svm.Line(x), y, 0.01)
    model = LinearSVC(C=0.01, class_weight="balanced", tol=1e-12, max_iter=1_000_000, dual=False).fit(x[:, None], y)
    np.testing.assert_allclose(w, model.coef_[:, 0], atol=1e-6)
    np.testing.assert_allclose(b, model.intercept_, atol=1e-6)
    np.testing.assert_array_equal(svm.predict(x, w, b), model.predict(x[:, None]))


@pytest.mark.parametrize("value", [0.0, 0.5, -1e9])
def test_svm_of_a_constant_code_says_one_class(value: float) -> None:
    y = np.repeat([0, 1, 2], [3, 9, 4])
    assert len(set(svm.predict(np.full(16, value), *svm.fit(svm.Line(np.full(16, value)), y, 0.01)))) == 1


# ---- DCI

HALF_SHARED = np.array([[1.0, 1.0], [0.0, 1.0]])  # code 0 serves both factors alike, code 1 serves factor 1


def test_dci_closed_forms() -> None:
    # codes: 1 - log 2 / log 2 = 0 with weight 2/3, and 1 with weight 1/3; factors: 1 and 0
    assert dci.disentanglement_score(HALF_SHARED) == pytest.approx(1 / 3, abs=1e-9)
    assert dci.completeness_score(HALF_SHARED) == pytest.approx(1 / 2, abs=1e-9)
    assert dci.disentanglement_lib_disentanglement_score(HALF_SHARED) == pytest.approx(1 / 3, abs=1e-9)
    assert dci.disentanglement_lib_completeness_score(HALF_SHARED) == pytest.approx(1 / 3, abs=1e-9)  # weights 1, 2


def test_dci_unused_codes_and_unpredicted_factors() -> None:
    unused_code, unpredicted = np.array([[1.0, 0], [0, 1], [0, 0]]), np.array([[1.0, 0], [1, 0]])
    assert dci.disentanglement_score(unused_code) == pytest.approx(1.0)
    assert np.isnan(dci.disentanglement_score(unused_code, strict=True))
    assert dci.completeness_score(unpredicted) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(dci.completeness_score(unpredicted, strict=True))
    assert dci.disentanglement_score(np.zeros((3, 2))) == 0.0
    assert dci.disentanglement_lib_disentanglement_score(np.zeros((3, 2))) == pytest.approx(0.0, abs=1e-9)


def test_importances_of_wrong_shape_are_refused() -> None:
    for broken in (np.zeros(3), np.zeros((3, 1)), np.full((2, 2), np.nan)):
        with pytest.raises(ValueError, match="importances must be finite"):
            dci.disentanglement_score(broken)


def correlated() -> tuple[np.ndarray, np.ndarray]:
    values = rng().uniform(size=(500, 3))
    return values @ rng().normal(size=(3, 6)) + 0.2 * rng().normal(size=(500, 6)) + 5.0, values


def standardised(columns: np.ndarray) -> np.ndarray:
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


def test_lasso_matches_scikit_learn() -> None:
    codes, values = correlated()
    expected = [Lasso(alpha=0.02).fit(standardised(codes), y).coef_ for y in standardised(values).T]
    np.testing.assert_allclose(dci.lasso_importance(codes, values), np.abs(expected).T, atol=1e-4)


def test_lasso_cv_is_near_todays_at_a_tight_tolerance() -> None:
    codes, values = correlated()
    expected = [LassoCV(cv=3, tol=1e-8).fit(standardised(codes), y).coef_ for y in standardised(values).T]
    np.testing.assert_allclose(dci.lasso_cv_importance(codes, values), np.abs(expected).T, atol=5e-3)


def test_regressors_never_use_a_constant_code_and_strictly_refuse_it() -> None:
    codes, values = correlated()
    codes[:, 2] = 0.1
    seeded = {"depths": (3, 3, 3), "trees": 3, "seed": 0}
    for importance in (
        dci.lasso_importance(codes, values),
        dci.lasso_cv_importance(codes, values),
        dci.lasso_cv_today_importance(codes, values),
        dci.forest_importance(codes, values, **seeded),
    ):
        assert not importance[2].any()
        assert importance.any(axis=0).all()
    codes[:, 2] = 0.5
    for strict in (dci.lasso_importance, dci.lasso_cv_importance, dci.lasso_cv_today_importance):
        with pytest.raises(ValueError, match=r"constant|NaN"):
            strict(codes, values, strict=True)


def test_forest_needs_a_depth_for_each_factor() -> None:
    with pytest.raises(ValueError, match="2 forest depths for 3 factors"):
        dci.forest_importance(*correlated(), depths=(4, 2), trees=2, seed=0)


# ---- FactorVAE and β-VAE


def held_groups(codes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes for the scale, and groups in which code k holds factor k."""
    labels = np.arange(30) % codes
    groups = rng().normal(size=(30, 20, codes))
    groups[np.arange(30), :, labels] = 0.5
    return rng().normal(size=(200, codes)), groups, labels


def test_a_constant_code_casts_no_vote_unless_strict() -> None:
    std, groups, labels = held_groups(3)
    std, groups = np.dstack([std[None], np.zeros((1, 200, 1))])[0], np.dstack([groups, np.zeros((30, 20, 1))])
    assert factor_vae.infogan_cr_score(std, groups, labels) == 1.0
    assert factor_vae.infogan_cr_score(std, groups, labels, strict=True) == pytest.approx(1 / 3)
    votes = std, groups, labels, groups, labels
    assert factor_vae.disentanglement_lib_score(*votes) == 1.0
    assert factor_vae.disentanglement_lib_score(*votes, threshold=0.0) == 1.0
    assert factor_vae.disentanglement_lib_score(*votes, threshold=0.0, strict=True) == pytest.approx(1 / 3)


def test_revised_score_counts_no_more_codes_than_factors() -> None:
    votes = np.array([[5, 0], [4, 0], [0, 3], [1, 2]])
    assert factor_vae.vote_share(votes) == 14 / 15
    assert factor_vae.revised_vote_share(votes) == 9 / 15


def test_groups_with_other_codes_are_refused() -> None:
    std, groups, labels = held_groups(3)
    with pytest.raises(ValueError, match="groups have 3 codes"):
        factor_vae.infogan_cr_score(std[:, :2], groups, labels)
    with pytest.raises(ValueError, match="labels must be"):
        factor_vae.infogan_cr_score(std, groups, labels[:-1])
    with pytest.raises(ValueError, match="even size"):
        beta_vae.infogan_cr_score(groups[:, :-1], labels)


def test_eras_of_logistic_regression_agree_on_the_easy_case() -> None:
    _, groups, labels = held_groups(3)
    assert beta_vae.infogan_cr_score(groups, labels) == beta_vae.infogan_cr_multinomial_score(groups, labels) == 1.0


# ---- modularity


def test_modularity_closed_form() -> None:
    information = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    assert modularity.modularity_of(information) == pytest.approx((1 - 1 / (2 * 4) + 1) / 2)


def test_explicitness_matches_one_rule_a_class() -> None:
    """Independent oracle: fit each class's own rule, normalise, and average the areas by hand."""
    factors = rng().integers(0, 3, size=(300, 2))
    codes = factors + rng().normal(size=factors.shape)
    areas = []
    for factor in factors.T:
        rules = [LogisticRegression(solver="liblinear").fit(codes, factor == value) for value in range(3)]
        likely = np.stack([rule.predict_proba(codes)[:, 1] for rule in rules], axis=1)
        likely /= likely.sum(axis=1, keepdims=True)
        areas += [area(likely[factor == value, value], likely[factor != value, value]) for value in range(3)]
    assert modularity.infogan_cr_explicitness_score(codes, factors) == pytest.approx(np.mean(areas), abs=1e-9)


def area(positive: np.ndarray, negative: np.ndarray) -> float:
    """ROC area: how often a positive outranks a negative."""
    lead = positive[:, None] - negative
    return float(np.mean((lead > 0) + 0.5 * (lead == 0)))
