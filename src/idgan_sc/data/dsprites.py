"""Draw (nearly) the 737 280 images of dSprites, or read the real file.

They are the data of Sec. 4.1.

The geometry was reverse engineered from real images. Shapes are drawn straight at 64×64. A pixel is 1 when
its centre, at (column + 0.5, row + 0.5), lies inside the shape.

A step of position is 32/31 px. So, seen from the shape's centre, all pixel centres of all positions lie on
one grid of 1/31 px. The outline crosses each line of that grid once and for all. The image at any position is
a choice of 64 of those lines. Each line is one 64-bit word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import pi
from pathlib import Path

import numpy as np
from tqdm import tqdm

from idgan_sc.data.arrays import _member, _rows
from idgan_sc.data.download import check_file, download
from idgan_sc.data.images import Factors, Images, save_images
from idgan_sc.files import DataError

SIZE = 64
FACTORS = Factors(
    names=("shape", "scale", "orientation", "x", "y"),
    sizes=(3, 6, 40, 32, 32),
    values=(
        (0.0, 1.0, 2.0),  # square, ellipse, heart
        tuple(np.linspace(0.5, 1, 6).tolist()),
        tuple(np.linspace(0, 2 * pi, 40).tolist()),  # the first and the last are the same angle
        tuple(np.linspace(0, 1, 32).tolist()),
        tuple(np.linspace(0, 1, 32).tolist()),
    ),
    discrete=("shape",),
)
N = 737_280


@dataclass(frozen=True)
class Release:
    """What is known of a published file before it is read."""

    url: str
    md5: str
    git_blob: str
    n: int
    pixel_sum: int


RELEASE = Release(
    url="https://raw.githubusercontent.com/google-deepmind/dsprites-dataset/fa310c66517cfc1939d77fe17c725154efc97127/"
    "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
    md5="7da33b31b13a06f4b04a70402ce90c2e",
    git_blob="d98996d3f8ee1550e06b9d4ed78d0beb478910d5",
    n=N,
    pixel_sum=128_328_862,
)

# Outlines at scale 1 in pixels, y down. What the drawing program rounds was fitted: nominally 9.6, 12.8 and 7.2.
_HALF_SIDE = 9.5996
_SEMI_AXES = (12.768, 7.215)  # the 32 reference ellipses are exact for a minor one of 7.2145 to 7.216

# Grid line v passes 31·(row + 0.5 − 16) − 32·y + _ORIGIN; lines 0 … _LINES − 1 cover every shape.
_ORIGIN = 480
_LINES = 961
_ALL_ONES = np.uint64(2**64 - 1)


def grid(n: int = N) -> np.ndarray:
    """Return the classes `(n, 5)` uint8 of the first `n` images.

    The order is that of the real file: y varies fastest.
    """
    return np.stack(np.unravel_index(np.arange(n), FACTORS.sizes), axis=1).astype(np.uint8)


def render(classes: np.ndarray) -> np.ndarray:
    """Draw the images of `classes`, `(n, 5)` integers (shape, scale, orientation, x, y).

    Returns
    -------
    `(n, 64, 64)` uint8 in {0, 1}.

    Raises
    ------
    ValueError
        If a class is not one of `FACTORS.sizes`.
    """
    classes = np.asarray(classes)
    _check_classes(classes)
    words = np.empty((len(classes), SIZE), dtype=">u8")
    kinds, kind_of = np.unique(classes[:, :3], axis=0, return_inverse=True)
    for number, (shape, scale, orientation) in enumerate(kinds.tolist()):
        mine = np.flatnonzero(kind_of == number)
        x, y = classes[mine, 3], classes[mine, 4]
        words[mine] = _line_words(shape, scale, orientation)[_lines_at()[y], x[:, None]]
    return np.unpackbits(words.view(np.uint8), axis=1).reshape(-1, SIZE, SIZE)


def render_all() -> Iterator[np.ndarray]:
    """Draw every image in the order of `grid()`.

    There are 720 chunks of `(1024, 512)` uint8, eight pixels a byte.
    """
    lines = _lines_at()  # (32, 64)
    for shape, scale, orientation in np.ndindex(*FACTORS.sizes[:3]):
        by_x = np.ascontiguousarray(_line_words(shape, scale, orientation).T)  # (32, lines)
        words = np.take(by_x, lines, axis=1)  # (x, y, row)
        yield words.reshape(32 * 32, SIZE).view(np.uint8)


def prepare(
    folder: str | Path,
    source: str,
    file: str | Path | None = None,
    cache: str | Path | None = None,
    release: Release = RELEASE,
) -> Images:
    """Make the data set in `folder` from `source`.

    The source "procedural" draws it. The source "real" reads the published file.

    Parameters
    ----------
    file
        The published `.npz`, if the user has it; it is checked as a downloaded one is.
    cache
        Folder to keep a downloaded file in; by default one within `folder`.

    Raises
    ------
    DataError
        If the file cannot be had, is another one, or does not hold what `release` says.
    """
    if source == "procedural":
        return _save(folder, render_all(), N, "procedural dSprites renderer", "MIT (drawn by this project)")
    if source == "real":
        path = _published_file(file, Path(cache or Path(folder) / "download"), release)
        licence = "Apache-2.0 (google-deepmind/dsprites-dataset)"
        return _save(folder, _packed_images(path, release), release.n, "dSprites file", licence)
    raise DataError(f"dsprites has no source {source!r}: choose procedural or real")


def _save(folder: str | Path, chunks: Iterable[np.ndarray], n: int, source: str, licence: str) -> Images:
    return save_images(
        folder,
        chunks,
        name="dsprites",
        source=source,
        licence=licence,
        shape=(1, SIZE, SIZE),
        n=n,
        packed=True,
        factors=FACTORS,
        classes=grid(n),
    )


def _check_classes(classes: np.ndarray) -> None:
    if classes.ndim != 2 or classes.shape[1] != 5 or classes.dtype.kind not in "iu":
        raise ValueError(f"dSprites classes are (n, 5) integers, not {classes.dtype} {classes.shape}")
    for name, size, column in zip(FACTORS.names, FACTORS.sizes, classes.T, strict=True):
        wrong = column[(column < 0) | (column >= size)]
        if len(wrong):
            raise ValueError(f"dSprites factor {name} has classes 0 to {size - 1}, not {wrong[0]}")


def _outline(shape: int, scale: int, orientation: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of a shape around its centre, in pixels.

    `x` points to the right and `y` down.
    """
    if shape == 0:
        x, y = _HALF_SIDE * np.array([[1, 1, -1, -1], [1, -1, -1, 1]])
    elif shape == 1:
        t = (np.arange(128) + 0.5) * (2 * pi / 128)
        x, y = _SEMI_AXES[0] * np.cos(t), _SEMI_AXES[1] * np.sin(t)
    else:
        t = np.arange(150) * (2 * pi / 150)
        x = 9.6 * np.sin(t) ** 3
        y = -19.2 / 29 * (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) - 1.44
    size, angle = FACTORS.values[1][scale], FACTORS.values[2][orientation % 39]  # 39 is a full turn
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    return cos * x + sin * y, cos * y - sin * x  # counter-clockwise as seen


