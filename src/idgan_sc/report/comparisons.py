"""What a check of a claim compares: values by seed of one or two arms, and the comparison that its rule asks for."""

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
from idgan_sc.config.claims import Arm, Check, dataset_of
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table
from idgan_sc.report import statistics
from idgan_sc.report.read import SCORE_KEY, read_floor, read_scores, scored_codes
from idgan_sc.report.statistics import Comparison
from idgan_sc.report.words import label, places

CURVE_KEY = [*SCORE_KEY, "step", "draw"]
ASSOCIATION_KEY = [key for key in SCORE_KEY if key not in ("metric", "protocol")] + ["dimension", "factor"]
KEYS = {"scores.csv": SCORE_KEY, "curves.csv": CURVE_KEY, "associations.csv": ASSOCIATION_KEY}


@dataclass(frozen=True)
class Measured:
    """What a check found: comparisons (several along a curve), number of seeds, design, range for other seeds."""

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
    """The gathered tables of a preset's results, each read once; a file that is not there holds no values.

    swap: system -> the variant that takes the place of its `main`; tables: where scores.csv and curves.csv lie.
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
        """Rows of an arm's code, the headline unless it names another, with the wanted values in further columns."""
        run = self.run(data, arm, 0)
        wanted |= {"dataset": data, "system": run.system, "variant": run.variant, "code": self.code(data, arm)}
        frame = self._read(name)
        return frame[np.logical_and.reduce([frame[column] == value for column, value in wanted.items()])]

    def floor(self) -> pd.DataFrame:
        """The scores of what learned nothing, read once."""
        if "floor" not in self._values:
            self._values["floor"] = read_floor(self.results.root)
        return self._values["floor"]

    def run(self, data: str, arm: Arm, seed: int) -> Run:
        """A run of an arm; `swap` puts another variant in the place of `main`, for the sensitivity study."""
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


def _curve_change(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    curve = _curve(gathered, data, check, arm)
    return curve.iloc[:, -1] - curve.iloc[:, 0] if curve.size else pd.Series(dtype=float)


def _pair_accuracy(gathered: Gathered, data: str, check: Check, arm: Arm) -> pd.Series:
    """Mean pair accuracy over the `first` part of stage B, chance taken off: 0 is guessing, 1 is always right."""
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
    run, frame = gathered.run(data, arm, 0), read_table(path, ["seed", column], "make it again")
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
    values = gathered.values(data, check, check.arm).to_numpy(float)
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
    a, b = (gathered.values(data, check, arm) for arm in (check.arm, check.other))
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
    curve = gathered.values(data, check, check.arm).dropna()
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
    key = ("share", data, a, b)
    if key not in gathered._values:
        families = [_family(gathered.results.config, gathered.run(data, arm, 0)) for arm in (a, b)]
        gathered._values[key] = bool(families[0] & families[1])
    return bool(gathered._values[key])


def _family(config: Config, run: Run) -> set[Run]:
    before = configuration.predecessors(config, run).values()
    return {run}.union(*(_family(config, earlier) for earlier in before))


MEASURES: dict[str, Callable[[Gathered, str, Check], Measured]] = {
    "level": _of_one,
    "difference": _of_two,
    "equal": _of_two,
    "order": _of_two,
    "settled_by": _of_curve,
}


def measure(gathered: Gathered, check: Check) -> Measured:
    """What a check found; nothing where its preset or its data set is another."""
    results = gathered.results
    data = dataset_of(results.config, results.preset, check.claim)
    if data is None or results.preset not in check.options.get("presets", [results.preset]):
        return Measured([], 0)
    return MEASURES[check.rule](gathered, data, check)


def measured_twice(results: Results) -> list[str]:
    """A sentence: what the regularisers of Figure 3 add, in Table 3's draw and at the curve's end."""
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
