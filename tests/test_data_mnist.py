"""MNIST from a folder and from mirrors: a small release of the same layout stands for it; the real one where it is."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from idgan_sc.data.mnist import RELEASE, IdxFile, Release, prepare
from idgan_sc.files import DataError
from test_fetch import QUOTA_PAGE, Answer, Site, site  # noqa: F401  (the fixture)

REAL = Path(__file__).parents[2] / "shared" / "data" / "mnist"
TRAIN, TEST = 40, 10
PIXELS = np.random.default_rng(0).integers(0, 256, (TRAIN + TEST, 28, 28), dtype=np.uint8)
LABELS = np.arange(TRAIN + TEST, dtype=np.uint8) % 10


def arrays() -> list[np.ndarray]:
    return [PIXELS[:TRAIN], LABELS[:TRAIN], PIXELS[TRAIN:], LABELS[TRAIN:]]


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(folder: Path, packed: bool = True) -> Release:
    """The four files in `folder`, and what is to be known of them."""
    folder.mkdir(parents=True)
    files = []
    for published, array in zip(RELEASE.files, arrays(), strict=True):
        content = idx_bytes(array)
        gz = gzip.compress(content, mtime=0)
        (folder / (published.name + ".gz" * packed)).write_bytes(gz if packed else content)
        md5s = [hashlib.md5(data).hexdigest() for data in (gz, content)]
        files.append(IdxFile(published.name, md5s[0], len(gz), md5s[1], len(content)))
    return Release(("http://127.0.0.1:9/",), tuple(files))


class Mirror(Answer):
    """Serves the files of the folder `server.folder` by name instead of one content."""

    def do_GET(self) -> None:
        file = self.server.folder / self.path.removeprefix("/")  # type: ignore[attr-defined]
        if not file.exists():
            return self.send_error(404)
        self.server.content = file.read_bytes()
        super().do_GET()


@pytest.fixture
def mirror(site: Site, tmp_path: Path) -> tuple[Site, Release]:  # noqa: F811
    release = write(tmp_path / "mirror")
    site.folder = tmp_path / "mirror"  # type: ignore[attr-defined]
    site.RequestHandlerClass = Mirror
    return site, dataclasses.replace(release, mirrors=(site.url.rpartition("/")[0] + "/",))


@pytest.mark.parametrize("packed", [True, False])
def test_the_files_given(tmp_path: Path, packed: bool) -> None:
    release = write(tmp_path / "files", packed)
    images = prepare(tmp_path / "out", file=tmp_path / "files", release=release)
    assert (images.name, images.shape, images.n) == ("mnist", (1, 32, 32), 50)
    assert (images.factor_names, images.factor_sizes, images.discrete) == (("digit",), (10,), ("digit",))
    assert all(idx.md5 in images.source for idx in release.files)
    batch = images.batch(np.arange(50), 32)
    np.testing.assert_allclose(batch[:, 0, 2:30, 2:30], PIXELS / 255, rtol=1e-6)
    assert batch.sum() == pytest.approx(batch[:, :, 2:30, 2:30].sum())
    assert images.classes is not None
    np.testing.assert_array_equal(images.classes[:, 0], LABELS)


def test_native_size(tmp_path: Path) -> None:
    release = write(tmp_path / "files")
    images = prepare(tmp_path / "out", file=tmp_path / "files", native=True, release=release)
    np.testing.assert_allclose(images.batch(np.array([7, 45]), 28)[:, 0], PIXELS[[7, 45]] / 255, rtol=1e-6)


def test_the_files_downloaded(mirror: tuple[Site, Release], tmp_path: Path) -> None:
    server, release = mirror
    server.breaks = 1
    first = prepare(tmp_path / "a", cache=tmp_path / "cache", release=release)
    assert len(server.ranges) == 5  # one was broken off and resumed
    second = prepare(tmp_path / "b", cache=tmp_path / "cache", release=release)
    assert len(server.ranges) == 5
    assert first.sha256 == second.sha256
    assert prepare(tmp_path / "c", release=release).sha256 == first.sha256
    assert (tmp_path / "c" / "download" / "t10k-labels-idx1-ubyte.gz").exists()


def test_a_second_mirror_is_asked(mirror: tuple[Site, Release], tmp_path: Path) -> None:
    _, release = mirror
    absent = f"{release.mirrors[0]}absent/"
    assert prepare(tmp_path / "a", release=dataclasses.replace(release, mirrors=(absent, *release.mirrors))).n == 50
    with pytest.raises(DataError, match=r"absent/train-images.* HTTP 404 Not Found; .*absent/train.* HTTP 404"):
        prepare(tmp_path / "b", release=dataclasses.replace(release, mirrors=(absent, absent)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: QUOTA_PAGE.ljust(len(data)), r"sent a web page \(Google Drive - Quota exceeded\)"),
        (lambda data: data[:-1] + b"?", "md5 of its"),
        (lambda data: data[:-9], r"offers \d+ bytes, expected"),
    ],
)
def test_a_mirror_with_other_bytes(mirror: tuple[Site, Release], tmp_path: Path, change, words: str) -> None:  # type: ignore[no-untyped-def]
    server, release = mirror
    file = server.folder / "t10k-images-idx3-ubyte.gz"  # type: ignore[attr-defined]
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(DataError, match=words) as caught:
        prepare(tmp_path / "out", release=release)
    assert str(caught.value).count("give their folder with --file") == 1
    assert not (tmp_path / "out" / "images.npy").exists()


@pytest.mark.parametrize("packed", [True, False])
def test_files_of_other_content(tmp_path: Path, packed: bool) -> None:
    release = write(tmp_path / "files", packed)
    path = tmp_path / "files" / ("t10k-labels-idx1-ubyte" + ".gz" * packed)
    right = path.read_bytes()
    other = idx_bytes(arrays()[3][::-1])
    for content in (other, other + b"more", b""):
        path.write_bytes(gzip.compress(content) if packed else content)
        with pytest.raises(DataError, match=r"t10k-labels.* is not the MNIST file expected: md5 of its .*expected"):
            prepare(tmp_path / "out", file=tmp_path / "files", release=release)
    if packed:
        path.write_bytes(right[:-10])
        with pytest.raises(DataError, match="cannot be read"):
            prepare(tmp_path / "out", file=tmp_path / "files", release=release)
    path.unlink()
    with pytest.raises(DataError, match=r"holds neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte\.gz"):
        prepare(tmp_path / "out", file=tmp_path / "files", release=release)


def test_a_packed_file_of_any_size_is_read_to_its_expected_end_only(tmp_path: Path) -> None:
    release = write(tmp_path / "files")
    (tmp_path / "files" / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(DataError, match="md5 of its first 49 unpacked bytes"):
        prepare(tmp_path / "out", file=tmp_path / "files", release=release)


def test_wrong_folders_and_sources(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        prepare(tmp_path / "out", file=tmp_path / "none")
    with pytest.raises(DataError, match="mnist has no source 'procedural': choose real, or the data set digits"):
        prepare(tmp_path / "out", "procedural")


def test_the_real_files(tmp_path: Path) -> None:
    if not REAL.is_dir():
        pytest.skip("the real MNIST files are not here")
    images = prepare(tmp_path, file=REAL)
    assert (images.n, images.shape) == (70_000, (1, 32, 32))
    assert images.classes is not None
    assert np.bincount(images.classes[:60_000, 0])[[0, 1, 5]].tolist() == [5923, 6742, 5421]
    assert images.classes[[0, 1, 60_000], 0].tolist() == [5, 0, 7]
    whole = images.pixels[:60_000, 2:30, 2:30].mean() / 255
    assert whole == pytest.approx(0.1307, abs=5e-5)  # the constant that everyone normalises with
    published = json.loads((Path(__file__).parents[1] / "results/desk/published/mnist/dataset.json").read_text())
    assert json.loads((tmp_path / "dataset.json").read_text()) | {"name": "mnist"} == published
    for idx in RELEASE.files:
        packed = (REAL / f"{idx.name}.gz").read_bytes()
        assert (len(packed), hashlib.md5(packed).hexdigest()) == (idx.gz_size, idx.gz_md5)
