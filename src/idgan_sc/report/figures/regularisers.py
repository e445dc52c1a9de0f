"""The figure of what each pair regulariser prefers, and all that the study writes."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from idgan_sc.evaluation.cells import NO_NOISE, rows_path
from idgan_sc.files import copy_atomic
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import DPI, GREY, LIGHT, STYLE, TEXT, save
from idgan_sc.report.regularisers import LOSSES, METHOD_OF_CORNER, RULES, compared, turned_words, write_tables
from idgan_sc.report.words import seeds_words

# Of a factor as noise; the colours are dark enough for text.
LOOKS = (("o", "#0D527F", "#0D527F"), ("^", "#BC5902", "none"), ("s", "#168560", "none"))
LINES = ("--", ":", "-.")
CAPTION = (
    "What turned codes cost each pair regulariser on true images.",
    "A column is a pair rule and a loss; a place across is a rotation between codes and factors (random: mean of all).",
    "Above: the rise of the loss over aligned codes of the same seed, as a share of what is learned from those: the "
    "loss of a network that tells nothing, less theirs.",
    "Below: the accuracy on fresh pairs, and as lines the most that the true factors allow.",
    "Small marks are seeds, large ones their mean.",
)
NOT_BELOW_7: Any = STYLE | {"xtick.labelsize": 7, "ytick.labelsize": 7}  # points


def regularisers(results: Results) -> list[Path]:
    """Measure what is missing of the study, then write its tables and its figure."""
    from idgan_sc.evaluation.regularisers import train_missing_cells, write_ceilings  # a figure needs no PyTorch

    return [
        train_missing_cells(results),
        write_ceilings(results),
        *write_tables(results),
        *regularisers_figure(results),
    ]


def regularisers_figure(results: Results) -> list[Path]:
    """Draw how far turned codes raise each pair regulariser's loss.

    The images are true ones. The accuracy that each regulariser reaches is drawn too.
    """
    rows, study = compared(results), results.config["regularisers"]
    turns = list(dict.fromkeys(turned_words(study, name) for name in study["rotations"]))
    corners = [(rule, loss) for rule in study["pair_rules"] for loss in study["pair_losses"]]
    with mpl.rc_context(NOT_BELOW_7):
        fig = Figure(figsize=(TEXT, 4.4), dpi=DPI)
        axes = fig.subplots(
            2, len(corners), sharex=True, sharey="row", squeeze=False,
            gridspec_kw={"left": 0.085, "right": 0.99, "top": 0.92, "bottom": 0.38, "wspace": 0.09, "hspace": 0.14},
        )  # fmt: skip
        for column, (rule, loss) in enumerate(corners):
            mine = rows[(rows["pair_rule"] == rule) & (rows["pair_loss"] == loss)]
            upper, lower = axes[:, column]
            _marks(upper, mine, "share", turns, study["noise"])
            _marks(lower, mine, "accuracy", turns, study["noise"])
            _ceilings(lower, mine, study["noise"])
            upper.axhline(0, color=LIGHT, linewidth=0.6, zorder=0)
            method = METHOD_OF_CORNER.get((rule, loss), "")
            upper.set_title(f"{RULES[rule]}, {LOSSES[loss]}" + f"\n{method and f'as in {method}'}", fontsize=7)
            lower.set_xticks(range(len(turns)), turns, rotation=90)
            lower.set_xlim(-0.6, len(turns) - 0.4)
        axes[0, 0].set_ylabel("rise of the loss,\nshare of what is learned")
        axes[1, 0].set_ylabel("accuracy")
        _key(fig, [noise for noise in study["noise"] if (rows["noise"] == noise).any()])
    frame = rows.drop(columns=["fingerprint", "source"])
    written = save(fig, results, "regularisers", frame, CAPTION, seeds_words(rows["seed"].nunique()))
    kept = rows_path(results).with_name("regularisers.png")  # beside the rows, for the page
    return [*written, copy_atomic(results.root / "figures" / "regularisers.png", kept)]


def _marks(ax: Axes, rows: pd.DataFrame, measure: str, turns: list[str], noises: list[str]) -> None:
    """Draw seeds as small marks and their mean as a large one.

    The kinds of noise are side by side.
    """
    of_seeds = rows.groupby(["noise", "turned", "seed"])[measure].mean().reset_index()
    for (marker, edge, face), noise, shift in zip(LOOKS, noises, (-0.17, 0.17, 0.34), strict=False):
        for x, turned in enumerate(turns):
            values = of_seeds.loc[(of_seeds["noise"] == noise) & (of_seeds["turned"] == turned), measure]
            at: dict[str, Any] = {"marker": marker, "color": edge, "linestyle": "none", "markeredgewidth": 0.6}
            ax.plot([x + shift] * len(values), values, markersize=1.8, alpha=0.7, **at)
            if len(values):
                ax.plot(x + shift, values.mean(), markersize=4, markerfacecolor=face, **at)


def _ceilings(ax: Axes, rows: pd.DataFrame, noises: list[str]) -> None:
    for (_, colour, _), line, noise in zip(LOOKS, LINES, noises, strict=False):
        for ceiling in rows.loc[rows["noise"] == noise, "ceiling"].unique():
            ax.axhline(ceiling, color=colour, linestyle=line, linewidth=0.8, zorder=0)


def _key(fig: Figure, noises: list[str]) -> None:
    handles = [Line2D([], [], color=GREY, marker="o", markersize=1.8, linestyle="none", label="small: a seed")]
    handles.append(
        Line2D([], [], color=GREY, marker="o", markersize=4, linestyle="none", label="large: the mean of seeds")
    )
    for (marker, colour, face), line, noise in zip(LOOKS, LINES, noises, strict=False):
        words = "every factor is a code" if noise == NO_NOISE else f"the noise carries {noise}"
        mark: dict[str, Any] = {"marker": marker, "markerfacecolor": face, "markersize": 4, "linestyle": "none"}
        most: dict[str, Any] = {"linestyle": line, "linewidth": 0.8}
        handles.append(Line2D([], [], color=colour, label=words, **mark))
        handles.append(Line2D([], [], color=colour, label="the most that its true factors allow", **most))
    fig.legend(handles=handles, loc="lower center", ncols=1 + len(noises), frameon=False, fontsize=7)
