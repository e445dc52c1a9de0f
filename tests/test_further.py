"""Data sets beyond the paper's, from made-up scores: Table S, its figure, and the curve of correlated factors."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import SHIPPED, make_baselines
from idgan_sc import config as configuration
from idgan_sc.config import Config
from idgan_sc.config.claims import Contrast, parse_arm
from idgan_sc.evaluation.generators.names import GENERATOR_CODE
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report.comparisons import Gathered
from idgan_sc.report.figures.further import figure_s, figure_strength
from idgan_sc.report.figures.registry import drawers
from idgan_sc.report.further import strength, table_s
from idgan_sc.report.second_protocol import differences
from idgan_sc.report.words import METRIC_LABELS


def made_up(config: Config, preset: str, root: Path) -> Results:
    """A value of its own for every run, code and score; of a generator .1 less."""
    results = Results(config, preset, root)
    rng = np.random.default_rng(0)
    scores, generators = [], []
    for run in results.planned:
        gan, k = configuration.is_gan(config, run), results.settings(run)["c_dim"]
        about = {"dataset": run.dataset, "system": run.system, "variant": run.variant, "seed": run.seed, "k": k}
        for code in ["q_mean"] if gan else ["vae_mean", "vae_sample"]:
            of_code = [about | {"code": code, "metric": m, "protocol": "infogan_cr"} for m in METRIC_LABELS]
            scores += [row | {"value": 0.3 + 0.6 * rng.uniform()} for row in of_code]
        generators += [
            row | {"code": GENERATOR_CODE, "value": row["value"] - 0.1} for row in scores[-len(METRIC_LABELS) :] if gan
        ]
    pd.DataFrame(scores).to_csv(root / "scores.csv", index=False)
    if generators:
        pd.DataFrame(generators).to_csv(root / "generator_scores.csv", index=False)
    make_baselines(root, "rooms")
    return results


def test_table_s_has_every_arm_its_generator_and_the_baselines(shipped: Config, tmp_path: Path) -> None:
    results = made_up(shipped, "rooms", tmp_path)
    paths = table_s(results)
    table = pd.read_csv(paths[0])
    arms = table.groupby(["system", "code"], sort=False).size()
    assert list(arms.index)[:8] == [
        ("beta_vae", "vae_mean"), ("factor_vae", "vae_sample"), ("infogan", "q_mean"), ("infogan", GENERATOR_CODE),
        ("infogan_cr", "q_mean"), ("infogan_cr", GENERATOR_CODE),
        ("idgan_sc_prior", "q_mean"), ("idgan_sc_prior", GENERATOR_CODE),
    ]  # fmt: skip
    assert set(table["system"]) >= {"untrained_q", "pixel_components", "noise_codes"} and set(table["dataset"]) == {
        "rooms"
    }
    scores = pd.read_csv(tmp_path / "scores.csv").query("system == 'infogan' and metric == 'mig'")["value"]
    row = table.query("system == 'infogan' and metric == 'mig'").set_index("code")
    assert row.loc["q_mean", "mean"] == pytest.approx(scores.mean()) and row.loc["q_mean", "n"] == 3
    assert row.loc[GENERATOR_CODE, "mean"] == pytest.approx(scores.mean() - 0.1)
    names = re.findall(r"^\| rooms \| (IDGAN-SC[^|]*|InfoGAN-CR[^|]*) \| 10 \| mean of Q", paths[1].read_text(), re.M)
    assert names == [
        "InfoGAN-CR (α = 0.2)", "InfoGAN-CR (α = 0.2), change one dimension",
        "IDGAN-SC (without β-VAE) (α = 0.2)", "IDGAN-SC (without β-VAE) (α = 0.2), keep one dimension",
    ]  # fmt: skip
    assert "Baseline: principal components" in paths[1].read_text() and "n = 3 seeds" in paths[1].read_text()


def test_figure_s_draws_every_seed(shipped: Config, tmp_path: Path) -> None:
    results = made_up(shipped, "rooms", tmp_path)
    assert all(path.stat().st_size > 0 for path in figure_s(results))
    drawn = pd.read_csv(tmp_path / "figures/figure_s.csv")
    assert len(drawn) == 3 * (2 + 2 * 5) * len(METRIC_LABELS)
    assert {"figure_s"} <= drawers(results).keys() and "figure3" not in drawers(results)


def test_the_curve_of_strength_joins_means_of_equal_strength(shipped: Config, tmp_path: Path) -> None:
    results = made_up(shipped, "correlated", tmp_path)
    figure_strength(results)
    drawn = pd.read_csv(tmp_path / "figures/figure_strength.csv")
    assert set(drawn["strength"]) == {0, 2, 5, 10} and set(drawn["system"]) == {"beta_vae", "factor_vae"}
    scores = pd.read_csv(tmp_path / "scores.csv")
    for _, row in drawn.iterrows():
        settings = results.settings(results.run("rooms", row["system"], row["variant"], row["seed"]))
        same = scores.query(
            f"system == '{row['system']}' and variant == '{row['variant']}' and code == '{row['code']}'"
        )
        assert strength(settings) == row["strength"] and row["value"] in set(same["value"])
    assert "floor and wall" in (tmp_path / "figures/figure_strength.md").read_text()
    assert "strength 5" in table_s(results)[1].read_text()


def test_the_docs_say_of_rooms_what_was_measured() -> None:
    """The sentences above Table S in docs/datasets.md, and those of REPLICATION.md on other data."""
    published = SHIPPED.parent / "results/rooms/published"
    scores = pd.read_csv(published / "scores.csv").query("protocol == 'infogan_cr'")
    table = pd.read_csv(published / "tables/table_s.csv")
    components = table.query("system == 'pixel_components'").set_index("metric")["mean"]
    codes = {"beta_vae": "vae_mean", "factor_vae": "vae_sample"}
    codes |= {"infogan": "q_mean", "infogan_cr": "q_mean", "idgan_sc_prior": "q_mean"}
    by_seed = {
        (system, metric): scores.query(
            f"system == '{system}' and variant == 'main' and code == '{code}' and metric == '{metric}'"
        ).set_index("seed")["value"]
        for system, code in codes.items()
        for metric in METRIC_LABELS
    }
    for metric in ("factor_vae", "beta_vae"):
        for gan in ("infogan", "infogan_cr", "idgan_sc_prior"):
            assert len(by_seed[gan, metric]) == 3 and by_seed[gan, metric].min() > components[metric] + 0.1
        for vae in ("beta_vae", "factor_vae"):
            assert abs(by_seed[vae, metric].mean() - components[metric]) < 0.05
    desk = pd.read_csv(SHIPPED.parent / "results/desk/published/scores.csv").query(
        "dataset == 'dsprites' and system == 'infogan' and metric == 'factor_vae' and code == 'q_mean'"
    )
    assert by_seed["infogan", "factor_vae"].min() > desk.groupby("variant")["value"].mean().max() + 0.15
    gained = by_seed["idgan_sc_prior", "factor_vae"] - by_seed["infogan", "factor_vae"]
    assert gained.mean() < 0 and (gained < 0).sum() == 2
    assert 0 < (by_seed["infogan_cr", "factor_vae"] - by_seed["infogan", "factor_vae"]).mean() < 0.01


def test_the_docs_say_of_the_pair_rule_and_the_loss_what_was_measured(shipped: Config) -> None:
    """The sentences above Table Q in docs/datasets.md."""
    published = SHIPPED.parent / "results/rooms/published"
    gathered = Gathered(Results(shipped, "rooms", SHIPPED.parent / "results/rooms"), tables=published)
    for change, keep in (("idgan_sc_prior", "idgan_sc_prior/keep_sc"), ("infogan_cr/change_ce", "infogan_cr")):
        found = differences(gathered, Contrast("", (parse_arm(change),), (parse_arm(keep),), None), "rooms")
        assert len(found) == 3 and (found < 0).all()
    effects = pd.read_csv(published / "tables/effects.csv").set_index("comparison")
    rule, loss = (effects.loc[name] for name in ("change one code − keep one code", "contrastive loss − cross-entropy"))
    by_seed = [abs(float(value)) for value in rule["by_seed"].split()]
    assert (
        sorted(value > 2 * rule["one_arm"] for value in by_seed) == [False, True, True]
        and min(by_seed) > rule["one_arm"]
    )
    assert abs(loss["difference"]) < 2 * loss["one_arm"]
    assert rule["dci"] > 0 and (rule[["sap", "mig", "beta_vae"]].abs() < 0.015).all()


def test_the_docs_say_of_rotated_codes_what_was_measured() -> None:
    """The sentences on stage A's curves of rooms in docs/datasets.md."""
    curves = pd.read_csv(SHIPPED.parent / "results/rooms/pilot/turned.csv")
    assert sorted(curves["seed"].unique()) == [0, 1, 2] and set(curves["system"]) == {"infogan_stage_a"}
    found = curves.pivot_table(index="step", columns="metric", values="value")
    assert found.loc[[0, 10000, 20000], "factor_vae"].round(2).tolist() == [0.51, 0.85, 0.92]
    assert found.loc[[0, 10000, 20000], "factor_vae_turned"].round(2).tolist() == [0.79, 0.98, 0.99]
    room = (found["factor_vae_turned"] - found["factor_vae"]).round(2)
    assert room[[10000, 20000]].tolist() == [0.13, 0.07]


