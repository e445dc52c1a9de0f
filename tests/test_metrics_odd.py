"""Codes and factors in each other's place, of another shape or not what they look like: refused, or warned of."""

import datetime
import fractions
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from idgan_sc.metrics import compare, explain, reading, score, score_carbonneau, score_disentanglement_lib
from idgan_sc.metrics.dcimig import dcimig_score
from idgan_sc.metrics.irs import irs_score
from idgan_sc.metrics.mcc import pearson_score
from idgan_sc.metrics.mig import mig_score
from idgan_sc.metrics.udr import udr_spearman_scores

FAST = ["mig", "mcc_pearson"]
F = np.random.default_rng(0).integers(0, 4, (500, 3))
Z = F + 0.1 * np.random.default_rng(1).normal(size=F.shape)
SCORED = [score, score_disentanglement_lib, score_carbonneau]


def warned(codes: Any, factors: Any, scored: Any = score) -> list[str]:
    """What a call warns of but for few points."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = scored(codes, factors, metrics=["mig"])
    said = [str(one.message) for one in caught if not str(one.message).startswith("few points")]
    assert all(one.filename == __file__ for one in caught)
    assert all(doubt in said[0] and f"  odd: {doubt}" in str(found) for doubt in found.doubts)
    return said


# ---- rows and columns


@pytest.mark.parametrize("scored", SCORED)
def test_columns_for_points_are_refused(scored: Any) -> None:
    with pytest.raises(ValueError, match=r"codes have shape \(3, 500\) and factors \(3, 500\): .*: transpose both"):
        scored(Z.T, F.T)
    with pytest.raises(ValueError, match=r"first codes have shape .*: transpose both"):
        compare(Z.T, Z.T, F.T)
    with pytest.raises(ValueError, match=r"codes have 3 rows and factors 500: .*: transpose the codes"):
        scored(Z.T, F)
    with pytest.raises(ValueError, match=r"codes have 500 rows and factors 3: .*: transpose the factors"):
        scored(Z, tuple(F.T))


def test_few_points_with_many_columns_are_warned_of() -> None:
    draw = np.random.default_rng(2)
    codes, factors = draw.normal(size=(20, 64)), draw.integers(0, 2, (20, 40))
    assert warned(codes, factors) == ["20 points with 64 codes and 40 factors: rows are points: transpose both?"]
    assert warned(codes, factors[:, :3]) == []


@pytest.mark.parametrize("scored", SCORED)
def test_codes_in_the_place_of_factors_are_warned_of(scored: Any) -> None:
    said = "codes take at most 4 different values and each factor 500 or more: codes come first, factors second"
    (swapped,) = warned(F, Z, scored)
    assert said in swapped
    assert said in warned(np.column_stack([F, np.ones(500)]), Z, scored)[0]  # a constant factor hides nothing
    assert warned(F, F, scored) == warned(Z, F, scored) == warned(Z, Z, scored) == []


# ---- columns that tell nothing


@pytest.mark.parametrize("scored", SCORED)
def test_columns_without_a_second_value_are_named(scored: Any) -> None:
    one, many = np.ones((500, 1)), np.ones((500, 7))
    assert warned(np.hstack([Z, one]), F, scored) == ["codes: column 3 takes one value only and can tell nothing"]
    (said,) = warned(np.hstack([many, Z]), F, scored)
    assert said == "codes: columns 0, 1, 2, 3, 4 and 2 more take one value only and can tell nothing"
    assert warned(Z, {"a": F[:, 0], "still": one, "b": F[:, 1]}, scored) == [
        "left out: factor 'still' takes one value only"
    ]
    gaps = np.where(np.arange(500)[:, None] < 9, np.nan, F)
    assert warned(Z, gaps, scored) == ["left out: 9 rows in which a factor is missing"]


@pytest.mark.parametrize("names", [np.arange(500), 7 + np.random.default_rng(3).permutation(500)])
def test_what_numbers_or_names_the_points_is_warned_of(names: np.ndarray) -> None:
    (said,) = warned(Z, {"id": names, "a": F[:, 0]})
    assert said.startswith(f"factor 'id' has each number from {names.min()} to {names.max()} once: leave it out")
    (said,) = warned(Z, {"file": [f"{name}.png" for name in names], "a": F[:, 0]})
    assert said.startswith("factor 'file' has another name in each of the 500 rows: leave it out")
    assert warned(Z, {"angle": names * 0.5, "a": F[:, 0]}) == []


def test_codes_that_number_the_points_are_warned_of() -> None:
    (said,) = warned(np.column_stack([Z, np.arange(500)]), F)
    assert said == "codes: column 3 takes each whole number of a range once: leave out what numbers the points"
    assert warned(np.column_stack([Z, np.arange(500) // 2]), F) == []


@pytest.mark.parametrize(
    ("scored", "metric", "least"),
    [
        (score_disentanglement_lib, "factor_vae", 0.05), (score_disentanglement_lib, "sap_continuous", 1e-6),
        (score_carbonneau, "z_min_var", 0.02), (score_carbonneau, "z_max_var", 0.02),
    ],
)  # fmt: skip
def test_codes_that_a_reference_prunes_are_warned_of(scored: Any, metric: str, least: float) -> None:
    for scale, columns in (([1, 1, least / 9], "column 2 has"), ([least / 9] * 3, "columns 0, 1, 2 have")):
        with pytest.warns(UserWarning, match=f"{columns} an SD below {least:g}, which {metric} leaves out"):
            scored(Z * scale, F, metrics=[metric])
    assert scored(Z, F, metrics=[metric]).doubts == scored(Z * 1e200, F, metrics=[metric]).doubts == ()
    assert "leaves out codes" in explain(metric).changed_by or metric.startswith("z_")


def test_codes_that_trees_cannot_tell_apart_are_refused() -> None:
    for codes in (Z + 1e9, Z * 1e-9):
        found = score_disentanglement_lib(codes, F, metrics=["dci"])
        assert not found.values and "give each code mean 0 and SD 1" in found.refused["dci"]
    collapsed = np.column_stack([F[:, 0] * 1e-9, F[:, 1:]])
    assert "dci" in score_disentanglement_lib(collapsed, F, metrics=["dci"]).values


def test_a_factors_unit_changes_no_explicitness_of_forests() -> None:
    noisy = F + np.random.default_rng(2).normal(size=F.shape)
    plain = score(noisy, F, metrics=["dci_es"]).values["dci_es"]
    for factors in (F * 1000 + 1.7e12, F * 1e-8):
        assert score(noisy, factors, metrics=["dci_es"]).values["dci_es"] == pytest.approx(plain, abs=2e-3)
    assert plain < 0.99


@pytest.mark.parametrize("alone", [mig_score, pearson_score, irs_score, dcimig_score])
def test_a_score_alone_refuses_masked_entries(alone: Any) -> None:
    masked = np.ma.masked_array(F, F == 1)
    with pytest.raises(ValueError, match="factors have masked entries"):
        alone(Z, masked)
    with pytest.raises(ValueError, match="codes have masked entries"):
        alone(np.ma.masked_array(Z, F == 1), F)
    assert alone(np.ma.masked_array(Z), F) == alone(Z, F)


def test_models_whose_codes_or_kl_are_no_measure_are_refused() -> None:
    with pytest.raises(ValueError, match="kl contains NaN"):
        udr_spearman_scores([Z, Z], kl=np.full((2, 3), np.nan))
    for scale in (1e200, 1e-200):
        with pytest.raises(ValueError, match="too large or too small"):
            udr_spearman_scores([Z, Z * scale])
    with pytest.raises(ValueError, match="codes have masked entries"):
        udr_spearman_scores(np.ma.masked_array([Z, Z], [F == 1, F == 1]))


def test_values_that_differ_by_rounding_are_warned_of() -> None:
    coin = np.random.default_rng(4).random(F.shape) < 0.5
    for factors in (
        np.where(coin, F * 0.1, F / 10),
        np.where(coin, (F * 0.1).astype(np.float32), F * 0.1),
        np.where(coin & (F == 2), 1e-16, F == 1),
    ):
        (said,) = warned(Z, factors)
        assert said.startswith("factor 0: ") and "count as two values: round them if they are one" in said
    for factors in (F * 0.1, 1e7 + F, 1.7e9 + F / 2, 10.0 ** (-3 * F)):
        assert warned(Z, factors) == []


# ---- what holds them


def cell(table: np.ndarray, value: Any) -> np.ndarray:
    changed = table.astype(object)
    changed[7, 1] = value
    return changed


UNLIKE: list[tuple[Any, Any, str]] = [
    (Z, {"a": 1, "b": F[:, 1]}, "factors: column 'a' must be a list of values, got a single int"),
    (Z, {"a": (x for x in F[:, 0]), "b": F[:, 1]}, "factors: column 'a' .* got a single generator"),
    (Z, {"a": "abc"}, "factors: column 'a' .* got a single str"),
    (Z, {"a": F, "b": F[:, 1]}, r"factors: column 'a' must be one column \(N,\), got shape \(500, 3\)"),
    (Z, np.zeros(500, [("a", int, 2), ("b", int)]), r"factors: column 'a' must be one column"),
    (Z, np.zeros((500, 2), [("a", int), ("b", int)]), r"factors: column 'a' must be one column"),
    ({"mean": Z, "logvar": Z}, F, r"codes: column 'mean' must be one column \(N,\), got shape \(500, 3\)"),
    ({"a": 1.0}, F, "codes: column 'a' must be a list of values, got a single float"),
    ({}, F, "codes must be columns of one length, got none"),
    ({"a": ["x"] * 500, "b": Z[:, 0]}, F, "codes must be real numbers: row 0, column 0 is 'x'"),
    ({"a": F[:, 0].astype("M8[D]"), "b": Z[:, 0]}, F, "codes must be real numbers: row 0, column 0 is datetime"),
    ([[1, 2]] * 499 + [[1]], F, r"row 499 has shape \(1,\) and row 0 \(2,\)"),
    (Z, [[1, 2]] * 499 + [[1]], r"row 499 has shape \(1,\) and row 0 \(2,\)"),
    ([Z[:300], Z[300:]], F, "codes .* list of tables: join them with numpy.concatenate"),
    (Z, [F[:300], F[300:]], "factors .* list of tables: join them with numpy.concatenate"),
    ((Z, Z), F, r"codes must have shape \(N, D\), got \(2, 500, 3\): give one table"),
    (Z, [F[:250], F[250:]], r"factors must have shape \(N, K\), got \(2, 250, 3\): give one table"),
    (Z, [{"a": 1}] * 500, "factors .* its rows are dictionaries: give a dictionary of columns"),
    ([{"a": 1}] * 500, F, "codes .* its rows are dictionaries: give a dictionary of columns"),
    (Z, F[:, 0].tolist(), r"one factor is a column, numpy.array\(x\)\[:, None\]"),
    (cell(Z, "a"), F, "codes must be real numbers: row 7, column 1 is 'a'"),
    (cell(Z, [1, 2]), F, r"codes must be real numbers: row 7, column 1 is \[1, 2\]"),
    (cell(Z, 10**400), F, "codes must be real numbers: row 7, column 1, too large for float64, is 1000"),
    (cell(Z, 1j), F, "codes must be real numbers: row 7, column 1 is 1j"),
    (np.where(Z > 3, "1_0", "2"), F, "codes must be real numbers: .* is '1_0'"),
    (np.where(Z > 3, "1,5", "2"), F, "codes must be real numbers: .* is '1,5'"),
    (np.where(Z > 3, "inf", "2"), F, "codes contain NaN or infinity"),
    (cell(Z, np.inf), F, "codes contain NaN or infinity.* in 1 rows, first in row 7, column 1: leave those rows out"),
    (np.column_stack([Z, np.full(500, np.nan)]), F, "first in row 0, column 3: leave column 3 out"),
    (Z.astype(np.longdouble) * np.longdouble("1e4000"), F, "numbers too large for float64"),
    (Z, F.astype(np.longdouble) * np.longdouble("1e4000"), "factor 0 holds numbers too large for float64"),
    (Z, [[int(x) * 10**400 for x in row] for row in F], "factor 0 holds numbers too large for float64"),
    (Z, [[fractions.Fraction(int(x) * 10**400, 3) for x in row] for row in F], "factor 0 holds numbers too large"),
    (Z, cell(F, np.ones(2)), "factor 1, row 7: the cell holds 2 values: give one"),
    (Z, cell(F, "a" * 10_000), r"factor 1, row 7: 'a{1,20}\.\.\.a{1,20}' is no number"),
    (Z, np.array(["0,5", "1,5"])[F // 2], "factor 0, row 0: '[01],5' has a comma"),
]


@pytest.mark.parametrize("number", range(len(UNLIKE)))
def test_what_does_not_fit_is_named(number: int) -> None:
    codes, factors, said = UNLIKE[number]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=said) as error:
            score(codes, factors, metrics=FAST)
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


def test_what_can_be_read_is_read() -> None:
    plain = score(Z, F, metrics=FAST)
    texts = np.char.add(np.where(Z < 0, "-00", "00"), np.abs(Z).astype(str))
    for codes in (
        {"a": Z[:, :1], "b": Z[:, 1].tolist(), "c": Z[:, 2]},
        [[np.array(x) for x in row] for row in Z],
        [[Decimal(float(x)) for x in row] for row in Z],
        texts,
    ):
        assert score(codes, F, metrics=FAST) == plain
    strings = getattr(np.dtypes, "StringDType", None)
    if strings:
        assert score(Z.astype(str).astype(strings()), F.astype(str).astype(strings()), metrics=FAST) == plain
    lost = cell(F, Decimal("sNaN"))
    assert score(Z, lost, metrics=FAST) == score(Z, cell(F, np.array(np.nan)), metrics=FAST)
    assert score(Z, lost, metrics=FAST).missing == 1
    assert score(F > 1, F, metrics=FAST) == score((F > 1).astype(object), F, metrics=FAST)


def test_a_sparse_matrix_may_be_a_dictionary() -> None:
    from scipy.sparse import dok_matrix

    assert score(dok_matrix(Z), dok_matrix(F), metrics=FAST) == score(Z, F, metrics=FAST)


def test_columns_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    plain, declared = score(Z, F[:, :2], metrics=FAST), score(Z, F[:, :2], metrics=["sap"], categories=[0])
    series = pandas.Series(F[:, 0])
    for held in (series.astype("category"), pandas.Categorical(F[:, 0]), pandas.Categorical(F[:, 0], range(9))):
        assert score(Z, {"a": held, "b": F[:, 1]}, metrics=FAST).factors["a"] == "category, 4 values"
        assert score(Z, {"a": held, "b": F[:, 1]}, metrics=["sap"]) == declared
    assert score(Z, {"a": pandas.Index(F[:, 0]), "b": F[:, 1]}, metrics=FAST) == plain
    gaps = pandas.array([None if i < 9 else int(x) for i, x in enumerate(F[:, 0])], dtype="Int64")
    assert score(Z, {"a": gaps, "b": F[:, 1]}, metrics=FAST) == score(Z[9:], F[9:, :2], metrics=FAST)
    for codes, factors, said in (
        (pandas.DataFrame(Z), {"a": series[::-1]}, r"codes and factors\['a'\] have different indices"),
        (Z, {"a": series, "b": series[::-1]}, r"factors\['a'\] and factors\['b'\] have different indices"),
        ({"a": series, "b": series[::-1]}, F, r"codes\['a'\] and codes\['b'\] have different indices"),
        (Z, series, r"one factor is a column, x.to_frame\(\)"),
    ):
        with pytest.raises(ValueError, match=said):
            score(codes, factors, metrics=FAST)
    levels = pandas.DataFrame(F, columns=pandas.MultiIndex.from_product([["x"], ["a", "b", "c"]]))
    assert score(Z, levels, metrics=["sap"], categories=[("x", "a")]) == score(Z, F, metrics=["sap"], categories=[0])
    months = pandas.PeriodIndex.from_fields(year=[2020] * 500, month=F[:, 0] + 1, freq="M")
    read = reading.read_column(pandas.Series(months), "month")
    days = [(datetime.date(2020, 1 + x, 1) - datetime.date(2020, 1, 1)).days for x in range(4)]
    assert read.kind == "number" and np.unique(read.values).tolist() == days


def test_tensors_that_are_lazy_or_small() -> None:
    torch = pytest.importorskip("torch")
    plain = score(Z, F, metrics=FAST)
    assert score(torch._neg_view(torch.tensor(-Z)), F, metrics=FAST) == plain
    assert score(Z, torch.tensor(F).to(torch.float8_e4m3fn), metrics=FAST) == plain
    for value, said in ((torch.ones(2), "factor 1, row 7: the cell holds 2 values"), (torch.tensor(np.inf), "row 7")):
        with pytest.raises(ValueError, match=said):
            score(Z, cell(F, value), metrics=FAST)
    assert score(Z, cell(F, torch.tensor(np.nan)), metrics=FAST) == score(Z, cell(F, None), metrics=FAST)
