"""Pack a run of one person, and check and publish it at another's.

What is published of a submitted run is made anew here: scores from its codes, all else from its weights. The tables
that came with it are compared with these. Its first steps are trained again. So one thing alone has to be believed:
that the weights are what these steps lead to.
"""

import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from idgan_sc.config import Run, is_gan, redistributable, runs_with_weights, with_predecessors
from idgan_sc.config.datasets import MATCHED
from idgan_sc.data.images import Images
from idgan_sc.evaluation.generators.leakage import leakage
from idgan_sc.evaluation.generators.scores import match
from idgan_sc.evaluation.generators.scores_by_reader import read_generator
from idgan_sc.evaluation.generators.traverse import traverse
from idgan_sc.evaluation.score import TABLES, read_codes, score
from idgan_sc.files import DataError, read_arrays, sha256, write_arrays, write_atomic, write_json
from idgan_sc.models import Method
from idgan_sc.publish.card import card
from idgan_sc.publish.copy import copy_runs, missing_files, publishable
from idgan_sc.recompute import choose, first_steps
from idgan_sc.records.machine import PACKAGES, differences, machine_for
from idgan_sc.records.published import SCORE_FILES
from idgan_sc.records.record import note_hashes, read_record, verify_hash
from idgan_sc.records.results import Job, Results, Row
from idgan_sc.training.encode import FEW_CODES, code_name, encode_pool, few_codes, load_run
from idgan_sc.training.pool import pool_indices
from idgan_sc.training.prepare import ensure_images

MANIFEST, FORMAT = "submission.json", 1
REQUIRED = ("record.json", "log.csv", "weights.safetensors", "curve.npz")
OF_GENERATOR = ("leakage.csv", "generator_scores.csv", "pair_labels.csv", "traversal.npz")
PACKED = (*REQUIRED, "hashes.json", "codes.npz", *SCORE_FILES, *OF_GENERATOR, "state.safetensors")
ALL, TEXT = 4 * 2**30, 64 * 2**20  # bytes of a submission unpacked, and of one of its texts, at most
ENVIRONMENT = ("python", *PACKAGES, "platform", "processor", "device", "threads", "instructions", "commit", "dirty")
PLAIN = re.compile(r"[^<>|`\x00-\x1f\x7f]{0,300}")  # what a stranger's words may be: they enter tables and the page
SAMPLE = 1000  # images of the pool that are encoded again
# What another kind of machine may change. Measured at desk: of one weights file, codes under AVX-512 and SSE4.1 are at
# most 1.9e-6 SD apart, on an H200 with TF32 0.001; of one codes file, scores under both are at most 1e-16 apart.
CODES_APART = 0.01  # of a code's SD
SCORES_APART = 0.002  # of a score: one vote of 500
Lines = Iterator[str]


# --------------------------------------------------------------------------------------------------------- to submit
def submit(results: Results, name: str, by: str, to: Path | None = None) -> Path:
    """Pack a finished run, and all that it builds on, into one file.

    Raises
    ------
    ConfigError, DataError
        If it is no run that the preset publishes, is unfinished or damaged, or its weights must not be passed on.
    """
    [run] = choose(results, [name], None)
    _refuse_unpublishable(results, run)
    _refuse_unprintable("--by", by)
    files: dict[str, Path] = {}
    for each in with_predecessors(results.config, [run]):
        folder = results.root / each.path
        if not results.is_trained_here(each):
            raise DataError(
                f"{folder} holds no finished run of today's settings and source: only what is trained there"
            )
        there = [file for file in PACKED if (folder / file).exists()]
        for file in there:
            verify_hash(folder, file, "make it again")
        files |= {f"{each.path}/{file}": folder / file for file in there}
    lacking = [file for file in (*missing_files(results, run), "codes.npz") if f"{run.path}/{file}" not in files]
    if lacking:
        raise DataError(f"{results.root / run.path} lacks {', '.join(lacking)}: `snakemake -- runs` makes them")
    hashes = {path: sha256(file) for path, file in files.items()}
    manifest = {"format": FORMAT, "preset": run.preset, "run": str(run), "by": by, "files": hashes}

    def pack(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(manifest, indent=1, ensure_ascii=False))
            for path, file in files.items():  # without dates: equal runs give equal bytes
                with packed.open(zipfile.ZipInfo(path), "w", force_zip64=True) as target, file.open("rb") as source:
                    shutil.copyfileobj(source, target, 2**20)

    return write_atomic(to or Path(f"{run.preset}-{str(run).replace('/', '-')}.zip"), pack)


