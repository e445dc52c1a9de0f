"""Read a user's codes and factors into arrays for the metrics.

All reading of codes and factors happens here. The input can be lists, NumPy arrays (masked, structured, of any
kind), pandas and polars frames, dictionaries of columns, sparse matrices or torch tensors. No library is
imported for them. Each factor becomes class numbers, which are exact, and values. Each guess is reported: the
kind of each factor, what is left out, and why.
"""

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from operator import index
from reprlib import repr as shown
from typing import Any

import numpy as np

from idgan_sc.metrics.checks import Array
from idgan_sc.metrics.column import EXACT, Column, absent, exact_number, plain, read_column
from idgan_sc.metrics.information import binned, unit_binned

UNNAMED = re.compile(r"Unnamed: 0(\.\d+)*")  # what pandas calls a first column that has no name in the file
REPEATS = 10  # a factor of numbers with fewer points than this per distinct value is taken as continuous
MANY = 12  # names that one line can list
TURNED = 10  # times as many codes and factors as points are points and codes in each other's place
ALIGNED = "rows are points, the same in both"
LARGEST = sys.float_info.max


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

    def lost(self) -> list[str]:
        """List a line for each factor that is left out, and one for rows."""
        rows = [f"left out: {self.missing} rows in which a factor is missing"] if self.missing else []
        return [f"left out: {why}" for why in self.left_out.values()] + rows

    def told(self) -> dict[str, str]:
        """What each factor was taken for, by its name."""
        counts = self.ranks.max(axis=0, initial=-1) + 1
        kinds = [f"{kind}, {count} values" for kind, count in zip(self.kinds, counts, strict=True)]
        return dict(zip(self.names, kinds, strict=True))


def read(codes: Any, factors: Any, categories: Any = (), called: str = "categories", what: str = "factors") -> Points:
    """The points of codes (N, D) and factors (N, K) that can be scored.

    `categories`, an argument that messages call `called`, are the numbers or names of the factors that are categories:
    never continuous, their numbers names. `what` is how messages call the factors.
    A factor with one value is left out and named, and so is a row with a missing factor.

    Raises
    ------
    ValueError
        If anything is no table of numbers, its rows do not match, or a factor's cells are of several kinds.
    """
    return read_each({"codes": codes}, factors, categories, called, what)[0]


def read_each(
    representations: Mapping[str, Any],
    factors: Any,
    categories: Any = (),
    called: str = "categories",
    what: str = "factors",
) -> list[Points]:
    """Read as `read` does, for several codes of the same points.

    `representations` holds them by the names that messages call them.
    """
    for name, held in {**representations, what: factors}.items():
        _refuse_saved_index(name, held)
    arrays = {name: read_codes(codes, name) for name, codes in representations.items()}
    names, cells = _table(factors, what)
    _refuse_rows(arrays, names, cells, what)
    _refuse_indices({**representations, what: factors})
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two {what} are called {twice[0]!r}: rename one")
    declared = set(numbers(categories, called, len(cells), names))
    of = "" if what == "factors" else f"{what}: "
    columns = [read_column(column, of + label(names[k]), k in declared) for k, column in enumerate(cells)]
    return [_complete(array, columns, names) for array in arrays.values()]


def _refuse_rows(arrays: Mapping[str, Array], names: tuple[str, ...], cells: list[Any], what: str) -> None:
    """Refuse tables whose rows are not the same points, and columns for rows."""
    (name, array), *others = arrays.items()
    (n, d), k = array.shape, len(cells)
    if not cells:
        raise ValueError(f"{what} must have shape ({n}, K), and they have no column: give at least one")
    for other, more in others:
        if len(more) != n:
            raise ValueError(f"{name} have {n} rows and {other} {len(more)}: {ALIGNED}")
    lengths = [len(column) for column in cells]
    if len(set(lengths)) > 1:
        odd = next(number for number, length in enumerate(lengths) if length != n)
        raise ValueError(f"{what}: column {names[odd]!r} has {lengths[odd]} rows and {name} {n}: {ALIGNED}")
    if lengths[0] != n:
        turned = name if n < d == lengths[0] else what if lengths[0] < k == n else ""
        mend = turned and f": transpose the {turned}"
        raise ValueError(f"{name} have {n} rows and {what} {lengths[0]}: {ALIGNED}{mend}")
    if min(d, k) >= TURNED * n:
        shapes = f"{name} have shape ({n}, {d}) and {what} ({n}, {k})"
        raise ValueError(f"{shapes}: rows are points and columns are codes and factors: transpose both")


