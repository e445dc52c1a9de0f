"""What a result was made from: the record beside every run, and which runs count."""

import csv
import hashlib
import itertools
import json
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from idgan_sc.config import (
    LABELLED,
    PICTURED,
    PICTURES,
    Config,
    Run,
    dataset,
    datasets,
    evaluation,
    generated,
    predecessors,
    resolve,
    runs,
    scored,
    seeds,
    sensitivity_runs,
)
from idgan_sc.files import DataError, copy_atomic, locked, sha256, write_json
from idgan_sc.source import PACKAGE, baseline_source, training_source

FLOOR_SEEDS = 5  # of the preset's, for what is random in the floor: enough for an interval
AS_GENERATORS = "infogan_cr, as generators"  # the floor's other protocol: few images, scored as generated ones are
TABLE3_METRICS = ("factor_vae", "beta_vae", "sap", "mig", "dci")  # by which generators are scored, and few images
FLOOR_START = "infogan_stage_a"  # whose untrained Q the floor scores
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn")
GATHERED = ("record.json", "scores.csv", "curve.csv", "association.csv")
KIND = ("processor", "platform", "python", *PACKAGES, "device", "gpu", "threads")  # equal bytes are promised within one
RECORDED = {"fingerprint", "source", "system", "settings", "channels", "seed", "before", "outputs"}


