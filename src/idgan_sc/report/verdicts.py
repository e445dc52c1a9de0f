"""Judge the paper's claims C1 to C11 from the scores.

The rules are those that `claims` in config.yaml names.

A claim is a conjunction of checks. A check's rule has two functions. One says what is compared
(see `comparisons`). The other turns the comparison into an answer (`DECISIONS`). Preset and data are part of
every verdict.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from idgan_sc.config.claims import Arm, Check, claim_dataset, planned_checks, seeds_needed
from idgan_sc.records.results import Results
from idgan_sc.report import statistics
from idgan_sc.report.comparisons import CheckResult, Gathered, evaluate_check
from idgan_sc.report.words import CODES_OF, METRIC_LABELS, label, places, with_interval

VERDICTS = ("reproduced", "partly", "not_reproduced", "inconclusive", "not_tested")
ANSWERS = ("yes", "no", "unclear", "few", "untested", "elsewhere")
Adjust = Callable[
    [Sequence[Check], Sequence[float]], Sequence[float]
]  # directional checks and their p values -> adjusted ones


@dataclass(frozen=True)
class Answer:
    """Hold the answer of a check and its reason.

    The answer is yes, no, unclear, few, untested or elsewhere. few: there are fewer seeds than needed. untested:
    there are no such runs. elsewhere: the check is judged at other presets.
    """

    answer: str
    reason: str


# ------------------------------------------------------------------------------------------------- what is answered
def _judge_equivalence(found: CheckResult, p: float, check: Check, judging: dict[str, Any]) -> Answer:
    """Judge whether the comparisons lie within the margin.

    The answer is yes if TOST puts every comparison within the margin. It is no if an interval lies wholly
    outside. Otherwise it is unclear.
    """
    margin, could = check.options["margin"], _detectable_text(found, judging)
    if all(statistics.equivalence(c, margin) < judging["alpha"] for c in found.comparisons):
        return Answer("yes", f"within ± {margin:g}; {could}")
    if any(c.low > margin or c.high < -margin for c in found.comparisons):
        return Answer("no", f"off by more than {margin:g}")
    return Answer("unclear", f"± {margin:g} neither shown nor excluded; {could}")


def _detectable_text(found: CheckResult, judging: dict[str, Any]) -> str:
    """Belongs beside every "no difference": the effect that so many seeds could have detected."""
    least = max(statistics.detectable(c, judging["alpha"], judging["power"]) for c in found.comparisons)
    return f"{found.n} seeds could have detected {least:.3f}"


def _judge_direction(found: CheckResult, p: float, check: Check, judging: dict[str, Any]) -> Answer:
    """yes: significantly above after Holm; no: significantly below, or equivalent within the margin; else unclear."""
    (c,), margin = found.comparisons, check.options["margin"]
    if p < judging["alpha"]:
        return Answer("yes", "significantly above") if c.difference > 0 else Answer("no", "significantly below")
    side = "above" if c.low > 0 else "below" if c.high < 0 else ""
    aside = f", although its own interval lies {side} 0" if side else ""
    tested = f"not significant: p = {c.p:.3f}, by Holm {p:.3f}{aside}; in one test {_detectable_text(found, judging)}"
    if statistics.equivalence(c, margin) < judging["alpha"]:
        return Answer("no", f"no difference beyond ± {margin:g}; {tested}")
    return Answer("unclear", tested)


DECISIONS: dict[str, Callable[[CheckResult, float, Check, dict[str, Any]], Answer]] = {
    "level": _judge_equivalence,
    "difference": _judge_equivalence,
    "equal": _judge_equivalence,
    "order": _judge_direction,
    "settled_by": _judge_equivalence,
}


# ------------------------------------------------------------------------------------------------------------ judging
def holm_over_all(directional: Sequence[Check], p: Sequence[float]) -> list[float]:
    """The registered adjustment: Holm over all planned directional tests (rule `order`) of all claims."""
    return statistics.holm(p)


def judge(gathered: Gathered, planned: Sequence[Check] = (), adjust: Adjust = holm_over_all) -> pd.DataFrame:
    """Return one row for each planned check, with its comparison and answer.

    Other checks can be given in place of the planned ones. A directional check with fewer seeds than needed
    enters the adjustment as p = 1. So no unfinished run moves a verdict.
    """
    planned = planned or planned_checks(gathered.results.config)
    found = [evaluate_check(gathered, check) for check in planned]
    directional = [i for i, check in enumerate(planned) if check.rule == "order"]
    p = [_p(gathered, planned[i], found[i]) for i in directional]
    adjusted = dict(zip(directional, adjust([planned[i] for i in directional], p), strict=True))
    return pd.DataFrame(
        [_row(gathered, *pair, adjusted.get(i)) for i, pair in enumerate(zip(planned, found, strict=True))]
    )


def _p(gathered: Gathered, check: Check, found: CheckResult) -> float:
    whole = found.comparisons and found.n >= _needed(gathered, check.claim)
    return found.comparisons[0].p if whole else 1.0


def _needed(gathered: Gathered, claim: str) -> int:
    """Seeds that a claim needs, less those that are left out on purpose."""
    config, preset = gathered.results.config, gathered.results.preset
    data = claim_dataset(config, preset, claim)
    left_out = gathered.left_out.intersection(gathered.results.seeds(data)) if data else ()
    return seeds_needed(config, preset, claim) - len(left_out)


def _answer(gathered: Gathered, check: Check, found: CheckResult, p: float | None) -> Answer:
    results, only, needs = gathered.results, check.options.get("presets"), _needed(gathered, check.claim)
    if only is not None and results.preset not in only:
        return Answer("elsewhere", f"judged at {', '.join(only)} only")
    if found.n == 0:
        return Answer("untested", "no finished run at this preset")
    if found.n < needs:
        return Answer("few", f"{found.n} of the {needs} seeds needed")
    if not found.comparisons:
        return Answer("untested", "the curve has no point that late but its end")
    return DECISIONS[check.rule](found, 1.0 if p is None else p, check, results.config["judging"])


def _row(gathered: Gathered, check: Check, found: CheckResult, p: float | None) -> dict[str, Any]:
    results, worst, answer = gathered.results, found.worst, _answer(gathered, check, found, p)
    value, margin = check.options.get("value", 0.0), check.options["margin"]
    interval = worst if worst and found.n >= statistics.MIN_N else None
    alpha, power = results.config["judging"]["alpha"], results.config["judging"]["power"]
    return {
        "claim": check.claim,
        "rule": check.rule,
        "quantity": check.quantity,
        "metric": check.metric,
        "arm": str(check.arm),
        "other": str(check.other) if check.other else None,
        "dataset": claim_dataset(results.config, results.preset, check.claim),
        "value": check.options.get("value"),
        "margin": margin,
        "n": found.n,
        "design": found.design,
        "estimate": worst.difference + value if worst else None,
        "low": interval.low + value if interval else None,
        "high": interval.high + value if interval else None,
        "effect": worst.effect if worst else None,
        "superiority": worst.superiority if worst else None,
        "p": worst.p if worst and p is not None else None,
        "p_holm": p if worst else None,
        "p_equivalence": max((statistics.equivalence(c, margin) for c in found.comparisons), default=None),
        "detectable": max((statistics.detectable(c, alpha, power) for c in found.comparisons), default=None),
        "predicted_low": found.predicted[0] if found.predicted else None,
        "predicted_high": found.predicted[1] if found.predicted else None,
        "answer": answer.answer,
        "reason": answer.reason,
        "words": check_text(check) + codes_words(gathered, check),
    }


def codes_words(gathered: Gathered, check: Check) -> str:
    """Name the numbers of codes of two arms if they differ.

    They differ as in the paper's table. The regulariser does not cause this difference.
    """
    data = claim_dataset(gathered.results.config, gathered.results.preset, check.claim)
    if data is None or check.other is None:
        return ""
    k, other = (gathered.codes(data, arm) for arm in (check.arm, check.other))
    return f" [{k} codes against {other}]" if k != other else ""


def arm_words(arm: Arm) -> str:
    return label(arm.system) + ("" if arm.variant == "main" else f", {arm.variant}")


def quantity_words(check: Check) -> str:
    """What a check compares, as a reader says it."""
    if check.metric:
        return METRIC_LABELS.get(check.metric, check.metric)
    return str(check.options.get("what") or QUANTITY_WORDS[check.quantity])


def check_text(check: Check) -> str:
    """The check as a reader says it."""
    what = quantity_words(check)
    other, value = arm_words(check.other) if check.other else "", check.options.get("value", 0.0)
    from_step = (
        f"step {check.options['step']}" if "step" in check.options else f"{check.options.get('fraction', 0):.0%}"
    )
    shown = f"{value:+.2f}".replace("-", "−")
    return {
        "level": f"{what} of {arm_words(check.arm)}: {value:.2f}",
        "difference": f"{what}: {arm_words(check.arm)} − {other} = {shown}",
        "equal": f"{what}: {arm_words(check.arm)} = {other}",
        "order": f"{what}: {arm_words(check.arm)} > {other}",
        "settled_by": f"{what} of {arm_words(check.arm)} settled by {from_step} of stage B",
    }[check.rule]


QUANTITY_WORDS = {
    "curve": "FactorVAE score",
    "curve_end": "FactorVAE score at the end of stage B",
    "curve_change": "change of the FactorVAE score over stage B",
    "pair_accuracy": "early pair accuracy above chance",
    "controlled": "factors with a code of their own",
}


def verdict(answers: list[str], evidence: bool) -> str:
    """One of `VERDICTS` from the answers of a claim's checks.

    >>> verdict(["yes", "elsewhere"], True), verdict(["yes", "no"], True), verdict(["yes"], False)
    ('reproduced', 'partly', 'not_tested')
    """
    here = [answer for answer in answers if answer != "elsewhere"]
    tested = [answer for answer in here if answer != "untested"]
    if not evidence or not tested:
        return "not_tested"
    if "few" in tested:
        return "inconclusive"
    if "yes" in tested:
        return "reproduced" if set(here) == {"yes"} else "partly"
    return "not_reproduced" if "no" in tested else "inconclusive"


def verdicts(results: Results, judged: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each claim with its verdict.

    A row also has the sentence, n, preset and data, and the number of checks by answer.
    """
    chosen = results.config["presets"][results.preset]
    rows = []
    for name, claim in results.config["claims"].items():
        mine = judged[judged["claim"] == name]
        tested = mine[~mine["answer"].isin(["untested", "elsewhere"])]
        data = claim_dataset(results.config, results.preset, name)
        rows.append(
            {
                "claim": name,
                "verdict": verdict(mine["answer"].tolist(), chosen["evidence"]),
                "sentence": " ".join(claim["sentence"].split()),
                "place": claim["place"],
                "preset": results.preset,
                "evidence": chosen["evidence"],
                "dataset": data,
                "source": results.dataset_settings(data)["source"] if data else None,
                "n": int(tested["n"].min()) if len(tested) else 0,
                "needs": seeds_needed(results.config, results.preset, name),
                "checks": len(mine),
                **{answer: int((mine["answer"] == answer).sum()) for answer in ANSWERS},
            }
        )
    return pd.DataFrame(rows)


