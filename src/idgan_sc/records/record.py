"""Keep a record beside every run.

It says what the run was made from, and has the hashes of its files.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idgan_sc.config import (
    BASELINE_SEEDS,
    Config,
    Run,
    baseline_starts,
    evaluation,
    generated,
    listed,
    of_second_protocol,
    resolve,
    runs_on,
    seeds_of,
    with_predecessors,
)
from idgan_sc.files import DataError, locked, sha256, write_json
from idgan_sc.records.published import WEIGHTS

TABLE3_METRICS = ("factor_vae", "beta_vae", "sap", "mig", "dci")  # by which generators are scored, and few images
TEXTS = ("preset", "dataset", "system", "variant", "fingerprint", "source", "data", "device")
RECORDED = dict.fromkeys(TEXTS, str) | {
    "settings": dict,
    "seed": int,
    "channels": int,
    "before": dict,
    "outputs": dict,
    "seconds": float,
    "threads": int,
}
MAY_LACK = {"inputs": dict, "seeds": list, "warnings": list, "parts": list, "origin": dict}


def fingerprint(settings: dict[str, Any], seed: int, before: list[str], source: str) -> str:
    """Hash everything that a run's bytes depend on.

    These are its settings, seed, source, and the fingerprints of the runs that it builds on.
    """
    content = [settings, seed, source, sorted(before)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def baseline_fingerprint(config: Config, preset: str, dataset: str, source: str) -> str:
    """What the bytes of a data set's baseline depend on, besides the kind of machine.

    source: the hash of what made it, or two with a `+` where training and scoring were hashed apart.
    """
    settings = [resolve(config, run) for run in baseline_starts(config, preset, dataset)]
    content = [settings, seeds_of(config, preset, dataset)[:BASELINE_SEEDS], evaluation(config, preset, dataset)]
    content += [generated(config, preset), *source.split("+")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def protocol_hash(config: Config, preset: str, dataset: str) -> str:
    """Hash what a preset's protocol fixes before a data set is run.

    The hash has twelve hexadecimal digits. It covers no source and no machine.

    It covers the settings and seeds of the data set's planned runs and of the runs that they build on. It also
    covers the evaluation, the settings for generated images, and how the runs are judged: the checks of every claim,
    because they are tested together, or the second protocol.
    """
    chosen = with_predecessors(config, runs_on(config, preset, dataset))
    content = {
        "settings": {str(run): resolve(config, run) for run in chosen},
        "evaluation": evaluation(config, preset, dataset),
        "generated": generated(config, preset),
        **_judged_by(config, preset),
        "judging": config["judging"],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _judged_by(config: Config, preset: str) -> dict[str, Any]:
    """Find what a preset's runs answer: the second protocol, or the paper's claims."""
    if of_second_protocol(config, preset):
        return {"second_protocol": config["second_protocol"]}
    claims = config["claims"].items()
    return {"claims": {name: {k: v for k, v in c.items() if k not in ("place", "sentence")} for name, c in claims}}


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
        _refuse_damaged(record)
        return record
    except NotADirectoryError as error:
        raise DataError(f"{folder} is a file: give the folder of a finished run") from error
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds no finished run (no record.json): {_instead(folder)}") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} is damaged ({reason}): delete the folder and train again") from error


def _instead(folder: Path) -> str:
    """What to take in place of a folder that has no record."""
    seeds = sorted(path.parent.name for path in folder.glob("*/record.json"))
    if seeds:
        return f"name one of the folders in it: {listed('', seeds)}"
    if folder.parts[-5:-4] != ("runs",):
        return "give a run's folder, <results>/runs/<dataset>/<system>/<variant>/<seed>, or train it first"
    published = Path(*folder.parts[:-5], "published", *folder.parts[-5:])
    if not (published / "record.json").exists():
        return "train it first"
    if not (published / WEIGHTS).exists():
        return f"it is published in {published} {without_weights(published)}"
    return (
        f"it is published: idgan_sc.load({str(published)!r}) encodes, generates and traverses with its weights, and "
        "`idgan-sc train` makes it here"
    )


def without_weights(folder: Path) -> str:
    """The message for a finished run without weights; it names a seed with some."""
    others = sorted(path.parent for path in folder.parent.glob(f"*/{WEIGHTS}"))
    if not others:
        return "without weights, as its other seeds are: `idgan-sc train` makes some"
    return (
        f"without weights: seed {others[0].name} has some, idgan_sc.load({str(others[0])!r}); "
        f"`idgan-sc train` makes those of seed {folder.name}"
    )


def root_of(folder: Path, record: dict[str, Any]) -> Path:
    """The results that a run's folder lies in, where its predecessors are.

    Raises
    ------
    DataError
        If the folder was taken out of its results.
    """
    run = Run(record["preset"], record["dataset"], record["system"], record["variant"], record["seed"])
    folder = folder.absolute()
    if folder.parts[-len(run.path.parts) :] != run.path.parts:
        raise DataError(f"{folder} was taken out of its results: what it builds on is looked for beside {run.path}")
    return Path(*folder.parts[: -len(run.path.parts)])


def _refuse_damaged(record: dict[str, Any]) -> None:
    lacking = RECORDED.keys() - record.keys()
    if lacking:
        raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
    kinds = RECORDED | MAY_LACK
    wrong = [name for name in kinds.keys() & record.keys() if type(record[name]) is not kinds[name]]
    if wrong:
        raise ValueError(f"of the wrong type: {', '.join(sorted(wrong))}")
    before = [str(earlier["fingerprint"]) for earlier in record["before"].values()]
    if record["fingerprint"] != fingerprint(record["settings"], record["seed"], before, record["source"]):
        raise ValueError("its fingerprint is not that of its settings")
    paths = [earlier["path"] for earlier in record["before"].values()]
    words = [*paths, *itertools.chain(*record["outputs"].items())]
    if not all(isinstance(word, str) for word in words) or record["channels"] not in (1, 3):
        raise ValueError("its entries are of the wrong type")
    seeds = record.get("seeds", [record["seed"]])
    if record["seed"] not in seeds or not all(type(seed) is int for seed in seeds):
        raise ValueError("its seeds are not a list of numbers with its own")
    if any(Path(name).name != name for name in record["outputs"]):
        raise ValueError("it names files that are not the run's")


# ------------------------------------------------------------------------------------------- hashes of a run's files
OF = " < "  # in `hashes.json`: `scores.csv < codes.npz` is the hash of the codes that the scores were made of


def note_hashes(
    folder: Path, names: Sequence[str], of: Sequence[str] = (), others: Mapping[str, str] | None = None
) -> None:
    """Write the hashes of files made from a finished run to `hashes.json`.

    Such files are codes and scores. `hashes.json` lies beside the run's record. `of` names the files of the run
    that they were made from. `others` has the hashes of their other inputs, by file name.
    """
    known = recorded_hashes(folder)
    sources = {name: known[name] for name in of if name in known} | dict(others or {})
    made_of = {f"{name}{OF}{source}": digest for name in names for source, digest in sources.items()}
    _note(folder, {name: sha256(folder / name) for name in names} | made_of)


def _note(folder: Path, found: dict[str, str]) -> None:
    with locked(folder / ".lock"):
        write_json(folder / "hashes.json", dict(sorted((noted_hashes(folder) | found).items())))


def note_evaluation(config: Config, run: Run, folder: Path, key: str) -> None:
    """Note in `hashes.json` which settings a finished run was measured with.

    These are the settings of `evaluation` or of `generated`.
    """
    _note(folder, {key: evaluation_hash(config, run, key)})


def evaluation_hash(config: Config, run: Run, key: str) -> str:
    found = evaluation(config, run.preset, run.dataset) if key == "evaluation" else generated(config, run.preset)
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def recorded_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that a run wrote, by name.

    The files come from training, encoding and scoring. A file is included if its hash was noted.
    """
    outputs = read_record(folder)["outputs"] if (folder / "record.json").exists() else {}
    return {**noted_hashes(folder), **outputs}


