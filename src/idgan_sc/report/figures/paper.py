"""Figures 1, 3 and 4 of the paper as PNG and PDF, with the numbers they show as CSV.

Each figure is a function of the configuration and the files below `root`, the results of one preset. Figures 1 and 4
are laid out in inches on one canvas, Figure 3 on axes. A line below each says what it was made from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import linear_sum_assignment

from idgan_sc.config import DATASET, PROTOCOL, Config, Run
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded
from idgan_sc.report.figures.canvas import (
    BOTTOM,
    COLUMN,
    DPI,
    GREY,
    LEFT,
    STYLE,
    TEXT,
    TOP,
    _first_run,
    below,
    canvas,
    contents,
    of_run,
    put_image,
    put_text,
    save,
)
from idgan_sc.report.read import read_floor, read_scores
from idgan_sc.report.statistics import LEVEL, MIN_N, summary
from idgan_sc.report.words import COLOURS, label, number, places, seeds_range

FACTOR_WORDS = {"scale": "size", "orientation": "rotation"}  # the paper's words where the data's differ
PAIR_ROWS = ("scale", "orientation")  # rows of Figure 1
TRAVERSAL_ROWS = ("scale", "shape", "x", "y", "orientation")  # rows of Figure 4
PAIRS = 4  # pairs a row of Figure 1
PAIR_IMAGES = ("base", "x₁", "x₂")


# ------------------------------------------------------------------------------------------------------------- figures
def figure1(results: Results) -> list[Path]:
    """Figure 1: pairs of IDGAN-SC images that differ in one code; row 1 the code that stands for size, row 2 for
    rotation (no code twice, their associations largest in sum).
    """
    run, arrays = _traversal(results)
    images = arrays["pairs"]  # (k, P, 3, C, H, W)
    rows = assign(arrays["association"], _names(arrays), PAIR_ROWS)
    n_pairs = min(images.shape[1], PAIRS)
    gap, group = 0.02, 0.14  # inches between images and between pairs
    size = (TEXT - LEFT - 0.06 - (n_pairs - 1) * group) / (3 * n_pairs) - gap
    fig, ax = canvas(TEXT, TOP + len(rows) * (size + 0.06) + BOTTOM)
    shown = []
    for r, row in enumerate(rows):
        y = ax.get_ylim()[1] - TOP - r * (size + 0.06) - size
        _row_label(ax, y + size / 2, row)
        for pair, i in np.ndindex(n_pairs, len(PAIR_IMAGES)):
            x = LEFT + pair * (3 * (size + gap) + group) + i * (size + gap)
            tile = images[row.dimension, pair, i]
            put_image(ax, tile, x, y, size)
            shown.append(row.about() | {"pair": pair + 1, "image": PAIR_IMAGES[i]} | contents(tile))
            if r == 0:
                put_text(ax, x + size / 2, y + size + 0.05, PAIR_IMAGES[i], va="bottom")
    below(fig, results, [*of_run(run), f"percentage: {SHARE}"])
    return save(fig, results, "figure1", pd.DataFrame(shown))


def figure3(results: Results) -> list[Path]:
    """Figure 3: FactorVAE score of the three arms of the ablation along stage B; below, what each adds to InfoGAN.

    Above, a point is the mean over seeds of each seed's mean over its evaluation draws; the band is ± 1 SD over seeds;
    one seed has none. Below, what an arm has more than InfoGAN from the same stage A, as the claims compare them: the
    seeds' own level, most of that SD, is taken off.
    """
    curves = arm_curves(results.config, results.root)
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(COLUMN, 4.0), dpi=DPI)
        ax = fig.add_axes((0.165, 0.48, 0.535, 0.5))
        ends = [
            end for system in results.config["reported"]["figure3"] for end in _arm(ax, results.config, curves, system)
        ]
        ends += list(_floors(ax, curves))
        scores = [*curves["low"].fillna(curves["mean"]), *curves["high"].fillna(curves["mean"])]
        scores += [*results.config["reported"]["figure3"].values(), *curves[list(FLOOR_WORDS)].iloc[:1].stack()]
        ax.set_ylim(max(0.0, min(scores) - 0.04), min(1.0, max(scores) + 0.04))
        ax.set_ylabel("FactorVAE score")
        _direct_labels(ax, ends)
        under = fig.add_axes((0.165, 0.205, 0.535, 0.22), sharex=ax)
        _direct_labels(under, list(_differences(under, results.config, curves)))
        under.set_ylabel("above InfoGAN")
        under.set_xlabel("step of stage B")
        fig.align_ylabels([ax, under])
        ax.tick_params(labelbottom=False)
        ax.set_xlim(0, max([1, *curves["step"]]))
        ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(lambda value, _: number(round(value)))
    n = curves.groupby("system")["n"].max()
    draws = results.evaluation()["draws"]
    words = [f"line: mean over seeds, {draws} evaluation draws each"]
    words += ["band: ± 1 SD over seeds" if (n > 1).any() else "one seed: no band"]
    words += [f"below: difference within a seed, band: {LEVEL:.0%} interval, from {MIN_N} seeds on"]
    below(fig, results, [seeds_range(n.tolist()), *words])
    return save(fig, results, "figure3", curves)


def figure4(results: Results) -> list[Path]:
    """Figure 4: IDGAN-SC traversals, a row a factor: the code that stands for it sweeps, all else stays (no code twice,
    their associations largest in sum).
    """
    run, arrays = _traversal(results)
    images, values = arrays["images"], arrays["values"]  # (A, k, S, C, H, W), (S,)
    rows = assign(arrays["association"], _names(arrays), TRAVERSAL_ROWS)
    step = (TEXT - LEFT - 0.03) / len(values)
    size = step - 0.03
    fig, ax = canvas(TEXT, TOP + len(rows) * step + BOTTOM)
    top = ax.get_ylim()[1] - TOP
    shown = []
    for r, row in enumerate(rows):
        y = top - r * step - size
        _row_label(ax, y + size / 2, row)
        for s, value in enumerate(values):
            tile = images[0, row.dimension, s]
            put_image(ax, tile, LEFT + s * step, y, size)
            shown.append(row.about() | {"value": round(float(value), 6), "anchor": 1} | contents(tile))
    for s, value in enumerate(values):
        put_text(ax, LEFT + s * step + size / 2, top + 0.05, f"{value:.1f}".replace("-", "−"), va="bottom")
    put_text(ax, LEFT - 0.08, top + 0.05, "value of the code", ha="right", va="bottom", size=6, color=GREY)
    below(fig, results, [*of_run(run), f"percentage: {SHARE}"])
    return save(fig, results, "figure4", pd.DataFrame(shown))


# ------------------------------------------------------------------------------------------------- codes and factors
SHARE = "mutual information of code and factor over the factor's entropy"


@dataclass(frozen=True)
class FactorRow:
    """A factor and the code that stands for it; `dimension` counts from 0 here and from 1 in what is printed."""

    factor: str
    dimension: int
    association: float

    def about(self) -> dict[str, Any]:
        word = FACTOR_WORDS.get(self.factor, self.factor)
        return {"row": word, "factor": self.factor, "code": self.dimension + 1, "association": self.association}


def assign(association: np.ndarray, names: list[str], factors: tuple[str, ...]) -> list[FactorRow]:
    """One code for each of `factors`, no code twice, so that the sum of their associations is largest.

    association: (k, K), of `names` (K,).

    >>> [row.dimension for row in assign(np.array([[0.9, 0.8], [0.7, 0.1]]), ["x", "y"], ("x", "y"))]
    [1, 0]
    """
    absent = [factor for factor in factors if factor not in names]
    if absent:
        raise DataError(f"the traversal has no association with {', '.join(absent)}: traverse the run again")
    columns = association[:, [names.index(factor) for factor in factors]]  # (k, F)
    if len(columns) < len(factors):
        raise DataError(f"{len(columns)} codes cannot stand for {len(factors)} factors")
    dimensions, order = linear_sum_assignment(columns, maximize=True)
    code_of = dict(zip(order.tolist(), dimensions.tolist(), strict=True))
    return [FactorRow(f, code_of[i], float(columns[code_of[i], i])) for i, f in enumerate(factors)]


def _traversal(results: Results) -> tuple[Run, dict[str, np.ndarray]]:
    run = _first_run(results)
    results.refuse_others([run], ["traversal.npz"], "evaluation")
    path = results.find(run, "traversal.npz")
    arrays = read_recorded(path, f"train {run} if it is not, then run `idgan-sc traverse`")
    if absent := {"values", "images", "pairs", "association", "factor_names"} - arrays.keys():
        raise DataError(f"{path} is damaged (it lacks {min(absent)}): delete it and run `idgan-sc traverse` again")
    return run, arrays


def _names(arrays: dict[str, np.ndarray]) -> list[str]:
    return [str(name) for name in arrays["factor_names"]]


# -------------------------------------------------------------------------------------------------------------- curves
def arm_curves(config: Config, root: Path) -> pd.DataFrame:
    """Figure 3's points: a row an arm and step, with n, mean, sd and band over seeds; an arm without runs has none.

    `above` and its interval: mean over seeds of an arm's score less the first arm's of the same seed. Every row repeats
    the floor: what an untrained Q and the principal components of the pixels score, mean over seeds.
    """
    key = ["dataset", "system", "variant", "seed", "code", "step", "draw", "metric", "protocol"]
    points = read_scores(root / "curves.csv", key)
    about_points = {"dataset": DATASET, "variant": "main", "metric": "factor_vae", "protocol": PROTOCOL}
    wanted = np.logical_and.reduce([points[column] == value for column, value in about_points.items()])
    arms = {
        system: points[wanted & (points["system"] == system)].groupby(["step", "seed"])["value"].mean()
        for system in config["reported"]["figure3"]
    }
    first, rows = next(iter(arms)), []
    for system, of_seed in arms.items():
        above = (of_seed - arms[first]).dropna() if system != first else of_seed[:0]
        for step, values in of_seed.groupby("step"):
            s, more = summary(values), summary(above[above.index.get_level_values("step") == step])
            assert s.mean is not None
            band = (None, None) if s.sd is None else (s.mean - s.sd, s.mean + s.sd)
            level = config["reported"]["figure3"][system]
            rows.append((system, label(system), step, s.n, s.mean, s.sd, *band, level, more.mean, more.low, more.high))
    numbers = ["sd", "low", "high", "above", "above_low", "above_high"]
    columns = ["system", "label", "step", "n", "mean", *numbers[:3], "paper_level", *numbers[3:]]
    curves = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, float))
    floor = read_floor(root).query("metric == 'factor_vae' and variant == 'main'").groupby("system")["value"].mean()
    return curves.assign(**{name: floor.get(name, np.nan) for name in FLOOR_WORDS})


FLOOR_WORDS = {"untrained_q": "untrained Q", "pixel_components": "pixels' PCA"}
BELOW = -1.0  # a score under every axis: where an arm without runs is named


@dataclass
class EndLabel:
    """A text at the right end of what it names, at height `y` in the axes' data."""

    y: float
    text: str
    colour: str
    size: float


