"""What training costs on a GPU: single seeds and stacked ones, steps as they are and as CUDA graphs, in one run.

    python benchmarks/gpu.py [--minutes 8] > benchmarks/GPU.md     # measures, and writes src/idgan_sc/training/gpu.csv
    python benchmarks/gpu.py --show > benchmarks/GPU.md            # measures nothing: that table in words

Steps of the `paper` preset on noise in the place of images, batches unpacked on the device and the log kept, as a
training does. Wall time, medians over blocks of steps with the device waited for at the end of each. What there was no
time for is not in the table, and is called not measured.
"""

import argparse
import csv
import datetime
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError, Run, dataset_row
from idgan_sc.data.images import Images
from idgan_sc.data.tensors import Load, loader
from idgan_sc.models import Method, build
from idgan_sc.training import plan
from idgan_sc.training.device import use_device
from idgan_sc.training.encode import encode_pool
from idgan_sc.training.graphed import WARM_UP, Graphed, Recorder
from idgan_sc.training.log import Log
from idgan_sc.training.stacked import Stack

ROOT = Path(__file__).parents[1]
SYSTEMS = {
    "dsprites": ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc"),
    "celeba": ("beta_vae", "infogan", "idgan_sc"),
}
STACKS = (1, 16, 4, 2, 8)  # seeds as one, the most telling first
CORE_STEPS, LONG = 3, 3.0  # steps timed on the processor; seconds of a first one after which no more is made
PROFILED = 5  # steps whose kernels are looked at one by one
IMAGES = 4096  # of noise
NOT_MEASURED = "–"


@dataclass(frozen=True)
class Row:
    """A step of a system: of how many seeds as one, as it is or replayed; milliseconds of all of them, and what else.

    busy: share of the time in which a kernel runs; codes: milliseconds for the codes of 1 000 images; core: of the same
    step on one core of that machine.
    """

    date: str
    gpu: str
    torch: str
    tf32: bool
    dataset: str
    system: str
    multiply_adds: int
    launches: int
    seeds: int
    graph: bool
    ms: float
    mb: float | None = None
    busy: float | None = None
    codes: float | None = None
    core: float | None = None


