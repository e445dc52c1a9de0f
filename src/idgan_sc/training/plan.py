"""Estimate what a preset costs, beside what its runs took.

It counts jobs, hours, memory, disk and makespan.

Trainings and codes are counted and timed: on a CPU by a few real steps of this machine, on a GPU by the steps that were
measured on one (`gpu.csv`), and where a step was not, by its launches. The same table says which seeds one job trains.
Scores, tables and figures are not counted. The workflow reads this file in every job, so that PyTorch is imported only
where steps are timed, and what a network costs is a table here, which a test holds against the networks.
"""

import csv
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from idgan_sc import config as configuration
from idgan_sc.config import ALONE, Config, Run, Settings, dataset_row, with_predecessors
from idgan_sc.files import write_json
from idgan_sc.records.machine import machine
from idgan_sc.records.results import Results

if TYPE_CHECKING:
    from idgan_sc.data.images import Images


class Network(NamedTuple):
    """Store the costs of one network of a family.

    Multiply-adds and outputs are for one image. Layers and weights are counted for the network.
    """

    multiply_adds: float
    outputs: float
    layers: int
    weights: float


# By family and image size: encoder, decoder, G, D and the pair network of one family are nearly alike. Counted by
# PyTorch for one channel; three take up to a third more.
NETWORKS = {
    ("vae", 28): Network(2.5e6, 10_100, 4, 0.84e6),
    ("vae", 32): Network(2.0e6, 12_000, 5, 0.31e6),
    ("vae", 64): Network(8.1e6, 48_400, 6, 0.38e6),
    ("dsprites", 28): Network(13.1e6, 20_200, 5, 6.6e6),
    ("dsprites", 32): Network(3.4e6, 13_900, 6, 0.24e6),
    ("dsprites", 64): Network(8.1e6, 47_700, 7, 0.26e6),
    ("celeba", 32): Network(37e6, 30_800, 5, 4.8e6),
    ("celeba", 64): Network(153e6, 123_300, 6, 5.5e6),
}
CRITIC = Network(4.0e6, 5_000, 6, 4.0e6)  # FactorVAE's, which sees codes
MARGIN = 2.0  # on what was measured or is expected: shared nodes differ by less than this
LEAST_MINUTES, LEAST_MB = 30, 1500  # of a training: an import of PyTorch from a network file system takes minutes
LEAST_EVALUATION = 10  # minutes of encoding, of scoring
FLOPS = 30e9  # of one core at these networks, where nothing was measured: 26 to 32 on two kinds of processor
POINT_SECONDS = 1e-4  # of Table 3's five scores, for a point of a code: 7e-5 measured on a core, nearly all of it DCI
CURVE_SECONDS = 0.1  # of one draw's FactorVAE score at a point of the curve: .05 measured
BASE_MB = 800  # PyTorch itself, and the pages of a data set that a process touches
# Updates that are timed apart, since their share of small operations differs, and the system that is timed for each.
SYSTEMS = {"beta": "beta_vae", "factor": "factor_vae", "gan": "infogan", "pairs": "idgan_sc_prior"}
BUDGET = 60.0  # seconds that a calibration may take
# Where a step was not measured: seconds of launches for each visit of a layer, forward or backward, with its
# activation, norm and share of the optimiser; and FLOP/s of the only training here that is not bound by them, IDGAN-SC
# with CelebA's networks, in TF32. Both are an H200's; the other cards' FLOP/s follow by the ratio of the data sheets.
LAUNCH = {"vae": 120e-6, "gan": 220e-6}
CARD = "h200"  # on which steps were measured
GPUS = {"h200": 80e12, "h100": 80e12, "a100": 25e12}


# --------------------------------------------------------------------------------------------------------------- steps
class Pass(NamedTuple):
    """Count how often a network passes over how many images.

    A backward pass through all of it counts as two forward passes.
    """

    network: str
    images: int
    times: int


def update_kind(settings: Settings) -> str:
    """Which of SYSTEMS a run's update is timed by."""
    if settings["family"] == "vae":
        return "factor" if settings["objective"] == "factor" else "beta"
    return "gan" if settings.get("pair_rule", "none") == "none" else "pairs"


