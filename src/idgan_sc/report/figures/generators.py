"""Figures of the generators' scores and pairs."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from idgan_sc.config import DATASET, dataset_row, generators_by_matching
from idgan_sc.evaluation.generators.names import GENERATOR_CODE, Q_CODE, TRUE, UNRELATED
from idgan_sc.records.published import AS_GENERATORS
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import GREY, LARGE, LIGHT, STYLE, key, mark, place, save, sheet
from idgan_sc.report.generator_tables import FIDELITY, SHARED_MANIFOLD, _held_out
from idgan_sc.report.read import baseline_cells, datasets_by_reader, read_generator_table, select
from idgan_sc.report.statistics import LEVEL, MIN_N, summary
from idgan_sc.report.words import COLOURS, METRIC_LABELS, SYSTEMS, VARIANTS, label, places, seeds_range

RIGHT = {"change_one": "one_changes", "keep_one": "one_stays"}  # when a rule's label can be right
PANELS = ("factor_vae", "mig")  # of the figures
QUALITY = {  # of a generator, against which its first score is shown
    "distance": "median |g − x|²/|x|² (0: true images)",
    "coverage": "coverage of the grid (1: true images)",
}
COMPONENTS = (  # of the pixels, by their number: words and dashes
    ("principal components of the pixels, 5 codes", (1, 1)),
    ("principal components of the pixels, 10 codes", (1, 3)),
)
EQUAL: dict[str, Any] = {"color": GREY, "linewidth": 0.6, "dashes": (5, 3), "label": "equal scores"}
OTHERS: dict[str, Any] = {"color": GREY, "marker": "*", "markersize": 6, "label": "other true images"}
BAR = {"color": GREY, "linestyle": "", "marker": "|", "markersize": 8, "label": f"{LEVEL:.0%} interval of the mean"}
THIN: dict[str, Any] = {"linewidth": 0.4, "alpha": 0.5}
SEED = {"color": GREY, "linewidth": 0.4, "label": "a seed"}
ZERO: dict[str, Any] = {"color": LIGHT, "linewidth": 0.8, "zorder": 1}
CHANCE = {"color": LIGHT, "linewidth": 0.8, "label": "chance; unrelated pairs"}


def figure_generator(results: Results) -> list[Path]:
    """The generator's scores beside Q's, and against its fidelity and coverage: the trade-off of ID-GAN.

    A point is a system and seed on dSprites.
    """
    wide = _points(read_generator_table(results.root / "generator_scores.csv"), [DATASET], FIDELITY)
    with mpl.rc_context(STYLE):
        fig = sheet(results, 4.5)
        lines: dict[str, Any] = {}
        for i, metric in enumerate(PANELS):
            ax = place(fig, 0.5 + 2.6 * i, 2.7, 2.0, 1.7)
            for level, (words, dashes) in zip(_components(results.root, DATASET, metric), COMPONENTS, strict=False):
                ax.axvline(level, color=GREY, linewidth=0.8, dashes=dashes, zorder=1, label=words)
                lines[words] = {"color": GREY, "linewidth": 0.8, "dashes": dashes, "label": words}
            _scatter(ax, wide, f"q_{metric}", metric)
            _diagonal(ax)
            ax.set(
                xlabel=f"{METRIC_LABELS[metric]} of Q, on true images",
                ylabel=f"{METRIC_LABELS[metric]} of the generator",
            )
        for i, (measure, axis) in enumerate(QUALITY.items()):
            ax = place(fig, 0.5 + 2.6 * i, 0.42, 2.0, 1.7)
            _scatter(ax, wide, measure, PANELS[0])
            ax.set(xlabel=axis, ylabel=f"{METRIC_LABELS[PANELS[0]]} of the generator")
        key(fig, 5.32, 4.4, [*_systems(wide), EQUAL, *lines.values()], wrap=20)
    unscored = int(wide[list(PANELS)].isna().any(axis=1).sum())
    caption = [
        "Above: scores of the generator, whose images are matched with true ones, against those of Q on as many true "
        "images. Below: the generator's score against its fidelity and coverage; the axes begin where the points do.",
        "A point is one seed. Principal components have no generator: their line is at what they score in Q's place.",
    ]
    caption += [f"{unscored} of {len(wide)} runs have no score."] if unscored else []
    return save(fig, results, "figure_generator", wide, caption, _seeds(wide))


def figure_generator_pictures(results: Results) -> list[Path]:
    """Scores of the generators of digits and faces against precision, and recall against precision."""
    generator = read_generator_table(results.root / "generator_scores.csv")
    data = datasets_by_reader(results, generator)
    true = {metric: metric + TRUE for metric in SHARED_MANIFOLD}
    wide = _points(generator, data, [*SHARED_MANIFOLD, *true.values()])
    words, dashes = COMPONENTS[0][0].replace(", 5 codes", ""), COMPONENTS[0][1]
    components: dict[str, Any] = {"color": GREY, "linewidth": 0.8, "dashes": dashes, "label": words}
    with mpl.rc_context(STYLE):
        fig = sheet(results, 0.1 + 2.0 * len(data))
        for row, name in enumerate(data):
            mine = wide[wide["dataset"] == name]
            for i, metric in enumerate([*PANELS, "recall"]):
                ax = place(fig, 0.78 + 1.78 * i, 0.42 + 2.0 * (len(data) - 1 - row), 1.25, 1.4)
                _scatter(ax, mine, "precision", metric)
                if metric == "recall":
                    ax.plot(mine[true["precision"]].mean(), mine[true["recall"]].mean(), **OTHERS)
                else:
                    for level in _components(results.root, name, metric)[:1]:
                        ax.axhline(level, zorder=1, **components)
                _room(ax)
                ax.set(
                    xlabel="precision",
                    ylabel="recall" if metric == "recall" else f"{METRIC_LABELS[metric]} of the generator",
                )
                if i == 0:
                    ax.text(-0.5, 0.5, dataset_row(name).title, transform=ax.transAxes, rotation=90, va="center",
                            ha="right", weight="bold", size=LARGE)  # fmt: skip
        entries = [*_systems(wide), OTHERS | {"linestyle": ""}, components]
        key(fig, 5.75, 2.0 * len(data) - 0.1, entries, wrap=16)
    caption = [
        "Scores of the generators of digits and faces against precision, and recall against precision. A point is one "
        "seed; the axes begin where the points do.",
        "Factors of generated images are read by a network. On held-out true images it reaches, "
        + "; ".join(f"{dataset_row(name).title}: {_held_out(generator, name)}" for name in data) + ".",
    ]  # fmt: skip
    return save(fig, results, "figure_generator_pictures", wide, caption, _seeds(wide), data)


def figure_pairs(results: Results) -> list[Path]:
    """C11: lines show how well E or H tells the pairs of its own rule.

    The figure also shows how many more pairs than unrelated ones show the rule.

    The left panel has the accuracy with chance removed, (a − 1/k)/(1 − 1/k), over the steps of stage B. The right
    panel has the share of pairs in which a label can be right, minus that of unrelated pairs of the same
    generator. The labels of unrelated pairs would be right by chance. The shares are at the start
    (stage A's generator) and at the end of stage B.
    """
    labels = read_generator_table(results.root / "pair_labels.csv")
    accuracy, shares = _accuracies(labels), _right_shares(results, labels)
    with mpl.rc_context(STYLE):
        fig = sheet(results, 3.7)
        ax = place(fig, 0.5, 1.4, 2.5, 2.2)
        for _, mine in accuracy.groupby(["system", "variant"], sort=False):
            _seed_lines(ax, mine, "step")
            mean = mine[mine["seed"].isna()]
            ax.plot(mean["step"], mean["mean"], **_line(mine), markevery=0.2, zorder=3)
        ax.axhline(0, label=CHANCE["label"], **ZERO)
        ax.set(xlabel="step of stage B", ylabel="accuracy of E or H above chance")
        ax = place(fig, 3.75, 1.4, 3.2, 2.2)
        _slopes(ax, shares)
        arms = [_line(mine) for _, mine in accuracy.groupby(["system", "variant"], sort=False)]
        key(fig, 0.4, 0.55, [*arms, SEED, BAR, CHANCE], columns=3)
    caption = [
        "Left: how well the pair network (E, or H of InfoGAN-CR) tells the pairs of its own rule, chance taken off: "
        "(accuracy − 1/k)/(1 − 1/k) with k codes; H's after its step on the same pairs.",
        "Right: share of pairs of generated images in which the label can be right, less that of unrelated pairs of "
        "the same generator, at the start of stage B and at its end. The label is right if exactly one of five factors "
        f"stays (InfoGAN-CR) or changes (the others). {_unrelated(shares)}",
        f"Thick lines are means over seeds; their bars are t-intervals, from {MIN_N} seeds on.",
    ]
    of_seed = shares["seed"].notna()
    parts = [
        accuracy.assign(measure=np.where(accuracy["seed"].isna(), "accuracy", "accuracy_of_seed")),
        shares.assign(measure=np.where(of_seed, "right_label_of_seed", "right_label")),
    ]
    n = seeds_range(shares.loc[~of_seed, "n"].astype(int).tolist())
    return save(fig, results, "figure_pairs", pd.concat(parts, ignore_index=True), caption, n)


def _slopes(ax: Axes, shares: pd.DataFrame) -> None:
    """Draw the excess over unrelated pairs at start and end of stage B.

    Each arm has its own place.
    """
    names = []
    for i, ((system, variant), mine) in enumerate(shares.groupby(["system", "variant"], sort=False)):
        _seed_lines(ax, mine.assign(x=2 * i + mine["at"], mean=mine["excess"]), "x")
        mean = mine[mine["seed"].isna()].sort_values("at")
        error = mean["excess_high"] - mean["excess"]
        bars = ax.errorbar(2 * i + mean["at"], mean["excess"], error, **_line(mine), capsize=2, zorder=3)
        bars.lines[0].set_label(bars.get_label())
        for part in (*bars.lines[1], *bars.lines[2]):
            part.set_label(BAR["label"])
        names.append(label(str(system)).replace(" (", "\n").removesuffix(")").replace(" β", "\nβ")
                     + ("" if variant == "main" else "\n10 codes"))  # fmt: skip
    ax.axhline(0, label=CHANCE["label"], **ZERO)
    ax.set_xticks([2 * i + 0.5 for i in range(len(names))], names)
    ax.set_xticks([*range(2 * len(names))], ["start", "end"] * len(names), minor=True)
    ax.set(xlim=(-0.6, 2 * max(len(names), 1) - 0.4), ylabel="pairs whose label can be right,\nless unrelated pairs")
    ax.tick_params(axis="x", length=0, pad=13)
    ax.tick_params(axis="x", which="minor", pad=2)


def _seed_lines(ax: Axes, mine: pd.DataFrame, x: str) -> None:
    for _, seed in mine.dropna(subset="seed").groupby("seed"):
        ax.plot(seed[x], seed["mean"], color=COLOURS[seed["system"].iloc[0]], **THIN, label=SEED["label"])


def _unrelated(shares: pd.DataFrame) -> str:
    """What unrelated pairs reach, by rule."""
    if shares.empty:
        return "No pair could be matched with true images."
    keep = shares["system"] == "infogan_cr"
    means = shares["unrelated"].groupby(keep).mean()
    label_of_rule = {True: "one stays", False: "one changes"}
    return (
        f"Unrelated pairs: {', '.join(f'{label_of_rule[bool(rule)]} {places(mean)}' for rule, mean in means.items())}."
    )


def _accuracies(labels: pd.DataFrame) -> pd.DataFrame:
    """Compute the accuracy with chance removed, by arm and logged step.

    One row is the mean over seeds. There is also one row for each seed.
    """
    log = select(labels, measure="accuracy_log", system=list(SYSTEMS), variant=list(VARIANTS))
    chance = 1 / log["k"]
    log = log.assign(mean=(log["value"] - chance) / (1 - chance))
    key_columns = ["system", "variant", "k", "step"]
    means = log.groupby(key_columns)["mean"].agg(n="count", mean="mean").reset_index()
    return _in_order(pd.concat([means, log[[*key_columns, "seed", "mean"]].assign(n=1)]))


def _right_shares(results: Results, labels: pd.DataFrame) -> pd.DataFrame:
    """Compute how often labels can be right, by regularised arm.

    There are rows for the start (0) and the end (1): one for each seed and one for their mean.

    `mean` is the share of pairs of the arm's rule that show it. `unrelated` is that of unrelated pairs of the
    same generator. `excess` is the difference, with its interval over seeds.
    """
    rows = []
    for run in generators_by_matching(results.config, results.preset):
        settings = results.settings(run)
        rule = settings["pair_rule"]
        if run.system not in SYSTEMS or run.variant not in VARIANTS or rule == "none":
            continue
        for at, source in enumerate((results.before(run).get("start"), run)):
            if source is None:
                continue
            key_columns = {
                "system": source.system,
                "variant": source.variant,
                "seed": source.seed,
                "measure": RIGHT[rule],
            }
            found, unrelated = (select(labels, rule=name, **key_columns)["value"] for name in (rule, UNRELATED))
            rows += [(run.system, run.variant, at, run.seed, *pair) for pair in zip(found, unrelated, strict=False)]
    of_seed = pd.DataFrame(rows, columns=["system", "variant", "at", "seed", "mean", "unrelated"])
    of_seed = of_seed.assign(n=1, excess=of_seed["mean"] - of_seed["unrelated"]).astype({"seed": "Int64"})
    means = [
        {"system": system, "variant": variant, "at": at, "n": len(mine), "mean": mine["mean"].mean(),
         "unrelated": mine["unrelated"].mean(), **_excess(mine["excess"])}
        for (system, variant, at), mine in of_seed.groupby(["system", "variant", "at"])
    ]  # fmt: skip
    columns = ["system", "variant", "at", "n", "mean", "unrelated", "excess", "excess_low", "excess_high"]
    mean = pd.DataFrame(means, columns=columns).astype(dict.fromkeys(columns[-5:], float))
    return _in_order(pd.concat([mean, of_seed]))


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by system in the order of `SYSTEMS`, then 5 codes before 10."""
    orders = {"system": list(SYSTEMS), "variant": list(VARIANTS)}
    return rows.sort_values([*orders], key=lambda column: column.map(orders[str(column.name)].index), kind="stable")


def _excess(values: pd.Series) -> dict[str, float | None]:
    s = summary(values)
    return {"excess": s.mean, "excess_low": s.low, "excess_high": s.high}


def _line(mine: pd.DataFrame) -> dict[str, Any]:
    """The style of an arm's line."""
    first = mine.iloc[0]
    return mark(first["system"], first["variant"]) | {"linestyle": "-" if first["variant"] == "main" else (0, (2, 1.5))}


def _points(scores: pd.DataFrame, data: list[str], measures: Iterable[str]) -> pd.DataFrame:
    """Return one row for each run of the arms on `data`.

    The columns are the metrics of the generator, the metrics of Q with the prefix `q_`, and the measures.
    """
    key = ["dataset", "system", "variant", "seed"]
    wide = _wide(scores, data, key, GENERATOR_CODE).reindex(columns=[*METRIC_LABELS, *measures])
    return wide.join(
        _wide(scores, data, key, Q_CODE).reindex(columns=list(METRIC_LABELS)).add_prefix("q_")
    ).reset_index()


def _wide(scores: pd.DataFrame, data: list[str], key: list[str], code: str) -> pd.DataFrame:
    wanted = select(scores, dataset=data, system=list(SYSTEMS), variant=list(VARIANTS), code=code)
    return wanted.pivot(index=key, columns="metric", values="value")


def _scatter(ax: Axes, wide: pd.DataFrame, x: str, y: str) -> None:
    """A point a run, with its system's colour and shape; open for the variants."""
    for (system, variant), mine in wide.groupby(["system", "variant"]):
        ax.plot(mine[x], mine[y], linestyle="", zorder=3, clip_on=False, **mark(str(system), str(variant)))
    _room(ax)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(mpl.ticker.MaxNLocator(4))


def _room(ax: Axes) -> None:
    """Limits around what is drawn, whatever was set before."""
    ax.relim()
    ax.margins(0.08)
    ax.autoscale()


def _diagonal(ax: Axes) -> None:
    """The line of equal scores, within the limits."""
    limits = ax.get_xlim(), ax.get_ylim()
    low, high = max(one[0] for one in limits), min(one[1] for one in limits)
    ax.plot([low, high], [low, high], zorder=1, **EQUAL)
    ax.set(xlim=limits[0], ylim=limits[1])


def _components(root: Path, data: str, metric: str) -> list[float]:
    """Return the scores of the pixels' principal components of a data set.

    They are ordered by the number of components. A missing score is NaN.
    """
    cells = [cell for baseline in baseline_cells(root, data, AS_GENERATORS) for cell in baseline]
    mine = [cell for cell in cells if cell["system"] == "pixel_components" and cell["metric"] == metric]
    return [cell["mean"] if cell["n"] else np.nan for cell in mine]


def _seeds(wide: pd.DataFrame) -> str:
    return seeds_range(wide.groupby(["dataset", "system", "variant"])["seed"].nunique().tolist())


def _systems(wide: pd.DataFrame) -> list[dict[str, Any]]:
    """The systems' marks for a key, in the order of `SYSTEMS`."""
    there = set(zip(wide["system"], wide["variant"], strict=True))
    arms = [(system, variant) for system in SYSTEMS for variant in VARIANTS if (system, variant) in there]
    return [mark(*arm) | {"linestyle": ""} for arm in arms]


FIGURES: dict[str, Callable[[Results], list[Path]]] = {
    "figure_generator": figure_generator,
    "figure_generator_pictures": figure_generator_pictures,
    "figure_pairs": figure_pairs,
}
