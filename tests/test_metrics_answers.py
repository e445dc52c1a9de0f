"""The newer scores on full grids, where the answer is known in closed form (or was returned by the original code)."""

import numpy as np
import pytest

from idgan_sc.metrics import (
    carbonneau_dci,
    dci_es,
    dcimig,
    explicitness,
    infomec,
    irs,
    jemmig,
    mcc,
    mig,
    mig_sup,
    model_centrality,
    modularity,
    sap,
    sap_trees,
    softmax,
    total_correlation,
    udr,
    z_min_var,
)
from idgan_sc.metrics.information import Tables, tables, unit_binned
from idgan_sc.metrics.neighbours import neighbour_information

NAN = float("nan")


def grid(values: int, times: int = 1) -> np.ndarray:
    """Three factors of so many values, every combination as often."""
    return np.tile(np.stack(np.unravel_index(np.arange(values**3), (values,) * 3), axis=1), (times, 1))


FOUR, TWO = grid(4), grid(2)
Y0, Y1, Y2 = TWO.T
CASES = {
    "identity": (FOUR, FOUR),
    "permuted, scaled, negated": (FOUR[:, [2, 0, 1]] * np.array([-3.0, 0.5, 1.0]), FOUR),
    "twice": (np.hstack([FOUR, FOUR]), FOUR),
    "with a constant": (np.column_stack([FOUR, np.ones(64)]), FOUR),
    "constants": (np.ones((64, 3)), FOUR),
    "two in one": (np.column_stack([Y0 + 2 * Y1, Y2]), TWO),
    "sum and difference": (np.column_stack([Y0 + Y1, Y0 - Y1, Y2]), TWO),
}
BITS = np.log2(10)
ANSWERS = {  # MIG, MIG-sup, DCIMIG, JEMMIG, modularity, IRS, SAP by regression, strictly as the review's code has it
    "identity": (1, 1, 1, 1 - (2 - 2) / (2 + BITS), 1, 1, 1),
    "permuted, scaled, negated": (1, 1, 1, 1, 1, 1, 1),
    "twice": (0, 1, 1, 1 - 2 / (2 + BITS), 1, 1, 0),
    "with a constant": (NAN, NAN, 1, 1, NAN, 1, 1),
    "constants": (NAN, NAN, 0, 1 - 2 / (2 + BITS), NAN, 0, 0),
    "two in one": (2 / 3, 1 / 2, 1 / 3, (1 + 2 * (1 - 1 / (1 + BITS))) / 3, 3 / 4, 3 / 4, 2 / 3),
    "sum and difference": (1 / 3, 1 / 3, 1 / 3, (1 + 2 * (1 - 2 / (1 + BITS))) / 3, 2 / 3, 3 / 5, 1 / 3),
}


def counted(codes: np.ndarray, factors: np.ndarray, bins: int = 10) -> Tables:
    return tables([unit_binned(column, bins) for column in codes.astype(float).T], factors)


@pytest.mark.parametrize("case", CASES)
def test_the_reviews_scores(case: str) -> None:
    codes, factors = CASES[case]
    found = counted(codes, factors)
    scores = (
        mig.carbonneau_mig(found, strict=True),
        mig_sup.carbonneau_mig_sup(found, strict=True),
        dcimig.dcimig_of(found),
        jemmig.jemmig_of(found, 10),
        modularity.modularity_of(found.mutual, strict=True),
        irs.irs_score(codes, factors),
        sap.infogan_cr_score(codes, factors, discrete=[]),
    )
    np.testing.assert_allclose(scores, ANSWERS[case], atol=1e-12)


def test_a_constant_code_is_no_nan_by_default() -> None:
    found = counted(*CASES["with a constant"])
    assert mig.carbonneau_mig(found) == pytest.approx(1)
    assert mig_sup.carbonneau_mig_sup(found) == pytest.approx(1)
    assert mig_sup.mig_sup_score(*CASES["with a constant"]) == pytest.approx(1)


