"""Figures of the generators' scores and pairs."""

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from idgan_sc.config import DATASET, LABELLED, dataset_row, generators
from idgan_sc.evaluation.generators.pairs import UNRELATED
from idgan_sc.evaluation.generators.scores import CODE, Q
from idgan_sc.evaluation.generators.scores_by_reader import TRUE
from idgan_sc.records.published import AS_GENERATORS
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import DPI, GREY, STYLE, TEXT, below, save
from idgan_sc.report.generator_tables import FIDELITY, SHARED_MANIFOLD, _held_out
from idgan_sc.report.read import _labelled, _of, floors, read
from idgan_sc.report.words import COLOURS, METRICS, VARIANTS, label, plus_minus, seeds_range

RIGHT = {"change_one": "one_changes", "keep_one": "one_stays"}  # when a rule's label can be right
PANELS = ("factor_vae", "mig")  # of the figures
QUALITY = {  # of a generator, against which its first score is shown
    "distance": "median |g − x|²/|x|²  (0: true images)",
    "coverage": "coverage of the grid  (1: true images)",
}
MARKERS = {DATASET: "o", **dict(zip(LABELLED, itertools.cycle(("o", "s", "^", "D"))))}
SHAPE_WORDS = {"o": "circle", "s": "square"}


def figure_generator(results: Results) -> list[Path]:
    """The generator's scores beside Q's, and against its fidelity and coverage: the trade-off of ID-GAN.

    A point is a system and seed on dSprites.
    """
    wide = _points(read(results.root / "generator_scores.csv"), [DATASET], FIDELITY)
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 4.35), dpi=DPI)
        for i, metric in enumerate(PANELS):
            ax = fig.add_axes((0.07 + 0.385 * i, 0.64, 0.315, 0.34))
            _scatter(ax, wide, f"q_{metric}", metric)
            levels = _components(results.root, DATASET, metric)
            ax.set_xlim(0, max([ax.get_xlim()[1], *(1.1 * level for level in levels)]))
            _diagonal(ax)
            for level, face in zip(levels, (GREY, "white"), strict=False):
                ax.plot(level, 0, marker="^", color=GREY, markerfacecolor=face, markersize=4, clip_on=False, zorder=3)
            ax.set_xlabel(f"{METRICS[metric]} of Q, on true images")
            ax.set_ylabel(f"{METRICS[metric]} of the generator")
        for i, (measure, axis) in enumerate(QUALITY.items()):
            ax = fig.add_axes((0.07 + 0.385 * i, 0.17, 0.315, 0.34))
            _scatter(ax, wide, measure, PANELS[0])
            ax.set_xlabel(axis)
            ax.set_ylabel(f"{METRICS[PANELS[0]]} of the generator")
        _legend(fig, wide)
    unscored = int(wide[list(PANELS)].isna().any(axis=1).sum())
    words = [
        f"{_seeds(wide)}; a point is one seed; open: variant c10; dashed: equal scores, on as many images",
        "triangles: what the pixels' principal components score, open: as many as codes of c10",
    ]
    words += [f"{unscored} of {len(wide)} runs have no score"] if unscored else []
    below(fig, results, words)
    return save(fig, results, "figure_generator", wide)


def figure_generator_pictures(results: Results) -> list[Path]:
    """Scores of the generators of digits and faces against precision, and recall against precision."""
    generator = read(results.root / "generator_scores.csv")
    data = _labelled(results, generator)
    true = {metric: metric + TRUE for metric in SHARED_MANIFOLD}
    wide = _points(generator, data, [*SHARED_MANIFOLD, *true.values()])
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 2.6), dpi=DPI)
        for i, metric in enumerate([*PANELS, "recall"]):
            ax = fig.add_axes((0.065 + 0.265 * i, 0.37, 0.195, 0.58))
            _scatter(ax, wide, "precision", metric)
            if metric != "recall":
                for name in data:
                    levels = pd.Series(_components(results.root, name, metric), dtype=float)
                    _marks(ax, pd.Series(name, levels.index), 0 * levels, levels, GREY, GREY)
                    ax.set_ylim(0, max([ax.get_ylim()[1], *(1.1 * levels)]))
            else:
                best = wide.groupby("dataset", sort=False)[list(true.values())].mean().reset_index()
                _marks(ax, best["dataset"], best[true["precision"]], best[true["recall"]], GREY, "none")
                ax.set_ylim(0, 1)
            ax.set_xlim(0, 1)
            ax.set_xlabel("precision")
            ax.set_ylabel("recall" if metric == "recall" else f"{METRICS[metric]} of the generator")
        _legend(fig, wide, apart=0.17)
    shapes = ", ".join(f"{SHAPE_WORDS[MARKERS[name]]}: {dataset_row(name).title}" for name in data)
    words = [
        _seeds(wide),
        f"a point is one seed; {shapes}",
        "grey: other true images; at the left, what the pixels' principal components score",
        "factors are read by a network; on held-out true images "
        + "; ".join(f"{dataset_row(name).title}: {_held_out(generator, name)}" for name in data),
    ]
    below(fig, results, words, data)
    return save(fig, results, "figure_generator_pictures", wide, data)


