"""The leakage figure: what each code changes besides its own factor."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from idgan_sc import config as configuration
from idgan_sc.config import PICTURED, Run, dataset_row
from idgan_sc.evaluation.gather import read_gathered, read_leakage, summarised
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report.figures import canvas
from idgan_sc.report.figures.canvas import WORDS, _runs
from idgan_sc.report.statistics import summary
from idgan_sc.report.words import data_words, label, seeds_range

CELL = 0.235  # inches: height of a row of the leakage figure


def figure_leakage(results: Results) -> list[Path]:
    """What each code moves besides its factor: InfoGAN-CR beside IDGAN-SC, a block a data set, the entropies beside it.

    A cell is the mean over seeds of the SD of a factor over a sweep, in SD of real images. Codes have no order, and
    code 3 of one seed is not code 3 of another: rows are the codes that stand for the factors, then the others. The
    runs are those that `leakage.csv` has gathered.
    """
    runs = _gathered(results)
    shown = list(dict.fromkeys(data for data, _ in configuration.pictures(results.config, results.preset).values()))
    shown = [data for data in shown if all(runs[data, system] for system in PICTURED)]
    if not shown:
        raise DataError(f"{results.root / 'leakage.csv'} has no data set with runs of both {' and '.join(PICTURED)}")
    blocks = [[_matrix(results, runs[data, system]) for system in PICTURED] for data in shown]
    heights = [max(len(block["change"]) for block in pair) * CELL + 1.0 for pair in blocks]
    notes = 0.55
    with mpl.rc_context(canvas.STYLE):
        fig = Figure(figsize=(canvas.TEXT, sum(heights) + notes), dpi=canvas.DPI)
        top = sum(heights) + notes
        for pair, height in zip(blocks, heights, strict=True):
            for i, block in enumerate(pair):
                _heat_map(fig, block, 0.7 + i * 3.5, top - 0.62, results)
            top -= height
    frame = pd.concat([block["frame"] for pair in blocks for block in pair], ignore_index=True)
    n = [block["n"] for pair in blocks for block in pair]
    words = [
        seeds_range(n),
        "cell: SD of a factor over a sweep, in SD of real images (MNIST: within a digit), mean over seeds",
        "framed: the code that stands for the factor; below these the others, by how much they change",
        "H: entropy of a row or column, 0 = one entry alone, 1 = all alike",
        "outside: share of a code's change that is not its factor's; ± half the 95 % t-interval over seeds if n ≥ 5",
        *dict.fromkeys(_readers(block) for pair in blocks for block in pair[:1]),
    ]
    canvas.below(fig, results, words, shown)
    return canvas.save(fig, results, "figure_leakage", frame, shown)


def _gathered(results: Results) -> dict[tuple[str, str], list[Run]]:
    """The gathered runs of either system on every data set that a preset shows."""
    seeds = read_gathered(results.root).groupby(["dataset", "system", "variant"])["seed"].agg(set)
    return {
        (data, system): [run for run in _runs(results, data, system) if run.seed in seeds.get(key, set())]
        for data, system in configuration.pictures(results.config, results.preset).values()
        for key in [(data, system, "main")]
    }


def _matrix(results: Results, runs: list[Run]) -> dict[str, Any]:
    """A system's mean matrix (k, F) over `runs` with what is written beside it, and all of it as rows of the CSV."""
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
        "rows": alone if len(runs) == 1 else [WORDS.get(factor, factor) for factor in shown],
        "change": np.mean([_changes(t).loc[c, factors] for t, c in zip(tables, codes, strict=True)], axis=0),
        "row_entropy": _nanmean([_by_code(t, "row_entropy").reindex(c) for t, c in zip(tables, codes, strict=True)]),
        "column_entropy": column_entropy.reindex(factors).to_numpy(),
        "held_out": every[every.measure == "held_out"].groupby("factor", sort=False)["value"].mean().to_dict(),
        "frame": every.assign(figure_data=data_words(results, data)),
    }  # fmt: skip


def _row_order(table: pd.DataFrame, shown: list[str]) -> list[int]:
    """One run's codes: those that stand for the factors `shown`, in that order, then the others by their change.

    A code that changes nothing has no row of its own; the one that changes least takes its place.
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


def _heat_map(fig: Figure, block: dict[str, Any], left: float, top: float, results: Results) -> None:
    """One system's matrix with its upper left corner at (left, top) inches; entropies beside and below."""
    k, n_factors = block["change"].shape
    width, height = 2.35, k * CELL
    size = fig.get_size_inches()
    ax = fig.add_axes((left / size[0], (top - height) / size[1], width / size[0], height / size[1]))
    ax.imshow(block["change"], cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    for (j, i), value in np.ndenumerate(block["change"]):
        ax.text(i, j, f"{value:.2f}", ha="center", va="center", size=6, color="white" if value > 0.75 else "black")
        if j < len(block["shown"]) and block["factors"][i] == block["shown"][j]:
            frame: dict[str, Any] = {
                "fill": False,
                "edgecolor": "#D55E00",
                "linewidth": 1.3,
                "zorder": 3,
                "clip_on": False,
            }
            ax.add_patch(mpl.patches.Rectangle((i - 0.5, j - 0.5), 1, 1, **frame))
    for j, h in enumerate(block["row_entropy"]):
        ax.text(n_factors - 0.42, j, "–" if np.isnan(h) else f"{h:.2f}", va="center", size=6, color=canvas.GREY)
    for i, h in enumerate(block["column_entropy"]):
        ax.text(i, k - 0.1, "–" if np.isnan(h) else f"{h:.2f}", ha="center", va="center", size=6, color=canvas.GREY)
    ax.text(n_factors - 0.42, -0.9, "H", va="center", size=6.5, color=canvas.GREY, style="italic")
    ax.text(-0.62, k - 0.1, "H", ha="right", va="center", size=6.5, color=canvas.GREY, style="italic")
    ax.set_xticks(range(n_factors), [WORDS.get(f, f) for f in block["factors"]], size=6)
    ax.set_yticks(range(len(block["rows"])), block["rows"], va="center_baseline")
    ax.tick_params(length=0, labeltop=True, labelbottom=False, pad=2)
    for spine in ax.spines.values():
        spine.set_visible(False)
    totals = block["totals"]
    said = f"outside {totals['leakage']}, H of rows {totals['row_entropy']}, of columns {totals['column_entropy']}"
    for text, above, style in (
        (label(block["system"]), 30, {"weight": "bold", "size": 7.5}),
        (data_words(results, block["data"]), 22, {"size": 6.5}),
        (said, 14, {"size": 6}),
    ):
        place = mpl.transforms.offset_copy(ax.transAxes, fig, 0, above, "points")
        ax.text(0.5, 1, text, transform=place, ha="center", **style)


def _readers(block: dict[str, Any]) -> str:
    """Who measured, and how well on held-out images."""
    read = ", ".join(f"{WORDS.get(factor, factor)} {value:.2f}" for factor, value in block["held_out"].items())
    if dataset_row(block["data"]).reading == "morphometrics":
        return f"MNIST: thickness, angle and width by morphometrics, digit by a network ({read} right, held out)"
    discrete = " and ".join(factor for factor in ("digit", "style") if factor in block["held_out"])
    unit = f"share right of {discrete}, R² of the others" if discrete else "R²"
    return f"{block['data']}: factors read by a network, on held-out images {read} ({unit})"