def test_normalisers_differ_where_a_code_is_coarse() -> None:
    y = np.stack(np.unravel_index(np.arange(32), (16, 2)), axis=1)
    coarse = np.column_stack([y[:, 0] // 8, y[:, 1]])
    found = counted(coarse, y)
    assert mig.carbonneau_mig(found) == pytest.approx(1)  # over the code's one bit
    assert mig.mig_score(coarse, y) == pytest.approx((1 / 4 + 1) / 2)  # over the factor's four


@pytest.mark.parametrize(
    ("codes", "factors", "infom", "infoc", "infoe"),
    [
        (FOUR, FOUR, 1, 1, 1),
        (np.column_stack([FOUR, np.ones(64)]), FOUR, 1, 1, 1),
        (np.hstack([FOUR, FOUR]), FOUR, 1, (1 / 2 - 1 / 6) / (1 - 1 / 6), 1),
        (np.column_stack([Y0 + 2 * Y1, Y2]), TWO, (3 / 4 - 1 / 3) / (2 / 3), 1, 1),
        (np.column_stack([Y0 + Y1, Y0 - Y1, Y2]), TWO, 1 / 2, 1 / 2, 1),
        (np.column_stack([Y0 + 2 * Y1 + 4 * Y2] * 2), TWO, 0, 0, 1),
        (np.column_stack([FOUR[:, 0], np.ones(64), np.ones(64)]), FOUR, 1, NAN, 1 / 3),
    ],
)
def test_infomec_of_discrete_codes(
    codes: np.ndarray, factors: np.ndarray, infom: float, infoc: float, infoe: float
) -> None:
    assert infomec.discrete_infom_score(codes, factors, strict=True) == pytest.approx(infom)
    assert infomec.discrete_infoc_score(codes, factors, strict=True) == pytest.approx(infoc, nan_ok=True)
    assert infomec.discrete_infoe_score(codes, factors) == pytest.approx(infoe, abs=2e-3)


def test_infomec_of_continuous_codes() -> None:
    rng = np.random.default_rng(0)
    factors = grid(4, 20)
    share = infomec.active_information(factors, factors, rng)
    assert infomec.modularity_of(share) == pytest.approx(1, abs=0.01)
    assert infomec.compactness_of(share) == pytest.approx(1, abs=0.01)
    assert infomec.infoe_score(factors, factors) == pytest.approx(1, abs=1e-4)
    two = grid(2, 100)
    mixed = np.column_stack([two[:, 0] + 2 * two[:, 1], two[:, 2]])
    assert infomec.infoe_score(mixed, two) == pytest.approx(0.718, abs=1e-3)  # the original code's
    small = factors * np.array([1, 1, 0.01])  # a code that is not read, and a factor that then has none
    assert infomec.active(small).tolist() == [True, True, False]
    assert infomec.compactness_of(np.eye(3)[:2], strict=True) != infomec.compactness_of(np.eye(3)[:2])


def test_a_single_active_code_leaves_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="only one has more than a twentieth"):
        infomec.compactness_of(np.ones((1, 3)))
    assert infomec.compactness_of(np.ones((0, 3))) == infomec.modularity_of(np.ones((0, 3))) == 0


def test_neighbour_information_is_scikit_learns() -> None:
    from sklearn.feature_selection import mutual_info_classif

    rng = np.random.default_rng(2)
    classes = np.column_stack([rng.integers(0, 3, 400), rng.geometric(0.5, 400)])  # some classes have few points
    classes[0, 1] = 99  # and one a single point
    codes = np.column_stack([classes[:, 0] + rng.normal(size=400), rng.integers(0, 9, 400) + rng.random(400)])
    standard = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    draws, again = np.random.RandomState(5), np.random.RandomState(5)
    expected = [
        [mutual_info_classif(code[:, None], factor, n_neighbors=10, random_state=draws)[0] for code in standard.T]
        for factor in classes.T
    ]
    np.testing.assert_allclose(neighbour_information(codes, classes, again), np.transpose(expected), atol=1e-9)


def test_softmax_reaches_the_optimum_of_a_patient_solver() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    classes = rng.integers(0, 5, size=9000)  # more than the Newton steps see
    x = np.column_stack([classes + rng.normal(size=9000), rng.normal(size=(9000, 2))])
    for ridge, c in ((0.0, np.inf), (1.0, 1.0)):
        model = LogisticRegression(C=c, class_weight="balanced", tol=1e-10, max_iter=5000).fit(x, classes)
        logs = softmax.log_probabilities(x, softmax.fit(x, classes, softmax.balanced(classes), ridge=ridge))
        np.testing.assert_allclose(np.exp(logs).T, model.predict_proba(x), atol=0.02)
        ours, theirs = (table[classes, np.arange(9000)].mean() for table in (logs, model.predict_log_proba(x).T))
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_review_explicitness_needs_the_neighbours_help() -> None:
    assert explicitness.normalised_score(grid(4, 8), grid(4, 8)) == pytest.approx(1)
    assert explicitness.separate_score(grid(4, 8), grid(4, 8)) == pytest.approx(2 / 3)  # middle values are not linear
    assert explicitness.normalised_score(np.ones((64, 2)), FOUR) == 0


def test_review_dci() -> None:
    fitted = carbonneau_dci.lasso_fitted(FOUR, FOUR)
    assert carbonneau_dci.disentanglement_score(fitted.importance) == pytest.approx(1)
    assert fitted.informativeness == pytest.approx(np.ones(3), abs=1e-5)
    twice = carbonneau_dci.lasso_fitted(np.hstack([FOUR, FOUR]), FOUR).importance
    assert carbonneau_dci.disentanglement_score(twice) == pytest.approx(1)
    late = carbonneau_dci.lasso_fitted(np.column_stack([np.ones(64), FOUR]), FOUR).importance
    assert carbonneau_dci.disentanglement_score(late) == pytest.approx(1)
    assert carbonneau_dci.stopped_disentanglement_score(late) == 0  # the first code is unused


def test_tree_depths_are_those_of_trees_grown_apart() -> None:
    from sklearn.model_selection import cross_val_score
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(4)
    factors = rng.integers(0, 4, size=(300, 2))
    codes = factors + 0.7 * rng.normal(size=factors.shape)
    unit = (codes - codes.min(axis=0)) / (codes.max(axis=0) - codes.min(axis=0))
    expected = np.empty((2, 2))
    for d, k in np.ndindex(2, 2):
        models = [DecisionTreeClassifier(max_depth=depth) for depth in range(1, 10)]
        tested = [cross_val_score(model, unit[:, [d]], factors[:, k], cv=10).mean() for model in models]
        best = models[int(np.argmax(tested))].fit(unit[:, [d]], factors[:, k])
        expected[d, k] = best.score(unit[:, [d]], factors[:, k])
    np.testing.assert_allclose(sap_trees.tree_matrix(codes, factors), expected)


@pytest.mark.parametrize(
    ("codes", "factors", "score"),
    [
        (FOUR, FOUR, 1),
        (np.hstack([FOUR, FOUR]), FOUR, 1),
        (np.column_stack([Y0 + Y1, Y0 - Y1, Y2]), TWO, (2 / np.sqrt(2) + 1) / 3),
        (np.column_stack([Y0 + 2 * Y1, Y2]), TWO, (2 / np.sqrt(5) + 1) / 2),
        (np.column_stack([Y0 + 2 * Y1 + 4 * Y2] * 2), TWO, 6 / (2 * np.sqrt(21))),
    ],
)
def test_mean_correlation_coefficient(codes: np.ndarray, factors: np.ndarray, score: float) -> None:
    assert mcc.pearson_score(codes, factors) == pytest.approx(score)
    assert mcc.spearman_score(codes, factors) == pytest.approx(score)
    with pytest.raises(ValueError, match="constant code has no correlation"):
        mcc.pearson_score(np.ones((64, 2)), FOUR, strict=True)


def test_ranks_are_scipys_up_to_a_shift() -> None:
    from scipy.stats import rankdata

    columns = np.random.default_rng(5).integers(0, 9, size=(200, 2)).astype(float)
    np.testing.assert_array_equal(mcc.ranked(columns) + 1, rankdata(columns, axis=0))


def test_irs_quantile_is_numpys() -> None:
    rng = np.random.default_rng(6)
    factor, codes = np.arange(90)[:, None] % 3, rng.normal(size=(90, 2)) + 5
    deviation = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    parts = [codes[factor[:, 0] == value] for value in range(3)]
    local = np.mean([np.percentile(np.abs(part - part.mean(axis=0)), 99, axis=0) for part in parts], axis=0)
    matrix, weights = irs.irs_matrix(codes, factor, quantile=0.99)
    np.testing.assert_allclose(matrix[:, 0], 1 - local / deviation)
    np.testing.assert_allclose(weights, deviation)


def test_total_correlation_of_two_correlated_gaussians() -> None:
    rho = 0.6
    base = np.stack(np.unravel_index(np.arange(4), (2, 2)), axis=1) * 2.0 - 1  # exactly uncorrelated
    codes = np.column_stack([base[:, 0], rho * base[:, 0] + np.sqrt(1 - rho**2) * base[:, 1], np.full(4, 7.0)])
    assert total_correlation.gaussian_total_correlation(codes * 3) == pytest.approx(-np.log(1 - rho**2) / 2)


def test_explicitness_curve() -> None:
    depths = [1, 2, 3, 4, 5]
    assert dci_es.explicitness_of(depths, [1, 0.5, 0.5, 0.5, 0.5], 1.0) == pytest.approx(0.875)
    assert dci_es.explicitness_of(depths, [1, 0.5, 0.9, 0.5, 0.7], 1.0) == pytest.approx(0.875)  # no worse than before
    with pytest.raises(ValueError, match="capacities growing"):
        dci_es.explicitness_of([2, 1], [1, 0], 1.0)
    assert dci_es.size_of(10, 5) == 0.5


def test_dci_es_of_a_code_that_needs_depth_is_lower() -> None:
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 16, size=(3000, 2))
    folded = np.column_stack([(factors[:, 0] * 7) % 16, factors[:, 1]])
    plain, hard = (dci_es.dci_es_score(codes, factors, np.random.default_rng(1)) for codes in (factors, folded))
    assert hard < plain - 0.02