def figure_pairs(results: Results) -> list[Path]:
    """C11: how well E or H tells the pairs of its own rule from the start of stage B on; what the pairs really show.

    Left: accuracy with chance taken off, (a − 1/k)/(1 − 1/k), over the steps of stage B. Right: the share of pairs in
    which a label can be right, at the start (stage A's generator) and at the end of stage B; below, that of unrelated
    pairs, whose labels would be right by chance.
    """
    labels = read(results.root / "pair_labels.csv")
    accuracy, shares = _accuracies(labels), _right_shares(results, labels)
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 2.7), dpi=DPI)
        ax = fig.add_axes((0.07, 0.31, 0.36, 0.64))
        for _, mine in accuracy.groupby(["system", "variant"], sort=False):
            ax.plot(mine["step"], mine["mean"], **_line(mine))
        ax.axhline(0, color=GREY, linewidth=0.5, zorder=1)
        ax.set(xlabel="step of stage B", ylabel="accuracy of E or H above chance")
        ax = fig.add_axes((0.52, 0.31, 0.27, 0.64))
        for _, mine in shares.groupby(["system", "variant"], sort=False):
            ax.plot(mine["at"], mine["mean"], **_line(mine), marker="o", markersize=3)
        ax.set_xticks([0, 1], ["start", "end"])
        ax.set(xlim=(-0.3, 1.3), xlabel="of stage B", ylabel="pairs whose label can be right")
        ax.set_ylim(0, 1.1 * max([0.1, *shares["mean"]]))
        _legend(fig, shares, apart=0.17)
    means = _of(labels, rule=UNRELATED).groupby("measure")["value"].mean().dropna()
    unrelated = {name: plus_minus(means.get(name), None) for name in RIGHT.values()}
    words = [
        seeds_range(shares["n"].tolist()),
        "mean over seeds; dashed: variant c10",
        "above chance: (accuracy − 1/k)/(1 − 1/k), H's after its step on the same pairs",
        f"right label: exactly one of five factors stays (InfoGAN-CR; unrelated pairs {unrelated['one_stays']}), "
        f"or changes (the others; unrelated pairs {unrelated['one_changes']})",
    ]
    below(fig, results, words)
    frame = pd.concat([accuracy.assign(measure="accuracy"), shares.assign(measure="right_label")], ignore_index=True)
    return save(fig, results, "figure_pairs", frame)


def _accuracies(labels: pd.DataFrame) -> pd.DataFrame:
    """A row an arm and logged step: mean over seeds of the accuracy with chance taken off."""
    log = _of(labels, measure="accuracy_log", system=list(COLOURS), variant=list(VARIANTS))
    chance = 1 / log["k"]
    log = log.assign(value=(log["value"] - chance) / (1 - chance))
    grouped = log.groupby(["system", "variant", "k", "step"])["value"]
    return grouped.agg(n="count", mean="mean").reset_index()


def _right_shares(results: Results, labels: pd.DataFrame) -> pd.DataFrame:
    """Rows of the regularised arms at the start (0) and the end (1): share of pairs of their rule that show it."""
    rows = []
    for run in generators(results.config, results.preset):
        settings = results.settings(run)
        rule = settings["pair_rule"]
        if run.system not in COLOURS or run.variant not in VARIANTS or rule == "none":
            continue
        for at, source in enumerate((results.before(run).get("start"), run)):
            if source is None:
                continue
            about = {"system": source.system, "variant": source.variant, "seed": source.seed}
            found = _of(labels, rule=rule, measure=RIGHT[rule], **about)["value"]
            rows += [(run.system, run.variant, at, float(value)) for value in found]
    frame = pd.DataFrame(rows, columns=["system", "variant", "at", "value"])
    return frame.groupby(["system", "variant", "at"])["value"].agg(n="count", mean="mean").reset_index()


