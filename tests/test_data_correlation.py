"""Pools of training images with correlated factors: their weights, their draws, and what is refused."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import job
from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError, Run
from idgan_sc.data.correlation import pool_weights
from idgan_sc.data.images import open_images
from idgan_sc.files import DataError
from idgan_sc.records.record import read_record
from idgan_sc.training.batches import Batches
from idgan_sc.training.train import train

PAIR = {"pairs": [["x", "y"]], "strength": 4.0}


def correlated(config: Config, correlation: Any, systems: Any = "all") -> Config:
    """A configuration with the variant `together` that trains on a correlated pool."""
    changed = copy.deepcopy(config)
    changed["variants"]["together"] = {"systems": systems, "correlation": correlation}
    return changed


def test_weights_are_those_of_the_equation(small_data: Path) -> None:
    images = open_images(small_data)
    assert images.classes is not None
    weights = pool_weights(images, PAIR)
    assert weights is not None
    x, y = images.classes[:, 3] / 31, images.classes[:, 4] / 31
    expected = np.exp(-(16 * (x - y) ** 2) / 2)
    np.testing.assert_allclose(weights, expected / expected.sum())
    two = pool_weights(images, {"pairs": [["x", "y"], ["scale", "orientation"]], "strength": 4.0})
    more = np.exp(-(16 * (images.classes[:, 1] / 5 - images.classes[:, 2] / 39) ** 2) / 2)
    np.testing.assert_allclose(two, expected * more / (expected * more).sum())
    assert pool_weights(images, None) is None


@pytest.mark.parametrize(("strength", "low", "high"), [(1.0, 0.05, 0.25), (4.0, 0.6, 0.75), (20.0, 0.97, 1.0)])
def test_a_stronger_pool_is_more_correlated(small_data: Path, strength: float, low: float, high: float) -> None:
    images = open_images(small_data)
    assert images.classes is not None
    batches = Batches(images.n, 50, 0, "stage", pool_weights(images, PAIR | {"strength": strength}))
    drawn = np.concatenate([batches.next() for _ in range(200)])
    together = np.corrcoef(images.classes[drawn, 3], images.classes[drawn, 4])[0, 1]
    assert low < together < high
    covariance = np.cov(images.classes.T, aweights=batches.weights)
    expected = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(np.corrcoef(images.classes[drawn].T), expected, atol=0.05)


def test_draws_go_on_where_they_stopped(small_data: Path) -> None:
    images = open_images(small_data)
    weights = pool_weights(images, PAIR)
    batches = Batches(images.n, 64, 0, "stage", weights)
    for _ in range(40):
        batches.next()
    again = Batches(images.n, 64, 1, "stage", weights)
    again.load(batches.tensors())
    for _ in range(40):
        np.testing.assert_array_equal(batches.next(), again.next())


def test_neutral_is_absent(config: Config) -> None:
    run = Run("test", "dsprites", "infogan", "together", 0)
    plain = configuration.resolve(config, Run("test", "dsprites", "infogan", "main", 0))
    assert "correlation" not in plain
    neutral = correlated(config, PAIR | {"strength": 0})
    configuration.validate(neutral)
    assert configuration.resolve(neutral, run) == plain
    strong = correlated(config, PAIR)
    configuration.validate(strong)
    assert configuration.resolve(strong, run) == plain | {"correlation": PAIR}
    assert configuration.predecessors(strong, run)["start"].variant == "together"


@pytest.mark.parametrize(
    ("correlation", "systems", "words"),
    [
        ({"pairs": [["x"]], "strength": 1}, "all", r"\['x'\] is too short"),
        ({"pairs": [["x", "x"]], "strength": 1}, "all", "non-unique"),
        ({"pairs": [["x", "y"]], "strength": -1}, "all", "-1 is less than the minimum"),
        ({"pairs": [["x", "y"]]}, "all", "'strength' is a required property"),
        (PAIR, ["infogan"], "`correlation`: differs from that of `infogan_stage_a`, which this run builds on"),
    ],
)
def test_what_cannot_be_meant(config: Config, correlation: Any, systems: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configuration.validate(correlated(config, correlation, systems))


def test_a_training_on_a_correlated_pool(config: Config, new_root: Callable[..., Path]) -> None:
    changed, root = correlated(config, PAIR), new_root()
    run = Run("test", "dsprites", "beta_vae", "together", 0)
    together = train(job(changed, run, root))
    plain = train(job(changed, Run("test", "dsprites", "beta_vae", "main", 0), root))
    assert read_record(together)["settings"]["correlation"] == PAIR
    assert (together / "weights.safetensors").read_bytes() != (plain / "weights.safetensors").read_bytes()
    with pytest.raises(
        DataError, match="`correlation`: dsprites has no factor `hue`: one of shape, scale, orientation"
    ):
        train(job(correlated(config, PAIR | {"pairs": [["x", "hue"]]}), run, new_root("other")))