def test_batches_of_held_points() -> None:
    shared = np.array([0, 0, 0, 1, 2, 2])
    held = z_min_var._Held.of(shared)
    rng = np.random.default_rng(0)
    drawn = [held.batch(6, rng) for _ in range(50)]
    assert {int(shared[batch[0]]) for batch in drawn} == {0, 2}  # a value with one point is never held
    for batch in drawn:
        assert len(set(shared[batch])) == 1
        assert len(set(np.bincount(batch)[batch])) == 1  # each point as often


def test_z_scores_refuse_what_no_two_points_share() -> None:
    with pytest.raises(ValueError, match="fewer bins"):
        z_min_var.z_min_var_score(FOUR, np.arange(64)[:, None] + np.zeros(2), np.random.default_rng(0), threshold=0.02)


# ---- several models


def uncorrelated(points: int, codes: int) -> np.ndarray:
    """Codes with exactly no correlation."""
    columns = np.random.default_rng(8).normal(size=(points, codes))
    return np.linalg.qr(columns - columns.mean(axis=0))[0]


def test_udr_of_copies_and_of_strangers() -> None:
    z = uncorrelated(200, 6)
    copy = np.stack([z[:, :3], -5 * z[:, [2, 0, 1]], z[:, :3] + 1])
    np.testing.assert_allclose(udr.udr_lasso_scores(copy), 0.9)
    strangers = np.stack([z[:, :3], z[:, 3:]])
    np.testing.assert_allclose(udr.udr_lasso_scores(strangers), 0, atol=1e-9)
    repeated = np.stack([z[:, [0, 0, 1]]] * 2)
    np.testing.assert_allclose(udr.udr_lasso_scores(repeated), 0.675)


