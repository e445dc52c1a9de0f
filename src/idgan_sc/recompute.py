"""Trains again what was recorded, and compares.

`verify` takes a sample of the runs, or named ones; `prove` the runs behind one claim, within a given time; `accept` the
first steps of every system, by an older source and by today's.
"""

import copy
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError, Run, with_predecessors
from idgan_sc.config.claims import claim_runs
from idgan_sc.evaluation.score import score
from idgan_sc.files import DataError, read_arrays, sha256, write_text
from idgan_sc.records.machine import KIND
from idgan_sc.records.record import check_hash, read_record, recorded_hashes
from idgan_sc.records.results import Results
from idgan_sc.source import PACKAGE, images_source
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import encode
from idgan_sc.training.prepare import prepare
from idgan_sc.training.train import train_seeds

UNITS = {"s": 1, "m": 60, "h": 3600}
OUTPUTS = ("weights.safetensors", "state.safetensors", "curve.npz", "log.csv")  # of a training
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


def prove(results: Results, claim: str, budget: float, chance: int) -> Iterator[Proof]:
    """Train runs behind `claim` in an empty folder, in random order, as long as their recorded time fits the budget.

    Where none fits, the first stretch of one that builds on no other run.

    Raises
    ------
    DataError
        If no run behind the claim has a record, or the budget is too short for a row of a log.
    """
    records = dict(_records(results, claim))
    if not records:
        raise DataError(f"no run behind {claim} at preset {results.preset} has a record below {results.root}")
    order = list(records)
    random.Random(chance).shuffle(order)
    started, proven = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="idgan-sc-prove-") as name:
        folder = Path(name)
        _share_data(results.root, folder)
        for run in order:
            if time.monotonic() - started + _expected(results, run, records, folder) > budget:
                continue
            proven += 1
            yield _prove_one(replace(results, root=folder), run, records[run])
        if not proven:
            yield _prove_stretch(results, order, folder, budget)


def _records(results: Results, claim: str) -> Iterator[tuple[Run, dict[str, Any]]]:
    for run in claim_runs(results.config, results.preset, claim):
        path = results.find(run, "record.json")
        if path.exists():
            record = read_record(path.parent)
            if results.of_these_settings(run, record):
                yield run, record


def _expected(results: Results, run: Run, records: dict[Run, dict[str, Any]], folder: Path) -> float:
    """Recorded seconds of a run and of what it builds on that is not trained in `folder` yet."""
    total = 0.0
    for earlier in with_predecessors(results.config, [run]):
        path = results.find(earlier, "record.json")
        if (folder / earlier.path / "record.json").exists():
            continue
        record = read_record(path.parent) if path.exists() else records[run]
        total += float(record["seconds"])
    return total


def _share_data(root: Path, folder: Path) -> None:
    """The images are checked inputs, not results: they are used where they lie."""
    if (root / "data").exists():
        (folder / "data").symlink_to((root / "data").absolute())


def _prove_one(empty: Results, run: Run, record: dict[str, Any]) -> Proof:
    again = _train(empty, run, record.get("seeds", [run.seed]))
    equal = {name: again["outputs"].get(name) == digest for name, digest in record["outputs"].items()}
    return _proof(run, equal, again, record)


def _train(empty: Results, run: Run, together: list[int]) -> dict[str, Any]:
    """The record of a run trained in an empty folder; its bytes depend on which seeds are trained `together`."""
    prepare(empty, run.dataset)
    train_seeds(empty.job(run), together)
    return read_record(empty.root / run.path)


def _proof(run: Run, equal: dict[str, bool], again: dict[str, Any], record: dict[str, Any]) -> Proof:
    same_kind = all(again.get(key) == record.get(key) for key in KIND)
    return Proof(run, equal, same_kind, again["source"] == record["source"])


def _prove_stretch(results: Results, order: list[Run], folder: Path, budget: float) -> Proof:
    """The first steps of the first run that builds on no other and whose log is there, as many as the budget holds."""
    first = [run for run in with_predecessors(results.config, order) if not results.before(run)]
    paths = {run: results.find(run, "log.csv") for run in first}
    run = next((run for run, path in paths.items() if path.exists()), None)
    if run is None:
        raise DataError(
            f"no run before {order[0]} has a log below {results.root}: raise the budget to train whole runs"
        )
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
    cut = Results(_cut(results.config, run, n), results.preset, folder)
    again = _train(cut, run, record.get("seeds", [run.seed]))
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


