"""Draw every registered comparison as a forest plot.

Each has its estimate and interval. The paper's value stands beside it.
"""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import FRAME, LARGE, LIGHT, STYLE, TEXT, key, place, save, sheet
from idgan_sc.report.statistics import LEVEL, MIN_N
from idgan_sc.report.words import DASH, METRIC_LABELS, label, places, seeds_range

ANSWERS = {  # of a check: its mark's face, and the words of the key
    "yes": ("full", "yes: the claim holds"),
    "no": ("none", "no: the claim does not hold"),
    "unclear": ("left", "unclear"),
}
COLUMNS = [
    "claim",
    "rule",
    "quantity",
    "metric",
    "arm",
    "other",
    "value",
    "n",
    "estimate",
    "low",
    "high",
    "answer",
    "words",
]
QUANTITIES = {  # of a check without a metric
    "curve": "FactorVAE, along stage B",
    "curve_end": "FactorVAE, end of stage B",
    "curve_change": "FactorVAE, change over stage B",
    "controlled": "factors with a code of their own",
    "pair_accuracy": "early pair accuracy",
}
FILES = {"C9": "leakage on digits", "C10": "leakage on faces", "C11": "pairs in which one factor changes"}
RELATIONS = {"order": ">", "equal": "="}  # of a check's two arms by its rule, else a difference
COUNT = "controlled"  # the quantity that is no share: it has an axis of its own
PAPER: dict[str, Any] = {"color": FRAME, "linestyle": "", "marker": "d", "markersize": 5, "markeredgecolor": "white",
         "markeredgewidth": 0.4, "label": "the paper's value"}  # fmt: skip
WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
ZERO: dict[str, Any] = {"color": LIGHT, "linewidth": 0.8, "zorder": 0}
SHORT = {  # names of systems where a row has little room
    "idgan_sc": "IDGAN-SC with",
    "idgan_sc_prior": "IDGAN-SC without",
    "infogan": "InfoGAN",
    "idgan": "ID-GAN",
    "idgan_stage_a": "ID-GAN, stage A",
    "infogan_stage_a": "InfoGAN, stage A",
}


# ------------------------------------------------------------------------------------------------------------ figures
def figure_checks(results: Results) -> list[Path]:
    """Each row shows a check's estimate, interval and answer beside the paper's value.

    All checks of all claims are drawn. The paper's value is given if the paper prints one.
    """
    table = with_paper(results, _checks(results))
    lines = [*_lines(results, table)]
    row, foot = 0.125, 0.75
    with mpl.rc_context(STYLE):
        fig = sheet(results, foot + row * len(lines) + 0.3)
        height = row * len(lines)
        ax = place(fig, 3.35, foot, 1.9, height)
        count_axes = place(fig, 3.35, foot, 1.9, height, facecolor="none")
        for y, (kind, content) in enumerate(lines):
            if kind == "claim":
                _beside(ax, -3.3, y, content, weight="bold", bbox=WHITE)
                continue
            _row(count_axes if content["quantity"] == COUNT else ax, y, content)
            _beside(ax, -3.2, y, _name(content))
            for x, text in zip((2.0, 3.24), (_estimate(content), places_or_dash(content["paper"])), strict=True):
                _beside(ax, x, y, text)
        for x, text in ((-1.25, "number of factors (C8):"), (2.0, "estimate [interval]"), (3.2, "paper")):
            _beside(ax, x, -1.4, text)
        _axes(ax, count_axes, table, len(lines))
        _no_difference(ax, [kind == "check" and content["quantity"] == COUNT for kind, content in lines])
        key(fig, 0.1, 0.42, _key(), columns=2)
    caption = [
        "Every check of the paper's claims. An estimate of two systems is the first less the second; of one, "
        "its own value or change. The paper's value is computed from what it prints; a dash: it prints none.",
        "The number of factors with a code of their own (C8) has the axis above. Not judged here: a level that it "
        "states of its own images and schedule, or a system that is not run.",
        *_notes(),
    ]
    return _saved(results, fig, "figure_checks", table, caption)


