"""Logs of trainings for TensorBoard and, offline, for Weights & Biases.

No training needs this: it reads `log.csv` of runs that are finished, or published.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.files import DataError, new_folder
from idgan_sc.records.record import read_record
from idgan_sc.records.tables import read_table

OF_RUN = ("preset", "dataset", "system", "variant", "seed")


@dataclass(frozen=True)
class Log:
    """What a training logged, its name and its settings."""

    name: str
    table: pd.DataFrame
    settings: dict[str, Any]

    def steps(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Each row's step and what it holds; a cell that is empty is left out."""
        for row in self.table.to_dict("records"):
            step = int(row.pop("step"))
            yield step, {str(key): float(value) for key, value in row.items() if not pd.isna(value)}


def read_log(path: Path) -> Log:
    """A run's log, named as its record says.

    Such as `desk/dsprites/infogan/main/0`; without a record, by the end of its path.
    """
    table = read_table(path, ["step"], "train the run again")
    if not path.with_name("record.json").exists():
        return Log("/".join(path.parent.absolute().parts[1:][-len(OF_RUN) :]), table, {})
    record = read_record(path.parent)
    return Log("/".join(str(record[key]) for key in OF_RUN), table, record["settings"])


def write_logs(folders: Sequence[Path], to: Path, write: Callable[[Path, Sequence[Log]], None]) -> Path:
    """Write every `log.csv` below `folders` to the new folder `to`.

    The folder appears whole or not at all.

    Raises
    ------
    DataError
        If `to` exists, if there is no log, if one is damaged, or if two have one name.
    """
    with new_folder(to) as temporary:
        logs = [read_log(path) for folder in folders for path in sorted(folder.rglob("log.csv"))]
        if not logs:
            raise DataError(
                f"{', '.join(map(str, folders))}: no log.csv there: name the folder of a run, or one above runs"
            )
        names = [log.name for log in logs]
        for name in names:
            if names.count(name) > 1:
                raise DataError(f"two logs are of the run {name}: give their folders one at a time")
        write(temporary, logs)
    return to


def to_tensorboard(folder: Path, logs: Sequence[Log]) -> None:
    """Write each log as an event file, the settings as a text."""
    from tensorboardX import SummaryWriter

    for log in logs:
        with SummaryWriter(str(folder / log.name)) as writer:
            writer.add_text("settings", json.dumps(log.settings, indent=1, ensure_ascii=False))
            for step, values in log.steps():
                for key, value in values.items():
                    writer.add_scalar(key, value, step)


def to_wandb(folder: Path, logs: Sequence[Log]) -> None:
    """Write each log as an offline run, which `wandb sync` takes to a server."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # offline means offline
    import wandb

    quiet = wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True)
    try:
        for log in logs:
            run = wandb.init(
                mode="offline", dir=str(folder), project="idgan-sc", name=log.name, id=log.name.replace("/", "-"),
                config=log.settings, settings=quiet,
            )  # fmt: skip
            for step, values in log.steps():
                run.log(values, step=step)
            run.finish()
    finally:
        wandb.teardown()  # only then are all files written


FORMATS = {"tensorboard": to_tensorboard, "wandb": to_wandb}
