"""Figures of the sensitivity study, and all that it writes."""

from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd

from idgan_sc.evaluation.gather import GATHERED_AS
from idgan_sc.files import write_atomic, write_text
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import GREY, LIGHT, STYLE, key, place, save, sheet
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
from idgan_sc.report.words import COLOURS, METRIC_LABELS, label, seeds_words


def sensitivity(results: Results) -> list[Path]:
    """Write the figures and tables of the sensitivity study.

    These are the two figures with their data, the scores of the study's seeds, and what each variant does to
    claims.
    """
    folder = results.root / "sensitivity"
    written = [gather(results, folder, *names) for names in GATHERED_AS.items()]
    scores = specifications(results, folder)
    written += specification_figure(results, scores)
    written += effects_figure(results, effects(results.config, scores))
    moved = moved_verdicts(results, folder)
    written.append(write_atomic(folder / "verdicts.csv", partial(_to_csv, moved)))
    return [*written, write_text(folder / "verdicts.md", verdicts_page(results, moved))]


def specification_figure(results: Results, scores: pd.DataFrame) -> list[Path]:
    """Each point shows one seed under one specification, in order of the means.

    The lower part shows which settings differ from the default.
    """
    study = results.config["sensitivity"]
    order = scores.groupby("variant")["above"].mean().sort_values().index.tolist()
    differ = {variant: changed(results, variant) for variant in order}
    moved = {key for keys in differ.values() for key in keys}
    keys = [key for key in study["factorial"] if key in moved]  # in the configuration's order, then the others
    keys += sorted(moved - set(keys))
    height = 0.15 * len(keys)
    with mpl.rc_context(STYLE):
        fig = sheet(results, 3.3 + height)
        lower = place(fig, 1.3, 1.15, 5.6, height)
        upper = place(fig, 1.3, 1.25 + height, 5.6, 1.9, sharex=lower)
        _points(upper, study, scores, order)
        _matrix(lower, differ, order, keys)
        key(fig, 0.1, 0.5, _key(study), columns=3)
    n = scores.groupby("variant")["seed"].nunique().max()
    caption = [
        f"{METRIC_LABELS[study['metric']]} score of {label(study['arm'])} less that of {label(study['reference'])}, "
        "under every specification, in the order of their means; below, which settings differ from the default.",
        "f00 to f15 are the runs of the factorial design.",
    ]
    return save(fig, results, "specification", _with_changes(scores, differ), caption, seeds_words(int(n)))


SEED, MEAN, DEFAULT = (
    {"linestyle": "", "marker": ".", "markersize": 2, "alpha": 0.6, "label": "a seed"},
    {"linestyle": "", "marker": "o", "markersize": 4, "label": "mean over seeds"},
    {"linestyle": "", "marker": "D", "markersize": 4, "color": "black", "label": "mean of the default"},
)
ZERO: dict[str, Any] = {"color": LIGHT, "linewidth": 0.6, "label": "no difference"}
SQUARE = {"linestyle": "", "marker": "s", "markersize": 3.2}
DIFFERS, SAME = (
    {**SQUARE, "color": GREY, "label": "differs from the default"},
    {**SQUARE, "color": "#E6E6E6", "label": "as the default"},
)


def _key(study: dict[str, Any]) -> list[dict[str, Any]]:
    colour = {"color": COLOURS[study["arm"]]}
    return [SEED | colour, MEAN | colour, DEFAULT, ZERO, DIFFERS, SAME]


def _points(ax: Any, study: dict[str, Any], scores: pd.DataFrame, order: list[str]) -> None:
    colour = {"color": COLOURS[study["arm"]]}
    for x, variant in enumerate(order):
        mine = scores.loc[scores["variant"] == variant, "above"]
        ax.plot([x] * len(mine), mine, **SEED, **colour)
        ax.plot(x, mine.mean(), **(DEFAULT if variant == "main" else MEAN | colour))
    ax.axhline(0, zorder=0, **ZERO)
    ax.set_ylabel(f"{METRIC_LABELS[study['metric']]} score less that of\n{label(study['reference'])}")
    ax.set_xlim(-0.7, len(order) - 0.3)
    ax.tick_params(axis="x", length=0, labelbottom=False)


def _matrix(ax: Any, differ: dict[str, list[str]], order: list[str], keys: list[str]) -> None:
    for x, variant in enumerate(order):
        for y, setting in enumerate(keys):
            ax.plot(x, y, **(DIFFERS if setting in differ[variant] else SAME))
    ax.set_yticks(range(len(keys)), keys)
    ax.set_ylim(len(keys) - 0.4, -0.6)
    names = [variant.replace("factorial_", "f").replace("main", "default") for variant in order]
    ax.set_xticks(range(len(order)), names, rotation=90)
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
    height = 0.2 * len(table)
    dot: dict[str, Any] = {**MEAN, "color": COLOURS[study["arm"]], "label": "effect"}
    with mpl.rc_context(STYLE):
        fig = sheet(results, 0.9 + height)
        ax = place(fig, 2.2, 0.75, 4.6, height)
        ax.axvspan(-margin, margin, facecolor="#E6E6E6", linewidth=0, label=MARGIN["label"])
        ax.axvline(0, **ZERO)
        ax.plot(ordered["effect"], range(len(ordered)), **dot)
        names = [f"{row['switch']}: {row['low']} → {row['high']}" for _, row in ordered.iterrows()]
        ax.set_yticks(range(len(ordered)), names)
        ax.set_ylim(-0.7, len(ordered) - 0.3)
        ax.set_xlabel(f"effect on the {METRIC_LABELS[study['metric']]} score")
        key(fig, 2.2, 0.2, [dot, MARGIN, ZERO], columns=3)
    caption = [
        f"Main effect of each switch on the {METRIC_LABELS[study['metric']]} score of {label(study['arm'])}: the mean "
        "at the second setting less that at the first.",
        "16 runs a seed in a factorial design of resolution IV.",
    ]
    return save(fig, results, "main_effects", table, caption, seeds_words(len(_seeds(results))))


MARGIN = {"facecolor": "#E6E6E6", "label": "Lenth's margin of error, 95%"}
