"""Read SmallNORB: 50 toys of 5 kinds (LeCun et al. 2004).

There are 6 lightings, 9 elevations and 18 azimuths. Only the left camera's images are used.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from idgan_sc.data.download import check_file, download
from idgan_sc.data.grid import CHUNK, refuse_other_sources, save_grid
from idgan_sc.data.images import Factors, Images
from idgan_sc.files import DataError

SIDE = 96
FACTORS = Factors(
    names=("category", "instance", "elevation", "azimuth", "lighting"),
    sizes=(5, 10, 9, 18, 6),
    values=(
        (0.0, 1.0, 2.0, 3.0, 4.0),  # animal, human, plane, truck, car
        tuple(np.arange(10.0).tolist()),
        tuple(np.arange(30.0, 71.0, 5.0).tolist()),  # degrees
        tuple(np.arange(0.0, 341.0, 20.0).tolist()),  # degrees
        tuple(np.arange(6.0).tolist()),
    ),
    discrete=("category", "instance", "lighting"),
)
_BYTES, _INTEGERS = 0x1E3D4C55, 0x1E3D4C54  # the format's marks of what a matrix holds
_BY_HAND = "download the six files by hand and give their folder with --file"


@dataclass(frozen=True)
class Release:
    """Describe where the files are, with their MD5s.

    The MD5s are those that nmichlo/disent and others compare. Their order is images, categories, the rest.
    """

    url: str = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
    training: tuple[str, str, str] = (
        "66054832f9accfe74a0f4c36a75bc0a2", "23c8b86101fbf0904a000b43d3ed2fd9", "51dee1210a742582ff607dfd94e332e3",
    )  # fmt: skip
    testing: tuple[str, str, str] = (
        "e4ad715691ed5a3a5f138751a4ceb071", "5aa791cd7e6016cf957ce9bdb93b8603", "a9454f3864d7fd4bb3ea7fc3eb84924e",
    )  # fmt: skip

    factors: Factors = FACTORS

    @property
    def files(self) -> list[dict[str, tuple[str, str]]]:
        """Name and MD5 of each file by its kind, training before test."""
        halves = {"5x46789": ("training", self.training), "5x01235": ("testing", self.testing)}
        return [
            {
                kind: (f"smallnorb-{instances}x9x18x6x2x96x96-{half}-{kind}.mat.gz", md5)
                for kind, md5 in zip(("dat", "cat", "info"), md5s, strict=True)
            }
            for instances, (half, md5s) in halves.items()
        ]


def prepare(
    folder: str | Path,
    source: str = "real",
    file: str | Path | None = None,
    cache: str | Path | None = None,
    release: Release = Release(),
) -> Images:
    """Make the data set in `folder`, with images resized to 64×64.

    Both halves together are the full grid.

    Parameters
    ----------
    file
        Folder of the six packed files, if the user has them; their checksums are compared.

    Raises
    ------
    DataError
        If a file cannot be had, is another one, or the images are no full grid.
    """
    refuse_other_sources("smallnorb", source)
    paths = [
        {
            kind: _file(name, md5, file, Path(cache or Path(folder) / "download"), release)
            for kind, (name, md5) in h.items()
        }
        for h in release.files
    ]
    classes = np.concatenate([_classes(half["cat"], half["info"], release.factors.sizes) for half in paths])
    return save_grid(
        folder, (images for half in paths for images in _left(half["dat"])), classes, release.factors, name="smallnorb",
        source="SmallNORB files with MD5 " + ", ".join(md5 for half in release.files for _, md5 in half.values()),
        licence="for research; must not be sold; cite LeCun, Huang and Bottou 2004",
    )  # fmt: skip


def _file(name: str, md5: str, given: str | Path | None, cache: Path, release: Release) -> Path:
    if given is None:
        return download(f"{release.url}{name}", cache / name, md5=md5, mend=_BY_HAND)
    check_file(Path(given) / name, md5=md5)
    return Path(given) / name


def _classes(cat: Path, info: Path, sizes: tuple[int, ...]) -> np.ndarray:
    """(n, 5) classes of half of the images."""
    (n,), categories = _matrix(cat, _INTEGERS)
    shape, rest = _matrix(info, _INTEGERS)
    if shape != (n, 4):
        raise DataError(f"{info} is {shape}, expected {(n, 4)}: download it again")
    kind = np.frombuffer(b"".join(categories), "<i4")
    instance, elevation, azimuth, lighting = np.frombuffer(b"".join(rest), "<i4").reshape(n, 4).T
    classes = np.stack([kind, instance, elevation, azimuth // 2, lighting], axis=1)
    wrong = (classes < 0) | (classes >= np.array(sizes)) | (azimuth % 2 != 0)[:, None]
    if wrong.any():
        raise DataError(
            f"{info} holds a factor beyond its range in row {int(wrong.any(1).argmax())}: download it again"
        )
    return classes


def _left(path: Path) -> Iterator[np.ndarray]:
    """The left camera's images, (m, 96, 96, 1) at a time."""
    shape, blocks = _matrix(path, _BYTES, CHUNK)
    if shape[1:] != (2, SIDE, SIDE):
        raise DataError(f"{path} is {shape}, expected (n, 2, {SIDE}, {SIDE}): download it again")
    for block in blocks:
        yield np.frombuffer(block, np.uint8).reshape(-1, 2, SIDE, SIDE)[:, 0, :, :, None]


def _matrix(path: Path, mark: int, rows: int | None = None) -> tuple[tuple[int, ...], Iterator[bytes]]:
    """Shape of a packed matrix, and its bytes, so many rows at a time."""
    blocks: Iterator[Any] = _blocks(path, mark, rows)
    return next(blocks), blocks


def _blocks(path: Path, mark: int, rows: int | None) -> Iterator[tuple[int, ...] | bytes]:
    """The shape first, then the bytes."""
    try:
        with gzip.open(path) as file:
            found, axes = struct.unpack("<ii", file.read(8))
            if found != mark or not 1 <= axes <= 4:
                raise DataError(f"{path} is no matrix of the expected kind: download it again")
            shape = struct.unpack(f"<{max(3, axes)}i", file.read(4 * max(3, axes)))[:axes]
            yield shape
            row = prod(shape[1:]) * (1 if mark == _BYTES else 4)
            for first in range(0, shape[0], rows or shape[0]):
                wanted = min(rows or shape[0], shape[0] - first) * row
                block = file.read(wanted)
                if len(block) < wanted:
                    raise DataError(f"{path} ends before its last row: download it again")
                yield block
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise DataError(f"{path} cannot be read ({error}): download it again") from error
