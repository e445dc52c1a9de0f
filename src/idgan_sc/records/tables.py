"""Tables on disk: one checked reader, one writer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from idgan_sc.files import DataError, read_arrays, write_atomic
from idgan_sc.records.record import verify_hash


def read_table(path: Path, columns: Sequence[str], mend: str) -> pd.DataFrame:
    """Read a CSV table that has these columns.

    A table beside a record must be as it was noted when it was written.

    Raises
    ------
    DataError
        If it is missing or damaged; `mend` says what to run.
    """
    if path.exists():
        verify_hash(path.parent, path.name, f"delete it and {mend}")
    try:
        table = pd.read_csv(path)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: {mend}") from error
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} is damaged ({reason}): delete it and {mend}") from error
    absent = [column for column in columns if column not in table]
    if absent:
        raise DataError(f"{path} lacks the columns {', '.join(absent)}: delete it and {mend}")
    return table


def read_recorded(path: Path, mend: str) -> dict[str, np.ndarray]:
    """Read the arrays of a file made from a run.

    The file must be as it was noted when it was written.

    Raises
    ------
    DataError
        If it is missing, damaged, or made of other files than the run has now; `mend` says what to run.
    """
    if path.exists():
        verify_hash(path.parent, path.name, f"delete it and {mend}")
    return read_arrays(path, mend)


def table_or_empty(path: Path) -> pd.DataFrame:
    """A CSV table, or one without rows and columns where there is none."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def text_or_empty(path: Path) -> str:
    """A file's text, or nothing where there is no file."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def write_table(path: Path, table: pd.DataFrame) -> Path:
    """Write a table as CSV, whole or not at all."""
    return write_atomic(path, lambda temporary: table.to_csv(temporary, index=False, lineterminator="\n"))
