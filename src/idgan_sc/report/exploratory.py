"""Write the comparisons that no claim asks for, without verdicts.

`exploratory` in config.yaml lists them.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import DATASET
from idgan_sc.config.claims import Arm, Check, exploratory_checks, parse_arm
from idgan_sc.files import write_text
from idgan_sc.records.results import Results
from idgan_sc.records.tables import write_table
from idgan_sc.report.comparisons import EVALUATE_BY_RULE, CheckResult, Gathered
from idgan_sc.report.render import Page, markdown
from idgan_sc.report.statistics import LEVEL, MIN_N
from idgan_sc.report.words import (
    BASELINES,
    CODES,
    DASH,
    METRIC_LABELS,
    describe_results,
    label,
    number,
    planned_words,
    with_interval,
)

ABSENT = "not measured"
NOTES = [
    "Exploratory: chosen when the results were known, registered nowhere, judged by no rule. An interval is the "
    f"{LEVEL:.0%} t-interval of its comparison alone: nothing is adjusted for the number of comparisons.",
    "Difference: the first less the second, mean over seeds. Paired by seed where both build on the same stage A or "
    "β-VAE; else as independent samples (Welch). Curve's end: mean over the evaluation draws at the last point of "
    "stage B. Last third: mean over the points of its last third too; every other score is of Table 3's draw.",
    f"{ABSENT.capitalize()}: the runs have no such score. The revised FactorVAE score is newer than they are and needs "
    "their codes, which were not kept: only new trainings could tell whether it changes a comparison.",
]
MEASURE_WORDS = {
    "curve_end": "FactorVAE, curve's end",
    "curve_last_third": "FactorVAE, last third",
    "factor_vae_revised": "FactorVAE, revised",
}
COLUMNS = ["topic", "measure", "arm", "code", "k", "other", "other_code", "other_k", "without_seed", "design", "n"]
COLUMNS += ["estimate", "low", "high"]


def write_exploratory(results: Results) -> list[Path]:
    """Write `exploratory.csv`, a row a comparison, and `exploratory.md`, a table a topic."""
    gathered, there = Gathered(results), DATASET in results.datasets
    rows = [row for check in exploratory_checks(results.config) for row in _rows(gathered, check)] if there else []
    frame, root = pd.DataFrame(rows, columns=COLUMNS), results.root
    return [
        write_table(root / "exploratory.csv", frame),
        write_text(root / "exploratory.md", _page(gathered, frame)),
    ]


# --------------------------------------------------------------------------------------------------------------- rows
def _rows(gathered: Gathered, check: Check) -> Iterator[dict[str, Any]]:
    """Yield a comparison, and again without its heaviest seed.

    The second row is made if `heaviest_seed` is asked for. That seed moves the estimate most.
    """
    check = replace(check, options={"value": _baseline(gathered, check), **check.options})
    whole = _evaluate(gathered, check)
    yield _row(gathered, check, whole)
    if not (check.options.get("heaviest_seed") and whole.worst):
        return
    found = {seed: _evaluate(gathered.without([seed]), check) for seed in gathered.results.seeds()}
    moved = {s: abs(m.worst.difference - whole.worst.difference) for s, m in found.items() if m.worst and m.n < whole.n}
    if moved:
        heaviest = max(moved, key=lambda seed: moved[seed])
        yield _row(gathered, check, found[heaviest]) | {"without_seed": heaviest}


def _evaluate(gathered: Gathered, check: Check) -> CheckResult:
    """The comparison; nothing where the baseline that it is made with was not scored."""
    return (
        EVALUATE_BY_RULE[check.rule](gathered, DATASET, check)
        if check.options["value"] is not None
        else CheckResult([], 0)
    )


def _baseline(gathered: Gathered, check: Check) -> float | None:
    """Return the mean baseline score with as many codes as the arm.

    The baseline learned nothing. The result is 0 if the check names no baseline.
    """
    if "baseline" not in check.options:
        return 0.0
    system, scores = check.options["baseline"], gathered.baselines()
    wanted = {"system": system, "code": BASELINES[system][0], "metric": check.metric}
    wanted |= {"k": gathered.codes(DATASET, check.arm)}
    found = scores.loc[(scores[list(wanted)] == list(wanted.values())).all(axis=1), "value"]
    return float(found.mean()) if len(found) else None


def _row(gathered: Gathered, check: Check, found: CheckResult) -> dict[str, Any]:
    c, whole = found.worst, found.worst if found.n >= MIN_N else None
    other = _arm(gathered, check, check.other) if check.other else (check.options.get("baseline"), None, None)
    return {
        "topic": check.claim,
        "measure": check.metric or check.options.get("what") or check.quantity,
        **dict(zip(("arm", "code", "k"), _arm(gathered, check, check.arm), strict=True)),
        **dict(zip(("other", "other_code", "other_k"), other, strict=True)),
        "without_seed": None,
        "design": "one sample" if check.rule == "level" else found.design,
        "n": found.n,
        "estimate": c.difference if c else None,
        "low": whole.low if whole else None,
        "high": whole.high if whole else None,
    }


def _arm(gathered: Gathered, check: Check, arm: Arm) -> tuple[str, str, int]:
    """An arm, what of it is scored, and its number of codes."""
    code = check.options.get("where", {}).get("code") or gathered.code(DATASET, arm)
    return str(arm), code, gathered.codes(DATASET, arm)


# --------------------------------------------------------------------------------------------------------------- page
def _page(gathered: Gathered, frame: pd.DataFrame) -> str:
    """A table a topic: a row a pair of arms, a column a measure."""
    results = gathered.results
    notes = [*NOTES, "; ".join(describe_results(results, planned_words(results, [DATASET]))) + "."]
    texts = [markdown(table).strip() for table in tables(gathered, frame)]
    return "\n\n".join([*texts, "\n".join(f"{note}  " for note in notes)]) + "\n"


def tables(gathered: Gathered, frame: pd.DataFrame) -> list[Page]:
    """A table a topic of `exploratory.csv`; `NOTES` belong to all of them."""
    topics = frame.groupby("topic", sort=False) if len(frame) else ()
    return [_table(gathered, n, str(topic), mine) for n, (topic, mine) in enumerate(topics, 1)]


def _table(gathered: Gathered, number: int, topic: str, mine: pd.DataFrame) -> Page:
    measures = list(dict.fromkeys(mine["measure"]))
    key = ["arm", "code", "other", "other_code", "without_seed"]
    rows: list[list[str] | None] = []
    for _, of_pair in mine.groupby(key, sort=False, dropna=False):
        first = of_pair.iloc[0]
        cells = of_pair.set_index("measure").reindex(measures)
        n = of_pair["n"].max()
        rows.append([_pair(gathered, first), _codes(first), str(n), *(_cell(cell) for _, cell in cells.iterrows())])
    header = ["Comparison", "Codes", "n", *(MEASURE_WORDS.get(m) or METRIC_LABELS.get(m, m) for m in measures)]
    return Page(f"Exploratory {number}", topic + ".", header, "l" * len(header), rows, [])


def _pair(gathered: Gathered, row: pd.Series) -> str:
    same = row["arm"] == row["other"]
    first = _label(gathered, row["arm"], row["code"] if same else None)
    without = f", without seed {row['without_seed']:.0f}" if pd.notna(row["without_seed"]) else ""
    if pd.isna(row["other"]):
        return first + without
    baseline = BASELINES.get(row["other"])
    other = baseline[1].partition(": ")[2] if baseline else _label(gathered, row["other"], _spelt(gathered, row, same))
    return f"{first} − {other}{without}"


def _spelt(gathered: Gathered, row: pd.Series, same: bool) -> str | None:
    """The other arm's code where it is not the one that Table 3 has first."""
    return row["other_code"] if same or row["other_code"] != gathered.code(DATASET, parse_arm(row["other"])) else None


def _label(gathered: Gathered, text: str, code: str | None) -> str:
    """Name an arm for a reader.

    The name has its system, its α if a variant changes it, and its code if one is named.
    """
    arm = parse_arm(text)
    settings = gathered.results.settings(gathered.run(DATASET, arm, 0))
    alpha = f", α = {number(settings['alpha'])}" if arm.variant.startswith("alpha") else ""
    return label(arm.system) + alpha + (f", {CODES[code]}" if code else "")


def _codes(row: pd.Series) -> str:
    return (
        str(row["k"]) if pd.isna(row["other_k"]) or row["k"] == row["other_k"] else f"{row['k']} − {row['other_k']:.0f}"
    )


def _cell(row: pd.Series) -> str:
    """An estimate with its interval; a dash where the comparison was not asked for."""
    if pd.isna(row["n"]):
        return DASH
    return with_interval(row["estimate"], row["low"], row["high"]) or ABSENT
