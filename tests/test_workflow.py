"""The workflow's files: short, and independent of the order in which they are included."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULES = ROOT / "workflow/rules"


def test_what_the_rules_share_is_short():
    assert len((RULES / "common.smk").read_text().splitlines()) <= 100


def planned(folder: Path) -> list[str]:
    """The jobs that `all` needs at the preset `test`, as a dry run lists them."""
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "host", "--config", "preset=test", "--", "all"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    return sorted(re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.M))


@pytest.mark.long
def test_rules_can_be_included_in_any_order(tmp_path: Path):
    jobs = []
    for name, turn in (("as they are", 1), ("turned around", -1)):
        folder = tmp_path / name
        shutil.copytree(ROOT / "workflow", folder / "workflow")
        for file in ("Snakefile", "config.yaml"):
            shutil.copy(ROOT / file, folder)
        shutil.copytree(ROOT / "profiles", folder / "profiles")
        snakefile = folder / "workflow/Snakefile"
        text = snakefile.read_text()
        block = re.findall(r'^include: "rules/(?!common)\w+\.smk"$', text, re.M)
        assert len(block) == len(list(RULES.glob("*.smk"))) - 1
        snakefile.write_text(text.replace("\n".join(block), "\n".join(block[::turn])))
        jobs.append(planned(folder))
    assert len(jobs[0]) > 10 and jobs[0] == jobs[1]
