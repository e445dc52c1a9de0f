"""Read CelebA, 202 599 aligned photographs of faces.

They are the data of Figs. 7 and 8. The photographs are cut square and made smaller.

CelebA is for non-commercial research only and must not be passed on: see
https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html.

torchvision knows which archive is the right one. It reads its own folder with the lists of the splits. Own
code does what torchvision does not. It streams the archive, which torchvision unpacks to the disk. It reads a
folder of images alone, which torchvision refuses.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from torchvision.datasets import CelebA
from tqdm import tqdm

from idgan_sc.data.decode import decode, fitted
from idgan_sc.data.download import check_file, download_from_any
from idgan_sc.data.images import Images, save_images
from idgan_sc.files import DataError


@dataclass(frozen=True)
class Release:
    """Where the archive is, tried in this order, and what it is."""

    urls: tuple[str, ...]
    size: int
    md5: str
    n: int
    image_size: tuple[int, int]  # width and height

    @property
    def names(self) -> list[str]:
        """The images in order."""
        return [f"{number:06d}.jpg" for number in range(1, self.n + 1)]


FOLDER = "img_align_celeba"  # within the archive
_ID, _MD5 = next((key, md5) for key, md5, name in CelebA.file_list if name == f"{FOLDER}.zip")
RELEASE = Release(
    urls=(
        f"https://drive.usercontent.google.com/download?id={_ID}&export=download&confirm=t",
        "https://s3-us-west-1.amazonaws.com/udacity-dlnfd/datasets/celeba.zip",
    ),
    size=1_443_490_838,
    md5=_MD5,
    n=202_599,
    image_size=(178, 218),
)
SPLITS = ("all", "train", "valid", "test")
LARGEST = 1 << 20  # bytes of one JPEG file; real ones have some 10 000
_BY_HAND = f"get {FOLDER}.zip in a browser and give it, or the folder of its images, with --file"
_QUOTA = "Google Drive does so once too many people have asked for the archive in a day"
_ROOT = "give with --file the root that torchvision.datasets.CelebA(root, download=True) makes"
_CHUNK = 128


def prepare(
    folder: str | Path,
    source: str = "real",
    file: str | Path | None = None,
    cache: str | Path | None = None,
    crop: int | None = 160,
    size: int = 64,
    split: str = "all",
    release: Release = RELEASE,
) -> Images:
    """Make the data set in `folder`; it has no factor labels.

    Parameters
    ----------
    source
        Only "real": the drawn stand-in is the data set `faces`.
    file
        The archive `img_align_celeba.zip`, which is checked before it is opened, or a folder of its images, of which
        only names, number and sizes can be checked. The archive is never unpacked to the disk. Or torchvision's root:
        the folder that holds `celeba`, with the images and the lists.
    cache
        Folder to keep the downloaded archive in; by default one within `folder`.
    crop
        Side of the square cut from the centre before the image is resized to `size`; None takes the largest, 178.
    split
        Which of the published parts: all, train, valid or test. A part needs torchvision's root.

    Raises
    ------
    DataError
        If the archive cannot be had or is another one, or an image is missing, broken or of another size.
    """
    if source != "real":
        raise DataError(f"celeba has no source {source!r}: choose real, or the data set faces, which is drawn")
    if split not in SPLITS:
        raise DataError(f"celeba has no split {split!r}: choose one of {', '.join(SPLITS)}")
    names = release.names
    if file is not None and (Path(file) / CelebA.base_folder).is_dir():
        folder_of_images, names = _listed(Path(file), split)
        files, words = (
            _folder_files(folder_of_images, names, release),
            f"CelebA aligned images ({split}, by torchvision's lists)",
        )
    elif split != "all":
        raise DataError(f"the split {split} of celeba is in torchvision's lists: {_ROOT}")
    elif file is not None and Path(file).is_dir():
        files, words = _folder_files(Path(file), names, release), "CelebA aligned images (a folder, without a checksum)"
    else:
        path = _archive(file, Path(cache or Path(folder) / "download"), release)
        files, words = _archive_files(path, release), f"CelebA aligned images (archive with MD5 {release.md5})"
    cut = "largest" if crop is None else f"{crop}x{crop}"
    return save_images(
        folder,
        _chunks(files, len(names), release, crop, size),
        name="celeba",
        source=f"{words}, {cut} centre crop",
        licence="CelebA agreement: non-commercial research only, no redistribution",
        shape=(3, size, size),
        n=len(names),
    )


def _listed(root: Path, split: str) -> tuple[Path, list[str]]:
    """Return the folder of images below torchvision's root, and a split's file names.

    The hashes of the lists are compared first.
    """
    try:
        return root / CelebA.base_folder / FOLDER, CelebA(str(root), split=split, target_type=[]).filename
    except RuntimeError as error:
        raise DataError(
            f"{root / CelebA.base_folder} lacks a list or the images, or one is damaged: {_ROOT}"
        ) from error


def _archive(file: str | Path | None, cache: Path, release: Release) -> Path:
    """The archive, given or downloaded, its checksum compared."""
    if file is not None:
        check_file(file, md5=release.md5, size=release.size)
        return Path(file)
    path = cache / f"{FOLDER}.zip"
    return download_from_any(release.urls, path, md5=release.md5, size=release.size, mend=_BY_HAND, quota=_QUOTA)


def _folder_files(folder: Path, names: list[str], release: Release) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of each of these images.

    They are looked for in the folder, or in a folder within it that has the archive's name.
    """
    if not (folder / release.names[0]).exists() and (folder / FOLDER).is_dir():
        folder = folder / FOLDER
    _check_names({path.name for path in folder.glob("*.jpg")}, release, folder)
    for path in (folder / name for name in names):
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} has more than {LARGEST} bytes: it is not an image of CelebA")
        yield str(path), path.read_bytes()


