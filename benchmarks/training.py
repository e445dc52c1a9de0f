"""What a training step costs: the reference's order of updates, ours in plain PyTorch, ours, and the floor, in one run.

    python benchmarks/training.py [--size 32 64] [--systems idgan_sc_prior ...] [--rounds 12] > benchmarks/README.md

(a1) the order of updates of the released codes: separate passes for real and generated images, the generator run again
     for every player, the pair network moved before G, two G steps. Default PyTorch calls. Time only.
(a2) this project's plan of updates in default PyTorch calls: contiguous tensors, library convolutions, unfused Adam.
     Its losses over the first steps must equal ours to rounding, which is checked in double precision: in single
     precision 20 steps of a GAN make visible differences of rounding errors.
     (a1) and (a2) run in a process of their own, whose memory and numerics are as PyTorch and glibc leave them.
(b)  ours: channels_last, matrix products on the image side of convolutions, fused Adam, freed memory kept.
(c)  the floor: the multiply-adds of (a2), counted by PyTorch, over the rate of a matrix product measured in this run.

CPU seconds of one thread, the variants in turn within every round, medians; machines are noisy, so read the ratios.
"""

import argparse
import copy
import datetime
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.data.dsprites import prepare, render
from idgan_sc.data.images import Images
from idgan_sc.data.tensors import to_tensor
from idgan_sc.models import GAN, Method, build, convolutions
from idgan_sc.models import objectives as obj
from idgan_sc.models.codes import draw_prior
from idgan_sc.training import checkpoint
from idgan_sc.training.batches import Batches
from idgan_sc.training.device import use_device

ROOT = Path(__file__).parents[1]
SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc")
CHECKED_STEPS = 20
PRODUCTS = [f"aten::{name}" for name in ("mm", "bmm", "addmm", "_convolution", "mkldnn_convolution")]
PRODUCTS += ["aten::convolution_backward"]


def contiguous() -> Any:
    """Without channels_last."""
    return mock.patch.object(torch, "channels_last", torch.contiguous_format)


@contextmanager
def nothing_in_place() -> Iterator[None]:
    """Without activations that overwrite their input."""
    relu, leaky_relu = F.relu, F.leaky_relu
    with (
        mock.patch.object(F, "relu", lambda x, inplace=False: relu(x)),
        mock.patch.object(F, "leaky_relu", lambda x, slope, inplace=False: leaky_relu(x, slope)),
    ):
        yield


@contextmanager
def filled_memory() -> Iterator[None]:
    """With what PyTorch's deterministic mode does by default: fresh tensors are filled."""
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    yield
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def plain() -> Iterator[None]:
    """PyTorch's defaults: contiguous tensors, the library's convolutions, nothing in place."""
    with contiguous(), convolutions.library_convolutions(), nothing_in_place():
        yield


def settings_of(config: dict[str, Any], system: str, size: int) -> dict[str, Any]:
    """The paper's settings of a system at an image size, one G step."""
    settings = configuration.resolve(config, Run("paper", "dsprites", system, "main", 0))
    return settings | {"image_size": size} | ({"generator_steps": 1} if settings["family"] == "gan" else {})


def make(config: dict[str, Any], settings: dict[str, Any]) -> Method:
    size = settings["image_size"]
    vae = make(config, settings_of(config, "beta_vae", size)) if settings.get("code") == "vae" else None
    return build(settings, 1, 0, "benchmark", "cpu", vae)


def unfuse(method: Method) -> Method:
    """Replace every Adam by one that updates parameter by parameter."""
    for name, optimiser in method.optimisers.items():
        group = optimiser.param_groups[0]
        method.optimisers[name] = torch.optim.Adam(group["params"], group["lr"], group["betas"], foreach=False)
    return method


