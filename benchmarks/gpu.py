"""What training costs on a GPU: single seeds and stacked ones, beside one core of the same machine, in one run.

    python benchmarks/gpu.py [--budget 2] [--most 16] > benchmarks/GPU.md

Steps of the `paper` preset on noise in the place of images, batches unpacked on the device and the log kept, as a
training does. Wall time, medians over blocks of steps with the device waited for at the end of each.
"""

import argparse
import datetime
import gc
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from idgan_sc import config as configuration
from idgan_sc import plan
from idgan_sc.config import Config, Run, dataset_row
from idgan_sc.data.tensors import Load, loader
from idgan_sc.models import Method, build
from idgan_sc.records.machine import machine
from idgan_sc.training.device import use_device
from idgan_sc.training.log import Log
from idgan_sc.training.stacked import Stack

ROOT = Path(__file__).parents[1]
SYSTEMS = {
    "dsprites": ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc"),
    "celeba": ("beta_vae", "infogan", "idgan_sc"),
}
CORE_STEPS, LONG = 3, 3.0  # steps timed on the processor; seconds of a first one after which no more is made
IMAGES = 4096  # of noise


def method(config: Config, run: Run, seed: int, device: str) -> Method:
    settings, colours = configuration.resolve(config, run), dataset_row(run.dataset).channels
    vae = None
    if settings.get("code") == "vae":
        vae = method(config, Run(run.preset, run.dataset, settings["vae"], "main", seed), seed, device)
    return build(settings, colours, seed, "", device, vae)


def stepper(config: Config, run: Run, seeds: int, load: Load, device: str) -> Callable[[], None]:
    """One step of `seeds` seeds, with what a training does around it."""
    methods = [method(config, run, seed, device) for seed in range(seeds)]
    stack = Stack(methods) if seeds > 1 else None
    settings, rng = methods[0].settings, np.random.default_rng(0)
    logs = [Log(run, 1_000_000) for _ in methods]
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        x = load(rng.integers(0, IMAGES, seeds * settings["batch"]), settings["image_size"])
        rows = stack.step(x.unflatten(0, (seeds, -1))) if stack else [methods[0].step(x)]
        for log, row in zip(logs, rows, strict=True):
            log.add(done, row)

    return step


def seconds(step: Callable[[], None], budget: float) -> float:
    """Median seconds of a step on the GPU, in blocks of steps that fill `budget` seconds."""
    for _ in range(5):
        step()
    torch.cuda.synchronize()
    began = time.perf_counter()
    step()
    torch.cuda.synchronize()
    block = max(1, round(budget / 8 / (time.perf_counter() - began)))
    found: list[float] = []
    end = time.perf_counter() + budget
    while len(found) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        for _ in range(block):
            step()
        torch.cuda.synchronize()
        found.append((time.perf_counter() - began) / block)
    return statistics.median(found)


def core_seconds(step: Callable[[], None]) -> float:
    """Median seconds of a step on one core, the first not counted unless it takes long."""
    found: list[float] = []
    while len(found) <= CORE_STEPS and (not found or found[0] < LONG):
        began = time.perf_counter()
        step()
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:] or found)


def fresh() -> None:
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def row(config: Config, run: Run, loads: dict[str, Load], budget: float, most: int) -> dict[str, Any]:
    """Seconds of a step: on one core, on the GPU for 1, 2, 4, ... seeds; and megabytes on the GPU."""
    found: dict[str, Any] = {"core": core_seconds(stepper(config, run, 1, loads["cpu"], "cpu")), "gpu": {}, "mb": {}}
    seeds = 1
    while seeds <= most:
        fresh()
        try:
            found["gpu"][seeds] = seconds(stepper(config, run, seeds, loads["cuda"], "cuda"), budget)
        except torch.OutOfMemoryError:
            break
        found["mb"][seeds] = torch.cuda.max_memory_allocated() / 2**20
        seeds *= 2
    return found


def table(*columns: str) -> None:
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def line(*cells: object) -> None:
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each measurement")
    parser.add_argument("--most", type=int, default=16, help="seeds that are stacked at most")
    parser.add_argument("--systems", nargs="+", help="only these")
    args = parser.parse_args()
    config = configuration.load(ROOT / "config.yaml")
    use_device(config | {"compute": config["compute"] | {"device": "cuda"}})
    counts = [2**i for i in range(args.most.bit_length())]
    print("# Training on a GPU, measured\n\nWritten by the command below; do not edit.\n")
    print(f"    python benchmarks/gpu.py {' '.join(sys.argv[1:])}\n")
    print(f"{datetime.date.today()}, {torch.cuda.get_device_name()}, {machine()['processor']},", end=" ")
    print(f"{platform.system()}, Python {platform.python_version()}, PyTorch {torch.__version__}.", end=" ")
    print(
        f"TF32 in convolutions: {'on' if torch.backends.cudnn.allow_tf32 else 'off'}. Settings of the paper,", end=" "
    )
    print("noise for images. Milliseconds of wall time, medians; a core is one thread of that machine.")
    print("\n## A step, and what a seed costs where several are trained as one")
    found: dict[Run, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        table(
            "data set", "system", "core", *(f"{n} seed{'s' if n > 1 else ''}" for n in counts), "core/single",
            f"single/one of {counts[-1]}", "MB single", f"MB {counts[-1]} seeds",
        )  # fmt: skip
        for dataset, systems in SYSTEMS.items():
            images = plan.noise_images(Path(folder) / dataset, dataset_row(dataset).channels, IMAGES)
            loads = {device: loader(images, device) for device in ("cpu", "cuda")}
            for system in args.systems or systems:
                run = Run("paper", dataset, system, "main", 0)
                found[run] = r = row(config, run, loads, args.budget, args.most)
                times = (f"{r['gpu'][n] * 1e3:.1f}" if n in r["gpu"] else "" for n in counts)
                last = max(r["gpu"])
                ratios = (r["core"] / r["gpu"][1], r["gpu"][1] / (r["gpu"][last] / last))
                line(
                    dataset, system, f"{r['core'] * 1e3:.0f}", *times, *(f"{ratio:.1f}" for ratio in ratios),
                    f"{r['mb'][1]:.0f}", f"{r['mb'][last]:.0f}",
                )  # fmt: skip
    print("\n## What it comes to\n")
    print("launch: a single step over its visits of layers, forward and backward (`plan.launches`); rate: the")
    print("operations of the largest stack over its time; hours: of one training at the paper's length, single and as")
    print("one of the largest stack, the codes kept along the way left out.")
    table("data set", "system", "steps", "launch, µs", "TFLOP/s", "hours, single", "hours, stacked")
    for run, r in found.items():
        settings = configuration.resolve(config, run)
        last = max(r["gpu"])
        share = r["gpu"][last] / last
        line(
            run.dataset, run.system, settings["steps"], f"{r['gpu'][1] / plan.launches(settings) * 1e6:.0f}",
            f"{2 * plan.step_multiply_adds(settings) / share / 1e12:.2f}",
            f"{settings['steps'] * r['gpu'][1] / 3600:.2f}", f"{settings['steps'] * share / 3600:.2f}",
        )  # fmt: skip


if __name__ == "__main__":
    main()
