"""What a training step costs: the reference's order of updates, ours in plain PyTorch, ours, and the floor, in one run.

    python benchmarks/training.py [--size 32 64] [--systems idgan_sc_prior ...] [--steps 12] [--markdown]

(a1) the order of updates of the released codes: separate passes for real and generated images, the generator run again
     for every player, the pair network moved before G, two G steps. Default PyTorch calls. Time only.
(a2) this project's plan of updates in default PyTorch calls: contiguous tensors, library convolutions, unfused Adam.
     Its losses over the first steps must equal ours to rounding.
(b)  ours: channels_last, matrix products on the image side of convolutions, fused Adam, freed memory kept.
(c)  the floor: the multiply-adds of (a2), counted by PyTorch, over the rate of a matrix product measured in this run.

CPU seconds of one thread, the variants in turn within every round, medians; machines are noisy, so read the ratios.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from idgan_sc import checkpoint, networks
from idgan_sc import config as configuration
from idgan_sc import objectives as obj
from idgan_sc.codes import draw_prior
from idgan_sc.config import Run
from idgan_sc.data.dsprites import render
from idgan_sc.models import GAN, Method, build
from idgan_sc.train import use_device

ROOT = Path(__file__).parents[1]
SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc")
CHECKED_STEPS = 20


@contextmanager
def plain() -> Iterator[None]:
    """PyTorch's defaults: contiguous tensors, the library's convolutions, nothing in place."""
    relu, leaky_relu = F.relu, F.leaky_relu
    with (
        mock.patch.object(torch, "channels_last", torch.contiguous_format),
        mock.patch.object(networks, "_by_hand", lambda x: False),
        mock.patch.object(F, "relu", lambda x, inplace=False: relu(x)),
        mock.patch.object(F, "leaky_relu", lambda x, slope, inplace=False: leaky_relu(x, slope)),
    ):
        yield


def settings_of(config: dict[str, Any], system: str, size: int) -> dict[str, Any]:
    """The paper's settings of a system at an image size, one G step."""
    settings = configuration.resolve(config, Run("paper", "dsprites", system, "main", 0))
    return settings | {"image_size": size} | ({"generator_steps": 1} if settings["family"] == "gan" else {})


def make(config: dict[str, Any], system: str, size: int) -> Method:
    settings = settings_of(config, system, size)
    vae = make(config, "beta_vae", size) if settings.get("code") == "vae" else None
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
    networks.power_iteration(nets["discriminator"])
    c = method.draw_codes(x)
    z = draw_prior((len(x), settings["z_dim"]), settings["prior"], method.streams["noise"])
    pairs = method.draw_pairs(x, c) if method.regularised else None
    if pairs is not None:
        networks.power_iteration(nets["pair"])
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
        images = generate_halves(method, pairs) if pairs is not None else None
        method.generator_step(nets["generator"](z, c), c, images, pairs, move_pair_network=False)


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
    """Multiply-adds a second of a 1 024 x 1 024 float32 matrix product, one thread; the best of ten."""
    a = torch.randn(1024, 1024)
    return 1024**3 / min(cpu_seconds(lambda: a @ a) for _ in range(10))


def compare(config: dict[str, Any], system: str, size: int, steps: int) -> dict[str, float]:
    """CPU seconds a step of the four, and the largest relative difference of losses between (a2) and (b)."""
    x = images(size, config["families"]["gan"]["batch"])
    ours = make(config, system, size)
    with plain():
        default, reference = unfuse(make(config, system, size)), unfuse(make(config, system, size))
    fast_x = x.contiguous(memory_format=torch.channels_last)
    difference = 0.0
    for _ in range(CHECKED_STEPS if steps else 1):
        found = ours.step(fast_x)
        with plain():
            expected = default.step(x)
        gaps = (abs(float(found[k] - v)) / max(1.0, abs(float(v))) for k, v in expected.items() if "loss" in k)
        difference = max(difference, *gaps)
    with plain(), FlopCounterMode(display=False) as counter:
        default.step(x)
    times: dict[str, list[float]] = {"a1": [], "a2": [], "b": [], "rate": []}
    for _ in range(steps):
        times["b"].append(cpu_seconds(lambda: ours.step(fast_x)))
        with plain():
            times["a2"].append(cpu_seconds(lambda: default.step(x)))
            if isinstance(reference, GAN):
                times["a1"].append(cpu_seconds(lambda: reference_step(reference, x)))
        times["rate"].append(matrix_product_rate())
    row = {name: statistics.median(values) for name, values in times.items() if values}
    row.setdefault("a1", row["a2"])  # a VAE has one order of updates
    macs = counter.get_total_flops() / 2
    return row | {"gmac": macs / 1e9, "c": macs / row["rate"], "difference": difference}


def overhead(config: dict[str, Any], system: str, size: int) -> dict[str, float]:
    """Shares of a step that are not passes through networks: batch, log, spectral norm, optimiser; and a checkpoint."""
    method, folder = make(config, system, size), Path("/tmp")
    x = images(size, 64).contiguous(memory_format=torch.channels_last)
    log = method.step(x)
    parts = {
        "spectral norm": lambda: [networks.power_iteration(network) for network in method.networks.values()],
        "optimiser": lambda: [optimiser.step() for optimiser in method.optimisers.values()],
        "log": lambda: [float(sum(log.values())), *(value.double() for value in log.values())],
    }
    seconds = {name: statistics.median(cpu_seconds(part) for _ in range(20)) for name, part in parts.items()}
    whole = statistics.median(cpu_seconds(lambda: method.step(x)) for _ in range(10))
    shares = {name: value / whole for name, value in seconds.items()}
    tensors = {**checkpoint.network_tensors(method), **checkpoint.moment_tensors(method)}
    file = folder / f"benchmark-{system}.safetensors"
    began = time.perf_counter()
    checkpoint.save(file, copy.copy(tensors), {})
    shares["checkpoint a minute"] = (time.perf_counter() - began) / config["compute"]["checkpoint_seconds"]
    file.unlink()
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[32, 64], choices=[32, 64])
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--steps", type=int, default=12, help="timed rounds")
    args = parser.parse_args()
    config = configuration.load(ROOT / "config.yaml")
    use_device(config)
    print(f"matrix product: {2 * matrix_product_rate() / 1e9:.0f} GFLOP/s, one thread, PyTorch {torch.__version__}\n")
    columns = (
        "size",
        "system",
        "GMAC",
        "a1 ms",
        "a2 ms",
        "ours ms",
        "floor ms",
        "a1/ours",
        "a2/ours",
        "ours/floor",
        "Δ loss",
    )
    print(f"| {' | '.join(columns)} |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for size in args.size:
        for system in args.systems:
            row = compare(config, system, size, args.steps)
            ms = " | ".join(f"{row[name] * 1e3:.1f}" for name in ("a1", "a2", "b", "c"))
            ratios = f"{row['a1'] / row['b']:.2f} | {row['a2'] / row['b']:.2f} | {row['b'] / row['c']:.2f}"
            print(f"| {size} | {system} | {row['gmac']:.2f} | {ms} | {ratios} | {row['difference']:.1e} |", flush=True)
    print("\n| size | system | what is no pass through a network, share of a step |\n|---|---|---|")
    for size in args.size:
        for system in args.systems:
            shares = ", ".join(f"{name} {share:.1%}" for name, share in overhead(config, system, size).items())
            print(f"| {size} | {system} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
