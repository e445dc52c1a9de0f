"""Fixtures that several test files share: a small data set, reduced configurations, results folders that use them."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from idgan_sc import config as configuration
from idgan_sc.data import dsprites, rooms
from idgan_sc.data.images import Images, save_images
from idgan_sc.records.published import AS_GENERATORS
from idgan_sc.records.results import Job, Results

SHIPPED = Path(__file__).parents[1] / "config.yaml"
IMAGES = 2000  # of the small data set

torch.set_num_threads(1)


LENGTHS = (
    "steps",
    "pair_start",
    "capacity_steps",
    "noise_steps",
    "curve_points",
    "log_every",
    "batch",
    "pairs",
    "pool",
)
OF_IMAGES = ("source", "file", "cache", "n", "native", "crop", "start")


def kind_of(settings: dict[str, Any], *more: str) -> str:
    """What decides which code a step has: no length, and of a rate or weight whether it is 0; nor these keys."""
    kept = {key: value for key, value in sorted(settings.items()) if key not in (*LENGTHS, *OF_IMAGES, *more)}
    return str({key: bool(value) if isinstance(value, float) else value for key, value in kept.items()})


@pytest.fixture(scope="session")
def shipped() -> dict[str, Any]:
    """config.yaml as shipped; whoever changes it works on a copy."""
    return configuration.load(SHIPPED)


@pytest.fixture(scope="session")
def small_config(shipped: dict[str, Any]) -> dict[str, Any]:
    """config.yaml, its `test` preset made to train in a fraction of a second; whoever changes it works on a copy."""
    small = copy.deepcopy(shipped)
    small["preset"] = "test"
    small["compute"] |= {"device": "cpu", "checkpoint_seconds": 0}
    preset = small["presets"]["test"]
    for family in ("vae", "gan"):
        preset["families"][family] |= {"steps": 7, "batch": 4, "log_every": 3, "curve_points": 3}
    preset["families"]["gan"] |= {"pairs": 12}
    for system in preset["systems"].values():
        system.pop("steps", None)
    preset["systems"]["factor_vae"]["steps"] = 7
    preset["systems"]["infogan_stage_a"] = {"steps": 5}
    preset["systems"]["idgan_stage_a"] = {"steps": 5}
    preset["systems"]["infogan_cr"] = {"pairs": 12}
    preset["evaluation"] |= {"pool": 400, "std": 100, "points": 100, "groups": 30, "group_size": 6, "draws": 2}
    return small


@pytest.fixture
def config(small_config: dict[str, Any]) -> dict[str, Any]:
    """A copy of `small_config` to change at will."""
    return copy.deepcopy(small_config)


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes a configuration to a file and says where."""

    def write(content: dict[str, Any]) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 2 000 of the procedural dSprites images, in the format of the whole set."""
    folder = tmp_path_factory.mktemp("data") / "dsprites"
    rng = np.random.default_rng(0)
    classes = rng.integers(0, dsprites.FACTORS.sizes, (IMAGES, 5))
    packed = np.packbits(dsprites.render(classes).reshape(IMAGES, -1), axis=1)
    save_images(
        folder, [packed], name="dsprites", source="procedural dSprites renderer", licence="MIT", shape=(1, 64, 64),
        n=IMAGES, packed=True, factors=dsprites.FACTORS, classes=classes,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """The data set `rooms`, whole."""
    return rooms.prepare(tmp_path_factory.mktemp("data") / "rooms")


@pytest.fixture
def new_root(tmp_path: Path, small_data: Path) -> Callable[..., Path]:
    """Makes a results folder in which the small data set is in place."""

    def make(name: str = "results") -> Path:
        return with_data(tmp_path / name, small_data)

    return make


@pytest.fixture(scope="session")
def finished(
    tmp_path_factory: pytest.TempPathFactory, small_data: Path, small_config: dict[str, Any]
) -> Callable[[str], Path]:
    """The results folder of uninterrupted trainings: trains a system (seed 0) when it is first asked for."""
    from idgan_sc.training.train import train

    root = with_data(tmp_path_factory.mktemp("finished") / "results", small_data)

    def folder(system: str) -> Path:
        return train(job(small_config, configuration.Run("test", "dsprites", system, "main", 0), root))

    return folder


def job(config: dict[str, Any], run: configuration.Run, root: Path) -> Job:
    """A run seen through the results below `root`."""
    return Results(config, run.preset, root).job(run)


def make_baselines(root: Path, dataset: str = "dsprites") -> Path:
    """A data set's floor with known levels, 5 and 10 codes: untrained .4, components .5, noise .25; .05 less of few."""
    levels = {"untrained_q": ("q_mean", 0.4), "pixel_components": ("components", 0.5), "noise_codes": ("noise", 0.25)}
    rows = [
        {"dataset": dataset, "system": system, "variant": variant, "seed": seed, "code": code, "k": k}
        | {"metric": metric, "protocol": protocol, "value": level - less}
        for protocol, less in (("infogan_cr", 0), (AS_GENERATORS, 0.05))
        for system, (code, level) in levels.items()
        for variant, k in (("main", 5), ("c10", 10))
        for seed in range(1 if system == "pixel_components" else 2)
        for metric in ("factor_vae", "beta_vae", "sap", "mig", "dci")
    ]
    path = root / f"floor/{dataset}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def with_data(root: Path, data: Path) -> Path:
    (root / "data").mkdir(parents=True)
    (root / "data" / "dsprites").symlink_to(data)
    return root


@pytest.fixture(autouse=True)
def ordinary_floats() -> None:
    """Training lets the processor take tiny numbers for 0, for the whole process; other tests need them."""
    torch.set_flush_denormal(False)


@pytest.fixture(autouse=True)
def the_same_numbers() -> None:
    """A test that draws without a generator of its own draws the same numbers in every run."""
    torch.manual_seed(0)


@pytest.fixture
def float64() -> Iterator[None]:
    """Double precision for new tensors, so that equal formulas agree to many digits."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
