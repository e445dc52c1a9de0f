"""Make a data set of a folder of the user's own images.

Factor labels come from a table if there is one.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from idgan_sc.config import listed
from idgan_sc.data.decode import WHITE, check_background, decode, endings, fitted, is_grey
from idgan_sc.data.images import Images, save_images
from idgan_sc.data.learnable import different, refuse_few, refuse_narrow
from idgan_sc.data.table import LABELS, NO_TABLE, read_factors
from idgan_sc.files import DataError, write_json

_CHUNK = 128
READ = "files are read that end in .png, .jpg, .tif, .bmp, .gif, .webp or in another ending that Pillow knows"


def prepare_folder(
    images_folder: str | Path,
    out_folder: str | Path,
    factors_csv: str | Path | None = None,
    size: int = 64,
    crop: int | None = None,
    background: str = WHITE,
    *,
    categories: Iterable[str] = (),
    numbers: Iterable[str] = (),
    least: int = 1,
) -> Images:
    """Make a data set of a folder's images.

    All images in `images_folder` that Pillow reads go to `out_folder`, in the order of their names.
    Folders within are searched too, but no links to folders. Files of other kinds, or whose names begin with a dot, are
    left out. An image
    of any size becomes a square of `crop` pixels around its centre, or the largest there is, which is resized to
    `size`. The first image decides whether the data set is grey or in colour: in one of colour a grey image gets three
    equal channels; in a grey one a colour image is refused, since dropping colour unasked would lose what may be a
    factor. What was left out, cut, enlarged or laid on `background` is counted on stderr.

    Parameters
    ----------
    factors_csv
        A table with a column `file` (path within `images_folder`) and one column for each factor. The classes of a
        factor are its distinct values in order. If all are numbers, truth values or dates, they are its physical
        values; otherwise the factor is discrete, without an order, and its values are 0, 1, … in the alphabet's order.
    background
        The colour behind transparent pixels, as CSS writes it.
    categories, numbers
        Columns of the table that are declared so.
    least
        How many images there must be.

    Raises
    ------
    DataError
        If there are too few images, an image is broken, smaller than `crop` or in colour among grey ones, all are the
        same or almost of one brightness, or the table and the images do not match; the message names the first file
        at fault.
    """
    images_folder = Path(images_folder)
    check_background(background)
    if crop is not None and crop < 1:
        raise DataError(f"--crop {crop} is no size of an image: give a number of pixels from 1 on")
    files, left_out = _image_files(images_folder, Path(out_folder))
    refuse_few(len(files), least, images_folder)
    table = read_factors(factors_csv, images_folder, files, categories, numbers) if factors_csv else NO_TABLE
    first = decode(images_folder / files[0], images_folder / files[0], background=background)
    channels = 1 if first.image.mode == "L" else 3
    notes: Counter[str] = Counter()
    chunks = _chunks([images_folder / file for file in files], channels, size, crop, background, notes)
    (Path(out_folder) / LABELS).unlink(missing_ok=True)
    images = save_images(
        out_folder,
        _in_range(different(chunks, files, images_folder, notes), images_folder),
        name=_in_utf8(Path(out_folder).name),
        source=f"{len(files)} images of the folder {_in_utf8(images_folder.name)}",
        licence="as the user's own images",
        shape=(channels, size, size),
        n=len(files),
        factors=table.factors,
        classes=table.classes,
    )
    write_json(images.folder / LABELS, dict(table.labels))
    for line in [*left_out, *(f"{count} of {len(files)} images {words}" for words, count in notes.items() if count)]:
        print(" ".join(line.split()), file=sys.stderr)  # a file's name may hold line breaks
    return images


def _in_utf8(name: str) -> str:
    """Return a file's name as JSON can hold it.

    Bytes that are no UTF-8 become marks.
    """
    return os.fsencode(name).decode("utf-8", "replace")


def _image_files(folder: Path, out: Path) -> tuple[list[str], list[str]]:
    """Return the paths of images in `folder`, and what was left out.

    The paths are as the factor table names them. Each line of the second list says what was left out. What an
    earlier call wrote to `out` is none of the user's.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: give the folder that holds the images")
    found, lines = _files_within(folder)
    if own := [path for path in found if (folder / path).resolve().is_relative_to(out.resolve())]:
        found = [path for path in found if path not in own]
        lines.append(f"{len(own)} files of {out} are the data set itself and are left out")
    seen = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    files = sorted(path.as_posix() for path in seen if path.suffix.lower() in endings())
    others = Counter(path.suffix.lower() or "no ending" for path in seen if path.suffix.lower() not in endings())
    kinds = listed(".png", sorted(others))
    if not files:
        raise DataError(f"{folder} holds no image{f', only files with {kinds}' if kinds else ''}: {READ}")
    if others:
        lines.append(f"{others.total()} files are of other kinds and are left out: {kinds}; {READ}")
    if len(found) > len(seen):
        lines.append(f"{len(found) - len(seen)} files are hidden and are left out")
    return files, lines


