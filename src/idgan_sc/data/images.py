"""Store images and their factors in a folder that processes share.

They share it by memory mapping. The images are the data of Sec. 4. The folder holds these files.

`images.npy` is uint8. Packed binary images are `(N, H*W/8)`, and byte images are `(N, H, W, C)`. For composed
images it holds what they are composed of, and `colours.npy` belongs to it. `factors.npy` has `(N, K)` integer
classes. It is absent without labels. `dataset.json` is written last.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from idgan_sc.files import DataError, sha256, write_atomic, write_json

_MEND = "delete the folder and run `idgan-sc data` again"


@dataclass(frozen=True)
class Factors:
    """The known factors of variation of a data set, `K` of them."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]  # number of classes of each
    values: tuple[tuple[float, ...], ...]  # physical value of each class
    discrete: tuple[str, ...] = ()  # names of those whose values are categories, without an order


@dataclass(frozen=True, eq=False)
class Images:
    """Hold a data set on disk.

    `pixels` and `classes` are memory-mapped, so that many processes share one copy.
    """

    folder: Path
    name: str
    source: str  # human words, such as "procedural dSprites renderer"
    licence: str
    packed: bool  # one bit a pixel, as np.packbits orders them
    shape: tuple[int, int, int]  # (C, H, W)
    n: int
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    factor_values: tuple[tuple[float, ...], ...]
    discrete: tuple[str, ...]
    sha256: dict[str, str]  # of images.npy and factors.npy
    pixel_sum: int
    pixels: Any  # (N, H*W/8) or (N, H, W, C) uint8: an array, or what composes the images that it is indexed with
    classes: np.ndarray | None  # (N, K) integers

    def batch(self, indices: np.ndarray, size: int) -> np.ndarray:
        """Return images `indices` as `(B, C, size, size)` float32 in [0, 1].

        `size` is the stored size or half of it. At half of it, each pixel is the mean of 2×2 pixels.

        Raises
        ------
        DataError
            If `size` is neither of the two.
        """
        _, height, width = self.shape
        rows = self.pixels[indices]
        if self.packed:
            bytes_ = np.unpackbits(rows, axis=1).reshape(-1, 1, height, width)
        else:
            bytes_ = rows.transpose(0, 3, 1, 2)  # (B, C, H, W)
        if self.halved(size):
            bytes_ = _sum_2x2(bytes_)
        return np.multiply(bytes_, np.float32(self.scale(size)), dtype=np.float32, order="C")

    def halved(self, size: int) -> bool:
        """Whether images of `size` pixels a side are averages of 2×2 stored pixels.

        Raises
        ------
        ValueError
            If they can be had neither so nor as they are stored.
        """
        height = self.shape[1]
        if size != height and 2 * size != height:
            sizes = [height] if height % 2 else [height, height // 2]
            mend = f"choose one of {sizes}, or delete {self.folder} if the settings make other images now"
            raise DataError(f"image size {size} of {self.name} is not available: {mend}")
        return size != height

    def scale(self, size: int) -> float:
        """What takes a stored pixel, or a sum of 2×2 of them, to [0, 1]."""
        return (0.25 if self.halved(size) else 1.0) / (1.0 if self.packed else 255.0)

    def values(self, indices: np.ndarray) -> np.ndarray:
        """Physical factor values of images `indices`, `(B, K)` float64.

        Raises
        ------
        ValueError
            If the data set has no labels.
        """
        if self.classes is None:
            raise ValueError(f"data set {self.name} in {self.folder} has no factor labels")
        classes = self.classes[indices]  # (B, K)
        return np.stack([np.array(v)[classes[:, k]] for k, v in enumerate(self.factor_values)], axis=1)

    def verify(self) -> None:
        """Compare each file with the hash recorded when it was written.

        Raises
        ------
        DataError
            If a file is damaged, naming it.
        """
        for file, expected in self.sha256.items():
            found = sha256(self.folder / file)
            if found != expected:
                path = self.folder / file
                raise DataError(f"{path} is damaged (sha256 {found[:12]}…, written as {expected[:12]}…): {_MEND}")


def open_images(folder: str | Path) -> Images:
    """Map the data set in `folder` into memory.

    What the files say of themselves is compared with `dataset.json`.

    Raises
    ------
    DataError
        If a file is missing, unreadable or contradicts `dataset.json`.
    """
    folder = Path(folder)
    description = _read_about(folder / "dataset.json")
    try:
        images = _described(folder, description)
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, ImportError, AttributeError) as error:
        raise DataError(f"{folder / 'dataset.json'} lacks or misstates an entry ({error}): {_MEND}") from error
    if [len(values) for values in images.factor_values] != list(images.factor_sizes):
        raise DataError(f"{folder / 'dataset.json'}: factor_sizes and factor_values disagree: {_MEND}")
    if not all(isinstance(value, int | float) for values in images.factor_values for value in values):
        raise DataError(f"{folder / 'dataset.json'}: factor_values are not numbers: {_MEND}")
    if images.classes is not None and (images.classes >= np.array(images.factor_sizes)).any():
        raise DataError(f"{folder / 'factors.npy'} is damaged (classes beyond factor_sizes): {_MEND}")
    return images


