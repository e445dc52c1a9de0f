"""What one run costs, counted from its settings without PyTorch: operations, memory, disk, seconds at a given speed.

The workflow reads this file in every job, so layers are listed a second time here; a test compares them with the
networks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run, Settings

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
IMAGES = {"dsprites": 737_280, "mnist": 70_000, "celeba": 202_599}  # encoded where the pool is `all`


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


def channels(dataset: str) -> int:
    return 3 if dataset in ("celeba", "faces", "own") else 1


def pool_size(config: Config, run: Run, pool: int | str) -> int:
    """Images that are encoded; a data set of unknown size counts as 100 000."""
    images = configuration.dataset(config, run.preset, run.dataset).get("n") or IMAGES.get(run.dataset, 100_000)
    return images if pool == "all" else int(pool)


def seconds(config: Config, run: Run, speed: dict[str, float]) -> float:
    """Expected seconds of a training at a speed such as `calibration` gives."""
    settings, colours = configuration.resolve(config, run), channels(run.dataset)
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


def resources(config: Config, run: Run, root: Path) -> dict[str, int]:
    """What a training asks a scheduler for, MARGIN above what one was measured to need or is expected to on a core."""
    settings = configuration.resolve(config, run)
    device = "cuda" if config["compute"]["device"] == "cuda" else "cpu"
    found = measured(root, run, settings, device)
    if found:
        took, memory = float(found["seconds"]), float(found["peak_memory_mb"])
    else:
        took, memory = seconds(config, run, calibration()), memory_mb(settings, channels(run.dataset))
    minutes = max(LEAST_MINUTES, round(MARGIN * took / 60))
    return {"runtime": minutes, "mem_mb": max(LEAST_MB, round(MARGIN * memory))}


def largest(config: Config, runs: list[Run], root: Path) -> dict[str, int]:
    """What an array asks for: Slurm gives all its members the same, so that of the longest and of the largest arm."""
    arms = {(run.dataset, run.system, run.variant): run for run in reversed(runs)}  # an arm's first seed stands for it
    wanted = [resources(config, run, root) for run in arms.values()]
    floor = {"runtime": LEAST_MINUTES, "mem_mb": LEAST_MB}
    return {name: max([least, *(row[name] for row in wanted)]) for name, least in floor.items()}


def encode_minutes(config: Config, run: Run) -> int:
    """What encoding a run's evaluation pool asks a scheduler for, MARGIN above what is expected."""
    settings, colours = configuration.resolve(config, run), channels(run.dataset)
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
