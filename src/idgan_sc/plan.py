"""What a preset will cost before anything runs: jobs, hours, memory, disk and makespan, beside what runs there took.

Trainings and codes are counted (`costs`) and timed: on a CPU by a few real steps of this machine, on a GPU by a stated
rate. Scores, tables and figures are not counted.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from idgan_sc import config as configuration
from idgan_sc import costs, provenance
from idgan_sc.config import Config, Run
from idgan_sc.files import write_json

if TYPE_CHECKING:
    from idgan_sc.data.images import Images

BUDGET = 60.0  # seconds that a calibration may take
# Seconds of launches for each visit of a layer, forward or backward, with its activation, norm and share of the
# optimiser; and FLOP/s of the only training here that is not bound by them, IDGAN-SC with CelebA's networks, in TF32.
# Measured on an H200 (benchmarks/GPU.md); the other cards' FLOP/s are its own times the ratio of the data sheets.
LAUNCH = {"vae": 120e-6, "gan": 220e-6}
GPUS = {"h200": 80e12, "h100": 80e12, "a100": 25e12}
SYSTEMS = {"beta": "beta_vae", "factor": "factor_vae", "gan": "infogan", "pairs": "idgan_sc_prior"}  # timed for a kind


# ---------------------------------------------------------------------------------------------------------- calibration
def calibrate(config: Config, preset: str, budget: float = BUDGET) -> dict[str, float]:
    """CPU seconds for 1e9 multiply-adds of each kind of update, from real steps on noise, in `budget` seconds."""
    import torch

    from idgan_sc.data.tensors import to_tensor
    from idgan_sc.encode import BATCH
    from idgan_sc.models import build
    from idgan_sc.train import Log, use_device

    use_device(config | {"compute": config["compute"] | {"device": "cpu"}})
    found = {}
    data = configuration.datasets(config, preset)[0]
    share, colours = budget / (len(SYSTEMS) + 1), costs.channels(data)
    with tempfile.TemporaryDirectory() as folder:
        images = _noise(Path(folder), colours)
        indices = np.arange(images.n)
        for kind, system in SYSTEMS.items():
            run = Run(preset, data, system, "main", 0)
            settings = configuration.resolve(config, run)
            method, log = build(settings, colours, 0, "", "cpu"), Log(run, 1)
            batch, size = indices[: settings["batch"]], settings["image_size"]

            def step(method: Any = method, log: Any = log, batch: np.ndarray = batch, size: int = size) -> None:
                log.add(1, method.step(to_tensor(images.batch(batch, size), "cpu")))

            found[kind] = _median(step, share) * 1e9 / costs.step_multiply_adds(settings, colours)
        method.networks["discriminator"].eval()
        took = _median(lambda: method.encode(to_tensor(images.batch(indices[:BATCH], size), "cpu")), share)
    torch.set_flush_denormal(False)
    found["encode"] = took * 1e9 / (BATCH * costs.encoding_multiply_adds(settings, colours))
    return found


def _noise(folder: Path, colours: int, n: int = 512) -> "Images":
    """A data set of random 64x64 images, packed where they have one channel as dSprites is."""
    from idgan_sc.data.images import save_images

    row = (64 * 64 // 8,) if colours == 1 else (64, 64, colours)
    chunk = np.random.default_rng(0).integers(0, 256, (n, *row), dtype=np.uint8)
    about = {"name": "noise", "source": "noise", "licence": "none", "shape": (colours, 64, 64)}
    return save_images(folder, [chunk], n=n, packed=colours == 1, **about)  # type: ignore[arg-type]


def _median(do: Callable[[], object], budget: float, most: int = 15) -> float:
    """Median CPU seconds of `do`, after two calls that are not counted, of what fits into `budget` seconds."""
    end, times = time.monotonic() + budget, []
    for number in range(2 + most):
        began = time.process_time()
        do()
        if number >= 2 or time.monotonic() > end:
            times.append(time.process_time() - began)
        if time.monotonic() > end:
            break
    return statistics.median(times)


def save_calibration(speed: dict[str, float], preset: str, path: Path = costs.CALIBRATION) -> Path:
    """Keep it for the workflow's rules, with the processor and preset that it is of."""
    about = {"processor": provenance.machine()["processor"], "preset": preset, "seconds_per_gmac": speed}
    return write_json(path, about)


# ----------------------------------------------------------------------------------------------------------------- plan
@dataclass(frozen=True)
class Arm:
    """All seeds of a system and variant on a data set."""

    config: Config
    runs: tuple[Run, ...]
    seconds: float  # expected of one training
    root: Path
    evaluated: bool
    device: str

    @property
    def first(self) -> Run:
        return self.runs[0]

    @cached_property
    def settings(self) -> dict[str, Any]:
        return configuration.resolve(self.config, self.first)

    @property
    def jobs(self) -> int:
        return len(self.runs) * (3 if self.evaluated else 1)  # train, encode, score

    @property
    def memory_mb(self) -> float:
        return costs.memory_mb(self.settings, costs.channels(self.first.dataset))

    @property
    def disk_mb(self) -> float:
        pool = costs.pool_size(self.config, self.first, self.settings["pool"])
        keeps = self.first.system in configuration.starts(self.config)
        return len(self.runs) * costs.disk_mb(self.settings, costs.channels(self.first.dataset), pool, keeps)

    @cached_property
    def measured(self) -> float | None:
        """Median seconds of the finished runs that are `costs.comparable`."""
        records = [costs.record(self.root / run.path) for run in self.runs]
        took = [r["seconds"] for r in records if costs.comparable(r, self.settings, self.device)]
        return statistics.median(took) if took else None


