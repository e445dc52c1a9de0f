"""Say what is odd about codes and factors that can be scored.

Nothing here refuses: each doubt is a line that names columns and figures, and what to do if it is a mistake.
"""

import numpy as np

from idgan_sc.metrics.checks import moving
from idgan_sc.metrics.reading import REPEATS, Points, label

LISTED = 5  # columns that a line names
CLOSE, ROUNDED = 1e-6, 1e-12  # of a value and its range, of the range: values nearer than this are probably one
ENOUGH = 20  # points from which a pattern is no accident


def doubts(points: Points, called: str = "codes") -> list[str]:
    """Lines about points, of which `called` names the codes; empty if nothing is odd."""
    n, d, k = *points.codes.shape, len(points.names)
    if n < 2 or not k:
        return []
    every = zip(points.names, points.kinds, points.values.T, strict=True)
    lines = [line for name, kind, values in every if (line := _of_factor(label(name), kind, values))]
    if n < min(d, k):
        lines.append(f"{n} points with {d} {called} and {k} factors: rows are points: transpose both?")
    if still := np.flatnonzero(~moving(points.codes)).tolist():
        lines.append(f"{called}: {_columns(still)} one value only and can tell nothing")
    if counts := [number for number, code in enumerate(points.codes.T) if _counts_rows(np.unique(code), n)]:
        lines.append(
            f"{called}: {_columns(counts)} each whole number of a range once: leave out what numbers the points"
        )
    if len(points.continuous) == k and len(still) < d:
        most, least = max(len(np.unique(code)) for code in points.codes.T), int(points.ranks.max(axis=0).min()) + 1
        if most * REPEATS <= n:
            lines.append(
                f"{called} take at most {most} different values and each factor {least} or more: "
                "codes come first, factors second: are they swapped?"
            )
    return lines


def _of_factor(name: str, kind: str, values: np.ndarray) -> str:
    """The line about a factor's values (N,); empty if nothing is odd."""
    n, known = len(values), np.unique(values)
    with np.errstate(over="ignore"):
        span = np.ptp(known)
    if n >= ENOUGH and kind == "category" and len(known) == n:
        return f"{name} has another name in each of the {n} rows: leave it out if it names the points"
    if _counts_rows(known, n):
        return f"{name} has each number from {known[0]:g} to {known[-1]:g} once: leave it out if it numbers the points"
    if kind == "number" and not (known == np.round(known)).all() and (near := _near(known, span)).size:
        low, high = known[near[0] : near[0] + 2].tolist()
        return f"{name}: {low!r} and {high!r} count as two values: round them if they are one"
    return ""


def _counts_rows(known: np.ndarray, n: int) -> bool:
    """Whether the sorted values of n points are whole numbers of a range, each once."""
    if n < ENOUGH or len(known) < n:
        return False
    with np.errstate(over="ignore"):
        return bool(known[-1] - known[0] + 1 == n and (known == np.round(known)).all())


def pruned(codes: np.ndarray, metric: str, least: float, called: str = "codes") -> str:
    """Name the codes that a reference prunes, although they move.

    Their SD is below `least`.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # very large codes are not small
        found = np.flatnonzero(moving(codes) & (codes.std(axis=0) < least)).tolist()
    if not found:
        return ""
    columns = _columns(found, "has", "have")
    return f"{called}: {columns} an SD below {least:g}, which {metric} leaves out: multiply all codes if they are small"


def _near(known: np.ndarray, span: float) -> np.ndarray:
    """The places of sorted values (n,) whose next differs as a rounding error does."""
    with np.errstate(over="ignore"):
        gaps = np.diff(known)
    return np.flatnonzero((gaps < CLOSE * np.minimum(np.abs(known[1:]), span)) | (gaps < ROUNDED * span))


def _columns(numbers: list[int], one: str = "takes", several: str = "take") -> str:
    """Name columns, with the verb: `column 3 takes`, `columns 3, 7 take`."""
    if len(numbers) == 1:
        return f"column {numbers[0]} {one}"
    more = f" and {len(numbers) - LISTED} more" if len(numbers) > LISTED else ""
    return f"columns {', '.join(map(str, numbers[:LISTED]))}{more} {several}"