def fingerprint(settings: dict[str, Any], seed: int, before: list[str], source: str) -> str:
    """What a run's bytes depend on: its settings, seed, source and the fingerprints of the runs it builds on."""
    content = [settings, seed, source, sorted(before)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def expected_fingerprint(config: Config, run: Run) -> str:
    """The fingerprint that a run will have, from the configuration and today's source alone."""
    before = [expected_fingerprint(config, earlier) for earlier in predecessors(config, run).values()]
    return fingerprint(resolve(config, run), run.seed, before, source_of(config, run))


def source_of(config: Config, run: Run) -> str:
    """The hash of today's source of a run's training."""
    before = [resolve(config, earlier) for earlier in predecessors(config, run).values()]
    return training_source(resolve(config, run), before, run.dataset)


@dataclass(frozen=True)
class Accepted:
    """Source hashes that count as today's do, by what they made: an edit after them changes no number."""

    trainings: frozenset[str] = frozenset()
    baselines: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()


def accepted_fingerprints(config: Config, run: Run, accepted: Accepted) -> set[str]:
    """The fingerprints of a run that was trained, as was each that it builds on, by today's or an accepted source."""
    before = [accepted_fingerprints(config, earlier, accepted) for earlier in predecessors(config, run).values()]
    settings = resolve(config, run)
    return {
        fingerprint(settings, run.seed, list(chosen), source)
        for source in {source_of(config, run), *accepted.trainings}
        for chosen in itertools.product(*before)
    }


def valid(config: Config, run: Run, record: dict[str, Any], root: Path) -> bool:
    """Whether a record is of the very run that the configuration asks for: the one answer, for every place that asks.

    root: the preset's results, whose `accepted.yaml` lists sources that make the same numbers as today's.
    """
    return record.get("fingerprint") in accepted_fingerprints(config, run, accepted(root))


def of_these_settings(config: Config, run: Run, record: dict[str, Any]) -> bool:
    """Whether a record is of today's settings of a run, whatever source made it and what it builds on."""
    before = [str(earlier["fingerprint"]) for earlier in record["before"].values()]
    return bool(record["fingerprint"] == fingerprint(resolve(config, run), run.seed, before, record["source"]))


def training_params(config: Config, run: Run, root: Path) -> str:
    """What the workflow trains a run anew for: its fingerprint, or that of a valid run that is there."""
    try:
        record = _record(root / run.path / "record.json")
    except DataError:  # damaged: the training says so
        record = {}
    return str(record["fingerprint"]) if valid(config, run, record, root) else expected_fingerprint(config, run)


def artifact(config: Config, run: Run, name: str, root: Path) -> Path:
    """Where a file of a run lies: among the published ones, if its record is of these settings and this source."""
    published = root / "published" / run.path
    record = _record(published / "record.json")
    return (published if record and valid(config, run, record, root) else root / run.path) / name


@cache
def _record(path: Path) -> dict[str, Any]:
    return read_record(path.parent) if path.exists() else {}


def accepted(root: Path) -> Accepted:
    """What a preset's `accepted.yaml` lists: for each kind of work, lines of `source hash: reason`.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    path = root / "accepted.yaml"
    try:
        return _listed(path.read_text(encoding="utf-8")) if path.exists() else Accepted()
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise DataError(
            f"{path} needs `trainings`, `baselines` or `images` with lines of `source hash: reason` ({said}): mend it"
        ) from error


@cache
def _listed(text: str) -> Accepted:
    kinds = dict(yaml.safe_load(text) or {})
    return Accepted(**{name: frozenset(map(str, dict(lines))) for name, lines in kinds.items()})


def planned(config: Config, preset: str) -> list[Run]:
    """All runs that the tables and figures of a preset are made of."""
    return [run for data in datasets(config, preset) for run in runs(config, preset, data)]


def studied(config: Config, preset: str) -> list[Run]:
    """The runs of the sensitivity study of a preset; none where it does not run its data set."""
    return sensitivity_runs(config, preset, "dsprites") if "dsprites" in datasets(config, preset) else []


def floored(config: Config, preset: str) -> list[str]:
    """Data sets that have a floor: that of Table 3, and those of a preset whose generators are read."""
    return list(dict.fromkeys(["dsprites", *(run.dataset for run in read_generators(config, preset))]))


def floor_starts(config: Config, preset: str, dataset: str) -> list[Run]:
    """What the floor has the numbers of codes of: InfoGAN's stage A in each variant that a data set's runs build on."""
    built_on = with_predecessors(config, runs(config, preset, dataset))
    found = dict.fromkeys(run.variant for run in built_on if run.system == FLOOR_START)
    first = seeds(config, preset, dataset)[0]
    return [Run(preset, dataset, FLOOR_START, variant, first) for variant in found or ["main"]]


def floor_source(config: Config, preset: str, dataset: str) -> str:
    """The hash of what makes a data set's floor."""
    settings = [resolve(config, run) for run in floor_starts(config, preset, dataset)]
    metrics = {*evaluation(config, preset, dataset)["metrics"], *TABLE3_METRICS}
    return baseline_source(settings, metrics, dataset)


def floor_fingerprint(config: Config, preset: str, dataset: str, source: str | None = None) -> str:
    """What the bytes of a data set's floor depend on, besides the kind of machine.

    source: of what made it, today's by default; two hashes with a `+` where training and scoring were hashed apart.
    """
    settings = [resolve(config, run) for run in floor_starts(config, preset, dataset)]
    content = [settings, seeds(config, preset, dataset)[:FLOOR_SEEDS], evaluation(config, preset, dataset)]
    content += [generated(config, preset), *(source or floor_source(config, preset, dataset)).split("+")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def floor_params(config: Config, preset: str, dataset: str, root: Path) -> str:
    """As `training_params`, for a data set's floor."""
    found = _floor_fingerprint_of(root / floor_file(dataset))
    return (
        found if found in _valid_floors(config, preset, dataset, root) else floor_fingerprint(config, preset, dataset)
    )


def published_floor(config: Config, preset: str, dataset: str, root: Path) -> Path | None:
    """The published scores of a data set's floor, if they are of these settings and this source."""
    path = root / "published" / floor_file(dataset)
    return path if floor_counts(config, preset, dataset, path, root) else None


def floor_counts(config: Config, preset: str, dataset: str, path: Path, root: Path) -> bool:
    """Whether a data set's floor is there, of these settings and of a source that counts at `root`."""
    return _floor_fingerprint_of(path) in _valid_floors(config, preset, dataset, root)


def _floor_fingerprint_of(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        return str(next(csv.DictReader(file), {}).get("fingerprint", ""))


def _valid_floors(config: Config, preset: str, dataset: str, root: Path) -> set[str]:
    sources = {floor_source(config, preset, dataset), *accepted(root).baselines}
    return {floor_fingerprint(config, preset, dataset, source) for source in sources}


def floor_file(dataset: str) -> str:
    """Where a data set's floor stands below a preset's results."""
    return f"floor/{dataset}.csv"


def protocol_hash(config: Config, preset: str, dataset: str) -> str:
    """Twelve hexadecimal digits of what a preset's protocol fixes before a data set is run: no source and no machine.

    Settings and seeds of the data set's planned runs and what they build on, its evaluation, every claim's checks (they
    are tested together), how they are judged.
    """
    chosen = with_predecessors(config, runs(config, preset, dataset))
    content = {
        "settings": {str(run): resolve(config, run) for run in chosen},
        "evaluation": evaluation(config, preset, dataset),
        "generated": generated(config, preset),
        "claims": {
            name: {key: value for key, value in claim.items() if key not in ("place", "sentence")}
            for name, claim in config["claims"].items()
        },
        "judging": config["judging"],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def with_predecessors(config: Config, chosen: list[Run]) -> list[Run]:
    """Runs and all that they build on, each once."""
    found: dict[Run, None] = {}
    for run in chosen:
        before = list(predecessors(config, run).values())
        found |= dict.fromkeys([*with_predecessors(config, before), run])
    return list(found)


def committed(config: Config, run: Run, root: Path) -> bool:
    """Whether a run's published record counts, so that its results come from there and not from a training here."""
    return artifact(config, run, "record.json", root).is_relative_to(root / "published")


def origin(config: Config, chosen: Iterable[Run], root: Path) -> str:
    """Where runs come from: `here`, `commit 4796b13`, or both with their numbers, `2 here, 8 of commit 4796b13`."""
    counted: dict[str, int] = {}
    for run in chosen:
        found = _record(artifact(config, run, "record.json", root)) if committed(config, run, root) else {}
        changed = ", changed" if found.get("dirty") else ""
        commit = str(found["commit"])[:7] if found.get("commit") else "not recorded"
        words = f"commit {commit}{changed}" if found else "here"
        counted[words] = counted.get(words, 0) + 1
    if len(counted) < 2:
        return next(iter(counted), "here")
    return ", ".join(f"{n} {words if words == 'here' else f'of {words}'}" for words, n in sorted(counted.items())[::-1])


def generators(config: Config, preset: str) -> list[Run]:
    """Planned GAN runs on dSprites, whose images can be matched, each after the stage A that it continues."""
    found: dict[Run, None] = {}
    for run in planned(config, preset):
        if run.dataset == "dsprites" and config["systems"][run.system]["family"] == "gan":
            start = predecessors(config, run).get("start")
            found |= {earlier: None for earlier in (start, run) if earlier}
    return list(found)


def read_generators(config: Config, preset: str) -> list[Run]:
    """Planned GAN runs on digits and faces, the factors of whose images regressors can read."""
    family = {name: system["family"] for name, system in config["systems"].items()}
    return [run for run in planned(config, preset) if run.dataset in LABELLED and family[run.system] == "gan"]


def shown_generators(config: Config, preset: str) -> list[Run]:
    """The generators to play with: of every data set the first seed's, those that Figures 5 to 8 compare first."""
    found = [
        run
        for data in datasets(config, preset)
        for run in runs(config, preset, data)
        if config["systems"][run.system]["family"] == "gan"
        and (run.variant, run.seed) == ("main", seeds(config, preset, data)[0])
    ]
    order = datasets(config, preset)
    return sorted(found, key=lambda run: (order.index(run.dataset), run.system not in PICTURED))


def measured(config: Config, run: Run, name: str, root: Path) -> Path:
    """As `artifact`, for a file that a published run may lack: then the one to be made."""
    path = artifact(config, run, name, root)
    return path if path.exists() else root / run.path / name


Find = Callable[[Config, Run, str, Path], Path]  # where a file of a run lies: `artifact` or `measured`


def having(config: Config, runs: list[Run], root: Path, names: Sequence[str], find: Find = artifact) -> list[Run]:
    """Those of `runs` that have files of all these names, published or here."""
    return [run for run in runs if all(find(config, run, name, root).exists() for name in names)]


def without_missing(
    config: Config, runs: list[Run], root: Path, names: Sequence[str], find: Find = artifact
) -> list[Run]:
    """As `having`; the others are named on stderr."""
    found = having(config, runs, root, names, find)
    for run in runs:
        if run not in found:
            print(f"missing: {run}", file=sys.stderr)
    return found


def finished_here(config: Config, run: Run, root: Path) -> bool:
    """Whether a run is trained and scored below `root` itself, by today's settings and source."""
    here = root / run.path
    there = all((here / name).exists() for name in (*GATHERED, "weights.safetensors"))
    return there and valid(config, run, _record(here / "record.json"), root)


PUBLISHED = ("record.json", *GATHERED[1:], "log.csv", "leakage.csv", "hashes.json")
PUBLISHED_ONCE = ("traversal.npz", "networks.json", "panels.npz")  # of the first seed, whose images the figures show
PUBLISHED_IF_MADE = ("generator_scores.csv", "pair_labels.csv")
WEIGHTS, CARD = "model.safetensors", "card.md"  # of the runs that `shipped` names
STAYS = ("celeba", "own")  # data sets of whose runs only numbers are published: images and weights may not be passed on


def stays(config: Config, run: Run) -> bool:
    """Whether images and weights of a run are never published: those of `STAYS`, and of any images of a user's own."""
    return run.dataset in STAYS or dataset(config, run.preset, run.dataset)["source"] == "folder"


def shipped(config: Config, preset: str) -> list[Run]:
    """Runs whose weights are published, with a model card each: every system's first seed on a scored data set."""
    return [
        run
        for run in planned(config, preset)
        if run.variant == "main"
        and run.seed == seeds(config, preset, run.dataset)[0]
        and scored(config, run.dataset)
        and not stays(config, run)
    ]


def publish(config: Config, preset: str, root: Path) -> list[Path]:
    """Copy the small files of every finished run below `<root>/published`, the record last; return their folders.

    Those of the tables and of the sensitivity study, and all that they build on; only runs of today's settings and
    source are copied, once all that tables need of them is there, of data sets that `stays` names without what shows
    images; weights only with the card that names their hash.

    Raises
    ------
    DataError
        If a file is not what was recorded, or weights that are to be published and their card do not belong together.
    """
    wanted = dict.fromkeys([*planned(config, preset), *studied(config, preset)])
    copied, with_weights = [], shipped(config, preset)
    for run in with_predecessors(config, list(wanted)):
        record = _record(root / run.path / "record.json")
        needed = [*(GATHERED[1:] if scored(config, run.dataset) else ())] if run in wanted else []
        needed += ["leakage.csv"] if run in wanted and run.dataset in PICTURES else []
        whole = all((root / run.path / name).exists() for name in needed)
        if not whole or not valid(config, run, record, root):
            continue
        target = root / "published" / run.path
        first = run.seed == seeds(config, preset, run.dataset)[0]
        pictures = PUBLISHED_ONCE if first and not stays(config, run) else ()
        weights = (WEIGHTS, CARD) if run in with_weights else ()
        if weights:
            _check_card(root / run.path)
        names = (*PUBLISHED[1:], *pictures, *PUBLISHED_IF_MADE, *weights, PUBLISHED[0])
        for name in names:
            source = root / run.path / name
            if source.exists():
                check_hash(source.parent, name, "give `snakemake` again, with the targets that made it")
                copy_atomic(source, target / name)
        copied.append(target)
    return copied


def _check_card(folder: Path) -> None:
    """Refuse weights without a card that names their hash, and a card without weights."""
    weights, card = folder / WEIGHTS, folder / CARD
    if not weights.exists() and not card.exists():
        return
    if not (weights.exists() and card.exists() and sha256(weights) in card.read_text(encoding="utf-8")):
        raise DataError(f"{folder}: {WEIGHTS} and {CARD} do not belong together: run `idgan-sc card` for it")


def read_record(folder: Path) -> dict[str, Any]:
    """A finished run's record; its fingerprint vouches for settings, seed, source and predecessors.

    Raises
    ------
    DataError
        If there is none or it cannot be read.
    """
    path = folder / "record.json"
    try:
        record = dict(json.loads(path.read_text(encoding="utf-8")))
        _check_record(record)
        return record
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds no finished run (no record.json): train it first") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"{path} is damaged ({said}): delete the folder and train again") from error


def _check_record(record: dict[str, Any]) -> None:
    lacking = RECORDED - record.keys()
    if lacking:
        raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
    before = [str(earlier["fingerprint"]) for earlier in record["before"].values()]
    if record["fingerprint"] != fingerprint(record["settings"], record["seed"], before, record["source"]):
        raise ValueError("its fingerprint is not that of its settings")
    paths = [earlier["path"] for earlier in record["before"].values()]
    words = [record["system"], *paths, *itertools.chain(*record["outputs"].items())]
    if not all(isinstance(word, str) for word in words) or record["channels"] not in (1, 3):
        raise ValueError("its entries are of the wrong type")
    seeds = record.get("seeds", [record["seed"]])
    if record["seed"] not in seeds or not all(type(seed) is int for seed in seeds):
        raise ValueError("its seeds are not a list of numbers with its own")
    if any(Path(name).name != name for name in record["outputs"]):
        raise ValueError("it names files that are not the run's")


# ------------------------------------------------------------------------------------------- hashes of a run's files
def note_hashes(folder: Path, names: Sequence[str]) -> None:
    """Write the hashes of files made of a finished run (codes, scores) to `hashes.json` beside its record."""
    _note(folder, {name: sha256(folder / name) for name in names})


def _note(folder: Path, found: dict[str, str]) -> None:
    with locked(folder / ".lock"):
        write_json(folder / "hashes.json", dict(sorted((_noted(folder) | found).items())))


def note_measuring(config: Config, run: Run, folder: Path, key: str) -> None:
    """Note in `hashes.json` which settings a finished run was measured by: those of `evaluation` or of `generated`."""
    _note(folder, {key: _measuring(config, run, key)})


def _measuring(config: Config, run: Run, key: str) -> str:
    found = evaluation(config, run.preset, run.dataset) if key == "evaluation" else generated(config, run.preset)
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def refuse_others(
    config: Config, runs: list[Run], root: Path, names: Sequence[str], key: str, find: Find = artifact
) -> None:
    """Refuse runs that were trained by other settings or source, or measured by another `evaluation` or `generated`.

    Of the runs that have files of these names; what was measured before such settings were noted passes.

    Raises
    ------
    DataError
        One line that names the folder and the mend.
    """
    for run in having(config, runs, root, [*names, "record.json"], find):
        folder = artifact(config, run, "record.json", root).parent
        if not valid(config, run, read_record(folder), root):
            raise DataError(
                f"{folder} was trained by other settings or source than today's: `snakemake` trains it again, and "
                f"{root / 'accepted.yaml'} can list a source whose difference changes no number"
            )
        folder = find(config, run, names[0], root).parent
        if _noted(folder).get(key) not in (None, _measuring(config, run, key)):
            raise DataError(
                f"{folder} was measured by other settings of `{key}` than config.yaml has: put those back, or delete "
                "the folder, and `snakemake` makes it again"
            )


def recorded_hashes(folder: Path) -> dict[str, str]:
    """File name -> SHA-256 of everything that a run's training, encoding and scoring wrote, as far as it was noted."""
    outputs = read_record(folder)["outputs"] if (folder / "record.json").exists() else {}
    return {**_noted(folder), **outputs}


def check_hash(folder: Path, name: str, mend: str) -> None:
    """Compare a file with the hash that was noted when it was written; one that was never noted passes.

    Raises
    ------
    DataError
        If it is missing or altered; `mend` says what to do.
    """
    expected = recorded_hashes(folder).get(name)
    if expected is None:
        return
    if not (folder / name).exists():
        raise DataError(f"{folder / name} is missing: {mend}")
    if sha256(folder / name) != expected:
        raise DataError(f"{folder / name} is damaged (its hash is not the recorded one): {mend}")


def check_outputs(folder: Path) -> None:
    """`check_hash` of every file of a finished training."""
    for name in read_record(folder)["outputs"]:
        check_hash(folder, name, f"delete {folder} and train again")


def _noted(folder: Path) -> dict[str, str]:
    path = folder / "hashes.json"
    try:
        noted = dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
        if not all(isinstance(digest, str) for digest in noted.values()):
            raise ValueError("its entries are no hashes")
        return noted
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}): delete it, encode and score again") from error


CODE = ("--", ":/", ":(top,exclude)results", ":(top,exclude)*.md")


@cache
def commit() -> dict[str, Any]:
    """The commit of the checkout that the package lies in and whether it was changed since; empty outside of one.

    Results are no change: a sweep goes on while those of its first seeds are published, and documents follow from them.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno", *CODE))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def machine() -> dict[str, Any]:
    """Versions, processor, platform, and the GPU if it is in use: within one kind, equal seeds give equal bytes."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    about = {"python": platform.python_version(), **versions, "platform": platform.platform()}
    return about | {"processor": _processor()} | _gpu()


def _gpu() -> dict[str, str]:
    import torch

    return {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_initialized() else {}


def _processor() -> str:
    return _processor_fields().get("model name", platform.processor())


def processor() -> str:
    """The processor's name and model, and the instruction set that PyTorch takes: such as `…, 6/207/2, AVX512`."""
    import torch

    fields = _processor_fields()
    model = "/".join(fields.get(name, "?") for name in ("cpu family", "model", "stepping"))
    return f"{_processor()}, {model}, {torch.backends.cpu.get_cpu_capability()}"


def _processor_fields() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":")[::2] for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def peak_memory_mb() -> int:
    """Largest resident memory of this process so far, in MiB; pages of memory-mapped images count.

    Read from the kernel's own high-water mark: `ru_maxrss` starts at that of the process which started this one.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
    except (OSError, StopIteration):  # no Linux
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of macOS in bytes, else in KiB
        return peak // (1024**2 if sys.platform == "darwin" else 1024)
