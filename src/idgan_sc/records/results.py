"""Describe a preset's results on disk, and one run among them.

The objects are made once, at the edge of the program, and passed to every step.
"""

import csv
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run, Settings
from idgan_sc.files import DataError
from idgan_sc.records.published import GATHERED, WEIGHTS, Accepted, accepted
from idgan_sc.records.record import (
    TABLE3_METRICS,
    baseline_fingerprint,
    evaluation_hash,
    fingerprint,
    noted_hashes,
    read_record,
)
from idgan_sc.source import baseline_source, images_source, source_hash, training_source

Row = dict[str, Any]


@dataclass(frozen=True)
class Results:
    """Describe the inputs, the files and the valid published runs of a preset.

    It says what the results are made from and where each file lies.
    """

    config: Config
    preset: str
    root: Path
    _records: dict[Path, Row] = field(default_factory=dict, repr=False, compare=False)
    _known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    # ------------------------------------------------------------------------------------- what they are made of
    @property
    def evidence(self) -> bool:
        return bool(self.config["presets"][self.preset]["evidence"])

    @property
    def title(self) -> str:
        return str(self.config["presets"][self.preset]["title"])

    @property
    def datasets(self) -> list[str]:
        return configuration.datasets_of(self.config, self.preset)

    @property
    def planned(self) -> list[Run]:
        """All runs that the tables and figures are made of."""
        return configuration.planned_runs(self.config, self.preset)

    @property
    def generated(self) -> Settings:
        """Sizes and thresholds of the measurement of a generator's images."""
        return configuration.generated(self.config, self.preset)

    def runs(self, dataset: str) -> list[Run]:
        return configuration.runs_on(self.config, self.preset, dataset)

    def seeds(self, dataset: str | None = None) -> list[int]:
        return configuration.seeds_of(self.config, self.preset, dataset)

    def evaluation(self, dataset: str | None = None) -> Settings:
        """Sizes of the evaluation and names of its metrics."""
        return configuration.evaluation(self.config, self.preset, dataset)

    def dataset_settings(self, dataset: str) -> Settings:
        """Source, file, cache and further settings of a data set."""
        return configuration.dataset_settings(self.config, self.preset, dataset)

    def drawn_by(self, dataset: str) -> Settings:
        """As `dataset_settings`, without what only says where its file and its copy lie."""
        return {key: value for key, value in self.dataset_settings(dataset).items() if key not in ("file", "cache")}

    def settings(self, run: Run) -> Settings:
        return configuration.resolve(self.config, run)

    def before(self, run: Run) -> dict[str, Run]:
        """The runs that a run builds on, by role."""
        return configuration.predecessors(self.config, run)

    def run(self, dataset: str, system: str, variant: str = "main", seed: int = 0) -> Run:
        return Run(self.preset, dataset, system, variant, seed)

    def job(self, run: Run) -> "Job":
        return Job(self, run)

    # ------------------------------------------------------------------------------------------------- what is valid
    def accepted(self) -> Accepted:
        return accepted(self.root)

    def source(self, run: Run) -> str:
        """The hash of today's source of a run's training."""
        before = [self.settings(earlier) for earlier in self.before(run).values()]
        return training_source(self.settings(run), before, run.dataset)

    def expected(self, run: Run) -> str:
        """The fingerprint that a run will have, from the configuration and today's source alone."""
        before = [self.expected(earlier) for earlier in self.before(run).values()]
        return fingerprint(self.settings(run), run.seed, before, self.source(run))

    def sources(self, run: Run) -> frozenset[str]:
        """List the hashes of a run's training source that are valid.

        They are today's and the accepted older ones.
        """
        key = "sources", run, self.accepted()
        if key not in self._known:
            today = self.source(run)
            self._known[key] = key[2].of("trainings", today) | {today}
        return self._known[key]

    def fingerprints(self, run: Run) -> frozenset[str]:
        """Return the valid fingerprints of a trained run.

        Each belongs to today's source or to an accepted one. The same holds for each run that it builds on.
        """
        key = "fingerprints", run, self.accepted()
        if key not in self._known:
            before = [self.fingerprints(earlier) for earlier in self.before(run).values()]
            settings = self.settings(run)
            self._known[key] = frozenset(
                fingerprint(settings, run.seed, list(chosen), source)
                for source in self.sources(run)
                for chosen in itertools.product(*before)
            )
        return self._known[key]

    def is_valid(self, run: Run, record: Row) -> bool:
        """Tell whether a record is of the very run that is asked for.

        Every place that asks uses this one answer.

        It asks of the record's own source and predecessors; all that they might be, in every combination, are many.
        """
        if not record or record["source"] not in self.sources(run) or not self.of_these_settings(run, record):
            return False
        before = {role: earlier["fingerprint"] for role, earlier in record["before"].items()}
        asked = self.before(run)
        return before.keys() == asked.keys() and all(before[role] in self.fingerprints(asked[role]) for role in asked)

    def of_these_settings(self, run: Run, record: Row) -> bool:
        """Check whether a record has today's settings of a run.

        Its source and the runs that it builds on do not matter.

        Raises
        ------
        DataError
            If the record is of another preset. That one encoded other images, so its curve cannot be scored here.
        """
        if record["preset"] != run.preset:
            raise DataError(
                f"{run.path} below {self.root} was trained for preset {record['preset']}, which encodes other images "
                f"than {run.preset} along the curve: delete that folder and train the run again"
            )
        before = [str(earlier["fingerprint"]) for earlier in record["before"].values()]
        return bool(record["fingerprint"] == fingerprint(self.settings(run), run.seed, before, record["source"]))

    def is_published(self, run: Run) -> bool:
        """Check whether a run has a valid published record.

        If so, its files come from there and not from a training here.
        """
        record = self._record(self.root / "published" / run.path)
        return bool(record) and self.is_valid(run, record)

    def is_trained_here(self, run: Run) -> bool:
        """Whether a run is trained below `root` itself, and its record is valid."""
        return self.is_valid(run, self._record(self.root / run.path))

    def finished_here(self, run: Run) -> bool:
        """Whether a run is trained here and scored."""
        names = (*GATHERED, "weights.safetensors")
        return all((self.root / run.path / name).exists() for name in names) and self.is_trained_here(run)

    def training_params(self, run: Run) -> str:
        """Return the fingerprint that decides whether the workflow trains a run again.

        It is the fingerprint of the run that is there, if that is valid. Otherwise it is the expected one.
        """
        try:
            record = self._record(self.root / run.path)
        except DataError:  # damaged: the training says so
            record = {}
        return str(record["fingerprint"]) if self.is_valid(run, record) else self.expected(run)

    def _record(self, folder: Path) -> Row:
        """A folder's record, empty where there is none."""
        if folder not in self._records and (folder / "record.json").exists():
            self._records[folder] = read_record(folder)
        return self._records.get(folder, {})

    def images_params(self, dataset: str) -> str:
        """As `training_params`, for the images of a data set."""
        noted = self.images(dataset) / "made_by.json"
        try:
            code = json.loads(noted.read_text(encoding="utf-8"))["code"] if noted.exists() else ""
        except (OSError, ValueError, KeyError, TypeError):  # damaged: what makes the images says so
            code = ""
        today = self.images_source(dataset)
        return code if code in self.accepted().of("images", today) else today

    # -------------------------------------------------------------------------------------------- where files lie
    def images(self, dataset: str) -> Path:
        """The folder of a data set's images."""
        return self.root / "data" / dataset

    def description(self, dataset: str) -> Path:
        """Read what a data set says of itself.

        The published description comes first if a valid run was trained on it. Else it lies beside the images.
        """
        path = self.root / "published" / "data" / f"{dataset}.json"
        counts = path.exists() and any(map(self.is_published, self.runs(dataset)))
        return path if counts else self.images(dataset) / "dataset.json"

    def find(self, run: Run, name: str) -> Path:
        """Return the path of a run's file.

        It lies among the published files if they are valid. Otherwise it lies where it is made.
        """
        return (self.root / "published" if self.is_published(run) else self.root) / run.path / name

    def find_or_make(self, run: Run, name: str) -> Path:
        """Find a file that a published run may lack.

        If it is lacking, the path is where the file is made. Otherwise it is as in `find`.
        """
        path = self.find(run, name)
        return path if path.exists() else self.root / run.path / name

    def weights(self, run: Run) -> list[Path]:
        """Return the file of the weights that a run generates with.

        It is the published file, or the file trained here. The list is empty if the run was published without
        weights.
        """
        if not self.is_published(run):
            return [self.root / run.path / "weights.safetensors"]
        return [path for path in [self.find(run, WEIGHTS)] if path.exists()]

    def having(self, runs: Iterable[Run], *names: str) -> list[Run]:
        """Those of `runs` that have files of all these names, published or here."""
        return [run for run in runs if all(self.find_or_make(run, name).exists() for name in names)]

    def without_missing(self, runs: Sequence[Run], *names: str) -> list[Run]:
        """As `having`; the others are named on stderr."""
        found = self.having(runs, *names)
        for run in runs:
            if run not in found:
                print(f"missing: {run}", file=sys.stderr)
        return found

    def origin(self, runs: Iterable[Run]) -> str:
        """Say where runs come from.

        The answer is `here` or `commit 4796b13`, with the name of who submitted it. If both occur, their numbers are
        given: `2 here, 8 of commit 4796b13`.
        """
        counts = Counter(map(self._origin, runs))
        if len(counts) < 2:
            return next(iter(counts), "here")
        parts = sorted(counts.items(), reverse=True)
        return ", ".join(f"{n} {words if words == 'here' else f'of {words}'}" for words, n in parts)

    def _origin(self, run: Run) -> str:
        if not self.is_published(run):
            return "here"
        record = self._record(self.root / "published" / run.path)
        commit = str(record["commit"])[:7] if record.get("commit") else "not recorded"
        by = f", submitted by {record['origin']['by']}" if "origin" in record else ""
        return f"commit {commit}{', changed' if record.get('dirty') else ''}{by}"

    def refuse_others(self, runs: Iterable[Run], names: Sequence[str], key: str) -> None:
        """Refuse runs that are invalid, of other images, or measured with other settings.

        The settings are those of `evaluation` or `generated`, as `key` says. Only runs that have files of these names
        are checked. A run that was measured before such settings were noted passes.

        Raises
        ------
        DataError
            One line that names the folder and the mend.
        """
        images: dict[str, str] = {}  # data set -> hash of what lies here
        for run in self.having(runs, *names, "record.json"):
            folder = self.find(run, "record.json").parent
            record = read_record(folder)
            here = images.setdefault(run.dataset, self._images_hash(run.dataset))
            trained_on = record.get("inputs", {}).get(f"data/{run.dataset}/images.npy", here)
            if here and trained_on != here and not self.is_published(run):
                raise DataError(
                    f"{folder} was trained on other images than {self.images(run.dataset)} holds: put those back, or "
                    "delete the folder and train again"
                )
            if not self.is_valid(run, record):
                raise DataError(
                    f"{folder} was trained by other settings or source than today's: `snakemake` trains it again, and "
                    f"{self.root / 'accepted.yaml'} can list a source whose difference changes no number"
                )
            folder = self.find_or_make(run, names[0]).parent
            if noted_hashes(folder).get(key) not in (None, evaluation_hash(self.config, run, key)):
                raise DataError(
                    f"{folder} was measured by other settings of `{key}` than config.yaml has: put those back, or "
                    "delete the folder, and `snakemake` makes it again"
                )

    def _images_hash(self, dataset: str) -> str:
        """The hash of the images that lie here; empty where none can be read."""
        try:
            about = json.loads((self.images(dataset) / "dataset.json").read_text(encoding="utf-8"))
            return str(about["sha256"]["images.npy"])
        except (OSError, ValueError, KeyError, TypeError):  # what reads the images says so
            return ""

    # ------------------------------------------------------------------------------------------------- the baseline
    def baseline_path(self, dataset: str) -> Path:
        """Where the scores of a data set's baseline are made: of codes that learned nothing."""
        return self.root / "floor" / f"{dataset}.csv"

    def published_baseline(self, dataset: str) -> Path | None:
        """The published scores of a data set's baseline, if they are valid."""
        path = self.root / "published" / "floor" / f"{dataset}.csv"
        return path if self.is_valid_baseline(dataset, path) else None

    def is_valid_baseline(self, dataset: str, path: Path) -> bool:
        """Check whether a file holds a data set's valid baseline.

        It must have these settings and a valid source.
        """
        return _fingerprint_of(path) in self._valid_baselines(dataset)

    def baseline_params(self, dataset: str) -> str:
        """As `training_params`, for a data set's baseline."""
        found = _fingerprint_of(self.baseline_path(dataset))
        return found if found in self._valid_baselines(dataset) else self.baseline_fingerprint(dataset)

    def baseline_fingerprint(self, dataset: str) -> str:
        """What the bytes of a data set's baseline depend on, besides the kind of machine."""
        return baseline_fingerprint(self.config, self.preset, dataset, self.baseline_source(dataset))

    @property
    def regularisers_source(self) -> str:
        """The hash of today's source of the trainings of `idgan-sc regularisers`."""
        return source_hash("regularisers", ("gan", configuration.DATASET))

    def images_source(self, dataset: str) -> str:
        """The hash of today's source of a data set's images."""
        return images_source(dataset)

    def baseline_source(self, dataset: str) -> str:
        """The hash of today's source of a data set's baseline."""
        starts = [self.settings(run) for run in configuration.baseline_starts(self.config, self.preset, dataset)]
        return baseline_source(starts, {*self.evaluation(dataset)["metrics"], *TABLE3_METRICS}, dataset)

    def _valid_baselines(self, dataset: str) -> set[str]:
        today = self.baseline_source(dataset)
        sources = {today, *self.accepted().of("baselines", today)}
        return {baseline_fingerprint(self.config, self.preset, dataset, source) for source in sources}


@dataclass(frozen=True)
class Job:
    """A run seen through the results that it belongs to: what every step takes."""

    results: Results
    run: Run

    @cached_property
    def settings(self) -> Settings:
        return self.results.settings(self.run)

    @property
    def folder(self) -> Path:
        """Where the run's files are made."""
        return self.results.root / self.run.path

    @property
    def sizes(self) -> Settings:
        """`generated` and `evaluation` of the run's data set in one."""
        return self.results.generated | self.results.evaluation(self.run.dataset)

    def files_before(self) -> list[Path]:
        """What a training reads of the runs that it builds on."""
        files = {"start": "state.safetensors", "vae": "weights.safetensors"}
        return [job.folder / name for role, job in self.before().items() for name in (files[role], "record.json")]

    def before(self) -> "dict[str, Job]":
        """The jobs that must be finished first, by role."""
        return {role: Job(self.results, run) for role, run in self.results.before(self.run).items()}


def _fingerprint_of(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        return str(next(csv.DictReader(file), {}).get("fingerprint", ""))
