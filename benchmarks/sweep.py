"""What of a sweep's core-hours goes into what follows the trainings: codes, scores, matching, leakage, traversals.

    python benchmarks/sweep.py --preset desk --work FOLDER --to benchmarks/sweep.csv

Trainings cost what the published records say. Everything else depends on the sizes of the evaluation and not on how
long a run was trained: it is timed here, in CPU seconds, on the first seed of each arm, trained for two steps, and
counted for all runs of the preset. Along the curve of a training one draw is timed and counted for all points and
draws. FOLDER is made; what it holds already is not made again.
"""

import argparse
import copy
import importlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run, with_predecessors
from idgan_sc.data.images import open_images
from idgan_sc.evaluation.score import read_codes
from idgan_sc.evaluation.scorer import scorer
from idgan_sc.records.results import Job, Results
from idgan_sc.training.prepare import ensure_images
from idgan_sc.training.train import train

ROOT = Path(__file__).parents[1]
PARTS = {  # what a job of the workflow calls, with the run that it is of
    "codes": "training.encode:encode",
    "scores": "evaluation.score:score",
    "matching": "evaluation.generators.scores:match",
    "reading": "evaluation.generators.scores_by_reader:read_generator",
    "leakage": "evaluation.generators.leakage:leakage",
    "traversals": "evaluation.generators.traverse:traverse",
}
OF_DATA = {  # likewise, of a data set
    "probes": "evaluation.generators.factor_reader:probe",
    "baselines": "evaluation.generators.baselines:baseline",
}
STEPS = {"steps": 2, "curve_points": 2}


def shortened(config: Config, preset: str) -> Config:
    """A configuration whose trainings end after two steps."""
    short = copy.deepcopy(config)
    short["compute"]["device"] = "cpu"
    for dataset in configuration.datasets_of(config, preset):
        here = short["presets"][preset].setdefault("datasets", {}).setdefault(dataset, {})
        here["systems"] = {name: here.get("systems", {}).get(name, {}) | STEPS for name in config["systems"]}
    return short


def wanted(config: Config, preset: str) -> dict[str, list[Run]]:
    """The runs of a preset that each part is made of."""
    planned = configuration.planned_runs(config, preset)
    scored = [run for run in planned if configuration.scored(config, run.dataset)]
    return {
        "codes": scored,
        "scores": scored,
        "matching": configuration.generators_by_matching(config, preset),
        "reading": configuration.generators_by_reader(config, preset),
        "leakage": configuration.runs_with_leakage(config, preset),
        "traversals": configuration.shown_generators(config, preset),
    }


def cpu_seconds(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def kind(run: Run) -> tuple[str, str]:
    return run.dataset, run.system


def curve_seconds(job: Job, full: dict[str, Any]) -> float:
    """CPU seconds of the curve's scores beyond those of the two points that a short training has."""
    images = open_images(job.results.images(job.run.dataset))
    codes, indices = read_codes(job.folder, images)
    by, array = scorer(job, images, indices), next(iter(codes.values()))
    one = cpu_seconds(lambda: by.scores(array, 0, ["factor_vae"]))
    return (full["curve_points"] - STEPS["curve_points"]) * len(by.draws) * one


def called(name: str, *given: Any) -> float:
    """CPU seconds of a function that PARTS names."""
    module, _, function = name.partition(":")
    do = getattr(importlib.import_module(f"idgan_sc.{module}"), function)
    return cpu_seconds(lambda: do(*given))


def timed(results: Results, full: Config, part: str, run: Run) -> float:
    """CPU seconds of one part of one run."""
    job = results.job(run)
    took = called(PARTS[part], job)
    return took + (curve_seconds(job, configuration.resolve(full, run)) if part == "scores" else 0)


def measure(config: Config, preset: str, root: Path) -> Iterator[dict[str, Any]]:
    """A row for each part, data set and system: runs, CPU seconds of one, core-hours of all."""
    results = Results(shortened(config, preset), preset, root)
    for dataset in results.datasets:
        ensure_images(results, dataset)
    first: dict[tuple[str, str], Run] = {}
    for run in with_predecessors(config, results.planned):
        first.setdefault(kind(run), run)
    for run in first.values():
        train(results.job(run))
    for part, names in (
        ("probes", configuration.LABELLED),
        ("baselines", configuration.datasets_with_baseline(config, preset)),
    ):
        for dataset in [name for name in results.datasets if name in names]:
            yield row(part, dataset, "", 1, called(OF_DATA[part], results, dataset))
    for part, runs in wanted(config, preset).items():
        for place in dict.fromkeys(map(kind, runs)):
            took, count = timed(results, config, part, first[place]), sum(kind(run) == place for run in runs)
            yield row(part, *place, count, took)


def row(part: str, dataset: str, system: str, runs: int, seconds: float) -> dict[str, Any]:
    return {
        "part": part, "dataset": dataset, "system": system, "runs": runs, "seconds": round(seconds, 2),
        "core_hours": round(runs * seconds / 3600, 3),
    }  # fmt: skip


def trainings(config: Config, preset: str, root: Path) -> Iterator[dict[str, Any]]:
    """The same of the trainings, by their published records."""
    seconds: dict[tuple[str, str], list[float]] = {}
    published = Results(config, preset, root)
    for run in with_predecessors(config, published.planned):
        record = json.loads((root / "published" / run.path / "record.json").read_text(encoding="utf-8"))
        seconds.setdefault(kind(run), []).append(record["seconds"] * record["threads"])
    for place, took in seconds.items():
        yield row("trainings", *place, len(took), sum(took) / len(took))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="desk")
    parser.add_argument("--work", type=Path, required=True, help="folder to work in")
    parser.add_argument("--to", type=Path, required=True, help="the table to write")
    args = parser.parse_args()
    config = configuration.load(ROOT / "config.yaml")
    rows = [*trainings(config, args.preset, ROOT / "results" / args.preset)]
    for found in measure(config, args.preset, args.work):
        print(*found.values(), flush=True)
        rows.append(found)
    table = pd.DataFrame(rows)
    table["share"] = (table["core_hours"] / table["core_hours"].sum()).round(4)
    table.to_csv(args.to, index=False)
    parts = table.groupby("part", sort=False)[["core_hours", "share"]].sum()
    print(parts.sort_values("core_hours", ascending=False).to_string())


if __name__ == "__main__":
    main()
