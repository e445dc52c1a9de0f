"""A user's arrays -> what the metrics take: the one place that reads codes and factors, whatever holds them.

Lists, NumPy arrays (masked, structured, of any kind), pandas and polars frames, dictionaries of columns, sparse
matrices and torch tensors; nothing is imported for them. Each factor becomes class numbers, which are exact, and
values. What is guessed is told: every factor's kind, what is left out, and why.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from operator import index
from typing import Any, NamedTuple

import numpy as np

from idgan_sc.metrics.checks import Array, finite
from idgan_sc.metrics.information import binned, unit_binned

REPEATS = 10  # a factor of numbers with fewer points than this per distinct value is taken as continuous
EXACT = 2**53  # integers beyond it are told apart by their distance from the smallest
MISSING = {"", "nan", "na", "n/a", "<na>", "none", "null", "nat"}  # as strings, in any case
NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")


class Column(NamedTuple):
    """One factor's cells: class numbers and values of those that are there, and which are missing."""

    ranks: Array  # (N,) number of the value in order, from 0; -1 where missing
    values: Array  # (N,) float64; NaN where missing
    kind: str  # number, yes or no, or category


@dataclass(frozen=True)
class Points:
    """Codes and factors of the points that have all their factors."""

    codes: Array  # (N, D)
    ranks: Array  # (N, K) class numbers in the order of the values
    values: Array  # (N, K)
    names: tuple[str, ...]  # of the factors: the numbers of the columns, if they have none
    every: tuple[str, ...]  # all factors' names, those left out too
    kinds: tuple[str, ...]  # number, yes or no, category, or continuous
    left_out: Mapping[str, str]  # factors that are not scored, and why
    missing: int  # rows left out because a factor is missing

    @property
    def categories(self) -> tuple[int, ...]:
        return tuple(k for k, kind in enumerate(self.kinds) if kind == "category")

    @property
    def continuous(self) -> tuple[int, ...]:
        return tuple(k for k, kind in enumerate(self.kinds) if kind == "continuous")

    def classes(self) -> Array:
        """Integer classes (N, K): a factor's distinct values in order, or its 20 bins if it is continuous."""
        return self._classes(lambda column: binned(column))

    def review_classes(self, bins: int) -> Array:
        """The same with the review's bins."""
        return self._classes(lambda column: unit_binned(column, bins))

    def _classes(self, bins_of: Any) -> Array:
        columns = [bins_of(self.values[:, k]) if k in self.continuous else rank for k, rank in enumerate(self.ranks.T)]
        return np.stack(columns, axis=1) if columns else np.empty((len(self.codes), 0), np.int64)

    def some(self, rows: Array) -> "Points":
        """Some of the points; kinds stay, values that are gone leave no gap."""
        ranks = [np.unique(column, return_inverse=True)[1] for column in self.ranks[rows].T]
        stacked = np.stack(ranks, axis=1) if ranks else self.ranks[rows]
        return replace(self, codes=self.codes[rows], ranks=stacked, values=self.values[rows])


def read(codes: Any, factors: Any, categories: Any = ()) -> Points:
    """The points of codes (N, D) and factors (N, K) that can be scored.

    `categories` are the numbers or names of the factors that are categories: never continuous, their numbers names.
    A factor with one value is left out and named, and so is a row with a missing factor.

    Raises
    ------
    ValueError
        If anything is no table of numbers, its rows do not match, or a factor's cells are of several kinds.
    """
    array = read_codes(codes)
    names, cells = _table(factors)
    if not cells or any(len(column) != len(array) for column in cells):
        shape = (len(cells[0]) if cells else 0, len(cells))
        raise ValueError(f"factors must have shape ({len(array)}, K), got {shape}")
    if _index(codes) is not None and _index(factors) is not None and not _index(codes).equals(_index(factors)):
        raise ValueError("codes and factors have different indices: align their rows, or give both as arrays")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two factors are called {twice[0]!r}: rename one")
    declared = set(numbers(categories, "categories", len(cells), names))
    columns = [read_column(column, label(names[k]), k in declared) for k, column in enumerate(cells)]
    return _complete(array, columns, names)


