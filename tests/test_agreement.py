"""Rank agreement of scores over runs: known orders, runs without codes, the codes that are published for it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from idgan_sc.config import Run
from idgan_sc.files import DataError, write_arrays
from idgan_sc.metrics import referee, score
from idgan_sc.records.results import Results
from idgan_sc.report import agreement
from idgan_sc.report.figures.agreement import figure_agreement
from idgan_sc.training.encode import FEW_CODES

N = 300


def put_codes(root: Path, run: Run, noise: float) -> None:
    rng = np.random.default_rng(run.seed)
    classes = np.stack([rng.integers(0, n, N) for n in (3, 6, 8)], axis=1)
    codes = classes + noise * np.random.default_rng(1).normal(size=classes.shape)
    write_arrays(
        root / run.path / FEW_CODES, indices=np.arange(N), codes=codes.astype(np.float16), factors=classes,
        values=classes.astype(np.float32), factor_names=np.array(["shape", "scale", "x"]), discrete=np.array([0]),
    )  # fmt: skip


@pytest.fixture
def results(small_config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    quick = {"infogan_cr": (score, ["mig", "mcc_pearson", "total_correlation"])}
    monkeypatch.setattr(agreement, "PROTOCOLS", quick)
    return Results(small_config, "test", tmp_path)


def test_scores_that_order_runs_alike_agree(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    runs = results.planned
    for run, noise in zip(runs[:4], (0.1, 0.4, 0.9, 2.0), strict=True):
        put_codes(results.root, run, noise)
    written = agreement.agreement(results)
    codes, scores, pairs = (pd.read_csv(path) for path in written)
    assert (codes["codes"] == FEW_CODES).sum() == 4 and (codes["codes"] == "lacking").sum() == len(runs) - 4
    assert capsys.readouterr().err.count("lacks codes: ") == len(runs) - 4
    assert set(scores["metric"]) == {"mig", "mcc_pearson", "total_correlation"} and (scores["n_images"] == N).all()
    found = pairs.set_index(["metric_a", "metric_b"])
    assert (pairs["n"] == 4).all() and len(pairs) == 3
    assert found.loc[("mcc_pearson", "mig"), ["spearman", "kendall"]].tolist() == [1, 1]
    paths = figure_agreement(results)
    assert all(path.stat().st_size > 0 for path in paths)


def test_an_order_needs_three_runs(results: Results) -> None:
    with pytest.raises(DataError, match="has codes or weights: encode runs"):
        agreement.agreement(results)
    for run in results.planned[:2]:
        put_codes(results.root, run, 0.5)
    with pytest.raises(DataError, match="fewer than 3 runs"):
        agreement.agreement(results)


def test_codes_of_other_images_are_said(results: Results) -> None:
    for run in results.planned[:4]:
        put_codes(results.root, run, 0.5)
    path = results.root / results.planned[2].path / FEW_CODES
    with np.load(path) as stored:
        write_arrays(path, **(dict(stored) | {"indices": np.arange(N)[::-1]}))
    with pytest.raises(DataError, match=rf"{results.planned[2]} has codes of other images than {results.planned[0]}"):
        agreement.agreement(results)


def test_coefficients_by_hand() -> None:
    # by the definitions: of 1 2 3 4 5 and 2 1 4 3 5, Spearman 1 - 6 * 4 / 120, Kendall (8 - 2) / 10
    rows = [("a", seed, value) for seed, value in enumerate((1, 2, 3, 4, 5))]
    rows += [("b", seed, value) for seed, value in enumerate((2, 1, 4, 3, 5))]
    rows += [("same", seed, 7) for seed in range(5)]
    frame = pd.DataFrame(rows, columns=["metric", "seed", "value"]).assign(protocol="p", system="s", variant="main")
    (row,) = agreement.rank_agreement(frame)
    assert (row["metric_a"], row["metric_b"], row["n"], row["spearman"], row["kendall"]) == ("a", "b", 5, 0.8, 0.6)


def test_the_codes_are_a_file_of_the_referee(results: Results) -> None:
    run = results.planned[0]
    put_codes(results.root, run, 0.3)
    sizes = referee.Sizes(6, 4, 20, 20, 6, 4, 4, 20, 20, 20, 20, 20, (4, 4))
    with np.load(results.root / run.path / FEW_CODES) as stored:
        arrays = dict(stored)
    write_arrays(results.root / "with_depths.npz", **arrays, depths=np.full(3, 2), forest_depths=np.full(3, 2))
    (rows,) = referee._referee_file(results.root / "with_depths.npz", sizes).values()
    assert {"mig", "dci", "factor_vae"} <= {row["metric"] for row in rows}