def _files_within(folder: Path) -> tuple[list[Path], list[str]]:
    """List all files below a folder, relative to it, and say what was passed over.

    The lines name what is no file, and links to folders, which are not followed.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be searched ({error.strerror}): make it readable, or take it out")

    files, linked, broken = [], [], []
    for place, folders, names in os.walk(folder, onerror=refuse):
        here = Path(place)
        linked += [here / name for name in folders if (here / name).is_symlink()]
        files += [(here / name).relative_to(folder) for name in names if (here / name).is_file()]
        broken += [here / name for name in names if not (here / name).is_file()]
    words = {"folders are links and are not searched": linked, "names lead to no file and are left out": broken}
    return files, [f"{len(paths)} {what}, first {min(paths)}" for what, paths in words.items() if paths]


def _chunks(
    paths: list[Path], channels: int, size: int, crop: int | None, background: str, notes: Counter[str]
) -> Iterator[np.ndarray]:
    """The images as `(m, size, size, channels)` uint8."""
    with tqdm(total=len(paths), desc="reading images", unit="image") as bar:
        for first in range(0, len(paths), _CHUNK):
            rows = []
            for path in paths[first : first + _CHUNK]:
                rows.append(_pixels(path, channels, size, crop, background, notes))
                bar.update()
            yield np.stack(rows)


def _in_range(chunks: Iterator[np.ndarray], folder: Path) -> Iterator[np.ndarray]:
    """Hand on chunks of images, and refuse images that are almost of one brightness."""
    low, high, n = 255, 0, 0
    for chunk in chunks:
        low, high, n = min(low, int(chunk.min())), max(high, int(chunk.max())), n + len(chunk)
        yield chunk
    if n > 1:
        refuse_narrow(low, high, folder)


def _pixels(path: Path, channels: int, size: int, crop: int | None, background: str, notes: Counter[str]) -> np.ndarray:
    """One image, `(size, size, channels)`; `notes` counts what was done to it."""
    picture = decode(path, path, background=background)
    image = picture.image
    if channels == 1 and not is_grey(image):
        raise DataError(f"{path} is in colour, but the first image is grey: make all of them the same")
    try:
        square = fitted(image, crop, size).convert("L" if channels == 1 else "RGB")
    except ValueError as error:
        raise DataError(f"{path} cannot be used: {error}") from error
    notes[f"have transparent pixels, laid on {background} (--background)"] += picture.transparent
    notes["are cut to the square in their middle (--crop)"] += image.width != image.height or crop is not None
    notes[f"are enlarged to {size}x{size} pixels"] += (crop or min(image.size)) < size
    notes["are grey among colours: three equal channels"] += channels == 3 and image.mode == "L"
    return np.asarray(square, dtype=np.uint8).reshape(size, size, channels)
