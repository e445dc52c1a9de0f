"""The wheel in an empty environment: what a user of the metrics alone gets."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from idgan_sc import cli

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
ABSENT |= {"fcntl", "resource"}  # of Unix alone
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from idgan_sc.cli import main
main(sys.argv[1:])
"""
EACH = """
import ast, contextlib, sys
from idgan_sc.cli import main
for words in ast.literal_eval(sys.argv[1]):
    with contextlib.suppress(SystemExit):
        main(words)
"""
COMMANDS = [
    *(["encode", "score", "traverse", "train", "leakage", "match", "read-generator", "card"]),
    *(["data", "probe", "baseline", "floor", "check", "plan", "verify", "publish", "report", "claims", "gather"]),
    "crate",
]


def bare(*words: str) -> subprocess.CompletedProcess[str]:
    """A call of the command line where nothing but the metrics' own needs are installed."""
    quiet = "-Wignore:only soft file lock"  # what filelock says of a Unix without fcntl
    return subprocess.run([sys.executable, quiet, "-c", BARE, *words], cwd=ROOT, capture_output=True, text=True)


def test_help_needs_no_extra():
    found = bare("--help")
    assert found.returncode == 0 and "referee" in found.stdout, found.stderr


def test_windows_is_told_what_works_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["train", "--system", "infogan"])
    words = "train runs on Linux and macOS: on Windows use WSL (the metrics need none)"
    assert stopped.value.code == 2 and capsys.readouterr().err == f"idgan-sc: {words}\n"


def test_importing_the_metrics_costs_little_more_than_numpy():
    """What takes longest to import waits until a score needs it."""
    code = "import sys, idgan_sc.metrics; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    found = {name.partition(".")[0] for name in said.split()}
    assert "numpy" in found
    assert not found & {"sklearn", "scipy", "pandas", "multiprocessing", "concurrent", "subprocess", "filelock"}


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


def interpreters() -> list[str]:
    """Those of the supported versions of Python that are found here, this one among them."""
    found = [sys.executable]
    for name in (f"python3.{minor}" for minor in range(11, 15) if minor != sys.version_info.minor):
        if shutil.which(name) and not subprocess.run([name, "-c", "import venv"], capture_output=True).returncode:
            found.append(name)
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the source distribution, as `make dist` builds it."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    made = [
        "make",
        "--silent",
        "dist",
        f"BIN={Path(sys.executable).parent}",
        "STAMP=pyproject.toml",
    ]  # installed already
    subprocess.run(made, cwd=folder, check=True)
    (found,) = (folder / "dist").glob("*.whl")
    return found


@pytest.mark.long
def test_wheel_and_source_hold_the_package_and_its_data(wheel: Path):
    package = [path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {path.relative_to(ROOT / "src").as_posix() for path in package if "egg-info" not in str(path)}
    with zipfile.ZipFile(wheel) as file:
        assert {name for name in file.namelist() if "dist-info" not in name} == expected
    (source,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(source) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {f"src/{name}" for name in expected} | {"pyproject.toml", "README.md", "LICENSE"} <= names


@pytest.mark.long
@pytest.mark.parametrize("interpreter", interpreters(), ids=lambda path: Path(path).name)
def test_metrics_work_where_torch_is_not_installed(interpreter: str, wheel: Path, tmp_path: Path):
    python = tmp_path / "venv/bin/python"
    subprocess.run([interpreter, "-m", "venv", str(tmp_path / "venv")], check=True)
    installed = subprocess.run([str(python), "-m", "pip", "install", "-q", str(wheel)], capture_output=True, text=True)
    if installed.returncode and "No matching distribution" in installed.stderr:
        pytest.skip("no package index can be reached")
    assert installed.returncode == 0, installed.stderr
    subprocess.run([str(python), "-c", FIVE_LINES], check=True, cwd=tmp_path)
    command = python.parent / "idgan-sc"
    assert "referee" in subprocess.run([str(command), "--help"], check=True, capture_output=True, text=True).stdout
    calls = [[name, *(["--system", "infogan"] if name in COMMANDS[:8] else [])] for name in COMMANDS]
    said = subprocess.run([str(python), "-c", EACH, repr(calls)], check=True, capture_output=True, text=True, cwd=ROOT)
    lines = said.stderr.splitlines()
    assert len(lines) == len(COMMANDS)
    assert all(f"{name} needs the extra `train`" in line for name, line in zip(COMMANDS, lines, strict=True)), lines
    load = subprocess.run([str(python), "-c", "import idgan_sc; idgan_sc.load('.')"], capture_output=True, text=True)
    assert "ImportError: load needs the extra `train`" in load.stderr