def choose(results: Results, names: list[str], sample: int | None) -> list[Run]:
    """The finished runs below `root` that are named, else a random sample of them, else (`sample` None) all.

    Raises
    ------
    ConfigError, DataError
        If a name is not that of a finished run, or there is none.
    """
    folders = [*results.root.glob("runs/*/*/*/*/record.json"), *results.root.glob("published/runs/*/*/*/*/record.json")]
    known = {
        str(run): run for run in (_run_of(results.preset, path) for path in folders) if _in_config(results.config, run)
    }
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            f"{unknown[0]}: no finished run below {results.root}; one of {', '.join(sorted(known)) or 'none'}"
        )
    if not known:
        raise DataError(f"no finished run of the configuration below {results.root}: nothing to verify")
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


def verify(results: Results, run: Run) -> bool:
    """Train, encode and score one run again in a temporary folder; print what differs, and whether it is as promised.

    Predecessors that lie below `root` are used after their own hashes are checked; others are trained as well.

    Raises
    ------
    DataError
        If the run was made by other settings or source than today's, or a predecessor or the data are damaged.
    """
    folder = results.find(run, "record.json").parent
    record = read_record(folder)
    if not results.of_these_settings(run, record):
        raise DataError(f"{folder} was made by other settings than today's: check out commit {record.get('commit')}")
    if record["source"] != results.source(run):
        print(f"{run}: was trained by source {record['source']}, is trained now by today's")
    config = copy.deepcopy(results.config)
    config["compute"]["threads"] = record.get("threads", config["compute"]["threads"])
    config["compute"]["device"] = "cpu" if record.get("device") == "cpu" else "auto"
    seeds = record.get("seeds", [run.seed])  # bytes depend on which were trained as one
    with tempfile.TemporaryDirectory(prefix="verify-", dir=results.root) as temporary:
        empty = Results(config, results.preset, Path(temporary))
        again = _recompute(results, empty, run, seeds, set(recorded_hashes(folder)))
        apart = _kind_differs(record, read_record(again))
        return _report(run, folder, again, apart)


def _recompute(results: Results, empty: Results, run: Run, seeds: list[int], wanted: set[str]) -> Path:
    images = prepare(results, run.dataset)
    images.verify()
    empty.images(run.dataset).parent.mkdir()
    empty.images(run.dataset).symlink_to(images.folder.resolve())
    for seed in seeds:
        _copy_predecessors(results, replace(run, seed=seed), empty.root)
    job = empty.job(run)
    train_seeds(job, seeds)
    if "codes.npz" in wanted or "scores.csv" in wanted:
        encode(job)
    if "scores.csv" in wanted:
        score(job)
    return job.folder


def _copy_predecessors(results: Results, run: Run, temporary: Path) -> None:
    """Put finished predecessors where the training looks for them; it checks their settings and hashes."""
    for earlier in results.before(run).values():
        _copy_predecessors(results, earlier, temporary)
        if not (results.root / earlier.path / "record.json").exists():
            continue
        if results.valid(earlier, read_record(results.root / earlier.path)):
            shutil.copytree(results.root / earlier.path, temporary / earlier.path, dirs_exist_ok=True)


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


# ------------------------------------------------------------------------------------- an edit that changes no number
def accept(results: Results, revision: str, reason: str, steps: int, repository: Path) -> Iterator[str]:
    """Prove that the source of a git revision makes the same numbers as today's, and list its hashes as accepted.

    Both draw every data set of the preset, train the first `steps` of every system on it, and score the baseline, on a
    small pool. Where all bytes are equal, `accepted.yaml` gets a line for each hash of the revision that is new to it.
    Says what was compared, a line each.

    Raises
    ------
    DataError
        If the revision is not in the repository, or anything comes out differently.
    """
    found: dict[str, set[str]] = {"trainings": set(), "baselines": set(), "images": set()}
    with tempfile.TemporaryDirectory(prefix="idgan-sc-accept-") as name:
        sides = _sides(results.config, results.preset, revision, steps, repository, Path(name))
        for dataset in results.datasets:
            for words, kind, digest in _compared(results, dataset, sides):
                found[kind] |= {digest} if digest else set()
                yield words
    yield str(_list_accepted(results, found, f"{reason} (the first {steps} steps of every system are equal)"))


