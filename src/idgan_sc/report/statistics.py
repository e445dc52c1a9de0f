"""Compute statistics over seeds for Table 3 and the verdicts.

These are means, intervals, comparisons of two systems, and equivalence.

Everything is a pure function of numbers. Arms that share stage A or the β-VAE are compared seed by seed
(`paired`). Others are compared as independent samples (`welch`).
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy import optimize, special
from scipy import stats as sps

MIN_N = 5  # no t-interval below this many seeds: it would rest on a guess of the SD
LEVEL = 0.95  # of every interval
MOST_PAIRS = 1000  # that are asked for
ROUNDING = 1e-12  # a spread below this part of the largest value is none

Array = npt.NDArray[np.float64]


class NothingVaries(ValueError):
    """A comparison has no standard error: see `constant`."""


@dataclass(frozen=True)
class Summary:
    """Hold the mean, spread and t-interval of `n` values.

    The spread is the standard deviation (ddof 1) and the standard error. Undefined values are None.
    """

    n: int
    mean: float | None
    sd: float | None
    se: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """The difference mean(a) - mean(b) of two systems, with everything a sentence about it needs."""

    n: tuple[int, int]
    difference: float
    se: float
    df: float
    low: float  # of the 95 % interval
    high: float
    t: float
    p: float  # two-sided
    effect: float  # mean over SD of the differences if paired, Hedges' g if not
    superiority: float  # P(A > B), a tie counting half


def summary(values: npt.ArrayLike) -> Summary:
    """Summary of any number of values; no interval below `MIN_N`, no SD below 2.

    Raises
    ------
    ValueError
        If a value is not finite: a crash recorded as NaN must not look like data.

    Examples
    --------
    >>> summary([1, 2, 3, 4, 5]).mean, summary([1, 2, 3, 4]).low
    (3.0, None)
    """
    x = _finite(values)
    n = len(x)
    if n < 2:
        return Summary(n, float(x[0]) if n else None, None, None, None, None)
    mean, sd = float(x.mean()), float(x.std(ddof=1))
    se = sd / sqrt(n)
    if n < MIN_N:
        return Summary(n, mean, sd, se, None, None)
    low, high = _interval(mean, se, n - 1)
    return Summary(n, mean, sd, se, low, high)


def paired(a: npt.ArrayLike, b: npt.ArrayLike) -> Comparison:
    """Compare two arms by a paired t test.

    The arms share their stage A or β-VAE. `a[i]` and `b[i]` have the same seed.

    Raises
    ------
    ValueError
        If the arms differ in length, there are fewer than two pairs, or a value is not finite.
    NothingVaries
        If all pairs differ by the same amount, but for rounding.
    """
    x, y = _finite(a), _finite(b)
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"a paired comparison needs at least two pairs, not {len(x)} and {len(y)} values")
    d = x - y
    sd = float(d.std(ddof=1))
    if sd <= ROUNDING * max(np.abs(x).max(), np.abs(y).max()):
        raise NothingVaries("all pairs differ by the same amount: their difference has no standard error")
    superiority = float(np.mean((d > 0) + 0.5 * (d == 0)))
    n = len(d)
    return _comparison((n, n), float(d.mean()), sd / sqrt(n), n - 1, float(d.mean()) / sd, superiority)


def welch(a: npt.ArrayLike, b: npt.ArrayLike) -> Comparison:
    """Welch's t test of two independent systems, with Hedges' g (pooled SD, exact small-sample correction).

    Raises
    ------
    ValueError
        If a system has fewer than two values, or a value is not finite.
    NothingVaries
        If neither system varies, but for rounding.
    """
    x, y = _finite(a), _finite(b)
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise ValueError(f"an independent comparison needs at least two values a system, not {n} and {m}")
    u, v = x.var(ddof=1) / n, y.var(ddof=1) / m  # squared standard errors of the means
    if sqrt(u + v) <= ROUNDING * max(np.abs(x).max(), np.abs(y).max()):
        raise NothingVaries("neither system varies: their difference has no standard error")
    df = (u + v) ** 2 / (u**2 / (n - 1) + v**2 / (m - 1))  # Welch–Satterthwaite
    difference = float(x.mean() - y.mean())
    pooled = sqrt(((n - 1) * x.var(ddof=1) + (m - 1) * y.var(ddof=1)) / (n + m - 2))
    gaps = x[:, None] - y[None]  # (n, m)
    superiority = float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))
    return _comparison((n, m), difference, sqrt(u + v), float(df), hedges(n + m - 2) * difference / pooled, superiority)


def constant(difference: float, n: int) -> Comparison:
    """Compare `n` pairs that all differ by the same amount.

    p is that of the exact sign test. The interval is a point.

    >>> constant(0.1, 5).p, constant(0.0, 5).p
    (0.0625, 1.0)
    """
    tiny = 1e-9  # a standard error has to be positive
    p = 2.0 ** (1 - n) if difference else 1.0
    sign = float(np.sign(difference))
    return Comparison(
        (n, n), difference, tiny, n - 1, difference, difference, difference / tiny, p, sign, 0.5 + sign / 2
    )


def hedges(df: int) -> float:
    """The factor that makes a standardised mean difference unbiased: Γ(df/2) / (sqrt(df/2) Γ((df - 1)/2))."""
    return float(np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / sqrt(df / 2))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p values of all planned comparisons, in the order given.

    >>> [round(q, 3) for q in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values = _finite(p)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(q) for q in adjusted]


def equivalence(comparison: Comparison, margin: float) -> float:
    """Return the p value of TOST, two one-sided tests.

    A small value says that the difference lies within ± `margin`.
    """
    above = sps.t.sf((comparison.difference + margin) / comparison.se, comparison.df)
    below = sps.t.cdf((comparison.difference - margin) / comparison.se, comparison.df)
    return float(max(above, below))


def conclusion(comparison: Comparison, margin: float) -> tuple[str, float]:
    """Say where a difference lies, with the p value of saying so.

    It lies "above" 0, "below" 0 or "within" ± `margin`, whichever has the smallest one-sided p value. The p value is
    twice the smallest: whatever the true difference is, at most two of the three are wrong.

    >>> conclusion(paired([0.15, 0.25, 0.2, 0.22], [0, 0, 0, 0]), margin=0.02)[0]
    'above'
    """
    above = float(sps.t.sf(comparison.t, comparison.df))
    one_sided = {
        "above": above,
        "below": float(sps.t.cdf(comparison.t, comparison.df)),
        "within": equivalence(comparison, margin),
    }
    said = min(one_sided, key=lambda name: one_sided[name])
    return said, min(2 * one_sided[said], 1.0)


def chances(difference: float, sd: float, n: int, margin: float, alpha: float) -> dict[str, float]:
    """Return how probable each conclusion of a comparison is, from n pairs.

    "above" and "below" 0 are those of a two-sided t test at level `alpha`. "within" ± `margin` is that of two
    one-sided tests at `alpha` / 2 each: whatever the true difference is, at most two of the three are wrong. The
    differences by pair are normal with mean `difference` and SD `sd`. The t statistic's distribution is computed as
    a mean of normal distributions over the quantiles of the estimated standard error.
    """
    se, bound = sd / sqrt(n), float(sps.t.isf(alpha / 2, n - 1))
    reach = bound * se * np.sqrt(_quantiles(n - 1))  # above it a mean is above 0
    room = np.maximum(margin - reach, 0.0)  # below it a mean is within the margin
    within = special.ndtr((room - difference) / se) - special.ndtr((-room - difference) / se)
    return {
        "above": float(special.ndtr((difference - reach) / se).mean()),
        "below": float(special.ndtr((-difference - reach) / se).mean()),
        "within": float(within.mean()),
    }


def pairs_needed(difference: float, sd: float, said: str, margin: float, alpha: float, power: float) -> int | None:
    """Return the least number of pairs from which `said` is concluded with probability `power`.

    The result is None beyond `MOST_PAIRS`.
    """
    most = bisect_left(range(MOST_PAIRS + 1), power, 2, key=lambda n: chances(difference, sd, n, margin, alpha)[said])
    return most if most <= MOST_PAIRS else None


def detectable(comparison: Comparison, alpha: float, power: float) -> float:
    """Return the smallest true difference that a t test of this precision finds.

    The test is two-sided. It finds the difference with probability `power`.

    The value belongs beside every "no difference". The noncentral t distribution is computed as a mean of normal
    distributions over the quantiles of the estimated standard error. SciPy's own is NaN far out.
    """
    return comparison.se * _detectable_in_se(comparison.df, alpha, power)


def difference_found(sd: float, n: int, alpha: float, power: float) -> float:
    """As `detectable`, of n pairs whose differences have the standard deviation `sd`."""
    return sd / sqrt(n) * _detectable_in_se(n - 1, alpha, power)


@cache
def _detectable_in_se(df: float, alpha: float, power: float) -> float:
    """As `detectable`, in standard errors of the difference."""
    bound = float(sps.t.isf(alpha / 2, df))
    reach = bound * np.sqrt(_quantiles(df))

    def missing(noncentrality: float) -> float:
        reached = special.ndtr(noncentrality - reach) + special.ndtr(-noncentrality - reach)
        return float(reached.mean()) - power

    return float(optimize.brentq(missing, 0.0, 10.0 * bound))


def _quantiles(df: float) -> Array:
    """500 quantiles of an estimated variance, of which 1 is the true one."""
    return np.asarray(sps.chi2.ppf((np.arange(500) + 0.5) / 500, df) / df)


def prediction_interval(values: npt.ArrayLike, m: int) -> tuple[float, float]:
    """Return the range in which the mean of `m` further runs is expected.

    An example is the value that a paper printed for 50 runs. The range is mean ± t sd sqrt(1/n + 1/m), at
    `LEVEL`.

    Raises
    ------
    ValueError
        Below `MIN_N` values.
    """
    x = _finite(values)
    n = len(x)
    if n < MIN_N:
        raise ValueError(f"a prediction interval needs at least {MIN_N} values, not {n}")
    return _interval(float(x.mean()), float(x.std(ddof=1)) * sqrt(1 / n + 1 / m), n - 1)


def _comparison(
    n: tuple[int, int], difference: float, se: float, df: float, effect: float, superiority: float
) -> Comparison:
    low, high = _interval(difference, se, df)
    t = difference / se
    return Comparison(n, difference, se, df, low, high, t, float(2 * sps.t.sf(abs(t), df)), effect, superiority)


def _interval(centre: float, se: float, df: float) -> tuple[float, float]:
    half = float(sps.t.isf((1 - LEVEL) / 2, df)) * se
    return centre - half, centre + half


def _finite(values: npt.ArrayLike) -> Array:
    """`values` as a vector of finite numbers."""
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError(f"expected a list of finite numbers, not {x.tolist()}")
    return x
