"""`make prove`: train runs behind a claim again, picked at random, and compare what comes out with the records.

Where the budget holds no whole run, the first steps of one are trained, and its log is compared as far as it goes.
"""

import copy
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idgan_sc import config as configuration
from idgan_sc import provenance
from idgan_sc.config import Config, ConfigError, Run
from idgan_sc.files import DataError
from idgan_sc.provenance import with_predecessors
from idgan_sc.report.documents import claim_runs

UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Proof:
    """One run trained again: what came out as recorded, and whether machine and source are the same."""

    run: Run
    equal: dict[str, bool]  # by file, or by the stretch of the log that was trained
    same_kind: bool
    same_source: bool

    @property
    def words(self) -> str:
        if all(self.equal.values()):
            return "equal: " + ", ".join(self.equal)
        differ = "differs: " + ", ".join(name for name, equal in self.equal.items() if not equal)
        if not self.same_source:
            return f"{differ} (the source has changed since the record)"
        return differ if self.same_kind else f"{differ} (another kind of machine than the record's: bytes may differ)"

    @property
    def failed(self) -> bool:
        return self.same_kind and self.same_source and not all(self.equal.values())


def seconds(text: str) -> float:
    """A budget such as 90s, 30m or 2h in seconds.

    >>> seconds("30m"), seconds("1.5h")
    (1800.0, 5400.0)
    """
    try:
        budget = float(text[:-1]) * UNITS[text[-1:]]
        if not 0 < budget < float("inf"):
            raise ValueError(text)
        return budget
    except (ValueError, KeyError) as error:
        raise ConfigError(f"budget {text}: a number with s, m or h, such as 30m") from error


def prove(config: Config, preset: str, root: Path, claim: str, budget: float, chance: int) -> Iterator[Proof]:
    """Train runs behind `claim` in an empty folder, in random order, as long as their recorded time fits the budget.

    Where none fits, the first stretch of one that builds on no other run.

    Raises
    ------
    DataError
        If no run behind the claim has a record, or the budget is too short for a row of a log.
    """
    records = dict(_records(config, preset, root, claim))
    if not records:
        raise DataError(f"no run behind {claim} at preset {preset} has a record below {root}")
    order = list(records)
    random.Random(chance).shuffle(order)
    started, proven = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="idgan-sc-prove-") as name:
        folder = Path(name)
        _share_data(root, folder)
        for run in order:
            if time.monotonic() - started + _expected(config, run, records, root, folder) > budget:
                continue
            proven += 1
            yield _prove_one(config, run, records[run], folder)
        if not proven:
            yield _prove_stretch(config, order, root, folder, budget)


def _records(config: Config, preset: str, root: Path, claim: str) -> Iterator[tuple[Run, dict[str, Any]]]:
    for run in claim_runs(config, preset, claim):
        path = provenance.artifact(config, run, "record.json", root)
        if path.exists():
            record = provenance.read_record(path.parent)
            if provenance.of_these_settings(config, run, record):
                yield run, record


def _expected(config: Config, run: Run, records: dict[Run, dict[str, Any]], root: Path, folder: Path) -> float:
    """Recorded seconds of a run and of what it builds on that is not trained in `folder` yet."""
    total = 0.0
    for earlier in with_predecessors(config, [run]):
        path = provenance.artifact(config, earlier, "record.json", root)
        if (folder / earlier.path / "record.json").exists():
            continue
        record = provenance.read_record(path.parent) if path.exists() else records[run]
        total += float(record["seconds"])
    return total


def _share_data(root: Path, folder: Path) -> None:
    """The images are checked inputs, not results: they are used where they lie."""
    if (root / "data").exists():
        (folder / "data").symlink_to((root / "data").absolute())


def _prove_one(config: Config, run: Run, record: dict[str, Any], folder: Path) -> Proof:
    again = _train(config, run, record.get("seeds", [run.seed]), folder)
    equal = {name: again["outputs"].get(name) == digest for name, digest in record["outputs"].items()}
    return _proof(run, equal, again, record)


def _train(config: Config, run: Run, together: list[int], folder: Path) -> dict[str, Any]:
    """The record of a run that is trained below `folder`; its bytes depend on which seeds are trained `together`."""
    from idgan_sc.cli import prepare
    from idgan_sc.train import train_seeds

    prepare(config, run.preset, run.dataset, folder)
    train_seeds(config, run, together, folder)
    return provenance.read_record(folder / run.path)


def _proof(run: Run, equal: dict[str, bool], again: dict[str, Any], record: dict[str, Any]) -> Proof:
    same_kind = all(again.get(key) == record.get(key) for key in provenance.KIND)
    return Proof(run, equal, same_kind, again["source"] == record["source"])


def _prove_stretch(config: Config, order: list[Run], root: Path, folder: Path, budget: float) -> Proof:
    """The first steps of the first run that builds on no other and whose log is there, as many as the budget holds."""
    first = [run for run in with_predecessors(config, order) if not configuration.predecessors(config, run)]
    paths = {run: provenance.artifact(config, run, "log.csv", root) for run in first}
    run = next((run for run, path in paths.items() if path.exists()), None)
    if run is None:
        raise DataError(f"no run before {order[0]} has a log below {root}: raise the budget to train whole runs")
    provenance.check_hash(paths[run].parent, "log.csv", "restore it from the commit of its record")
    record = provenance.read_record(paths[run].parent)
    every, steps = record["settings"]["log_every"], record["settings"]["steps"]
    n = int(budget * steps / record["seconds"]) // every * every
    if n < every:
        least = record["seconds"] * every / steps
        raise DataError(
            f"the budget of {budget:.0f} s is too short: the first {every} steps of {run} take {least:.0f} s"
        )
    n = min(n, steps // every * every)
    again = _train(_cut(config, run, n), run, record.get("seeds", [run.seed]), folder)
    rows = (folder / run.path / "log.csv").read_text(encoding="utf-8").splitlines()
    recorded = paths[run].read_text(encoding="utf-8").splitlines()
    return _proof(run, {f"the first {n} of {steps} steps of log.csv": rows == recorded[: len(rows)]}, again, record)


def _cut(config: Config, run: Run, steps: int) -> Config:
    """The configuration with fewer steps for one run's system, and codes saved at both ends only.

    A step does not depend on how many follow.
    """
    changed = copy.deepcopy(config)
    here = changed["presets"][run.preset].setdefault("datasets", {}).setdefault(run.dataset, {})
    here.setdefault("systems", {}).setdefault(run.system, {}).update(steps=steps, curve_points=2)
    return changed
