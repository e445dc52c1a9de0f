"""CelebA from an archive, a folder and a server: a small archive of the same layout stands for it."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idgan_sc.data import celeba
from idgan_sc.data.celeba import FOLDER, RELEASE, Release, prepare
from idgan_sc.data.download import checksums, download_from_any
from idgan_sc.files import DataError
from test_fetch import QUOTA_PAGE, Answer, Site, site  # noqa: F401  (the fixture)

N = 5


def jpeg(number: int, size: tuple[int, int] = (178, 218)) -> bytes:
    """A ramp from left to right whose blue is the number; outside the central 160 pixels it is white."""
    width, height = size
    pixels = np.full((height, width, 3), 255, dtype=np.uint8)
    inner = pixels[height // 2 - 80 : height // 2 + 80, width // 2 - 80 : width // 2 + 80]
    inner[..., 0] = np.linspace(0, 200, inner.shape[1])
    inner[..., 1] = 60
    inner[..., 2] = 20 * number
    return encoded(Image.fromarray(pixels))


def encoded(image: Image.Image, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, quality=95, subsampling=0)
    return stream.getvalue()


def write_zip(path: Path, **changes: bytes | None) -> Release:
    """An archive laid out as the published one, with members changed, added or (None) left out."""
    members = {f"{FOLDER}/{number:06d}.jpg": jpeg(number) for number in range(1, N + 1)}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{FOLDER}/", b"")
        for name, content in reversed(({**members, **changes}).items()):  # the order within does not count
            if content is not None:
                archive.writestr(name, content)
    return known(path)


class TwoHosts(Answer):
    """One that has spent its quota, if the address says so, and one that serves."""

    def do_GET(self) -> None:
        if not self.path.endswith("?quota"):
            return super().do_GET()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(QUOTA_PAGE)


def known(path: Path) -> Release:
    url = "http://127.0.0.1:9/celeba.zip"
    return Release((url,), path.stat().st_size, checksums(path)["md5"], N, (178, 218))


def test_the_archive_given(tmp_path: Path) -> None:
    release = write_zip(tmp_path / "c.zip")
    images = prepare(tmp_path / "out", file=tmp_path / "c.zip", release=release)
    assert (images.name, images.shape, images.n, images.classes) == ("celeba", (3, 64, 64), N, None)
    assert release.md5 in images.source and "160x160 centre crop" in images.source
    assert "no redistribution" in images.licence
    pixels = images.pixels.astype(int)
    np.testing.assert_allclose(pixels[:, 4:60, 4:60, 2].mean(axis=(1, 2)), 20 * np.arange(1, N + 1), atol=2)
    assert pixels[..., 1].max() < 75  # nothing of the white border
    np.testing.assert_allclose(pixels[0, 30, :, 0], np.linspace(1, 199, 64), atol=4)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["dataset.json", "images.npy"]


def test_crops_and_sizes(tmp_path: Path) -> None:
    release = write_zip(tmp_path / "c.zip")
    whole = prepare(tmp_path / "out", file=tmp_path / "c.zip", crop=None, size=32, release=release)
    assert whole.shape == (3, 32, 32) and "largest centre crop" in whole.source
    assert whole.pixels[0, 0, :, 1].min() > 200  # the border is there
    with pytest.raises(DataError, match=r"000001.jpg in .* too few for a crop of 200"):
        prepare(tmp_path / "out", file=tmp_path / "c.zip", crop=200, release=release)


@pytest.mark.parametrize("within", [".", FOLDER])
def test_a_folder_of_the_images(tmp_path: Path, within: str) -> None:
    release = write_zip(tmp_path / "c.zip")
    folder = tmp_path / "folder" / within
    folder.mkdir(parents=True)
    for number in range(1, N + 1):
        (folder / f"{number:06d}.jpg").write_bytes(jpeg(number))
    from_zip = prepare(tmp_path / "a", file=tmp_path / "c.zip", release=release)
    from_folder = prepare(tmp_path / "b", file=tmp_path / "folder", release=release)
    assert from_zip.sha256 == from_folder.sha256
    assert "without a checksum" in from_folder.source
    (folder / "000004.jpg").rename(folder / "four.jpg")
    with pytest.raises(DataError, match=r"lacks 000004\.jpg: expected 5 images"):
        prepare(tmp_path / "b", file=tmp_path / "folder", release=release)
    (folder / "000004.jpg").write_bytes(jpeg(4))
    with pytest.raises(DataError, match=r"beside the images of CelebA, four\.jpg: expected"):
        prepare(tmp_path / "b", file=tmp_path / "folder", release=release)


def test_the_archive_downloaded(site: Site, tmp_path: Path) -> None:  # noqa: F811
    release = dataclasses.replace(write_zip(tmp_path / "c.zip"), urls=(site.url,))
    site.content, site.breaks = (tmp_path / "c.zip").read_bytes(), 1
    for folder in ("first", "second"):
        assert prepare(tmp_path / folder, cache=tmp_path / "cache", release=release).n == N
    assert len(site.ranges) == 2  # broken off once, resumed, then found in the cache


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1] + b"?", "md5 of its"),
        (lambda data: data[:-100], r"offers \d+ bytes, expected"),
        (
            lambda data: QUOTA_PAGE,
            r"sent a web page \(Google Drive - Quota exceeded\) instead of the file: Google Drive",
        ),
    ],
)
def test_a_server_with_other_bytes(site: Site, tmp_path: Path, change, words: str) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    release = dataclasses.replace(write_zip(tmp_path / "c.zip"), urls=(site.url,))
    site.content = change((tmp_path / "c.zip").read_bytes())
    with pytest.raises(DataError, match=words) as caught:
        prepare(tmp_path / "out", release=release)
    explained = "Google Drive does so once too many people have asked for the archive in a day"
    assert str(caught.value).count(explained) == ("web page" in words) and "\n" not in str(caught.value)
    assert str(caught.value).endswith("in a browser and give it, or the folder of its images, with --file")
    assert not (tmp_path / "out" / "images.npy").exists()


@pytest.mark.parametrize(("status", "words"), [(403, "HTTP 403 Forbidden"), (404, "HTTP 404 Not Found")])
def test_a_server_that_refuses(site: Site, tmp_path: Path, status: int, words: str) -> None:  # noqa: F811
    site.status = status
    with pytest.raises(DataError, match=words) as caught:
        prepare(tmp_path / "out", release=dataclasses.replace(write_zip(tmp_path / "c.zip"), urls=(site.url,)))
    assert "too many people" not in str(caught.value)


def test_no_name_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celeba, "download_from_any", partial(download_from_any, pause=0.001))
    urls = ("http://no-such-host.invalid/celeba.zip",)
    with pytest.raises(DataError, match=r"the name no-such-host\.invalid is not found: check the network") as caught:
        prepare(tmp_path / "out", release=dataclasses.replace(write_zip(tmp_path / "c.zip"), urls=urls))
    assert "too many people" not in str(caught.value)


def torchvision_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """The folder that torchvision makes of CelebA, of five images: three to train, two to validate."""
    images = root / "celeba" / FOLDER
    images.mkdir(parents=True)
    names = [f"{number:06d}.jpg" for number in range(1, N + 1)]
    for number, name in enumerate(names, 1):
        (images / name).write_bytes(jpeg(number))
    texts = {"list_eval_partition.txt": "".join(f"{name} {int(i > 2)}\n" for i, name in enumerate(names))}
    texts["identity_CelebA.txt"] = "".join(f"{name} {i}\n" for i, name in enumerate(names))
    for kind, columns in (("list_bbox_celeba", 4), ("list_landmarks_align_celeba", 10), ("list_attr_celeba", 40)):
        header = " ".join(f"a{j}" for j in range(columns))
        texts[f"{kind}.txt"] = f"{N}\n{header}\n" + "".join(f"{name} {' '.join('1' * columns)}\n" for name in names)
    known_lists = [("", "", f"{FOLDER}.zip")]
    for name, text in texts.items():
        (root / "celeba" / name).write_text(text)
        known_lists.append(("", checksums(root / "celeba" / name)["md5"], name))
    monkeypatch.setattr(celeba.CelebA, "file_list", known_lists)
    return Release((), 0, "0" * 32, N, (178, 218))


def test_the_splits_of_torchvisions_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = torchvision_root(tmp_path / "root", monkeypatch)
    whole = prepare(tmp_path / "out", file=tmp_path / "root", release=release)
    plain = prepare(tmp_path / "plain", file=tmp_path / "root" / "celeba", release=release)
    assert whole.n == N and whole.sha256 == plain.sha256
    for split, chosen in (("train", slice(0, 3)), ("valid", slice(3, 5))):
        part = prepare(tmp_path / split, file=tmp_path / "root", split=split, release=release)
        np.testing.assert_array_equal(part.pixels, whole.pixels[chosen])
        assert f"({split}, by torchvision's lists)" in part.source
    for arguments, words in (
        (
            {"split": "valid", "file": tmp_path / "root" / "celeba"},
            "the split valid of celeba is in torch",
        ),
        ({"split": "half"}, "celeba has no split 'half': choose one of all, train, valid, test"),
    ):
        with pytest.raises(DataError, match=words):
            prepare(tmp_path / "no", release=release, **arguments)  # type: ignore[arg-type]
    (tmp_path / "root/celeba/list_eval_partition.txt").write_text("000001.jpg 0\n")
    with pytest.raises(DataError, match="lacks a list or the images, or one is damaged: give with --file the root"):
        prepare(tmp_path / "no", file=tmp_path / "root", split="test", release=release)


def test_another_host_is_asked_after_the_quota_page(site: Site, tmp_path: Path) -> None:  # noqa: F811
    release = write_zip(tmp_path / "c.zip")
    site.content = (tmp_path / "c.zip").read_bytes()
    site.RequestHandlerClass = TwoHosts
    assert prepare(tmp_path / "out", release=dataclasses.replace(release, urls=(f"{site.url}?quota", site.url))).n == N
    assert site.ranges == [None]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({f"{FOLDER}/000003.jpg": None}, r"lacks 000003\.jpg: expected 5 images"),
        ({f"{FOLDER}/000006.jpg": jpeg(6)}, r"beside the images of CelebA, 000006\.jpg"),
        ({"../000001.jpg": jpeg(1)}, r"holds '\.\./000001\.jpg', expected images in img_align_celeba only"),
        ({f"{FOLDER}/000002.jpg": jpeg(2, (200, 218))}, r"000002\.jpg in .* has 200x218 pixels, expected 178x218"),
        ({f"{FOLDER}/000002.jpg": jpeg(2)[:2000]}, r"000002\.jpg in .* is not a readable image .*truncated"),
        ({f"{FOLDER}/000002.jpg": b"text"}, r"000002\.jpg in .* is not a readable image"),
        (
            {f"{FOLDER}/000002.jpg": encoded(Image.new("RGB", (178, 218)), "PNG")},
            r"000002\.jpg in .* is not a readable image",
        ),
        ({f"{FOLDER}/000002.jpg": bytes(2 << 20)}, r"000002\.jpg in .* would unpack to 2097152 bytes"),
    ],
)
def test_an_archive_of_other_content(tmp_path: Path, changes: dict[str, bytes | None], words: str) -> None:
    release = write_zip(tmp_path / "c.zip", **changes)
    with pytest.raises(DataError, match=words):
        prepare(tmp_path / "out", file=tmp_path / "c.zip", release=release)
    assert not list((tmp_path / "out").glob("*"))


def test_the_checksum_comes_before_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = write_zip(tmp_path / "c.zip")
    (tmp_path / "c.zip").write_bytes(QUOTA_PAGE.ljust(release.size))
    monkeypatch.setattr(celeba.zipfile, "ZipFile", None)
    with pytest.raises(DataError, match=r"c\.zip is not the file expected: md5"):
        prepare(tmp_path / "out", file=tmp_path / "c.zip", release=release)


def test_damage_that_the_checksum_does_not_know_of(tmp_path: Path) -> None:
    write_zip(tmp_path / "c.zip")
    data = bytearray((tmp_path / "c.zip").read_bytes())
    data[2000] ^= 255
    for content in (bytes(data), b"no zip at all"):
        (tmp_path / "c.zip").write_bytes(content)
        with pytest.raises(DataError, match="cannot be read as a zip archive"):
            prepare(tmp_path / "out", file=tmp_path / "c.zip", release=known(tmp_path / "c.zip"))


def test_wrong_paths_and_sources(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a file"):
        prepare(tmp_path / "out", file=tmp_path / "none.zip")
    with pytest.raises(DataError, match=r"lacks 000001\.jpg and 202598 more: expected 202599 images"):
        prepare(tmp_path / "out", file=tmp_path)
    with pytest.raises(DataError, match="celeba has no source 'procedural': choose real, or the data set faces"):
        prepare(tmp_path / "out", "procedural")


def test_the_published_release_is_pinned() -> None:
    assert (RELEASE.n, RELEASE.size, len(RELEASE.md5)) == (202_599, 1_443_490_838, 32)
    assert (RELEASE.names[0], RELEASE.names[-1]) == ("000001.jpg", "202599.jpg")
