"""Compute the comparison that a check of a claim asks for.

It compares the values by seed of one or two arms. The check's rule chooses the comparison.
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import DATASET, PROTOCOL, Config, Run
from idgan_sc.config.claims import Arm, Check, claim_dataset
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table
from idgan_sc.report import statistics
from idgan_sc.report.read import SCORE_KEY, read_baselines, read_scores, scored_codes
from idgan_sc.report.statistics import Comparison
from idgan_sc.report.words import label, places

CURVE_KEY = [*SCORE_KEY, "step", "draw"]
ASSOCIATION_KEY = [key for key in SCORE_KEY if key not in ("metric", "protocol")] + ["dimension", "factor"]
KEYS = {"scores.csv": SCORE_KEY, "curves.csv": CURVE_KEY, "associations.csv": ASSOCIATION_KEY}


@dataclass(frozen=True)
class CheckResult:
    """Hold what a check found.

    It has the comparisons (several along a curve), the number of seeds, the design, and the range for other
    seeds.
    """

    comparisons: list[Comparison]
    n: int
    design: str = ""
    predicted: tuple[float, float] | None = None

    @property
    def worst(self) -> Comparison | None:
        """The comparison that differs most."""
        return max(self.comparisons, key=lambda c: abs(c.difference), default=None)


# ---------------------------------------------------------------------------------------------------- what is measured
class Gathered:
    """Read the gathered tables of a preset's results, each once.

    A missing file has no values. `swap` maps a system to the variant that replaces its `main`. `tables` is the
    folder of scores.csv and curves.csv.
    """

    def __init__(self, results: Results, swap: dict[str, str] | None = None, tables: Path | None = None) -> None:
        self.results, self.swap = results, swap or {}
        self.tables = tables or results.root
        self.left_out: frozenset[int] = frozenset()
        self._read = cache(self._read_table)
        self._values: dict[Any, Any] = {}
        self._settings = cache(lambda data, arm: results.settings(self.run(data, arm, 0)))

    def without(self, seeds: Iterable[int]) -> "Gathered":
        """The same tables without the values of these seeds."""
        other = copy.copy(self)
        other.left_out = frozenset(seeds)
        return other

    def values(self, data: str, check: Check, arm: Arm) -> Any:
        """A check's quantity of an arm by seed: a series, or a curve (seeds, steps)."""
        key = (data, arm, check.quantity, check.metric, repr(check.options))
        if key not in self._values:
            self._values[key] = QUANTITIES[check.quantity](self, data, check, arm)
        found = self._values[key]
        return found[~found.index.isin(self.left_out)] if self.left_out else found

    def _read_table(self, name: str) -> pd.DataFrame:
        frame = read_scores(self.tables / name, KEYS[name])
        return frame[frame["protocol"] == PROTOCOL] if "protocol" in frame else frame

    def rows(self, name: str, data: str, arm: Arm, **wanted: str) -> pd.DataFrame:
        """Return the rows of an arm's code from a table.

        It is the headline code unless the arm names another. Further columns must have the wanted values.
        """
        run = self.run(data, arm, 0)
        wanted |= {"dataset": data, "system": run.system, "variant": run.variant, "code": self.code(data, arm)}
        frame = self._read(name)
        return frame[np.logical_and.reduce([frame[column] == value for column, value in wanted.items()])]

    def baselines(self) -> pd.DataFrame:
        """The scores of what learned nothing, read once."""
        if "baselines" not in self._values:
            self._values["baselines"] = read_baselines(self.results.root)
        return self._values["baselines"]

    def run(self, data: str, arm: Arm, seed: int) -> Run:
        """Return a run of an arm.

        For the sensitivity study, `swap` replaces `main` by another variant.
        """
        variant = self.swap.get(arm.system, arm.variant) if arm.variant == "main" else arm.variant
        return self.results.run(data, arm.system, variant, seed)

    def code(self, data: str, arm: Arm) -> str:
        """Which of an arm's codes is scored."""
        return arm.code or scored_codes(self._settings(data, arm))[0]

    def codes(self, data: str, arm: Arm) -> int:
        """The number of codes of an arm."""
        return int(self._settings(data, arm)["c_dim"])

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