def _archive_files(path: Path, release: Release) -> Iterator[tuple[str, bytes]]:
    """Name and content of each image, read from the archive one by one."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
            outside = next((name for name in members if name.rpartition("/")[0] != FOLDER), None)
            if outside:
                raise DataError(f"{path} holds {outside!r}, expected images in {FOLDER} only: get the archive again")
            _check_names({name.rpartition("/")[2] for name in members}, release, path)
            for info in (members[f"{FOLDER}/{name}"] for name in release.names):
                if info.file_size > LARGEST:
                    raise DataError(f"{info.filename} in {path} would unpack to {info.file_size} bytes: not an image")
                yield f"{info.filename} in {path}", archive.read(info)
    except DataError:
        raise
    except Exception as error:  # a damaged archive can raise anything in zipfile
        raise DataError(f"{path} cannot be read as a zip archive ({error}): get the archive again") from error


def _check_names(found: set[str], release: Release, where: Path) -> None:
    """Exactly the expected images; the message names the first that is missing or too many."""
    expected = set(release.names)
    for words, names in (("lacks", expected - found), ("holds, beside the images of CelebA,", found - expected)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise DataError(f"{where} {words} {min(names)}{more}: expected {release.n} images, 000001.jpg and so on")


def _chunks(
    files: Iterator[tuple[str, bytes]], n: int, release: Release, crop: int | None, size: int
) -> Iterator[np.ndarray]:
    """The `n` images as `(m, size, size, 3)` uint8."""
    rows = (_pixels(*file, release, crop, size) for file in tqdm(files, total=n, desc="CelebA", leave=False))
    for first in range(0, n, _CHUNK):
        yield np.stack([next(rows) for _ in range(min(_CHUNK, n - first))])


def _pixels(name: str, content: bytes, release: Release, crop: int | None, size: int) -> np.ndarray:
    """One image, `(size, size, 3)`; its size is compared before it is decoded."""
    picture = decode(BytesIO(content), name, formats=("JPEG",), size=release.image_size)
    try:
        return np.asarray(fitted(picture.image.convert("RGB"), crop, size), dtype=np.uint8)
    except ValueError as error:
        raise DataError(f"{name} cannot be used: {error}") from error
