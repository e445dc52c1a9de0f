"""Collect the points that the page plots, one per seed.

The points are scores beside the paper's and the baseline's, leakage, and values of checks.
"""

from typing import Any

import pandas as pd

from idgan_sc.config import DATASET, PROTOCOL, dataset_row
from idgan_sc.config.claims import Arm, Check, claim_dataset, planned_checks
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.records.tables import table_or_empty
from idgan_sc.report.comparisons import QUANTITIES, Gathered, shares_predecessor
from idgan_sc.report.read import read_baselines, scored_codes
from idgan_sc.report.statistics import summary
from idgan_sc.report.verdicts import arm_words
from idgan_sc.report.words import CODES_OF, METRIC_LABELS, label, number

BASELINE = "untrained_q"  # of what learned nothing, the one that is marked: the very network, before training
Row = dict[str, Any]


def points(results: Results) -> list[Row]:
    """Return one row for each metric and arm.

    A row has each seed's score, their mean and interval, and the values of the paper and of the baseline.
    """
    frame = table_or_empty(results.root / "scores.csv")
    if frame.empty:
        return []
    frame = frame[(frame["dataset"] == DATASET) & (frame["protocol"] == PROTOCOL) & frame["metric"].isin(METRIC_LABELS)]
    cells, gathered = table_or_empty(results.root / "tables/table3.csv"), Gathered(results)
    families = _families(gathered, list(frame[["system", "variant"]].drop_duplicates().itertuples(index=False)))
    rows = []
    for key, group in frame.groupby(["system", "variant", "code", "metric"], sort=False):
        system, variant, code, metric = map(str, key)
        settings = results.settings(results.run(DATASET, system, variant, 0))
        if code != scored_codes(settings)[0]:
            continue
        name = f"{label(system)}{_variant_words(variant, settings)}"
        values = group.set_index("seed")["value"]
        rows.append(
            {"metric": metric, "metric_label": METRIC_LABELS[metric], "family": families[system, variant]}
            | _row(name, system, values)
            | {
                "paper": _printed(cells, system, variant, code, metric),
                "baseline": _baseline(results, metric, settings["c_dim"]),
            }
        )
    return rows


def _row(name: str, system: str, values: pd.Series) -> Row:
    """Build a row from a name and the values of its seeds.

    The row has their mean. It has an interval if there are enough seeds.
    """
    found = summary(values.to_numpy(float))
    marks = {"mean": found.mean, "low": found.low, "high": found.high}
    rounded = {key: None if value is None else round(value, 4) for key, value in marks.items()}
    seeds = [[seed, round(value, 4)] for seed, value in zip(values.index.tolist(), values.tolist(), strict=True)]
    return {"label": name, "system": system, "seeds": seeds, **rounded}


def _families(gathered: Gathered, arms: list[Any]) -> dict[tuple[str, str], int]:
    """Number each (system, variant) by its family.

    Two of them get the same number if their runs of one seed build on a common run.
    """
    found: dict[tuple[str, str], int] = {}
    for i, (system, variant) in enumerate(arms):
        earlier = [arm for arm in arms[:i] if shares_predecessor(gathered, DATASET, Arm(*arm), Arm(system, variant))]
        found[system, variant] = found[tuple(earlier[0])] if earlier else i
    return found


def _variant_words(variant: str, settings: dict[str, Any]) -> str:
    if variant == "main":
        return ""
    return (
        f", α = {number(settings['alpha'])}" if variant.startswith("alpha") else CODES_OF.get(variant, f", {variant}")
    )


def _printed(cells: pd.DataFrame, system: str, variant: str, code: str, metric: str) -> float | None:
    if cells.empty:
        return None
    wanted = (cells[["system", "variant", "code", "metric"]] == [system, variant, code, metric]).all(axis=1)
    found = cells.loc[wanted, "paper_mean"].dropna()
    return float(found.iloc[0]) if len(found) else None


def _baseline(results: Results, metric: str, k: int) -> float | None:
    """The mean score of what learned nothing, at as many codes."""
    try:
        baselines = read_baselines(results.root)
    except DataError:  # none was measured
        return None
    found = baselines[(baselines["system"] == BASELINE) & (baselines["metric"] == metric) & (baselines["k"] == k)][
        "value"
    ]
    return round(float(found.mean()), 4) if len(found) else None


def leakage_points(results: Results) -> list[Row]:
    """Every seed's leakage, a plot a data set."""
    table = table_or_empty(results.root / "leakage.csv")
    if table.empty:
        return []
    return [
        {
            "metric": f"leakage_{data}",
            "metric_label": f"Leakage on {dataset_row(str(data)).title} (less is better)",
            "family": number_of,
            **_row(label(str(system)), str(system), group.set_index("seed")["leakage"]),
            "paper": None,
            "baseline": None,
        }
        for number_of, ((data, system), group) in enumerate(
            table.dropna(subset="leakage").groupby(["dataset", "system"], sort=False)
        )
    ]


# ------------------------------------------------------------------------------------------------------------- checks
def check_points(results: Results) -> list[list[Row]]:
    """Return the rows of both arms for each planned check.

    A row has one value per seed. A check without measurements has no rows.
    """
    gathered = Gathered(results)
    return [_check_rows(gathered, check) for check in planned_checks(results.config)]


def _check_rows(gathered: Gathered, check: Check) -> list[Row]:
    results = gathered.results
    data = claim_dataset(results.config, results.preset, check.claim)
    if data is None or results.preset not in check.options.get("presets", [results.preset]):
        return []
    arms = [arm for arm in (check.arm, check.other) if arm]
    paired = check.other is None or shares_predecessor(gathered, data, check.arm, check.other)
    if check.rule == "settled_by":
        return _along(gathered, data, check)
    values = [QUANTITIES[check.quantity](gathered, data, check, arm) for arm in arms]
    return [
        {"family": 0 if paired else i, "paper": None, "baseline": None} | _row(arm_words(arm), arm.system, series)
        for i, (arm, series) in enumerate(zip(arms, values, strict=True))
        if len(series)
    ]


def _along(gathered: Gathered, data: str, check: Check) -> list[Row]:
    """The curve where it should have settled, and at its end."""
    curve = QUANTITIES["curve"](gathered, data, check, check.arm).dropna()
    if curve.empty:
        return []
    from_step = check.options.get("step", check.options.get("fraction", 0) * curve.columns[-1])
    first = next(step for step in curve.columns if step >= from_step)
    words = {first: f"{arm_words(check.arm)}, step {number(int(first))}", curve.columns[-1]: "at the end"}
    common = {"family": 0, "paper": None, "baseline": None}
    return [common | _row(name, check.arm.system, curve[step]) for step, name in words.items()]
