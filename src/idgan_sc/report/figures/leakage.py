"""The leakage figure: how much each code moves every factor, its own and the others."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from idgan_sc import config as configuration
from idgan_sc.config import PICTURE_SYSTEMS, Run, dataset_row
from idgan_sc.evaluation.gather import read_gathered, read_leakage, summarised
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report.figures import canvas
from idgan_sc.report.figures.canvas import WORDS, _runs
from idgan_sc.report.statistics import LEVEL, MIN_N, summary
from idgan_sc.report.words import COLOURS, data_words, label, seeds_range

CELL = 0.24  # height of a row
LEFT, WIDTH, BLOCK = 0.82, 2.1, 3.5  # of a matrix: left edge, width, and how far apart two are
HEAD, FOOT, SCALE = 1.12, 0.34, 0.5  # above a matrix, below it, and below all of them
OWN = "its own factor"
MOST = 1.2  # of the colour scale


def figure_leakage(results: Results) -> list[Path]:
    """Each cell shows how much one code moves one factor (InfoGAN-CR and IDGAN-SC).

    The two systems are side by side, and each data set is a block. A code moves its own factor and the others.

    A cell is the mean over seeds of the SD of a factor over a sweep, in SD of real images. Codes have no order,
    and code 3 of one seed is not code 3 of another. So the first rows are the codes that stand for the factors,
    and the others follow. The runs are those that `leakage.csv` has gathered.
    """
    runs = _gathered(results)
    shown = list(
        dict.fromkeys(data for data, _ in configuration.picture_figures(results.config, results.preset).values())
    )
    shown = [data for data in shown if all(runs[data, system] for system in PICTURE_SYSTEMS)]
    if not shown:
        raise DataError(
            f"{results.root / 'leakage.csv'} has no data set with runs of both {' and '.join(PICTURE_SYSTEMS)}"
        )
    blocks = [[_matrix(results, runs[data, system]) for system in PICTURE_SYSTEMS] for data in shown]
    heights = [max(len(block["change"]) for block in pair) * CELL + HEAD + FOOT for pair in blocks]
    with mpl.rc_context(canvas.STYLE):
        top = sum(heights) + SCALE
        fig = canvas.sheet(results, top)
        for pair, height in zip(blocks, heights, strict=True):
            for i, block in enumerate(pair):
                drawn = _heat_map(fig, block, LEFT + i * BLOCK, top - HEAD, results)
            top -= height
        bar = canvas.place(fig, 2.2, 0.36, 2.6, 0.1)
        fig.colorbar(drawn, cax=bar, orientation="horizontal", extend="max")
        bar.set_xlabel("how much the code moves the factor, in SD of real images", labelpad=2)
        canvas.key(fig, 0.1, 0.42, [{"facecolor": "none", "edgecolor": canvas.FRAME, "label": OWN}])
    frame = pd.concat([block["frame"] for pair in blocks for block in pair], ignore_index=True)
    n = [block["n"] for pair in blocks for block in pair]
    caption = [
        "How much each code moves every factor when it alone changes. A cell is the standard deviation (SD) of the "
        "factor along the code, in SD of real images (MNIST: of images of one digit), mean over seeds.",
        "Each row is a code. The named rows are the codes that stand for a factor; its cell is framed. The other codes "
        "follow, those that change most first.",
        "Outside: the share of a code's movement that is not of its own factor, mean over the framed codes. Evenness: "
        "0 if a code moves one factor alone (a factor is moved by one code alone), 1 if all alike; it is the entropy "
        f"of a row (column) over its maximum. ± is half the {LEVEL:.0%} t-interval over seeds, from {MIN_N} seeds on.",
        *dict.fromkeys(_readers(block) for pair in blocks for block in pair[:1]),
    ]
    return canvas.save(fig, results, "figure_leakage", frame, caption, seeds_range(n), shown)


def _gathered(results: Results) -> dict[tuple[str, str], list[Run]]:
    """The gathered runs of either system on every data set that a preset shows."""
    seeds = read_gathered(results.root).groupby(["dataset", "system", "variant"])["seed"].agg(set)
    return {
        (data, system): [run for run in _runs(results, data, system) if run.seed in seeds.get(key, set())]
        for data, system in configuration.picture_figures(results.config, results.preset).values()
        for key in [(data, system, "main")]
    }


def _matrix(results: Results, runs: list[Run]) -> dict[str, Any]:
    """Compute a system's mean matrix (k, F) over `runs`.

    The result also has the text beside it, and all of it as rows of the CSV.
    """
    data, system = runs[0].dataset, runs[0].system
    tables = [read_leakage(results, run) for run in runs]
    every, first = pd.concat(tables), tables[0]
    factors = list(dict.fromkeys(first[first.measure == "change"]["factor"]))
    shown = [factor for factor in factors if factor in set(every[every.measure == "outside"]["factor"])]
    codes = [_row_order(table, shown) for table in tables]
    rows = [summarised(run, table) for run, table in zip(runs, tables, strict=True)]
    totals = {key: _with_interval([row[key] for row in rows]) for key in ("leakage", "row_entropy", "column_entropy")}
    alone = [f"code {code}" for code in codes[0]]
    column_entropy = every[every.measure == "column_entropy"].groupby("factor")["value"].mean()
    return {
        "data": data, "system": system, "n": len(runs), "factors": factors, "shown": shown, "totals": totals,
        "rows": _row_names(alone if len(runs) == 1 else [WORDS.get(factor, factor) for factor in shown], codes[0]),
        "change": np.mean([_changes(t).loc[c, factors] for t, c in zip(tables, codes, strict=True)], axis=0),
        "row_entropy": _nanmean([_by_code(t, "row_entropy").reindex(c) for t, c in zip(tables, codes, strict=True)]),
        "column_entropy": column_entropy.reindex(factors).to_numpy(),
        "held_out": every[every.measure == "held_out"].groupby("factor", sort=False)["value"].mean().to_dict(),
        "frame": every.assign(figure_data=data_words(results, data)),
    }  # fmt: skip


def _row_names(named: list[str], codes: list[int]) -> list[str]:
    """A name for every row: those given, then the other codes by their place."""
    return [*named, *(f"other {i + 1}" for i in range(len(codes) - len(named)))]


def _row_order(table: pd.DataFrame, shown: list[str]) -> list[int]:
    """Order one run's codes as rows of the matrix.

    The codes that stand for the factors `shown` come first, in that order. The others follow by their change. A
    code that changes nothing has no row of its own. The code that changes least takes its place.
    """
    own = table[table.measure == "outside"].set_index("factor")["code"].astype(int).to_dict()
    by_change = _changes(table).sum(axis=1).sort_values(ascending=False, kind="stable").index
    others = [code for code in by_change.astype(int) if code not in own.values()]
    return [own[factor] if factor in own else others.pop() for factor in shown] + others


def _changes(table: pd.DataFrame) -> pd.DataFrame:
    return table[table.measure == "change"].pivot(index="code", columns="factor", values="value")


def _by_code(table: pd.DataFrame, measure: str) -> pd.Series:
    return table[table.measure == measure].set_index("code")["value"]


def _nanmean(rows: list[pd.Series]) -> np.ndarray:
    """Mean over seeds (k,), of those that have a value; NaN where none has."""
    return pd.DataFrame([row.to_numpy(float) for row in rows]).mean().to_numpy()


def _with_interval(values: list[float | None]) -> str:
    found = [value for value in values if value is not None and np.isfinite(value)]
    if not found:
        return "none"
    s = summary(found)
    assert s.mean is not None
    return f"{s.mean:.2f}" if s.low is None or s.high is None else f"{s.mean:.2f} ± {(s.high - s.low) / 2:.2f}"


def _heat_map(fig: Figure, block: dict[str, Any], left: float, top: float, results: Results) -> Any:
    """Draw one system's matrix and return its colours.

    The upper left corner is at (left, top) inches. The evenness stands beside and below.
    """
    k, n_factors = block["change"].shape
    ax = canvas.place(fig, left, top - k * CELL, WIDTH, k * CELL)
    drawn = ax.imshow(block["change"], cmap="Blues", vmin=0, vmax=MOST, aspect="auto")
    for (j, i), value in np.ndenumerate(block["change"]):
        ax.text(i, j, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.72 * MOST else "black")
        if j < len(block["shown"]) and block["factors"][i] == block["shown"][j]:
            style: dict[str, Any] = {"fill": False, "edgecolor": canvas.FRAME, "linewidth": 1.5, "zorder": 3}
            ax.add_patch(mpl.patches.Rectangle((i - 0.5, j - 0.5), 1, 1, clip_on=False, label=OWN, **style))
    beside: dict[str, Any] = {"va": "center", "color": canvas.GREY}
    for j, h in enumerate(block["row_entropy"]):
        ax.text(n_factors - 0.4, j, _evenness(h), **beside)
    for i, h in enumerate(block["column_entropy"]):
        ax.text(i, k - 0.1, _evenness(h), ha="center", **beside)
    ax.text(n_factors - 0.4, -0.62, "evenness", rotation=30, ha="left", va="bottom", color=canvas.GREY)
    ax.text(-0.58, k - 0.1, "evenness", ha="right", **beside)
    ax.text(-0.58, -0.62, "code", ha="right", va="bottom", color=canvas.GREY)
    names = [WORDS.get(f, f) for f in block["factors"]]
    ax.set_xticks(range(n_factors), names, rotation=30, ha="left", rotation_mode="anchor")
    ax.set_yticks(range(len(block["rows"])), block["rows"], va="center_baseline")
    ax.tick_params(length=0, labeltop=True, labelbottom=False, pad=3)
    for spine in ax.spines.values():
        spine.set_visible(False)
    totals = block["totals"]
    evenness = f"evenness: rows {totals['row_entropy']}, columns {totals['column_entropy']}"
    system: str = block["system"]
    beside_name = offset_copy(ax.transAxes, fig, -0.65, 73 / 72)  # inches
    named = canvas.mark(system) | {"label": label(system), "linestyle": "", "markersize": 5}
    ax.plot(0, 1, transform=beside_name, clip_on=False, **named)
    heads: list[tuple[str, int, dict[str, Any]]] = [
        (f"    {label(system)}", 73, {"weight": "bold", "size": canvas.LARGE, "color": COLOURS[system]}),
        (data_words(results, block["data"]), 62, {}),
        (f"outside: {totals['leakage']}", 51, {}),
        (evenness, 40, {}),
    ]
    for text, above, style in heads:
        ax.annotate(text, (0, 1), (-0.7 * 72, above), "axes fraction", "offset points", va="center", **style)
    return drawn


def _evenness(h: float) -> str:
    return "–" if np.isnan(h) else f"{h:.2f}"


def _readers(block: dict[str, Any]) -> str:
    """Who measured, and how well on held-out images."""
    read = ", ".join(f"{WORDS.get(factor, factor)} {value:.2f}" for factor, value in block["held_out"].items())
    if dataset_row(block["data"]).reading == "morphometrics":
        return (
            f"MNIST: thickness, angle and width by morphometrics; digit by a network, {read} right on held-out images."
        )
    discrete = " and ".join(factor for factor in ("digit", "style") if factor in block["held_out"])
    unit = f"share right of {discrete}, R² of the others" if discrete else "R²"
    title = dataset_row(block["data"]).title.capitalize()
    return f"{title}: factors are read by a network; on held-out images it reaches {read} ({unit})."