def reference_step(method: GAN, x: Tensor) -> None:
    """One iteration in the order of the released InfoGAN-CR code: H (or E), D with Q, G twice."""
    nets, settings = method.networks, method.settings
    convolutions.power_iteration(nets["discriminator"])
    c = method.draw_codes(x)
    z = draw_prior((len(x), settings["z_dim"]), settings["prior"], method.streams["noise"])
    pairs = method.draw_pairs(x, c) if method.regularised else None
    if pairs is not None:
        convolutions.power_iteration(nets["pair"])
        with torch.no_grad():
            images = generate_halves(method, pairs)
        method.pair_network_step(images, pairs.s)
    with torch.no_grad():
        fake = nets["generator"](z, c)
    real_logits, _ = nets["discriminator"](x)
    fake_logits, q = nets["discriminator"](fake)
    loss = obj.discriminator_loss(real_logits, fake_logits) + settings["lambda_info"] * obj.info_loss(c, q)
    descend(method, "discriminator", loss)
    for _ in range(2):
        moved = generate_halves(method, pairs) if pairs is not None else None
        method.generator_step(nets["generator"](z, c), c, moved, pairs, move_pair_network=False)


def generate_halves(method: GAN, pairs: Any) -> tuple[Tensor, Tensor]:
    generator = method.networks["generator"]
    return generator(pairs.z, pairs.c1), generator(pairs.z, pairs.c2)


def descend(method: Method, player: str, loss: Tensor) -> None:
    method.optimisers[player].zero_grad()
    loss.backward()
    method.optimisers[player].step()


def images(size: int, n: int) -> Tensor:
    """n rendered sprites, (n, 1, size, size)."""
    rng = np.random.default_rng(0)
    full = render(rng.integers(0, (3, 6, 40, 32, 32), (n, 5)))[:, None].astype(np.float32)
    small = full if size == 64 else full.reshape(n, 1, 32, 2, 32, 2).mean((3, 5))
    return torch.from_numpy(small)


def cpu_seconds(step: Callable[[], object]) -> float:
    began = time.process_time()
    step()
    return time.process_time() - began


def matrix_product_rate() -> float:
    """Multiply-adds a second of a 1 024 × 1 024 float32 matrix product, one thread; the best of ten."""
    a = torch.randn(1024, 1024)
    return 1024**3 / min(cpu_seconds(lambda: a @ a) for _ in range(10))


