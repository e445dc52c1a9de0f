"""What the paper's open choices do: the study that `sensitivity` in config.yaml describes, around the default.

Every specification is one run a seed, shown above the reference system's score of the same seed. One switch at a time
gives the specification curve its named rows; the fractional factorial gives main effects clear of two-way interactions.
"""

from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats as sps

from idgan_sc import config as configuration
from idgan_sc.claims import VERDICT_WORDS, Arm, Results, checks, judge, verdicts
from idgan_sc.config import Config, Run
from idgan_sc.figures import COLOURS, DPI, GREY, LIGHT, STYLE, TEXT, below, save
from idgan_sc.files import DataError, write_atomic, write_text
from idgan_sc.provenance import artifact
from idgan_sc.score import TOGETHER
from idgan_sc.tables import DATASET, METRICS, Page, about, label, markdown, number, scored_codes, seeds_words

CHANGED_BY_START = ("start", "steps")  # settings that follow from another start; shown as one row


def sensitivity(config: Config, preset: str, root: Path) -> list[Path]:
    """Write the two figures with their data, the scores of the study's seeds, and what each variant does to claims."""
    folder = root / "sensitivity"
    written = [gather(config, preset, root, folder, *names) for names in TOGETHER.items()]
    scores = specifications(config, preset, folder)
    written += specification_figure(config, preset, root, scores)
    written += effects_figure(config, preset, root, effects(config, scores))
    moved = moved_verdicts(config, preset, root, folder)
    written.append(write_atomic(folder / "verdicts.csv", partial(_to_csv, moved)))
    return [*written, write_text(folder / "verdicts.md", verdicts_page(config, preset, moved))]


def gather(config: Config, preset: str, root: Path, folder: Path, one: str, together: str) -> Path:
    """One table of what the study's runs, and the planned ones of the same seeds, each have in a file called `one`."""
    seeds = _seeds(config, preset)
    planned = [run for run in configuration.runs(config, preset, DATASET) if run.seed in seeds]
    runs = dict.fromkeys([*planned, *configuration.sensitivity_runs(config, preset, DATASET)])
    paths = [artifact(config, run, one, root) for run in runs]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise DataError(f"{missing[0]} is missing: train and score that run")
    return write_atomic(folder / together, partial(_to_csv, pd.concat([pd.read_csv(path) for path in paths])))


def _seeds(config: Config, preset: str) -> list[int]:
    """The study's seeds."""
    return configuration.seeds(config, preset)[: config["sensitivity"]["seeds"]]


def _to_csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, lineterminator="\n")


# ------------------------------------------------------------------------------------------------------------ numbers
def specifications(config: Config, preset: str, folder: Path) -> pd.DataFrame:
    """A row a variant of the arm and seed: its score, and how far it lies above the reference of the same seed."""
    study = config["sensitivity"]
    frame = pd.read_csv(folder / "scores.csv")
    frame = frame[(frame["dataset"] == DATASET) & (frame["metric"] == study["metric"])]
    runs = configuration.sensitivity_runs(config, preset, DATASET)
    value = {run: _value(config, frame, run) for run in runs}
    reference = {run.seed: v for run, v in value.items() if run.system == study["reference"]}
    rows = [
        {"variant": run.variant, "seed": run.seed, "score": v, "above": v - reference[run.seed]}
        for run, v in value.items()
        if run.system == study["arm"]
    ]
    return pd.DataFrame(rows)


def _value(config: Config, frame: pd.DataFrame, run: Run) -> float:
    code = scored_codes(configuration.resolve(config, run))[0]
    wanted = {"system": run.system, "variant": run.variant, "seed": run.seed, "code": code}
    found = frame[np.logical_and.reduce([frame[column] == value for column, value in wanted.items()])]
    if len(found) != 1:
        raise DataError(f"{len(found)} scores of {run}, where one is needed: score that run again")
    return float(found["value"].iloc[0])


def effects(config: Config, scores: pd.DataFrame) -> pd.DataFrame:
    """Main effect of each switch, mean at high less mean at low, with Lenth's 95 % margin of error.

    The 16 runs have 15 orthogonal contrasts: the main effects, and interactions, whose small ones give the noise.
    """
    switches = config["sensitivity"]["factorial"]
    design = 2 * np.array(configuration.two_level_design(len(switches))) - 1  # (16, F) of -1 and 1
    means = scores.groupby("variant")["above"].mean()
    y = means[list(configuration.factorial(config))].to_numpy(float)  # (16,)
    main = design.T @ y / 8  # (F,)
    pse = lenth(_contrasts(design).T @ y / 8)
    margin = float(sps.t.isf(0.025, 5)) * pse  # 15 contrasts: 5 degrees of freedom
    rows = [
        {"switch": key, "low": _plain(levels[0]), "high": _plain(levels[1]), "effect": effect, "margin": margin}
        for (key, levels), effect in zip(switches.items(), main, strict=True)
    ]
    return pd.DataFrame(rows)


