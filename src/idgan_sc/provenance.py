"""What a result was made from: the hash of the source that defines the numbers, and the record beside every run."""

import ast
import hashlib
import json
import platform
import resource
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from idgan_sc.config import Config, Run, predecessors, resolve

PACKAGE = Path(__file__).parent
# Files whose code can change a training's numbers; the metrics are hashed apart, so that a new one retrains nothing.
TRAINING = ("data/*.py", "networks.py", "objectives.py", "codes.py", "seeds.py", "models/*.py", "train.py", "encode.py")
SCORING = ("metrics/*.py", "score.py", "seeds.py")
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn")


def _without_docstrings(source: str) -> str:
    """The dump of a file's syntax tree, docstrings, comments and layout left out."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                node.body = body[1:] or [ast.Pass()]
    return ast.dump(tree)


@cache
def source_hash(patterns: tuple[str, ...] = TRAINING, package: Path = PACKAGE) -> str:
    """Twelve hexadecimal digits that change when the code that defines the numbers does."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in package.glob(pattern)}):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(_without_docstrings(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:12]


def fingerprint(settings: dict[str, Any], seed: int, before: list[str], source: str | None = None) -> str:
    """What a run's bytes depend on: its settings, seed, source and the fingerprints of the runs it builds on."""
    content = [settings, seed, source or source_hash(), sorted(before)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def expected_fingerprint(config: Config, run: Run, source: str | None = None) -> str:
    """The fingerprint that a run will have, from the configuration alone."""
    before = [expected_fingerprint(config, earlier, source) for earlier in predecessors(config, run).values()]
    return fingerprint(resolve(config, run), run.seed, before, source)


def artifact(config: Config, run: Run, name: str, results: Path = Path("results")) -> Path:
    """Where a file of a run lies: among the published ones, if its record is of these settings and this source."""
    published = results / run.preset / "published" / run.path
    return (published if _counts(config, run, published) else results / run.preset / run.path) / name


@cache
def _record(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _counts(config: Config, run: Run, folder: Path) -> bool:
    """Whether a published record is of the very run that the configuration asks for.

    `accepted.yaml` beside the published runs lists edits that provably change no number: `{old source hash: reason}`.
    """
    found = _record(folder / "record.json").get("fingerprint")
    if found is None:
        return False
    accepted = folder.parents[4] / "accepted.yaml"
    sources = yaml.safe_load(accepted.read_text(encoding="utf-8")) if accepted.exists() else None
    return any(found == expected_fingerprint(config, run, source) for source in [source_hash(), *(sources or {})])


@cache
def commit() -> dict[str, Any]:
    """The commit of the checkout that the package lies in and whether it was changed since; empty outside of one."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def machine() -> dict[str, Any]:
    """Versions, processor and platform: within one such kind, equal seeds give equal bytes."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **versions, "platform": platform.platform(), "processor": _processor()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        fields = dict(line.partition(":")[::2] for line in lines if ":" in line)
        return {k.strip(): v.strip() for k, v in fields.items()}.get("model name", platform.processor())
    except OSError:
        return platform.processor()


def peak_memory_mb() -> int:
    """Largest resident memory of this process so far, in MiB; pages of memory-mapped images count."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
