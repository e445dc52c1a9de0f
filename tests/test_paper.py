"""What the paper gets wrong: found in its printed numbers, and not found where they are mended."""

import copy

import numpy as np
import pandas as pd
import pytest

from idgan_sc.config import Config
from idgan_sc.records.results import Results
from idgan_sc.report import errata


@pytest.fixture
def mended(shipped: Config) -> Config:
    """The printed numbers without their contradictions."""
    config = copy.deepcopy(shipped)
    reported = config["reported"]
    for row in reported["table3"].values():
        for metric, printed in row.get("source", {}).items():
            if "paper" in row:
                row["paper"][metric] = printed
    reported["table3"]["idgan_sc_prior"]["paper"]["dci"] = [0.76, 0.01]
    reported["codes"] = dict.fromkeys(reported["codes"], 10)
    reported["omitted"]["source"] = dict.fromkeys(reported["omitted"]["source"], 0.1)
    reported["equation3"]["sign_of_sc"] = 1
    config["systems"]["infogan_cr"]["pair_loss"] = "contrastive"
    return config


def test_every_contradiction_is_found_and_none_in_mended_numbers(shipped: Config, mended: Config) -> None:
    assert [finding.name for finding in errata.findings(shipped)] == [make.__name__ for make in errata.FINDINGS]
    assert errata.findings(mended) == []


def test_four_spreads_are_ten_times_too_large(shipped: Config) -> None:
    finding = errata.copied_spreads(shipped)
    assert {(row["system"], row["metric"]) for row in finding.rows} == {
        ("factor_vae", "factor_vae"), ("factor_vae", "dci"), ("infogan", "factor_vae"), ("infogan_cr", "dci"),
    }  # fmt: skip
    assert "4 spreads" in finding.sentence and "all by a factor of ten" in finding.sentence


def test_the_one_score_that_is_not_above_all_is_dci_without_the_vae(shipped: Config) -> None:
    (row,) = errata.not_above_all(shipped).rows
    assert (row["system"], row["metric"], row["printed"], row["other_printed"]) == (
        "idgan_sc_prior", "dci", 0.72, 0.74,
    )  # fmt: skip


def test_the_omitted_comparator_is_above_in_every_score(shipped: Config) -> None:
    assert "5 of 5" in errata.omitted_comparator(shipped).sentence


def test_contrastive_agrees_with_the_closed_form_and_the_training_loss() -> None:
    import torch

    from idgan_sc.models.objectives import supervised_contrastive_loss

    classes = np.repeat(np.arange(3), 4)
    assert errata.contrastive(np.ones((12, 1)), classes, 0.1) == pytest.approx(np.log(11))
    r = np.random.default_rng(0).normal(size=(12, 4))
    r /= np.linalg.norm(r, axis=1, keepdims=True)
    theirs = supervised_contrastive_loss(torch.tensor(r), torch.tensor(classes), 0.1, 0.1)
    assert errata.contrastive(r, classes, 0.1) == pytest.approx(float(theirs))


def test_findings_are_written(shipped: Config, tmp_path) -> None:  # type: ignore[no-untyped-def]
    csv, text = errata.write_findings(Results(shipped, "paper", tmp_path))
    assert set(pd.read_csv(csv)["finding"]) == {make.__name__ for make in errata.FINDINGS}
    assert text.read_text().count("\n* ") == len(errata.FINDINGS) - 1