# -------------------------------------------------------------------------------------------------------------- words
def check_line(check: pd.Series) -> str:
    """Format a row of `checks.csv` as a line of a list.

    The line has the answer, estimate, interval and reason.
    """
    found = with_interval(check["estimate"], check["low"], check["high"])
    return f"* {check['answer']}: {check['words']}{': ' if found else ''}{found} ({check['reason']})"


def shown_words(words: str) -> str:
    """Registered words of a check with what the name of a variant means."""
    return words.replace(", c10", ", 10 codes")


def nearest(checks: pd.DataFrame) -> pd.DataFrame:
    """Select the checks of what regularisers and the distilled space add.

    Regularisers are added to InfoGAN, the distilled space to IDGAN-SC.
    """
    regularisers = (checks["quantity"] == "curve_end") & (checks["rule"] == "difference")
    space = (checks["claim"] == "C7") & (checks["metric"] == "factor_vae")
    return checks[regularisers | space]


def plain_answer(check: pd.Series) -> tuple[str, str]:
    """Say which arms one of the nearest checks compares, and what is found.

    What the paper says stands before what is found here.
    """
    says = f"adds {check['value']:.2f}" if pd.notna(check["value"]) else "raises the score"
    arms = " over ".join(_arm(check[name]) for name in ("arm", "other"))
    if pd.isna(check["estimate"]):
        return arms, f"the paper says that it {says}. Here it is not measured."
    above, below = check["low"] > 0, check["high"] < 0
    found = "adds" if above else "takes away" if below else "changes nothing that can be seen:"
    size = places(abs(check["estimate"]) if above or below else check["estimate"], 3)
    interval = f"95 % interval {places(check['low'], 3)} to {places(check['high'], 3)}"
    known = interval if pd.notna(check["low"]) else "too few seeds for an interval"
    return arms, f"the paper says that it {says}. Here it {found} {size} ({known})."


