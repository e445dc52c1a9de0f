"""Containers and conda, as far as a machine without them can try: stand-ins run what Snakemake asks of them."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
TARGET = "results/test/data/dsprites/dataset.json"
APPTAINER = """
if [ "$1" = --version ]; then echo apptainer version 1.3.4; exit; fi
printf '%s\\n' "$@" > said
while [ "$1" != sh ] && [ "$1" != bash ]; do shift; done
PATH=inside:$PATH exec "$@"
"""
CONDA = """
case "$*" in
  "info --json") echo '{"conda_prefix": "PREFIX", "platform": "linux-64"}' ;;
  --version) echo conda 25.1.0 ;;
  config*) echo '{"get": {"channel_priority": "strict"}}' ;;
  "env create"*)
    while [ $# -gt 0 ]; do case "$1" in --file) file=$2 ;; --prefix) prefix=$2 ;; esac; shift; done
    cp "$file" said
    mkdir -p "$prefix/bin" && cp inside/python "$prefix/bin" ;;
esac
"""


def command(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The workflow in a folder of its own; in `inside` the Python that a container or an environment would have."""
    for name in ("Snakefile", "config.yaml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "src").symlink_to(ROOT / "src")
    command(tmp_path / "inside/python", f'echo "PYTHONPATH=$PYTHONPATH $*" > ran\nexec {sys.executable} "$@"')
    return tmp_path


def snakemake(folder: Path, method: str, status: int = 0) -> str:
    path = f"{folder / 'tools'}:{BIN}:{os.environ['PATH']}"
    call = [str(BIN / "snakemake"), "--cores", "1", "--config", "preset=test", "--software-deployment-method", method]
    done = subprocess.run([*call, "--", TARGET], cwd=folder, env={**os.environ, "PATH": path}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    assert done.returncode == status, done.stdout
    return done.stdout


@pytest.mark.long
def test_a_rule_runs_in_the_image(project: Path) -> None:
    command(project / "tools/apptainer", APPTAINER)
    assert "build/idgan-sc.sif is missing: make image" in snakemake(project, "apptainer", status=1)
    (project / "build").mkdir()
    (project / "build/idgan-sc.sif").touch()
    snakemake(project, "apptainer")
    assert "build/idgan-sc.sif" in (project / "said").read_text().splitlines()
    assert (project / "ran").read_text().startswith("PYTHONPATH=src -m idgan_sc data ")
    assert json.loads((project / TARGET).read_text())["name"] == "dsprites"


@pytest.mark.long
def test_a_rule_runs_in_the_conda_environment(project: Path) -> None:
    command(project / "tools/conda", CONDA.replace("PREFIX", str(project / "conda")))
    command(project / "conda/bin/activate", 'PATH="$1/bin:$PATH"')
    snakemake(project, "conda")
    assert (project / "ran").read_text().startswith("PYTHONPATH=src -m idgan_sc data ")
    assert json.loads((project / TARGET).read_text())["name"] == "dsprites"
    (copied,) = (project / ".snakemake/conda").glob("*.yaml")
    assert copied.read_bytes() == (ROOT / "workflow/envs/idgan_sc.yaml").read_bytes()
    (named,) = yaml.safe_load(copied.read_text())["dependencies"][-1]["pip"]
    assert (copied.parent / named.removeprefix("-r ")).resolve() == project / "requirements.lock"


def test_the_commands_of_the_container_run(tmp_path: Path) -> None:
    """All but the downloads: pip says what it would install, and finds each requirement with its hash."""
    ran = []
    for line in (ROOT / "Containerfile").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, tmp_path / target)
        elif word == "RUN":
            path = f"{BIN}:{os.environ['PATH']}"
            done = subprocess.run(shlex.split(rest), cwd=tmp_path, capture_output=True, text=True,
                                  env={**os.environ, "PATH": path, "PIP_DRY_RUN": "1", "PYTHONPATH": ""})  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            ran.append(rest)
    assert len(ran) == 2 and "--require-hashes -r requirements.lock" in ran[0]
