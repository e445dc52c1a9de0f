"""Runs of other people: what is packed, what is taken, where that is said, and everything that is refused."""

import copy
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import idgan_sc
from conftest import job, with_data
from idgan_sc import cli
from idgan_sc.config import Config, ConfigError, Run
from idgan_sc.evaluation.generators.scores import match
from idgan_sc.evaluation.score import score
from idgan_sc.files import DataError, read_arrays, sha256, write_arrays
from idgan_sc.publish.origins import cost, origins
from idgan_sc.publish.submission import accept_submission, submit
from idgan_sc.records.record import fingerprint, note_hashes, read_record
from idgan_sc.records.results import Results
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import encode

STAGE_A, RUN, VAE = (Run("test", "dsprites", system, "main", 0) for system in ("infogan_stage_a", "infogan", "beta_vae"))
BUDGET = 60.0


@pytest.fixture(scope="module")
def evidence(small_config: Config) -> Config:
    config = copy.deepcopy(small_config)
    config["presets"]["test"] |= {"evidence": True, "runs": {"dsprites": {"infogan": ["main"], "beta_vae": ["main"]}}}
    config["presets"]["test"]["generated"] = {"images": 64, "pairs": 20}
    return config


@pytest.fixture(scope="module")
def theirs(
    evidence: Config, finished: Callable[[str], Path], small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Results of another person, who trained and scored a GAN with its stage A, and a β-VAE."""
    root = with_data(tmp_path_factory.mktemp("theirs") / "results", small_data)
    for run in (STAGE_A, RUN, VAE):
        shutil.copytree(finished(run.system), root / run.path)
        encode(job(evidence, run, root))
        score(job(evidence, run, root))
    match(job(evidence, RUN, root))
    return root


@pytest.fixture(scope="module")
def packed(evidence: Config, theirs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return submit(Results(evidence, "test", theirs), str(RUN), "Jane Doe", tmp_path_factory.mktemp("sent") / "run.zip")


@pytest.fixture
def ours(evidence: Config, new_root: Callable[..., Path]) -> Results:
    return Results(evidence, "test", new_root("ours"))


def accept(results: Results, path: Path, seconds: float = BUDGET) -> list[str]:
    return list(accept_submission(results, path, seconds))


def repacked(path: Path, target: Path, change: Callable[[dict[str, bytes]], None], honest: bool = True) -> Path:
    """A submission with other files; `honest` lists their hashes."""
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    change(files)
    if honest:
        manifest = json.loads(files.pop("submission.json"))
        with_hashes = {name: __import__("hashlib").sha256(content).hexdigest() for name, content in files.items()}
        files["submission.json"] = json.dumps(manifest | {"files": with_hashes}).encode()
    with zipfile.ZipFile(target, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)
    return target


def test_a_submitted_run_becomes_part_of_the_published_ones(ours: Results, packed: Path) -> None:
    lines = accept(ours, packed)
    print("\n".join(lines))
    assert ours.is_published(RUN) and ours.is_published(STAGE_A)