def _arm(ax: Axes, config: Config, curves: pd.DataFrame, system: str) -> Iterator[EndLabel]:
    """Draw an arm and its level in the paper; what is to be written at their right ends."""
    mine, colour = curves[curves["system"] == system], COLOURS[system]
    level = config["reported"]["figure3"][system]
    ax.axhline(level, color=colour, linewidth=0.7, dashes=(4, 3), zorder=1)
    yield EndLabel(level, f"paper {level:.2f}", colour, 6)
    name = label(system).replace(" (", "\n(")
    if mine.empty:
        yield EndLabel(BELOW, f"{name}\nmissing", GREY, 6.5)
        return
    ax.fill_between(mine["step"], mine["low"], mine["high"], color=colour, alpha=0.18, linewidth=0)
    ax.plot(mine["step"], mine["mean"], color=colour, marker="o", markersize=2.2, clip_on=False, zorder=3)
    yield EndLabel(float(mine["mean"].iloc[-1]), name, colour, 6.5)


def _differences(ax: Axes, config: Config, curves: pd.DataFrame) -> Iterator[EndLabel]:
    """Draw what each arm has more than the first, and what it has in the paper; what stands at their right ends."""
    (_, base), *others = config["reported"]["figure3"].items()
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=1)
    heights = [0.0]
    for system, level in others:
        mine, colour = curves[curves["system"] == system].dropna(subset="above"), COLOURS[system]
        ax.axhline(level - base, color=colour, linewidth=0.7, dashes=(4, 3), zorder=1)
        yield EndLabel(level - base, f"paper {_signed(level - base)}", colour, 6)
        heights += [level - base, *mine[["above", "above_low", "above_high"]].stack().dropna()]
        if len(mine):
            ax.fill_between(mine["step"], mine["above_low"], mine["above_high"], color=colour, alpha=0.18, linewidth=0)
            ax.plot(mine["step"], mine["above"], color=colour, marker="o", markersize=2.2, clip_on=False, zorder=3)
            end = float(mine["above"].iloc[-1])
            yield EndLabel(end, _signed(end), colour, 6.5)
    ax.set_ylim(min(heights) - 0.02, max(heights) + 0.02)