def _contrasts(design: np.ndarray) -> np.ndarray:
    """All 15 contrasts (16, 15): the products of the four free factors' columns."""
    a, b, c, d = (2 * np.array([run >> i & 1 for run in range(16)]) - 1 for i in range(4))
    return np.stack([a**i * b**j * c**k * d**m for i, j, k, m in np.ndindex(2, 2, 2, 2) if i + j + k + m > 0], axis=1)


def lenth(contrasts: np.ndarray) -> float:
    """Lenth's pseudo standard error (1989): 1.5 times the median of the contrasts that look like noise.

    >>> lenth(np.array([0.1, -0.1, 0.1, 5.0]))
    0.15
    """
    size = np.abs(contrasts)
    first = 1.5 * np.median(size)
    return round(float(1.5 * np.median(size[size <= 2.5 * first])), 12)


def moved_verdicts(config: Config, preset: str, root: Path, folder: Path) -> pd.DataFrame:
    """Verdicts with a variant in the place of the arm's `main`, beside the default's, all over the study's seeds.

    Of the claims that compare the arm's `main`; no variant moves another.
    """
    study = config["sensitivity"]
    moving = {check.claim for check in checks(config) if Arm(study["arm"], "main") in (check.arm, check.other)}
    tables = []
    for variant in ["main", *study["one_at_a_time"]]:
        results = Results(config, preset, root, {study["arm"]: variant}, folder)
        judged = judge(results)
        judged = judged[judged["claim"].isin(moving)]
        measured = judged[judged["estimate"].notna()]
        table = verdicts(config, preset, judged).query("checks > 0").assign(variant=variant)
        table["measured"] = table["claim"].map(measured.groupby("claim").size()).fillna(0).astype(int)
        table["agree"] = table["claim"].map(_agrees(measured).groupby(measured["claim"]).sum()).fillna(0).astype(int)
        tables.append(table[["variant", "claim", "verdict", "n", "needs", "measured", "agree"]])
    return pd.concat(tables)


def _agrees(judged: pd.DataFrame) -> pd.Series:
    """Whether a check's estimate, whatever its interval, is as the claim says."""
    off = (judged["estimate"] - judged["value"].fillna(0.0)).abs() <= judged["margin"]
    return (judged["estimate"] > 0).where(judged["rule"] == "order", off)


def verdicts_page(config: Config, preset: str, moved: pd.DataFrame) -> str:
    """How what is found of each claim moves, a row a claim, a column a variant; for reading."""
    study = config["sensitivity"]
    order = list(dict.fromkeys(moved["variant"]))
    rows = [
        [str(claim), *(_verdict_words(row) for _, row in of_claim.iterrows())]
        for claim, of_claim in moved.groupby("claim", sort=False)
    ]
    arm = label(study["arm"])
    notes = [
        f"{arm} with one switch at another setting, in the place of its default: checks whose estimate, whatever its "
        "interval, is as the claim says, of those measured, and the verdict where there are as many seeds as it needs.",
        f"Claims that do not compare {arm} with its default number of codes are left out: no switch moves them.",
        "; ".join(about(config, preset, seeds_words(len(_seeds(config, preset))))) + ".",
    ]
    header = ["", "default", *order[1:]]
    title = "How what is found of each claim moves."
    return markdown(Page("Variants", title, header, "l" * len(header), rows, notes))


def _verdict_words(row: pd.Series) -> str:
    agree = f"{row['agree']} of {row['measured']}"
    return f"{VERDICT_WORDS[row['verdict']]} ({agree})" if row["n"] >= row["needs"] else agree


def changed(config: Config, preset: str, variant: str) -> list[str]:
    """The settings in which a variant of the arm differs from its default."""
    arm = config["sensitivity"]["arm"]
    one, default = (configuration.resolve(config, Run(preset, DATASET, arm, name, 0)) for name in (variant, "main"))
    keys = [key for key in one if one[key] != default.get(key)]
    return ["start", *(k for k in keys if k not in CHANGED_BY_START)] if "start" in keys else keys


# ------------------------------------------------------------------------------------------------------------ figures
def specification_figure(config: Config, preset: str, root: Path, scores: pd.DataFrame) -> list[Path]:
    """Specifications in the order of their mean, each seed a point; below, which settings differ from the default."""
    study = config["sensitivity"]
    order = scores.groupby("variant")["above"].mean().sort_values().index.tolist()
    differ = {variant: changed(config, preset, variant) for variant in order}
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
    below(fig, config, preset, words)
    return save(fig, config, preset, root, "specification", _with_changes(scores, differ))


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


def effects_figure(config: Config, preset: str, root: Path, table: pd.DataFrame) -> list[Path]:
    """Main effect of each switch on the score, with Lenth's margin of error around zero."""
    study = config["sensitivity"]
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
    seeds = len(_seeds(config, preset))
    words = [
        seeds_words(seeds),
        "16 runs a seed, resolution IV; a dot: mean at the second setting less that at the first",
    ]
    words += ["band: Lenth's margin of error, 95 %"]
    below(fig, config, preset, words)
    return save(fig, config, preset, root, "main_effects", table)


def _plain(value: Any) -> str:
    return number(value)
