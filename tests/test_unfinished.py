"""A training that is not finished: its state outlives the folder it was trained in, and its curve can be scored."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import job
from idgan_sc.config import Config, Run
from idgan_sc.evaluation.unfinished import keep_state, restore_state, score_curve
from idgan_sc.files import DataError
from idgan_sc.metrics.factor_vae import infogan_cr_score
from idgan_sc.metrics.rotation import best_rotation
from idgan_sc.models import GAN
from idgan_sc.training.train import train

STAGE_A = Run("test", "dsprites", "infogan_stage_a", "main", 0)


class Killed(Exception):
    """What stops a training here."""


@pytest.fixture
def stopped(new_root: Callable[..., Path], config: Config, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results with stage A stopped in its fifth step, of five."""
    original, root, calls = GAN.step, new_root(), []

    def step(self: GAN, x: Any) -> Any:
        calls.append(1)
        if len(calls) == 5:
            raise Killed
        return original(self, x)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(GAN, "step", step)
        train(job(config, STAGE_A, root))
    return root


def test_a_kept_state_goes_on_to_the_same_bytes(stopped: Path, config: Config, finished: Callable[[str], Path]) -> None:
    kept = keep_state(job(config, STAGE_A, stopped))
    assert kept.is_relative_to(stopped / "state/dsprites/infogan_stage_a")
    shutil.rmtree(stopped / "runs")
    restore_state(job(config, STAGE_A, stopped))
    folder = train(job(config, STAGE_A, stopped))
    for name in ("weights.safetensors", "state.safetensors", "curve.npz", "log.csv"):
        assert (folder / name).read_bytes() == (finished("infogan_stage_a") / name).read_bytes()
    parts = json.loads((folder / "record.json").read_text())["parts"]
    assert [(part["from"], part["to"]) for part in parts] == [(0, 4), (4, 5)]
    assert all(part["processor"].count(",") >= 2 for part in parts)
    with pytest.raises(DataError, match="finished run"):
        restore_state(job(config, STAGE_A, stopped))


def test_a_state_is_not_put_in_place_of_a_later_one(stopped: Path, config: Config) -> None:
    keep_state(job(config, STAGE_A, stopped))
    with pytest.raises(DataError, match="has gone as far"):
        restore_state(job(config, STAGE_A, stopped))
    shutil.rmtree(stopped / "runs")
    with pytest.raises(DataError, match="is missing"):
        keep_state(job(config, STAGE_A, stopped))


def test_the_curve_so_far_is_scored_as_a_finished_one(stopped: Path, config: Config) -> None:
    table = pd.read_csv(score_curve(job(config, STAGE_A, stopped), stopped / STAGE_A.path))
    assert sorted(table["step"].unique()) == [0, 2]
    from idgan_sc.evaluation.score import score
    from idgan_sc.training.encode import encode

    folder = train(job(config, STAGE_A, stopped))
    encode(job(config, STAGE_A, stopped))
    score(job(config, STAGE_A, stopped))
    whole = pd.read_csv(folder / "curve.csv")
    so_far = table[table["metric"] == "factor_vae"]
    np.testing.assert_array_equal(so_far["value"], whole[whole["step"] <= 2]["value"])
    assert len(table[table["metric"] == "association"]) == 2 * 5 * 5


def test_a_gan_without_noise_trains(new_root: Callable[..., Path], config: Config) -> None:
    config["presets"]["test"]["families"]["gan"]["z_dim"] = 0
    folder = train(job(config, STAGE_A, new_root()))
    assert json.loads((folder / "record.json").read_text())["settings"]["z_dim"] == 0


def test_a_finished_curve_is_scored_with_its_codes_turned(config: Config, finished: Callable[[str], Path]) -> None:
    folder = finished("infogan_stage_a")
    table = pd.read_csv(score_curve(job(config, STAGE_A, folder.parents[4]), folder, turned=True))
    means = table.groupby(["metric", "step"])["value"].mean()
    assert set(table["metric"]) == {"factor_vae", "factor_vae_turned", "sd", "association"}
    assert list(means["sd"].index) == list(means["factor_vae_turned"].index) == [0, 2, 5]


def test_codes_that_were_turned_are_turned_back() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 5
    groups = rng.uniform(-1, 1, size=(200, 50, 5))
    groups[np.arange(200), :, labels] = rng.uniform(-1, 1, size=(200, 1))
    groups += 0.8 * rng.normal(size=groups.shape)
    turned, whole = np.linalg.qr(rng.normal(size=(5, 5)))[0], rng.uniform(-1, 1, size=(999, 5))
    found = best_rotation(whole @ turned, groups @ turned, labels, rng)
    before = infogan_cr_score(whole @ turned, groups @ turned, labels)
    assert before < 0.65 < 0.83 < infogan_cr_score(whole @ turned @ found, groups @ turned @ found, labels)
    np.testing.assert_allclose(found.T @ found, np.eye(5), atol=1e-9)