def _line_words(shape: int, scale: int, orientation: int) -> np.ndarray:
    """Return each grid line through a shape as pixels, for each x position.

    The result is `(lines, 32)` big-endian words. Their most significant bit is column 0. By the even-odd rule,
    each crossing of a line with the outline flips all pixels to its right. A line's pixels are the exclusive or
    over its crossings.
    """
    x, y = _outline(shape, scale, orientation)
    x_next, y_next = np.roll(x, -1), np.roll(y, -1)
    first, last = np.ceil(31 * np.stack([y, y_next]) + _ORIGIN + 0.5).astype(np.int64)  # lines at or below each end
    count = np.abs(last - first)  # lines that an edge crosses, its lower end left out
    edge = np.repeat(np.arange(len(x)), count)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    line = np.minimum(first, last)[edge] + nth
    y_line = (line - _ORIGIN - 0.5) / 31
    x_cross = x[edge] + (y_line - y[edge]) * (x_next - x)[edge] / (y_next - y)[edge]

    position = 32 / 31 * np.arange(32) + 15.5
    column = np.ceil(x_cross[:, None] + position).astype(np.uint64)  # (crossings, 32): first pixel to the right
    order = np.argsort(line, kind="stable")
    crossed, start = np.unique(line[order], return_index=True)
    words = np.zeros((_LINES, 32), dtype=np.uint64)
    words[crossed] = np.bitwise_xor.reduceat(_ALL_ONES >> column[order], start, axis=0)
    return words.astype(">u8")


def _lines_at() -> np.ndarray:
    """Return the grid line that each image row shows, for each y position.

    The result is `(32, 64)`. A row beyond all lines shows an empty line.
    """
    line = 31 * np.arange(SIZE) - 32 * np.arange(32)[:, None]  # row centre at 31·(row − 15.5) − 32·y from the shape's
    return np.clip(line, 0, _LINES - 1)


def _published_file(file: str | Path | None, cache: Path, release: Release) -> Path:
    """Return the published file, given or downloaded, after checking it.

    Its checksums, its layout and its order of images are checked.
    """
    if file is None:
        path = cache / release.url.rpartition("/")[2]
        download(release.url, path, md5=release.md5, git_blob=release.git_blob)
    else:
        path = Path(file)
    _check_layout(path, "imgs", (release.n, SIZE, SIZE), np.dtype("u1"))
    _check_layout(path, "latents_classes", (release.n, 6), np.dtype("<i8"))
    if file is not None:
        check_file(path, md5=release.md5, git_blob=release.git_blob)
    _check_order(path, release.n)
    return path


def _check_layout(path: Path, key: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    with _member(path, key) as (_, found_shape, found_dtype):
        if (found_shape, found_dtype) != (shape, dtype):
            found = f"{found_dtype} {found_shape}"
            raise DataError(f"{path}: `{key}` is {found}, expected {dtype} {shape}: give the published file")


def _check_order(path: Path, n: int) -> None:
    expected, first = grid(n), 0
    for classes in _rows(path, "latents_classes", 1 << 16):  # (m, 6): the first is the colour, always class 0
        if classes[:, 0].any() or (classes[:, 1:] != expected[first : first + len(classes)]).any():
            raise DataError(f"{path}: the classes are not in the published order: give the published file")
        first += len(classes)


def _packed_images(path: Path, release: Release) -> Iterator[np.ndarray]:
    """Yield the file's images as `(m, 512)` uint8 chunks.

    The sum of their pixels is checked after the last chunk.
    """
    pixel_sum = 0
    for images in tqdm(_rows(path, "imgs", 4096), total=-(-release.n // 4096), desc="packing dSprites", leave=False):
        if images.max() > 1:
            raise DataError(f"{path}: `imgs` holds the value {images.max()}, expected 0 and 1 only")
        pixel_sum += int(images.sum(dtype=np.int64))
        yield np.packbits(images.reshape(len(images), SIZE * SIZE), axis=1)
    if pixel_sum != release.pixel_sum:
        raise DataError(f"{path}: the pixels sum to {pixel_sum}, expected {release.pixel_sum}: give the published file")
