"""Recompute finished runs and compare with the hashes that were recorded: the same bytes, or how far apart."""

import copy
import random
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from idgan_sc import checkpoint, provenance
from idgan_sc import config as configuration
from idgan_sc.cli import prepare
from idgan_sc.config import Config, ConfigError, Run
from idgan_sc.encode import encode
from idgan_sc.files import DataError, read_arrays, sha256
from idgan_sc.score import score
from idgan_sc.train import train_seeds, use_device

TOLERANCE = 1e-2  # between kinds: the largest difference of a weight, code or score that is called agreement


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
    folder = provenance.artifact(config, run, "record.json", root).parent
    record = provenance.read_record(folder)
    if not provenance.of_these_settings(config, run, record):
        raise DataError(f"{folder} was made by other settings than today's: check out commit {record.get('commit')}")
    if record["source"] != provenance.source_of(config, run):
        print(f"{run}: was trained by source {record['source']}, is trained now by today's")
    config = copy.deepcopy(config)
    config["compute"]["threads"] = record.get("threads", config["compute"]["threads"])
    config["compute"]["device"] = "cpu" if record.get("device") == "cpu" else "auto"
    seeds = record.get("seeds", [run.seed])  # bytes depend on which were trained as one
    with tempfile.TemporaryDirectory(prefix="verify-", dir=root) as temporary:
        again = _recompute(config, run, seeds, root, Path(temporary), set(provenance.recorded_hashes(folder)))
        apart = _kind_differs(record, provenance.read_record(again))
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
        if provenance.valid(config, earlier, provenance.read_record(root / earlier.path), root):
            shutil.copytree(root / earlier.path, temporary / earlier.path, dirs_exist_ok=True)


def _kind_differs(record: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [
        f"{key} {record.get(key)}, here {now.get(key)}" for key in provenance.KIND if record.get(key) != now.get(key)
    ]


def _report(run: Run, folder: Path, again: Path, apart: list[str]) -> bool:
    """Print one line for the run, or one a file that differs; whether all is as promised."""
    hashes = provenance.recorded_hashes(folder)
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
