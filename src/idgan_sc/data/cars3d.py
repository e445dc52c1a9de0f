"""Read Cars3D: 183 cars from 24 sides at 4 elevations (Reed et al. 2015).

The images come from the authors' archive of MATLAB files.
"""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from idgan_sc.data.download import given_or_downloaded
from idgan_sc.data.grid import grid, refuse_other_sources, save_grid
from idgan_sc.data.images import Factors, Images
from idgan_sc.files import DataError

VIEWS = (24, 4)  # sides and elevations of each car, in the order of its file's last axes
SIDE = 128


@dataclass(frozen=True)
class Release:
    """Describe the published archive.

    The MD5 is the one that nmichlo/disent compares.
    """

    url: str = "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz"
    md5: str = "4e866a7919c1beedf53964e6f7a23686"
    cars: int = 183


def prepare(
    folder: str | Path,
    source: str = "real",
    file: str | Path | None = None,
    cache: str | Path | None = None,
    release: Release = Release(),
) -> Images:
    """Make the data set in `folder`, with images resized to 64×64.

    The factors are the car, the side and the elevation. The cars are in the order of the names of their files.

    Parameters
    ----------
    file
        The archive, if the user has it; its checksum is compared. It is never unpacked to the disk.

    Raises
    ------
    DataError
        If the archive cannot be had, is another one, or does not hold what `release` says.
    """
    refuse_other_sources("cars3d", source)
    path = given_or_downloaded(release.url, file, Path(cache or Path(folder) / "download"), md5=release.md5)
    sizes = (release.cars, *VIEWS)
    values = tuple(tuple(np.arange(size, dtype=float).tolist()) for size in sizes)
    factors = Factors(("object", "azimuth", "elevation"), sizes, values, discrete=("object",))
    names = [name for name, _ in _members(path, content=False)]
    if len(set(names)) != release.cars or len(names) != release.cars:
        raise DataError(f"{path} holds {len(set(names))} cars, expected {release.cars}: get the archive again")
    rank = {name: number for number, name in enumerate(sorted(names))}
    views = grid(VIEWS)
    classes = np.concatenate([np.column_stack([np.full(len(views), rank[name]), views]) for name in names])
    return save_grid(
        folder, (_views(path, name, content) for name, content in _members(path)), classes, factors, name="cars3d",
        source=f"{path.name} with MD5 {release.md5}",
        licence="none stated; of the authors of Deep Visual Analogy-Making (NIPS 2015), for research",
    )  # fmt: skip


def _members(path: Path, content: bool = True) -> Iterator[tuple[str, bytes]]:
    """Name and content of each car's file, in the archive's order."""
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                if member.isfile() and re.fullmatch(r"(\./)?data/cars/car_\d+_mesh\.mat", member.name):
                    stream = archive.extractfile(member)
                    yield member.name.rpartition("/")[2], stream.read() if stream and content else b""
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read as a .tar.gz archive ({error}): get the archive again") from error


def _views(path: Path, name: str, content: bytes) -> np.ndarray:
    """One car's images, (24 · 4, 128, 128, 3) uint8, the elevation varying fastest."""
    try:
        images = loadmat(io.BytesIO(content), variable_names=["im"])["im"]
    except Exception as error:  # a damaged file can raise anything in SciPy
        raise DataError(f"{name} in {path} cannot be read as a MATLAB file ({error}): get the archive again") from error
    if images.shape != (SIDE, SIDE, 3, *VIEWS) or images.dtype != np.uint8:
        words = f"{images.dtype} {images.shape}, expected uint8 {(SIDE, SIDE, 3, *VIEWS)}"
        raise DataError(f"{name} in {path} is {words}: get the archive again")
    return images.transpose(3, 4, 0, 1, 2).reshape(-1, SIDE, SIDE, 3)
