"""Which published result counts, and so where a file of a run lies."""

import csv
import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from idgan_sc.config import Config, Run, predecessors, resolve
from idgan_sc.files import DataError
from idgan_sc.records.record import (
    _measuring,
    _noted,
    expected_fingerprint,
    fingerprint,
    floor_fingerprint,
    floor_source,
    read_record,
    source_of,
)

AS_GENERATORS = "infogan_cr, as generators"  # the floor's other protocol: few images, scored as generated ones are
GATHERED = ("record.json", "scores.csv", "curve.csv", "association.csv")


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


WEIGHTS, CARD = "model.safetensors", "card.md"  # of the runs that `shipped` names


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