def _signed(value: float) -> str:
    """A difference with its sign: +0.08, −0.02."""
    return ("+" if value >= 0 else "") + places(value)


def _floors(ax: Axes, curves: pd.DataFrame) -> Iterator[EndLabel]:
    """Draw what learned nothing; what is to be written at the right ends."""
    for (name, words), dashes in zip(FLOOR_WORDS.items(), ((1, 1.5), (1, 3)), strict=True):
        if curves[name].notna().any():
            level = float(curves[name].iloc[0])
            ax.axhline(level, color=GREY, linewidth=0.7, dashes=dashes, zorder=1)
            yield EndLabel(level, f"{words} {level:.2f}", GREY, 6)


def _direct_labels(ax: Axes, ends: list[EndLabel]) -> None:
    """Write the labels right of the axes, moved apart where they would touch, with a line to what they name."""
    bottom, top = ax.get_ylim()
    height = ax.get_window_extent().height * 72 / DPI  # points
    ends = sorted(ends, key=lambda end: end.y)
    at = [(end.y - bottom) / (top - bottom) for end in ends]
    heights = [1.25 * end.size * (1 + end.text.count("\n")) / height for end in ends]
    for end, was, y in zip(ends, at, spread(at, heights), strict=True):
        line: dict[str, Any] = {"color": end.colour, "linewidth": 0.4, "clip_on": False, "transform": ax.transAxes}
        if was >= 0:
            ax.plot([1.015, 1.055], [was, y], **line)
        ax.text(1.065, y, end.text, color=end.colour, size=end.size, va="center", transform=ax.transAxes, linespacing=1)