def _refuse_unpublishable(results: Results, run: Run) -> None:
    if not results.evidence:
        raise DataError(f"preset {results.preset} makes no evidence: runs of another, such as desk, are published")
    if run not in publishable(results):
        raise DataError(f"{run} is none of the runs that preset {results.preset} publishes")
    if not redistributable(results.config, run):
        raise DataError(
            f"{run}: weights trained on {run.dataset} must not be passed on, and without them it is unproven"
        )


def _refuse_unprintable(where: str, value: Any) -> None:
    """Refuse words that are no plain text of one line, wherever they stand."""
    for word in _words(value):
        if not PLAIN.fullmatch(word):
            raise DataError(f"{where} holds {word[:40]!r}: plain words of one line are needed, without <, >, | and `")


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for each in value:
            yield from _words(each)
    elif isinstance(value, str):
        yield value


# --------------------------------------------------------------------------------------------------------- to accept
def accept_submission(results: Results, path: Path, seconds: float) -> Lines:
    """Check a submitted run and take it among the published ones.

    The runs that it builds on are taken too, unless they are there. Each line of the result says what was checked.
    Nothing is written unless all is as it should be. For the first steps of each training there are `seconds`.

    Raises
    ------
    DataError
        If anything is not as it should be; the line names it.
    """
    results.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".submission-", dir=results.root) as name:
        staged = _staged(results, Path(name))
        manifest = _unpack(path, staged)
        run = _run_of(results, manifest)
        runs = _new_runs(results, staged, run)
        yield f"{path}: {run}, by {manifest['by']}: {len(manifest['files'])} files as their hashes say"
        for each in runs:
            checked = []
            for line in _checked(staged.job(each), seconds):
                checked.append(line)
                yield f"{each}: {line}"
            origin = {"by": manifest["by"], "submission": sha256(path), "checked": checked}
            record = read_record(staged.root / each.path)
            write_json(staged.root / each.path / "record.json", record | {"origin": origin})
        copied = copy_runs(replace(staged, _records={}))
        for each in runs:
            made, target = staged.root / "published" / each.path, results.root / "published" / each.path
            if made not in copied:
                lacking = ", ".join(missing_files(staged, each))
                raise DataError(f"{path}: {each} lacks {lacking}, which the tables are made of")
        for each in runs:  # each in one move, what others build on first
            made, target = staged.root / "published" / each.path, results.root / "published" / each.path
            shutil.rmtree(target, ignore_errors=True)  # of other settings or source, so that it was not valid
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(made, target)
            yield str(target)


def _staged(results: Results, folder: Path) -> Results:
    """Results with no run yet, which share data sets and factor readers with these."""
    for shared in ("data", "probes"):
        (results.root / shared).mkdir(exist_ok=True)
        (folder / shared).symlink_to((results.root / shared).absolute())
    if (results.root / "accepted.yaml").exists():
        (folder / "accepted.yaml").symlink_to((results.root / "accepted.yaml").absolute())
    return replace(results, root=folder, _records={}, _known={})


