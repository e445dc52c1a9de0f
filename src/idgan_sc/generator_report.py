"""Tables and a figure beyond the paper's: the generator's own scores, and what the pairs really show (Sec. 2.1, 2.2).

Functions of `generator_scores.csv`, `pair_labels.csv` and `scores.csv` below a preset's results.
"""

from collections.abc import Callable
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
from idgan_sc.generator import CODE, RULES, UNRELATED
from idgan_sc.provenance import generators
from idgan_sc.stats import summary
from idgan_sc.tables import DASH, METRICS, VARIANTS, Page, Row, label, notes, plus_minus, seeds_words, write_page

FIDELITY = {"distance": "Distance", "abstained": "Abstained", "coverage": "Coverage"}
START = "{} at the start of stage B"  # a stage A
SPACES = {"prior": "codes of the prior", "vae": "distilled codes"}
PAIRS = {"change_one": "change one", "keep_one": "keep one", UNRELATED: "unrelated"}
SHARES = {
    "changed": "Factors changed",
    "none_changes": "None changes",
    "one_changes": "Exactly one changes",
    "one_stays": "Exactly one stays",
}
ACCURACIES = {"accuracy_first": "E or H, first", "accuracy_last": "last", "accuracy": "new pairs"}
PANELS = ("factor_vae", "mig")  # of the figure


# ------------------------------------------------------------------------------------------------------------- tables
def table_generator(config: Config, preset: str, root: Path) -> list[Path]:
    """Scores of c against the factors of the images made from it, beside those of Q on true images; fidelity."""
    generator, q = read(root / "generator_scores.csv"), read(root / "scores.csv")
    cells, rows = [], []
    for system, variant in _arms(config, preset, starts=False):
        own = _of(generator, system=system, variant=variant)
        theirs = _of(q, dataset="dsprites", system=system, variant=variant)
        mine = [_cell(own, system, variant, CODE, metric) for metric in (*METRICS, *FIDELITY)]
        other = [_cell(theirs, system, variant, _code_of(theirs), metric) for metric in METRICS]
        n = max(cell["n"] for cell in mine)
        head = [_label(config, preset, system, variant), str(_k(config, preset, system, variant)), str(n)]
        rows += [
            [*head, "generator", *(_mean_sd(cell, n) for cell in mine)],
            ["", "", "", "Q, true images", *(_mean_sd(cell, n) for cell in other), *[DASH] * len(FIDELITY)],
        ]
        cells += mine + other
    sizes = configuration.generated(config, preset)
    page = Page(
        "Table G",
        "Disentanglement of the generator itself, and its fidelity.",
        ["Model", "k", "n", "Scored", *METRICS.values(), *FIDELITY.values()],
        "lrrl" + "c" * (len(METRICS) + len(FIDELITY)),
        rows,
        [
            f"Generator: the true code c against the factors of the nearest true image of each of {sizes['images']} "
            "generated images; orientation modulo the shape's symmetry. Q: as in Table 3.",
            f"Distance: median of |g − x|²/|x|². Abstained: share of images beyond {sizes['abstain']}, left out of the "
            "scores. Coverage: grid cells reached over those of as many random true images.",
            *_reasons(generator),
            *notes(config, preset),
        ],
    )
    return write_page(config, preset, root, "table_generator", pd.DataFrame(cells), page)


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
            "chance is 1/k.",
            *notes(config, preset),
        ],
    )
    return write_page(config, preset, root, "table_pairs", pd.DataFrame(cells), page)


TABLES: dict[str, Callable[[Config, str, Path], list[Path]]] = {
    "table_generator": table_generator,
    "table_pairs": table_pairs,
}


# -------------------------------------------------------------------------------------------------------------- figure
def figure_generator(config: Config, preset: str, root: Path) -> list[Path]:
    """Disentanglement of the generator against its fidelity, a point a system and seed: the trade-off of ID-GAN."""
    wide = _points(read(root / "generator_scores.csv"))
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 2.75), dpi=DPI)
        for i, metric in enumerate(PANELS):
            ax = fig.add_axes((0.07 + 0.385 * i, 0.27, 0.315, 0.68))
            _panel(ax, wide, metric)
        _legend(fig, wide)
    seeds = wide.groupby(["system", "variant"])["seed"].nunique().tolist()
    unscored = int(wide[list(PANELS)].isna().any(axis=1).sum())
    words = [seeds_words(max(seeds)) if seeds else "no runs", "a point is one seed; open: variant c10"]
    words += [f"{unscored} of {len(wide)} runs have no score"] if unscored else []
    below(fig, config, preset, words)
    return save(fig, config, preset, root, "figure_generator", wide)


