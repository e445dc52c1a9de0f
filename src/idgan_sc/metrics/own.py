"""Score your own codes in one call.

Each score is computed if possible. Otherwise the reason is given. Rows are points, so nothing has to lie on a
full grid of factors. Groups that share a factor's value are drawn among the points that have it. `reading.py`
says what is accepted as codes and factors.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from idgan_sc.metrics import cost, intervals, reading
from idgan_sc.metrics.doubts import doubts, pruned
from idgan_sc.metrics.explanations import unknown
from idgan_sc.metrics.protocols import CARBONNEAU, DISENTANGLEMENT_LIB, INFOGAN_CR, Protocol, refusals
from idgan_sc.metrics.reading import Points
from idgan_sc.metrics.result import Scores
from idgan_sc.metrics.small_samples import caution


def score(
    codes: Any,
    factors: Any,
    *,
    rng: np.random.Generator | int | None = None,
    categories: Any = (),
    depths: Sequence[int] | None = None,
    metrics: Sequence[str] | None = None,
    draws: int = 0,
    jobs: int = 1,
) -> Scores:
    """Score your codes by your factors.

    The scores of your codes (N, D) for your factors (N, K): the InfoGAN-CR protocol's, and those of newer papers.

    Codes and factors are arrays, lists, frames or tensors; a row with a missing factor is left out, and so is a
    factor with one value. `categories` names the factors that are categories, as strings and pandas' categories are
    (SAP then asks for accuracy). A factor of numbers that hardly repeats a value is taken as continuous: what needs
    classes puts it in 20 bins, and what needs groups of equal value refuses. `depths` are those of DCI's random
    forests, one a factor (`dci` and `dci_rf` then agree), without which the forests refuse.

    `metrics` are names of METRICS (the default: those of them that take less than a minute) or MORE_METRICS. With
    `draws` each score gets a 95 % interval from so many random halves of the points, on `jobs` processes
    (with several, call it below `if __name__ == "__main__":`). `rng` is a
    generator or a seed, 0 by default.

    Raises
    ------
    ValueError
        If the arrays cannot be read, or an argument names what is not there. A metric that cannot be computed is
        listed in `.refused` instead.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(500, 2))
    >>> scores = score(z, z, metrics=["mig", "factor_vae"])
    >>> sorted(scores.values), scores.refused
    (['mig'], {'factor_vae': 'factor 0 has a value that only one point has: no group can share it'})
    >>> print(score(z, {"size": z[:, 0], "angle": z[:, 1]}, metrics=["mcc_pearson", "total_correlation"]))
    500 points, 2 factors
      size: continuous, 500 values
      angle: continuous, 500 values
    whole
      mcc_pearson                  1.000
    no factors
      total_correlation            0.000
    """
    return _scored(INFOGAN_CR, codes, factors, Asked(rng, categories, depths, metrics, draws, jobs))


def score_disentanglement_lib(
    codes: Any,
    factors: Any,
    *,
    rng: np.random.Generator | int | None = None,
    categories: Any = (),
    metrics: Sequence[str] | None = None,
    draws: int = 0,
    jobs: int = 1,
) -> Scores:
    """Score your codes (N, D) by your factors (N, K) as disentanglement_lib does.

    Two thirds of the points train, a third tests, 10 000 and 5 000 at most; arguments are those of `score`. The
    boosted trees of DCI take minutes, and are computed by default only if they do not.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(500, 2))
    >>> scores = score_disentanglement_lib(z, z, metrics=["sap", "sap_continuous"])
    >>> round(scores.values["sap_continuous"], 1), scores.refused
    (1.0, {'sap': 'factor 0 is continuous: it has no classes to predict'})
    """
    return _scored(DISENTANGLEMENT_LIB, codes, factors, Asked(rng, categories, None, metrics, draws, jobs))


def score_carbonneau(
    codes: Any,
    factors: Any,
    *,
    rng: np.random.Generator | int | None = None,
    categories: Any = (),
    metrics: Sequence[str] | None = None,
    draws: int = 0,
    jobs: int = 1,
) -> Scores:
    """Score your codes as the review of Carbonneau et al. (2022) does.

    The scores of the review of Carbonneau et al. (2022), with its experiments' settings; arguments as for `score`.

    Codes and continuous factors are put in ten bins; other factors keep their values. The review's MIG and MIG-sup
    divide by the code's entropy. Random forests (`dci_rf`) search twenty settings and take hours for many points.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(500, 2))
    >>> round(score_carbonneau(z, z, metrics=["sap"]).values["sap"], 1)
    1.0
    """
    return _scored(CARBONNEAU, codes, factors, Asked(rng, categories, None, metrics, draws, jobs))


PROTOCOLS: Mapping[str, Protocol] = {one.name: one for one in (INFOGAN_CR, DISENTANGLEMENT_LIB, CARBONNEAU)}


def compare(
    first: Any,
    second: Any,
    factors: Any,
    *,
    protocol: str = "infogan_cr",
    rng: np.random.Generator | int | None = None,
    categories: Any = (),
    depths: Sequence[int] | None = None,
    metrics: Sequence[str] | None = None,
    draws: int = 100,
    jobs: int = 1,
) -> intervals.Comparison:
    """Compare two representations of the same points, score by score.

    Two representations of the same points, score by score, with a 95 % interval of the difference.

    Codes `first` (N, D) and `second` (N, D') meet the same random halves of the points, so that what makes a half easy
    or hard drops out of the difference. `protocol` is infogan_cr, disentanglement_lib or carbonneau; other arguments
    as for `score`. What one of them refuses is left out and named.

    Examples
    --------
    >>> y = np.random.default_rng(0).integers(0, 4, size=(600, 2))
    >>> blurred = y + np.random.default_rng(1).normal(size=y.shape)
    >>> found = compare(y, blurred, y, metrics=["mig"], draws=20)
    >>> round(found.differences["mig"], 1), found.intervals["mig"][0] > 0
    (0.7, True)
    """
    if not isinstance(protocol, str) or protocol not in PROTOCOLS:
        raise ValueError(f"no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    chosen, draws, jobs = PROTOCOLS[protocol], _count(draws, "draws"), _count(jobs, "jobs", 1)
    intervals.at_least_two(draws)
    if depths is not None and not chosen.forests:
        raise ValueError(f"protocol {protocol} takes no depths: leave them out")
    seed = int(_generator(rng).integers(2**31))
    asked = Asked(seed, categories, depths, metrics, 0, jobs)
    calls = _prepared(chosen, {"first codes": first, "second codes": second}, factors, asked)
    _warn(calls, 3)
    found = [_computed(call) for call in calls]
    shared = [name for name in found[0][0] if name in found[1][0]]
    cautions = _cautions(calls[0].points, shared, 3)
    scattered = [intervals.halves(chosen, call.points, shared, call.depths, seed, draws, jobs) for call in calls]
    refused = {call.called: call.refused | failed for call, (_, failed) in zip(calls, found, strict=True)}
    compared = intervals.compared([values for values, _ in found], scattered, shared, refused)
    doubted = dict.fromkeys(doubt for call in calls for doubt in call.doubts)
    return replace(compared, cautions=cautions, doubts=tuple(doubted))


class Asked(NamedTuple):
    """The arguments of a call."""

    rng: np.random.Generator | int | None
    categories: Any
    depths: Sequence[int] | None
    metrics: Sequence[str] | None
    draws: int
    jobs: int


class Call(NamedTuple):
    """Hold a call after its arguments were read.

    It holds the points, the metrics to compute and the metrics refused.
    """

    protocol: Protocol
    called: str  # how messages call the codes
    points: Points
    doubts: tuple[str, ...]  # what is odd about the points
    names: tuple[str, ...]
    wanted: tuple[str, ...]  # the cheap ones first
    refused: dict[str, str]
    depths: tuple[int, ...]
    rng: np.random.Generator
    costs: dict[str, float]


def _prepared(protocol: Protocol, representations: Mapping[str, Any], factors: Any, asked: Asked) -> list[Call]:
    names = _names(asked.metrics, protocol)
    rngs = [_generator(asked.rng) for _ in representations]
    read = reading.read_each(representations, factors, asked.categories)
    return [_call(protocol, *one, names, asked) for one in zip(representations, read, rngs, strict=True)]


def _call(
    protocol: Protocol, called: str, points: Points, rng: np.random.Generator, names: tuple[str, ...], asked: Asked
) -> Call:
    depths = _depths(asked.depths, points)
    refused = refusals(protocol, names, points, depths)
    costs = {name: _seconds(protocol, name, points, depths) for name in names if name not in refused}
    if asked.metrics is None:
        refused |= {name: cost.too_costly(name, s) for name, s in costs.items() if s > cost.LIMIT}
    wanted = sorted((name for name in costs if name not in refused), key=costs.__getitem__)
    small = (pruned(points.codes, name, protocol.prunes[name], called) for name in names if name in protocol.prunes)
    doubted = (*doubts(points, called), *filter(None, small))
    return Call(protocol, called, points, doubted, names, tuple(wanted), refused, depths, rng, costs)


def _warn(calls: Sequence[Call], level: int) -> None:
    """Warn of what is left out and what is odd, before anything is computed."""
    if lines := dict.fromkeys(line for call in calls for line in (*call.points.lost(), *call.doubts)):
        warnings.warn("; ".join(lines), stacklevel=level)


def _computed(call: Call) -> tuple[dict[str, float], dict[str, str]]:
    if not call.wanted:
        return {}, {}
    progress = cost.announced((name, call.costs[name]) for name in call.wanted)
    return call.protocol.score(call.points, call.wanted, call.depths, call.rng, progress)


def _scored(protocol: Protocol, codes: Any, factors: Any, asked: Asked) -> Scores:
    draws, jobs = _count(asked.draws, "draws"), _count(asked.jobs, "jobs", 1)
    if draws:
        intervals.at_least_two(draws)
    (call,) = _prepared(protocol, {"codes": codes}, factors, asked)
    _warn([call], 4)
    values, failed = _computed(call)
    return _told(call, values, failed, _intervals(call, values, draws, jobs))


def _intervals(call: Call, values: dict[str, float], draws: int, jobs: int) -> dict[str, tuple[float, float]]:
    if not draws or not values:
        return {}
    seed = int(call.rng.integers(2**31))
    halves = intervals.halves(call.protocol, call.points, list(values), call.depths, seed, draws, jobs)
    return intervals.around(values, halves)


def _told(
    call: Call, values: dict[str, float], failed: dict[str, str], ranges: dict[str, tuple[float, float]]
) -> Scores:
    points, refused = call.points, call.refused | failed
    return Scores(
        values={name: values[name] for name in call.names if name in values},
        refused={name: refused[name] for name in call.names if name in refused},
        intervals=ranges,
        cautions=_cautions(points, values, 5),
        factors=points.told(),
        left_out=points.left_out,
        points=len(points.codes),
        missing=points.missing,
        doubts=call.doubts,
    )


def _cautions(points: Points, names: Iterable[str], level: int) -> dict[str, str]:
    """Say for which scores the points are too few, with a warning."""
    cautions = {name: why for name in names if (why := caution(name, len(points.codes)))}
    if cautions:
        listed = "; ".join(f"{name}: {why}" for name, why in cautions.items())
        warnings.warn(f"few points ({len(points.codes)}) for {listed}", stacklevel=level)
    return cautions


def _names(metrics: Sequence[str] | None, protocol: Protocol) -> tuple[str, ...]:
    """List each requested metric once.

    A misspelt name raises an error before any data is read.
    """
    if metrics is None:
        return tuple(protocol.default)
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise ValueError(f"metrics must be a list of names, such as [{str(metrics)!r}], got {metrics!r}")
    names = list(metrics)
    for name in names:
        if not isinstance(name, str) or name not in protocol.known:
            others = [other for other, one in PROTOCOLS.items() if name in one.known]
            raise ValueError(unknown(name, protocol.known) + (f"; protocol {others[0]} has it" if others else ""))
    return tuple(dict.fromkeys(map(str, names)))


def _generator(rng: np.random.Generator | int | None) -> np.random.Generator:
    """A generator as it is, or one with this seed."""
    if rng is None or (isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0):
        return np.random.default_rng(0 if rng is None else int(rng))
    if isinstance(rng, np.random.Generator):
        return rng
    got = rng if isinstance(rng, int | float | str) else type(rng).__name__
    raise ValueError(f"rng must be a numpy Generator or a seed, a whole number from 0 on, got {got!r}")


def _count(number: Any, what: str, least: int = 0) -> int:
    try:
        (count,) = reading.numbers(number, what)
    except ValueError:
        count = least - 1
    if count < least:
        raise ValueError(f"{what} must be a whole number from {least} on, got {number!r}")
    return count


def _depths(depths: Sequence[int] | None, points: Points) -> tuple[int, ...]:
    """Choose a depth for each factor that is scored; none if none are given."""
    if depths is None:
        return ()
    given = reading.depths_of(depths, "depths", len(points.every), "also for those left out")
    return tuple(depth for depth, name in zip(given, points.every, strict=True) if name in points.names)


def _seconds(protocol: Protocol, name: str, points: Points, depths: tuple[int, ...]) -> float:
    estimate = protocol.costs(depths).get(name)
    n, d = points.codes.shape
    classes = [int(count) for count in points.ranks.max(axis=0, initial=-1) + 1]
    return estimate(n, d, len(classes), classes) if estimate else 0.0