def spread(at: list[float], heights: list[float]) -> list[float]:
    """Centres near the ascending `at`, moved so that boxes of these `heights` do not overlap and end within [0, 1].

    >>> spread([0.5, 0.5], [0.2, 0.2])
    [0.4, 0.6]
    """
    gaps = [(a + b) / 2 for a, b in pairwise(heights)]
    base = np.concatenate([[0.0], np.cumsum(gaps)])  # centres when stacked without a gap
    free = np.asarray(at) - base
    blocks: list[list[float]] = []
    for value in free:  # pool adjacent violators: the closest ascending sequence
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, weight = blocks.pop()
            before = blocks[-1]
            before[0], before[1] = (before[0] * before[1] + mean * weight) / (before[1] + weight), before[1] + weight
    moved = np.repeat([mean for mean, _ in blocks], [int(weight) for _, weight in blocks])
    low, high = heights[0] / 2, 1 - heights[-1] / 2 - base[-1]
    return [round(float(y), 12) for y in np.minimum(np.maximum(moved, low), max(low, high)) + base]


# ------------------------------------------------------------------------------------------------------------ drawing
def _row_label(ax: Axes, y: float, row: FactorRow) -> None:
    """The factor's name, and below it the number of its code and how much the code tells of it."""
    words = row.about()
    put_text(ax, LEFT - 0.08, y + 0.01, words["row"], ha="right", va="bottom", weight="bold")
    detail = f"code {words['code']}, {row.association:.0%}"
    put_text(ax, LEFT - 0.08, y - 0.01, detail, ha="right", va="top", size=6, color=GREY)
