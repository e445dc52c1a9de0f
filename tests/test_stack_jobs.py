"""`compute.stack`: seeds of an arm that one process of the workflow trains as one, where that pays."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import job
from idgan_sc.cli import main
from idgan_sc.config import Run, resolve, without_factorial
from idgan_sc.recompute import verify
from idgan_sc.records.results import Results
from idgan_sc.training import plan
from idgan_sc.training import train as training
from idgan_sc.training.train import train_seeds
from test_pipeline import copy_project, jobs, snakemake

ARMS = {"beta_vae": ["main"], "infogan": ["main"], "ib_gan": ["main"]}


@pytest.fixture
def three_seeds(config: dict[str, Any]) -> dict[str, Any]:
    config["compute"]["stack"] = 2
    config["presets"]["test"] |= {"seeds": {"first": 0, "count": 3}, "runs": {"dsprites": ARMS}}
    return config


@pytest.mark.long
def test_two_of_three_seeds_are_one_job_with_the_bytes_of_these_two_as_one(
    three_seeds: dict[str, Any], tmp_path: Path, small_data: Path, new_root: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """IB-GAN's update cannot be stacked: its seeds are jobs of their own, as the third seed of each arm is."""
    folder = copy_project(tmp_path)
    (folder / "config.yaml").write_text(yaml.safe_dump(without_factorial(three_seeds), sort_keys=False))
    root = folder / "results/test"
    shutil.copytree(small_data, root / "data/dsprites")
    made = [
        f"{root.relative_to(folder)}/runs/dsprites/{system}/main/{n}/record.json" for system in ARMS for n in range(3)
    ]
    assert jobs(folder, "--", *made) == {
        "train_dsprites_beta_vae_main_0_to_1": 1,
        "train_dsprites_infogan_stage_a_main_0_to_1": 1,
        "train_dsprites_infogan_main_0_to_1": 1,
        "train": 5,
        "train_stage_a": 1,
    }
    snakemake(folder, "--cores", "1", "--", *made[:2])
    assert jobs(folder, "--", *made[:2]) == {}
    arm = Run("test", "dsprites", "beta_vae", "main", 0)
    for seed, other in enumerate(train_seeds(job(three_seeds, arm, new_root()), [0, 1])):
        one = root / f"runs/dsprites/beta_vae/main/{seed}"
        assert json.loads((one / "record.json").read_text())["seeds"] == [0, 1]
        for name in ("weights.safetensors", "curve.npz", "log.csv"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
    capsys.readouterr()
    assert verify(Results(three_seeds, "test", root), Run("test", "dsprites", "beta_vae", "main", 1))
    assert "the same bytes as recorded" in capsys.readouterr().out


def test_seeds_that_are_stopped_while_they_finish_go_on_as_one(
    config: dict[str, Any], new_root: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has its record, the second has not: both are made again from their checkpoints, as one."""
    arm = Run("test", "dsprites", "infogan_stage_a", "main", 0)
    expected = train_seeds(job(config, arm, new_root("whole")), [0, 1])
    finish = training._Training.finish

    def stop(self: Any) -> None:
        if self.run.seed == 1:
            raise KeyboardInterrupt
        finish(self)

    broken = new_root("broken")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training._Training, "finish", stop)
        train_seeds(job(config, arm, broken), [0, 1])
    assert [(broken / arm.path.parent / seed / "record.json").exists() for seed in ("0", "1")] == [True, False]
    found = train_seeds(job(config, arm, broken), [0, 1])
    for one, other in zip(found, expected, strict=True):
        assert not (one / "checkpoint.safetensors").exists()
        for name in ("weights.safetensors", "state.safetensors", "curve.npz", "log.csv"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name


# ------------------------------------------------------------------------------------------------------ what is stacked
def arm_of(config: dict[str, Any], dataset: str, system: str, variant: str = "main", n: int = 20) -> list[Run]:
    return [Run("paper", dataset, system, variant, seed) for seed in range(n)]


def test_seeds_are_chunks_of_an_arm(shipped: dict[str, Any], tmp_path: Path) -> None:
    config = copy.deepcopy(shipped)
    results, runs = Results(config, "paper", tmp_path), arm_of(shipped, "dsprites", "infogan")
    assert plan.together(results, runs) == []  # as shipped
    config["compute"]["stack"] = 8
    assert [[run.seed for run in group] for group in plan.together(results, runs)] == [
        [*range(8)], [*range(8, 16)], [*range(16, 20)],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dataset", "system", "variant", "why"),
    [
        ("celeba", "idgan_sc", "main", "1.8 times as long"),
        ("dsprites", "ib_gan", "main", "`optimiser`"),
        ("dsprites", "idgan_sc_released", "main", "`average`"),
        ("dsprites", "idgan_sc", "live_dims", "own live codes"),
    ],
)
def test_where_it_does_not_pay_or_cannot_be_done_nothing_is_stacked(
    dataset: str, system: str, variant: str, why: str, shipped: dict[str, Any], tmp_path: Path
) -> None:
    config = copy.deepcopy(shipped)
    config["compute"]["stack"] = 16
    runs = arm_of(shipped, dataset, system, variant)
    assert plan.together(Results(config, "paper", tmp_path), runs) == []
    assert why in plan.alone(config, resolve(config, runs[0]), 16)


def test_the_command_trains_such_seeds_one_after_another(
    config: dict[str, Any], new_root: Callable[..., Path], write_config: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root, path = new_root(), write_config(without_factorial(config))
    main(["--config", str(path), "train", "--system", "ib_gan", "--seeds", "0,1", "--out", str(root)])
    assert "1 seeds more are trained one after another: `optimiser`" in capsys.readouterr().err
    records = [json.loads((root / f"runs/dsprites/ib_gan/main/{n}/record.json").read_text()) for n in (0, 1)]
    assert [record["seeds"] for record in records] == [[0], [1]]
