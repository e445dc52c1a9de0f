"""`pip install .` in an empty environment: what a user of the metrics alone gets."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIVE_LINES = """
import sys
import numpy as np
from idgan_sc.metrics import score
rng = np.random.default_rng(0)
factors = np.stack([rng.integers(0, n, 2000) for n in (3, 6, 40, 32, 32)], 1)
scores = score(factors + rng.normal(0, 0.05, factors.shape), factors, categories=[0], depths=[4, 2, 4, 2, 2])
assert scores.values["factor_vae"] == 1 and not scores.refused, scores
assert "torch" not in sys.modules
import importlib.util
assert importlib.util.find_spec("torch") is None and importlib.util.find_spec("pandas") is None
"""


@pytest.mark.long
def test_metrics_work_where_torch_is_not_installed(tmp_path):
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    installed = subprocess.run([str(python), "-m", "pip", "install", "-q", str(ROOT)], capture_output=True, text=True)
    if installed.returncode and "No matching distribution" in installed.stderr:
        pytest.skip("no package index can be reached")
    assert installed.returncode == 0, installed.stderr
    subprocess.run([str(python), "-c", FIVE_LINES], check=True, cwd=tmp_path)
