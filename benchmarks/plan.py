"""Compare what `idgan-sc plan` expects of trainings with what they take, in CPU seconds of this machine.

`python benchmarks/plan.py` calibrates, trains every system of the `quick` preset once below a temporary folder
(minutes) and prints expected and measured CPU seconds and their ratio. Wall time would measure who else works on the
machine.
"""

import tempfile
import time
from pathlib import Path

from idgan_sc import config as configuration
from idgan_sc.config import Run, with_predecessors
from idgan_sc.records.results import Results
from idgan_sc.training import plan
from idgan_sc.training.prepare import ensure_images
from idgan_sc.training.train import train


def main(preset: str = "quick") -> None:
    config = configuration.load("config.yaml")
    config["compute"]["device"] = "cpu"
    speed = plan.calibrate(Results(config, preset, Path()))
    with tempfile.TemporaryDirectory() as folder:
        ensure_images(Results(config, preset, Path(folder)), "dsprites")
        wanted = configuration.runs_on(config, preset, "dsprites")
        for run in with_predecessors(config, [run for run in wanted if run.seed == wanted[0].seed]):
            print(line(run, plan.training_seconds(config, run, speed), took(config, run, Path(folder))), flush=True)


def took(config: configuration.Config, run: Run, root: Path) -> float:
    began = time.process_time()
    train(Results(config, run.preset, root).job(run))
    return time.process_time() - began


def line(run: Run, expected: float, measured: float) -> str:
    return f"{run!s:40} expected {expected:6.1f} s, measured {measured:6.1f} s, ratio {expected / measured:.2f}"


if __name__ == "__main__":
    main()
