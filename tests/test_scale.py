"""The workflow at the size of the full protocol: the graph of every job, and 150 jobs that do next to nothing."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from test_pipeline import copy_project, snakemake

ROOT = Path(__file__).parents[1]
GRAPH = """
import json, resource, sys
from idgan_sc.records.machine import peak_memory_mb
from snakemake.cli import main
try:
    main(sys.argv[1:])
except SystemExit as status:
    used = resource.getrusage(resource.RUSAGE_SELF)
    loaded = [name for name in ("torch", "idgan_sc.data", "idgan_sc.training.train", "sklearn") if name in sys.modules]
    print(json.dumps([status.code, used.ru_utime + used.ru_stime, peak_memory_mb(), loaded]))
"""


def test_graph_of_the_full_protocol_is_cheap(tmp_path):
    """Every data set, both studies: built in seconds, in little memory, without PyTorch or images.

    20 CPU seconds are allowed; wall time would measure the neighbours.
    """
    folder = copy_project(tmp_path)
    command = ["-n", "--quiet", "rules", "--cores", "8", "--config", "preset=paper", "--", "all", "sensitivity"]
    done = subprocess.run([sys.executable, "-c", GRAPH, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    status, seconds, megabytes, loaded = json.loads(done.stdout.splitlines()[-1])
    jobs = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    print(f"{jobs['total']} jobs: {seconds:.1f} CPU seconds, {megabytes:.0f} MB")
    assert status == 0 and loaded == []
    # per dsprites seed: ten arms and three stages A; five runs on each picture set; 22 arms of two seeds in the study
    assert int(jobs["train_stage_a"]) == 3 * 50 + 2 * 2 * 5
    assert int(jobs["train"]) == 10 * 50 + 2 * 3 * 5 + 22 * 2
    assert seconds < 20 and megabytes < 1000


@pytest.mark.long
def test_stress(tmp_path):
    """50 seeds of a two-step training, each encoded and scored: 150 jobs, whose cost is what a job costs at least."""
    folder = copy_project(tmp_path)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    preset = config["presets"]["test"]
    preset["families"]["vae"] |= {"steps": 2, "batch": 4, "log_every": 1}
    preset |= {"seeds": {"first": 0, "count": 50}, "runs": {"dsprites": {"beta_vae": ["main"]}}}
    preset["evaluation"] |= {"pool": 400, "std": 100, "points": 100, "groups": 30, "group_size": 6}
    config["evaluation"]["metrics"] = ["factor_vae", "mig"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    snakemake(folder, "--cores", "2", "--", *[f"results/test/data/dsprites/{name}" for name in ("dataset.json",)])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = snakemake(folder, "--cores", "2", "--", "results/test/scores.csv")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"150 jobs: {used / 150:.2f} CPU seconds a job")
    assert all(said.count(f"localrule {rule}:") == 50 for rule in ("train", "encode", "score"))
    assert set(pd.read_csv(folder / "results/test/scores.csv").seed) == set(range(50))
