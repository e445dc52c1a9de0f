"""Draw the figures of Table S.

One shows every seed's scores on a further data set. The other shows scores against the strength of a correlation.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from idgan_sc.config import Run, correlated, dataset_row, further, is_gan
from idgan_sc.evaluation.generators.names import GENERATOR_CODE
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import COLOURS, GREY, LIGHT, STYLE, key, mark, place, save, sheet
from idgan_sc.report.further import arms_on, read_on, strength, variant_words
from idgan_sc.report.read import baseline_cells, scored_codes, select
from idgan_sc.report.words import METRIC_LABELS, label, seeds_range

MEAN: dict[str, Any] = {"color": GREY, "linestyle": "", "marker": "|", "markersize": 9, "label": "mean over seeds"}
SEED: dict[str, Any] = {"color": GREY, "linestyle": "", "marker": "o", "markersize": 4}
WORDS = "principal components of the pixels"
COMPONENTS: dict[str, Any] = {"color": GREY, "linewidth": 0.8, "dashes": (1, 2), "label": WORDS}
STRENGTHS = ("factor_vae", "dci", "mig")  # scores that are shown against the strength


def figure_s(results: Results) -> list[Path]:
    """Scores on data sets that the paper does not have.

    A point is a seed, above the pixels' principal components.

    A system that generates has a second row: its generator's own scores.
    """
    data = further(results.config, results.preset)
    points = pd.concat([_points(results, run) for name in data for run in arms_on(results, name)], ignore_index=True)
    if points.empty:
        raise DataError(f"no run of {', '.join(data)} is scored: run `idgan-sc gather`")
    rows = list(dict.fromkeys(zip(points["dataset"], points["arm"], points["code"], strict=True)))
    height = 0.2 * len(rows)
    levels = {name: _components(results, name) for name in data}
    with mpl.rc_context(STYLE):
        fig = sheet(results, height + 0.85)
        for i, (metric, name) in enumerate(METRIC_LABELS.items()):
            ax = place(fig, 2.55 + 0.89 * i, 0.55, 0.78, height)
            for y, row in enumerate(rows):
                _row(
                    ax,
                    y,
                    select(points, dataset=row[0], arm=row[1], code=row[2], metric=metric),
                    levels[row[0]][metric],
                )
            ax.set(title=name, xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), yticks=[])
            ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            ax.spines["left"].set_visible(False)
            for y, row in enumerate(rows if i == 0 else []):
                words = f"{row[1]}{', G' if row[2] == GENERATOR_CODE else ''}" + (
                    f", {row[0]}" if len(data) > 1 else ""
                )
                ax.annotate(words, (0, y), (-4, 0), ("axes fraction", "data"), "offset points", ha="right", va="center")
        key(fig, 0.1, 0.2, [SEED | {"label": "a seed"}, MEAN, COMPONENTS], columns=3)
    caption = [
        f"Scores on {', '.join(dataset_row(name).title for name in data)}: of the codes of real images, and where a "
        "system's name has a G, of the codes that its images were made from against the factors of their nearest true "
        "images. A point is a seed.",
    ]
    return save(fig, results, "figure_s", points, caption, _seeds(points), data)


def figure_strength(results: Results) -> list[Path]:
    """Scores against the strength of a correlation of two factors.

    The factors go together in the training images. What is scored is the full grid.

    A point is a seed; strength 0 draws every image alike.
    """
    runs = correlated(results.config, results.preset)
    data = list(dict.fromkeys(run.dataset for run in runs))
    arms = {run: strength(results.settings(run)) for run in runs if run.seed == results.seeds(run.dataset)[0]}
    parts = [_points(results, run).assign(strength=value) for run, value in arms.items()]
    points = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if points.empty:
        raise DataError(f"no run of {', '.join(data) or results.preset} with correlated factors is scored: score them")
    points = points[points["code"] != GENERATOR_CODE]
    systems = list(dict.fromkeys(points["system"]))
    with mpl.rc_context(STYLE):
        fig = sheet(results, 2.25)
        for i, metric in enumerate(STRENGTHS):
            ax = place(fig, 0.45 + 2.3 * i, 0.65, 1.85, 1.35)
            for system in systems:
                mine = select(points, system=system, metric=metric)
                mean = mine.groupby("strength")["value"].mean()
                ax.plot(mine["strength"], mine["value"], **mark(system) | {"linestyle": ""})
                ax.plot(mean.index, mean, color=COLOURS[system], label=label(system))
            level = np.mean([_components(results, name)[metric] for name in data])
            ax.axhline(float(level), **COMPONENTS)
            ax.set(xlabel="strength of the correlation", title=METRIC_LABELS[metric], ylim=(0, 1))
            ax.set_xticks(sorted(set(points["strength"])))
        key(fig, 0.1, 0.2, [*(mark(system) for system in systems), COMPONENTS], columns=3)
    pairs = {
        " and ".join(pair) for run in runs for pair in results.settings(run).get("correlation", {}).get("pairs", [])
    }
    caption = [
        f"Scores on the full grid against the strength with which {', '.join(sorted(pairs))} go together in the "
        "training images; 0 is not at all. A line joins the means over seeds.",
    ]
    return save(fig, results, "figure_strength", points, caption, _seeds(points), data)


def _points(results: Results, first: Run) -> pd.DataFrame:
    """List a row for each seed and score of an arm.

    The rows are of its headline code, and of its generator if it has one.
    """
    settings = results.settings(first)
    sources = {scored_codes(settings)[0]: "scores.csv"}
    sources |= {GENERATOR_CODE: "generator_scores.csv"} if is_gan(results.config, first) else {}
    found = [
        select(read_on(results, file, first.dataset), system=first.system, variant=first.variant, code=code)
        for code, file in sources.items()
    ]
    words = label(first.system) + variant_words(results, first)
    return pd.concat(found).dropna(subset="value").assign(arm=words)


def _row(ax: Axes, y: int, mine: pd.DataFrame, level: float) -> None:
    """Draw the seeds of one arm and code in one score.

    Their mean and the score of the pixels' components are marked.
    """
    ax.axhline(y, color=LIGHT, linewidth=0.4, zorder=0, label="a row")
    ax.plot([level, level], [y - 0.4, y + 0.4], **COMPONENTS)
    if len(mine):
        colour = COLOURS.get(str(mine["system"].iloc[0]), GREY)
        ax.plot(mine["value"], [y] * len(mine), **SEED | {"color": colour, "label": "a seed"})
        ax.plot(mine["value"].mean(), y, **MEAN)


def _components(results: Results, name: str) -> dict[str, float]:
    """What the most principal components of a data set's pixels score."""
    found = [
        cell for cells in baseline_cells(results.root, name) for cell in cells if cell["system"] == "pixel_components"
    ]
    return {
        metric: next((c["mean"] for c in reversed(found) if c["metric"] == metric), np.nan) for metric in METRIC_LABELS
    }


def _seeds(points: pd.DataFrame) -> str:
    return seeds_range(points.groupby(["dataset", "arm"])["seed"].nunique().tolist())


FIGURES: dict[str, Callable[[Results], list[Path]]] = {"figure_s": figure_s, "figure_strength": figure_strength}
