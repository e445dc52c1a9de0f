"""Say where arms lie, what the second protocol compares, and how many seeds it needs.

`second_protocol` in config.yaml lists them. All is read off a preset's seeds.
"""

from collections import Counter
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import DATASET, Run, dataset_row
from idgan_sc.config.claims import Arm, Check, Contrast, contrasts
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import statistics
from idgan_sc.report.comparisons import Gathered, last_third
from idgan_sc.report.further import arms_on, variant_words
from idgan_sc.report.render import Page, write_page
from idgan_sc.report.tables import label_with_weight
from idgan_sc.report.words import DASH, METRIC_LABELS, notes, places

DIFFERENCES = (0.10, 0.05, 0.02)  # true ones that seeds are counted for
FOR_SPREAD = 2  # seeds that have an SD, however rough
SEEDS = 20  # the least that the second protocol has


def differences(gathered: Gathered, contrast: Contrast, data: str = DATASET, metric: str | None = None) -> pd.Series:
    """Return a contrast by seed, of the seeds that have all its arms.

    It is of the protocol's quantity, or of a metric of Table 3.
    """
    quantity = "score" if metric else gathered.results.config["second_protocol"]["quantity"]
    sides = [
        reduce(pd.Series.add, [gathered.values(data, _check(arm, quantity, metric), arm) for arm in arms]) / len(arms)
        for arms in (contrast.arms, contrast.others)
    ]
    return (sides[0] - sides[1]).dropna()


def _check(arm: Arm, quantity: str, metric: str | None = None) -> Check:
    return Check("", "difference", quantity, arm, None, metric, {})


# ----------------------------------------------------------------------------------------------- where the arms lie
def levels(results: Results) -> list[Path]:
    """Write Table L: the score of each arm over the last third, by seed.

    From it α is chosen on pilot seeds. An arm without a curve has no row.

    Raises
    ------
    DataError
        If `curves.csv` is not what `idgan-sc gather` writes, or no arm has a curve.
    """
    gathered = Gathered(results)
    arms = [run for data in results.datasets for run in arms_on(results, data)]
    curves = {run: gathered.values(run.dataset, _check(arm, "curve"), arm) for run in arms for arm in [_arm(run)]}
    rows = [_level(results, run, curve) for run, curve in curves.items() if curve.size]
    if not rows:
        raise DataError(f"no arm of preset {results.preset} has a curve below {results.root}")
    page = Page(
        "Table L",
        "Where the arms lie over the last third of their training.",
        ["Data", "Arm", "n", "First", "Last third", "By seed", "End", "One seed"],
        r"l>{\raggedright}p{0.34\textwidth}rrrrrr",
        [_level_cells(row) for row in rows],
        [
            "Last third: the mean FactorVAE score over the last third of the training, mean over n seeds and its SD. "
            "By seed: the same, in the order of the seeds. First and End: before the first step and after the last.",
            "One seed: the SD of one seed's score over the points of that third, mean over seeds.",
            *notes(results, list(dict.fromkeys(row["dataset"] for row in rows))),
        ],
    )
    return write_page(results, "levels", pd.DataFrame(rows), page, results.datasets)


def _arm(run: Run) -> Arm:
    return Arm(run.system, run.variant)


def _level(results: Results, run: Run, curve: pd.DataFrame) -> dict[str, Any]:
    last = last_third(curve)
    level = last.mean(axis="columns")
    return {
        "dataset": run.dataset,
        "system": run.system,
        "variant": run.variant,
        "arm": label_with_weight(run.system, results.settings(run)) + variant_words(results, run),
        "n": len(curve),
        "first": curve.iloc[:, 0].mean(),
        "level": level.mean(),
        "sd": level.std(ddof=1),
        "by_seed": _by_seed(level),
        "end": curve.iloc[:, -1].mean(),
        "one_seed": last.std(axis="columns").mean(),
    }


def _by_seed(values: pd.Series) -> str:
    return " ".join(f"{value:.4f}" for value in values)


