"""Read MNIST's 70 000 handwritten digits, training and test files together.

They are the data of Figs. 5 and 6.

torchvision knows where the files are and reads them. Own code downloads them, because torchvision's neither
resumes nor says what a host sent instead. Hashes are compared before anything is read.
"""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torchvision.datasets import MNIST

from idgan_sc.data.download import download_from_any
from idgan_sc.data.images import Factors, Images, save_images
from idgan_sc.files import DataError

SIDE = 28
FACTORS = Factors(("digit",), (10,), (tuple(float(digit) for digit in range(10)),), discrete=("digit",))
_BY_HAND = "download the four files by hand and give their folder with --file"


@dataclass(frozen=True)
class IdxFile:
    """Describe one of the four files before it is read.

    The values are those of the unpacked file where `gz` does not say otherwise.
    """

    name: str
    gz_md5: str
    gz_size: int
    md5: str
    size: int


@dataclass(frozen=True)
class Release:
    """Describe the published files and where they are.

    The mirrors are tried in this order. The files are images and labels, training before test.
    """

    mirrors: tuple[str, ...]
    files: tuple[IdxFile, ...]


_FILES = (
    (9_912_422, "6bbc9ace898e44ae57da46a324031adb", 47_040_016),
    (28_881, "a25bea736e30d166cdddb491f175f624", 60_008),
    (1_648_877, "2646ac647ad5339dbf082846283269ea", 7_840_016),
    (4_542, "27ae3e4e09519cfbb04c329615203637", 10_008),
)
RELEASE = Release(
    tuple(MNIST.mirrors),
    tuple(IdxFile(name.removesuffix(".gz"), md5, *f) for (name, md5), f in zip(MNIST.resources, _FILES, strict=True)),
)


def prepare(
    folder: str | Path,
    source: str = "real",
    file: str | Path | None = None,
    cache: str | Path | None = None,
    native: bool = False,
    release: Release = RELEASE,
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
    contents = [_content(idx, given, Path(cache or Path(folder) / "download"), release) for idx in release.files]
    images, labels = _read(contents, release)
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


def _read(contents: list[bytes], release: Release) -> tuple[np.ndarray, np.ndarray]:
    """Return the images (n, 28, 28) uint8 and labels (n,) of the four files.

    The arguments are the files' contents. Training images come before test images.
    """
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root, "MNIST", "raw")  # where torchvision looks for them
        raw.mkdir(parents=True)
        for idx, content in zip(release.files, contents, strict=True):
            (raw / idx.name).write_bytes(content)
        parts = [MNIST(root, train) for train in (True, False)]
    return tuple(np.concatenate([getattr(p, name).numpy() for p in parts]) for name in ("data", "targets"))  # type: ignore[return-value]


def _content(idx: IdxFile, given: Path | None, cache: Path, release: Release) -> bytes:
    """One file's unpacked bytes, once their MD5 has been compared with the published one."""
    if given is None:
        urls, packed = [f"{mirror}{idx.name}.gz" for mirror in release.mirrors], cache / f"{idx.name}.gz"
        path = download_from_any(urls, packed, md5=idx.gz_md5, size=idx.gz_size, mend=_BY_HAND)
    else:
        path = _in_folder(idx, given)
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            content = file.read(idx.size + 1)  # one byte more shows a longer file
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}): download it again") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != idx.md5:
        words = f"md5 of its {'first ' * (len(content) > idx.size)}{len(content)} unpacked bytes is {found}"
        raise DataError(f"{path} is not the MNIST file expected: {words}, expected {idx.md5}; download it again")
    return content


def _in_folder(idx: IdxFile, folder: Path) -> Path:
    for path in (folder / idx.name, folder / f"{idx.name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder} holds neither {idx.name} nor {idx.name}.gz: give the folder with the four MNIST files")