def _curve_last_third(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    """The curve's mean over the last third of stage B, by seed."""
    curve = _curve(gathered, data, check, arm)
    last = last_third(curve) if curve.size else curve
    return last.mean(axis="columns") if last.size else pd.Series(dtype=float)


def last_third(curve: pd.DataFrame) -> pd.DataFrame:
    """The points of a curve (seeds, steps) in the last third of its steps."""
    return curve[[step for step in curve.columns if 3 * step > 2 * curve.columns[-1]]]


def _curve_change(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    curve = _curve(gathered, data, check, arm)
    return curve.iloc[:, -1] - curve.iloc[:, 0] if curve.size else pd.Series(dtype=float)


def _pair_accuracy(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    """Average the pair accuracy over the first part of stage B.

    The part is `first`. Chance is removed: 0 is guessing, 1 is always right.
    """
    k = gathered.codes(data, arm)
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
    """Count the factors that have a code of their own, by seed.

    Such a code tells more about this factor than about any other.
    """
    rows = gathered.rows("associations.csv", data, arm)
    return pd.Series(
        {
            seed: float(controlled_factors(group.pivot(index="dimension", columns="factor", values="value").to_numpy()))
            for seed, group in rows.groupby("seed")
        },
        dtype=float,
    )


def controlled_factors(association: np.ndarray) -> int:
    """Count the factors whose best code tells most about them.

    The code tells more about this factor than about any other. The factors are the columns of (k, K).

    >>> controlled_factors(np.array([[0.9, 0.8], [0.7, 0.1]])), controlled_factors(np.eye(2))
    (1, 2)
    """
    best = association.argmax(axis=0)  # (K,)
    return int(sum(association[code].argmax() == factor for factor, code in enumerate(best)))


def _file(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    """Average a column of another table of the preset, by seed.

    An example is the table of the leakage study.
    """
    path, column = gathered.results.root / check.options["file"], check.options["column"]
    if not path.exists():
        return pd.Series(dtype=float)
    run, frame = gathered.run(data, arm, 0), read_table(path, ["seed", column], "make it again")
    key_columns = {"dataset": data, "system": run.system, "variant": run.variant, **check.options.get("where", {})}
    wanted = {key: value for key, value in key_columns.items() if key in frame}
    rows = frame[np.logical_and.reduce([frame[key] == value for key, value in wanted.items()])]
    return rows.groupby("seed")[column].mean().dropna()


QUANTITIES: dict[str, Callable[[Gathered, str, Check, Arm], Any]] = {
    "score": _score,
    "curve": _curve,
    "curve_end": _curve_end,
    "curve_last_third": _curve_last_third,
    "curve_change": _curve_change,
    "pair_accuracy": _pair_accuracy,
    "controlled": _controlled,
    "file": _file,
}


# --------------------------------------------------------------------------------------------------- what is compared
def compare(a: np.ndarray, b: np.ndarray, paired: bool) -> Comparison:
    """The fitting comparison; where nothing varies, the exact sign test stands in for t."""
    try:
        return statistics.paired(a, b) if paired else statistics.welch(a, b)
    except statistics.NothingVaries:
        return statistics.constant(float(np.mean(a) - np.mean(b)), min(len(a), len(b)))


def _of_one(gathered: Gathered, data: str, check: Check) -> CheckResult:
    """level: the arm's mean against the value."""
    values = gathered.values(data, check, check.arm).to_numpy(float)
    n = len(values)
    if n < 2:
        return CheckResult([], n)
    comparison = compare(values, np.full(n, check.options["value"]), paired=True)
    printed = gathered.results.config["reported"]["runs_averaged"]
    predicted = statistics.prediction_interval(values, printed) if n >= statistics.MIN_N else None
    return CheckResult([comparison], n, f"against {check.options['value']:g}", predicted)


def _of_two(gathered: Gathered, data: str, check: Check) -> CheckResult:
    """difference, equal, order: the arm against the other, by seed where they share a predecessor."""
    assert check.other is not None
    a, b = (gathered.values(data, check, arm) for arm in (check.arm, check.other))
    paired = shares_predecessor(gathered, data, check.arm, check.other)
    if paired:
        a, b = a.align(b, join="inner")
    n = min(len(a), len(b))
    if n < 2:
        return CheckResult([], n)
    comparison = compare(a.to_numpy(float), b.to_numpy(float), paired)
    return CheckResult([_shift(comparison, check.options.get("value", 0.0))], n, "paired" if paired else "Welch")


def _of_curve(gathered: Gathered, data: str, check: Check) -> CheckResult:
    """Compare the later points of a curve with its end, by seed (`settled_by`).

    The points begin at `step`, or at `fraction` of the curve.
    """
    curve = gathered.values(data, check, check.arm).dropna()
    n = len(curve)
    if n < 2:
        return CheckResult([], n)
    from_step = check.options.get("step", check.options.get("fraction", 0) * curve.columns[-1])
    later = [step for step in curve.columns[:-1] if step >= from_step]
    end = curve.iloc[:, -1].to_numpy(float)
    return CheckResult([compare(curve[step].to_numpy(float), end, True) for step in later], n, "paired along the curve")


def _shift(comparison: Comparison, value: float) -> Comparison:
    """The same comparison with `value` as its zero."""
    if value == 0.0:
        return comparison
    moved = comparison.difference - value
    return replace(
        comparison, difference=moved, low=comparison.low - value, high=comparison.high - value, t=moved / comparison.se
    )


def shares_predecessor(gathered: Gathered, data: str, a: Arm, b: Arm) -> bool:
    """Check whether two arms share a run that they build on.

    Runs of equal seed build on a common run (stage A or β-VAE), or one of them builds on the other.
    """
    key = ("share", data, a, b)
    if key not in gathered._values:
        families = [_family(gathered.results.config, gathered.run(data, arm, 0)) for arm in (a, b)]
        gathered._values[key] = bool(families[0] & families[1])
    return bool(gathered._values[key])


def _family(config: Config, run: Run) -> set[Run]:
    before = configuration.predecessors(config, run).values()
    return {run}.union(*(_family(config, earlier) for earlier in before))


EVALUATE_BY_RULE: dict[str, Callable[[Gathered, str, Check], CheckResult]] = {
    "level": _of_one,
    "difference": _of_two,
    "equal": _of_two,
    "order": _of_two,
    "settled_by": _of_curve,
}


def evaluate_check(gathered: Gathered, check: Check) -> CheckResult:
    """What a check found; nothing where its preset or its data set is another."""
    results = gathered.results
    data = claim_dataset(results.config, results.preset, check.claim)
    if data is None or results.preset not in check.options.get("presets", [results.preset]):
        return CheckResult([], 0)
    return EVALUATE_BY_RULE[check.rule](gathered, data, check)


def two_measurements_note(results: Results) -> list[str]:
    """Write a sentence on what the regularisers of Figure 3 add.

    It gives their effect in Table 3's draw and at the curve's end.
    """
    if not all((results.root / name).exists() for name in ("scores.csv", "curves.csv")):
        return []
    gathered, (first, *arms) = Gathered(results), (Arm(name, "main") for name in results.config["reported"]["figure3"])
    told = []
    for arm in arms:
        ways = [("score", "factor_vae"), ("curve_end", None)]
        found = [_of_two(gathered, DATASET, Check("", "difference", *way[:1], arm, first, way[1], {})) for way in ways]
        if all(f.worst for f in found):
            told.append(f"{label(arm.system)} " + " and ".join(places(f.worst.difference, 3) for f in found if f.worst))
    draws = results.evaluation(DATASET)["draws"]
    sentence = (
        f"The difference to {label(first.system)} in the FactorVAE score is measured twice on the same runs: in Table "
        f"3 on one evaluation draw, and at the end of Figure 3's curves as the mean over {draws} draws. "
    )
    return [sentence + "; ".join(told) + "."] if told else []
