"""Measure what the paper's open choices do.

`sensitivity` in config.yaml describes the study. It lies around the default.

Every specification is one run for each seed. It is shown as the difference to the reference system's score of
the same seed. The named rows of the specification curve change one switch at a time. The fractional factorial
gives main effects that are clear of two-way interactions.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats as sps

from idgan_sc import config as configuration
from idgan_sc.config import DATASET, Config, Run
from idgan_sc.config.claims import Arm, planned_checks
from idgan_sc.files import DataError, write_atomic
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table
from idgan_sc.report.comparisons import Gathered
from idgan_sc.report.read import scored_codes
from idgan_sc.report.render import Page, markdown
from idgan_sc.report.verdicts import VERDICT_WORDS, judge, verdicts
from idgan_sc.report.words import describe_results, label, number, seeds_words

CHANGED_BY_START = ("start", "steps")  # settings that follow from another start; shown as one row


def gather(results: Results, folder: Path, one: str, together: str) -> Path:
    """Gather one file of each of the study's runs in one table.

    The file is called `one`. The planned runs of the same seeds are included.
    """
    seeds = _seeds(results)
    planned = [run for run in results.runs(DATASET) if run.seed in seeds]
    runs = dict.fromkeys([*planned, *configuration.sensitivity_runs(results.config, results.preset, DATASET)])
    results.refuse_others(runs, [one], "evaluation")
    paths = [results.find(run, one) for run in runs]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise DataError(f"{missing[0]} is missing: train and score that run")
    return write_atomic(
        folder / together,
        partial(_to_csv, pd.concat([read_table(path, ["value"], "score that run again") for path in paths])),
    )


def _seeds(results: Results) -> list[int]:
    """The study's seeds."""
    return results.seeds()[: results.config["sensitivity"]["seeds"]]


def _to_csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, lineterminator="\n")


# ------------------------------------------------------------------------------------------------------------ numbers
def specifications(results: Results, folder: Path) -> pd.DataFrame:
    """Return the score of each variant of the arm and seed.

    A row also says how far the score lies above the reference of the same seed.
    """
    study = results.config["sensitivity"]
    frame = read_table(folder / "scores.csv", ["dataset", "metric"], "run `idgan-sc sensitivity`")
    frame = frame[(frame["dataset"] == DATASET) & (frame["metric"] == study["metric"])]
    runs = configuration.sensitivity_runs(results.config, results.preset, DATASET)
    value = {run: _value(results.config, frame, run) for run in runs}
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
    """Compute the main effect of each switch with its margin of error.

    The effect is the mean at high minus the mean at low. The margin is Lenth's 95 % margin of error. The 16 runs
    have 15 orthogonal contrasts: the main effects and the interactions. The small interactions give the noise.
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
    """Compute Lenth's pseudo standard error (1989).

    It is 1.5 times the median of the contrasts that look like noise.

    >>> lenth(np.array([0.1, -0.1, 0.1, 5.0]))
    0.15
    """
    size = np.abs(contrasts)
    first = 1.5 * np.median(size)
    return round(float(1.5 * np.median(size[size <= 2.5 * first])), 12)


def moved_verdicts(results: Results, folder: Path) -> pd.DataFrame:
    """Return the verdicts with each variant in the place of `main`.

    The default's verdicts stand beside them. All are over the study's seeds. Only claims that compare the arm's
    `main` are included. No variant moves another claim.
    """
    study = results.config["sensitivity"]
    moving = {
        check.claim for check in planned_checks(results.config) if Arm(study["arm"], "main") in (check.arm, check.other)
    }
    tables = []
    for variant in ["main", *study["one_at_a_time"]]:
        judged = judge(Gathered(results, {study["arm"]: variant}, folder))
        judged = judged[judged["claim"].isin(moving)]
        measured = judged[judged["estimate"].notna()]
        table = verdicts(results, judged).query("checks > 0").assign(variant=variant)
        table["measured"] = table["claim"].map(measured.groupby("claim").size()).fillna(0).astype(int)
        table["agree"] = table["claim"].map(_agrees(measured).groupby(measured["claim"]).sum()).fillna(0).astype(int)
        tables.append(table[["variant", "claim", "verdict", "n", "needs", "measured", "agree"]])
    return pd.concat(tables)


def _agrees(judged: pd.DataFrame) -> pd.Series:
    """Whether a check's estimate, whatever its interval, is as the claim says."""
    off = (judged["estimate"] - judged["value"].fillna(0.0)).abs() <= judged["margin"]
    return (judged["estimate"] > 0).where(judged["rule"] == "order", off)


def verdicts_page(results: Results, moved: pd.DataFrame) -> str:
    """Build a page on how the findings of each claim move.

    It has one row for each claim and one column for each variant.
    """
    study = results.config["sensitivity"]
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
        "; ".join(describe_results(results, seeds_words(len(_seeds(results))))) + ".",
    ]
    header = ["", "default", *order[1:]]
    title = "How what is found of each claim moves."
    return markdown(Page("Variants", title, header, "l" * len(header), rows, notes))


def _verdict_words(row: pd.Series) -> str:
    agree = f"{row['agree']} of {row['measured']}"
    return f"{VERDICT_WORDS[row['verdict']]} ({agree})" if row["n"] >= row["needs"] else agree


def changed(results: Results, variant: str) -> list[str]:
    """The settings in which a variant of the arm differs from its default."""
    arm = results.config["sensitivity"]["arm"]
    one, default = (results.settings(results.run(DATASET, arm, name, 0)) for name in (variant, "main"))
    keys = [key for key in one if one[key] != default.get(key)]
    return ["start", *(k for k in keys if k not in CHANGED_BY_START)] if "start" in keys else keys


# ------------------------------------------------------------------------------------------------------------ figures
def _plain(value: Any) -> str:
    return number(value)
