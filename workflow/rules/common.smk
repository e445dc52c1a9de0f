# Names and helpers that the rules share. No torch, no data: this is read again in every job.
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from idgan_sc import config as configuration
from idgan_sc.training import plan
from idgan_sc.config import Run
from idgan_sc.files import DataError
from idgan_sc.records.published import GATHERED, SCORE_FILES
from idgan_sc.records.record import TABLE3_METRICS
from idgan_sc.records.results import Results
from idgan_sc.records.turns import date_back, wait_for_others
from idgan_sc.source import source_hash

try:
    CONFIG = configuration.load("config.yaml")
    OPTIONS = configuration.options(CONFIG, config, sys.argv)
except configuration.ConfigError as error:
    raise WorkflowError(str(error))

PRESET = OPTIONS.preset
ROOT = Path("results", PRESET)
RESULTS = Results(CONFIG, PRESET, ROOT)
RUN = f"{ROOT}/runs/{{dataset}}/{{system}}/{{variant}}/{{seed}}"
OF_RUN = "{dataset}/{system}/{variant}/{seed}"
DATASET_OF = str(RESULTS.images("{dataset}") / "dataset.json")
LOGS = f"{ROOT}/logs"
# In a container or a conda environment: its Python, and this checkout's package.
DEPLOYED = workflow.deployment_settings.deployment_method
IDGAN_SC = f"{'PYTHONPATH=src python' if DEPLOYED else shlex.quote(sys.executable)} -m idgan_sc"
PLACE = f"--preset {PRESET} --out {ROOT}"
# The options that name a run: every word is a known name.
RUN_OPTIONS = f"{PLACE} --dataset {{dataset}} --system {{system}} --variant {{variant}} --seed {{seed}}"
MISSING = "--allow-missing" if OPTIONS.allow_missing else ""


def there(runs, *names):
    """All of these runs; with `allow_missing` those that have these files already, so that none is made for the others."""
    return RESULTS.having(runs, *names) if OPTIONS.allow_missing else runs


def files_of(runs, *names):
    """Files of runs: the published ones where the run is validly published and they are there, else those to be made."""
    return [str(RESULTS.find_or_make(run, name)) for run in runs for name in names]


# ------------------------------------------------------------------------------------------ which runs are for what
SECOND = configuration.of_second_protocol(CONFIG, PRESET)
OF_PAPER = configuration.DATASET in RESULTS.datasets  # whose claims can be judged
BY_MATCHING = there(
    configuration.generators_by_matching(CONFIG, PRESET),
    "generator_scores.csv",
    "pair_labels.csv",
)
BY_READER = there(
    configuration.generators_by_reader(CONFIG, PRESET), "generator_scores.csv"
)
WITH_LEAKAGE = there(configuration.runs_with_leakage(CONFIG, PRESET), "leakage.csv")
RELATED = there(configuration.related(CONFIG, PRESET), *GATHERED)
RELATED_GANS = there(
    [run for run in RELATED if configuration.is_gan(CONFIG, run)],
    "generator_scores.csv",
)
RELATED_TABLES = [f"{ROOT}/related/scores.csv"] if RELATED else []
RELATED_TABLES += [f"{ROOT}/related/generator_scores.csv"] if RELATED_GANS else []
BASELINES = [
    f"{ROOT}/floor/{name}.csv"
    for name in configuration.datasets_with_baseline(CONFIG, PRESET)
]
GATHERED_TABLES = [f"{ROOT}/scores.csv", f"{ROOT}/curves.csv"]
GENERATOR_TABLES = [f"{ROOT}/generator_scores.csv"] if BY_MATCHING + BY_READER else []
GENERATOR_TABLES += [f"{ROOT}/pair_labels.csv"] if BY_MATCHING else []
LEAKAGE_TABLE = [f"{ROOT}/leakage.csv"] if WITH_LEAKAGE else []
GENERATOR_REPORTS = ["generator", "pairs"] if BY_MATCHING and OF_PAPER else []
GENERATOR_REPORTS += ["generator_pictures"] if BY_READER else []


def run_of(wildcards):
    arm = wildcards.dataset, wildcards.system, wildcards.variant
    return Run(PRESET, *arm, int(wildcards.seed))


def evaluation_of(wildcards):
    return RESULTS.evaluation(wildcards.dataset)


if workflow.is_main_process:
    date_back(ROOT)
