"""`idgan-sc verify` and `idgan-sc prove`: trains again what was recorded and compares.

`verify` takes a sample of the runs, or named ones; `prove` the runs behind one claim, within given hours.
"""

import copy
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError, Run, with_predecessors
from idgan_sc.config.claims import claim_runs
from idgan_sc.evaluation.score import score
from idgan_sc.files import DataError, read_arrays, sha256
from idgan_sc.records.machine import KIND
from idgan_sc.records.published import artifact, of_these_settings, valid
from idgan_sc.records.record import check_hash, read_record, recorded_hashes, source_of
from idgan_sc.training import checkpoint
from idgan_sc.training.device import use_device
from idgan_sc.training.encode import encode
from idgan_sc.training.prepare import prepare
from idgan_sc.training.train import train_seeds

UNITS = {"s": 1, "m": 60, "h": 3600}
TOLERANCE = 1e-2  # between kinds: the largest difference of a weight, code or score that is called agreement


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
        path = artifact(config, run, "record.json", root)
        if path.exists():
            record = read_record(path.parent)
            if of_these_settings(config, run, record):
                yield run, record


def _expected(config: Config, run: Run, records: dict[Run, dict[str, Any]], root: Path, folder: Path) -> float:
    """Recorded seconds of a run and of what it builds on that is not trained in `folder` yet."""
    total = 0.0
    for earlier in with_predecessors(config, [run]):
        path = artifact(config, earlier, "record.json", root)
        if (folder / earlier.path / "record.json").exists():
            continue
        record = read_record(path.parent) if path.exists() else records[run]
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
    from idgan_sc.training.prepare import prepare
    from idgan_sc.training.train import train_seeds

    prepare(config, run.preset, run.dataset, folder)
    train_seeds(config, run, together, folder)
    return read_record(folder / run.path)


def _proof(run: Run, equal: dict[str, bool], again: dict[str, Any], record: dict[str, Any]) -> Proof:
    same_kind = all(again.get(key) == record.get(key) for key in KIND)
    return Proof(run, equal, same_kind, again["source"] == record["source"])


def _prove_stretch(config: Config, order: list[Run], root: Path, folder: Path, budget: float) -> Proof:
    """The first steps of the first run that builds on no other and whose log is there, as many as the budget holds."""
    first = [run for run in with_predecessors(config, order) if not configuration.predecessors(config, run)]
    paths = {run: artifact(config, run, "log.csv", root) for run in first}
    run = next((run for run, path in paths.items() if path.exists()), None)
    if run is None:
        raise DataError(f"no run before {order[0]} has a log below {root}: raise the budget to train whole runs")
    check_hash(paths[run].parent, "log.csv", "restore it from the commit of its record")
    record = read_record(paths[run].parent)
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


def choose(config: Config, preset: str, root: Path, names: list[str], sample: int | None) -> list[Run]:
    """The finished runs below `root` that are named, else a random sample of them, else (`sample` None) all.

    Raises
    ------
    ConfigError, DataError
        If a name is not that of a finished run, or there is none.
    """
    folders = [*root.glob("runs/*/*/*/*/record.json"), *root.glob("published/runs/*/*/*/*/record.json")]
    known = {str(run): run for run in (_run_of(preset, path) for path in folders) if _in_config(config, run)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"{unknown[0]}: no finished run below {root}; one of {', '.join(sorted(known)) or 'none'}")
    if not known:
        raise DataError(f"no finished run of the configuration below {root}: nothing to verify")
    chosen = names or sorted(known)
    if not names and sample is not None:
        chosen = sorted(random.SystemRandom().sample(chosen, min(sample, len(chosen))))
    return [known[name] for name in chosen]


def _run_of(preset: str, record: Path) -> Run:
    dataset, system, variant, seed = record.parts[-5:-1]
    return Run(preset, dataset, system, variant, int(seed) if seed.isdigit() else -1)


def _in_config(config: Config, run: Run) -> bool:
    named = run.dataset in config["datasets"] and run.system in config["systems"] and run.variant in config["variants"]
    return named and run.seed >= 0 and configuration.applies(config, run.variant, run.system)


