"""A data set made of a folder of the user's own images, with factor labels from a table if there is one."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from idgan_sc.data.images import Factors, Images, save_images
from idgan_sc.files import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST = 2**16  # values of a factor that fit the classes on disk
ENDINGS = (".png", ".jpg", ".jpeg")
_GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}  # Pillow's names for modes without colour
_CHUNK = 128


def prepare_folder(
    images_folder: str | Path,
    out_folder: str | Path,
    factors_csv: str | Path | None = None,
    size: int = 64,
    crop: int | None = None,
) -> Images:
    """Make a data set in `out_folder` of all PNG and JPEG files in `images_folder`, in the order of their names.

    Folders within are searched too; files whose names begin with a dot are left out. An image of any size becomes a
    square of `crop` pixels around its centre, or the largest there is, which is resized to `size`. The first image
    decides whether the data set is grey or in colour: in one of colour a grey image gets three equal channels; in a
    grey one a colour image is refused, since dropping colour unasked would lose what may be a factor.

    Parameters
    ----------
    factors_csv
        A table with a column `file` (path within `images_folder`) and one column for each factor. The classes of a
        factor are its distinct values in order. If all are numbers, they are its physical values; otherwise the
        factor is discrete, without an order, and its values are 0, 1, … in the alphabet's order.

    Raises
    ------
    DataError
        If there is no image, an image is broken, smaller than `crop` or in colour among grey ones, or the table and
        the images do not match; the message names the first file at fault.
    """
    images_folder = Path(images_folder)
    files = _image_files(images_folder)
    factors, classes = (None, None) if factors_csv is None else _read_factors(Path(factors_csv), images_folder, files)
    channels = 1 if _is_grey(images_folder / files[0]) else 3
    return save_images(
        out_folder,
        _chunks([images_folder / file for file in files], channels, size, crop),
        name=Path(out_folder).name,
        source=f"{len(files)} images of the folder {images_folder.name}",
        licence="as the user's own images",
        shape=(channels, size, size),
        n=len(files),
        factors=factors,
        classes=classes,
    )


def fitted(image: Image, crop: int | None, size: int) -> Image:
    """The square of `crop` pixels around the centre, or the largest there is, resized to `size` without aliasing.

    Raises
    ------
    ValueError
        If the image is smaller than `crop`.
    """
    from PIL.Image import Resampling

    side = crop or min(image.size)
    if side > min(image.size):
        raise ValueError(f"it has {image.width}x{image.height} pixels, too few for a crop of {side}")
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))  # first, for resize(box=…) looks beyond its box
    return square.resize((size, size), Resampling.BICUBIC)


def open_image(path: Path) -> Image:
    """An image of a user's folder, decoded whole and turned upright.

    Raises
    ------
    DataError
        If it cannot be decoded.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            upright = ImageOps.exif_transpose(image)
            upright.load()
            return upright
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is not a readable PNG or JPEG image ({error}): replace or remove it") from error


def _image_files(folder: Path) -> list[str]:
    """Paths within `folder`, as the factor table names them."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: give the folder that holds the images")
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in ENDINGS]
    files = sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))
    if not files:
        raise DataError(f"{folder} holds no image: expected files that end in {', '.join(ENDINGS)}")
    return files


def _is_grey(path: Path) -> bool:
    return open_image(path).mode in _GREY


def _chunks(paths: list[Path], channels: int, size: int, crop: int | None) -> Iterator[np.ndarray]:
    """The images as `(m, size, size, channels)` uint8."""
    progress = tqdm(paths, desc="reading images", leave=False)
    rows = (_pixels(path, channels, size, crop) for path in progress)
    for first in range(0, len(paths), _CHUNK):
        yield np.stack([next(rows) for _ in paths[first : first + _CHUNK]])


def _pixels(path: Path, channels: int, size: int, crop: int | None) -> np.ndarray:
    image = open_image(path)
    if channels == 1 and image.mode not in _GREY:
        raise DataError(f"{path} is in colour, but the first image is grey: make all of them the same")
    try:
        square = fitted(_eight_bits(image, channels), crop, size)
    except ValueError as error:
        raise DataError(f"{path} cannot be used: {error}") from error
    return np.asarray(square, dtype=np.uint8).reshape(size, size, channels)


def _eight_bits(image: Image, channels: int) -> Image:
    """`L` or `RGB`; Pillow's own conversion would clip 16-bit grey instead of scaling it."""
    from PIL import Image

    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).astype(np.float64) / 257 + 0.5).clip(0, 255).astype(np.uint8))
    return image.convert("L" if channels == 1 else "RGB")


def _read_factors(table: Path, images_folder: Path, files: list[str]) -> tuple[Factors, np.ndarray]:
    """Factors of the table and the classes of `files`, `(n, K)`."""
    names, rows = _read_table(table)
    for file in sorted(rows.keys() - set(files))[:1]:
        raise DataError(f"{table} names {file}, which is not an image in {images_folder}: mend its row")
    for file in sorted(set(files) - rows.keys())[:1]:
        raise DataError(f"{table} has no row for the image {file}: label it or remove it")
    columns = [_classes(table, name, [rows[file][k] for file in files]) for k, name in enumerate(names)]
    values = tuple(column[0] for column in columns)
    discrete = tuple(name for name, column in zip(names, columns, strict=True) if column[2])
    factors = Factors(names, tuple(len(v) for v in values), values, discrete)
    return factors, np.stack([column[1] for column in columns], axis=1)


def _read_table(table: Path) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Names of the factors, and each file's values in that order."""
    try:
        with open(table, newline="", encoding="utf-8-sig") as stream:
            header, *lines = [[cell.strip() for cell in line] for line in csv.reader(stream) if line] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{table} cannot be read as a CSV table ({error})") from error
    if "file" not in header or len(header) < 2 or len(set(header)) < len(header) or "" in header:
        raise DataError(
            f"{table} needs a column `file` and one column for each factor, each name once; it has {header}"
        )
    at = header.index("file")
    rows: dict[str, list[str]] = {}
    for line in lines:
        if len(line) != len(header) or "" in line:
            raise DataError(f"{table}: the row {','.join(line)} lacks a value or has too many")
        if line[at] in rows:
            raise DataError(f"{table} names {line[at]} twice: keep one row")
        rows[line[at]] = line[:at] + line[at + 1 :]
    return tuple(header[:at] + header[at + 1 :]), rows


def _classes(table: Path, name: str, cells: list[str]) -> tuple[tuple[float, ...], np.ndarray, bool]:
    """Values of a factor's classes, the class of each image, and whether the values are mere names."""
    numbers = [_number(cell) for cell in cells]
    discrete = any(number is None for number in numbers)
    distinct, classes = np.unique(np.array(cells if discrete else numbers), return_inverse=True)
    if len(distinct) < 2:
        raise DataError(f"{table}: the factor {name} has the same value in every row: leave it out")
    if len(distinct) > MOST:
        raise DataError(f"{table}: the factor {name} has {len(distinct)} values, {MOST} are told apart: round them")
    values = range(len(distinct)) if discrete else distinct
    return tuple(float(value) for value in values), classes, discrete


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
