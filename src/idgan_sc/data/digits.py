"""Draw handwritten digits with every factor known, in place of MNIST.

MNIST is the data of Figs. 5 and 6.

A digit is a few pen strokes, in one of four hands. The strokes are splines or straight lines through control
points. Width, slant and a small shake move the control points. A round pen of the wanted thickness follows
the strokes. A pixel's grey is one ramp of its distance to the strokes. All of it is linear algebra over many
digits at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache as memoised
from pathlib import Path

import numpy as np

from idgan_sc.data.images import Factors, Images, procedural_source, sample_classes, save_images

SIZE = 32
HANDS = ("print", "cursive", "continental", "angular")
FACTORS = Factors(
    names=("digit", "style", "thickness", "angle", "width"),
    sizes=(10, 4, 10, 10, 5),
    values=(
        tuple(float(digit) for digit in range(10)),
        tuple(float(hand) for hand in range(len(HANDS))),
        tuple(np.linspace(1.4, 4.6, 10).tolist()),  # pixels
        tuple(np.linspace(-0.45, 0.45, 10).tolist()),  # radians of slant; positive leans right, as "/"
        (0.7, 0.875, 1.05, 1.225, 1.4),  # of the hand's own width
    ),
    discrete=("digit", "style"),
)
N = 20_000  # the whole grid once

# Stroke by stroke, points "x,y" with x from 0 to 60 to the right and y from 0 to 100 down. "~" bends the stroke
# through its points; equal points are one control point, so that strokes stay joined and loops stay closed.
_STROKES = {
    "print": (
        "~30,0 6,18 0,50 6,82 30,100 54,82 60,50 54,18 30,0",
        "30,0 30,100",
        "~4,22 12,6 32,0 52,10 54,32 36,60 2,98; 2,98 60,98",
        "~6,10 28,0 50,10 50,34 24,47; ~24,47 52,55 58,78 36,100 4,90",
        "46,0 0,66 60,66; 46,0 46,100",
        "54,2 12,2 8,44; ~8,44 34,38 56,56 52,84 28,100 2,90",
        "~48,4 22,24 6,56 6,80 28,100 52,88 54,66 34,54 8,68",
        "2,4 58,4 22,100",
        "~30,48 8,34 8,12 30,0 52,12 52,34 30,48 4,64 4,88 30,100 56,88 56,64 30,48",
        "~54,22 34,0 8,10 4,36 24,52 48,40 54,22; 54,22 50,100",
    ),
    "cursive": (
        "~40,6 14,8 0,50 12,90 36,98 58,70 58,30 42,4 22,10",
        "~20,16 34,0 30,50 28,88 42,98",
        "~4,20 26,0 52,14 44,50 14,88 2,94 6,80 24,84 46,98 62,90",
        "~6,14 28,0 50,12 44,38 22,46 20,54 30,50 52,62 52,88 28,100 2,88",
        "~8,2 4,34 8,58 30,60 60,54; ~50,10 46,50 42,100",
        "~58,2 34,6 16,6 10,36 38,42 54,64 42,94 4,96",
        "~30,0 10,40 4,80 24,100 48,88 44,64 22,64 8,84",
        "~2,14 8,2 30,10 58,2; ~58,2 40,40 26,70 24,100",
        "~54,8 30,0 8,14 20,40 46,60 52,84 28,100 6,86 18,58 44,36 58,10",
        "~52,14 30,0 6,16 8,42 32,48 50,30 52,14 54,60 44,92 20,100 6,90",
    ),
    "continental": (
        "~30,0 6,18 0,50 6,82 30,100 54,82 60,50 54,18 30,0; 52,12 8,88",
        "8,30 34,0 34,100; 12,100 56,100",
        "~14,34 4,16 28,0 54,16 44,48 4,98; ~4,98 24,86 40,98 60,88",
        "6,2 54,2 26,40; ~26,40 56,52 54,88 24,100 2,88",
        "20,0 2,60 60,60; 44,34 40,100",
        "12,8 8,46; ~8,46 36,40 56,62 46,92 4,96; 12,8 62,0",
        "50,0 8,62; ~8,62 4,86 28,100 54,86 50,62 28,54 8,62",
        "0,18 2,3 58,3 26,100; 12,52 52,48",
        "~30,0 10,8 8,36 30,46 52,36 50,8 30,0; ~30,46 4,56 4,90 30,100 56,90 56,56 30,46",
        "~56,24 36,0 8,10 6,38 28,50 50,40 56,24; 56,24 22,100",
    ),
    "angular": (
        "14,0 46,0 60,24 60,76 46,100 14,100 0,76 0,24 14,0",
        "10,22 34,0 34,100",
        "4,20 16,2 50,2 56,26 2,98 60,98",
        "4,2 54,2 54,46 18,46; 54,46 54,98 2,98",
        "10,0 4,56 60,56; 46,20 46,100",
        "56,2 8,2 8,46 54,46 54,98 4,98",
        "46,2 8,40 4,98 54,98 54,56 6,56",
        "4,20 4,3 58,3 34,50 34,100",
        "8,2 52,2 4,98 56,98 8,2",
        "54,46 8,46 8,2 54,2 54,50 20,98",
    ),
}
_PIXELS = 18 / 100  # a unit of the strokes, in pixels
_STEPS = 3  # straight pieces between two points of a bent stroke
_SHAKE = 2.0  # standard deviation of a control point, units
_SHIFT = 0.7  # largest shift of a digit, pixels
_CHUNK = 16  # digits drawn at a time: their distances stay in the processor's cache


def prepare(
    folder: str | Path,
    source: str = "procedural",
    file: str | Path | None = None,
    cache: str | Path | None = None,
    n: int = N,
    seed: int = 0,
    native: bool = False,
) -> Images:
    """Draw the data set in `folder`: `n` digits of the grid.

    Each image is drawn at most once more often than any other.

    Parameters
    ----------
    source, file, cache
        As for the data sets that are downloaded; only "procedural", without a file, is possible.
    seed
        Of the choice of images, when `n` is not a multiple of the grid's size, and of the shake of the hand.
    native
        Leave out two pixels on each side, to make images of MNIST's own size, 28×28.

    Raises
    ------
    DataError
        If another source or a file is asked for.
    """
    procedural_source("digits", source, file)
    rng = np.random.default_rng(seed)
    classes = sample_classes(FACTORS, n, rng)
    border = 2 if native else 0
    kept = slice(border, SIZE - border)
    return save_images(
        folder,
        (images[:, kept, kept] for images in render_chunks(classes, rng)),
        name="digits",
        source="procedural digit renderer",
        licence="MIT (drawn by this project)",
        shape=(1, SIZE - 2 * border, SIZE - 2 * border),
        n=n,
        factors=FACTORS,
        classes=classes,
    )


def render(classes: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Draw the digits of `classes`, `(n, 5)` integers.

    Without an `rng` the hand does not shake.

    Returns
    -------
    `(n, 32, 32, 1)` uint8, white on black.
    """
    chunks = list(render_chunks(np.asarray(classes), rng))
    return np.concatenate(chunks) if chunks else np.empty((0, SIZE, SIZE, 1), np.uint8)