def label(name: str) -> str:
    """How messages call a factor: by its number, or its name in quotes."""
    return f"factor {name}" if name.isdigit() else f"factor {name!r}"


def read_codes(codes: Any) -> Array:
    """Read codes as an array of real numbers.

    Codes (N, D) as an array of real numbers, all finite and none masked or missing.
    """
    array = _array(codes)
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise ValueError("codes are masked at some points: leave those rows out of codes and factors")
        array = array.data
    if array.dtype.kind in "OUSMm" and array.size and any(_absent(cell) for cell in array.ravel()):
        raise ValueError("codes contain NaN or infinity, or are missing at some points: leave those rows out")
    if array.dtype.kind in "cMm" or array.dtype.kind == "V":
        raise ValueError(f"codes must be real numbers, got {array.dtype}")
    if array.ndim == 1 and array.size:
        raise ValueError(f"codes must have 2 non-empty axes, got shape {array.shape}: one code is a column, z[:, None]")
    return finite(array.astype(np.float64) if array.dtype == np.longdouble else array)


def read_column(cells: Any, name: str, declared: bool = False) -> Column:
    """Read one factor's cells as class numbers and values.

    One factor's cells (N,) as class numbers and values; `declared` says that it is a category.
    """
    values, missing, natural = _cells(cells)
    present = values[~missing]
    kind = "category" if natural else "number"
    if present.dtype.kind == "c":
        raise ValueError(f"{name} holds complex numbers: give real and imaginary part as two factors")
    if present.dtype.kind in "OUS":
        present, kind = _parsed(present, np.flatnonzero(~missing), name, declared or natural)
    elif present.dtype.kind == "b":
        kind = "yes or no"
    elif present.dtype.kind in "Mm":
        present = present.view(np.int64)
    elif present.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be numbers, names, or yes or no, got {present.dtype}")
    if present.dtype.kind == "f" and np.isinf(present).any():
        raise ValueError(f"{name} contains infinity")
    known, inverse = np.unique(present, return_inverse=True)
    kind = "category" if declared else kind
    ranks = np.full(len(missing), -1, dtype=np.int64)
    ranks[~missing] = inverse.ravel()
    numbers_of = np.arange(len(known), dtype=np.float64) if kind == "category" else _floats(known)
    filled = np.full(len(missing), np.nan)
    filled[~missing] = numbers_of[inverse.ravel()]
    return Column(ranks, filled, kind)


def numbers(given: Any, what: str, count: int | None = None, names: Sequence[str] = ()) -> tuple[int, ...]:
    """Read whole numbers that an argument holds.

    Whole numbers, one or several, as the argument `what` has them; below `count`, or the names of what they number.

    Raises
    ------
    ValueError
        If one is no whole number (truth values are none), too large, or no name that is there.
    """
    listed = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    return tuple(_number(one, what, count, names) for one in listed)


def _number(one: Any, what: str, count: int | None, names: Sequence[str]) -> int:
    if isinstance(one, str) and one in names:
        return list(names).index(one)
    try:
        if isinstance(one, bool | np.bool_):
            raise TypeError
        number = index(one.item() if isinstance(one, np.ndarray) and one.ndim == 0 else one)
    except TypeError:
        known = f", or of the names {', '.join(names)}" if any(not name.isdigit() for name in names) else ""
        raise ValueError(f"{what} must be a list of whole numbers such as [0]{known}, got {one!r}") from None
    if count is not None and not 0 <= number < count:
        singular = {"categories": "category"}.get(what, what)
        raise ValueError(f"{singular} {number}: the factors are numbered 0 to {count - 1}")
    return number


# ---- what holds the arrays


def _array(holder: Any) -> Any:
    """A tensor, sparse matrix, frame or list as an array."""
    if isinstance(holder, np.ndarray):
        return holder
    if hasattr(holder, "detach"):  # a torch tensor, which may want gradients, or lie on a GPU
        holder = holder.detach().cpu()
        holder = holder.float() if "bfloat16" in str(holder.dtype) else holder
        return holder.resolve_conj().numpy() if hasattr(holder, "resolve_conj") else holder.numpy()
    if hasattr(holder, "toarray"):  # a sparse matrix
        return np.asarray(holder.toarray())
    if hasattr(holder, "to_numpy"):
        return np.asarray(holder.to_numpy())
    if isinstance(holder, list | tuple) and any(hasattr(one, "detach") for one in holder):
        holder = [_array(one) for one in holder]
    try:
        return np.asarray(holder)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"codes must be a table of numbers: {str(error).splitlines()[0]}") from error


