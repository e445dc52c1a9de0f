"""What `leakage.py` measured, from the files of the runs alone: a row a run, for the verdicts and the figures."""

from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc import provenance
from idgan_sc.config import PICTURES, Config, Run, datasets, runs
from idgan_sc.files import DataError, write_atomic


def measured(config: Config, preset: str) -> list[Run]:
    """The runs of a preset whose leakage is measured: those of the data sets that Figures 5 to 8 show."""
    return [run for data in datasets(config, preset) if data in PICTURES for run in runs(config, preset, data)]


def gather_leakage(config: Config, preset: str, root: Path, allow_missing: bool = False) -> Path:
    """Write `leakage.csv` of a preset, a row a run: mean share of change outside a code's own factor, entropies.

    With `allow_missing`, of the runs that are measured; the others are named on stderr.

    Raises
    ------
    DataError
        If a run is not measured, or none is.
    """
    chosen = measured(config, preset)
    if allow_missing:
        chosen = provenance.without_missing(config, chosen, root, ["leakage.csv"])
    if not chosen:
        raise DataError(f"no run below {root} has its leakage measured: nothing to gather")
    rows = [summarised(run, read_leakage(config, run, root)) for run in chosen]
    columns = [*about_run(Run("", "", "", "", 0)), "leakage", "row_entropy", "column_entropy", "class_change"]
    return write_table(root / "leakage.csv", pd.DataFrame(rows, columns=columns))


def summarised(run: Run, frame: pd.DataFrame) -> dict[str, Any]:
    """Means over shown factors, over codes weighted by how much they change, over factors, over codes."""
    by_code = frame[frame.measure == "change"].groupby("code")["value"].sum()
    rows = frame[frame.measure == "row_entropy"].set_index("code")["value"]
    weights = by_code.loc[rows.index]
    means = frame.groupby("measure")["value"].mean()
    return {
        **about_run(run),
        "leakage": means.get("outside"),
        "row_entropy": float((rows * weights).sum() / weights.sum()) if len(rows) else None,
        "column_entropy": means.get("column_entropy"),
        "class_change": means.get("class_change"),
    }


def read_leakage(config: Config, run: Run, root: Path) -> pd.DataFrame:
    """One run's `leakage.csv`.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    path = provenance.artifact(config, run, "leakage.csv", root)
    try:
        frame = pd.read_csv(path)
        return frame[[*about_run(run), "anchors", "measure", "code", "factor", "value"]]
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: run `idgan-sc leakage` for {run}") from error
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is damaged ({error}): delete it and run `idgan-sc leakage` again") from error


def read_gathered(root: Path) -> pd.DataFrame:
    """What `gather_leakage` wrote, a row a run.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    path = root / "leakage.csv"
    try:
        return pd.read_csv(path)[[*about_run(Run("", "", "", "", 0)), "leakage"]]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is missing or damaged ({error}): run `idgan-sc gather-leakage` again") from error


def about_run(run: Run) -> dict[str, Any]:
    """What names a run in a table."""
    return {"dataset": run.dataset, "system": run.system, "variant": run.variant, "seed": run.seed}


def write_table(path: Path, table: pd.DataFrame) -> Path:
    """Write a table as CSV, whole or not at all."""
    return write_atomic(path, lambda temporary: table.to_csv(temporary, index=False))
