"""Downloads against a server of this test's own: good, broken off, truncated, tampered, a web page, absent."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import threading
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from idgan_sc.data import download as fetch
from idgan_sc.data.download import check_file, checksums, download
from idgan_sc.files import DataError

CONTENT = np.random.default_rng(0).bytes(700_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUOTA_PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>no</body></html>"


class Site(ThreadingHTTPServer):
    """Serves `content`, ending the connection early as often as `breaks` says; `ranges` are what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = CONTENT
        self.breaks = 0
        self.resumable = True
        self.status = 200
        self.ranges: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/archive.npz"


class Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        site = self.server
        asked = self.headers.get("Range")
        site.ranges.append(asked)
        if site.status != 200:
            self.send_error(site.status)
            return
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and site.resumable else 0
        if first >= len(site.content):
            self.send_error(416)
            return
        body = site.content[first:]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(site.content) - 1}/{len(site.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if site.breaks:
            site.breaks -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    server = Site()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetch_it(site: Site, path: Path, **options: object) -> Path:
    return download(site.url, path, **{"md5": MD5, "pause": 0.001, "timeout": 5.0, "retries": 2, **options})  # type: ignore[arg-type]


def nothing_left(folder: Path, *kept: str) -> bool:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock")) == sorted(kept)


def test_a_good_file_is_fetched_once(site: Site, tmp_path: Path) -> None:
    git_blob = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    for _ in range(2):
        path = fetch_it(site, tmp_path / "new" / "a.npz", sha256=SHA256, git_blob=git_blob, size=len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert site.ranges == [None]
    assert nothing_left(path.parent, "a.npz")


def test_the_git_blob_id_is_what_git_says(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    ours = checksums(tmp_path / "a")
    assert (ours["md5"], ours["sha256"]) == (MD5, SHA256)
    try:
        git = subprocess.run(["git", "hash-object", tmp_path / "a"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    assert ours["git_blob"] == git.stdout.strip()


def test_a_broken_download_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.breaks = 5  # more than `retries`: each try brings something new
    assert fetch_it(site, tmp_path / "a.npz").read_bytes() == CONTENT
    assert site.ranges[:3] == [None, f"bytes={len(CONTENT) // 2}-", f"bytes={len(CONTENT) * 3 // 4}-"]


def test_a_later_call_goes_on_with_the_part(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.npz.part").write_bytes(CONTENT[:1000])
    assert fetch_it(site, tmp_path / "a.npz").read_bytes() == CONTENT
    assert site.ranges == ["bytes=1000-"]


def test_a_server_that_cannot_resume_starts_over(site: Site, tmp_path: Path) -> None:
    site.resumable = False
    site.breaks = 1
    assert fetch_it(site, tmp_path / "a.npz").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"x" * 1000, b"x" * 700_000, b"x" * 800_000])
def test_a_part_of_another_file_is_given_up(site: Site, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "a.npz.part").write_bytes(part)
    assert fetch_it(site, tmp_path / "a.npz").read_bytes() == CONTENT
    assert nothing_left(tmp_path, "a.npz")


def test_a_complete_part_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "a.npz.part").write_bytes(CONTENT)
    assert download("http://127.0.0.1:9/a.npz", tmp_path / "a.npz", md5=MD5).read_bytes() == CONTENT


def test_a_bad_file_in_place_is_replaced(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(CONTENT[:-1] + b"?")
    assert fetch_it(site, tmp_path / "a.npz").read_bytes() == CONTENT


def test_a_file_that_always_breaks_off_says_how_far_it_came(site: Site, tmp_path: Path) -> None:
    site.resumable, site.breaks = False, 99
    with pytest.raises(DataError, match=rf"ended after {len(CONTENT) // 2} of {len(CONTENT)} bytes.*--file"):
        fetch_it(site, tmp_path / "a.npz")
    assert len(site.ranges) == 3  # one that brought something and two retries
    assert not (tmp_path / "a.npz").exists()


def test_a_tampered_file_never_gets_its_name(site: Site, tmp_path: Path) -> None:
    site.content = b"?" + CONTENT[1:]
    found = hashlib.md5(site.content).hexdigest()
    with pytest.raises(DataError, match=rf"archive.npz is not the file expected: md5 .* {found}, expected {MD5}"):
        fetch_it(site, tmp_path / "a.npz")
    assert nothing_left(tmp_path)


def test_each_checksum_counts(site: Site, tmp_path: Path) -> None:
    for wrong in ({"sha256": "0" * 64}, {"git_blob": "0" * 40}):
        with pytest.raises(DataError, match=f"{next(iter(wrong))} of its 700000 bytes"):
            fetch_it(site, tmp_path / "a.npz", **wrong)
    with pytest.raises(ValueError, match="at least one checksum"):
        fetch_it(site, tmp_path / "a.npz", md5=None)


def test_another_size_is_refused_before_its_bytes_are_fetched(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="offers 700000 bytes, expected 699999"):
        fetch_it(site, tmp_path / "a.npz", size=699_999)


def test_a_web_page_is_recognised_and_the_part_kept(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.npz.part").write_bytes(CONTENT[:1000])
    site.content, site.resumable = QUOTA_PAGE, False
    with pytest.raises(DataError, match=r"sent a web page \(Google Drive - Quota exceeded\) instead of the file"):
        fetch_it(site, tmp_path / "a.npz")
    assert (tmp_path / "a.npz.part").read_bytes() == CONTENT[:1000]
    assert len(site.ranges) == 1


def test_an_absent_file_is_asked_for_once(site: Site, tmp_path: Path) -> None:
    site.status = 404
    with pytest.raises(DataError, match=r"archive.npz answered HTTP 404 Not Found; download it by hand .* --file"):
        fetch_it(site, tmp_path / "a.npz")
    assert len(site.ranges) == 1


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.status = 503
    with pytest.raises(DataError, match="answered HTTP 503"):
        fetch_it(site, tmp_path / "a.npz")
    assert len(site.ranges) == 3


def test_no_server_at_all(site: Site, tmp_path: Path) -> None:
    site.shutdown()
    site.server_close()
    with pytest.raises(DataError, match=r"cannot be downloaded: .*refused.*check the network"):
        fetch_it(site, tmp_path / "a.npz")


def test_a_disk_without_room_is_refused_beforehand(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 500, 500))
    with pytest.raises(DataError, match=r"needs 0.7 MB more, 0.0 MB are free in .*: free some space"):
        fetch_it(site, tmp_path / "a.npz")
    assert nothing_left(tmp_path)


def test_a_disk_that_fills_up_keeps_what_there_is(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", small], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("this machine does not let the test mount a small disk")
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: namedtuple("usage", "free")(10**9))
    try:
        with pytest.raises(DataError, match=rf"a.npz.part cannot be written .*{os.strerror(errno.ENOSPC)}.*free some"):
            fetch_it(site, small / "a.npz")
        assert (small / "a.npz.part").stat().st_size > 0
        assert not (small / "a.npz").exists()
    finally:
        subprocess.run(["umount", small], check=True)


def test_two_at_once_fetch_one_file(site: Site, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetch_it, args=(site, tmp_path / "a.npz")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a.npz").read_bytes() == CONTENT
    assert site.ranges == [None]


def test_a_given_file_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    check_file(tmp_path / "a", md5=MD5, size=len(CONTENT))
    with pytest.raises(DataError, match=f"md5 of its 700000 bytes is {MD5}, expected 0"):
        check_file(tmp_path / "a", md5="0" * 32)
    with pytest.raises(DataError, match="is not a file"):
        check_file(tmp_path, md5=MD5)
