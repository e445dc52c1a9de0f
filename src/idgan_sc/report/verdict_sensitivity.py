"""Measure how far each verdict depends on how it is judged.

Three things vary: the tests that are adjusted for, one seed left out, and the measure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from scipy import stats as sps

from idgan_sc.config.claims import Check, claim_dataset, planned_checks
from idgan_sc.files import write_text
from idgan_sc.records.results import Results
from idgan_sc.records.tables import write_table
from idgan_sc.report import statistics
from idgan_sc.report.comparisons import Gathered
from idgan_sc.report.render import Page, markdown
from idgan_sc.report.verdicts import ANSWERS, VERDICT_WORDS, holm_over_all, judge, shown_words, verdict
from idgan_sc.report.words import DASH, describe_results, planned_words

REGISTERED = "registered"
FAMILIES = {
    "Holm, over the claim": "Holm's adjustment over the directional tests of the claim alone",
    "Holm, over Figure 3": "Holm's adjustment over the directional tests of the claims about Figure 3",
    "Benjamini–Hochberg": "the false discovery rate over all planned directional tests",
}
TABLES_DRAW, CURVES_END = "Table 3's draw", "the curve's end"


@dataclass(frozen=True)
class Way:
    """Hold one way of judging the claims.

    It has what differs from the registered way, its name, its claims, and what was judged.
    """

    what: str  # registered, family, seed or measure
    name: str
    claims: frozenset[str]
    judged: pd.DataFrame


def write_sensitivity(results: Results) -> list[Path]:
    """Write `verdict_sensitivity.csv`, a row a claim and way of judging, and `verdict_sensitivity.md`, for reading."""
    gathered = Gathered(results)
    ways = list(_ways(gathered))
    frame = pd.DataFrame([row for way in ways for row in _rows(gathered, ways[0], way)])
    return [
        write_table(results.root / "verdict_sensitivity.csv", frame),
        write_text(results.root / "verdict_sensitivity.md", _page(gathered, frame)),
    ]


# ------------------------------------------------------------------------------------------------------ ways of judging
def _ways(gathered: Gathered) -> Iterator[Way]:
    """Every way of judging, the registered one first."""
    config, planned = gathered.results.config, planned_checks(gathered.results.config)
    every = frozenset(config["claims"])
    with_directional = frozenset(check.claim for check in planned if check.rule == "order")
    figure3 = frozenset(name for name in with_directional if "Fig. 3" in config["claims"][name]["place"])
    yield Way(
        REGISTERED,
        "Holm, over all orders",  # the rule `order` of config.yaml: a directional test
        every,
        judge(gathered, planned, holm_over_all),
    )
    for name, (adjust, claims) in {
        "Holm, over the claim": (_holm_by(lambda claim: claim), with_directional),
        "Holm, over Figure 3": (_holm_by(lambda claim: "Figure 3" if claim in figure3 else claim), figure3),
        "Benjamini–Hochberg": (_benjamini_hochberg, with_directional),
    }.items():
        yield Way("family", name, claims, judge(gathered, planned, adjust))
    for seed in sorted({seed for data in gathered.results.datasets for seed in gathered.results.seeds(data)}):
        claims = frozenset(name for name in every if seed in _seeds_of(gathered, name))
        yield Way("seed", f"without seed {seed}", claims, judge(gathered.without([seed]), planned))
    for name, change in ((TABLES_DRAW, _as_score), (CURVES_END, _as_curve_end)):
        changed = [change(gathered, check) for check in planned]
        claims = frozenset(old.claim for old, new in zip(planned, changed, strict=True) if old != new)
        yield Way("measure", name, claims, judge(gathered, changed))


def _seeds_of(gathered: Gathered, claim: str) -> list[int]:
    """The seeds of the data set that a claim is judged on."""
    data = claim_dataset(gathered.results.config, gathered.results.preset, claim)
    return gathered.results.seeds(data) if data else []


def _holm_by(family: Callable[[str], str]) -> Callable[[Sequence[Check], Sequence[float]], list[float]]:
    """Holm's adjustment within each family of claims."""

    def adjust(directional: Sequence[Check], p: Sequence[float]) -> list[float]:
        values = pd.Series(p, dtype=float)
        families = [family(check.claim) for check in directional]
        return values.groupby(families).transform(lambda mine: statistics.holm(mine.tolist())).tolist()

    return adjust


def _benjamini_hochberg(directional: Sequence[Check], p: Sequence[float]) -> list[float]:
    return [float(q) for q in sps.false_discovery_control(p, method="bh")] if len(p) else []


def _as_score(gathered: Gathered, check: Check) -> Check:
    """FactorVAE's score of Table 3 in the place of the curve's end."""
    return replace(check, quantity="score", metric="factor_vae") if check.quantity == "curve_end" else check


