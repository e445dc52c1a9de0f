"""The configuration: read, checked, and resolved to the settings of one run.

Other parts of the package import from here; the files inside import each other.
"""

from idgan_sc.config.checks import NEEDED_BY_QUANTITY, NEEDED_BY_RULE, check, check_run, metric_names
from idgan_sc.config.datasets import (
    DATA,
    DATASET,
    DATASETS,
    LABELLED,
    MATCHED,
    NATIVE,
    OWN,
    PICTURED,
    PICTURES,
    read_from,
)
from idgan_sc.config.datasets import about as dataset_row
from idgan_sc.config.load import load
from idgan_sc.config.options import Options, options
from idgan_sc.config.runs import (
    FLOOR_SEEDS,
    datasets,
    factorial,
    floor_starts,
    generators,
    pictured,
    pictures,
    planned,
    predecessors,
    read_generators,
    runs,
    runs_with_leakage,
    seed_list,
    seeds,
    sensitivity_runs,
    shipped,
    shown_generators,
    split_arm,
    starts,
    stays,
    studied,
    two_level_design,
    with_baseline,
    with_predecessors,
    without_factorial,
)
from idgan_sc.config.settings import (
    PROTOCOL,
    SIZES,
    Config,
    ConfigError,
    Run,
    Settings,
    applies,
    dataset,
    evaluation,
    generated,
    resolve,
    scored,
)