def network(settings: Settings, name: str) -> Network:
    """What a run's network of this name costs; `vae` is the frozen encoder."""
    if name == "critic":
        return CRITIC
    of_vae = "dsprites" if settings.get("objective") == "factor" else "vae"
    own = settings["network"] if settings["family"] == "gan" else of_vae
    if settings.get("objective") == "ib":  # whatever `network` says
        own = "dsprites"
    elif own == "idgan":  # G and D are the β-VAE's decoder and encoder, E is that of the others
        own = "dsprites" if name == "pair" else "vae"
    return NETWORKS["vae" if name == "vae" else own, settings["image_size"]]


def passes(settings: Settings) -> list[Pass]:
    """List the passes of one training step for a family.

    A forward pass counts 1 and a backward pass 2. A backward pass through a frozen network counts 1.

    β-VAE: encoder and decoder count 3 each. FactorVAE is the same. Its critic counts 2 (frozen), and 6 on codes and
    permuted codes.

    GAN: D counts 3 on real and generated images. Then come `generator_steps` steps, each with G 3 and D 2 (frozen).
    With a pair regulariser, G counts 3 on both images of every pair. The pair network counts 3 where it moves and 2
    where it does not. `separate` adds its own step, 3. A frozen β-VAE counts 1 for codes, 1 for pairs that need the
    posterior, and 2 where it is Q. R1 goes backward through D's pass of real images and through that backward pass:
    5.

    IB-GAN: Q is a separate critic, 3.
    """
    batch = settings["batch"]
    if settings["family"] == "vae":
        critic = [Pass("critic", batch, 8)] if settings["objective"] == "factor" else []
        return [Pass("encoder", batch, 3), Pass("decoder", batch, 3), *critic]
    if settings.get("objective") == "ib":
        critics = [Pass("discriminator", batch, 2), Pass("reconstructor", batch, 3)]
        return [Pass("discriminator", 2 * batch, 3), Pass("generator", batch, 3), *critics]
    steps, pairs = settings["generator_steps"], settings["pair_rule"] != "none"
    found = [Pass("discriminator", 2 * batch, 3), Pass("generator", batch, 3 * steps)]
    found += [Pass("discriminator", batch, 2 * steps + (5 if "r1" in settings else 0))]
    if pairs:
        moved = 1 + 2 * steps + (2 if settings["pair_step"] == "separate" else 0)
        found += [Pass("generator", 2 * settings["pairs"], 3 * steps), Pass("pair", settings["pairs"], moved)]
    if settings["code"] == "vae":
        posterior = (settings["pair_bases"] == "independent") + (settings["vae_redraw"] == "posterior") if pairs else 0
        found += [Pass("vae", batch, 1 + posterior + (2 * steps if settings["q"] == "encoder" else 0))]
    return found


def step_multiply_adds(settings: Settings) -> float:
    """Multiply-adds of one step with every term on."""
    return sum(p.images * p.times * network(settings, p.network).multiply_adds for p in passes(settings))


def multiply_adds(settings: Settings) -> float:
    """Multiply-adds of a whole training, the pool's codes along its curve aside."""
    before = min(settings.get("pair_start", 0), settings["steps"])
    plain = step_multiply_adds(settings | {"pair_rule": "none"}) if before else 0.0
    return before * plain + (settings["steps"] - before) * step_multiply_adds(settings)


def launches(settings: Settings) -> float:
    """Count the forward and backward visits of a layer in one step.

    A GPU's launch overhead is proportional to them.
    """
    return float(sum(network(settings, p.network).layers * p.times for p in passes(settings)))


def encoding_multiply_adds(settings: Settings) -> float:
    """Multiply-adds of one image's codes."""
    return network(settings, "vae" if settings.get("q") == "encoder" else "encoder").multiply_adds


def memory_mb(settings: Settings) -> float:
    """Estimate the peak memory of a training in MB.

    It counts all layers' outputs with gradients and norms, and weights with Adam's moments.
    """
    outputs = sum(16 * p.images * network(settings, p.network).outputs for p in passes(settings))
    return BASE_MB + (outputs + 16 * _weights(settings, {p.network for p in passes(settings)})) / 2**20


