"""Every system takes a few steps on colour images at both sizes, and is encoded, scored and matched."""

import copy
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import job
from idgan_sc import config as configuration
from idgan_sc.config import Config, Run
from idgan_sc.data.images import Images
from idgan_sc.evaluation.generators.scores import match
from idgan_sc.evaluation.score import score
from idgan_sc.records.record import read_record
from idgan_sc.training.encode import encode
from idgan_sc.training.train import train

SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc")
QUICK = [("beta_vae", 32), ("beta_vae", 64), ("infogan_cr", 32), ("idgan_sc", 32)]  # the others are long
METRICS = ["factor_vae", "beta_vae", "sap", "mig", "dci"]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory, drawn: Images) -> dict[int, Path]:
    """A results folder for each image size, in which predecessors stay."""
    found = {}
    for size in (32, 64):
        found[size] = tmp_path_factory.mktemp(f"rooms{size}") / "results"
        (found[size] / "data").mkdir(parents=True)
        (found[size] / "data/rooms").symlink_to(drawn.folder)
    return found


def of_size(config: Config, size: int) -> Config:
    """The preset `test` on rooms at a size, measured as the preset `rooms` says."""
    changed = copy.deepcopy(config)
    preset = changed["presets"]["test"]
    for family in ("vae", "gan"):
        preset["families"][family] |= {"image_size": size, "steps": 3, "log_every": 1, "curve_points": 2}
    preset["families"]["gan"]["pairs"] = 12
    for settings in preset["systems"].values():
        settings.pop("steps", None)
    preset["evaluation"] |= {"pool": 600, "std": 300, "points": 300, "groups": 40, "group_size": 8}
    preset["generated"] = changed["presets"]["rooms"]["generated"] | {"images": 40, "pairs": 10, "least": 2}
    preset["runs"] = {"rooms": {system: ["main"] for system in SYSTEMS}}
    configuration.validate(changed)
    return changed


@pytest.mark.parametrize(
    ("system", "size"),
    [
        pytest.param(system, size, marks=[] if (system, size) in QUICK else [pytest.mark.long])
        for system, size in itertools.product(SYSTEMS, (32, 64))
    ],
)
def test_a_system_on_rooms(system: str, size: int, small_config: Config, roots: dict[int, Path]) -> None:
    config = of_size(small_config, size)
    run = Run("test", "rooms", system, "main", 0)
    task = job(config, run, roots[size])
    folder = train(task)
    record = read_record(folder)
    assert (record["channels"], record["settings"]["image_size"]) == (3, size)
    assert {"data/rooms/images.npy", "data/rooms/colours.npy"} <= record["inputs"].keys()
    encode(task)
    score(task)
    scores = pd.read_csv(folder / "scores.csv")
    assert set(scores["metric"]) == set(METRICS) and scores["value"].between(0, 1).all()
    factors = pd.read_csv(folder / "association.csv")["factor"].unique().tolist()
    assert factors == ["floor", "wall", "object", "scale", "shape", "orientation"]
    if config["systems"][system]["family"] != "gan":
        return
    assert run in configuration.generators_by_matching(config, "test")
    match(task)
    with np.load(folder / "match.npz") as arrays:
        assert arrays["index"].shape == (40,) and (arrays["relative"] <= 1).all()
    found: Any = pd.read_csv(folder / "generator_scores.csv")
    assert set(METRICS) <= set(found["metric"]) and {"coverage", "spread_floor", "spread_shape"} <= set(found["metric"])
    of_true = found[(found["code"] == "q") & (found["metric"] == "mig")]["value"]
    assert of_true.between(0, 1).all() and len(of_true) == 1  # what the encoder makes of true images is always scored
    labels = pd.read_csv(folder / "pair_labels.csv")
    assert {"change_one", "keep_one", "unrelated"} <= set(labels["rule"])


def test_the_presets_on_rooms(shipped: Config) -> None:
    for preset, trainings in (("rooms", 3 * (5 + 3)), ("correlated", 8)):
        runs = configuration.with_predecessors(shipped, configuration.planned_runs(shipped, preset))
        assert len(runs) == trainings and {run.dataset for run in runs} == {"rooms"}
    strength = [
        configuration.resolve(shipped, run).get("correlation", {}).get("strength", 0)
        for run in configuration.planned_runs(shipped, "correlated")
    ]
    assert strength == [0, 2, 5, 10] * 2