def _line(mine: pd.DataFrame) -> dict[str, Any]:
    """The style of an arm's line."""
    first = mine.iloc[0]
    return {"color": COLOURS[first["system"]], "linestyle": "-" if first["variant"] == "main" else (0, (2, 1.5))}


def _points(scores: pd.DataFrame, data: list[str], measures: Iterable[str]) -> pd.DataFrame:
    """A row a run of the arms on `data`; a column a metric of the generator, `q_` and a metric of Q, and a measure."""
    key = ["dataset", "system", "variant", "seed"]
    wide = _wide(scores, data, key, CODE).reindex(columns=[*METRICS, *measures])
    return wide.join(_wide(scores, data, key, Q).reindex(columns=list(METRICS)).add_prefix("q_")).reset_index()


def _wide(scores: pd.DataFrame, data: list[str], key: list[str], code: str) -> pd.DataFrame:
    wanted = _of(scores, dataset=data, system=list(COLOURS), variant=list(VARIANTS), code=code)
    return wanted.pivot(index=key, columns="metric", values="value")


def _scatter(ax: Axes, wide: pd.DataFrame, x: str, y: str) -> None:
    """A point a run, in its system's colour and its data set's shape; open for the variants."""
    for (system, variant), mine in wide.groupby(["system", "variant"]):
        colour = COLOURS[str(system)]
        _marks(ax, mine["dataset"], mine[x], mine[y], colour, colour if variant == "main" else "none")
    for axis, values, limit in ((ax.xaxis, wide[x], ax.set_xlim), (ax.yaxis, wide[y], ax.set_ylim)):
        limit(0, 1.1 * values.max() if values.max() > 0 else 1)
        axis.set_major_locator(mpl.ticker.MaxNLocator(5))


def _marks(ax: Axes, data: pd.Series, x: pd.Series, y: pd.Series, colour: str, face: str) -> None:
    for name in data.unique():
        style: dict[str, Any] = {"marker": MARKERS[name], "facecolors": face, "edgecolors": colour, "linewidths": 0.9}
        ax.scatter(x[data == name], y[data == name], s=16, zorder=3, clip_on=False, **style)


def _diagonal(ax: Axes) -> None:
    """The line of equal scores, both axes with the same limits."""
    high = max(ax.get_xlim()[1], ax.get_ylim()[1])
    ax.plot([0, high], [0, high], color=GREY, linewidth=0.5, dashes=(4, 3), zorder=1)
    ax.set(xlim=(0, high), ylim=(0, high))


def _components(root: Path, data: str, metric: str) -> list[float]:
    """What the pixels' principal components of a data set score, by how many they are; NaN where there is no score."""
    cells = [cell for floor in floors(root, data, AS_GENERATORS) for cell in floor]
    mine = [cell for cell in cells if cell["system"] == "pixel_components" and cell["metric"] == metric]
    return [cell["mean"] if cell["n"] else np.nan for cell in mine]


def _seeds(wide: pd.DataFrame) -> str:
    return seeds_range(wide.groupby(["dataset", "system", "variant"])["seed"].nunique().tolist())


def _legend(fig: Figure, wide: pd.DataFrame, apart: float = 0.09) -> None:
    """The systems' names in their colours, right of the panels."""
    present = [system for system in COLOURS if system in set(wide["system"])]
    for i, system in enumerate(present):
        words = label(system).replace(" (", "\n(")
        y = 0.96 - apart * i
        fig.text(0.86, y, words, color=COLOURS[system], size=6.5, va="top", linespacing=1.1)
        fig.text(0.84, y, "●", color=COLOURS[system], size=6.5, va="top")
    if not present:
        fig.text(0.84, 0.9, "no runs", color=GREY, size=6.5, va="top")


FIGURES: dict[str, Callable[[Results], list[Path]]] = {
    "figure_generator": figure_generator,
    "figure_generator_pictures": figure_generator_pictures,
    "figure_pairs": figure_pairs,
}
