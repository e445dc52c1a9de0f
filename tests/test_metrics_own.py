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
    assert score(codes, constant, metrics=["mig"]).refused == {"mig": "factor 2 takes one value only"}
    assert score(codes, factors[:, :1], metrics=["factor_vae", "mig"]).refused.keys() == {"factor_vae"}
    assert score(codes[:, :1], factors, metrics=["mig", "factor_vae"]).refused.keys() == {"mig"}


def test_broken_input_is_an_error() -> None:
    codes, factors = own()
    with pytest.raises(ValueError, match="codes contain NaN"):
        score(np.where(codes > 4, np.nan, codes), factors)
    with pytest.raises(ValueError, match="factors must have shape"):
        score(codes, factors[:-1])