def verify_hash(folder: Path, name: str, mend: str, others: Mapping[str, str] | None = None) -> None:
    """Compare a file and its sources with the hashes noted for them.

    The file must be as it was written. Its sources must be those that it was made from. `others` has the hashes
    of today's images and factors, by file name. A file that was never noted passes.

    Raises
    ------
    DataError
        If it is missing, altered, or made of something else; `mend` says what to do.
    """
    recorded = recorded_hashes(folder)
    if name not in recorded:
        return
    if not (folder / name).exists():
        raise DataError(f"{folder / name} is missing: {mend}")
    if sha256(folder / name) != recorded[name]:
        raise DataError(f"{folder / name} is damaged (its hash is not the recorded one): {mend}")
    now = recorded | dict(others or {})
    for key, digest in recorded.items():
        made, _, source = key.partition(OF)
        if made == name and now.get(source, digest) != digest:
            raise DataError(f"{folder / name} was made of another {source} than there is now: {mend}")


def verify_outputs(folder: Path) -> None:
    """`verify_hash` of every file of a finished training."""
    for name in read_record(folder)["outputs"]:
        verify_hash(folder, name, f"delete {folder} and train again")


def noted_hashes(folder: Path) -> dict[str, str]:
    path = folder / "hashes.json"
    try:
        noted = dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
        if not all(isinstance(digest, str) for digest in noted.values()):
            raise ValueError("its entries are no hashes")
        return noted
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}): delete it, encode and score again") from error
