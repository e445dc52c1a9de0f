"""Tables and figures beyond the paper's: the generator's own scores, and what the pairs really show (Sec. 2.1, 2.2).

Functions of `generator_scores.csv`, `pair_labels.csv` and the floors below a preset's results.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run
from idgan_sc.figures import COLOURS, DPI, GREY, STYLE, TEXT, below, save
from idgan_sc.files import DataError
from idgan_sc.generator import CODE, DISTILLED, RULES, UNRELATED, Q
from idgan_sc.generator_pictures import HELD_OUT, TRUE
from idgan_sc.provenance import AS_GENERATORS, generators, origin, read_generators
from idgan_sc.stats import summary
from idgan_sc.tables import (
    CODES,
    DASH,
    DATASET,
    FLOORS,
    METRICS,
    VARIANTS,
    Page,
    Row,
    data_name,
    floors,
    label,
    notes,
    plus_minus,
    seeds_range,
    seeds_words,
    write_page,
)

FIDELITY = {"distance": "Distance", "abstained": "Abstained", "coverage": "Coverage"}
WITH_VAE = {DISTILLED: "Distilled"}  # measured where codes come from a β-VAE
DISTILLED_WORDS = (
    "Distilled: correlation of each code c_k with the frozen β-VAE's own mean of G(z, c) there, mean over the codes "
    "that it uses; 1: a code shows what it shows in the β-VAE, −1: the reverse of it, near 0: something else."
)
LIKEWISE = (
    "Q, its mean, and the floor, what learned nothing: on as many true images, scored in the same way. Fewer images "
    "score otherwise, most of all in DCI: Table 3 has the scores on the whole pool."
)
NO_SPREAD = dict.fromkeys(("sd", "se", "low", "high"))  # of values that differ by machine, not by seed
START = "{} at the start of stage B"  # a stage A
SPACES = {"prior": "codes of the prior", "vae": "distilled codes"}
PAIRS = {"change_one": "change one", "keep_one": "keep one", UNRELATED: "unrelated"}
SHARES = {
    "changed": "Factors changed",
    "none_changes": "None changes",
    "one_changes": "Exactly one changes",
    "one_stays": "Exactly one stays",
}
SHARED_MANIFOLD = {"precision": "Precision", "recall": "Recall"}
MEASURES = METRICS | FIDELITY | SHARED_MANIFOLD | WITH_VAE
RIGHT = {"change_one": "one_changes", "keep_one": "one_stays"}  # when a rule's label can be right
ACCURACIES = {"accuracy_first": "E or H, first", "accuracy_last": "last", "accuracy": "new pairs"}
PANELS = ("factor_vae", "mig")  # of the figures
QUALITY = {  # of a generator, against which its first score is shown
    "distance": "median |g − x|²/|x|²  (0: true images)",
    "coverage": "coverage of the grid  (1: true images)",
}
MARKERS = {DATASET: "o", "digits": "o", "faces": "s"}
SHAPE_WORDS = {"o": "circle", "s": "square"}


# ------------------------------------------------------------------------------------------------------------- tables
def table_generator(config: Config, preset: str, root: Path) -> list[Path]:
    """Scores of c against the factors of the images made from it, beside those of Q on true images; fidelity."""
    generator = read(root / "generator_scores.csv")
    cells, rows = [], []
    for system, variant in _arms(config, preset, starts=False):
        own = _of(generator, dataset=DATASET, system=system, variant=variant)
        mine = [_cell(own, system, variant, CODE, metric) for metric in (*METRICS, *FIDELITY, *WITH_VAE)]
        other = [_cell(own, system, variant, Q, metric) for metric in METRICS]
        n = max(cell["n"] for cell in mine)
        head = [_label(config, preset, system, variant), str(_k(config, preset, system, variant)), str(n)]
        rows += [
            [*head, "generator", *(_shown(cell, n) for cell in mine)],
            ["", "", "", "Q, true images", *(_mean_sd(cell, n) for cell in other), *[DASH] * len(mine[len(other) :])],
        ]
        cells += mine + other
    for floor in floors(root, protocol=AS_GENERATORS):
        rows.append([*_floor_line(floor), *[DASH] * (len(FIDELITY) + len(WITH_VAE))])
        cells += floor
    sizes = configuration.generated(config, preset)
    page = Page(
        "Table G",
        "Disentanglement of the generator itself, and its fidelity.",
        ["Model", "k", "n", "Scored", *METRICS.values(), *FIDELITY.values(), *WITH_VAE.values()],
        "lrrl" + "c" * (len(METRICS) + len(FIDELITY) + len(WITH_VAE)),
        rows,
        [
            f"Generator: the true code c against the factors of the nearest true image of each of {sizes['images']} "
            "generated images; orientation modulo the shape's symmetry.",
            LIKEWISE,
            f"Distance: median of |g − x|²/|x|². Abstained: share of images beyond {sizes['abstain']}, left out of the "
            "scores. Coverage: grid cells reached over those of as many random true images.",
            DISTILLED_WORDS,
            *_reasons(_of(generator, dataset=DATASET)),
            *notes(config, preset),
        ],
    )
    return write_page(config, preset, root, "table_generator", _traced(config, preset, root, cells, generator), page)


def table_generator_pictures(config: Config, preset: str, root: Path) -> list[Path]:
    """As `table_generator` for digits and faces: factors read by regressors; precision and recall."""
    generator = read(root / "generator_scores.csv")
    data = _labelled(config, preset, generator)
    cells: list[dict[str, Any]] = []
    rows: list[Row] = []
    for name in data:
        mine = _of(generator, dataset=name)
        once = _once_a_seed(mine)
        true = [_cell(once, "", "", CODE, metric + TRUE) | NO_SPREAD for metric in SHARED_MANIFOLD]
        rows += [None] if rows else []
        for system, variant in _read_arms(config, preset, name):
            own = _of(mine, system=system, variant=variant)
            measures = (*METRICS, *SHARED_MANIFOLD, *WITH_VAE)
            scored = [_cell(own, system, variant, CODE, metric) for metric in measures]
            other = [_cell(own, system, variant, Q, metric) for metric in METRICS]
            n = max(cell["n"] for cell in scored)
            head = [data_name(name), label(system), str(_k(config, preset, system, variant, name)), str(n)]
            rows += [
                [*head, "generator", *(_shown(cell, n) for cell in scored)],
                ["", "", "", "", "Q, true images", *(_mean_sd(cell, n) for cell in other), *[DASH] * (len(true) + 1)],
            ]
            cells += [{"dataset": name} | cell for cell in scored + other]
        best = [plus_minus(cell["mean"], None) for cell in true]
        rows.append([data_name(name), "true images", "", "", DASH, *[DASH] * len(METRICS), *best, DASH])
        cells += [{"dataset": name} | cell for cell in true]
        for floor in floors(root, name, AS_GENERATORS):
            rows.append([data_name(name), *_floor_line(floor), *[DASH] * (len(true) + 1)])
            cells += floor
    sizes = configuration.generated(config, preset)
    page = Page(
        "Table R",
        "Disentanglement and quality of generators whose factors are read by regressors.",
        ["Data", "Model", "k", "n", "Scored", *METRICS.values(), *SHARED_MANIFOLD.values(), *WITH_VAE.values()],
        "llrrl" + "c" * (len(METRICS) + len(SHARED_MANIFOLD) + len(WITH_VAE)),
        rows,
        [
            "Generator: the true code c against the factors that a network reads off each of "
            f"{sizes['images']} generated images, none left out.",
            LIKEWISE,
            *(f"Held-out true images of {data_name(name)}: {_held_out(generator, name)}." for name in data),
            "Every machine that measures trains its own such network: values on true images are means over seeds.",
            f"Precision and recall: Kynkäänniemi et al. 2019, k = {sizes['neighbours']}, in the space of that "
            "network's convolutional features; true images: another sample, what a perfect generator reaches.",
            DISTILLED_WORDS,
            *_reasons(_of(generator, dataset=data)),
            *notes(config, preset, data),
        ],
    )
    traced = _traced(config, preset, root, cells, generator)
    return write_page(config, preset, root, "table_generator_pictures", traced, page, data)


def table_pairs(config: Config, preset: str, root: Path) -> list[Path]:
    """How many generated factors differ within the pairs of either rule, and how well E or H tells the classes."""
    labels = read(root / "pair_labels.csv")
    cells: list[dict[str, Any]] = []
    rows: list[Row] = []
    for system, variant in _arms(config, preset, starts=True):
        rows += [None] if rows else []
        for rule in (*RULES, UNRELATED):
            found = _of(labels, system=system, variant=variant, rule=rule)
            mine = [_pair_cell(found, system, variant, rule, name) for name in (*SHARES, *ACCURACIES)]
            first = rule == RULES[0]
            head = [_label(config, preset, system, variant), str(_k(config, preset, system, variant))]
            shown = [*(head if first else ["", ""]), str(mine[0]["n"]), PAIRS[rule]]
            rows.append([*shown, *(_mean_sd(cell, mine[0]["n"], absent=DASH) for cell in mine)])
            cells += mine
    sizes = configuration.generated(config, preset)
    page = Page(
        "Table P",
        "What pairs of generated images really show.",
        ["Model", "k", "n", "Pairs", *SHARES.values(), *ACCURACIES.values()],
        "p{0.22\\textwidth}rrl" + "c" * (len(SHARES) + len(ACCURACIES)),
        rows,
        [
            f"{sizes['pairs']} pairs of either rule a run, both images matched with their nearest true images; a label "
            "of change one can be right where exactly one of the five factors changes, of keep one where exactly one "
            "stays. Unrelated: independent codes and noise.",
            f"A change is more than {_tolerances(sizes['tolerance'])} steps; a match is itself uncertain by about one.",
            "E or H: accuracy of the run's own pair network over its first and last logged steps, and on new pairs; "
            "chance is 1/k. Logged at G's last step: H has then moved on these very pairs, E where G makes two steps.",
            *notes(config, preset),
        ],
    )
    return write_page(config, preset, root, "table_pairs", _traced(config, preset, root, cells, labels), page)


TABLES: dict[str, Callable[[Config, str, Path], list[Path]]] = {
    "table_generator": table_generator,
    "table_generator_pictures": table_generator_pictures,
    "table_pairs": table_pairs,
}


# ------------------------------------------------------------------------------------------------------------- figures
def figure_generator(config: Config, preset: str, root: Path) -> list[Path]:
    """The generator's scores beside Q's, and against its fidelity and coverage: the trade-off of ID-GAN.

    A point is a system and seed on dSprites.
    """
    wide = _points(read(root / "generator_scores.csv"), [DATASET], FIDELITY)
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 4.35), dpi=DPI)
        for i, metric in enumerate(PANELS):
            ax = fig.add_axes((0.07 + 0.385 * i, 0.64, 0.315, 0.34))
            _scatter(ax, wide, f"q_{metric}", metric)
            levels = _components(root, DATASET, metric)
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
    below(fig, config, preset, words)
    return save(fig, config, preset, root, "figure_generator", wide)


def figure_generator_pictures(config: Config, preset: str, root: Path) -> list[Path]:
    """Scores of the generators of digits and faces against precision, and recall against precision."""
    generator = read(root / "generator_scores.csv")
    data = _labelled(config, preset, generator)
    true = {metric: metric + TRUE for metric in SHARED_MANIFOLD}
    wide = _points(generator, data, [*SHARED_MANIFOLD, *true.values()])
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 2.6), dpi=DPI)
        for i, metric in enumerate([*PANELS, "recall"]):
            ax = fig.add_axes((0.065 + 0.265 * i, 0.37, 0.195, 0.58))
            _scatter(ax, wide, "precision", metric)
            if metric != "recall":
                for name in data:
                    levels = pd.Series(_components(root, name, metric), dtype=float)
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
    shapes = ", ".join(f"{SHAPE_WORDS[MARKERS[name]]}: {data_name(name)}" for name in data)
    words = [
        _seeds(wide),
        f"a point is one seed; {shapes}",
        "grey: other true images; at the left, what the pixels' principal components score",
        "factors are read by a network; on held-out true images "
        + "; ".join(f"{data_name(name)}: {_held_out(generator, name)}" for name in data),
    ]
    below(fig, config, preset, words, data)
    return save(fig, config, preset, root, "figure_generator_pictures", wide, data)


def figure_pairs(config: Config, preset: str, root: Path) -> list[Path]:
    """C11: how well E or H tells the pairs of its own rule from the start of stage B on; what the pairs really show.

    Left: accuracy with chance taken off, (a − 1/k)/(1 − 1/k), over the steps of stage B. Right: the share of pairs in
    which a label can be right, at the start (stage A's generator) and at the end of stage B; below, that of unrelated
    pairs, whose labels would be right by chance.
    """
    labels = read(root / "pair_labels.csv")
    accuracy, shares = _accuracies(labels), _right_shares(config, preset, labels)
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
    below(fig, config, preset, words)
    frame = pd.concat([accuracy.assign(measure="accuracy"), shares.assign(measure="right_label")], ignore_index=True)
    return save(fig, config, preset, root, "figure_pairs", frame)


def _accuracies(labels: pd.DataFrame) -> pd.DataFrame:
    """A row an arm and logged step: mean over seeds of the accuracy with chance taken off."""
    log = _of(labels, measure="accuracy_log", system=list(COLOURS), variant=list(VARIANTS))
    chance = 1 / log["k"]
    log = log.assign(value=(log["value"] - chance) / (1 - chance))
    grouped = log.groupby(["system", "variant", "k", "step"])["value"]
    return grouped.agg(n="count", mean="mean").reset_index()


def _right_shares(config: Config, preset: str, labels: pd.DataFrame) -> pd.DataFrame:
    """Rows of the regularised arms at the start (0) and the end (1): share of pairs of their rule that show it."""
    rows = []
    for run in generators(config, preset):
        settings = configuration.resolve(config, run)
        rule = settings["pair_rule"]
        if run.system not in COLOURS or run.variant not in VARIANTS or rule == "none":
            continue
        for at, source in enumerate((configuration.predecessors(config, run).get("start"), run)):
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


FIGURES: dict[str, Callable[[Config, str, Path], list[Path]]] = {
    "figure_generator": figure_generator,
    "figure_generator_pictures": figure_generator_pictures,
    "figure_pairs": figure_pairs,
}


# -------------------------------------------------------------------------------------------------------------- reading
def read(path: Path) -> pd.DataFrame:
    """A tidy table with `system`, `variant`, `seed` and `value`; a value may be absent where a reason is given."""
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is missing or damaged ({error}): run `idgan-sc match`, then `gather`") from error
    absent = {"system", "variant", "seed", "value"} - set(frame)
    if absent:
        raise DataError(f"{path} lacks the columns {', '.join(sorted(absent))}: run `idgan-sc gather-generators` again")
    return frame


def _of(frame: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """Rows whose columns have the wanted values, or one of a list of them."""
    columns = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
    return frame[np.logical_and.reduce([frame[name].isin(values) for name, values in columns.items()])]


def _arms(config: Config, preset: str, starts: bool) -> list[tuple[str, str]]:
    """System and variant of the rows, those of stage A among them if `starts`."""
    known = set(COLOURS)
    runs = [run for run in generators(config, preset) if run.variant in VARIANTS]
    return list(dict.fromkeys((run.system, run.variant) for run in runs if starts or run.system in known))


def _labelled(config: Config, preset: str, scores: pd.DataFrame) -> list[str]:
    """The data sets whose generators were read, of those that a preset runs.

    Raises
    ------
    DataError
        If the preset runs none, or no generator was read.
    """
    found = list(dict.fromkeys(run.dataset for run in read_generators(config, preset)))
    if not found:
        raise DataError(f"preset {preset} has no GAN on {' or '.join(configuration.LABELLED)}: name one in its `runs`")
    there = [name for name in found if name in set(scores["dataset"])]
    if not there:
        raise DataError(f"no generator of {' or '.join(found)} is measured: run `idgan-sc read-generator`")
    return there


def _read_arms(config: Config, preset: str, data: str) -> list[tuple[str, str]]:
    runs = [run for run in read_generators(config, preset) if run.dataset == data]
    return list(dict.fromkeys((run.system, run.variant) for run in runs if run.variant in VARIANTS))


def _held_out(scores: pd.DataFrame, data: str) -> str:
    """How well the regressors read a data set, mean over seeds."""
    rows = _once_a_seed(_of(scores, dataset=data))
    rows = rows[rows["metric"].str.startswith(HELD_OUT)]
    means = rows.groupby(["metric", "protocol"], sort=False)["value"].mean().reset_index()
    words = zip(means["metric"].str.removeprefix(HELD_OUT), means["protocol"], means["value"], strict=True)
    return ", ".join(f"{factor} {protocol} {value:.2f}" for factor, protocol, value in words)


def _once_a_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """Values that are the regressors' own: the same for all runs of a seed, and of a machine, which trains its own."""
    return scores.drop_duplicates(["seed", "metric"])


def _cell(frame: pd.DataFrame, system: str, variant: str, code: str, metric: str) -> dict[str, Any]:
    values = frame[(frame["metric"] == metric) & (frame["code"] == code)]["value"].dropna().to_numpy(float)
    return {"system": system, "variant": variant, "code": code, "metric": metric, **_summary(values)}


def _floor_line(floor: list[dict[str, Any]]) -> list[str]:
    """Name, number of codes and of seeds, what is scored, and the scores of one floor."""
    first, n = floor[0], max(cell["n"] for cell in floor)
    return [
        first["label"],
        str(first["k"]),
        str(n),
        CODES[first["code"]],
        *(_mean_sd(cell, n) for cell in floor),
    ]


def _pair_cell(frame: pd.DataFrame, system: str, variant: str, rule: str, measure: str) -> dict[str, Any]:
    if measure in ("accuracy_first", "accuracy_last"):
        log = frame[frame["measure"] == "accuracy_log"].sort_values("step").groupby("seed")["value"]
        values = (log.first() if measure == "accuracy_first" else log.last()).to_numpy(float)
    else:
        values = frame[frame["measure"] == measure]["value"].to_numpy(float)
    return {"system": system, "variant": variant, "rule": rule, "measure": measure, **_summary(values)}


def _traced(
    config: Config, preset: str, root: Path, cells: list[dict[str, Any]], measurements: pd.DataFrame
) -> pd.DataFrame:
    """The cells, each with the origin of its runs, as in Table 3; a floor has its own, a cell of true images none."""
    whence: dict[tuple[str, str, str], str | None] = {}
    for cell in [cell for cell in cells if "origin" not in cell]:
        key = (cell.get("dataset", DATASET), cell["system"], cell["variant"])
        if key not in whence:
            mine = _of(measurements, dataset=key[0], system=key[1], variant=key[2])
            runs = [Run(preset, *key, int(seed)) for seed in sorted(mine["seed"].unique())]
            whence[key] = origin(config, runs, root) if runs else None
        cell["origin"] = whence[key]
    kept = dict.fromkeys(key for cell in cells if cell["system"] not in FLOORS for key in cell)
    return pd.DataFrame(cells, columns=list(kept))


def _summary(values: np.ndarray) -> dict[str, Any]:
    s = summary(values)
    return {key: getattr(s, key) for key in ("n", "mean", "sd", "se", "low", "high")}


def _mean_sd(cell: dict[str, Any], n: int, absent: str = "none") -> str:
    """Mean and SD; `absent` where no value is of the n measured runs, "missing" where no run is."""
    if cell["n"] == 0:
        return absent if n else "missing"
    return plus_minus(cell["mean"], cell["sd"]) + (f" (n = {cell['n']})" if cell["n"] < n else "")


def _shown(cell: dict[str, Any], n: int) -> str:
    """As `_mean_sd`, with a dash for what only some systems have."""
    return _mean_sd(cell, n, absent=DASH if cell["metric"] in WITH_VAE else "none")


def _k(config: Config, preset: str, system: str, variant: str, data: str = DATASET) -> int:
    return int(configuration.resolve(config, Run(preset, data, system, variant, 0))["c_dim"])


def _label(config: Config, preset: str, system: str, variant: str) -> str:
    if system in COLOURS:
        return label(system)
    code = configuration.resolve(config, Run(preset, DATASET, system, variant, 0))["code"]
    return f"{START.format('ID-GAN' if code == 'vae' else 'InfoGAN')}, {SPACES[code]}"


def _reasons(scores: pd.DataFrame) -> list[str]:
    """Why scores are absent, and of which runs: a line a reason and set of scores."""
    absent = _of(scores, system=list(COLOURS), variant=list(VARIANTS))
    absent = absent[absent["value"].isna()]
    key = ["dataset", "system", "variant", "seed", "code"]
    words = absent.assign(metric=absent["metric"].map(MEASURES)).groupby([*key, "reason"], sort=False)["metric"]
    runs = words.agg(", ".join).reset_index()
    return [
        f"No {metric} score{' of Q' if code == Q else ''}, {reason}: {_counted(same)}."
        for (code, reason, metric), same in runs.groupby(["code", "reason", "metric"], sort=False)
    ]


def _counted(runs: pd.DataFrame) -> str:
    """InfoGAN-CR c10 (2 seeds), …"""
    counts = runs.groupby(["system", "variant"], sort=False)["seed"].nunique().reset_index()
    return ", ".join(
        f"{label(row['system'])}{'' if row['variant'] == 'main' else ' ' + row['variant']} "
        f"({seeds_words(row['seed']).removeprefix('n = ')})"
        for _, row in counts.iterrows()
    )


def _tolerances(tolerance: dict[str, int]) -> str:
    return ", ".join(f"{steps} ({name})" for name, steps in tolerance.items())
