"""`pip install .` in an empty environment: what a user of the metrics alone gets."""

import subprocess
import sys
from pathlib import Path

import numpy as np
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


BARE = """
import sys
ABSENT = {"torch", "torchvision", "jsonschema", "yaml", "pandas", "matplotlib", "tqdm", "safetensors", "PIL", "skimage"}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from idgan_sc.cli import main
main(sys.argv[1:])
"""
COMMANDS = [
    *(["encode", "score", "traverse", "train", "leakage", "match", "read-generator", "card"]),
    *(["data", "probe", "baseline", "floor", "check", "plan", "verify", "publish", "report", "claims", "gather"]),
]


def bare(*words: str) -> subprocess.CompletedProcess[str]:
    """A call of the command line where nothing but the metrics' own needs are installed."""
    return subprocess.run([sys.executable, "-c", BARE, *words], cwd=ROOT, capture_output=True, text=True)


def test_help_needs_no_extra():
    found = bare("--help")
    assert found.returncode == 0 and "referee" in found.stdout


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[8], COMMANDS[11]])
def test_a_command_says_which_extra_it_needs(command: str):
    found = bare(command, *(["--system", "infogan"] if command in COMMANDS[:8] else []))
    assert found.returncode == 2
    assert (
        found.stderr == f"idgan-sc: {command} needs the extra `train` (yaml is not installed): pip install '.[train]'\n"
    )


def test_the_referee_needs_no_extra_but_for_its_figure(tmp_path: Path):
    factors = np.random.default_rng(0).integers(0, 3, (40, 2))
    np.savez(tmp_path / "one.npz", codes=factors + 0.0, factors=factors, depths=[2, 2], forest_depths=[2, 2])
    found = bare("referee", str(tmp_path / "one.npz"), "--to", str(tmp_path / "out"))
    assert found.returncode == 0, found.stderr
    assert "no referee.png: matplotlib is not installed" in found.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"referee.csv", "spread.csv"}


@pytest.mark.long
def test_metrics_work_where_torch_is_not_installed(tmp_path):
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    installed = subprocess.run([str(python), "-m", "pip", "install", "-q", str(ROOT)], capture_output=True, text=True)
    if installed.returncode and "No matching distribution" in installed.stderr:
        pytest.skip("no package index can be reached")
    assert installed.returncode == 0, installed.stderr
    subprocess.run([str(python), "-c", FIVE_LINES], check=True, cwd=tmp_path)
    command = python.parent / "idgan-sc"
    assert "referee" in subprocess.run([str(command), "--help"], check=True, capture_output=True, text=True).stdout
    for name in COMMANDS:
        words = [name, *(["--system", "infogan"] if name in COMMANDS[:8] else [])]
        found = subprocess.run([str(command), *words], capture_output=True, text=True, cwd=ROOT)
        assert found.returncode == 2 and "needs the extra `train`" in found.stderr, found.stderr
        assert found.stderr.count("\n") == 1
    load = subprocess.run([str(python), "-c", "import idgan_sc; idgan_sc.load('.')"], capture_output=True, text=True)
    assert "ImportError: load needs the extra `train`" in load.stderr
