"""The checks that keep the repository tidy: linters, types, formats, and files that must agree with each other."""

import ast
import json
import os
import re
import shutil
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
        pytest.param("mypy", marks=pytest.mark.long),
        "snakefmt --check Snakefile workflow",
        "snakemake --lint",
        "hadolint Containerfile",
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
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.M))


def declared() -> dict[str, set[str]]:
    """The packages that each extra of pyproject.toml names; `` is what every installation brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: {re.split(r"[\[<>=~!]", name)[0].lower() for name in names} for extra, names in wanted.items()}


def imported(*files: Path) -> set[str]:
    """The packages, by the names that pip knows, of which these files import something."""
    names = {"PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml"}
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    tops = {name.partition(".")[0] for name in found} - sys.stdlib_module_names - {"idgan_sc"}
    return {names.get(name, name).lower() for name in tops}


APART = {"logs": ["logs.py"], "crate": ["crate.py", "croissant.py"]}  # extras that no lock pins -> who needs them


def test_docstrings_begin_with_a_short_sentence():
    """At most fifteen words, on one line, with a full stop."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                first = text.splitlines()[0]
                if len(first.split()) > 15 or not first.rstrip('`*)"').endswith((".", "?", ":")):
                    found.append(f"{path.relative_to(ROOT)}: {first}")
    assert found == []


def test_what_is_imported_is_declared_and_nothing_else():
    extras, source = declared(), ROOT / "src/idgan_sc"
    base = imported(source / "files.py", *(source / "metrics").glob("*.py"))
    assert base - {"pandas", "matplotlib"} == extras[""]  # which a table and a figure take where they are there
    assert imported(*source.rglob("*.py")) == set().union(
        *(extras[name] for name in ("", "train", "grids", "completion", *APART))
    )
    for extra, names in APART.items():
        own = {source / "publish" / name for name in names}
        assert imported(*own) & extras[extra] == extras[extra]
        assert not imported(*set(source.rglob("*.py")) - own) & extras[extra]  # no training needs them


def test_lock_pins_every_package_with_its_hashes():
    declarations = declared()
    assert set().union(*(names for extra, names in declarations.items() if extra not in APART)) <= set(lock())
    assert not set().union(*(declarations[extra] for extra in APART)) & set(lock())
    for name in ("requirements.lock", "docs/requirements.txt"):
        text = (ROOT / name).read_text()
        entries = re.split(r"^(?=\w)", text, flags=re.M)[1:]
        assert len(entries) > 50 and "://" not in text
        assert [entry for entry in entries if not re.search(r"==.*--hash=sha256:[0-9a-f]{64}\b", entry, re.S)] == []


def test_conda_installs_the_lock():
    """`environment.yml` and the rules' environment are one, which is remade when the lock changes."""
    rules = ROOT / "workflow/envs/idgan_sc.yaml"
    here, there = (yaml.safe_load(path.read_text()) for path in (ROOT / "environment.yml", rules))
    assert here.pop("name") == "idgan-sc"
    assert here["dependencies"].pop() == {"pip": ["-r requirements.lock"]}
    assert there["dependencies"].pop() == {"pip": ["-r ../../requirements.lock"]}
    assert here == there
    done = subprocess.run(["cksum", "requirements.lock"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"cksum {done.stdout.split()[0]}." in rules.read_text()


def test_the_catalog_finds_what_it_lists():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["software-stack-deployment"] == {
        "conda": True, "apptainer": True, "apptainer+conda": False, "report": True,
    }  # fmt: skip
    assert all((ROOT / name).exists() for name in ("workflow/Snakefile", "config/README.md", "workflow/report"))


def test_citation_and_archive_say_the_same():
    """CITATION.cff, which cites, and .zenodo.json, which an archive reads, of the version that is packed."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    archived = json.loads((ROOT / ".zenodo.json").read_text())
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert cited["version"] == archived["version"] == packed["version"]
    assert cited["license"] == archived["license"] == packed["license"]
    assert cited["title"] == archived["title"] and cited["keywords"] == archived["keywords"]
    assert archived["description"] == f"<p>{cited['abstract'].strip()}</p>"
    assert [author["name"] for author in cited["authors"]] == [creator["name"] for creator in archived["creators"]]
    assert str(cited["date-released"]) == archived["publication_date"]
    assert cited["references"][0]["title"] in archived["references"][0]
    assert {"upload_type", "access_right", "language"} <= archived.keys()


@pytest.mark.parametrize("pythons", ["old", "old new", "absent"])
def test_make_takes_any_python_that_is_new_enough(pythons: str, tmp_path: Path):
    """Stand-ins that say what a Python would, and note whether an environment is asked of them."""
    for name, status in (("old", 1), ("new", 0)):
        (tmp_path / name).write_text(f'#!/bin/sh\n[ $1 = -c ] && exit {status}\necho {name} "$@" > asked\nexit 7\n')
        (tmp_path / name).chmod(0o755)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    call = ["make", "--silent", "env", f"PYTHON={pythons}"]
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True)
    if "new" in pythons:
        assert (tmp_path / "asked").read_text() == "new -m venv .venv\n"
    else:
        line = f"none of {pythons} is a Python from 3.11 on with venv: install one, or make PYTHON=/path/to/python3\n"
        assert done.returncode and done.stderr.startswith(line), done.stderr


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