def save_images(
    folder: str | Path,
    chunks: Iterable[np.ndarray],
    *,
    name: str,
    source: str,
    licence: str,
    shape: tuple[int, int, int],
    n: int,
    packed: bool = False,
    factors: Factors | None = None,
    classes: np.ndarray | None = None,
    composed: tuple[int, ...] | None = None,
) -> Images:
    """Write a data set from chunks of images.

    Only one chunk at a time is held in memory.

    Parameters
    ----------
    chunks
        uint8 arrays that together have `n` rows: `(m, H*W/8)` if `packed`, else `(m, H, W, C)`.
    shape
        `(C, H, W)`, with H = W.
    classes
        `(n, K)` integer classes of `factors`.
    composed
        Shape of the array that the images are composed of, if they are: the chunks are its rows, and `colours.npy`,
        which the folder holds already, belongs to it.

    Raises
    ------
    DataError
        If the chunks or classes do not fit `shape`, `n` and `factors`; then nothing is left that could be opened.
    """
    folder = Path(folder)
    table = _class_table(factors, classes, n)
    pixel_sum = 0

    def write_images(temporary: Path) -> None:
        nonlocal pixel_sum
        with open(temporary, "wb") as file:
            rows, row_shape = (composed[0], composed[1:]) if composed else (n, _row_shape(shape, packed))
            pixel_sum = _write_chunks(file, chunks, row_shape, rows, packed)
        # Only now is the old data set given up: from here to the last line the folder cannot be opened.
        (folder / "dataset.json").unlink(missing_ok=True)

    write_atomic(folder / "images.npy", write_images)
    (folder / "factors.npy").unlink(missing_ok=True)
    files = ["images.npy", "colours.npy"] if composed else ["images.npy"]
    if table is not None:
        write_atomic(folder / "factors.npy", lambda temporary: np.save(temporary, table, allow_pickle=False))
        files.append("factors.npy")
    known = factors or Factors((), (), ())
    description = {
        "name": name,
        "source": source,
        "licence": licence,
        "packed": packed,
        "channels": shape[0],
        "height": shape[1],
        "width": shape[2],
        "n": n,
        "factor_names": known.names,
        "factor_sizes": known.sizes,
        "factor_values": known.values,
        "discrete": known.discrete,
        "pixel_sum": pixel_sum,
        "sha256": {file: sha256(folder / file) for file in files},
    }
    write_json(folder / "dataset.json", description | ({"composed": composed} if composed else {}))
    return open_images(folder)