def _as_curve_end(gathered: Gathered, check: Check) -> Check:
    """Replace FactorVAE's score of Table 3 by the curve's end.

    This needs both arms' curves to be of the code that is scored.
    """
    data = claim_dataset(gathered.results.config, gathered.results.preset, check.claim)
    arms = [arm for arm in (check.arm, check.other) if arm]
    scored = check.quantity == "score" and check.metric == "factor_vae" and data is not None
    if not scored or any(gathered.code(str(data), arm) == "vae_sample" for arm in arms):
        return check
    return replace(check, quantity="curve_end", metric=None)


def _rows(gathered: Gathered, registered: Way, way: Way) -> Iterator[dict[str, object]]:
    """Yield one row for each claim, judged this way.

    It has the verdict and the checks whose answer differs from the registered one.
    """
    before, evidence = registered.judged["answer"], gathered.results.evidence
    for claim, mine in way.judged.groupby("claim", sort=False):
        if claim not in way.claims:
            continue
        both = zip(before[mine.index], mine["answer"], mine["words"], strict=True)
        told = [f"{old} → {new}: {shown_words(words)}" for old, new, words in both if old != new]
        yield {
            "claim": claim,
            "what": way.what,
            "judged": way.name,
            "verdict": verdict(mine["answer"].tolist(), evidence),
            **{answer: int((mine["answer"] == answer).sum()) for answer in ANSWERS},
            "changed": len(told),
            "changes": "; ".join(told),
        }


# --------------------------------------------------------------------------------------------------------------- page
def _page(gathered: Gathered, frame: pd.DataFrame) -> str:
    results = gathered.results
    read = "; ".join(describe_results(results, planned_words(results, results.datasets), results.datasets)) + "."
    page = table(frame)
    return markdown(replace(page, notes=[*page.notes, read])) + "\n" + "\n".join(_changes(frame)) + "\n"


def table(frame: pd.DataFrame) -> Page:
    """List each claim's registered verdict and how it could be judged otherwise.

    A row is a claim of `verdict_sensitivity.csv`.
    """
    rows = []
    for claim, mine in frame.groupby("claim", sort=False):
        first = mine[mine["what"] == REGISTERED].iloc[0]
        families = [_verdict(first, mine[mine["judged"] == name]) for name in FAMILIES]
        rows.append(
            [
                str(claim),
                _verdict_with_answers(first),
                *families,
                _seeds(first, mine[mine["what"] == "seed"]),
                _verdict(first, mine[mine["what"] == "measure"]),
            ]
        )
    notes = [
        "“Same”: the same verdict and the same answer of every check; “same word”: the verdict is the same, and the "
        f"counts are given. {DASH}: the claim has nothing that could change so. None of these ways is registered.",
        *(f"{name}: {meaning}." for name, meaning in FAMILIES.items()),
        "One seed left out: of the preset's seeds, one after the other, in every data set that has it; the claim then "
        "needs one seed less.",
        f"Other measure: FactorVAE's score of {TABLES_DRAW} in the place of {CURVES_END}, or the reverse. Checks "
        "against FactorVAE stay as they are, because its curve is of another code than its score.",
    ]
    header = ["Claim", "Registered", *FAMILIES, "One seed left out", "Other measure"]
    title = "What each verdict would be, judged otherwise."
    return Page("Sensitivity of the verdicts", title, header, "l" * len(header), rows, notes)


def _verdict_with_answers(row: pd.Series) -> str:
    """The verdict and its answers."""
    counts = ", ".join(f"{row[name]} {name}" for name in ("yes", "no", "unclear") if row[name])
    return VERDICT_WORDS[row["verdict"]] + (f" ({counts})" if counts else "")


def _verdict(registered: pd.Series, found: pd.DataFrame) -> str:
    """A claim's verdict judged another way, shortened where it is the registered one."""
    if found.empty:
        return DASH
    row = found.iloc[0]
    if not row["changed"]:
        return "same"
    same = row["verdict"] == registered["verdict"]
    return (
        _verdict_with_answers(row).replace(VERDICT_WORDS[row["verdict"]], "same word", 1)
        if same
        else _verdict_with_answers(row)
    )


def _seeds(registered: pd.Series, found: pd.DataFrame) -> str:
    """Say how often the verdict stays when one seed is left out.

    The text also names the seeds that move it.
    """
    moved = found[found["verdict"] != registered["verdict"]]
    if moved.empty:
        return f"same word in all {len(found)}"
    told = [
        f"{VERDICT_WORDS[str(word)]} without seed {', '.join(name.split()[-1] for name in mine)}"
        for word, mine in moved.groupby("verdict", sort=False)["judged"]
    ]
    return f"same word in {len(found) - len(moved)} of {len(found)}; {'; '.join(told)}"


def _changes(frame: pd.DataFrame) -> Iterator[str]:
    """List the ways of judging in which a claim's check changes its answer.

    Each claim and way has a line. Ways that leave out a seed are not listed.
    """
    yield "Answers that change:"
    yield ""
    for _, row in frame[(frame["changed"] > 0) & (frame["what"] != "seed")].iterrows():
        yield f"* {row['claim']}, {row['judged']}: {row['changes']}"
