"""Give readings of claims that were made after registration.

A reading says what the registered word of a verdict leaves out. It follows from a rule and from the checks.

`readings` in config.yaml names a rule for some claims, with the reason. A reading stands beside the
registered word. A rule that does not apply to the findings gives no reading.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from idgan_sc.config import applies
from idgan_sc.config.claims import Arm, Check, claim_dataset, planned_checks
from idgan_sc.report.comparisons import CheckResult, Gathered, evaluate_check
from idgan_sc.report.statistics import MIN_N
from idgan_sc.report.verdicts import arm_words, codes_words, quantity_words, verdict_text
from idgan_sc.report.words import VARIANTS, places, with_interval

READINGS_NOTE = (
    "A reading in bold was made after registration, with the results known, by a rule that `readings` in config.yaml "
    "names with its reason. It comes first; the registered verdict stands beside it and is unchanged."
)
MADE = "after registration, with the results known"


@dataclass(frozen=True)
class Reading:
    """A few words, also in Chinese, and sentences with the numbers behind them."""

    words: str
    chinese: str
    evidence: str


Pair = tuple[Check, pd.Series]  # a check and its row of checks.csv
Pairs = list[Pair]


# -------------------------------------------------------------------------------------------------------------- rules
def refuted(gathered: Gathered, pairs: Pairs) -> Reading | None:
    """Read a claim as refuted if one of its checks is a no.

    The claim is a conjunction, so a check that is a yes does not save it.
    """
    found = {answer: [pair for pair in pairs if pair[1]["answer"] == answer] for answer in ("yes", "no", "unclear")}
    if not (found["yes"] and found["no"]):
        return None
    no, every = len(found["no"]), len(pairs)
    evidence = (
        f"The claim says that all of its {every} checks hold: {no} no, {len(found['yes'])} yes, "
        f"{len(found['unclear'])} unclear.{_equal_codes(gathered, found['yes'])}"
    )
    return Reading(
        f"refuted as stated: {no} no in {every} checks", f"按原文表述不成立：{every} 项中 {no} 项不成立", evidence
    )


def _equal_codes(gathered: Gathered, yes: Pairs) -> str:
    """Repeat the yes checks whose arms differ in the number of codes.

    The repeated checks have equal numbers of codes.
    """
    unequal = [(check, other) for check, _ in yes if (other := _with_equal_codes(gathered, check))]
    if not unequal:
        return ""
    told = "; ".join(f"{quantity_words(check)} {_found(evaluate_check(gathered, check))}" for _, check in unequal)
    unlike = " and ".join(dict.fromkeys(codes_words(gathered, check).strip(" []") for check, _ in unequal))
    return f" Yes with {unlike}: {len(unequal)} of {len(yes)}; with equal numbers of codes: {told}."


def _with_equal_codes(gathered: Gathered, check: Check) -> Check | None:
    """Return the check with equal numbers of codes in both arms.

    A variant of the other arm replaces it. The result is None if the numbers are already equal.
    """
    data = _data(gathered, check)
    if data is None or check.other is None or gathered.codes(data, check.arm) == gathered.codes(data, check.other):
        return None
    config, system = gathered.results.config, check.other.system
    arms = [Arm(system, variant) for variant in VARIANTS if applies(config, variant, system)]
    same = [arm for arm in arms if gathered.codes(data, arm) == gathered.codes(data, check.arm)]
    return replace(check, other=same[0]) if same else None


def level_at_other_preset(gathered: Gathered, pairs: Pairs) -> Reading | None:
    """Read a claim whose level is judged only at another preset.

    All that is judged here must hold.
    """
    here = [pair for pair in pairs if pair[1]["answer"] != "elsewhere"]
    levels = [check for check, row in pairs if row["answer"] == "elsewhere" and check.rule == "level"]
    if not (here and levels) or any(row["answer"] != "yes" for _, row in here):
        return None
    level = levels[0]
    unbound = replace(level, options={key: value for key, value in level.options.items() if key != "presets"})
    found = evaluate_check(gathered, unbound)
    if not found.comparisons:
        return None
    value = level.options["value"]
    mean = found.comparisons[0].difference + value
    stable = all(check.quantity == "curve_change" for check, _ in here)
    words = "stable" if stable else "what is judged here holds"
    against = f"{places(mean)} against {places(value)}"
    evidence = (
        f"Judged here: {quantity_words(here[0][0])} of {arm_words(level.arm)}, {_interval(here[0][1])}. The level is "
        f"judged at preset {' or '.join(level.options['presets'])} only; here it is {_found(found, value)}, not "
        f"{places(value)}."
    )
    chinese = "稳定" if stable else "此处检验的部分成立"
    untested = f"水平未检验：此处 {places(mean)}，论文 {places(value)}"
    return Reading(f"{words}; level not tested: {against}", f"{chinese}；{untested}", evidence)


def printed_outside(gathered: Gathered, pairs: Pairs) -> Reading | None:
    """Read a claim whose printed difference lies outside the interval.

    The margin around the printed difference does not exclude the interval.
    """
    for check, row in pairs:
        if check.rule != "difference" or row["answer"] != "unclear" or pd.isna(row["low"]):
            continue
        if not row["low"] <= row["value"] <= row["high"]:
            printed = f"{row['value']:+.2f}".replace("-", "−")
            evidence = (
                f"{quantity_words(check)}, {arm_words(check.arm)} − {_other(check)}: {_interval(row)}; the printed "
                f"{printed} lies outside. The registered rule asks that all of {printed} ± {row['margin']:g} does."
            )
            words = f"the printed {printed} lies outside the interval; whether there is a gain stays open"
            return Reading(words, f"论文的 {printed} 在区间之外；是否有提升仍不明确", evidence)
    return None


def gain_excluded(gathered: Gathered, pairs: Pairs) -> Reading | None:
    """Read a claim whose intervals all exclude a gain beyond the margin.

    The interval of every directional check ends below the margin.
    """
    directional = [pair for pair in pairs if pair[0].rule == "order"]
    excluded = [
        (check, row) for check, row in directional if row["answer"] == "unclear" and row["high"] < row["margin"]
    ]
    if not directional or len(excluded) < len(directional):
        return None
    margin = max(row["margin"] for _, row in directional)
    below = sum(row["high"] < 0 for _, row in directional)
    counts = f"{len(excluded)} of {len(directional)}"
    told = "; ".join(f"{quantity_words(check)} {_interval(row)}" for check, row in directional)
    check = directional[0][0]
    evidence = (
        f"{arm_words(check.arm)} − {_other(check)}: {told}. Each interval ends below {margin:g}; {below} of "
        f"{len(directional)} lie wholly below 0. No directional test is significant after Holm's adjustment."
    )
    words = f"a gain of more than {margin:g} is excluded in {counts} scores, by the interval of each alone"
    chinese = f"{len(directional)} 项分数中有 {len(excluded)} 项各自的区间排除大于 {margin:g} 的提升"
    return Reading(words, chinese, evidence)


def alone(gathered: Gathered, pairs: Pairs) -> Reading | None:
    """Read a claim whose only directional check is significant alone.

    It is no longer significant among all planned checks of that kind.
    """
    directional = [row for check, row in pairs if check.rule == "order" and pd.notna(row["p"])]
    alpha = gathered.results.config["judging"]["alpha"]
    if len(directional) != 1 or not directional[0]["p"] < alpha <= directional[0]["p_holm"]:
        return None
    row, family = directional[0], sum(check.rule == "order" for check in planned_checks(gathered.results.config))
    side, chinese = ("for", "支持") if row["estimate"] > 0 else ("against", "反对")
    p = f"p = {row['p']:.3f}"
    adjusted = f"{row['p_holm']:.3f} by Holm's adjustment over {family} directional tests"
    evidence = f"{row['words']}: {_interval(row)}, {p}; {adjusted}."
    words = f"{side} the claim if tested alone ({p}); not significant among the {family} tests"
    return Reading(words, f"单独检验{chinese}该论断（{p}）；在 {family} 项比较中不显著", evidence)


RULES: dict[str, Callable[[Gathered, Pairs], Reading | None]] = {
    "refuted": refuted,
    "level_elsewhere": level_at_other_preset,
    "printed_outside": printed_outside,
    "gain_excluded": gain_excluded,
    "alone": alone,
}


# ------------------------------------------------------------------------------------------------------------ readings
def read_claims(gathered: Gathered, judged: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each claim under `readings` in config.yaml.

    The row has no reading if the rule does not apply.
    """
    config = gathered.results.config
    pairs = list(zip(planned_checks(config), (row for _, row in judged.iterrows()), strict=True))
    told = {row["claim"]: (row["verdict"], verdict_text(row)) for _, row in table.iterrows()}
    rows = []
    for claim, chosen in config["readings"].items():
        mine = [pair for pair in pairs if pair[0].claim == claim]
        decided = told[claim][0] != "not_tested" and all(row["answer"] != "few" for _, row in mine)
        found = RULES[chosen["rule"]](gathered, mine) if decided else None
        evidence = found.evidence[0].upper() + found.evidence[1:] if found else None
        rows.append(
            {"claim": claim, "rule": chosen["rule"], "registered": told[claim][1]}
            | {"reading": found.words if found else None, "evidence": evidence}
            | {"chinese": found.chinese if found else None}
            | {"reason": " ".join(chosen["reason"].split()), "made": MADE}
        )
    return pd.DataFrame(rows)


def shown_verdicts(table: pd.DataFrame, read: pd.DataFrame) -> dict[str, str]:
    """Return the text of each claim's verdict for a reader.

    The reading comes first, if there is one. The registered words follow.
    """
    first = {row["claim"]: row["reading"] for _, row in read.iterrows() if pd.notna(row["reading"])}
    return {
        row["claim"]: f"**{first[row['claim']]}**; registered: {verdict_text(row)}"
        if row["claim"] in first
        else verdict_text(row)
        for _, row in table.iterrows()
    }


def _data(gathered: Gathered, check: Check) -> str | None:
    return claim_dataset(gathered.results.config, gathered.results.preset, check.claim)


def _other(check: Check) -> str:
    return arm_words(check.other) if check.other else ""


def _interval(row: pd.Series) -> str:
    return with_interval(row["estimate"], row["low"], row["high"])


def _found(found: CheckResult, value: float = 0.0) -> str:
    """The estimate of what was measured, with its interval from `MIN_N` seeds on."""
    if found.worst is None:
        return "not measured"
    c, known = found.worst, found.n >= MIN_N
    return with_interval(c.difference + value, c.low + value if known else None, c.high + value if known else None)
