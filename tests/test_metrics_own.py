"""Scoring a user's own arrays: what is computed, and the reasons given for what is not."""

import numpy as np
import pytest

from idgan_sc.metrics import DISENTANGLEMENT_LIB_METRICS, METRICS, score, score_disentanglement_lib

FAST_LIB = [name for name in DISENTANGLEMENT_LIB_METRICS if not name.startswith("dci")]


def own(points: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Codes of factors off any grid: unequal frequencies, correlated factors, values that are no integers."""
    rng = np.random.default_rng(5)
    first = rng.choice([0.5, 1.0, 4.0], p=[0.6, 0.3, 0.1], size=points)
    factors = np.column_stack([first, np.round(first + rng.normal(size=points)).clip(-1, 4)])
    return factors + 0.1 * rng.normal(size=factors.shape), factors


def test_everything_is_scored_off_a_full_grid() -> None:
    values, refused = score(*own(), depths=(4, 4), categories=(0,))
    assert list(values) == list(METRICS)
    assert refused == {}
    assert values["factor_vae"] > 0.9
    assert score_disentanglement_lib(*own(), metrics=FAST_LIB).refused == {}


def test_forests_refuse_without_depths() -> None:
    values, refused = score(*own())
    assert set(refused) == {"dci", "dci_completeness", "dci_rf"}
    assert "depths" in refused["dci"]
    assert "dci_lasso" in values


def test_continuous_factors_are_binned_or_refused() -> None:
    codes = np.random.default_rng(0).normal(size=(400, 2))
    values, refused = score(codes, codes, depths=(4, 4))
    assert set(refused) == {"factor_vae", "factor_vae_revised", "beta_vae", "explicitness"}
    assert "only one point has" in refused["beta_vae"]
    assert "continuous" in refused["explicitness"]
    assert values["mig"] > 0.8
    assert values["sap"] > 0.9
    refused = score_disentanglement_lib(codes, codes).refused
    assert set(refused) == set(DISENTANGLEMENT_LIB_METRICS) - {"mig", "sap_continuous", "modularity"}


def test_rows_with_a_missing_factor_are_left_out() -> None:
    codes, factors = own()
    partly = factors.copy()
    partly[:100, 1] = np.nan
    assert score(codes, partly, metrics=["mig"]) == score(codes[100:], factors[100:], metrics=["mig"])
    partly[100:, 0] = np.nan
    values, refused = score(codes, partly, metrics=["mig", "sap"])
    assert values == {}
    assert refused == dict.fromkeys(["mig", "sap"], "no two points have all their factors")


def test_too_few_factors_or_codes() -> None:
    codes, factors = own()
    constant = np.column_stack([factors, np.ones(len(factors))])
    scored = score(codes, constant, metrics=["mig"])
    assert scored == score(codes, factors, metrics=["mig"])  # the others are scored without it
    assert scored.left_out == {"2": "factor 2 takes one value only"}
    why = "no factor takes two values: factor 0 takes one value only"
    assert score(codes, constant[:, 2:], metrics=["mig"]).refused == {"mig": why}
    assert score(codes, factors[:, :1], metrics=["factor_vae", "mig"]).refused.keys() == {"factor_vae"}
    assert score(codes[:, :1], factors, metrics=["mig", "factor_vae"]).refused.keys() == {"mig"}


def test_no_score_depends_on_which_others_are_asked_for() -> None:
    codes, factors = own(300)
    for scored, names, options in (
        (score, ["factor_vae", "sap", "dci"], {"depths": np.array([3, 3])}),
        (score_disentanglement_lib, ["beta_vae", "sap", "explicitness", "dci_informativeness"], {}),
    ):
        together = scored(codes, factors, metrics=names, **options).values
        assert together == {name: scored(codes, factors, metrics=[name], **options).values[name] for name in names}


def test_a_code_that_is_constant_up_to_rounding_is_scored_as_a_constant() -> None:
    codes, factors = own(300)
    for constant in (np.where(np.arange(300) % 2, 0.1 * 3, 0.3), np.full(300, 1e17)):
        scored = score(np.column_stack([codes, constant]), factors, metrics=["mig", "modularity"])
        assert scored == score(codes, factors, metrics=["mig", "modularity"])


def test_a_value_that_few_points_have_may_be_on_one_side_of_the_split() -> None:
    codes, factors = own(300)
    rare = np.zeros(300)
    rare[0] = 1
    scored = score_disentanglement_lib(codes, np.column_stack([factors, rare]), metrics=["sap", "mig", "factor_vae"])
    assert scored.values.keys() in ({"mig"}, set())  # trained on it, or not even that
    assert "one value only among the points" in scored.refused["sap"]
    assert "only one point has" in scored.refused["factor_vae"]
    thrice = np.arange(300) % 2.0
    thrice[:2] = 2
    found = [
        score_disentanglement_lib(
            codes, np.column_stack([factors, thrice]), rng=np.random.default_rng(seed), metrics=["explicitness"]
        )
        for seed in range(6)
    ]
    assert any("no point that tests" in one.refused.get("explicitness", "") for one in found)
    assert any(one.values for one in found) and all(
        np.isfinite(value) for one in found for value in one.values.values()
    )


def test_broken_input_is_an_error() -> None:
    codes, factors = own()
    with pytest.raises(ValueError, match="codes contain NaN"):
        score(np.where(codes > 4, np.nan, codes), factors)
    with pytest.raises(ValueError, match="codes have 900 rows and factors 899"):
        score(codes, factors[:-1])
    with pytest.raises(ValueError, match=r"a list of names, such as \['mig'\]"):
        score(codes, factors, metrics="mig")
    with pytest.raises(ValueError, match="category 2: the factors are numbered 0 to 1"):
        score(codes, factors, categories=[0, 2])
    with pytest.raises(ValueError, match="codes must be real numbers"):
        score(np.full(codes.shape, "x"), factors)


def test_what_says_the_same_is_taken() -> None:
    codes, factors = own(300)
    plain = score(codes, factors, metrics=["mig", "sap"], categories=(0,))
    assert plain == score(codes.astype(object), factors, metrics=iter(["mig", "sap"]), categories=0)
