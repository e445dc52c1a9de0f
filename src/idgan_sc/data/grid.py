"""Read full grids of factors from files that others made.

The images are streamed, checked and stored in a folder that processes share.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from torchvision.transforms.v2.functional import InterpolationMode, resize
from tqdm import tqdm

from idgan_sc.data.arrays import ArrayFile
from idgan_sc.data.download import given_or_downloaded
from idgan_sc.data.images import Factors, Images, save_images
from idgan_sc.data.learnable import different, refuse_few, refuse_narrow
from idgan_sc.files import DataError

SIZE = 64  # pixels a side of what is stored
CHUNK = 512  # images at a time
IMAGES, LABELS = ("images", "imgs"), ("labels", "latents_values", "latents_classes", "factors")  # usual names of arrays
NAMES = "factor_names"


@dataclass(frozen=True)
class Release:
    """Describe a published grid in one file.

    The images are in the order of the factors. The last factor varies fastest.
    """

    name: str
    url: str
    md5: str
    factors: Factors
    licence: str
    shape: tuple[int, int, int] = (SIZE, SIZE, 3)  # of an image in the file
    size: int | None = None  # bytes
    labels: str | None = None  # the array that tells every image's factor values, where there is one


def prepare_release(
    release: Release,
    folder: str | Path,
    source: str = "real",
    file: str | Path | None = None,
    cache: str | Path | None = None,
) -> Images:
    """Make a published grid in `folder`.

    Parameters
    ----------
    file
        The published file, if the user has it; its checksum is compared.
    cache
        Folder to keep the downloaded file in; by default one within `folder`.

    Raises
    ------
    DataError
        If the file cannot be had, is another one, or its arrays are not the grid that `release` describes.
    """
    refuse_other_sources(release.name, source)
    place = Path(cache or Path(folder) / "download")
    path = given_or_downloaded(release.url, file, place, md5=release.md5, size=release.size)
    arrays, n = ArrayFile(path), prod(release.factors.sizes)
    key = _first_of(arrays, IMAGES)
    shape, dtype = arrays.layout(key)
    if shape not in ((n, *release.shape), (*release.factors.sizes, *release.shape)) or dtype != np.uint8:
        expected = f"uint8 {(n, *release.shape)}, or {release.factors.sizes} in place of {n}"
        raise DataError(f"{path}: `{key}` is {dtype} {shape}, expected {expected}: give the published file")
    classes = grid(release.factors.sizes)
    if release.labels:
        _check_labels(arrays, release.labels, classes, release.factors)
    chunks = (chunk.reshape(-1, *release.shape) for chunk in arrays.rows(key, CHUNK if len(shape) == 4 else 1))
    return save_grid(
        folder, chunks, classes, release.factors, name=release.name, source=f"{path.name} with MD5 {release.md5}",
        licence=release.licence,
    )  # fmt: skip


def prepare_file(path: str | Path, folder: str | Path, names: list[str] | None = None, least: int = 1) -> Images:
    """Make a data set in `folder` of a user's own full grid.

    The file is `.npz` or `.h5`. It holds `images` (N, H, W) or (N, H, W, C), uint8 or boolean, and `labels` (N,
    K) numbers. The labels hold each combination of the K factors' values once, in any order. `names` names the
    factors; without it, `factor_names` (K,) of the file does. There must be `least` images.

    What was taken, and what was left out, is said on stderr.

    Raises
    ------
    DataError
        If an array is missing or of another form, the images are no full grid, too few, all the same, or almost of
        one brightness.
    """
    path = Path(path)
    arrays = ArrayFile(path)
    key, labels = _first_of(arrays, IMAGES), _first_of(arrays, LABELS)
    shape, dtype = arrays.layout(key)
    channels = shape[3] if len(shape) == 4 else 1
    if len(shape) not in (3, 4) or channels not in (1, 3) or shape[1] != shape[2] or dtype not in (np.uint8, np.bool_):
        raise DataError(f"{path}: `{key}` is {dtype} {shape}, expected uint8 (N, H, H), (N, H, H, 1) or (N, H, H, 3)")
    n = shape[0]
    refuse_few(n, least, path)
    factors, classes = _own_factors(arrays, labels, names)
    if n != len(classes):
        raise DataError(f"{path}: `{key}` has {n} rows and `{labels}` {len(classes)}: they belong together")
    check_full(classes, factors, path)
    notes: Counter[str] = Counter()
    low, high = _extent(different(arrays.rows(key, CHUNK), (f"row {row}" for row in range(n)), path, notes))
    binary = channels == 1 and high <= 1
    if not binary:
        refuse_narrow(low, high, path)
    for name, size, values in zip(factors.names, factors.sizes, factors.values, strict=True):
        print(f"{path}: factor {name} has {size} values from {values[0]:g} to {values[-1]:g}", file=sys.stderr)
    taken = "0 and 1, stored as bits" if binary else f"{low} to {high}, where 0 is black and 255 white"
    print(f"{path}: pixels are {taken}", file=sys.stderr)
    for words, count in notes.items():
        print(f"{path}: {count} of {n} images {words}", file=sys.stderr)
    return save_grid(
        folder, (chunk.reshape(-1, *shape[1:3], channels) for chunk in arrays.rows(key, CHUNK)), classes, factors,
        name=Path(folder).name, source=f"{n} images of the file {path.name}", licence="as the user's own images",
        binary=binary,
    )  # fmt: skip


def _extent(chunks: Iterable[np.ndarray]) -> tuple[int, int]:
    """The smallest and the largest pixel."""
    low, high = 255, 0
    for chunk in chunks:
        low, high = min(low, int(chunk.min(initial=255))), max(high, int(chunk.max(initial=0)))
    return low, high


def save_grid(
    folder: str | Path,
    chunks: Iterable[np.ndarray],
    classes: np.ndarray,
    factors: Factors,
    *,
    name: str,
    source: str,
    licence: str,
    binary: bool = False,
) -> Images:
    """Write a full grid from chunks (m, H, H, C) uint8.

    The images are resized to 64×64 where they have another size.

    Parameters
    ----------
    binary
        Whether pixels are 0 and 1: they are stored as bits, where they need not be resized.

    Raises
    ------
    DataError
        If `classes` lack a cell of the grid or have one twice.
    """
    check_full(classes, factors, Path(folder))
    rest = iter(chunks)
    first = next(rest)
    packed = binary and first.shape[1:] == (SIZE, SIZE, 1)

    def stored() -> Iterator[np.ndarray]:
        for chunk in tqdm(_again(first, rest), total=-(-len(classes) // len(first)), desc=name, leave=False):
            yield np.packbits(chunk.reshape(len(chunk), -1), axis=1) if packed else _fitted(chunk, 255 if binary else 1)

    return save_images(
        folder, stored(), name=name, source=source, licence=licence, shape=(first.shape[3], SIZE, SIZE), n=len(classes),
        packed=packed, factors=factors, classes=classes,
    )  # fmt: skip


def grid(sizes: tuple[int, ...]) -> np.ndarray:
    """Return the classes (N, K) of all cells of a grid.

    The last factor varies fastest. The integers are the smallest that hold the classes.
    """
    smallest = np.uint8 if max(sizes) <= 256 else np.uint16
    return np.indices(sizes, dtype=smallest).reshape(len(sizes), -1).T


def check_full(classes: np.ndarray, factors: Factors, where: Path) -> None:
    """Refuse classes (N, K) that are no full grid.

    Raises
    ------
    DataError
        Naming the first cell that is missing, or there twice.
    """
    n = prod(factors.sizes)
    if n > 10 * len(classes):
        raise DataError(f"{where} has {len(classes)} images, a full grid of its factors' values {n}: round the values")
    cells = np.ravel_multi_index(tuple(classes.T.astype(np.int64)), factors.sizes)
    counts = np.bincount(cells, minlength=n)
    for words, wrong in (("lacks", counts == 0), ("has more than once", counts > 1)):
        if wrong.any():
            first = np.unravel_index(int(wrong.argmax()), factors.sizes)
            cell = ", ".join(
                f"{name} {v[i]:g}" for name, v, i in zip(factors.names, factors.values, first, strict=True)
            )
            more = f" and {wrong.sum() - 1} others" if wrong.sum() > 1 else ""
            raise DataError(f"{where} {words} the image of {cell}{more}: a full grid has each once")


def refuse_other_sources(name: str, source: str) -> None:
    """Refuse another source than the published files.

    Raises
    ------
    DataError
        If it is one.
    """
    if source != "real":
        raise DataError(f"{name} has no source {source!r}: choose real, or the data set rooms, which is drawn")


def _again(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def _fitted(chunk: np.ndarray, scale: int) -> np.ndarray:
    """(m, H, H, C) -> (m, 64, 64, C) uint8 without aliasing."""
    bytes_ = chunk if scale == 1 else np.multiply(chunk, scale, dtype=np.uint8)
    if chunk.shape[1] == SIZE:
        return bytes_
    tensor = torch.from_numpy(np.ascontiguousarray(bytes_.transpose(0, 3, 1, 2)))
    return resize(tensor, [SIZE, SIZE], InterpolationMode.BICUBIC).numpy().transpose(0, 2, 3, 1)


def _first_of(arrays: ArrayFile, names: tuple[str, ...]) -> str:
    """The first of some usual names that the file has an array of."""
    for name in names:
        if name in arrays:
            return name
    has = ", ".join(sorted(arrays.names)) or "none"
    raise DataError(f"{arrays.path} has no array {' or '.join(f'`{name}`' for name in names)}: it has {has}")


def _check_labels(arrays: ArrayFile, key: str, classes: np.ndarray, factors: Factors) -> None:
    """The file's factor values are those of the grid in its order."""
    shape, dtype = arrays.layout(key)
    if shape != classes.shape or dtype.kind not in "fiu":
        raise DataError(f"{arrays.path}: `{key}` is {dtype} {shape}, expected numbers {classes.shape}")
    first = 0
    for labels in arrays.rows(key, 1 << 16):
        expected = classes[first : first + len(labels)]
        for k, values in enumerate(factors.values):
            wrong = ~np.isclose(labels[:, k], np.array(values)[expected[:, k]], atol=1e-6)
            if wrong.any():
                at = f"row {first + int(wrong.argmax())} has {factors.names[k]} {labels[wrong.argmax(), k]:g}"
                raise DataError(f"{arrays.path}: the images are not in the published order ({at}): its axes are others")
        first += len(labels)