def _refuse_indices(holders: Mapping[str, Any]) -> None:
    """Refuse frames and columns of which two name their rows otherwise."""
    known = [(called, found) for holder in holders.items() for called, found in _indices(*holder)]
    for called, found in known[1:]:
        if not found.equals(known[0][1]):
            raise ValueError(
                f"{known[0][0]} and {called} have different indices: align their rows, or give both as arrays"
            )


def _indices(called: str, holder: Any) -> Iterator[tuple[str, Any]]:
    columns = holder.items() if _by_name(holder) else ()
    for name, held in ((called, holder), *((f"{called}[{key!r}]", column) for key, column in columns)):
        if hasattr(found := getattr(held, "index", None), "equals"):
            yield name, found


def _refuse_saved_index(what: str, held: Any) -> None:
    """Refuse a table whose first column is an index that pandas saved."""
    frame = hasattr(held, "columns") and (hasattr(held, "iloc") or hasattr(held, "get_column"))
    for name in index_columns(held.columns if frame else held if _by_name(held) else ()):
        raise ValueError(f"{what}: the column {name!r} is a pandas index that was saved: leave it out")


def index_columns(names: Iterable[Any]) -> list[str]:
    """The columns that are an index which pandas saved with a table, and no data."""
    return [name for k, name in enumerate(map(str, names)) if UNNAMED.fullmatch(name) or not (name or k)][:1]


def label(name: str) -> str:
    """How messages call a factor: by its number, or its name in quotes."""
    return f"factor {name}" if name.isdigit() else f"factor {name!r}"


def read_codes(codes: Any, called: str = "codes") -> Array:
    """Read codes (N, D) as an array of finite real numbers.

    Messages call them `called`.

    Raises
    ------
    ValueError
        If one is missing, masked, no real number, or so large that float64 makes two of them one; it names the first.
    """
    held = _array_or_columns(codes, called)
    array = _side_by_side(held, called) if isinstance(held, Mapping) else held
    mask, array = np.ma.getmaskarray(array), np.asarray(np.ma.getdata(array))
    if not array.size:
        raise ValueError(f"{called} must have 2 non-empty axes, got shape {array.shape}")
    _refuse_shape(array, codes, called, "D", "code")
    _refuse_gaps(mask, called, "are masked")
    if array.dtype.kind in "OUSTMm":
        gone = np.array([absent(cell) for cell in array.ravel()], dtype=bool).reshape(array.shape)
        _refuse_gaps(gone, called, "contain NaN or infinity, or are missing,")
    if array.dtype.kind in "cMmV":
        raise ValueError(f"{called} must be real numbers, got {array.dtype}")
    given = array if array.dtype.kind in "biuf" else _exact_numbers(array, called)
    with np.errstate(over="ignore"):
        read = given.astype(np.float64) if given.dtype in (np.longdouble, object) else given
    large = "" if given is read else ", or numbers too large for float64,"
    _refuse_gaps(~np.isfinite(read), called, "contain NaN or infinity" + large)
    if given.dtype == np.longdouble or given.dtype.kind in "iuO":
        _refuse_merged(given, read, called)
    return read


def _array_or_columns(codes: Any, called: str) -> Any:
    """Codes as an array, or by name where they have names."""
    if _by_name(codes):
        return codes
    try:
        array = array_of(codes)
    except ValueError as error:
        raise ValueError(f"{called} must be a table of numbers: {_why_apart(codes) or error}") from error
    return {name: array[name] for name in array.dtype.names} if array.dtype.names else array


def _exact_numbers(cells: Array, called: str) -> Array:
    """Texts and objects (N, D) as numbers, each as exact as it is."""
    found = np.empty(cells.shape, dtype=object)
    for (row, column), cell in np.ndenumerate(cells):
        number = exact_number(cell)
        if number is None or LARGEST < abs(number) < math.inf:
            why = " is" if number is None else ", too large for float64, is"
            raise ValueError(f"{called} must be real numbers: row {row}, column {column}{why} {shown(plain(cell))}")
        found[row, column] = number
    return found


