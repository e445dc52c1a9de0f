"""Trains again what was recorded, and compares.

`verify` takes a sample of the runs, or named ones; `prove` the runs behind one claim, within a given time;
`first_steps` one run, as far as it gets; `accept` the first steps of every system, by an older source and by today's.
"""

import contextlib
import copy
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from types import FrameType

import numpy as np
import pandas as pd
import torch
import yaml

from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError, Run, listed, with_predecessors
from idgan_sc.config.claims import claim_runs
from idgan_sc.evaluation.score import score
from idgan_sc.files import DataError, read_arrays, sha256, write_text
from idgan_sc.records.agreement import Arrays, Proof, compare_logs, largest, verdict
from idgan_sc.records.machine import OF_GPU, differences, machine_for
from idgan_sc.records.record import read_record, recorded_hashes
from idgan_sc.records.results import Job, Results, Row
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import encode
from idgan_sc.training.prepare import ensure_images
from idgan_sc.training.train import train_seeds

UNITS = {"s": 1, "m": 60, "h": 3600}
OUTPUTS = ("weights.safetensors", "state.safetensors", "curve.npz", "log.csv")  # of a training
LAST = 10  # seconds of a budget that are kept for the comparison and for cleaning up
SAVED = 5  # seconds between checkpoints under a deadline: steps after the last one are lost


class OutOfTime(BaseException):
    """The deadline; no handler of errors takes it for one."""


def budget_seconds(text: str) -> float:
    """A budget such as 90s, 30m or 2h in seconds.

    >>> budget_seconds("30m"), budget_seconds("1.5h")
    (1800.0, 5400.0)
    """
    try:
        budget = float(text[:-1]) * UNITS[text[-1:]]
        if not 0 < budget < float("inf"):
            raise ValueError(text)
        return budget
    except (ValueError, KeyError) as error:
        raise ConfigError(f"--budget {text} is no time: give a number with s, m or h, such as 30m") from error


# ------------------------------------------------------------------------------------------- the runs behind one claim
def prove(results: Results, claim: str, budget: float, chance: int, gone: float = 0.0) -> Iterator[Proof]:
    """Train the runs behind a claim again and compare them with their records.

    The runs that they build on are trained first. The order is random, but runs recorded on this kind of machine
    come first. A run is chosen if it fits in the time left, by the speed measured so far. If none fits and none
    is proven yet, one is trained as far as it gets.

    Everything ends within `budget` seconds. The run in training is then compared as far as it is. Of these
    seconds, `gone` have already passed.

    Raises
    ------
    DataError
        If no run behind the claim has a record, or the budget is too short for a row of a log.
    """
    ends = time.monotonic() - gone + budget - min(LAST, budget / 10)
    order = _order(results, claim, chance)
    with tempfile.TemporaryDirectory(prefix="idgan-sc-prove-") as name:
        empty, pace, proven = replace(results, root=Path(name)), 1.0, 0
        while order := [run for run in order if not _finished(empty, run)]:  # others may build on it
            left = ends - time.monotonic()
            chains = {run: _chain(results, empty, run) for run in order}
            fitting = [run for run in order if pace * sum(map(_cost, chains[run].values())) <= left]
            if proven and not fitting:
                return
            logged = [run for run in order if results.find(next(iter(chains[run])), "log.csv").exists()]
            run = (fitting or logged or order)[0]
            for each, record in chains[run].items():
                began = time.monotonic()
                finished = _train_until(ends, results, empty, each, record, min(SAVED, budget / 20))
                proof = _proof(results, empty, each) if _record(results, each) else None
                if proof:
                    yield proof
                if not finished and not (proof or proven):
                    raise DataError(f"the budget of {budget:.0f} s is too short: {_done(empty, each, record)}")
                if not finished:
                    return
                pace, proven = (time.monotonic() - began) / _cost(record), proven + 1


def _order(results: Results, claim: str, chance: int) -> list[Run]:
    """Order the recorded runs behind a claim at random, by machine.

    Runs of this kind of machine come first. Runs that do not name their machine come next.
    """
    order = [run for run in claim_runs(results.config, results.preset, claim) if _record(results, run)]
    if not order:
        raise DataError(
            f"no run behind {claim} at preset {results.preset} has a record below {results.root}: train one first, or "
            "name another --claim or --preset"
        )
    random.Random(chance).shuffle(order)
    apart = {run: differences(_record(results, run), machine_for(_record(results, run))) for run in order}
    return sorted(order, key=lambda run: [bool(words) for words in apart[run]])


def _record(results: Results, run: Run) -> Row:
    """The record of a run of today's settings; empty where there is none."""
    path = results.find(run, "record.json")
    record = read_record(path.parent) if path.exists() else {}
    return record if record and results.of_these_settings(run, record) else {}


