"""Gathers the runs' scores, generator scores and leakage into one table each."""

from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import Config, Run, generators, planned, read_generators, scored
from idgan_sc.config.runs import measured_runs
from idgan_sc.evaluation.score import _write
from idgan_sc.files import DataError, write_atomic
from idgan_sc.records import published
from idgan_sc.records.published import GATHERED, artifact, valid, without_missing
from idgan_sc.records.record import check_hash, read_record

TOGETHER = {"scores.csv": "scores.csv", "curve.csv": "curves.csv", "association.csv": "associations.csv"}  # of all runs


def gather_leakage(config: Config, preset: str, root: Path, allow_missing: bool = False) -> Path:
    """Write `leakage.csv` of a preset, a row a run: mean share of change outside a code's own factor, entropies.

    With `allow_missing`, of the runs that are measured; the others are named on stderr.

    Raises
    ------
    DataError
        If a run is not measured, or none is.
    """
    chosen = measured_runs(config, preset)
    if allow_missing:
        chosen = without_missing(config, chosen, root, ["leakage.csv"])
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
    path = artifact(config, run, "leakage.csv", root)
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


def gather_generators(config: Config, preset: str, root: Path, allow_missing: bool = False) -> list[Path]:
    """Write `generator_scores.csv` of all measured generators of a preset and `pair_labels.csv` of the matched ones.

    With `allow_missing`, of those that are measured, and no `pair_labels.csv` of none; the others are named on stderr.

    Raises
    ------
    DataError
        If a generator is not measured, or none is.
    """
    matched = generators(config, preset)
    runs = {
        "generator_scores.csv": [*matched, *read_generators(config, preset)],
        "pair_labels.csv": matched,
    }
    written = []
    for name, measured in runs.items():
        if allow_missing:
            measured = without_missing(config, measured, root, [name], published.measured)
        tables = [_read(published.measured(config, run, name, root)) for run in measured]
        if tables:
            written.append(write_table(root / name, pd.concat(tables)))
    if not written:
        raise DataError(f"no generator below {root} is measured: nothing to gather")
    return written


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is missing or damaged ({error}): run `idgan-sc match` or `read-generator` for it"
        ) from error


def gather(config: Config, preset: str, root: Path, allow_missing: bool = False) -> list[Path]:
    """Write `scores.csv`, `curves.csv` and `associations.csv` of all runs that the tables of a preset are made of.

    With `allow_missing`, of those that are scored; the others are named on stderr, and the tables say `missing`.

    Raises
    ------
    DataError
        If a run is not scored, or damaged, or the runs were trained by source of different hashes, none accepted.
    """
    runs = [run for run in planned(config, preset) if scored(config, run.dataset)]
    if allow_missing:
        runs = without_missing(config, runs, root, GATHERED)
    if not runs:
        raise DataError(f"no run below {root} is scored: nothing to gather")
    for dataset in sorted({run.dataset for run in runs}):
        _refuse_mixed_sources(config, [run for run in runs if run.dataset == dataset], root)
    _refuse_other_predecessors(config, runs, root)
    written = []
    for one, together in TOGETHER.items():
        table = pd.concat([_read_table(artifact(config, run, one, root)) for run in runs])
        written.append(_write(root / together, table))
    return written


def _refuse_mixed_sources(config: Config, runs: list[Run], root: Path) -> None:
    """Refuse a run that was trained by source that does not count: what is compared is made in one way."""
    for run in runs:
        folder = artifact(config, run, "record.json", root).parent
        if not valid(config, run, read_record(folder), root):
            raise DataError(
                f"{folder} was trained by other settings or source than today's: train it again, or list a source "
                f"whose difference changes no number in {root / 'accepted.yaml'}"
            )


def _refuse_other_predecessors(config: Config, runs: list[Run], root: Path) -> None:
    """Runs of one seed are compared pair by pair: what they build on must be one training, not two of equal settings.

    Another kind of machine makes other bytes of the same seed, and a GAN amplifies them to another model.
    """
    first: dict[str, tuple[str, Run]] = {}  # path of a predecessor -> hash of its weights, and who says so
    for run in runs:
        record = read_record(artifact(config, run, "record.json", root).parent)
        own = {str(run.path): record["outputs"].get("weights.safetensors")}
        for path, weights in (own | {row["path"]: row.get("weights") for row in record["before"].values()}).items():
            known, by = first.setdefault(path, (weights, run)) if weights else (weights, run)
            if known != weights:
                raise DataError(
                    f"{run} builds on another training of {path} than {by}, so that they cannot be compared: "
                    f"train all of seed {run.seed} again on one machine"
                )


def _read_table(path: Path) -> pd.DataFrame:
    check_hash(path.parent, path.name, "delete it and run `idgan-sc score` for it")
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"{path} is missing or damaged ({said}): run `idgan-sc score` for it") from error
