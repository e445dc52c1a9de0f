"""Verdicts on the paper's claims C1 to C11, computed from the scores by the rules that `claims` in config.yaml names.

A claim is a conjunction of checks. A check compares one or two arms in one quantity; its rule is a function that says
what is compared (`MEASURES`) and one that turns the comparison into an answer (`DECISIONS`). Preset and data are part
of every verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import PROTOCOL, Config, Run
from idgan_sc.config.claims import Arm, Check, checks, dataset_of, needed
from idgan_sc.files import DataError, write_text
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table
from idgan_sc.report import statistics
from idgan_sc.report.read import read_scores, scored_codes
from idgan_sc.report.render import Page, markdown
from idgan_sc.report.statistics import Comparison
from idgan_sc.report.words import DASH, METRICS, about, data_words, label, n_of, places

VERDICTS = ("reproduced", "partly", "not_reproduced", "inconclusive", "not_tested")
SCORE_KEY = ["dataset", "system", "variant", "seed", "code", "metric", "protocol"]
CURVE_KEY = [*SCORE_KEY, "step", "draw"]
ASSOCIATION_KEY = [key for key in SCORE_KEY if key not in ("metric", "protocol")] + ["dimension", "factor"]
KEYS = {"scores.csv": SCORE_KEY, "curves.csv": CURVE_KEY, "associations.csv": ASSOCIATION_KEY}


@dataclass(frozen=True)
class Measured:
    """What a check found: comparisons (several along a curve), values that enter, and the pairing used."""

    comparisons: list[Comparison]
    n: int
    design: str = ""
    predicted: tuple[float, float] | None = None


@dataclass(frozen=True)
class Answer:
    """yes, no, unclear; few: fewer seeds than needed; untested: no such runs; elsewhere: judged at other presets."""

    answer: str
    reason: str


# ---------------------------------------------------------------------------------------------------- what is measured
class Gathered:
    """The gathered tables of a preset's results, each read once; a file that is not there holds no values."""

    def __init__(self, results: Results, swap: dict[str, str] | None = None, tables: Path | None = None) -> None:
        self.results, self.swap = results, swap or {}
        self.tables = tables or results.root  # where scores.csv and curves.csv lie
        self._read = cache(self._read_table)

    def _read_table(self, name: str) -> pd.DataFrame:
        frame = read_scores(self.tables / name, KEYS[name])
        return frame[frame["protocol"] == PROTOCOL] if "protocol" in frame else frame

    def rows(self, name: str, data: str, arm: Arm, **wanted: str) -> pd.DataFrame:
        """Rows of an arm's headline code, with the wanted value in further columns."""
        run = self.run(data, arm, 0)
        code = scored_codes(self.results.settings(run))[0]
        wanted |= {"dataset": data, "system": run.system, "variant": run.variant, "code": code}
        frame = self._read(name)
        return frame[np.logical_and.reduce([frame[column] == value for column, value in wanted.items()])]

    def run(self, data: str, arm: Arm, seed: int) -> Run:
        """A run of an arm; `swap` puts another variant in the place of `main`, for the sensitivity study."""
        variant = self.swap.get(arm.system, arm.variant) if arm.variant == "main" else arm.variant
        return self.results.run(data, arm.system, variant, seed)

    def files(self, data: str, arm: Arm, name: str) -> dict[int, Path]:
        """Where a file lies, for each seed of the preset whose run has it."""
        paths = {seed: self.results.find(self.run(data, arm, seed), name) for seed in self.results.seeds(data)}
        return {seed: path for seed, path in paths.items() if path.exists()}


