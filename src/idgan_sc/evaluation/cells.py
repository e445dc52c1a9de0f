"""Name the trainings of the regularisers' study, and read what they measured."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from idgan_sc.config import Settings
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table

NO_NOISE = "none"  # every factor is a code
MEND = "run `idgan-sc regularisers`"


@dataclass(frozen=True)
class Cell:
    """Describe one training of E or H.

    `noise` is the factor that the noise z carries, or NO_NOISE.
    """

    noise: str
    seed: int
    pair_rule: str
    pair_loss: str
    rotation: str


KEY = list(Cell.__dataclass_fields__)
COLUMNS = [*KEY, "codes", "loss_last", "loss", "accuracy", "accuracy_of_batch", "identical", "fingerprint", "source"]


def cells(study: Settings) -> list[Cell]:
    """Return every cell of the study.

    A rotation is left out where the noise is a factor of its plane.
    """
    kinds = list(itertools.product(study["pair_rules"], study["pair_losses"]))
    return [
        Cell(noise, seed, rule, loss, rotation)
        for noise, seed, (rule, loss) in itertools.product(study["noise"], range(study["seeds"]), kinds)
        for rotation, turn in study["rotations"].items()
        if noise not in turn.get("plane", ())
    ]


def rows_path(results: Results) -> Path:
    """Where the study's rows lie."""
    return results.root / "regularisers" / "rows.csv"


def ceilings_path(results: Results) -> Path:
    """Where `write_ceilings` writes."""
    return results.root / "regularisers" / "ceilings.csv"


def read_rows(path: Path) -> pd.DataFrame:
    """The cells that are measured so far, a row each.

    Raises
    ------
    DataError
        If the file is missing, damaged or lacks a column.
    """
    return read_table(path, COLUMNS, MEND)


def _trained_cells(path: Path) -> set[str]:
    """The fingerprints of the cells that are measured."""
    return set(read_rows(path)["fingerprint"]) if path.exists() else set()
