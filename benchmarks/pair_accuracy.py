"""InfoGAN-CR's pair accuracy before H's step, beside what `log.csv` has: the accuracy after it, on the same pairs.

    python benchmarks/pair_accuracy.py --out results/desk --seeds 1 2 3 4 5 6 7 8 9 --to benchmarks/pair_accuracy.csv

H moves before G (`pair_step: separate`), and the log takes the accuracy from G's step; E moves with G, so that the log
of the contrastive arms has its accuracy before the step. C11 compares the two. This trains the first quarter of stage B
again from finished stages A below `--out`, whose `state.safetensors` must be there, in a folder that is thrown away.
"""

import argparse
import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.models.gan import GAN
from idgan_sc.records.results import Results
from idgan_sc.training.device import use_device
from idgan_sc.training.train import train

FIRST = 0.25  # of stage B, as in C11


class Enough(Exception):
    """The steps that C11 looks at are done."""


class Watch:
    """Notes both accuracies at every step of the GANs that are trained while it is entered."""

    def __init__(self, steps: int) -> None:
        self.steps, self.before, self.after = steps, [], []  # type: int, list[float], list[float]

    def __enter__(self) -> "Watch":
        self.own = GAN.step, GAN.pair_network_step
        step, pair_network_step = self.own

        def watched(method: GAN, x: Tensor) -> dict[str, Tensor]:
            log = step(method, x)
            self.after.append(float(log["pair_accuracy"]))
            if len(self.after) == self.steps:
                raise Enough
            return log

        def watched_pair(method: GAN, images: tuple[Tensor, Tensor], s: Tensor) -> dict[str, Tensor]:
            with torch.no_grad():
                log = method.pair_loss(method.networks["pair"](*images), s)[1]
            self.before.append(float(log["pair_accuracy"]))
            return pair_network_step(method, images, s)

        GAN.step, GAN.pair_network_step = watched, watched_pair  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        GAN.step, GAN.pair_network_step = self.own  # type: ignore[method-assign]


def measure(config: configuration.Config, run: Run, out: Path) -> dict[str, object]:
    """Both accuracies, chance taken off, means over the logged steps in the first quarter of one run's stage B."""
    settings = configuration.resolve(config, run)
    steps = int(FIRST * settings["steps"]) // settings["log_every"] * settings["log_every"]
    start = configuration.predecessors(config, run)["start"]
    with tempfile.TemporaryDirectory() as folder, Watch(steps) as seen, contextlib.suppress(Enough):
        root = Path(folder)
        (root / "data").symlink_to((out / "data").absolute())
        train(Results(config, run.preset, root).job(run), {"start": out / start.path})
    k = settings["c_dim"]
    logged, before = ((np.mean(found) - 1 / k) / (1 - 1 / k) for found in (seen.after, seen.before))
    about = {"system": run.system, "variant": run.variant, "seed": run.seed, "k": k, "steps": steps}
    return about | {"logged": logged, "before": before, "difference": logged - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="desk")
    parser.add_argument("--out", type=Path, default=Path("results/desk"), help="the preset's results")
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--to", type=Path, required=True, help="the table to write")
    args = parser.parse_args()
    config = configuration.load("config.yaml")
    use_device(config)
    runs = [Run(args.preset, "dsprites", "infogan_cr", v, seed) for v in ("main", "c10") for seed in args.seeds]
    table = pd.DataFrame(measure(config, run, args.out) for run in runs)
    table.to_csv(args.to, index=False, float_format="%.4f")
    print(table.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