def _chain(results: Results, empty: Results, run: Run) -> dict[Run, Row]:
    """List the trainings that a run still needs, in order.

    Each comes with the record to train it by. A predecessor without a record gets the run's record.
    """
    todo = [run for run in with_predecessors(results.config, [run]) if not _finished(empty, run)]
    return {each: _record(results, each) or _record(results, run) for each in todo}


def _cost(record: Row) -> float:
    """Return the seconds that a training took, by its record.

    The time covers all seeds that were trained as one.
    """
    return float(record["seconds"]) * len(record.get("seeds", [0]))


def _train_until(ends: float, results: Results, empty: Results, run: Run, record: Row, save_every: float) -> bool:
    """Train a run in an empty folder until a time limit.

    Return whether it is finished.
    """
    try:
        with _deadline(ends):
            _train(results, empty, run, record, checkpoint_seconds=save_every)
        return True
    except OutOfTime:
        return False


@contextlib.contextmanager
def _deadline(ends: float) -> Iterator[None]:
    """Raise OutOfTime at `ends`, and again if whatever runs then swallows it."""

    def ring(signum: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(ends - time.monotonic(), 1e-3), 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _done(empty: Results, run: Run, record: Row) -> str:
    """How far a training got that has no row of its log yet."""
    every, path = record["settings"]["log_every"], empty.root / run.path / "checkpoint.safetensors"
    metadata = checkpoint.read(path)[1] if path.exists() else {"step": 0}
    least = f" ({metadata['seconds'] * every / metadata['step']:.0f} s here)" if metadata["step"] else ""
    return f"{metadata['step']} steps of {run} were done, and the first row of its log takes {every}{least}"


# ------------------------------------------------------------------------------------------------ runs, all or some
def choose(results: Results, names: list[str], sample: int | None) -> list[Run]:
    """Choose finished runs below `root` to verify.

    Named runs are taken if there are names. Without names, a random sample is drawn. If `sample` is None, all
    runs are taken.

    Raises
    ------
    ConfigError, DataError
        If a name is not that of a finished run, or there is none.
    """
    known = {str(run): run for run in _finished_runs(results)}
    unknown = [name for name in names if name not in known]
    if unknown:
        every = f"`find {results.root} -name record.json` has all"
        choice = (
            f"choose one of {listed(unknown[0], sorted(known), every)}" if known else "there is none, train one first"
        )
        raise ConfigError(f"{unknown[0]} is no finished run below {results.root}: {choice}")
    if not known:
        raise DataError(f"{results.root} holds no finished run of the configuration: train one before you verify it")
    chosen = names or sorted(known)
    if not names and sample is not None:
        chosen = sorted(random.SystemRandom().sample(chosen, min(sample, len(chosen))))
    return [known[name] for name in chosen]


def _finished_runs(results: Results) -> Iterator[Run]:
    """The runs with a record, made here or published, that the configuration knows."""
    config = results.config
    for path in (
        *results.root.glob("runs/*/*/*/*/record.json"),
        *results.root.glob("published/runs/*/*/*/*/record.json"),
    ):
        dataset, system, variant, seed = path.parts[-5:-1]
        known = dataset in config["datasets"] and system in config["systems"] and variant in config["variants"]
        if known and seed.isdigit() and configuration.applies(config, variant, system):
            yield Run(results.preset, dataset, system, variant, int(seed))


def verify(results: Results, run: Run) -> bool:
    """Train, encode and score one run again in a temporary folder.

    Print the result and return whether it passed. Predecessors below `root` are used after their own hashes are
    checked. Other predecessors are trained too.

    Raises
    ------
    DataError
        If the run was made by other settings than today's, or a predecessor or the data are damaged.
    """
    folder = results.find(run, "record.json").parent
    record, wanted = read_record(folder), recorded_hashes(folder)
    if not results.of_these_settings(run, record):
        raise DataError(f"{folder} was made by other settings than today's: check out commit {record.get('commit')}")
    with tempfile.TemporaryDirectory(prefix="verify-", dir=results.root) as temporary:
        empty = replace(results, root=Path(temporary))
        for seed in record.get("seeds", [run.seed]):
            _copy_predecessors(results, replace(run, seed=seed), empty.root)
        job = _train(results, empty, run, record)
        if "codes.npz" in wanted or "scores.csv" in wanted:
            encode(job)
        if "scores.csv" in wanted:
            score(job)
        proof = _proof(results, empty, run)
    print(proof)
    return bool(proof and proof.passed)


def first_steps(results: Results, run: Run, seconds: float) -> Proof | None:
    """Train a run again for some seconds, and compare its log with the recorded one.

    It goes on from the predecessors below `root`. The result is None if the log has no row yet.
    """
    record = read_record(results.root / run.path)
    with tempfile.TemporaryDirectory(prefix="first-steps-", dir=results.root) as temporary:
        empty = replace(results, root=Path(temporary))
        for seed in record.get("seeds", [run.seed]):
            _copy_predecessors(results, replace(run, seed=seed), empty.root)
        _train_until(time.monotonic() + seconds, results, empty, run, record, min(SAVED, seconds / 20))
        return _proof(results, empty, run)


def _copy_predecessors(results: Results, run: Run, temporary: Path) -> None:
    """Put finished predecessors where the training looks for them; it checks their settings and hashes."""
    for earlier in results.before(run).values():
        _copy_predecessors(results, earlier, temporary)
        if _finished(results, earlier) and results.is_trained_here(earlier):
            shutil.copytree(results.root / earlier.path, temporary / earlier.path, dirs_exist_ok=True)


# ----------------------------------------------------------------------------------------------- train, then compare
def _train(results: Results, empty: Results, run: Run, record: Row, **compute: float) -> Job:
    """Train a run in an empty folder as its record was trained.

    Threads, device, precision and the seeds trained as one are the record's.

    The images are a checked input, not a result: they are used where they lie.
    """
    ensure_images(results, run.dataset)
    images = empty.images(run.dataset)
    images.parent.mkdir(exist_ok=True)
    if not images.exists():
        images.symlink_to(results.images(run.dataset).resolve())
    config = copy.deepcopy(results.config)
    device = "cpu" if record.get("device") == "cpu" else "auto"
    config["compute"] |= {key: record[key] for key in ("threads", *OF_GPU) if key in record}
    config["compute"] |= {"device": device, **compute}
    job = Results(config, empty.preset, empty.root).job(run)
    train_seeds(job, record.get("seeds", [run.seed]))
    return job


def _finished(results: Results, run: Run) -> bool:
    return (results.root / run.path / "record.json").exists()


def _proof(results: Results, empty: Results, run: Run) -> Proof | None:
    """Compare a run in an empty folder with its record.

    The run may be unfinished. The result is None if its log has no row yet.
    """
    folder, again = results.find(run, "record.json").parent, empty.root / run.path
    record, hashes, log = read_record(folder), recorded_hashes(folder), _log(again)
    if not log:
        return None
    there = {name: folder / name for name in hashes if (folder / name).exists()}
    altered = [path for name, path in there.items() if sha256(path) != hashes[name]]
    lines = [f"{path} is not what was recorded: restore it from the commit of its record" for path in altered]
    there = {name: path for name, path in there.items() if path not in altered}
    compared = [name for name in hashes if (again / name).exists()] if _finished(empty, run) else []
    differing = [name for name in compared if hashes[name] != sha256(again / name)]
    if compared and not differing:
        return Proof(run, not altered, (*lines, f"the same bytes as recorded: {', '.join(compared)}"))
    recorded = _log(folder) if "log.csv" in there else {}
    equal, words, early = compare_logs(recorded, log, record["settings"])
    lines.append(words)
    if equal and not compared:
        return Proof(run, not altered, tuple(lines))
    inexplicable = False
    for name in (name for name in differing if name != "log.csv"):
        found = largest(_arrays(there[name]), _arrays(again / name)) if name in there else None
        lines.append(f"{name} differs, {found or 'by how much is not known: the recorded file is not here'}")
        inexplicable |= equal and name in OUTPUTS and found is not None and found.size > 0
    if inexplicable and results.is_valid(run, record):
        return Proof(run, False, (*lines, "no kind of machine changes these and not one digit of the log"))
    here = read_record(again) if compared else machine_for(record)
    passed, why = verdict(results, run, record, here, early if _same_start(results, empty, run) else None)
    return Proof(run, False if altered else passed, (*lines, why))


def _log(folder: Path) -> Arrays:
    """Read the columns of a training's log, as far as it got.

    A log without rows gives an empty result.
    """
    unfinished = folder / "checkpoint.safetensors"
    if (folder / "log.csv").exists():
        return _arrays(folder / "log.csv")
    rows = checkpoint.read(unfinished)[1]["rows"] if unfinished.exists() else []
    return _columns(io.StringIO(pd.DataFrame(rows).to_csv(index=False))) if rows else {}


def _same_start(results: Results, empty: Results, run: Run) -> bool:
    """Check that a run's predecessors came out as its record says.

    If so, both trainings began alike.
    """
    before = read_record(results.find(run, "record.json").parent)["before"]
    return all(
        before[role].get("weights") == read_record(empty.root / earlier.path)["outputs"]["weights.safetensors"]
        for role, earlier in results.before(run).items()
    )


def _arrays(path: Path) -> Arrays:
    if path.suffix == ".safetensors":
        return {name: tensor.to(torch.float64).numpy() for name, tensor in checkpoint.read(path)[0].items()}
    if path.suffix == ".npz":
        return read_arrays(path, "run the step again")
    return _columns(path)


def _columns(table: Path | io.StringIO) -> Arrays:
    return {str(name): np.asarray(values) for name, values in pd.read_csv(table).items()}


# ------------------------------------------------------------------------------------- an edit that changes no number
def accept(results: Results, revision: str, reason: str, steps: int, repository: Path) -> Iterator[str]:
    """Prove that a git revision makes the same numbers as today's source.

    The hashes of the revision are then listed as accepted. Both sources draw every data set of the preset. On
    each, they train the first `steps` of every system and score the baseline, on a small pool. If all bytes are
    equal, `accepted.yaml` gets one line for each hash of the revision that is new to it. Each line of the result
    says what was compared.

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
    """Hold one of the two sources that are compared.

    It has the source's package, its configuration cut short, and the results that it makes.
    """

    package: Path
    config: Path
    root: Path

    def call(self, *options: str) -> None:
        words = [sys.executable, "-m", "idgan_sc", "--config", str(self.config), *options, "--out", str(self.root)]
        done = subprocess.run(words, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DataError(f"{self.package}: {' '.join(words[3:])}: {done.stderr[-500:]}")

    def hash_of(self, results: Results, method: str) -> str:
        """Call a method of this source's `Results`, which returns a hash.

        The hash is empty if the source does not know the names.
        """
        code = (
            "from pathlib import Path; from idgan_sc.config import Run, load; "
            "from idgan_sc.records.results import Results; "
            f"print(Results(load({str(self.config)!r}), {results.preset!r}, Path()).{method})"
        )
        done = subprocess.run([sys.executable, "-c", code], env=self._env, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

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
        _Side(Path(__file__).parents[1], folder / "new.yaml", folder / "of_new"),
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
    """Draw, train and score with both sources and compare the results.

    Each result names what was compared, its kind, and the older source's hash.
    """
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
        if old.hash_of(results, f"source(Run{astuple(run)})") == results.source(run):
            yield f"{run}: the same source", "trainings", results.source(run)
            continue
        for side in sides:
            side.call("train", *place, "--system", run.system)
        a, b = (side.root / run.path for side in sides)
        names = [name for name in OUTPUTS if (a / name).exists()]
        for name in names:
            _refuse_unequal(f"{name} of {run}", largest(_arrays(a / name), _arrays(b / name)).size == 0)
        yield f"{run}: equal: {', '.join(names)}", "trainings", read_record(a)["source"]
    if configuration.scored(results.config, dataset):
        for side in sides:
            side.call("floor", *place)  # the name of `baseline` that older sources know too
        tables = [pd.read_csv(side.root / "floor" / f"{dataset}.csv").drop(columns="fingerprint") for side in sides]
        _refuse_unequal(f"the baseline of {dataset}", tables[0].equals(tables[1]))
        digest = old.hash_of(results, f"baseline_source({dataset!r})")
        yield f"{dataset}: the same baseline", "baselines", digest


def _refuse_unequal(what: str, equal: bool) -> None:
    if not equal:
        raise DataError(f"{what}: the two sources make different bytes: nothing is accepted")


def _list_accepted(results: Results, found: dict[str, set[str]], reason: str) -> Path:
    """Add the hashes of a revision to `accepted.yaml`.

    Hashes that are already there, and today's, are left out. The file also says for which source the hashes hold.

    Raises
    ------
    DataError
        If the older lines were proved for a source that is not the revision's, so that they need not hold for today's.
    """
    path = results.root / "accepted.yaml"
    listed = (yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None) or {}
    today = {results.source(run) for run in with_predecessors(results.config, results.planned)}
    today |= {of(data) for of in (results.baseline_source, results.images_source) for data in results.datasets}
    linked = {*listed.pop("proved_for", ()), *(digest for lines in listed.values() for digest in lines)}
    of_revision = {digest for hashes in found.values() for digest in hashes}
    if linked and not of_revision <= linked:
        raise DataError(f"{path} holds for another source than the revision's: accept the commit that wrote it")
    for kind, hashes in found.items():
        known = listed.setdefault(kind, {})
        known |= {digest: reason for digest in sorted(hashes - today) if digest not in known}
    listed["proved_for"] = sorted(today)
    return write_text(path, ACCEPTED_HEAD + yaml.safe_dump(listed, allow_unicode=True, sort_keys=False, width=120))


ACCEPTED_HEAD = """\
# Older source hashes whose results are valid, since the edits after them change no number; `idgan-sc accept` writes
# them. For each kind of work, lines of `hash: reason`. A baseline has two hashes where training and scoring were hashed
# apart. The lines hold only while today's source is one that `proved_for` lists: another edit has to be proved anew.
"""
