"""Reads the gathered scores that tables and figures are made of."""

import filecmp
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import DATASET, PROTOCOL, Settings, generators_by_reader
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table
from idgan_sc.report.statistics import summary
from idgan_sc.report.words import BASELINES, METRIC_LABELS

WHOLE = ("seed", "k", "step", "draw")  # columns of whole numbers
SCORE_KEY = ["dataset", "system", "variant", "seed", "code", "metric", "protocol"]


def read_generator_table(path: Path) -> pd.DataFrame:
    """A tidy table of generators; a value may be absent where a reason is given."""
    return read_table(path, ("system", "variant", "seed", "value"), "run `idgan-sc match`, then `gather-generators`")


def select(frame: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """Rows whose columns have the wanted values, or one of a list of them."""
    columns = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
    return frame[np.logical_and.reduce([frame[name].isin(values) for name, values in columns.items()])]


def datasets_by_reader(results: Results, scores: pd.DataFrame) -> list[str]:
    """The data sets whose generators were read, of those that a preset runs.

    Raises
    ------
    DataError
        If the preset runs none, or no generator was read.
    """
    found = list(dict.fromkeys(run.dataset for run in generators_by_reader(results.config, results.preset)))
    if not found:
        raise DataError(
            f"preset {results.preset} has no GAN on {' or '.join(configuration.LABELLED)}: name one in its `runs`"
        )
    there = [name for name in found if name in set(scores["dataset"])]
    if not there:
        raise DataError(f"no generator of {' or '.join(found)} is measured: run `idgan-sc read-generator`")
    return there


def baseline_cells(root: Path, dataset: str = DATASET, protocol: str = PROTOCOL) -> Iterator[list[dict[str, Any]]]:
    """Yield the cells of the baselines, which learned nothing.

    There is one list for each kind of baseline and number of codes. It has one cell for each metric.
    """
    scores, whence = read_baselines(root, dataset, protocol), _baseline_origin(root, dataset)
    for system, (code, words) in BASELINES.items():
        mine = scores[(scores["system"] == system) & (scores["code"] == code)]
        for k, of_k in mine.groupby("k"):
            key_columns = {"dataset": dataset, "system": system, "code": code, "label": words, "k": k, "origin": whence}
            key_columns |= {"protocol": protocol, "variant": of_k["variant"].iloc[0]}
            yield [
                summary_cell(of_k[of_k["metric"] == name]) | key_columns | {"metric": name} for name in METRIC_LABELS
            ]


def read_baselines(root: Path, dataset: str = DATASET, protocol: str = PROTOCOL) -> pd.DataFrame:
    """Read the baseline scores of a data set.

    A baseline is a representation that learned nothing. The published scores are read if there are none here.
    """
    places = [folder / "floor" / f"{dataset}.csv" for folder in (root, root / "published")]
    found = next((path for path in places if path.exists()), places[0])
    frame = read_scores(found, SCORE_KEY, f"baseline --dataset {dataset}")
    return frame[frame["protocol"] == protocol]


def _baseline_origin(root: Path, dataset: str) -> str:
    """Say whether the baseline comes from `here` or is `published`.

    It is also `published` if the file here is a copy of the published one.
    """
    here, published = (folder / "floor" / f"{dataset}.csv" for folder in (root, root / "published"))
    if here.exists() and not (published.exists() and filecmp.cmp(here, published, shallow=False)):
        return "here"
    return "published"


def read_scores(path: Path, key: list[str], command: str = "gather") -> pd.DataFrame:
    """Read a tidy table of scores, written by `idgan-sc command`.

    `key` tells its rows apart. The numbers are in `value`.

    Raises
    ------
    DataError
        If it is missing or damaged, lacks a column, holds a cell twice, or a score that is not a number.
    """
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError as error:
        first = "score the runs, then " if command == "gather" else ""
        raise DataError(f"{path} is missing: {first}run `idgan-sc {command}`") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): delete it and run `idgan-sc {command}` again") from error
    absent = [column for column in [*key, "k", "value"] if column not in frame]
    if absent:
        raise DataError(f"{path} lacks the columns {', '.join(absent)}: delete it and run `idgan-sc {command}` again")
    for column in [name for name in WHOLE if name in frame]:
        values = pd.to_numeric(frame[column], errors="coerce")
        wrong = ~(values >= 0) | (values % 1 != 0)
        if wrong.any():
            found = str(frame.loc[wrong, column].iloc[0])
            raise DataError(f"{path}: {column} is {found!r}, no whole number: delete it, then `idgan-sc {command}`")
        frame[column] = values.astype(int)
    for wrong, what in (
        (frame.duplicated(key), "stands twice"),
        (~np.isfinite(pd.to_numeric(frame["value"], errors="coerce")), "is not a number"),
    ):
        if wrong.any():
            cell = "/".join(str(value) for value in frame.loc[wrong, key].iloc[0])
            raise DataError(f"{path}: {cell} {what}: score that run again, then run `idgan-sc {command}`")
    return frame


def scored_codes(settings: Settings) -> list[str]:
    """Return which codes of a system are scored, the headline first.

    For FactorVAE, samples come first: it is cited for them, and the released code scored them.
    """
    if settings["family"] == "gan":
        return ["q_mean"] if settings["q"] == "learned" else ["vae_mean"]
    return ["vae_sample", "vae_mean"] if settings["objective"] == "factor" else ["vae_mean", "vae_sample"]


def summary_cell(found: pd.DataFrame, dataset: str = DATASET) -> dict[str, Any]:
    key_columns = asdict(summary(found["value"].to_numpy(float)))
    return {"dataset": dataset, "protocol": PROTOCOL, **key_columns, "missing": key_columns["n"] == 0}