def test_the_docs_say_of_correlated_factors_what_was_measured() -> None:
    """The sentences above the table of strengths in docs/datasets.md."""
    points = pd.read_csv(SHIPPED.parent / "results/correlated/published/figures/figure_strength.csv")
    for system in ("beta_vae", "factor_vae"):
        curve = points[points["system"] == system].pivot(index="strength", columns="metric", values="value")
        assert list(curve.index) == [0, 2, 5, 10]
        change = curve - curve.loc[0]
        assert (change.loc[2, ["factor_vae", "mig"]].abs() < 0.05).all()
        assert (change.loc[[5, 10], "factor_vae"] <= -0.17).all() and (curve.loc[[5, 10], "mig"] < 0.05).all()
        assert (change["dci"].abs() < 0.1).all() and not curve["dci"].is_monotonic_decreasing


def test_scores_that_are_not_there_are_one_line_or_missing(shipped: Config, tmp_path: Path) -> None:
    results = made_up(shipped, "rooms", tmp_path)
    (tmp_path / "generator_scores.csv").unlink()
    missing = pd.read_csv(table_s(results)[0]).query("missing")
    assert set(missing["code"]) == {GENERATOR_CODE} and "missing" in (tmp_path / "tables/table_s.md").read_text()
    (tmp_path / "scores.csv").write_text("dataset,system,variant,seed,code,metric,protocol,k,value\n")
    with pytest.raises(DataError, match="no run of rooms is scored"):
        figure_s(results)
    (tmp_path / "scores.csv").unlink()
    with pytest.raises(DataError, match="is missing: score the runs"):
        table_s(results)


