"""What runs cost, and what a preset will cost: jobs, hours, memory, disk and makespan, beside what runs took.

The workflow reads this file in every job: PyTorch is imported only where steps are timed, and layers are listed a
second time here; a test compares them with the networks. Trainings and codes are counted and timed: on a CPU by a few
real steps of this machine, on a GPU by a stated rate. Scores, tables and figures are not counted.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run, Settings, dataset_row, with_predecessors
from idgan_sc.files import write_json
from idgan_sc.records.machine import machine
from idgan_sc.records.results import Results

if TYPE_CHECKING:
    from idgan_sc.data.images import Images

TRUNK = {28: (64, 128), 32: (32, 64, 64), 64: (32, 32, 64, 64)}
UPWARD = {28: (128, 64), 32: (64, 64, 32), 64: (64, 64, 32, 32)}
VAE = {28: (32, 64), 32: (32, 32, 64), 64: (32, 32, 64, 64)}
SIDE = {28: 7, 32: 4, 64: 4}
HIDDEN = {28: 1024, 32: 128, 64: 128}
CELEBA_CRITIC = (64, 128, 256, 512)
CELEBA_UPWARD = {32: (256, 128, 64), 64: (256, 256, 128, 64)}
MARGIN = 2.0  # on what was measured or is expected: shared nodes differ by less than this
LEAST_MINUTES, LEAST_MB = 30, 1500  # of a training: an import of PyTorch from a network file system takes minutes
LEAST_EVALUATION = 10  # minutes of encoding, of scoring
FLOPS = 30e9  # of one core at these networks, where nothing was measured: 26 to 32 on two kinds of processor
POINT_SECONDS = (
    1e-4  # of Table 3's five scores, for each point of a code: 7e-5 measured on a core, nearly all of it DCI
)
CURVE_SECONDS = 0.1  # of one draw's FactorVAE score at a point of the curve: .05 measured
BASE_MB = 800  # PyTorch itself, and the pages of a data set that a process touches
KINDS = ("beta", "factor", "gan", "pairs")  # updates that are timed apart: their share of small operations differs
BUDGET = 60.0  # seconds that a calibration may take
# Seconds of launches for each visit of a layer, forward or backward, with its activation, norm and share of the
# optimiser; and FLOP/s of the only training here that is not bound by them, IDGAN-SC with CelebA's networks, in TF32.
# Measured on an H200 (benchmarks/GPU.md); the other cards' FLOP/s are its own times the ratio of the data sheets.
LAUNCH = {"vae": 120e-6, "gan": 220e-6}
GPUS = {"h200": 80e12, "h100": 80e12, "a100": 25e12}
SYSTEMS = {"beta": "beta_vae", "factor": "factor_vae", "gan": "infogan", "pairs": "idgan_sc_prior"}  # timed for a kind


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer: weights, the positions each is used at for one image, and outputs."""

    weights: int
    positions: int
    outputs: int

    @property
    def multiply_adds(self) -> int:
        return self.weights * self.positions


@dataclass(frozen=True)
class Pass:
    """`count` forward passes' worth of a network on `images` images; backward through all of it counts as two more."""

    network: str
    images: int
    count: int


Network = list[Layer]


# ------------------------------------------------------------------------------------------------------------- networks
def _linear(i: int, o: int) -> Layer:
    return Layer(i * o, 1, o)


def _down(widths: tuple[int, ...], size: int, kernel: int = 4) -> Iterator[Layer]:
    for i, o in pairwise(widths):
        size //= 2
        yield Layer(i * o * kernel**2, size**2, o * size**2)


def _up(widths: tuple[int, ...], size: int, kernel: int = 4) -> Iterator[Layer]:
    for i, o in pairwise(widths):
        yield Layer(i * o * kernel**2, size**2, o * (2 * size) ** 2)
        size *= 2


def networks(settings: Settings, channels: int) -> dict[str, Network]:
    """Layers of every network of a run by the names its method gives them; of the frozen encoder as `vae`."""
    size, k = settings["image_size"], settings["c_dim"]
    if settings["family"] == "vae":
        return (_beta_vae if settings["objective"] == "beta" else _factor_vae)(size, channels, k)
    found = (_celeba if settings["network"] == "celeba" else _dsprites)(settings, size, channels, k)
    if settings["code"] == "vae":
        found["vae"] = _beta_vae(size, channels, k)["encoder"]
    return found


