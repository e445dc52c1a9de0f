"""Conclude the comparisons of the second protocol, and the claims that they make up."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import of_second_protocol
from idgan_sc.config.claims import Contrast
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import statistics
from idgan_sc.report.comparisons import Gathered, compare
from idgan_sc.report.render import Page, write_page
from idgan_sc.report.second_protocol import contrast_words, contrasts_run, differences
from idgan_sc.report.words import DASH, notes, places

ANSWERS = {"above": "yes", "below": "no", "within": "no"}  # to "does it raise the score?"


def conclude(gathered: Gathered) -> pd.DataFrame:
    """Return one row for each comparison that the preset runs.

    It has the estimate, the interval, the p values and the conclusion. Holm's method runs over the comparisons of a
    family. One that lacks a planned seed is not concluded. It enters as p = 1, so that no unfinished run moves another
    conclusion.
    """
    table = pd.DataFrame([_row(gathered, contrast, data) for data, contrast in contrasts_run(gathered.results)])
    whole = table["n"] >= table["needs"]
    families = table["p"].where(whole, 1.0).groupby([table["dataset"], table["family"]])
    adjusted = families.transform(lambda p: statistics.holm(p.tolist()))
    concluded = adjusted < gathered.results.config["judging"]["alpha"]
    said = table["said"].where(concluded, "unclear").where(whole, "few")
    return table.assign(p_holm=adjusted, said=said, answer=said.map(ANSWERS).fillna(said))


def _row(gathered: Gathered, contrast: Contrast, data: str) -> dict[str, Any]:
    found, margin = differences(gathered, contrast, data), gathered.results.config["second_protocol"]["margin"]
    row = {
        "dataset": data,
        "family": contrast.family,
        "claim": contrast.claim,
        "comparison": contrast_words(gathered.results, contrast, data),
        "paper": _printed(gathered, contrast),
        "n": len(found),
        "needs": len(gathered.results.seeds(data)),
    }
    if len(found) < 2:
        return row | {"difference": None, "low": None, "high": None, "p": 1.0, "said": "few"}
    compared = compare(found.to_numpy(float), np.zeros(len(found)), paired=True)
    said, p = statistics.conclusion(compared, margin)
    interval = compared if len(found) >= statistics.MIN_N else None
    return row | {
        "difference": compared.difference,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "p": p,
        "said": said,
    }


def _printed(gathered: Gathered, contrast: Contrast) -> float | None:
    """The difference of two arms' levels in Figure 3, which the paper names."""
    levels = gathered.results.config["reported"]["figure3"]
    sides = [levels.get(arm.system) for arm in (*contrast.arms, *contrast.others)]
    return None if contrast.what or None in sides else sides[0] - sides[1]


def judge_claims(results: Results, concluded: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each claim: a conjunction of its comparisons.

    yes: every one is a yes. no: one is a no. few: one lacks seeds. Else it is unclear. No p value is adjusted here: a
    conjunction is wrong only if one of its parts is.
    """
    rows = [
        {"claim": name, "what": results.config["second_protocol"]["claims"][name], "answer": _conjunction(answers)}
        for name, answers in concluded.dropna(subset="claim").groupby("claim")["answer"]
    ]
    return pd.DataFrame(rows, columns=["claim", "what", "answer"])


def _conjunction(answers: Iterable[str]) -> str:
    """The answer of a claim from those of its comparisons.

    >>> _conjunction(["yes", "yes"]), _conjunction(["yes", "no"]), _conjunction(["yes", "unclear"])
    ('yes', 'no', 'unclear')
    """
    found = set(answers)
    return next((answer for answer in ("few", "no", "unclear") if answer in found), "yes")


def conclusions(results: Results) -> list[Path]:
    """Write Table J: what each comparison of the second protocol concludes.

    Raises
    ------
    DataError
        If the preset is not judged by the second protocol, has no comparison, or `curves.csv` is not of `gather`.
    """
    if not of_second_protocol(results.config, results.preset):
        raise DataError(f"preset {results.preset} is not judged by the second protocol: see `idgan-sc claims`")
    table = conclude(Gathered(results))
    judging, margin = results.config["judging"], results.config["second_protocol"]["margin"]
    claims = judge_claims(results, table)
    page = Page(
        "Table J",
        "What the comparisons of the second protocol conclude.",
        ["Family", "Comparison", "Paper", "n", "Difference", "95 % interval", "p", "p, Holm", "Conclusion"],
        r"l>{\raggedright}p{0.3\textwidth}rrrrrr>{\raggedright\arraybackslash}p{0.14\textwidth}",
        [_cells(row, margin) for _, row in table.iterrows()],
        [
            "Difference: in the mean FactorVAE score over the last third of stage B, mean over n seeds. "
            "Paper: the difference of the levels that it names for Figure 3.",
            "p: of the conclusion, whether the difference is above 0, below 0 or within the margin. It is twice the "
            "smallest of the three one-sided p values.",
            f"Concluded where p by Holm's method, over the comparisons of a family, is below {judging['alpha']:g}.",
            *(f"{row['claim']}, {row['what']}: {ANSWER_WORDS[row['answer']]}." for _, row in claims.iterrows()),
            *notes(results, results.datasets),
        ],
    )
    return write_page(results, "conclusions", table, page, results.datasets)


TABLES: dict[str, Callable[[Results], list[Path]]] = {"conclusions": conclusions}
ANSWER_WORDS = {"yes": "yes", "no": "no", "unclear": "unclear", "few": "not judged before all seeds are finished"}


def conclusion_words(row: pd.Series, margin: float) -> str:
    """A comparison's conclusion as a reader says it."""
    return {
        "above": "higher",
        "below": "lower",
        "within": f"no difference beyond ± {margin:g}",
        "unclear": "unclear",
        "few": f"{row['n']} of {row['needs']} seeds",
    }[row["said"]]


def _cells(row: pd.Series, margin: float) -> list[str]:
    known = pd.notna(row["difference"])
    return [
        row["family"],
        row["comparison"],
        places(row["paper"]) if pd.notna(row["paper"]) else DASH,
        str(row["n"]),
        places(row["difference"], 3) if known else DASH,
        f"{places(row['low'], 3)} to {places(row['high'], 3)}" if pd.notna(row["low"]) else DASH,
        f"{row['p']:.3f}" if known else DASH,
        f"{row['p_holm']:.3f}" if known else DASH,
        conclusion_words(row, margin),
    ]
