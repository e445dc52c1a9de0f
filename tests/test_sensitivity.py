"""The sensitivity study: a sound design, effects that are recovered, figures from made-up scores."""

import copy
import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from idgan_sc import config as configuration
from idgan_sc.config import Config
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import sensitivity
from idgan_sc.report.figures import sensitivity as study_figures

EFFECTS = {"pair_rule": -0.2, "alpha": 0.1}  # true main effects of the made-up scores


@pytest.fixture
def config(shipped: Config) -> Config:
    changed = copy.deepcopy(shipped)
    changed["presets"]["desk"]["seeds"] = {"first": 0, "count": 2}
    return changed


@pytest.fixture
def root(config: Config, tmp_path: Path) -> Path:
    """scores.csv and curve.csv of every run of the study."""
    rng = np.random.default_rng(0)
    runs = [*configuration.runs_on(config, "desk", "dsprites")]
    for run in dict.fromkeys([*runs, *configuration.sensitivity_runs(config, "desk", "dsprites")]):
        settings = configuration.resolve(config, run)
        code = "q_mean" if settings["family"] == "gan" else "vae_sample"
        value = 0.6 + 0.1 * run.seed + rng.normal(0, 0.01)
        if run.variant.startswith("factorial"):
            switches = config["sensitivity"]["factorial"]
            value += sum(effect * (settings[key] == switches[key][1]) for key, effect in EFFECTS.items())
        about = {"dataset": run.dataset, "system": run.system, "variant": run.variant, "seed": run.seed, "code": code}
        about |= {"k": settings["c_dim"], "protocol": "infogan_cr", "value": value}
        folder = tmp_path / run.path
        folder.mkdir(parents=True)
        scores = [about | {"metric": metric} for metric in ("factor_vae", "dci", "sap", "mig", "beta_vae")]
        pd.DataFrame(scores).to_csv(folder / "scores.csv", index=False)
        curve = [about | {"metric": "factor_vae", "step": step, "draw": 0} for step in (0, 1000)]
        pd.DataFrame(curve).to_csv(folder / "curve.csv", index=False)
        pd.DataFrame([about | {"dimension": 1, "factor": "x"}]).to_csv(folder / "association.csv", index=False)
    return tmp_path


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(sensitivity).failed == 0


def test_the_design_has_resolution_four() -> None:
    """Main effects are orthogonal to each other and to every interaction of two."""
    design = 2 * np.array(configuration.two_level_design(8)) - 1
    assert len({tuple(row) for row in design.tolist()}) == 16
    assert (design.T @ design == 16 * np.eye(8)).all()
    for i in range(8):
        for j in range(i):
            assert not (design.T @ (design[:, i] * design[:, j])).any()
    with pytest.raises(ValueError, match="at most 8"):
        configuration.two_level_design(9)


def test_every_run_of_the_study_differs_only_where_it_says(shipped: Config) -> None:
    """The factorial leaves stage A alone, so that 16 runs cost 16 short trainings; its runs are all different."""
    for preset in shipped["presets"]:
        runs = configuration.sensitivity_runs(shipped, preset, "dsprites")
        mine = [run for run in runs if run.variant.startswith("factorial") and run.seed == runs[0].seed]
        settings = [configuration.resolve(shipped, run) for run in mine]
        assert len({str(row) for row in settings}) == 16
        starts = {configuration.predecessors(shipped, run)["start"].variant for run in mine}
        assert starts == {"main"}


def test_the_effects_put_in_are_found_and_no_others(config: Config, root: Path) -> None:
    paths = study_figures.sensitivity(Results(config, "desk", root))
    table = pd.read_csv(root / "figures/main_effects.csv").set_index("switch")
    for key, row in table.iterrows():
        assert row["effect"] == pytest.approx(EFFECTS.get(str(key), 0.0), abs=0.015)
        assert (abs(row["effect"]) > row["margin"]) == (key in EFFECTS)
    assert all(path.stat().st_size > 0 for path in paths)
    curve = pd.read_csv(root / "figures/specification.csv")
    assert curve["variant"].nunique() == 1 + len(config["sensitivity"]["one_at_a_time"]) + 16
    assert curve["above"].abs().max() < 0.4  # above the reference of the same seed
    assert curve.loc[curve["variant"] == "separate", "differs"].unique().tolist() == ["pair_step"]


def test_every_variant_gets_its_own_verdicts_on_the_claims_that_it_can_move(config: Config, root: Path) -> None:
    study_figures.sensitivity(Results(config, "desk", root))
    moved = pd.read_csv(root / "sensitivity/verdicts.csv")
    assert set(moved["variant"]) == {"main", *config["sensitivity"]["one_at_a_time"]}
    assert set(moved["claim"]) == {"C2", "C4"}  # the others compare other arms, or 10 codes
    mine = moved.set_index("claim").loc["C4"]
    assert mine["verdict"].tolist() == ["inconclusive"] * moved["variant"].nunique()
    assert (mine["measured"] == 3).all() and mine["agree"].between(0, 3).all()
    page = (root / "sensitivity/verdicts.md").read_text()
    assert "|  | default | tau_literal |" in page
    assert f"| C4 | {mine['agree'].iloc[0]} of 3 |" in page  # two seeds are no verdict


def test_a_missing_run_is_named(config: Config, root: Path) -> None:
    run = configuration.sensitivity_runs(config, "desk", "dsprites")[-1]
    (root / run.path / "scores.csv").unlink()
    with pytest.raises(DataError, match=f"{run.variant}/{run.seed}/scores.csv is missing"):
        study_figures.sensitivity(Results(config, "desk", root))
