"""Check what every metric demands of its arrays.

The error is one line.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FIRST = 64  # rows, in which most codes take two values


def as_codes(codes: npt.ArrayLike, ndim: int = 2) -> npt.NDArray[np.float64]:
    """Return `codes` as float64 with `ndim` axes.

    The last axis is the D codes. NaN and infinity are refused.
    """
    return finite(codes, ndim).astype(np.float64, copy=False)


def finite(codes: npt.ArrayLike, ndim: int = 2) -> Array:
    """`codes` as an array of its own type with `ndim` axes; refuses NaN and infinity."""
    unmasked(codes, "codes")
    checked = np.asarray(codes)
    if checked.dtype.kind not in "biuf":
        try:
            checked = checked.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"codes must be real numbers, got {checked.dtype}: {error}") from error
    if checked.ndim != ndim or 0 in checked.shape:
        raise ValueError(f"codes must have {ndim} non-empty axes, got shape {checked.shape}")
    if not np.isfinite(checked).all():
        raise ValueError("codes contain NaN or infinity")
    return checked


def as_factors(factors: npt.ArrayLike, rows: int) -> Array:
    """`factors` as (rows, K), each column taking at least two values; refuses NaN."""
    unmasked(factors, "factors")
    checked = np.asarray(factors)
    if checked.ndim != 2 or len(checked) != rows or checked.shape[1] == 0:
        raise ValueError(f"factors must have shape ({rows}, K), got {checked.shape}")
    if not np.isfinite(checked).all():
        raise ValueError("factors contain NaN or infinity")
    constant = np.flatnonzero(~moving(checked))
    if constant.size:
        raise ValueError(f"factor {constant[0]} takes one value only: nothing can be said about it")
    return checked


def unmasked(array: npt.ArrayLike, what: str) -> None:
    """Refuse an array with masked entries, whose values below the mask would count."""
    if np.ma.is_masked(array):
        raise ValueError(f"{what} have masked entries: leave those rows out, as `score` does")


def as_labels(labels: npt.ArrayLike, rows: int) -> npt.NDArray[np.int64]:
    """`labels` as (rows,) integers: which factor each group or pair holds fixed."""
    checked = np.asarray(labels)
    if checked.shape != (rows,) or not np.issubdtype(checked.dtype, np.integer) or checked.min() < 0:
        raise ValueError(f"labels must be {rows} factor numbers >= 0, got {checked.dtype} {checked.shape}")
    return checked.astype(np.int64)


def at_least_two_codes(codes: Array) -> None:
    """A gap between the best and the second best code needs two codes."""
    if codes.shape[-1] < 2:
        raise ValueError("a gap between two codes needs at least two codes, got one")


def moving(codes: Array) -> npt.NDArray[np.bool_]:
    """Tell which codes are not constant.

    It compares min and max, because rounding gives a constant code a tiny SD.
    """
    first = codes[:FIRST]
    moves: npt.NDArray[np.bool_] = first.min(axis=0) < first.max(axis=0)  # as most do within a few rows
    for d in np.flatnonzero(~moves):
        moves[d] = codes[:, d].min() < codes[:, d].max()
    return moves
