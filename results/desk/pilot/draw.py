"""Draw the curves of each pilot in `figures` from its table: python results/desk/pilot/draw.py"""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from idgan_sc.report.figures.canvas import DPI, GREY, MARKERS, STYLE, TEXT
from idgan_sc.report.words import COLOURS, label

HERE = Path(__file__).parent
FLOORS = {  # codes: what that many principal components of the pixels score, of published/floor; and dashes
    5: (0.52, (4, 3)),
    10: (0.59, (1, 2)),
}
STARTS = {  # variants of stage A, each with how it is drawn
    "main": ("1e-3 / 2e-3", "#AAAAAA", "-"),
    "g2": ("1e-3 / 2e-3, two G steps", "#AAAAAA", ":"),
    "lam_20": ("1e-3 / 2e-3, λ = 0.2", "#9ECAE1", "-"),
    "mid": ("5e-4 / 1e-3", "#08306B", "-"),
    "low_a": ("2e-4 / 4e-4", "#0072B2", "-"),
}
ALPHAS = {0.2: "-", 0.6: (0, (4, 1.5)), 2.0: (0, (1, 1))}
DISTILLED = {
    "on_beta_1.0": ("β = 1", "#9ECAE1"),
    "main": ("β = 0.5", "#0072B2"),
    "on_beta_0.25": ("β = 0.25", "#08306B"),
}
AGAIN = {  # variants of stage B, each with its words and line
    "long": (", α = 2", "-"),
    "alpha_02": (", α = 0.2", (0, (1, 1))),
    "main": (", α = 0.2", (0, (1, 1))),  # of the contrastive arm
    "l05": (", α = 2, λ = 0.5", (0, (4, 1.5))),
    "l1": (", α = 2, λ = 1", (0, (6, 1, 1, 1))),
    "d2": (", α = 2, D twice as fast", (0, (6, 1, 1, 1, 1, 1))),
}
GRID = [0, 0.2, 0.6, 2]  # of alpha, evenly apart
PAIRS = {128: "-", 64: (0, (1, 1))}  # m
WIDTHS = {1000: 1.1, 1001: 0.5}  # of the two seeds' lines
RATES = {0.0002: ("2e-4 / 4e-4", "-"), 0.001: ("1e-3 / 2e-3", (0, (1, 1)))}  # G's rate: both in words, and line


def main() -> None:
    with mpl.rc_context(STYLE):
        first_pilot(pd.read_csv(HERE / "curves.csv"))
        rates(pd.read_csv(HERE / "rates.csv"))
        live(pd.read_csv(HERE / "live.csv"))
        grid(pd.read_csv(HERE / "grid.csv"), "grid")
        desk = pd.read_csv(HERE / "desk.csv")
        grid(desk[~desk["variant"].isin(["l02", "l05"])], "desk")  # other λ
        again(*(pd.read_csv(HERE / name) for name in ("again.csv", "grid.csv", "live.csv")))


def panels(height: float, n: int = 3) -> tuple[Figure, list[Axes]]:
    """Panels side by side, with room for their keys below."""
    fig = Figure(figsize=(TEXT, height), dpi=DPI)
    inside = {"left": 0.08, "right": 0.98, "bottom": 1 - 2.0 / height, "top": 1 - 0.3 / height}
    return fig, list(fig.subplots(1, n, sharey=True, gridspec_kw=inside))


def floor(ax: Axes, codes: int) -> None:
    """The line of what learned nothing."""
    level, dashes = FLOORS[codes]
    name = f"{codes} principal components of the pixels, {level}"
    ax.axhline(level, color=GREY, linewidth=0.6, dashes=dashes, zorder=1, label=name)