def _refuse_gaps(gone: Array, called: str, words: str) -> None:
    if gone.any():
        rows, columns = np.nonzero(gone)
        where = f"in {len(np.unique(rows))} rows, first in row {rows[0]}, column {columns[0]}"
        lost = np.flatnonzero(gone.all(axis=0))
        mend = f"leave column {lost[0]} out" if lost.size else "leave those rows out, of factors too"
        raise ValueError(f"{called} {words} {where}: {mend}")


def _refuse_merged(given: Array, read: Array, called: str) -> None:
    """Refuse columns of large or long numbers of which float64 makes two different ones one."""
    if not (read.size and np.abs(read).max() > EXACT) and given.dtype != np.longdouble:
        return
    for d, column in enumerate(given.T):
        if len(set(column.tolist())) > len(np.unique(read[:, d].astype(np.float64))):
            raise ValueError(
                f"{called}: column {d} has numbers that float64 cannot tell apart: subtract one that all of them hold"
            )


def _side_by_side(columns: Mapping[Any, Any], called: str) -> Any:
    """Columns by name as one array (N, D)."""
    listed = {name: _column(column, f"{called}: column {name!r}") for name, column in columns.items()}
    if not listed:
        raise ValueError(f"{called} must be columns of one length, got none")
    first, *others = listed
    for name in others:
        if len(listed[name]) != len(listed[first]):
            lengths = f"{first!r} has {len(listed[first])} rows and {name!r} {len(listed[name])}"
            raise ValueError(f"{called} must be columns of one length: {lengths}")
    if any(column.dtype.kind not in "biuf" for column in listed.values()):
        listed = {name: column.astype(object) for name, column in listed.items()}
    return np.ma.stack(list(listed.values()), axis=1)


def depths_of(given: Any, what: str, count: int, also: str) -> tuple[int, ...]:
    """Read the depths of an argument, one for each of `count` factors.

    A message about their number ends with `also`.

    Raises
    ------
    ValueError
        If one is no whole number from 1 on, or if there are more or fewer.
    """
    depths = numbers(given, what)
    if any(depth < 1 for depth in depths):
        raise ValueError(f"{what} must be 1 or more, got {min(depths)}")
    if len(depths) != count:
        raise ValueError(f"{len(depths)} {what} for {count} factors: give one for each, {also}")
    return depths


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
    single = isinstance(given, str) or not isinstance(given, Iterable)
    single |= isinstance(given, np.ndarray) and given.ndim == 0
    listed = [given] if single else list(given)
    return tuple(_number(one, what, count, names) for one in listed)


def _number(one: Any, what: str, count: int | None, names: Sequence[str]) -> int:
    if isinstance(one, str | tuple) and str(one) in names:  # a tuple names a column of several levels
        return list(names).index(str(one))
    try:
        if isinstance(one, bool | np.bool_):
            raise TypeError
        number = index(one.item() if isinstance(one, np.ndarray) and one.ndim == 0 else one)
    except TypeError:
        near = get_close_matches(str(one), names, 3, 0.0) if len(names) > MANY else names
        shown_names = ", ".join([*near, "…"] if len(near) < len(names) else near)
        known = f", or of the names {shown_names}" if any(not name.isdigit() for name in names) else ""
        raise ValueError(f"{what} must be a list of whole numbers such as [1]{known}, got {one!r}") from None
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
        if isinstance(holder, list | tuple) and any(_is_held(one) for one in holder):
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
        tensor = tensor.float() if any(kind in str(tensor.dtype) for kind in ("bfloat16", "float8")) else tensor
        for lazy in ("resolve_conj", "resolve_neg"):
            tensor = getattr(tensor, lazy)() if hasattr(tensor, lazy) else tensor
        return np.asarray(tensor.numpy())
    except (TypeError, RuntimeError) as error:  # a tensor without data, or of a type that NumPy does not know
        raise ValueError(f"a tensor cannot be read ({str(error).splitlines()[0]}): give it as an array") from error


