"""Whatever holds a user's codes and factors, the scores are the same; what cannot be meant is refused in one line."""

import datetime
import fractions
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from idgan_sc.metrics import (
    CARBONNEAU_METRICS,
    METRICS,
    MORE_METRICS,
    compare,
    reading,
    score,
    score_carbonneau,
    score_disentanglement_lib,
)

FAST = ["mig", "sap", "mcc_pearson"]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


F = rng().integers(0, 4, (500, 3))
Z = F + 0.1 * np.random.default_rng(1).normal(size=F.shape)
PLAIN = score(Z, F, metrics=FAST)


class Tensor:
    """What a torch tensor looks like to a library that does not import torch."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.dtype, self.shape = array, f"torch.{array.dtype}", array.shape

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")

    def detach(self) -> "Tensor":
        return self

    cpu = detach

    def numpy(self) -> np.ndarray:
        return self.array


class Sparse:
    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def toarray(self) -> np.ndarray:
        return self.array


HOLDERS: dict[str, Any] = {
    "lists": lambda a: a.tolist(),
    "tuples": lambda a: tuple(map(tuple, a.tolist())),
    "objects": lambda a: a.astype(object),
    "masked, nothing hidden": np.ma.masked_array,
    "tensor with gradients": Tensor,
    "sparse": Sparse,
    "list of tensors": lambda a: [Tensor(row) for row in a],
    "fortran order": np.asfortranarray,
    "fractions": lambda a: [[fractions.Fraction(float(x)) for x in row] for row in a],
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_same_numbers_give_the_same_scores(holder: str) -> None:
    hold = HOLDERS[holder]
    assert score(hold(Z), hold(F), metrics=FAST) == PLAIN


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint64, np.float16, np.float32, np.longdouble, "U2"])
def test_every_type_of_factor_gives_the_same_scores(kind: Any) -> None:
    assert score(Z, F.astype(kind), metrics=FAST) == PLAIN


def test_tensors_of_other_layouts() -> None:
    torch = pytest.importorskip("torch")
    assert score(torch.tensor(Z).to_sparse(), torch.tensor(F).to_sparse_csr(), metrics=FAST) == PLAIN
    with pytest.raises(ValueError, match=r"a tensor cannot be read .*: give it as an array"):
        score(torch.empty(Z.shape, device="meta"), F)


def test_columns_by_name() -> None:
    columns = {"a": F[:, 0], "b": F[:, 1].tolist(), "c": np.ma.masked_array(F[:, 2])}
    named = score(Z, columns, metrics=FAST)
    assert named == PLAIN
    assert named.factors == dict.fromkeys("abc", "number, 4 values")
    record = np.rec.fromarrays(F.T, names="a,b,c")
    assert score(Z, record, metrics=FAST).factors == named.factors


def test_pandas_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(F, columns=["size", "angle", "shape"])
    assert score(pandas.DataFrame(Z), frame, metrics=FAST) == PLAIN
    assert list(score(Z, frame, metrics=FAST).factors) == ["size", "angle", "shape"]
    assert score(Z, frame.astype("Int64"), metrics=FAST) == PLAIN
    assert score(Z, frame.astype("Float64"), metrics=FAST) == PLAIN
    gaps = frame.astype("Int64")
    gaps.loc[:99, "angle"] = pandas.NA
    assert score(Z, gaps, metrics=FAST) == score(Z[100:], F[100:], metrics=FAST)
    assert score(Z, gaps, metrics=FAST).missing == 100
    for kind in ("string", "category", object):
        names = frame.assign(shape=frame["shape"].map({0: "ant", 1: "bee", 2: "cat", 3: "dog"}).astype(kind))
        assert score(Z, names, metrics=FAST) == score(Z, F, metrics=FAST, categories=[2]), kind
    with pytest.raises(ValueError, match="different indices"):
        score(pandas.DataFrame(Z), frame[::-1], metrics=FAST)
    missing = pandas.DataFrame(Z).convert_dtypes()
    missing.iloc[3, 1] = pandas.NA
    with pytest.raises(ValueError, match="codes contain NaN"):
        score(missing, F)


def test_names_are_categories() -> None:
    names = F.astype(object)
    names[:, 0] = np.array(["ant", "bee", "cat", "dog"])[F[:, 0]]
    found = score(Z, names, metrics=FAST)
    assert found == score(Z, F, metrics=FAST, categories=[0])
    assert found.factors == {"0": "category, 4 values", "1": "number, 4 values", "2": "number, 4 values"}
    truths = F > 1
    assert score(Z, truths, metrics=FAST) == score(Z, truths.astype(int), metrics=FAST)
    for words in (("False", "True"), ("no", "yes"), (b"false", b"TRUE")):
        assert score(Z, np.array(words)[truths.astype(int)], metrics=FAST) == score(Z, truths, metrics=FAST)
        assert score(Z, np.array(words)[truths.astype(int)], metrics=FAST).factors["0"] == "yes or no, 2 values"


def test_a_date_is_a_number_whatever_holds_it() -> None:
    dates = [[datetime.date(2020, 1, 1 + int(x)) for x in row] for row in F]
    days = (np.datetime64("2020-01-01") + F).astype("M8[D]")
    held = [dates, days, days.astype("M8[us]"), days.astype(str), days.astype("M8[s]").tolist(), days - days.min()]
    held += [(days - days.min()).tolist(), np.char.add(days.astype("M8[s]").astype(str), "+02:00")]
    for one in held:
        assert score(Z, one, metrics=FAST) == PLAIN
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(days.astype("M8[ns]"))
    assert score(Z, frame, metrics=FAST) == PLAIN
    assert score(Z, frame.apply(lambda column: column.dt.tz_localize("Asia/Tokyo")), metrics=FAST) == PLAIN
    assert score(Z, frame.apply(lambda column: column.dt.to_period("D")), metrics=FAST) == PLAIN
    mixed = days.astype("M8[s]").astype(str).astype(object)
    mixed[3, 1] += "Z"
    with pytest.raises(ValueError, match="factor 1: some of its dates have a time zone"):
        score(Z, mixed)


def test_ordered_categories_keep_their_order_and_can_be_told_to_be_numbers() -> None:
    pandas = pytest.importorskip("pandas")
    order = ["low", "mid", "high", "top"]
    sizes = pandas.Series(pandas.Categorical.from_codes(F[:, 0], order, ordered=True))
    assert reading.read_column(sizes, "size").labels == tuple(order)
    np.testing.assert_array_equal(reading.read_column(sizes, "size").values, F[:, 0])
    numbered = reading.read_column(pandas.Series(F[:, 0] * 10).astype("category"), "size", "number")
    np.testing.assert_array_equal(numbered.values, F[:, 0] * 10.0)
    assert numbered.kind == "number"
    with pytest.raises(ValueError, match=r"size, row 0: '[a-z]*' is no number: mend it$"):
        reading.read_column(sizes, "size", "number")


@pytest.mark.parametrize(
    ("cells", "count"),
    [
        (["1.0000000000000000001", "1", "2"], 3),
        ([2**53, 2**53 + 1, 2**53 + 2.0], 3),
        (["9007199254740993", "9007199254740992.0", "7"], 3),
        ([fractions.Fraction(1, 3), 1 / 3, 2], 3),
        (["1.0", "1", "1e0", "2"], 2),  # numbers, however they are spelt
        (["1.0", "1", "a", "b", "c"], 5),  # names
        (["1e-400", "0", "a", "b"], 4),  # no number that float64 has
    ],
)
def test_two_cells_become_one_class_only_if_they_are_equal(cells: list[Any], count: int) -> None:
    column = reading.read_column(np.array(cells, dtype=object), "factor 0")
    assert len(np.unique(column.ranks)) == len(column.labels) == count
    if column.kind == "number":
        assert len(np.unique(column.values)) == count


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([True, 1, 2, 3], "row 0: True is no number, as most of its cells are"),
        (["a", " a", "b"], "' a' and 'a' differ by blanks alone"),
        (["0,5", "1,5"], "'0,5' has a comma where numbers have a point"),
        (["1", "2", "inf"], "row 2: 'inf' is no number"),
        ([1.0, float("inf")], "row 1"),
        (["2", "1,5", "3"], "'1,5' is no number, as most of its cells are"),
        (["2", "1,5", "1.000,5", "3"], "row 1: '1,5' has a comma"),
        (["1,000", "900", "1,000,000"], "row 0: '1,000' has a comma"),
        (["1", "-", "2", "?"], "row 1: '-' stands among numbers: leave a missing cell empty"),
        ([True, False, 1, 0], "row 0: True stands among numbers: write truth values alike"),
        (["1", "yes", "0", "no"], "row 1: 'yes' stands among numbers"),
    ],
)
def test_what_would_be_guessed_is_refused(cells: list[Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        reading.read_column(np.array(cells, dtype=object), "factor 0")


DAYS = np.datetime64("2019-12-25") + np.array([0, 40, 80, 0]).astype("m8[D]")
NANOSECONDS = np.datetime64("2019-12-25", "ns") + np.array([0, 400, 800, 0]).astype("m8[ns]")


@pytest.mark.parametrize(
    "cells",
    [
        DAYS.astype(">M8[D]"), (DAYS - DAYS[0]).astype(">m8[s]"), DAYS.astype(object), NANOSECONDS,
        np.array(list(NANOSECONDS), dtype=object), np.array(list(NANOSECONDS - NANOSECONDS[0]), dtype=object),
        np.array(list(map(pd.Timestamp, NANOSECONDS)), dtype=object),
        np.array([pd.Timedelta(n) for n in (-400, 0, 400, -400)], dtype=object),
    ],
)  # fmt: skip
def test_dates_of_any_byte_order_and_unit_keep_their_order(cells: np.ndarray) -> None:
    column = reading.read_column(cells, "factor 0")
    steps = column.values / column.values[1]
    assert column.ranks.tolist() == [0, 1, 2, 0] and steps.tolist() == [0, 1, 2, 0]


def test_numbers_longer_than_float64_stay_apart() -> None:
    long = np.longdouble(1) + np.arange(4) * np.finfo(np.longdouble).eps
    for cells in (long, np.array(list(long), dtype=object)):
        assert len(np.unique(reading.read_column(cells, "factor 0").values)) == 4


def test_equal_numbers_are_one_category() -> None:
    column = reading.read_column(np.array([1, 1.0, 2, "1", "a"], dtype=object), "factor 0", "category")
    assert column.ranks[0] == column.ranks[1] and len(column.labels) == 3


def test_codes_by_name_and_masks_in_lists() -> None:
    columns = {"a": Z[:, 0], "b": Z[:, 1].tolist(), "c": Z[:, 2]}
    assert score(columns, F, metrics=FAST) == PLAIN
    assert score(np.rec.fromarrays(Z.T, names="a,b,c"), F, metrics=FAST) == PLAIN
    assert score(np.matrix(Z), np.matrix(F), metrics=FAST) == PLAIN
    mask = np.arange(500) < 250
    rows = [
        np.ma.masked_array(row, row < -9) if keep else np.ma.masked_all(3) for row, keep in zip(F, ~mask, strict=True)
    ]
    assert score(Z, rows, metrics=FAST) == score(Z[250:], F[250:], metrics=FAST)
    with pytest.raises(ValueError, match="codes are masked in 250 rows, first in row 0"):
        score([np.ma.masked_array(z, m) for z, m in zip(Z, mask, strict=True)], F)
    with pytest.raises(ValueError, match="codes must be columns of one length: 'a' has 500 rows and 'b' 9"):
        score({"a": Z[:, 0], "b": Z[:9, 1]}, F)


@pytest.mark.parametrize(
    "codes", [F + 2**60, F.astype(np.uint64) + np.uint64(2**63), [[2**80 + int(x) for x in f] for f in F]]
)
def test_codes_that_float64_cannot_tell_apart_are_refused(codes: Any) -> None:
    with pytest.raises(ValueError, match="codes: column 0 has numbers that float64 cannot tell apart"):
        score(codes, F)


def test_a_number_that_is_also_another_column_s_name_is_refused() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(F, columns=[2, 0, 1])
    with pytest.raises(ValueError, match="categories 0: that is the number of factor 2 and the name of another"):
        score(Z, frame, categories=[0])
    assert score(Z, frame, categories=["0"], metrics=FAST) == score(Z, F, categories=[1], metrics=FAST)
    for given in ({0: True}, {"0": False}):
        with pytest.raises(ValueError, match="categories must be a list"):
            score(Z, F, categories=given)


def test_arguments_that_are_no_list_or_no_number() -> None:
    with pytest.raises(ValueError, match=r"metrics must be a list of names, such as \['mig'\], got 'mig'"):
        score(Z, F, metrics="mig")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="metrics must be a list of names"):
        score(Z, F, metrics=3)  # type: ignore[arg-type]
    for draws in (1.5, True, -1, [3, 4]):
        with pytest.raises(ValueError, match="draws must be a whole number from 0 on"):
            score(Z, F, metrics=FAST, draws=draws)  # type: ignore[arg-type]


@pytest.mark.parametrize("absent", [None, np.nan, "", "NA", "nan", " null ", "N/A"])
def test_missing_markers_leave_the_row_out(absent: Any) -> None:
    marked = F.astype(object)
    marked[:50, 1] = absent
    assert score(Z, marked, metrics=FAST) == score(Z[50:], F[50:], metrics=FAST)


# ---- cases that went wrong


def test_a_masked_factor_is_missing_and_a_masked_code_refused() -> None:
    mask = np.broadcast_to(np.arange(500)[:, None] < 250, F.shape)
    masked = score(Z, np.ma.masked_array(np.where(mask, 99, F), mask), metrics=["mig", "sap"])
    assert masked == score(Z, np.where(mask, np.nan, F), metrics=["mig", "sap"])
    assert masked.missing == 250
    with pytest.raises(ValueError, match="codes are masked in"):
        score(np.ma.masked_array(Z, mask), F)


def test_different_labels_stay_different() -> None:
    labels = np.array(["1_23", "12_3", "2_11", "21_1"])[F[:, 0]]
    assert len(np.unique(reading.read_column(labels, "factor 0").ranks)) == 4
    exact = score(Z, F, metrics=["sap"])
    for large in (2**53, 2**62, 2**80):
        shifted = [[large + int(x) for x in row] for row in F]
        assert score(Z, shifted, metrics=["sap"]).values["sap"] == pytest.approx(exact.values["sap"], abs=1e-12)
    assert score(Z, F.astype(np.uint64) + np.uint64(2**63), metrics=["mig"]) == score(Z, F, metrics=["mig"])
    assert reading.read_column(np.array(["007", "7", "a"]), "factor 0").kind == "category"
    assert len(np.unique(reading.read_column(np.array(["٣", "3", "x", "y"]), "factor 0").ranks)) == 4


def test_where_most_cells_are_numbers_the_first_that_is_none_is_named() -> None:
    odd = F.astype(object)
    odd[7, 2] = "1O"
    with pytest.raises(ValueError, match="factor 2, row 7: '1O' is no number, as most of its cells are"):
        score(Z, odd)
    assert score(Z, odd, metrics=["mig"], categories=[2]).factors["2"] == "category, 5 values"


def small() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    who, light = np.repeat(np.arange(4), 9), np.arange(36) % 2
    return np.stack([np.minimum(who, 2), light, np.cos(np.arange(36) * 7.0)], 1).astype(float), who, light


@pytest.mark.parametrize("scored", [score, score_disentanglement_lib, score_carbonneau])
def test_a_declared_category_is_never_continuous_and_its_numbers_are_names(scored: Any) -> None:
    codes, who, light = small()
    metrics = ["mig", "modularity", "explicitness"]
    plain = scored(codes, np.stack([who, light], 1), categories=[0], metrics=metrics)
    named = scored(codes, np.stack([np.array([3, 7, 12, 100_000])[who], light], 1), categories=[0], metrics=metrics)
    assert plain == named
    assert plain.refused == {}
    if scored is score:
        assert plain.values["mig"] == pytest.approx(0.395, abs=1e-3)


@pytest.mark.parametrize("scored", [score, score_disentanglement_lib, score_carbonneau])
@pytest.mark.parametrize(("codes", "said"), [(Z * 1e31, "1e"), (Z.astype(np.float32) * 3e37, "1e"), (Z * 1e300, "1e")])
def test_an_error_of_one_metric_is_its_reason_and_loses_no_other(scored: Any, codes: np.ndarray, said: str) -> None:
    found = scored(codes, F, **({"depths": [2, 2, 2]} if scored is score else {}), metrics=cheap(scored))
    assert set(found.values) | set(found.refused) == set(cheap(scored))
    assert "mig" in found.values
    assert all(np.isfinite(value) for value in found.values.values())
    assert all("divide them by a constant" in why for why in found.refused.values())
    plain = scored(Z, F, **({"depths": [2, 2, 2]} if scored is score else {}), metrics=list(found.values)).values
    raw = {"explicitness"} if scored is score else {"sap"}  # penalised on raw codes: they do depend on the scale
    for name in plain.keys() - raw:
        assert found.values[name] == pytest.approx(plain[name], abs=0.02), name


@pytest.mark.parametrize("scale", [1e-20, 1e-140])
def test_small_codes_are_not_taken_for_constants(scale: float) -> None:
    names = ["factor_vae", "mig", "dci_lasso", "infom", "infoe", "mcc_pearson", "irs", "dci_es"]
    plain, small = (score(codes, F, metrics=names).values for codes in (Z, Z * scale))
    assert small == pytest.approx(plain, abs=1e-4)
    tiny = score(Z * 1e-300, F, metrics=["mig", "factor_vae"])
    assert "too small for a number" in tiny.refused["factor_vae"]
    assert tiny.values["mig"] == pytest.approx(plain["mig"])


def cheap(scored: Any) -> list[str]:
    if scored is score:
        return [*METRICS, *MORE_METRICS]
    if scored is score_carbonneau:
        return [name for name in CARBONNEAU_METRICS if "rf" not in name and name != "sap_trees"]
    return ["factor_vae", "beta_vae", "sap", "sap_continuous", "mig", "modularity", "explicitness"]


@pytest.mark.parametrize(
    "categories", [[True, False, False], [0.7], [None], [[0]], np.array([True]), ["shape"], [3], [-1]]
)
def test_categories_are_numbers_or_names_of_factors(categories: Any) -> None:
    with pytest.raises(
        ValueError, match=r"categories must be a list of whole numbers|category -?[0-9]: the factors are"
    ):
        score(Z, F, categories=categories)


def test_categories_and_depths_that_are_meant() -> None:
    columns = {"a": F[:, 0], "b": F[:, 1], "c": F[:, 2]}
    assert score(Z, columns, categories=["b"], metrics=FAST) == score(Z, F, categories=np.int64(1), metrics=FAST)
    for depths in ([0.5, 1, 2], [True, True, True], [0, 1, 1]):
        with pytest.raises(ValueError, match="depths must be"):
            score(Z, F, depths=depths)
    constant = np.column_stack([F[:, 0], np.ones(500), F[:, 1:]])
    alone = score(Z, F, depths=[2, 3, 4], metrics=["dci"])
    assert score(Z, constant, depths=[2, 9, 3, 4], metrics=["dci"]) == alone
    for depths, told in (([2, 3, 4], "3 depths for 4"), (2, "1 depths for 4"), ([], "0 depths for 4")):
        with pytest.raises(ValueError, match=f"{told} factors: give one for each, also for those left out"):
            score(Z, constant, depths=depths, metrics=["mig"])  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=told):
            compare(Z, Z, constant, depths=depths, metrics=["mig"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="protocol carbonneau takes no depths"):
        compare(Z, Z, F, depths=[2, 3, 4], protocol="carbonneau")


@pytest.mark.parametrize("seed", [0, np.int64(0), None, np.random.default_rng(0)])
def test_a_seed_is_a_generator(seed: Any) -> None:
    names = ["factor_vae", "infom"]
    assert score(Z, F, rng=seed, metrics=names) == score(Z, F, metrics=names)


@pytest.mark.parametrize("seed", [-1, True, 0.5, "0", np.random.RandomState(0)])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match="rng must be a numpy Generator or a seed"):
        score(Z, F, rng=seed)


@pytest.mark.parametrize("scored", [score, score_disentanglement_lib, score_carbonneau])
def test_a_misspelt_metric_is_always_said(scored: Any) -> None:
    for factors in (F, np.ones((500, 3)), np.full((500, 3), np.nan)):
        with pytest.raises(ValueError, match="no metric 'mgi'; perhaps 'mig'"):
            scored(Z, factors, metrics=["mgi"])
    for name, said in ((3, "no metric 3"), (["mig"], r"no metric \['mig'\]; perhaps 'mig'"), (None, "no metric None")):
        with pytest.raises(ValueError, match=said):
            scored(Z, F, metrics=[name])
    with pytest.raises(ValueError, match="no metric 'MIG'; perhaps 'mig'"):
        scored(Z, F, metrics=["MIG"])


def test_of_many_names_the_nearest_are_listed() -> None:
    named = {f"factor_{k}": F[:, 0] for k in range(40)}
    with pytest.raises(ValueError, match=r"or of the names factor_7, \w+, \w+, …, got 'factor7'"):
        score(Z, named, categories=["factor7"])


def test_an_index_that_pandas_saved_is_no_column(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame(F, columns=list("abc")).to_csv(tmp_path / "a.csv")
    saved = pandas.read_csv(tmp_path / "a.csv")
    for codes, factors, what in ((Z, saved, "factors"), (saved, F, "codes"), (Z, dict(saved), "factors")):
        with pytest.raises(ValueError, match=f"{what}: the column 'Unnamed: 0' is a pandas index that was saved"):
            score(codes, factors)
    assert score(Z, saved.drop(columns="Unnamed: 0"), metrics=["mig"]) == score(
        Z, pandas.DataFrame(F, columns=list("abc")), metrics=["mig"]
    )


def test_one_constant_factor_does_not_refuse_the_others() -> None:
    constant = np.column_stack([np.full(500, 7), F])
    for scored in (score, score_disentanglement_lib, score_carbonneau):
        names = ["mig", "modularity"]
        found = scored(Z, constant, metrics=names)
        assert found == scored(Z, F, metrics=names)
        assert found.left_out == {"0": "factor 0 takes one value only"}
    # constant where another is missing: the row count decides, and the rows come back
    partly = F.astype(float)
    partly[:, 0] = np.where(np.arange(500) < 400, np.nan, 1.0)
    assert score(Z, partly, metrics=["mig"]) == score(Z, F[:, 1:], metrics=["mig"])


def test_codes_that_are_none() -> None:
    for codes, said in (
        (Z + 0j, "codes must be real numbers, got complex128"),
        (Z.astype("M8[s]"), "codes must be real numbers"),
        (np.full(F.shape, "x"), "codes must be real numbers"),
        (Z[:, 0], r"one code is a column, x\[:, None\]"),
        ([[1, 2], [3]], "codes must be a table of numbers"),
        (np.where(Z > 3, np.inf, Z), "codes contain NaN or infinity"),
        (Z[:0], "non-empty"),
        ([[1.0, None]] * 500, "codes contain NaN or infinity, or are missing"),
        (None, r"codes must be a table \(N, D\), got a single NoneType"),
        ("codes.npz", r"codes must be a table \(N, D\), got a single str"),
        ((z for z in Z), r"codes must be a table \(N, D\), got a single generator"),
    ):
        with pytest.raises(ValueError, match=said):
            score(codes, F)


def test_factors_that_are_none() -> None:
    for factors, said in (
        (F + 1j, "factor 0 holds complex numbers"),
        ((F + 1j).astype(object), "complex numbers"),
        (F[:, 0], r"factors must have shape \(N, K\), got \(500,\): one factor is a column"),
        (F[:-1], "codes have 500 rows and factors 499: rows are points, the same in both$"),
        (F[:, :0], "they have no column: give at least one"),
        (None, r"factors must be a table \(N, K\), got a single NoneType"),
        (np.where(F == 3, np.inf, F), "factor 0 contains infinity"),
        ({"a": F[:, 0], "b": F[:9, 1]}, "factors: column 'b' has 9 rows and codes 500"),
        ({"a": F[:9, 0], "b": F[:, 1]}, "factors: column 'a' has 9 rows and codes 500"),
        ({}, "factors must have shape"),
    ):
        with pytest.raises(ValueError, match=said):
            score(Z, factors)


# ---- cost


def test_what_takes_long_is_said_before_and_not_computed_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("idgan_sc.metrics.cost.LIMIT", 1e-9)
    found = score(Z, F, depths=[1, 1, 1])
    assert set(found.refused) == {"explicitness", "dci", "dci_completeness", "dci_rf"}
    assert "ask for it by name in `metrics`, or take 'dci_lasso'" in found.refused["dci"]
    assert "dci_lasso" in found.values
    monkeypatch.setattr("idgan_sc.metrics.cost.WORTH_SAYING", 1e-9)
    capsys.readouterr()
    assert score(Z, F, depths=[1, 1, 1], metrics=["dci"]).values
    said = capsys.readouterr().err
    assert said.startswith("these scores take long: dci about")
    assert "cheaper: 'dci_lasso'" in said
    assert "factor by factor: 3 of 3" in said


def test_a_thousand_classes_are_announced_in_minutes() -> None:
    from idgan_sc.metrics import cost

    assert cost.INFOGAN_CR["explicitness"](10_000, 3, 1, [1000]) > cost.LIMIT
    assert cost.forests([4] * 5)(10**6, 10, 5, [9] * 5) > cost.LIMIT
    assert cost.INFOGAN_CR["explicitness"](73_728, 10, 5, [3, 6, 40, 32, 32]) < cost.LIMIT
    assert cost.forests([4, 2, 4, 2, 2])(73_728, 10, 5, [3, 6, 40, 32, 32]) < cost.LIMIT  # dSprites' own
    assert cost.INFOGAN_CR["explicitness"](500, 5, 5, [3, 6, 40, 32, 32]) < cost.WORTH_SAYING


# ---- the result


def test_the_result_prints_and_becomes_a_frame() -> None:
    pandas = pytest.importorskip("pandas")
    found = score(Z, np.column_stack([F, np.ones(500)]), metrics=["mig", "modularity", "dci"])
    lines = str(found).splitlines()
    assert lines[0] == "500 points, 3 factors"
    assert "  left out: factor 3 takes one value only" in lines
    assert [line for line in lines if not line.startswith(" ")][1:] == ["modularity", "compactness", "refused"]
    frame = found.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["metric"].tolist() == ["modularity", "mig", "dci"]
    assert frame["value"].tolist()[:2] == [found.values["modularity"], found.values["mig"]]
    assert "depths" in frame["note"].tolist()[2]
    values, refused = found
    assert (values, refused) == (found.values, found.refused)


def test_few_points_are_warned_of_with_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    from idgan_sc.metrics import small_samples

    monkeypatch.setattr(small_samples, "MEASURED", {"mig": {100: (0.2, 0.04), 1000: (0.01, 0.01)}})
    with pytest.warns(UserWarning, match=r"few points \(100\) for mig: with 100 points its bias was \+0.20"):
        assert score(Z[:100], F[:100], metrics=["mig", "sap"]).cautions.keys() == {"mig"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score(Z, F, metrics=["mig"]).cautions == {}


# ---- whatever comes


def messy(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A few points with codes and factors of any kind, some constant, missing, rare or large."""
    n, d, k = int(draw.choice([1, 2, 3, 5, 12, 60])), int(draw.integers(1, 4)), int(draw.integers(1, 4))
    base = draw.integers(0, 3, size=(k, n))
    kinds: list[Any] = [
        lambda b: b,
        lambda b: b / 2 + draw.normal(size=n),
        lambda b: b > 0,
        lambda b: np.array(["a", "b", "c"])[b],
        lambda b: np.ones(n),
        lambda b: np.array([None if x == 0 else int(x) for x in b], dtype=object),
        lambda b: np.where(b == 0, np.nan, b),
        lambda b: (np.arange(n) == 0) * 1,
        lambda b: b + 2**60,
        lambda b: np.full(n, None),
        lambda b: np.array([f"x{i}" for i in range(n)]),
    ]
    columns = [kinds[draw.integers(len(kinds))](b).astype(object) for b in base]
    codes = draw.normal(size=(n, d))
    codes[:, 0] = codes[:, 0] * draw.choice([0, 1e-3, 1, 1e20])
    return codes, np.stack(columns, axis=1)


@pytest.mark.parametrize("scored", [score, score_disentanglement_lib, score_carbonneau])
@pytest.mark.filterwarnings("ignore:few points")
def test_every_metric_is_scored_or_refused_whatever_comes(scored: Any) -> None:
    names = [name for name in cheap(scored) if name not in ("z_diff", "beta_vae", "explicitness")]
    for seed in range(25):
        found = scored(*messy(np.random.default_rng(seed)), metrics=names)
        assert set(found.values) | set(found.refused) == set(names)
        assert not set(found.values) & set(found.refused)
        assert str(found)
        for name, value in found.values.items():
            low = -0.5 if name.startswith("z_") else -1e-9
            assert low <= value <= 1 + 1e-9 or name in ("total_correlation", "irs"), (seed, name, value)


def test_an_error_without_words_is_a_reason_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from idgan_sc.metrics import scoring

    def broken(_: Any) -> float:
        raise AssertionError

    monkeypatch.setitem(scoring.METRICS, "mig", broken)  # type: ignore[arg-type]
    found = score(Z, F, metrics=["mig", "sap"])
    assert found.refused == {"mig": "it fails on these codes (AssertionError: AssertionError)"}
    assert found.values == score(Z, F, metrics=["sap"]).values
