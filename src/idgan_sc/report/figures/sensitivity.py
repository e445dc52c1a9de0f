"""Figures of the sensitivity study, and all that it writes."""

from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from idgan_sc.evaluation.gather import GATHERED_AS
from idgan_sc.files import write_atomic, write_text
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import DPI, GREY, LIGHT, STYLE, TEXT, below, save
from idgan_sc.report.sensitivity import (
    _seeds,
    _to_csv,
    changed,
    effects,
    gather,
    moved_verdicts,
    specifications,
    verdicts_page,
)
from idgan_sc.report.words import COLOURS, METRICS, label, seeds_words


def sensitivity(results: Results) -> list[Path]:
    """Write the two figures with their data, the scores of the study's seeds, and what each variant does to claims."""
    folder = results.root / "sensitivity"
    written = [gather(results, folder, *names) for names in GATHERED_AS.items()]
    scores = specifications(results, folder)
    written += specification_figure(results, scores)
    written += effects_figure(results, effects(results.config, scores))
    moved = moved_verdicts(results, folder)
    written.append(write_atomic(folder / "verdicts.csv", partial(_to_csv, moved)))
    return [*written, write_text(folder / "verdicts.md", verdicts_page(results, moved))]


def specification_figure(results: Results, scores: pd.DataFrame) -> list[Path]:
    """Specifications in the order of their mean, each seed a point; below, which settings differ from the default."""
    study = results.config["sensitivity"]
    order = scores.groupby("variant")["above"].mean().sort_values().index.tolist()
    differ = {variant: changed(results, variant) for variant in order}
    moved = {key for keys in differ.values() for key in keys}
    keys = [key for key in study["factorial"] if key in moved]  # in the configuration's order, then the others
    keys += sorted(moved - set(keys))
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 2.6 + 0.14 * len(keys)), dpi=DPI)
        upper, lower = fig.subplots(
            2, sharex=True,
            gridspec_kw={"height_ratios": [2.0, 0.15 * len(keys)], "hspace": 0.05, "left": 0.16, "right": 0.98,
                         "top": 0.97, "bottom": 0.30 if len(keys) < 9 else 0.27},
        )  # fmt: skip
        _points(upper, study, scores, order)
        _matrix(lower, differ, order, keys)
    n = scores.groupby("variant")["seed"].nunique().max()
    words = [
        seeds_words(int(n)),
        f"large: mean over seeds, small: a seed; filled: differs from {label(study['arm'])}, main; "
        "f00 to f15: runs of the factorial design",
    ]
    below(fig, results, words)
    return save(fig, results, "specification", _with_changes(scores, differ))


def _points(ax: Any, study: dict[str, Any], scores: pd.DataFrame, order: list[str]) -> None:
    colour = COLOURS[study["arm"]]
    for x, variant in enumerate(order):
        mine = scores.loc[scores["variant"] == variant, "above"]
        ax.plot([x] * len(mine), mine, ".", color=colour, markersize=2, alpha=0.6)
        default = variant == "main"
        ax.plot(x, mine.mean(), "D" if default else "o", color="black" if default else colour, markersize=4)
    ax.axhline(0, color=LIGHT, linewidth=0.6, zorder=0)
    ax.set_ylabel(f"{METRICS[study['metric']]} score above\n{label(study['reference'])}")
    ax.set_xlim(-0.7, len(order) - 0.3)
    ax.tick_params(axis="x", length=0, labelbottom=False)


def _matrix(ax: Any, differ: dict[str, list[str]], order: list[str], keys: list[str]) -> None:
    for x, variant in enumerate(order):
        for y, key in enumerate(keys):
            filled = key in differ[variant]
            ax.plot(x, y, "s", markersize=3.2, color=GREY if filled else "#EEEEEE")
    ax.set_yticks(range(len(keys)), keys)
    ax.set_ylim(len(keys) - 0.4, -0.6)
    names = [variant.replace("factorial_", "f").replace("main", "default") for variant in order]
    ax.set_xticks(range(len(order)), names, rotation=90, fontsize=5.5)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)


def _with_changes(scores: pd.DataFrame, differ: dict[str, list[str]]) -> pd.DataFrame:
    return scores.assign(differs=scores["variant"].map(lambda variant: ", ".join(differ[variant])))


def effects_figure(results: Results, table: pd.DataFrame) -> list[Path]:
    """Main effect of each switch on the score, with Lenth's margin of error around zero."""
    study = results.config["sensitivity"]
    ordered = table.reindex(table["effect"].abs().sort_values().index)
    margin = float(table["margin"].iloc[0])
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 0.75 + 0.2 * len(table)), dpi=DPI)
        ax = fig.add_axes((0.30, 0.30, 0.66, 0.66))
        ax.axvspan(-margin, margin, color="#EEEEEE", linewidth=0)
        ax.axvline(0, color=LIGHT, linewidth=0.6)
        ax.plot(ordered["effect"], range(len(ordered)), "o", color=COLOURS[study["arm"]], markersize=4)
        names = [f"{row['switch']}: {row['low']} → {row['high']}" for _, row in ordered.iterrows()]
        ax.set_yticks(range(len(ordered)), names)
        ax.set_ylim(-0.7, len(ordered) - 0.3)
        ax.set_xlabel(f"effect on the {METRICS[study['metric']]} score")
    seeds = len(_seeds(results))
    words = [
        seeds_words(seeds),
        "16 runs a seed, resolution IV; a dot: mean at the second setting less that at the first",
    ]
    words += ["band: Lenth's margin of error, 95 %"]
    below(fig, results, words)
    return save(fig, results, "main_effects", table)