def _score(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    """The metric of Table 3, by seed."""
    assert check.metric is not None
    return gathered.rows("scores.csv", data, arm, metric=check.metric).set_index("seed")["value"]


def _curve(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.DataFrame:
    """FactorVAE score along stage B, mean over draws: (seeds, steps)."""
    rows = gathered.rows("curves.csv", data, arm, metric="factor_vae")
    return rows.groupby(["seed", "step"])["value"].mean().unstack("step")


def _curve_end(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    curve = _curve(gathered, data, check, arm)
    return curve.iloc[:, -1] if curve.size else pd.Series(dtype=float)


def _curve_change(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    curve = _curve(gathered, data, check, arm)
    return curve.iloc[:, -1] - curve.iloc[:, 0] if curve.size else pd.Series(dtype=float)


def _pair_accuracy(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    """Mean pair accuracy over the `first` part of stage B, chance taken off: 0 is guessing, 1 is always right."""
    k = gathered.results.settings(gathered.run(data, arm, 0))["c_dim"]
    return pd.Series(
        {
            seed: _early(read_table(path, ["step"], "train that run again"), check.options["first"], 1 / k)
            for seed, path in gathered.files(data, arm, "log.csv").items()
        },
        dtype=float,
    )


def _early(log: pd.DataFrame, first: float, chance: float) -> float:
    if "pair_accuracy" not in log:
        raise DataError("a log has no pair_accuracy: this arm draws no pairs and cannot be in such a check")
    early = log.loc[log["step"] <= max(first * log["step"].max(), log["step"].min()), "pair_accuracy"]
    return float((early.mean() - chance) / (1 - chance))


def _controlled(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    """Factors that have a code of their own, by seed: one that tells more of this factor than of any other."""
    rows = gathered.rows("associations.csv", data, arm)
    return pd.Series(
        {
            seed: float(controlled_factors(group.pivot(index="dimension", columns="factor", values="value").to_numpy()))
            for seed, group in rows.groupby("seed")
        },
        dtype=float,
    )


def controlled_factors(association: np.ndarray) -> int:
    """Number of factors (columns of (k, K)) whose best code tells more of them than of any other factor.

    >>> controlled_factors(np.array([[0.9, 0.8], [0.7, 0.1]])), controlled_factors(np.eye(2))
    (1, 2)
    """
    best = association.argmax(axis=0)  # (K,)
    return int(sum(association[code].argmax() == factor for factor, code in enumerate(best)))


def _file(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    """The mean, by seed, of a column of a preset's other table, such as the leakage study's."""
    path, column = gathered.results.root / check.options["file"], check.options["column"]
    if not path.exists():
        return pd.Series(dtype=float)
    run, frame = gathered.run(data, arm, 0), pd.read_csv(path)
    about = {"dataset": data, "system": run.system, "variant": run.variant, **check.options.get("where", {})}
    wanted = {key: value for key, value in about.items() if key in frame}
    rows = frame[np.logical_and.reduce([frame[key] == value for key, value in wanted.items()])]
    return rows.groupby("seed")[column].mean().dropna()


QUANTITIES: dict[str, Callable[[Gathered, str, Check, Arm], Any]] = {
    "score": _score,
    "curve": _curve,
    "curve_end": _curve_end,
    "curve_change": _curve_change,
    "pair_accuracy": _pair_accuracy,
    "controlled": _controlled,
    "file": _file,
}


# --------------------------------------------------------------------------------------------------- what is compared
def _compare(a: np.ndarray, b: np.ndarray, paired: bool) -> Comparison:
    """The fitting comparison; where nothing varies, the exact sign test stands in for t."""
    try:
        return statistics.paired(a, b) if paired else statistics.welch(a, b)
    except statistics.NothingVaries:
        return statistics.constant(float(np.mean(a) - np.mean(b)), min(len(a), len(b)))


def _of_one(gathered: Gathered, data: str, check: Check) -> Measured:
    """level: the arm's mean against the value."""
    values = QUANTITIES[check.quantity](gathered, data, check, check.arm).to_numpy(float)
    n = len(values)
    if n < 2:
        return Measured([], n)
    comparison = _compare(values, np.full(n, check.options["value"]), paired=True)
    printed = gathered.results.config["reported"]["runs_averaged"]
    predicted = statistics.prediction_interval(values, printed) if n >= statistics.MIN_N else None
    return Measured([comparison], n, f"against {check.options['value']:g}", predicted)


def _of_two(gathered: Gathered, data: str, check: Check) -> Measured:
    """difference, equal, order: the arm against the other, by seed where they share a predecessor."""
    assert check.other is not None
    get = QUANTITIES[check.quantity]
    a, b = get(gathered, data, check, check.arm), get(gathered, data, check, check.other)
    paired = share(gathered, data, check.arm, check.other)
    if paired:
        a, b = a.align(b, join="inner")
    n = min(len(a), len(b))
    if n < 2:
        return Measured([], n)
    comparison = _compare(a.to_numpy(float), b.to_numpy(float), paired)
    return Measured([_shift(comparison, check.options.get("value", 0.0))], n, "paired" if paired else "Welch")


def _of_curve(gathered: Gathered, data: str, check: Check) -> Measured:
    """settled_by: every point from `step`, or from `fraction` of the curve on, against its end, by seed."""
    curve = _curve(gathered, data, check, check.arm).dropna()
    n = len(curve)
    if n < 2:
        return Measured([], n)
    from_step = check.options.get("step", check.options.get("fraction", 0) * curve.columns[-1])
    later = [step for step in curve.columns[:-1] if step >= from_step]
    end = curve.iloc[:, -1].to_numpy(float)
    return Measured([_compare(curve[step].to_numpy(float), end, True) for step in later], n, "paired along the curve")


def _shift(comparison: Comparison, value: float) -> Comparison:
    """The same comparison with `value` as its zero."""
    if value == 0.0:
        return comparison
    moved = comparison.difference - value
    return replace(
        comparison, difference=moved, low=comparison.low - value, high=comparison.high - value, t=moved / comparison.se
    )


def share(gathered: Gathered, data: str, a: Arm, b: Arm) -> bool:
    """Whether runs of equal seed of two arms build on a common run (stage A or β-VAE), or one on the other."""
    families = [_family(gathered.results.config, gathered.run(data, arm, 0)) for arm in (a, b)]
    return bool(families[0] & families[1])


def _family(config: Config, run: Run) -> set[Run]:
    before = configuration.predecessors(config, run).values()
    return {run}.union(*(_family(config, earlier) for earlier in before))


# ------------------------------------------------------------------------------------------------- what is answered
def _near(measured: Measured, p: float, check: Check, judging: dict[str, Any]) -> Answer:
    """yes: TOST puts every comparison within the margin; no: an interval lies wholly outside; else unclear."""
    margin, could = check.options["margin"], _could(measured, judging)
    if all(statistics.equivalence(c, margin) < judging["alpha"] for c in measured.comparisons):
        return Answer("yes", f"within ± {margin:g}; {could}")
    if any(c.low > margin or c.high < -margin for c in measured.comparisons):
        return Answer("no", f"off by more than {margin:g}")
    return Answer("unclear", f"± {margin:g} neither shown nor excluded; {could}")


def _could(measured: Measured, judging: dict[str, Any]) -> str:
    """Belongs beside every "no difference": the effect that so many seeds could have detected."""
    least = max(statistics.detectable(c, judging["alpha"], judging["power"]) for c in measured.comparisons)
    return f"{measured.n} seeds could have detected {least:.3f}"


def _above(measured: Measured, p: float, check: Check, judging: dict[str, Any]) -> Answer:
    """yes: significantly above after Holm; no: significantly below, or equivalent within the margin; else unclear."""
    (c,), margin = measured.comparisons, check.options["margin"]
    if p < judging["alpha"]:
        return Answer("yes", "significantly above") if c.difference > 0 else Answer("no", "significantly below")
    side = "above" if c.low > 0 else "below" if c.high < 0 else ""
    aside = f", although its own interval lies {side} 0" if side else ""
    tested = f"not significant: p = {c.p:.3f}, by Holm {p:.3f}{aside}; in one test {_could(measured, judging)}"
    if statistics.equivalence(c, margin) < judging["alpha"]:
        return Answer("no", f"no difference beyond ± {margin:g}; {tested}")
    return Answer("unclear", tested)


MEASURES: dict[str, Callable[[Gathered, str, Check], Measured]] = {
    "level": _of_one,
    "difference": _of_two,
    "equal": _of_two,
    "order": _of_two,
    "settled_by": _of_curve,
}
DECISIONS: dict[str, Callable[[Measured, float, Check, dict[str, Any]], Answer]] = {
    "level": _near,
    "difference": _near,
    "equal": _near,
    "order": _above,
    "settled_by": _near,
}


# ------------------------------------------------------------------------------------------------------------ judging
def judge(gathered: Gathered) -> pd.DataFrame:
    """Every planned check with its comparison and answer, a row each.

    Holm runs over all `order` checks: one that has fewer seeds than needed counts as p = 1, so that no unfinished run
    moves a verdict.
    """
    results = gathered.results
    config, preset = results.config, results.preset
    planned = checks(config)
    measured = [_measure(gathered, check) for check in planned]
    adjusted = iter(
        statistics.holm(
            [
                m.comparisons[0].p if m.comparisons and m.n >= needed(config, preset, c.claim) else 1.0
                for c, m in zip(planned, measured, strict=True)
                if _tests(c)
            ]
        )
    )
    rows = []
    for check, found in zip(planned, measured, strict=True):
        p = next(adjusted) if _tests(check) else None
        rows.append(_row(results, check, found, p) | {"origin": _origin(gathered, check)})
    return pd.DataFrame(rows)


def _origin(gathered: Gathered, check: Check) -> str | None:
    """Whether the runs behind a check were recomputed here, or of which commit their published records are."""
    data = dataset_of(gathered.results.config, gathered.results.preset, check.claim)
    if data is None:
        return None
    results, seeds = gathered.results, gathered.results.seeds(data)
    runs = [gathered.run(data, arm, seed) for arm in (check.arm, check.other) if arm for seed in seeds]
    there = results.having(runs, "record.json")
    return results.origin(there) if there else None


def _tests(check: Check) -> bool:
    return check.rule == "order"


def _measure(gathered: Gathered, check: Check) -> Measured:
    data = dataset_of(gathered.results.config, gathered.results.preset, check.claim)
    if data is None or gathered.results.preset not in check.options.get("presets", [gathered.results.preset]):
        return Measured([], 0)
    return MEASURES[check.rule](gathered, data, check)


def _answer(results: Results, check: Check, found: Measured, p: float | None) -> Answer:
    only, needs = check.options.get("presets"), needed(results.config, results.preset, check.claim)
    if only is not None and results.preset not in only:
        return Answer("elsewhere", f"judged at {', '.join(only)} only")
    if found.n == 0:
        return Answer("untested", "no finished run at this preset")
    if found.n < needs:
        return Answer("few", f"{found.n} of the {needs} seeds needed")
    if not found.comparisons:
        return Answer("untested", "the curve has no point that late but its end")
    return DECISIONS[check.rule](found, 1.0 if p is None else p, check, results.config["judging"])


def _row(results: Results, check: Check, found: Measured, p: float | None) -> dict[str, Any]:
    answer = _answer(results, check, found, p)
    worst = max(found.comparisons, key=lambda c: abs(c.difference), default=None)
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
        "dataset": dataset_of(results.config, results.preset, check.claim),
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
        "words": words(check) + _codes(results, check),
    }


def _codes(results: Results, check: Check) -> str:
    """Numbers of codes of the two arms where they differ: as in the paper's table, and not the regulariser's doing."""
    data = dataset_of(results.config, results.preset, check.claim)
    if data is None or check.other is None:
        return ""
    k, other = (
        results.settings(results.run(data, arm.system, arm.variant, 0))["c_dim"] for arm in (check.arm, check.other)
    )
    return f" [{k} codes against {other}]" if k != other else ""


def _arm_words(arm: Arm) -> str:
    return label(arm.system) + ("" if arm.variant == "main" else f", {arm.variant}")


def words(check: Check) -> str:
    """The check as a reader says it."""
    what = (
        METRICS.get(check.metric, check.metric)
        if check.metric
        else check.options.get("what") or QUANTITY_WORDS[check.quantity]
    )
    other, value = _arm_words(check.other) if check.other else "", check.options.get("value", 0.0)
    from_step = (
        f"step {check.options['step']}" if "step" in check.options else f"{check.options.get('fraction', 0):.0%}"
    )
    shown = f"{value:+.2f}".replace("-", "−")
    return {
        "level": f"{what} of {_arm_words(check.arm)}: {value:.2f}",
        "difference": f"{what}: {_arm_words(check.arm)} − {other} = {shown}",
        "equal": f"{what}: {_arm_words(check.arm)} = {other}",
        "order": f"{what}: {_arm_words(check.arm)} > {other}",
        "settled_by": f"{what} of {_arm_words(check.arm)} settled by {from_step} of stage B",
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
    """A row a claim: its sentence, verdict, n, preset and data, and the checks in words."""
    chosen = results.config["presets"][results.preset]
    rows = []
    for name, claim in results.config["claims"].items():
        mine = judged[judged["claim"] == name]
        tested = mine[~mine["answer"].isin(["untested", "elsewhere"])]
        data = dataset_of(results.config, results.preset, name)
        rows.append(
            {
                "claim": name,
                "verdict": verdict(mine["answer"].tolist(), chosen["evidence"]),
                "sentence": " ".join(claim["sentence"].split()),
                "place": claim["place"],
                "preset": results.preset,
                "evidence": chosen["evidence"],
                "dataset": data,
                "source": results.about_data(data)["source"] if data else None,
                "n": int(tested["n"].min()) if len(tested) else 0,
                "needs": needed(results.config, results.preset, name),
                "checks": len(mine),
                **{answer: int((mine["answer"] == answer).sum()) for answer in ANSWERS},
            }
        )
    return pd.DataFrame(rows)


ANSWERS = ("yes", "no", "unclear", "few", "untested", "elsewhere")


# ------------------------------------------------------------------------------------------------------------- writing
def write_claims(results: Results) -> list[Path]:
    """Write `claims.csv` (a row a claim), `checks.csv` (a row a comparison) and `claims.md`, for reading."""
    judged = judge(Gathered(results))
    table = verdicts(results, judged)
    return [
        write_text(results.root / "claims.csv", table.to_csv(index=False, lineterminator="\n")),
        write_text(results.root / "checks.csv", judged.to_csv(index=False, lineterminator="\n")),
        write_text(results.root / "claims.md", _page(results, table, judged)),
    ]


def _page(results: Results, table: pd.DataFrame, judged: pd.DataFrame) -> str:
    rows = [
        [
            row["claim"],
            row["sentence"],
            row["place"],
            said(row),
            n_of(row["n"], row["needs"]),
            data_words(results, row["dataset"]) if pd.notna(row["dataset"]) else DASH,
        ]
        for _, row in table.iterrows()
    ]
    lists = [line for name in results.config["claims"] for line in _check_lines(name, judged[judged["claim"] == name])]
    judged_on = list(dict.fromkeys(table["dataset"].dropna()))
    fewest = "n: seeds of a claim's check that has fewest, of those needed"
    notes = [
        "; ".join(about(results, fewest, judged_on)) + ".",
        f"Holm's adjustment runs over all {int((judged['rule'] == 'order').sum())} planned orders, run or not; "
        "levels, differences and ties are equivalence tests (TOST) within the stated margin.",
        "Reproduced: every check is a yes; partly: one at least; not reproduced: none, and one at least is a no; "
        "inconclusive: one has fewer seeds than it needs, or all are unclear.",
        f"Below, a check's estimate and its {statistics.LEVEL:.0%} interval, from n = {statistics.MIN_N} on; "
        "an equivalence test "
        "at 5% asks that the 90% interval lies within the margin. Along a curve: of the point that differs most.",
    ]
    header = ["", "Claim", "Place", "Verdict", "n", "Data"]
    page = markdown(Page("Claims", "The paper's claims and their verdicts.", header, "llllll", rows, notes))
    return page + "\n" + "\n".join(lists) + "\n"


def _check_lines(name: str, mine: pd.DataFrame) -> list[str]:
    return ["", f"**{name}**", "", *(check_line(row) for _, row in mine.iterrows())]


def check_line(check: pd.Series) -> str:
    """A row of `checks.csv` as a line of a list: its answer, estimate, interval and reason."""
    found = f": {places(check['estimate'], 3)}" if pd.notna(check["estimate"]) else ""
    if pd.notna(check["low"]):
        found += f" [{places(check['low'], 3)}, {places(check['high'], 3)}]"
    return f"* {check['answer']}: {check['words']}{found} ({check['reason']})"


def said(claim: pd.Series) -> str:
    """A claim's verdict as a reader gets it: how its checks came out, and whether some are left to another preset.

    >>> answers = {"yes": 1, "no": 2, "unclear": 21, "few": 0, "untested": 0, "elsewhere": 0}
    >>> said(pd.Series({"verdict": "partly", **answers}))
    'partly reproduced (1 yes, 2 no, 21 unclear)'
    """
    word = VERDICT_WORDS[claim["verdict"]] + (AS_FAR if as_far(claim) else "")
    counts = ", ".join(f"{claim[name]} {ANSWER_WORDS[name]}" for name in ANSWER_WORDS if claim[name])
    return f"{word} ({counts})" if counted(claim) else word


def counted(claim: pd.Series) -> bool:
    """Whether a claim had all its seeds, so that its checks were judged."""
    return bool(claim["verdict"] in DECIDED or (claim["verdict"] == "inconclusive" and not claim["few"]))


def as_far(claim: pd.Series) -> bool:
    """Whether a verdict covers only a part of what its claim says: a level is judged at the paper's own settings."""
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
