"""Show the claims on the page.

Each has its checks, their forest plot, every seed and the command.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from idgan_sc.publish.points import check_points
from idgan_sc.records.results import Results
from idgan_sc.records.tables import table_or_empty
from idgan_sc.report.verdicts import (
    AS_FAR,
    VERDICT_WORDS,
    VERDICTS,
    as_far,
    nearest,
    plain_answer,
    shown_words,
    verdict_text,
)
from idgan_sc.report.words import DASH, data_words, n_of, places

SPAN = 0.4  # of the forest plot, to either side of 0, in units of the score
Row = dict[str, Any]


@dataclass(frozen=True)
class Forest:
    """Place a check in the forest plot, 0 to 200 across.

    It holds what the claim says, the interval and the estimate.
    """

    zone: tuple[float, float]
    interval: tuple[float, float] | None
    estimate: float
    beyond: bool  # whether it lies outside of the plot


def forest(check: Any) -> Forest | None:
    """Place a row of `checks.csv` in the forest plot.

    The plot shows differences of scores, or a score minus the claimed level. The result is None if nothing was
    measured. In a directional check the claim says above 0. Otherwise it says the value and its margin.
    """
    if pd.isna(check["estimate"]):
        return None
    shift = check["value"] if check["rule"] == "level" else 0.0
    claimed = 0.0 if check["rule"] == "level" or pd.isna(check["value"]) else check["value"]
    margin = check["margin"]
    zone = (0.0, SPAN) if check["rule"] == "order" else (claimed - margin, claimed + margin)

    def across(value: float) -> float:
        return round(100 + 100 * min(max(value / SPAN, -1.0), 1.0), 1)

    interval = None if pd.isna(check["low"]) else (across(check["low"] - shift), across(check["high"] - shift))
    estimate = check["estimate"] - shift
    return Forest((across(zone[0]), across(zone[1])), interval, across(estimate), abs(estimate) > SPAN)


def check_rows(results: Results) -> list[Row]:
    """List the rows of `checks.csv` with what the page shows.

    Seeds are included only if their file belongs to these checks.
    """
    table = table_or_empty(results.root / "checks.csv")
    seeds = check_points(results) if len(table) else []
    gains = set(nearest(table).index) if len(table) else set()
    if len(seeds) != len(table):
        seeds = [[] for _ in range(len(table))]
    return [
        {
            "id": f"check{number_of}",
            "claim": row["claim"],
            "words": shown_words(row["words"]),
            "answer": row["answer"],
            "reason": row["reason"],
            "found": _found(row),
            "forest": forest(row),
            "origin": row["origin"] if pd.notna(row["origin"]) else DASH,
            "paired": row["design"] == "paired",
            "gain": plain_answer(row) if number_of in gains else None,
            "seeds": seeds[number_of],
        }
        for number_of, (_, row) in enumerate(table.iterrows())
    ]


def _found(check: pd.Series) -> str:
    if pd.isna(check["estimate"]):
        return DASH
    interval = f" [{places(check['low'], 3)}, {places(check['high'], 3)}]" if pd.notna(check["low"]) else ""
    return places(check["estimate"], 3) + interval


def claim_rows(results: Results, judged: list[Row]) -> list[Row]:
    """List the rows of `claims.csv` for the page.

    A row has the claim's verdict in words, its checks, and the command that proves it.
    """
    own = reading_rows(results)
    return [
        {
            "id": row["claim"],
            "sentence": row["sentence"],
            "place": row["place"],
            "verdict": row["verdict"],
            "verdict_text": verdict_text(row),
            "n": n_of(row["n"], row["needs"]),
            "data": data_words(results, row["dataset"]) if pd.notna(row["dataset"]) else DASH,
            "checks": [check for check in judged if check["claim"] == row["claim"]],
            "reading": own.get(row["claim"]),
            "command": f"make prove CLAIM={row['claim']} BUDGET=30m PRESET={results.preset}",
        }
        for _, row in table_or_empty(results.root / "claims.csv").iterrows()
    ]


def by_verdict(results: Results) -> list[Row]:
    """Sort the claims without a reading by verdict.

    Those that were judged in full come before those judged in part.
    """
    claims, own = table_or_empty(results.root / "claims.csv"), reading_rows(results)
    rows = [(row["verdict"], as_far(row), row["claim"]) for _, row in claims.iterrows() if row["claim"] not in own]
    return [
        {"verdict": name, "words": VERDICT_WORDS[name] + (AS_FAR if part else ""), "claims": found}
        for name in VERDICTS
        for part in (False, True)
        if (found := [claim for verdict, in_part, claim in rows if (verdict, in_part) == (name, part)])
    ]


def reading_rows(results: Results) -> dict[str, Row]:
    """Claim -> its reading made after registration, which comes before its verdict, and the reason."""
    table = table_or_empty(results.root / "readings.csv")
    table = table[table["reading"].notna()] if len(table) else table
    return {row["claim"]: {"words": row["reading"], "reason": row["reason"]} for _, row in table.iterrows()}
