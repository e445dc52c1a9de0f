# Names and helpers that all parts of the workflow share. No torch, no data: this is read again in every job.
import contextlib
import fcntl
import json
import os
import shlex
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

from idgan_sc import config as configuration
from idgan_sc import plan
from idgan_sc.config import Run
from idgan_sc.records import published, record
from idgan_sc.source import PACKAGE, images_source, source_hash

# What --config can set: `allow_missing` lets all be made of what is there of the runs, `sample` is for `verify`, and
# `dataset` and `seeds` say which of the runs `runs` finishes.
OPTIONS = ("preset", "allow_missing", "sample", "seeds", "dataset")

try:
    CONFIG = configuration.load("config.yaml")
    written = configuration.without_factorial(CONFIG)
    changed = sorted(
        key for key in config if key not in OPTIONS and config[key] != written.get(key)
    )
    if changed:
        raise configuration.ConfigError(
            f"--config {changed[0]}: only {', '.join(OPTIONS)} can be set on the command line; change config.yaml"
        )
    if str(config["preset"]) not in CONFIG["presets"]:
        raise configuration.ConfigError(
            f"--config preset={config['preset']}: one of {', '.join(CONFIG['presets'])}"
        )
    ALLOW_MISSING = str(config.get("allow_missing", False)).lower()
    SAMPLE = config.get("sample", 1)
    if ALLOW_MISSING not in ("true", "false"):
        raise configuration.ConfigError("--config allow_missing: true or false")
    if SAMPLE != "all" and (type(SAMPLE) is not int or SAMPLE < 1):
        raise configuration.ConfigError(
            "--config sample: a number of runs from 1 on, or all"
        )
    PIECE = configuration.seed_list(str(config["seeds"])) if "seeds" in config else None
except configuration.ConfigError as error:
    raise WorkflowError(str(error))

PRESET = config["preset"]
ROOT = f"results/{PRESET}"
RUN = f"{ROOT}/runs/{{dataset}}/{{system}}/{{variant}}/{{seed}}"
LOGS = f"{ROOT}/logs"
IDGAN_SC = f"{shlex.quote(sys.executable)} -m idgan_sc"
DATASETS = configuration.datasets(CONFIG, PRESET)
RUNS = configuration.planned(CONFIG, PRESET)
SCORED_RUNS = [run for run in RUNS if configuration.scored(CONFIG, run.dataset)]
if config.get("dataset", DATASETS[0]) not in DATASETS:
    raise WorkflowError(
        f"--config dataset={config['dataset']}: preset {PRESET} has {', '.join(DATASETS)}"
    )
PLANNED_SEEDS = {
    run.seed for run in RUNS if run.dataset == config.get("dataset", run.dataset)
}
if PIECE and not set(PIECE) <= PLANNED_SEEDS:
    raise WorkflowError(
        f"--config seeds={config['seeds']}: preset {PRESET} has {min(PLANNED_SEEDS)}-{max(PLANNED_SEEDS)}"
    )
SCORES = sorted(
    {
        metric
        for data in DATASETS
        for metric in configuration.evaluation(CONFIG, PRESET, data)["metrics"]
    }
)  # metrics whose source a score is made by
MISSING = "--allow-missing" if ALLOW_MISSING == "true" else ""
HELD = []
STARTS = sorted(configuration.starts(CONFIG))
GPUS = int(CONFIG["compute"]["device"] == "cuda")  # that a training asks a cluster for


def date_back():
    """Date results that claim to be of the future to now: Snakemake fails, and deletes, what is older than its input."""
    found = 0
    for path in Path(ROOT).rglob("*"):
        with contextlib.suppress(
            OSError
        ):  # another process may have moved it meanwhile
            if not path.is_symlink() and path.stat().st_mtime > time.time():
                os.utime(path)
                found += 1
    if found:
        print(
            f"{found} files of {ROOT} were dated in the future: they are dated to now",
            file=sys.stderr,
        )


