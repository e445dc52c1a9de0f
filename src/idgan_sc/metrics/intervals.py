"""Compute 95 % intervals and paired comparisons from random halves of the points.

A half is drawn without replacement. It differs from the whole as the whole differs from the population: for a
mean, the variance of the first difference equals that of the second. No point is drawn twice. In a bootstrap,
repeated points would count as information and as neighbours at distance 0. A score's bias at half the points
shifts all halves alike. Only their scatter is read: the interval lies around the score of all points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from idgan_sc.metrics.checks import Array
from idgan_sc.metrics.progress import silent
from idgan_sc.metrics.protocols import Protocol
from idgan_sc.metrics.reading import Points

ENDS = (2.5, 97.5)  # per cent
Interval = tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """Compare the scores of two representations on the same points.

    Each difference has an interval. When printed, it is a table.
    """

    first: dict[str, float]
    second: dict[str, float]
    differences: dict[str, float]  # first - second
    intervals: dict[str, Interval]
    refused: dict[str, str]
    cautions: dict[str, str] = field(default_factory=dict, compare=False)  # scores that need more points, and why
    doubts: tuple[str, ...] = field(default=(), compare=False)  # what is odd about the codes and factors

    def rows(self) -> list[dict[str, Any]]:
        """A row for each metric: metric, first, second, difference, low, high, note."""
        return [
            {
                "metric": name,
                "first": self.first[name],
                "second": self.second[name],
                "difference": difference,
                "low": self.intervals[name][0],
                "high": self.intervals[name][1],
                "note": self.cautions.get(name, ""),
            }
            for name, difference in self.differences.items()
        ]

    def to_frame(self) -> Any:
        """The rows as a pandas frame."""
        import pandas

        return pandas.DataFrame(self.rows())

    def __str__(self) -> str:
        lines = [f"{'':26}{'first':>8}{'second':>8}  difference"]
        for row in self.rows():
            interval = f"[{row['low']:+.3f}, {row['high']:+.3f}]"
            numbers = f"{row['first']:8.3f}{row['second']:8.3f}  {row['difference']:+.3f} {interval}"
            lines.append(f"{row['metric']:26}{numbers}  {row['note']}".rstrip())
        lines += [f"{name:26}refused: {why}" for name, why in self.refused.items()]
        return "\n".join(lines + [f"odd: {doubt}" for doubt in self.doubts])

    __repr__ = __str__


def halves(
    protocol: Protocol, points: Points, names: Sequence[str], depths: Sequence[int], seed: int, draws: int, jobs: int
) -> dict[str, Array]:
    """Score random halves of the points.

    Each score on `draws` random halves of the points, (draws,); NaN where a half refuses it.

    The halves depend on the seed and the number of points alone: representations of the same points share them.
    """
    numbers = range(draws)
    if jobs == 1:
        found = [_half(protocol.name, points, names, depths, seed, number) for number in numbers]
    else:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        half = partial(_half, protocol.name, points, names, depths, seed)
        with ProcessPoolExecutor(jobs, get_context("spawn")) as processes:  # a fork may inherit locked threads
            found = list(processes.map(half, numbers, chunksize=4))
    return {name: np.array([scores.get(name, np.nan) for scores in found]) for name in names}


def _half(
    protocol: str, points: Points, names: Sequence[str], depths: Sequence[int], seed: int, number: int
) -> dict[str, float]:
    """Scores on one half, drawn and computed with random numbers of its own."""
    from idgan_sc.metrics import protocols  # by name: a protocol holds functions, which do not travel to a process

    rng = np.random.default_rng([seed, number])
    rows = np.sort(rng.permutation(len(points.codes))[: len(points.codes) // 2])
    half = points.some(rows)
    whole = [k for k, column in enumerate(half.ranks.T) if column.max(initial=0) > 0]
    if len(whole) < half.ranks.shape[1]:
        return {}  # a factor that takes one value in the half
    known = {one.name: one for one in (protocols.INFOGAN_CR, protocols.DISENTANGLEMENT_LIB, protocols.CARBONNEAU)}
    chosen = known[protocol]
    refused = protocols.refusals(chosen, names, half, depths)
    wanted = [name for name in names if name not in refused]
    return chosen.score(half, wanted, depths, rng, silent)[0] if wanted else {}


def around(values: Mapping[str, float], scattered: Mapping[str, Array]) -> dict[str, Interval]:
    """Place an interval around each score.

    It extends as far from the score as the halves extend from their mean.

    >>> around({"mig": 0.5}, {"mig": np.linspace(0.3, 0.5, 41)})["mig"]
    (0.405, 0.595)
    """
    found = {}
    for name, value in values.items():
        there = scattered[name][np.isfinite(scattered[name])]
        if len(there) > 1:
            low, high = (float(end) for end in np.percentile(there - there.mean(), ENDS))
            found[name] = (round(value - high, 12), round(value - low, 12))
    return found


def compared(
    values: Sequence[Mapping[str, float]],
    scattered: Sequence[Mapping[str, Array]],
    names: Sequence[str],
    refused: Mapping[str, Mapping[str, str]],
) -> Comparison:
    """Two representations' scores and their scores on the same halves, put together.

    `refused` holds the reasons of each representation, by what messages call it.
    """
    first, second = ({name: one[name] for name in names} for one in values)
    differences = {name: first[name] - second[name] for name in names}
    apart = {name: scattered[0][name] - scattered[1][name] for name in names}
    intervals = around(differences, apart)
    told: dict[str, str] = {}
    for who, reasons in refused.items():
        for name, why in reasons.items():
            told[name] = f"{told[name]}; {who}: {why}" if name in told else f"{who}: {why}"
    told |= {name: "most halves of the points refuse it" for name in names if name not in intervals}
    kept = {name: difference for name, difference in differences.items() if name in intervals}
    return Comparison(first, second, kept, intervals, told)


def at_least_two(draws: int) -> None:
    """An interval needs several draws; 100 are usual."""
    if draws < 2:
        raise ValueError(f"draws must be at least 2, and better 100, got {draws}")