def arms(config: Config, preset: str, root: Path, seconds: Callable[[Run], float], device: str = "cpu") -> list[Arm]:
    """Every arm that a preset trains, predecessors first."""
    planned = provenance.planned(config, preset)
    scored = {run for run in planned if configuration.scored(config, run.dataset)}
    grouped: dict[tuple[str, str, str], list[Run]] = {}
    for run in provenance.with_predecessors(config, planned):
        grouped.setdefault((run.dataset, run.system, run.variant), []).append(run)
    return [Arm(config, tuple(runs), seconds(runs[0]), root, runs[0] in scored, device) for runs in grouped.values()]


def gpu_seconds(config: Config, run: Run, gpu: str) -> float:
    """Expected seconds of a training on a GPU: arithmetic or launches, whichever is longer."""
    settings, colours = configuration.resolve(config, run), costs.channels(run.dataset)
    pool = settings["curve_points"] * costs.pool_size(config, run, settings["pool"])
    arithmetic = costs.multiply_adds(settings, colours) + pool * costs.encoding_multiply_adds(settings, colours)
    launches = settings["steps"] * costs.launches(settings, colours)
    return max(2 * arithmetic / GPUS[gpu], launches * LAUNCH[settings["family"]])


def critical_path(config: Config, expected: list[Arm]) -> float:
    """Seconds of the longest chain of trainings, each waiting for its predecessors."""
    took = {arm.first: arm.seconds for arm in expected}

    def end(run: Run) -> float:
        return took[run] + max(
            (end(earlier) for earlier in configuration.predecessors(config, run).values()), default=0.0
        )

    return max(map(end, took), default=0.0)


def report(config: Config, expected: list[Arm], workers: int, unit: str) -> str:
    """The plan as text: a row an arm, totals, and the makespan over `workers` cores or GPUs."""
    heads = ("data set", "system", "variant", "runs", "jobs", f"{unit}/run", unit, "MB", "disk MB", "measured", "ratio")
    rows = [heads, *map(_row, expected)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = ["  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    total = sum(arm.seconds * len(arm.runs) for arm in expected)
    longest = critical_path(config, expected)
    jobs, disk = sum(arm.jobs for arm in expected), sum(arm.disk_mb for arm in expected)
    return "\n".join([
        *lines, "",
        f"jobs       {jobs}",
        f"work       {total / 3600:.2f} {unit}",
        f"memory     {max(arm.memory_mb for arm in expected):.0f} MB for the largest training",
        f"disk       {disk / 1024:.2f} GB of results, the images aside",
        f"makespan   {max(total / workers, longest) / 3600:.2f} hours over {workers}: "
        f"work / {workers} = {total / workers / 3600:.2f}, longest chain {longest / 3600:.2f}",
    ])  # fmt: skip


def _row(arm: Arm) -> tuple[str, ...]:
    hours, found = arm.seconds / 3600, arm.measured
    beside = ("", "") if found is None else (f"{found / 3600:.4f}", f"{arm.seconds / found:.2f}")
    run, n = arm.first, len(arm.runs)
    costs_ = (f"{hours:.4f}", f"{hours * n:.2f}", f"{arm.memory_mb:.0f}", f"{arm.disk_mb:.0f}")
    return (run.dataset, run.system, run.variant, str(n), str(arm.jobs), *costs_, *beside)


def plan(config: Config, preset: str, root: Path, cores: int, gpus: int | None, gpu: str) -> str:
    """The report for `cores` cores of this machine, which is timed first, or for `gpus` GPUs of a stated kind."""
    if gpus is not None:
        expected = arms(config, preset, root, lambda run: gpu_seconds(config, run, gpu), "cuda")
        launches = ", ".join(f"{family} {seconds * 1e6:g}" for family, seconds in LAUNCH.items())
        said = f"microseconds of launches a layer and direction: {launches}; {GPUS[gpu] / 1e12:g} TFLOP/s"
        of = "measured" if gpu == "h200" else "launches of an h200, arithmetic by the ratio of the data sheets"
        return f"{report(config, expected, gpus, 'GPU-hours')}\n{gpu}: {said} ({of})"
    speed = calibrate(config, preset)
    path = save_calibration(speed, preset)
    expected = arms(config, preset, root, lambda run: costs.seconds(config, run, speed))
    said = ", ".join(f"{name} {2 / took:.1f}" for name, took in speed.items())
    return (
        f"{report(config, expected, cores, 'core-hours')}\nthis machine, GFLOP/s of one core: {said} (kept in {path})"
    )
