"""Write files whole or not at all.

The module also has the one error for files that are not what they should be.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import lock_descriptor

if TYPE_CHECKING:
    import numpy as np  # imported where it is used: the workflow reads this file in every job


class DataError(ValueError):
    """Report a file that is missing, damaged or not what is expected.

    The message is one line and says how to mend it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))  # pandas' and YAML's own words hold line breaks


def write_atomic(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a temporary file beside `path`, then put it in place.

    It is put in place in one move. A reader of `path` sees the old bytes or the new, never a part. When `write`
    raises (a full disk, a wrong chunk), the temporary file is removed and `path` is as it was. The next writer of
    `path` removes what SIGKILL leaves.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _temporary(path) as temporary:
            write(temporary)
            replace(temporary, path)
    except OSError as error:
        if type(error) is not OSError or error.filename is not None:
            raise
        raise OSError(error.errno or 0, error.strerror or str(error), str(path)) from error  # a full disk names no file
    return path


def copy_atomic(source: Path, target: Path) -> Path:
    """Copy a file to `target`, whole or not at all."""

    def write(temporary: Path) -> None:
        shutil.copyfile(source, temporary)

    return write_atomic(target, write)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Make a new hidden file beside `path`, locked while its writer lives.

    Hidden files of dead writers are removed. The name ends as `path` does, because many writers choose their
    format by the suffix.
    """
    for left in path.parent.glob(f".tmp-*-{glob.escape(path.name)}"):
        with suppress(OSError), open(left, "rb") as file:  # gone meanwhile
            if lock_descriptor(file.fileno(), blocking=False):
                left.unlink()
    temporary = path.with_name(f".tmp-{secrets.token_hex(4)}-{path.name}")
    with open(temporary, "xb") as held:
        lock_descriptor(held.fileno())
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def replace(temporary: Path, path: Path) -> None:
    """Give a finished file its name.

    The bytes are on the disk first. So the name never outlives the bytes when the machine stops.
    """
    _sync(temporary)
    os.replace(temporary, path)
    _sync(path.parent)


def write_json(path: str | Path, content: dict[str, Any]) -> Path:
    """Write `content` as indented JSON, whole or not at all."""
    return write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: str | Path, text: str) -> Path:
    """Write `text` as UTF-8, whole or not at all."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8", newline="\n")

    return write_atomic(path, write)


def write_arrays(path: str | Path, **arrays: np.ndarray) -> Path:
    """Write named arrays as `.npz`, whole or not at all; equal arrays give equal bytes."""

    import numpy as np

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    return write_atomic(path, write)


def read_arrays(path: str | Path, mend: str) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file.

    Raises
    ------
    DataError
        If it is missing or damaged; `mend` says what to run.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: {mend}") from error
    except Exception as error:  # a damaged header can raise anything in NumPy and zipfile
        raise DataError(f"{path} is damaged ({' '.join(str(error).split())}): delete it and {mend}") from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path` that takes its name at the end, or is removed.

    Raises
    ------
    DataError
        If there is something of that name.
    """
    if path.exists():
        raise DataError(f"{path} exists: delete it, or name a new folder with --to")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{secrets.token_hex(4)}-{path.name}")
    temporary.mkdir()
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`.

    The file is made if absent. A second process waits. A killed process lets go.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        lock_descriptor(file.fileno())
        yield


@contextmanager
def claimed(path: str | Path, wait: bool) -> Iterator[bool]:
    """Hold the lock of one piece of work.

    The result is False where another process holds it and `wait` is False.

    The file is removed at the end. A process that waited for it must look whether the work is done.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        mine = lock_descriptor(file.fileno(), blocking=wait)
        yield mine
        if mine:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Push a file's bytes, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
