"""A data set made of a folder of the user's own images, with factor labels from a table if there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from idgan_sc.data.images import Images, save_images
from idgan_sc.data.table import LABELS, NO_TABLE, read_factors
from idgan_sc.files import DataError, write_json

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg")
_GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}  # Pillow's names for modes without colour
_CHUNK = 128


def prepare_folder(
    images_folder: str | Path,
    out_folder: str | Path,
    factors_csv: str | Path | None = None,
    size: int = 64,
    crop: int | None = None,
    *,
    categories: Iterable[str] = (),
    numbers: Iterable[str] = (),
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
        factor are its distinct values in order. If all are numbers, truth values or dates, they are its physical
        values; otherwise the factor is discrete, without an order, and its values are 0, 1, … in the alphabet's order.
    categories, numbers
        Columns of the table that are declared so.

    Raises
    ------
    DataError
        If there is no image, an image is broken, smaller than `crop` or in colour among grey ones, or the table and
        the images do not match; the message names the first file at fault.
    """
    images_folder = Path(images_folder)
    files = _image_files(images_folder)
    table = read_factors(factors_csv, images_folder, files, categories, numbers) if factors_csv else NO_TABLE
    channels = 1 if _is_grey(images_folder / files[0]) else 3
    (Path(out_folder) / LABELS).unlink(missing_ok=True)
    images = save_images(
        out_folder,
        _chunks([images_folder / file for file in files], channels, size, crop),
        name=Path(out_folder).name,
        source=f"{len(files)} images of the folder {images_folder.name}",
        licence="as the user's own images",
        shape=(channels, size, size),
        n=len(files),
        factors=table.factors,
        classes=table.classes,
    )
    write_json(images.folder / LABELS, dict(table.labels))
    return images


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