def disk_mb(settings: Settings, pool: int, keeps_moments: bool) -> float:
    """Estimate the disk space of a finished run in MB.

    It counts the weights and the pool's codes. A stage A also keeps Adam's moments.
    """
    codes = (settings["curve_points"] + _codes(settings)) * pool * settings["c_dim"]
    weights = _weights(settings, {p.network for p in passes(settings)} - {"vae"})
    return 4 * (weights * (4 if keeps_moments else 1) + codes) / 2**20


def _weights(settings: Settings, names: set[str]) -> float:
    return sum(network(settings, name).weights for name in names)


# ----------------------------------------------------------------------------------------------------------- resources
CALIBRATION = Path("results/calibration.json")


@cache
def calibration(path: Path = CALIBRATION) -> dict[str, float]:
    """Read the measured seconds for 1e9 multiply-adds.

    There is one number for each kind of update and one for `encode`. `idgan-sc plan` measures them. Where nothing
    was measured, FLOPS gives the number.
    """
    found = json.loads(path.read_text(encoding="utf-8"))["seconds_per_gmac"] if path.exists() else {}
    return {name: float(found.get(name, 2e9 / FLOPS)) for name in (*SYSTEMS, "encode")}


def pool_size(config: Config, run: Run) -> int:
    """Images that are encoded; a data set of unknown size counts as 100 000."""
    pool = configuration.evaluation(config, run.preset, run.dataset)["pool"]
    known = configuration.dataset_settings(config, run.preset, run.dataset).get("n") or dataset_row(run.dataset).images
    return (known or 100_000) if pool == "all" else int(pool)


def curve_multiply_adds(config: Config, run: Run) -> float:
    """Multiply-adds of the pool's codes at all points of a training's curve."""
    settings = configuration.resolve(config, run)
    return settings["curve_points"] * pool_size(config, run) * encoding_multiply_adds(settings)


def training_seconds(config: Config, run: Run, speed: dict[str, float]) -> float:
    """Expected seconds of a training at a speed such as `calibration` gives."""
    settings = configuration.resolve(config, run)
    return (
        multiply_adds(settings) * speed[update_kind(settings)] + curve_multiply_adds(config, run) * speed["encode"]
    ) / 1e9


def gpu_seconds(config: Config, run: Run, gpu: str, seeds: int = 1, graph: bool = False) -> float:
    """Expect the seconds of a training on a GPU, one of `seeds` together.

    Its measured step counts first, then that of a single training.

    Then it is arithmetic or launches, whichever is longer.
    """
    settings = configuration.resolve(config, run)
    image = code_seconds(settings, gpu)
    if image is None:
        codes = 2 * curve_multiply_adds(config, run) / GPUS[gpu]
    else:
        codes = settings["curve_points"] * pool_size(config, run) * image
    step = step_seconds(settings, gpu, seeds, graph)
    if step is not None:
        return settings["steps"] * step + codes
    arithmetic = 2 * multiply_adds(settings) / GPUS[gpu]
    return max(arithmetic + codes, settings["steps"] * launches(settings) * LAUNCH[settings["family"]])