def forest(results: Results) -> list[Path]:
    """Each row shows a registered comparison of scores beside the paper's value.

    Each column is a score. The comparison has its estimate and interval.
    """
    table = with_paper(results, _checks(results))
    scores = table[table["other"].notna() & table["quantity"].isin(["score", "curve_end"])].drop_duplicates(
        ["quantity", "metric", "arm", "other"]
    )
    scores = scores[scores["paper"].notna()].assign(column=scores["metric"].fillna("factor_vae"))
    rows = list(dict.fromkeys(zip(scores["quantity"], scores["arm"], scores["other"], strict=True)))
    height = 0.19 * max(len(rows), 1)
    with mpl.rc_context(STYLE):
        fig = sheet(results, height + 1.3)
        for i, (metric, name) in enumerate(METRIC_LABELS.items()):
            ax = place(fig, 2.6 + 0.88 * i, 0.95, 0.8, height)
            for _, check in scores[scores["column"] == metric].iterrows():
                _row(ax, rows.index((check["quantity"], check["arm"], check["other"])), check)
            ax.axvline(0, label="no difference", **ZERO)
            ends = scores[["low", "high", "paper", "estimate"]].stack()
            low, high = (ends.min(), ends.max()) if len(ends) else (-1, 1)
            ax.set(xlim=(low - 0.04, high + 0.04), ylim=(len(rows) - 0.4, -0.6), yticks=[])
            ax.xaxis.set_major_locator(mpl.ticker.MultipleLocator(0.4))
            ax.xaxis.set_minor_locator(mpl.ticker.MultipleLocator(0.1))
            ax.spines["left"].set_visible(False)
            ax.set_title(name, size=LARGE, weight="bold")
            for y, (quantity, arm, other) in enumerate(rows if i == 0 else []):
                end = " (end of stage B)" if quantity == "curve_end" else ""
                _beside(ax, -2.55, y, f"{_arm(arm)} − {_arm(other)}{end}")
        fig.text(4.76 / 7, 0.66 / fig.get_size_inches()[1], "difference of scores", ha="center")
        key(fig, 0.1, 0.5, _key(), columns=3)
    caption = [
        "The registered comparisons of scores: the first system less the second. The paper's value is the difference "
        "of what it prints.",
        *_notes(),
    ]
    return _saved(results, fig, "forest", scores.drop(columns="column"), caption)


def _notes() -> list[str]:
    return [
        "IDGAN-SC with, without: with the β-VAE, without it. (10): with 10 codes in place of the system's 5.",
        f"Intervals are at {LEVEL:.0%}, from {MIN_N} seeds on. A yes of a directional check (>) needs significance "
        "after Holm's adjustment over all planned directional tests: an interval beside 0 may still be unclear.",
    ]


FIGURES: dict[str, Callable[[Results], list[Path]]] = {"forest": forest, "figure_checks": figure_checks}


# ------------------------------------------------------------------------------------------------------- what is drawn
def _checks(results: Results) -> pd.DataFrame:
    path = results.root / "checks.csv"
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is missing or damaged ({error}): run `idgan-sc claims`") from error
    absent = [column for column in COLUMNS if column not in table]
    if absent:
        raise DataError(f"{path} lacks the columns {', '.join(absent)}: run `idgan-sc claims` again")
    return table.astype({"metric": object, "other": object})


def with_paper(results: Results, table: pd.DataFrame) -> pd.DataFrame:
    """Add to each check the value that follows from the paper's printed numbers.

    The column is `paper`. It is NaN if the paper prints none.
    """
    reported = results.config["reported"]

    def printed(check: pd.Series) -> float:
        if np.isfinite(check["value"]):
            return float(check["value"])
        arms = [str(arm).partition("/")[0] for arm in (check["arm"], check["other"])]
        if check["quantity"] == "curve_end":
            levels = [reported["figure3"].get(arm) for arm in arms]
        elif check["quantity"] == "score" and len(set(arms)) == 2:
            rows = [reported["table3"].get(arm, {}).get("paper", {}) for arm in arms]
            levels = [row.get(check["metric"], [None])[0] for row in rows]
        else:
            return np.nan
        return np.nan if None in levels else round(levels[0] - levels[1], 6)

    return table.assign(paper=[printed(check) for _, check in table.iterrows()])


