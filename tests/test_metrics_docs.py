"""What the documentation of the metrics says: its examples run, its names are there, every score is explained."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import idgan_sc.metrics
from idgan_sc.metrics import (
    CARBONNEAU_METRICS,
    DISENTANGLEMENT_LIB_METRICS,
    METRICS,
    MORE_METRICS,
    explain,
    small_samples,
)
from idgan_sc.metrics.explanations import EXPLANATIONS, GROUPS

DOCS = Path(__file__).parents[1] / "docs/metrics"
EVERY = {*METRICS, *DISENTANGLEMENT_LIB_METRICS, *CARBONNEAU_METRICS, *MORE_METRICS}
SKLEARN_FREE = """
import sys
import numpy as np
from idgan_sc.metrics import score, score_carbonneau
assert not {"sklearn", "scipy", "pandas", "matplotlib", "torch"} & set(sys.modules)
z = np.random.default_rng(0).integers(0, 4, size=(400, 2))
score(z, z, metrics=["mig", "sap", "modularity", "factor_vae", "dci_lasso", "irs", "mig_sup", "dcimig", "jemmig"])
score_carbonneau(z, z, metrics=["mig", "dci", "sap", "z_min_var"])
assert not {"sklearn", "pandas", "matplotlib", "torch"} & set(sys.modules)
"""


@pytest.mark.parametrize("page", ["api.md"])
def test_examples_run(page: str) -> None:
    failed, run = doctest.testfile(str(DOCS / page), module_relative=False)
    assert run > 5
    assert not failed


@pytest.mark.parametrize("page", ["api.md", "migration.md"])
def test_functions_that_pages_name_are_there(page: str) -> None:
    text = (DOCS / page).read_text()
    for module, function in re.findall(r"`(\w+)\.(\w+)[(`]", text):
        if module not in ("numpy", "pandas", "idgan_sc"):
            assert hasattr(__import__(f"idgan_sc.metrics.{module}", fromlist=[function]), function), (module, function)
    for name in re.findall(r"metrics=\[([^\]…]+)\]", text):
        assert {one.strip(' "') for one in name.split(",")} <= EVERY


def test_every_score_is_explained() -> None:
    assert set(EXPLANATIONS) == EVERY
    for name in EVERY:
        explanation = explain(name)
        assert explanation.group in GROUPS
        assert all(explanation)
        assert str(explanation).splitlines()[0] == f"{name} ({explanation.group})"
    with pytest.raises(ValueError, match="no metric 'migs'; perhaps 'mig'"):
        explain("migs")


def test_what_few_points_do_is_measured_for_every_score_of_one_call() -> None:
    assert set(small_samples.MEASURED) == {*METRICS, *MORE_METRICS}
    assert "bias was -0.1" in small_samples.caution("mig", 100)
    assert small_samples.caution("mig", 10_000) == ""
    assert small_samples.caution("factor_vae", 60) == "its error is known only from 300 points on"
    table = (DOCS.parents[1] / "benchmarks/metrics_small_samples.csv").read_text().splitlines()
    written = [
        f"{name},{points},{bias:.3f},{sd:.3f}"
        for name, row in small_samples.MEASURED.items()
        for points, (bias, sd) in row.items()
    ]
    assert table[1:] == written


def test_scikit_learn_is_imported_by_what_needs_it_alone() -> None:
    subprocess.run([sys.executable, "-c", SKLEARN_FREE], check=True)


def test_all_names_are_there() -> None:
    for name in idgan_sc.metrics.__all__:
        assert hasattr(idgan_sc.metrics, name)