def _table(factors: Any) -> tuple[tuple[str, ...], list[Any]]:
    """The names and the columns of factors, whatever holds them."""
    if isinstance(factors, Mapping):
        return tuple(map(str, factors)), [np.ma.asanyarray(_listed(column)) for column in factors.values()]
    if hasattr(factors, "iloc") and hasattr(factors, "columns"):  # pandas
        return tuple(map(str, factors.columns)), [factors.iloc[:, k] for k in range(factors.shape[1])]
    if hasattr(factors, "get_column"):  # polars
        return tuple(map(str, factors.columns)), [_objects(factors[name].to_list()) for name in factors.columns]
    tensors = isinstance(factors, list | tuple) and any(hasattr(one, "detach") for one in factors)
    array = _objects(factors) if isinstance(factors, list | tuple) and not tensors else _array(factors)
    if array.dtype.names:
        return tuple(array.dtype.names), [array[name] for name in array.dtype.names]
    if array.ndim != 2:
        mend = ": one factor is a column, y[:, None]" if array.ndim == 1 else ""
        raise ValueError(f"factors must have shape (N, K), got {array.shape}{mend}")
    return tuple(str(k) for k in range(array.shape[1])), list(array.T)


def _listed(column: Any) -> Any:
    return _objects(column) if isinstance(column, list | tuple) else _array(column)


def _objects(rows: Any) -> Array:
    """Nested lists as an array of the objects themselves: NumPy alone would turn 3 beside "a" into "3"."""
    try:
        return np.array(rows, dtype=object)
    except ValueError as error:
        raise ValueError(f"factors must have shape (N, K), got rows of several lengths: {error}") from error


def _index(frame: Any) -> Any:
    found = getattr(frame, "index", None)
    return found if hasattr(found, "equals") else None


def _cells(cells: Any) -> tuple[Array, Array, bool]:
    """A column's cells (N,), which are missing, and whether its type says that it is a category."""
    if hasattr(cells, "isna"):  # pandas, extension types included
        missing = cells.isna().to_numpy()
        if hasattr(cells, "cat"):
            return cells.cat.codes.to_numpy(), missing, True
        values = np.zeros(len(cells), dtype=object)
        values[~missing] = cells[~missing].to_numpy()
        present = cells[~missing].to_numpy()
        whole = values if present.dtype == object else np.zeros(len(cells), dtype=present.dtype)
        whole[~missing] = present
        return whole, missing, False
    mask = np.ma.getmaskarray(cells)
    array = np.ma.getdata(cells)
    if array.dtype.kind in "fc":
        return array, mask | np.isnan(array), False
    if array.dtype.kind in "mM":
        return array, mask | np.isnat(array), False
    if array.dtype.kind in "OUS":
        return array, mask | np.array([_absent(cell) for cell in array], dtype=bool), False
    return array, mask, False