def verify(config: Config, run: Run, root: Path) -> bool:
    """Train, encode and score one run again in a temporary folder; print what differs, and whether it is as promised.

    Predecessors that lie below `root` are used after their own hashes are checked; others are trained as well.

    Raises
    ------
    DataError
        If the run was made by other settings or source than today's, or a predecessor or the data are damaged.
    """
    folder = artifact(config, run, "record.json", root).parent
    record = read_record(folder)
    if not of_these_settings(config, run, record):
        raise DataError(f"{folder} was made by other settings than today's: check out commit {record.get('commit')}")
    if record["source"] != source_of(config, run):
        print(f"{run}: was trained by source {record['source']}, is trained now by today's")
    config = copy.deepcopy(config)
    config["compute"]["threads"] = record.get("threads", config["compute"]["threads"])
    config["compute"]["device"] = "cpu" if record.get("device") == "cpu" else "auto"
    seeds = record.get("seeds", [run.seed])  # bytes depend on which were trained as one
    with tempfile.TemporaryDirectory(prefix="verify-", dir=root) as temporary:
        again = _recompute(config, run, seeds, root, Path(temporary), set(recorded_hashes(folder)))
        apart = _kind_differs(record, read_record(again))
        return _report(run, folder, again, apart)


def _recompute(config: Config, run: Run, seeds: list[int], root: Path, temporary: Path, wanted: set[str]) -> Path:
    images = prepare(config, run.preset, run.dataset, root)
    images.verify()
    (temporary / "data").mkdir()
    (temporary / "data" / run.dataset).symlink_to(images.folder.resolve())
    for seed in seeds:
        _copy_predecessors(config, replace(run, seed=seed), root, temporary)
    train_seeds(config, run, seeds, temporary)
    folder = temporary / run.path
    if "codes.npz" in wanted or "scores.csv" in wanted:
        encode(folder, images, run.preset, use_device(config))
    if "scores.csv" in wanted:
        score(run, folder, images, configuration.evaluation(config, run.preset, run.dataset))
    return folder


def _copy_predecessors(config: Config, run: Run, root: Path, temporary: Path) -> None:
    """Put finished predecessors where the training looks for them; it checks their settings and hashes."""
    for earlier in configuration.predecessors(config, run).values():
        _copy_predecessors(config, earlier, root, temporary)
        if not (root / earlier.path / "record.json").exists():
            continue
        if valid(config, earlier, read_record(root / earlier.path), root):
            shutil.copytree(root / earlier.path, temporary / earlier.path, dirs_exist_ok=True)


def _kind_differs(record: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [f"{key} {record.get(key)}, here {now.get(key)}" for key in KIND if record.get(key) != now.get(key)]


def _report(run: Run, folder: Path, again: Path, apart: list[str]) -> bool:
    """Print one line for the run, or one a file that differs; whether all is as promised."""
    hashes = recorded_hashes(folder)
    compared = [name for name in hashes if (again / name).exists()]
    differing = [name for name in compared if hashes[name] != sha256(again / name)]
    altered = [n for n in hashes if (folder / n).exists() and sha256(folder / n) != hashes[n]]
    for name in altered:
        print(f"{run}: {folder / name} is not what was recorded: damaged or changed since")
    if not differing:
        print(f"{run}: the same bytes as recorded: {', '.join(compared)}")
        return not altered
    if apart:
        print(f"{run}: recorded on another kind of machine ({'; '.join(apart)}): compared by tolerance, not by bytes")
    sizes = {name: _largest(folder / name, again / name) if name not in altered else None for name in differing}
    for name, size in sizes.items():
        words = (
            "its size is not known, the recorded file is not here"
            if size is None
            else f"at most {size[0]:.3g} ({size[1]})"
        )
        print(f"{run}: {name} differs from the recorded hash by {words}")
    known = [size[0] for size in sizes.values() if size]
    agree = bool(apart) and len(known) == len(sizes) and max(known) <= TOLERANCE
    if apart:
        print(f"{run}: {'within' if agree else 'not within'} {TOLERANCE:g}")
    return agree and not altered


def _largest(one: Path, other: Path) -> tuple[float, str] | None:
    """The largest difference of two files' numbers and where it is; infinite where names or shapes differ."""
    if not one.exists():
        return None
    a, b = dict(_arrays(one)), dict(_arrays(other))
    if a.keys() != b.keys():
        return np.inf, f"only one has {sorted(a.keys() ^ b.keys())[0]}"
    found = {name: _distance(array, b[name]) for name, array in a.items()}
    worst = max(found, key=lambda name: found[name])
    return found[worst], f"in {worst}"


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return np.inf
    if a.dtype.kind not in "fiu":
        return 0.0 if np.array_equal(a, b) else np.inf
    difference = np.abs(a.astype(float) - b.astype(float))
    return float(np.where(np.isnan(a) & np.isnan(b), 0.0, difference).max(initial=0.0))


def _arrays(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    if path.suffix == ".safetensors":
        for name, tensor in checkpoint.read(path)[0].items():
            yield name, tensor.to(torch.float64).numpy()
    elif path.suffix == ".npz":
        yield from read_arrays(path, "run the step again").items()
    else:
        for column, values in pd.read_csv(path).items():
            yield str(column), np.asarray(values)