# ------------------------------------------------------------------------------------------------------------ measuring
class Bench:
    """Measures on one device, until the time is over."""

    def __init__(self, config: Config, preset: str, device: str, budget: float, ends: float) -> None:
        self.config, self.preset, self.device, self.budget, self.ends = config, preset, device, budget, ends
        self.graphs = [False, True] if device == "cuda" else [False]
        self.about: dict[str, Any] = {"date": str(datetime.date.today()), "gpu": self._name()}
        self.about |= {"torch": torch.__version__, "tf32": torch.backends.cudnn.allow_tf32}

    def _name(self) -> str:
        return torch.cuda.get_device_name() if self.device == "cuda" else "none"

    def run(self, dataset: str, system: str) -> Run:
        return Run(self.preset, dataset, system, "main", 0)

    def method(self, run: Run, seed: int, device: str) -> Method:
        settings, vae = configuration.resolve(self.config, run), None
        if settings.get("code") == "vae":
            vae = self.method(replace(run, system=settings["vae"]), seed, device)
        return build(settings, dataset_row(run.dataset).channels, seed, "", device, vae)

    def rows(self, run: Run, seeds: int, images: Images) -> Iterator[Row]:
        """A step of so many seeds as it is, then replayed: the same methods go on."""
        self.clear()
        load = loader(images, self.device)
        methods = [self.method(run, seed, self.device) for seed in range(seeds)]
        settings = methods[0].settings
        stack = Stack(methods) if seeds > 1 else None
        made = plan.work(settings)
        for graph in self.graphs:
            step = stepper(methods, stack, load, graph)
            row = Row(**self.about, dataset=run.dataset, system=run.system, **made._asdict(), seeds=seeds, graph=graph,
                      ms=1e3 * self.seconds(step))  # fmt: skip
            row = replace(row, mb=self.megabytes(), busy=self.busy(step))
            if seeds == 1 and not graph:
                row = replace(row, codes=1e6 * self.seconds_of_codes(methods[0], images, load))
            yield row

    def clear(self) -> None:
        gc.collect()
        if self.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def megabytes(self) -> float | None:
        return torch.cuda.max_memory_allocated() / 2**20 if self.device == "cuda" else None

    def timed(self, do: Callable[[], object], times: int = 1) -> float:
        self.wait()
        began = time.perf_counter()
        for _ in range(times):
            do()
        self.wait()
        return (time.perf_counter() - began) / times

    def seconds(self, step: Callable[[], object]) -> float:
        """Median seconds of a step, in blocks of steps that fill the budget, after those that set up what they need."""
        self.timed(step, WARM_UP + 1)
        block = max(1, round(self.budget / 8 / self.timed(step)))
        end, found = time.perf_counter() + self.budget, list[float]()
        while len(found) < 3 or time.perf_counter() < end:
            found.append(self.timed(step, block))
        return statistics.median(found)

    def busy(self, step: Callable[[], object]) -> float:
        """Share of the time from the first kernel to the last in which one runs; on a processor, an operation."""
        name = self.device.upper()
        with profile(activities=[getattr(ProfilerActivity, name)]) as profiled:
            self.timed(step, PROFILED)
        here = [event for event in profiled.events() if event.device_type == getattr(DeviceType, name)]
        spans = [(event.time_range.start, event.time_range.end) for event in here]
        return covered(spans)

    def seconds_of_codes(self, method: Method, images: Images, load: Load) -> float:
        """Seconds for the codes of one image, in the batches of a training's curve."""
        pool = np.arange(images.n)
        encode_pool(method, images, pool, self.device, load=load)
        return self.timed(lambda: encode_pool(method, images, pool, self.device, load=load)) / images.n

    def core_seconds(self, run: Run, images: Images) -> float:
        """Median seconds of a step on one core, the first not counted unless it takes long."""
        step, found = stepper([self.method(run, 0, "cpu")], None, loader(images, "cpu"), False), list[float]()
        while len(found) <= CORE_STEPS and (not found or found[0] < LONG):
            began = time.perf_counter()
            step()
            found.append(time.perf_counter() - began)
        return statistics.median(found[1:] or found)


def covered(spans: list[tuple[float, float]]) -> float:
    """The share of the time from the first beginning to the last end that spans cover.

    >>> covered([(0, 2), (1, 3), (5, 10)])
    0.8
    """
    if not spans:
        return 0.0
    total, end = 0.0, min(spans)[0]
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total / (end - min(spans)[0])