def record_or_empty(folder: Path) -> dict[str, Any]:
    """Read the record of a finished run.

    It is empty if the record is missing or damaged. Other functions refuse a damaged one.
    """
    try:
        return dict(json.loads((folder / "record.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def comparable(record: dict[str, Any], settings: Settings, device: str, seeds: int = 1) -> bool:
    """Tell whether a record is of comparable cost.

    It has these settings and this kind of device, and was trained as one of `seeds`.
    """
    together = len(record.get("seeds", [record.get("seed")])) == seeds
    return together and record.get("settings") == settings and record.get("device") == device


def resources(results: Results, run: Run, seeds: int = 1) -> dict[str, int]:
    """Say what a training of `seeds` as one asks a scheduler for.

    It is MARGIN above what such a training was measured to need.

    Where there is none, above what is expected on a core.
    """
    settings, root = results.settings(run), results.root
    device = "cuda" if results.config["compute"]["device"] == "cuda" else "cpu"
    folders = [root / run.path, *sorted((root / run.path).parent.glob("*")), root / "published" / run.path]
    found = next((r for r in map(record_or_empty, folders) if comparable(r, settings, device, seeds)), {})
    took = seeds * (found["seconds"] if found else training_seconds(results.config, run, calibration()))
    memory = found["peak_memory_mb"] if found else seeds * memory_mb(settings)
    return {"runtime": _minutes(took, LEAST_MINUTES), "mem_mb": max(LEAST_MB, round(MARGIN * memory))}


def largest(results: Results, runs: list[Run]) -> dict[str, int]:
    """Compute the resources of an array of trainings.

    Slurm gives all members of an array the same. So the array asks for the time of the longest and the memory of
    the largest arm.
    """
    arms = {(run.dataset, run.system, run.variant): run for run in reversed(runs)}  # an arm's first seed stands for it
    wanted = [resources(results, run) for run in arms.values()]
    least = {"runtime": LEAST_MINUTES, "mem_mb": LEAST_MB}
    return {name: max(row[name] for row in [least, *wanted]) for name in least}


def encode_minutes(config: Config, run: Run) -> int:
    """What encoding a run's evaluation pool asks a scheduler for, MARGIN above what is expected."""
    settings = configuration.resolve(config, run)
    images = _codes(settings) * pool_size(config, run)
    return _minutes(images * encoding_multiply_adds(settings) * calibration()["encode"] / 1e9)


def score_minutes(config: Config, run: Run) -> int:
    """What scoring a run asks a scheduler for, MARGIN above what is expected."""
    settings, sizes = configuration.resolve(config, run), configuration.evaluation(config, run.preset, run.dataset)
    curve = settings["curve_points"] * sizes["draws"] * CURVE_SECONDS
    return _minutes(_codes(settings) * sizes["points"] * POINT_SECONDS + curve)


def _codes(settings: Settings) -> int:
    """Arrays of codes that are scored: of a VAE the means and samples."""
    return 2 if settings["family"] == "vae" else 1


def _minutes(took: float, least: int = LEAST_EVALUATION) -> int:
    return max(least, round(MARGIN * took / 60))


# --------------------------------------------------------------------------------------------- steps measured on a GPU
MEASURED = Path(__file__).with_name("gpu.csv")  # a row for each step, as benchmarks/gpu.py measured it


class Work(NamedTuple):
    """What a step comes to: steps of the same work take equally long."""

    multiply_adds: int
    launches: int


def work(settings: Settings) -> Work:
    return Work(round(step_multiply_adds(settings)), round(launches(settings)))


@cache
def measured_steps(gpu: str, graph: bool) -> dict[Work, dict[int, float]]:
    """Read the seconds of the steps measured on a kind of GPU.

    The keys are their work and the number of seeds trained as one.
    """
    found: dict[Work, dict[int, float]] = {}
    for row in _measured(gpu):
        if (row["graph"] == "true") == graph:
            done = Work(int(row["multiply_adds"]), int(row["launches"]))
            found.setdefault(done, {})[int(row["seeds"])] = float(row["ms"]) / 1e3
    return found


def _measured(gpu: str) -> list[dict[str, str]]:
    with MEASURED.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if gpu in row["gpu"].lower()]


def share(times: dict[int, float], seeds: int) -> float | None:
    """Share a measured stack's step among its seeds.

    The stack is the largest of at most `seeds` that was measured.
    """
    most = max((n for n in times if n <= seeds), default=None)
    return None if most is None else times[most] / most


def step_seconds(settings: Settings, gpu: str, seeds: int, graph: bool) -> float | None:
    """Return the measured seconds of a step for each of `seeds`.

    The result is None where this work was not measured.

    A step that was not measured as a CUDA graph counts as it is without one.
    """
    found = share(measured_steps(gpu, graph).get(work(settings), {}), seeds)
    return step_seconds(settings, gpu, seeds, False) if found is None and graph else found


def code_seconds(settings: Settings, gpu: str) -> float | None:
    """Return the measured seconds of one image's codes along a training.

    The result is None where this work was not measured.
    """
    own = work(settings)
    found = [row["codes"] for row in _measured(gpu) if Work(int(row["multiply_adds"]), int(row["launches"])) == own]
    return next((float(text) / 1e6 for text in found if text), None)


# ---------------------------------------------------------------------------------------------------- seeds as one job
def alone(config: Config, settings: Settings, seeds: int) -> str:
    """Say why these seeds are not trained as one.

    The words are empty where they are.

    Whether it pays is taken from the measured step that is nearest in multiply-adds.
    """
    if single := ALONE & settings.keys():
        return f"`{min(single)}`: an update that is not one of Adam on the sum of the seeds' losses"
    if settings.get("pair_dims") == "live":
        return "`pair_dims: live`: each seed has its own live codes"
    steps = measured_steps(CARD, config["compute"]["graph"]) or measured_steps(CARD, False)
    own = step_multiply_adds(settings)
    times = steps[min(steps, key=lambda measured: abs(math.log(measured.multiply_adds / own)))]
    ratio = (share(times, seeds) or 0) / times[1]
    return f"as one, each would take {ratio:.1f} times as long (a step as large as it on a GPU)" if ratio > 1 else ""


def together(results: Results, runs: list[Run]) -> list[list[Run]]:
    """Group the runs that one job trains.

    A group has `compute.stack` seeds of an arm. Published runs are not trained.
    """
    most, arms = results.config["compute"]["stack"], dict[tuple[str, str, str], list[Run]]()
    if most == 1:
        return []
    for run in runs:
        if not results.is_published(run):
            arms.setdefault((run.dataset, run.system, run.variant), []).append(run)
    chunks = [arm[i : i + most] for arm in arms.values() for i in range(0, len(arm), most)]
    return [c for c in chunks if len(c) > 1 and not alone(results.config, results.settings(c[0]), len(c))]


# ---------------------------------------------------------------------------------------------------------- calibration
def calibrate(results: Results, budget: float = BUDGET) -> dict[str, float]:
    """Measure the CPU seconds for 1e9 multiply-adds by kind of update.

    The steps are real steps on noise. They take `budget` seconds in all.
    """
    import numpy as np
    import torch

    from idgan_sc.data.tensors import to_tensor
    from idgan_sc.models import Method, build
    from idgan_sc.training.device import use_device
    from idgan_sc.training.encode import BATCH
    from idgan_sc.training.log import Log

    use_device(results.config | {"compute": results.config["compute"] | {"device": "cpu"}})
    found = {}
    data = results.datasets[0]
    share, colours = budget / (len(SYSTEMS) + 1), dataset_row(data).channels
    with tempfile.TemporaryDirectory() as folder:
        images = noise_images(Path(folder), colours)

        def batch(n: int, method: Method) -> Any:
            return to_tensor(images.batch(np.arange(n), method.settings["image_size"]), "cpu")

        def step(method: Method, log: Log) -> None:
            log.add(1, method.step(batch(method.settings["batch"], method)))

        for kind, system in SYSTEMS.items():
            run = results.run(data, system)
            settings = results.settings(run)
            method = build(settings, colours, 0, "", "cpu")
            took = _median(partial(step, method, Log(run, 1)), share)
            found[kind] = took * 1e9 / step_multiply_adds(settings)
        method.networks["discriminator"].eval()
        took = _median(lambda: method.encode(batch(BATCH, method)), share)
    torch.set_flush_denormal(False)
    found["encode"] = took * 1e9 / (BATCH * encoding_multiply_adds(settings))
    return found


def noise_images(folder: Path, colours: int, n: int = 512) -> "Images":
    """Create a data set of random 64x64 images.

    Images of one channel are packed, as in dSprites.
    """
    import numpy as np

    from idgan_sc.data.images import save_images

    row = (64 * 64 // 8,) if colours == 1 else (64, 64, colours)
    chunk = np.random.default_rng(0).integers(0, 256, (n, *row), dtype=np.uint8)
    description = {"name": "noise", "source": "noise", "licence": "none", "shape": (colours, 64, 64)}
    return save_images(folder, [chunk], n=n, packed=colours == 1, **description)  # type: ignore[arg-type]


def _median(do: Callable[[], object], budget: float, most: int = 15) -> float:
    """Measure the median CPU seconds of `do` within `budget` seconds.

    The first two calls are not counted, unless the budget ends before a third.
    """
    end, times = time.monotonic() + budget, []
    for number in range(2 + most):
        began = time.process_time()
        do()
        if number >= 2 or time.monotonic() > end:
            times.append(time.process_time() - began)
        if time.monotonic() > end:
            break
    return statistics.median(times)


# ----------------------------------------------------------------------------------------------------------------- plan
@dataclass(frozen=True)
class PlannedArm:
    """All seeds of a system and variant on a data set."""

    results: Results
    runs: tuple[Run, ...]
    seconds: float  # expected of one training
    device: str
    scored: bool  # or only trained, for those that build on it
    seeds: int = 1  # of one job

    @property
    def first(self) -> Run:
        return self.runs[0]

    @cached_property
    def settings(self) -> Settings:
        return self.results.settings(self.first)

    @property
    def jobs(self) -> int:
        """Count the jobs of an arm.

        Each run of the tables is trained, encoded and scored. The runs that these build on are only trained.
        """
        return len(self.runs) * (3 if self.scored else 1)

    @property
    def disk_mb(self) -> float:
        config = self.results.config
        keeps_moments = self.first.system in configuration.continued_systems(config)
        return len(self.runs) * disk_mb(self.settings, pool_size(config, self.first), keeps_moments)

    @cached_property
    def seconds_taken(self) -> float | None:
        """Median seconds of the finished runs that are `comparable`."""
        records = [record_or_empty(self.results.root / run.path) for run in self.runs]
        took = [r["seconds"] for r in records if comparable(r, self.settings, self.device)]
        return statistics.median(took) if took else None


def planned_arms(
    results: Results, wanted: list[Run], seconds: Callable[[Run], float], device: str = "cpu"
) -> list[PlannedArm]:
    """List every arm that is trained for the wanted runs, predecessors first."""
    return [
        PlannedArm(results, runs, seconds(runs[0]), device, _scored(results, wanted, runs[0]))
        for runs in _arms(results, wanted)
    ]


def _scored(results: Results, wanted: list[Run], run: Run) -> bool:
    return run in wanted and configuration.scored(results.config, run.dataset)


def _arms(results: Results, wanted: list[Run]) -> list[tuple[Run, ...]]:
    grouped: dict[tuple[str, str, str], list[Run]] = {}
    for run in with_predecessors(results.config, wanted):
        grouped.setdefault((run.dataset, run.system, run.variant), []).append(run)
    return [tuple(runs) for runs in grouped.values()]


def arms_on_gpu(results: Results, wanted: list[Run], gpu: str, most: int, graph: bool) -> list[PlannedArm]:
    """List every arm with what it costs on a kind of GPU.

    `most` seeds are trained as one where that pays. Steps may be replayed as CUDA graphs.
    """
    found = []
    for runs in _arms(results, wanted):
        took = [_seconds_together(results, runs[i : i + most], gpu, graph) for i in range(0, len(runs), most)]
        seeds = 1 if most == 1 or alone(results.config, results.settings(runs[0]), min(most, len(runs))) else most
        scored = _scored(results, wanted, runs[0])
        found.append(PlannedArm(results, runs, sum(took) / len(runs), "cuda", scored, seeds))
    return found


def _seconds_together(results: Results, runs: tuple[Run, ...], gpu: str, graph: bool) -> float:
    """Expected seconds of runs that one job may train, as one where that pays."""
    n, config = len(runs), results.config
    seeds = 1 if n == 1 or alone(config, results.settings(runs[0]), n) else n
    return n * gpu_seconds(config, runs[0], gpu, seeds, graph)


def critical_path(expected: list[PlannedArm]) -> float:
    """Seconds of the longest chain of trainings, each waiting for its predecessors."""
    took = {arm.first: arm for arm in expected}

    def end(run: Run) -> float:
        return took[run].seeds * took[run].seconds + max(map(end, took[run].results.before(run).values()), default=0.0)

    return max(map(end, took), default=0.0)


def report(expected: list[PlannedArm], workers: int, unit: str) -> str:
    """Write the plan as text.

    It has a row for each arm, the totals, and the makespan over `workers` cores or GPUs.
    """
    heads = ("data set", "system", "variant", "runs", "jobs", f"{unit}/run", unit, "MB", "disk MB", "measured", "ratio")
    rows = [heads, *map(_row, expected)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = ["  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    total = sum(arm.seconds * len(arm.runs) for arm in expected)
    longest = critical_path(expected)
    return "\n".join([
        *lines, "",
        f"jobs       {sum(arm.jobs for arm in expected)}",
        f"work       {total / 3600:.2f} {unit}",
        f"memory     {max(memory_mb(arm.settings) for arm in expected):.0f} MB for the largest training",
        f"disk       {sum(arm.disk_mb for arm in expected) / 1024:.2f} GB of results, the images aside",
        f"makespan   {max(total / workers, longest) / 3600:.2f} hours over {workers}: "
        f"work / {workers} = {total / workers / 3600:.2f}, longest chain {longest / 3600:.2f}",
    ])  # fmt: skip


def _row(arm: PlannedArm) -> tuple[str, ...]:
    hours, found, run, n = arm.seconds / 3600, arm.seconds_taken, arm.first, len(arm.runs)
    beside = ("", "") if found is None else (f"{found / 3600:.4f}", f"{arm.seconds / found:.2f}")
    expected = (f"{hours:.4f}", f"{hours * n:.2f}", f"{memory_mb(arm.settings):.0f}", f"{arm.disk_mb:.0f}")
    return (run.dataset, run.system, run.variant, str(n), str(arm.jobs), *expected, *beside)


def plan(results: Results, wanted: list[Run], cores: int, gpus: int | None, gpu: str) -> str:
    """Report the plan of the wanted runs.

    For `cores` cores, this machine is timed first. For `gpus` GPUs, the kind of GPU is given.
    """
    config = results.config
    if gpus is not None:
        expected = arms_on_gpu(results, wanted, gpu, config["compute"]["stack"], config["compute"]["graph"])
        return f"{report(expected, gpus, 'GPU-hours')}\n{_about_gpu(results, wanted, gpu, expected)}"
    speed = calibrate(results)  # kept for the workflow's rules, with the processor and preset that it is of
    description = {"processor": machine()["processor"], "preset": results.preset, "seconds_per_gmac": speed}
    path = write_json(CALIBRATION, description)
    expected = planned_arms(results, wanted, lambda run: training_seconds(config, run, speed))
    speeds = ", ".join(f"{name} {2 / took:.1f}" for name, took in speed.items())
    return f"{report(expected, cores, 'core-hours')}\nthis machine, GFLOP/s of one core: {speeds} (kept in {path})"


MOST = 16  # seeds as one that are looked at


def _about_gpu(results: Results, wanted: list[Run], gpu: str, expected: list[PlannedArm]) -> str:
    """What the hours rest on, and what they are by the other ways to train."""
    measured, runs = measured_steps(gpu, False), sum(len(arm.runs) for arm in expected)
    of_these = sum(len(arm.runs) for arm in expected if work(arm.settings) in measured)
    visits = ", ".join(f"{family} {seconds * 1e6:g}" for family, seconds in LAUNCH.items())
    tf32 = " and ".join({"with" if row["tf32"] == "true" else "without" for row in _measured(gpu)})
    basis = f"a step as measured {tf32} TF32" if measured else "no step measured"
    coded = any(row["codes"] for row in _measured(gpu))
    lines = [
        f"{gpu}: {basis}, for {of_these} of {runs} trainings",
        f"for the others microseconds of launches a layer and direction ({visits}) or {GPUS[gpu] / 1e12:g} TFLOP/s"
        + ("" if gpu == CARD else f", of an {CARD} or by the ratio of the data sheets"),
        f"for codes along the curve {'what was measured' if coded else 'arithmetic alone: not measured'}",
    ]  # fmt: skip
    for graph in (False, True):
        for most in (1, MOST):
            way = f"{'one by one' if most == 1 else f'{most} seeds as one'}{', as CUDA graphs' if graph else ''}"
            hours = sum(arm.seconds * len(arm.runs) for arm in arms_on_gpu(results, wanted, gpu, most, graph)) / 3600
            lines.append(f"{way}: {f'{hours:.0f} GPU-hours' if measured_steps(gpu, graph) else 'not measured'}")
    return "\n".join(lines)