def sample_classes(factors: Factors, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the classes of `n` points of the factors' grid in random order.

    No point is drawn twice before all points have been drawn once.

    Returns
    -------
    `(n, K)` integers.
    """
    grid = int(np.prod(factors.sizes))
    points = np.concatenate([rng.permutation(grid) for _ in range(-(-n // grid))] or [np.empty(0, np.int64)])
    return np.stack(np.unravel_index(points[:n], factors.sizes), axis=1)


def procedural_source(name: str, source: str, file: str | Path | None) -> None:
    """Refuse, for a data set that is only ever drawn, another source or a file.

    Raises
    ------
    DataError
        If there is one.
    """
    if source != "procedural":
        raise DataError(f"{name} has no source {source!r}: choose procedural")
    if file is not None:
        raise DataError(f"{name} is drawn by this project and reads no file: leave out {file}")


def _sum_2x2(x: np.ndarray) -> np.ndarray:
    """Sum the 2×2 blocks of `(B, C, H, W)` uint8.

    The sums are `(B, C, H/2, W/2)` uint16.
    """
    rows = np.add(x[:, :, 0::2], x[:, :, 1::2], dtype=np.uint16)  # (B, C, H/2, W)
    return rows[..., 0::2] + rows[..., 1::2]


def _row_shape(shape: tuple[int, int, int], packed: bool) -> tuple[int, ...]:
    """Shape of one stored image."""
    channels, height, width = shape
    if height != width or (packed and (channels != 1 or height * width % 8)):
        raise DataError(
            f"images of shape {shape} cannot be stored{' packed' if packed else ''}: pad or crop to a square"
        )
    return (height * width // 8,) if packed else (height, width, channels)


def _class_table(factors: Factors | None, classes: np.ndarray | None, n: int) -> np.ndarray | None:
    """The classes in the smallest integer type, checked against the factors they belong to."""
    if factors is None or classes is None:
        if factors is not None or classes is not None:
            raise DataError("a labelled data set needs both its factors and the class of each image")
        return None
    sizes = np.array(factors.sizes)
    if [len(values) for values in factors.values] != list(sizes) or len(factors.names) != len(sizes):
        raise DataError(f"factors {factors.names}: names, sizes and values disagree in number")
    if classes.shape != (n, len(sizes)) or classes.dtype.kind not in "iu":
        raise DataError(f"factor classes are {classes.dtype} {classes.shape}, expected integers {(n, len(sizes))}")
    if n and (classes.min() < 0 or (classes.max(axis=0) >= sizes).any()):
        raise DataError(f"factor classes lie outside the sizes {tuple(factors.sizes)}")
    return classes.astype(np.uint8 if sizes.max() <= 256 else np.uint16)


def _write_chunks(
    file: BinaryIO, chunks: Iterable[np.ndarray], row_shape: tuple[int, ...], n: int, packed: bool
) -> int:
    """Write the chunks as one `.npy` array of `n` rows.

    Return the sum of its pixels.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *row_shape)}
    np.lib.format.write_array_header_1_0(file, header)
    written, pixel_sum = 0, 0
    for chunk in chunks:
        if chunk.dtype != np.uint8 or chunk.shape[1:] != row_shape:
            raise DataError(f"a chunk of images is {chunk.dtype} {chunk.shape}, expected uint8 (m, *{row_shape})")
        file.write(np.ascontiguousarray(chunk).data)
        written += len(chunk)
        pixel_sum += int((np.bitwise_count(chunk) if packed else chunk).sum(dtype=np.int64))
    if written != n:
        raise DataError(f"the chunks hold {written} images, expected {n}")
    return pixel_sum


def _described(folder: Path, description: dict[str, Any]) -> Images:
    """The data set that `about` describes, its arrays mapped."""
    shape = (int(description["channels"]), int(description["height"]), int(description["width"]))
    factor_names, packed, n = tuple(description["factor_names"]), bool(description["packed"]), int(description["n"])
    files = ["images.npy", "factors.npy"] if factor_names else ["images.npy"]
    files += ["colours.npy"] if "composed" in description else []
    return Images(
        folder=folder,
        name=description["name"],
        source=description["source"],
        licence=description["licence"],
        packed=packed,
        shape=shape,
        n=n,
        factor_names=factor_names,
        factor_sizes=tuple(description["factor_sizes"]),
        factor_values=tuple(tuple(values) for values in description["factor_values"]),
        discrete=tuple(description["discrete"]),
        sha256={file: str(description["sha256"][file]) for file in files},
        pixel_sum=description["pixel_sum"],
        pixels=_pixels(folder, description, _row_shape(shape, packed), n),
        classes=_map(folder / "factors.npy", (len(factor_names),), n) if factor_names else None,
    )


def _pixels(folder: Path, description: dict[str, Any], row_shape: tuple[int, ...], n: int) -> Any:
    """Open the stored images, or what composes them.

    For composed images, `open_pixels` of the module with the data set's name opens them.
    """
    if "composed" not in description:
        return _map(folder / "images.npy", row_shape, n)
    rows, *parts = description["composed"]
    module = importlib.import_module(f"idgan_sc.data.{description['name']}")
    return module.open_pixels(folder, _map(folder / "images.npy", tuple(parts), rows))


def _read_about(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path.parent} holds no finished data set (no {path.name}): run `idgan-sc data`") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): {_MEND}") from error
    if not isinstance(description, dict):
        raise DataError(f"{path} does not describe a data set: {_MEND}")
    return description


def _map(path: Path, row_shape: tuple[int, ...], n: int) -> np.ndarray:
    """Map an array read-only and check its shape.

    The result is a plain array, because indexing np.memmap is slower.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header can raise anything in NumPy
        raise DataError(f"{path} cannot be read ({' '.join(str(error).split())}): {_MEND}") from error
    if array.shape != (n, *row_shape) or array.dtype.kind != "u":
        raise DataError(f"{path} holds {array.dtype} {array.shape}, expected uint {(n, *row_shape)}: {_MEND}")
    return array.view(np.ndarray)