def _level_cells(row: dict[str, Any]) -> list[str]:
    return [
        dataset_row(row["dataset"]).title,
        row["arm"],
        str(row["n"]),
        places(row["first"], 3),
        _with_spread(row["level"], row),
        _seeds_in_places(row["by_seed"]),
        places(row["end"], 3),
        places(row["one_seed"], 3),
    ]


def _with_spread(value: float, row: dict[str, Any]) -> str:
    return places(value, 3) + ("" if row["n"] == 1 else f" ± {places(row['sd'], 3)}")


def _seeds_in_places(by_seed: str) -> str:
    return ", ".join(places(float(value), 3) for value in by_seed.split())


# ---------------------------------------------------------------------------------------------- what they show so far
def effects(results: Results) -> list[Path]:
    """Write Table Q: what each comparison shows on a preset's seeds, by data set.

    A comparison whose arms the preset does not run has no row.

    Raises
    ------
    DataError
        If `curves.csv` or `scores.csv` is not what `idgan-sc gather` writes, or no comparison has a seed.
    """
    gathered = Gathered(results)
    rows = [
        _effect(gathered, contrast, data)
        for data, contrast in contrasts_run(results)
        if len(differences(gathered, contrast, data))
    ]
    if not rows:
        raise DataError(f"no comparison of the second protocol has a seed below {results.root}")
    page = Page(
        "Table Q",
        "What the comparisons of the second protocol show here. Nothing is registered or judged.",
        ["Data", "Comparison", "n", "Last third", "By seed", "One arm", *METRIC_LABELS.values()],
        r"l>{\raggedright}p{0.24\textwidth}rr>{\raggedright}p{0.14\textwidth}r" + "r" * len(METRIC_LABELS),
        [_effect_cells(row) for row in rows],
        [
            "Last third: the difference in the mean FactorVAE score over the last third of stage B, mean over n seeds "
            "and its SD. By seed: the same, in the order of the seeds.",
            "One arm: the SD of a single arm's score over the points of that third, mean over seeds and arms. Arms "
            "part where every seed's difference is larger, and of one sign.",
            f"{', '.join(METRIC_LABELS.values())}: the difference in Table 3's scores at the end.",
            *notes(results, list(dict.fromkeys(row["dataset"] for row in rows))),
        ],
    )
    return write_page(results, "effects", pd.DataFrame(rows), page, results.datasets)


def contrasts_run(results: Results) -> list[tuple[str, Contrast]]:
    """The comparisons whose arms a preset runs, each with its data set."""
    there = {(run.dataset, run.system, run.variant) for run in results.planned}
    return [
        (data, contrast)
        for data in results.datasets
        for contrast in contrasts(results.config)
        if all((data, arm.system, arm.variant) in there for arm in (*contrast.arms, *contrast.others))
    ]


def _effect(gathered: Gathered, contrast: Contrast, data: str) -> dict[str, Any]:
    found = differences(gathered, contrast, data)
    curves = [gathered.values(data, _check(arm, "curve"), arm) for arm in (*contrast.arms, *contrast.others)]
    ends = {metric: differences(gathered, contrast, data, metric) for metric in METRIC_LABELS}
    return {
        "dataset": data,
        "family": contrast.family,
        "comparison": contrast_words(gathered.results, contrast, data),
        "n": len(found),
        "difference": found.mean(),
        "sd": found.std(ddof=1),
        "by_seed": _by_seed(found),
        "one_arm": float(np.mean([last_third(curve).loc[found.index].std(axis="columns") for curve in curves])),
        **{metric: one.mean() for metric, one in ends.items()},
    }


def _effect_cells(row: dict[str, Any]) -> list[str]:
    return [
        dataset_row(row["dataset"]).title,
        row["comparison"],
        str(row["n"]),
        _with_spread(row["difference"], row),
        _seeds_in_places(row["by_seed"]),
        places(row["one_arm"], 3),
        *(DASH if row[metric] != row[metric] else places(row[metric]) for metric in METRIC_LABELS),
    ]


