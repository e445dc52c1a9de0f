"""Explain every column of every published CSV.

The meanings are in `columns.yaml` beside this file, as a table of files and columns.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from idgan_sc.files import DataError, write_text
from idgan_sc.records.results import Results
from idgan_sc.records.tables import write_table

COPIED = ("runs", "floor", "centrality", "mnist")  # folders of published files that are copied, not derived
OTHERS = (*COPIED, "published", "data", "dictionary.csv")


@cache
def _definitions() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / "columns.yaml").read_text(encoding="utf-8"))


def meaning(file: str, column: str) -> str:
    """Return what a column of a file means.

    `file` is the path below the published results, `pilot/` or `benchmarks/`.

    Raises
    ------
    DataError
        If `columns.yaml` does not define it.

    >>> meaning("tables/table3.csv", "paper_mean"), meaning("runs/dsprites/beta_vae/main/0/log.csv", "kl_3")
    ('mean that the paper prints', 'KL of one code, nats an image')
    """
    found = _definitions()
    tables = [columns for pattern, columns in found["files"].items() if fnmatch(file, pattern)]
    for columns in (*tables, found["everywhere"]):
        for name in (column, *(name for name in columns if name.endswith("*") and fnmatch(column, name))):
            if name in columns:
                return str(columns[name])
    raise DataError(f"{file}: nothing says what its column `{column}` means: define it in report/columns.yaml")


COLUMNS = ("file", "column", "meaning")


def write_dictionary(results: Results) -> list[Path]:
    """Write the meanings of all columns to `dictionary.csv` and `dictionary.md`.

    They cover all CSV files below the root, and the copied ones. Files of runs share their rows.
    """
    root = results.root
    rows = {("dictionary.csv", name, meaning("dictionary.csv", name)) for name in COLUMNS}
    rows |= set(_rows(root, [path for path in root.rglob("*.csv") if path.relative_to(root).parts[0] not in OTHERS]))
    for folder in COPIED:
        rows |= set(_rows(root / "published", (root / "published" / folder).rglob("*.csv")))
    frame = pd.DataFrame(sorted(rows), columns=list(COLUMNS))
    parts = ["# What the columns of the CSV files mean"]
    for file, mine in frame.groupby("file", sort=False):
        parts += [f"## {file}", "\n".join(f"* `{row['column']}`: {row['meaning']}" for _, row in mine.iterrows())]
    return [
        write_table(root / "dictionary.csv", frame),
        write_text(root / "dictionary.md", "\n\n".join(parts) + "\n"),
    ]


def _rows(root: Path, paths: Iterable[Path]) -> Iterator[tuple[str, str, str]]:
    """File, column and meaning, of every column of CSV files below a folder."""
    for path in paths:
        file = path.relative_to(root).as_posix()
        shared = f"runs/…/{path.name}" if file.startswith("runs/") else file
        for column in header(path):
            yield shared, re.sub(r"_\d+$", "_*", column), meaning(file, column)


def header(path: Path) -> list[str]:
    """The columns of a CSV file; none of an empty one."""
    with path.open(encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream), [])