def _table(factors: Any, what: str) -> tuple[tuple[str, ...], list[Any]]:
    """The names and the columns of factors, whatever holds them."""
    if _by_name(factors):
        return tuple(map(str, factors)), [_factor(held, f"{what}: column {name!r}") for name, held in factors.items()]
    if hasattr(factors, "iloc") and hasattr(factors, "columns"):  # pandas
        return tuple(map(str, factors.columns)), [factors.iloc[:, k] for k in range(factors.shape[1])]
    if hasattr(factors, "get_column"):  # polars
        return tuple(map(str, factors.columns)), [_objects(factors[name].to_list()) for name in factors.columns]
    held = isinstance(factors, list | tuple) and any(_holds_more(one) for one in factors)
    try:
        array = _objects(factors) if isinstance(factors, list | tuple) and not held else array_of(factors)
    except ValueError as error:
        raise ValueError(f"{what} must be a table: {_why_apart(factors) or error}") from error
    if array.dtype.names:
        return tuple(array.dtype.names), [
            _column(array[name], f"{what}: column {name!r}") for name in array.dtype.names
        ]
    _refuse_shape(array, factors, what, "K", "factor")
    return tuple(str(k) for k in range(array.shape[1])), list(array.T)


def _holds_more(row: Any) -> bool:
    """Whether a row is a tensor, sparse or masked, and no plain list."""
    return _is_held(row) or np.ma.isMaskedArray(row)


def _is_held(row: Any) -> bool:
    """Whether a row is a tensor or a sparse matrix, which NumPy cannot read."""
    return hasattr(row, "detach") or hasattr(row, "toarray")


def _by_name(holder: Any) -> bool:
    """Whether it holds columns by name; a sparse matrix may be a dictionary too."""
    return isinstance(holder, Mapping) and not hasattr(holder, "toarray")


def _factor(held: Any, called: str) -> Any:
    """Read one of several columns.

    One of pandas stays a Series, because an array would forget its categories.
    """
    if hasattr(held, "isna") and getattr(held, "ndim", 1) == 1:
        from pandas import Series

        return held if hasattr(held, "iloc") else Series(held)
    return _column(held, called)


def _column(held: Any, called: str) -> Array:
    """One of several columns as an array (N,); (N, 1) is taken for one."""
    try:
        column = np.ma.asanyarray(_objects(held) if isinstance(held, list | tuple) else array_of(held))
    except ValueError as error:
        raise ValueError(f"{called} must be a list of values: {error}") from error
    if column.ndim == 0:
        raise ValueError(f"{called} must be a list of values, got a single {type(held).__name__}")
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1 or column.dtype.names:
        raise ValueError(
            f"{called} must be one column (N,), got shape {column.shape}: give a table alone, or its columns one by one"
        )
    return column


def _objects(rows: Any) -> Array:
    """Convert nested lists to an array of the objects themselves.

    NumPy alone would turn 3 beside "a" into "3".
    """
    return np.array(rows, dtype=object)


def _refuse_shape(array: Array, given: Any, called: str, axis: str, one: str) -> None:
    """Refuse what is no table of rows and columns.

    `one` is what a column is called.
    """
    if array.ndim == 2:
        return
    if array.ndim == 0:
        raise ValueError(f"{called} must be a table (N, {axis}), got a single {type(given).__name__}")
    mend = "give one table with a row for each point (numpy.concatenate joins batches)"
    if array.ndim == 1:
        held = "numpy.array(x)[:, None]" if isinstance(given, list | tuple) else "x[:, None]"
        column = "x.to_frame()" if hasattr(given, "to_frame") else held
        mend = _why_apart(given) or f"one {one} is a column, {column}"
    raise ValueError(f"{called} must have shape (N, {axis}), got {array.shape}: {mend}")


def _why_apart(given: Any) -> str:
    """Say why rows make no table; empty if they may be one."""
    rows = list(given) if isinstance(given, list | tuple | np.ndarray) else []
    if any(isinstance(row, Mapping) for row in rows):
        return "its rows are dictionaries: give a dictionary of columns"
    shapes = [(len(row),) if isinstance(row, list | tuple) else tuple(getattr(row, "shape", ())) for row in rows]
    if any(len(shape) > 1 for shape in shapes):
        return "it is a list of tables: join them with numpy.concatenate"
    odd = [f"row {i} has shape {shape} and row 0 {shapes[0]}" for i, shape in enumerate(shapes) if shape != shapes[0]]
    return f"{odd[0]}: give each row as many cells" if odd else ""


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