@dataclass(frozen=True)
class _Side:
    """One of two sources: its package, its configuration cut short, and the results that it makes."""

    package: Path
    config: Path
    root: Path

    def call(self, *options: str) -> None:
        words = [sys.executable, "-m", "idgan_sc", "--config", str(self.config), *options, "--out", str(self.root)]
        self._run(words)

    def ask(self, code: str) -> str:
        """What a line of Python prints in this source; nothing where it does not know the names."""
        done = subprocess.run([sys.executable, "-c", code], env=self._env, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def _run(self, words: list[str]) -> None:
        done = subprocess.run(words, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DataError(f"{self.package}: {' '.join(words[3:])}: {done.stderr[-500:]}")

    @property
    def _env(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(self.package)}


def _sides(
    config: Config, preset: str, revision: str, steps: int, repository: Path, folder: Path
) -> tuple[_Side, _Side]:
    """The source of a revision, checked out below `folder`, and today's."""
    (folder / "old").mkdir()
    archive = subprocess.run(
        ["git", "-C", str(repository), "archive", revision, "src", "config.yaml"], capture_output=True, check=False
    )
    if archive.returncode:
        raise DataError(f"{revision}: {archive.stderr.decode().strip()}: name a commit of {repository}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        packed.extractall(folder / "old", filter="data")
    texts = {
        "old": (folder / "old/config.yaml").read_text(encoding="utf-8"),
        "new": yaml.safe_dump(configuration.without_factorial(config), allow_unicode=True, sort_keys=False),
    }
    for side, text in texts.items():
        short = yaml.safe_dump(_shortened(yaml.safe_load(text), preset, steps), allow_unicode=True, sort_keys=False)
        (folder / f"{side}.yaml").write_text(short, encoding="utf-8")
    return (
        _Side(folder / "old/src", folder / "old.yaml", folder / "of_old"),
        _Side(PACKAGE.parent, folder / "new.yaml", folder / "of_new"),
    )


def _shortened(config: Config, preset: str, steps: int) -> Config:
    """A configuration whose trainings end after `steps`, with small evaluations."""
    row = config["presets"][preset]
    small = {"pool": 2000, "std": 1000, "points": 1000}
    for dataset in row.get("runs", config["runs"]):
        here = row.setdefault("datasets", {}).setdefault(dataset, {})
        here["evaluation"] = {**here.get("evaluation", {}), **small}
        for system in config["systems"]:
            cut = {"steps": steps, "curve_points": 2}
            here["systems"] = here.get("systems", {}) | {system: here.get("systems", {}).get(system, {}) | cut}
    config["compute"]["device"] = "cpu"
    return config


def _compared(results: Results, dataset: str, sides: tuple[_Side, _Side]) -> Iterator[tuple[str, str, str]]:
    """Draw, train and score by both sources; what was compared, its kind and the older source's hash."""
    old = sides[0]
    place = ["--preset", results.preset, "--dataset", dataset]
    for side in sides:
        side.call("data", *place)
    folders = [side.root / "data" / dataset for side in sides]
    hashes = [json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["sha256"] for folder in folders]
    _refuse_unequal(f"images of {dataset}", hashes[0] == hashes[1])
    yield f"{dataset}: the same images", "images", json.loads((folders[0] / "made_by.json").read_text())["code"]
    chain = with_predecessors(results.config, [run for run in results.runs(dataset) if run.variant == "main"])
    for run in dict.fromkeys(replace(run, seed=0) for run in chain):
        for side in sides:
            side.call("train", *place, "--system", run.system)
        a, b = (side.root / run.path for side in sides)
        names = [name for name in OUTPUTS if (a / name).exists()]
        for name in names:
            _refuse_unequal(f"{name} of {run}", (_largest(a / name, b / name) or (1.0, ""))[0] == 0.0)
        yield f"{run}: equal: {', '.join(names)}", "trainings", read_record(a)["source"]
    if configuration.scored(results.config, dataset):
        for side in sides:
            side.call("floor", *place)
        tables = [pd.read_csv(side.root / "floor" / f"{dataset}.csv").drop(columns="fingerprint") for side in sides]
        _refuse_unequal(f"the baseline of {dataset}", tables[0].equals(tables[1]))
        code = (
            "from pathlib import Path; from idgan_sc.config import load; from idgan_sc.records.results import Results; "
            f"print(Results(load({str(old.config)!r}), {results.preset!r}, Path()).floor_source({dataset!r}))"
        )
        yield f"{dataset}: the same baseline", "baselines", old.ask(code)


def _refuse_unequal(what: str, equal: bool) -> None:
    if not equal:
        raise DataError(f"{what}: the two sources make different bytes: nothing is accepted")


def _list_accepted(results: Results, found: dict[str, set[str]], reason: str) -> Path:
    """Add hashes to `accepted.yaml`, those that are there or are today's left out."""
    path = results.root / "accepted.yaml"
    listed = (yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None) or {}
    today = {results.source(run) for run in with_predecessors(results.config, results.planned)}
    today |= {results.floor_source(data) for data in results.datasets} | {images_source(d) for d in results.datasets}
    for kind, hashes in found.items():
        known = listed.setdefault(kind, {})
        known |= {digest: reason for digest in sorted(hashes - today) if digest not in known}
    return write_text(path, ACCEPTED_HEAD + yaml.safe_dump(listed, allow_unicode=True, sort_keys=False, width=120))


ACCEPTED_HEAD = """\
# Source hashes whose results count as today's do, since the edits after them change no number; `idgan-sc accept` writes
# them. For each kind of work, lines of `hash: reason`. A baseline has two hashes where training and scoring were hashed
# apart.
"""