def _lines(results: Results, table: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """Lines from top to bottom: a claim's name, then its checks."""
    for claim, mine in table.groupby("claim", sort=False):
        sentence = " ".join(results.config["claims"][str(claim)]["sentence"].split())
        yield from (("claim", line) for line in textwrap.wrap(f"{claim}  {sentence}", 105, subsequent_indent=" " * 5))
        for _, check in mine.iterrows():
            yield "check", check


def _name(check: pd.Series) -> str:
    """What a check compares, in one line."""
    if check["rule"] == "settled_by":  # of several checks alike, the words alone have the step
        what = "FactorVAE settled" + check["words"].partition(" settled")[2]
    elif pd.notna(check["metric"]):
        what = METRIC_LABELS[check["metric"]]
    else:
        what = QUANTITIES.get(check["quantity"]) or FILES.get(check["claim"], check["quantity"])
    arms = _arm(check["arm"])
    if pd.notna(check["other"]):
        arms += f" {RELATIONS.get(check['rule'], '−')} {_arm(check['other'])}"
    return f"{what}: {arms}"


def _arm(text: str) -> str:
    system, _, variant = text.partition("/")
    return SHORT.get(system, label(system)) + {"": "", "c10": " (10)"}.get(variant, f" ({variant})")


def _estimate(check: pd.Series) -> str:
    if not np.isfinite(check["estimate"]):
        return "not judged here"
    interval = f" [{places(check['low'])}, {places(check['high'])}]" if np.isfinite(check["low"]) else ""
    return places(check["estimate"]) + interval


def places_or_dash(value: float) -> str:
    return places(value) if np.isfinite(value) else DASH


def _row(ax: Axes, y: float, check: pd.Series) -> None:
    """Estimate with interval, marked by its answer, and the paper's value."""
    if np.isfinite(check["estimate"]):
        ax.plot([check["low"], check["high"]], [y, y], color="black", linewidth=0.8, label="interval")
        ax.plot(check["estimate"], y, **_answer(check["answer"]), zorder=3)
    if np.isfinite(check["paper"]):
        ax.plot(check["paper"], y + 0.27, zorder=2.5, **PAPER)  # the answer stays whole


def _answer(answer: str) -> dict[str, Any]:
    face, words = ANSWERS.get(answer, ANSWERS["unclear"])
    style = {"color": "black", "linestyle": "", "marker": "o", "markersize": 4, "markeredgewidth": 0.7, "label": words}
    if face == "left":
        return style | {"fillstyle": "left", "markerfacecoloralt": "white"}
    return style | {"markerfacecolor": "black" if face == "full" else "white"}


def _key() -> list[dict[str, Any]]:
    interval = {"color": "black", "linewidth": 0.8, "label": f"{LEVEL:.0%} interval"}
    zero = {"color": LIGHT, "linewidth": 0.8, "label": "no difference"}
    return [*(_answer(answer) for answer in ANSWERS), interval, PAPER, zero]


def _axes(ax: Axes, count_axes: Axes, table: pd.DataFrame, n: int) -> None:
    shares = table[table["quantity"] != COUNT]
    ends = shares.loc[shares["estimate"].notna(), ["low", "high", "estimate", "paper"]].stack()
    low, high = (ends.min(), ends.max()) if len(ends) else (-1, 1)
    for axes in (ax, count_axes):
        axes.set(ylim=(n - 0.4, -0.6), yticks=[])
        axes.spines["left"].set_visible(False)
    ax.set(xlim=(low - 0.03, high + 0.03), xlabel="estimate: a difference or a change of a score or share")
    count_axes.set(xlim=(0, 6.2), xticks=range(6))
    count_axes.xaxis.tick_top()
    count_axes.spines["top"].set_visible(True)
    count_axes.spines["bottom"].set_visible(False)


def _no_difference(ax: Axes, counted: list[bool]) -> None:
    """Draw the line at 0, with gaps.

    A gap is at each row whose estimate is a number and no difference.
    """
    gaps = [edge for y, is_count in enumerate(counted) if is_count for edge in (y - 0.5, y + 0.5)]
    edges = [-0.6, *gaps, len(counted) - 0.4]
    ax.vlines(np.zeros(len(edges) // 2), edges[::2], edges[1::2], label="no difference", **ZERO)


def _beside(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write a text x inches right of the axes' left edge, in row y."""
    width = ax.get_position().width * TEXT
    ax.text(x / width, y, text, transform=ax.get_yaxis_transform(), va="center", **style)


def _saved(results: Results, fig: Any, name: str, table: pd.DataFrame, caption: list[str]) -> list[Path]:
    n = sorted({int(n) for n in table["n"] if n > 0})
    data = list(dict.fromkeys(table.get("dataset", pd.Series(dtype=str)).dropna()))
    return save(fig, results, name, table, caption, seeds_range(n), data or results.datasets[:1])
