"""The checks that keep the repository tidy: linters, types, formats, and files that must agree with each other."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def run(*command: str) -> None:
    """Run a tool of the environment in the repository; its output is the failure's message."""
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "snakefmt --check Snakefile workflow",
        "snakemake --lint",
    ],
)
def test_tool_is_content(command):
    run(*command.split())


# Names of before that sent readers astray, by what is said now: in code, workflow and tests.
OLD_NAMES = {
    "FLOORS": "BASELINES",
    "FLOOR_SEEDS|floor_(starts|fingerprint|counts)": "BASELINE_SEEDS, baseline_starts, …",
    "(read|make|published)_floor": "read_baselines",
    "generated_factors": "matched_factors, factors_modulo_symmetry",
    "read_generators": "generators_by_reader",
    "def stays|passed_on": "redistributable",
    "check_hash": "verify_hash",
    "measured_twice|measured_by|note_measuring": "evaluation_hash, note_evaluation",
    "GATHERED\\[1:\\]|PUBLISHED(_FILES)?\\[[01]": "SCORE_FILES",
    "LIKEWISE|TOGETHER": "a name that says what it holds",
    "_could|^def (said|words|about|counted)": "verdict_text, check_text, describe_results, was_judged",
    "system (not )?in COLOURS|in (set|list)\\(COLOURS\\)": "SYSTEMS",
    "next\\(adjusted\\)|\\]\\[::order\\]": "a lookup by name",
}


def test_old_names_do_not_return():
    """None stands in the package or the workflow again."""
    old = {re.compile(rf"(?<!\w)(?:{name})(?!\w)", re.M): now for name, now in OLD_NAMES.items()}
    paths = [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk")]
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}: say {now}"
        for path in paths
        for name, now in old.items()
        for match in name.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


def lock() -> dict[str, str]:
    """Name -> version of requirements.lock."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = (line.partition(";")[0].strip().partition("==") for line in lines if line.strip())
    return {name.lower().replace("_", "-"): version for name, _, version in pins}


def named() -> set[str]:
    """Names of every package in pyproject.toml, those of the extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [project["dependencies"], *project["optional-dependencies"].values()]
    return {re.split(r"[\[<>=~!]", name)[0].lower() for names in wanted for name in names}


def test_lock_pins_every_package_that_the_project_names():
    assert not named() - set(lock())


def test_environment_agrees_with_the_lock():
    """Same names, same versions; conda users get what `make` installs."""
    rows = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    installed = next(row["pip"] for row in rows if isinstance(row, dict))
    assert installed.pop() == "-e ."  # the package itself, whose modules the workflow imports
    pins = {re.sub(r"\[.*\]", "", row.partition("==")[0]): row.partition("==")[2] for row in installed}
    assert set(pins) == named()
    assert {name: lock()[name] for name in pins} == pins


def test_every_setting_is_commented():
    """Each key of the paper's settings carries its meaning and source on its line or the one above."""
    lines = (ROOT / "config.yaml").read_text().splitlines()
    end = next(i for i, line in enumerate(lines) if line.startswith("systems:"))
    settings = [line for line in lines[:end] if re.match(r" {4}\w+: ", line)]
    assert len(settings) > 30
    uncommented = [line for line in settings if "#" not in line]
    # These three repeat a key that the family above explains.
    assert [line.split(":")[0].strip() for line in uncommented] == ["log_every", "curve_points"]


def test_recorded_memory_is_the_processes_own():
    """A process started by a large one does not report that one's memory as its own."""
    code = "from idgan_sc.records.machine import peak_memory_mb; print(peak_memory_mb())"
    ballast = bytearray(b"1" * 600 * 2**20)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(ballast) and 0 < int(done.stdout) < 300


def test_metrics_need_no_torch():
    """`pip install .` brings what the metrics need; nothing of theirs imports more."""
    heavy = "('torch', 'torchvision', 'matplotlib', 'snakemake')"
    code = f"import idgan_sc.metrics, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
