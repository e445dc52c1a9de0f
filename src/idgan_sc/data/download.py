"""Downloads that resume, are checked before use and fail with one clear line.

pooch and torchvision download too, but begin again where a connection broke off, and take a host's quota page for a
damaged file.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tqdm import tqdm

from idgan_sc.files import DataError, locked, replace

BLOCK = 1 << 18  # bytes
BY_HAND = "download it by hand and give the file with --file"
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP answers worth another try


def download(
    url: str,
    path: str | Path,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    git_blob: str | None = None,
    size: int | None = None,
    retries: int = 4,
    timeout: float = 30.0,
    pause: float = 1.0,
    mend: str = BY_HAND,
    quota: str = "",
) -> Path:
    """Download the file of `url` to `path`, check it and return `path`.

    At least one checksum must be given. A good file already there is kept, and a bad one is replaced.

    The bytes go to `path.part`. A later try or a later call continues it where the server allows that. Only a
    checked file gets its name. Two processes do not disturb each other.

    Parameters
    ----------
    size
        Expected bytes.
    retries
        Further tries, after one that brought nothing new, before giving up; the wait doubles from `pause` seconds.
    timeout
        Seconds without an answer or a byte that count as a failed try.
    mend
        What the user can do instead, for the error message.
    quota
        What it means if the host sends a web page, for that message alone.

    Raises
    ------
    DataError
        If the file cannot be had, does not fit on the disk, is a web page or has other checksums.
    """
    path = Path(path)
    expected = _Expected(md5, sha256, git_blob, size)
    part = path.with_name(f"{path.name}.part")
    with locked(path.with_name(f".{path.name}.lock")):
        if path.exists() and not expected.difference(path):
            return path
        source = _Source(url, size, retries, timeout, pause, mend, quota)
        continued = part.exists()
        difference = _receive_checked(source, part, expected)
        if difference and continued:  # the old part may have been of another file: once more from the start
            difference = _receive_checked(source, part, expected)
        if difference:
            raise DataError(f"{url} is not the file expected: {difference}; {mend}")
        replace(part, path)
    return path


def download_from_any(urls: Sequence[str], path: str | Path, *, mend: str = BY_HAND, **options: Any) -> Path:
    """Download to `path` the one file that several hosts offer.

    The hosts are asked in the order given, each as `download` does.

    Raises
    ------
    DataError
        If none has it, with what each said.
    """
    failures = []
    for url in urls:
        try:
            return download(url, path, mend=mend, **options)
        except DataError as error:
            failures.append(str(error).removesuffix(mend).rstrip("; ").removesuffix(", or"))
    raise DataError("; ".join([*failures, mend]))


def check_file(
    path: str | Path,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    git_blob: str | None = None,
    size: int | None = None,
) -> None:
    """Check a file that the user gave.

    Raises
    ------
    DataError
        If it is absent, or its size or a checksum differs, saying what was expected and found.
    """
    if not Path(path).is_file():
        raise DataError(f"{path} is not a file: give the path of the downloaded file")
    if difference := _Expected(md5, sha256, git_blob, size).difference(Path(path)):
        raise DataError(f"{path} is not the file expected: {difference}; download it again")


def given_or_downloaded(
    url: str, given: str | Path | None, cache: Path, *, mend: str = BY_HAND, **expected: Any
) -> Path:
    """Find the file of `url`: the user's own, checked, or a download.

    A download goes into the folder `cache`. expected: checksums and size, as `download` takes them.

    Raises
    ------
    DataError
        If it cannot be had, or is another file.
    """
    if given is None:
        return download(url, cache / url.rpartition("/")[2], mend=mend, **expected)
    check_file(given, **expected)
    return Path(given)


def checksums(path: str | Path) -> dict[str, str]:
    """Return the hexadecimal `md5`, `sha256` and `git_blob` of a file.

    `git_blob` is the id that git gives these bytes. The file is read once.
    """
    path = Path(path)
    digests = {
        "md5": hashlib.md5(usedforsecurity=False),
        "sha256": hashlib.sha256(),
        "git_blob": hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False),
    }
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            for digest in digests.values():
                digest.update(block)
    return {name: digest.hexdigest() for name, digest in digests.items()}


@dataclass(frozen=True)
class _Expected:
    """What is known of a file beforehand."""

    md5: str | None
    sha256: str | None
    git_blob: str | None
    size: int | None

    def __post_init__(self) -> None:
        if not (self.md5 or self.sha256 or self.git_blob):
            raise ValueError("a file needs at least one checksum: md5, sha256 or git_blob")

    def difference(self, path: Path) -> str:
        """Say in words how a file first differs from the expected one.

        The text is empty if the file is the one expected.
        """
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"it has {size} bytes, expected {self.size}"
        for name, found in checksums(path).items():
            wanted = getattr(self, name)
            if wanted and found != wanted:
                return f"{name} of its {size} bytes is {found}, expected {wanted}"
        return ""


@dataclass(frozen=True)
class _Source:
    """Where a file comes from and how patiently it is asked for; see `download`."""

    url: str
    size: int | None
    retries: int
    timeout: float
    pause: float
    mend: str
    quota: str


def _receive_checked(source: _Source, part: Path, expected: _Expected) -> str:
    """Complete `part` and return how it differs from the expected file.

    A file that differs is removed.
    """
    if part.exists() and not expected.difference(part):  # complete, but its process ended before the renaming
        return ""
    _receive(source, part)
    difference = expected.difference(part)
    if difference:
        part.unlink()
    return difference


def _receive(source: _Source, part: Path) -> None:
    """Try until `part` is complete, or until `retries` tries in a row brought nothing new."""
    most, failures = _length(part), 0
    while True:
        try:
            return _try_once(source, part)
        except (OSError, HTTPException) as error:
            have = _length(part)
            failures = 1 if have > most else failures + 1
            most = max(most, have)
            if failures > source.retries:
                raise DataError(_explain(source, error, have)) from error
            time.sleep(source.pause * 2 ** (failures - 1))


def _try_once(source: _Source, part: Path) -> None:
    """Ask for the bytes that `part` lacks and append them.

    If the server cannot continue, the whole file is asked for.

    Raises
    ------
    OSError, HTTPException
        If another try may help.
    """
    have = _length(part)
    headers = {"User-Agent": "idgan-sc", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        answer = urlopen(Request(source.url, headers=headers), timeout=source.timeout)
    except HTTPError as error:
        if error.code == 416:  # the part is as long as the file or longer, yet not the file
            part.unlink(missing_ok=True)
        elif error.code not in _PASSING:
            raise DataError(_explain(source, error, have)) from error
        raise
    with answer:
        if not str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else source.size
        first = answer.read(BLOCK)  # before the part is touched, since it may not be the file at all
        if have == 0:
            _refuse_web_page(source, first)
        _check_total(source, part, total, have)
        with open(part, "ab" if have else "wb") as file:
            have = _copy(source, chain([first], iter(lambda: answer.read(BLOCK), b"")), file, have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _copy(source: _Source, blocks: Iterable[bytes], file: BinaryIO, have: int, total: int | None) -> int:
    """Append the blocks and return how many bytes the file then has.

    A bar on stderr shows the progress.
    """
    name = source.url.rpartition("/")[2][:40]
    with tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name) as bar:
        for block in blocks:
            have += len(block)
            if source.size is not None and have > source.size:
                raise DataError(f"{source.url} sends more than the {source.size} bytes expected; {source.mend}")
            try:
                file.write(block)
                file.flush()
            except OSError as error:
                raise DataError(f"{file.name} cannot be written ({error}): free some space and run again") from error
            bar.update(len(block))
    return have


def _check_total(source: _Source, part: Path, total: int | None, have: int) -> None:
    """Refuse a file of another size, or one that the disk cannot hold.

    This happens before the first byte is written.
    """
    if total is None:
        return
    if source.size is not None and total != source.size:
        raise DataError(f"{source.url} offers {total} bytes, expected {source.size}; {source.mend}")
    free = shutil.disk_usage(part.parent).free
    if total - have > free:
        need = f"{(total - have) / 1e6:.1f} MB more, {free / 1e6:.1f} MB are free"
        raise DataError(f"{source.url} needs {need} in {part.parent}: free some space and run again")


def _refuse_web_page(source: _Source, block: bytes) -> None:
    """Refuse a web page that a host sends instead of the file.

    Hosts send a page, with status 200, when a quota is spent or a click is asked for.
    """
    if not re.match(rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", block, re.I | re.S):
        return
    title = re.search(rb"<title[^>]*>(.*?)</title>", block, re.I | re.S)
    words = " ".join(title[1].decode("utf-8", "replace").split())[:100] if title else "without a title"
    quota = f": {source.quota}" if source.quota else ""
    raise DataError(f"{source.url} sent a web page ({words}) instead of the file{quota}; try later, or {source.mend}")


def _explain(source: _Source, error: Exception, have: int) -> str:
    """One line on why a file could not be had."""
    if isinstance(error, HTTPError):
        return f"{source.url} answered HTTP {error.code} {error.reason}; {source.mend}"
    reason: Any = error.reason if isinstance(error, URLError) else (str(error) or type(error).__name__)
    if isinstance(reason, socket.gaierror):
        host = urlsplit(source.url).hostname
        return f"{source.url}: the name {host} is not found: check the network and its name service, or {source.mend}"
    got = f"after {have} bytes, which are kept, " if have else ""
    return f"{source.url} cannot be downloaded: {got}{reason}; check the network and run again, or {source.mend}"


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