# ----------------------------------------------------------------------------------------------------------- the file
def _unpack(path: Path, staged: Results) -> Row:
    """Write the files of a submission below `root`, and return what it says of itself.

    Only names are taken that a submission of its run may have. Nothing that is read can run code.
    """
    if not path.exists():
        raise DataError(f"{path} is missing: name the file that `idgan-sc submit` wrote")
    try:
        with zipfile.ZipFile(path) as packed:
            entries = {entry.filename: entry for entry in packed.infolist()}
            if len(entries) != len(packed.infolist()):
                raise DataError(f"{path} holds two files of one name")
            _refuse_large(path, packed)
            manifest = _manifest(path, packed.read(MANIFEST) if MANIFEST in entries else b"")
            chain = with_predecessors(staged.config, [_run_of(staged, manifest)])
            allowed = {f"{each.path}/{name}" for each in chain for name in PACKED}
            needed = {f"{each.path}/{name}" for each in chain for name in REQUIRED}
            names = entries.keys() - {MANIFEST}
            if strange := sorted(names - allowed):
                raise DataError(f"{path} holds {strange[0][:100]!r}, which is no file of a submitted run")
            if lacking := sorted(needed - names):
                raise DataError(f"{path} lacks {lacking[0]}: submit the run again")
            if names != manifest["files"].keys():
                raise DataError(f"{path} holds other files than it lists: submit the run again")
            for name in names:
                target = staged.root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(name) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file, 2**20)
                if sha256(target) != manifest["files"][name]:
                    raise DataError(f"{path}: {name} is not what was packed: submit the run again")
                if target.suffix == ".npz":
                    with zipfile.ZipFile(target) as inner:
                        _refuse_large(path, inner)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path} is damaged, or no submission ({error}): submit the run again") from error
    return manifest


def _refuse_large(path: Path, packed: zipfile.ZipFile) -> None:
    """Refuse what would be too large unpacked.

    zipfile reads no more of an entry than the size that is compared here.
    """
    entries = packed.infolist()
    large = [e for e in entries if e.filename.endswith((".json", ".csv")) and e.file_size > TEXT]
    if large or sum(entry.file_size for entry in entries) > ALL:
        raise DataError(f"{path} would be larger than {ALL // 2**30} GiB, or a text in it than {TEXT // 2**20} MiB")


def _manifest(path: Path, text: bytes) -> Row:
    try:
        manifest = dict(json.loads(text))
        hashes = dict(manifest["files"])
        if manifest["format"] != FORMAT or not all(isinstance(manifest[key], str) for key in ("preset", "run", "by")):
            raise ValueError("another format")
        if not manifest["by"] or not all(isinstance(digest, str) for digest in hashes.values()):
            raise ValueError("an empty name, or hashes that are none")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{path}: its {MANIFEST} is missing or damaged ({error}): submit the run again") from error
    _refuse_unprintable(f"{path}: {MANIFEST}", [manifest["by"]])
    return manifest


def _run_of(results: Results, manifest: Row) -> Run:
    """The run that a submission is of, which must be one to publish."""
    if manifest["preset"] != results.preset:
        raise DataError(f"the submission is of preset {manifest['preset'][:40]!r}: give it with --preset")
    known = {str(run): run for run in publishable(results)}
    if manifest["run"] not in known:
        raise DataError(f"{manifest['run'][:100]!r} is none of the runs that preset {results.preset} publishes")
    run = known[manifest["run"]]
    _refuse_unpublishable(results, run)
    return run


def _new_runs(results: Results, staged: Results, run: Run) -> list[Run]:
    """The submitted runs that are not here yet, in order, by valid records.

    A run that is built on may be here, if it is the very training.
    """
    new = []
    for each in with_predecessors(results.config, [run]):
        record = read_record(staged.root / each.path)
        _refuse_invalid(staged, each, record)
        if not (results.is_published(each) or results.is_trained_here(each)):
            new.append(each)
            continue
        there = results.find(each, "record.json").parent
        if each == run:
            raise DataError(f"{there} holds this run already: of one seed one training is published")
        if read_record(there)["outputs"]["weights.safetensors"] != record["outputs"]["weights.safetensors"]:
            raise DataError(f"{run} builds on another training of {each} than {there}: they cannot be compared")
    return new