def stepper(methods: list[Method], stack: Stack | None, load: Load, graph: bool) -> Callable[[], None]:
    """One step of all seeds, with what a training does around it."""
    settings, rng, done = methods[0].settings, np.random.default_rng(0), 0
    logs = [Log(Run("", "", "", "", 0), 1_000_000) for _ in methods]
    streams = [stream for method in methods for stream in method.streams.values()]

    def make(x: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        return stack.step(x) if stack else [methods[0].step(x)]

    graphed = Graphed(make, stack.one_step.method if stack else methods[0], Recorder(streams)) if graph else None

    def step() -> None:
        nonlocal done
        done += 1
        x = load(rng.integers(0, IMAGES, len(methods) * settings["batch"]), settings["image_size"])
        x = x.unflatten(0, (len(methods), -1)) if stack else x
        sums = graphed.step(x) if graphed else [(1, make(x))]
        if graphed and done % settings["log_every"] == 0:
            sums = [*sums, *graphed.take()]
        for steps, rows in sums:
            for log, row in zip(logs, rows, strict=True):
                log.add(done, row, steps)

    return step


def measure(bench: Bench, systems: list[str] | None, stacks: tuple[int, ...]) -> list[Row]:
    """Every row for which there is time: single seeds and the largest stack of all systems first, cores last."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        wanted = [bench.run(data, name) for data, names in SYSTEMS.items() for name in systems or names]
        images = {
            data: plan.noise_images(Path(folder) / data, dataset_row(data).channels, IMAGES)
            for data in {run.dataset: None for run in wanted}
        }
        for sizes in (stacks[:2], *((size,) for size in stacks[2:])):
            for run in wanted:
                for seeds in sizes:
                    if time.monotonic() < bench.ends:
                        found += as_far_as_it_goes(bench, run, seeds, images[run.dataset])
        for number, row in enumerate(found):
            if (row.seeds, row.graph) == (1, False) and time.monotonic() < bench.ends:
                run = bench.run(row.dataset, row.system)
                found[number] = replace(row, core=1e3 * bench.core_seconds(run, images[row.dataset]))
    return found


def as_far_as_it_goes(bench: Bench, run: Run, seeds: int, images: Images) -> list[Row]:
    """The rows of a system and number of seeds; what has no room, or cannot be recorded, is named and left out."""
    found: list[Row] = []
    try:
        found.extend(bench.rows(run, seeds, images))
    except (torch.OutOfMemoryError, ConfigError) as error:
        print(f"{run}, {seeds} seeds: {str(error).splitlines()[0]}", file=sys.stderr)
    return found


# --------------------------------------------------------------------------------------------------------------- tables
def write(rows: list[Row], path: Path) -> None:
    def text(value: Any) -> str:
        if value is None or isinstance(value, bool):
            return "" if value is None else str(value).lower()
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows([text(value) for value in asdict(row).values()] for row in rows)


def read(path: Path) -> list[Row]:
    kinds: dict[Any, Callable[[str], Any]] = {str: str, int: int, bool: "true".__eq__, float: float}
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                **{
                    f.name: kinds.get(f.type, lambda text: float(text) if text else None)(row[f.name])
                    for f in fields(Row)
                }
            )
            for row in csv.DictReader(file)
        ]


def cell(value: float | None, form: str = ".1f") -> str:
    return NOT_MEASURED if value is None else format(value, form)


class Found:
    """The rows of a table, looked up by system, number of seeds and kind of step."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = {(row.dataset, row.system, row.seeds, row.graph): row for row in rows}
        self.systems = list(dict.fromkeys((row.dataset, row.system) for row in rows))
        self.seeds = sorted({row.seeds for row in rows})
        self.most = self.seeds[-1]

    def of(self, place: tuple[str, str], seeds: int, graph: bool, what: str = "ms") -> float | None:
        row = self.rows.get((*place, seeds, graph))
        return None if row is None else getattr(row, what)

    def cheaper(self, place: tuple[str, str], seeds: int, graph: bool) -> float | None:
        """How many times less than one eager seed a seed costs."""
        one, all_of_them = self.of(place, 1, False), self.of(place, seeds, graph)
        return None if one is None or all_of_them is None else one / (all_of_them / seeds)


def table(*columns: str) -> None:
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def line(*cells: object) -> None:
    print(f"| {' | '.join(str(cell) for cell in cells)} |")


def show(rows: list[Row], config: Config, preset: str) -> None:
    """Print GPU.md."""
    found, about = Found(rows), rows[0]
    n = found.most
    tf32 = "on" if about.tf32 else "off"
    print("# Training on a GPU, measured\n\nWritten by `python benchmarks/gpu.py`; do not edit.\n")
    print(f"{about.date}, {about.gpu}, PyTorch {about.torch}, TF32 {tf32}. Settings of the paper, noise for images.")
    print(
        "Milliseconds of wall time for one step of all seeds, medians; a core is one thread of that machine. Eager: the"
    )
    print("step as it is; graph: replayed as a CUDA graph. A dash: not measured.")
    print("\n## A step")
    kinds = [(seeds, graph) for graph in (False, True) for seeds in found.seeds]
    table("data set", "system", "core", *(f"{'graph' if graph else 'eager'} {seeds}" for seeds, graph in kinds))
    for place in found.systems:
        line(*place, cell(found.of(place, 1, False, "core"), ".0f"), *(cell(found.of(place, *kind)) for kind in kinds))
    print("\n## What a seed costs less than a single eager one, the share of time that the device is busy, memory")
    kinds = [(n, False), (1, True), (n, True)]
    names = [f"eager {n}", "graph 1", f"graph {n}"]
    table(
        "data set", "system", *names, *(f"busy, {name}" for name in ("eager 1", *names)), "MB eager 1", f"MB eager {n}"
    )
    for place in found.systems:
        line(
            *place,
            *(cell(found.cheaper(place, *kind)) for kind in kinds),
            *(cell(found.of(place, *kind, "busy"), ".0%") for kind in ((1, False), *kinds)),
            *(cell(found.of(place, seeds, False, "mb"), ".0f") for seeds in (1, n)),
        )
    print("\n## What it comes to\n")
    print("launch: a single eager step over its visits of layers, forward and backward (`plan.launches`); rate: the")
    print(f"operations of {n} eager seeds over their time; hours: of the steps of one training at the paper's length.")
    print("codes: milliseconds for the codes of 1 000 images, which the curve of a training asks for.")
    table(
        "data set",
        "system",
        "steps",
        "launch, µs",
        "TFLOP/s",
        "hours, eager 1",
        *(f"hours, {x}" for x in names),
        "codes",
    )
    for place in found.systems:
        settings = configuration.resolve(config, Run(preset, *place, "main", 0))
        one, all_of_them = found.of(place, 1, False), found.of(place, n, False)
        launch = None if one is None else one * 1e3 / plan.launches(settings)
        rate = None if all_of_them is None else 2 * n * plan.step_multiply_adds(settings) / all_of_them / 1e9
        shares = [(found.of(place, *kind), kind[0]) for kind in ((1, False), *kinds)]
        hours = [None if ms is None else settings["steps"] * ms / seeds / 3.6e6 for ms, seeds in shares]
        codes = found.of(place, 1, False, "codes")
        line(
            *place,
            settings["steps"],
            cell(launch, ".0f"),
            cell(rate, ".2f"),
            *(cell(h, ".2f") for h in hours),
            cell(codes),
        )
    targets(found)


def targets(found: Found) -> None:
    """Whether what was aimed at is reached."""
    n, ours = found.most, [place for place in found.systems if place[0] == "dsprites"]
    gains = [found.cheaper(place, n, True) for place in ours]
    busy = [found.of(place, n, True, "busy") for place in ours]
    print("\n## What was aimed at\n")
    print(
        f"- graph and {n} seeds as one at least 4 times cheaper a seed for every dSprites system; least: {least(gains)}"
    )
    print(f"- the device busy at least 80 % of a training's steps, so trained; least: {least(busy, '.0%')}")
    print(
        "- at most 60 GPU-hours for the paper's protocol: `idgan-sc plan --preset paper --gpus 1 --gpu h200` says them"
    )


def least(values: list[float | None], form: str = ".1f") -> str:
    known = [value for value in values if value is not None]
    return cell(min(known), form) if known and len(known) == len(values) else "not measured"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0, help="after which nothing more is begun (default: 8)")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds for each measurement (default: 1)")
    parser.add_argument("--stacks", type=int, nargs="+", default=STACKS, help="seeds as one, in this order")
    parser.add_argument("--systems", nargs="+", help="only these")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--preset", default="paper", help="whose settings (default: paper)")
    parser.add_argument("--tf32", action="store_true", help="with TF32")
    parser.add_argument("--to", type=Path, default=plan.MEASURED, help="the table that is written, or shown")
    parser.add_argument("--show", action="store_true", help="measure nothing")
    args = parser.parse_args(argv)
    config = configuration.load(ROOT / "config.yaml")
    if not args.show:
        ends = time.monotonic() + 60 * args.minutes
        use_device(config | {"compute": config["compute"] | {"device": args.device, "tf32": args.tf32}})
        bench = Bench(config, args.preset, args.device, args.budget, ends)
        write(measure(bench, args.systems, tuple(args.stacks)), args.to)
    show(read(args.to), config, args.preset)


if __name__ == "__main__":
    main()
