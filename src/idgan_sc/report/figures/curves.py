"""Draw Figure 3 of the paper: the ablation's arms along stage B.

It also shows what each arm adds to InfoGAN.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from idgan_sc.config import PROTOCOL
from idgan_sc.records.pictured import shown_data
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import COLOURS, GREY, LIGHT, STYLE, key, mark, place, save, sheet
from idgan_sc.report.read import read_baselines, read_scores
from idgan_sc.report.statistics import LEVEL, MIN_N, summary
from idgan_sc.report.words import label, number, places, seeds_range

BASELINE_LINES = {  # what learned nothing: its words, and its line
    "untrained_q": ("untrained Q", (1, 1.2)),
    "pixel_components": ("principal components of the pixels", (1, 3)),
}
PAPER = (4, 3)  # dashes of the paper's level
LEFT, WIDTH, APART = 0.5, 1.9, 0.3  # of the panels
LOWER, UPPER = (0.42, 1.35), (2.3, 1.75)  # rows of panels: lower edge, height
INTERVAL = f"{LEVEL:.0%} interval of the mean"
BAND: dict[str, Any] = {"alpha": 0.22, "linewidth": 0}
SEED: dict[str, Any] = {"linewidth": 0.45, "alpha": 0.55}


def figure3(results: Results) -> list[Path]:
    """Figure 3: lines show the FactorVAE score of the three arms along stage B.

    The arms are those of the ablation. The lower panels show what each arm adds to InfoGAN.

    A thin line is a seed, the mean of its evaluation draws. The thick line is the mean over seeds, and the band
    is its interval. The lower panels show an arm's score minus that of InfoGAN from the same stage A. The claims
    compare them in the same way. The difference removes each seed's own level.
    """
    data = shown_data(results)
    curves = arm_curves(results, data)
    levels = results.config["reported"]["figure3"]
    with mpl.rc_context(STYLE):
        fig = _panels(results, curves, levels)
    n = curves[curves["seed"].isna()].groupby("system")["n"].max()
    caption = [
        "FactorVAE score of Q along stage B, with the regulariser and without. A thin line is a seed, the mean of "
        f"{results.evaluation(data)['draws']} evaluation draws; the thick line is the mean over seeds.",
        f"Every band is the {LEVEL:.0%} t-interval of that mean, from {MIN_N} seeds on.",
        "Below: an arm's score less that of InfoGAN from the same stage A.",
    ]
    return save(fig, results, "figure3", curves, caption, seeds_range(n.tolist()), [data])


def _panels(results: Results, curves: pd.DataFrame, levels: dict[str, float]) -> Figure:
    fig = sheet(results, 4.45)
    above = [_place(fig, i, UPPER) for i in range(len(levels))]
    under = [_place(fig, i, LOWER) for i in range(1, len(levels))]
    for ax, (system, level) in zip(above, levels.items(), strict=True):
        _draw(ax, curves, system, ("mean", "interval_low", "interval_high"), level)
        for name, (words, dashes) in BASELINE_LINES.items():
            ax.axhline(
                curves[name].iloc[0] if len(curves) else np.nan, color=GREY, linewidth=0.7, dashes=dashes, label=words
            )
        ax.tick_params(labelbottom=ax is above[0])  # the others have panels below
    above[0].set_xlabel("step of stage B")
    _, first = next(iter(levels.items()))
    for ax, (system, level) in zip(under, list(levels.items())[1:], strict=True):
        _draw(ax, curves, system, ("above", "above_low", "above_high"), level - first)
        ax.axhline(0, color=LIGHT, linewidth=0.7, zorder=1, label="no difference")
        ax.set_xlabel("step of stage B")
    _share(above, curves, "FactorVAE score")
    _share(under, curves, "score less InfoGAN's,\nseed by seed")
    _key(fig, curves)
    return fig


def _place(fig: Figure, i: int, row: tuple[float, float]) -> Axes:
    return place(fig, LEFT + i * (WIDTH + APART), row[0], WIDTH, row[1])


def _draw(ax: Axes, curves: pd.DataFrame, system: str, columns: tuple[str, str, str], level: float) -> None:
    """Draw an arm's seeds, mean and band, and its level in the paper.

    The text above says where it ends.
    """
    value, low, high = columns
    mine = curves[curves["system"] == system].dropna(subset=value)
    style = mark(system)
    colour = COLOURS[system]
    for _, seed in mine.dropna(subset="seed").groupby("seed"):
        ax.plot(seed["step"], seed[value], color=colour, label="a seed", **SEED)
    mean = mine[mine["seed"].isna()]
    ax.fill_between(mean["step"], mean[low], mean[high], facecolor=colour, label=INTERVAL, **BAND)
    ax.plot(mean["step"], mean[value], **style | {"markersize": 3}, markevery=2, zorder=3, clip_on=False)
    ax.axhline(level, color=colour, linewidth=0.8, dashes=PAPER, zorder=1, label="the paper's level")
    signed = _signed if value == "above" else places
    ends = f"ends at {signed(mean[value].iloc[-1])}" if len(mean) else "missing"
    ax.set_title(label(system) if value == "mean" else "", color=colour, weight="bold", pad=14)
    ax.annotate(f"{ends}; the paper: {signed(level)}", (0.5, 1), (0, 4), "axes fraction", "offset points", ha="center")


def _share(axes: list[Axes], curves: pd.DataFrame, words: str) -> None:
    """One scale for a row of panels, with its words left of the first."""
    low = min(ax.dataLim.y0 for ax in axes)
    high = max(ax.dataLim.y1 for ax in axes)
    middle, reach = (low + high) / 2, max(0.55 * (high - low), 0.1)
    for ax in axes:
        ax.set(ylim=(middle - reach, middle + reach), xlim=(0, max([1, *curves["step"]])))
        ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(3, integer=True, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(lambda value, _: number(round(value)))
        ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
        ax.tick_params(labelleft=ax is axes[0])
    axes[0].set_ylabel(words)


def _key(fig: Figure, curves: pd.DataFrame) -> None:
    line: dict[str, Any] = {"color": GREY}
    levels = {name: curves[name].iloc[0] if len(curves) else np.nan for name in BASELINE_LINES}
    key(fig, 0.1, LOWER[0] + LOWER[1], [
        line | {"linewidth": SEED["linewidth"], "label": "a seed"},
        line | {"label": "mean over seeds, with the marker of the system", "marker": "o", "markersize": 3},
        {"facecolor": LIGHT, "label": INTERVAL},
        line | {"linewidth": 0.8, "dashes": PAPER, "label": "the paper's level at the end"},
        {"color": LIGHT, "linewidth": 0.7, "label": "no difference"},
        *(line | {"linewidth": 0.7, "dashes": dashes, "label": f"{words}, {places(levels[name])}"}
          for name, (words, dashes) in BASELINE_LINES.items() if np.isfinite(levels[name])),
    ], wrap=28)  # fmt: skip


def _signed(value: float) -> str:
    """A difference with its sign: +0.08, −0.02."""
    return ("+" if value >= 0 else "") + places(value)


def arm_curves(results: Results, data: str) -> pd.DataFrame:
    """Compute the points of Figure 3, of a data set.

    There is one row for each arm and step, with n, mean, sd and band over seeds. There is also one row for each
    of its seeds.

    `low` and `high` are mean ± sd. `above` is an arm's score minus the first arm's score of the same seed, as a
    mean over seeds with its interval. Rows with a `seed` have that seed's own values. An arm without runs has no
    rows. Every row repeats the baselines: the mean scores over seeds of an untrained Q and of the principal
    components of the pixels.
    """
    key = ["dataset", "system", "variant", "seed", "code", "step", "draw", "metric", "protocol"]
    config, root = results.config, results.root
    points = read_scores(root / "curves.csv", key)
    wanted_columns = {"dataset": data, "variant": "main", "metric": "factor_vae", "protocol": PROTOCOL}
    wanted = np.logical_and.reduce([points[column] == value for column, value in wanted_columns.items()])
    arms = {
        system: points[wanted & (points["system"] == system)].groupby(["step", "seed"])["value"].mean()
        for system in config["reported"]["figure3"]
    }
    first = next(iter(arms))
    rows: list[dict[str, Any]] = []
    for system, of_seed in arms.items():
        above = (of_seed - arms[first]).dropna() if system != first else of_seed[:0]
        key_columns = {"system": system, "label": label(system), "paper_level": config["reported"]["figure3"][system]}
        for step, values in of_seed.groupby("step"):
            rows.append(
                key_columns | {"step": step} | _over_seeds(values, above[above.index.get_level_values("step") == step])
            )
        for (step, seed), value in of_seed.items():
            more = above.get((step, seed), np.nan)
            rows.append(key_columns | {"step": step, "n": 1, "mean": value, "above": more, "seed": seed})
    numbers = ["mean", "sd", "low", "high", "paper_level", "above", "above_low", "above_high", "seed"]
    numbers += ["interval_low", "interval_high"]
    curves = pd.DataFrame(rows, columns=["system", "label", "step", "n", *numbers])
    curves = curves.astype(dict.fromkeys(numbers, float)).astype({"seed": "Int64", "step": int, "n": int})
    floor = read_baselines(root, data).query("metric == 'factor_vae' and variant == 'main'")
    baselines = floor.groupby("system")["value"].mean()
    return curves.assign(**{name: baselines.get(name, np.nan) for name in BASELINE_LINES})


def _over_seeds(values: pd.Series, above: pd.Series) -> dict[str, Any]:
    s, more = summary(values), summary(above)
    assert s.mean is not None
    low, high = (None, None) if s.sd is None else (s.mean - s.sd, s.mean + s.sd)
    return {
        "n": s.n, "mean": s.mean, "sd": s.sd, "low": low, "high": high, "interval_low": s.low, "interval_high": s.high,
        "above": more.mean, "above_low": more.low, "above_high": more.high,
    }  # fmt: skip
