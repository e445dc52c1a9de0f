"""What learned nothing: the very network a training starts from, components as scikit-learn has them, noise at zero."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from conftest import with_data
from idgan_sc import cli
from idgan_sc import config as configuration
from idgan_sc.config import baseline_starts, datasets_with_baseline
from idgan_sc.data.images import open_images
from idgan_sc.evaluation.generators import baselines
from idgan_sc.evaluation.generators.nearest_image import factors_modulo_symmetry
from idgan_sc.evaluation.generators.scores import few_true, score_factors
from idgan_sc.files import DataError
from idgan_sc.records.published import AS_GENERATORS
from idgan_sc.records.results import Results
from idgan_sc.report.read import read_baselines
from idgan_sc.report.words import METRIC_LABELS
from idgan_sc.training.encode import encode_pool
from idgan_sc.training.pool import pool_indices


def test_the_baselines_are_scored_as_the_systems_are(
    new_root: Callable[..., Path], small_config: dict[str, Any], finished: Callable[[str], Path]
) -> None:
    root = new_root()
    baselines.score_baseline(Results(small_config, "test", root), open_images(root / "data/dsprites"))
    found = read_baselines(root)
    assert set(found["metric"]) == set(METRIC_LABELS) and set(found["k"]) == {5, 10}  # as InfoGAN-CR and its c10
    assert set(found["system"]) == {"untrained_q", "noise_codes", "pixel_components"}
    start = pd.Series(np.load(finished("infogan_stage_a") / "curve.npz")["steps"])
    assert start[0] == 0
    mine = found[found["k"] == 5].set_index(["system", "metric"])["value"]
    assert mine["noise_codes", "mig"] < 0.2 and mine["noise_codes", "sap"] < 0.2
    few = read_baselines(root, protocol=AS_GENERATORS).set_index(["system", "k", "metric"])["value"]
    assert set(few.index.unique("system")) == set(found["system"]) and few["noise_codes", 5, "dci"] < 0.2
    first = (root / "floor/dsprites.csv").read_bytes()
    baselines.score_baseline(Results(small_config, "test", root), open_images(root / "data/dsprites"))
    assert (root / "floor/dsprites.csv").read_bytes() == first


def test_an_untrained_q_is_the_one_that_training_starts_from(
    small_data: Path, tmp_path: Path, small_config: dict[str, Any], finished: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    root, seen = with_data(tmp_path / "results", small_data), []

    def watched(*arguments: Any) -> np.ndarray:
        seen.append(encode_pool(*arguments))
        return seen[-1]

    monkeypatch.setattr(baselines, "encode_pool", watched)
    baselines.score_baseline(Results(small_config, "test", root), open_images(root / "data/dsprites"))
    np.testing.assert_array_equal(seen[0], np.load(finished("infogan_stage_a") / "curve.npz")["codes"][0])


def test_a_published_baseline_is_taken_where_its_settings_are_these(
    small_data: Path, tmp_path: Path, small_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = with_data(tmp_path / "results", small_data)
    baselines.score_baseline(Results(small_config, "test", root), open_images(root / "data/dsprites"))
    published = root / "published/floor/dsprites.csv"
    published.parent.mkdir(parents=True)
    (root / "floor/dsprites.csv").rename(published)
    assert Results(small_config, "test", root).published_baseline("dsprites") == published

    def no_scores(*_: Any) -> None:
        raise AssertionError("the baseline is scored again")

    monkeypatch.setattr(baselines, "score_baseline", no_scores)
    baselines.baseline(Results(small_config, "test", root), "dsprites")
    assert (root / "floor/dsprites.csv").read_bytes() == published.read_bytes()
    changed = copy.deepcopy(small_config)
    changed["presets"]["test"]["evaluation"]["points"] += 1
    assert Results(changed, "test", root).published_baseline("dsprites") is None
    with pytest.raises(AssertionError, match="scored again"):
        baselines.baseline(Results(changed, "test", root), "dsprites")
    fewer = copy.deepcopy(small_config)
    fewer["presets"]["test"]["generated"]["images"] -= 1
    assert Results(fewer, "test", root).published_baseline("dsprites") is None


def test_few_images_are_scored_as_the_generators_are(
    new_root: Callable[..., Path], small_config: dict[str, Any]
) -> None:
    root = new_root()
    images = open_images(root / "data/dsprites")
    baselines.score_baseline(Results(small_config, "test", root), images)
    found = read_baselines(root, protocol=AS_GENERATORS)
    sizes = configuration.evaluation(small_config, "test", "dsprites")
    generated = configuration.generated(small_config, "test")
    pool = pool_indices(images, "test", sizes["pool"])
    few = few_true(images, "test", sizes["pool"], generated["images"])
    assert len(few) == generated["images"] < len(pool) and np.isin(few, pool).all()
    codes = baselines.principal_components(images, pool, 32, 5)[np.searchsorted(pool, few)]
    expected, _ = score_factors(images, codes, *factors_modulo_symmetry(images, few), sizes | generated)
    mine = found[(found["system"] == "pixel_components") & (found["k"] == 5)].set_index("metric")["value"].to_dict()
    assert mine == pytest.approx(expected) and mine


def test_every_data_set_whose_generators_are_scored_has_a_baseline_of_its_own(shipped: dict[str, Any]) -> None:
    assert datasets_with_baseline(shipped, "desk") == ["dsprites", "digits", "faces"]
    assert datasets_with_baseline(shipped, "test") == ["dsprites"]
    starts = {data: baseline_starts(shipped, "desk", data) for data in datasets_with_baseline(shipped, "desk")}
    assert [run.variant for run in starts["dsprites"]] == ["main", "c10"]
    assert [run.variant for run in starts["digits"]] == [run.variant for run in starts["faces"]] == ["main"]
    assert len({Results(shipped, "desk", Path()).baseline_fingerprint(data) for data in starts}) == 3


def test_there_is_no_baseline_where_no_factor_is_known(
    shipped: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["baseline", "--preset", "paper", "--dataset", "mnist", "--out", str(tmp_path)])
    assert "mnist: its factors are not known" in capsys.readouterr().err and not any(tmp_path.iterdir())


def test_principal_components_are_scikit_learns(small_data: Path) -> None:
    images, indices = open_images(small_data), np.arange(0, 2000, 4)
    ours = baselines.principal_components(images, indices, 32, 4)
    theirs = PCA(4, svd_solver="full").fit_transform(images.batch(indices, 32).reshape(len(indices), -1))
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-3)


def test_a_missing_baseline_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"floor/dsprites.csv is missing: run `idgan-sc baseline --dataset dsprites`"):
        read_baselines(tmp_path)
