"""Read arrays in `.npz` and `.h5` files, a few rows at a time.

Nothing is unpickled.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import IO, Any

import numpy as np

from idgan_sc.files import DataError


class ArrayFile:
    """The arrays of an `.npz` or `.h5` file, whichever it is by its content."""

    def __init__(self, path: Path) -> None:
        """Look into a file.

        Raises
        ------
        DataError
            If it is absent, damaged or of another kind, or if it needs h5py and that is not installed.
        """
        self.path = path
        if not path.is_file():
            raise DataError(f"{path} is not a file: give the path of an .npz or .h5 file")
        with open(path, "rb") as file:
            start = file.read(8)
        self.h5 = _h5py(path) if start == b"\x89HDF\r\n\x1a\n" else None
        if self.h5 is None and start[:2] != b"PK":
            raise DataError(f"{path} is neither an .npz nor an .h5 file: give one of them")
        self.names = self._names()

    def __contains__(self, key: str) -> bool:
        return key in self.names

    def layout(self, key: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and type of an array.

        Raises
        ------
        DataError
            If the file has no such array.
        """
        if key not in self.names:
            raise DataError(f"{self.path} has no array `{key}`: it has {', '.join(sorted(self.names)) or 'none'}")
        if self.h5 is None:
            with _member(self.path, key) as (_, shape, dtype):
                return shape, dtype
        with self._opened() as file:
            return tuple(file[key].shape), file[key].dtype

    def rows(self, key: str, count: int) -> Iterator[np.ndarray]:
        """An array, `count` rows at a time."""
        (n, *_), dtype = self.layout(key)
        if dtype.hasobject:
            raise DataError(f"{self.path}: `{key}` holds Python objects, which are not read: save it as numbers")
        if self.h5 is None:
            yield from _rows(self.path, key, count)
            return
        with self._opened() as file:
            for first in range(0, n, count):
                yield file[key][first : first + count]

    def whole(self, key: str) -> np.ndarray:
        """A small array, in whatever order it is stored.

        Raises
        ------
        DataError
            If it holds Python objects or cannot be read.
        """
        if self.h5 is None:
            try:
                with np.load(self.path, allow_pickle=False) as arrays:
                    return np.asarray(arrays[key])
            except Exception as error:  # a damaged archive can raise anything in NumPy and zipfile
                words = shorten(str(error), 200)
                raise DataError(
                    f"{self.path}: `{key}` cannot be read ({words}), expected numbers: save it again"
                ) from error
        return np.concatenate(list(self.rows(key, 1 << 16)))

    def texts(self, key: str) -> list[str]:
        """A small array of texts, which h5py keeps as objects.

        Raises
        ------
        DataError
            If it is no list of texts in UTF-8.
        """
        if self.h5 is None:
            found = self.whole(key)
        else:
            with self._opened() as file:
                found = np.asarray(file[key][()])
        try:
            return [name.decode() if isinstance(name, bytes) else str(name) for name in np.atleast_1d(found).tolist()]
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path}: `{key}` holds a name that is no UTF-8: write it again") from error

    def _names(self) -> set[str]:
        if self.h5 is None:
            try:
                with zipfile.ZipFile(self.path) as archive:
                    return {name.removesuffix(".npy") for name in archive.namelist()}
            except Exception as error:  # a damaged archive can raise anything in zipfile
                raise DataError(
                    f"{self.path} cannot be read as an .npz file ({shorten(str(error), 200)}): download it again"
                ) from error
        with self._opened() as file:
            names = [name for name in file if hasattr(file[name], "shape")]
        return {name if isinstance(name, str) else name.decode(errors="backslashreplace") for name in names}

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        assert self.h5 is not None
        try:
            with self.h5.File(self.path, "r") as file:
                yield file
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # of a damaged file
            if isinstance(error, DataError):
                raise
            raise DataError(f"{self.path} cannot be read as an .h5 file ({error}): download it again") from error


def _h5py(path: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise DataError(f"{path} is an .h5 file, which h5py reads: pip install 'idgan-sc[grids]'") from error
    return h5py


@contextmanager
def _member(path: Path, key: str) -> Iterator[tuple[IO[bytes], tuple[int, ...], np.dtype]]:
    """Open an array of an `.npz` as a stream that starts after its header.

    The header's shape and dtype come with the stream. Nothing is unpickled.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as stream:
            yield stream, *_read_header(path, key, stream)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: give the path of the published .npz") from error
    except KeyError as error:
        raise DataError(f"{path} has no array `{key}`: give the published file") from error
    except DataError:
        raise
    except Exception as error:  # a damaged archive can raise anything in zipfile
        raise DataError(
            f"{path} cannot be read as an .npz file ({shorten(str(error), 200)}): download it again"
        ) from error


def _read_header(path: Path, key: str, stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read(stream)
    except Exception as error:  # a damaged header can raise anything in NumPy
        raise DataError(
            f"{path}: `{key}` is not an array ({shorten(str(error), 200)}): give the published file"
        ) from error
    if fortran_order:
        raise DataError(f"{path}: `{key}` is stored column by column: give the published file")
    return shape, dtype


def _rows(path: Path, key: str, count: int) -> Iterator[np.ndarray]:
    """An array of an `.npz`, `count` rows at a time."""
    with _member(path, key) as (stream, shape, dtype):
        row_bytes = dtype.itemsize * int(np.prod(shape[1:]))
        for first in range(0, shape[0], count):
            rows = min(count, shape[0] - first)
            block = stream.read(rows * row_bytes)
            if len(block) < rows * row_bytes:
                raise DataError(f"{path}: `{key}` ends before its last row: download it again")
            yield np.frombuffer(block, dtype).reshape(rows, *shape[1:])