def test_udr_spearman_of_copies() -> None:
    ranks = FOUR.astype(float)  # exactly uncorrelated ranks
    np.testing.assert_allclose(udr.udr_spearman_scores([ranks, -(ranks[:, ::-1] ** 3)]), 1)
    np.testing.assert_allclose(udr.udr_spearman_scores([ranks[:, [0, 0, 1]]] * 2), 2 / 3)


def test_udr_with_a_constant_code_whose_kl_is_high() -> None:
    z = uncorrelated(200, 3)
    models = np.stack([z, z, np.column_stack([z[:, :2], np.ones(200)])])
    np.testing.assert_allclose(udr.udr_lasso_scores(models, np.ones((3, 3)), strict=True), [0.75, 0.75, 0.6])
    ranks = np.stack([FOUR, FOUR, np.column_stack([FOUR[:, :2], np.ones(64)])])
    np.testing.assert_allclose(udr.udr_spearman_scores(ranks, np.ones((3, 3)), strict=True), [2 / 3, 2 / 3, 1 / 3])
    np.testing.assert_allclose(udr.udr_spearman_scores(ranks), [11 / 12, 11 / 12, 5 / 6])  # left out on either side


def test_udr_refuses_one_model_and_another_kl() -> None:
    z = uncorrelated(20, 3)
    with pytest.raises(ValueError, match="at least two models"):
        udr.udr_lasso_scores(z[None])
    with pytest.raises(ValueError, match=r"kl must have shape \(2, 3\)"):
        udr.udr_lasso_scores([z, z], np.ones(3))
    assert udr.udr_lasso_scores([z, z], np.zeros((2, 3))).tolist() == [0, 0]


