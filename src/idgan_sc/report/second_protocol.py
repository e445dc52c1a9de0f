"""Say how many seeds the comparisons of the second protocol need.

`second_protocol` in config.yaml lists them. What their differences vary by is measured on a preset's seeds.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import DATASET
from idgan_sc.config.claims import Arm, Check, Contrast, contrasts
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import statistics
from idgan_sc.report.comparisons import Gathered
from idgan_sc.report.render import Page, write_page
from idgan_sc.report.tables import label_with_weight
from idgan_sc.report.words import DASH, notes, places

DIFFERENCES = (0.10, 0.05, 0.02)  # true ones that seeds are counted for
SEEDS = 20  # the least that the second protocol has


def differences(gathered: Gathered, contrast: Contrast) -> pd.Series:
    """Return a contrast by seed, of the seeds that have all its arms."""
    sides = [_mean(gathered, arms) for arms in (contrast.arms, contrast.others)]
    return (sides[0] - sides[1]).dropna()


def _mean(gathered: Gathered, arms: Iterable[Arm]) -> pd.Series:
    quantity = gathered.results.config["second_protocol"]["quantity"]
    values = [gathered.values(DATASET, Check("", "difference", quantity, arm, None, None, {}), arm) for arm in arms]
    return reduce(pd.Series.add, values) / len(values)


def power(results: Results) -> list[Path]:
    """Write Table P: the seeds that each comparison needs.

    They follow from what its difference varies by on the preset's seeds. A comparison whose arms the preset does
    not run has no row.

    Raises
    ------
    DataError
        If `curves.csv` is not what `idgan-sc gather` writes, or no comparison has seeds enough for an SD.
    """
    gathered, planned = Gathered(results), contrasts(results.config)
    measured = {contrast: differences(gathered, contrast) for contrast in planned}
    tests = Counter(contrast.family for contrast in planned)
    rows = [
        _row(results, contrast, found.to_numpy(float), tests[contrast.family])
        for contrast, found in measured.items()
        if len(found) >= statistics.MIN_N
    ]
    if not rows:
        raise DataError(f"no comparison of the second protocol has {statistics.MIN_N} seeds below {results.root}")
    judging, margin = results.config["judging"], results.config["second_protocol"]["margin"]
    page = Page(
        "Table P",
        "Seeds that the comparisons of the second protocol need.",
        ["Family", "Comparison", "n", "SD", *(f"For {size:.2f}" for size in DIFFERENCES), "For none", f"By {SEEDS}"],
        r"l>{\raggedright}p{0.3\textwidth}rrrrrrr",
        [_cells(row) for row in rows],
        [
            "SD: of the difference by seed, over n seeds of this preset, in the mean FactorVAE score over the last "
            "third of stage B.",
            f"For {DIFFERENCES[0]:.2f}: the paired seeds that find a true difference of that size with a probability "
            f"of {judging['power']:.0%}. For none: those that show a difference of 0 to lie within ± {margin:g}. "
            f"{DASH}: more than {statistics.MOST_PAIRS}.",
            f"By {SEEDS}: the true difference that {SEEDS} seeds find with that probability.",
            f"Each at the level of Holm's first step, {judging['alpha']:g} by the number of the family's comparisons.",
            *notes(results, [DATASET]),
        ],
    )
    return write_page(results, "power", pd.DataFrame(rows), page)


def _row(results: Results, contrast: Contrast, found: np.ndarray, tests: int) -> dict[str, Any]:
    """Count the seeds of one comparison, in a family of so many tests."""
    judging, margin = results.config["judging"], results.config["second_protocol"]["margin"]
    sd, alpha = float(found.std(ddof=1)), judging["alpha"] / tests
    asked = {f"seeds_{size:.2f}": (size, "above") for size in DIFFERENCES} | {"seeds_none": (0.0, "within")}
    needed = {
        name: statistics.pairs_needed(difference, sd, said, margin, alpha, judging["power"])
        for name, (difference, said) in asked.items()
    }
    return {
        "family": contrast.family,
        "comparison": contrast.what or " − ".join(_label(results, *side) for side in (contrast.arms, contrast.others)),
        "n": len(found),
        "sd": sd,
        **needed,
        "found": statistics.difference_found(sd, SEEDS, alpha, judging["power"]),
    }


def _label(results: Results, arm: Arm) -> str:
    return label_with_weight(arm.system, results.settings(results.run(DATASET, arm.system, arm.variant)))


def _cells(row: dict[str, Any]) -> list[str]:
    needed = [DASH if value is None else str(value) for name, value in row.items() if name.startswith("seeds_")]
    return [row["family"], row["comparison"], str(row["n"]), places(row["sd"], 3), *needed, places(row["found"], 3)]


TABLES: dict[str, Callable[[Results], list[Path]]] = {"power": power}