def _arm(name: str) -> str:
    system, _, variant = name.partition("/")
    return label(system) + CODES_OF.get(variant, "")


def verdict_text(claim: pd.Series) -> str:
    """Say a claim's verdict in a reader's words.

    They tell how its checks came out, and whether some are judged at another preset only.

    >>> answers = {"yes": 1, "no": 2, "unclear": 21, "few": 0, "untested": 0, "elsewhere": 0}
    >>> verdict_text(pd.Series({"verdict": "partly", **answers}))
    'partly reproduced (1 yes, 2 no, 21 unclear)'
    """
    word = VERDICT_WORDS[claim["verdict"]] + (AS_FAR if as_far(claim) else "")
    counts = ", ".join(f"{claim[name]} {ANSWER_WORDS[name]}" for name in ANSWER_WORDS if claim[name])
    return f"{word} ({counts})" if was_judged(claim) else word


def was_judged(claim: pd.Series) -> bool:
    """Whether a claim had all its seeds, so that its checks were judged."""
    return bool(claim["verdict"] in DECIDED or (claim["verdict"] == "inconclusive" and not claim["few"]))


def as_far(claim: pd.Series) -> bool:
    """Check whether a verdict covers only a part of its claim.

    The reason is a level, which is judged at the paper's own settings.
    """
    return bool(claim["verdict"] in DECIDED and claim["elsewhere"])


DECIDED = ("reproduced", "partly", "not_reproduced")
AS_FAR = " as far as judged here"
ANSWER_WORDS = {
    "yes": "yes",
    "no": "no",
    "unclear": "unclear",
    "untested": "not run",
    "elsewhere": "judged at another preset",
}

VERDICT_WORDS = {
    "reproduced": "reproduced",
    "partly": "partly reproduced",
    "not_reproduced": "not reproduced",
    "inconclusive": "inconclusive",
    "not_tested": "not tested",
}
