"""Read a table of factors (CSV) into the class of each image.

Its columns are read as `score()` reads a user's arrays.
"""

from __future__ import annotations

import csv
import json
import os
import posixpath
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from idgan_sc.config import listed
from idgan_sc.data.images import Factors, Images
from idgan_sc.files import DataError
from idgan_sc.metrics.column import Column, absent, read_column
from idgan_sc.metrics.reading import index_columns, kind_of

LABELS = "labels.json"  # beside the images: how the table names the classes of its categories
MOST = 2**16  # values of a factor that fit the classes on disk
SHOWN = 8  # names of a category that `about_factors` prints
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


class Table(NamedTuple):
    """What a table says of the images."""

    factors: Factors | None
    classes: np.ndarray | None  # (n, K)
    labels: Mapping[str, Sequence[str]]  # the names of each category's classes


NO_TABLE = Table(None, None, {})


class Row(NamedTuple):
    """A line of the table: its number and its cells, the file's left out."""

    line: int
    cells: list[str]


def read_factors(
    table: str | Path, folder: Path, files: Sequence[str], categories: Iterable[str] = (), numbers: Iterable[str] = ()
) -> Table:
    """Read the factors of images from a table.

    It has a column `file`, which names every one of `files` (paths within `folder`), and one for each factor;
    `categories` and `numbers` are the columns that the user declares so.

    Raises
    ------
    DataError
        If the table cannot be read, does not match the images, lacks a value, or a factor cannot be told apart.
    """
    table = Path(table)
    names, rows = _read_table(table)
    found = _rows_of(table, folder, rows, files)
    declared = _declared(table, names, categories, numbers)
    columns = [_column(table, name, [(row.line, row.cells[k]) for row in found], declared.get(name, ""))
               for k, name in enumerate(names)]  # fmt: skip
    values = tuple(_values(column) for column in columns)
    labels = {name: column.labels for name, column in zip(names, columns, strict=True) if column.kind == "category"}
    factors = Factors(tuple(names), tuple(len(one) for one in values), values, tuple(labels))
    return Table(factors, np.stack([column.ranks for column in columns], axis=1), labels)


