"""Read a user's codes and factors into arrays for the metrics.

All reading of codes and factors happens here. The input can be lists, NumPy arrays (masked, structured, of any
kind), pandas and polars frames, dictionaries of columns, sparse matrices or torch tensors. No library is
imported for them. Each factor becomes class numbers, which are exact, and values. Each guess is reported: the
kind of each factor, what is left out, and why.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import index
from typing import Any

import numpy as np

from idgan_sc.metrics.checks import Array, finite, listed
from idgan_sc.metrics.column import EXACT, Column, absent, read_column
from idgan_sc.metrics.information import binned, unit_binned

UNNAMED = re.compile(r"Unnamed: 0(\.\d+)*")  # what pandas calls a first column that has no name in the file
REPEATS = 10  # a factor of numbers with fewer points than this per distinct value is taken as continuous


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
    rows: Array  # (N,) which of the given rows are left

    @property
    def categories(self) -> tuple[int, ...]:
        return tuple(k for k, kind in enumerate(self.kinds) if kind == "category")

    @property
    def continuous(self) -> tuple[int, ...]:
        return tuple(k for k, kind in enumerate(self.kinds) if kind == "continuous")

    def classes(self) -> Array:
        """Return the integer classes (N, K) of the factors.

        A factor's classes are its distinct values in order. A continuous factor has 20 bins.
        """
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
        return replace(self, codes=self.codes[rows], ranks=stacked, values=self.values[rows], rows=self.rows[rows])

    def told(self) -> dict[str, str]:
        """What each factor was taken for, by its name."""
        counts = self.ranks.max(axis=0, initial=-1) + 1
        kinds = [f"{kind}, {count} values" for kind, count in zip(self.kinds, counts, strict=True)]
        return dict(zip(self.names, kinds, strict=True))


def read(codes: Any, factors: Any, categories: Any = (), called: str = "categories") -> Points:
    """The points of codes (N, D) and factors (N, K) that can be scored.

    `categories`, an argument that messages call `called`, are the numbers or names of the factors that are categories:
    never continuous, their numbers names.
    A factor with one value is left out and named, and so is a row with a missing factor.

    Raises
    ------
    ValueError
        If anything is no table of numbers, its rows do not match, or a factor's cells are of several kinds.
    """
    for what, held in (("codes", codes), ("factors", factors)):
        frame = hasattr(held, "columns") and (hasattr(held, "iloc") or hasattr(held, "get_column"))
        for name in index_columns(held.columns if frame else held if isinstance(held, Mapping) else ()):
            raise ValueError(f"{what}: the column {name!r} is a pandas index that was saved: leave it out")
    array = read_codes(codes)
    names, cells = _table(factors)
    if not cells:
        raise ValueError(f"factors must have shape ({len(array)}, K), and they have no column: give at least one")
    if any(len(column) != len(array) for column in cells):
        shape = (len(cells[0]), len(cells))
        raise ValueError(f"factors must have shape ({len(array)}, K), a row for each of the codes, got {shape}")
    if _index(codes) is not None and _index(factors) is not None and not _index(codes).equals(_index(factors)):
        raise ValueError("codes and factors have different indices: align their rows, or give both as arrays")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two factors are called {twice[0]!r}: rename one")
    declared = set(numbers(categories, called, len(cells), names))
    columns = [read_column(column, label(names[k]), k in declared) for k, column in enumerate(cells)]
    return _complete(array, columns, names)


def index_columns(names: Iterable[Any]) -> list[str]:
    """The columns that are an index which pandas saved with a table, and no data."""
    return [name for k, name in enumerate(map(str, names)) if UNNAMED.fullmatch(name) or not (name or k)][:1]


def label(name: str) -> str:
    """How messages call a factor: by its number, or its name in quotes."""
    return f"factor {name}" if name.isdigit() else f"factor {name!r}"


def read_codes(codes: Any) -> Array:
    """Read codes (N, D) as an array of finite real numbers.

    Raises
    ------
    ValueError
        If one is missing, masked, no real number, or so large that float64 makes two of them one; it names the first.
    """
    try:
        array = array_of(codes)
    except ValueError as error:
        raise ValueError(f"codes must be a table of numbers: {error}") from error
    if array.dtype.names:
        codes = {name: array[name] for name in array.dtype.names}
    if isinstance(codes, Mapping):
        array = _side_by_side(codes)
    if isinstance(array, np.ma.MaskedArray):
        _refuse_gaps(np.ma.getmaskarray(array), "are masked")
        array = np.ma.getdata(array)
    if array.ndim == 0:
        raise ValueError(f"codes must be a table of numbers (N, D), got a single {type(codes).__name__}")
    if array.dtype.kind in "OUSMm" and array.size:
        gone = np.array([absent(cell) for cell in array.ravel()], dtype=bool).reshape(array.shape)
        _refuse_gaps(gone, "contain NaN or infinity, or are missing,")
    if array.dtype.kind in "cMmV":
        raise ValueError(f"codes must be real numbers, got {array.dtype}")
    if array.ndim == 1 and array.size:
        raise ValueError(f"codes must have 2 non-empty axes, got shape {array.shape}: one code is a column, z[:, None]")
    read = _numeric(array)
    if read.ndim == 2:
        _refuse_gaps(~np.isfinite(read), "contain NaN or infinity")
        if array.dtype == np.longdouble or array.dtype.kind in "iuOUS":
            _refuse_merged(array, read)
    return finite(read)


def _numeric(array: Array) -> Array:
    if array.dtype.kind in "biuf" and array.dtype != np.longdouble:
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"codes must be real numbers, got {array.dtype}: {error}") from error


def _refuse_gaps(gone: Array, words: str) -> None:
    if gone.any():
        rows = np.unique(np.argwhere(gone)[:, 0])
        where = f"in {len(rows)} rows, first in row {rows[0]}"
        raise ValueError(f"codes {words} {where}: leave those rows out, of factors too")


def _refuse_merged(given: Array, read: Array) -> None:
    """Refuse columns of large or long numbers of which float64 makes two different ones one."""
    if not (read.size and np.abs(read).max() > EXACT) and given.dtype != np.longdouble:
        return
    for d, column in enumerate(given.T):
        exact = column.astype(np.float64) if given.dtype.kind in "US" else column
        if len(set(exact.tolist())) > len(np.unique(read[:, d].astype(np.float64))):
            raise ValueError(
                f"codes: column {d} has numbers that float64 cannot tell apart: subtract one that all of them hold"
            )


def _side_by_side(columns: Mapping[Any, Any]) -> Any:
    """Columns by name as one array (N, D)."""
    listed = [_listed(column) for column in columns.values()]
    if not listed or len({np.shape(column) for column in listed}) > 1:
        shapes = ", ".join(str(np.shape(column)) for column in listed) or "none"
        raise ValueError(f"codes must be columns of one length, got {shapes}")
    return np.ma.stack(listed, axis=1) if any(map(np.ma.isMaskedArray, listed)) else np.stack(listed, axis=1)


def numbers(given: Any, what: str, count: int | None = None, names: Sequence[str] = ()) -> tuple[int, ...]:
    """Read whole numbers that an argument holds.

    Whole numbers, one or several, as the argument `what` has them; below `count`, or the names of what they number.

    Raises
    ------
    ValueError
        If one is no whole number (truth values are none), too large, or no name that is there.
    """
    if isinstance(given, Mapping):
        raise ValueError(f"{what} must be a list, got {given!r}: its keys could be meant, or its values")
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
        known = f", or of the names {listed(one, names)}" if any(not name.isdigit() for name in names) else ""
        raise ValueError(f"{what} must be a list of whole numbers such as [0]{known}, got {one!r}") from None
    if count is not None and not 0 <= number < count:
        singular = {"categories": "category"}.get(what, what)
        raise ValueError(f"{singular} {number}: the factors are numbered 0 to {count - 1}")
    if str(number) in names and names[number] != str(number):
        raise ValueError(
            f"{what} {number}: that is the number of {label(names[number])} and the name of another: give the name, "
            f"{names[number]!r} or {str(number)!r}"
        )
    return number


# ---- what holds the arrays


def array_of(holder: Any) -> Any:
    """Turn a tensor, sparse matrix, frame or list into an array.

    The array is masked where a part of what is given is.

    Raises
    ------
    ValueError
        If it is none of them, or its rows have several lengths.
    """
    if isinstance(holder, np.ndarray):
        return np.asarray(holder) if isinstance(holder, np.matrix) else holder
    if hasattr(holder, "detach"):
        return _tensor(holder)
    if hasattr(holder, "toarray"):  # a sparse matrix
        return np.asarray(holder.toarray())
    if hasattr(holder, "to_numpy"):
        return np.asarray(holder.to_numpy())
    try:
        if isinstance(holder, list | tuple) and any(np.ma.isMaskedArray(one) for one in holder):
            return np.ma.array([np.ma.asanyarray(one) for one in holder])
        if isinstance(holder, list | tuple) and any(hasattr(one, "detach") for one in holder):
            holder = [array_of(one) for one in holder]
        return np.asarray(holder)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"it is no array of numbers: {str(error).splitlines()[0]}") from error


def _tensor(tensor: Any) -> Array:
    """A torch tensor, which may want gradients, be sparse, or lie on a GPU."""
    try:
        tensor = tensor.detach().cpu()
        if "strided" not in str(getattr(tensor, "layout", "strided")):
            tensor = tensor.to_dense()
        tensor = tensor.float() if "bfloat16" in str(tensor.dtype) else tensor
        return np.asarray(tensor.resolve_conj().numpy() if hasattr(tensor, "resolve_conj") else tensor.numpy())
    except (TypeError, RuntimeError) as error:  # a tensor without data, or of a type that NumPy does not know
        raise ValueError(f"a tensor cannot be read ({str(error).splitlines()[0]}): give it as an array") from error


def _table(factors: Any) -> tuple[tuple[str, ...], list[Any]]:
    """The names and the columns of factors, whatever holds them."""
    if isinstance(factors, Mapping):
        return tuple(map(str, factors)), [np.ma.asanyarray(_listed(column)) for column in factors.values()]
    if hasattr(factors, "iloc") and hasattr(factors, "columns"):  # pandas
        return tuple(map(str, factors.columns)), [factors.iloc[:, k] for k in range(factors.shape[1])]
    if hasattr(factors, "get_column"):  # polars
        return tuple(map(str, factors.columns)), [_objects(factors[name].to_list()) for name in factors.columns]
    held = isinstance(factors, list | tuple) and any(_holds_more(one) for one in factors)
    array = _objects(factors) if isinstance(factors, list | tuple) and not held else array_of(factors)
    if array.dtype.names:
        return tuple(array.dtype.names), [array[name] for name in array.dtype.names]
    if array.ndim != 2:
        mends = {0: f": give a table, not a single {type(factors).__name__}", 1: ": one factor is a column, y[:, None]"}
        raise ValueError(f"factors must have shape (N, K), got {array.shape}{mends.get(array.ndim, '')}")
    return tuple(str(k) for k in range(array.shape[1])), list(array.T)


def _holds_more(row: Any) -> bool:
    """Whether a row is a tensor or masked, which an array of objects would forget."""
    return hasattr(row, "detach") or np.ma.isMaskedArray(row)


def _listed(column: Any) -> Any:
    return _objects(column) if isinstance(column, list | tuple) else array_of(column)


def _objects(rows: Any) -> Array:
    """Convert nested lists to an array of the objects themselves.

    NumPy alone would turn 3 beside "a" into "3".
    """
    try:
        return np.array(rows, dtype=object)
    except ValueError as error:
        raise ValueError(f"factors must have shape (N, K), got rows of several lengths: {error}") from error


def _index(frame: Any) -> Any:
    found = getattr(frame, "index", None)
    return found if hasattr(found, "equals") else None


# ---- what can be scored


def _complete(codes: Array, columns: list[Column], names: tuple[str, ...]) -> Points:
    """Keep the factors that vary, and the rows that have all of them.

    A factor that is constant on these rows is left out too.
    """
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
    kinds = [kind_of(column.kind, rank) for column, rank in zip(columns, ranks, strict=True)]
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
        rows=np.flatnonzero(whole),
    )


def kind_of(kind: str, ranks: Array) -> str:
    """A column's kind, "continuous" where a number's class numbers (N,) hardly repeat."""
    many = len(ranks) > 0 and (int(ranks.max()) + 1) * REPEATS > len(ranks)
    return "continuous" if kind == "number" and many else kind


def _values(column: Column, rows: Array | None = None) -> int:
    ranks = column.ranks if rows is None else column.ranks[rows]
    return len(np.unique(ranks[ranks >= 0]))
