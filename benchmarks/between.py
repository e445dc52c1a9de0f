"""Whether a training step became slower from one commit to another: both sources in turn, one thread, on one core.

    git worktree add ../before COMMIT && python benchmarks/between.py ../before [--systems infogan ...] [--pairs 6]

Each source runs in a process of its own and takes BLOCK steps when asked. The two are asked in turn, and the one that
begins changes from round to round. Of each round the ratio after/before of CPU seconds is taken. A process may be a
little slower for its whole life, so the pair of processes is started afresh several times. The table gives the median
ratio and its 95 % bootstrap interval, which draws pairs. Below 1 the step became faster.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc")
BLOCK = 5  # steps timed at once
# Run by both sources, so only with names that both have.
CHILD = """
import json, sys, time, torch
from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.models import build
try:
    from idgan_sc.training.device import use_device
except ImportError:
    from idgan_sc.train import use_device
system, size, block, path = json.loads(sys.argv[1])
config = configuration.load(path)
use_device({"compute": config["compute"] | {"device": "cpu", "threads": 1}})
def make(name):
    settings = configuration.resolve(config, Run("desk", "dsprites", name, "main", 0)) | {"image_size": size}
    vae = make("beta_vae")[0] if settings.get("code") == "vae" else None
    return build(settings, 1, 0, "benchmark", "cpu", vae), settings
method, settings = make(system)
generator = torch.Generator().manual_seed(0)
x = torch.rand(settings["batch"], 1, size, size, generator=generator).contiguous(memory_format=torch.channels_last)
for _ in range(block):
    method.step(x)
print("ready", flush=True)
for _ in sys.stdin:
    began = time.process_time()
    for _ in range(block):
        method.step(x)
    print(time.process_time() - began, flush=True)
"""


def start(checkout: Path, system: str, size: int) -> subprocess.Popen[str]:
    """Start a process that times steps of a checkout's source."""
    arguments = json.dumps([system, size, BLOCK, str(checkout / "config.yaml")])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PYTHONPATH": str(checkout / "src"), "PATH": "/usr/bin:/bin"}, cwd=checkout,
    )  # fmt: skip
    assert child.stdout and child.stdout.readline() == "ready\n", f"{checkout}: {system} does not start"
    return child


def seconds(child: subprocess.Popen[str]) -> float:
    """Time a block of steps."""
    assert child.stdin and child.stdout
    print("go", file=child.stdin, flush=True)
    return float(child.stdout.readline())


def ratios(before: Path, system: str, size: int, rounds: int) -> np.ndarray:
    """Measure after/before of CPU seconds, one a round, of one pair of processes."""
    children = [start(before, system, size), start(ROOT, system, size)]
    found = np.empty((rounds, 2))
    for i in range(rounds):
        for which in (0, 1) if i % 2 else (1, 0):
            found[i, which] = seconds(children[which])
    for child in children:
        child.terminate()
        child.communicate()
    return found[:, 1] / found[:, 0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="checkout of the older commit")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--size", type=int, default=32, choices=[32, 64])
    parser.add_argument("--pairs", type=int, default=6, help="pairs of processes")
    parser.add_argument("--rounds", type=int, default=8, help="timed rounds of each pair")
    args = parser.parse_args()
    print("| system | pairs × rounds | after/before | 95 % interval |\n|---|---|---|---|")
    rng = np.random.default_rng(0)
    for system in args.systems:
        found = np.stack([ratios(args.before.resolve(), system, args.size, args.rounds) for _ in range(args.pairs)])
        draws = np.median(found[rng.integers(0, args.pairs, (2000, args.pairs))], axis=(1, 2))
        low, high = np.quantile(draws, [0.025, 0.975])
        size = f"{args.pairs} × {args.rounds}"
        print(f"| {system} | {size} | {np.median(found):.3f} | {low:.3f} to {high:.3f} |", flush=True)


if __name__ == "__main__":
    main()
