"""What is written about the paper's claims: verdicts, their checks, and readings beside them."""

from pathlib import Path

import pandas as pd

from idgan_sc.config.claims import Check, claim_dataset, planned_checks
from idgan_sc.files import write_text
from idgan_sc.records.results import Results
from idgan_sc.records.tables import write_table
from idgan_sc.report.comparisons import Gathered
from idgan_sc.report.readings import READINGS_NOTE, read_claims, shown_verdicts
from idgan_sc.report.render import Page, markdown
from idgan_sc.report.statistics import LEVEL, MIN_N
from idgan_sc.report.verdicts import check_line, judge, verdicts
from idgan_sc.report.words import DASH, data_words, describe_results, n_of


def write_claims(results: Results) -> list[Path]:
    """Write `claims.csv` (a row a claim), `checks.csv` (a row a comparison), `readings.csv` and `claims.md`."""
    gathered = Gathered(results)
    judged = judge(gathered)
    table = verdicts(results, judged)
    read = read_claims(gathered, judged, table)
    origins = pd.Series([_origin(gathered, check) for check in planned_checks(results.config)], dtype=object)
    return [
        write_table(results.root / "claims.csv", table),
        write_table(results.root / "checks.csv", judged.assign(origin=origins)),
        write_table(results.root / "readings.csv", read),
        write_text(results.root / "claims.md", _page(results, table, judged, read)),
    ]


def _origin(gathered: Gathered, check: Check) -> str | None:
    """Say where the runs behind a check come from.

    They were recomputed here, or their published records are of a commit.
    """
    results = gathered.results
    data = claim_dataset(results.config, results.preset, check.claim)
    if data is None:
        return None
    runs = [gathered.run(data, arm, seed) for arm in (check.arm, check.other) if arm for seed in results.seeds(data)]
    there = results.having(runs, "record.json")
    return results.origin(there) if there else None


def _page(results: Results, table: pd.DataFrame, judged: pd.DataFrame, read: pd.DataFrame) -> str:
    shown = shown_verdicts(table, read)
    rows = [
        [
            row["claim"],
            row["sentence"],
            row["place"],
            shown[row["claim"]],
            n_of(row["n"], row["needs"]),
            data_words(results, row["dataset"]) if pd.notna(row["dataset"]) else DASH,
        ]
        for _, row in table.iterrows()
    ]
    judged_on = list(dict.fromkeys(table["dataset"].dropna()))
    fewest = "n: seeds of a claim's check that has fewest, of those needed"
    notes = [
        "; ".join(describe_results(results, fewest, judged_on)) + ".",
        READINGS_NOTE,
        f"Holm's adjustment runs over all {int((judged['rule'] == 'order').sum())} planned directional tests (does one "
        "system score higher?), run or not; levels, differences and ties are equivalence tests (TOST) within the "
        "stated margin.",
        "Reproduced: every check is a yes; partly: one at least; not reproduced: none, and one at least is a no; "
        "inconclusive: one has fewer seeds than it needs, or all are unclear.",
        f"Below, a check's estimate and its {LEVEL:.0%} interval, from n = {MIN_N} on; an equivalence test "
        "at 5% asks that the 90% interval lies within the margin. Along a curve: of the point that differs most.",
    ]
    header = ["", "Claim", "Place", "Verdict", "n", "Data"]
    page = markdown(Page("Claims", "The paper's claims and their verdicts.", header, "llllll", rows, notes))
    lists = [line for name in table["claim"] for line in _lines(judged[judged["claim"] == name], read)]
    return page + "\n" + "\n".join(lists) + "\n"


def _lines(mine: pd.DataFrame, read: pd.DataFrame) -> list[str]:
    """A claim's reading, if it has one, and its checks."""
    name = mine["claim"].iloc[0]
    found = read[(read["claim"] == name) & read["reading"].notna()]
    told = [
        f"\n**Read after registration: {row['reading']}.** {row['evidence']} Why: {row['reason']}."
        for _, row in found.iterrows()
    ]
    return ["", f"**{name}**", *told, "", *(check_line(row) for _, row in mine.iterrows())]
