"""The dSprites renderer against real frames and known figures; the folder format; the reader of the real file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from idgan_sc.data import dsprites
from idgan_sc.data import images as images_module
from idgan_sc.data.download import checksums
from idgan_sc.data.dsprites import FACTORS, Release, grid, prepare, render, render_all
from idgan_sc.data.images import Factors, Images, open_images, save_images
from idgan_sc.files import DataError, write_atomic
from test_fetch import Site, site  # noqa: F401  (the fixture)

REFERENCE = Path(__file__).parents[2] / "shared" / "data" / "dsprites_reference.npz"

# Counted in real images at orientation 0, position (0, 0), scales 0.5 to 1.
REAL_AREAS = [
    [100, 144, 196, 256, 324, 400],
    [76, 104, 144, 184, 228, 288],
    [58, 84, 108, 140, 182, 222],
]
REAL_BOXES = [(6, 25, 6, 25), (3, 28, 9, 22), (6, 25, 7, 23)]  # columns and rows at scale 1
REAL_PIXEL_SUM = 128_328_862


# ---- the renderer


def test_real_frames_are_matched() -> None:
    if not REFERENCE.exists():
        pytest.skip(f"{REFERENCE.name} is not here")
    with np.load(REFERENCE, allow_pickle=False) as real:
        frames, drawn = real["imgs"], render(real["latents_classes"])
    exact = (drawn == frames).all(axis=(1, 2))
    assert exact.mean() >= 0.99
    assert (drawn != frames).sum() <= 2


def test_areas_and_boxes_are_the_real_ones() -> None:
    classes = np.array([[shape, scale, 0, 0, 0] for shape in range(3) for scale in range(6)])
    images = render(classes)
    assert images.shape == (18, 64, 64) and images.dtype == np.uint8 and images.max() == 1
    np.testing.assert_array_equal(images.sum(axis=(1, 2)).reshape(3, 6), REAL_AREAS)
    for image, box in zip(images[5::6], REAL_BOXES, strict=True):
        columns, rows = np.flatnonzero(image.any(axis=0)), np.flatnonzero(image.any(axis=1))
        assert (columns[0], columns[-1], rows[0], rows[-1]) == box


def test_which_way_the_factors_go() -> None:
    def centre(*classes: int) -> np.ndarray:
        return np.argwhere(render(np.array([classes]))[0]).mean(axis=0) + 0.5  # (row, column)

    assert centre(1, 5, 0, 0, 0) == pytest.approx([16, 16], abs=0.1)
    assert centre(1, 5, 0, 31, 0) == pytest.approx([16, 48], abs=0.1)  # x to the right
    assert centre(1, 5, 0, 0, 31) == pytest.approx([48, 16], abs=0.1)  # y down
    quarter, tip = render(np.array([[2, 5, 10, 0, 0], [2, 5, 0, 0, 0]]))  # 10/39 of a turn: the tip, down before, right
    assert tip[22:24].sum() < tip[8:10].sum()
    assert quarter[:, 22:24].sum() < quarter[:, 8:10].sum()
    np.testing.assert_array_equal(*render(np.array([[0, 3, 0, 5, 6], [0, 3, 39, 5, 6]])))  # a full turn


def test_all_images_together() -> None:
    """Sum near the real file's, a black border of two pixels, the published order."""
    used = np.zeros((64, 64), dtype=bool)
    total, first = 0, 0
    rng = np.random.default_rng(0)
    for chunk in render_all():
        used |= np.unpackbits(np.bitwise_or.reduce(chunk)).reshape(64, 64).astype(bool)
        total += int(np.bitwise_count(chunk).sum(dtype=np.int64))
        row = int(rng.integers(len(chunk)))
        factors = np.array(np.unravel_index([first + row], (3, 6, 40, 32, 32))).T
        np.testing.assert_array_equal(np.unpackbits(chunk[row]), render(factors).ravel())
        first += len(chunk)
    assert first == 737_280
    assert total == 128_319_462
    assert abs(total / REAL_PIXEL_SUM - 1) < 1e-4
    assert used[2:62, 2:62].sum() == used.sum() and used[2].any() and used[61].any()