def keyed(ax: Axes, two_seeds: bool = False) -> None:
    """A key of all lines below a panel."""
    handles, labels = ax.get_legend_handles_labels()
    if two_seeds:
        handles += [Line2D([], [], color=GREY, linewidth=width) for width in WIDTHS.values()]
        labels += [f"line of seed {seed}" for seed in WIDTHS]
    labels = [textwrap.fill(words.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"), 32) for words in labels]
    ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(-0.08, -0.3), frameon=False, handlelength=2.5,
              borderaxespad=0, borderpad=0, labelspacing=0.35)  # fmt: skip


def of_system(system: str) -> dict[str, Any]:
    """The colour of a system's line, and its mark at every third point."""
    return {"color": COLOURS[system], "marker": MARKERS[system], "markersize": 3, "markevery": 3}


def first_pilot(table: pd.DataFrame) -> None:
    """Every system of the first pilot along its training, mean of the evaluation draws."""
    fig, (first, second) = panels(3.4, 2)
    of_step = table.groupby(["system", "step"])["value"].mean()
    parts = ((first, ["infogan", "infogan_cr", "idgan_sc_prior"], 5), (second, ["idgan", "idgan_sc"], 10))
    for ax, systems, codes in parts:
        for system in systems:
            line, colour, marker = of_step[system], COLOURS[system], MARKERS[system]
            ax.plot(line.index, line, color=colour, marker=marker, markersize=3, label=label(system))
        ax.set(xlabel="step of stage B")
        floor(ax, codes)
        keyed(ax)
    first.set(title="from InfoGAN's stage A", ylabel="FactorVAE score of Q")
    second.set(title="from the distilled stage A")
    fig.savefig(HERE / "figures/first.png", metadata={"Software": None})


def rates(table: pd.DataFrame) -> None:
    """Stage B from one stage A, by rates and alpha; a panel a seed."""
    fig, axes = panels(3.7, 2)
    later = table[table["system"] != "infogan_stage_a"]
    lines = ["system", "lr_generator", "alpha"]
    for ax, (seed, mine) in zip(axes, later.fillna({"alpha": 0}).groupby("seed"), strict=True):
        for (system, rate, alpha), line in mine[mine["step"] <= 1500].groupby(lines, sort=False):
            words, style = RATES[float(str(rate))]
            name = label(str(system)) + (f", α = {alpha:g}" if alpha else "") + f", {words}"
            colour, face = COLOURS[str(system)], "white" if alpha == 2 else None
            (drawn,) = ax.plot(line["step"], line["mean"], marker=MARKERS[str(system)], markersize=3, label=name)
            drawn.set(color=colour, linestyle=style, markeredgecolor=colour, markerfacecolor=face or colour)
        floor(ax, 5)
        keyed(ax)
        ax.set(title=f"seed {seed}", xlabel="step of stage B")
    axes[0].set(ylabel="FactorVAE score of Q")
    fig.savefig(HERE / "figures/rates.png", metadata={"Software": None})


def live(table: pd.DataFrame) -> None:
    """A live stage A, and what alpha does from there."""
    fig, (first, second, third) = panels(4.1)
    stage_a(first, table[table["system"] == "infogan_stage_a"])
    later = table[table["variant"].str.startswith("b_a")]
    for ax, seed in ((second, 1000), (third, 1001)):
        stage_b(ax, later[later["seed"] == seed])
        ax.set(title=f"stage B, seed {seed}", xlabel="step of stage B")
    first.set(title="stage A", xlabel="step of stage A", ylabel="FactorVAE score of Q")
    for ax in (first, second, third):
        floor(ax, 5)
        keyed(ax, two_seeds=ax is first)
    fig.savefig(HERE / "figures/live.png", metadata={"Software": None})


def grid(table: pd.DataFrame, name: str) -> None:
    """The stages A, and where stage B ends by alpha, 0 being the arm without a regulariser; the second seed thin."""
    fig, (first, second, third) = panels(4.1)
    for seed, width in WIDTHS.items():
        mine = table[table["seed"] == seed]
        infogan = mine[(mine["system"] == "infogan_stage_a") & (mine["variant"] == "main")]
        first.plot(
            infogan["step"], infogan["mean"], color=GREY, linewidth=width, label="InfoGAN" if width > 1 else None
        )
        for variant, (words, colour) in DISTILLED.items():
            line = mine[(mine["system"] == "idgan_stage_a") & (mine["variant"] == variant)]
            shown = words if width > 1 and len(line) else None
            first.plot(line["step"], line["mean"], color=colour, linewidth=width, label=shown)
        by_alpha(second, mine, "infogan", ["infogan_cr", "idgan_sc_prior"], width)
        by_alpha(third, mine, "idgan", ["idgan_sc"], width)
    first.set(title="stage A", xlabel="step", ylabel="FactorVAE score of Q")
    second.set(title="stage B from InfoGAN's", xlabel="α")
    third.set(title="stage B from the distilled", xlabel="α")
    for ax, codes in ((first, (5, 10)), (second, (5,)), (third, (10,))):
        for k in codes:
            floor(ax, k)
        keyed(ax, two_seeds=True)
    fig.savefig(HERE / f"figures/{name}.png", metadata={"Software": None})


def again(table: pd.DataFrame, grid: pd.DataFrame, live: pd.DataFrame) -> None:
    """Stage A by rates, three trainings each; what follows a live one; the paper's own settings at 64x64."""
    fig, (first, second, third) = panels(4.1)
    rates = {
        ("5e-4 / 1e-3", "#9ECAE1"): [_training(grid, "main", seed) for seed in WIDTHS] + [_training(table, "main")],
        ("2e-4 / 4e-4", "#08306B"): [_training(live, "low_a", seed) for seed in WIDTHS] + [_training(table, "low30")],
    }
    for (words, colour), trainings in rates.items():
        for line in trainings:
            name = f"{words}, three trainings" if line is trainings[-1] else None
            first.plot(line["step"], line["mean"], color=colour, label=name)
    on_paper = table["variant"] == "paper_64"
    later = table[~table["system"].str.endswith("stage_a") & ~on_paper]
    for (system, variant), line in later[later["step"] <= 3500].groupby(["system", "variant"], sort=False):
        words, style = AGAIN[str(variant)]
        if system == "infogan":  # has no α
            words, style = words.replace(", α = 2", "").replace(", α = 0.2", ""), "-" if variant == "main" else style
        name = label(str(system)) + words
        second.plot(line["step"], line["mean"], linestyle=style, label=name, **of_system(str(system)))
    start = _training(table, "paper_64")
    third.plot(start["step"], start["mean"], color=GREY, label="InfoGAN, stage A")
    for system, line in table[on_paper & (table["system"] != "infogan_stage_a")].groupby("system", sort=False):
        third.plot(start["step"].max() + line["step"], line["mean"], label=label(str(system)), **of_system(str(system)))
    first.set(title="stage A, 32×32", xlabel="step", ylabel="FactorVAE score of Q")
    second.set(title="stage B from 2e-4 / 4e-4", xlabel="step of stage B")
    third.set(title="the paper's settings, 64×64", xlabel="step")
    for ax in (first, second, third):
        if ax is not third:  # the floor at 64x64 was not measured
            floor(ax, 5)
        keyed(ax)
    fig.savefig(HERE / "figures/again.png", metadata={"Software": None})


def _training(table: pd.DataFrame, variant: str, seed: int = 1000) -> pd.DataFrame:
    wanted = (table["system"] == "infogan_stage_a") & (table["variant"] == variant) & (table["seed"] == seed)
    return table[wanted]


def by_alpha(ax: Axes, table: pd.DataFrame, without: str, systems: list[str], width: float) -> None:
    """Where each regularised system ends, by alpha, from where the system without a regulariser does; a line an m."""
    ends = table[table["step"] == table.groupby(["system", "variant"])["step"].transform("max")]
    start = ends[(ends["system"] == without) & (ends["variant"] == "main")].assign(alpha=0)
    grid = ends[ends["system"].isin(systems) & ~ends["variant"].str.contains("beta|g2|slow|c10")]
    grid = grid.drop_duplicates(["system", "pairs", "alpha"])  # `main` is one point of the grid again
    for (system, pairs), mine in grid.groupby(["system", "pairs"], sort=False):
        line = pd.concat([start, mine]).sort_values("alpha")
        name = f"{label(str(system))}, m = {pairs:.0f}" if width > 1 else None
        at, style = [GRID.index(alpha) for alpha in line["alpha"]], PAIRS[round(float(str(pairs)))]
        (drawn,) = ax.plot(
            at, line["mean"], marker=MARKERS[str(system)], markersize=3, linewidth=width, linestyle=style, label=name
        )
        drawn.set_color(COLOURS[str(system)])
    ax.set_xticks(range(len(GRID)), [f"{alpha:g}" for alpha in GRID])


def stage_a(ax: Axes, table: pd.DataFrame) -> None:
    """A line a training: rates and λ; the second seed thin."""
    for variant, (words, colour, style) in STARTS.items():
        for seed, mine in table[table["variant"] == variant].groupby("seed"):
            width, name = (1.1, words) if seed == 1000 else (0.5, None)
            ax.plot(mine["step"], mine["mean"], color=colour, linestyle=style, linewidth=width, label=name)


def stage_b(ax: Axes, table: pd.DataFrame) -> None:
    """A line an arm and α."""
    for (system, alpha), mine in table.fillna({"alpha": 0}).groupby(["system", "alpha"], sort=False):
        words = label(str(system)) + (f", α = {alpha}" if alpha else "")
        style = ALPHAS.get(float(str(alpha)), "-")
        ax.plot(mine["step"], mine["mean"], linestyle=style, label=words, **of_system(str(system)))


if __name__ == "__main__":
    main()
