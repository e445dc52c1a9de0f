"""Adding a data set, a metric or a system touches its file, the lines that docs/extend.md names, and config.yaml."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from idgan_sc.source import PACKAGE

SHAPES = '''"""Squares of two sizes at nine places: a data set made up for a test."""

from pathlib import Path

import numpy as np

from idgan_sc.data.images import Factors, Images, procedural_source, save_images

FACTORS = Factors(("size", "x", "y"), (2, 3, 3), ((0.0, 1.0), (0.0, 0.5, 1.0), (0.0, 0.5, 1.0)))


def prepare(
    folder: str | Path, source: str = "procedural", file: str | Path | None = None, cache: str | Path | None = None
) -> Images:
    """Draw each of the 18 images 40 times."""
    procedural_source("shapes", source, file)
    classes = np.tile(np.stack(np.unravel_index(np.arange(18), FACTORS.sizes), axis=1), (40, 1))
    images = np.zeros((len(classes), 32, 32, 1), np.uint8)
    for image, (size, x, y) in zip(images, classes, strict=True):
        image[4 + 8 * y :][: 6 + 4 * size, 4 + 8 * x :][:, : 6 + 4 * size] = 255
    about = {"name": "shapes", "source": "procedural shapes", "licence": "MIT", "shape": (1, 32, 32)}
    return save_images(folder, [images], n=len(images), factors=FACTORS, classes=classes, **about)
'''
SPREAD = '''"""Spread: a metric made up for a test."""

import numpy as np


def spread_score(codes: np.ndarray) -> float:
    """Share of codes (N, D) that vary at all."""
    return float((codes.std(axis=0) > 0).mean())
'''


SPARSE = '''"""A VAE with an absolute penalty on its codes: a system made up for a test."""


from idgan_sc.models import objectives as obj
from idgan_sc.models.penalised_vae import PenalisedVAE


class SparseVAE(PenalisedVAE):
    """settings: sparsity."""

    def loss(self, recon, kl, c, mean, logvar):
        penalty = mean.abs().sum(1).mean()
        return obj.beta_vae_loss(recon, kl, 1.0) + self.settings["sparsity"] * penalty, {"penalty": penalty}
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package to add to."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(PACKAGE, tmp_path / "src" / PACKAGE.name, ignore=ignored))


def insert(path: Path, before: str, line: str) -> None:
    """The one line of an addition, ahead of what is there."""
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, line + before), encoding="utf-8")


def made(package: Path, config: dict[str, Any], dataset: str, system: str, *commands: str) -> Path:
    """The folder of one run on which commands are called with a package and a configuration."""
    folder = package.parents[1]
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    for command in commands:
        options = ["--preset", "test", "--dataset", dataset, "--system", system, "--out", "results"]
        done = subprocess.run(
            [sys.executable, "-m", "idgan_sc", command, *options],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(package.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return folder / f"results/runs/{dataset}/{system}/main/0"


def scores(package: Path, config: dict[str, Any], dataset: str) -> pd.DataFrame:
    """The scores of a GAN on a data set."""
    folder = made(package, config, dataset, "infogan_stage_a", "train", "encode", "score")
    return pd.read_csv(folder / "scores.csv")


def in_file(config: dict[str, Any]) -> dict[str, Any]:
    """A loaded configuration without the variants that loading adds."""
    kept = {name: row for name, row in config["variants"].items() if not name.startswith("factorial_")}
    return config | {"variants": kept}


def test_a_new_data_set_is_a_row_a_file_and_configuration(package: Path, config: dict[str, Any]) -> None:
    (package / "data/shapes.py").write_text(SHAPES, encoding="utf-8")
    insert(package / "config/datasets.py", '        Dataset("own", ', '        Dataset("shapes", "Shapes", 1),\n')
    config["datasets"]["shapes"] = {"source": "procedural", "families": {"gan": {"image_size": 32}}}
    config["presets"]["test"]["datasets"]["shapes"] = {"evaluation": {"pool": 300}}
    config["presets"]["test"]["runs"]["shapes"] = {"infogan_stage_a": ["main"]}
    found = scores(package, in_file(config), "shapes")
    assert set(found["dataset"]) == {"shapes"} and found["value"].between(0, 1).all()


def test_a_new_metric_is_a_file_a_line_and_configuration(
    package: Path, config: dict[str, Any], small_data: Path
) -> None:
    (package / "metrics/spread.py").write_text(SPREAD, encoding="utf-8")
    scoring = package / "metrics/scoring.py"
    insert(
        scoring, '    "factor_vae": lambda e: factor_vae.infogan', '    "spread": lambda e: spread_score(e.codes),\n'
    )
    insert(scoring, "E = TypeVar", "from idgan_sc.metrics.spread import spread_score\n")
    config["evaluation"]["metrics"] = ["mig", "spread"]
    root = package.parents[1] / "results/data"
    root.mkdir(parents=True)
    (root / "dsprites").symlink_to(small_data)
    found = scores(package, in_file(config), "dsprites").set_index("metric")["value"]
    assert found["spread"] == 1 and "mig" in found


def test_a_new_system_is_a_file_three_lines_and_configuration(
    package: Path, config: dict[str, Any], small_data: Path
) -> None:
    (package / "models/sparse_vae.py").write_text(SPARSE, encoding="utf-8")
    insert(package / "models/__init__.py", '    "gan": GAN,', '    "sparse": SparseVAE,\n')
    insert(
        package / "models/__init__.py",
        "from idgan_sc.seeds",
        "from idgan_sc.models.sparse_vae import SparseVAE\n",
    )
    insert(package / "config/settings.py", '    "dip": {"dip_of"', '    "sparse": {"sparsity"},\n')
    schema = package / "config/schema.yaml"
    schema.write_text(schema.read_text().replace("beta_tc, dip, ib]", "beta_tc, dip, ib, sparse]"))
    insert(schema, "      dip_of: {enum", '      sparsity: {$ref: "#/$defs/weight"}\n')
    config["systems"]["sparse_vae"] = {"family": "vae", "objective": "sparse", "sparsity": 2.0}
    root = package.parents[1] / "results/data"
    root.mkdir(parents=True)
    (root / "dsprites").symlink_to(small_data)
    log = pd.read_csv(made(package, in_file(config), "dsprites", "sparse_vae", "train") / "log.csv")
    kl = log.filter(regex="^kl_").sum(axis=1)
    assert (log["penalty"] > 0).all() and np.allclose(log["loss"], log["reconstruction"] + kl + 2 * log["penalty"])