def read_labels(folder: Path) -> dict[str, Sequence[str]]:
    """The names of each category's classes, as far as they were kept beside the images."""
    try:
        return {str(name): list(map(str, labels)) for name, labels in json.loads((folder / LABELS).read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):  # they are shown, and nothing depends on them
        return {}


def factor_lines(images: Images) -> list[str]:
    """Describe each factor in a line.

    The line gives the number of values, and their range or the names of a category's classes.
    """
    labels = read_labels(images.folder)
    return [_factor_line(images, k, labels.get(name, ())) for k, name in enumerate(images.factor_names)]


def _factor_line(images: Images, k: int, labels: Sequence[str]) -> str:
    assert images.classes is not None
    name, values = images.factor_names[k], images.factor_values[k]
    if name in images.discrete:
        shown = ", ".join([*labels[:SHOWN], *(["…"] if len(labels) > SHOWN else [])])
        return f"{name}: category, {len(values)} values" + (f": {shown}" if shown else "")
    kind = kind_of("number", images.classes[:, k].astype(np.int64))
    return f"{name}: {kind}, {len(values)} values, {min(values):g} to {max(values):g}"


def _values(column: Column) -> tuple[float, ...]:
    return tuple(column.values[np.unique(column.ranks, return_index=True)[1]].tolist())


def _column(table: Path, name: str, cells: list[tuple[int, str]], declared: str) -> Column:
    """A factor's cells, each with its line, as classes and values."""
    for line, cell in cells:
        if absent(cell):
            what = f"`{cell.strip()}`" if cell.strip() else "nothing"
            raise DataError(f"{table}, line {line}: {name} is missing ({what}): fill it in, or remove row and image")
    try:
        column = read_column(
            np.array([cell for _, cell in cells], dtype=object),
            f"factor {name}",
            declared,
            lambda row: f"line {cells[row][0]}",
        )
    except ValueError as error:
        hint = str(error).replace("name the factor in `categories`", f"declare it: `--categories {name}`")
        raise DataError(f"{table}: {hint}") from error
    count = int(column.ranks.max(initial=-1)) + 1
    if count < 2:
        raise DataError(f"{table}: the factor {name} has the same value in every row: leave it out")
    if count > MOST:
        raise DataError(f"{table}: the factor {name} has {count} values, {MOST} are told apart: round them")
    return column


def _declared(table: Path, names: Sequence[str], categories: Iterable[str], numbers: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for option, kind, given in (("--categories", "category", categories), ("--numbers", "number", numbers)):
        for name in given:
            if name not in names:
                raise DataError(f"{option} {name}: {table} has no such column: it has {listed(name, names)}")
            if found.setdefault(name, kind) != kind:
                raise DataError(f"{option} {name}: it is declared a category and a number: take one away")
    return found


# ------------------------------------------------------------------------------------------------- the table itself
def _read_table(table: Path) -> tuple[list[str], dict[str, Row]]:
    """Names of the factors, and each file's cells in that order."""
    lines = _lines(table)
    header = [cell.strip() for cell in lines[0].cells] if lines else []
    for name in index_columns(header):
        raise DataError(f"{table}: the column {name!r} is the index of a pandas frame: save with index=False")
    if "file" not in header or len(header) < 2 or len(set(header)) < len(header) or "" in header:
        raise DataError(f"{table} needs a column `file` and one column for each factor, each name once; it has "
                        f"{_header_words(header)}")  # fmt: skip
    at = header.index("file")
    rows: dict[str, Row] = {}
    for line, cells in lines[1:]:
        if len(cells) != len(header):
            raise DataError(f"{table}, line {line}: {len(cells)} cells under {len(header)} headings: mend the row")
        if not cells[at].strip():
            raise DataError(f"{table}, line {line}: the row names no file: fill it in or remove the row")
        if any(cell[:1].isspace() and cell.lstrip().startswith('"') for cell in cells):
            raise DataError(f"{table}, line {line}: a blank before a quotation mark: remove it")
        if cells[at] in rows:
            raise DataError(f"{table}, line {line}: names {cells[at]} twice: keep one row")
        rows[cells[at]] = Row(line, cells[:at] + cells[at + 1 :])
    return header[:at] + header[at + 1 :], rows


def _lines(table: Path) -> list[Row]:
    """The lines that hold anything; an empty one is none."""
    try:
        with open(table, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            return [Row(reader.line_num, cells) for cells in reader if cells]
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"{table} cannot be read as a CSV table ({error.strerror}): give the path of a file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{table} cannot be read as a CSV table ({error}): save it in UTF-8") from error
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{table} cannot be read as a CSV table ({error}): save it as CSV with commas") from error


def _header_words(header: list[str]) -> str:
    found = [words for sign, words in SEPARATORS.items() if len(header) == 1 and sign in header[0]]
    mend = f": its cells are set apart by {found[0]}, save it with commas" if found else ""
    return f"{listed('file', header) or 'nothing'}{mend}"


def _rows_of(table: Path, folder: Path, rows: dict[str, Row], files: Sequence[str]) -> list[Row]:
    """The row of each file, whatever way the table spells its path."""
    plain, exact = {_plain(file): file for file in files}, set(files)
    found: dict[str, Row] = {}
    for name, row in rows.items():
        file = name if name in exact else plain.get(_plain(_within(name, folder)), "")
        if not file:
            close = next((f", {one} is" for one in files if one.lower() == name.strip().lower()), "")
            raise DataError(
                f"{table}, line {row.line}: names {name}, which is not an image in {folder}{close}: mend its row"
            )
        if file in found:
            raise DataError(f"{table}, line {row.line}: names {file} twice, spelt in two ways: keep one row")
        found[file] = row
    for file in files:
        if file not in found:
            raise DataError(f"{table} has no row for the image {file}: label it or remove it")
    return [found[file] for file in files]


def _within(name: str, folder: Path) -> str:
    """A path as the table has it, without the folder that it may begin with."""
    path = name.strip().replace("\\", "/")
    return os.path.relpath(path, folder.absolute()) if posixpath.isabs(path) else path


def _plain(path: str) -> str:
    """One spelling of a path: no `./`, accents as one sign each."""
    return unicodedata.normalize("NFC", posixpath.normpath(path))
