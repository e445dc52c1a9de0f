"""The figure of rank agreement: which scores order the runs alike."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform
from scipy.stats import t as student

from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table
from idgan_sc.report.agreement import CODES, TABLE
from idgan_sc.report.figures.canvas import DPI, SMALL, STYLE, save

SHORT = {"infogan_cr": "", "disentanglement_lib": "lib: ", "carbonneau": "review: "}
CELL = 0.155  # inches


def figure_agreement(results: Results) -> list[Path]:
    """Draw the rank agreement of all scores over the runs with codes.

    Spearman's coefficient is above the diagonal, Kendall's below.
    """
    pairs = read_table(results.root / TABLE, ["dataset", "n", "spearman", "kendall"], "run `idgan-sc agreement`")
    codes = read_table(results.root / CODES, ["dataset", "codes"], "run `idgan-sc agreement`")
    parts = {str(data): part for data, part in pairs.groupby("dataset", sort=False)}
    orders = {data: _order(part) for data, part in parts.items()}
    widths = [CELL * len(names) for names in orders.values()]
    left, bottom, top = 1.45, 1.45, 0.3
    height = bottom + top + max(widths)
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(sum(widths) + left * len(widths) + 0.55, height), dpi=DPI)
        x = left
        for (data, part), width in zip(parts.items(), widths, strict=True):
            size = (x / fig.get_figwidth(), (height - top - width) / height)
            ax = fig.add_axes((*size, width / fig.get_figwidth(), width / height))
            image = _matrix(ax, part, orders[data])
            ax.set_title(f"{data}: {_spoken(part['n'])} runs", size=7, loc="left")
            x += width + left
        bar = fig.add_axes(((x - left + 0.1) / fig.get_figwidth(), (height - top - 1) / height, 0.008, 1 / height))
        fig.colorbar(image, cax=bar).outline.set_visible(False)
        bar.tick_params(labelsize=SMALL, length=2)
        bar.set_title("rank\ncorrelation", size=SMALL, loc="left")
    lacking = int((codes["codes"] == "lacking").sum())
    n = int(pairs["n"].max())
    caption = (
        "Which scores order the runs alike: Spearman's coefficient above the diagonal, Kendall's below.",
        "Every run is scored by its codes of the same images.",
        f"Of {n} runs, a Spearman coefficient below {_chance(n):.2f} may be chance.",
        f"{lacking} runs lack codes.",
    )
    return save(fig, results, "figure_agreement", pairs, caption, f"n = {n} runs", list(parts))


def _chance(n: int) -> float:
    """Compute the bound below which Spearman's coefficient may be chance.

    For n unrelated pairs, the size of the coefficient stays below it in 95 of 100 cases, by Student's
    approximation.

    >>> round(_chance(10), 2)
    0.63
    """
    bound = float(student.ppf(0.975, n - 2))
    return bound / (n - 2 + bound**2) ** 0.5


def _names(part: pd.DataFrame, side: str) -> pd.Series:
    return part[f"protocol_{side}"].map(SHORT) + part[f"metric_{side}"]


def _square(part: pd.DataFrame, which: str, names: list[str]) -> np.ndarray:
    """Coefficients (S, S) of the named scores; NaN where two were not compared."""
    found = np.full((len(names), len(names)), np.nan)
    place = {name: i for i, name in enumerate(names)}
    for a, b, value in zip(_names(part, "a"), _names(part, "b"), part[which], strict=True):
        found[place[a], place[b]] = found[place[b], place[a]] = value
    np.fill_diagonal(found, 1.0)
    return found


def _order(part: pd.DataFrame) -> list[str]:
    """Names of the scores, those that agree beside each other."""
    names = sorted({*_names(part, "a"), *_names(part, "b")})
    apart = 1 - np.nan_to_num(_square(part, "spearman", names))
    np.fill_diagonal(apart, 0.0)
    return [names[i] for i in leaves_list(linkage(squareform(apart, checks=False), "average"))]


def _matrix(ax: Axes, part: pd.DataFrame, names: list[str]) -> mpl.cm.ScalarMappable:
    above, under = _square(part, "spearman", names), _square(part, "kendall", names)
    image = ax.imshow(np.triu(above) + np.tril(under, -1), cmap="RdBu", vmin=-1, vmax=1)
    ax.set_xticks(range(len(names)), names, rotation=90, size=SMALL)
    ax.set_yticks(range(len(names)), names, size=SMALL)
    ax.tick_params(length=0)
    return image


def _spoken(n: pd.Series) -> str:
    low, high = int(n.min()), int(n.max())
    return str(low) if low == high else f"{low}–{high}"
