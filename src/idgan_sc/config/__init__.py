"""The configuration: read, checked, and resolved to the settings of one run.

Other parts of the package import from here; the files inside import each other.
"""

from idgan_sc.config.datasets import (
    DATA,
    DATASET,
    DATASETS,
    LABELLED,
    MATCHED,
    NATIVE,
    OWN,
    PICTURE_DATASETS,
    PICTURE_SYSTEMS,
    dataset_row,
    reader_dataset,
)
from idgan_sc.config.load import load
from idgan_sc.config.names import listed
from idgan_sc.config.options import Options, options
from idgan_sc.config.runs import (
    BASELINE_SEEDS,
    baseline_starts,
    continued_systems,
    correlated,
    datasets_of,
    datasets_with_baseline,
    factorial,
    further,
    generators_by_matching,
    generators_by_reader,
    is_gan,
    of_second_protocol,
    picture_figures,
    picture_runs,
    planned_runs,
    predecessors,
    redistributable,
    related,
    related_generators,
    runs_on,
    runs_with_leakage,
    runs_with_weights,
    seed_list,
    seeds_of,
    sensitivity_runs,
    shown_generators,
    split_arm,
    studied,
    two_level_design,
    with_predecessors,
    without_factorial,
)
from idgan_sc.config.settings import (
    ALONE,
    PROTOCOL,
    SIZES,
    Config,
    ConfigError,
    Run,
    Settings,
    applies,
    dataset_settings,
    evaluation,
    generated,
    places,
    resolve,
    scored,
)
from idgan_sc.config.validation import NEEDED_BY_QUANTITY, NEEDED_BY_RULE, metric_names, validate, validate_run