# --------------------------------------------------------------------------------------------------------- the checks
def _refuse_invalid(staged: Results, run: Run, record: Row) -> None:
    """Refuse a record that is not of this run, its settings, source and predecessors."""
    folder = staged.root / run.path
    what = {
        "preset": run.preset,
        "dataset": run.dataset,
        "system": run.system,
        "variant": run.variant,
        "seed": run.seed,
    }
    _refuse_unprintable(f"the record of {run}", record)
    if any(record.get(key) != value for key, value in what.items()):
        raise DataError(f"the record of {run} is that of another run")
    wanted = json.loads(json.dumps(staged.settings(run)))
    for key in sorted(wanted.keys() | record["settings"].keys()):
        if wanted.get(key) != record["settings"].get(key):
            raise DataError(
                f"{run} has {key} {record['settings'].get(key)}, where preset {run.preset} has {wanted.get(key)}"
            )
    if record["source"] not in staged.sources(run):
        raise DataError(
            f"{run} was trained by source {record['source']}, which is neither today's nor accepted: `idgan-sc accept "
            f"{record.get('commit') or 'COMMIT'}` proves that it makes the same numbers"
        )
    for role, earlier in staged.before(run).items():
        named = record["before"].get(role, {})
        weights = sha256(staged.root / earlier.path / "weights.safetensors")
        if (named.get("path"), named.get("weights")) != (str(earlier.path), weights):
            raise DataError(f"{run} builds on another training than the {earlier} that was submitted with it")
    if not staged.is_valid(run, record):
        raise DataError(f"{run} builds on a training of other settings or source")
    lacking = [key for key in ENVIRONMENT if key not in record]
    if lacking:
        raise DataError(f"the record of {run} does not name its environment: it lacks {', '.join(lacking)}")
    numbers = [record.get(key) for key in ("seconds", "peak_memory_mb", "threads")]
    if not all(isinstance(value, int | float) and 0 < value < 1e9 for value in numbers):
        raise DataError(f"the record of {run} does not say how long it took, on how many threads and how much memory")
    for name in {*record["outputs"], *(path.name for path in folder.iterdir())}:
        verify_hash(folder, name, "submit the run again")


def _checked(job: Job, seconds: float) -> Lines:
    """Make anew what can be made of a submitted run, and say how it compares."""
    run, folder = job.run, job.folder
    record, images = read_record(folder), ensure_images(job.results, run.dataset)
    inputs = {f"data/{run.dataset}/{name}": digest for name, digest in images.sha256.items()}
    if record.get("inputs") != inputs or record.get("data") != images.source:
        raise DataError(f"{run} was trained on other images than {images.folder} holds")
    yield "settings and images are today's, the source is today's or accepted"
    other, unknown = differences(record, machine_for(record))
    yield f"environment: {'; '.join([*other, *(f'{key} unknown' for key in unknown)]) or 'this kind of machine'}"
    if (folder / "codes.npz").exists():
        yield from _checked_codes(job, images)
    yield _checked_steps(job, record, seconds)
    for step, names in _of_generator(job).items():
        before = {name: pd.read_csv(folder / name) for name in names if name.endswith(".csv")}
        step(job)
        apart = max((_furthest(pd.read_csv(folder / name), table)[0] for name, table in before.items()), default=0.0)
        yield f"made anew from its weights: {', '.join(names)}; submitted values are at most {apart:.2g} away"
    if run in runs_with_weights(job.results.config, run.preset):
        card(job)


def _of_generator(job: Job) -> dict[Callable[[Job], object], list[str]]:
    """What measures a generator, with the files of it that were submitted."""
    steps: dict[Callable[[Job], object], tuple[str, ...]] = {leakage: ("leakage.csv",), traverse: ("traversal.npz",)}
    if is_gan(job.results.config, job.run):
        by = match if job.run.dataset in MATCHED else read_generator
        steps[by] = ("generator_scores.csv", "pair_labels.csv")
    there = {step: [name for name in names if (job.folder / name).exists()] for step, names in steps.items()}
    return {step: names for step, names in there.items() if names}


