"""The plan of what a preset costs: what it counts, how it adds up, and what it says beside runs that exist."""

import copy
import csv
import json

import pytest

from idgan_sc import config as configuration
from idgan_sc.cli import main
from idgan_sc.config import Run
from idgan_sc.records.results import Results
from idgan_sc.training import plan


def hour(run: Run) -> float:
    return 3600.0


def test_counts_every_training_of_the_protocol_once(shipped, tmp_path):
    here = Results(shipped, "paper", tmp_path)
    expected = plan.planned_arms(here, here.planned, hour)
    trained = [run for arm in expected for run in arm.runs]
    assert len(trained) == len(set(trained))
    of_dsprites = [run for run in trained if run.dataset == "dsprites"]
    assert len(of_dsprites) == 650  # ten arms and three stages A of 50 seeds
    assert {arm.jobs for arm in expected if arm.first.system == "infogan"} == {150}  # train, encode, score


def test_longest_chain_is_vae_then_stage_a_then_stage_b(shipped, tmp_path):
    here = Results(shipped, "paper", tmp_path)
    expected = plan.planned_arms(here, here.planned, hour)
    assert plan.critical_path(expected) == 3 * 3600
    text = plan.report(expected, 10_000, "core-hours")
    assert "makespan   3.00 hours over 10000" in text
    assert f"work       {sum(len(arm.runs) for arm in expected):.2f} core-hours" in text


def test_shows_runs_that_exist_beside_what_was_expected(shipped, tmp_path):
    run = Run("test", "dsprites", "beta_vae", "main", 0)
    record = {"settings": configuration.resolve(shipped, run), "seconds": 7200.0, "device": "cpu"}
    path = tmp_path / run.path / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record))
    here = Results(shipped, "test", tmp_path)
    text = plan.report(plan.planned_arms(here, here.planned, hour), 1, "core-hours")
    row = next(line.split() for line in text.splitlines() if "beta_vae" in line)
    assert row[-2:] == ["2.0000", "0.50"]


def test_a_gpu_is_bound_by_launches_or_by_arithmetic(shipped):
    small = Run("quick", "dsprites", "infogan", "main", 0)
    settings = configuration.resolve(shipped, small)
    launches = settings["steps"] * plan.launches(settings) * plan.LAUNCH["gan"]
    assert plan.gpu_seconds(shipped, small, "h100") == pytest.approx(launches)
    large = Run("paper", "celeba", "idgan_sc", "main", 0)
    arithmetic = 2 * plan.multiply_adds(configuration.resolve(shipped, large))
    assert plan.gpu_seconds(shipped, large, "a100") > arithmetic / plan.GPUS["a100"]


def test_a_measured_step_is_what_a_training_on_that_gpu_is_expected_to_take(shipped):
    bare = copy.deepcopy(shipped)
    for family in bare["families"].values():
        family["curve_points"] = 0
    run = Run("paper", "dsprites", "infogan", "main", 0)
    steps = configuration.resolve(bare, run)["steps"]
    with plan.MEASURED.open() as file:
        ms = {
            int(r["seeds"]): float(r["ms"])
            for r in csv.DictReader(file)
            if r["dataset"] + r["system"] == "dspritesinfogan"
        }
    for seeds, measured in ((1, 1), (16, 16), (5, 4), (50, 16)):  # as one; the largest that was measured of these
        expected = plan.gpu_seconds(bare, run, "h200", seeds)
        assert expected == pytest.approx(steps * ms[measured] / measured / 1e3)
    assert plan.gpu_seconds(bare, run, "h200", 16, graph=True) == plan.gpu_seconds(
        bare, run, "h200", 16
    )  # not measured


def test_where_a_step_was_not_measured_its_estimate_is_within_a_factor_of_two_of_those_that_were(shipped, monkeypatch):
    bare = copy.deepcopy(shipped)
    for family in bare["families"].values():
        family["curve_points"] = 0
    with plan.MEASURED.open() as file:
        rows = [row for row in csv.DictReader(file) if (row["seeds"], row["graph"]) == ("1", "false")]
    assert len(rows) == 10
    monkeypatch.setattr(plan, "step_seconds", lambda *arguments: None)
    for row in rows:
        run = Run("paper", row["dataset"], row["system"], "main", 0)
        steps = configuration.resolve(bare, run)["steps"]
        ratio = plan.gpu_seconds(bare, run, "h200") / (steps * float(row["ms"]) / 1e3)
        assert 0.5 < ratio < 2, (run, ratio)


def test_the_plan_of_a_gpu_names_each_way_to_train_and_what_was_not_measured(shipped, tmp_path):
    results = Results(shipped, "paper", tmp_path)
    said = plan.plan(results, results.planned, 1, 1, "h200")
    assert "h200: a step as measured with TF32, for 665 of 700 trainings" in said
    assert (
        "one by one, as CUDA graphs: not measured" in said and "16 seeds as one, as CUDA graphs: not measured" in said
    )
    hours = dict(line.split(": ") for line in said.splitlines() if line.endswith("GPU-hours") and ": " in line)
    alone, together = (int(hours[way].split()[0]) for way in ("one by one", "16 seeds as one"))
    assert 4 * together < alone + 30
    work = (
        sum(arm.seconds * len(arm.runs) for arm in plan.arms_on_gpu(results, results.planned, "h200", 1, False)) / 3600
    )
    assert f"work       {work:.2f}" in said
    of_another = plan.plan(results, results.planned, 1, 1, "h100")
    assert (
        "h100: no step measured, for 0 of 700 trainings" in of_another and "16 seeds as one: not measured" in of_another
    )


def test_a_chain_of_seeds_as_one_lasts_as_long_as_all_of_them(shipped, tmp_path):
    results = Results(shipped, "paper", tmp_path)
    expected = plan.arms_on_gpu(results, results.planned, "h200", 16, False)
    took = {(arm.first.dataset, arm.first.system, arm.first.variant): (arm.seeds, arm.seconds) for arm in expected}
    assert took["celeba", "idgan_sc", "main"][0] == 1 and took["dsprites", "idgan_sc", "main"][0] == 16
    chain = ["beta_vae", "idgan_stage_a", "idgan_sc"]
    assert plan.critical_path(expected) >= sum(16 * took["dsprites", name, "main"][1] for name in chain)


def test_the_command_times_a_few_steps_and_keeps_the_result(shipped, tmp_path, monkeypatch, capsys, write_config):
    path = write_config(configuration.without_factorial(shipped))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan.calibrate, "__defaults__", (1.0,))
    main(["--config", str(path), "plan", "--preset", "test", "--cores", "4"])
    said = capsys.readouterr().out
    assert "makespan" in said and "GFLOP/s of one core" in said
    kept = json.loads((tmp_path / plan.CALIBRATION).read_text())
    assert set(kept["seconds_per_gmac"]) == {*plan.SYSTEMS, "encode"}
    assert all(value > 0 for value in kept["seconds_per_gmac"].values())


def test_an_unknown_gpu_is_one_line(shipped, tmp_path, capsys, write_config):
    path = write_config(configuration.without_factorial(shipped))
    with pytest.raises(SystemExit):
        main(["--config", str(path), "plan", "--gpus", "1", "--gpu", "h1000"])
    assert capsys.readouterr().err == "idgan-sc: --gpu h1000 is unknown: choose one of h200, h100, a100\n"
