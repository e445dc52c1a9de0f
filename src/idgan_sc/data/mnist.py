"""MNIST: its 70 000 handwritten digits, training and test files together (the data of Figs. 5 and 6)."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idgan_sc.data.download import download_from_any
from idgan_sc.data.images import Factors, Images, save_images
from idgan_sc.files import DataError

SIDE = 28
FACTORS = Factors(("digit",), (10,), (tuple(float(digit) for digit in range(10)),), discrete=("digit",))
_BY_HAND = "download the four files by hand and give their folder with --file"


@dataclass(frozen=True)
class IdxFile:
    """What is known of one of the four files before it is read."""

    name: str  # unpacked; packed it ends in .gz
    gz_size: int
    gz_md5: str
    md5: str  # unpacked
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Release:
    """Where the files are, tried in this order, and what they are: images and labels, training before test."""

    mirrors: tuple[str, ...]
    files: tuple[IdxFile, ...]


PUBLISHED = Release(
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            9_912_422,
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "6bbc9ace898e44ae57da46a324031adb",
            (60_000, SIDE, SIDE),
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            28_881,
            "d53e105ee54ea40749a09fcbcd1e9432",
            "a25bea736e30d166cdddb491f175f624",
            (60_000,),
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            1_648_877,
            "9fb629c4189551a2d022fa330f9573f3",
            "2646ac647ad5339dbf082846283269ea",
            (10_000, SIDE, SIDE),
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            4_542,
            "ec29112dd5afa0611ce80d1b7f02629c",
            "27ae3e4e09519cfbb04c329615203637",
            (10_000,),
        ),
    ),
)


def prepare(
    folder: str | Path,
    source: str = "real",
    file: str | Path | None = None,
    cache: str | Path | None = None,
    native: bool = False,
    release: Release = PUBLISHED,
) -> Images:
    """Make the data set in `folder`; its one factor is the digit.

    Parameters
    ----------
    source
        Only "real": the drawn stand-in is the data set `digits`.
    file
        Folder that holds the four files, packed (`.gz`) or not, if the user has them; their contents are checked.
    cache
        Folder to keep downloaded files in; by default one within `folder`.
    native
        Keep 28×28 pixels; otherwise two black ones are added on each side to make 32×32.

    Raises
    ------
    DataError
        If a file cannot be had or is another one.
    """
    if source != "real":
        raise DataError(f"mnist has no source {source!r}: choose real, or the data set digits, which is drawn")
    given = Path(file) if file is not None else None
    if given is not None and not given.is_dir():
        raise DataError(f"{given} is not a folder: give the folder that holds the four MNIST files")
    arrays = [_read(idx, given, Path(cache or Path(folder) / "download"), release) for idx in release.files]
    images, labels = np.concatenate(arrays[0::2]), np.concatenate(arrays[1::2])
    border = 0 if native else 2
    side = SIDE + 2 * border
    return save_images(
        folder,
        [np.pad(images, ((0, 0), (border, border), (border, border)))[..., None]],
        name="mnist",
        source="MNIST files with MD5 " + ", ".join(idx.md5 for idx in release.files),
        licence="Y. LeCun and C. Cortes; usually cited as CC BY-SA 3.0",
        shape=(1, side, side),
        n=len(images),
        factors=FACTORS,
        classes=labels[:, None],
    )


def _read(idx: IdxFile, given: Path | None, cache: Path, release: Release) -> np.ndarray:
    """One file's array, once the MD5 of its unpacked bytes has been compared with the published one."""
    if given is None:
        urls, packed = [f"{mirror}{idx.name}.gz" for mirror in release.mirrors], cache / f"{idx.name}.gz"
        path = download_from_any(urls, packed, md5=idx.gz_md5, size=idx.gz_size, mend=_BY_HAND)
    else:
        path = _in_folder(idx, given)
    header = 4 + 4 * len(idx.shape)  # the format's magic number and each axis's length, known beforehand
    size = header + int(np.prod(idx.shape))
    content = _content(path, size + 1)  # one byte more shows a longer file
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != idx.md5:
        words = f"md5 of its {'first ' * (len(content) > size)}{len(content)} unpacked bytes is {found}"
        raise DataError(f"{path} is not the MNIST file expected: {words}, expected {idx.md5}; download it again")
    return np.frombuffer(content, np.uint8, offset=header).reshape(idx.shape)


def _content(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of a file, unpacked if it is packed."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            return file.read(limit)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}): download it again") from error


def _in_folder(idx: IdxFile, folder: Path) -> Path:
    for path in (folder / idx.name, folder / f"{idx.name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder} holds neither {idx.name} nor {idx.name}.gz: give the folder with the four MNIST files")