def test_an_independent_drawing_agrees() -> None:
    """Squares by their definition: a centre is inside if both turned coordinates are within half a side."""
    classes = np.random.default_rng(1).integers(0, FACTORS.sizes, size=(200, 5))
    classes[:, 0] = 0
    scale, angle, x, y = (np.array(FACTORS.values[k])[classes[:, k]][:, None, None] for k in range(1, 5))
    down, right = np.mgrid[:64, :64] + 0.5
    right, down = right - 16 - 32 * x, down - 16 - 32 * y
    along, across = np.cos(angle) * right - np.sin(angle) * down, np.sin(angle) * right + np.cos(angle) * down
    inside = np.maximum(np.abs(along), np.abs(across)) < 9.5996 * scale
    np.testing.assert_array_equal(render(classes), inside)


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([[3, 0, 0, 0, 0]], "factor shape has classes 0 to 2, not 3"),
        ([[0, 0, 0, 0, -1]], "factor y has classes 0 to 31, not -1"),
        ([[0, 0, 40, 0, 0]], "orientation"),
        ([[0, 0, 0, 0]], r"\(n, 5\) integers"),
        ([[0.0, 0, 0, 0, 0]], r"\(n, 5\) integers"),
    ],
)
def test_impossible_classes_are_refused(classes: list[list[float]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        render(np.array(classes))


def test_no_classes_give_no_images() -> None:
    assert render(np.empty((0, 5), dtype=int)).shape == (0, 64, 64)


def test_factors_describe_the_grid() -> None:
    assert FACTORS.names == ("shape", "scale", "orientation", "x", "y")
    assert tuple(len(values) for values in FACTORS.values) == FACTORS.sizes == (3, 6, 40, 32, 32)
    np.testing.assert_array_equal(grid(34)[[1, 31, 32, 33], 3:], [[0, 1], [0, 31], [1, 0], [1, 1]])
    np.testing.assert_array_equal(grid()[-1], [2, 5, 39, 31, 31])


# ---- the folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    folder = tmp_path_factory.mktemp("data") / "dsprites"
    yield prepare(folder, "procedural")
    shutil.rmtree(folder)


def test_the_procedural_data_set(whole: Images) -> None:
    assert (whole.n, whole.shape, whole.packed, whole.discrete) == (737_280, (1, 64, 64), True, ("shape",))
    assert whole.source == "procedural dSprites renderer"
    assert sum(file.stat().st_size for file in whole.folder.iterdir()) < 400e6
    assert whole.pixel_sum == 128_319_462
    indices = np.array([736_000, 5, 5, 400_123])
    assert whole.classes is not None
    drawn = render(whole.classes[indices])[:, None]
    images = whole.batch(indices, 64)
    assert images.dtype == np.float32 and images.flags.c_contiguous
    np.testing.assert_array_equal(images, drawn)
    np.testing.assert_array_equal(whole.batch(indices, 32), drawn.reshape(4, 1, 32, 2, 32, 2).mean(axis=(3, 5)))
    np.testing.assert_allclose(whole.values(np.array([737_279])), [[2, 1, 2 * np.pi, 1, 1]])
    whole.verify()


def test_sizes_that_are_not_there_are_refused(whole: Images) -> None:
    with pytest.raises(ValueError, match=r"image size 16 of dsprites is not available: choose one of \[64, 32\]"):
        whole.batch(np.array([0]), 16)


def tiny(folder: Path, value: int = 7) -> Images:
    """Five 4×4 colour images in two chunks, with one factor."""
    pixels = np.full((5, 4, 4, 3), value, dtype=np.uint8)
    pixels[..., 2] = np.arange(16).reshape(4, 4)
    return save_images(
        folder,
        iter([pixels[:3], pixels[3:]]),
        name="tiny",
        source="test",
        licence="none",
        shape=(3, 4, 4),
        n=5,
        factors=Factors(("angle",), (300,), (tuple(np.linspace(-1, 1, 300).tolist()),)),
        classes=np.arange(5)[:, None] * 60,
    )


def test_byte_images(tmp_path: Path) -> None:
    images = tiny(tmp_path)
    whole, half = images.batch(np.array([1, 4]), 4), images.batch(np.array([1, 4]), 2)
    assert whole.shape == (2, 3, 4, 4) and half.shape == (2, 3, 2, 2)
    np.testing.assert_allclose(whole[0, 2] * 255, np.arange(16).reshape(4, 4), rtol=1e-6)
    np.testing.assert_allclose(half[1, 2] * 255, [[2.5, 4.5], [10.5, 12.5]], rtol=1e-6)
    np.testing.assert_allclose(half[:, 0], 7 / 255, rtol=1e-6)
    assert images.classes is not None and images.classes.dtype == np.uint16
    assert images.values(np.array([0]))[0, 0] == -1
    assert images.pixel_sum == 5 * (2 * 16 * 7 + 120)


def test_images_without_labels(tmp_path: Path) -> None:
    tiny(tmp_path)  # to be replaced
    pixels = np.zeros((2, 8, 8, 1), dtype=np.uint8)
    images = save_images(tmp_path, [pixels], name="own", source="test", licence="none", shape=(1, 8, 8), n=2)
    assert images.classes is None and images.factor_names == ()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dataset.json", "images.npy"]
    with pytest.raises(ValueError, match="no factor labels"):
        images.values(np.array([0]))


@pytest.mark.parametrize("file", ["images.npy", "factors.npy"])
def test_a_damaged_file_is_named(tmp_path: Path, file: str) -> None:
    images = tiny(tmp_path)
    data = bytearray((tmp_path / file).read_bytes())
    data[-1] ^= 1
    (tmp_path / file).write_bytes(data)
    with pytest.raises(DataError, match=rf"{file} is damaged .*delete the folder and run `idgan-sc data` again"):
        images.verify()
    (tmp_path / file).write_bytes(data[:-8])
    with pytest.raises(DataError, match=rf"{file} cannot be read"):
        open_images(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DataError, match=rf"{file} cannot be read"):
        open_images(tmp_path)


def test_a_damaged_description_is_refused(tmp_path: Path) -> None:
    tiny(tmp_path)
    path = tmp_path / "dataset.json"
    about = json.loads(path.read_text())
    for text in (
        "",
        "[]",
        "{",
        json.dumps({**about, "n": 6}),
        json.dumps({k: about[k] for k in about if k != "packed"}),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match="again"):
            open_images(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match="holds no finished data set"):
        open_images(tmp_path)


def test_a_failed_write_leaves_the_old_data_set(tmp_path: Path) -> None:
    tiny(tmp_path)
    options = {"name": "t", "source": "s", "licence": "l", "shape": (1, 8, 8), "n": 2}
    good = np.zeros((1, 8, 8, 1), dtype=np.uint8)
    for chunks, words in (([good], "hold 1 images, expected 2"), ([good, good[:, :4]], r"expected uint8 \(m, ")):
        with pytest.raises(DataError, match=words):
            save_images(tmp_path, chunks, **options)  # type: ignore[arg-type]
    open_images(tmp_path).verify()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_write_cut_off_between_files_leaves_nothing_to_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny(tmp_path)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(images_module, "write_json", fail)
    with pytest.raises(KeyboardInterrupt):
        tiny(tmp_path, value=8)
    with pytest.raises(DataError, match="no finished data set"):
        open_images(tmp_path)


def test_write_atomic_keeps_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    path = write_atomic(tmp_path / "a" / "x.txt", lambda temporary: temporary.write_text("old") and None)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, fail)
    assert [file.read_text() for file in path.parent.iterdir()] == ["old"]


def test_write_atomic_removes_what_a_killed_writer_left_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    code = (
        "import os, sys; from pathlib import Path; from idgan_sc.files import write_atomic\n"
        "def write(temporary): temporary.write_text('half'); os.kill(os.getpid(), 9)\n"
        "write_atomic(Path(sys.argv[1]), write)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == -9
    left = list(tmp_path.glob(".tmp-*"))
    assert len(left) == 1 and not path.exists()

    def beside_another(temporary: Path) -> None:
        assert not left[0].exists()
        write_atomic(path, lambda other: other.write_text("first") and None)
        assert list(tmp_path.glob(".tmp-*")) == [temporary]
        temporary.write_text("second")

    write_atomic(path, beside_another)
    assert path.read_text() == "second" and list(tmp_path.iterdir()) == [path]


# ---- the real file: a small one of the same layout stands for it


N_FAKE = 5000


def write_npz(path: Path, **changes: np.ndarray) -> Release:
    """A file laid out as the published one, pickled `metadata` included, and what is to be known of it."""
    classes = grid(N_FAKE)
    arrays = {
        "imgs": render(classes),
        "latents_classes": np.hstack([np.zeros((N_FAKE, 1), dtype=np.int64), classes]),
        "latents_values": np.zeros((N_FAKE, 6)),
        "metadata": np.array({"never": "read"}, dtype=object),
    }
    np.savez_compressed(path, **{key: a for key, a in {**arrays, **changes}.items() if a.size})  # type: ignore[arg-type]
    known = checksums(path)
    return Release("http://127.0.0.1:9/real.npz", known["md5"], known["git_blob"], N_FAKE, int(arrays["imgs"].sum()))


def test_the_real_file_given(tmp_path: Path) -> None:
    release = write_npz(tmp_path / "real.npz")
    images = prepare(tmp_path / "out", "real", file=tmp_path / "real.npz", release=release)
    assert (images.source, images.n, images.pixel_sum) == ("dSprites file", N_FAKE, release.pixel_sum)
    indices = np.array([0, 4999, 4096])
    np.testing.assert_array_equal(images.batch(indices, 64)[:, 0], render(grid(N_FAKE)[indices]))
    images.verify()


def test_the_real_file_downloaded(site: Site, tmp_path: Path) -> None:  # noqa: F811
    release = write_npz(tmp_path / "real.npz")
    site.content, site.breaks = (tmp_path / "real.npz").read_bytes(), 1
    release = dataclasses.replace(release, url=site.url)
    for folder in ("first", "second"):
        assert prepare(tmp_path / folder, "real", cache=tmp_path / "cache", release=release).n == N_FAKE
    assert len(site.ranges) == 2  # broken off once, resumed, then found in the cache
    site.content = site.content[:-1] + b"?"
    known = checksums(tmp_path / "real.npz")["md5"], hashlib.md5(site.content).hexdigest()
    for md5, words in zip(known, ("md5", "git_blob"), strict=True):
        with pytest.raises(DataError, match=f"is not the file expected: {words}"):
            prepare(tmp_path / "third", "real", release=dataclasses.replace(release, md5=md5))
    assert not (tmp_path / "third" / "images.npy").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"imgs": np.zeros(0)}, "has no array `imgs`"),
        ({"latents_classes": np.zeros(0)}, "has no array `latents_classes`"),
        (
            {"imgs": np.zeros((N_FAKE, 32, 32), np.uint8)},
            r"`imgs` is uint8 \(5000, 32, 32\), expected uint8 \(5000, 64",
        ),
        ({"imgs": np.zeros((N_FAKE, 64, 64), bool)}, r"`imgs` is bool"),
        ({"imgs": np.array([{}], dtype=object)}, r"`imgs` is object"),
        ({"latents_classes": np.zeros((N_FAKE, 6))}, r"`latents_classes` is float64"),
        ({"latents_classes": np.zeros((N_FAKE, 6), np.int64)}, "not in the published order"),
        ({"imgs": np.ones((N_FAKE, 64, 64), np.uint8)}, "pixels sum to 20480000, expected"),
        ({"imgs": np.full((N_FAKE, 64, 64), 2, np.uint8)}, "holds the value 2, expected 0 and 1"),
    ],
)
def test_a_file_of_other_content_is_refused(tmp_path: Path, changes: dict[str, np.ndarray], words: str) -> None:
    right = int(render(grid(N_FAKE)).sum())
    release = dataclasses.replace(write_npz(tmp_path / "real.npz", **changes), pixel_sum=right)
    with pytest.raises(DataError, match=words):
        prepare(tmp_path / "out", "real", file=tmp_path / "real.npz", release=release)
    assert not list(tmp_path.glob("out/*"))


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "real.npz"
    release = write_npz(path)
    for checksum in ("md5", "git_blob"):
        wrong = dataclasses.replace(release, **{checksum: "0" * 40})  # type: ignore[arg-type]
        with pytest.raises(DataError, match=rf"{checksum} of its .* bytes is"):
            prepare(tmp_path / "out", "real", file=path, release=wrong)
    with pytest.raises(DataError, match=r"expected uint8 \(737280, 64, 64\)"):
        prepare(tmp_path / "out", "real", file=path)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
        prepare(tmp_path / "out", "real", file=path, release=release)
    with pytest.raises(DataError, match="does not exist"):
        prepare(tmp_path / "out", "real", file=tmp_path / "none.npz", release=release)
    with pytest.raises(DataError, match="choose procedural or real"):
        prepare(tmp_path / "out", "imaginary")


def test_the_published_release_is_pinned() -> None:
    release = dsprites.RELEASE
    assert "/fa310c66517cfc1939d77fe17c725154efc97127/" in release.url
    assert (release.n, release.pixel_sum) == (737_280, REAL_PIXEL_SUM)
    assert (len(release.md5), len(release.git_blob)) == (32, 40)