def batch_of(settings: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The same images in both memory formats, contiguous first."""
    x = images(settings["image_size"], settings["batch"])
    return x, x.contiguous(memory_format=torch.channels_last)


def difference(config: dict[str, Any], settings: dict[str, Any]) -> float:
    """The largest relative difference of any loss between (a2) and (b), 20 steps of a small batch, double precision."""
    small = settings | {"batch": 8} | ({"pairs": 16} if "pairs" in settings else {})
    torch.set_default_dtype(torch.float64)
    try:
        x, fast_x = (tensor.double() for tensor in batch_of(small))
        ours = make(config, small)
        with plain():
            default = unfuse(make(config, small))
        largest = 0.0
        for _ in range(CHECKED_STEPS):
            found = ours.step(fast_x)
            with plain():
                expected = default.step(x)
            gaps = (abs(float(found[k] - v)) / max(1.0, abs(float(v))) for k, v in expected.items() if "loss" in k)
            largest = max(largest, *gaps)
    finally:
        torch.set_default_dtype(torch.float32)
    return largest


def serve(settings: dict[str, Any]) -> None:
    """In a process as PyTorch starts it: print a step's multiply-adds, then for each line read a step's seconds."""
    torch.set_num_threads(1)
    config = configuration.load(ROOT / "config.yaml")
    x = batch_of(settings)[0]
    with plain():
        method = unfuse(make(config, settings))
        with FlopCounterMode(display=False) as counter:
            method.step(x)
        print(counter.get_total_flops() / 2, flush=True)
        for wanted in sys.stdin:
            step = partial(reference_step, method) if wanted.strip() == "a1" else method.step  # type: ignore[arg-type]
            print(cpu_seconds(lambda: step(x)), flush=True)  # noqa: B023


@contextmanager
def default_pytorch(settings: dict[str, Any]) -> Iterator[tuple[float, Callable[[str], float]]]:
    """The multiply-adds of (a2), and what runs a step of (a1) or (a2) in that process and says its CPU seconds."""
    command = [sys.executable, __file__, "--serve", json.dumps(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin and child.stdout

        def seconds(wanted: str) -> float:
            print(wanted, file=child.stdin, flush=True)
            return float(child.stdout.readline())  # type: ignore[union-attr]

        yield float(child.stdout.readline()), seconds
        child.stdin.close()


def compare(config: dict[str, Any], settings: dict[str, Any], rounds: int) -> dict[str, float]:
    """CPU seconds a step of the four, in turn within every round, medians; `products`: share of ours in the library's.

    A VAE has one order of updates: its (a1) is (a2).
    """
    fast_x = batch_of(settings)[1]
    ours = make(config, settings)
    plans = ["a2"] if settings["family"] == "vae" else ["a1", "a2"]
    times: dict[str, list[float]] = {plan: [] for plan in [*plans, "b", "rate"]}
    with default_pytorch(settings) as (macs, seconds):
        for _ in range(rounds + 2):
            times["b"].append(cpu_seconds(lambda: ours.step(fast_x)))
            for plan in plans:
                times[plan].append(seconds(plan))
            times["rate"].append(matrix_product_rate())
    row = {name: statistics.median(values[2:]) for name, values in times.items()}
    row.setdefault("a1", row["a2"])
    products = statistics.median(product_share(ours, fast_x) for _ in range(3))
    return row | {"gmac": macs / 1e9, "c": macs / row["rate"], "products": products}


def product_share(method: Method, x: Tensor) -> float:
    """The share of a step that PyTorch's profiler finds in the library's own convolutions and matrix products."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        method.step(x)
    spent = {event.key: event.self_cpu_time_total for event in found.key_averages()}
    products = sum(time for name, time in spent.items() if name in PRODUCTS)
    return products / sum(spent.values())


TRICKS: dict[str, Callable[[], Any]] = {
    "channels_last": contiguous,
    "own convolutions: images by matrix product, bias gradients by one sum": convolutions.library_convolutions,
    "activations in place": nothing_in_place,
    "fresh memory not filled": filled_memory,
}


def gains(config: dict[str, Any], settings: dict[str, Any], rounds: int) -> dict[str, float]:
    """Time without one trick over the time with all, for each trick that can be switched off in a running process."""
    x, fast_x = batch_of(settings)
    everything, unfused = make(config, settings), unfuse(make(config, settings))
    without = {}
    for name, off in TRICKS.items():
        with off():
            without[name] = make(config, settings)
    times: dict[str, list[float]] = {name: [] for name in ("", "fused Adam", *TRICKS)}
    for _ in range(rounds + 2):
        times[""].append(cpu_seconds(lambda: everything.step(fast_x)))
        times["fused Adam"].append(cpu_seconds(lambda: unfused.step(fast_x)))
        for name, off in TRICKS.items():
            with off():
                method, batch = without[name], x if off is contiguous else fast_x
                times[name].append(cpu_seconds(lambda: method.step(batch)))  # noqa: B023
    medians = {name: statistics.median(values[2:]) for name, values in times.items()}
    return {name: value / medians[""] for name, value in medians.items() if name}


def malloc_gain(system: str, size: int, rounds: int) -> float:
    """Time with glibc's own thresholds over the time with ours: two processes, each the median of its steps."""
    seconds = []
    for keep in ("True", "False"):
        code = (
            "import sys, statistics; sys.path.insert(0, 'benchmarks'); import training as t\n"
            "from idgan_sc.training import device\n"
            f"if not {keep}: device._keep_freed_memory = lambda: None\n"
            "config = t.configuration.load(t.ROOT / 'config.yaml'); t.use_device(config)\n"
            f"settings = t.settings_of(config, {system!r}, {size}); method = t.make(config, settings)\n"
            "x = t.batch_of(settings)[1]\n"
            f"times = [t.cpu_seconds(lambda: method.step(x)) for _ in range({rounds} + 4)]\n"
            "print(statistics.median(times[4:]))"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        seconds.append(float(done.stdout))
    return seconds[1] / seconds[0]


def spread_by_shuffle(y: Tensor, weight: Tensor) -> Tensor:
    """As `networks._spread`: a 2x2 convolution to four channels a pixel, then shuffled."""
    o, i = weight.shape[:2]
    kernel = weight.view(o, i, 2, 2, 2, 2).flip(2, 4).permute(1, 3, 5, 0, 2, 4).reshape(4 * i, o, 2, 2)
    padded = F.conv2d(y, kernel.contiguous(memory_format=torch.channels_last), None, 1, 1)
    return F.pixel_shuffle(padded, 2)[..., 1:-1, 1:-1]


def spread_by_sums(y: Tensor, weight: Tensor) -> Tensor:
    """As `networks._spread`: the matrix product, then four shifted sums in place of `fold`."""
    (batch, o, height, width), i = y.shape, weight.shape[1]
    patches = (y.permute(0, 2, 3, 1).reshape(-1, o) @ weight.flatten(1)).view(batch, height, width, i, 2, 2, 2, 2)
    out = patches.new_zeros(batch, i, height + 1, 2, width + 1, 2)
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        out[:, :, a : a + height, :, b : b + width] += patches[:, :, :, :, a, :, b].permute(0, 3, 1, 4, 2, 5)
    return out.view(batch, i, 2 * height + 2, 2 * width + 2)[..., 1:-1, 1:-1]


SPREADS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "the library": lambda y, weight: F.conv_transpose2d(y, weight, None, 2, 1),
    "matrix product and `fold` (in use)": convolutions._spread,
    "the same, 16 images at a time": lambda y, weight: torch.cat(
        [convolutions._spread(p, weight) for p in y.split(16)]
    ),
    "2×2 convolution and `pixel_shuffle`": spread_by_shuffle,
    "matrix product and four sums": spread_by_sums,
}


def spreads(batch: int, channels: int, size: int) -> dict[str, float]:
    """CPU seconds of each way from 32 features to an image; all must give the same one."""
    y = torch.randn(batch, 32, size // 2, size // 2).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(32, channels, 4, 4)
    expected = F.conv_transpose2d(y, weight, None, 2, 1)
    seconds = {}
    for name, way in SPREADS.items():
        torch.testing.assert_close(way(y, weight), expected, rtol=1e-4, atol=1e-4)
        seconds[name] = statistics.median(cpu_seconds(lambda: way(y, weight)) for _ in range(7))  # noqa: B023
    return seconds


def by_blocks(x: Tensor, weight: Tensor) -> Tensor:
    """A 4x4 stride-2 convolution as a 2x2 one of 2x2 blocks (space to depth)."""
    (batch, i, size, _), o = x.shape, weight.shape[0]
    half = size // 2 + 1
    blocks = F.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1).reshape(batch, half, 2, half, 2, i)
    blocks = blocks.permute(0, 1, 3, 2, 4, 5).reshape(batch, half, half, 4 * i).permute(0, 3, 1, 2)
    kernel = weight.view(o, i, 2, 2, 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(o, 4 * i, 2, 2)
    return F.conv2d(blocks, kernel.contiguous(memory_format=torch.channels_last))


def by_patches(x: Tensor, weight: Tensor) -> Tensor:
    """The same as one matrix product of all patches."""
    (batch, i, size, _), o = x.shape, weight.shape[0]
    patches = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).unfold(1, 4, 2).unfold(2, 4, 2)
    y = patches.reshape(-1, 16 * i) @ weight.flatten(1).t()
    return y.view(batch, size // 2, size // 2, o).permute(0, 3, 1, 2)


INNER: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "the library (in use)": lambda x, weight: F.conv2d(x, weight, None, 2, 1),
    "2×2 convolution of 2×2 blocks": by_blocks,
    "matrix product of patches": by_patches,
}


def inner(batch: int, i: int, o: int, size: int) -> dict[str, float]:
    """CPU seconds of a 4x4 stride-2 convolution (batch, i, size, size) -> o and its gradients, and their floor."""
    x = torch.randn(batch, i, size, size).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(o, i, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    expected = F.conv2d(x, weight, None, 2, 1).detach()
    g = torch.randn_like(expected)
    seconds = {}
    for name, way in INNER.items():
        torch.testing.assert_close(way(x, weight), expected, rtol=1e-3, atol=1e-3)
        seconds[name] = statistics.median(cpu_seconds(lambda: way(x, weight).backward(g)) for _ in range(7))  # noqa: B023
    return seconds | {"floor": 3 * 16 * i * expected.numel() / matrix_product_rate()}


def overhead(config: dict[str, Any], settings: dict[str, Any], data: Images, folder: Path) -> dict[str, float]:
    """Shares of a step that are not passes through networks: batch, log, spectral norm, optimiser; and a checkpoint."""
    method = make(config, settings)
    batches = Batches(data.n, settings["batch"], 0, "benchmark")

    def batch() -> Tensor:
        return to_tensor(data.batch(batches.next(), settings["image_size"]), "cpu")

    x = batch()
    log = method.step(x)
    parts: dict[str, Callable[[], object]] = {
        "batch": batch,
        "spectral norm": lambda: list(map(convolutions.power_iteration, method.networks.values())),
        "optimiser": lambda: [optimiser.step() for optimiser in method.optimisers.values()],
        "log": lambda: [float(sum(log.values())), *(value.double() for value in log.values())],
    }
    seconds = {name: statistics.median(cpu_seconds(part) for _ in range(20)) for name, part in parts.items()}
    whole = seconds["batch"] + statistics.median(cpu_seconds(lambda: method.step(x)) for _ in range(10))
    shares = {name: value / whole for name, value in seconds.items()}
    shares["together"] = sum(shares.values())
    tensors = {**checkpoint.network_tensors(method), **checkpoint.moment_tensors(method)}
    began = time.perf_counter()
    checkpoint.save(folder / "checkpoint.safetensors", copy.copy(tensors), {})
    shares["checkpoints"] = (time.perf_counter() - began) / config["compute"]["checkpoint_seconds"]
    return shares


def table(columns: tuple[str, ...]) -> None:
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def line(*cells: object) -> None:
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def minutes(config: dict[str, Any], preset: str, rounds: int) -> None:
    """CPU minutes of each training of one seed at a preset, by (a2) and by ours."""
    for system in config["systems"]:
        settings = configuration.resolve(config, Run(preset, "dsprites", system, "main", 0))
        row = compare(config, settings, rounds)
        before, after = (row[name] * settings["steps"] / 60 for name in ("a2", "b"))
        line(preset, system, settings["steps"], f"{before:.1f}", f"{after:.1f}", f"{before / after:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[64, 32], choices=[32, 64])
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--rounds", type=int, default=12, help="timed rounds")
    parser.add_argument("--serve", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.serve)
    config = configuration.load(ROOT / "config.yaml")
    use_device(config)
    model = next((row for row in Path("/proc/cpuinfo").read_text().splitlines() if row.startswith("model name")), "?")
    print("# Training, measured\n")
    print("Written by the command below; do not edit. `benchmarks/metrics.py`, `matcher.py`, `plan.py`, `page.py`,")
    print("`evaluation_noise.py`, `pair_accuracy.py` and `devices.py` print their own tables, `gpu.py` `GPU.md`.\n")
    print(f"    python benchmarks/training.py {' '.join(sys.argv[1:])}\n")
    print(f"{datetime.date.today()}, {model.partition(':')[2].strip()}, {platform.system()}, Python", end=" ")
    print(
        f"{platform.python_version()}, PyTorch {torch.__version__}, one thread. A 1 024 × 1 024 float32 product",
        end=" ",
    )
    print(
        f"runs at {2 * matrix_product_rate() / 1e9:.0f} GFLOP/s. Times are CPU milliseconds, medians; read the ratios."
    )
    print("\n## A step at the paper's settings, one G step\n")
    print("a1: the reference's order of updates in default PyTorch; a2: our plan of updates in default PyTorch;")
    print("floor: its multiply-adds at the rate of that product; products: ours in the library's own convolutions and")
    print("matrix products alone. Δ: largest relative difference of a loss between a2 and ours over")
    print(f"{CHECKED_STEPS} steps in double precision. A VAE has one order of updates.")
    table(
        (
            "size",
            "system",
            "GMAC",
            "a1",
            "a2",
            "ours",
            "floor",
            "a1/ours",
            "a2/ours",
            "ours/floor",
            "products/floor",
            "Δ",
        )
    )
    for size in args.size:
        for system in args.systems:
            settings = settings_of(config, system, size)
            row = compare(config, settings, args.rounds)
            ms = (f"{row[name] * 1e3:.1f}" for name in ("a1", "a2", "b", "c"))
            row["library"] = row["products"] * row["b"]
            pairs = (("a1", "b"), ("a2", "b"), ("b", "c"), ("library", "c"))
            ratios = (f"{row[up] / row[down]:.2f}" for up, down in pairs)
            line(size, system, f"{row['gmac']:.2f}", *ms, *ratios, f"{difference(config, settings):.0e}")
    print("\n## What each trick gains\n\nTime of a step without it over the time with all.")
    shown = [(system, size) for system in ("beta_vae", "infogan", "idgan_sc") for size in args.size]
    found = {}
    for system, size in shown:
        settings = settings_of(config, system, size)
        found[system, size] = gains(config, settings, args.rounds)
        found[system, size]["glibc keeps freed memory"] = malloc_gain(system, size, args.rounds)
    table(("trick", *(f"{system} {size}" for system, size in shown)))
    for trick in found[shown[0]]:
        line(trick, *(f"{found[key][trick]:.2f}" for key in shown))
    print("\nFrom 32 features to an image, the transposed convolution and its twin in a critic's backward pass:")
    shapes = [(768, 1, 64), (384, 2, 64), (64, 1, 64), (64, 1, 32)]
    ways = {shape: spreads(*shape) for shape in shapes}
    table(("way, ms", *(f"{batch} × {channels} × {size}²" for batch, channels, size in shapes)))
    for name in SPREADS:
        line(name, *(f"{ways[shape][name] * 1e3:.1f}" for shape in shapes))
    print("\nAn inner 4 × 4 stride-2 convolution and both its gradients, batch × inputs × outputs × input size:")
    layers = [(128, 32, 32, 32), (768, 32, 32, 32), (128, 32, 64, 16), (64, 32, 32, 16)]
    found_ways = {layer: inner(*layer) for layer in layers}
    table(("way, ms", *(" × ".join(map(str, layer)) + "²" for layer in layers)))
    for name in [*INNER, "floor"]:
        line(name, *(f"{found_ways[layer][name] * 1e3:.1f}" for layer in layers))
    print("\n## What is no pass through a network, share of a step")
    with tempfile.TemporaryDirectory() as folder:
        data = prepare(Path(folder) / "dsprites", source="procedural")
        table(
            ("size", "system", "batch", "spectral norm", "optimiser", "log", "together", "checkpoints, a minute apart")
        )
        for size in args.size:
            for system in args.systems:
                shares = overhead(config, settings_of(config, system, size), data, Path(folder))
                line(size, system, *(f"{share:.1%}" for share in shares.values()))
    print("\n## Trainings of one seed, CPU minutes, without the codes kept along the way")
    table(("preset", "system", "steps", "a2", "ours", "a2/ours"))
    for preset in ("quick", "desk"):
        minutes(config, preset, args.rounds)


if __name__ == "__main__":
    main()