def render_chunks(classes: np.ndarray, rng: np.random.Generator | None = None) -> Iterator[np.ndarray]:
    """The same images, a few at a time."""
    for first in range(0, len(classes), _CHUNK):
        few = classes[first : first + _CHUNK]
        starts, ends = _pen_lines(few, rng)
        thickness = np.array(FACTORS.values[2])[few[:, 2]]
        distance = np.sqrt(_squared_distance(starts, ends))  # (m, 32·32)
        grey = np.clip(thickness[:, None] / 2 - distance + 0.5, 0, 1)
        yield (255 * grey + 0.5).astype(np.uint8).reshape(-1, SIZE, SIZE, 1)


def _pen_lines(classes: np.ndarray, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the straight pieces of each digit, `(m, pieces, 2)` in pixels."""
    points, starts, ends = _skeletons()
    skeleton = classes[:, 1] * 10 + classes[:, 0]
    slant = np.tan(np.array(FACTORS.values[3])[classes[:, 3]])[:, None]
    width = np.array(FACTORS.values[4])[classes[:, 4]][:, None]
    x, y = np.moveaxis(points[skeleton] - [30, 50], 2, 0)  # (m, points)
    shift = np.zeros((len(classes), 1, 2))
    if rng is not None:
        shake = rng.normal(0, _SHAKE, (len(classes), *points.shape[1:]))
        x, y = x + shake[..., 0], y + shake[..., 1]
        shift = rng.uniform(-_SHIFT, _SHIFT, shift.shape)
    placed = np.stack([width * x - slant * y, y], axis=2) * _PIXELS + SIZE / 2 + shift
    return starts[skeleton] @ placed, ends[skeleton] @ placed


def _squared_distance(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """From each pixel's centre to the nearest piece, `(m, 32·32)`.

    Along and across a piece the distances are linear in the pixel's place, so two matrix products give them all.
    """
    length = np.linalg.norm(ends - starts, axis=2)  # (m, pieces)
    along = (ends - starts) / np.maximum(length, 1e-9)[..., None]
    across = along[..., ::-1] * [-1, 1]
    middle = (starts + ends) / 2
    rows = [np.concatenate([u, -(u * middle).sum(axis=2, keepdims=True)], axis=2) for u in (along, across)]
    plane = _pixel_plane()  # (3, 32·32)
    beyond, beside = ((row.astype(np.float32) @ plane) for row in rows)  # (m, pieces, 32·32)
    np.abs(beyond, out=beyond)
    beyond -= (length / 2).astype(np.float32)[..., None]
    np.maximum(beyond, 0, out=beyond)
    beyond *= beyond
    beside *= beside
    beyond += beside
    return beyond.min(axis=1)


@memoised
def _pixel_plane() -> np.ndarray:
    """`x`, `y` and 1 at each pixel's centre, `(3, 32·32)`."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    return np.stack([x.ravel(), y.ravel(), np.ones(SIZE * SIZE)]).astype(np.float32)


@memoised
def _skeletons() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each hand's digits as control points, with the weights of their pieces.

    The control points are `(40, points, 2)`. Two arrays of weights, `(40, pieces, points)` each, make the starts
    and the ends of the pieces from them. Shorter digits are filled up with copies of their first piece.
    """
    digits = [_skeleton(text) for hand in HANDS for text in _STROKES[hand]]
    n_points = max(len(points) for points, _ in digits)
    n_pieces = max(pieces.shape[1] for _, pieces in digits)
    all_points, all_pieces = np.zeros((len(digits), n_points, 2)), np.zeros((2, len(digits), n_pieces, n_points))
    for number, (points, pieces) in enumerate(digits):
        all_points[number, : len(points)] = points
        all_pieces[:, number, :, : len(points)] = pieces[:, :1]
        all_pieces[:, number, : pieces.shape[1], : len(points)] = pieces
    return all_points, all_pieces[0], all_pieces[1]


def _skeleton(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return one digit's control points `(points, 2)` and its pieces `(2, pieces, points)`.

    The pieces are the weights of their starts and ends.
    """
    strokes = [stroke.strip() for stroke in text.split(";")]
    names = list(dict.fromkeys(name for stroke in strokes for name in stroke.removeprefix("~").split()))
    pieces = []
    for stroke in strokes:
        used = [names.index(name) for name in stroke.removeprefix("~").split()]
        weights = _bent(used, len(names)) if stroke.startswith("~") else np.eye(len(names))[used]
        pieces.append(np.stack([weights[:-1], weights[1:]]))
    return np.array([name.split(",") for name in names], dtype=float), np.concatenate(pieces, axis=1)


def _bent(used: list[int], n_points: int) -> np.ndarray:
    """Weights of the points of a Catmull–Rom spline through the control points `used`: `(vertices, n_points)`."""
    closed = used[0] == used[-1]
    padded = [used[-2] if closed else used[0], *used, used[1] if closed else used[-1]]
    t = np.arange(_STEPS)[:, None] / _STEPS
    basis = 0.5 * np.hstack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    )  # (steps, 4)
    spans = [basis @ np.eye(n_points)[padded[i : i + 4]] for i in range(len(used) - 1)]
    return np.vstack([*spans, np.eye(n_points)[used[-1:]]])
