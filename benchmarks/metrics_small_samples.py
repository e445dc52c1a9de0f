"""Bias and SD of each score with few points, on known codes: `python benchmarks/metrics_small_samples.py`.

Five factors of 3, 6, 40, 32 and 32 values, uniform; ten codes: each factor with a third of the next and some noise,
and five of noise. For 100 to 10 000 points, 20 draws each, the bias is the mean over draws less the score of 100 000
points. Writes `metrics_small_samples.csv` beside this file, the table in `idgan_sc.metrics.small_samples` that `score`
warns from, and `docs/metrics/small_samples.svg` and `.md`. Takes minutes on one core.
"""

import csv
import re
import warnings
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from idgan_sc.metrics import METRICS, MORE_METRICS, score

COUNTS = (3, 6, 40, 32, 32)
SIZES, DRAWS, LIMIT = (100, 300, 1000, 3000, 10_000), 20, 100_000
SLOW = {"dci", "dci_completeness", "dci_rf", "dci_es", "explicitness", "infoe"}  # their limit is 10 000 points
ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks/metrics_small_samples.csv"
MODULE = ROOT / "src/idgan_sc/metrics/small_samples.py"
PAGE = ROOT / "docs/metrics/small_samples.md"
Measured = dict[str, dict[int, tuple[float, float]]]


def known(points: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Codes (points, 10) and factors (points, 5)."""
    factors = rng.integers(0, COUNTS, size=(points, len(COUNTS)))
    unit = (factors - (np.array(COUNTS) - 1) / 2) / np.sqrt((np.array(COUNTS) ** 2 - 1) / 12)
    mixed = unit + 0.35 * np.roll(unit, 1, axis=1) + 0.1 * rng.normal(size=unit.shape)
    return np.hstack([mixed, rng.normal(size=unit.shape)]), factors


def scores(points: int, draw: int, names: list[str]) -> dict[str, float]:
    rng = np.random.default_rng([points, draw])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        codes, factors = known(points, rng)
        found = score(codes, factors, rng=rng, categories=[0], depths=(4, 2, 4, 2, 2), metrics=names)
    return found.values


def measured() -> Measured:
    """Bias and SD by metric and number of points."""
    names = [*METRICS, *MORE_METRICS]
    truth = scores(LIMIT, 0, [name for name in names if name not in SLOW])
    truth |= scores(SIZES[-1], 1000, [name for name in names if name in SLOW])
    table: Measured = {name: {} for name in names}
    for points in SIZES:
        found = [scores(points, draw, names) for draw in range(DRAWS if points < SIZES[-1] else 4)]
        for name in names:
            values = [one[name] for one in found if name in one]
            if len(values) > 1 and name in truth:
                table[name][points] = (float(np.mean(values) - truth[name]), float(np.std(values, ddof=1)))
        print(points, flush=True)
    return table


def write(table: Measured) -> None:
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["metric", "points", "bias", "sd"])
        writer.writerows(
            [name, n, f"{bias:.3f}", f"{sd:.3f}"] for name, row in table.items() for n, (bias, sd) in row.items()
        )
    lines = [
        f'    "{name}": {{' + ", ".join(f"{n}: ({bias:.3f}, {sd:.3f})" for n, (bias, sd) in row.items()) + "},"
        for name, row in table.items()
    ]
    body = "MEASURED: dict[str, dict[int, tuple[float, float]]] = {  # metric -> points -> (bias, SD)\n"
    found = body + "\n".join(lines) + "\n}\n"
    MODULE.write_text(re.sub(r"MEASURED: .*?\}[^\n]*\n(?=WORTH)", lambda _: found, MODULE.read_text(), flags=re.S))


def page(table: Measured) -> None:
    """The table in words, under its figure."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    heading = "| score | " + " | ".join(f"{n:,}".replace(",", " ") for n in SIZES) + " |"
    rows = [
        f"| {name} | " + " | ".join(f"{row[n][0]:+.2f} ± {row[n][1]:.2f}" if n in row else "–" for n in SIZES) + " |"
        for name, row in table.items()
    ]
    PAGE.write_text(
        "# How many points a score needs\n\n"
        "Written by `python benchmarks/metrics_small_samples.py`; do not edit. Bias ± SD over draws of a score with\n"
        "so many points, on codes whose score with 100 000 points is known (10 000 for forests and explicitness):\n"
        "five factors of 3, 6, 40, 32 and 32 values, codes that mix neighbours a little, and five codes of noise.\n"
        "Fewer values need fewer points. – means that the points are too few to compute it. `score` warns where\n"
        "bias or SD exceeds .05.\n\n![bias against points](small_samples.svg)\n\n"
        + "\n".join([heading, "|---|" + "---|" * len(SIZES), *rows])
        + "\n"
    )


def figure(table: Measured) -> None:
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(7, 4.5), layout="constrained")
    axes = drawing.subplots()
    for name, row in table.items():
        if max(abs(bias) for bias, _ in row.values()) >= 0.05:
            axes.errorbar(list(row), [bias for bias, _ in row.values()], [sd for _, sd in row.values()], label=name)
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set_xscale("log")
    axes.set_xlabel("points")
    axes.set_ylabel("bias of the score, bars: SD over draws")
    drawing.legend(loc="outside right upper", fontsize=8)
    drawing.savefig(PAGE.with_suffix(".svg"), metadata={"Date": None})


def main() -> None:
    with threadpool_limits(1):
        table = measured()
    write(table)
    page(table)
    figure(table)


if __name__ == "__main__":
    main()