def jobs_of_all(folder: Path, preset: str) -> dict[str, int]:
    """Rule -> number of jobs that a dry run of `all` would start in a folder."""
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "host", "--config", f"preset={preset}", "--", "all"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    return {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.M)}


@pytest.mark.long
@pytest.mark.parametrize(("preset", "trainings"), [("rooms", 24), ("correlated", 8)])
def test_everything_of_a_preset_without_the_papers_data_is_planned(preset: str, trainings: int, tmp_path: Path) -> None:
    """A dry run of `all`: no sprites, no claims; every run scored, every generator matched by composing."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(SHIPPED.parent / name, tmp_path)
    for name in ("workflow", "profiles"):
        shutil.copytree(SHIPPED.parent / name, tmp_path / name)
    jobs = jobs_of_all(tmp_path, preset)
    assert jobs["train"] + jobs.get("train_stage_a", 0) == trainings and jobs["data"] == jobs["baseline"] == 1
    assert "claims" not in jobs and jobs["further_table"] == 1
    assert jobs.get("match", 0) == (18 if preset == "rooms" else 0)
    published = SHIPPED.parent / "results" / preset / "published"
    if published.exists():  # a clone has nothing to do of the runs that are there
        shutil.copytree(published, tmp_path / "results" / preset / "published")
        left, there = jobs_of_all(tmp_path, preset), len(list(published.glob("runs/**/record.json")))
        assert left.get("train", 0) + left.get("train_stage_a", 0) == trainings - there
        assert there < trainings or not {"encode", "score", "match", "data"} & left.keys(), left
