"""benchmarks/gpu.py: what a machine without a GPU can hold of it, so that it works on one."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.training import plan

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def gpu() -> Any:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("benchmark_gpu", ROOT / "benchmarks/gpu.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # for its dataclass
    spec.loader.exec_module(module)
    return module


class AsTheyAre:
    """In the place of replays, which a processor has not: steps as they are."""

    def __init__(self, make: Callable[[torch.Tensor], Any], method: Any, recorder: Any) -> None:
        self.make = make

    def step(self, x: torch.Tensor) -> Any:
        return [(1, self.make(x))]

    def take(self) -> Any:
        return []


@pytest.mark.long
def test_the_script_measures_every_way_to_train_and_writes_what_plan_reads(
    gpu: Any, shipped: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(gpu, "Graphed", AsTheyAre)
    monkeypatch.setattr(gpu, "Recorder", lambda streams: None)
    monkeypatch.setattr(gpu, "IMAGES", 300)
    monkeypatch.setattr(gpu, "SYSTEMS", {"dsprites": ("beta_vae", "idgan_sc")})
    monkeypatch.setattr(configuration, "load", lambda path: shipped)
    begin = gpu.Bench.__init__

    def with_graphs(self: Any, *arguments: Any) -> None:
        begin(self, *arguments)
        self.graphs = [False, True]

    monkeypatch.setattr(gpu.Bench, "__init__", with_graphs)
    path = tmp_path / "gpu.csv"
    gpu.main(["--device", "cpu", "--preset", "test", "--stacks", "1", "2", "--budget", "0", "--to", str(path)])
    rows = gpu.read(path)
    kinds = {(row.system, row.seeds, row.graph) for row in rows}
    assert kinds == {(s, n, graph) for s in ("beta_vae", "idgan_sc") for n in (1, 2) for graph in (False, True)}
    assert all(row.ms > 0 and 0 < row.busy <= 1 for row in rows)
    assert all((row.codes is None) == (row.core is None) == ((row.seeds, row.graph) != (1, False)) for row in rows)
    assert "graph 2 at least 4" in (said := capsys.readouterr().out.replace("and 2 seeds as one", "2")) and "–" in said
    monkeypatch.setattr(plan, "MEASURED", path)
    monkeypatch.setattr(plan, "CARD", "none")
    plan.measured_steps.cache_clear()
    settings = configuration.resolve(shipped, Run("test", "dsprites", "beta_vae", "main", 0))
    expected = next(row.ms for row in rows if (row.system, row.seeds, row.graph) == ("beta_vae", 2, True)) / 2e3
    assert plan.step_seconds(settings, "none", 3, True) == pytest.approx(expected)
    plan.measured_steps.cache_clear()


def test_what_there_was_no_time_for_is_not_in_the_table(gpu: Any, shipped: dict[str, Any]) -> None:
    assert gpu.measure(gpu.Bench(shipped, "test", "cpu", 0, ends=0), ["beta_vae"], (1, 2)) == []


def test_the_published_table_is_what_the_script_shows(
    gpu: Any, shipped: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = gpu.read(plan.MEASURED)
    gpu.show(rows, shipped, "paper")
    assert capsys.readouterr().out == (ROOT / "benchmarks/GPU.md").read_text()
    runs = {Run("paper", row.dataset, row.system, "main", 0): (row.multiply_adds, row.launches) for row in rows}
    assert {run: plan.work(configuration.resolve(shipped, run)) for run in runs} == runs


@pytest.mark.parametrize(
    ("spans", "share"), [([(0, 2), (1, 3), (5, 10)], 0.8), ([(0, 10), (2, 3)], 1.0), ([(4, 5), (0, 1)], 0.4), ([], 0.0)]
)
def test_the_time_that_kernels_cover(gpu: Any, spans: list[tuple[float, float]], share: float) -> None:
    assert gpu.covered(spans) == pytest.approx(share)
