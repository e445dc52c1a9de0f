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

import numpy as np

from idgan_sc.data.download import given_or_downloaded
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
    place = Path(cache or Path(folder) / "download")
    paths = [
        {
            kind: given_or_downloaded(release.url + name, file and Path(file) / name, place, md5=md5, mend=_BY_HAND)
            for kind, (name, md5) in half.items()
        }
        for half in release.files
    ]
    classes = np.concatenate([_classes(half["cat"], half["info"], release.factors.sizes) for half in paths])
    return save_grid(
        folder, (images for half in paths for images in _left(half["dat"])), classes, release.factors, name="smallnorb",
        source="SmallNORB files with MD5 " + ", ".join(md5 for half in release.files for _, md5 in half.values()),
        licence="for research; must not be sold; cite LeCun, Huang and Bottou 2004",
    )  # fmt: skip


def _classes(cat: Path, info: Path, sizes: tuple[int, ...]) -> np.ndarray:
    """(n, 5) classes of half of the images."""
    (kind,), (rest,) = _rows(cat, _INTEGERS), _rows(info, _INTEGERS)
    if rest.shape != (n := len(kind), 4):
        raise DataError(f"{info} is {rest.shape}, expected {(n, 4)}: download it again")
    instance, elevation, azimuth, lighting = rest.T
    classes = np.stack([kind, instance, elevation, azimuth // 2, lighting], axis=1)
    wrong = (classes < 0) | (classes >= np.array(sizes)) | (azimuth % 2 != 0)[:, None]
    if wrong.any():
        raise DataError(
            f"{info} holds a factor beyond its range in row {int(wrong.any(1).argmax())}: download it again"
        )
    return classes


def _left(path: Path) -> Iterator[np.ndarray]:
    """The left camera's images, (m, 96, 96, 1) at a time."""
    for block in _rows(path, _BYTES, CHUNK):
        if block.shape[1:] != (2, SIDE, SIDE):
            raise DataError(f"{path} is {block.shape}, expected (n, 2, {SIDE}, {SIDE}): download it again")
        yield block[:, 0, :, :, None]


def _rows(path: Path, mark: int, rows: int | None = None) -> Iterator[np.ndarray]:
    """A packed matrix, so many rows at a time, or all at once."""
    try:
        with gzip.open(path) as file:
            found, axes = struct.unpack("<ii", file.read(8))
            known = found == mark and 1 <= axes <= 4
            n, *row = struct.unpack(f"<{max(3, axes)}i", file.read(4 * max(3, axes)))[:axes] if known else (0,)
            if n < 1:
                raise DataError(f"{path} is no matrix of the expected kind: download it again")
            dtype = np.dtype(np.uint8 if mark == _BYTES else "<i4")
            for first in range(0, n, rows or n):
                wanted = min(rows or n, n - first) * prod(row) * dtype.itemsize
                block = file.read(wanted)
                if len(block) < wanted:
                    raise DataError(f"{path} ends before its last row: download it again")
                yield np.frombuffer(block, dtype).reshape(-1, *row)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise DataError(f"{path} cannot be read ({error}): download it again") from error
