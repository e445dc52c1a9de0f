"""Seeds chosen without labels: pairs of networks scored, kept and added to; the table of what is chosen."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch

from conftest import with_data
from idgan_sc.config import Config
from idgan_sc.evaluation.generators import centrality
from idgan_sc.evaluation.score import score
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import selection
from idgan_sc.report.words import METRIC_LABELS
from idgan_sc.training.encode import encode
from idgan_sc.training.train import train

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def here(small_config: Config, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Three trained and scored seeds of a β-VAE."""
    config = copy.deepcopy(small_config)
    config["presets"]["test"] |= {"seeds": {"first": 0, "count": 3}, "runs": {"dsprites": {"beta_vae": ["main"]}}}
    config["selection"] |= {"groups": 20, "group_size": 5, "std": 60}
    config["related"]["runs"] = {"vae": ["main"]}
    results = Results(config, "test", with_data(tmp_path_factory.mktemp("selection") / "results", small_data))
    for run in results.planned:
        for step in (train, encode, score):
            step(results.job(run))
    return results


def test_an_encoder_that_reads_the_codes_agrees_with_the_generator(here: Results) -> None:
    """Whatever their order, sign and scale; one that mixes all codes evenly is near chance, one of four."""

    def generate(z: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return c[:, :, None, None]

    def read(turned: torch.Tensor) -> Any:
        return SimpleNamespace(encode=lambda x: x[:, :, 0, 0] @ turned)

    mixed = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    generator: Any = SimpleNamespace(settings={"c_dim": 4}, generate=generate)
    orders = [torch.eye(4), -3 * torch.eye(4)[[2, 0, 3, 1]], mixed]
    found = centrality.agreement([read(turned) for turned in orders], generator, None, here.planned[0], here)  # type: ignore[arg-type]
    assert found[:2] == [1.0, 1.0] and found[2] < 0.5


def test_pairs_are_scored_once_and_kept_for_networks_that_are_gone(here: Results) -> None:
    (path,) = centrality.centrality(here)
    first = pd.read_csv(path)
    assert path == here.root / "centrality/dsprites/beta_vae/main.csv"
    assert set(zip(first["encoder"], first["generator"], strict=True)) == {
        (i, j) for i in SEEDS for j in SEEDS if i != j
    }
    assert first["value"].between(0, 1).all()
    assert centrality.centrality(here) == []  # nothing to add
    kept = (here.root / here.planned[2].path / "weights.safetensors").rename(here.root / "aside")
    first[(first["encoder"] != 0) | (first["generator"] != 1)].to_csv(path, index=False)
    centrality.centrality(here)
    pd.testing.assert_frame_equal(pd.read_csv(path), first)  # the lacking pair again, those of seed 2 as they were
    kept.rename(here.root / here.planned[2].path / "weights.safetensors")
    first.assign(encoder_weights="of others").to_csv(path, index=False)
    assert centrality.known_pairs(here, tuple(here.planned)).empty  # they are of another training
    first.to_csv(path, index=False)


def test_the_table_says_which_seed_each_way_chooses(here: Results) -> None:
    centrality.centrality(here)
    paths = selection.table_selection(here)
    table = pd.read_csv(paths[0]).set_index("way")
    scores = pd.concat([pd.read_csv(here.root / run.path / "scores.csv") for run in here.planned])
    scores = scores[scores["code"] == "vae_mean"].pivot(index="seed", columns="metric", values="value")
    assert list(table.index) == [
        selection.MEAN,
        selection.BEST,
        selection.LASSO,
        selection.SPEARMAN,
        selection.CENTRALITY,
    ]
    assert table.loc[selection.MEAN, "mig"] == pytest.approx(scores["mig"].mean())
    assert table.loc[selection.BEST, "factor_vae"] == scores["factor_vae"].max()
    for way in (selection.LASSO, selection.CENTRALITY):
        seed = int(table.loc[way, "chosen"])
        assert seed in SEEDS and table.loc[way, "dci"] == pytest.approx(scores.loc[seed, "dci"])
    pairs = pd.read_csv(here.root / "centrality/dsprites/beta_vae/main.csv")
    of_seed = [pairs[(pairs["encoder"] == s) | (pairs["generator"] == s)]["value"].mean() for s in SEEDS]
    assert of_seed[int(table.loc[selection.CENTRALITY, "chosen"])] == pytest.approx(max(of_seed))
    assert "0.92" in paths[1].read_text() and "0.86" in paths[1].read_text()


def test_seeds_without_all_pairs_are_left_out(here: Results) -> None:
    assert selection._lacking([0, 1, 2], {(0, 1), (1, 0), (0, 2), (2, 0), (1, 2)}) == [2, 1]
    path = here.root / "centrality/dsprites/beta_vae/main.csv"
    whole = path.read_text()
    table = pd.read_csv(path)
    table[table["generator"] != 2].to_csv(path, index=False)
    assert set(selection._by_pairs(here, tuple(here.planned))) == {0, 1}
    path.write_text(whole)


def test_nothing_to_compare_is_one_line(small_config: Config, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no two seeds of a system"):
        selection.table_selection(Results(small_config, "test", tmp_path))


def test_what_a_source_prints_of_dsprites_does_not_stand_beside_other_data(
    shipped: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"dataset": "rooms", "label": "FactorVAE", "k": 10, "way": selection.MEAN, "n": 3, "chosen": None}
    monkeypatch.setattr(selection, "_arm_rows", lambda results, arm: [row | dict.fromkeys(METRIC_LABELS, 0.5)])
    paths = selection.table_selection(Results(shipped, "rooms", tmp_path))
    assert "0.50" in paths[1].read_text() and selection.PRINTED not in paths[1].read_text()