def _beta_vae(size: int, channels: int, k: int) -> dict[str, Network]:
    side, area = SIDE[size], SIDE[size] ** 2
    encoder = [*_down((channels, *VAE[size]), size), Layer(64 * 256 * area, 1, 256), _linear(256, 2 * k)]
    decoder = [_linear(k, 256), Layer(256 * 64 * area, 1, 64 * area), *_up((*reversed(VAE[size]), channels), side)]
    return {"encoder": encoder, "decoder": decoder}


def _factor_vae(size: int, channels: int, k: int) -> dict[str, Network]:
    hidden = HIDDEN[size]
    encoder = [*_trunk(channels, size), _linear(hidden, k), _linear(hidden, k)]
    decoder = [_linear(k, hidden), *_grow(channels, size)]
    critic = [_linear(k, 1000), *[_linear(1000, 1000)] * 4, _linear(1000, 2)]
    return {"encoder": encoder, "decoder": decoder, "critic": critic}


def _pair_outputs(settings: Settings) -> int:
    return int(settings["r_dim"] if settings["pair_loss"] == "contrastive" else settings["c_dim"])


def _dsprites(settings: Settings, size: int, channels: int, k: int) -> dict[str, Network]:
    hidden = HIDDEN[size]
    q = [] if settings["q"] == "encoder" else [_linear(hidden, 128), _linear(128, k)]
    found = {
        "generator": [_linear(settings["z_dim"] + k, hidden), *_grow(channels, size)],
        "discriminator": [*_trunk(channels, size), _linear(hidden, 1), *q],
    }
    if settings["pair_rule"] != "none":
        found["pair"] = [*_trunk(2 * channels, size), _linear(hidden, _pair_outputs(settings))]
    return found


def _trunk(channels: int, size: int) -> Network:
    """An image to the critics' features."""
    return [*_down((channels, *TRUNK[size]), size), _linear(TRUNK[size][-1] * SIDE[size] ** 2, HIDDEN[size])]


def _grow(channels: int, size: int) -> Network:
    """As many features to an image."""
    fc = _linear(HIDDEN[size], UPWARD[size][0] * SIDE[size] ** 2)
    return [fc, *_up((*UPWARD[size], channels), SIDE[size])]


