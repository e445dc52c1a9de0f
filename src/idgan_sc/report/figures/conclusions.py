"""Draw what the comparisons of the second protocol conclude."""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from idgan_sc.records.results import Results
from idgan_sc.report.comparisons import Gathered
from idgan_sc.report.conclusions import conclude, conclusion_words
from idgan_sc.report.figures.canvas import FRAME, GREY, LIGHT, STYLE, TEXT, key, place, save, sheet
from idgan_sc.report.second_protocol import contrasts_run, differences
from idgan_sc.report.statistics import LEVEL
from idgan_sc.report.words import seeds_range

LEFT, WIDTH, ROW, FOOT = 2.75, 2.4, 0.3, 0.95  # inches: of the axes, and the height of a row
SEED: dict[str, Any] = {"color": GREY, "linestyle": "", "marker": "o", "markersize": 2, "alpha": 0.5, "label": "a seed"}
MEAN: dict[str, Any] = {"color": "black", "linestyle": "", "marker": "o", "markersize": 4, "label": "mean over seeds"}
INTERVAL: dict[str, Any] = {"color": "black", "linewidth": 1.0, "label": f"{LEVEL:.0%} interval of the mean"}
PAPER: dict[str, Any] = {
    "color": FRAME,
    "linestyle": "",
    "marker": "d",
    "markersize": 5,
    "label": "the paper's difference",
}
NONE: dict[str, Any] = {"facecolor": LIGHT, "alpha": 0.5, "linewidth": 0}


def figure_conclusions(results: Results) -> list[Path]:
    """Each row shows a comparison of the second protocol and its conclusion.

    It has every seed, their mean, and its interval. The grey band is the margin within which two arms count as equal.
    """
    gathered = Gathered(results)
    table = conclude(gathered)
    found = [differences(gathered, contrast, data) for data, contrast in contrasts_run(results)]
    margin = results.config["second_protocol"]["margin"]
    with mpl.rc_context(STYLE):
        fig = sheet(results, FOOT + ROW * len(table) + 0.35)
        ax = place(fig, LEFT, FOOT, WIDTH, ROW * len(table))
        ax.axvspan(-margin, margin, **NONE)
        ax.axvline(0, color=LIGHT, linewidth=0.8, zorder=0)
        for y, ((_, row), values) in enumerate(zip(table.iterrows(), found, strict=True)):
            _row(ax, y, row, values.to_numpy(float))
            _beside(ax, -LEFT + 0.1, y, _wrapped(row["comparison"], 46))
            _beside(ax, WIDTH + 0.1, y, _wrapped(conclusion_words(row, margin), 28))
        for y in np.flatnonzero(table["family"] != table["family"].shift())[1:]:
            ax.axhline(y - 0.5, color=LIGHT, linewidth=0.5)
        ax.set(ylim=(len(table) - 0.5, -0.5), yticks=[], xlabel="difference in the score, mean over the last third")
        ax.spines["left"].set_visible(False)
        _beside(ax, WIDTH + 0.1, -0.8, "conclusion", weight="bold")
        band = NONE | {"label": f"no difference that counts, ± {margin:g}"}
        key(fig, 0.1, 0.42, [SEED, MEAN, INTERVAL, PAPER, band], columns=3)
    caption = [
        "The comparisons of the second protocol: the mean FactorVAE score over the last third of stage B, the first "
        "arm less the second. The conclusions are adjusted by Holm's method within a family.",
        "A line parts two families.",
    ]
    n = seeds_range(table["n"].tolist())
    return save(fig, results, "figure_conclusions", table, caption, n, results.datasets)


def _row(ax: Axes, y: int, row: pd.Series, values: np.ndarray) -> None:
    ax.plot(values, np.full(len(values), y + 0.18), **SEED)
    if pd.notna(row["difference"]):
        ax.plot([row["low"], row["high"]], [y - 0.08, y - 0.08], **INTERVAL)
        ax.plot(row["difference"], y - 0.08, **MEAN)
    if pd.notna(row["paper"]):
        ax.plot(row["paper"], y - 0.08, **PAPER)


def _wrapped(words: str, width: int) -> str:
    return textwrap.fill(words, width, break_on_hyphens=False)


def _beside(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write a text x inches right of the axes' left edge, in row y."""
    width = ax.get_position().width * TEXT
    ax.text(x / width, y, text, transform=ax.get_yaxis_transform(), va="center", **style)
