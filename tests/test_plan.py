"""The plan of what a preset costs: what it counts, how it adds up, and what it says beside runs that exist."""

import copy
import json
from pathlib import Path

import pytest

from idgan_sc import config as configuration
from idgan_sc import plan
from idgan_sc.cli import main
from idgan_sc.config import Run
from idgan_sc.records.results import Results

MEASURED = Path(__file__).parents[1] / "benchmarks" / "GPU.md"


def hour(run: Run) -> float:
    return 3600.0


def test_counts_every_training_of_the_protocol_once(shipped, tmp_path):
    expected = plan.planned_arms(Results(shipped, "paper", tmp_path), hour)
    trained = [run for arm in expected for run in arm.runs]
    assert len(trained) == len(set(trained))
    of_dsprites = [run for run in trained if run.dataset == "dsprites"]
    assert len(of_dsprites) == 650  # ten arms and three stages A of 50 seeds
    assert {arm.jobs for arm in expected if arm.first.system == "infogan"} == {150}  # train, encode, score


def test_longest_chain_is_vae_then_stage_a_then_stage_b(shipped, tmp_path):
    expected = plan.planned_arms(Results(shipped, "paper", tmp_path), hour)
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
    text = plan.report(plan.planned_arms(Results(shipped, "test", tmp_path), hour), 1, "core-hours")
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


def test_what_is_expected_of_a_gpu_is_within_a_factor_of_two_of_what_was_measured_on_one(shipped):
    """Milliseconds of a single seed's step on an H200, from the table of benchmarks/GPU.md; no codes are kept."""
    bare = copy.deepcopy(shipped)
    for family in bare["families"].values():
        family["curve_points"] = 0
    rows = [line.strip("| \n").split(" | ") for line in MEASURED.read_text().splitlines() if line.startswith("| ")]
    measured = {(row[0], row[1]): float(row[3]) for row in rows if len(row) > 9 and row[0] in shipped["datasets"]}
    assert len(measured) == 10
    for (dataset, system), milliseconds in measured.items():
        run = Run("paper", dataset, system, "main", 0)
        steps = configuration.resolve(bare, run)["steps"]
        ratio = plan.gpu_seconds(bare, run, "h200") / (steps * milliseconds / 1e3)
        assert 0.5 < ratio < 2, (run, ratio)


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