def _celeba(settings: Settings, size: int, channels: int, k: int) -> dict[str, Network]:
    features = 512 * (size // 16) ** 2
    heads = [_linear(features, 1)] + ([] if settings["q"] == "encoder" else [_linear(features, k)])
    fc = [_linear(settings["z_dim"] + k, 1024), _linear(1024, 256 * 16)]
    found = {
        "generator": [*fc, *_up((*CELEBA_UPWARD[size], channels), 4, 5)],
        "discriminator": [*_down((channels, *CELEBA_CRITIC), size, 5), *heads],
    }
    if settings["pair_rule"] != "none":
        found["pair"] = [*_down((2 * channels, *CELEBA_CRITIC), size, 5), _linear(features, _pair_outputs(settings))]
    return found


# --------------------------------------------------------------------------------------------------------------- steps
def kind(settings: Settings) -> str:
    """Which of KINDS a run's update is."""
    if settings["family"] == "vae":
        return str(settings["objective"])
    return "gan" if settings["pair_rule"] == "none" else "pairs"


def passes(settings: Settings) -> list[Pass]:
    """The passes of one step, by family; forward 1, backward 2, backward through a frozen network 1.

    β-VAE: encoder and decoder, 3 each. FactorVAE: the same, its critic 2 (frozen) and, on codes and permuted codes, 6.
    GAN: D 3 on real and generated images; then, `generator_steps` times, G 3 and D 2 (frozen), and with a pair
    regulariser G 3 on both images of every pair and the pair network 3 where it moves, 2 where it does not; `separate`
    adds a step of its own, 3. A frozen β-VAE 1 for codes, 1 for pairs that need the posterior, 2 where it is Q.
    """
    batch = settings["batch"]
    if settings["family"] == "vae":
        critic = [Pass("critic", batch, 8)] if settings["objective"] == "factor" else []
        return [Pass("encoder", batch, 3), Pass("decoder", batch, 3), *critic]
    steps = settings["generator_steps"]
    found = [Pass("discriminator", 2 * batch, 3), Pass("generator", batch, 3 * steps)]
    found += [Pass("discriminator", batch, 2 * steps)]
    if settings["code"] == "vae":
        found += [Pass("vae", batch, 1 + (2 * steps if settings["q"] == "encoder" else 0))]
    return found + _pair_passes(settings)


def _pair_passes(settings: Settings) -> list[Pass]:
    if settings["pair_rule"] == "none":
        return []
    m, steps = settings["pairs"], settings["generator_steps"]
    separate = settings["pair_step"] == "separate"
    pair = 3 + 2 * steps if separate else 3 + 2 * (steps - 1)
    found = [Pass("generator", 2 * m, 3 * steps), Pass("pair", m, pair)]
    if settings["code"] == "vae":
        posterior = (settings["pair_bases"] == "independent") + (settings["vae_redraw"] == "posterior")
        found += [Pass("vae", settings["batch"], posterior)]
    return found


def step_multiply_adds(settings: Settings, channels: int) -> float:
    """Multiply-adds of one step with every term on."""
    layers = networks(settings, channels)
    return float(sum(p.images * p.count * sum(n.multiply_adds for n in layers[p.network]) for p in passes(settings)))


def multiply_adds(settings: Settings, channels: int) -> float:
    """Multiply-adds of a whole training, the pool's codes along its curve aside."""
    before = min(settings.get("pair_start", 0), settings["steps"])
    plain = step_multiply_adds(settings | {"pair_rule": "none"}, channels) if before else 0.0
    return before * plain + (settings["steps"] - before) * step_multiply_adds(settings, channels)


def launches(settings: Settings, channels: int) -> float:
    """Forward or backward visits of a layer in one step: what a GPU's launch overhead is counted by."""
    layers = networks(settings, channels)
    return float(sum(len(layers[p.network]) * p.count for p in passes(settings)))


def encoding_multiply_adds(settings: Settings, channels: int) -> float:
    """Multiply-adds of one image's codes."""
    layers = networks(settings, channels)
    name = "encoder" if "encoder" in layers else "vae" if settings["q"] == "encoder" else "discriminator"
    return float(sum(layer.multiply_adds for layer in layers[name]))


def memory_mb(settings: Settings, channels: int) -> float:
    """Expected peak of a training: all layers' outputs with gradients and norms, weights with Adam's moments."""
    layers = networks(settings, channels)
    images: dict[str, int] = {}
    for p in passes(settings):
        images[p.network] = images.get(p.network, 0) + p.images
    outputs = sum(4 * 4 * n * sum(layer.outputs for layer in layers[name]) for name, n in images.items())
    return BASE_MB + (outputs + 16 * _weights(layers)) / 2**20


def _weights(layers: dict[str, Network]) -> int:
    return sum(layer.weights for network in layers.values() for layer in network)


def disk_mb(settings: Settings, channels: int, pool: int, keeps_moments: bool) -> float:
    """Expected size of a finished run: weights, with Adam's moments for a stage A, and the pool's codes."""
    layers = {name: network for name, network in networks(settings, channels).items() if name != "vae"}
    codes = (settings["curve_points"] + _codes(settings)) * pool * settings["c_dim"]
    return 4 * (_weights(layers) * (4 if keeps_moments else 1) + codes) / 2**20


# ----------------------------------------------------------------------------------------------------------- resources
CALIBRATION = Path("results/calibration.json")


@cache
def calibration(path: Path = CALIBRATION) -> dict[str, float]:
    """Seconds for 1e9 multiply-adds by kind of update and for `encode`, as `idgan-sc plan` measured them, or FLOPS."""
    found = json.loads(path.read_text(encoding="utf-8"))["seconds_per_gmac"] if path.exists() else {}
    return {name: float(found.get(name, 2e9 / FLOPS)) for name in (*KINDS, "encode")}


def pool_size(config: Config, run: Run, pool: int | str) -> int:
    """Images that are encoded; a data set of unknown size counts as 100 000."""
    images = (
        configuration.dataset(config, run.preset, run.dataset).get("n") or dataset_row(run.dataset).images or 100_000
    )
    return images if pool == "all" else int(pool)


def seconds(config: Config, run: Run, speed: dict[str, float]) -> float:
    """Expected seconds of a training at a speed such as `calibration` gives."""
    settings, colours = configuration.resolve(config, run), dataset_row(run.dataset).channels
    codes = settings["curve_points"] * pool_size(config, run, settings["pool"])
    encoding = codes * encoding_multiply_adds(settings, colours) * speed["encode"]
    return (multiply_adds(settings, colours) * speed[kind(settings)] + encoding) / 1e9


def record(folder: Path) -> dict[str, Any]:
    """The record of a finished run; empty where there is none or it is damaged, which is for others to refuse."""
    try:
        return dict(json.loads((folder / "record.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def comparable(record: dict[str, Any], settings: Settings, device: str) -> bool:
    """Whether a record is of a run of these settings, on this kind of device, that was trained by itself."""
    alone = record.get("seeds", [record.get("seed")]) == [record.get("seed")]
    return alone and record.get("settings") == settings and record.get("device") == device


def measured(root: Path, run: Run, settings: Settings, device: str) -> dict[str, Any]:
    """A finished and `comparable` run's record: its own, else of another seed of its arm."""
    folders = [root / run.path, *sorted((root / run.path).parent.glob("*")), root / "published" / run.path]
    found = (record(folder) for folder in folders)
    return next((r for r in found if comparable(r, settings, device)), {})


def resources(results: Results, run: Run) -> dict[str, int]:
    """What a training asks a scheduler for, MARGIN above what one was measured to need or is expected to on a core."""
    settings = results.settings(run)
    device = "cuda" if results.config["compute"]["device"] == "cuda" else "cpu"
    found = measured(results.root, run, settings, device)
    if found:
        took, memory = float(found["seconds"]), float(found["peak_memory_mb"])
    else:
        took, memory = (
            seconds(results.config, run, calibration()),
            memory_mb(settings, dataset_row(run.dataset).channels),
        )
    minutes = max(LEAST_MINUTES, round(MARGIN * took / 60))
    return {"runtime": minutes, "mem_mb": max(LEAST_MB, round(MARGIN * memory))}


def largest(results: Results, runs: list[Run]) -> dict[str, int]:
    """What an array asks for: Slurm gives all its members the same, so that of the longest and of the largest arm."""
    arms = {(run.dataset, run.system, run.variant): run for run in reversed(runs)}  # an arm's first seed stands for it
    wanted = [resources(results, run) for run in arms.values()]
    floor = {"runtime": LEAST_MINUTES, "mem_mb": LEAST_MB}
    return {name: max([least, *(row[name] for row in wanted)]) for name, least in floor.items()}


def encode_minutes(config: Config, run: Run) -> int:
    """What encoding a run's evaluation pool asks a scheduler for, MARGIN above what is expected."""
    settings, colours = configuration.resolve(config, run), dataset_row(run.dataset).channels
    codes = _codes(settings) * pool_size(config, run, settings["pool"])
    return _minutes(codes * encoding_multiply_adds(settings, colours) * calibration()["encode"] / 1e9)


def score_minutes(config: Config, run: Run) -> int:
    """What scoring a run asks a scheduler for, MARGIN above what is expected."""
    settings, sizes = configuration.resolve(config, run), configuration.evaluation(config, run.preset, run.dataset)
    curve = settings["curve_points"] * sizes["draws"] * CURVE_SECONDS
    return _minutes(_codes(settings) * sizes["points"] * POINT_SECONDS + curve)


def _codes(settings: Settings) -> int:
    """Arrays of codes that are scored: of a VAE the means and samples."""
    return 2 if settings["family"] == "vae" else 1


def _minutes(took: float) -> int:
    return max(LEAST_EVALUATION, round(MARGIN * took / 60))


# ---------------------------------------------------------------------------------------------------------- calibration
def calibrate(results: Results, budget: float = BUDGET) -> dict[str, float]:
    """CPU seconds for 1e9 multiply-adds of each kind of update, from real steps on noise, in `budget` seconds."""
    import numpy as np
    import torch

    from idgan_sc.data.tensors import to_tensor
    from idgan_sc.models import build
    from idgan_sc.training.device import use_device
    from idgan_sc.training.encode import BATCH
    from idgan_sc.training.log import Log

    use_device(results.config | {"compute": results.config["compute"] | {"device": "cpu"}})
    found = {}
    data = results.datasets[0]
    share, colours = budget / (len(SYSTEMS) + 1), dataset_row(data).channels
    with tempfile.TemporaryDirectory() as folder:
        images = _noise(Path(folder), colours)
        indices = np.arange(images.n)
        for kind, system in SYSTEMS.items():
            run = results.run(data, system, "main", 0)
            settings = results.settings(run)
            method, log = build(settings, colours, 0, "", "cpu"), Log(run, 1)
            batch, size = indices[: settings["batch"]], settings["image_size"]

            def step(method: Any = method, log: Any = log, batch: np.ndarray = batch, size: int = size) -> None:
                log.add(1, method.step(to_tensor(images.batch(batch, size), "cpu")))

            found[kind] = _median(step, share) * 1e9 / step_multiply_adds(settings, colours)
        method.networks["discriminator"].eval()
        took = _median(lambda: method.encode(to_tensor(images.batch(indices[:BATCH], size), "cpu")), share)
    torch.set_flush_denormal(False)
    found["encode"] = took * 1e9 / (BATCH * encoding_multiply_adds(settings, colours))
    return found


def _noise(folder: Path, colours: int, n: int = 512) -> "Images":
    """A data set of random 64x64 images, packed where they have one channel as dSprites is."""
    import numpy as np

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


def save_calibration(speed: dict[str, float], preset: str, path: Path = CALIBRATION) -> Path:
    """Keep it for the workflow's rules, with the processor and preset that it is of."""
    about = {"processor": machine()["processor"], "preset": preset, "seconds_per_gmac": speed}
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
        return memory_mb(self.settings, dataset_row(self.first.dataset).channels)

    @property
    def disk_mb(self) -> float:
        pool = pool_size(self.config, self.first, self.settings["pool"])
        keeps = self.first.system in configuration.starts(self.config)
        return len(self.runs) * disk_mb(self.settings, dataset_row(self.first.dataset).channels, pool, keeps)

    @cached_property
    def measured(self) -> float | None:
        """Median seconds of the finished runs that are `comparable`."""
        records = [record(self.root / run.path) for run in self.runs]
        took = [r["seconds"] for r in records if comparable(r, self.settings, self.device)]
        return statistics.median(took) if took else None


def arms(results: Results, seconds: Callable[[Run], float], device: str = "cpu") -> list[Arm]:
    """Every arm that a preset trains, predecessors first."""
    planned = results.planned
    scored = {run for run in planned if configuration.scored(results.config, run.dataset)}
    grouped: dict[tuple[str, str, str], list[Run]] = {}
    for run in with_predecessors(results.config, planned):
        grouped.setdefault((run.dataset, run.system, run.variant), []).append(run)
    return [
        Arm(results.config, tuple(runs), seconds(runs[0]), results.root, runs[0] in scored, device)
        for runs in grouped.values()
    ]


def gpu_seconds(config: Config, run: Run, gpu: str) -> float:
    """Expected seconds of a training on a GPU: arithmetic or launches, whichever is longer."""
    settings, colours = configuration.resolve(config, run), dataset_row(run.dataset).channels
    pool = settings["curve_points"] * pool_size(config, run, settings["pool"])
    arithmetic = multiply_adds(settings, colours) + pool * encoding_multiply_adds(settings, colours)
    launched = settings["steps"] * launches(settings, colours)
    return max(2 * arithmetic / GPUS[gpu], launched * LAUNCH[settings["family"]])


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


def plan(results: Results, cores: int, gpus: int | None, gpu: str) -> str:
    """The report for `cores` cores of this machine, which is timed first, or for `gpus` GPUs of a stated kind."""
    if gpus is not None:
        expected = arms(results, lambda run: gpu_seconds(results.config, run, gpu), "cuda")
        launches = ", ".join(f"{family} {seconds * 1e6:g}" for family, seconds in LAUNCH.items())
        said = f"microseconds of launches a layer and direction: {launches}; {GPUS[gpu] / 1e12:g} TFLOP/s"
        of = "measured" if gpu == "h200" else "launches of an h200, arithmetic by the ratio of the data sheets"
        return f"{report(results.config, expected, gpus, 'GPU-hours')}\n{gpu}: {said} ({of})"
    speed = calibrate(results)
    path = save_calibration(speed, results.preset)
    expected = arms(results, lambda run: seconds(results.config, run, speed))
    said = ", ".join(f"{name} {2 / took:.1f}" for name, took in speed.items())
    words = f"this machine, GFLOP/s of one core: {said} (kept in {path})"
    return f"{report(results.config, expected, cores, 'core-hours')}\n{words}"
