"""Estimate the mutual information of a continuous code and a class.

The nearest-neighbour estimate is that of Ross (2014), as InfoMEC uses it. On a line, the k nearest neighbours
of a point are a window of the sorted codes. Sorting therefore replaces the trees of scikit-learn's
`mutual_info_classif`. The values are the same, up to the order of summation.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_factors, moving
from idgan_sc.metrics.information import numbered

NEIGHBOURS = 10  # InfoMEC
NOISE = 1e-10  # scikit-learn adds it so that no two points are equal


class Normal(Protocol):
    """A numpy Generator, or a RandomState with which scikit-learn's own noise is drawn again."""

    def standard_normal(self, size: int) -> Array: ...


def neighbour_information(
    codes: npt.ArrayLike, classes: npt.ArrayLike, rng: Normal, *, neighbours: int = NEIGHBOURS
) -> Array:
    """Estimate what each continuous code tells of each factor.

    I(d, k) in nats (D, K), clipped at 0, of standardised codes (N, D) and classes (N, K).

    `rng` draws the noise of 1e-10 that parts equal codes, factor by factor and code by code as the reference does.
    A constant code gives 0.
    """
    codes = as_codes(codes)
    factors = [numbered(column) for column in as_factors(classes, len(codes)).T]
    table = _digamma(len(codes) + 1)
    matrix = np.zeros((codes.shape[1], len(factors)))
    lines, moves = [_standardised(column) for column in codes.T], moving(codes)
    for k, factor in enumerate(factors):
        for d, line in enumerate(lines):
            noise = NOISE * max(1.0, float(np.mean(np.abs(line)))) * rng.standard_normal(size=len(codes))
            if moves[d]:
                matrix[d, k] = _information(line + noise, factor, neighbours, table)
    return matrix


def _standardised(column: Array) -> Array:
    centred = column - column.mean()
    scaled = centred / (column.std() or 1.0)
    return np.asarray(scaled / (scaled.std() or 1.0))  # the reference standardises, then its estimator scales again


def _digamma(n: int) -> Array:
    from scipy.special import digamma  # a tenth of a second, which only this needs

    return np.asarray(digamma(np.arange(n + 1, dtype=np.float64)))


def _information(x: Array, classes: Array, neighbours: int, digamma: Array) -> float:
    """Estimate the information of one code (N,) on one factor (N,).

    Points that are alone in their class are left out.
    """
    count = np.bincount(classes)
    if count.min() < 2:
        kept = count[classes] > 1
        x, classes = x[kept], classes[kept]
        if not len(x):
            return 0.0
        count = np.bincount(classes)
    order = np.argsort(x)
    ordered, member = x[order], classes[order]
    radius, used = _radius(ordered, member, count, neighbours)
    within = _within(ordered, radius)
    sizes = digamma[count[member]]
    estimate = digamma[len(x)] + np.mean(digamma[used]) - np.mean(sizes) - np.mean(digamma[within])
    return max(0.0, float(estimate))


def _radius(ordered: Array, member: Array, count: Array, neighbours: int) -> tuple[Array, Array]:
    """Find each point's radius (N,) and its k (N,).

    The radius lies just below the distance to the k-th neighbour in the point's class. A small class has a smaller
    k. The distance is searched over the windows of k + 1 sorted points that hold the point. It is the distance to
    the farther end of the best window.
    """
    by_class = np.argsort(member.astype(np.uint16) if len(count) < 2**16 else member, kind="stable")
    line, own = ordered[by_class], member[by_class]
    stop = np.cumsum(count)[own]  # (N,) where each point's class ends on the line
    start, place = stop - count[own], np.arange(len(line))
    used = np.minimum(neighbours, count - 1)[own]
    nearest = np.full(len(line), np.inf)
    for k in np.unique(used):
        whose = slice(None) if used.min() == used.max() else np.flatnonzero(used == k)
        nearest[whose] = _nearest(line, place[whose], start[whose], stop[whose], int(k))
    radius, neighbour_counts = np.empty_like(line), np.empty_like(used)
    radius[by_class], neighbour_counts[by_class] = np.nextafter(nearest, 0), used
    return radius, neighbour_counts


def _nearest(line: Array, place: Array, start: Array, stop: Array, k: int) -> Array:
    """The distance (n,) to the k-th nearest point of the same stretch of the line."""
    best = np.full(len(place), np.inf)
    own = line[place]
    for left in range(k + 1):
        first, last = place - left, place - left + k
        inside = (first >= start) & (last < stop)
        ends = line[np.maximum(first, 0)], line[np.minimum(last, len(line) - 1)]
        reach = np.maximum(own - ends[0], ends[1] - own)
        np.minimum(best, reach, out=best, where=inside)
    return best


def _within(ordered: Array, radius: Array) -> Array:
    """Count the sorted points (N,) within each point's radius (N,)."""
    n = len(ordered)
    first = np.searchsorted(ordered, ordered - radius, side="left")
    last = np.searchsorted(ordered, ordered + radius, side="right") - 1
    # a sum rounds differently from the difference that decides, by one point at most unless some are equal
    while (move := (first > 0) & (ordered - ordered[first - 1] <= radius)).any():
        first -= move
    while (move := ordered - ordered[first] > radius).any():
        first += move
    while (move := (last < n - 1) & (ordered[np.minimum(last + 1, n - 1)] - ordered <= radius)).any():
        last += move
    while (move := ordered[last] - ordered > radius).any():
        last -= move
    return np.asarray(last - first + 1)