def _checked_codes(job: Job, images: Images) -> Lines:
    """Compare codes with weights, and scores with the same scores of these codes."""
    run, folder, method = job.run, job.folder, load_run(job.folder)
    codes, indices = read_codes(folder, images)
    pool = pool_indices(images, run.preset, method.settings["pool"])
    name, shape = code_name(method), (len(pool), method.settings["c_dim"])
    sampled = ["vae_sample"] if method.settings["family"] == "vae" else []
    if not np.array_equal(indices, pool) or {key: array.shape for key, array in codes.items()} != dict.fromkeys(
        [name, *sampled], shape
    ):
        raise DataError(f"{run}: codes.npz holds other codes than those of the preset's pool")
    chosen = np.sort(np.random.default_rng().permutation(len(pool))[:SAMPLE])
    again = encode_pool(method, images, pool[chosen], "cpu")
    _refuse_apart(f"{run}: the codes are not those of its weights", codes[name][chosen], again, codes[name].std(0))
    if sampled:
        _refuse_other_samples(run, method, images, pool[chosen], codes["vae_sample"][chosen])
    curve = read_arrays(folder / "curve.npz", "submit the run again")
    settings = method.settings
    steps = [round(step) for step in np.linspace(0, settings["steps"], settings["curve_points"])]
    if curve.keys() != {"steps", "codes"} or curve["steps"].tolist() != steps:
        raise DataError(f"{run}: curve.npz does not hold the points of the curve that its settings name")
    if curve["codes"].shape != (len(steps), *shape):
        raise DataError(f"{run}: curve.npz holds other codes than those of the preset's pool")
    _refuse_apart(
        f"{run}: the curve does not end where its codes are", curve["codes"][-1], codes[name], codes[name].std(0)
    )
    write_arrays(folder / FEW_CODES, **few_codes(method, images, "cpu"))
    note_hashes(folder, [FEW_CODES], of=["weights.safetensors"])
    yield f"{len(chosen)} of {len(pool)} codes are those of its weights"
    submitted = {file: pd.read_csv(folder / file) for file in SCORE_FILES if (folder / file).exists()}
    if not submitted:
        return
    score(job)
    furthest = 0.0
    for file, table in submitted.items():
        apart, where = _furthest(pd.read_csv(folder / file), table)
        if not apart <= SCORES_APART:
            raise DataError(f"{run}: {file} is not what its codes give: {where}")
        furthest = max(furthest, apart)
    yield f"scored anew from its codes; submitted scores are at most {furthest:.2g} away"


def _refuse_apart(words: str, a: np.ndarray, b: np.ndarray, spread: np.ndarray) -> None:
    apart = float((np.abs(a - b) / np.maximum(spread, 1e-6)).max())
    if not apart <= CODES_APART:
        raise DataError(f"{words}: they are up to {apart:.2g} SD apart")


@torch.no_grad()
def _refuse_other_samples(run: Run, method: Method, images: Images, indices: np.ndarray, codes: np.ndarray) -> None:
    """Refuse samples that the posteriors of these images would not give."""
    mean = encode_pool(method, images, indices, "cpu")
    spread = encode_pool(method, images, indices, "cpu", lambda x: torch.exp(0.5 * method.posterior(x)[1]))
    away = (codes - mean) / spread
    if np.abs(away).max() > 7 or abs(away.std() - 1) > 0.1:  # of 10 000 normal numbers, none and never
        raise DataError(f"{run}: vae_sample in codes.npz is no sample of the posterior of its weights")


def _furthest(made: pd.DataFrame, submitted: pd.DataFrame) -> tuple[float, str]:
    """How far submitted values are from those made here, and where most."""
    keys = [column for column in made if column != "value"]
    if list(submitted) != list(made) or not made[keys].astype(str).equals(submitted[keys].astype(str)):
        return np.inf, "its rows are others"
    a, b = (pd.to_numeric(table["value"], errors="coerce").to_numpy(float) for table in (made, submitted))
    apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.nan_to_num(np.abs(a - b), nan=np.inf))
    worst = int(apart.argmax())
    row = ", ".join(str(made[key].iloc[worst]) for key in keys if key in TABLES["curve.csv"] + ["code", "factor"])
    return float(apart[worst]), f"{row}: {b[worst]:.4g}, recomputed {a[worst]:.4g}"


def _checked_steps(job: Job, record: Row, seconds: float) -> str:
    """The first steps, trained again where there is such a device."""
    if record["device"] != machine_for(record)["device"]:
        return f"first steps not trained again: they were made on {record['device']}, which is not here"
    others = [seed for seed in record.get("seeds", []) if seed != job.run.seed]
    if others and job.before():
        return f"first steps not trained again: trained as one with seeds {others}, of which no stage A or VAE is here"
    proof = first_steps(job.results, job.run, seconds)
    if proof is None:
        return f"first steps not trained again: {seconds:.0f} s are too short for a row of the log"
    if proof.passed is False:
        raise DataError(f"{job.run} is not what its settings and seed give: {'; '.join(proof.lines)}")
    return f"first steps trained again: {'; '.join(proof.lines)}"