def test_model_centrality() -> None:
    matrix = [[1.0, 0.8, 0.4, 0.6], [0.6, 1.0, 0.5, 0.8], [0.8, 0.7, 1.0, 0.2], [0.6, 0.5, 0.6, 1.0]]
    scores = [(0.7 + 0.6 + 0.6) / 3, (0.7 + 0.6 + 0.65) / 3, (0.6 + 0.6 + 0.4) / 3, (0.6 + 0.65 + 0.4) / 3]
    np.testing.assert_allclose(model_centrality.model_centrality_scores(matrix), scores)
    assert model_centrality.best_first(matrix) == [1, 0, 3, 2]
    assert model_centrality.best_first(np.ones((4, 4))) == [3, 2, 1, 0]
    with pytest.raises(ValueError, match="square matrix"):
        model_centrality.best_first([[1.0, 2.0]])


def test_model_centrality_of_generators_with_their_inverses() -> None:
    """Two codes of ±1; generators are identity, swap, sum and difference, and a shear; encoders their inverses."""
    maps = [np.eye(2), np.eye(2)[::-1], np.array([[1.0, 1], [1, -1]]), np.array([[1.0, 1], [0, 1]])]  # code @ map
    free = np.array([[a, b] for a in (-1.0, 1) for b in (-1.0, 1)])
    groups = np.array([[[v, s] if i % 2 == 0 else [s, v] for s in (-1.0, 1)] for i, v in enumerate([-1, -1, 1, 1] * 2)])
    labels = np.arange(8) % 2
    encoded = [[np.linalg.inv(mine) for _ in maps] for mine in maps]
    std = [[free @ theirs @ back for theirs, back in zip(maps, row, strict=True)] for row in encoded]
    held = [[groups @ theirs @ back for theirs, back in zip(maps, row, strict=True)] for row in encoded]
    matrix = model_centrality.agreement_matrix(std, held, [labels] * 4)
    half = [[1, 1, 0.5, 1], [1, 1, 0.5, 1], [0.5, 0.5, 1, 1], [1, 1, 1, 1]]
    np.testing.assert_allclose(matrix, half)
    np.testing.assert_allclose(model_centrality.model_centrality_scores(matrix), [5 / 6, 5 / 6, 2 / 3, 1])
    assert model_centrality.best_first(matrix) == [3, 1, 0, 2]