def _points(scores: pd.DataFrame) -> pd.DataFrame:
    """A row a run of the arms, a column a metric."""
    wanted = scores[scores["system"].isin(list(COLOURS)) & scores["variant"].isin(VARIANTS)]
    key = ["system", "variant", "seed"]
    wide = wanted.pivot(index=key, columns="metric", values="value").reset_index()
    return wide.reindex(columns=[*key, *METRICS, *FIDELITY])


def _panel(ax: Axes, wide: pd.DataFrame, metric: str) -> None:
    for key, mine in wide.groupby(["system", "variant"]):
        system, variant = map(str, key)
        colour = COLOURS[system]
        face = colour if variant == "main" else "none"
        ax.scatter(mine["distance"], mine[metric], s=16, facecolors=face, edgecolors=colour, linewidths=0.9, zorder=3)
    ax.set_xlabel("median |g − x|²/|x|²  (0: true images)")
    ax.set_ylabel(f"{METRICS[metric]} score of the generator")
    ax.set_xlim(left=0)
    ax.margins(0.08)


def _legend(fig: Figure, wide: pd.DataFrame) -> None:
    present = [system for system in COLOURS if system in set(wide["system"])]
    for i, system in enumerate(present):
        words = label(system).replace(" (", "\n(")
        fig.text(0.835, 0.92 - 0.125 * i, words, color=COLOURS[system], size=6.5, va="top", linespacing=1.1)
        fig.text(0.815, 0.92 - 0.125 * i, "●", color=COLOURS[system], size=6.5, va="top")
    if not present:
        fig.text(0.815, 0.9, "no runs", color=GREY, size=6.5, va="top")


FIGURES: dict[str, Callable[[Config, str, Path], list[Path]]] = {"figure_generator": figure_generator}


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
    return frame[np.logical_and.reduce([frame[column] == value for column, value in wanted.items()])]


def _arms(config: Config, preset: str, starts: bool) -> list[tuple[str, str]]:
    """System and variant of the rows, those of stage A among them if `starts`."""
    known = set(COLOURS)
    runs = [run for run in generators(config, preset) if run.variant in VARIANTS]
    return list(dict.fromkeys((run.system, run.variant) for run in runs if starts or run.system in known))


def _cell(frame: pd.DataFrame, system: str, variant: str, code: str, metric: str) -> dict[str, Any]:
    values = frame[(frame["metric"] == metric) & (frame["code"] == code)]["value"].dropna().to_numpy(float)
    return {"system": system, "variant": variant, "code": code, "metric": metric, **_summary(values)}


def _pair_cell(frame: pd.DataFrame, system: str, variant: str, rule: str, measure: str) -> dict[str, Any]:
    if measure in ("accuracy_first", "accuracy_last"):
        log = frame[frame["measure"] == "accuracy_log"].sort_values("step").groupby("seed")["value"]
        values = (log.first() if measure == "accuracy_first" else log.last()).to_numpy(float)
    else:
        values = frame[frame["measure"] == measure]["value"].to_numpy(float)
    return {"system": system, "variant": variant, "rule": rule, "measure": measure, **_summary(values)}


def _summary(values: np.ndarray) -> dict[str, Any]:
    s = summary(values)
    return {key: getattr(s, key) for key in ("n", "mean", "sd", "se", "low", "high")}


def _code_of(scores: pd.DataFrame) -> str:
    return str(scores["code"].iloc[0]) if len(scores) else "q_mean"


def _mean_sd(cell: dict[str, Any], n: int, absent: str = "none") -> str:
    if cell["n"] == 0:
        return absent
    return plus_minus(cell["mean"], cell["sd"]) + (f" (n = {cell['n']})" if cell["n"] < n else "")


def _k(config: Config, preset: str, system: str, variant: str) -> int:
    return int(configuration.resolve(config, Run(preset, "dsprites", system, variant, 0))["c_dim"])


def _label(config: Config, preset: str, system: str, variant: str) -> str:
    if system in COLOURS:
        return label(system)
    code = configuration.resolve(config, Run(preset, "dsprites", system, variant, 0))["code"]
    return f"{START.format('ID-GAN' if code == 'vae' else 'InfoGAN')}, {SPACES[code]}"


def _reasons(scores: pd.DataFrame) -> list[str]:
    """Why runs have no score, with how many."""
    shown = scores["system"].isin(list(COLOURS)) & scores["variant"].isin(VARIANTS)
    absent = scores[shown & scores["value"].isna()].drop_duplicates(["system", "variant", "seed"])
    counts = absent.groupby(["system", "variant", "reason"]).size().reset_index(name="runs")
    return [
        f"No score of {label(str(row[0]))} ({row[1]}) at {seeds_words(row[3])[4:]}: {row[2]}."
        for row in counts.itertuples(index=False)
    ]


def _tolerances(tolerance: dict[str, int]) -> str:
    return ", ".join(f"{steps} ({name})" for name, steps in tolerance.items())