# ---------------------------------------------------------------------------------------------- the seeds they need


def power(results: Results) -> list[Path]:
    """Write Table N: the seeds that each comparison needs.

    They follow from what its difference varies by on the preset's seeds. A comparison whose arms the preset does
    not run has no row.

    Raises
    ------
    DataError
        If `curves.csv` is not what `idgan-sc gather` writes, or no comparison has seeds enough for an SD.
    """
    gathered = Gathered(results)
    measured = {(data, one): differences(gathered, one, data) for data, one in contrasts_run(results)}
    tests = Counter(contrast.family for contrast in contrasts(results.config))
    rows = [
        _row(results, data, contrast, found.to_numpy(float), tests[contrast.family])
        for (data, contrast), found in measured.items()
        if len(found) >= FOR_SPREAD
    ]
    if not rows:
        raise DataError(f"no comparison of the second protocol has {FOR_SPREAD} seeds below {results.root}")
    judging, margin = results.config["judging"], results.config["second_protocol"]["margin"]
    needed = [f"For {size:.2f}" for size in DIFFERENCES]
    page = Page(
        "Table N",
        "Seeds that the comparisons of the second protocol need.",
        ["Data", "Family", "Comparison", "n", "SD", *needed, "For none", f"By {SEEDS}"],
        r"ll>{\raggedright}p{0.26\textwidth}rrrrrrr",
        [_cells(row) for row in rows],
        [
            "SD: of the difference by seed, over n seeds of this preset, in the mean FactorVAE score over the last "
            "third of stage B.",
            f"For {DIFFERENCES[0]:.2f}: the paired seeds that find a true difference of that size with a probability "
            f"of {judging['power']:.0%}. For none: those that show a difference of 0 to lie within ± {margin:g}. "
            f"{DASH}: more than {statistics.MOST_PAIRS}.",
            f"By {SEEDS}: the true difference that {SEEDS} seeds find with that probability.",
            f"Each at the level of Holm's first step, {judging['alpha']:g} by the number of the family's comparisons.",
            *notes(results, list(dict.fromkeys(row["dataset"] for row in rows))),
        ],
    )
    return write_page(results, "power", pd.DataFrame(rows), page, results.datasets)


def _row(results: Results, data: str, contrast: Contrast, found: np.ndarray, tests: int) -> dict[str, Any]:
    """Count the seeds of one comparison, in a family of so many tests."""
    judging, margin = results.config["judging"], results.config["second_protocol"]["margin"]
    sd, alpha = float(found.std(ddof=1)), judging["alpha"] / tests
    asked = {f"seeds_{size:.2f}": (size, "above") for size in DIFFERENCES} | {"seeds_none": (0.0, "within")}
    needed = {
        name: statistics.pairs_needed(difference, sd, said, margin, alpha, judging["power"])
        for name, (difference, said) in asked.items()
    }
    return {
        "dataset": data,
        "family": contrast.family,
        "comparison": contrast_words(results, contrast, data),
        "n": len(found),
        "sd": sd,
        **needed,
        "found": statistics.difference_found(sd, SEEDS, alpha, judging["power"]),
    }


def contrast_words(results: Results, contrast: Contrast, data: str) -> str:
    """A comparison in words: its own, or the names of its two arms."""
    sides = [results.run(data, arm.system, arm.variant) for arm in (*contrast.arms, *contrast.others)]
    return contrast.what or " − ".join(label_with_weight(run.system, results.settings(run)) for run in sides)


def _cells(row: dict[str, Any]) -> list[str]:
    needed = [DASH if value is None else str(value) for name, value in row.items() if name.startswith("seeds_")]
    cells = dataset_row(row["dataset"]).title, row["family"], row["comparison"], str(row["n"]), places(row["sd"], 3)
    return [*cells, *needed, places(row["found"], 3)]


TABLES: dict[str, Callable[[Results], list[Path]]] = {"levels": levels, "effects": effects, "power": power}