def _absent(cell: Any) -> bool:
    """Whether a cell is None, NaN, a library's own missing value, or a string that means one."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    if cell is None or cell is np.ma.masked or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return bool(isinstance(cell, float | np.floating | Decimal) and cell != cell)


def _parsed(cells: Array, rows: Array, name: str, declared: bool) -> tuple[Array, str]:
    """Cells (n,) of strings and other objects as numbers if all are, as names if most are names."""
    plain = [_plain(cell) for cell in cells]
    readable = np.array([not isinstance(cell, str) for cell in plain], dtype=bool)
    if readable.all():
        truths = bool(plain) and all(isinstance(cell, bool | np.bool_) for cell in plain)
        return _numbers(plain), "yes or no" if truths else "number"
    if not declared and 2 * readable.sum() > len(cells):
        first = int(np.flatnonzero(~readable)[0])
        raise ValueError(
            f"{name}, row {rows[first]}: {plain[first]!r} is no number, as most of its cells are: mend it, or name the "
            f"factor in `categories`"
        )
    if readable.any():  # names among which some look like numbers
        plain = [cell.decode() if isinstance(cell, bytes) else str(cell) for cell in cells]
    order = {cell: rank for rank, cell in enumerate(sorted(set(plain)))}
    return np.array([order[cell] for cell in plain], dtype=np.int64), "category"


def _plain(cell: Any) -> Any:
    """A number as it is, a string that spells one as that number, and anything else as a string."""
    if isinstance(cell, np.ndarray) or hasattr(cell, "detach"):
        cell = _array(cell).item()
    if isinstance(cell, bytes):
        cell = cell.decode(errors="backslashreplace")
    if isinstance(cell, str):
        stripped = cell.strip()
        if WHOLE.fullmatch(stripped):
            return int(stripped)
        return float(stripped) if NUMBER.fullmatch(stripped) else cell
    if isinstance(cell, complex | np.complexfloating):
        raise ValueError("factors hold complex numbers: give real and imaginary part as two factors")
    return cell if isinstance(cell, bool | int | float | np.number | np.bool_ | Decimal | Fraction) else str(cell)


def _numbers(cells: list[Any]) -> Array:
    """Python numbers as an array that keeps different ones apart: whole numbers as objects if 64 bits are too few."""
    if all(isinstance(cell, bool | int | np.integer | np.bool_) for cell in cells):
        whole = [int(cell) for cell in cells]
        fits = all(-(2**63) <= cell < 2**63 for cell in whole)
        return (
            np.array(whole, dtype=np.int64) if fits else np.array([cell - min(whole) for cell in whole], dtype=object)
        )
    return np.array([float(cell) for cell in cells])


def _floats(known: Array) -> Array:
    """Sorted distinct values as float64; large whole numbers by their distance from the smallest."""
    if known.dtype.kind in "iuO" and len(known) and max(abs(int(known[0])), abs(int(known[-1]))) > EXACT:
        return np.array([float(int(value) - int(known[0])) for value in known])
    return known.astype(np.float64)


# ---- what can be scored


def _complete(codes: Array, columns: list[Column], names: tuple[str, ...]) -> Points:
    """Factors with several values, on the rows that have all of them; one that these rows leave constant goes too."""
    left_out: dict[str, str] = {}
    kept = list(range(len(columns)))
    while True:
        whole = np.ones(len(codes), dtype=bool)
        for k in kept:
            whole &= columns[k].ranks >= 0
        gone = [k for k in kept if _values(columns[k]) < 2 or (whole.sum() > 1 and _values(columns[k], whole) < 2)]
        if not gone:
            break
        alone = [k for k in gone if _values(columns[k]) < 2] or gone[:1]  # its rows may come back without it
        for k in alone:
            left_out[names[k]] = f"{label(names[k])} " + (
                "takes one value only" if _values(columns[k]) else "has no value at all"
            )
        kept = [k for k in kept if k not in alone]
    named = [(names[k], columns[k]) for k in kept]
    return _points(codes, named, left_out, whole, names)


def _points(
    codes: Array, named: list[tuple[str, Column]], left_out: dict[str, str], whole: Array, every: tuple[str, ...]
) -> Points:
    names, columns = [name for name, _ in named], [column for _, column in named]
    ranks = [np.unique(column.ranks[whole], return_inverse=True)[1] for column in columns]
    values = [column.values[whole] for column in columns]
    kinds = [_kind(column.kind, rank) for column, rank in zip(columns, ranks, strict=True)]
    n = int(whole.sum())
    return Points(
        codes=codes[whole],
        ranks=np.stack(ranks, axis=1) if ranks else np.empty((n, 0), np.int64),
        values=np.stack(values, axis=1) if values else np.empty((n, 0)),
        names=tuple(names),
        every=every,
        kinds=tuple(kinds),
        left_out=left_out,
        missing=len(codes) - n,
    )


def _kind(kind: str, ranks: Array) -> str:
    many = len(ranks) > 0 and (int(ranks.max()) + 1) * REPEATS > len(ranks)
    return "continuous" if kind == "number" and many else kind


def _values(column: Column, rows: Array | None = None) -> int:
    ranks = column.ranks if rows is None else column.ranks[rows]
    return len(np.unique(ranks[ranks >= 0]))
