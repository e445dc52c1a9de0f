"""One factor's cells, whatever holds them -> class numbers, which are exact, and values.

A number is a number however it is spelt or held, a truth value likewise, and a date counts from the earliest. All else
is a name. Two cells that differ never become one class; where that cannot be kept, the column is refused.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from reprlib import repr as shown
from typing import Any, NamedTuple

import numpy as np

from idgan_sc.metrics.checks import Array

EXACT = 2**53  # integers beyond it are told apart by their distance from the smallest
MISSING = {"", "nan", "na", "n/a", "<na>", "none", "null", "nat", "#na", "#n/a", "-nan"}  # as strings, in any case
MARKS = {"-", "--", "?", ".", "*", "x", "missing", "unknown"}  # what may stand for a missing number
NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9:]+(?:\.[0-9]{1,6})?(?:Z|[+-][0-9:]+)?)?")
COMMA = re.compile(r"[+-]?[0-9][0-9.]*,[0-9.,]+")
TRUTHS = {"true": True, "false": False, "yes": True, "no": False}
SHORT = 15  # digits that float64 always keeps apart
LONG = 300  # digits of a whole number that float64 cannot hold
TICK = timedelta(microseconds=1)

Place = Callable[[int], str]  # the number of a row -> how messages call it


class Column(NamedTuple):
    """Hold one factor's cells.

    They are class numbers and values of the cells that are there. Missing cells are marked.
    """

    ranks: Array  # (N,) number of the value in order, from 0; -1 where missing
    values: Array  # (N,) float64; NaN where missing
    kind: str  # number, yes or no, or category
    labels: tuple[str, ...] = ()  # how the user wrote each class, if they are names


class Parsed(NamedTuple):
    """The cells that are there, in a form that sorts."""

    cells: Array  # (n,)
    kind: str
    labels: tuple[str, ...] = ()


def read_column(cells: Any, name: str, declared: bool | str = False, place: Place = "row {}".format) -> Column:
    """Read one factor's cells as class numbers and values.

    cells (N,); `name` and `place` are how messages call it and its rows. `declared` is what the user says that it is:
    "category" (or True), "number", or nothing.

    Raises
    ------
    ValueError
        If the cells are of several kinds, of none that can be scored, or not of the declared one.
    """
    declared = "category" if declared is True else declared or ""
    values, missing, order = _cells(cells)
    if order is not None and declared != "number":
        declared = "category"
    elif order is not None:
        values, order = order[values], None
    rows = np.flatnonzero(~missing)
    try:
        parsed = _parsed(values[rows], name, declared if order is None else "", lambda number: place(int(rows[number])))
        known, inverse = np.unique(parsed.cells, return_inverse=True)
        kind = "category" if declared == "category" else parsed.kind
        numbers = np.arange(len(known), dtype=np.float64) if kind == "category" else _floats(known)
    except (OverflowError, FloatingPointError) as error:
        raise ValueError(f"{name} holds numbers too large for float64: divide them by a constant") from error
    ranks = np.full(len(missing), -1, dtype=np.int64)
    ranks[rows] = inverse.ravel()
    filled = np.full(len(missing), np.nan)
    filled[rows] = numbers[inverse.ravel()]
    labels = parsed.labels or tuple(map(str, (known if order is None else order[known]).tolist()))
    return Column(ranks, filled, kind, labels)


# ---- which cells are there


def _cells(cells: Any) -> tuple[Array, Array, Array | None]:
    """Return a column's cells (N,) and which are missing.

    If their type is a category, the result also has what the cells number.
    """
    if hasattr(cells, "isna"):  # pandas, extension types included
        return _pandas_cells(cells)
    mask = np.ma.getmaskarray(cells)
    array = np.asarray(np.ma.getdata(cells))
    if array.dtype.kind in "fc":
        return array, mask | np.isnan(array), None
    if array.dtype.kind in "mM":
        return array, mask | np.isnat(array), None
    if array.dtype.kind in "OUST":
        return array, mask | _absent(array), None
    return array, mask, None


def _pandas_cells(cells: Any) -> tuple[Array, Array, Array | None]:
    missing = cells.isna().to_numpy()
    if hasattr(cells, "cat"):
        order = np.asarray(cells.cat.categories)
        marked = _absent(order)[cells.cat.codes.to_numpy()] if order.dtype.kind in "OUS" and len(order) else missing
        return cells.cat.codes.to_numpy(), missing | marked, order
    if getattr(cells.dtype, "tz", None) is not None:
        cells = cells.dt.tz_convert("UTC").dt.tz_localize(None)
    present = cells[~missing].to_numpy()
    whole = np.zeros(len(cells), dtype=present.dtype)
    whole[~missing] = present
    return whole, missing | _absent(whole) if whole.dtype.kind in "OUS" else missing, None


def _absent(cells: Array) -> Array:
    return np.array([absent(cell) for cell in cells], dtype=bool)


def absent(cell: Any) -> bool:
    """Tell whether a cell is missing.

    A missing cell is None, NaN, a library's own missing value, or a string that means one.
    """
    cell = plain(cell)
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    if cell is None or cell is np.ma.masked or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    if isinstance(cell, Decimal):
        return cell.is_nan()
    return bool(isinstance(cell, float | complex | np.inexact) and cell != cell)


def plain(cell: Any) -> Any:
    """A cell without what holds it: bytes, and arrays and tensors of one entry."""
    if isinstance(cell, np.ndarray) or hasattr(cell, "detach"):
        cell = cell.item() if cell.ndim == 0 or tuple(cell.shape) == (1,) * cell.ndim else cell
    if isinstance(cell, bytes):
        return cell.decode(errors="backslashreplace")
    return str(cell) if isinstance(cell, np.str_) else cell


# ---- what they mean


def _parsed(cells: Array, name: str, declared: str, place: Place) -> Parsed:
    """Cells (n,) that are there, as numbers, truth values, dates or names."""
    kind = cells.dtype.kind
    if kind == "c":
        raise ValueError(f"{name} holds complex numbers: give real and imaginary part as two factors")
    infinite = np.flatnonzero(np.isinf(cells) if kind == "f" else [_infinite(cell) for cell in cells if kind == "O"])
    if infinite.size:
        raise ValueError(f"{name} contains infinity ({place(int(infinite[0]))}): mend that cell")
    if kind == "b":
        return Parsed(cells, "yes or no")
    if kind in "Mm":
        return Parsed(_counted(cells.astype(cells.dtype.newbyteorder("=")).view(np.int64).tolist()), "number")
    if kind in "iuf":
        return Parsed(cells, "number")
    if kind not in "OUST":
        raise ValueError(f"{name} must be numbers, names, or yes or no, got {cells.dtype}")
    return _of_objects([_single(cell, name, place(row)) for row, cell in enumerate(cells)], name, declared, place)


def _of_objects(cells: list[Any], name: str, declared: str, place: Place) -> Parsed:
    """Parse strings and other objects.

    They are truth values, dates or numbers if all cells are. They are names if most cells are names.
    """
    if declared != "category" and cells:
        if None not in (truths := [_truth(cell) for cell in cells]):
            return Parsed(np.array(truths), "yes or no")
        if len(dates := [found for cell in cells if (found := _date(cell))]) == len(cells):
            return Parsed(_ticks(dates, name), "number")
    numbers = [_number(cell) for cell in cells]
    if declared == "category":
        return _named(cells, numbers, name)
    odd = [row for row, number in enumerate(numbers) if number is None]
    if not odd:
        return Parsed(_exact(numbers), "number")
    if declared == "number" or 2 * len(odd) < len(cells):
        most = "" if declared else ", as most of its cells are"
        what = f"{name}, {place(odd[0])}: {shown(cells[odd[0]])} is no number{most}"
        raise ValueError(f"{what}: mend it{_or_declare(declared)}")
    _refuse_spoilt_numbers(cells, odd, name, place)
    return _named(cells, numbers, name)


def _refuse_spoilt_numbers(cells: list[Any], odd: list[int], name: str, place: Place) -> None:
    """Refuse numbers with commas, missing markers or truth values among them.

    The rows `odd` hold no numbers.
    """
    words = [cell.strip().lower() if isinstance(cell, str) else "" for cell in (cells[row] for row in odd)]
    first = f"{name}, {place(odd[0])}: {shown(cells[odd[0]])}"
    if all(COMMA.fullmatch(word) for word in words):
        raise ValueError(f"{first} has a comma where numbers have a point: mend it{_or_declare('')}")
    if len(odd) == len(cells):
        return
    if all(word in MARKS for word in words):
        raise ValueError(f"{first} stands among numbers: leave a missing cell empty{_or_declare('')}")
    if all(_truth(cells[row]) is not None for row in odd):
        raise ValueError(f"{first} stands among numbers: write truth values alike{_or_declare('')}")


def _or_declare(declared: str) -> str:
    return "" if declared else ", or name the factor in `categories`"


def _single(cell: Any, name: str, place: str) -> Any:
    """A cell that is one value."""
    cell = plain(cell)
    if isinstance(cell, np.ndarray) or hasattr(cell, "detach"):
        raise ValueError(f"{name}, {place}: the cell holds {math.prod(cell.shape)} values: give one")
    if isinstance(cell, complex | np.complexfloating):
        raise ValueError(f"{name} holds complex numbers: give real and imaginary part as two factors")
    return cell


def _infinite(cell: Any) -> bool:
    cell = plain(cell)
    return isinstance(cell, float | np.floating | Decimal) and not math.isfinite(cell)


def _truth(cell: Any) -> bool | None:
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    return TRUTHS.get(cell.strip().lower()) if isinstance(cell, str) else None


def exact_number(cell: Any) -> Any:
    """Return the real number that a cell of codes is or spells, or None.

    Codes are nothing but numbers, so a truth value counts, and so do zeros in front.
    """
    cell = plain(cell)
    if (number := _number(cell)) is not None:
        return number
    try:
        spelt = isinstance(cell, str) and cell.isascii() and "_" not in cell
        return float(cell) if spelt or isinstance(cell, Real | Decimal | np.bool_) else None
    except ValueError:
        return None


def _number(cell: Any) -> Any:
    """Return the number that a cell is or spells, or None.

    A truth value among other cells is no number.
    """
    if isinstance(cell, str):
        stripped = cell.strip()
        if WHOLE.fullmatch(stripped):
            return int(stripped) if len(stripped) < LONG else None
        return _decimal(stripped) if NUMBER.fullmatch(stripped) else None
    if isinstance(cell, bool | np.bool_):
        return None
    if isinstance(cell, int | np.integer):
        return int(cell)
    if isinstance(cell, Decimal):
        return _decimal(str(cell))
    if isinstance(cell, np.floating) and cell.dtype.itemsize > 8:
        return Fraction(*cell.as_integer_ratio())
    if isinstance(cell, float | np.floating):
        return float(cell)
    return cell if isinstance(cell, Fraction) else None


def _decimal(text: str) -> float | Fraction | None:
    """Return a decimal fraction, or None beyond float64's range.

    It is exact where float64 might not tell it from its neighbour.
    """
    number = float(text)
    if not math.isfinite(number) or (number == 0 and text.lower().partition("e")[0].strip("+-0.")):
        return None
    return number if len(text) <= SHORT else Fraction(text)


def _date(cell: Any) -> tuple[datetime | timedelta, int] | None:
    """Read a date or a span of time, to microseconds, and the nanoseconds beyond.

    The result is None if the cell is none.
    """
    cell = cell.start_time if type(cell).__name__ == "Period" else cell
    if hasattr(cell, "to_pydatetime"):  # of pandas
        return cell.to_pydatetime(warn=False), cell.nanosecond
    cell = cell.to_timedelta64() if hasattr(cell, "to_timedelta64") else cell
    beyond = 0
    if isinstance(cell, np.datetime64 | np.timedelta64):
        whole = cell.astype("M8[us]" if isinstance(cell, np.datetime64) else "m8[us]")
        beyond, cell = int((cell - whole) / np.timedelta64(1, "ns")), whole.item()
    if isinstance(cell, str):
        try:
            return (datetime.fromisoformat(cell.strip()), 0) if DATE.fullmatch(cell.strip()) else None
        except ValueError:  # such as 2020-02-31
            return None
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day), 0
    return (cell, beyond) if isinstance(cell, datetime | timedelta) else None


def _ticks(found: Sequence[tuple[Any, int]], name: str) -> Array:
    """Dates or spans (n,) as whole numbers, which start at 0."""
    kinds = {isinstance(one, datetime) and (one.tzinfo is not None) + 1 for one, _ in found}
    if len(kinds) > 1:
        raise ValueError(f"{name}: some of its dates have a time zone and some have none: write them alike")
    start: Any = datetime(1, 1, 1, tzinfo=UTC if kinds == {2} else None)
    return _counted(
        [1000 * ((one - start if isinstance(one, datetime) else one) // TICK) + beyond for one, beyond in found]
    )


def _counted(ticks: list[int]) -> Array:
    """Count whole numbers from 0 in the largest unit that keeps them whole.

    So days are days in whatever unit they come.
    """
    least = min(ticks, default=0)
    unit = math.gcd(*(tick - least for tick in ticks)) or 1
    return _integers([(tick - least) // unit for tick in ticks])


def _integers(whole: list[int]) -> Array:
    """Return whole numbers as an array that keeps them apart.

    They are objects if 64 bits are too few.
    """
    if all(-(2**63) <= number < 2**63 for number in whole):
        return np.array(whole, dtype=np.int64)
    return _object_array(whole)


def _exact(numbers: list[Any]) -> Array:
    """Return numbers as an array that keeps different ones apart.

    It is float64 unless that would make two of them one.
    """
    if all(isinstance(number, int) for number in numbers):
        return _integers(numbers)
    floats = np.array([float(number) for number in numbers])
    long = any(isinstance(number, int) and abs(number) > EXACT for number in numbers)
    long |= any(isinstance(number, Fraction) for number in numbers)
    if long and len(set(numbers)) > len(set(floats.tolist())):
        return _object_array([Fraction(number) for number in numbers])
    return floats


def _object_array(cells: Iterable[Any]) -> Array:
    listed = list(cells)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def _named(cells: list[Any], numbers: list[Any], name: str) -> Parsed:
    """Return names (n,) as numbers in their order.

    If all names spell numbers, the order is that of the numbers. Otherwise it is the alphabet's. Equal numbers that
    are no strings have one name.
    """
    first: dict[Any, str] = {}
    names = [
        cell if isinstance(cell, str) else str(cell) if number is None else first.setdefault(number, str(cell))
        for cell, number in zip(cells, numbers, strict=True)
    ]
    known = set(names)
    by_text: dict[str, str] = {}
    for one in sorted(known):
        if (other := by_text.setdefault(one.strip(), one)) != one:
            raise ValueError(f"{name}: {other!r} and {one!r} differ by blanks alone: write them alike")
    values = dict(zip(names, numbers, strict=True))
    plain = any(number is None for number in numbers)
    ordered = sorted(known, key=lambda one: (0 if plain else values[one], one.strip()))
    place = {one: rank for rank, one in enumerate(ordered)}
    return Parsed(
        np.array([place[one] for one in names], dtype=np.int64), "category", tuple(one.strip() for one in ordered)
    )


def _floats(known: Array) -> Array:
    """Sorted distinct values as float64; large or long ones by their distance from the smallest."""
    large = known.dtype.kind in "iu" and len(known) and max(abs(int(known[0])), abs(int(known[-1]))) > EXACT
    if large or known.dtype.kind == "O":
        return np.array([float(value - known[0]) for value in known.tolist()])
    with np.errstate(over="raise"):
        floats = known.astype(np.float64)
    merged = known.dtype.itemsize > 8 and len(np.unique(floats)) < len(known)
    return (known - known[0]).astype(np.float64) if merged else floats