def _own_factors(arrays: ArrayFile, key: str, names: list[str] | None) -> tuple[Factors, np.ndarray]:
    """Return the factors and classes (N, K) of a user's labels.

    A factor of one value is left out.
    """
    whole = arrays.whole(key)
    shape, dtype = whole.shape, whole.dtype
    if len(shape) != 2 or dtype.kind not in "fiub":
        raise DataError(f"{arrays.path}: `{key}` is {dtype} {shape}, expected numbers (N, K), a column for each factor")
    labels = whole.astype(np.float64)
    for column, read in zip(whole.T, labels.T, strict=True):
        if len(np.unique(column)) > len(np.unique(read)):
            raise DataError(f"{arrays.path}: `{key}` holds numbers too long for float64: give their distance from one")
    if not np.isfinite(labels).all():
        row = int((~np.isfinite(labels)).any(1).argmax())
        raise DataError(f"{arrays.path}: `{key}` holds no number in row {row}: give every image's factors")
    if names is None and NAMES in arrays:
        names = arrays.texts(NAMES)
    names = [name.strip() for name in names or [f"factor_{k + 1}" for k in range(shape[1])]]
    if len(names) != shape[1] or len(set(names)) != len(names) or "" in names:
        raise DataError(f"{arrays.path}: {len(names)} names of factors, `{key}` has {shape[1]} columns: name each once")
    columns = [np.unique(column, return_inverse=True) for column in labels.T]
    kept = [k for k, (values, _) in enumerate(columns) if len(values) > 1]
    if not kept:
        raise DataError(f"{arrays.path}: no column of `{key}` takes two values: give the factors that differ")
    for name in (name for k, name in enumerate(names) if k not in kept):
        print(f"{arrays.path}: the factor {name} has one value and is left out", file=sys.stderr)
    values = tuple(tuple(columns[k][0].tolist()) for k in kept)
    factors = Factors(tuple(names[k] for k in kept), tuple(map(len, values)), values)
    return factors, np.stack([columns[k][1] for k in kept], axis=1)