def wait_for_others():
    """Let one Snakemake at a time work on a preset's results; one that had to wait plans its jobs anew.

    Snakemake removes a job's outputs before it runs the job. Its own lock is off, since it outlives a killed process;
    this one does not.
    """
    path = Path(ROOT, ".snakemake.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "ab")
    except OSError as error:
        raise WorkflowError(
            f"{path} cannot be written ({error.strerror}): mend that, then give the same command"
        )
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another snakemake works on {ROOT}: waiting for it", file=sys.stderr)
        fcntl.flock(file, fcntl.LOCK_EX)
        os.execv(sys.executable, sys.orig_argv)
    except OSError as error:
        print(f"{path} cannot be locked ({error}): start no other", file=sys.stderr)
    HELD.append(file)  # until this process ends, however it does


def run_of(wildcards):
    return Run(
        PRESET,
        wildcards.dataset,
        wildcards.system,
        wildcards.variant,
        int(wildcards.seed),
    )


def run_options(wildcards):
    """The options of `idgan-sc train`, `encode`, `score`, `traverse` that name a run; every word is a known name."""
    run = run_of(wildcards)
    return (
        f"--preset {PRESET} --dataset {run.dataset} --system {run.system} --variant {run.variant} "
        f"--seed {run.seed} --out {ROOT}"
    )


def there(runs, *names, find=published.artifact):
    """All of these runs; with `allow_missing` those that have these files already, so that none is made for the others."""
    if ALLOW_MISSING == "false":
        return runs
    return published.having(CONFIG, runs, Path(ROOT), names, find)


def artifact(run, name):
    """A file of a run: the published one where its record counts, else the one to be made."""
    return str(published.artifact(CONFIG, run, name, Path(ROOT)))


def dataset_of(wildcards):
    return f"{ROOT}/data/{wildcards.dataset}/dataset.json"


def what_is_made(dataset):
    """A data set's settings without those that only say where its file and its copy lie."""
    settings = configuration.dataset(CONFIG, PRESET, dataset)
    return {
        key: value for key, value in settings.items() if key not in ("file", "cache")
    }


def images_params(dataset):
    """What a data set is made anew for: the hash of its source, or that of counted source that made what is there."""
    noted = Path(ROOT, "data", dataset, "made_by.json")
    code = json.loads(noted.read_text())["code"] if noted.exists() else ""
    return (
        code
        if code in published.accepted(Path(ROOT)).images
        else images_source(dataset)
    )


def given_file(wildcards):
    """The data set's own file, where the configuration names one."""
    file = configuration.dataset(CONFIG, PRESET, wildcards.dataset)["file"]
    return [file] if file else []


def predecessor_files(wildcards):
    files = {"start": "state.safetensors", "vae": "weights.safetensors"}
    before = configuration.predecessors(CONFIG, run_of(wildcards))
    return [
        f"{ROOT}/{run.path}/{name}"
        for role, run in before.items()
        for name in (files[role], "record.json")
    ]


def shown(system):
    """The run whose images and networks the figures show: the first seed's."""
    return Run(
        PRESET, "dsprites", system, "main", configuration.seeds(CONFIG, PRESET)[0]
    )


def asked_for(stage_a):
    """Memory and run time that a training asks a cluster for, the same for all of its rule: they are sent as arrays."""
    trainings = configuration.with_predecessors(CONFIG, RUNS)
    chosen = [run for run in trainings if (run.system in STARTS) == stage_a]
    return plan.largest(CONFIG, chosen, Path(ROOT))


def encode_minutes(wildcards, attempt):
    return attempt * plan.encode_minutes(CONFIG, run_of(wildcards))


def score_minutes(wildcards, attempt):
    return attempt * plan.score_minutes(CONFIG, run_of(wildcards))


def probe_data(wildcards):
    """The data set that the reading network learns from: faces for CelebA, which has no labels."""
    data = {"celeba": "faces"}.get(wildcards.dataset, wildcards.dataset)
    return f"{ROOT}/data/{data}/dataset.json"


def of_piece(runs):
    """Those of the data set and the seeds that `--config dataset=digits seeds=0-4` names; all where it names none."""
    return [
        run
        for run in runs
        if run.dataset == config.get("dataset", run.dataset)
        and (PIECE is None or run.seed in PIECE)
    ]


def pictured(picture):
    """The run that one of Figures 5 to 8 shows: its system's first seed."""
    data, system = configuration.pictures(CONFIG, PRESET)[picture]
    runs = configuration.runs(CONFIG, PRESET, data)
    return next(run for run in runs if (run.system, run.variant) == (system, "main"))


def measured_of(wildcards):
    """What a figure is drawn from: two files of one run, or one file of every run."""
    if wildcards.picture == "figure_leakage":
        runs = [artifact(run, "leakage.csv") for run in MEASURED]
        return [f"{ROOT}/leakage.csv", *runs]
    return [artifact(pictured(wildcards.picture), name) for name in PANELS]


def of_runs(runs, name):
    """A file of each run: the published one where a record counts and it is there."""
    return [str(published.measured(CONFIG, run, name, Path(ROOT))) for run in runs]


def card_files(wildcards):
    """The scores that a model card states: those of the codes, and of the generator where it is measured."""
    run = run_of(wildcards)
    names = ["scores.csv"]
    names += ["generator_scores.csv"] if run in GENERATORS + READ_GENERATORS else []
    return [f"{ROOT}/{run.path}/{name}" for name in names]


def finished_cards(wildcards):
    """Cards and weights of the runs finished here whose weights are published: nothing is trained for them."""
    root = Path(ROOT)
    return [
        f"{ROOT}/{run.path}/{name}"
        for run in configuration.shipped(CONFIG, PRESET)
        if EVIDENCE
        and published.finished_here(CONFIG, run, root)
        and (root / "data" / run.dataset / "dataset.json").exists()
        for name in (published.CARD, published.WEIGHTS)
    ]


if workflow.is_main_process:
    date_back()
