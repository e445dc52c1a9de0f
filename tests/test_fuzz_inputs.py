"""Anything at all as tables, arrays and the referee's files: it is read as it is meant, or refused in one line."""

import io
import math
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from idgan_sc.data.arrays import ArrayFile
from idgan_sc.data.table import read_factors
from idgan_sc.evaluation.scorer import Own
from idgan_sc.files import DataError
from idgan_sc.metrics import referee, score
from idgan_sc.metrics.column import MISSING, Column, _number, absent, read_column

FAST = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
SLOW = settings(FAST, max_examples=40)
NUMBERS = st.one_of(
    st.integers(-20, 20),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000),
    st.fractions(max_denominator=50),
)
SPELT = st.one_of(
    NUMBERS.map(str),
    st.sampled_from(["1", "1.0", " 1", "+1", "1e0", "01", "1_0", "1,0", "٣", "inf", "-inf", "0x1", "1e400", "1e-400"]),
    st.sampled_from(
        ["true", "False", "yes", "NO", "2024-02-29", "2023-02-29", "2024-02-29 12:00", "2024-02-29T12:00Z"]
    ),
    st.sampled_from([*MISSING, "NaN", " ", "None", "\t"]),
    st.text(string.printable, max_size=6),
    st.text(max_size=4),
)
CELLS = st.one_of(
    NUMBERS,
    SPELT,
    st.none(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.complex_numbers(),
    st.binary(max_size=3),
    st.sampled_from([math.nan, math.inf, np.nan, np.float32(1), np.int8(1), np.datetime64("2020-01-01"), np.ma.masked]),
    st.tuples(st.integers()),
)
COLUMNS = st.one_of(
    *(st.lists(kind, min_size=2, max_size=12) for kind in (CELLS, NUMBERS, SPELT, st.booleans(), st.dates(), st.text()))
)


def objects(cells: list[Any]) -> np.ndarray:
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def one_line(error: Exception) -> None:
    words = str(error)
    assert words and "\n" not in words.strip()
    assert len(words) < 500


def check_column(column: Column, cells: list[Any]) -> None:
    """Equal cells are one class, classes are numbered in the order of their values, and each has a label."""
    there = np.array([not absent(cell) for cell in cells], dtype=bool)
    np.testing.assert_array_equal(column.ranks >= 0, there)
    np.testing.assert_array_equal(np.isnan(column.values), ~there)
    count = int(column.ranks.max(initial=-1)) + 1
    assert set(column.ranks[there].tolist()) == set(range(count))
    assert len(column.labels) == count
    values = [column.values[column.ranks == rank][0] for rank in range(count)]
    assert values == sorted(values)
    known: dict[int, Any] = {}
    for rank, cell in zip(column.ranks.tolist(), cells, strict=True):
        if rank >= 0 and column.kind == "number" and (number := _number(cell)) is not None:
            assert known.setdefault(rank, number) == number  # two numbers in one class are equal, to the last digit


@FAST
@given(COLUMNS, st.sampled_from(["", "category", "number"]))
@example([True, 1], "")
@example(["a", "a "], "category")
@example([2**53, 2**53 + 1, 0.5], "")
@example(["1.0000000000000000001", "1"], "")
def test_a_column_of_anything_is_read_or_refused(cells: list[Any], declared: str) -> None:
    try:
        column = read_column(objects(cells), "factor 'a'", declared)
    except ValueError as error:
        one_line(error)
        return
    check_column(column, cells)


@FAST
@given(COLUMNS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_class(cells: list[Any], random: Any) -> None:
    order = list(range(len(cells)))
    random.shuffle(order)
    try:
        column = read_column(objects(cells), "factor")
    except ValueError:
        with pytest.raises(ValueError):
            read_column(objects([cells[i] for i in order]), "factor")
        return
    again = read_column(objects([cells[i] for i in order]), "factor")
    np.testing.assert_array_equal(column.ranks[order], again.ranks)
    assert column.kind == again.kind


TYPES = ["i1", "u1", "i8", "u8", "f2", "f4", "f8", "g", "c8", "?", "M8[D]", "m8[s]", "U3", "S3", "O", "V4"]


@SLOW
@given(st.sampled_from(TYPES), st.sampled_from(TYPES), st.integers(0, 3), st.integers(1, 4), st.data())
def test_arrays_of_any_type_and_shape_are_scored_or_refused(a: str, b: str, d: int, k: int, data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    n = data.draw(st.sampled_from([0, 1, 2, 30]))
    codes = rng.integers(0, 9, (n, d) if data.draw(st.booleans()) else (n,)).astype("i8").astype(a, casting="unsafe")
    factors = rng.integers(0, 3, (n, k)).astype("i8").astype(b, casting="unsafe")
    if data.draw(st.booleans()):
        factors = np.ma.masked_array(factors, rng.random(factors.shape) < 0.2)
    try:
        found = score(codes, factors, metrics=["mig", "sap", "factor_vae", "mcc_pearson"])
    except ValueError as error:
        one_line(error)
    else:
        assert all(np.isfinite(value) for value in found.values.values())
        str(found)


HEADERS = ["file,a,b", "file,a", "a,file", "", "file", "file,a,a", "\ufefffile,a"]
ROWS = st.lists(st.lists(SPELT, min_size=0, max_size=4), max_size=6)


@FAST
@given(rows=ROWS, comma=st.sampled_from(",;\t|"), header=st.sampled_from(HEADERS))
def test_a_table_of_anything_is_read_or_refused(rows: list[list[str]], comma: str, header: str, tmp_path: Path) -> None:
    lines = [header.replace(",", comma), *(comma.join([f"{i}.png", *row]) for i, row in enumerate(rows))]
    (tmp_path / "factors.csv").write_text("\n".join(lines), encoding="utf-8", newline="")
    check_table(tmp_path, [f"{i}.png" for i in range(len(rows))])


@FAST
@given(noise=st.binary(max_size=60), at=st.integers(0, 60))
def test_a_table_with_damaged_bytes_is_read_or_refused(noise: bytes, at: int, tmp_path: Path) -> None:
    whole = b"file,a,b\n0.png,1,x\n1.png,2,y\n2.png,1,x\n"
    (tmp_path / "factors.csv").write_bytes(whole[:at] + noise + whole[at:])
    check_table(tmp_path, ["0.png", "1.png", "2.png"])


def check_table(folder: Path, files: list[str]) -> None:
    try:
        found = read_factors(folder / "factors.csv", folder, files)
    except DataError as error:
        one_line(error)
        return
    assert found.factors is not None and found.classes is not None and found.classes.shape[0] == len(files)
    for k, values in enumerate(found.factors.values):
        assert list(values) == sorted(set(values)) and len(values) == found.factors.sizes[k]
        assert all(math.isfinite(value) for value in values)
        assert set(found.classes[:, k].tolist()) == set(range(len(values)))


@SLOW
@given(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=20, max_size=30))
def test_a_table_gives_the_scores_of_its_numbers(rows: list[list[Any]]) -> None:
    class Stored:  # as the data set on disk has a table's classes and values
        factor_names, discrete, classes = ("a", "b"), (), np.zeros((len(rows), 2))

        def values(self, _: Any) -> np.ndarray:
            columns = [read_column(objects([str(row[k]) for row in rows]), "a") for k in (0, 1)]
            return np.stack([column.values for column in columns], axis=1)

    codes = np.random.default_rng(0).normal(size=(len(rows), 2))
    try:
        plain = score(codes, rows, metrics=["mig", "modularity"])
        own = Own(Stored(), np.arange(len(rows)), [0]).scores(codes, 0, ["mig", "modularity"])  # type: ignore[arg-type]
    except ValueError as error:
        one_line(error)
        return
    assert own == pytest.approx(plain.values, abs=1e-12)


TINY = referee.Sizes(6, 4, 20, 20, 6, 4, 4, 20, 20, 20, 20, 20, (4, 4))


@SLOW
@given(data=st.data())
def test_the_referees_files_are_refereed_or_refused_by_name(data: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(referee, "PROTOCOLS", {"infogan_cr": referee.PROTOCOLS["infogan_cr"][:5]})
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    n, k = data.draw(st.sampled_from([0, 2, 24])), data.draw(st.sampled_from([1, 2, 5]))
    shape = data.draw(st.sampled_from([(n, k), (n,), (n + 1, k), (n, k, 1)]))
    kinds = st.sampled_from(["i8", "f4", "U2", "?", "c8", "M8[D]", "S2"])
    arrays = {
        "codes": rng.integers(0, 9, (n, data.draw(st.integers(0, 3)))).astype(data.draw(kinds)),
        "factors": rng.integers(0, 3, shape).astype("i8").astype(data.draw(kinds)),
        "depths": np.array(data.draw(st.sampled_from([[2] * k, [2], [0.5] * k, [], [[2] * k], ["2"] * k]))),
        "forest_depths": np.full(k, 2),
        "discrete": np.array(data.draw(st.sampled_from([[], [0], [9], [0.5], [-1]]))),
        "values": rng.normal(size=data.draw(st.sampled_from([(n, k), (n, k + 1), (1,)]))),
    }
    for name in data.draw(st.sets(st.sampled_from([*arrays]))):
        del arrays[name]
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    whole = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "one.npz").write_bytes(whole)
    try:
        referee._referee_file(tmp_path / "one.npz", sizes=TINY)
    except ValueError as error:
        assert "one.npz" in str(error)
        one_line(error)


def test_any_byte_of_an_archive_may_be_damaged(tmp_path: Path) -> None:
    """Each byte of an `.npz` changed in turn: both readers read it, or refuse it in one line that names the file."""
    buffer, path = io.BytesIO(), tmp_path / "one.npz"
    np.savez(buffer, codes=np.ones((2, 1)), factors=np.zeros((2, 1), int))
    whole, refused = buffer.getvalue(), 0
    for place in range(len(whole)):
        for change in (1, 0x55):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
            for read in (referee._read, lambda path: [ArrayFile(path).whole(key) for key in ("codes", "factors")]):
                try:
                    read(path)
                except ValueError as error:
                    assert "one.npz" in str(error)
                    one_line(error)
                    refused += 1
    assert refused > len(whole)
